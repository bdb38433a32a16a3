"""One benchmark's ladder as arrays: what the programs fit, in the order of compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bayescod.errors import DataError, Problem
from bayescod.scores.cautions import TOKEN_RATIO_SPREAD
from bayescod.scores.records import BenchmarkScores, LLMTable
from bayescod.scores.selection import Selection, Target
from bayescod.specs import Spec

FloatArray = npt.NDArray[np.float64]
MIN_LADDER = 4
MIN_DISTINCT = 3


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """One benchmark, its ladder LLMs in order of compute, then its anchors.

    Attributes
    ----------
    scores : BenchmarkScores
        Columns: ladder LLMs by increasing compute, then anchors.
    n_ladder : int
        How many columns are ladder LLMs.
    compute_flops : FloatArray
        [n_ladder] in FLOP.
    all_flops : FloatArray
        [llm] the same and the anchors', NaN where that is not known.
    unit_flops : float
        Unit of compute of ``a`` [FLOP].
    log_params, log_tokens, log_loss : FloatArray
        [n_ladder] natural logs; NaN where unknown.
    target : Target
        What is forecast.
    truth : float or None
        The target's measured score, where the table has one.
    evaluation_ratio : float
        Variance of a measured score from finite trials over ``mu (1 - mu)``, at the number of
        trials that is forecast.
    """

    scores: BenchmarkScores
    n_ladder: int
    compute_flops: FloatArray
    all_flops: FloatArray
    unit_flops: float
    log_params: FloatArray
    log_tokens: FloatArray
    log_loss: FloatArray
    target: Target
    truth: float | None
    evaluation_ratio: float

    @property
    def log_compute(self) -> FloatArray:
        """[n_ladder] natural log of compute in the unit of ``a``."""
        return np.log(self.compute_flops / self.unit_flops)

    @property
    def off_one_ratio(self) -> bool:
        """Whether tokens over parameters vary so much that compute alone may not be the law."""
        ratio = self.log_tokens - self.log_params
        known = bool(np.isfinite(ratio).all())
        return known and bool(np.ptp(ratio) > np.log(TOKEN_RATIO_SPREAD))

    @property
    def has_rival_law(self) -> bool:
        """Whether a law in parameters and tokens is a rival, and can speak of the target."""
        known = np.isfinite(self.target.params) and np.isfinite(self.target.tokens)
        return self.off_one_ratio and bool(known)

    @property
    def covariates(self) -> dict[str, FloatArray]:
        """[n_ladder] what the laws are functions of, see :class:`bayescod.laws.Law`."""
        log_compute = self.log_compute
        return {
            "log_compute": log_compute,
            "log_params": self.log_params - self.log_params.mean(),
            "log_tokens": self.log_tokens - self.log_tokens.mean(),
            "log_low": np.asarray(log_compute.min()),
            "log_middle": np.asarray(log_compute.mean()),
        }

    def covariates_at(self, compute_flops: FloatArray, target: Target) -> dict[str, FloatArray]:
        """The same at other amounts of compute, at the target's ratio of tokens to parameters.

        Parameters
        ----------
        compute_flops : FloatArray
            [compute] in FLOP.
        target : Target

        Returns
        -------
        dict of str to FloatArray
            [compute]; parameters and tokens NaN where the target's are unknown.
        """
        half = 0.5 * np.log(compute_flops / target.compute_flops)
        return self.covariates | {
            "log_compute": np.log(compute_flops / self.unit_flops),
            "log_params": np.log(target.params) - self.log_params.mean() + half,
            "log_tokens": np.log(target.tokens) - self.log_tokens.mean() + half,
        }

    @property
    def items_known(self) -> bool:
        """Whether there are item-level scores."""
        return self.scores.item_id is not None


def ladder_of(
    scores: BenchmarkScores,
    llms: LLMTable,
    selection: Selection,
    spec: Spec,
    eval_trials: int | None = None,
) -> Ladder:
    """Arrays of one benchmark under a selection of LLMs.

    Parameters
    ----------
    scores : BenchmarkScores
    llms : LLMTable
    selection : Selection
    spec : Spec
        Says the unit of compute.
    eval_trials : int or None
        Trials an item of the forecast evaluation; the ladder's median where ``None``.

    Returns
    -------
    Ladder

    Raises
    ------
    DataError
        If fewer than four ladder LLMs have scores here.
    """
    present = [name for name in selection.ladder if name in scores.llm]
    if len(present) < MIN_LADDER:
        raise DataError([_short_ladder(scores.benchmark, len(present))])
    flops = {name: float(llms.compute_flops[llms.index(name)]) for name in present}
    present.sort(key=lambda name: (flops[name], name))
    anchors = [name for name in selection.anchors if name in scores.llm]
    compute = np.array([flops[name] for name in present])
    if np.unique(compute).size < MIN_DISTINCT:
        raise DataError([_no_range(scores.benchmark, np.unique(compute).size)])
    columns = columns_of(scores, [*present, *anchors])
    target = selection.target.name
    truth = float(columns_of(scores, [target]).score()[0]) if target in scores.llm else float("nan")
    rows = [llms.index(name) for name in present]
    return Ladder(
        scores=columns,
        n_ladder=len(present),
        compute_flops=compute,
        all_flops=np.array([float(llms.compute_flops[llms.index(name)]) for name in columns.llm]),
        unit_flops=spec.unit_flops or float(compute.min()) / spec.smallest_over_unit,
        log_params=np.log(llms.params[rows]),
        log_tokens=np.log(llms.tokens[rows]),
        log_loss=np.log(llms.loss[rows]),
        target=selection.target,
        truth=None if np.isnan(truth) else truth,
        evaluation_ratio=_evaluation_ratio(columns_of(scores, present), eval_trials),
    )


def columns_of(scores: BenchmarkScores, names: Sequence[str]) -> BenchmarkScores:
    """The same benchmark with the LLMs called ``names``, in that order."""
    index = [scores.llm.index(name) for name in names]
    return replace(
        scores,
        llm=tuple(names),
        pass_rate=scores.pass_rate[:, index],
        n_trials=scores.n_trials[:, index],
        measured_rate=scores.measured_rate[:, index],
        measured_trials=scores.measured_trials[:, index],
    )


def group_of(scores: BenchmarkScores, rows: npt.NDArray[np.bool_]) -> BenchmarkScores:
    """The same benchmark with the items of ``rows`` only."""
    ids = scores.item_id
    return replace(
        scores,
        item_id=None if ids is None else tuple(np.array(ids, dtype=object)[rows]),
        pass_rate=scores.pass_rate[rows],
        n_trials=scores.n_trials[rows],
        measured_rate=scores.measured_rate[rows],
        measured_trials=scores.measured_trials[rows],
    )


def fitted(scores: BenchmarkScores) -> tuple[FloatArray, FloatArray]:
    """Mean pass rate of each LLM over the items, and its variance from finite trials.

    Returns
    -------
    rate, variance : FloatArray
        [llm]; NaN where an LLM has no item.
    """
    present = ~np.isnan(scores.pass_rate)
    total = np.where(present, scores.pass_rate, 0.0).sum(axis=0)
    count = present.sum(axis=0)
    rate = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return rate, scores.sampling_variance()


def measured(scores: BenchmarkScores) -> BenchmarkScores:
    """The benchmark with what was measured in the place of what is fitted."""
    return replace(scores, pass_rate=scores.measured_rate, n_trials=scores.measured_trials)


def median_trials(scores: BenchmarkScores) -> float:
    """Median of trials an item and LLM; infinite for soft scores of unknown n."""
    known = scores.n_trials[scores.n_trials > 0]
    return float(np.median(known)) if known.size else float("inf")


def _evaluation_ratio(scores: BenchmarkScores, eval_trials: int | None) -> float:
    """Variance of the score from finite trials over mu (1 - mu), as in the ladder's own."""
    taken = measured(scores)
    rate, variance = fitted(taken)
    room = np.maximum(rate * (1.0 - rate), 1e-6)
    ratio = float(np.nanmedian(np.where(variance > 0, variance, 0.0) / room))
    trials = median_trials(taken)
    if eval_trials is None or not np.isfinite(trials):
        return min(ratio, 1.0)
    return min(ratio * trials / eval_trials, 1.0)


def _short_ladder(benchmark: str, count: int) -> Problem:
    return Problem(
        code="short-ladder",
        message=f"benchmark {benchmark!r} has scores of too few ladder LLMs",
        got=str(count),
        wanted=f"at least {MIN_LADDER} with compute, below or besides the target",
        fix="add scores of more small LLMs, or leave the benchmark out by --benchmark",
    )


def _no_range(benchmark: str, distinct: int) -> Problem:
    return Problem(
        code="no-compute-range",
        message=f"benchmark {benchmark!r} has scores at too few different amounts of compute",
        got=str(distinct),
        wanted=f"at least {MIN_DISTINCT}: a law in compute cannot be fitted to replicates alone",
        fix="add scores of LLMs of other sizes",
    )
