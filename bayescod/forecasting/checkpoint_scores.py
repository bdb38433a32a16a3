"""Scores at a checkpoint of the target's run, by the worlds of a forecast.

Before its learning rate has decayed a checkpoint scores as a finished run of less compute. It may
lag by ``LAG (1 - part) |normal|`` in the log of compute, unless the ladder holds checkpoints
itself: its law is then the law of checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp
from scipy.stats import halfnorm

from bayescod.forecasting.course import TAIL, CheckpointCourse, CoursePoint
from bayescod.forecasting.fitting import BenchmarkFit
from bayescod.forecasting.records import summarise
from bayescod.forecasting.streams import PREDICT, UPDATE, generator
from bayescod.forecasting.worlds import worlds_at
from bayescod.scores.checkpoints import Checkpoint, Measured, Update

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LAG = 0.4
"""Natural log of compute, weakly informative: if a learning rate that has not decayed leaves the
loss 0.05 nats higher, then at 1 nat of reducible loss that falls as compute^-0.15 it is worth a
third of a natural log."""
LEAST_SD = 0.002
"""Scores are not told apart below a fifth of a point; soft scores do not say their noise."""

LUCK = np.linspace(-4.0, 4.0, 17)
"""Where worlds are computed; between, they are interpolated."""
FINE = np.linspace(-4.0, 4.0, 161)
"""Where the likelihood is computed."""
_N_LAGS = 9


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """One benchmark's score at a checkpoint, by lag, by the run's luck and by posterior draw.

    Attributes
    ----------
    latent : FloatArray
        [lag, luck, draw] latent scores of the worlds, at :data:`LUCK`.
    score : float
        Measured.
    sd : float
        Of its evaluation.
    marginal : FloatArray
        [lag, fine luck] log of the mean likelihood over the draws, at :data:`FINE`.
    """

    latent: FloatArray
    score: float
    sd: float
    marginal: FloatArray

    def at(self, lag: int, fine: int) -> FloatArray:
        """[draw] log-likelihood, up to a constant."""
        below, part = between(FINE[fine])
        latent = self.latent[lag]
        there = latent[below] * (1.0 - part) + latent[below + 1] * part
        return np.asarray(-0.5 * ((self.score - there) / self.sd) ** 2)


def lags_of(checkpoint: Checkpoint, update: Update) -> FloatArray:
    """[lag] equally likely lags, natural log of compute."""
    if not update.lags:
        return np.zeros(1)
    quantiles = halfnorm.ppf((np.arange(_N_LAGS) + 0.5) / _N_LAGS)
    return np.asarray(LAG * (1.0 - checkpoint.part) * quantiles)


def _latent_at(
    one: BenchmarkFit, checkpoint: Checkpoint, lags: FloatArray, luck: FloatArray, seed: int
) -> FloatArray:
    """[lag, draw] latent scores at a checkpoint by the worlds, with (draw,) the run's luck."""
    compute = checkpoint.point.compute_flops * np.exp(-lags)
    rng = generator(seed, one.benchmark, PREDICT)
    return worlds_at(one, rng, compute, checkpoint.point, luck).latent


def likelihood_of(
    one: BenchmarkFit, checkpoint: Checkpoint, lags: FloatArray, seen: Measured, seed: int
) -> Likelihood:
    """A score at a checkpoint as a likelihood of the worlds.

    Parameters
    ----------
    one : BenchmarkFit
    checkpoint : Checkpoint
    lags : FloatArray
        [lag] from :func:`lags_of`.
    seen : Measured
    seed : int
        Of the forecast, whose worlds are taken.

    Returns
    -------
    Likelihood
    """
    n_draws = one.curve.posterior.diagnostics.n_draws
    latent = np.stack(
        [_latent_at(one, checkpoint, lags, np.full(n_draws, z), seed) for z in LUCK], axis=1
    )
    empty = Likelihood(latent, seen.score, _sd(seen), np.zeros(0))
    marginal = [
        [logsumexp(empty.at(lag, fine)) for fine in range(FINE.size)] for lag in range(lags.size)
    ]
    return replace(empty, marginal=np.array(marginal) - np.log(n_draws))


