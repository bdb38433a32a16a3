from __future__ import annotations

import dataclasses
import math
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from bayescod.convergence import Reason
from bayescod.forecasting.records import BenchmarkForecast
from bayescod.reporting.figures import fan_figure, overview_figure, save_figure
from bayescod.reporting.style import BAND_50, BAND_90, LINE
from tests._factories import HEALTHY, LADDER_FLOPS, make_benchmark, make_set

HOSTILE = [
    "$x$",
    "$\\frac{1}{",
    "<script>alert(1)</script>",
    "-->",
    "数学 🙂",
    "a\nb\x1b[31m",
    "x" * 400,
]


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def labels(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def failed() -> BenchmarkForecast:
    return make_benchmark(
        "sick", status="fail", diagnostics=dataclasses.replace(HEALTHY, max_rhat=math.nan)
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_drawn_as_text(name: str, tmp_path: Path) -> None:
    forecast = make_benchmark(name, truth=0.5, status="review", reasons=[Reason("BC101", name)])
    for number, figure in enumerate((fan_figure(forecast), overview_figure(make_set(forecast)))):
        for kind in ("png", "svg"):
            save_figure(figure, tmp_path / f"{number}.{kind}", kind)
        tree = ET.parse(tmp_path / f"{number}.svg")  # noqa: S314 - written just before
        tags = {element.tag.rpartition("}")[2].lower() for element in tree.iter()}
        assert "svg" in tags
        assert not tags & {"script", "image", "foreignobject", "a"}


@pytest.mark.parametrize("letter", ["W", "i", "数"])
def test_everything_said_lies_inside(letter: str) -> None:
    codes = [Reason(f"BC10{i}", "x") for i in range(5)]
    forecast = make_benchmark(letter * 300, truth=0.5, status="review", reasons=codes)
    target = dataclasses.replace(forecast.target, model=letter * 300)
    forecast = dataclasses.replace(forecast, target=target)
    for figure in (fan_figure(forecast), overview_figure(make_set(forecast, failed()))):
        figure.draw_without_rendering()
        ticks = figure.axes[0].get_xticklabels(which="both")  # also beyond the axis, not drawn
        for text in figure.findobj(Text):
            if text.get_text() and text not in ticks:
                box = text.get_window_extent()
                assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, text.get_text()
                assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1, text.get_text()


def test_dollar_signs_stay(tmp_path: Path) -> None:
    assert "$x$" in words(fan_figure(make_benchmark("$x$")))


def test_fan_says_what_it_shows() -> None:
    forecast = make_benchmark("toy", truth=0.58)
    figure = fan_figure(forecast)
    text = words(figure)
    assert "We expect a score of about 5" in text
    assert "There is a 9 in 10 chance that it lies between" in text
    assert "big: 20 times the largest measured LLM's compute" in text
    assert {"90 % range, equal-tailed", "50 % range, equal-tailed", "median"} <= set(labels(figure))
    assert "truth (never fitted)" in labels(figure)
    assert "truth" not in words(fan_figure(make_benchmark("toy")))


def test_failed_forecast_states_no_number() -> None:
    figure = fan_figure(failed())
    assert "no forecast is stated" in words(figure)
    assert "We expect" not in words(figure)
    assert not [label for label in labels(figure) if label.startswith("forecast")]


def test_bands_are_the_quantiles_of_the_draws() -> None:
    forecast = make_benchmark("toy")
    axes = fan_figure(forecast).axes[0]
    fan = forecast.tree["predictions"]["fan"].values
    band = next(item for item in axes.collections if item.get_label().startswith("90 %"))
    heights = band.get_paths()[0].vertices[:, 1]
    np.testing.assert_allclose(heights.min(), 100 * np.quantile(fan, 0.05, axis=1).min())
    np.testing.assert_allclose(heights.max(), 100 * np.quantile(fan, 0.95, axis=1).max())
    median = next(line for line in axes.lines if line.get_label() == "median")
    np.testing.assert_allclose(median.get_ydata(), 100 * np.median(fan, axis=1))
    assert axes.get_xscale() == "log"


def test_ranges_hold_the_share_they_claim() -> None:
    # Against the draws themselves, so that a wrong pair of quantiles is caught.
    forecast = make_benchmark("toy", n_draws=2000)
    axes = fan_figure(forecast).axes[0]
    draws = 100 * forecast.draws("score")
    bars = [item.get_segments()[0] for item in axes.collections if hasattr(item, "get_segments")]
    at_target = [bar for bar in bars if bar[0, 0] == bar[1, 0] == forecast.target.compute_flops]
    shares = sorted(np.mean((draws >= bar[0, 1]) & (draws <= bar[1, 1])) for bar in at_target)
    np.testing.assert_allclose(shares, [0.5, 0.9], atol=1.5 / 2000)


def test_data_end_where_the_ladder_ends() -> None:
    axes = fan_figure(make_benchmark("toy")).axes[0]
    (line,) = (item for item in axes.lines if item.get_linestyle() == "--")
    # The anchor at 2e22 FLOP is measured too, but not fitted: the ladder ends at 6.3e21.
    assert set(line.get_xdata()) == {6.3e21}


def test_first_dot_is_not_cut_off() -> None:
    axes = fan_figure(make_benchmark("toy")).axes[0]
    assert axes.get_xlim()[0] < 0.9 * LADDER_FLOPS[0]


@pytest.mark.parametrize("anchors", [True, False])
def test_anchors_are_said_to_be_at_the_edge(anchors: bool) -> None:
    shown = labels(fan_figure(make_benchmark("toy", anchors=anchors)))
    assert ("anchor LLM (right edge: compute unknown)" in shown) == anchors


def test_overview_sorts_by_width_and_withholds() -> None:
    narrow, wide = make_benchmark("narrow"), make_benchmark("wide", truth=0.4)
    wide.tree["predictions"]["score"].values[:] = np.linspace(0.1, 0.9, 200)
    figure = overview_figure(make_set(failed(), wide, narrow))
    axes = figure.axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["narrow", "wide", "sick"]
    assert axes.yaxis_inverted()
    text = words(figure)
    assert "withheld: checks failed" in text
    assert "14 to 86 %" in text
    assert labels(figure)[-1] == "truth"


def test_overview_grows_with_the_benchmarks() -> None:
    many = overview_figure(make_set(*(make_benchmark(f"b{i}") for i in range(12))))
    assert many.get_figheight() > overview_figure(make_set()).get_figheight() + 3


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_same_figure_same_bytes(kind: str, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one", "two")]
    for path in paths:
        save_figure(fan_figure(make_benchmark("toy")), path, kind)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_curve_bands_and_ground_stay_apart_in_greyscale(tmp_path: Path) -> None:
    save_figure(fan_figure(make_benchmark("toy")), tmp_path / "a.png", "png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (1920, 1080)
        pixels = np.bincount(np.asarray(image.convert("L")).ravel(), minlength=256)
    greys = [
        int(np.asarray(Image.new("RGB", (1, 1), colour).convert("L"))[0, 0])
        for colour in (LINE, BAND_50, BAND_90, "#ffffff")
    ]
    assert all(pixels[grey] > 2000 for grey in greys)
    assert min(np.diff(greys)) > 25
