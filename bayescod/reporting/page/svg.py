"""Pure functions that write SVG elements; every text and attribute is escaped here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class Svg:
    """Markup that is safe as it stands: a template with autoescape takes it as it is.

    Attributes
    ----------
    markup : str
    """

    markup: str

    def __html__(self) -> str:
        return self.markup


@dataclass(frozen=True, slots=True)
class Scale:
    """A map from values to places on the drawing.

    Attributes
    ----------
    low, high : float
        Values at the ends, ``low < high``; positive where ``log``.
    start, end : float
        Their places.
    log : bool
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The place of a value; beyond the ends it stays at the end."""
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(max(at, 1e-300))
        part = min(max((at - low) / (high - low), 0.0), 1.0)
        return self.start + part * (self.end - self.start)


def element(tag: str, content: str = "", /, **attributes: str | float) -> str:
    """One element; ``class_`` is ``class``, other underscores are hyphens.

    Parameters
    ----------
    tag : str
        Not from data.
    content : str
        Markup that is safe.
    **attributes : str or float
        Escaped; numbers with one decimal.

    Returns
    -------
    str
    """
    said = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for name, value in attributes.items()
    )
    return f"<{tag}{said}>{content}</{tag}>" if content else f"<{tag}{said}/>"


def text(x: float, y: float, words: str, **attributes: str | float) -> str:
    """A text; its words are escaped."""
    return element("text", escape(words), x=x, y=y, **attributes)


def path(points: Iterable[tuple[float, float]], **attributes: str | float) -> str:
    """An open line through points."""
    places = " ".join(f"{_value(x)},{_value(y)}" for x, y in points)
    return element("polyline", points=places, **attributes)


def area(
    x: Sequence[float], low: Sequence[float], high: Sequence[float], **attributes: str | float
) -> str:
    """The area between two lines over the same places."""
    there = list(zip(x, high, strict=True))
    back = list(zip(x, low, strict=True))[::-1]
    places = " ".join(f"{_value(a)},{_value(b)}" for a, b in there + back)
    return element("polygon", points=places, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, **attributes: str | float) -> str:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, **attributes)


def drawing(key: str, width: int, height: int, title: str, description: str, content: str) -> Svg:
    """A drawing that says what it shows to those who do not see it.

    Parameters
    ----------
    key : str
        Of the drawing within the page: letters, digits, hyphens.
    width, height : int
        Of the view box; on the page the drawing takes the width it is given.
    title, description : str
        Escaped.
    content : str
        Markup that is safe.

    Returns
    -------
    Svg
    """
    head = element("title", escape(title), id=f"{key}-t")
    head += element("desc", escape(description), id=f"{key}-d")
    return Svg(
        element(
            "svg",
            head + content,
            viewBox=f"0 0 {width} {height}",
            role="img",
            aria_labelledby=f"{key}-t {key}-d",
        )
    )


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values within a range, at most so many.

    Examples
    --------
    >>> ticks(3.0, 47.0)
    [10.0, 20.0, 30.0, 40.0]
    """
    step = next(
        unit * 10.0**power
        for power in range(-6, 12)
        for unit in (1.0, 2.0, 5.0)
        if (high - low) / (unit * 10.0**power) <= most
    )
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(k * step, 9) for k in range(first, last + 1)]


def decades(low: float, high: float, most: int = 6) -> list[float]:
    """Powers of ten within a range, at most so many; where there are few, more between them.

    Examples
    --------
    >>> decades(3e19, 4e22)
    [1e+20, 1e+21, 1e+22]
    >>> decades(2e19, 5e20)
    [3e+19, 1e+20, 3e+20]
    """
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for units in ((1,), (1, 3), (1, 2, 5)):
        values = [float(f"{unit}e{power}") for power in exponents for unit in units]
        found = [v for v in values if low * (1 - 1e-9) <= v <= high * (1 + 1e-9)]
        if len(found) >= 3:
            break
    return found[:: math.ceil(len(found) / most)] if found else []


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return escape(value)
    return f"{value:.1f}".removesuffix(".0")
