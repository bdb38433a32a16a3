"""Third stage of a forecast: predictive draws for a target, and the records made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import xarray as xr

from bayescod._arviz import to_datatree
from bayescod.convergence import Diagnostics, Reason, judge
from bayescod.curves import monotone_polynomial
from bayescod.forecasting.cod import CodFit
from bayescod.forecasting.coupling import coupled_normals
from bayescod.forecasting.effects import forecast_effect
from bayescod.forecasting.fitting import BenchmarkFit, Specs, run_effects
from bayescod.forecasting.ladder import fitted, measured
from bayescod.forecasting.mapping import draw_for_each, full_scores, subset_scores
from bayescod.forecasting.predictive import (
    cluster_scores,
    curve_draws,
    flatten,
    single_curve_scores,
    with_spread,
)
from bayescod.forecasting.records import BenchmarkForecast, ClusterForecast, TargetPoint, summarise
from bayescod.forecasting.streams import PREDICT, generator
from bayescod.scores.selection import Selection, Target

FloatArray = npt.NDArray[np.float64]

GRID_POINTS = 48
BEYOND_TARGET = 10.0
"""The fan goes on to this many times the target's compute."""


@dataclass(frozen=True, slots=True, eq=False)
class _Draws:
    """Predictive draws along compute; the target is the last point."""

    compute: FloatArray
    latent: FloatArray
    subset: FloatArray
    share: FloatArray
    extra: Mapping[str, tuple[tuple[str, ...], FloatArray]]
    n_end_to_end: int


def forecasts_for(
    fits: Sequence[BenchmarkFit],
    names: Sequence[str],
    selection: Selection,
    specs: Specs,
    seed: int,
) -> tuple[BenchmarkForecast, ...]:
    """Forecast one target from fitted benchmarks.

    Parameters
    ----------
    fits : sequence of BenchmarkFit
    names : sequence of str
        Their benchmarks.
    selection : Selection
    specs : Specs
    seed : int

    Returns
    -------
    tuple of BenchmarkForecast
        Draw i is the same world in all of them: the target's run effect is drawn jointly.
    """
    effects = np.stack([run_effects(one, selection.ladder) for one in fits], axis=1)
    n_draws = fits[0].curve.diagnostics.n_draws
    run_normals, rho = coupled_normals(np.random.default_rng([seed, PREDICT]), effects, n_draws)
    return tuple(
        _forecast(one, name, selection.target, specs, generator(seed, name, PREDICT), normals, rho)
        for one, name, normals in zip(fits, names, run_normals, strict=True)
    )


def _forecast(
    one: BenchmarkFit,
    name: str,
    target: Target,
    specs: Specs,
    rng: np.random.Generator,
    run_normals: FloatArray,
    rho: FloatArray,
) -> BenchmarkForecast:
    whole = one.whole
    top = max(target.compute_flops, float(whole.compute_flops.max())) * BEYOND_TARGET
    grid = np.geomspace(float(whole.compute_flops.min()), top, GRID_POINTS)
    compute = np.append(grid, target.compute_flops)
    draws = _predict(one, specs, rng, compute, run_normals)
    latent = draws.latent[-1]
    noise = np.sqrt(whole.evaluation_ratio * latent * (1.0 - latent))
    score = np.clip(latent + noise * rng.standard_normal(latent.size), 0.0, 1.0)
    diagnostics = _diagnostics(one, draws)
    status, reasons = judge(diagnostics)
    status, reasons = _cautions(one, draws, status, reasons)
    point = TargetPoint(
        model=target.name,
        compute_flops=target.compute_flops,
        compute_ratio=target.compute_flops / float(whole.compute_flops.max()),
        truth=whole.truth,
    )
    return BenchmarkForecast(
        benchmark=name,
        n_items=len(whole.scores.item_id) if whole.scores.item_id is not None else 0,
        method="end-to-end" if one.cod is None else "cod",
        reason=one.grouping.reason,
        law=(specs.end_to_end if one.cod is None or specs.cod is None else specs.cod).name,
        target=point,
        a_unit_flops=whole.unit_flops,
        clusters=() if one.cod is None else _clusters(one, one.cod),
        diagnostics=diagnostics,
        status=status,
        reasons=reasons,
        seconds=one.seconds,
        tree=_tree(one, draws, score, rho),
    )


