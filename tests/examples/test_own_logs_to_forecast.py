"""From simulated logs to the page, run as a reader would, with few draws."""

import re

import pytest


@pytest.mark.examples
def test_logs_become_a_forecast_that_holds_the_simulated_truth(tmp_path, short_spec, run_example):
    out = tmp_path / "out"
    shown = run_example("own_logs_to_forecast.py", "--out", out, "--model-spec", short_spec)
    assert "[several-filters]" in shown, "the open choice was not asked for"
    assert "left out, 1 times: an older log of the same task and model" in shown
    assert "./runs/3b-final to acme-3b" in shown
    # The given-up log has no right answer: taken, the row below would say 0.0 %.
    assert re.search(r"sums +acme-100m +500 questions, 0 missing, 1\d\.\d% right", shown)
    found = re.findall(
        r"([\w-]+): median ([\d.]+)%, 90 % range \(equal-tailed\) ([\d.]+)% to ([\d.]+)%; "
        r"by end-to-end.*?; simulated truth ([\d.]+)%",
        shown,
    )
    assert [name for name, *_ in found] == ["sums", "word-problems"]
    for _, *numbers in found:
        median, low, high, truth = map(float, numbers)
        assert low < median < high
        # Same seeds, same ladder: the median is off by 5 to 8 points, and 20 would be another one.
        assert abs(median - truth) < 20
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "word-problems" in page
    assert "http" not in re.sub(r"http-equiv|http://www\.w3\.org/2000/svg", "", page)
