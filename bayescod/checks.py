"""Checks of a finished forecast: each has a code, an outcome, a number, a threshold, an action."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bayescod.convergence import grade, judge

if TYPE_CHECKING:
    from bayescod.forecasting.records import BenchmarkForecast, ForecastSet

__all__ = ["OUTCOMES", "Check", "check_forecast", "judge", "run_checks"]

# Statistical cautions. They change no status by themselves: they say how far to lean on a range.
# Thirty-one times is the farthest that 90 % ranges have been seen to hold on held-out public LLMs
# (a 13B OLMo-2 LLM from its <= 3B ladder); beyond it there is no record.
FAR_COMPUTE_RATIO = 31.0
# Below one half, most of the score rests on the mapping and not on extrapolated questions.
SMALL_SHARE = 0.5
# More than one draw in ten without a predictable subset and the shown forecast is a blend of two.
MANY_EMPTY_DRAWS = 0.1
# A range of 30 points rarely helps a decision.
WIDE_RANGE = 0.3

OUTCOMES = ("issue", "tip", "passed", "not-applicable")
"""What a check may come to, the worst first."""

_TITLES = {
    "BC105": "longer reruns",
    "BC201": "compute of the target over the largest ladder LLM's",
    "BC202": "share of predictable questions",
    "BC203": "fallback to the end-to-end forecast",
    "BC204": "share of draws with a predictable subset",
    "BC205": "width of the 90 % range",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one benchmark's forecast.

    Attributes
    ----------
    code : str
        Stable, for example ``BC101``; BC1xx are about the sampler, BC2xx about the statistics.
    benchmark : str
    title : str
        What was looked at.
    outcome : str
        ``issue`` (do not use the forecast), ``tip`` (use it with care), ``passed`` or
        ``not-applicable``.
    value : float or None
        What was measured; NaN is a measurement that failed, None a check without a number.
    threshold : str
        What would have passed, in words.
    action : str
        What to do; empty where it passed.
    """

    code: str
    benchmark: str
    title: str
    outcome: str
    value: float | None
    threshold: str
    action: str


def run_checks(forecasts: ForecastSet) -> tuple[Check, ...]:
    """Check every benchmark of a finished forecast.

    Parameters
    ----------
    forecasts : ForecastSet
        As returned by a forecast or read from its folder.

    Returns
    -------
    tuple of Check
        All checks of each benchmark, in the order of the benchmarks and of the codes.
    """
    return tuple(check for forecast in forecasts.benchmarks for check in check_forecast(forecast))


def check_forecast(forecast: BenchmarkForecast) -> tuple[Check, ...]:
    """Check one benchmark's forecast; see :func:`run_checks`.

    Parameters
    ----------
    forecast : BenchmarkForecast
        The forecast.

    Returns
    -------
    tuple of Check
        In the order of the codes.
    """
    return tuple(_sampler_checks(forecast)) + tuple(_statistical_checks(forecast))


def _sampler_checks(forecast: BenchmarkForecast) -> Iterable[Check]:
    outcomes = {"pass": "passed", "review": "tip", "fail": "issue"}
    actions = {
        "passed": "",
        "tip": "use with care; more draws or a higher acceptance target in the spec may help",
        "issue": "do not use this forecast; raise warm-up, draws or the acceptance target in the "
        "spec, or leave the benchmark out",
    }
    for item in grade(forecast.diagnostics):
        outcome = outcomes[item.status]
        yield Check(
            item.code,
            forecast.benchmark,
            item.title,
            outcome,
            item.value,
            item.wanted,
            actions[outcome],
        )
    reruns = forecast.diagnostics.reruns
    yield _check(
        forecast,
        "BC105",
        "tip" if reruns else "passed",
        float(reruns),
        "0",
        "nothing, if it passes now; more warm-up in the spec saves the rerun" if reruns else "",
    )


def _statistical_checks(forecast: BenchmarkForecast) -> Iterable[Check]:
    ratio = forecast.target.compute_ratio
    far = not ratio <= FAR_COMPUTE_RATIO
    yield _check(
        forecast,
        "BC201",
        "tip" if far else "passed",
        ratio,
        f"at most {FAR_COMPUTE_RATIO:g}",
        "add a larger LLM to the ladder, or ask for a nearer target first" if far else "",
    )
    yield from _subset_checks(forecast)
    score = forecast.summary("score")
    width = score.high - score.low
    wide = not width <= WIDE_RANGE
    yield _check(
        forecast,
        "BC205",
        "tip" if wide else "passed",
        width,
        f"at most {WIDE_RANGE:g}",
        "more ladder LLMs, more trials or an anchor may narrow it" if wide else "",
    )


def _subset_checks(forecast: BenchmarkForecast) -> Iterable[Check]:
    if forecast.method != "cod":
        why = forecast.reason
        action = f"{why.message} [{why.code}]" if why else "the end-to-end forecast was asked for"
        yield _check(forecast, "BC202", "not-applicable", None, "", "")
        yield _check(forecast, "BC203", "tip", None, "none", action)
        yield _check(forecast, "BC204", "not-applicable", None, "", "")
        return
    share = forecast.summary("predictable_share").median
    small = not share >= SMALL_SHARE
    yield _check(
        forecast,
        "BC202",
        "tip" if small else "passed",
        share,
        f"at least {SMALL_SHARE:g}",
        "lean on the range, not on the median: most questions are mapped, not extrapolated"
        if small
        else "",
    )
    yield _check(forecast, "BC203", "passed", None, "none", "")
    subset = forecast.draws("subset_score")
    empty = sum(math.isnan(value) for value in subset) / subset.size
    many = empty > MANY_EMPTY_DRAWS
    yield _check(
        forecast,
        "BC204",
        "tip" if many else "passed",
        1.0 - empty,
        f"at least {1 - MANY_EMPTY_DRAWS:g}",
        "the other draws come from the end-to-end forecast: compare the two methods in a backtest"
        if many
        else "",
    )


def _check(
    forecast: BenchmarkForecast,
    code: str,
    outcome: str,
    value: float | None,
    threshold: str,
    action: str,
) -> Check:
    return Check(code, forecast.benchmark, _TITLES[code], outcome, value, threshold, action)
