"""Checks of a finished forecast: each has a code, an outcome, a number, a threshold, an action."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bayescod.forecasting.records import Reason

if TYPE_CHECKING:
    from bayescod.forecasting.records import BenchmarkForecast, Diagnostics, ForecastSet

PASS_RHAT, REVIEW_RHAT = 1.01, 1.02
PASS_ESS, REVIEW_ESS = 400.0, 200.0
REVIEW_DIVERGENT_SHARE = 0.001

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

_TITLES = {
    "BC101": "chains agree (R-hat)",
    "BC102": "enough effective draws for the middle (bulk ESS)",
    "BC103": "enough effective draws for the ends (tail ESS)",
    "BC104": "no divergent transitions",
    "BC105": "sampled at the first attempt",
    "BC201": "distance of the extrapolation",
    "BC202": "share of predictable questions",
    "BC203": "forecast by difficulty clusters",
    "BC204": "draws that have a predictable subset",
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
    value : float
        What was measured; NaN where there is no number, which is an issue for BC101 to BC103.
    threshold : str
        What would have passed, in words.
    action : str
        What to do; empty where it passed.
    """

    code: str
    benchmark: str
    title: str
    outcome: str
    value: float
    threshold: str
    action: str


def judge(diagnostics: Diagnostics) -> tuple[str, tuple[Reason, ...]]:
    """Status of a posterior by its convergence figures.

    ``pass``: R-hat < 1.01, bulk and tail ESS > 400, no divergence. ``review``: R-hat < 1.02,
    ESS > 200, divergences in at most 0.1 % of the draws. ``fail``: worse, or not a number.

    Parameters
    ----------
    diagnostics : Diagnostics
        Worst figures over the parameters.

    Returns
    -------
    status : str
        ``pass``, ``review`` or ``fail``.
    reasons : tuple of Reason
        One for each figure that does not pass, under the code of its check.
    """
    graded = _sampler_grades(diagnostics)
    reasons = tuple(
        Reason(code, f"{_TITLES[code]}: {_shown(value)}, wanted {wanted}")
        for code, (grade, value, wanted) in graded.items()
        if grade != "pass"
    )
    order = ("pass", "review", "fail")
    return max((grade for grade, _, _ in graded.values()), key=order.index), reasons


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


def _shown(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "not a number"


def _at_most(value: float, passes: float, reviews: float) -> str:
    # NaN fails every comparison, so it ends as "fail".
    return "pass" if value < passes else "review" if value < reviews else "fail"


def _at_least(value: float, passes: float, reviews: float) -> str:
    if not math.isfinite(value):
        return "fail"
    return "pass" if value > passes else "review" if value > reviews else "fail"


def _sampler_grades(diagnostics: Diagnostics) -> dict[str, tuple[str, float, str]]:
    """Grade, number and what was wanted, by the code of the check."""
    count, allowed = diagnostics.divergences, REVIEW_DIVERGENT_SHARE * diagnostics.n_draws
    divergent = "pass" if count == 0 else "review" if count <= allowed else "fail"
    if diagnostics.n_draws < 1:
        divergent = "fail"
    ess_wanted = f"> {PASS_ESS:g} (review: > {REVIEW_ESS:g})"
    return {
        "BC101": (
            _at_most(diagnostics.max_rhat, PASS_RHAT, REVIEW_RHAT),
            diagnostics.max_rhat,
            f"< {PASS_RHAT:g} (review: < {REVIEW_RHAT:g})",
        ),
        "BC102": (
            _at_least(diagnostics.min_ess_bulk, PASS_ESS, REVIEW_ESS),
            diagnostics.min_ess_bulk,
            ess_wanted,
        ),
        "BC103": (
            _at_least(diagnostics.min_ess_tail, PASS_ESS, REVIEW_ESS),
            diagnostics.min_ess_tail,
            ess_wanted,
        ),
        "BC104": (
            divergent,
            float(count),
            f"0 (review: at most {REVIEW_DIVERGENT_SHARE:.1%} of draws)",
        ),
    }


def _sampler_checks(forecast: BenchmarkForecast) -> Iterable[Check]:
    outcomes = {"pass": "passed", "review": "tip", "fail": "issue"}
    actions = {
        "passed": "",
        "tip": "use with care; more draws or a higher acceptance target in the spec may help",
        "issue": "do not use this forecast; raise warm-up, draws or the acceptance target in the "
        "spec, or leave the benchmark out",
    }
    for code, (grade, value, wanted) in _sampler_grades(forecast.diagnostics).items():
        outcome = outcomes[grade]
        yield _check(forecast, code, outcome, value, wanted, actions[outcome])
    reruns = forecast.diagnostics.reruns
    yield _check(
        forecast,
        "BC105",
        "tip" if reruns else "passed",
        float(reruns),
        "0 longer reruns",
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
        f"at most {FAR_COMPUTE_RATIO:g} times the largest ladder LLM",
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
        unknown = float("nan")
        yield _check(forecast, "BC202", "not-applicable", unknown, "", "")
        yield _check(forecast, "BC203", "tip", unknown, "difficulty clusters apply", action)
        yield _check(forecast, "BC204", "not-applicable", unknown, "", "")
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
    yield _check(forecast, "BC203", "passed", float("nan"), "difficulty clusters apply", "")
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
    value: float,
    threshold: str,
    action: str,
) -> Check:
    return Check(code, forecast.benchmark, _TITLES[code], outcome, value, threshold, action)
