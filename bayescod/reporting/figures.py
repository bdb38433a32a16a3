"""Figures for slides: one benchmark's fan chart, and all benchmarks at a glance.

Drawn with matplotlib's object-oriented interface: no global state, no window. All ranges are
equal-tailed and say so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from bayescod.reporting.overview import overview_figure
from bayescod.reporting.style import (
    BAND_50,
    BAND_90,
    INK,
    LINE,
    MUTED,
    NORMAL_90,
    SHOWN_BEYOND_TARGET,
    STYLE,
    TARGET,
    add_legend,
    against_compute,
    cut_to_fit,
    drawable,
    is_withheld,
    save_figure,
)
from bayescod.reporting.wording import percent_range, printable, times

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayescod.forecasting.records import BenchmarkForecast, FloatArray

__all__ = ["fan_figure", "overview_figure", "save_figure"]


def fan_figure(forecast: BenchmarkForecast) -> Figure:
    """Fan chart of one benchmark: score against training compute.

    Parameters
    ----------
    forecast : BenchmarkForecast
        The forecast; its name may be any text.

    Returns
    -------
    matplotlib.figure.Figure
        9.6 x 5.4 inches. Median and equal-tailed 50 % and 90 % bands of the latent score,
        measured LLMs with their evaluation noise, where the data end, and the predictive range of
        the target's measured score. The headline is left out where the status is ``fail``.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 5.4))
        axes = figure.add_axes((0.08, 0.235, 0.89, 0.575))
        _draw_bands(axes, forecast)
        _draw_measured(axes, forecast)
        if not is_withheld(forecast):
            _draw_target(axes, forecast)
        against_compute(axes)
        axes.set_ylabel("score (%)")
        add_legend(figure, axes, (0.07, 0.005), columns=3)
        headline, note = _sentences(forecast)
        figure.text(0.08, 0.935, drawable(forecast.benchmark), fontsize=17, weight="bold")
        figure.text(0.08, 0.885, headline, fontsize=11)
        figure.text(0.08, 0.848, drawable(note, 200), fontsize=9, color=MUTED)
        for text in figure.texts:
            cut_to_fit(figure, text)
    return figure


def _sentences(forecast: BenchmarkForecast) -> tuple[str, str]:
    target, score = forecast.target, forecast.summary("score")
    note = (
        f"{printable(target.model, 30)}: {times(target.compute_ratio)} times the largest measured "
        "LLM's compute; equal-tailed ranges"
    )
    if is_withheld(forecast):
        return (
            "The sampler's checks failed: no forecast is stated. Do not rely on this chart.",
            note,
        )
    shown = percent_range(score.median, score.low, score.high)
    headline = (
        f"We expect a score of about {shown.median} %. There is a 9 in 10 chance that it lies "
        f"between {shown.low} and {shown.high} %."
    )
    if forecast.status == "review":
        note += "; review: " + ", ".join(reason.code for reason in forecast.reasons)
    return headline, note


def _draw_bands(axes: Axes, forecast: BenchmarkForecast) -> None:
    fan = forecast.tree["predictions"].to_dataset()["fan"].transpose("compute", "draw")
    last = max(forecast.target.compute_flops, _largest_measured(forecast)) * SHOWN_BEYOND_TARGET
    fan = fan[fan["compute"].values <= last]
    compute = fan["compute"].values
    low, quarter, median, upper, high = 100 * np.nanquantile(
        fan.values, (0.05, 0.25, 0.5, 0.75, 0.95), axis=1
    )
    axes.fill_between(
        compute, low, high, color=BAND_90, linewidth=0, label="90 % range, equal-tailed"
    )
    axes.fill_between(
        compute, quarter, upper, color=BAND_50, linewidth=0, label="50 % range, equal-tailed"
    )
    axes.plot(compute, median, color=LINE, linewidth=2, label="median")
    axes.set_xscale("log")
    axes.set_xlim(0.8 * compute.min(), compute.max())  # air for the first dot, on the fan's edge
    axes.set_ylim(*_score_limits(forecast, (low, high)))


