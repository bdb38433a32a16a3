"""``bayescod plan``: how much compute buys wanted scores, read off a finished forecast."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bayescod.cli.exits import leave
from bayescod.cli.locks import locked
from bayescod.decisions.costs import Rates
from bayescod.decisions.documents import plan_document
from bayescod.decisions.planning import PROBABILITIES, plan
from bayescod.errors import DataError, Problem
from bayescod.files import replacing, write_json
from bayescod.forecasting.store import load
from bayescod.reporting.plan_figure import plan_figure
from bayescod.reporting.plan_table import show_plan
from bayescod.reporting.style import save_figure
from bayescod.reporting.terminal import console_for


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What ``bayescod plan`` was asked for; see its help.

    Attributes
    ----------
    folder : Path
    benchmarks : tuple of str
    scores : tuple of float
        One a benchmark, in the same order.
    probabilities : tuple of float
        Empty for the usual ones.
    tokens_per_param, flops_per_hour, price : float or None
    """

    folder: Path
    benchmarks: tuple[str, ...]
    scores: tuple[float, ...]
    probabilities: tuple[float, ...]
    tokens_per_param: float | None
    flops_per_hour: float | None
    price: float | None


def run_plan(options: PlanOptions) -> None:
    """Plan, show, and write ``plan.json`` and the figure beside the forecast.

    Parameters
    ----------
    options : PlanOptions

    Raises
    ------
    typer.Exit
        With code 3 where the checks of a benchmark of the forecast failed.
    BayescodError
        If the question or the folder cannot be used.
    """
    wanted = _wanted(options.benchmarks, options.scores)
    rates = Rates(options.tokens_per_param, options.flops_per_hour, options.price)
    forecasts = load(options.folder)
    found = plan(
        forecasts, wanted, probabilities=options.probabilities or PROBABILITIES, rates=rates
    )
    console = console_for(sys.stdout)
    show_plan(found, console)
    with locked(options.folder):
        write_json(options.folder / "plan.json", plan_document(found))
        figure = plan_figure(found)
        for kind in ("png", "svg"):
            with replacing(options.folder / "figures" / f"plan.{kind}") as temporary:
                save_figure(figure, temporary, kind)
    console.print(f"Written: plan.json and figures/plan.png in {options.folder}", soft_wrap=True)
    leave(forecasts)


def _wanted(benchmarks: Sequence[str], scores: Sequence[float]) -> dict[str, float]:
    problems = []
    if len(benchmarks) != len(scores):
        problems.append(
            Problem(
                "score-count",
                "every --benchmark needs a --score",
                got=f"{len(benchmarks)} and {len(scores)}",
                wanted="as many of one as of the other, in the same order",
            )
        )
    twice = sorted({name for name in benchmarks if benchmarks.count(name) > 1})
    problems += [Problem("benchmark-twice", "benchmark is given twice", got=n) for n in twice]
    if problems:
        raise DataError(problems)
    return dict(zip(benchmarks, scores, strict=True))
