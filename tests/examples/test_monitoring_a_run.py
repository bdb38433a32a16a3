"""A run watched, with few draws: the sound one is on its course, the other one is behind."""

import re

import pytest


@pytest.mark.examples
def test_a_run_worth_a_quarter_of_its_compute_is_seen(tmp_path, short_spec, run_example):
    shown = run_example(
        "monitoring_a_run.py", "--out", tmp_path / "run", "--model-spec", short_spec
    )
    sound, slow = shown.split("A run that is worth a quarter of its compute:")
    verdicts = [re.findall(r"at (\d+)%: ([a-z ]+);", part) for part in (sound, slow)]
    assert [at for at, _ in verdicts[0]] == ["25", "50", "75"]
    assert {verdict for _, verdict in verdicts[0]} == {"on course"}
    assert verdicts[1][-1] == ("75", "behind")
    ranges = re.findall(
        r"range \(equal-tailed\) ([\d.]+)% to ([\d.]+)% from the ladder, ([\d.]+)% to ([\d.]+)%",
        shown,
    )
    assert len(ranges) == 6
    for low, high, later_low, later_high in (map(float, found) for found in ranges):
        assert later_high - later_low < high - low
