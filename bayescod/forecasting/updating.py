"""A forecast conditioned on a checkpoint of the run that it is about.

Nothing is sampled again. A world is a posterior draw of the law with its own normals
(:mod:`bayescod.forecasting.worlds`), and a luck ``z`` of the run, standard normal and correlated
between benchmarks by ``z = sqrt(rho) m + sqrt(1 - rho) o``, with ``m`` the run's common part.
Given a checkpoint, each benchmark has a likelihood of ``z``, averaged over its posterior draws;
``(m, rho)`` and the checkpoint's lag are few enough for a grid, so that their posterior over all
benchmarks together is exact up to the draws. From it come ``m``, then each benchmark's ``z``, then
its posterior draw: importance resampling of one benchmark at a time, however many there are.

How a checkpoint speaks for the end of its run:

- Part of what a checkpoint is better or worse by is of that checkpoint alone: evaluations of
  adjacent checkpoints differ (Heineman et al., arXiv 2508.13144), and on public runs they do so on
  all benchmarks at once. A part ``keeps``, uniform on [0, 1], stays to the end.
- What a run departs by the further it goes beyond the ladder (``drift``) comes on the way, so that
  a checkpoint knows of its own part of the way only.
- It may lag behind its compute: :mod:`bayescod.forecasting.checkpoint_scores`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp, softmax
from scipy.stats import norm

from bayescod.forecasting.checkpoint_scores import (
    FINE,
    LUCK,
    Likelihood,
    between,
    checkpoint_course,
    lags_of,
    likelihood_of,
    replicated,
)
from bayescod.forecasting.coupling import RHO_GRID, correlation_posterior
from bayescod.forecasting.course import CheckpointCourse
from bayescod.forecasting.effects import beyond
from bayescod.forecasting.fitting import BenchmarkFit
from bayescod.forecasting.predictive import flatten
from bayescod.forecasting.streams import PREDICT, UPDATE, generator
from bayescod.forecasting.worlds import Worlds, worlds_at
from bayescod.scores.checkpoints import Checkpoint, Update
from bayescod.scores.selection import Target

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_COMMON = np.linspace(-4.0, 4.0, 81)
_RHO = RHO_GRID.reshape(25, -1).mean(axis=1)
_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True, eq=False)
class Conditioned:
    """What a checkpoint leaves of the worlds of a forecast.

    Attributes
    ----------
    worlds : tuple of Worlds
        A benchmark each, as many draws as before; draw i is the same run in all of them.
    pick : tuple of IntArray
        By benchmark: (draw,) which draw of the ladder's posterior each world has.
    rho : FloatArray
        (draw,) correlation of the run's luck between benchmarks.
    course : tuple of CheckpointCourse
        All checkpoints against the forecast from the ladder alone.
    effective : mapping of str to float
        By benchmark with a score at the checkpoint: effective number of posterior draws.
    """

    worlds: tuple[Worlds, ...]
    pick: tuple[IntArray, ...]
    rho: FloatArray
    course: tuple[CheckpointCourse, ...]
    effective: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """One possible run a draw: what all benchmarks share."""

    common: IntArray  # index into _COMMON
    rho: IntArray  # index into _RHO
    lag: IntArray
    keeps: FloatArray  # the part of its luck that stays
    fresh: FloatArray  # (2, draw) common parts of what takes the place of the rest, and comes after


def conditioned(
    fits: Sequence[BenchmarkFit],
    worlds: Sequence[Worlds],
    effects: FloatArray,
    run_normals: FloatArray,
    target: Target,
    update: Update,
    seed: int,
) -> Conditioned:
    """Worlds that agree with the last checkpoint of the target's run.

    Parameters
    ----------
    fits : sequence of BenchmarkFit
    worlds : sequence of Worlds
        As forecast from the ladder alone.
    effects : FloatArray
        [run, benchmark] run effects of the ladder.
    run_normals : FloatArray
        [benchmark, draw] luck of the target's run in ``worlds``.
    target : Target
    update : Update
    seed : int

    Returns
    -------
    Conditioned
    """
    last = update.checkpoints[-1]
    seen = [last.measured.get(one.benchmark) for one in fits]
    known = [
        None if score is None else likelihood_of(one, last, lags_of(last, update), score, seed)
        for one, score in zip(fits, seen, strict=True)
    ]
    n_draws = run_normals.shape[1]
    run = _draw_runs(generator(seed, target.name, UPDATE), known, effects, n_draws)
    found, picks, effective = [], [], {}
    for one, before, likelihood in zip(fits, worlds, known, strict=True):
        rng = generator(seed, one.benchmark, UPDATE)
        luck, pick = _draw_own(rng, run, likelihood)
        if likelihood is not None:
            weight = np.bincount(pick, minlength=n_draws) / n_draws
            # Drawn with replacement, n draws that are all alike come to n / 2 if this is not taken
            # out.
            effective[one.benchmark] = float(1.0 / max((weight**2).sum() - 1.0 / n_draws, 1e-12))
        ahead = _until_the_end(rng, run, luck, _persistence(one, pick, last, target))
        found.append(_picked(one, before, target, seed, ahead, pick))
        picks.append(pick)
    return Conditioned(
        worlds=tuple(found),
        pick=tuple(picks),
        rho=_RHO[run.rho],
        course=tuple(_course(fits, one, run_normals, update, seed) for one in update.checkpoints),
        effective={name: min(value, float(n_draws)) for name, value in effective.items()},
    )


def _course(
    fits: Sequence[BenchmarkFit],
    checkpoint: Checkpoint,
    run_normals: FloatArray,
    update: Update,
    seed: int,
) -> CheckpointCourse:
    finished = replicated(fits, checkpoint, run_normals, seed, np.zeros(1))
    lagging = finished
    if update.lags:
        lagging = replicated(fits, checkpoint, run_normals, seed, lags_of(checkpoint, update))
    return checkpoint_course(checkpoint, lagging, finished)


def _luck_given(common: npt.ArrayLike, rho: npt.ArrayLike) -> FloatArray:
    """[..., fine luck] log of its probabilities, given the common part and the correlation."""
    mean, sd = np.sqrt(rho) * common, np.sqrt(1.0 - np.asarray(rho))
    density = -0.5 * ((FINE - np.asarray(mean)[..., None]) / sd[..., None]) ** 2
    return np.asarray(density - logsumexp(density, axis=-1, keepdims=True))


def _draw_runs(
    rng: np.random.Generator,
    known: Sequence[Likelihood | None],
    effects: FloatArray,
    n_draws: int,
) -> _Run:
    """Runs from their posterior on a grid of common part, correlation and lag."""
    lags = next(one.marginal.shape[0] for one in known if one is not None)
    given = np.exp(_luck_given(_COMMON[:, None], _RHO[None, :]))
    rho = correlation_posterior(effects).reshape(_RHO.size, -1).sum(axis=1)
    grid = norm.logpdf(_COMMON)[:, None, None] + np.log(rho + _TINY)[None, :, None]
    posterior = np.repeat(grid, lags, axis=2)
    for one in known:
        if one is not None:
            top = one.marginal.max()
            posterior += np.log(given @ np.exp(one.marginal - top).T + _TINY)
    at = rng.choice(posterior.size, size=n_draws, p=softmax(posterior.ravel()))
    common, rho_at, lag = np.unravel_index(at, posterior.shape)
    return _Run(common, rho_at, lag, rng.random(n_draws), rng.standard_normal((2, n_draws)))


def _draw_own(
    rng: np.random.Generator, run: _Run, likelihood: Likelihood | None
) -> tuple[FloatArray, IntArray]:
    """(draw,) the benchmark's luck at the checkpoint, and its draws of the posterior."""
    common, rho = _COMMON[run.common], _RHO[run.rho]
    n_draws = common.size
    if likelihood is None:
        own = rng.standard_normal(n_draws)
        return np.sqrt(rho) * common + np.sqrt(1.0 - rho) * own, np.arange(n_draws)
    weight = softmax(_luck_given(common, rho) + likelihood.marginal[run.lag], axis=1)
    reached = weight.cumsum(axis=1) < rng.random((n_draws, 1)) * weight.sum(axis=1, keepdims=True)
    fine = np.minimum(reached.sum(axis=1), FINE.size - 1)
    pick = np.empty(n_draws, dtype=np.int64)
    for lag, point in np.unique(np.stack([run.lag, fine]), axis=1).T:
        rows = (run.lag == lag) & (fine == point)
        chance = softmax(likelihood.at(lag, point))
        pick[rows] = rng.choice(chance.size, size=int(rows.sum()), p=chance)
    step = FINE[1] - FINE[0]
    return FINE[fine] + step * (rng.random(n_draws) - 0.5), pick


