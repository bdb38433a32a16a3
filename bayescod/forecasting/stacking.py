"""Weights of rival laws: stacking of their leave-one-LLM-out predictive densities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from bayescod._arviz import pareto_smoothed_loo
from bayescod.forecasting.curve_fits import CurveFit
from bayescod.forecasting.predictive import flatten
from bayescod.programs.single_curve import VARIANCE_FLOOR

FloatArray = npt.NDArray[np.float64]

MAX_PARETO_K = 0.7
"""Above it a pointwise PSIS-LOO estimate is not reliable (arXiv 1507.02646)."""


@dataclass(frozen=True, slots=True, eq=False)
class Loo:
    """Leave-one-LLM-out predictive density of one law on one benchmark.

    Attributes
    ----------
    elpd : FloatArray
        [llm] expected log predictive density of each LLM's score, the others given.
    pareto_k : FloatArray
        [llm] shape of the importance weights' tail; above 0.7 the estimate is not reliable.
    """

    elpd: FloatArray
    pareto_k: FloatArray


def loo_of(fit: CurveFit) -> Loo:
    """PSIS-LOO of a fitted law (Vehtari, Gelman, Gabry 2017, arXiv 1507.04544).

    Parameters
    ----------
    fit : CurveFit

    Returns
    -------
    Loo
        Over the ladder LLMs that have a score here.
    """
    return Loo(*pareto_smoothed_loo(pointwise(fit)))


def pointwise(fit: CurveFit) -> FloatArray:
    """(chain, draw, llm) log density of each observed score under each posterior draw."""
    lane = fit.lane.data
    n = fit.ladder.n_ladder
    seen = np.asarray(lane["observed"])[:n]
    mean = fit.expected()
    spread = flatten(fit.posterior.sites["spread"])
    variance = np.asarray(lane["variance"])[:n, None] + mean * (1.0 - mean) * spread**2
    rate = np.asarray(lane["pass_rate"])[:n, None]
    density = norm.logpdf(rate, mean, np.sqrt(variance + VARIANCE_FLOOR))
    chains = fit.posterior.sites["spread"].shape
    return np.asarray(density[seen].T.reshape(*chains, -1))


def leads(densities: FloatArray, others: FloatArray) -> bool:
    """Whether a law predicts what was left out clearly better than another.

    Where two laws predict about alike, stacking's weights hang on the noise of the estimates. What
    can only take one of the laws needs more: a lead that such estimates can tell, of four nats
    (T. Sivula, M. Magnusson, A. Vehtari, arXiv 2008.10296) and of two standard errors.

    Parameters
    ----------
    densities, others : FloatArray
        [point] the law's log predictive densities and the other's.

    Returns
    -------
    bool
    """
    lead = densities - others
    error = lead.std() * np.sqrt(lead.size)
    return bool(lead.sum() > max(_LEAST_LEAD, 2.0 * error))


_LEAST_LEAD = 4.0


def stacking_weights(densities: Sequence[FloatArray]) -> FloatArray:
    """Weights that maximise the log score of the mixture (Yao et al. 2018, arXiv 1704.02030).

    Parameters
    ----------
    densities : sequence of FloatArray
        A law's log predictive densities, point by point; the same points for every law.

    Returns
    -------
    FloatArray
        [law] non-negative, summing to one.

    Notes
    -----
    Expectation maximisation of the mixture's weights: the objective is concave, so that it ends
    at the maximum, and it cannot leave the simplex.
    """
    log_density = np.stack(list(densities))
    density = np.exp(log_density - log_density.max(axis=0))
    weights = np.full(len(density), 1.0 / len(density))
    for _ in range(_MAX_STEPS):
        part = weights[:, None] * density
        new = (part / part.sum(axis=0)).mean(axis=1)
        if np.abs(new - weights).max() < _TOLERANCE:
            return np.asarray(new)
        weights = new
    return weights


_MAX_STEPS = 10_000
_TOLERANCE = 1e-8
