"""Second stage of a forecast: posteriors of all benchmarks, sampled together."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bayescod.convergence import Reason
from bayescod.errors import SpecError
from bayescod.forecasting.cod import CodFit, Seconds, fit_clusters, steps_of
from bayescod.forecasting.ladder import Ladder, fitted, ladder_of
from bayescod.forecasting.lanes import curve_lane
from bayescod.forecasting.predictive import curve_draws
from bayescod.forecasting.stages import Grouping, group_items
from bayescod.forecasting.streams import CURVE, SPLIT, generator, stream
from bayescod.reporting.progress import Progress
from bayescod.sampling import Lane, Posterior, sample_each
from bayescod.scores.records import Scores
from bayescod.scores.selection import Selection
from bayescod.specs import Spec, load_spec

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Specs:
    """The specs of one forecast; ``cod`` and ``mapping`` are ``None`` for end-to-end alone."""

    end_to_end: Spec
    cod: Spec | None
    mapping: Spec | None


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
        _check_companions(main, end_to_end, mapping)
        return Specs(end_to_end, main, mapping)
    if main.program != "single_curve":
        msg = f"the spec {main.name} is of program {main.program}, wanted clusters or single_curve"
        raise SpecError(msg)
    return Specs(main, None, None)


def _check_companions(main: Spec, end_to_end: Spec, mapping: Spec) -> None:
    for spec, wanted in ((end_to_end, "single_curve"), (mapping, "mapping")):
        if spec.program != wanted:
            msg = f"{main.name} names {spec.name}, of program {spec.program}, wanted {wanted}"
            raise SpecError(msg)
    # Draw i is one world: where a draw has no subset, it takes the end-to-end draw beside it.
    own, other = (spec.sampler.chains * spec.sampler.draws for spec in (main, end_to_end))
    if own != other:
        msg = (
            f"{main.name} has {own} draws (chains times draws) and {end_to_end.name} has {other}; "
            "give both as many, in a copy of either spec"
        )
        raise SpecError(msg)


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
    progress.phase("sampling curves", len(names))
    curves, curve_seconds = sample_each(keys, specs.end_to_end, curve_lanes, steps_of(progress))
    cod: dict[int, CodFit] = {}
    refused: dict[int, Reason] = {}
    cod_seconds: dict[int, Seconds] = {}
    if specs.cod is not None and specs.mapping is not None and specs.cod.filter is not None:
        cod, refused, cod_seconds = fit_clusters(
            names, groupings, specs.cod, specs.cod.filter, specs.mapping, seed, progress
        )
    fits = []
    for i in range(len(names)):
        own = cod_seconds.get(i, (0.0, 0.0, 0.0))
        seconds = {
            "cluster": cluster_seconds[i],
            "compile": curve_seconds[i][0] + own[0],
            "sample": curve_seconds[i][1] + own[1],
            "map": own[2],
        }
        grouping = replace(groupings[i], reason=refused.get(i, groupings[i].reason))
        fits.append(
            BenchmarkFit(grouping, whole[i], curve_lanes[i], curves[i], cod.get(i), seconds)
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
