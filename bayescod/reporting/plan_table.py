"""A plan as tables in the terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.table import Table

from bayescod.reporting.wording import flops, percent_range, points, printable

if TYPE_CHECKING:
    from rich.console import Console

    from bayescod.decisions.costs import Cost
    from bayescod.decisions.planning import Answer, Plan

_DASH = "–"


def show_plan(found: Plan, console: Console) -> None:
    """Print what compute buys the wanted scores, and what stopping earlier costs.

    Parameters
    ----------
    found : Plan
        As returned by :func:`bayescod.plan`.
    console : rich.console.Console
        Where to print.
    """
    console.print(_answers(found))
    console.print(
        f"Chances are of {found.n_draws:,} draws; the forecast goes to "
        f"{flops(float(found.compute_flops[-1]))}.",
        soft_wrap=True,
    )
    console.print(_stops(found))
    console.print(
        "score: median and 90 % equal-tailed range of the measured score; loss: points below the "
        "score at the target's compute, mean and 90 % equal-tailed range.",
        soft_wrap=True,
    )


def chance(value: float) -> str:
    """A chance in whole per cent, never 0 or 100 where it is neither.

    Examples
    --------
    >>> chance(0.9031), chance(0.9999), chance(1.0), chance(0.0004)
    ('90 %', '> 99 %', '100 %', '< 1 %')
    """
    if value in (0.0, 1.0):
        return f"{100 * value:.0f} %"
    if value >= 0.995:
        return "> 99 %"
    return "< 1 %" if value < 0.005 else f"{100 * value:.0f} %"


def question(answer: Answer) -> str:
    """What is asked, in words: the benchmark and the score, or all of them."""
    if answer.score is None:
        return "all of them"
    return f"{printable(answer.benchmark, 30)} ≥ {100 * answer.score:g} %"


def expense(cost: Cost) -> list[str]:
    """Size, hours and money of a run, as far as they are known."""
    said = []
    if cost.params is not None and cost.tokens is not None:
        said.append(f"{_large(cost.params)} params, {_large(cost.tokens)} tokens")
    if cost.accelerator_hours is not None:
        said.append(f"{_large(cost.accelerator_hours)} accelerator-hours")
    if cost.money is not None:
        said.append(f"costs {_large(cost.money)}")
    return said


def _large(value: float) -> str:
    """Three significant digits with a unit of thousands.

    Examples
    --------
    >>> _large(7.04e10), _large(833333.3), _large(12.345)
    ('70.4B', '833k', '12.3')
    """
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= size * (1 - 5e-4):
            return f"{_three_digits(value / size)}{unit}"
    return _three_digits(value)


def _three_digits(value: float) -> str:
    decimals = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:.{decimals}f}"


def _answers(found: Plan) -> Table:
    table = Table(title="Compute that buys the wanted score")
    table.add_column("wanted")
    table.add_column(f"chance at {printable(found.target, 20)}", justify="right")
    for probability in found.answers[0].costs:
        table.add_column(f"with {100 * probability:g} % chance", justify="right")
    limit = flops(float(found.compute_flops[-1]))
    for answer in found.answers:
        cells = [
            f"not within {limit}"
            if cost is None
            else "\n".join([_at_least(found, cost), *expense(cost)])
            for cost in answer.costs.values()
        ]
        table.add_row(question(answer), chance(answer.at_target), *cells)
    return table


def _at_least(found: Plan, cost: Cost) -> str:
    at_first = cost.compute_flops <= found.compute_flops[0]
    return ("at most " if at_first else "") + flops(cost.compute_flops)


def _stops(found: Plan) -> Table:
    table = Table(title=f"Stopping before {printable(found.target, 30)}")
    table.add_column("benchmark")
    table.add_column("part", justify="right")
    table.add_column("compute", justify="right")
    table.add_column("score", justify="right")
    table.add_column("loss (points)", justify="right")
    first, last = found.stops[0].benchmark, ""
    for stop in found.stops:
        score = percent_range(stop.score.median, stop.score.low, stop.score.high)
        loss = stop.loss
        table.add_row(
            printable(stop.benchmark, 30) if stop.benchmark != last else "",
            f"{100 * stop.part:g} %",
            # A run costs the same whatever it is asked.
            "\n".join([flops(stop.cost.compute_flops), *expense(stop.cost)])
            if stop.benchmark == first
            else flops(stop.cost.compute_flops),
            f"{score.median} ({score})",
            _DASH
            if stop.part == 1.0
            else f"{points(loss.mean)} ({points(loss.low)} to {points(loss.high)})",
        )
        last = stop.benchmark
    return table
