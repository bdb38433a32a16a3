"""Posteriors of one curve a benchmark: fitted, and read off at other amounts of compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from jax import Array

from bayescod.batches import Lane
from bayescod.errors import DataError, Problem
from bayescod.forecasting.effects import beyond
from bayescod.forecasting.ladder import Ladder
from bayescod.forecasting.lanes import curve_lane
from bayescod.forecasting.predictive import (
    curve_draws,
    departure_of,
    flatten,
    single_curve_scores,
)
from bayescod.forecasting.recall import Sampling
from bayescod.laws import LAWS, against_draws, further
from bayescod.programs.loss_intermediate import SITES, log_loss, score_at_loss
from bayescod.sampling import Posterior, sample_each
from bayescod.scores.selection import Target
from bayescod.specs import Spec

FloatArray = npt.NDArray[np.float64]
MeanAt = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class CurveFit:
    """One law fitted to one benchmark's scores.

    Attributes
    ----------
    spec : Spec
        Of program ``single_curve`` or ``loss_intermediate``.
    ladder : Ladder
    lane : Lane
    posterior : Posterior
    """

    spec: Spec
    ladder: Ladder
    lane: Lane
    posterior: Posterior

    def expected(self) -> FloatArray:
        """(llm, draw) accuracy of the ladder's LLMs by the law."""
        if self.spec.program == "loss_intermediate":
            return _at_loss(self, self.ladder.log_loss[:, None] - self.ladder.log_loss[0])
        at = against_draws(self.ladder.covariates)
        return curve_draws(self.spec.law, self.posterior.sites).accuracy(at)


def fit_curves(
    keys: Sequence[Array],
    spec: Spec,
    ladders: Sequence[Ladder],
    progress: Callable[[Sequence[int]], None],
    sampling: Sampling = sample_each,
) -> tuple[list[CurveFit], list[tuple[float, float]]]:
    """Sample one law on many benchmarks.

    Parameters
    ----------
    keys : sequence of Array
        A key a benchmark.
    spec : Spec
    ladders : sequence of Ladder
    progress : callable
        Told which benchmarks are done, by their positions.
    sampling : callable
        :func:`bayescod.sampling.sample_each`, or one that remembers.

    Returns
    -------
    fits : list of CurveFit
    seconds : list of (float, float)
        For compiling and for sampling.

    Raises
    ------
    DataError
        If the law is a function of what the models table lacks.
    """
    lanes = [curve_lane(ladder, spec) for ladder in ladders]
    posteriors, seconds = sampling(keys, spec, lanes, progress)
    fits = [
        CurveFit(spec, ladder, lane, posterior)
        for ladder, lane, posterior in zip(ladders, lanes, posteriors, strict=True)
    ]
    return fits, seconds


def curve_scores(
    fit: CurveFit,
    compute_flops: FloatArray,
    target: Target,
    run_normals: FloatArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Latent scores of a new run by a fitted law.

    Parameters
    ----------
    fit : CurveFit
    compute_flops : FloatArray
        [compute] in FLOP.
    target : Target
        Says the ratio of tokens to parameters.
    run_normals : FloatArray
        (draw,) standard normal: how good the target's run turns out.
    rng : numpy.random.Generator

    Returns
    -------
    FloatArray
        (compute, draw) in [0, 1].

    Raises
    ------
    DataError
        If the law needs parameters and tokens and the target's are not known.
    """
    at = fit.ladder.covariates_at(compute_flops, target)
    distance = beyond(at["log_compute"], fit.ladder.log_compute)
    walk_normals = rng.standard_normal(run_normals.size)
    if fit.spec.program == "loss_intermediate":
        mean_at = _through_loss(fit, at, rng.standard_normal(run_normals.size))
    else:
        mean_at = _along(fit, at, target)
    departure = departure_of(fit.posterior.sites)
    return single_curve_scores(mean_at, departure, distance, run_normals, walk_normals)


def require_covariates(spec: Spec, target: Target) -> None:
    """Make sure that a law can be read off at a target, before hours are spent on it.

    Parameters
    ----------
    spec : Spec
    target : Target

    Raises
    ------
    DataError
        If the law needs parameters and tokens and the target's are not known.
    """
    known = np.isfinite(target.params) and np.isfinite(target.tokens)
    if spec.law in LAWS and "log_tokens" in LAWS[spec.law].covariates and not known:
        raise DataError([_no_tokens(spec, target)])


def _along(fit: CurveFit, at: Mapping[str, FloatArray], target: Target) -> MeanAt:
    require_covariates(fit.spec, target)
    column = against_draws(at)
    draws = curve_draws(fit.spec.law, fit.posterior.sites)
    return lambda shift: draws.accuracy(further(column, shift))


def _through_loss(fit: CurveFit, at: Mapping[str, FloatArray], loss_normals: FloatArray) -> MeanAt:
    sites = {n: flatten(v) for n, v in fit.posterior.sites.items()}
    low = at["log_low"]

    def mean_at(shift: FloatArray) -> FloatArray:
        reached = {"log_compute": at["log_compute"][:, None] + shift, "log_low": low}
        loss = np.asarray(log_loss(reached, sites)) + sites["loss_spread"] * loss_normals
        return _at_loss(fit, loss)

    return mean_at


def _at_loss(fit: CurveFit, loss: FloatArray) -> FloatArray:
    sites = {name: flatten(fit.posterior.sites[name]) for name in SITES}
    return np.asarray(score_at_loss(fit.lane.data, sites | {"log_loss": loss}))


def _no_tokens(spec: Spec, target: Target) -> Problem:
    return Problem(
        code="target-without-tokens",
        message=f"the law of {spec.name} needs parameters and tokens of the target",
        got=target.name,
        wanted="a model with params and tokens, or FLOPS@TOKENS_PER_PARAM",
        fix="give the ratio, for example 1e24@20",
    )
