"""The chance of wanted scores against compute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from bayescod.reporting.plan_table import chance, question
from bayescod.reporting.style import (
    INK,
    LINE,
    STYLE,
    TARGET,
    against_compute,
    cut_to_fit,
    drawable,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayescod.decisions.costs import Cost
    from bayescod.decisions.planning import Plan

_DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))


def plan_figure(found: Plan) -> Figure:
    """Chance that each wanted score is reached against compute, and that all are.

    Parameters
    ----------
    found : Plan
        As returned by :func:`bayescod.plan`.

    Returns
    -------
    matplotlib.figure.Figure
        8 x 5 inches. A line a score, told apart by its dashes; the chance of all together is the
        thick one. Dots mark the least compute that gives each wanted chance.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.0, 5.0))
        axes = figure.add_axes((0.09, 0.12, 0.88, 0.68))
        for i, answer in enumerate(found.answers):
            together = answer.score is None
            axes.plot(
                found.compute_flops,
                100 * answer.chance,
                color=INK if together else LINE,
                linewidth=3 if together else 2,
                linestyle="-" if together else _DASHES[i % len(_DASHES)],
                label=drawable(question(answer), 40),
            )
            _mark_answers(axes, answer.costs)
        axes.axvline(found.target_cost.compute_flops, color=TARGET, linewidth=1.2)
        axes.annotate(
            drawable(found.target, 24),
            (found.target_cost.compute_flops, 1.0),
            xycoords=axes.get_xaxis_transform(),
            xytext=(5, -3),
            textcoords="offset points",
            va="top",
            fontsize=9,
            color=TARGET,
        )
        axes.set_xscale("log")
        axes.set_ylim(-2, 102)
        axes.set_ylabel("chance (%)")
        axes.set_xlim(*_limits(found))
        against_compute(axes)
        axes.legend(loc="upper left", frameon=False, fontsize=9)
        figure.text(
            0.09, 0.92, "How much compute buys the wanted scores", fontsize=15, weight="bold"
        )
        last = found.answers[-1]
        text = f"{question(last)}: {chance(last.at_target)} chance at {found.target}"
        figure.text(0.09, 0.86, drawable(text, 120), fontsize=11)
        for text_ in figure.texts:
            cut_to_fit(figure, text_)
    return figure


def _limits(found: Plan) -> tuple[float, float]:
    """From a little before any chance begins, and the target, to the end of the forecast."""
    begins = np.max([answer.chance for answer in found.answers], axis=0) > 0.005
    compute = found.compute_flops
    first = compute[int(np.argmax(begins))] if begins.any() else compute[-1]
    low = min(float(first), found.target_cost.compute_flops) / 3.0
    return max(low, float(compute[0])), float(compute[-1])


def _mark_answers(axes: Axes, costs: Mapping[float, Cost | None]) -> None:
    for probability, cost in costs.items():
        if cost is not None:
            axes.plot(
                [cost.compute_flops],
                [100 * probability],
                "o",
                color=INK,
                markersize=5,
                markerfacecolor="white",
            )
