"""Draw i is the same world in every benchmark: a target's run effects, coupled as the ladder's are.

One trained LLM is a little better or worse than its compute says, partly on all benchmarks at once.
How much of that is common is estimated from the run effects of the ladder, and the run effects of
the target are drawn with that correlation.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
RHO_GRID = np.linspace(0.0, 0.995, 200)
"""Correlations of run effects between benchmarks at which their posterior is computed."""


def correlation_posterior(effects: FloatArray) -> FloatArray:
    """Posterior of the correlation of run effects between benchmarks.

    Every benchmark's effects are scaled to unit variance; two benchmarks then share the part rho of
    it, with a uniform prior on [0, 1).

    Parameters
    ----------
    effects : FloatArray
        [run, benchmark] estimated run effects; NaN where a run was not evaluated.

    Returns
    -------
    FloatArray
        Probabilities on :data:`RHO_GRID`; uniform where fewer than three runs have two benchmarks.
    """
    centred = effects - np.nanmean(effects, axis=0, keepdims=True)
    sd = np.sqrt(np.nanmean(centred**2, axis=0, keepdims=True))
    scaled = centred / np.where(sd > 0, sd, 1.0)
    log_posterior = np.zeros_like(RHO_GRID)
    n_used = 0
    for row in scaled:
        z = row[~np.isnan(row)]
        if z.size < 2:
            continue
        n_used += 1
        common, within = z.sum() ** 2 / z.size, (z**2).sum() - z.sum() ** 2 / z.size
        large, small = 1.0 + (z.size - 1) * RHO_GRID, 1.0 - RHO_GRID
        log_posterior -= 0.5 * (
            np.log(large) + (z.size - 1) * np.log(small) + common / large + within / small
        )
    if n_used < 3:
        return np.full(RHO_GRID.size, 1.0 / RHO_GRID.size)
    # A level and a slope of each benchmark were fitted to these runs: so many fewer are free.
    log_posterior *= max(n_used - 2, 1) / n_used
    weight = np.exp(log_posterior - log_posterior.max())
    return np.asarray(weight / weight.sum())


def coupled_normals(
    rng: np.random.Generator, effects: FloatArray, n_draws: int
) -> tuple[FloatArray, FloatArray]:
    """Standard normal run effects of the target, one a draw and benchmark.

    Parameters
    ----------
    rng : numpy.random.Generator
    effects : FloatArray
        [run, benchmark] estimated run effects of the ladder.
    n_draws : int

    Returns
    -------
    normals : FloatArray
        [benchmark, draw], each standard normal by itself.
    rho : FloatArray
        [draw] the correlation of that draw.
    """
    rho = rng.choice(RHO_GRID, size=n_draws, p=correlation_posterior(effects))
    common = rng.standard_normal(n_draws)
    own = rng.standard_normal((effects.shape[1], n_draws))
    return np.sqrt(rho) * common + np.sqrt(1.0 - rho) * own, rho
