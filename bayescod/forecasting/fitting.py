"""Second stage of a forecast: posteriors of all benchmarks, sampled together."""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import numpy as np
import numpy.typing as npt
from jax import Array

from bayescod.convergence import Reason
from bayescod.errors import SamplingError
from bayescod.forecasting.ladder import Ladder, fitted, ladder_of
from bayescod.forecasting.lanes import cluster_lane, curve_lane
from bayescod.forecasting.mapping import Groups, Masks, distinct_masks, groups_of, mapping_lanes
from bayescod.forecasting.predictive import curve_draws, extrapolatable, flatten
from bayescod.forecasting.stages import Grouping, group_items
from bayescod.reporting.progress import Progress
from bayescod.sampling import Lane, Posterior, real_entries, sample
from bayescod.scores.records import Scores
from bayescod.scores.selection import Selection
from bayescod.specs import Spec, load_spec

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Purposes of random streams: each its own, so that adding one changes no other.
CURVE, CLUSTER, MAP, SPLIT, PREDICT = range(5)


@dataclass(frozen=True, slots=True)
class Specs:
    """The specs of one forecast; ``cod`` and ``mapping`` are ``None`` for end-to-end alone."""

    end_to_end: Spec
    cod: Spec | None
    mapping: Spec | None


@dataclass(frozen=True, slots=True, eq=False)
class CodFit:
    """Clusters of a benchmark and what was learned of them.

    Attributes
    ----------
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
        Worst R-hat of the mapping posteriors that at least 5 % of the draws use.
    """

    clusters: IntArray
    lane: Lane
    posterior: Posterior
    sites: Mapping[str, FloatArray]
    groups: Groups
    masks: Masks
    lane_of_mask: IntArray
    mappings: Sequence[tuple[FloatArray, FloatArray]]
    map_rhat: float


@dataclass(frozen=True, slots=True, eq=False)
class BenchmarkFit:
    """Everything learned of one benchmark from the ladder, before any target is named."""

    grouping: Grouping
    whole: Ladder
    curve_lane: Lane
    curve: Posterior
    cod: CodFit | None
    seconds: Mapping[str, float]


def specs_of(name: str) -> Specs:
    """The specs that a choice of model spec stands for.

    Parameters
    ----------
    name : str
        ``auto``, a spec's name, or the path of a spec file.

    Returns
    -------
    Specs

    Raises
    ------
    SpecError, UnknownNameError
        If a spec cannot be used as the main one.
    """
    main = load_spec("cod" if name == "auto" else name)
    if main.program == "clusters":
        end_to_end, mapping = load_spec(main.end_to_end), load_spec(main.mapping)
        return Specs(end_to_end, main, mapping)
    return Specs(main, None, None)


def stream(seed: int, benchmark: str, purpose: int) -> Array:
    """JAX key of one purpose in one benchmark."""
    key = jax.random.fold_in(jax.random.key(seed), zlib.crc32(benchmark.encode()))
    return jax.random.fold_in(key, purpose)


def generator(seed: int, benchmark: str, purpose: int) -> np.random.Generator:
    """NumPy generator of one purpose in one benchmark."""
    return np.random.default_rng([seed, zlib.crc32(benchmark.encode()), purpose])


