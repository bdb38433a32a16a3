"""The chance that scores are reached, as a function of compute, from the draws of a forecast.

Draw i is the same world in every benchmark and at every compute: the same run effect, the same
law. What is left to chance in a world is the target's evaluation, apart in each benchmark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from bayescod.errors import ResultError
from bayescod.forecasting.records import BenchmarkForecast, ForecastSet

if TYPE_CHECKING:
    import xarray as xr

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Fans:
    """Latent scores of several benchmarks along one axis of compute.

    Attributes
    ----------
    compute_flops : ndarray of float
        (compute,) ascending [FLOP].
    latent : mapping of str to ndarray of float
        By benchmark, (compute, draw) in [0, 1].
    evaluation_ratio : mapping of str to float
        By benchmark: variance of a measured score around its latent ``p``, over ``p (1 - p)``.
    """

    compute_flops: FloatArray
    latent: Mapping[str, FloatArray]
    evaluation_ratio: Mapping[str, float]

    def reaching(self, benchmark: str, score: float) -> FloatArray:
        """Chance in each world that the measured score reaches ``score``.

        Parameters
        ----------
        benchmark : str
        score : float
            In [0, 1].

        Returns
        -------
        ndarray of float
            (compute, draw) in [0, 1]; its mean over draws is the predictive chance.
        """
        latent = self.latent[benchmark]
        if score <= 0.0:
            return np.ones_like(latent)  # a measured score is never below 0
        noise = np.sqrt(self.evaluation_ratio[benchmark] * latent * (1.0 - latent))
        exact = noise == 0.0
        distance = np.divide(latent - score, noise, out=np.zeros_like(latent), where=~exact)
        return np.where(exact, latent >= score, norm.cdf(distance))

    def reaching_all(self, wanted: Mapping[str, float]) -> FloatArray:
        """Chance in each world that all wanted scores are reached, (compute, draw)."""
        product = np.ones_like(next(iter(self.latent.values())))
        for benchmark, score in wanted.items():
            product = product * self.reaching(benchmark, score)
        return product


def fans_of(forecasts: ForecastSet, benchmarks: Sequence[str]) -> Fans:
    """The fans of some benchmarks on one axis of compute.

    Parameters
    ----------
    forecasts : ForecastSet
    benchmarks : sequence of str
        At least one.

    Returns
    -------
    Fans
        From the largest of their smallest to the smallest of their largest computes.

    Raises
    ------
    UnknownNameError
        If the forecast has no such benchmark.
    ResultError
        If a benchmark's fan was written by an earlier version, without its evaluation noise.
    """
    chosen = [forecasts[name] for name in benchmarks]
    axes = [_fan(one).coords["compute"].values.astype(np.float64) for one in chosen]
    low, high = max(axis[0] for axis in axes), min(axis[-1] for axis in axes)
    # The target itself is a point of the axis, so that what is said of it needs no interpolation.
    common = np.union1d(axes[0], [forecasts.target.compute_flops])
    common = common[(common >= low * (1 - 1e-9)) & (common <= high * (1 + 1e-9))]
    return Fans(
        compute_flops=common,
        latent={one.benchmark: _along(one, common) for one in chosen},
        evaluation_ratio={one.benchmark: _evaluation_ratio(one) for one in chosen},
    )


def at_compute(axis: FloatArray, values: FloatArray, compute_flops: FloatArray) -> FloatArray:
    """Values along compute, linear in its logarithm between the points that are known.

    Parameters
    ----------
    axis : ndarray of float
        (point,) ascending [FLOP], at least two.
    values : ndarray of float
        (point, draw).
    compute_flops : ndarray of float
        (compute,) [FLOP]; beyond an end the value there is taken.

    Returns
    -------
    ndarray of float
        (compute, draw).
    """
    own, wanted = np.log(axis), np.log(compute_flops)
    at = np.clip(np.searchsorted(own, wanted, side="right") - 1, 0, own.size - 2)
    gap = own[at + 1] - own[at]
    part = np.divide(wanted - own[at], gap, out=np.zeros(wanted.size), where=gap > 0)
    part = np.clip(part, 0.0, 1.0)[:, None]
    return np.asarray(values[at] * (1.0 - part) + values[at + 1] * part)


def smallest_compute(
    compute_flops: FloatArray, chance: FloatArray, probability: float
) -> float | None:
    """The least compute at which a chance is reached.

    Parameters
    ----------
    compute_flops : ndarray of float
        (compute,) ascending [FLOP].
    chance : ndarray of float
        (compute,) in [0, 1].
    probability : float
        In (0, 1).

    Returns
    -------
    float or None
        FLOP, linear in log compute between the points; the first point where the chance is there
        already, ``None`` where it is nowhere on the axis.
    """
    reached = np.flatnonzero(chance >= probability)
    if reached.size == 0:
        return None
    at = int(reached[0])
    if at == 0:
        return float(compute_flops[0])
    part = (probability - chance[at - 1]) / (chance[at] - chance[at - 1])
    below, above = np.log(compute_flops[at - 1 : at + 1])
    return float(np.exp(below + part * (above - below)))


def _fan(one: BenchmarkForecast) -> xr.DataArray:
    return one.tree["predictions"].to_dataset()["fan"].transpose("compute", "draw")


def _along(one: BenchmarkForecast, common: FloatArray) -> FloatArray:
    """(compute, draw) latent scores, by the fan and the target's own draws."""
    fan = _fan(one)
    own = np.append(fan["compute"].values, one.target.compute_flops)
    values = np.concatenate([fan.values, one.draws("latent_score")[None]]).astype(np.float64)
    order = np.argsort(own, kind="stable")
    return at_compute(own[order], values[order], common)


def _evaluation_ratio(one: BenchmarkForecast) -> float:
    constant = one.tree["constant_data"].to_dataset()
    if "evaluation_ratio" not in constant:
        msg = (
            f"the forecast of {one.benchmark!r} does not say its evaluation noise: it was written "
            "by an earlier version; forecast again"
        )
        raise ResultError(msg)
    return float(constant["evaluation_ratio"])
