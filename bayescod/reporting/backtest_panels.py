"""Figures of a backtest's calibration: one panel a method."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from bayescod.errors import UnknownNameError
from bayescod.evaluation.intervals import LEVEL, share_interval
from bayescod.evaluation.summary import distinct_forecasts
from bayescod.reporting.style import (
    BAND_50,
    BAND_90,
    INK,
    LINE,
    MUTED,
    STYLE,
    add_legend,
    cut_to_fit,
    drawable,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from bayescod.forecasting.records import FloatArray

GRID: Final[dict[str, Any]] = {"color": "#e4e4e4", "linewidth": 0.8}
_MANY: Final = 60  # truths, from which ten bars of a histogram tell more than five
# The range of level 1 is all of [0, 1] and would hold every truth.
_LEVELS: Final = np.append(np.arange(0.05, 0.96, 0.05), 0.99)


def pit_figure(frame: pd.DataFrame, methods: Sequence[str]) -> Figure:
    """Where the truths fell within their forecasts, one histogram a method.

    Parameters
    ----------
    frame : pandas.DataFrame
        The columns of ``backtest.csv``.
    methods : sequence of str

    Returns
    -------
    matplotlib.figure.Figure
        Histograms of the probability integral transform: flat where forecasts are calibrated,
        heaped at both ends where they are too sure, at one end where they are biased. The band
        holds 90 % of each bar's heights if the truths fell evenly and apart (binomial).

    Raises
    ------
    UnknownNameError
        If the backtest has no such method.
    """
    labels = ("place of the truth in the forecast (%)", "share of truths (%)")
    titles = (
        "Where the truths fell within their forecasts",
        "even: calibrated; heaped at both ends: too sure; to the right: forecasts too low",
    )
    return _panel_each(frame, methods, _draw_pit, labels, titles)


def coverage_figure(frame: pd.DataFrame, methods: Sequence[str]) -> Figure:
    """How many truths the ranges held, against how many they claim to hold.

    Parameters
    ----------
    frame : pandas.DataFrame
        The columns of ``backtest.csv``, and ``cluster`` where that is not ``model``.
    methods : sequence of str

    Returns
    -------
    matplotlib.figure.Figure
        One panel a method: achieved coverage of the equal-tailed ranges of 5 to 99 %, with 90 %
        intervals that take forecasts of one held-out LLM as alike. Below the diagonal ranges are
        too narrow, above it too wide.

    Raises
    ------
    UnknownNameError
        If the backtest has no such method.
    """
    labels = ("level of the range (%)", "truths held (%)")
    titles = (
        "How many truths the ranges held",
        "below the diagonal ranges are too narrow, above it too wide",
    )
    return _panel_each(frame, methods, _draw_coverage, labels, titles)


def _panel_each(
    frame: pd.DataFrame,
    methods: Sequence[str],
    draw: Callable[[Axes, pd.DataFrame], None],
    labels: tuple[str, str],
    titles: tuple[str, str],
) -> Figure:
    """A panel a method, under one legend, title and pair of axis labels."""
    with mpl.rc_context(STYLE):
        figure, panels = _panels(len(methods))
        for axes, method in zip(panels, methods, strict=True):
            rows = stated_rows(frame, method)
            draw(axes, rows)
            _name_panel(axes, method, rows)
        _label(figure, *labels)
        add_legend(figure, panels[0], (0.05, 0.0), columns=3)
        add_title(figure, *titles)
    return figure


def stated_rows(frame: pd.DataFrame, method: str) -> pd.DataFrame:
    """The forecasts of a method that have numbers, none twice, with a cluster each.

    Parameters
    ----------
    frame : pandas.DataFrame
        The columns of ``backtest.csv``.
    method : str

    Returns
    -------
    pandas.DataFrame
        ``cluster`` is ``model`` where the table has no such column.

    Raises
    ------
    UnknownNameError
        If the backtest has no such method.
    """
    rows = frame.loc[frame["method"] == method]
    if rows.empty:
        raise UnknownNameError("method", method, set(frame["method"]))
    table = distinct_forecasts(rows)
    return table.loc[table["crps"].notna()]


def percent(rows: pd.DataFrame, column: str) -> FloatArray:
    """A column of scores, times 100."""
    return 100.0 * rows[column].to_numpy(dtype=np.float64)


def add_title(figure: Figure, title: str, *lines: str) -> None:
    """A title and small lines under it, cut to the width of the figure."""
    height = figure.get_figheight()
    figure.text(0.03, 1 - 0.36 / height, drawable(title, 120), fontsize=14, weight="bold")
    for place, line in enumerate(lines):
        figure.text(0.03, 1 - (0.60 + 0.19 * place) / height, line, fontsize=9, color=MUTED)
    for text in figure.texts:
        cut_to_fit(figure, text)


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    """A figure with as many panels of one size as there are methods, four in a row at most."""
    columns = min(count, 4)
    rows = math.ceil(count / columns)
    width, height = (7.2 if count == 1 else 9.6), 1.8 + (4.0 if count == 1 else 2.35) * rows
    figure = Figure(figsize=(width, height))
    grid = figure.add_gridspec(
        rows,
        columns,
        left=0.65 / width,
        right=1 - 0.3 / width,
        top=1 - 1.1 / height,
        bottom=1.0 / height,
        hspace=0.5,
        wspace=0.2,
    )
    first: Axes | None = None
    panels = []
    for place in range(count):
        first = figure.add_subplot(grid[divmod(place, columns)], sharex=first, sharey=first)
        first.tick_params(labelleft=place % columns == 0)
        panels.append(first)
    return figure, panels


def _label(figure: Figure, x: str, y: str) -> None:
    height = figure.get_figheight()
    figure.supxlabel(x, y=0.52 / height, fontsize=11, va="center")
    figure.supylabel(y, x=0.012, fontsize=11)


def _name_panel(axes: Axes, method: str, rows: pd.DataFrame) -> None:
    llms = rows["cluster"].nunique()
    note = f"{len(rows)} forecasts, {llms} LLM{'' if llms == 1 else 's'}"
    title = axes.set_title(drawable(method, 40), fontsize=10, loc="left", pad=18)
    while title.get_window_extent().width > axes.bbox.width and len(title.get_text()) > 1:
        title.set_text(title.get_text().rstrip("…")[:-1] + "…")
    axes.annotate(
        note, (0, 1), (0, 5), xycoords="axes fraction", textcoords="offset points", fontsize=8
    )


def _draw_pit(axes: Axes, rows: pd.DataFrame) -> None:
    n = len(rows)
    bins = 10 if n >= _MANY else 5
    heights, edges = np.histogram(rows["pit"], bins=bins, range=(0.0, 1.0))
    axes.bar(
        100 * edges[:-1],
        100 * heights / max(n, 1),
        width=100 / bins,
        align="edge",
        color=BAND_50,
        edgecolor=LINE,
        linewidth=0.8,
        label="truths",
    )
    low, high = 100 * stats.binom.ppf((0.5 - LEVEL / 2, 0.5 + LEVEL / 2), n, 1 / bins) / max(n, 1)
    axes.axhspan(
        low,
        high,
        facecolor=MUTED,
        alpha=0.25,
        linewidth=0,
        zorder=3,
        label="90 % of bars if calibrated, for forecasts that err apart",
    )
    axes.axhline(100 / bins, color=INK, linewidth=1.0, zorder=4, label="even")
    axes.set(xlim=(0, 100), xticks=(0, 50, 100))


def _draw_coverage(axes: Axes, rows: pd.DataFrame) -> None:
    depth = np.abs(2.0 * rows["pit"].to_numpy(dtype=np.float64) - 1.0)
    clusters = rows["cluster"].tolist()
    hits = [depth <= level + 1e-9 for level in _LEVELS]
    ends = np.array([share_interval(hit, clusters) for hit in hits])
    axes.fill_between(
        100 * _LEVELS,
        100 * ends[:, 0],
        100 * ends[:, 1],
        color=BAND_90,
        linewidth=0,
        label="90 % interval, equal-tailed",
    )
    axes.plot((0, 100), (0, 100), color=MUTED, linewidth=1.0, label="as claimed")
    achieved = [100 * hit.mean() if hit.size else math.nan for hit in hits]
    axes.plot(100 * _LEVELS, achieved, color=LINE, linewidth=2, label="achieved")
    axes.set(xlim=(0, 100), ylim=(0, 103), xticks=(0, 50, 90), yticks=(0, 50, 90))
    axes.grid(**GRID)