def _largest_measured(forecast: BenchmarkForecast) -> float:
    return float(np.nanmax(forecast.tree["observed_data"].to_dataset()["compute_flops"].values))


def _score_limits(forecast: BenchmarkForecast, curves: Iterable[FloatArray]) -> tuple[float, float]:
    """Limits in per cent that hold everything drawn, with some air, within [0, 100]."""
    score = forecast.summary("score")
    shown = [*curves, 100 * forecast.tree["observed_data"].to_dataset()["score"].values]
    shown.append(100 * np.array([score.low, score.high]))
    if forecast.target.truth is not None:
        shown.append(np.array([100 * forecast.target.truth]))
    values = np.concatenate(shown)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    air = max(0.08 * (high - low), 1.0)
    return max(low - air, -2.0), min(high + air, 102.0)


def _draw_measured(axes: Axes, forecast: BenchmarkForecast) -> None:
    observed = forecast.tree["observed_data"].to_dataset()
    compute, score = observed["compute_flops"].values, 100 * observed["score"].values
    noise = NORMAL_90 * 100 * np.nan_to_num(observed["evaluation_sd"].values)
    bars = np.stack([np.minimum(noise, score), np.minimum(noise, 100 - score)]).clip(0)
    anchor = observed["role"].values.astype(str) == "anchor"
    ladder = ~anchor & np.isfinite(compute)
    axes.errorbar(
        compute[ladder],
        score[ladder],
        bars[:, ladder],
        fmt="o",
        color=INK,
        markersize=5.5,
        elinewidth=1.2,
        label="measured LLM (bar: 90 % of its noise)",
    )
    _draw_anchors(axes, compute[anchor], score[anchor])
    if ladder.any():
        _mark_end_of_data(axes, float(compute[ladder].max()))


def _draw_anchors(axes: Axes, compute: FloatArray, score: FloatArray) -> None:
    """Hollow diamonds; an anchor without compute has a height but no place: the right edge."""
    placed = np.isfinite(compute)
    label = "anchor LLM" if placed.all() else "anchor LLM (right edge: compute unknown)"
    at_edge = blended_transform_factory(axes.transAxes, axes.transData)
    for some, place, transform in (
        (placed, compute, axes.transData),
        (~placed, np.ones_like(compute), at_edge),
    ):
        if some.any():
            axes.scatter(
                place[some],
                score[some],
                transform=transform,
                clip_on=False,
                marker="D",
                facecolor="white",
                edgecolor=INK,
                s=38,
                zorder=4,
                label=label,
            )


def _mark_end_of_data(axes: Axes, compute: float) -> None:
    axes.axvline(compute, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2)
    for text, side, shift in (("← measured", "right", -6), ("extrapolated →", "left", 6)):
        axes.annotate(
            text,
            (compute, 1.0),
            xycoords=axes.get_xaxis_transform(),
            xytext=(shift, -2),
            textcoords="offset points",
            ha=side,
            va="top",
            fontsize=9,
            color=MUTED,
        )


def _draw_target(axes: Axes, forecast: BenchmarkForecast) -> None:
    target, score = forecast.target, forecast.summary("score")
    low, quarter, median, upper, high = (100 * score.quantiles[i] for i in (0, 2, 3, 4, 6))
    at = target.compute_flops
    axes.vlines(at, low, high, color=TARGET, linewidth=2, zorder=5)
    axes.vlines(at, quarter, upper, color=TARGET, linewidth=7, zorder=5)
    axes.plot(
        [at],
        [median],
        "o",
        color=TARGET,
        markerfacecolor="white",
        markersize=7,
        markeredgewidth=2,
        zorder=6,
        label="forecast (bars: 50 % and 90 % range)",
    )
    if target.truth is not None:
        # Beside the bar, or it would hide the median exactly where the forecast is good.
        beside = axes.transData + ScaledTranslation(13 / 72, 0, axes.figure.dpi_scale_trans)
        axes.scatter(
            [at],
            [100 * target.truth],
            s=150,
            marker="*",
            facecolor="white",
            edgecolor=INK,
            linewidth=1.3,
            transform=beside,
            zorder=7,
            label="truth (never fitted)",
        )
