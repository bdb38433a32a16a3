"""Charts of scores alone as inline SVG; colours come from the page's style by class."""

from __future__ import annotations

from collections import Counter

import numpy as np

from bayescod.reporting.page.axes import interval_marks, star
from bayescod.reporting.page.records import BenchmarkFacts
from bayescod.reporting.page.sentences import outcomes_sentence
from bayescod.reporting.page.svg import Scale, Svg, drawing, element, line, text, ticks
from bayescod.reporting.page.words import percent
from bayescod.reporting.wording import percent_range

_WIDTH = 440


def dot_chart(facts: BenchmarkFacts) -> Svg:
    """Twenty equally likely outcomes as dots, filled where they are good enough.

    Parameters
    ----------
    facts : BenchmarkFacts
        Not withheld. What is wanted is the mark, else the best measured LLM.

    Returns
    -------
    Svg
    """
    left, right, bottom = 20.0, _WIDTH - 20.0, 190.0
    values = [100 * value for value in facts.outcomes]
    wanted = facts.chance is not None and facts.chance.wanted
    mark = 100 * (facts.chance.score if facts.chance and wanted else facts.best_measured)
    span = max(values[-1] - values[0], 1.0)
    near = values[0] - span < mark < values[-1] + span
    shown = [*values, mark] if near else values
    air = 0.12 * (max(shown) - min(shown)) + 0.2
    x = Scale(max(min(shown) - air, 0.0), min(max(shown) + air, 100.0), left, right)
    columns, size = _columns(values, x, x(mark), bottom - 40.0)
    parts = [
        element(
            "circle",
            cx=at,
            cy=bottom - size * (level + 0.5),
            r=size / 2 - 1,
            class_="outcome above" if (value >= mark if wanted else value > mark) else "outcome",
        )
        for value, at, level in columns
    ]
    parts.append(line(left, bottom, right, bottom, class_="axis"))
    for value in ticks(x.low, x.high):
        parts.append(line(x(value), bottom, x(value), bottom + 4, class_="axis"))
        parts.append(text(x(value), bottom + 18, f"{value:g} %", text_anchor="middle"))
    name = f"wanted: {percent(mark / 100)}" if wanted else f"best measured: {mark:.1f} %"
    parts += _mark(x, mark, near, name, wanted)
    return drawing(
        f"{facts.key}-dots",
        _WIDTH,
        216,
        f"{facts.name}: twenty equally likely outcomes",
        outcomes_sentence(facts),
        "".join(parts),
    )


def _mark(x: Scale, mark: float, near: bool, name: str, wanted: bool) -> list[str]:
    """The line that outcomes are to pass, or which way it lies."""
    at, on_left = x(mark), x(mark) < (x.start + x.end) / 2
    if not near:
        name = f"← {name}" if on_left else f"{name} →"
        return [_label(at, name, "start" if on_left else "end", wanted)]
    return [
        line(at, 22, at, 190, class_="goal" if wanted else "end"),
        _label(at + (6 if on_left else -6), name, "start" if on_left else "end", wanted),
    ]


def _label(at: float, name: str, anchor: str, wanted: bool) -> str:
    return text(at, 32, name, text_anchor=anchor, class_="" if wanted else "muted")


def _columns(
    values: list[float], x: Scale, edge: float, height: float
) -> tuple[list[tuple[float, float, int]], float]:
    """Each dot's value, place and level; dots as large as the highest column allows.

    No column lies on both sides of the edge.
    """
    for size in np.arange(22.0, 5.0, -1.0):
        levels: Counter[int] = Counter()
        placed = []
        for value in values:
            column = int((x(value) - edge) // size)
            placed.append((value, edge + (column + 0.5) * size, levels[column]))
            levels[column] += 1
        if max(levels.values()) * size <= height:
            return placed, float(size)
    return placed, float(size)


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
    parts = [line(6, 21, 234, 21, class_="grid"), interval_marks(facts.score, x, 21, 4.5)]
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
