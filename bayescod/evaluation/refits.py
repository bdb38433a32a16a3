"""A forecast and its variants, each sampling no more than it has to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bayescod.errors import DataError
from bayescod.evaluation.variants import Variant, edited_specs, touches
from bayescod.forecasting.cod import CodFit
from bayescod.forecasting.curve_fits import CurveFit
from bayescod.forecasting.fitting import BenchmarkFit, fit
from bayescod.forecasting.forecasts import forecasts_for
from bayescod.forecasting.ladder import ladder_of
from bayescod.forecasting.recall import Recall
from bayescod.forecasting.records import BenchmarkForecast
from bayescod.forecasting.spec_sets import Specs
from bayescod.progress import Silence
from bayescod.scores.records import Scores
from bayescod.scores.selection import Selection, select_ladder

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
    recall : Recall
        That nothing is asked of but what these forecasts need.
    """

    def __init__(
        self,
        scores: Scores,
        selection: Selection,
        anchors: Sequence[str],
        specs: Specs,
        seed: int,
        recall: Recall,
    ) -> None:
        self._scores, self._selection, self._anchors = scores, selection, tuple(anchors)
        self._specs, self._seed = specs, seed
        self._recall = recall
        self._fits = fit(scores, selection, specs, _SMOOTHING, None, seed, Silence(), self._recall)

    def reference(self) -> tuple[BenchmarkForecast, ...]:
        """The forecast that variants are compared with, benchmark by benchmark."""
        return tuple(self._forecast(one, self._selection) for one in self._fits)

    def posteriors(self) -> tuple[CodFit | CurveFit, ...]:
        """What each reference forecast rests on most."""
        return tuple(one.curve if one.cod is None else one.cod for one in self._fits)

    def forecasts(self, variant: Variant) -> tuple[BenchmarkForecast | NotApplicable, ...]:
        """Forecasts under a variant, benchmark by benchmark.

        Parameters
        ----------
        variant : Variant

        Returns
        -------
        tuple of BenchmarkForecast or NotApplicable

        Raises
        ------
        SpecError
            If an edited spec cannot be used.
        """
        touched = {spec.program for spec in self._specs.all() if touches(spec, variant.edits)}
        why = {one.benchmark: _why_not(variant, touched, one) for one in self._fits}
        found: dict[str, BenchmarkForecast | NotApplicable] = {
            name: NotApplicable(text) for name, text in why.items() if text
        }
        if len(found) < len(why):
            # Benchmarks without need are fitted too, from memory: laws are weighed by all of them.
            new = self._fitted(variant, edited_specs(self._specs, variant.edits))
            found = new | found
        return tuple(found[name] for name in why)

    def _fitted(
        self, variant: Variant, specs: Specs
    ) -> dict[str, BenchmarkForecast | NotApplicable]:
        try:
            selection = select_ladder(
                self._scores, self._selection.target, self._anchors, drop=variant.drop
            )
        except DataError as error:
            why = NotApplicable(error.problems[0].message)
            return {one.benchmark: why for one in self._scores.benchmarks}
        if not variant.anchors:
            selection = replace(selection, anchors=())
        found: dict[str, BenchmarkForecast | NotApplicable] = {}
        kept = []
        for one in self._scores.benchmarks:
            try:
                ladder_of(one, self._scores.llms, selection, specs.cod or specs.end_to_end)
                kept.append(one)
            except DataError as error:
                found[one.benchmark] = NotApplicable(error.problems[0].message)
        if kept:
            scores = replace(self._scores, benchmarks=tuple(kept))
            recall = self._recall.branch()
            fits = fit(scores, selection, specs, _SMOOTHING, None, self._seed, Silence(), recall)
            found |= {new.benchmark: self._forecast(new, selection) for new in fits}
        return found

    def _forecast(self, one: BenchmarkFit, selection: Selection) -> BenchmarkForecast:
        return forecasts_for((one,), selection, self._seed)[0]


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
