"""Run effects along log compute: the basis they are sampled in, and their forecast.

``delta_l`` is an independent part of each run plus a random walk along log compute, the law's own
slow departure. A constant or linear ``delta`` cannot be told from the levels and slopes of the
curves, so the ladder informs only the orthogonal rest; what that says of the target, with the
straight line left open, is universal kriging (N. Cressie, Statistics for Spatial Data, 1993,
section 3.4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RunBasis:
    """Orthonormal basis of run effects that are neither constant nor linear in log compute.

    Attributes
    ----------
    columns : FloatArray
        [llm, llm - 2], along which a random walk has independent parts.
    walk_variance : FloatArray
        [llm - 2] variance of a walk of unit variance per unit of log compute along each column.
    """

    columns: FloatArray
    walk_variance: FloatArray


def run_basis(log_compute: FloatArray) -> RunBasis:
    """Basis of the run effects of a ladder.

    Parameters
    ----------
    log_compute : FloatArray
        [llm], at least three, not all equal.

    Returns
    -------
    RunBasis
    """
    n = log_compute.size
    line = _line(log_compute, log_compute.mean())
    complete, _ = np.linalg.qr(np.concatenate([line, np.eye(n)], axis=1))
    rest = complete[:, 2:n]
    variance, turn = np.linalg.eigh(rest.T @ _walk(log_compute, log_compute) @ rest)
    return RunBasis(rest @ turn, np.maximum(variance, 0.0))


def forecast_effect(
    log_compute: FloatArray,
    at: FloatArray,
    run_effect: FloatArray,
    run_scale: FloatArray,
    walk_scale: FloatArray,
    drift: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of the run effect of a new run, beyond the fitted curves.

    Parameters
    ----------
    log_compute : FloatArray
        [llm] of the ladder.
    at : FloatArray
        [compute] log compute of the new run.
    run_effect : FloatArray
        (draw, llm - 2) in the basis of :func:`run_basis`.
    run_scale, walk_scale : FloatArray
        (draw,).
    drift : FloatArray
        (draw,) variance that a natural log of compute beyond the ladder adds, over one run's own.

    Returns
    -------
    mean, sd : FloatArray
        (compute, draw). Without a walk the mean is zero and the variance the textbook's for the
        prediction of a straight line.
    """
    basis = run_basis(log_compute)
    line = _line(log_compute, log_compute.mean())
    # What the fitted curves have taken in of the ladder's effects: their straight line at `at`.
    taken = _line(at, log_compute.mean()) @ np.linalg.solve(line.T @ line, line.T)
    cross = _walk(at, log_compute) - taken @ _walk(log_compute, log_compute)
    own = _walk_variance(at, log_compute) - 2.0 * (taken * _walk(at, log_compute)).sum(1)
    own += ((taken @ _walk(log_compute, log_compute)) * taken).sum(1)
    noise, walk = run_scale**2, walk_scale**2
    gain = walk[:, None] / (noise[:, None] + walk[:, None] * basis.walk_variance)
    along = cross @ basis.columns
    mean = along @ (gain * run_effect).T
    further = drift * beyond(at, log_compute)[:, None]
    variance = noise * (1.0 + (taken**2).sum(1)[:, None] + further) + walk * own[:, None]
    variance -= walk * (along**2 @ gain.T)
    return mean, np.sqrt(np.maximum(variance, 0.0))


def beyond(log_compute: FloatArray, ladder: FloatArray) -> FloatArray:
    """How far each log compute lies beyond the largest of a ladder; 0 inside."""
    return np.maximum(log_compute - ladder.max(), 0.0)


def _line(at: FloatArray, centre: float) -> FloatArray:
    return np.stack([np.ones(at.size), at - centre], axis=1)


def _walk(a: FloatArray, b: FloatArray) -> FloatArray:
    """Covariance of a unit random walk that starts at the lowest log compute of ``b``."""
    start = b.min()
    return np.minimum.outer(np.maximum(a - start, 0.0), b - start)


def _walk_variance(at: FloatArray, ladder: FloatArray) -> FloatArray:
    return np.maximum(at - ladder.min(), 0.0)
