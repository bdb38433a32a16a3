"""Numbers and names as people read them: whole per cents, ranges rounded outwards."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass

_SUPERSCRIPT = str.maketrans("0123456789-+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺")
# A narrower range keeps a decimal, because rounding to whole points would widen it by too much.
_WHOLE_POINTS_FROM = 5.0


@dataclass(frozen=True, slots=True)
class PercentRange:
    """A median and its range in per cent, as text.

    Attributes
    ----------
    median, low, high : str
        Numbers without sign; ``low`` is rounded down and ``high`` up, so that the range shown
        never holds less than the range meant.
    """

    median: str
    low: str
    high: str

    def __str__(self) -> str:
        return f"{self.low} to {self.high} %"


def percent_range(median: float, low: float, high: float, *, tenths: bool = False) -> PercentRange:
    """Put a median and its range into words of one precision.

    Parameters
    ----------
    median, low, high : float
        Scores in [0, 1]; NaN gives a dash.
    tenths : bool, default False
        Tenths whatever the width: beside a truth that lies near an end.

    Returns
    -------
    PercentRange
        Rounded outwards; whole points where the range is at least 5 points wide, else tenths.

    Examples
    --------
    >>> str(percent_range(0.6234, 0.552, 0.701))
    '55 to 71 %'
    >>> str(percent_range(0.6234, 0.6121, 0.6349))
    '61.2 to 63.5 %'
    """
    if not all(math.isfinite(value) for value in (median, low, high)):
        return PercentRange("–", "–", "–")
    whole = 100 * (high - low) >= _WHOLE_POINTS_FROM and not tenths
    decimals = 0 if whole else 1
    unit = 10**decimals
    # 100 * 0.55 is a hair above 55, which must not become 56.
    floor = math.floor(round(100 * low * unit, 6)) / unit
    ceiling = math.ceil(round(100 * high * unit, 6)) / unit
    return PercentRange(*(f"{value:.{decimals}f}" for value in (100 * median, floor, ceiling)))


def points(value: float) -> str:
    """A signed difference of scores in percentage points, with one decimal.

    Examples
    --------
    >>> points(0.0213)
    '+2.1'
    """
    # Adding zero takes the sign off a difference that rounds to none.
    return f"{round(100 * value, 1) + 0.0:+.1f}" if math.isfinite(value) else "–"


def flops(value: float) -> str:
    """Compute as people write it on slides.

    Examples
    --------
    >>> flops(1.26e23)
    '1.3 × 10²³ FLOP'
    >>> flops(1e24)
    '10²⁴ FLOP'
    """
    if not (math.isfinite(value) and value > 0):
        return "unknown compute"
    mantissa, exponent = f"{value:.1e}".split("e")
    power = f"10{str(int(exponent)).translate(_SUPERSCRIPT)} FLOP"
    return power if mantissa == "1.0" else f"{mantissa} × {power}"


def times(value: float) -> str:
    """A ratio in two significant digits, or whole from ten on.

    Examples
    --------
    >>> times(7.36), times(123.4)
    ('7.4', '123')
    """
    if not math.isfinite(value):
        return "–"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def printable(text: str, longest: int = 60) -> str:
    r"""Make a hostile name fit to show: no control characters, no line breaks, not too long.

    Parameters
    ----------
    text : str
        Any text; terminal escapes and direction marks in it become ``�``.
    longest : int, default 60
        In characters; what is beyond is cut and an ellipsis shows it.

    Returns
    -------
    str

    Examples
    --------
    >>> printable("a\x1b[31mb")
    'a�[31mb'
    """
    shown = "".join("�" if unicodedata.category(char)[0] == "C" else char for char in text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
