"""Forecasts and checks as tables in the terminal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bayescod.checks import OUTCOMES
from bayescod.reporting.wording import flops, percent_range, points, printable, times

if TYPE_CHECKING:
    from bayescod.checks import Check
    from bayescod.forecasting.records import BenchmarkForecast, ForecastSet

_PLAIN_WIDTH = 120  # columns where the output is a file or a pipe
_COLOURS = {
    "pass": "green",
    "review": "yellow",
    "fail": "red",
    "tip": "yellow",
    "issue": "red",
}


def console_for(stream: TextIO) -> Console:
    """A console that takes all text as it is: names may hold markup, emoji codes or escapes.

    Parameters
    ----------
    stream : text stream
        Usually standard output.

    Returns
    -------
    rich.console.Console
        As wide as the terminal, or 120 columns where there is none.
    """
    console = Console(file=stream, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = _PLAIN_WIDTH
    return console


def show_forecast(forecasts: ForecastSet, console: Console, accept: bool = False) -> None:
    """Print what is expected of the target, benchmark by benchmark, and how far to trust it.

    Parameters
    ----------
    forecasts : ForecastSet
        The forecasts of one run.
    console : rich.console.Console
        Where to print.
    accept : bool, default False
        State also the forecasts whose checks failed; they are withheld otherwise.
    """
    target = forecasts.target
    console.print(
        f"Forecast for {printable(target.model, 40)} ({flops(target.compute_flops)}, "
        f"{times(target.compute_ratio)} times the largest ladder LLM); 90 % range, equal-tailed",
        soft_wrap=True,
    )
    console.print(_table(forecasts, accept))
    for line in _remarks(forecasts, accept):
        console.print(line, soft_wrap=True)


def show_hits(forecasts: ForecastSet, console: Console, accept: bool = False) -> None:
    """Print how near the stated medians came to the truth and how many 90 % ranges held it.

    Parameters
    ----------
    forecasts : ForecastSet
        Forecasts of which at least one has a known truth.
    console : rich.console.Console
        Where to print.
    accept : bool, default False
        Count also the forecasts whose checks failed.
    """
    stated = [
        (forecast.summary("score"), forecast.target.truth)
        for forecast in forecasts.benchmarks
        if not _is_withheld(forecast, accept)
    ]
    pairs = [(score, truth) for score, truth in stated if truth is not None]
    if not pairs:
        console.print("No stated forecast has a known truth.")
        return
    errors = [abs(score.median - truth) for score, truth in pairs]
    held = sum(score.low <= truth <= score.high for score, truth in pairs)
    console.print(
        f"Error of the median: mean {100 * sum(errors) / len(errors):.1f}, worst "
        f"{100 * max(errors):.1f} percentage points; {held} of {len(pairs)} equal-tailed 90 % "
        "ranges held the truth."
    )


def show_checks(checks: Sequence[Check], console: Console) -> None:
    """Print checks, benchmark by benchmark: what did not pass with what to do, then the rest.

    Parameters
    ----------
    checks : sequence of Check
        As returned by :func:`bayescod.checks.run_checks`.
    console : rich.console.Console
        Where to print.
    """
    for name, group in groupby(checks, key=lambda check: check.benchmark):
        mine = list(group)
        console.print(Text(printable(name), style="bold"))
        for check in mine:
            if check.outcome in ("issue", "tip"):
                _show_check(check, console)
        for outcome in ("passed", "not-applicable"):
            codes = [check.code for check in mine if check.outcome == outcome]
            if codes:
                console.print(f"  {outcome}: {' '.join(codes)}", soft_wrap=True)
    counts = Counter(check.outcome for check in checks)
    console.print(", ".join(f"{outcome}: {counts[outcome]}" for outcome in OUTCOMES))


def _show_check(check: Check, console: Console) -> None:
    head = Text(f"  {check.outcome} {check.code} ", style=_COLOURS[check.outcome])
    head.append(check.title, style="none")
    if check.value is not None:
        head.append(f": {check.value:.4g}, wanted {check.threshold}", style="none")
    console.print(head, soft_wrap=True)
    console.print(f"    {printable(check.action, 500)}", soft_wrap=True)


def _is_withheld(forecast: BenchmarkForecast, accept: bool) -> bool:
    return forecast.status == "fail" and not accept


def _table(forecasts: ForecastSet, accept: bool) -> Table:
    table = Table()
    table.add_column("benchmark", overflow="fold", min_width=12)
    table.add_column("method", no_wrap=True)
    known = any(forecast.target.truth is not None for forecast in forecasts.benchmarks)
    truths = ("truth", "error", "held") if known else ()
    for name in ("median %", "90 % range", *truths, "predictable", "R-hat", "ESS"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for forecast in forecasts.benchmarks:
        table.add_row(*_row(forecast, known, accept))
    return table


def _row(forecast: BenchmarkForecast, known: bool, accept: bool) -> Iterator[str | Text]:
    withheld = _is_withheld(forecast, accept)
    score, share = forecast.summary("score"), forecast.summary("predictable_share").median
    shown = percent_range(score.median, score.low, score.high, tenths=known)
    yield Text(printable(forecast.benchmark))
    yield forecast.method
    yield "withheld" if withheld else shown.median
    yield "withheld" if withheld else f"{shown.low} to {shown.high}"
    if known:
        yield from _beside_truth(forecast, withheld)
    yield f"{share:.0%}" if math.isfinite(share) else "-"
    diagnostics = forecast.diagnostics
    yield f"{diagnostics.max_rhat:.3f}" if math.isfinite(diagnostics.max_rhat) else "none"
    ess = (diagnostics.min_ess_bulk, diagnostics.min_ess_tail)
    yield f"{min(ess):.0f}" if all(math.isfinite(value) for value in ess) else "none"
    yield Text(forecast.status, style=_COLOURS[forecast.status])


def _beside_truth(forecast: BenchmarkForecast, withheld: bool) -> tuple[str, str, str]:
    truth, score = forecast.target.truth, forecast.summary("score")
    if truth is None:
        return "-", "-", "-"
    if withheld:
        return f"{100 * truth:.1f}", "-", "-"
    held = "yes" if score.low <= truth <= score.high else "no"
    return f"{100 * truth:.1f}", points(score.median - truth), held


def _remarks(forecasts: ForecastSet, accept: bool) -> Iterable[str]:
    said: dict[str, list[str]] = {}  # what is said of several benchmarks is said once
    for forecast in forecasts.benchmarks:
        about = [] if forecast.reason is None else [(forecast.method, forecast.reason)]
        about += [(forecast.status, reason) for reason in forecast.reasons]
        for what, reason in about:
            line = f"{what}: [{reason.code}] {printable(reason.message, 500)}"
            said.setdefault(line, []).append(printable(forecast.benchmark))
    for line, names in said.items():
        everywhere = len(names) == len(forecasts.benchmarks) > 1
        yield f"{'all benchmarks' if everywhere else ', '.join(names)}: {line}"
    failed = [forecast for forecast in forecasts.benchmarks if forecast.status == "fail"]
    if failed and not accept:
        yield (
            f"{len(failed)} of {len(forecasts.benchmarks)} forecasts are withheld because their "
            "checks failed; --accept shows them all the same."
        )
