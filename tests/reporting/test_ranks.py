"""Rank plots: what they say, where their curves run, and names of any kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from bayescod.evaluation.ranks import ecdf_band, judge_ranks, ranks_among
from bayescod.reporting.ranks import rank_figure
from bayescod.reporting.style import TARGET, save_figure

N, DRAWS = 150, 31


def figure_of(names: list[str], scales: list[float], title: str = "toy") -> tuple[Figure, object]:
    rng = np.random.default_rng(2)
    truth = rng.standard_normal((N, len(names)))
    draws = np.array(scales) * rng.standard_normal((N, DRAWS, len(names)))
    ranks = ranks_among(rng, truth, draws)
    verdicts = judge_ranks(dict(zip(names, ranks.T, strict=True)), DRAWS)
    return rank_figure(verdicts, ranks, DRAWS, title), ranks


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def test_verdicts_are_said() -> None:
    figure, _ = figure_of(["right", "narrow", "wide"], [1.0, 0.6, 2.0])
    text = words(figure)
    assert "Not calibrated: 2 of 3 quantities fail: narrow (too narrow), wide (too wide)" in text
    assert "150 ranks among 31 draws" in text
    assert "with a chance of 5 %" in text
    beside = [{t.get_text() for t in axes.findobj(Text)} for axes in figure.axes]
    assert ["uniform" in said for said in beside] == [True, False, False]
    assert ["too narrow" in said for said in beside] == [False, True, False]


def test_all_right_is_said() -> None:
    figure, _ = figure_of(["a", "b"], [1.0, 1.0])
    assert "Calibrated: the ranks of all 2 quantities may be uniform." in words(figure)
    assert "Not calibrated" not in words(figure)


def test_curves_are_departures_of_the_ranks_and_faults_stand_out() -> None:
    figure, ranks = figure_of(["right", "narrow"], [1.0, 0.5])
    lower, upper = ecdf_band(N, DRAWS, 0.025)
    for axes, own, fault in zip(figure.axes, np.asarray(ranks).T, (False, True), strict=True):
        _, curve = axes.lines
        share = curve.get_xdata()
        expected = [100 * (np.mean(own < x * (DRAWS + 1) - 1e-9) - x) for x in share]
        np.testing.assert_allclose(curve.get_ydata()[1:-1], expected[1:-1], atol=1e-9)
        assert (curve.get_color() == TARGET) == fault
        (band,) = axes.collections
        heights = band.get_paths()[0].vertices[:, 1]
        assert heights.min() == pytest.approx(100 * (lower - share[1:-1]).min())
        assert heights.max() == pytest.approx(100 * (upper - share[1:-1]).max())


@pytest.mark.parametrize("name", ["$x$", "$\\frac{1}{", "<script>", "数学 🙂", "a\nb", "x" * 300])
def test_any_name_is_drawn_inside(name: str, tmp_path: Path) -> None:
    figure, _ = figure_of([name] + [f"b[{i}]" for i in range(7)], [1.0] * 8, title=name)
    save_figure(figure, tmp_path / "ranks.png", "png")
    figure.draw_without_rendering()
    ticks = [  # also beyond the axes, not drawn
        label
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        for label in (tick.label1, tick.label2)
    ]
    for text in set(figure.findobj(Text)) - set(ticks):
        if not text.get_text():
            continue
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, text.get_text()
        assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1, text.get_text()