def _predict(
    one: BenchmarkFit,
    specs: Specs,
    rng: np.random.Generator,
    compute: FloatArray,
    run_normals: FloatArray,
) -> _Draws:
    log_compute = np.log(compute / one.whole.unit_flops)
    curve = curve_draws(one.curve.sites)
    spread = flatten(one.curve.sites["spread"])
    direct = single_curve_scores(curve, spread, log_compute, run_normals)
    if one.cod is None or specs.mapping is None:
        nothing = np.full(direct.shape, np.nan)
        return _Draws(compute, direct, nothing, nothing[-1], {}, direct.shape[1])
    cod = one.cod
    clusters = curve_draws(cod.sites)
    mean, sd = forecast_effect(
        one.grouping.ladder.log_compute,
        log_compute,
        *(flatten(cod.sites[name]) for name in ("run_effect", "run_scale", "walk_scale")),
    )
    accuracy = cluster_scores(
        clusters,
        mean + sd * run_normals,
        flatten(cod.sites["spread"]),
        cod.groups.n_items[:-1],
        log_compute,
        rng.standard_normal(clusters.b.shape),
    )
    subset = subset_scores(accuracy, cod.masks, cod.groups)
    share = cod.masks.share[cod.masks.of_draw]
    lane_of_draw = cod.lane_of_mask[cod.masks.of_draw]
    degree = specs.mapping.degree or 4
    steps, map_spread = draw_for_each(rng, cod.mappings, lane_of_draw, degree)
    rest = with_spread(
        np.asarray(monotone_polynomial(np.nan_to_num(subset), steps)),
        map_spread,
        rng.standard_normal(share.size),
    )
    mapped = full_scores(np.nan_to_num(subset), share, rest)
    fallen_back = (lane_of_draw < 0) & (share < 1.0)
    latent = np.where(fallen_back, direct, mapped)
    kept = cod.masks.mask[cod.masks.of_draw]
    extra = {
        "extrapolatable": (("draw", "cluster"), kept.astype(np.int8)),
        "mapping_steps": (("draw", "step"), steps),
        "mapping_spread": (("draw",), map_spread),
        "end_to_end": (("draw",), direct[-1]),
    }
    return _Draws(compute, latent, subset, share, extra, int(fallen_back.sum()))


def _diagnostics(one: BenchmarkFit, draws: _Draws) -> Diagnostics:
    """The worst figures over the posteriors that the forecast rests on."""
    if one.cod is None:
        return one.curve.diagnostics
    own = one.cod.posterior.diagnostics
    if draws.n_end_to_end == 0:
        return own
    other = one.curve.diagnostics
    return replace(
        own,
        max_rhat=float(np.maximum(own.max_rhat, other.max_rhat)),
        min_ess_bulk=float(np.minimum(own.min_ess_bulk, other.min_ess_bulk)),
        min_ess_tail=float(np.minimum(own.min_ess_tail, other.min_ess_tail)),
        divergences=own.divergences + other.divergences,
        n_draws=own.n_draws + other.n_draws,
        reruns=max(own.reruns, other.reruns),
    )


def _cautions(
    one: BenchmarkFit, draws: _Draws, status: str, reasons: tuple[Reason, ...]
) -> tuple[str, tuple[Reason, ...]]:
    found = list(reasons) + list(one.grouping.remarks)
    cautious = False
    if one.cod is not None:
        part = draws.n_end_to_end / draws.latent.shape[1]
        if part > 0:
            text = f"{part:.0%} of the draws have no usable subset and take the end-to-end forecast"
            found.append(Reason("no-subset", text))
        if one.cod.map_rhat > 1.05:
            text = f"mapping posterior: R-hat {one.cod.map_rhat:.2f}, wanted at most 1.05"
            found.append(Reason("mapping-rhat", text))
            cautious = True
    if cautious and status == "pass":
        status = "review"
    return status, tuple(found)


