"""The scores that a plan asks for: read from its file, checked against the forecast, in words."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayescod.decisions.costs import Rates
from bayescod.decisions.documents import SCHEMA_VERSION
from bayescod.decisions.planning import PROBABILITIES, Plan, plan
from bayescod.errors import DataError, ResultError
from bayescod.reporting.page.records import Goal
from bayescod.reporting.page.words import likelihood, listed, percent
from bayescod.reporting.plan_table import expense
from bayescod.reporting.wording import flops, printable

if TYPE_CHECKING:
    from bayescod.decisions.costs import Cost
    from bayescod.forecasting.records import ForecastSet

HOW_TO_ASK = (
    "No wanted score was given, so that the chance of reaching one is not told here (bayescod plan "
    "asks for it)."
)
_AGAIN = "run bayescod plan again, or delete the file"


def read_plan(path: Path, forecasts: ForecastSet) -> Plan:
    """The plan that ``bayescod plan`` has left, its numbers found again from the draws.

    Parameters
    ----------
    path : Path
        Of a ``plan.json``: only its questions and its rates are taken.
    forecasts : ForecastSet
        What it must be a plan of.

    Returns
    -------
    Plan

    Raises
    ------
    ResultError
        If the file is damaged, or asks of another target or of benchmarks that are not there.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{path} cannot be read as JSON ({error}); {_AGAIN}"
        raise ResultError(msg) from error
    if not isinstance(document, dict) or document.get("schema_version") != SCHEMA_VERSION:
        msg = f"{path} is no plan of this version of bayescod; {_AGAIN}"
        raise ResultError(msg)
    try:
        target = document["target"]
        other = _mismatch(forecasts, target["model"], target["compute_flops"])
        wanted, probabilities = _questions(document["answers"])
        rates = _rates(target)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        msg = f"{path} is damaged ({type(error).__name__}: {error}); {_AGAIN}"
        raise ResultError(msg) from error
    strangers = sorted(set(wanted) - {one.benchmark for one in forecasts.benchmarks})
    if strangers and not other:
        names = listed([printable(name, 40) for name in strangers])
        other = f"asks for {names}, which the forecast does not have"
    if other:
        msg = f"{path} {other}; {_AGAIN}"
        raise ResultError(msg)
    try:
        return plan(forecasts, wanted, probabilities=probabilities, rates=rates)
    except DataError as error:
        msg = f"{path} asks what cannot be answered; {_AGAIN}\n{error}"
        raise ResultError(msg) from error


def require_fit(found: Plan, forecasts: ForecastSet) -> None:
    """Make sure that a plan is one of this forecast.

    Parameters
    ----------
    found : Plan
    forecasts : ForecastSet

    Raises
    ------
    ResultError
        If its target is another.
    UnknownNameError
        If the forecast has no such benchmark.
    """
    other = _mismatch(forecasts, found.target, found.target_cost.compute_flops)
    if other:
        msg = f"the plan {other}; plan for this forecast"
        raise ResultError(msg)
    for answer in found.answers:
        if answer.benchmark:
            forecasts[answer.benchmark]


def _mismatch(forecasts: ForecastSet, model: str, compute_flops: float) -> str:
    """How the target of a plan differs from that of the forecast; empty where it does not."""
    target = forecasts.target
    if model == target.model and math.isclose(compute_flops, target.compute_flops, rel_tol=1e-6):
        return ""
    return (
        f"is of the target {printable(str(model), 40)} ({flops(float(compute_flops))}), the "
        f"forecast of {printable(target.model, 40)} ({flops(target.compute_flops)})"
    )


def _questions(answers: Sequence[Any]) -> tuple[dict[str, float], tuple[float, ...]]:
    single = [one for one in answers if one["benchmark"] is not None]
    wanted = {one["benchmark"]: one["score"] for one in single}
    if len(wanted) < len(single) or not all(isinstance(name, str) for name in wanted):
        msg = "benchmarks must be names, each asked for once"
        raise ValueError(msg)
    if not all(type(score) in (int, float) for score in wanted.values()):
        msg = "scores must be numbers"
        raise ValueError(msg)
    probabilities = {float(chance) for one in answers for chance in one["compute"]}
    chances = tuple(sorted(probabilities)) or PROBABILITIES
    return {name: float(score) for name, score in wanted.items()}, chances


def _rates(target: dict[str, Any]) -> Rates:
    """What was said of models and machines, from what the target's run costs by it."""

    def ratio(above: str, below: str) -> float | None:
        one, other = target[above], target[below]
        return None if one is None or other is None else float(one) / float(other)

    return Rates(
        tokens_per_param=ratio("tokens", "params"),
        flops_per_hour=ratio("compute_flops", "accelerator_hours"),
        price=ratio("money", "accelerator_hours"),
    )


def goals_of(found: Plan | None, withheld: Sequence[str]) -> tuple[Goal, ...]:
    """What a plan asks for, in words.

    Parameters
    ----------
    found : Plan or None
    withheld : sequence of str
        Benchmarks of which no number may be stated.

    Returns
    -------
    tuple of Goal
    """
    if found is None:
        return ()
    every = tuple(answer.benchmark for answer in found.answers if answer.benchmark)
    goals = []
    for answer in found.answers:
        benchmarks = (answer.benchmark,) if answer.benchmark else every
        stated = not set(benchmarks) & set(withheld)
        needed = {
            probability: _in_words(found, cost) if stated else ("withheld",)
            for probability, cost in answer.costs.items()
        }
        goals.append(
            Goal(
                wanted="all of them"
                if answer.score is None
                else f"{percent(answer.score)} on {printable(answer.benchmark, 40)}",
                benchmarks=benchmarks,
                chance=answer.at_target if stated else None,
                needed=needed,
            )
        )
    return tuple(goals)


def goal_sentence(goals: Sequence[Goal]) -> str:
    """The chance of what is wanted, in one sentence; empty where nothing is, or may be, said."""
    found = goals[-1].chance if goals else None
    if found is None:
        return ""
    if len(goals) == 1:
        return f"The chance of reaching {goals[0].wanted} is {likelihood(found)}."
    names = listed([goal.wanted for goal in goals[:-1]])
    return f"The chance of reaching {names} in one run is {likelihood(found)}."


def reaching_sentence(score: float, at_target: float) -> str:
    """The chance of one wanted score, as the end of a headline."""
    return f"The chance of reaching {percent(score)} is {likelihood(at_target)}."


def _in_words(found: Plan, cost: Cost | None) -> tuple[str, ...]:
    if cost is None:
        return (f"not within {flops(float(found.compute_flops[-1]))}",)
    at_first = cost.compute_flops <= found.compute_flops[0]
    return (("at most " if at_first else "") + flops(cost.compute_flops), *expense(cost))
