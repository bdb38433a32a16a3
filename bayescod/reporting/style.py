"""What all figures share: one style that stays readable in greyscale, safe text, saving."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.ticker import FuncFormatter, LogLocator

from bayescod.reporting.wording import flops, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

    from bayescod.forecasting.records import BenchmarkForecast

_FONT = "DejaVu Sans"  # comes with matplotlib, so that every machine draws the same
STYLE: dict[Any, Any] = {
    "font.family": _FONT,
    "font.size": 11,
    "text.parse_math": False,  # a benchmark may be called "$x$"
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.axisbelow": True,
    "svg.fonttype": "path",
    "svg.hashsalt": "bayescod",
}
# Shades that stay apart in greyscale; what matters differs in shape too.
BAND_90, BAND_50, LINE = "#d3e0ef", "#9dbbdb", "#1d4e89"
SHOWN_BEYOND_TARGET = 10.0  # a fan is drawn to so many times the target; a plan may ask for more
NORMAL_90 = 1.6448536269514722  # half width of a normal's central 90 %, in standard deviations
TARGET, INK, MUTED = "#a63c00", "#111111", "#555555"


def save_figure(figure: Figure, path: Path, kind: str) -> None:
    """Write a figure without dates or versions: same figure, same bytes, on one machine.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to write.
    path : Path
        Where, whatever its suffix.
    kind : str
        ``png`` (200 dots an inch) or ``svg``.
    """
    nameless = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}
    with mpl.rc_context(STYLE):
        figure.savefig(path, format=kind, dpi=200, metadata=nameless[kind])


@cache
def _known_characters() -> frozenset[int]:
    return frozenset(get_font(findfont(_FONT)).get_charmap())


def drawable(text: str, longest: int = 60) -> str:
    """The text with characters that the font lacks replaced, for matplotlib warns of each."""
    known = _known_characters()
    return "".join(char if ord(char) in known else "�" for char in printable(text, longest))


def cut_to_fit(figure: Figure, text: Text) -> None:
    """Shorten a text until it lies within the width of its figure."""
    width = figure.bbox.x1
    while len(text.get_text()) > 1:
        box = text.get_window_extent()
        if box.x0 >= 0.01 * width and box.x1 <= 0.99 * width:
            return
        text.set_text(text.get_text().rstrip("…")[:-1] + "…")


def add_legend(figure: Figure, axes: Axes, corner: tuple[float, float], columns: int) -> None:
    """Put a legend into a corner of the figure: the ranges and the median first, each once."""
    handles, labels = axes.get_legend_handles_labels()
    by_label = dict(zip(labels, handles, strict=True))
    order = sorted(by_label, key=lambda label: not label.endswith(("equal-tailed", "median")))
    figure.legend(
        [by_label[label] for label in order],
        order,
        loc="lower left",
        bbox_to_anchor=corner,
        ncols=columns,
        frameon=False,
        fontsize=9,
    )


def against_compute(axes: Axes) -> None:
    """Dress axes whose horizontal one is compute [FLOP], its limits and scale set."""
    low, high = axes.get_xlim()
    steps = (1.0,) if high / low >= 100 else (1.0, 2.0, 5.0)
    axes.xaxis.set_major_locator(LogLocator(subs=steps))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: flops(value).removesuffix(" FLOP"))
    )
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    axes.set_xlabel("training compute (FLOP)")
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.8)


def is_withheld(forecast: BenchmarkForecast) -> bool:
    """Whether a forecast is not to be stated: its checks failed, or it has no number."""
    return forecast.status == "fail" or not np.isfinite(forecast.summary("score").median)
