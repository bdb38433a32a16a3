"""Intervals for the figures of a backtest, whose benchmarks of one held-out LLM err together.

An LLM that is better than its compute says is so on many benchmarks at once. Thirty forecasts of
three LLMs are therefore nearer to three observations than to thirty, and intervals that take them
for independent are too narrow. All intervals are equal-tailed and hold 90 %.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LEVEL: Final = 0.9
"""Probability of every interval here, equal-tailed."""

_SHARES: Final = 256  # cells of the grid over the share, equally spaced in arcsin(sqrt(share))
_CORRELATIONS: Final = 48  # Gauss-Legendre nodes over the correlation


class Interval(NamedTuple):
    """Lower and upper end of an equal-tailed 90 % interval; NaN where there is none."""

    low: float
    high: float


NO_INTERVAL: Final = Interval(float("nan"), float("nan"))


def share_interval(hits: npt.ArrayLike, clusters: Sequence[Hashable]) -> Interval:
    """Interval for the share of hits where hits of one cluster are alike.

    The hits of a cluster of n are ``BetaBinomial(n, m (1 - rho) / rho, (1 - m) (1 - rho) / rho)``:
    share ``m``, correlation ``rho`` between two hits of one cluster (J. G. Skellam, JRSS B 10,
    1948, pages 257-261). Jeffreys' prior Beta(1/2, 1/2) for ``m``, uniform in [0, 1) for ``rho``;
    their posterior is summed over a grid. One cluster does not show ``rho``, and its interval is
    wide, as it must be.

    Parameters
    ----------
    hits : array_like of bool, shape (pair,)
        Whether each range held its truth.
    clusters : sequence, length pair
        What tells the clusters apart, usually the held-out LLM.

    Returns
    -------
    Interval
        Within (0, 1), also where all or none hit; NaN without pairs.
    """
    hit = np.asarray(hits, dtype=bool)
    if hit.size == 0:
        return NO_INTERVAL
    index = _cluster_index(clusters)
    held, of = np.bincount(index, hit).astype(np.int64), np.bincount(index)
    below = np.concatenate([[0.0], np.cumsum(_posterior_of_share(held, of))])
    ends = np.interp(_tails(), below, np.linspace(0.0, math.pi / 2, _SHARES + 1))
    return Interval(*(float(end) for end in np.sin(ends) ** 2))


def mean_interval(values: npt.ArrayLike, clusters: Sequence[Hashable]) -> Interval:
    """Interval for a mean over pairs whose clusters are alike; see :func:`ratio_interval`.

    Parameters
    ----------
    values : array_like of float, shape (pair,)
        In any unit.
    clusters : sequence, length pair

    Returns
    -------
    Interval
        In the unit of the values; NaN with fewer than two clusters.
    """
    numerator = np.asarray(values, dtype=np.float64)
    return ratio_interval(numerator, np.ones_like(numerator), clusters)


def ratio_interval(
    numerator: npt.ArrayLike, denominator: npt.ArrayLike, clusters: Sequence[Hashable]
) -> Interval:
    """Interval for a ratio of two sums over pairs whose clusters are alike.

    The ratio estimator with its linearised variance over clusters,
    ``G / (G - 1) sum_g (sum_{i in g} x_i - R y_i)**2 / (sum y)**2`` (W. G. Cochran, Sampling
    Techniques, 1977, chapter 6, of the clusters' totals), and quantiles of Student's t with G - 1
    degrees of freedom.

    Parameters
    ----------
    numerator, denominator : array_like of float, shape (pair,)
        ``x`` and ``y``.
    clusters : sequence, length pair

    Returns
    -------
    Interval
        NaN with fewer than two clusters, which do not show how clusters differ, and where the
        denominators sum to zero.
    """
    x, y = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    index = _cluster_index(clusters)
    n_clusters = int(index.max(initial=-1)) + 1
    total = float(y.sum())
    if n_clusters < 2 or total == 0.0:
        return NO_INTERVAL
    ratio = float(x.sum()) / total
    residual = np.bincount(index, x - ratio * y)
    variance = n_clusters / (n_clusters - 1) * float(residual @ residual) / total**2
    half = stats.t.ppf(_tails()[1], n_clusters - 1) * math.sqrt(variance)
    return Interval(float(ratio - half), float(ratio + half))


def _tails() -> tuple[float, float]:
    return 0.5 * (1.0 - LEVEL), 0.5 * (1.0 + LEVEL)


def _cluster_index(clusters: Sequence[Hashable]) -> IntArray:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in clusters], dtype=np.int64)


def _posterior_of_share(held: IntArray, of: IntArray) -> FloatArray:
    """Posterior probability of each cell of the share, the correlation summed out."""
    most = int(of.max())
    steps, norm, weight = _rising_factors(most)
    # The grid is symmetric: the share of misses is that of hits from its other end.
    log_likelihood = (
        np.tensordot(_how_many_exceed(held, most), steps, 1)
        + np.tensordot(_how_many_exceed(of - held, most), steps, 1)[::-1]
        - _how_many_exceed(of, most) @ norm
    )
    joint = np.exp(log_likelihood - log_likelihood.max()) * weight
    posterior: FloatArray = joint.sum(axis=1)
    return posterior / posterior.sum()


@lru_cache(maxsize=1)
def _rising_factors(most: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Logs of ``m (1 - rho) + i rho`` and of ``1 - rho + i rho`` for i < most; weights of rho.

    Rising factorials written as products keep their value where rho goes to zero and the
    parameters of the beta distribution to infinity. Kept, because the ranges of one method at
    many levels ask for the same.
    """
    angle = (np.arange(_SHARES) + 0.5) * (math.pi / 2 / _SHARES)
    share = np.sin(angle) ** 2  # Jeffreys' prior is uniform in the angle
    node, weight = np.polynomial.legendre.leggauss(_CORRELATIONS)
    rho = 0.5 * (node + 1.0)
    step = np.arange(most)[:, None] * rho
    steps = np.log(share[:, None] * (1.0 - rho) + step[:, None, :])
    return steps, np.log(1.0 - rho + step), weight


def _how_many_exceed(counts: IntArray, most: int) -> FloatArray:
    """For i from 0 to most - 1, the number of counts above i."""
    return (counts[None, :] > np.arange(most)[:, None]).sum(axis=1).astype(np.float64)
