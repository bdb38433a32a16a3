"""The sensitivity table of the shipped ladder, run as a reader would, with few draws."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bayescod.specs import spec_folder

SCRIPT = Path(__file__).parents[2] / "examples" / "sensitivity.py"


@pytest.mark.examples
@pytest.mark.slow
def test_sensitivity_prints_variants_power_scaling_and_laws(tmp_path):
    text = (spec_folder() / "end-to-end.toml").read_text(encoding="utf-8")
    for key, value in {"warmup": 500, "draws": 600}.items():
        text = re.sub(rf"^{key} = \d+$", f"{key} = {value}", text, flags=re.MULTILINE)
    spec = tmp_path / "short.toml"
    spec.write_text(text, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, SCRIPT, "--model-spec", spec, "--group", "filter", "--group", "llms"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "Largest change of a median: " in run.stdout
    assert "without t3.4k" in run.stdout
    assert "python-2: not run (a > 0.5" in run.stdout
    assert re.search(r"drift +│ +\d\.\d\d", run.stdout), run.stdout
    assert re.search(r"python-2 +logistic +12 ", run.stdout), run.stdout
    assert "variants 20/20" in run.stderr
