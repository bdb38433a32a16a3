"""Plain JSON values of numbers, words and summaries, and back: a wrong kind is an error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from bayescod.forecasting.records import QUANTILES, Summary

Json = dict[str, Any]

_T = TypeVar("_T")
_KINDS: Mapping[type, str] = {
    str: "text",
    int: "a number",
    list: "a list",
    dict: "an object",
    bool: "true or false",
}


def number(value: float) -> float | None:
    """A number, or ``None`` where it is not finite."""
    return float(value) if math.isfinite(value) else None


def of_kind(kind: type[_T], value: object) -> _T:
    """A stored value, if it is of the kind that is written there."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        msg = f"{str(value)[:80]!r} where there should be {_KINDS[kind]}"
        raise TypeError(msg)
    return value


def as_float(value: object) -> float:
    """A stored number; NaN for null."""
    if value is None:
        return math.nan
    return float(value) if isinstance(value, float) else float(of_kind(int, value))


def one_of(choices: tuple[str, ...], value: object) -> str:
    """A stored word, if it is one of the choices."""
    if value not in choices:
        msg = f"{str(value)[:80]!r} where there should be {' or '.join(choices)}"
        raise ValueError(msg)
    return str(value)


def summary_to_json(summary: Summary) -> Json:
    """A summary as an object."""
    return {
        "mean": number(summary.mean),
        "sd": number(summary.sd),
        "quantiles": {
            f"{probability:g}": number(value)
            for probability, value in zip(QUANTILES, summary.quantiles, strict=True)
        },
    }


def summary_from_json(stored: Json) -> Summary:
    """The inverse of :func:`summary_to_json`."""
    return Summary(
        mean=as_float(stored["mean"]),
        sd=as_float(stored["sd"]),
        quantiles=tuple(as_float(stored["quantiles"][f"{p:g}"]) for p in QUANTILES),
    )
