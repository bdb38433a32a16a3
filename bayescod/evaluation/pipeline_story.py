"""Benchmarks from the story of the cluster program: items, a ladder of LLMs, and a target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import Array
from numpyro.infer import Predictive

from bayescod.errors import SamplingError
from bayescod.evaluation.prior_data import benchmark, ladder_of_all, llm_table, observation
from bayescod.forecasting.lanes import cluster_lane
from bayescod.programs.space import program_of
from bayescod.scores.records import BenchmarkScores, LLMTable, Scores
from bayescod.specs import Spec

FloatArray = npt.NDArray[np.float64]

_SMALLEST_FLOPS = 4e19  # of arXiv 2502.17262; only ratios of compute matter
_MAX_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class Design:
    """What is simulated; every benchmark has runs of its own, so that they are independent.

    Attributes
    ----------
    n_benchmarks, n_ladder, n_clusters, n_items, n_trials : int
    level_share : float
        Part of the items that lie outside all clusters and do not grow.
    step : float
        Ratio of compute between neighbours of the ladder.
    beyond : float
        Compute of the target over the largest of the ladder.
    """

    n_benchmarks: int = 64
    n_ladder: int = 9
    n_clusters: int = 5
    n_items: int = 150
    n_trials: int = 100
    level_share: float = 0.2
    step: float = 2.5
    beyond: float = 10.0


def simulate_benchmarks(seed: int, story: Spec, design: Design) -> Scores:
    """Draw benchmarks, their ladder and the target from the story of the cluster program.

    Parameters
    ----------
    seed : int
    story : Spec
        Of program ``clusters``.
    design : Design

    Returns
    -------
    Scores
        Benchmarks all of whose clusters grow by the filter's ``min_growth`` over the ladder. An
        item's pass rate in one run departs from its cluster's by a Beta distribution with the
        program's ``spread``; items outside are near 0 or near 1, whatever the LLM.

    Raises
    ------
    SamplingError
        If hardly any benchmark of this design has clusters that all grow.
    """
    rng = np.random.default_rng(seed)
    ladder = _SMALLEST_FLOPS * design.step ** np.arange(design.n_ladder)
    llms = llm_table(np.append(ladder, ladder[-1] * design.beyond))
    rates, spread = _cluster_rates(jax.random.key(seed), story, design, llms)
    made = tuple(
        _benchmark(rng, f"benchmark {i:03d}", llms, design, rates[i], float(spread[i]))
        for i in range(design.n_benchmarks)
    )
    return Scores(made, llms, warnings=(), unknown_columns=(), digest="0" * 64)


def _benchmark(
    rng: np.random.Generator,
    name: str,
    llms: LLMTable,
    design: Design,
    rates: FloatArray,
    spread: float,
) -> BenchmarkScores:
    """Items dealt to clusters in turn, then level items; trials of each."""
    n_level = round(design.level_share * design.n_items)
    mean = rates[np.arange(design.n_items - n_level) % design.n_clusters]
    # A Beta distribution of this mean and spread; one that is as wide as a coin is a coin.
    weight = max(spread**-2 - 1.0, 1e-3)
    safe = np.clip(mean, 1e-9, 1.0 - 1e-9)
    growing = rng.beta(weight * safe, weight * (1.0 - safe))
    hard = rng.random((n_level, 1)) < 0.5
    level = np.where(hard, rng.beta(1, 9, (n_level, 1)), rng.beta(9, 1, (n_level, 1)))
    chance = np.concatenate([growing, np.broadcast_to(level, (n_level, growing.shape[1]))])
    measured = rng.binomial(design.n_trials, chance) / design.n_trials
    return benchmark(name, measured, np.full(chance.shape, float(design.n_trials)), llms)


def _cluster_rates(
    rng_key: Array, story: Spec, design: Design, llms: LLMTable
) -> tuple[FloatArray, FloatArray]:
    """[benchmark, cluster, llm] accuracies by the story, target last, and [benchmark] spreads."""
    data = _story_data(story, design, llms)
    arrays = {name: jnp.asarray(values) for name, values in data.items()}
    program = program_of(story)
    predictive = Predictive(program, num_samples=2 * design.n_benchmarks)
    # Data are arguments, so that another design of the same shape compiles nothing.
    draw = jax.jit(lambda key, given: predictive(key, data=given))
    mean_of = jax.jit(jax.vmap(lambda v, given: observation(program, v, given).mean, (0, None)))
    shape = (design.n_clusters, design.n_ladder + 1)
    height, width = data["cluster_used"].size, data["run_basis"].shape[0]
    least = 0.0 if story.filter is None else story.filter.min_growth
    rates: list[FloatArray] = []
    spreads: list[FloatArray] = []
    for _ in range(_MAX_ROUNDS):
        rng_key, own, far = jax.random.split(rng_key, 3)
        drawn = draw(own, arrays)
        sites = {name: values for name, values in drawn.items() if name != "pass_rate"}
        sites["run_effect"] += _beyond(far, sites, arrays, design)
        mean = np.asarray(mean_of(sites, arrays)).reshape(-1, height, width)[
            :, : shape[0], : shape[1]
        ]
        grows = (mean[..., -2] - mean[..., 0] >= least).all(axis=1)
        rates.append(mean[grows])
        spreads.append(np.asarray(sites["spread"])[grows])
        if sum(map(len, rates)) >= design.n_benchmarks:
            n = design.n_benchmarks
            return np.concatenate(rates)[:n], np.concatenate(spreads)[:n]
    msg = (
        f"hardly any benchmark drawn from {story.name} has {design.n_clusters} clusters that all "
        "grow; simulate fewer clusters, or a ladder of a wider range"
    )
    raise SamplingError(msg)


def _beyond(
    rng_key: Array, sites: Mapping[str, Array], data: Mapping[str, Array], design: Design
) -> Array:
    """What the target's effect departs further for lying beyond the ladder, where the story says.

    (benchmark, run) along the basis, which is orthonormal: ``drift`` is the variance that a natural
    log of compute beyond the ladder adds, over one run's own.
    """
    if "drift" not in sites:
        return jnp.zeros(())
    scale = sites["run_scale"] * jnp.sqrt(sites["drift"] * np.log(design.beyond))
    departure = scale * jax.random.normal(rng_key, scale.shape)
    return departure[:, None] * data["run_basis"][design.n_ladder]


def _story_data(story: Spec, design: Design, llms: LLMTable) -> dict[str, npt.NDArray[np.generic]]:
    """Data of the cluster program for the ladder and the target, with all of the run effects.

    A fit samples the effects that are neither level nor slope; what is simulated has those too. So
    the basis is complete here, and turned so that a random walk has independent parts along it.
    """
    n_growing = design.n_items - round(design.level_share * design.n_items)
    shape = (n_growing, len(llms.name))
    trials = np.full(shape, float(design.n_trials))
    ladder = ladder_of_all(benchmark("", np.full(shape, 0.5), trials, llms), llms, story)
    lane = cluster_lane(ladder, np.arange(n_growing) % design.n_clusters, story)
    data = {name: values for name, values in lane.data.items() if name != "pass_rate"}
    steps = ladder.log_compute - ladder.log_compute[0]
    variance, basis = np.linalg.eigh(np.minimum.outer(steps, steps))
    width = data["run_basis"].shape[0]
    complete, walk_variance = np.zeros((width, width)), np.zeros(width)
    complete[: steps.size, : steps.size] = basis
    walk_variance[: steps.size] = np.maximum(variance, 0.0)
    return data | {
        "run_basis": complete,
        "walk_variance": walk_variance,
        "run_used": np.ones(width, dtype=bool),
    }
