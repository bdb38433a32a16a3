"""The COD part of the second stage: clusters sampled, filtered per draw, and mapped."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import jax
import numpy as np
import numpy.typing as npt
from jax import Array

from bayescod.batches import Lane
from bayescod.convergence import Reason, judge
from bayescod.errors import SamplingError
from bayescod.forecasting.lanes import cluster_lane
from bayescod.forecasting.mapping import Groups, Masks, distinct_masks, groups_of, mapping_lanes
from bayescod.forecasting.predictive import curve_draws, extrapolatable, flatten
from bayescod.forecasting.recall import Sampling
from bayescod.forecasting.stages import Grouping
from bayescod.forecasting.streams import CLUSTER, MAP, generator, stream
from bayescod.progress import Progress
from bayescod.sampling import Posterior, real_entries
from bayescod.specs import Filter, Spec

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Seconds = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class CodFit:
    """Clusters of a benchmark and what was learned of them.

    Attributes
    ----------
    spec : Spec
        Of program ``clusters``.
    mapping : Spec or None
    clusters : IntArray
        Which of the benchmark's clusters Eq. 1 was fitted to; all that follows is over these.
    lane : Lane
    posterior : Posterior
    sites : mapping of str to ndarray
        (chain, draw, ...) without padding.
    groups : Groups
    masks : Masks
    lane_of_mask : IntArray
    mappings : sequence of (steps, spread)
        Flattened posterior draws a mapping lane.
    map_rhat : float
        Worst R-hat of the mapping posteriors that are judged, those that at least 5 % of the draws
        use.
    """

    spec: Spec
    mapping: Spec | None
    clusters: IntArray
    lane: Lane
    posterior: Posterior
    sites: Mapping[str, FloatArray]
    groups: Groups
    masks: Masks
    lane_of_mask: IntArray
    mappings: Sequence[tuple[FloatArray, FloatArray]]
    map_rhat: float


def fit_clusters(
    names: Sequence[str],
    groupings: Sequence[Grouping],
    spec: Spec,
    mapping: Spec | None,
    seed: int,
    progress: Progress,
    sampling: Sampling,
) -> tuple[dict[int, CodFit], dict[int, Reason], dict[int, Seconds]]:
    """Sample the clusters of all benchmarks that have any, filter and map their draws.

    Parameters
    ----------
    names : sequence of str
        Benchmarks.
    groupings : sequence of Grouping
        Their clusters.
    spec : Spec
        Of program ``clusters``.
    mapping : Spec or None
        Of program ``mapping``.
    seed : int
    progress : Progress
    sampling : callable
        :func:`bayescod.sampling.sample_each`, or one that remembers.

    Returns
    -------
    fits : dict of int to CodFit
        By position of the benchmark.
    refused : dict of int to Reason
        Why the others with clusters have no COD fit and take the end-to-end forecast: the
        posterior failed the convergence checks, or most draws have too small a subset.
    seconds : dict of int to (compile, sample, map)
    """
    limits = _limits(spec)
    members, lanes, tried, labels = cluster_lanes(groupings, spec)
    if not members:
        return {}, {}, {}
    keys = [stream(seed, names[i], CLUSTER) for i in members]
    progress.phase("sampling clusters", len(members))
    told = steps_of(progress, [names[i] for i in members])
    posteriors, times = sampling(keys, spec, lanes, told)
    fits: dict[int, CodFit] = {}
    refused: dict[int, Reason] = {}
    for i, clusters, own, lane, posterior in zip(
        members, tried, labels, lanes, posteriors, strict=True
    ):
        if judge(posterior.diagnostics)[0] == "fail":
            text = "the clusters' posterior failed the convergence checks, its longer rerun too"
            refused[i] = Reason("no-convergence", text)
            continue
        rng = generator(seed, names[i], CLUSTER)
        found = _filtered(rng, groupings[i], spec, limits, clusters, own, lane, posterior)
        small = float((found.masks.share[found.masks.of_draw] < limits.min_share).mean())
        if small > 0.5:
            text = (
                f"{small:.0%} of the draws have less than {limits.min_share:.0%} of the items in "
                "clusters that can be extrapolated"
            )
            refused[i] = Reason("small-subset", text)
            continue
        fits[i] = found
    began = time.perf_counter()
    map_keys = {i: stream(seed, names[i], MAP) for i in fits}
    if mapping is not None:
        fits = _mapped(fits, map_keys, mapping, limits.min_share, names, progress, sampling)
    each = (time.perf_counter() - began) / len(members)
    return fits, refused, {i: (*spent, each) for i, spent in zip(members, times, strict=True)}


def cluster_lanes(
    groupings: Sequence[Grouping], spec: Spec
) -> tuple[list[int], list[Lane], list[IntArray], list[IntArray]]:
    """Lanes of the benchmarks that have clusters to sample.

    Parameters
    ----------
    groupings : sequence of Grouping
    spec : Spec
        Of program ``clusters``.

    Returns
    -------
    members : list of int
        Positions of those benchmarks; the others run over them.
    lanes : list of Lane
    tried : list of IntArray
        Which clusters Eq. 1 is fitted to.
    labels : list of IntArray
        [item] number among those; -1 outside.

    Raises
    ------
    SamplingError
        If the spec has no filter.
    """
    least = _limits(spec).screen_below
    members = [i for i, grouping in enumerate(groupings) if grouping.labels is not None]
    tried = [np.flatnonzero(groupings[i].grows >= least) for i in members]
    labels = [_relabelled(groupings[i], kept) for i, kept in zip(members, tried, strict=True)]
    lanes = [
        cluster_lane(groupings[i].ladder, own, spec) for i, own in zip(members, labels, strict=True)
    ]
    return members, lanes, tried, labels


def _limits(spec: Spec) -> Filter:
    if spec.filter is None:
        msg = f"the spec {spec.name} has no filter of clusters"
        raise SamplingError(msg)
    return spec.filter


def steps_of(progress: Progress, names: Sequence[str]) -> Callable[[Sequence[int]], None]:
    """What tells ``progress`` by name of several finished steps at once."""

    def advance(done: Sequence[int]) -> None:
        for i in done:
            progress.advance(names[i])

    return advance


def _filtered(
    rng: np.random.Generator,
    grouping: Grouping,
    spec: Spec,
    limits: Filter,
    clusters: IntArray,
    labels: IntArray,
    lane: Lane,
    posterior: Posterior,
) -> CodFit:
    """Apply the filter to every draw; the mapping is still to come."""
    sites = real_entries(lane, posterior.sites)
    kept = extrapolatable(curve_draws(spec.law, sites), grouping.ladder.covariates, limits)
    if limits.screen_below > 0:
        kept &= rng.random(kept.shape) < grouping.grows[clusters]
    groups = groups_of(grouping.ladder, labels)
    masks = distinct_masks(kept, groups)
    nothing = np.full(len(masks.mask), -1)
    return CodFit(
        spec, None, clusters, lane, posterior, sites, groups, masks, nothing, (), float("nan")
    )


def _mapped(
    fits: Mapping[int, CodFit],
    keys: Mapping[int, Array],
    spec: Spec,
    min_share: float,
    names: Sequence[str],
    progress: Progress,
    sampling: Sampling,
) -> dict[int, CodFit]:
    """Sample the maps of all masks of all benchmarks in one go."""
    prepared = {i: mapping_lanes(one.masks, one.groups, min_share) for i, one in fits.items()}
    lanes = [lane for own, _ in prepared.values() for lane in own]
    if not lanes:
        return {i: replace(one, mapping=spec) for i, one in fits.items()}
    lane_keys = [
        key for i, (own, _) in prepared.items() for key in jax.random.split(keys[i], len(own))
    ]
    progress.phase("sampling maps", len(lanes))
    of_lane = [names[i] for i, (own, _) in prepared.items() for _ in own]
    posteriors, _ = sampling(lane_keys, spec, lanes, steps_of(progress, of_lane))
    rest = iter(posteriors)
    found = {}
    for i, (own, lane_of_mask) in prepared.items():
        maps = [next(rest) for _ in own]
        pairs = tuple((flatten(m.sites["steps"]), flatten(m.sites["spread"])) for m in maps)
        rhat = _map_rhat(maps, fits[i].masks, lane_of_mask)
        found[i] = replace(
            fits[i], mapping=spec, lane_of_mask=lane_of_mask, mappings=pairs, map_rhat=rhat
        )
    return found


def _relabelled(grouping: Grouping, kept: IntArray) -> IntArray:
    """Labels of the kept clusters, counted from zero; all other items are outside."""
    if grouping.labels is None:
        raise SamplingError("a benchmark without clusters was put among those with clusters")
    position = np.full(grouping.grows.size + 1, -1)
    position[kept] = np.arange(kept.size)
    return np.asarray(position[grouping.labels])


def _map_rhat(mapped: Sequence[Posterior], masks: Masks, lane_of_mask: IntArray) -> float:
    used = [
        mapped[lane].diagnostics.max_rhat
        for lane, judged in zip(lane_of_mask, masks.judged, strict=True)
        if lane >= 0 and judged
    ]
    return max(used, default=float("nan"))