def _persistence(
    one: BenchmarkFit, pick: IntArray, checkpoint: Checkpoint, target: Target
) -> FloatArray:
    """(draw,) correlation between what the run departs by at the checkpoint and at its end."""
    ladder = one.whole
    flops = np.array([checkpoint.point.compute_flops, target.compute_flops])
    now, end = beyond(np.log(flops / ladder.unit_flops), ladder.log_compute)
    sites = one.curve.posterior.sites if one.cod is None else one.cod.sites
    drift = flatten(sites["drift"])[pick]
    return np.asarray(np.sqrt((1.0 + drift * now) / (1.0 + drift * end)))


def _until_the_end(
    rng: np.random.Generator, run: _Run, luck: FloatArray, persistence: FloatArray
) -> FloatArray:
    """(draw,) the benchmark's luck at the end of the run."""
    rho = _RHO[run.rho]
    own = rng.standard_normal((2, luck.size))
    new, later = np.sqrt(rho) * run.fresh + np.sqrt(1.0 - rho) * own
    kept = run.keeps * luck + np.sqrt(1.0 - run.keeps**2) * new
    return np.asarray(persistence * kept + np.sqrt(1.0 - persistence**2) * later)


def _picked(
    one: BenchmarkFit,
    before: Worlds,
    target: Target,
    seed: int,
    luck: FloatArray,
    pick: IntArray,
) -> Worlds:
    """The worlds of some posterior draws, each with a luck of its own."""
    n_draws = luck.size
    tables = [
        worlds_at(
            one,
            generator(seed, one.benchmark, PREDICT),
            before.compute,
            target,
            np.full(n_draws, z),
        )
        for z in LUCK
    ]
    below, part = between(luck)

    def at_luck(values: Sequence[FloatArray]) -> FloatArray:
        table = np.stack(values)  # [luck, ..., draw]
        return np.asarray(
            (table[below, ..., pick].T * (1.0 - part)) + table[below + 1, ..., pick].T * part
        )

    extra = {name: (dims, values[pick]) for name, (dims, values) in before.extra.items()}
    if "end_to_end" in extra:
        values = at_luck([np.asarray(table.extra["end_to_end"][1]) for table in tables])
        extra["end_to_end"] = (("draw",), values)
    return replace(
        before,
        latent=at_luck([table.latent for table in tables]),
        subset=at_luck([table.subset for table in tables]),
        share=before.share[pick],
        extra=extra,
    )