def _clusters(one: BenchmarkFit, cod: CodFit) -> tuple[ClusterForecast, ...]:
    """All clusters of the benchmark; those that were screened out have no parameters."""
    chance = cod.masks.mask[cod.masks.of_draw].mean(axis=0)
    draws = curve_draws(cod.sites)
    columns = {"a": np.exp(draws.log_a), "b": draws.b, "c": draws.c, "g": draws.g}
    labels = np.asarray(one.grouping.labels)
    sizes = np.bincount(labels[labels >= 0])
    at = {int(cluster): k for k, cluster in enumerate(cod.clusters)}
    return tuple(
        ClusterForecast(
            cluster=cluster,
            n_items=int(n_items),
            p_extrapolatable=float(chance[at[cluster]]) if cluster in at else 0.0,
            parameters={n: summarise(v[:, at[cluster]]) for n, v in columns.items()}
            if cluster in at
            else {},
        )
        for cluster, n_items in enumerate(sizes)
    )


def _tree(one: BenchmarkFit, draws: _Draws, score: FloatArray, rho: FloatArray) -> xr.DataTree:
    posterior = one.curve if one.cod is None else one.cod.posterior
    sites = one.curve.sites if one.cod is None else one.cod.sites
    lane = one.curve_lane if one.cod is None else one.cod.lane
    ladder = one.whole if one.cod is None else one.grouping.ladder
    models = list(ladder.scores.llm)
    n = ladder.n_ladder
    final = measured(one.whole.scores)
    rate, variance = fitted(final)
    observed = np.asarray(lane.data["observed"], dtype=bool)
    by_cluster = ("log_a", "b", "c", "g") if one.cod is not None else ()
    dims = {name: ["cluster"] for name in by_cluster}
    dims |= {"run_effect": ["run"], "fitted_rate": ["obs_id"], "fitted_sd": ["obs_id"]}
    dims |= {name: ["model"] for name in ("score", "compute_flops", "role", "evaluation_sd")}
    constant: dict[str, npt.ArrayLike] = {"a_unit_flops": one.whole.unit_flops}
    if one.grouping.clusters is not None:
        clusters = one.grouping.clusters
        constant |= {
            "intra_cluster_distance": clusters.intra_cluster_distance,
            "outlier_rate": clusters.outlier_rate,
            "cluster_radius": clusters.radius,
            "n_zero_items": clusters.n_zero,
        }
    if one.grouping.labels is not None and one.cod is not None:
        constant["item_cluster"] = one.grouping.labels
        constant["p_grown"] = one.grouping.grows
        dims |= {"item_cluster": ["item"], "p_grown": ["all_clusters"]}
    tree = to_datatree(
        sites,
        dims=dims,
        coords=({} if one.cod is None else {"cluster": one.cod.clusters})
        | {"model": np.array(models, dtype=object).astype(str)},
        sample_stats=posterior.stats,
        observed_data={
            "score": rate,
            "compute_flops": one.whole.all_flops,
            "role": np.array(["ladder"] * n + ["anchor"] * (len(models) - n)),
            "evaluation_sd": np.sqrt(variance),
            "fitted_rate": np.asarray(lane.data["pass_rate"])[observed],
            "fitted_sd": np.sqrt(np.asarray(lane.data["variance"])[observed]),
        },
        constant_data=constant,
    )
    predictions: dict[str, tuple[tuple[str, ...], npt.NDArray[np.generic]]] = {
        "score": (("draw",), score),
        "latent_score": (("draw",), draws.latent[-1]),
        "subset_score": (("draw",), draws.subset[-1]),
        "predictable_share": (("draw",), draws.share),
        "run_correlation": (("draw",), rho),
        "fan": (("compute", "draw"), draws.latent[:-1].astype(np.float32)),
        **draws.extra,
    }
    coords = {"compute": draws.compute[:-1], "draw": np.arange(score.size)}
    tree["predictions"] = xr.DataTree(xr.Dataset(predictions, coords=coords))
    return tree