def fit(
    scores: Scores,
    selection: Selection,
    specs: Specs,
    smoothing: str,
    eval_trials: int | None,
    seed: int,
    progress: Progress,
) -> tuple[BenchmarkFit, ...]:
    """Cluster, sample and map every benchmark of a selection.

    Parameters
    ----------
    scores : Scores
    selection : Selection
    specs : Specs
    smoothing : str
        See :func:`bayescod.api.forecast`.
    eval_trials : int or None
    seed : int
    progress : Progress

    Returns
    -------
    tuple of BenchmarkFit
        In the order of ``scores.benchmarks``.
    """
    main = specs.cod or specs.end_to_end
    names = [benchmark.benchmark for benchmark in scores.benchmarks]
    whole = [
        ladder_of(benchmark, scores.llms, selection, main, eval_trials)
        for benchmark in scores.benchmarks
    ]
    groupings, cluster_seconds = _group(names, whole, specs, smoothing, seed, progress)
    curve_lanes = [curve_lane(ladder, specs.end_to_end) for ladder in whole]
    keys = [stream(seed, name, CURVE) for name in names]
    curves, curve_seconds = _sample_alike(keys, specs.end_to_end, curve_lanes, "curves", progress)
    cod, cod_seconds = _fit_clusters(names, groupings, specs, seed, progress)
    fits = []
    for i in range(len(names)):
        own = cod_seconds.get(i, (0.0, 0.0, 0.0))
        seconds = {
            "cluster": cluster_seconds[i],
            "compile": curve_seconds[i][0] + own[0],
            "sample": curve_seconds[i][1] + own[1],
            "map": own[2],
        }
        fits.append(
            BenchmarkFit(groupings[i], whole[i], curve_lanes[i], curves[i], cod.get(i), seconds)
        )
    return tuple(fits)


def run_effects(fitted_benchmark: BenchmarkFit, names: Sequence[str]) -> FloatArray:
    """Estimated run effects of the ladder's LLMs on one benchmark, in arbitrary units.

    Parameters
    ----------
    fitted_benchmark : BenchmarkFit
    names : sequence of str
        LLMs.

    Returns
    -------
    FloatArray
        [llm] positive where a run is better than its compute says; NaN where it was not evaluated.
    """
    found = dict.fromkeys(names, float("nan"))
    ladder = fitted_benchmark.whole
    present = ladder.scores.llm[: ladder.n_ladder]
    if fitted_benchmark.cod is not None:
        cod = fitted_benchmark.cod
        mean = cod.sites["run_effect"].mean(axis=(0, 1))
        basis = np.asarray(cod.lane.data["run_basis"], dtype=np.float64)
        values = basis[: len(present), : len(present) - 2] @ mean
    else:
        draws = curve_draws(fitted_benchmark.curve.sites)
        expected = draws.accuracy(ladder.log_compute[:, None]).mean(axis=1)
        rate = fitted(ladder.scores)[0][: len(present)]
        values = (rate - expected) / np.sqrt(np.maximum(expected * (1.0 - expected), 1e-6))
    found.update(zip(present, values, strict=True))
    return np.array([found[name] for name in names])


def _group(
    names: Sequence[str],
    whole: Sequence[Ladder],
    specs: Specs,
    smoothing: str,
    seed: int,
    progress: Progress,
) -> tuple[list[Grouping], list[float]]:
    groupings, seconds = [], []
    progress.phase("clustering items", len(names))
    for name, ladder in zip(names, whole, strict=True):
        began = time.perf_counter()
        if specs.cod is None or specs.cod.clustering is None or specs.cod.filter is None:
            reason = Reason("asked", f"the spec {specs.end_to_end.name} was asked for")
            groupings.append(Grouping(ladder, None, None, np.zeros(0), reason, ()))
        else:
            rng = generator(seed, name, SPLIT)
            groupings.append(
                group_items(rng, ladder, specs.cod.clustering, specs.cod.filter, smoothing)
            )
        seconds.append(time.perf_counter() - began)
        progress.advance(name)
    return groupings, seconds


def _sample_alike(
    keys: Sequence[Array], spec: Spec, lanes: Sequence[Lane], phase: str, progress: Progress
) -> tuple[list[Posterior], list[tuple[float, float]]]:
    """Sample lanes of different shapes: those of one shape together."""
    shapes: dict[tuple[object, ...], list[int]] = {}
    for i, lane in enumerate(lanes):
        shape = tuple(sorted((name, value.shape) for name, value in lane.data.items()))
        shapes.setdefault(shape, []).append(i)
    found: dict[int, Posterior] = {}
    seconds: dict[int, tuple[float, float]] = {}
    progress.phase(f"sampling {phase}", len(lanes))

    def advance(done: int) -> None:
        for _ in range(done):
            progress.advance()

    for members in shapes.values():
        run = sample([keys[i] for i in members], spec, [lanes[i] for i in members], advance)
        each = (run.compile_seconds / len(members), run.sample_seconds / len(members))
        for i, posterior in zip(members, run.posteriors, strict=True):
            found[i], seconds[i] = posterior, each
    order = range(len(lanes))
    return [found[i] for i in order], [seconds[i] for i in order]


