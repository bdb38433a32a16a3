"""Whether ranks are uniform: the verdict of simulation-based calibration, and what it says.

Where parameters are drawn from the prior and data from the likelihood, the rank of a true value
among draws of its posterior is uniform (S. Talts, M. Betancourt, D. Simpson, A. Vehtari, A. Gelman,
Validating Bayesian inference algorithms with simulation-based calibration, arXiv 1804.06788,
Theorem 1). Ranks are judged by the simultaneous band around their empirical distribution function
(T. Säilynoja, P.-C. Bürkner, A. Vehtari, Graphical test for discrete uniformity and its
applications in goodness-of-fit evaluation and multiple sample comparison, Statistics and Computing
32:32, 2022, arXiv 2103.10522); its level is computed exactly, by a recursion over the bins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln
from scipy.stats import binom

from bayescod.errors import ResultError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

FAMILY_LEVEL = 0.05
"""Chance that at least one of a set of quantities is called wrong though all are right."""

# Standard errors by which the mean or the spread of the ranks must be off to give a fault its name:
# 0.3 % by chance, and asked only where the band has been left already.
_NAMED = 3.0


@dataclass(frozen=True, slots=True)
class RankVerdict:
    """Verdict on the ranks of one quantity.

    Attributes
    ----------
    quantity : str
    n_simulations, n_draws : int
        Ranks, and draws that each was ranked among.
    p_value : float
        Chance that the distribution function of as many uniform ranks strays as far anywhere.
    level : float
        The p-value is held against this: the family's level over the number of quantities
        (Bonferroni), so that all quantities together raise a false alarm with at most the family's.
    mean_z : float
        Standard errors by which the mean rank lies above the middle; above 0 where the posterior
        lies too low.
    spread_z : float
        Standard errors by which the variance of the ranks is too large; above 0 where the
        posterior is too narrow.
    """

    quantity: str
    n_simulations: int
    n_draws: int
    p_value: float
    level: float
    mean_z: float
    spread_z: float

    @property
    def passes(self) -> bool:
        """Whether the ranks may be uniform."""
        return self.p_value > self.level

    @property
    def shape(self) -> str:
        """What the ranks look like: ``uniform``, or a fault of the posterior in words."""
        if self.passes:
            return "uniform"
        found = []
        if abs(self.mean_z) > _NAMED:
            found.append((abs(self.mean_z), "too low" if self.mean_z > 0 else "too high"))
        # A strong bias drives the ranks into one corner, where they are close together too.
        if self.spread_z > _NAMED or (self.spread_z < -_NAMED and not found):
            found.append((abs(self.spread_z), "too narrow" if self.spread_z > 0 else "too wide"))
        return " and ".join(text for _, text in sorted(found, reverse=True)) or "uneven"


def ranks_among(rng: np.random.Generator, truth: FloatArray, draws: FloatArray) -> IntArray:
    """Ranks of true values among posterior draws.

    Parameters
    ----------
    rng : numpy.random.Generator
        Places a truth at random among draws that are equal to it.
    truth : FloatArray
        [simulation, quantity].
    draws : FloatArray
        [simulation, draw, quantity], nearly independent along ``draw``.

    Returns
    -------
    IntArray
        [simulation, quantity] draws below the truth, 0 to the number of draws.
    """
    below = (draws < truth[:, None, :]).sum(axis=1)
    ties = (draws == truth[:, None, :]).sum(axis=1)
    return np.asarray(below + rng.integers(0, ties + 1))


def judge_ranks(
    ranks: Mapping[str, IntArray], n_draws: int, level: float = FAMILY_LEVEL
) -> tuple[RankVerdict, ...]:
    """Verdicts on a set of quantities.

    Parameters
    ----------
    ranks : mapping of str to IntArray
        [simulation] by quantity, each from 0 to ``n_draws``.
    n_draws : int
        Draws that each truth was ranked among.
    level : float
        Chance of a false alarm in the whole set.

    Returns
    -------
    tuple of RankVerdict
        In the order of ``ranks``.

    Raises
    ------
    ResultError
        If there are no ranks, or some lie outside their range.
    """
    each = level / max(len(ranks), 1)
    return tuple(_verdict(name, np.asarray(own), n_draws, each) for name, own in ranks.items())


def _verdict(name: str, ranks: IntArray, n_draws: int, level: float) -> RankVerdict:
    u = (ranks + 0.5) / (n_draws + 1)
    p_value = uniformity_p_value(ranks, n_draws)
    variance = (1.0 - (n_draws + 1.0) ** -2) / 12.0
    # The square of a uniform variable around its middle has variance 1/180.
    spread_z = (u.var() - variance * (1.0 - 1.0 / u.size)) * np.sqrt(180.0 * u.size)
    mean_z = (u.mean() - 0.5) * np.sqrt(u.size / variance)
    return RankVerdict(name, u.size, n_draws, p_value, level, float(mean_z), float(spread_z))


def uniformity_p_value(ranks: IntArray, n_draws: int) -> float:
    """Chance that uniform ranks stray as far from uniformity as these.

    Parameters
    ----------
    ranks : IntArray
        [simulation] from 0 to ``n_draws``.
    n_draws : int

    Returns
    -------
    float
        Of the smallest two-sided binomial tail over all points of the distribution function
        (arXiv 2103.10522, Eq. 10), small where it strays at any point.

    Raises
    ------
    ResultError
        If there are no ranks, or some lie outside their range.
    """
    if ranks.size == 0 or ranks.min() < 0 or ranks.max() > n_draws:
        got = "no ranks" if ranks.size == 0 else f"ranks from {ranks.min()} to {ranks.max()}"
        msg = f"ranks among {n_draws} draws: got {got}, wanted numbers from 0 to {n_draws}"
        raise ResultError(msg)
    counts = np.cumsum(np.bincount(ranks, minlength=n_draws + 1))[:-1]
    tail = _tails(ranks.size, n_draws)[np.arange(n_draws), counts].min()
    return float(min(max(1.0 - _stays_above(float(tail), ranks.size, n_draws), 0.0), 1.0))


def ecdf_band(n_simulations: int, n_draws: int, level: float) -> tuple[FloatArray, FloatArray]:
    """Band that the whole distribution function of uniform ranks leaves with a given chance.

    Parameters
    ----------
    n_simulations, n_draws : int
        Ranks, and draws that each was ranked among.
    level : float
        The chance; at most this, since ranks are discrete.

    Returns
    -------
    lower, upper : FloatArray
        [n_draws] least and largest share of ranks below k + 1, for k = 0, 1, ...

    Notes
    -----
    A set of ranks is inside exactly where its :func:`uniformity_p_value` exceeds ``level``.
    """
    tails = _tails(n_simulations, n_draws)
    candidates = np.unique(tails)
    # The smallest tail that is still inside: p-values grow with the tail.
    low, high = 0, candidates.size - 1
    while low < high:
        middle = (low + high) // 2
        inside = 1.0 - _stays_above(float(candidates[middle]), n_simulations, n_draws) > level
        low, high = (low, middle) if inside else (middle + 1, high)
    allowed = tails >= candidates[low]
    lower = allowed.argmax(axis=1) / n_simulations
    upper = 1.0 - allowed[:, ::-1].argmax(axis=1) / n_simulations
    return lower, upper


@cache
def _tails(n: int, n_draws: int) -> FloatArray:
    """[point, count] two-sided binomial tail of a count of ranks at or below each point."""
    share = np.arange(1, n_draws + 1)[:, None] / (n_draws + 1)
    count = np.arange(n + 1)
    at_most, at_least = binom.cdf(count, n, share), binom.sf(count - 1, n, share)
    return np.minimum(2.0 * np.minimum(at_most, at_least), 1.0)


def _stays_above(tail: float, n: int, n_draws: int) -> float:
    """Chance that uniform ranks have larger tails than this at every point.

    The counts at successive points are a Markov chain: of the ranks that are left, each falls into
    the next of the remaining bins with the same chance.
    """
    log_factorial = gammaln(np.arange(n + 1) + 1.0)
    allowed = _tails(n, n_draws) > tail
    if not allowed.any(axis=1).all():
        return 0.0
    first, last = 0, 0
    chance = np.ones(1)
    for point in range(n_draws):
        inside = np.flatnonzero(allowed[point])
        begin, end = int(inside[0]), int(inside[-1])
        before = np.arange(first, last + 1)[:, None]
        gain = np.arange(begin, end + 1) - before
        possible = gain >= 0
        gain = np.where(possible, gain, 0)
        step = 1.0 / (n_draws + 1 - point)
        log_chance = log_factorial[n - before] - log_factorial[gain]
        log_chance = log_chance - log_factorial[n - before - gain]
        log_chance = log_chance + gain * np.log(step) + (n - before - gain) * np.log1p(-step)
        chance = chance @ np.where(possible, np.exp(log_chance), 0.0)
        first, last = begin, end
    return float(chance.sum())
