"""Figures and tables of a backtest say what the rows say, of any name and number of rows."""

from __future__ import annotations

import dataclasses
import io
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from rich.console import Console

from bayescod.errors import UnknownNameError
from bayescod.evaluation.intervals import share_interval
from bayescod.evaluation.records import COLUMNS, BacktestRow
from bayescod.evaluation.scoring import score_row
from bayescod.evaluation.summary import by_ratio, held, summarise_backtest
from bayescod.reporting.backtest_table import headline, markdown_table, show_backtest
from bayescod.reporting.backtests import (
    coverage_figure,
    pit_figure,
    ratio_figure,
    truth_figure,
)
from bayescod.reporting.style import LINE, TARGET, save_figure
from tests._backtests import METHODS, make_backtest, make_rows

ALL = list(METHODS)
HOSTILE = "$x$ <script>|`_[red]a[/] :smile: 数\n\x1b[31m=cmd"


def make_frame(rows: Sequence[BacktestRow] | None = None) -> pd.DataFrame:
    return make_backtest(rows).frame()


def renamed(rows: Sequence[BacktestRow], method: str, name: str) -> list[BacktestRow]:
    return [dataclasses.replace(r, method=name) if r.method == method else r for r in rows]


def every_figure(frame: pd.DataFrame, methods: Sequence[str]) -> list[Figure]:
    return [
        truth_figure(frame, methods[0]),
        pit_figure(frame, methods),
        coverage_figure(frame, methods),
        ratio_figure(frame, methods),
    ]


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def line_of(axes: Axes, label: str) -> np.ndarray:
    (line,) = (item for item in axes.lines if item.get_label() == label)
    return np.asarray(line.get_xydata())


def segments(axes: Axes) -> list[np.ndarray]:
    bars = [item for item in axes.collections if hasattr(item, "get_segments")]
    # What has no end is a segment without points.
    return [segment for bar in bars for segment in bar.get_segments() if len(segment)]


@pytest.mark.parametrize("count", [1, 3, 11])
def test_everything_said_lies_inside(count: int) -> None:
    names = [f"{'W' * 60}{i}" for i in range(count)]
    methods = dict.fromkeys(names, (0.04, 0.04, 0.0))
    frame = make_frame(make_rows(3, 3, methods=methods, n_draws=50))
    for figure in every_figure(frame, names):
        figure.draw_without_rendering()
        unseen = {tick for axes in figure.axes for tick in axes.get_xticklabels(which="both")}
        for text in figure.findobj(Text):
            if text.get_text() and text.get_visible() and text not in unseen:
                box = text.get_window_extent()
                assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, text.get_text()
                assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1, text.get_text()


def test_hostile_names_are_drawn_as_text(tmp_path: Path) -> None:
    frame = make_frame(renamed(make_rows(2, 3), "cod", HOSTILE))
    for number, figure in enumerate(every_figure(frame, [HOSTILE, "end-to-end"])):
        save_figure(figure, tmp_path / f"{number}.svg", "svg")
        save_figure(figure, tmp_path / f"{number}.png", "png")
        tree = ET.parse(tmp_path / f"{number}.svg")  # noqa: S314 - written just before
        tags = {element.tag.rpartition("}")[2].lower() for element in tree.iter()}
        assert "svg" in tags
        assert not tags & {"script", "image", "foreignobject", "a"}
        assert "$x$ <script>|" in words(figure)


def test_unknown_method_is_told() -> None:
    frame = make_frame()
    for draw in (pit_figure, coverage_figure, ratio_figure):
        with pytest.raises(UnknownNameError, match="unknown method 'codd'; did you mean cod"):
            draw(frame, ["codd"])
    with pytest.raises(UnknownNameError, match="unknown method"):
        truth_figure(frame, "codd")


