"""A comparison as tables in the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from bayescod.decisions.contests import SAME_LAW
from bayescod.decisions.predictability import TOLD_APART
from bayescod.reporting.plan_table import chance
from bayescod.reporting.wording import flops, percent_range, points, printable, times

if TYPE_CHECKING:
    from rich.console import Console

    from bayescod.decisions.contests import Comparison, Contest, Match
    from bayescod.decisions.predictability import Predictability
    from bayescod.forecasting.records import Summary

_DASH = "–"
_COLOURS = {"forecast it": "green", "with care": "yellow", "do not": "red"}
_LONGEST_NOTE = 1000
_WIDEST = 10_000  # columns that no table needs, to measure what one would like


def show_comparison(found: Comparison, console: Console, names: Mapping[str, str]) -> None:
    """Print which benchmarks are predictable, or which candidate is likely to score higher.

    Parameters
    ----------
    found : Comparison
        As returned by :func:`bayescod.compare`.
    console : rich.console.Console
        Where to print.
    names : mapping of str to str
        What each candidate is called, by its letter.
    """
    if found.ranking:
        (target,) = found.candidates.values()
        console.print(
            f"Forecast for {printable(target.model, 40)} ({flops(target.compute_flops)}, "
            f"{times(target.compute_ratio)} times the largest measured LLM)",
            soft_wrap=True,
        )
        _show_ranking(found, console)
        return
    for key, target in found.candidates.items():
        console.print(
            f"{key}: {printable(names[key], 200)}: {printable(target.model, 40)} "
            f"({flops(target.compute_flops)}, {times(target.compute_ratio)} times the largest "
            "measured LLM)",
            soft_wrap=True,
        )
    for match in found.matches:
        console.print()
        _show_match(match, console)


def _show_ranking(found: Comparison, console: Console) -> None:
    title = "How predictable the benchmarks are"
    console.print(_fitting(title, partial(_fill_verdicts, found), console))
    console.print(
        "The most predictable first. Score: median and 90 % equal-tailed range. Expected error: "
        "points that the score is expected to lie off the median, on average. Benchmarks that "
        "share a letter are tied: neither would come closer to its "
        f"forecast than the other with a chance of {100 * TOLD_APART:.0f} % or more.",
        soft_wrap=True,
    )
    console.print(_past_said(found), soft_wrap=True)
    console.print()
    console.print(_fitting("What that rests on", partial(_fill_grounds, found), console))
    by_noise = sorted({f"{one.signal.by_noise:.1f}" for one in found.ranking if one.signal})
    limit = f" (noise alone makes up to {', '.join(by_noise)})" if by_noise else ""
    console.print(
        "Predictable share: of the questions, in clusters that can be extrapolated. Clusters: "
        "chance that a question's cluster can be. Signal to noise: spread of the measured scores "
        f"over how far one LLM lies off the law{limit}. In brackets 90 % equal-tailed ranges.",
        soft_wrap=True,
    )
    for line in _reasons(found):
        console.print(line, soft_wrap=True)


def _fitting(title: str, fill: Callable[[Table, str], None], console: Console) -> Table:
    """A table with one line a row, or two where the console is too narrow for that."""
    for gap in (" ", "\n"):
        table = Table(title=title, box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
        table.title_justify, table.title_style = "left", "bold"
        fill(table, gap)
        if console.measure(table, options=console.options.update(max_width=_WIDEST)).maximum <= (
            console.width
        ):
            break
    return table


def _fill_verdicts(found: Comparison, table: Table, gap: str) -> None:
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("benchmark", overflow="fold", min_width=12)
    table.add_column("verdict", no_wrap=True)
    table.add_column(f"score %{gap}(90 % range)", justify="right", no_wrap=True)
    table.add_column("expected\nerror", justify="right", no_wrap=True)
    table.add_column("tie")
    if found.recorded:
        table.add_column("record", justify="right", no_wrap=True)
    for one in found.ranking:
        table.add_row(*_verdict_row(one, found.recorded, gap))


def _verdict_row(one: Predictability, recorded: bool, gap: str) -> Iterator[str | Text]:
    stated = math.isfinite(one.expected_error)
    yield str(one.rank)
    yield Text(printable(one.benchmark, 40))
    yield Text(one.verdict, style=_COLOURS[one.verdict])
    yield _with_range(one.score, gap) if stated else "withheld"
    yield f"{100 * one.expected_error:.1f}" if stated else _DASH
    yield " ".join(one.groups)
    if recorded:
        past = one.past
        yield (
            f"{past.held} of {past.truths},{gap}off {100 * past.mean_error:.1f}"
            if past
            else (_DASH)
        )


def _past_said(found: Comparison) -> str:
    if found.recorded:
        return (
            "Record: how many truths of held-out LLMs the 90 % ranges held, and how many points "
            "medians were off on average."
        )
    return (
        "Unchecked: there is no record of how such forecasts did on this ladder; bayescod backtest "
        "makes one, --backtest shows it here."
    )


def _fill_grounds(found: Comparison, table: Table, gap: str) -> None:
    table.add_column("benchmark", overflow="fold", min_width=12)
    table.add_column("method", no_wrap=True)
    table.add_column("predictable\nshare %", justify="right", no_wrap=True)
    table.add_column("clusters", justify="right", no_wrap=True)
    table.add_column("signal\nto noise", justify="right", no_wrap=True)
    table.add_column("checks", no_wrap=True)
    for one in found.ranking:
        table.add_row(
            Text(printable(one.benchmark, 40)),
            one.method,
            _with_range(one.share, gap) if math.isfinite(one.share.median) else _DASH,
            _DASH if one.p_extrapolatable is None else chance(one.p_extrapolatable),
            _signal(one, gap),
            one.status,
        )


def _with_range(one: Summary, gap: str) -> str:
    shown = percent_range(one.median, one.low, one.high)
    return f"{shown.median}{gap}({shown.low} to {shown.high})"


def _signal(one: Predictability, gap: str) -> str:
    signal = one.signal
    if signal is None or not math.isfinite(signal.ratio):
        return _DASH
    return f"{times(signal.ratio)}{gap}({times(signal.low)} to {times(signal.high)})"


def _reasons(found: Comparison) -> Iterator[str]:
    for one in found.ranking:
        for reason in one.reasons:
            if reason.code == "unchecked" and not found.recorded:
                continue  # said once, of all of them
            yield (
                f"{printable(one.benchmark)}: {one.verdict}: [{reason.code}] "
                + printable(reason.message, _LONGEST_NOTE)
            )


def _show_match(match: Match, console: Console) -> None:
    if match.contests:
        title = f"{match.first} against {match.second}"
        console.print(_fitting(title, partial(_fill_contests, match), console))
        console.print(
            "Chances are that the measured score is higher, ties half. Difference: "
            f"{match.first} minus {match.second}, expected, with its 90 % equal-tailed range; of "
            f"{match.n_worlds:,} pairs of worlds.",
            soft_wrap=True,
        )
    else:
        console.print(
            f"{match.first} against {match.second}: no forecast passed its checks in both."
        )
    console.print(
        "Both are of one ladder: in each world one law holds for both, and they are taken as two "
        "separate trainings, each with luck of its own."
        if match.pairing == SAME_LAW
        else "The two forecasts are taken as independent.",
        soft_wrap=True,
    )
    for note in match.notes:
        console.print(printable(note, _LONGEST_NOTE), soft_wrap=True)


def _fill_contests(match: Match, table: Table, gap: str) -> None:
    first, second = match.first, match.second
    table.add_column("benchmark", overflow="fold", min_width=12)
    table.add_column(f"chance that{gap}{first} is higher", justify="right", no_wrap=True)
    table.add_column(f"{first} minus {second}{gap}(points)", justify="right", no_wrap=True)
    for one in match.contests:
        table.add_row(Text(printable(one.benchmark, 40)), *_contest(one))
    if match.mean and match.all_higher is not None and match.all_lower is not None:
        table.add_section()
        table.add_row("mean of all", *_contest(match.mean))
        table.add_row(f"{first} higher on all {len(match.contests)}", chance(match.all_higher), "")
        table.add_row(f"{second} higher on all {len(match.contests)}", chance(match.all_lower), "")


def _contest(one: Contest) -> tuple[str, str]:
    gap = one.difference
    return chance(one.chance), f"{points(gap.mean)} ({points(gap.low)} to {points(gap.high)})"
