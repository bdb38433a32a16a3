"""The quick start, run as a reader would, with few draws."""

import re

import pytest


@pytest.mark.examples
def test_quick_start_prints_a_forecast_and_draws_it(tmp_path, short_spec, run_example):
    shown = run_example("quick_start.py", "--out", tmp_path / "out", "--model-spec", short_spec)
    found = re.search(
        r"python-2: median ([\d.]+)%, 90 % range \(equal-tailed\) ([\d.]+)% to ([\d.]+)%",
        shown,
    )
    assert found, shown
    median, low, high = map(float, found.groups())
    assert low < median < high
    assert (tmp_path / "out" / "fan.png").read_bytes().startswith(b"\x89PNG")
