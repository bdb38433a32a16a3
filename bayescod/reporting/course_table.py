"""How the target's own run does so far, as tables in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from bayescod.reporting.plan_table import chance
from bayescod.reporting.style import is_withheld
from bayescod.reporting.wording import flops, percent_range, printable

if TYPE_CHECKING:
    from rich.console import Console

    from bayescod.forecasting.course import CheckpointCourse, Course
    from bayescod.forecasting.records import ForecastSet, Summary

_COLOURS = {"behind": "red", "on course": "green", "ahead": "yellow"}


def show_course(
    forecasts: ForecastSet, course: Course, console: Console, accept: bool = False
) -> None:
    """Print whether the run is on its course, and what its last checkpoint makes of the forecast.

    Parameters
    ----------
    forecasts : ForecastSet
        Conditioned on the last checkpoint.
    course : Course
        Theirs.
    console : rich.console.Console
        Where to print.
    accept : bool, default False
        State also the forecasts whose checks failed; they are withheld otherwise.
    """
    last = course.checkpoints[-1]
    console.print(_checkpoints(course))
    console.print(
        "no more (no less): the chance of no more (no less) at this checkpoint, by the forecast "
        "from the ladder alone, over all benchmarks together. Below 5 % the run is called behind "
        "(ahead); so is one look in ten at a run on its course, and more looks find more.",
        soft_wrap=True,
    )
    console.print(_last(last))
    console.print(_change(forecasts, course, accept))
    lag = (
        "A checkpoint may lag behind a finished run of its compute, the less the later it is: the "
        "ladder has finished runs only."
        if course.lags
        else "Checkpoints are taken as the ladder's own, which are of the middle of runs too."
    )
    console.print(f"{lag} All ranges are 90 %, equal-tailed.", soft_wrap=True)


def _checkpoints(course: Course) -> Table:
    table = Table(title="the run so far")
    table.add_column("checkpoint", overflow="fold", min_width=10)
    for name in ("compute", "of the run", "benchmarks", "no more", "no less"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("the run is", no_wrap=True)
    for one in course.checkpoints:
        table.add_row(
            Text(printable(one.model)),
            flops(one.compute_flops),
            chance(one.part),
            str(len(one.points)),
            chance(one.no_more),
            chance(one.no_less),
            Text(one.verdict, style=_COLOURS[one.verdict]),
        )
    return table


def _last(last: CheckpointCourse) -> Table:
    table = Table(title=f"the last checkpoint, {printable(last.model, 40)}")
    table.add_column("benchmark", overflow="fold", min_width=12)
    for name in ("score %", "forecast for it", "90 % range", "no more"):
        table.add_column(name, justify="right", no_wrap=True)
    for point in last.points:
        table.add_row(
            Text(printable(point.benchmark)),
            f"{100 * point.score:.1f}",
            *_range(point.expected),
            chance(point.tail),
        )
    return table


def _change(forecasts: ForecastSet, course: Course, accept: bool) -> Table:
    table = Table(title=f"the end of the run, {printable(forecasts.target.model, 40)}")
    table.add_column("benchmark", overflow="fold", min_width=12)
    for name in ("from the ladder %", "90 % range", "with the checkpoint %", "90 % range"):
        table.add_column(name, justify="right")
    for one in forecasts.benchmarks:
        if is_withheld(one) and not accept:
            table.add_row(Text(printable(one.benchmark)), *["withheld"] * 4)
            continue
        before = course.before[one.benchmark]
        table.add_row(Text(printable(one.benchmark)), *_range(before), *_range(one.summary()))
    return table


def _range(summary: Summary) -> tuple[str, str]:
    shown = percent_range(summary.median, summary.low, summary.high)
    return shown.median, f"{shown.low} to {shown.high}"
