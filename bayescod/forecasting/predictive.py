"""Predictive draws along compute: of one curve, and of the clusters under the per-draw filter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import jax
import numpy as np
import numpy.typing as npt
from jax import Array

from bayescod.laws import LAWS, Values
from bayescod.specs import Filter

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class CurveDraws:
    """Parameters of a law, one row a posterior draw.

    Attributes
    ----------
    law : str
        Key of :data:`bayescod.laws.LAWS`.
    parameters : mapping of str to FloatArray
        By site: (draw,), or (draw, cluster) with (draw, 1) for what the clusters share.
    """

    law: str
    parameters: Mapping[str, FloatArray]

    def accuracy(self, at: Values) -> FloatArray:
        """Accuracy by the law, the covariates ``at`` broadcast against the draws."""
        return np.asarray(_mean_of(self.law)(dict(at), dict(self.parameters)))

    def site(self, name: str) -> FloatArray:
        """Draws of one parameter; a term that the law lacks is zero."""
        return self.parameters.get(name, np.zeros_like(self.parameters["b"]))


@cache
def _mean_of(law: str) -> Callable[[Values, Values], Array]:
    # Compiled as a whole: operation by operation, a forecast compiles hundreds of small programs.
    return jax.jit(LAWS[law].mean)


def curve_draws(law: str, sites: Mapping[str, FloatArray]) -> CurveDraws:
    """Flatten chains and draws of a law's parameters.

    Parameters
    ----------
    law : str
    sites : mapping of str to ndarray
        (chain, draw, ...) without padding.

    Returns
    -------
    CurveDraws
    """
    flat = {name: flatten(np.asarray(sites[name])) for name in LAWS[law].sites}
    clusters = any(values.ndim == 2 for values in flat.values())
    shared = {n: v[:, None] if clusters and v.ndim == 1 else v for n, v in flat.items()}
    return CurveDraws(law, shared)


def flatten(values: FloatArray) -> FloatArray:
    """(chain, draw, ...) -> (chain * draw, ...), chains one after the other."""
    return np.asarray(values).reshape(-1, *values.shape[2:])


def with_spread(mean: FloatArray, spread: FloatArray, normals: FloatArray) -> FloatArray:
    """Accuracies that depart from a mean by ``spread sqrt(mean (1 - mean))``, kept in [0, 1]."""
    return np.clip(mean + spread * np.sqrt(mean * (1.0 - mean)) * normals, 0.0, 1.0)


def extrapolatable(curves: CurveDraws, ladder: Values, limits: Filter) -> BoolArray:
    """Which clusters can be extrapolated, draw by draw.

    Parameters
    ----------
    curves : CurveDraws
        (draw, cluster).
    ladder : mapping of str to FloatArray
        [llm] covariates of the ladder, by increasing compute.
    limits : Filter

    Returns
    -------
    BoolArray
        (draw, cluster): ``a > a_min``, ``b > b_min``, ``0 <= c < c_max`` (arXiv 2502.17262, section
        4.3), and the curve has grown by ``min_growth`` over the ladder: one that has not yet left
        its floor, or left it long ago, says nothing of how it goes on.
    """
    low, high = ({n: v[end] if np.ndim(v) else v for n, v in ladder.items()} for end in (0, -1))
    growth = curves.accuracy(high) - curves.accuracy(low)
    log_a_min = np.log(limits.a_min) if limits.a_min > 0 else -np.inf
    return np.asarray(
        (curves.site("log_a") > log_a_min)
        & (curves.site("b") > limits.b_min)
        & (curves.site("c") < limits.c_max)
        & (growth >= limits.min_growth)
    )


@dataclass(frozen=True, slots=True, eq=False)
class Departure:
    """What one LLM and the law itself depart from a curve, and how that grows beyond the ladder.

    Attributes
    ----------
    spread : FloatArray
        (draw,) standard deviation of one run over ``sqrt(mu (1 - mu))``.
    walk_scale : FloatArray
        (draw,) standard deviation of the law's departure in log compute, a square root of a natural
        log of compute beyond the ladder.
    drift : FloatArray
        (draw,) variance that a natural log of compute beyond the ladder adds, over one run's own.
    """

    spread: FloatArray
    walk_scale: FloatArray
    drift: FloatArray


def departure_of(sites: Mapping[str, FloatArray]) -> Departure:
    """The departure sites of a program of one curve, flattened over chains."""
    return Departure(*(flatten(sites[name]) for name in ("spread", "walk_scale", "drift")))


def single_curve_scores(
    mean_at: Callable[[FloatArray], FloatArray],
    departure: Departure,
    distance: FloatArray,
    run_normals: FloatArray,
    walk_normals: FloatArray,
) -> FloatArray:
    """Latent scores by a law of one curve.

    Parameters
    ----------
    mean_at : callable
        Shift in log compute (compute, draw) -> accuracy by the law (compute, draw).
    departure : Departure
    distance : FloatArray
        [compute] natural log of compute beyond the ladder.
    run_normals : FloatArray
        (draw,) standard normal: how good the target's run turns out.
    walk_normals : FloatArray
        (draw,) standard normal: how the law goes on.

    Returns
    -------
    FloatArray
        (compute, draw) in [0, 1].
    """
    root = np.sqrt(distance)[:, None]
    mean = mean_at(departure.walk_scale * root * walk_normals)
    spread = departure.spread * np.sqrt(1.0 + departure.drift * distance[:, None])
    return with_spread(mean, spread, run_normals)


def cluster_scores(
    mean_at: Callable[[FloatArray], FloatArray],
    effect: FloatArray,
    spread: FloatArray,
    n_items: FloatArray,
    cluster_normals: FloatArray,
) -> FloatArray:
    """Accuracies of the clusters along compute.

    Parameters
    ----------
    mean_at : callable
        Shift in log compute (compute, draw, 1) -> accuracy by the law (compute, draw, cluster).
    effect : FloatArray
        (compute, draw) run effect of the target, in log compute; it moves all clusters together.
    spread : FloatArray
        (draw,).
    n_items : FloatArray
        (cluster,) items of each cluster, over which their own departures average.
    cluster_normals : FloatArray
        (draw, cluster) standard normal.

    Returns
    -------
    FloatArray
        (compute, draw, cluster) in [0, 1].
    """
    mean = mean_at(effect[:, :, None])
    return with_spread(mean, spread[:, None] / np.sqrt(n_items), cluster_normals)
