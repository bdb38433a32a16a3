"""Benchmarks ranked and two plans compared, with few draws; with a record in the slow run."""

import re

import pytest


@pytest.mark.examples
def test_benchmarks_are_ranked_and_plans_compared(short_spec, run_example):
    shown = run_example("comparing_benchmarks.py", "--model-spec", short_spec)
    ranks = re.findall(r"^(\d) ([\w-]+) \[([a-z ]+)\]: .+; off by ([\d.]+) points", shown, re.M)
    assert [row[0] for row in ranks] == ["1", "2", "3"]
    # Its range is a third as wide as the others'.
    assert ranks[0][1] == "dictionary-4"
    errors = [float(row[3]) for row in ranks]
    assert errors == sorted(errors)
    assert shown.count("[unchecked]") == 3, "there is no record of an edited spec"
    chances = [int(found) for found in re.findall(r": higher with (\d+)%", shown)]
    everything = re.search(r"on all of them at once: (\d+)%", shown)
    assert len(chances) == 3
    assert everything
    assert "same law" in shown
    # One law for both plans: more compute is better with far more than an even chance.
    assert min(chances) > 70
    assert sum(chances) - 200 - 2 <= int(everything[1]) <= min(chances) + 1


@pytest.mark.examples
@pytest.mark.slow
def test_the_record_stands_beside_the_ranks(run_example):
    shown = run_example("comparing_benchmarks.py")
    truths = re.findall(r"record: 90 % ranges held (\d) of (\d) truths", shown)
    assert len(truths) == 3
    assert all(0 < int(held) <= int(count) for held, count in truths)
    assert "[unchecked]" not in shown
