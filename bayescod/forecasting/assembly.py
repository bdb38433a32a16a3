"""The records of a forecast, from its fit and its worlds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import numpy as np
import numpy.typing as npt
import xarray as xr

from bayescod._arviz import to_datatree
from bayescod.convergence import Diagnostics, Reason, judge
from bayescod.forecasting.cod import CodFit
from bayescod.forecasting.densities import log_densities
from bayescod.forecasting.fitting import BenchmarkFit
from bayescod.forecasting.ladder import fitted, measured
from bayescod.forecasting.predictive import curve_draws
from bayescod.forecasting.records import BenchmarkForecast, ClusterForecast, TargetPoint, summarise
from bayescod.forecasting.worlds import Worlds
from bayescod.scores.selection import Target

FloatArray = npt.NDArray[np.float64]

_MOST_DOUBLES = 2**22
"""Bytes of log likelihoods that are kept in double precision; more are kept in single."""


def assembled(
    one: BenchmarkFit,
    target: Target,
    draws: Worlds,
    score: FloatArray,
    without_luck: Mapping[str, FloatArray],
    rho: FloatArray,
) -> BenchmarkForecast:
    """The forecast of one benchmark, as users get it.

    Parameters
    ----------
    one : BenchmarkFit
    target : Target
    draws : Worlds
        The target is the last point of their compute.
    score : FloatArray
        (draw,) as it will be measured, in [0, 1].
    without_luck : mapping of str to FloatArray
        (draw,) what is stored besides of each world.
    rho : FloatArray
        (draw,) correlation of the run's luck between benchmarks.

    Returns
    -------
    BenchmarkForecast
    """
    whole = one.whole
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
        benchmark=one.benchmark,
        n_items=len(whole.scores.item_id) if whole.scores.item_id is not None else 0,
        method="end-to-end" if one.cod is None else "cod",
        reason=one.grouping.reason,
        law=(one.curve if one.cod is None else one.cod).spec.name,
        target=point,
        a_unit_flops=whole.unit_flops,
        clusters=() if one.cod is None else _clusters(one, one.cod),
        diagnostics=diagnostics,
        status=status,
        reasons=reasons,
        seconds=one.seconds,
        tree=_tree(one, draws, score, rho, without_luck),
    )


def _diagnostics(one: BenchmarkFit, draws: Worlds) -> Diagnostics:
    """The worst figures over the posteriors that the forecast rests on."""
    used = [c.posterior for c, w in zip(one.curves, one.weights, strict=True) if w > 0.01]
    if one.cod is not None:
        used = [one.cod.posterior, *(used if draws.n_end_to_end else [])]
    return reduce(_worse, (posterior.diagnostics for posterior in used))


def _worse(one: Diagnostics, other: Diagnostics) -> Diagnostics:
    return Diagnostics(
        max_rhat=float(np.maximum(one.max_rhat, other.max_rhat)),
        min_ess_bulk=float(np.minimum(one.min_ess_bulk, other.min_ess_bulk)),
        min_ess_tail=float(np.minimum(one.min_ess_tail, other.min_ess_tail)),
        divergences=one.divergences + other.divergences,
        n_draws=one.n_draws + other.n_draws,
        reruns=max(one.reruns, other.reruns),
    )


def _cautions(
    one: BenchmarkFit, draws: Worlds, status: str, reasons: tuple[Reason, ...]
) -> tuple[str, tuple[Reason, ...]]:
    found = [*reasons, *one.grouping.remarks, *one.remarks]
    cautious = False
    if one.cod is not None:
        if one.cod_weight < 1.0:
            text = f"{1.0 - one.cod_weight:.0%} of the draws are end-to-end, the others COD"
            found.append(Reason("pooled", text))
        part = draws.n_without_subset / draws.latent.shape[1]
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
    draws = curve_draws(cod.spec.law, cod.sites)
    columns = {"a": np.exp(draws.site("log_a"))} | {n: draws.site(n) for n in ("b", "c", "g")}
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


def _tree(
    one: BenchmarkFit,
    draws: Worlds,
    score: FloatArray,
    rho: FloatArray,
    without_luck: Mapping[str, FloatArray],
) -> xr.DataTree:
    used = one.curve if one.cod is None else one.cod
    posterior, lane = used.posterior, used.lane
    densities = log_densities(used.spec, lane, posterior)
    points = densities.likelihood
    sites = posterior.sites if one.cod is None else one.cod.sites
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
    constant: dict[str, npt.ArrayLike] = {
        "a_unit_flops": one.whole.unit_flops,
        "evaluation_ratio": one.whole.evaluation_ratio,
    }
    if one.whole.scores.chance is not None:
        constant["chance"] = one.whole.scores.chance
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
        log_prior=densities.prior,
        log_likelihood={
            "fitted_rate": points if points.nbytes <= _MOST_DOUBLES else points.astype(np.float32)
        },
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
        **{name: (("draw",), values) for name, values in without_luck.items()},
        **draws.extra,
    }
    coords = {"compute": draws.compute[:-1], "draw": np.arange(score.size)}
    tree["predictions"] = xr.DataTree(xr.Dataset(predictions, coords=coords))
    return tree
