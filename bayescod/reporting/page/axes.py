"""What several charts share: axes, ranges, and the mark of what was measured later."""

from __future__ import annotations

import numpy as np

from bayescod.forecasting.records import Summary
from bayescod.reporting.page.svg import Scale, decades, element, line, text, ticks
from bayescod.reporting.wording import flops


def score_axis(y: Scale, left: float, right: float) -> str:
    """Per cent on the left, with lines across."""
    values = [value for value in ticks(y.low, y.high) if 0 <= value <= 100]
    return "".join(
        line(left, y(value), right, y(value), class_="grid")
        + text(left - 6, y(value) + 4, f"{value:g} %", text_anchor="end")
        for value in values
    )


def compute_axis(x: Scale, bottom: float) -> str:
    """Training compute below, on a logarithmic scale."""
    parts = [line(x.start, bottom, x.end, bottom, class_="axis")]
    for value in decades(x.low, x.high):
        label = flops(value).removesuffix(" FLOP")
        parts.append(line(x(value), bottom, x(value), bottom + 4, class_="axis"))
        parts.append(text(x(value), bottom + 18, label, text_anchor="middle"))
    middle = (x.start + x.end) / 2
    label = "training compute (FLOP)"
    parts.append(text(middle, bottom + 37, label, text_anchor="middle", class_="muted"))
    return "".join(parts)


def interval_marks(score: Summary, x: Scale, y: float, radius: float, kind: str = "") -> str:
    """A 90 % and a 50 % equal-tailed range and the median, on a line; ``kind`` adds a class."""
    ends = [x(score.quantiles[i]) for i in (0, 2, 3, 4, 6)]
    return (
        line(ends[0], y, ends[4], y, class_=f"range90{kind}")
        + line(ends[1], y, ends[3], y, class_=f"range50{kind}")
        + element("circle", cx=ends[2], cy=y, r=radius, class_=f"centre{kind}")
    )


def star(x: float, y: float, size: float = 8.0) -> str:
    """What was measured later."""
    angles = np.arange(10) * np.pi / 5
    radii = np.where(np.arange(10) % 2 == 0, size, 0.42 * size)
    places = " ".join(
        f"{x + r * np.sin(a):.1f},{y - r * np.cos(a):.1f}"
        for r, a in zip(radii, angles, strict=True)
    )
    return element("polygon", points=places, class_="truth")
