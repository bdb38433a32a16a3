"""Rank plots of simulation-based calibration: small multiples, one a quantity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from bayescod.evaluation.ranks import ecdf_band
from bayescod.reporting.style import BAND_90, INK, LINE, MUTED, STYLE, TARGET, cut_to_fit, drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayescod.evaluation.ranks import RankVerdict

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_COLUMNS = 6
_CELL = (1.62, 1.28)  # inches, air included
_MARGIN, _HEAD, _FOOT = 0.5, 0.8, 0.6


def rank_figure(
    verdicts: Sequence[RankVerdict], ranks: IntArray, n_draws: int, title: str
) -> Figure:
    """Departures of ranks from uniformity, with the band that right ones stay in.

    Parameters
    ----------
    verdicts : sequence of RankVerdict
        One a quantity, of one family.
    ranks : IntArray
        [simulation, quantity] in the same order.
    n_draws : int
        Draws that each truth was ranked among.
    title : str
        What was calibrated; any text.

    Returns
    -------
    matplotlib.figure.Figure
        A small plot a quantity: distribution function of the ranks minus that of uniform ones, in
        percentage points, and the simultaneous band at the level that all quantities share
        (arXiv 2103.10522). Its title is the quantity, and the fault where there is one.
    """
    rows = -(-len(verdicts) // _COLUMNS)
    width, height = _MARGIN + _COLUMNS * _CELL[0], _HEAD + _FOOT + rows * _CELL[1]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height))
        low, high, *curves = _departures(ranks, n_draws, verdicts[0].level)
        tallest = 1.1 * max(float(np.abs(values).max()) for values in (low, high, *curves))
        for place, (verdict, departure) in enumerate(zip(verdicts, curves, strict=True)):
            row, column = divmod(place, _COLUMNS)
            corner = _MARGIN + column * _CELL[0], _FOOT + (rows - 1 - row) * _CELL[1]
            size = _CELL[0] - 0.34, _CELL[1] - 0.5
            axes = figure.add_axes(
                (corner[0] / width, corner[1] / height, size[0] / width, size[1] / height)
            )
            axes.fill_between(
                np.linspace(0.0, 1.0, low.size), low, high, color=BAND_90, linewidth=0
            )
            _draw_departure(axes, verdict, departure)
            axes.set(xlim=(0, 1), ylim=(-tallest, tallest))
        faults = [verdict for verdict in verdicts if not verdict.passes]
        figure.text(0.02, 1 - 0.36 / height, drawable(title, 90), fontsize=15, weight="bold")
        figure.text(0.02, 1 - 0.62 / height, _sentence(verdicts, faults), fontsize=10)
        figure.text(0.02, 0.12 / height, _note(verdicts), fontsize=9, color=MUTED)
        for text in figure.texts:
            cut_to_fit(figure, text)
    return figure


def _departures(ranks: IntArray, n_draws: int, level: float) -> FloatArray:
    """[curve, point] both ends of the band, then the quantities, in percentage points."""
    share = np.arange(1, n_draws + 1) / (n_draws + 1)
    counts = [np.cumsum(np.bincount(own, minlength=n_draws + 1))[:-1] for own in ranks.T]
    found = np.stack(counts) / len(ranks)
    curves = np.concatenate([np.stack(ecdf_band(len(ranks), n_draws, level)), found])
    return np.pad(100 * (curves - share), ((0, 0), (1, 1)))


def _draw_departure(axes: Axes, verdict: RankVerdict, departure: FloatArray) -> None:
    share = np.linspace(0.0, 1.0, departure.size)
    colour = LINE if verdict.passes else TARGET
    axes.axhline(0.0, color=MUTED, linewidth=0.8)
    axes.plot(share, departure, color=colour, linewidth=1.6 if verdict.passes else 2.4)
    axes.set_xticks([0, 0.5, 1], ["0", "½", "1"])
    axes.tick_params(labelsize=7, length=2, pad=2)
    axes.set_title(drawable(verdict.quantity, 24), fontsize=7.5, color=INK, pad=10, loc="left")
    axes.text(
        0.0,
        1.03,
        verdict.shape,
        transform=axes.transAxes,
        fontsize=7,
        color=MUTED if verdict.passes else TARGET,
        weight="normal" if verdict.passes else "bold",
    )


def _sentence(verdicts: Sequence[RankVerdict], faults: Sequence[RankVerdict]) -> str:
    count = len(verdicts)
    if not faults:
        return f"Calibrated: the ranks of all {count} quantities may be uniform."
    named = ", ".join(f"{fault.quantity} ({fault.shape})" for fault in faults[:4])
    more = ", ..." if len(faults) > 4 else ""
    return drawable(f"Not calibrated: {len(faults)} of {count} quantities fail: {named}{more}", 160)


def _note(verdicts: Sequence[RankVerdict]) -> str:
    first = verdicts[0]
    level = f"{100 * first.level * len(verdicts):.2g} %"
    return (
        f"Distribution function of {first.n_simulations} ranks among {first.n_draws} draws, minus "
        f"the uniform one, in points; if all is right, any band is left with a chance of {level}."
    )
