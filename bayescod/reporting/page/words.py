"""What the page says in words; a word of chance never goes without its number."""

from __future__ import annotations

import math

from bayescod.forecasting.records import Summary
from bayescod.reporting.plan_table import chance
from bayescod.reporting.wording import percent_range

# One scale for the whole page, because everybody reads words of chance differently.
_SCALE = (
    (0.01, "almost no chance"),
    (0.05, "very unlikely"),
    (0.20, "unlikely"),
    (0.45, "less likely than not"),
    (0.55, "about even"),
    (0.80, "likely"),
    (0.95, "very likely"),
)

_WHY_END_TO_END = {
    "few-trials": "each question was tried too few times to tell growth from luck",
    "no-items": "the scores come without single questions",
    "no-clusters": "too few questions grow alike to form groups",
    "no-growth": "no group of questions has grown enough over the measured LLMs",
    "small-subset": "too few questions belong to groups that can be extrapolated",
    "no-convergence": "the sampler did not settle on the groups of questions",
    "asked": "the end-to-end forecast was asked for",
}

_CAUTIONS = {
    "mapping-rhat": "the step from the predictable questions to the whole benchmark has not "
    "settled fully",
    "BC101": "the sampler's chains agree less than wanted",
    "BC102": "the sampler explored the middle of the range less than wanted",
    "BC103": "the sampler explored the ends of the range less than wanted",
    "BC104": "some of the sampler's steps went astray",
}


def likelihood(value: float) -> str:
    """A chance as a number with its word.

    Parameters
    ----------
    value : float
        In [0, 1].

    Returns
    -------
    str

    Examples
    --------
    >>> likelihood(0.7), likelihood(0.003)
    ('70 % (likely)', '< 1 % (almost no chance)')
    """
    if not math.isfinite(value):
        return "–"
    word = next((word for below, word in _SCALE if value < below), "almost certain")
    return f"{chance(value)} ({word})"


def why_end_to_end(code: str) -> str:
    """Why the whole benchmark was forecast as one curve, for readers without jargon."""
    return _WHY_END_TO_END.get(code, f"reason {code}")


def caution_of(code: str) -> str:
    """What a coded caution means for a leader; empty for remarks that are no caution."""
    return _CAUTIONS.get(code, "")


def expectation(score: Summary) -> str:
    """The headline of one benchmark: median, 90 % and 50 % ranges, always together.

    Parameters
    ----------
    score : Summary
        Of the predictive draws of the measured score, in [0, 1].

    Returns
    -------
    str
        Ranges are rounded outwards to one precision.
    """
    wide = percent_range(score.median, score.low, score.high)
    decimals = len(wide.median.partition(".")[2])
    quarter, upper = score.quantiles[2], score.quantiles[4]
    unit = 10**decimals
    low = math.floor(round(100 * quarter * unit, 6)) / unit
    high = math.ceil(round(100 * upper * unit, 6)) / unit
    return (
        f"We expect a score of about {wide.median} %. There is a 9 in 10 chance that it lies "
        f"between {wide.low} and {wide.high} %, and an even chance that it lies between "
        f"{low:.{decimals}f} and {high:.{decimals}f} %."
    )


def points_wide(width: float) -> str:
    """The width of a range in percentage points.

    Examples
    --------
    >>> points_wide(0.114)
    '11.4 points'
    """
    return f"{100 * width:.1f} points" if math.isfinite(width) else "–"


def listed(names: list[str], most: int = 4) -> str:
    """Names in a sentence, not too many.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b", "c"]), listed(list("abcdef"))
    ('a', 'a, b and c', 'a, b, c and 3 more')
    """
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def percent(score: float) -> str:
    """A score that somebody has chosen, in per cent and no more exact than it was given.

    Examples
    --------
    >>> percent(0.29), percent(0.345)
    ('29 %', '34.5 %')
    """
    return f"{100 * score:.6g} %"


def number(value: float, decimals: int) -> str:
    """A figure of the sampler; NaN is none.

    Examples
    --------
    >>> number(1.00412, 3), number(float("nan"), 0)
    ('1.004', 'none')
    """
    return f"{value:.{decimals}f}" if math.isfinite(value) else "none"
