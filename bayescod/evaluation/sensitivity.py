"""What a forecast owes to its settings: the same forecast with other priors, clusters or LLMs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from bayescod.evaluation.power_scaling import PowerScaling, power_scaling
from bayescod.evaluation.refits import NotApplicable, Refits
from bayescod.evaluation.variants import Variant, variants_of
from bayescod.forecasting.recall import recalling
from bayescod.forecasting.records import BenchmarkForecast
from bayescod.forecasting.spec_sets import specs_of
from bayescod.progress import Progress, Silence
from bayescod.sampling import configure
from bayescod.scores.records import Scores
from bayescod.scores.selection import parse_target, select_ladder
from bayescod.scores.slicing import choose_benchmarks

if TYPE_CHECKING:
    import pandas as pd

REFERENCE: Final = "reference"
"""Name and group of the rows of the forecast that the variants are compared with."""


@dataclass(frozen=True, slots=True)
class SensitivityRow:
    """One benchmark under one variant; scores in [0, 1], ranges 90 % and equal-tailed.

    Attributes
    ----------
    variant, group, benchmark : str
    median : float
        Of the forecast score; NaN where the variant does not apply.
    change : float
        Of the median, from the reference's.
    width : float
        Of the 90 % range.
    reference_width : float
        Of the reference's range: what a change is small or large beside.
    predictable_share : float
        Median share of the items in the predictable subset; NaN end-to-end.
    method : str
        ``cod`` or ``end-to-end``; empty where the variant does not apply.
    status : str
        Of the sampler's checks: ``pass``, ``review`` or ``fail``; empty likewise.
    note : str
        Why the variant does not apply, or why the forecast is end-to-end.
    """

    variant: str
    group: str
    benchmark: str
    median: float
    change: float
    width: float
    reference_width: float
    predictable_share: float
    method: str
    status: str
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class Sensitivity:
    """How a forecast changes with what was assumed, and with who was listened to.

    Attributes
    ----------
    rows : tuple of SensitivityRow
        The reference first, then variant by variant; one row a benchmark.
    power_scaling : mapping of str to PowerScaling
        By benchmark: how far the reference depends on each prior, without sampling anew.
    target : str
    compute_flops : float
        Of the target.
    seconds : mapping of str to float
        Wall-clock time by variant.
    """

    rows: tuple[SensitivityRow, ...]
    power_scaling: Mapping[str, PowerScaling]
    target: str
    compute_flops: float
    seconds: Mapping[str, float]

    def frame(self) -> pd.DataFrame:
        """The rows as a table.

        Returns
        -------
        pandas.DataFrame
            One row a variant and benchmark, columns as in :class:`SensitivityRow`.
        """
        import pandas as pd

        names = [field.name for field in fields(SensitivityRow)]
        return pd.DataFrame([[getattr(r, n) for n in names] for r in self.rows], columns=names)


def sensitivity(
    scores: Scores,
    *,
    target: str,
    anchors: Sequence[str] = (),
    benchmarks: Sequence[str] = (),
    seed: int = 0,
    variants: Sequence[Variant | str] | None = None,
    model_spec: str = "auto",
    progress: Progress | None = None,
    executor: str | None = None,
) -> Sensitivity:
    """Repeat a forecast with one thing changed at a time.

    Parameters
    ----------
    scores : Scores
        From :func:`bayescod.read_scores`.
    target : str
        As for :func:`bayescod.forecast`.
    anchors, benchmarks : sequence of str
        As for :func:`bayescod.forecast`.
    seed : int
        Every variant is sampled from the same seed, so that one that changes nothing gives exactly
        the reference.
    variants : sequence of Variant or str, or None
        Own variants, and names of groups of the shipped ones
        (:data:`bayescod.evaluation.variants.GROUPS`): ``clustering``, ``filter``, ``mapping``,
        ``priors``, ``llms``. All groups where ``None``, which takes some forty forecasts.
    model_spec : str
        As for :func:`bayescod.forecast`.
    progress : Progress or None
        Told how many variants are done.
    executor : str or None
        As for :func:`bayescod.forecast`.

    Returns
    -------
    Sensitivity

    Raises
    ------
    DataError, UnknownNameError, SpecError, DependencyError, MachineError
        As of :func:`bayescod.forecast`.

    Notes
    -----
    Benchmarks are forecast each by itself: a benchmark's own forecast is the same in distribution
    as one among several, and a variant of one benchmark leaves the draws of the others as they are.
    What a variant shares with the reference is not sampled again: ``filter`` and ``mapping`` reuse
    the posteriors of curves and clusters, ``clustering`` those of the curves. Where a variant has
    to sample anew, a part of its change is Monte Carlo error: of the order of 2 % of the width at
    1,000 effective draws. Without the smallest LLM the unit of ``a`` is another, and with it what
    the filter's threshold on ``a`` means.
    """
    selection = select_ladder(scores, parse_target(target, scores.llms), anchors)
    chosen = choose_benchmarks(scores, benchmarks)
    names = [one.benchmark for one in chosen.benchmarks]
    wanted = variants_of(variants, selection.ladder)
    shown = progress or Silence()
    configure()
    shown.phase("variants", len(wanted) + 1)
    seconds: dict[str, float] = {}
    began = time.perf_counter()
    with recalling(None, executor) as recall:
        refits = Refits(chosen, selection, anchors, specs_of(model_spec), seed, recall)
        reference = refits.reference()
        seconds[REFERENCE] = time.perf_counter() - began
        shown.advance(REFERENCE)
        found = [_row(REFERENCE, REFERENCE, one, one) for one in reference]
        for variant in wanted:
            began = time.perf_counter()
            found += _rows(variant, refits.forecasts(variant), reference)
            seconds[variant.name] = time.perf_counter() - began
            shown.advance(variant.name)
    scaled = {
        name: power_scaling(used.spec, used.lane, used.posterior, one.draws())
        for name, used, one in zip(names, refits.posteriors(), reference, strict=True)
    }
    point = reference[0].target
    return Sensitivity(tuple(found), scaled, point.model, point.compute_flops, seconds)


def _rows(
    variant: Variant,
    found: Sequence[BenchmarkForecast | NotApplicable],
    reference: Sequence[BenchmarkForecast],
) -> list[SensitivityRow]:
    return [
        _row(variant.name, variant.group, new, old)
        for new, old in zip(found, reference, strict=True)
    ]


def _row(
    variant: str, group: str, new: BenchmarkForecast | NotApplicable, old: BenchmarkForecast
) -> SensitivityRow:
    before = old.summary()
    width = before.high - before.low
    if isinstance(new, NotApplicable):
        nothing = float("nan")
        return SensitivityRow(
            variant,
            group,
            old.benchmark,
            median=nothing,
            change=nothing,
            width=nothing,
            reference_width=width,
            predictable_share=nothing,
            method="",
            status="",
            note=new.why,
        )
    after = new.summary()
    return SensitivityRow(
        variant,
        group,
        old.benchmark,
        median=after.median,
        change=after.median - before.median,
        width=after.high - after.low,
        reference_width=width,
        predictable_share=new.summary("predictable_share").median,
        method=new.method,
        status=new.status,
        note="" if new.reason is None else new.reason.message,
    )
