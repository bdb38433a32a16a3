"""Candidates against each other: the chance that one ladder or plan ends with the higher score.

Two forecasts of one ladder (same data, model and seed) share their law: world i is the same law in
both, and what differs by chance is the luck of two separate trainings. Forecasts of different
ladders are independent. Which of the two holds is found from what the forecasts store, and said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bayescod.decisions.predictability import (
    Predictability,
    chance_above,
    letter,
    rank_benchmarks,
)
from bayescod.decisions.verdicts import is_stated
from bayescod.errors import DataError, Problem, ResultError
from bayescod.evaluation.records import Backtest
from bayescod.forecasting.records import (
    BenchmarkForecast,
    ForecastSet,
    Summary,
    TargetPoint,
    summarise,
)

if TYPE_CHECKING:
    import pandas as pd

FloatArray = npt.NDArray[np.float64]

SAME_LAW, INDEPENDENT = "same law", "independent"
# What the draws of a law hang on, besides the seed. The target and its evaluation are not of it.
_LAW = ("data_digest", "spec_digest", "anchors", "smoothing", "update_digest")


@dataclass(frozen=True, slots=True)
class Contest:
    """One candidate's score against another's.

    Attributes
    ----------
    benchmark : str
        Empty for the unweighted mean over all benchmarks.
    chance : float
        That the first scores higher, in [0, 1]; ties count half.
    difference : Summary
        First minus second, in [-1, 1].
    """

    benchmark: str
    chance: float
    difference: Summary


@dataclass(frozen=True, slots=True)
class Match:
    """Two candidates on the benchmarks that both forecast.

    Attributes
    ----------
    first, second : str
        Letters of the candidates.
    pairing : str
        ``same law`` (two trainings of one ladder's law) or ``independent``.
    contests : tuple of Contest
        By benchmark, in the first's order.
    mean : Contest or None
        Of the unweighted mean score; ``None`` for a single benchmark.
    all_higher, all_lower : float or None
        Chance that the first scores higher, or lower, on every benchmark at once.
    n_worlds : int
        Pairs of worlds behind the differences and what is said of all benchmarks.
    notes : tuple of str
        What a reader of the chances must know.
    """

    first: str
    second: str
    pairing: str
    contests: tuple[Contest, ...]
    mean: Contest | None
    all_higher: float | None
    all_lower: float | None
    n_worlds: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Benchmarks of one forecast ranked, or several forecasts against each other.

    Attributes
    ----------
    candidates : mapping of str to TargetPoint
        By letter, A first: what each forecast is of.
    ranking : tuple of Predictability
        Of the benchmarks of a single forecast, the most predictable first; else empty.
    matches : tuple of Match
        Of several forecasts, one a pair; else empty.
    recorded : bool
        Whether the ranking had the rows of a backtest.
    """

    candidates: Mapping[str, TargetPoint]
    ranking: tuple[Predictability, ...]
    matches: tuple[Match, ...]
    recorded: bool


def compare(
    forecasts: ForecastSet,
    *others: ForecastSet,
    record: Backtest | pd.DataFrame | None = None,
) -> Comparison:
    """Rank the benchmarks of a forecast, or set several forecasts against each other.

    One forecast: which benchmarks are predictable, which cannot be told apart in that, and whether
    to forecast each at all. Several: for each pair, the chance that the first's target scores
    higher, and by how much. Nothing is fitted again.

    Parameters
    ----------
    forecasts : ForecastSet
        From :func:`bayescod.forecast` or :func:`bayescod.load`.
    *others : ForecastSet
        Candidate ladders or plans to set against it and each other.
    record : Backtest or pandas.DataFrame, optional
        Past forecasts for the ranking: from :func:`bayescod.backtest`, or its rows.

    Returns
    -------
    Comparison

    Raises
    ------
    DataError
        If there is a record for several forecasts.
    ResultError
        If two forecasts have no benchmark in common, or were written by an earlier version and
        share their law.
    """
    everyone = (forecasts, *others)
    names = [letter(number).upper() for number in range(len(everyone))]
    candidates = {name: one.target for name, one in zip(names, everyone, strict=True)}
    if not others:
        rows = record.frame() if isinstance(record, Backtest) else record
        ranking = rank_benchmarks(forecasts, rows)
        return Comparison(candidates, ranking, (), rows is not None)
    if record is not None:
        text = "a record belongs to the ranking of one forecast"
        raise DataError([Problem("record", text, fix="leave it out, or give one forecast")])
    pairs = combinations(zip(names, everyone, strict=True), 2)
    matches = tuple(_match(*first, *second) for first, second in pairs)
    return Comparison(candidates, (), matches, False)


def chance_above_all(a: FloatArray, b: FloatArray) -> float:
    """Chance that a draw of ``a`` exceeds a draw of ``b``, over all pairs; ties count half.

    Parameters
    ----------
    a, b : ndarray of float
        (draw,), of independent quantities, of any two lengths.

    Returns
    -------
    float
        In [0, 1].
    """
    ordered = np.sort(b)
    below = np.searchsorted(ordered, a, side="left") + np.searchsorted(ordered, a, side="right")
    return float(below.mean() / (2 * b.size))


def _match(first: str, one: ForecastSet, second: str, other: ForecastSet) -> Match:
    theirs = {forecast.benchmark: forecast for forecast in other.benchmarks}
    both = [(f, theirs[f.benchmark]) for f in one.benchmarks if f.benchmark in theirs]
    if not both:
        msg = (
            f"forecasts {first} and {second} have no benchmark in common: {first} has "
            f"{_names(one)}, {second} has {_names(other)}; forecast the same benchmarks"
        )
        raise ResultError(msg)
    shared = [(f, g) for f, g in both if is_stated(f) and is_stated(g)]
    pairing = SAME_LAW if _share_law(one, other, both) else INDEPENDENT
    notes = _notes(one, other, both, shared, pairing)
    if not shared:
        return Match(first, second, pairing, (), None, None, None, 0, notes)
    a, b = _same_law(shared) if pairing == SAME_LAW else _independent(shared)
    contests = tuple(
        Contest(
            f.benchmark,
            chance_above(mine, yours)
            if pairing == SAME_LAW
            else chance_above_all(f.draws("score"), g.draws("score")),
            summarise(mine - yours),
        )
        for (f, g), mine, yours in zip(shared, a, b, strict=True)
    )
    if len(shared) == 1:
        return Match(first, second, pairing, contests, None, None, None, a.shape[1], notes)
    mean_a, mean_b, difference = a.mean(axis=0), b.mean(axis=0), a - b
    nothing = np.zeros(a.shape[1])
    return Match(
        first=first,
        second=second,
        pairing=pairing,
        contests=contests,
        mean=Contest("", chance_above(mean_a, mean_b), summarise(mean_a - mean_b)),
        all_higher=chance_above(difference.min(axis=0), nothing),
        all_lower=chance_above(nothing, difference.max(axis=0)),
        n_worlds=a.shape[1],
        notes=notes,
    )


def _share_law(
    one: ForecastSet,
    other: ForecastSet,
    both: Sequence[tuple[BenchmarkForecast, BenchmarkForecast]],
) -> bool:
    """Whether world i of both has one law: the same posterior, read by the same random numbers."""
    if one.seed != other.seed or _differing(one, other):
        return False
    if one.course is not None or other.course is not None:
        return False  # a checkpoint picks worlds: number i is another law than in the ladder's
    # The target decides which LLMs are in the ladder and which laws can be read off at it.
    return all(
        f.method == g.method
        and f.tree["posterior"].to_dataset().equals(g.tree["posterior"].to_dataset())
        and _voices(f).tolist() == _voices(g).tolist()
        for f, g in both
    )


def _differing(one: ForecastSet, other: ForecastSet) -> list[str]:
    return [key for key in _LAW if one.provenance.get(key, "") != other.provenance.get(key, "")]


def _voices(forecast: BenchmarkForecast) -> npt.NDArray[np.int64]:
    """Which law speaks in each world; empty where there is one only."""
    predictions = forecast.tree["predictions"].to_dataset()
    return np.asarray(predictions["law"].values if "law" in predictions else (), dtype=np.int64)


def _same_law(
    shared: Sequence[tuple[BenchmarkForecast, BenchmarkForecast]],
) -> tuple[FloatArray, FloatArray]:
    """Scores (benchmark, world) of two trainings: one law a world, a luck of its own for each.

    What the second's score departs by from a run without luck, in points, is taken of another
    world, the same one in every benchmark, because one run is lucky or not on all of them.
    """
    mine = np.stack([f.draws("score") for f, _ in shared])
    yours = np.stack([g.draws("score") for _, g in shared])
    typical = np.stack([_typical(g) for _, g in shared])
    half = yours.shape[1] // 2
    return mine, np.clip(typical + np.roll(yours - typical, half, axis=1), 0.0, 1.0)


def _independent(
    shared: Sequence[tuple[BenchmarkForecast, BenchmarkForecast]],
) -> tuple[FloatArray, FloatArray]:
    """Scores (benchmark, world), worlds paired far from their own number.

    Equal seeds drive both by the same random numbers; draw i of one is not independent of draw i
    of the other.
    """
    mine = np.stack([f.draws("score") for f, _ in shared])
    yours = np.stack([g.draws("score") for _, g in shared])
    n = min(mine.shape[1], yours.shape[1])
    return mine[:, :n], np.roll(yours, yours.shape[1] // 2, axis=1)[:, :n]


def _typical(forecast: BenchmarkForecast) -> FloatArray:
    predictions = forecast.tree["predictions"].to_dataset()
    if "typical_score" not in predictions:
        msg = (
            f"the forecast of {forecast.benchmark!r} does not tell the law from a run's luck: it "
            "was written by an earlier version; forecast again"
        )
        raise ResultError(msg)
    return predictions["typical_score"].values.astype(np.float64)


def _notes(
    one: ForecastSet,
    other: ForecastSet,
    both: Sequence[tuple[BenchmarkForecast, BenchmarkForecast]],
    shared: Sequence[tuple[BenchmarkForecast, BenchmarkForecast]],
    pairing: str,
) -> tuple[str, ...]:
    found = []
    common = _common_llms(*both[0])
    if pairing == INDEPENDENT and common:
        why = [key.replace("_", " ") for key in _differing(one, other)]
        why += ["seed"] if one.seed != other.seed else []
        found.append(
            f"They rest on {common} of the same measured LLMs but were taken as independent, "
            f"because they differ in {', '.join(why) or 'the LLMs or the law fitted'}: what both "
            "owe to the same law does not cancel, and chances are nearer to even than they should "
            "be."
        )
    sizes = [f.benchmark for f, g in both if f.n_items and g.n_items and f.n_items != g.n_items]
    if sizes:
        found.append(f"Not of the same number of questions in both: {', '.join(sizes)}.")
    left_out = [f.benchmark for f, g in both if (f, g) not in shared]
    if left_out:
        found.append(f"Left out, because checks failed: {', '.join(left_out)}.")
    return tuple(found)


def _common_llms(f: BenchmarkForecast, g: BenchmarkForecast) -> int:
    """How many LLMs were fitted in both with the same score."""
    measured = []
    for forecast in (f, g):
        observed = forecast.tree["observed_data"].to_dataset()
        inside = observed["role"].values.astype(str) == "ladder"
        columns = (observed[name].values[inside].tolist() for name in ("model", "score"))
        measured.append(set(zip(*columns, strict=True)))
    return len(measured[0] & measured[1])


def _names(forecasts: ForecastSet) -> str:
    return ", ".join(forecast.benchmark for forecast in forecasts.benchmarks[:12])
