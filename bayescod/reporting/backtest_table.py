"""The summary of a backtest as tables in the terminal, and as Markdown."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from bayescod.reporting.wording import printable

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

Row = dict[str, Any]
Cell = Callable[[Row, str], str]
"""A row of the summary and what stands between a figure and its interval, to text."""

_WIDEST: Final = 10_000  # columns that no table needs, to measure what one would like
_NOTE: Final = (
    "Errors, bias, widths and CRPS in percentage points of score; bias: median minus truth; "
    "skill: CRPS below that of {reference}, on the pairs both have; checks: forecasts that pass / "
    "are to review / fail. In brackets 90 % intervals, equal-tailed, that take forecasts of one "
    "held-out LLM as alike."
)


def show_backtest(summary: pd.DataFrame, console: Console, reference: str = "end-to-end") -> None:
    """Print the record of each method: how near its forecasts came, and how far to trust them.

    Parameters
    ----------
    summary : pandas.DataFrame
        As returned by :func:`bayescod.evaluation.summary.summarise_backtest`; its first method is
        put into words.
    console : rich.console.Console
        Where to print; on a narrow one intervals go below their figures.
    reference : str, default "end-to-end"
        What skill is measured against.
    """
    if summary.empty:
        console.print("The backtest has no forecast.")
        return
    console.print(_record(summary), soft_wrap=True)
    ranked = _ranked(summary)
    for title, columns in _TABLES.items():
        table = _table(title, columns, ranked, narrow=False)
        unbound = console.options.update(max_width=_WIDEST)
        if console.measure(table, options=unbound).maximum > console.width:
            table = _table(title, columns, ranked, narrow=True)
        console.print(table)
    console.print(_NOTE.format(reference=printable(reference)), soft_wrap=True)
    for remark in _remarks(summary):
        console.print(remark, soft_wrap=True)


def markdown_table(summary: pd.DataFrame, reference: str = "end-to-end") -> str:
    """The record of each method as Markdown: a sentence, a table, and what it means.

    Parameters
    ----------
    summary : pandas.DataFrame
        As returned by :func:`bayescod.evaluation.summary.summarise_backtest`; its first method is
        put into words.
    reference : str, default "end-to-end"
        What skill is measured against.

    Returns
    -------
    str
        Sorted by CRPS, the best first; ends with a line end.
    """
    if summary.empty:
        return "The backtest has no forecast.\n"
    columns = {name: cell for table in _TABLES.values() for name, cell in table.items()}
    lines = [
        _escaped(_record(summary)),
        "",
        "| " + " | ".join(["method", *columns]) + " |",
        "| --- |" + " ---: |" * len(columns),
    ]
    for row in _ranked(summary):
        cells = [
            _escaped(printable(str(row["method"]))),
            *(cell(row, " ") for cell in columns.values()),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    notes = [_NOTE.format(reference=printable(reference)), *_remarks(summary)]
    lines += ["", *(_escaped(note) for note in notes)]
    return "\n".join(lines) + "\n"


def headline(summary: pd.DataFrame) -> str:
    """The record of the first method in one sentence.

    Parameters
    ----------
    summary : pandas.DataFrame
        As returned by :func:`bayescod.evaluation.summary.summarise_backtest`, with a row or more.

    Returns
    -------
    str
        For example ``90 % ranges held 24 of 27 truths (89 %, 90 % interval 75 to 96 %); ...``
    """
    row = summary.iloc[0].to_dict()
    if row["pairs"] == 0:
        return "no forecast has numbers."
    share, low, high = _whole_percents(row, "coverage90")
    return (
        f"90 % ranges held {round(row['coverage90'] * row['pairs'])} of {row['pairs']} "
        f"truths ({share} %, 90 % interval {low} to {high} %); the median was "
        f"{100 * row['mean_error']:.1f} points off on average and {100 * row['worst_error']:.1f} "
        "at worst."
    )


def _record(summary: pd.DataFrame) -> str:
    return f"{printable(str(summary['method'].iloc[0]))}: {headline(summary)}"


def _table(title: str, columns: dict[str, Cell], rows: list[Row], narrow: bool) -> Table:
    gap = "\n" if narrow else " "
    table = Table(title=title, title_justify="left", title_style="bold")
    if narrow:
        table.box, table.padding, table.pad_edge = SIMPLE_HEAD, 0, False
    table.add_column("method", overflow="fold", min_width=10)
    for name in columns:
        table.add_column(gap.join(name.rsplit(" ", 1)), justify="right", no_wrap=True)
    for row in rows:
        cells = [cell(row, gap) for cell in columns.values()]
        table.add_row(Text(printable(str(row["method"]))), *cells)
    return table


def _ranked(summary: pd.DataFrame) -> list[Row]:
    """Rows by CRPS, the best first; a method without forecasts last."""
    rows: list[Row] = summary.to_dict("records")
    return sorted(rows, key=lambda row: (math.isnan(row["crps"]), row["crps"]))


def _remarks(summary: pd.DataFrame) -> Iterator[str]:
    if summary["llms"].max() == 1:
        yield (
            "One held-out LLM does not show how LLMs differ: means have no interval, and those of "
            "the shares are wide."
        )
    if summary["pairs"].nunique() > 1:
        yield (
            "The methods have forecasts of different pairs: compare them by skill, which uses the "
            "pairs that both have."
        )
    for row in summary.to_dict("records"):
        name = printable(str(row["method"]))
        if row["without_forecast"]:
            yield f"{name}: {row['without_forecast']} forecasts have no numbers and count nowhere."
        if row["failed"]:
            yield (
                f"{name}: {row['failed']} forecasts failed the sampler's checks and count all the "
                "same."
            )


def _number(name: str, scale: int = 1, form: str = ".1f") -> Cell:
    """A cell with a figure alone."""

    def cell(row: Row, _: str) -> str:
        value = scale * row[name]
        return format(value, form) if math.isfinite(value) else "–"

    return cell


def _points(name: str, sign: str = "") -> Cell:
    """A cell with a figure in percentage points and its interval."""

    def cell(row: Row, gap: str) -> str:
        value, *ends = (
            format(100 * row[f"{name}{end}"], f"{sign}.1f")
            if math.isfinite(row[f"{name}{end}"])
            else "–"
            for end in ("", "_low", "_high")
        )
        return f"{value}{gap}[{', '.join(ends)}]"

    return cell


def _percent(name: str) -> Cell:
    """A cell with a figure in whole per cents and its interval."""

    def cell(row: Row, gap: str) -> str:
        value, low, high = _whole_percents(row, name)
        return f"{value} %{gap}[{low}, {high}]"

    return cell


def _whole_percents(row: Row, name: str) -> tuple[str, str, str]:
    """A figure and the ends of its interval, rounded outwards."""
    value, low, high = (100 * row[f"{name}{end}"] for end in ("", "_low", "_high"))
    # 100 * 0.55 is a hair above 55, which must not become 56.
    return (
        str(round(value)) if math.isfinite(value) else "–",
        str(math.floor(round(low, 6))) if math.isfinite(low) else "–",
        str(math.ceil(round(high, 6))) if math.isfinite(high) else "–",
    )


def _checks(row: Row, _: str) -> str:
    return f"{row['passed']} / {row['review']} / {row['failed']}"


def _escaped(text: str) -> str:
    """Text whose characters mean nothing to Markdown or HTML."""
    return re.sub(r"([\\`*_{}<>|#$~&])", r"\\\1", text)


_TABLES: Final[dict[str, dict[str, Cell]]] = {
    "How near the forecasts came (best CRPS first)": {
        "pairs": _number("pairs", form="d"),
        "LLMs": _number("llms", form="d"),
        "mean error": _points("mean_error"),
        "worst": _number("worst_error", 100),
        "bias": _points("bias", "+"),
        "CRPS": _points("crps"),
        "skill": _percent("skill"),
    },
    "How many truths the ranges held": {
        "50 % ranges": _percent("coverage50"),
        "80 % ranges": _percent("coverage80"),
        "90 % ranges": _percent("coverage90"),
        "90 % width": _points("width90"),
        "log score": _number("log_score", form=".2f"),
        "checks": _checks,
    },
}
