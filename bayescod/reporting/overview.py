"""All benchmarks of a forecast at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

from bayescod.reporting.style import (
    INK,
    LINE,
    MUTED,
    STYLE,
    add_legend,
    cut_to_fit,
    drawable,
    is_withheld,
)
from bayescod.reporting.wording import flops, percent_range, times

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayescod.forecasting.records import BenchmarkForecast, ForecastSet


def overview_figure(forecasts: ForecastSet) -> Figure:
    """All benchmarks of a forecast, one row each, the narrowest range on top.

    Parameters
    ----------
    forecasts : ForecastSet
        The forecasts of one run.

    Returns
    -------
    matplotlib.figure.Figure
        9.6 inches wide, higher with more benchmarks. Median, equal-tailed 50 % and 90 % ranges of
        the measured score, and the truth where it is known. A benchmark whose checks failed has
        its row without numbers.
    """
    rows = sorted(forecasts.benchmarks, key=_width)
    with mpl.rc_context(STYLE):
        height = 1.9 + 0.36 * len(rows)
        figure = Figure(figsize=(9.6, height))
        axes = figure.add_axes((0.27, 0.95 / height, 0.53, 0.36 * len(rows) / height))
        for row, forecast in enumerate(rows):
            _draw_row(axes, row, forecast)
        axes.set(ylim=(len(rows) - 0.5, -0.5), xlim=(0, 100), xlabel="score (%)")
        axes.set_yticks(range(len(rows)), [drawable(item.benchmark, 28) for item in rows])
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color="#e4e4e4", linewidth=0.8)
        axes.spines["left"].set_visible(False)
        add_legend(figure, axes, (0.02, 0.0), columns=4)
        target = forecasts.target
        title = f"Expected scores of {drawable(target.model)}"
        figure.text(0.02, 1 - 0.38 / height, title, fontsize=15, weight="bold")
        figure.text(
            0.02,
            1 - 0.66 / height,
            f"{flops(target.compute_flops)}, {times(target.compute_ratio)} times the largest "
            "measured LLM's compute",
            fontsize=9,
            color=MUTED,
        )
        figure.draw_without_rendering()  # only now the names have a place
        names = axes.get_yticklabels()
        for text in (*figure.texts, *names):
            cut_to_fit(figure, text)
        axes.set_yticks(range(len(rows)), [name.get_text() for name in names])
    return figure


def _width(forecast: BenchmarkForecast) -> float:
    """Width of the 90 % range to sort by; what is withheld comes last."""
    score = forecast.summary("score")
    return float("inf") if is_withheld(forecast) else score.high - score.low


def _draw_row(axes: Axes, row: int, forecast: BenchmarkForecast) -> None:
    score = forecast.summary("score")
    side: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center"}
    if is_withheld(forecast):
        axes.text(1.02, row, "withheld: checks failed", color=MUTED, **side)
        return
    low, quarter, median, upper, high = (100 * score.quantiles[i] for i in (0, 2, 3, 4, 6))
    axes.hlines(row, low, high, color=LINE, linewidth=2, label="90 % range, equal-tailed")
    axes.hlines(row, quarter, upper, color=LINE, linewidth=7, label="50 % range, equal-tailed")
    axes.plot(
        [median],
        [row],
        "o",
        color=LINE,
        markerfacecolor="white",
        markersize=7,
        markeredgewidth=2,
        label="median",
    )
    if forecast.target.truth is not None:
        axes.scatter(
            [100 * forecast.target.truth],
            [row],
            s=130,
            marker="*",
            facecolor="white",
            edgecolor=INK,
            linewidth=1.2,
            zorder=5,
            label="truth",
        )
    shown = str(percent_range(score.median, score.low, score.high))
    axes.text(1.02, row, shown + ("  (review)" if forecast.status == "review" else ""), **side)
