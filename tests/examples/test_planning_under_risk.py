"""A plan for two scores, from a folder and from the shipped ladder with few draws."""

import re

import pytest

from bayescod.forecasting.store import write_forecast
from tests._factories import make_benchmark, make_set

NUMBER = r"([\d.e+]+)"


def together(shown):
    """The joint chance at the target, and the product of the single ones."""
    found = re.search(rf"All at .+: {NUMBER}%; chances multiplied \(wrong\): {NUMBER}%", shown)
    assert found, shown
    return float(found[1]), float(found[2])


@pytest.mark.examples
def test_worlds_in_common_are_not_chances_multiplied(tmp_path, run_example):
    """Two benchmarks that are one and the same in every world, asked for their median."""
    same = make_set(*(make_benchmark(name, n_draws=4000) for name in ("toy", "two")))
    same["two"].tree["predictions"] = same["toy"].tree["predictions"].copy()
    folder = write_forecast(same, tmp_path / "forecast", figures=False)
    median = same["toy"].summary().median
    shown = run_example(
        "planning_under_risk.py",
        *("--forecast", folder, "--want", f"toy={median}", "--want", f"two={median}"),
    )
    joint, multiplied = together(shown)
    assert multiplied == pytest.approx(25, abs=3)
    assert joint > multiplied + 10


@pytest.mark.examples
def test_the_shipped_ladder_is_forecast_and_planned(short_spec, run_example):
    shown = run_example("planning_under_risk.py", "--model-spec", short_spec)
    assert re.findall(r"^(.+): chance \d+% at t201k$", shown, re.MULTILINE) == [
        "python-2 >= 35%",
        "manual-word >= 45%",
        "all of them",
    ]
    costs = re.findall(
        rf"(50|80|90)% chance: {NUMBER} FLOP, [\d,]+ parameters, {NUMBER} hours, money {NUMBER}",
        shown,
    )
    flops = [float(row[1]) for row in costs]
    assert [row[0] for row in costs] == ["50", "80", "90"] * 3
    for k in range(3):
        assert flops[3 * k] < flops[3 * k + 1] < flops[3 * k + 2]
        assert flops[6 + k] >= max(flops[k], flops[3 + k]), "both together came cheaper than one"
    for _, compute, hours, money in costs:
        # Two digits are shown of each.
        assert float(hours) == pytest.approx(float(compute) / 3.6e13, rel=0.08)
        assert float(money) == pytest.approx(0.05 * float(hours), rel=0.08)
    lost = re.findall(rf"at half the compute: {NUMBER} points less", shown)
    assert len(lost) == 2
    assert all(float(points) > 0 for points in lost)
    assert together(shown)[0] > 0
