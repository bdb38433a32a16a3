"""Second stage of a forecast: posteriors of all benchmarks, sampled together."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bayescod.convergence import Reason
from bayescod.forecasting.cod import CodFit, Seconds, cluster_lanes, fit_clusters, steps_of
from bayescod.forecasting.curve_fits import CurveFit, fit_curves, require_covariates
from bayescod.forecasting.ladder import Ladder, fitted, ladder_of
from bayescod.forecasting.lanes import curve_lane
from bayescod.forecasting.mapping import unseen_lane
from bayescod.forecasting.recall import Recall, Sampling
from bayescod.forecasting.spec_sets import Specs
from bayescod.forecasting.stacking import MAX_PARETO_K, leads, loo_of, stacking_weights
from bayescod.forecasting.stages import Grouping, group_items
from bayescod.forecasting.streams import CURVE, SPLIT, generator, stream
from bayescod.machine import cores
from bayescod.progress import Progress
from bayescod.scores.records import Scores
from bayescod.scores.selection import Selection

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class BenchmarkFit:
    """Everything learned of one benchmark from the ladder.

    Attributes
    ----------
    grouping : Grouping
    whole : Ladder
    curves : tuple of CurveFit
        End-to-end, a law each.
    weights : tuple of float
        Of the laws, summing to one.
    cod : CodFit or None
    cod_weight : float
        Share of the draws that COD gives where it applies.
    remarks : tuple of Reason
    seconds : mapping of str to float
    """

    grouping: Grouping
    whole: Ladder
    curves: tuple[CurveFit, ...]
    weights: tuple[float, ...]
    cod: CodFit | None
    cod_weight: float
    remarks: tuple[Reason, ...]
    seconds: Mapping[str, float]

    @property
    def benchmark(self) -> str:
        """Name of the benchmark."""
        return self.whole.scores.benchmark

    @property
    def curve(self) -> CurveFit:
        """The law of the largest weight."""
        return self.curves[int(np.argmax(self.weights))]


def fit(
    scores: Scores,
    selection: Selection,
    specs: Specs,
    smoothing: str,
    eval_trials: int | None,
    seed: int,
    progress: Progress,
    recall: Recall | None = None,
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
    recall : Recall or None
        Samples once what several fits share.

    Returns
    -------
    tuple of BenchmarkFit
        In the order of ``scores.benchmarks``.
    """
    main = specs.cod or specs.end_to_end
    require_covariates(main, selection.target)
    names = [benchmark.benchmark for benchmark in scores.benchmarks]
    whole = [
        ladder_of(benchmark, scores.llms, selection, main, eval_trials)
        for benchmark in scores.benchmarks
    ]
    sampling = recall or Recall()
    # Programs are compiled while the items are clustered, the COD one while curves are sampled, and
    # that of the maps while clusters are.
    sampling.prepare(specs.end_to_end, [curve_lane(one, specs.end_to_end) for one in whole])
    if specs.by_tokens is not None:
        spec = specs.by_tokens.end_to_end
        sampling.prepare(spec, [curve_lane(one, spec) for one in whole if one.has_rival_law])
    groupings, cluster_seconds = _group(names, whole, specs, smoothing, seed, progress)
    if specs.cod is not None:
        sampling.prepare(specs.cod, cluster_lanes(groupings, specs.cod)[1])
    laws = _fit_laws(names, whole, specs, seed, progress, sampling)
    if specs.cod is not None and specs.mapping is not None:
        clustered = [one.ladder.scores.llm for one in groupings if one.labels is not None]
        sampling.prepare(specs.mapping, [unseen_lane(len(llms)) for llms in clustered])
    cod, refused, cod_seconds = _fit_cod(names, groupings, specs, laws, seed, progress, sampling)
    fits = []
    for i in range(len(names)):
        own = cod_seconds.get(i, (0.0, 0.0, 0.0))
        seconds = {
            "cluster": cluster_seconds[i],
            "compile": laws.seconds[i][0] + own[0],
            "sample": laws.seconds[i][1] + own[1],
            "map": own[2],
        }
        grouping = replace(groupings[i], reason=refused.get(i, groupings[i].reason))
        curves = laws.curves[i]
        weights = (1.0 - laws.by_tokens, laws.by_tokens) if len(curves) > 1 else (1.0,)
        remarks = laws.remarks if len(curves) > 1 else ()
        fits.append(
            BenchmarkFit(
                grouping, whole[i], curves, weights, cod.get(i), specs.cod_weight, remarks, seconds
            )
        )
    return tuple(fits)


