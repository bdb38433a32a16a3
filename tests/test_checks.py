from __future__ import annotations

import dataclasses
import math
import subprocess
import sys

import numpy as np
import pytest

from bayescod.checks import OUTCOMES, Check, check_forecast, judge, run_checks
from bayescod.convergence import Diagnostics, Reason
from bayescod.forecasting.records import BenchmarkForecast
from tests._factories import HEALTHY, make_benchmark, make_set


def check(forecast: BenchmarkForecast, code: str) -> Check:
    (found,) = (item for item in check_forecast(forecast) if item.code == code)
    return found


@pytest.mark.parametrize(
    ("change", "status", "codes"),
    [
        ({}, "pass", []),
        ({"max_rhat": 1.0099}, "pass", []),
        ({"max_rhat": 1.01}, "review", ["BC101"]),
        ({"max_rhat": 1.0199}, "review", ["BC101"]),
        ({"max_rhat": 1.02}, "fail", ["BC101"]),
        ({"max_rhat": math.nan}, "fail", ["BC101"]),
        ({"max_rhat": math.inf}, "fail", ["BC101"]),
        ({"min_ess_bulk": 400.0}, "review", ["BC102"]),
        ({"min_ess_bulk": 200.0}, "fail", ["BC102"]),
        ({"min_ess_bulk": math.nan}, "fail", ["BC102"]),
        ({"min_ess_tail": 400.0}, "review", ["BC103"]),
        ({"min_ess_tail": 200.0}, "fail", ["BC103"]),
        ({"min_ess_tail": math.nan}, "fail", ["BC103"]),
        ({"divergences": 1}, "review", ["BC104"]),
        ({"divergences": 2}, "review", ["BC104"]),
        ({"divergences": 3}, "fail", ["BC104"]),
        ({"n_draws": 0}, "fail", ["BC104"]),
        ({"max_rhat": 1.015, "divergences": 9}, "fail", ["BC101", "BC104"]),
    ],
)
def test_status_at_the_thresholds(change: dict[str, float], status: str, codes: list[str]) -> None:
    found, reasons = judge(dataclasses.replace(HEALTHY, **change))
    assert found == status
    assert [reason.code for reason in reasons] == codes


def test_reason_says_got_and_wanted() -> None:
    _, (reason,) = judge(dataclasses.replace(HEALTHY, max_rhat=math.nan))
    assert reason.message.endswith("(R-hat): not a number, wanted < 1.01, review < 1.02")


def test_checks_agree_with_the_status() -> None:
    sick = Diagnostics(1.5, 150.0, 300.0, 1, 2000)
    outcomes = {
        item.code: item.outcome
        for item in check_forecast(make_benchmark(diagnostics=sick))
        if item.code < "BC105"
    }
    assert outcomes == {"BC101": "issue", "BC102": "issue", "BC103": "tip", "BC104": "tip"}


def test_healthy_forecast_passes_every_check() -> None:
    checks = check_forecast(make_benchmark())
    assert [item.code for item in checks] == sorted(item.code for item in checks)
    assert {item.outcome for item in checks} == {"passed"}
    assert {item.action for item in checks} == {""}


def with_draws(name: str, values: float) -> BenchmarkForecast:
    forecast = make_benchmark()
    forecast.tree["predictions"][name].values[:] = values
    return forecast


@pytest.mark.parametrize(
    ("forecast", "code"),
    [
        (make_benchmark(diagnostics=dataclasses.replace(HEALTHY, reruns=1)), "BC105"),
        (make_benchmark(compute_ratio=32.0), "BC201"),
        (with_draws("predictable_share", 0.49), "BC202"),
        (make_benchmark(reason=Reason("few-trials", "one trial an item")), "BC203"),
        (with_draws("subset_score", math.nan), "BC204"),
        (with_draws("score", np.linspace(0, 1, 200)), "BC205"),
    ],
)
def test_statistical_caution_is_a_tip_with_an_action(
    forecast: BenchmarkForecast, code: str
) -> None:
    tips = [item for item in check_forecast(forecast) if item.outcome == "tip"]
    assert [item.code for item in tips] == [code]
    assert tips[0].action
    assert tips[0].threshold


def test_share_that_is_not_a_number_is_a_tip() -> None:
    assert check(with_draws("predictable_share", math.nan), "BC202").outcome == "tip"


def test_fallback_names_its_reason_and_needs_no_subset() -> None:
    forecast = make_benchmark(reason=Reason("few-trials", "one trial an item"))
    assert "one trial an item [few-trials]" in check(forecast, "BC203").action
    assert check(forecast, "BC202").outcome == "not-applicable"
    assert check(forecast, "BC204").outcome == "not-applicable"
    assert check(forecast, "BC204").value is None


def test_every_benchmark_is_checked() -> None:
    checks = run_checks(make_set())
    assert list(dict.fromkeys(item.benchmark for item in checks)) == ["toy", "other"]
    assert {item.outcome for item in checks} <= set(OUTCOMES)


def test_judging_needs_nothing_heavy() -> None:
    code = "import bayescod.checks, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "bayescod.convergence" in loaded
    assert not {"jax", "xarray", "pandas", "matplotlib", "scipy"} & set(loaded)
