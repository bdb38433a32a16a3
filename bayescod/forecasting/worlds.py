"""Worlds: each posterior draw with its own luck, and the scores along compute that follow.

A world is a posterior draw of the law, the voice (law, or COD and its map) that speaks in it, and
standard normals for how the law goes on, what the clusters and the map depart by, and how good the
target's run turns out. The last is an argument, so that one can ask what would be with another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import numpy as np
import numpy.typing as npt

from bayescod.curves import monotone_polynomial
from bayescod.forecasting.cod import CodFit
from bayescod.forecasting.curve_fits import curve_scores
from bayescod.forecasting.effects import forecast_effect
from bayescod.forecasting.fitting import BenchmarkFit
from bayescod.forecasting.mapping import draw_for_each, full_scores, subset_scores
from bayescod.forecasting.predictive import cluster_scores, curve_draws, flatten, with_spread
from bayescod.laws import against_draws, further
from bayescod.scores.selection import Target

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
# Compiled as a whole, which the programs do by themselves.
_mapped = jax.jit(monotone_polynomial)


@dataclass(frozen=True, slots=True, eq=False)
class Worlds:
    """Predictive draws of one benchmark along compute.

    Attributes
    ----------
    compute : FloatArray
        [compute] in FLOP.
    latent : FloatArray
        (compute, draw) score without evaluation noise, in [0, 1].
    subset : FloatArray
        (compute, draw) accuracy on the predictable subset; NaN where there is none.
    share : FloatArray
        (draw,) share of the items in the subset; NaN where there is none.
    extra : mapping of str to (dims, array)
        What else is stored of each draw.
    n_end_to_end : int
        Draws that take the end-to-end score.
    n_without_subset : int
        Draws that have no usable subset.
    """

    compute: FloatArray
    latent: FloatArray
    subset: FloatArray
    share: FloatArray
    extra: Mapping[str, tuple[tuple[str, ...], npt.NDArray[np.generic]]]
    n_end_to_end: int
    n_without_subset: int


def worlds_at(
    one: BenchmarkFit,
    rng: np.random.Generator,
    compute: FloatArray,
    target: Target,
    run_normals: FloatArray,
    *,
    sure_map: bool = False,
) -> Worlds:
    """Scores of a target in every world of a benchmark.

    Parameters
    ----------
    one : BenchmarkFit
    rng : numpy.random.Generator
        Same state, same worlds, whatever the other arguments are.
    compute : FloatArray
        [compute] in FLOP.
    target : Target
        Says the ratio of tokens to parameters.
    run_normals : FloatArray
        (draw,) standard normal: how good the target's run turns out.
    sure_map : bool
        Take each mask's mean map from subset to benchmark, and no departure from it.

    Returns
    -------
    Worlds
    """
    direct, law = _direct(one, rng, compute, target, run_normals)
    extra: dict[str, tuple[tuple[str, ...], npt.NDArray[np.generic]]] = {}
    if len(one.curves) > 1:
        extra["law"] = (("draw",), law)
    if one.cod is None:
        nothing = np.full(direct.shape, np.nan)
        return Worlds(compute, direct, nothing, nothing[-1], extra, direct.shape[1], 0)
    cod = one.cod
    subset = _subset(one, cod, rng, compute, target, run_normals)
    share = cod.masks.share[cod.masks.of_draw]
    lane_of_draw = cod.lane_of_mask[cod.masks.of_draw]
    kept = cod.masks.mask[cod.masks.of_draw]
    extra |= {
        "extrapolatable": (("draw", "cluster"), kept.astype(np.int8)),
        "end_to_end": (("draw",), direct[-1]),
    }
    if cod.mapping is None:
        # Nothing speaks for what is outside the clusters: items that no LLM has ever solved.
        return Worlds(compute, full_scores(subset, share, np.zeros(1)), subset, share, extra, 0, 0)
    steps, map_spread = draw_for_each(rng, cod.mappings, lane_of_draw, cod.mapping.degree or 4)
    normals = rng.standard_normal(share.size)
    if sure_map:
        map_spread = np.zeros_like(map_spread)
        for lane in np.unique(lane_of_draw):  # a mask has a map of its own
            rows = lane_of_draw == lane
            steps[rows] = steps[rows].mean(axis=0)
    rest = with_spread(
        np.asarray(_mapped(np.nan_to_num(subset), steps)),
        map_spread,
        normals,
    )
    mapped = full_scores(np.nan_to_num(subset), share, rest)
    without = (lane_of_draw < 0) & (share < 1.0)
    fallen_back = without | (rng.random(share.size) >= one.cod_weight)
    latent = np.where(fallen_back, direct, mapped)
    extra |= {
        "mapping_steps": (("draw", "step"), steps),
        "mapping_spread": (("draw",), map_spread),
    }
    return Worlds(compute, latent, subset, share, extra, int(fallen_back.sum()), int(without.sum()))


def _direct(
    one: BenchmarkFit,
    rng: np.random.Generator,
    compute: FloatArray,
    target: Target,
    run_normals: FloatArray,
) -> tuple[FloatArray, IntArray]:
    """End-to-end scores (compute, draw), each draw by one law taken with the laws' weights."""
    by_law = np.stack([curve_scores(c, compute, target, run_normals, rng) for c in one.curves])
    law = rng.choice(len(by_law), size=run_normals.size, p=one.weights)
    return by_law[law, :, np.arange(law.size)].T, law


def _subset(
    one: BenchmarkFit,
    cod: CodFit,
    rng: np.random.Generator,
    compute: FloatArray,
    target: Target,
    run_normals: FloatArray,
) -> FloatArray:
    """Accuracy on the predictable subset, (compute, draw)."""
    ladder = one.grouping.ladder
    clusters = curve_draws(cod.spec.law, cod.sites)
    at = ladder.covariates_at(compute, target)
    column = against_draws(at, 2)
    mean, sd = forecast_effect(
        ladder.log_compute,
        at["log_compute"],
        *(flatten(cod.sites[name]) for name in ("run_effect", "run_scale", "walk_scale", "drift")),
    )
    accuracy = cluster_scores(
        lambda shift: clusters.accuracy(further(column, shift)),
        mean + sd * run_normals,
        flatten(cod.sites["spread"]),
        cod.groups.n_items[:-1],
        rng.standard_normal(clusters.site("b").shape),
    )
    return subset_scores(accuracy, cod.masks, cod.groups)