def _sd(seen: Measured) -> float:
    return max(float(np.sqrt(seen.variance)), LEAST_SD)


def between(luck: npt.ArrayLike) -> tuple[IntArray, FloatArray]:
    """Where values of luck lie between the points at which worlds are computed."""
    place = (np.clip(luck, LUCK[0], LUCK[-1]) - LUCK[0]) / (LUCK[1] - LUCK[0])
    below = np.minimum(place.astype(np.int64), LUCK.size - 2)
    return below, place - below


def replicated(
    fits: Sequence[BenchmarkFit],
    checkpoint: Checkpoint,
    run_normals: FloatArray,
    seed: int,
    lags: FloatArray,
) -> dict[str, FloatArray]:
    """Scores as they would be measured at a checkpoint, by the ladder alone.

    Parameters
    ----------
    fits : sequence of BenchmarkFit
    checkpoint : Checkpoint
    run_normals : FloatArray
        [benchmark, draw] luck of the target's run.
    seed : int
    lags : FloatArray
        [lag] from :func:`lags_of`.

    Returns
    -------
    dict of str to FloatArray
        By benchmark of the checkpoint: (draw,). The run has one lag, on all benchmarks.
    """
    rng = generator(seed, checkpoint.point.name, UPDATE)
    lag = rng.integers(lags.size, size=run_normals.shape[1])
    found = {}
    for one, luck in zip(fits, run_normals, strict=True):
        seen = checkpoint.measured.get(one.benchmark)
        if seen is not None:
            latent = _latent_at(one, checkpoint, lags, luck, seed)[lag, np.arange(lag.size)]
            noise = np.sqrt(seen.variance) * rng.standard_normal(lag.size)
            found[one.benchmark] = np.clip(latent + noise, 0.0, 1.0)
    return found


def checkpoint_course(
    checkpoint: Checkpoint,
    lagging: Mapping[str, FloatArray],
    finished: Mapping[str, FloatArray],
) -> CheckpointCourse:
    """A checkpoint's scores in the tails of what was forecast for it.

    Parameters
    ----------
    checkpoint : Checkpoint
    lagging, finished : mapping of str to FloatArray
        By benchmark of the checkpoint: (draw,) measured scores by the forecast, draw i the same
        world in all; with the lag that is allowed, and without.

    Returns
    -------
    CheckpointCourse
    """
    seen = {name: one.score for name, one in checkpoint.measured.items() if name in lagging}
    no_more = _tail(*_together(lagging, seen))
    no_less = 1.0 - _tail(*_together(finished, seen))
    verdict = "behind" if no_more < TAIL else "ahead" if no_less < TAIL else "on course"
    return CheckpointCourse(
        model=checkpoint.point.name,
        compute_flops=checkpoint.point.compute_flops,
        part=checkpoint.part,
        no_more=no_more,
        no_less=no_less,
        verdict=verdict,
        points=tuple(
            CoursePoint(name, seen[name], summarise(draws), _tail(draws, seen[name]))
            for name, draws in lagging.items()
        ),
    )


def _together(
    drawn: Mapping[str, FloatArray], seen: Mapping[str, float]
) -> tuple[FloatArray, float]:
    """Mean over the benchmarks of standard scores: (draw,) as forecast, and as seen."""
    scale = {name: max(float(draws.std()), LEAST_SD) for name, draws in drawn.items()}
    forecast = [(draws - draws.mean()) / scale[name] for name, draws in drawn.items()]
    measured = [(seen[name] - draws.mean()) / scale[name] for name, draws in drawn.items()]
    return np.mean(forecast, axis=0), float(np.mean(measured))


def _tail(draws: FloatArray, seen: float) -> float:
    return float((draws < seen).mean() + 0.5 * (draws == seen).mean())
