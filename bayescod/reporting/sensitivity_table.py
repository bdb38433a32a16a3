"""What a forecast owes to its settings, as tables in the terminal and as Markdown.

Variants are rows and benchmarks are groups of columns, as in the ablation tables of arXiv
2502.17262.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from bayescod.evaluation.power_scaling import THRESHOLD
from bayescod.evaluation.sensitivity import REFERENCE
from bayescod.reporting.wording import flops, points, printable

if TYPE_CHECKING:
    from rich.console import Console

    from bayescod.evaluation.power_scaling import Scaled
    from bayescod.evaluation.sensitivity import Sensitivity, SensitivityRow

_LARGE: Final = 0.25  # of the reference's range: a change that a reader should see first
_NAME_WIDTH, _CELL_WIDTH = 26, 24
_DASH: Final = "–"
_NOTE: Final = (
    "change: of the median (the reference: the median itself, in per cent); width: of the 90 % "
    "equal-tailed range, both in percentage points; share: of the items in the predictable subset; "
    "same: not a draw has changed. "
    "Set a change beside the reference's width; more than a quarter of it is bold. e: end-to-end "
    "where the reference is not; c: COD where the reference is not; !: the sampler's checks failed."
)
_POWER_NOTE: Final = (
    "Sensitivity of the forecast to each prior, and to the ladder: distance between forecasts, a "
    f"doubling of its power; from {THRESHOLD:g} on worth a look. k: the weights are not smooth "
    "enough to trust it."
)


def show_sensitivity(found: Sensitivity, console: Console) -> None:
    """Print how a forecast changes, variant by variant, and how far it depends on each prior.

    Parameters
    ----------
    found : Sensitivity
        As returned by :func:`bayescod.sensitivity`.
    console : rich.console.Console
        Where to print; benchmarks that do not fit beside each other go below.
    """
    console.print(f"{_title(found)}\n{headline(found)}", soft_wrap=True)
    names = list(found.power_scaling)
    room = max(1, (console.width - _NAME_WIDTH - 4) // (_CELL_WIDTH + 3))
    for begin in range(0, len(names), room):
        console.print(_table(found, names[begin : begin + room]))
    console.print(_NOTE, soft_wrap=True)
    for remark in _remarks(found):
        console.print(f"- {remark}", soft_wrap=True)
    room = max(1, (console.width - _NAME_WIDTH) // 16)
    for begin in range(0, len(names), room):
        console.print(_power_table(found, names[begin : begin + room]))
    console.print(_POWER_NOTE, soft_wrap=True)
    for remark in _power_remarks(found):
        console.print(f"- {remark}", soft_wrap=True)


def markdown_sensitivity(found: Sensitivity) -> str:
    """The same as Markdown.

    Parameters
    ----------
    found : Sensitivity
        As returned by :func:`bayescod.sensitivity`.

    Returns
    -------
    str
        Ends with a line end.
    """
    names = list(found.power_scaling)
    shown = [_escaped(printable(name)) for name in names]
    lines = [_escaped(_title(found)), "", _escaped(headline(found)), ""]
    lines += ["| variant | " + " | ".join(f"{n}: change / width / share" for n in shown) + " |"]
    lines += ["| --- |" + " ---: |" * len(names)]
    for variant, rows in _by_variant(found):
        cells = [_markdown_cell(rows[name], _reference(found)[name]) for name in names]
        lines.append(f"| {_escaped(printable(variant))} | " + " | ".join(cells) + " |")
    lines += ["", _escaped(_NOTE), "", *(f"- {_escaped(r)}" for r in _remarks(found))]
    lines += [
        "",
        "| power-scaled | " + " | ".join(shown) + " |",
        "| --- |" + " ---: |" * len(names),
    ]
    for factor in _factors(found):
        cells = [_power_cell(found, name, factor) for name in names]
        lines.append(f"| {_escaped(factor)} | " + " | ".join(cells) + " |")
    lines += ["", _escaped(_POWER_NOTE), "", *(f"- {_escaped(r)}" for r in _power_remarks(found))]
    return "\n".join(lines).rstrip() + "\n"


def headline(found: Sensitivity) -> str:
    """The largest change of a median in one sentence.

    Parameters
    ----------
    found : Sensitivity

    Returns
    -------
    str
    """
    changed = [row for row in found.rows if row.group != REFERENCE and math.isfinite(row.change)]
    if not changed:
        return "No variant applies."
    row = max(changed, key=lambda row: abs(row.change))
    part = abs(row.change) / row.reference_width if row.reference_width > 0 else math.nan
    share = f", {part:.2f} of its 90 % range" if math.isfinite(part) else ""
    return (
        f"Largest change of a median: {points(row.change)} points on "
        f"{printable(row.benchmark)}{share}, by the variant {printable(row.variant)!r}."
    )


def _title(found: Sensitivity) -> str:
    size = flops(found.compute_flops)
    return f"Sensitivity of the forecast for {printable(found.target, 40)} ({size})"


def _table(found: Sensitivity, names: Sequence[str]) -> Table:
    table = Table()
    table.add_column("variant", overflow="fold", min_width=_NAME_WIDTH)
    reference = _reference(found)
    for name in names:
        head = f"{printable(name, _CELL_WIDTH)}\n{'change':>7} {'width':>6} {'share':>6}   "
        table.add_column(Text(head), justify="right", no_wrap=True, min_width=_CELL_WIDTH)
    for _, members in groupby(_by_variant(found), key=lambda pair: _group(pair[1])):
        for variant, rows in members:
            cells = [_cell(rows[name], reference[name]) for name in names]
            table.add_row(Text(printable(variant)), *cells)
        table.add_section()
    return table


def _power_table(found: Sensitivity, names: Sequence[str]) -> Table:
    table = Table(title="Power scaling", title_justify="left", title_style="bold")
    table.add_column("factor", min_width=12)
    for name in names:
        table.add_column(Text(printable(name, 12)), justify="right", no_wrap=True)
    for factor in _factors(found):
        table.add_row(factor, *(_power_cell(found, name, factor) for name in names))
    return table


def _by_variant(found: Sensitivity) -> Iterator[tuple[str, Mapping[str, SensitivityRow]]]:
    """Rows of each variant by benchmark, in the order of the result."""
    for variant, rows in groupby(found.rows, key=lambda row: row.variant):
        yield variant, {row.benchmark: row for row in rows}


def _reference(found: Sensitivity) -> Mapping[str, SensitivityRow]:
    return next(rows for variant, rows in _by_variant(found) if variant == REFERENCE)


def _group(rows: Mapping[str, SensitivityRow]) -> str:
    return next(iter(rows.values())).group


def _figures(row: SensitivityRow, reference: SensitivityRow) -> tuple[str, str, str, str]:
    """Change (median for the reference), width, share, and marks."""
    change = f"{100 * row.median:.1f}" if row.group == REFERENCE else points(row.change)
    if row.group != REFERENCE and row.change == 0.0 and row.width == row.reference_width:
        change = "same"
    share = f"{row.predictable_share:.0%}" if math.isfinite(row.predictable_share) else _DASH
    marks = "" if row.method == reference.method else {"cod": "c", "end-to-end": "e"}[row.method]
    marks += "!" if row.status == "fail" else ""
    return change, f"{100 * row.width:.1f}", share, marks


def _is_large(row: SensitivityRow) -> bool:
    return row.group != REFERENCE and abs(row.change) > _LARGE * row.reference_width


def _cell(row: SensitivityRow, reference: SensitivityRow) -> Text:
    if not row.method:
        return Text(f"{_DASH}   ", style="dim")
    change, width, share, marks = _figures(row, reference)
    text = f"{change:>7} {width:>6} {share:>6} {marks:<2}"
    return Text(text, style="bold" if _is_large(row) else "")


def _markdown_cell(row: SensitivityRow, reference: SensitivityRow) -> str:
    if not row.method:
        return _DASH
    change, width, share, marks = _figures(row, reference)
    shown = f"**{change}**" if _is_large(row) else change
    return f"{shown} / {width} / {share} {marks}".rstrip()


def _remarks(found: Sensitivity) -> Iterator[str]:
    """Why cells are empty, one line a reason."""
    empty: dict[tuple[str, str], list[str]] = {}
    for row in found.rows:
        if not row.method:
            empty.setdefault((row.benchmark, row.note), []).append(row.variant)
    for (benchmark, note), variants in empty.items():
        yield f"{printable(benchmark)}: not run ({', '.join(map(printable, variants))}): " + (
            printable(note, 300)
        )


def _factors(found: Sensitivity) -> list[str]:
    """Factors of all benchmarks, in the order in which they first come."""
    rows = (row.factor for scaled in found.power_scaling.values() for row in scaled.rows)
    return list(dict.fromkeys(rows))


def _power_cell(found: Sensitivity, name: str, factor: str) -> str:
    row = _scaled(found, name, factor)
    if row is None:
        return _DASH
    return f"{row.sensitivity:.2f}" + ("" if row.reliable else " k")


def _scaled(found: Sensitivity, name: str, factor: str) -> Scaled | None:
    return next((row for row in found.power_scaling[name].rows if row.factor == factor), None)


def _power_remarks(found: Sensitivity) -> Iterator[str]:
    for name, scaled in found.power_scaling.items():
        for row in scaled.rows:
            if row.verdict not in ("robust", "informative"):
                yield f"{printable(name)}: {row.factor} ({row.sensitivity:.2f}): {row.words}"


def _escaped(text: str) -> str:
    """Text whose characters mean nothing to Markdown or HTML."""
    return re.sub(r"([\\`*_{}\[\]<>|#$~&])", r"\\\1", text)