def _fit_cod(
    names: Sequence[str],
    groupings: Sequence[Grouping],
    specs: Specs,
    laws: _Laws,
    seed: int,
    progress: Progress,
    sampling: Sampling,
) -> tuple[dict[int, CodFit], dict[int, Reason], dict[int, Seconds]]:
    """COD of every benchmark that allows it: in compute, unless the rival law is clearly better."""
    rivals_own = specs.by_tokens if laws.tokens_lead else None
    fits: dict[int, CodFit] = {}
    refused: dict[int, Reason] = {}
    seconds: dict[int, Seconds] = {}
    for chosen, rival in ((specs, False), (rivals_own or specs, True)):
        members = [i for i, curves in enumerate(laws.curves) if (len(curves) > 1) == rival]
        if chosen.cod is None or not members:
            continue
        own, why, spent = fit_clusters(
            [names[i] for i in members],
            [groupings[i] for i in members],
            chosen.cod,
            chosen.mapping,
            seed,
            progress,
            sampling,
        )
        fits |= {members[k]: one for k, one in own.items()}
        refused |= {members[k]: one for k, one in why.items()}
        seconds |= {members[k]: one for k, one in spent.items()}
    return fits, refused, seconds


@dataclass(frozen=True, slots=True, eq=False)
class _Laws:
    """End-to-end posteriors a benchmark; weight and lead of the law in parameters and tokens."""

    curves: list[tuple[CurveFit, ...]]
    seconds: list[tuple[float, float]]
    by_tokens: float
    tokens_lead: bool
    remarks: tuple[Reason, ...]


def _fit_laws(
    names: Sequence[str],
    whole: Sequence[Ladder],
    specs: Specs,
    seed: int,
    progress: Progress,
    sampling: Sampling,
) -> _Laws:
    rivals = []
    if specs.by_tokens is not None:
        rivals = [i for i, ladder in enumerate(whole) if ladder.has_rival_law]
    progress.phase("sampling curves", len(names) + len(rivals))
    keys = [stream(seed, name, CURVE, specs.end_to_end.law) for name in names]
    told = steps_of(progress, names)
    first, seconds = fit_curves(keys, specs.end_to_end, whole, told, sampling)
    curves: list[tuple[CurveFit, ...]] = [(fit,) for fit in first]
    if not rivals or specs.by_tokens is None:
        return _Laws(curves, seconds, 0.0, tokens_lead=False, remarks=())
    spec = specs.by_tokens.end_to_end
    keys = [stream(seed, names[i], CURVE, spec.law) for i in rivals]
    ladders = [whole[i] for i in rivals]
    told = steps_of(progress, [names[i] for i in rivals])
    second, more = fit_curves(keys, spec, ladders, told, sampling)
    # One weight over all benchmarks: the ratio of tokens to parameters is the ladder's, and the
    # scores of one benchmark are too few to tell two laws apart.
    loos = [[loo_of(fit) for fit in fits] for fits in ([first[i] for i in rivals], second)]
    densities = [np.concatenate([loo.elpd for loo in law]) for law in loos]
    pareto_k = np.concatenate([loo.pareto_k for law in loos for loo in law])
    weight = float(stacking_weights(densities)[1])
    for i, rival, spent in zip(rivals, second, more, strict=True):
        curves[i] = (first[i], rival)
        seconds[i] = (seconds[i][0] + spent[0], seconds[i][1] + spent[1])
    text = (
        "the ladder is not on one ratio of tokens to parameters: weights by stacking of "
        f"leave-one-LLM-out densities are {1.0 - weight:.2f} for {specs.end_to_end.name}, "
        f"{weight:.2f} for {spec.name}; Pareto k is above {MAX_PARETO_K} at "
        f"{(pareto_k > MAX_PARETO_K).sum()} of {pareto_k.size} of them"
    )
    lead = leads(densities[1], densities[0])
    if specs.cod is not None:
        text += f"; COD is in {'parameters and tokens' if lead else 'compute'}"
    return _Laws(curves, seconds, weight, lead, (Reason("law-weights", text),))


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
        expected = fitted_benchmark.curve.expected().mean(axis=1)
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
    def grouped(name: str, ladder: Ladder) -> tuple[Grouping, float]:
        began = time.perf_counter()
        if specs.cod is None or specs.cod.clustering is None or specs.cod.filter is None:
            reason = Reason("asked", f"the spec {specs.end_to_end.name} was asked for")
            found = Grouping(ladder, None, None, np.zeros(0), reason, ())
        else:
            rng = generator(seed, name, SPLIT)
            found = group_items(rng, ladder, specs.cod.clustering, specs.cod.filter, smoothing)
        return found, time.perf_counter() - began

    groupings, seconds = [], []
    progress.phase("clustering items", len(names))
    # Each keeps one core busy. Clustering limits BLAS to one thread by itself, but that is said to
    # the whole process, and two that say it beside each other would leave it at that.
    with threadpool_limits(limits=1), ThreadPoolExecutor(cores()) as pool:
        for name, (grouping, spent) in zip(names, pool.map(grouped, names, whole), strict=True):
            groupings.append(grouping)
            seconds.append(spent)
            progress.advance(name)
    return groupings, seconds
