"""A forecast refitted under variants, as little of it sampled anew as each of them allows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import jax
import numpy as np
from jax import Array

from bayescod.errors import DataError, SpecError
from bayescod.evaluation.variants import Variant, edited_specs, touches
from bayescod.forecasting.cod import CodFit, fit_clusters
from bayescod.forecasting.curve_fits import CurveFit
from bayescod.forecasting.fitting import BenchmarkFit, Specs, fit
from bayescod.forecasting.forecasts import forecasts_for
from bayescod.forecasting.ladder import Ladder, ladder_of
from bayescod.forecasting.records import BenchmarkForecast
from bayescod.forecasting.stages import Grouping, group_items
from bayescod.forecasting.streams import CLUSTER, SPLIT, generator, stream
from bayescod.progress import Silence
from bayescod.sampling import Lane, Posterior, sample_each
from bayescod.scores.records import Scores
from bayescod.scores.selection import Selection, select_ladder
from bayescod.specs import Spec

_SMOOTHING = "horizontal"
_NEVER_CLUSTERS = ("no-items", "few-trials", "asked")
"""Reasons of an end-to-end forecast that no setting of the clusters would change."""
_OF_CURVES = {"single_curve", "loss_intermediate"}


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """Why a variant means nothing on a benchmark."""

    why: str


class Refits:
    """A forecast and its variants, all from one seed.

    Parameters
    ----------
    scores : Scores
        The benchmarks that are forecast.
    selection : Selection
    anchors : sequence of str
        As asked for; empty for those of role ``anchor``.
    specs : Specs
    seed : int
    """

    def __init__(
        self,
        scores: Scores,
        selection: Selection,
        anchors: Sequence[str],
        specs: Specs,
        seed: int,
    ) -> None:
        self._scores, self._selection, self._anchors = scores, selection, tuple(anchors)
        self._specs, self._seed = specs, seed
        self._names = [one.benchmark for one in scores.benchmarks]
        self._reference = fit(scores, selection, specs, _SMOOTHING, None, seed, Silence())
        self._recalled = _Recalled()
        for name, one in zip(self._names, self._reference, strict=True):
            if one.cod is not None:
                key = stream(seed, name, CLUSTER)
                self._recalled.keep(key, one.cod.spec, one.cod.lane, one.cod.posterior)

    def reference_forecasts(self) -> list[BenchmarkForecast]:
        """The forecast that variants are compared with, benchmark by benchmark."""
        return [
            self._forecast(name, one, self._selection)
            for name, one in zip(self._names, self._reference, strict=True)
        ]

    def posteriors(self) -> list[CodFit | CurveFit]:
        """What each reference forecast rests on most."""
        return [one.curve if one.cod is None else one.cod for one in self._reference]

    def forecasts(self, variant: Variant) -> list[BenchmarkForecast | NotApplicable]:
        """Forecasts under a variant, benchmark by benchmark.

        Parameters
        ----------
        variant : Variant

        Returns
        -------
        list of BenchmarkForecast or NotApplicable

        Raises
        ------
        SpecError
            If an edited spec cannot be used.
        """
        specs = edited_specs(self._specs, variant.edits)
        touched = {spec.program for spec in self._specs.all() if touches(spec, variant.edits)}
        found: dict[str, BenchmarkForecast | NotApplicable] = {
            name: NotApplicable(why)
            for name, one in zip(self._names, self._reference, strict=True)
            if (why := _why_not(variant, touched, one))
        }
        members = [name for name in self._names if name not in found]
        if members and (variant.drop or touched & _OF_CURVES):
            found |= self._fitted_anew(variant, specs, members)
        elif members:
            found |= self._clustered_anew(variant, specs, members)
        return [found[name] for name in self._names]

    def _fitted_anew(
        self, variant: Variant, specs: Specs, members: Sequence[str]
    ) -> dict[str, BenchmarkForecast | NotApplicable]:
        """Everything from the start: curves are sampled again, and clusters with them."""
        target = self._selection.target
        found: dict[str, BenchmarkForecast | NotApplicable] = {}
        try:
            selection = select_ladder(self._scores, target, self._anchors, drop=variant.drop)
        except DataError as error:
            return dict.fromkeys(members, NotApplicable(error.problems[0].message))
        if not variant.anchors:
            selection = replace(selection, anchors=())
        kept = []
        for one in self._scores.benchmarks:
            if one.benchmark not in members:
                continue
            try:
                ladder_of(one, self._scores.llms, selection, specs.end_to_end)
                kept.append(one)
            except DataError as error:
                found[one.benchmark] = NotApplicable(error.problems[0].message)
        if kept:
            scores = replace(self._scores, benchmarks=tuple(kept))
            fits = fit(scores, selection, specs, _SMOOTHING, None, self._seed, Silence())
            for one, new in zip(kept, fits, strict=True):
                found[one.benchmark] = self._forecast(one.benchmark, new, selection)
        return found

    def _clustered_anew(
        self, variant: Variant, specs: Specs, members: Sequence[str]
    ) -> dict[str, BenchmarkForecast | NotApplicable]:
        """The COD part alone; posteriors of equal clusters under equal priors are recalled."""
        selection = self._selection
        if not variant.anchors:
            selection = replace(selection, anchors=())
        before, after = self._specs, specs
        if before.by_tokens is not None and after.by_tokens is not None and self._law_in_tokens():
            before, after = before.by_tokens, after.by_tokens
        if before.cod is None or after.cod is None:
            return {}
        old = dict(zip(self._names, self._reference, strict=True))
        ladders = {
            one.benchmark: ladder_of(one, self._scores.llms, selection, after.cod)
            for one in self._scores.benchmarks
            if one.benchmark in members
        }
        keep = variant.anchors and _grouped_alike(before.cod, after.cod)
        groupings = [
            _without_refusal(old[name].grouping)
            if keep
            else self._grouping(name, ladders[name], after.cod)
            for name in members
        ]
        fits, refused, _ = fit_clusters(
            members,
            groupings,
            after.cod,
            after.mapping,
            self._seed,
            Silence(),
            self._recalled.sample_each,
        )
        return {
            name: self._forecast(
                name,
                replace(
                    old[name],
                    whole=ladders[name],
                    cod=fits.get(i),
                    grouping=replace(grouping, reason=refused.get(i, grouping.reason)),
                ),
                selection,
            )
            for i, (name, grouping) in enumerate(zip(members, groupings, strict=True))
        }

    def _grouping(self, name: str, ladder: Ladder, spec: Spec) -> Grouping:
        if spec.clustering is None or spec.filter is None:
            msg = f"the spec {spec.name} has no settings of clusters"
            raise SpecError(msg)
        rng = generator(self._seed, name, SPLIT)
        return group_items(rng, ladder, spec.clustering, spec.filter, _SMOOTHING)

    def _law_in_tokens(self) -> bool:
        return any(len(one.weights) > 1 and one.weights[1] > 0.5 for one in self._reference)

    def _forecast(self, name: str, one: BenchmarkFit, selection: Selection) -> BenchmarkForecast:
        return forecasts_for((one,), (name,), selection, self._seed)[0]


def _why_not(variant: Variant, touched: set[str], one: BenchmarkFit) -> str:
    """Why a variant means nothing on a benchmark; empty where it does."""
    if variant.drop:
        missing = not set(variant.drop) & set(one.whole.scores.llm)
        return "not evaluated here" if missing else ""
    if variant.edits and not touched:
        return "no spec of this forecast has such an entry"
    if not variant.edits and variant.anchors:
        return "the variant changes nothing"
    if touched & _OF_CURVES:
        return ""
    if not variant.anchors and len(one.whole.scores.llm) == one.whole.n_ladder:
        return "no anchor here"
    reason = one.grouping.reason
    if reason is not None and reason.code in _NEVER_CLUSTERS:
        return f"no clusters: {reason.message}"
    if touched <= {"mapping"} and (one.cod is None or one.cod.mapping is None):
        return "no mapping: " + ("the spec has none" if reason is None else reason.message)
    return ""


def _grouped_alike(one: Spec, other: Spec) -> bool:
    """Whether two specs give the same clusters, in the same unit of compute."""
    if one.filter is None or other.filter is None:
        return False
    return (
        one.clustering == other.clustering
        and one.filter.min_growth == other.filter.min_growth
        and one.filter.screen_below == other.filter.screen_below
        and one.unit_flops == other.unit_flops
        and one.smallest_over_unit == other.smallest_over_unit
    )


def _without_refusal(grouping: Grouping) -> Grouping:
    """The clusters as they were found, before their posterior or their filter was judged."""
    return grouping if grouping.labels is None else replace(grouping, reason=None)


class _Recalled:
    """Posteriors that are known already, by all that they are a function of."""

    def __init__(self) -> None:
        self._known: dict[str, Posterior] = {}

    def keep(self, key: Array, spec: Spec, lane: Lane, posterior: Posterior) -> None:
        """Remember a posterior."""
        self._known[_identity(key, spec, lane)] = posterior

    def sample_each(
        self,
        keys: Sequence[Array],
        spec: Spec,
        lanes: Sequence[Lane],
        progress: Callable[[int], None],
    ) -> tuple[list[Posterior], list[tuple[float, float]]]:
        """As :func:`bayescod.sampling.sample_each`, but only what is not known; takes no time."""
        names = [_identity(key, spec, lane) for key, lane in zip(keys, lanes, strict=True)]
        new = [i for i, name in enumerate(names) if name not in self._known]
        if new:
            found, _ = sample_each([keys[i] for i in new], spec, [lanes[i] for i in new], progress)
            self._known |= {names[i]: one for i, one in zip(new, found, strict=True)}
        return [self._known[name] for name in names], [(0.0, 0.0)] * len(names)


def _identity(key: Array, spec: Spec, lane: Lane) -> str:
    """What a posterior is a function of; thresholds of clusters and filter are no part of it."""
    settings = (spec.program, spec.law, spec.degree, sorted(spec.priors.items()), spec.sampler)
    digest = hashlib.sha256(repr(settings).encode())
    digest.update(np.asarray(jax.random.key_data(key)).tobytes())
    for arrays in (lane.data, lane.start, lane.used):
        for name in sorted(arrays):
            array = np.asarray(arrays[name])
            digest.update(f"{name} {array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
