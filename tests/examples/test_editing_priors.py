"""One prior edited, with few draws: the range answers to it, and a slip is refused."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bayescod.specs import spec_folder

SCRIPT = Path(__file__).parents[2] / "examples" / "editing_priors.py"


@pytest.mark.examples
def test_more_drift_widens_the_range_and_a_slip_is_refused(tmp_path):
    text = (spec_folder() / "end-to-end.toml").read_text(encoding="utf-8")
    for key, value in {"warmup": 500, "draws": 600, "rerun": "false"}.items():
        text = re.sub(rf"^{key} = (\d+|true)$", f"{key} = {value}", text, flags=re.MULTILINE)
    spec = tmp_path / "short.toml"
    spec.write_text(text, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, SCRIPT, "--out", tmp_path / "out", "--spec", spec],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    changed = re.findall(r"^[-+][^-+].*$", run.stdout, re.MULTILINE)
    assert changed == ["-loc = 0.4", "+loc = 1.8"]
    found = re.search(
        r"The median moves by ([-+.\d]+) points, the width of the 90 % range by ([-+.\d]+); "
        r"it is ([.\d]+) points wide",
        run.stdout,
    )
    assert found, run.stdout
    median, change, width = map(float, found.groups())
    # The edit adds about three points to some twelve. 2,400 draws a range: an end has a Monte Carlo
    # error of 0.2 points, the change of width at most 0.4: false alarm below 1e-5.
    assert change > 1.0
    assert abs(median) < change
    assert 5 < width < 25
    assert "priors.drift.scael: unknown to log-normal" in run.stdout
    assert "priors.drift.scale: missing" in run.stdout