def _fit_clusters(
    names: Sequence[str],
    groupings: Sequence[Grouping],
    specs: Specs,
    seed: int,
    progress: Progress,
) -> tuple[dict[int, CodFit], dict[int, tuple[float, float, float]]]:
    members = [i for i, grouping in enumerate(groupings) if grouping.labels is not None]
    if not members or specs.cod is None or specs.mapping is None or specs.cod.filter is None:
        return {}, {}
    limits = specs.cod.filter
    tried = [np.flatnonzero(groupings[i].grows >= limits.screen_below) for i in members]
    labels = [_relabelled(groupings[i], kept) for i, kept in zip(members, tried, strict=True)]
    lanes = [
        cluster_lane(groupings[i].ladder, own, specs.cod)
        for i, own in zip(members, labels, strict=True)
    ]
    keys = [stream(seed, names[i], CLUSTER) for i in members]
    posteriors, times = _sample_alike(keys, specs.cod, lanes, "clusters", progress)
    map_lanes: list[Lane] = []
    map_keys: list[Array] = []
    pending = []
    for i, lane, posterior, clusters, own_labels in zip(
        members, lanes, posteriors, tried, labels, strict=True
    ):
        ladder = groupings[i].ladder
        sites = real_entries(lane, posterior.sites)
        u = ladder.log_compute
        kept = extrapolatable(curve_draws(sites), u.min(), u.max(), limits)
        rng = generator(seed, names[i], CLUSTER)
        kept &= rng.random(kept.shape) < groupings[i].grows[clusters]
        groups = groups_of(ladder, own_labels)
        masks = distinct_masks(kept, groups)
        own, lane_of_mask = mapping_lanes(masks, groups)
        pending.append(
            (clusters, lane, posterior, sites, groups, masks, lane_of_mask, len(map_lanes))
        )
        map_lanes.extend(own)
        map_keys.extend(jax.random.split(stream(seed, names[i], MAP), len(own)))
    began = time.perf_counter()
    mapped: list[Posterior] = []
    if map_lanes:
        mapped, _ = _sample_alike(map_keys, specs.mapping, map_lanes, "mappings", progress)
    each = (time.perf_counter() - began) / len(members)
    fits, seconds = {}, {}
    for i, spent, (clusters, lane, posterior, sites, groups, masks, lane_of_mask, offset) in zip(
        members, times, pending, strict=True
    ):
        own_maps = mapped[offset : offset + int((lane_of_mask >= 0).sum())]
        pairs = [(flatten(m.sites["steps"]), flatten(m.sites["spread"])) for m in own_maps]
        fits[i] = CodFit(
            clusters,
            lane,
            posterior,
            sites,
            groups,
            masks,
            lane_of_mask,
            pairs,
            _map_rhat(own_maps, masks, lane_of_mask),
        )
        seconds[i] = (*spent, each)
    return fits, seconds


def _relabelled(grouping: Grouping, kept: IntArray) -> IntArray:
    """Labels of the kept clusters, counted from zero; all other items are outside."""
    if grouping.labels is None:
        raise SamplingError("a benchmark without clusters was put among those with clusters")
    position = np.full(grouping.grows.size + 1, -1)
    position[kept] = np.arange(kept.size)
    return np.asarray(position[grouping.labels])


def _map_rhat(mapped: Sequence[Posterior], masks: Masks, lane_of_mask: IntArray) -> float:
    share = np.bincount(masks.of_draw, minlength=len(masks.mask)) / masks.of_draw.size
    used = [
        mapped[lane].diagnostics.max_rhat
        for lane, part in zip(lane_of_mask, share, strict=True)
        if lane >= 0 and part >= 0.05
    ]
    return max(used, default=float("nan"))
