"""Charts of scores alone as inline SVG; colours come from the page's style by class."""

from __future__ import annotations

from collections import Counter

import numpy as np

from bayescod.reporting.page.axes import star
from bayescod.reporting.page.records import BenchmarkFacts
from bayescod.reporting.page.svg import Scale, Svg, drawing, element, line, text, ticks
from bayescod.reporting.wording import percent_range

_WIDTH = 440


def dot_chart(facts: BenchmarkFacts) -> Svg:
    """Twenty equally likely outcomes as dots, filled where they beat the best measured LLM.

    Parameters
    ----------
    facts : BenchmarkFacts
        Not withheld.

    Returns
    -------
    Svg
    """
    left, right, bottom = 20.0, _WIDTH - 20.0, 190.0
    values = [100 * value for value in facts.outcomes]
    best = 100 * facts.best_measured
    span = max(values[-1] - values[0], 1.0)
    near = values[0] - span < best < values[-1] + span
    shown = [*values, best] if near else values
    air = 0.12 * (max(shown) - min(shown)) + 0.2
    x = Scale(max(min(shown) - air, 0.0), min(max(shown) + air, 100.0), left, right)
    columns, size = _columns(values, x, bottom - 40.0)
    parts = [
        element(
            "circle",
            cx=at,
            cy=bottom - size * (level + 0.5),
            r=size / 2 - 1,
            class_="outcome above" if value > best else "outcome",
        )
        for value, at, level in columns
    ]
    parts.append(line(left, bottom, right, bottom, class_="axis"))
    for value in ticks(x.low, x.high):
        parts.append(line(x(value), bottom, x(value), bottom + 4, class_="axis"))
        parts.append(text(x(value), bottom + 18, f"{value:g} %", text_anchor="middle"))
    if near:
        at, on_left = x(best), x(best) < (left + right) / 2
        parts.append(line(at, 22, at, bottom, class_="end"))
        parts.append(
            text(
                at + (6 if on_left else -6),
                32,
                f"best measured: {best:.1f} %",
                text_anchor="start" if on_left else "end",
                class_="muted",
            )
        )
    return drawing(
        f"{facts.key}-dots",
        _WIDTH,
        216,
        f"{facts.name}: twenty equally likely outcomes",
        outcomes_caption(facts),
        "".join(parts),
    )


def _columns(
    values: list[float], x: Scale, height: float
) -> tuple[list[tuple[float, float, int]], float]:
    """Each dot's value, place and level; dots as large as the highest column allows."""
    for size in np.arange(22.0, 5.0, -1.0):
        levels: Counter[int] = Counter()
        placed = []
        for value in values:
            column = int(x(value) // size)
            placed.append((value, (column + 0.5) * size, levels[column]))
            levels[column] += 1
        if max(levels.values()) * size <= height:
            return placed, float(size)
    return placed, float(size)


def outcomes_caption(facts: BenchmarkFacts) -> str:
    """How many of the twenty outcomes beat the best measured LLM."""
    above = sum(value > facts.best_measured for value in facts.outcomes)
    return (
        f"Each dot is one of 20 equally likely outcomes; {above} of them lie above the best "
        f"measured LLM of the ladder ({100 * facts.best_measured:.1f} %)."
    )


def interval_bar(facts: BenchmarkFacts, low: float, high: float) -> Svg:
    """Median and ranges of one benchmark on an axis that the whole table shares.

    Parameters
    ----------
    facts : BenchmarkFacts
        Not withheld.
    low, high : float
        Ends of the axis, scores in [0, 1].

    Returns
    -------
    Svg
    """
    x = Scale(low, high, 6, 234)
    ends = [x(facts.score.quantiles[i]) for i in (0, 2, 3, 4, 6)]
    parts = [
        line(6, 21, 234, 21, class_="grid"),
        line(ends[0], 21, ends[4], 21, class_="range90"),
        line(ends[1], 21, ends[3], 21, class_="range50"),
        element("circle", cx=ends[2], cy=21, r=4.5, class_="centre"),
    ]
    if facts.forecast.target.truth is not None:
        parts.append(star(x(facts.forecast.target.truth), 8, 6.5))
    shown = percent_range(facts.score.median, facts.score.low, facts.score.high)
    return drawing(
        f"{facts.key}-bar",
        240,
        30,
        f"{facts.name}: median {shown.median} %",
        f"90 % equal-tailed range {shown}",
        "".join(parts),
    )


def share_bar(key: str, title: str, parts: list[tuple[str, float]]) -> Svg:
    """Parts of a whole, one beside the other.

    Parameters
    ----------
    key : str
    title : str
    parts : list of (str, float)
        Name and part; the parts add to 1. At most three, told apart by shade and order.

    Returns
    -------
    Svg
    """
    drawn, at = [], 0.0
    for number, (_, part) in enumerate(parts):
        drawn.append(
            element("rect", x=at, y=0, width=_WIDTH * part, height=20, class_=f"part{number}")
        )
        at += _WIDTH * part
    said = "; ".join(f"{name}: {100 * part:.0f} %" for name, part in parts)
    return drawing(key, _WIDTH, 20, title, said, "".join(drawn))
