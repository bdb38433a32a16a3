"""Charts against compute as inline SVG; colours come from the page's style by class."""

from __future__ import annotations

import numpy as np

from bayescod.reporting.page.axes import compute_axis, score_axis, star
from bayescod.reporting.page.records import BenchmarkFacts, Chance, Dot
from bayescod.reporting.page.svg import Scale, Svg, area, drawing, element, line, path, text
from bayescod.reporting.page.words import likelihood, percent

_WIDE, _HALF = 560, 440


def fan_chart(facts: BenchmarkFacts) -> Svg:
    """Score against compute: measured LLMs, where data end, the fan, the target.

    Parameters
    ----------
    facts : BenchmarkFacts

    Returns
    -------
    Svg
        Without fan and target where the forecast is withheld.
    """
    left, right, top, bottom = 52, _WIDE - 16, 30, 270
    compute, fan = facts.fan.compute_flops, 100 * facts.fan.quantiles
    x = Scale(float(compute[0]) * 0.8, float(compute[-1]), left, right, log=True)
    y = Scale(*_limits(facts), bottom, top)
    parts = [score_axis(y, left, right), compute_axis(x, bottom)]
    if not facts.withheld:
        at = [x(float(c)) for c in compute]
        rows = [[y(float(value)) for value in row] for row in fan]
        parts += [
            area(at, rows[0], rows[4], class_="band90"),
            area(at, rows[1], rows[3], class_="band50"),
            path(zip(at, rows[2], strict=True), class_="median"),
        ]
    parts += _end_of_data(facts, x, top, bottom)
    parts += _goal(facts, y, left, right)
    parts += [_dot(dot, x, y, right) for dot in facts.measured]
    if not facts.withheld:
        parts += _target(facts, x, y)
    said = "Measured scores only." if facts.withheld else facts.headline
    return drawing(
        f"{facts.key}-fan",
        _WIDE,
        312,
        f"{facts.name}: score against training compute",
        f"{len(facts.measured)} measured LLMs, the best of the ladder at "
        f"{100 * facts.best_measured:.1f} %. {said}",
        "".join(parts),
    )


def _limits(facts: BenchmarkFacts) -> tuple[float, float]:
    shown = [value for dot in facts.measured for value in (100 * dot.low, 100 * dot.high)]
    if not facts.withheld:
        shown += [100 * float(facts.fan.quantiles.min()), 100 * float(facts.fan.quantiles.max())]
        shown += [100 * facts.score.low, 100 * facts.score.high]
        if facts.forecast.target.truth is not None:
            shown.append(100 * facts.forecast.target.truth)
        if facts.chance is not None and facts.chance.wanted:
            shown.append(100 * facts.chance.score)
    air = max(0.06 * (max(shown) - min(shown)), 1.0)
    return max(min(shown) - air, -1.0), min(max(shown) + air, 101.0)


def _end_of_data(facts: BenchmarkFacts, x: Scale, top: float, bottom: float) -> list[str]:
    last = x(max(dot.compute_flops for dot in facts.measured if not dot.anchor))
    return [
        line(last, top - 14, last, bottom, class_="end"),
        text(last - 6, top - 6, "← measured", text_anchor="end", class_="muted"),
        text(last + 6, top - 6, "extrapolated →", class_="muted"),
    ]


def _goal(facts: BenchmarkFacts, y: Scale, left: float, right: float) -> list[str]:
    """The wanted score, across."""
    if facts.chance is None or not facts.chance.wanted:
        return []
    height = y(100 * facts.chance.score)
    name = f"wanted: {percent(facts.chance.score)}"
    return [
        line(left, height, right, height, class_="goal"),
        text(left + 6, height - 6, name, class_="over"),
    ]


def _dot(dot: Dot, x: Scale, y: Scale, right: float) -> str:
    known = np.isfinite(dot.compute_flops)
    at, height = x(dot.compute_flops) if known else right, y(100 * dot.score)
    bar = line(at, y(100 * dot.low), at, y(100 * dot.high), class_="noise")
    if not dot.anchor:
        return bar + element("circle", cx=at, cy=height, r=3.6, class_="dot")
    corners = ((at, height - 5), (at + 5, height), (at, height + 5), (at - 5, height))
    return bar + element(
        "polygon", points=" ".join(f"{a:.1f},{b:.1f}" for a, b in corners), class_="anchor"
    )


def _target(facts: BenchmarkFacts, x: Scale, y: Scale) -> list[str]:
    score, point = facts.score, facts.forecast.target
    at = x(point.compute_flops)
    low, quarter, median, upper, high = (y(100 * score.quantiles[i]) for i in (0, 2, 3, 4, 6))
    parts = [
        line(at, low, at, high, class_="target thin"),
        line(at, quarter, at, upper, class_="target thick"),
        element("circle", cx=at, cy=median, r=4.5, class_="target middle"),
    ]
    if point.truth is not None:
        parts.append(star(at + 14, y(100 * point.truth)))
    return parts


def chance_chart(facts: BenchmarkFacts, found: Chance) -> Svg:
    """The chance of a score against compute, with the compute for some chances read off.

    Parameters
    ----------
    facts : BenchmarkFacts
    found : Chance

    Returns
    -------
    Svg
    """
    left, right, top, bottom = 54, _HALF - 14, 16, 180
    target = facts.forecast.target.compute_flops
    begins = int(np.argmax(found.chance > 0.005))
    low = max(min(float(found.compute_flops[begins]), target) / 2, float(found.compute_flops[0]))
    kept = found.compute_flops >= low * (1 - 1e-9)
    compute, chance = found.compute_flops[kept], found.chance[kept]
    x = Scale(float(compute[0]), float(compute[-1]), left, right, log=True)
    y = Scale(0.0, 100.0, bottom, top)
    parts = [score_axis(y, left, right), compute_axis(x, bottom)]
    parts.append(line(x(target), top, x(target), bottom, class_="target thin"))
    bought = {p: cost.compute_flops for p, cost in found.needed.items() if cost is not None}
    read = {p: needed for p, needed in bought.items() if x.low <= needed <= x.high}
    for probability, needed in read.items():
        across = y(100 * probability)
        parts.append(line(left, across, x(needed), across, class_="read"))
        parts.append(line(x(needed), across, x(needed), bottom, class_="read"))
    places = [(x(float(c)), y(100 * float(p))) for c, p in zip(compute, chance, strict=True)]
    parts.append(path(places, class_="median"))
    for probability, needed in read.items():
        place = {"cx": x(needed), "cy": y(100 * probability)}
        parts.append(element("circle", r=3.6, class_="mark", **place))
    said = "; ".join(
        f"{part:g} times the compute: {likelihood(p)}" for part, p in found.at_parts.items()
    )
    return drawing(
        f"{facts.key}-chance",
        _HALF,
        222,
        f"{facts.name}: chance of at least {percent(found.score)} against training compute",
        f"{said}.",
        "".join(parts),
    )