def test_truth_figure_shows_ranges_and_misses() -> None:
    frame = make_frame(make_rows(6, 8))
    rows = frame.loc[frame["method"] == "least-squares"]
    hits = held(rows, 90)
    assert 0 < hits.sum() < hits.size
    figure = truth_figure(frame, "least-squares")
    (axes,) = figure.axes
    drawn = {(round(s[0, 0], 9), round(s[0, 1], 9), round(s[1, 1], 9)) for s in segments(axes)}
    for low, high in (("q05", "q95"), ("q25", "q75")):
        wanted = {tuple(100 * rows[["truth", low, high]].to_numpy()[i]) for i in range(len(rows))}
        assert {tuple(round(float(v), 9) for v in bar) for bar in wanted} <= drawn
    text = words(figure)
    assert f"held the truth ({hits.sum()})" in text
    assert f"missed it ({(~hits).sum()})" in text
    assert f"90 % ranges held {hits.sum()} of 48 truths" in text
    assert {"50 % range, equal-tailed", "90 % range, equal-tailed", "forecast = truth"} <= set(
        text.splitlines()
    )
    assert axes.get_xlim() == axes.get_ylim()
    low, high = axes.get_ylim()
    assert low < 100 * rows[["q05", "truth"]].min().min()
    assert high > 100 * rows[["q95", "truth"]].max().max()


def test_misses_lie_off_the_diagonal_in_another_colour() -> None:
    figure = truth_figure(make_frame(make_rows(6, 8)), "least-squares")
    colours = set()
    for item in figure.axes[0].collections:
        if hasattr(item, "get_segments") and item.get_linewidth()[0] < 1.5:
            (colour,) = {tuple(np.round(c[:3], 3)) for c in item.get_color()}
            touches = {bool(s[0, 1] <= s[0, 0] <= s[1, 1]) for s in item.get_segments()}
            assert len(touches) == 1
            colours.add((colour, *touches))
    assert len({colour for colour, _ in colours}) == 2
    assert {touch for _, touch in colours} == {True, False}
    assert LINE != TARGET


@pytest.mark.parametrize(("n_llms", "bins"), [(4, 5), (12, 10)])
def test_histogram_counts_the_places_of_the_truths(n_llms: int, bins: int) -> None:
    frame = make_frame(make_rows(n_llms, 6))
    panels = pit_figure(frame, ALL).axes
    assert len(panels) == 3
    for axes, method in zip(panels, ALL, strict=True):
        values = frame.loc[frame["method"] == method, "pit"]
        bars = [patch for patch in axes.patches if patch.get_width() == 100 / bins]
        heights = [bar.get_height() for bar in bars]
        wanted = np.histogram(values, bins=bins, range=(0, 1))[0] / len(values)
        np.testing.assert_allclose(heights, 100 * wanted)
        assert sum(heights) == pytest.approx(100)


def test_band_holds_nine_in_ten_bars_of_uniform_places() -> None:
    """Bars are discrete: the band of 100 truths holds 93.6 % of them, with an error of 0.9 %.

    Below 90 or above 97.2 % of 800 bars has a chance of 1e-4; half the band would hold 60 %.
    """
    rng = np.random.default_rng(1)
    rows = make_rows(20, 5, methods={"cod": METHODS["cod"]}, n_draws=20)
    frame = make_frame(rows)
    (axes,) = pit_figure(frame, ["cod"]).axes
    box = next(patch for patch in axes.patches if patch.get_width() not in (10.0,)).get_extents()
    low, high = axes.transData.inverted().transform(box.get_points())[:, 1]
    inside = [
        low - 1e-6 <= bar <= high + 1e-6
        for _ in range(80)
        for bar in np.histogram(rng.random(100), bins=10)[0]
    ]
    assert 0.90 <= np.mean(inside) <= 0.972


def test_coverage_curve_is_the_share_of_ranges_that_held() -> None:
    frame = make_frame(make_rows(6, 8))
    panels = coverage_figure(frame, ALL).axes
    for axes, method in zip(panels, ALL, strict=True):
        rows = frame.loc[frame["method"] == method]
        achieved = {round(x): y for x, y in line_of(axes, "achieved")}
        # By the draws, not by their quantiles: one range in 48 may fall on the other side.
        for level in (50, 80, 90):
            assert achieved[level] == pytest.approx(100 * held(rows, level).mean(), abs=4.5)
        band = next(item for item in axes.collections if "90 %" in item.get_label())
        edges = band.get_paths()[0].vertices
        deep = np.abs(2 * rows["pit"] - 1) <= 0.9 + 1e-9
        wanted = share_interval(deep, rows["model"].tolist())
        found = edges[np.isclose(edges[:, 0], 90)][:, 1]
        np.testing.assert_allclose([found.min(), found.max()], 100 * np.array(wanted), rtol=1e-9)


