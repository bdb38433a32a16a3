"""One prior edited, with few draws: the range answers to it, and a slip is refused."""

import re

import pytest


@pytest.mark.examples
def test_more_drift_widens_the_range_and_a_slip_is_refused(tmp_path, short_spec, run_example):
    shown = run_example("editing_priors.py", "--out", tmp_path / "out", "--spec", short_spec)
    changed = re.findall(r"^[-+][^-+].*$", shown, re.MULTILINE)
    assert changed == ["-loc = 0.4", "+loc = 1.8"]
    found = re.search(
        r"The median moves by ([-+.\d]+) points, the width of the 90 % range by ([-+.\d]+); "
        r"it is ([.\d]+) points wide",
        shown,
    )
    assert found, shown
    median, change, width = map(float, found.groups())
    # The edit adds about three points to some twelve. 2,400 draws a range: an end has a Monte Carlo
    # error of 0.2 points, the change of width at most 0.4: false alarm below 1e-5.
    assert change > 1.0
    assert abs(median) < change
    assert 5 < width < 25
    assert "priors.drift.scael: unknown to log-normal" in shown
    assert "priors.drift.scale: missing" in shown
