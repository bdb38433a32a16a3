"""The status of a posterior by its convergence figures."""

from __future__ import annotations

import math
from dataclasses import dataclass

PASS_RHAT, REVIEW_RHAT = 1.01, 1.02
PASS_ESS, REVIEW_ESS = 400.0, 200.0
REVIEW_DIVERGENT_SHARE = 0.001


@dataclass(frozen=True, slots=True)
class Reason:
    """A coded remark on a forecast: why a method was chosen, or what to be careful about."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """Worst convergence figures over the parameters of one benchmark's posterior.

    Attributes
    ----------
    max_rhat : float
        Largest rank-normalised split R-hat.
    min_ess_bulk, min_ess_tail : float
        Smallest effective sample sizes.
    divergences : int
        Divergent transitions among the kept draws.
    n_draws : int
        Kept draws over all chains.
    reruns : int
        0, or 1 where the one automatic longer rerun was needed.
    """

    max_rhat: float
    min_ess_bulk: float
    min_ess_tail: float
    divergences: int
    n_draws: int
    reruns: int = 0


@dataclass(frozen=True, slots=True)
class Grade:
    """One convergence figure against its thresholds.

    Attributes
    ----------
    code, title : str
        Of the check, for example ``BC101``.
    status : str
        ``pass``, ``review`` or ``fail``.
    value : float
    wanted : str
        The thresholds in words.
    """

    code: str
    title: str
    status: str
    value: float
    wanted: str


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
    grades = grade(diagnostics)
    reasons = tuple(
        Reason(item.code, f"{item.title}: {_shown(item.value)}, wanted {item.wanted}")
        for item in grades
        if item.status != "pass"
    )
    return max((item.status for item in grades), key=("pass", "review", "fail").index), reasons


def grade(diagnostics: Diagnostics) -> tuple[Grade, ...]:
    """Hold each convergence figure against its thresholds.

    Parameters
    ----------
    diagnostics : Diagnostics
        Worst figures over the parameters.

    Returns
    -------
    tuple of Grade
        BC101 to BC104: R-hat, bulk ESS, tail ESS, divergences.
    """
    rhat, count = diagnostics.max_rhat, diagnostics.divergences
    bulk, tail = diagnostics.min_ess_bulk, diagnostics.min_ess_tail
    allowed = REVIEW_DIVERGENT_SHARE * diagnostics.n_draws
    divergent = "pass" if count == 0 else "review" if count <= allowed else "fail"
    if diagnostics.n_draws < 1:
        divergent = "fail"
    rhat_wanted = f"< {PASS_RHAT:g}, review < {REVIEW_RHAT:g}"
    ess_wanted = f"> {PASS_ESS:g}, review > {REVIEW_ESS:g}"
    return (
        Grade("BC101", "agreement of the chains (R-hat)", _grade_rhat(rhat), rhat, rhat_wanted),
        Grade("BC102", "effective draws, middle (bulk ESS)", _grade_ess(bulk), bulk, ess_wanted),
        Grade("BC103", "effective draws, ends (tail ESS)", _grade_ess(tail), tail, ess_wanted),
        Grade(
            "BC104",
            "divergent transitions",
            divergent,
            float(count),
            f"0, review at most {REVIEW_DIVERGENT_SHARE:.1%} of draws",
        ),
    )


def _shown(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "not a number"


def _grade_rhat(value: float) -> str:
    # NaN fails every comparison, so it ends as "fail".
    return "pass" if value < PASS_RHAT else "review" if value < REVIEW_RHAT else "fail"


def _grade_ess(value: float) -> str:
    if not math.isfinite(value):
        return "fail"
    return "pass" if value > PASS_ESS else "review" if value > REVIEW_ESS else "fail"
