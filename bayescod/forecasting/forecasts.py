"""Third stage of a forecast: predictive draws for a target, and the records made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bayescod.convergence import Reason
from bayescod.forecasting.assembly import assembled
from bayescod.forecasting.coupling import coupled_normals
from bayescod.forecasting.course import Course
from bayescod.forecasting.fitting import BenchmarkFit, run_effects
from bayescod.forecasting.records import BenchmarkForecast, summarise
from bayescod.forecasting.streams import PREDICT, UPDATE, generator
from bayescod.forecasting.updating import conditioned
from bayescod.forecasting.worlds import Worlds, worlds_at
from bayescod.scores.checkpoints import Update
from bayescod.scores.selection import Selection, Target

FloatArray = npt.NDArray[np.float64]

GRID_POINTS = 64
BEYOND_TARGET = 100.0
"""The fan goes on to this many times the target's compute: so far a plan can ask."""
FEWEST_DRAWS = 100
"""Effective draws that an update should leave: a 5 % quantile is then of about five of them."""


def forecasts_for(
    fits: Sequence[BenchmarkFit],
    selection: Selection,
    seed: int,
) -> tuple[BenchmarkForecast, ...]:
    """Forecast one target from fitted benchmarks.

    Parameters
    ----------
    fits : sequence of BenchmarkFit
    selection : Selection
    seed : int

    Returns
    -------
    tuple of BenchmarkForecast
        Draw i is the same world in all of them: the target's run effect is drawn jointly.
    """
    ahead = _look_ahead(fits, selection, seed)
    return _forecasts(fits, selection.target, ahead, ahead.rho)


def updated_forecasts(
    fits: Sequence[BenchmarkFit], selection: Selection, seed: int, update: Update
) -> tuple[tuple[BenchmarkForecast, ...], Course]:
    """Forecast one target from fitted benchmarks and from a checkpoint of its own run.

    Parameters
    ----------
    fits : sequence of BenchmarkFit
    selection : Selection
    seed : int
    update : Update

    Returns
    -------
    forecasts : tuple of BenchmarkForecast
        As :func:`forecasts_for`, conditioned on the last checkpoint.
    course : Course
        All checkpoints against what is forecast from the ladder alone.
    """
    before = _look_ahead(fits, selection, seed)
    target = selection.target
    known = conditioned(
        fits, before.worlds, before.effects, before.run_normals, target, update, seed
    )
    after = replace(
        before,
        worlds=known.worlds,
        scores=[
            _measured(generator(seed, one.benchmark, UPDATE), one, worlds)
            for one, worlds in zip(fits, known.worlds, strict=True)
        ],
        without_luck=[
            {name: values[pick] for name, values in own.items()}
            for own, pick in zip(before.without_luck, known.pick, strict=True)
        ],
    )
    names = [one.benchmark for one in fits]
    course = Course(
        checkpoints=known.course,
        lags=update.lags,
        before={n: summarise(score) for n, score in zip(names, before.scores, strict=True)},
        effective_draws=known.effective,
    )
    found = _forecasts(fits, target, after, known.rho)
    return tuple(_strained(one, known.effective) for one in found), course


@dataclass(frozen=True, slots=True, eq=False)
class _Ahead:
    """Worlds of all benchmarks, a list entry each."""

    effects: FloatArray
    run_normals: FloatArray
    rho: FloatArray
    worlds: Sequence[Worlds]
    scores: Sequence[FloatArray]
    without_luck: Sequence[Mapping[str, FloatArray]]


def _look_ahead(fits: Sequence[BenchmarkFit], selection: Selection, seed: int) -> _Ahead:
    target = selection.target
    effects = np.stack([run_effects(one, selection.ladder) for one in fits], axis=1)
    n_draws = fits[0].curve.posterior.diagnostics.n_draws
    run_normals, rho = coupled_normals(np.random.default_rng([seed, PREDICT]), effects, n_draws)
    worlds, scores = [], []
    for one, normals in zip(fits, run_normals, strict=True):
        rng = generator(seed, one.benchmark, PREDICT)
        worlds.append(worlds_at(one, rng, _compute(one, target), target, normals))
        scores.append(_measured(rng, one, worlds[-1]))
    typical = [_without_luck(one, target, seed) for one in fits]
    return _Ahead(effects, run_normals, rho, worlds, scores, typical)


def _forecasts(
    fits: Sequence[BenchmarkFit], target: Target, ahead: _Ahead, rho: FloatArray
) -> tuple[BenchmarkForecast, ...]:
    return tuple(
        assembled(one, target, worlds, scores, without_luck, rho)
        for one, worlds, scores, without_luck in zip(
            fits, ahead.worlds, ahead.scores, ahead.without_luck, strict=True
        )
    )


def _strained(forecast: BenchmarkForecast, effective: Mapping[str, float]) -> BenchmarkForecast:
    """The forecast with a caution where few of its draws agree with the checkpoint."""
    count = effective.get(forecast.benchmark, np.inf)
    if count >= FEWEST_DRAWS:
        return forecast
    text = (
        f"the checkpoint agrees with few of the draws: {count:.0f} effective ones are left, wanted "
        f"at least {FEWEST_DRAWS}"
    )
    status = "review" if forecast.status == "pass" else forecast.status
    reasons = (*forecast.reasons, Reason("update-strained", text))
    return replace(forecast, status=status, reasons=reasons)


def _compute(one: BenchmarkFit, target: Target) -> FloatArray:
    """[compute] where the fan is computed, and last the target."""
    flops = one.whole.compute_flops
    top = max(target.compute_flops, float(flops.max())) * BEYOND_TARGET
    grid = np.geomspace(float(flops.min()), top, GRID_POINTS)
    return np.append(grid, target.compute_flops)


def _measured(rng: np.random.Generator, one: BenchmarkFit, draws: Worlds) -> FloatArray:
    """(draw,) scores of the target as they will be measured."""
    latent = draws.latent[-1]
    noise = np.sqrt(one.whole.evaluation_ratio * latent * (1.0 - latent))
    return np.clip(latent + noise * rng.standard_normal(latent.size), 0.0, 1.0)


def _without_luck(one: BenchmarkFit, target: Target, seed: int) -> dict[str, FloatArray]:
    """Latent scores of the same worlds, but for a run without luck; then with the mean map too."""
    at, none = np.array([target.compute_flops]), np.zeros(one.curve.posterior.diagnostics.n_draws)
    maps = {"typical_score": False} | ({} if one.cod is None else {"law_score": True})
    return {
        name: worlds_at(
            one, generator(seed, one.benchmark, PREDICT), at, target, none, sure_map=sure
        ).latent[0]
        for name, sure in maps.items()
    }
