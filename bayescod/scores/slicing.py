"""Parts of what was measured: some benchmarks, some of their LLMs, or one half of the trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from bayescod.errors import DataError, Problem, UnknownNameError
from bayescod.scores.records import BenchmarkScores, FloatArray, Scores

IntArray = npt.NDArray[np.int64]


def choose_benchmarks(scores: Scores, benchmarks: Sequence[str]) -> Scores:
    """Scores of some benchmarks only.

    Parameters
    ----------
    scores : Scores
    benchmarks : sequence of str
        In the order wanted; all where empty.

    Returns
    -------
    Scores

    Raises
    ------
    UnknownNameError
        If there is no such benchmark.
    """
    known = {one.benchmark: one for one in scores.benchmarks}
    for name in benchmarks:
        if name not in known:
            raise UnknownNameError("benchmark", name, known)
    if not benchmarks:
        return scores
    return replace(scores, benchmarks=tuple(known[name] for name in dict.fromkeys(benchmarks)))


def restrict(benchmark: BenchmarkScores, llms: Sequence[str]) -> BenchmarkScores:
    """Benchmark with the columns of `llms` only.

    Parameters
    ----------
    benchmark : BenchmarkScores
        Any.
    llms : sequence of str
        LLMs with scores here, in the order wanted.

    Returns
    -------
    BenchmarkScores
        All items, columns in the order of `llms`.

    Raises
    ------
    UnknownNameError
        If one of them has no scores here.
    """
    missing = [name for name in llms if name not in benchmark.llm]
    if missing:
        kind = f"model with scores on {benchmark.benchmark}"
        raise UnknownNameError(kind, missing[0], benchmark.llm)
    columns = np.array([benchmark.llm.index(name) for name in llms], dtype=np.int64)
    return BenchmarkScores(
        benchmark=benchmark.benchmark,
        item_id=benchmark.item_id,
        llm=tuple(llms),
        pass_rate=benchmark.pass_rate[:, columns],
        n_trials=benchmark.n_trials[:, columns],
        measured_rate=benchmark.measured_rate[:, columns],
        measured_trials=benchmark.measured_trials[:, columns],
        chance=benchmark.chance,
        soft=benchmark.soft,
    )


def split_trials(
    rng: np.random.Generator, rate: FloatArray, n_trials: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Split the trials of every item at random into two halves that share no luck.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    rate : FloatArray
        Pass rates in [0, 1], any shape; NaN where missing.
    n_trials : FloatArray
        Trials behind them, same shape; 0 where missing.

    Returns
    -------
    rate_a, n_a, rate_b, n_b : FloatArray
        The halves; ``n_a = floor(n / 2)`` and ``n_b = n - n_a``, the rates NaN where a half has no
        trial. Given k of n, the right answers in a half are hypergeometric, as if the trials had
        been drawn from a bag.

    Raises
    ------
    DataError
        If some rate has an unknown number of trials: a soft score cannot be split.
    """
    present = ~np.isnan(rate)
    if np.isnan(n_trials[present]).any():
        raise DataError(
            [
                Problem(
                    "soft-split",
                    "soft scores of unknown n cannot be split into halves",
                    wanted="n_trials for every score",
                    fix="fit them unsplit",
                )
            ]
        )
    n = np.where(present, n_trials, 0.0).astype(np.int64)
    k = np.rint(np.where(present, rate, 0.0) * n).astype(np.int64)
    n_a = n // 2
    k_a = rng.hypergeometric(k, n - k, n_a)
    n_b, k_b = n - n_a, k - k_a

    def share(part: IntArray, whole: IntArray) -> FloatArray:
        return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)

    return share(k_a, n_a), n_a.astype(np.float64), share(k_b, n_b), n_b.astype(np.float64)