def test_panels_say_how_much_they_rest_on() -> None:
    frame = make_frame(make_rows(1, 5))
    frame = pd.concat([frame, make_frame(make_rows(3, 2, methods={"more": (0.1, 0.1, 0.0)}))])
    for draw in (pit_figure, coverage_figure):
        text = words(draw(frame, ["cod", "more"]))
        assert "5 forecasts, 1 LLM\n" in text
        assert "6 forecasts, 3 LLMs" in text


def test_ratio_figure_shows_the_bins() -> None:
    frame = make_frame(make_rows(8, 5))
    errors, coverage = ratio_figure(frame, ["cod", "end-to-end"]).axes
    bins = by_ratio(frame).set_index("method").loc["cod"]
    assert len(bins) == 4
    np.testing.assert_allclose(line_of(errors, "cod")[:, 1], 100 * bins["mean_error"])
    np.testing.assert_allclose(line_of(coverage, "cod")[:, 1], 100 * bins["coverage90"])
    np.testing.assert_allclose(line_of(errors, "cod")[:, 0], [2, 5, 10, 25], rtol=0.05)
    ends = {(round(s[0, 1], 9), round(s[1, 1], 9)) for s in segments(coverage)}
    for low, high in 100 * bins[["coverage90_low", "coverage90_high"]].to_numpy():
        assert (round(float(low), 9), round(float(high), 9)) in ends


def test_one_llm_a_bin_has_no_bar_for_its_error() -> None:
    errors, coverage = ratio_figure(make_frame(), ["cod"]).axes
    assert segments(errors) == []
    assert len(segments(coverage)) == 4


def test_forecasts_without_numbers_are_not_drawn() -> None:
    lost = score_row("x", "llm 9", 1e21, 4.0, "cod", "fail", 0.5, [])
    frame = make_frame([*make_rows(2, 3), lost])
    assert "6 forecasts, 2 LLMs" in words(pit_figure(frame, ["cod"]))
    alone = make_frame([lost])
    assert "no forecast has numbers" in words(truth_figure(alone, "cod"))
    assert len(every_figure(alone, ["cod"])) == 4


def shown(summary: pd.DataFrame, width: int = 120) -> str:
    stream = io.StringIO()
    show_backtest(
        summary, Console(file=stream, width=width, markup=False, emoji=False, highlight=False)
    )
    return stream.getvalue()


def cells(text: str, name: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if re.match(rf"[│|] {re.escape(name)} ", line)]
    return [[cell.strip() for cell in re.split("[│|]", line)[1:-1]] for line in lines]


def hand_made(**changes: object) -> pd.DataFrame:
    summary = summarise_backtest(make_frame()).set_index("method").loc[["cod"]].reset_index()
    ends = ("", "_low", "_high")
    percents = {
        "mean_error": (2.13, 1.1, 3.16),
        "bias": (0.4, -0.8, 1.6),
        "coverage50": (55, 30.1, 69.9),
        "coverage80": (80, 60, 90),
        "coverage90": (100 * 24 / 27, 75.4, 95.5),
        "width90": (11.04, 10, 12),
        "crps": (1.49, 1, 2),
        "skill": (23.4, -10.1, 33.9),
        "worst_error": (5.61,),
    }
    figures = {
        f"{name}{end}": value / 100
        for name, values in percents.items()
        for end, value in zip(ends, values, strict=False)
    }
    figures |= {"pairs": 27, "llms": 3, "log_score": 1.234}
    figures |= {"passed": 24, "review": 3, "failed": 0}
    for name, value in (figures | changes).items():
        summary[name] = value
    return summary


