"""Predictive draws along compute: of one curve, and of the clusters under the per-draw filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bayescod.specs import Filter

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class CurveDraws:
    """Parameters of Eq. 1, one row a posterior draw; (draw,) or (draw, cluster)."""

    log_a: FloatArray
    b: FloatArray
    c: FloatArray
    g: FloatArray

    def accuracy(self, log_compute: FloatArray | float) -> FloatArray:
        """Accuracy by Eq. 1 (arXiv 2502.17262), ``log_compute`` broadcast against the draws."""
        loss = np.exp(self.log_a - self.b * log_compute) + self.c
        return np.asarray(self.g + (1.0 - self.g) * np.exp(-loss))


def curve_draws(sites: Mapping[str, FloatArray]) -> CurveDraws:
    """Flatten chains and draws; a term that the law lacks is zero.

    Parameters
    ----------
    sites : mapping of str to ndarray
        (chain, draw, ...) without padding.

    Returns
    -------
    CurveDraws
    """
    flat = {n: np.asarray(sites[n]).reshape(-1, *sites[n].shape[2:]) for n in sites}
    zeros = np.zeros_like(flat["b"])
    return CurveDraws(flat["log_a"], flat["b"], flat.get("c", zeros), flat.get("g", zeros))


def flatten(values: FloatArray) -> FloatArray:
    """(chain, draw, ...) -> (chain * draw, ...), chains one after the other."""
    return np.asarray(values).reshape(-1, *values.shape[2:])


def with_spread(mean: FloatArray, spread: FloatArray, normals: FloatArray) -> FloatArray:
    """Accuracies that depart from a mean by ``spread sqrt(mean (1 - mean))``, kept in [0, 1]."""
    return np.clip(mean + spread * np.sqrt(mean * (1.0 - mean)) * normals, 0.0, 1.0)


def extrapolatable(
    curves: CurveDraws, log_low: float, log_high: float, limits: Filter
) -> BoolArray:
    """Which clusters can be extrapolated, draw by draw.

    Parameters
    ----------
    curves : CurveDraws
        (draw, cluster).
    log_low, log_high : float
        Log compute of the ladder's ends, in the unit of ``a``.
    limits : Filter

    Returns
    -------
    BoolArray
        (draw, cluster): ``a > a_min``, ``b > b_min``, ``0 <= c < c_max`` (arXiv 2502.17262, section
        4.3), and the curve has grown by ``min_growth`` over the ladder: one that has not yet left
        its floor, or left it long ago, says nothing of how it goes on.
    """
    growth = curves.accuracy(log_high) - curves.accuracy(log_low)
    return np.asarray(
        (curves.log_a > np.log(limits.a_min))
        & (curves.b > limits.b_min)
        & (curves.c < limits.c_max)
        & (growth >= limits.min_growth)
    )


def single_curve_scores(
    curves: CurveDraws, spread: FloatArray, log_compute: FloatArray, normals: FloatArray
) -> FloatArray:
    """Latent scores by the end-to-end law.

    Parameters
    ----------
    curves : CurveDraws
        (draw,).
    spread : FloatArray
        (draw,).
    log_compute : FloatArray
        [compute] in the unit of ``a``.
    normals : FloatArray
        (draw,) standard normal: how good the target's run turns out.

    Returns
    -------
    FloatArray
        (compute, draw) in [0, 1].
    """
    return with_spread(curves.accuracy(log_compute[:, None]), spread, normals)


def cluster_scores(
    curves: CurveDraws,
    effect: FloatArray,
    spread: FloatArray,
    n_items: FloatArray,
    log_compute: FloatArray,
    cluster_normals: FloatArray,
) -> FloatArray:
    """Accuracies of the clusters along compute.

    Parameters
    ----------
    curves : CurveDraws
        (draw, cluster).
    effect : FloatArray
        (compute, draw) run effect of the target, in log compute; it moves all clusters together.
    spread : FloatArray
        (draw,).
    n_items : FloatArray
        (cluster,) items of each cluster, over which their own departures average.
    log_compute : FloatArray
        [compute] where to predict, in the unit of ``a``.
    cluster_normals : FloatArray
        (draw, cluster) standard normal.

    Returns
    -------
    FloatArray
        (compute, draw, cluster) in [0, 1].
    """
    mean = curves.accuracy((log_compute[:, None] + effect)[:, :, None])
    return with_spread(mean, spread[:, None] / np.sqrt(n_items), cluster_normals)
