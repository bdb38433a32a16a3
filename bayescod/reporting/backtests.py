"""Figures of a backtest: forecast against truth, calibration, and what distance costs.

Drawn with matplotlib's object-oriented interface: no global state, no window. All ranges and
intervals are equal-tailed and say their level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bayescod.evaluation.summary import RATIO_EDGES, by_ratio, held, summarise_backtest
from bayescod.reporting.backtest_panels import (
    GRID,
    add_title,
    coverage_figure,
    percent,
    pit_figure,
    stated_rows,
)
from bayescod.reporting.backtest_table import headline
from bayescod.reporting.style import INK, LINE, MUTED, STYLE, TARGET, add_legend, drawable

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["coverage_figure", "pit_figure", "ratio_figure", "truth_figure"]

# Okabe and Ito's colours, which stay apart for colour-blind readers, with a marker each.
_SERIES: Final = (
    ("#0072b2", "o"),
    ("#d55e00", "s"),
    ("#009e73", "^"),
    ("#cc79a7", "D"),
    ("#e69f00", "v"),
    ("#56b4e9", "P"),
    (INK, "X"),
)


def truth_figure(frame: pd.DataFrame, method: str) -> Figure:
    """Forecast against truth of one method, every benchmark of every held-out LLM.

    Parameters
    ----------
    frame : pandas.DataFrame
        The columns of ``backtest.csv``.
    method : str

    Returns
    -------
    matplotlib.figure.Figure
        7.2 x 7.8 inches. Median, equal-tailed 50 % and 90 % ranges along y, measured score along
        x; where the 90 % range does not hold the truth, it does not touch the diagonal and has
        another colour and marker.

    Raises
    ------
    UnknownNameError
        If the backtest has no such method.
    """
    rows = stated_rows(frame, method)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 7.8))
        axes = figure.add_axes((0.11, 0.175, 0.86, 0.70))
        limits = _square_limits(rows)
        axes.plot(limits, limits, color=INK, linewidth=1.0, zorder=2.5, label="forecast = truth")
        _draw_ranges(axes, rows)
        axes.set(xlim=limits, ylim=limits, aspect="equal")
        axes.set(xlabel="measured score (%)", ylabel="forecast score (%)")
        axes.grid(**GRID)
        add_legend(figure, axes, (0.09, 0.005), columns=2)
        words = headline(summarise_backtest(frame.loc[frame["method"] == method]))
        add_title(
            figure,
            f"{drawable(method)}: forecast against truth",
            *words.replace("; ", ";\n").split("\n"),
        )
    return figure


def ratio_figure(frame: pd.DataFrame, methods: Sequence[str]) -> Figure:
    """Errors and coverage against how far ahead was forecast.

    Parameters
    ----------
    frame : pandas.DataFrame
        The columns of ``backtest.csv``, and ``cluster`` where that is not ``model``.
    methods : sequence of str
        Four or so can be told apart at a glance.

    Returns
    -------
    matplotlib.figure.Figure
        9.6 inches wide: mean and worst absolute error of the median, and the share of truths
        within the 90 % ranges, in bins of the compute ratio, with 90 % intervals that take
        forecasts of one held-out LLM as alike.

    Raises
    ------
    UnknownNameError
        If the backtest has no such method.
    """
    with mpl.rc_context(STYLE):
        longest = max(len(method) for method in methods)
        columns = 4 if longest <= 18 else 3 if longest <= 26 else 2
        below = 0.85 + 0.2 * math.ceil((len(methods) + 1) / columns)
        height = below + 3.7
        figure = Figure(figsize=(9.6, height))
        box = (below / height, 0.40, 2.75 / height)
        errors = figure.add_axes((0.075, *box))
        coverage = figure.add_axes((0.575, *box))
        for place, method in enumerate(methods):
            _draw_ratio((errors, coverage), stated_rows(frame, method), method, place, len(methods))
        errors.plot([], [], "_", color=INK, markersize=9, label="worst error")
        coverage.axhline(90, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
        errors.set(ylabel="error of the median (points)", ylim=(0, None))
        coverage.set(ylabel="truths held by 90 % ranges (%)", ylim=(0, 103))
        for axes in (errors, coverage):
            _dress_ratio_axis(axes, frame.loc[frame["method"].isin(methods), "compute_ratio"])
        add_legend(figure, errors, (0.06, 0.0), columns)
        add_title(
            figure,
            "What distance costs",
            "bars: 90 % intervals, equal-tailed, forecasts of one held-out LLM taken as alike; no "
            "bar: one LLM",
        )
    return figure


def _square_limits(rows: pd.DataFrame) -> tuple[float, float]:
    """Limits in per cent that hold all truths and ranges with some air."""
    shown = np.concatenate([percent(rows, name) for name in ("truth", "q05", "q95")])
    if shown.size == 0:
        return 0.0, 100.0
    low, high = float(shown.min()), float(shown.max())
    air = max(0.04 * (high - low), 1.0)
    return low - air, high + air


def _draw_ranges(axes: Axes, rows: pd.DataFrame) -> None:
    truth, hit = percent(rows, "truth"), held(rows, 90)
    low, quarter, median, upper, high = (
        percent(rows, name) for name in ("q05", "q25", "q50", "q75", "q95")
    )
    # Or hundreds of them would be a blot.
    thin, alpha = (
        float(np.interp(len(rows), (30, 500), ends)) for ends in ((1.3, 0.5), (0.8, 0.5))
    )
    for some, colour, marker, what in (
        (hit, LINE, "o", "held the truth"),
        (~hit, TARGET, "D", "missed it"),
    ):
        x = truth[some]
        axes.vlines(x, low[some], high[some], color=colour, linewidth=thin, alpha=alpha)
        axes.vlines(x, quarter[some], upper[some], color=colour, linewidth=3 * thin, alpha=alpha)
        axes.scatter(
            x,
            median[some],
            s=18 * thin,
            marker=marker,
            facecolor="white",
            edgecolor=colour,
            linewidth=max(0.9 * thin, 0.7),
            zorder=3,
            label=f"median; the 90 % range {what} ({some.sum()})",
        )
    for wide, level in ((1, 90), (3, 50)):
        label = f"{level} % range, equal-tailed"
        axes.plot([], [], color=INK, linewidth=wide * thin, label=label)


def _draw_ratio(
    axes: tuple[Axes, Axes], rows: pd.DataFrame, method: str, place: int, count: int
) -> None:
    """One method's bins, moved sideways so that methods do not overlap."""
    colour, marker = _SERIES[place % len(_SERIES)]
    again = place >= len(_SERIES)  # the colours are used up: hollow and dashed
    aside = min(1.07, 1.4 ** (1 / count)) ** (place - (count - 1) / 2)
    ratio, bins = rows["compute_ratio"].to_numpy(dtype=np.float64), by_ratio(rows)
    at = np.array(
        [
            aside * np.exp(np.log(ratio[(ratio > low) & (ratio <= high)]).mean())
            for low, high in zip(bins["ratio_above"], bins["ratio_to"], strict=True)
        ]
    )
    for where, name in zip(axes, ("mean_error", "coverage90"), strict=True):
        low, high = (percent(bins, f"{name}{end}") for end in ("_low", "_high"))
        where.vlines(at, low, high, color=colour, linewidth=1.8, zorder=3)
        where.plot(
            at,
            percent(bins, name),
            marker=marker,
            color=colour,
            linewidth=1.0,
            linestyle=(0, (3, 2)) if again else "-",
            markersize=6,
            markerfacecolor="white" if again else colour,
            zorder=4,
            label=drawable(method, 30),
        )
    axes[0].scatter(at, percent(bins, "worst_error"), marker="_", s=60, color=colour, zorder=2)


def _dress_ratio_axis(axes: Axes, ratio: pd.Series) -> None:
    axes.set_xscale("log")
    for edge in RATIO_EDGES:
        axes.axvline(edge, color="#e4e4e4", linewidth=0.8, zorder=0)
    axes.xaxis.set_major_locator(FixedLocator([1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    axes.set_xlim(0.75 * float(ratio.min()), 1.33 * float(ratio.max()))
    axes.set_xlabel("compute, in times that of the largest LLM seen", fontsize=10)
    axes.grid(axis="y", **GRID)