def test_record_in_one_sentence() -> None:
    assert headline(hand_made()) == (
        "90 % ranges held 24 of 27 truths (89 %, 90 % interval 75 to 96 %); the median was 2.1 "
        "points off on average and 5.6 at worst."
    )
    assert headline(hand_made(pairs=0)) == "no forecast has numbers."


def test_tables_show_the_figures_in_points_and_per_cents() -> None:
    text = shown(hand_made())
    assert text.startswith("cod: 90 % ranges held 24 of 27 truths")
    near, ranges = cells(text, "cod")
    assert near == [
        *("cod", "27", "3", "2.1 [1.1, 3.2]", "5.6", "+0.4 [-0.8, +1.6]"),
        *("1.5 [1.0, 2.0]", "23 % [-11, 34]"),
    ]
    assert ranges == [
        *("cod", "55 % [30, 70]", "80 % [60, 90]", "89 % [75, 96]", "11.0 [10.0, 12.0]"),
        *("1.23", "24 / 3 / 0"),
    ]
    assert "90 % intervals, equal-tailed" in text
    (row,) = cells(markdown_table(hand_made()), "cod")
    assert row == [*near, *ranges[1:]]


def test_best_crps_comes_first_and_markdown_agrees() -> None:
    summary = summarise_backtest(make_frame())
    order = summary.sort_values("crps")["method"].tolist()
    assert order != summary["method"].tolist()
    for text in (shown(summary), markdown_table(summary)):
        places = [text.index(f" {name} ") for name in order]
        assert places == sorted(places)
        assert text.startswith("end-to-end: 90 % ranges held")  # the first asked for


def test_markdown_has_as_many_cells_in_every_row() -> None:
    rows = renamed(make_rows(2, 3), "cod", HOSTILE)
    text = markdown_table(summarise_backtest(make_frame(rows)))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 5
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1
    assert r"\$x\$ \<script\>\|\`\_" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_the_terminal(width: int) -> None:
    summary = summarise_backtest(make_frame())
    text = shown(summary, width)
    rows = [line for line in text.splitlines() if re.search("[│━─]", line)]
    assert rows
    assert max(len(line.rstrip()) for line in rows) <= width
    assert "…" not in text
    for name in ("bias", "crps", "mean_error"):
        low = summary.set_index("method").loc["cod", f"{name}_low"]
        assert f"[{100 * low:{'+' if name == 'bias' else ''}.1f}, " in text


def test_names_are_neither_markup_nor_escapes() -> None:
    rows = renamed(make_rows(2, 3), "cod", HOSTILE)
    text = shown(summarise_backtest(make_frame(rows)), 200)
    assert "[red]a[/] :smile:" in text
    assert "\x1b" not in text


def test_what_the_figures_do_not_say_is_said_below() -> None:
    lost = score_row("x", "llm 0", 1e21, 4.0, "cod", "fail", 0.5, [])
    one = summarise_backtest(make_frame([*make_rows(1, 3), lost]))
    several = summarise_backtest(make_frame())
    for say in (shown, markdown_table):
        text = say(one)
        assert "One held-out LLM does not show how LLMs differ" in text
        assert "[–, –]" in text
        assert "cod: 1 forecasts have no numbers" in text
        assert "cod: 1 forecasts failed the sampler's checks" in text
        assert "forecasts of different pairs" not in text
        other = say(several)
        assert "One held-out LLM" not in other
        assert "failed" not in other
        assert "–" not in other
    uneven = summarise_backtest(make_frame(make_rows()[3:]))
    assert "forecasts of different pairs: compare them by skill" in shown(uneven)


def test_a_backtest_without_forecasts_is_said_to_have_none() -> None:
    empty = summarise_backtest(pd.DataFrame(columns=list(COLUMNS)))
    assert shown(empty) == "The backtest has no forecast.\n"
    assert markdown_table(empty) == "The backtest has no forecast.\n"
    lost = score_row("x", "llm 0", 1e21, 4.0, "cod", "fail", 0.5, [])
    summary = summarise_backtest(make_frame([lost]))
    assert math.isnan(summary["crps"][0])
    assert "cod: no forecast has numbers." in shown(summary)
    assert "nan" not in markdown_table(summary)
