"""The account of an import in the terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from bayescod.reporting.wording import printable
from bayescod.scores.importers.records import OLDER

if TYPE_CHECKING:
    from rich.console import Console

    from bayescod.scores.importers.records import Dropped, Imported, Taken

_MOST_ROWS: Final = 40  # with more, one row a benchmark
_MOST_REASONS: Final = 20


def show_import(imported: Imported, console: Console) -> None:
    """Print what was taken of which model, what was left out and why.

    Parameters
    ----------
    imported : Imported
    console : rich.console.Console
        Where to print.
    """
    taken = imported.taken
    trials = sum(one.n_trials for one in taken)
    console.print(
        f"{_many(len(imported.files), 'log')} of {imported.tool}: {trials:,} trials of "
        f"{_many(len({one.model for one in taken}), 'model')} on "
        f"{_many(len({one.benchmark for one in taken}), 'benchmark')}",
        soft_wrap=True,
    )
    console.print(_by_model(taken) if len(taken) <= _MOST_ROWS else _by_benchmark(taken))
    for line in [*_remarks(taken), *_left_out(imported.dropped)]:
        console.print(line, soft_wrap=True)
    for spelt, model in list(imported.renamed.items())[:_MOST_ROWS]:
        console.print(f"{printable(spelt)} is {printable(model)}", soft_wrap=True)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _table(*names: str) -> Table:
    table = Table()
    for name in names:
        left = name in ("benchmark", "model")
        table.add_column(
            name, justify="left" if left else "right", no_wrap=not left, overflow="fold"
        )
    return table


def _by_model(taken: Sequence[Taken]) -> Table:
    table = _table("benchmark", "model", "items", "missing", "trials an item", "right")
    for one in taken:
        table.add_row(
            Text(printable(one.benchmark)),
            Text(printable(one.model)),
            f"{one.n_items:,}",
            f"{one.n_missing:,}",
            _trials([one]),
            f"{one.n_correct / one.n_trials:.1%}",
        )
    return table


def _by_benchmark(taken: Sequence[Taken]) -> Table:
    groups: dict[str, list[Taken]] = defaultdict(list)
    for one in taken:
        groups[one.benchmark].append(one)
    table = _table("benchmark", "models", "items", "missing", "trials an item", "right")
    for benchmark, mine in groups.items():
        shares = [one.n_correct / one.n_trials for one in mine]
        table.add_row(
            Text(printable(benchmark)),
            f"{len(mine):,}",
            f"{max(one.n_items + one.n_missing for one in mine):,}",
            f"{sum(one.n_missing for one in mine):,}",
            _trials(mine),
            f"{min(shares):.1%} to {max(shares):.1%}",
        )
    return table


def _trials(taken: Sequence[Taken]) -> str:
    """Smallest, median and largest number of trials an item, or the one there is."""
    low = min(one.trials[0] for one in taken)
    middle = median(one.trials[1] for one in taken)
    high = max(one.trials[2] for one in taken)
    return f"{low}" if low == high else f"{low} / {middle:g} / {high}"


def _remarks(taken: Sequence[Taken]) -> list[str]:
    lines = []
    if any(one.trials[0] != one.trials[2] for one in taken):
        lines.append("Trials an item: smallest / median / largest.")
    if missing := sum(one.n_missing > 0 for one in taken):
        lines.append(
            f"{_many(missing, 'log')} of {len(taken)} lack items that other models have; those "
            "count as not measured, never as wrong."
        )
    if mixed := sum(one.not_binary for one in taken):
        lines.append(f"{_many(mixed, 'score')} in the logs were neither 0 nor 1.")
    return lines


def _left_out(dropped: Sequence[Dropped]) -> list[str]:
    """Reasons with how much they concern, the largest first."""
    groups: dict[str, list[Dropped]] = defaultdict(list)
    for one in dropped:
        groups[one.reason].append(one)
    ordered = sorted(groups.items(), key=lambda pair: -sum(one.lines or 1 for one in pair[1]))
    told = []
    for reason, mine in ordered[:_MOST_REASONS]:
        lines, logs = sum(one.lines for one in mine), len({one.source for one in mine})
        what = f"{_many(lines, 'line')} in {_many(logs, 'log')}" if lines else _many(logs, "log")
        where = f" ({printable(mine[0].source, 200)})" if logs == 1 else ""
        told.append(f"Left out: {what}{where}: {printable(reason, 400)}")
    if any(reason.startswith(OLDER) for reason in groups):
        told.append("Runs with other seeds are repeats, and add up, with --select repeats=all.")
    if len(ordered) > _MOST_REASONS:
        told.append(f"and {len(ordered) - _MOST_REASONS} more reasons, see the account file.")
    return told
