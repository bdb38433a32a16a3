"""Benchmarks ranked by how predictable they are, and which of them cannot be told apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bayescod.convergence import Reason
from bayescod.decisions.past import Past, past_of
from bayescod.decisions.signals import Signal, signal_of
from bayescod.decisions.verdicts import is_stated, verdict_on
from bayescod.forecasting.records import BenchmarkForecast, ForecastSet, Summary, summarise

if TYPE_CHECKING:
    import pandas as pd

FloatArray = npt.NDArray[np.float64]

TOLD_APART = 0.8
"""Chance from which one of two benchmarks is said to be the more predictable one.

Were the errors of two benchmarks independent and normal, one would have to be three times as large
as the other: ``P(|x| < |y|) = 2 / pi atan(sd_y / sd_x)``.
"""

_NOTHING = summarise(())


@dataclass(frozen=True, slots=True)
class Predictability:
    """How predictable one benchmark is at the target.

    Attributes
    ----------
    benchmark : str
    rank : int
        From 1, by ``expected_error``; benchmarks whose checks failed come last.
    groups : tuple of str
        Letters. Two benchmarks that share one cannot be told apart; empty where checks failed.
    method : str
        ``cod`` or ``end-to-end``.
    status : str
        ``pass``, ``review`` or ``fail``.
    score : Summary
        Of the measured score, in [0, 1]; NaN where checks failed.
    expected_error : float
        Mean of |score - median| over the worlds, in [0, 1]; NaN where checks failed.
    share : Summary
        Predictable share, in [0, 1]; NaN for an end-to-end forecast.
    p_extrapolatable : float or None
        Chance that an item's cluster can be extrapolated, mean over the items in clusters; ``None``
        for an end-to-end forecast.
    signal : Signal or None
        ``None`` where checks failed.
    past : Past or None
        The record of such forecasts of this benchmark, where there is one.
    verdict : str
        ``forecast it``, ``with care`` or ``do not``.
    reasons : tuple of Reason
        Why, the worst first.
    """

    benchmark: str
    rank: int
    groups: tuple[str, ...]
    method: str
    status: str
    score: Summary
    expected_error: float
    share: Summary
    p_extrapolatable: float | None
    signal: Signal | None
    past: Past | None
    verdict: str
    reasons: tuple[Reason, ...]

    @property
    def width(self) -> float:
        """Of the 90 % equal-tailed range, in [0, 1]."""
        return self.score.high - self.score.low


def rank_benchmarks(
    forecasts: ForecastSet, rows: pd.DataFrame | None = None
) -> tuple[Predictability, ...]:
    """Rank the benchmarks of a forecast by how predictable they are.

    Parameters
    ----------
    forecasts : ForecastSet
    rows : pandas.DataFrame, optional
        The columns of ``backtest.csv``; rows of the method that made the forecast count.

    Returns
    -------
    tuple of Predictability
        The smallest expected error first. Errors are of scores, so that a benchmark that stays
        near 0 or 1 ranks high; the reason ``no-signal`` tells where it has not been seen to grow.
    """
    past = {} if rows is None else past_of(rows, forecasts.spec)
    errors = {one.benchmark: _errors(one) for one in forecasts.benchmarks if is_stated(one)}
    expected = {name: float(error.mean()) for name, error in errors.items()}
    ordered = sorted(
        forecasts.benchmarks,
        key=lambda one: (expected.get(one.benchmark, math.inf), one.benchmark),
    )
    stated = [one.benchmark for one in ordered if one.benchmark in errors]
    letters = letters_of(len(stated), lambda i, j: told_apart(errors[stated[i]], errors[stated[j]]))
    groups = dict(zip(stated, letters, strict=True))
    return tuple(
        _predictability(one, rank, groups, expected, past.get(one.benchmark))
        for rank, one in enumerate(ordered, start=1)
    )


def chance_above(a: FloatArray, b: FloatArray) -> float:
    """Chance that ``a`` exceeds ``b`` in the same world; ties count half.

    Parameters
    ----------
    a, b : ndarray of float
        (draw,).

    Returns
    -------
    float
        In [0, 1].
    """
    return float((a > b).mean() + 0.5 * (a == b).mean())


def told_apart(errors: FloatArray, others: FloatArray) -> bool:
    """Whether one of two benchmarks is closer to its forecast with a chance of 80 % or more.

    Parameters
    ----------
    errors, others : ndarray of float
        (draw,) absolute errors of either in the same worlds.

    Returns
    -------
    bool
    """
    chance = chance_above(others, errors)
    return max(chance, 1.0 - chance) >= TOLD_APART


def letters_of(count: int, apart: Callable[[int, int], bool]) -> list[tuple[str, ...]]:
    """Letters for a ranked list, one for each longest run in which no pair is told apart.

    Parameters
    ----------
    count : int
        Length of the list.
    apart : callable
        (i, j) with i < j -> whether those places are told apart.

    Returns
    -------
    list of tuple of str
        Letters of each place, at least one; two places share a letter only where they and all
        between them cannot be told apart.

    Examples
    --------
    >>> letters_of(4, lambda i, j: j - i > 1)
    [('a',), ('a', 'b'), ('b', 'c'), ('c',)]
    """
    starts, start = [], 0  # by place: where the longest run that ends there begins
    for place in range(count):
        for before in range(place - 1, start - 1, -1):
            if apart(before, place):
                start = before + 1
                break
        starts.append(start)
    ends = [
        place for place in range(count) if place + 1 == count or starts[place + 1] > starts[place]
    ]
    return [
        tuple(letter(number) for number, end in enumerate(ends) if starts[end] <= place <= end)
        for place in range(count)
    ]


def letter(number: int) -> str:
    """The name of a group: a to z, then aa, ab.

    Examples
    --------
    >>> letter(0), letter(25), letter(26), letter(701), letter(702)
    ('a', 'z', 'aa', 'zz', 'aaa')
    """
    name, number = "", number + 1
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(ord("a") + rest) + name
    return name


def _errors(one: BenchmarkForecast) -> FloatArray:
    draws = one.draws("score")
    return np.abs(draws - np.median(draws))


def _predictability(
    one: BenchmarkForecast,
    rank: int,
    groups: Mapping[str, tuple[str, ...]],
    expected: Mapping[str, float],
    past: Past | None,
) -> Predictability:
    stated = one.benchmark in expected
    cod = stated and one.method == "cod"
    signal = signal_of(one) if stated else None
    verdict = verdict_on(one, signal, past)
    return Predictability(
        benchmark=one.benchmark,
        rank=rank,
        groups=groups.get(one.benchmark, ()),
        method=one.method,
        status=one.status,
        score=one.summary("score") if stated else _NOTHING,
        expected_error=expected.get(one.benchmark, math.nan),
        share=one.summary("predictable_share") if cod else _NOTHING,
        p_extrapolatable=_p_extrapolatable(one) if cod else None,
        signal=signal,
        past=past,
        verdict=verdict.word,
        reasons=verdict.reasons,
    )


def _p_extrapolatable(one: BenchmarkForecast) -> float | None:
    items = sum(cluster.n_items for cluster in one.clusters)
    if items == 0:
        return None
    return sum(cluster.n_items * cluster.p_extrapolatable for cluster in one.clusters) / items
