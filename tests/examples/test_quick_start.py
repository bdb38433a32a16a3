"""The quick start, run as a reader would, with few draws."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bayescod.specs import spec_folder

SCRIPT = Path(__file__).parents[2] / "examples" / "quick_start.py"


@pytest.mark.examples
def test_quick_start_prints_a_forecast_and_draws_it(tmp_path):
    text = (spec_folder() / "end-to-end.toml").read_text(encoding="utf-8")
    for key, value in {"warmup": 500, "draws": 600}.items():
        text = re.sub(rf"^{key} = \d+$", f"{key} = {value}", text, flags=re.MULTILINE)
    spec = tmp_path / "short.toml"
    spec.write_text(text, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, SCRIPT, "--out", tmp_path / "out", "--model-spec", spec],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = re.search(
        r"python-2: median ([\d.]+)%, 90 % range \(equal-tailed\) ([\d.]+)% to ([\d.]+)%",
        run.stdout,
    )
    assert found, run.stdout
    median, low, high = map(float, found.groups())
    assert low < median < high
    assert (tmp_path / "out" / "fan.png").read_bytes().startswith(b"\x89PNG")
