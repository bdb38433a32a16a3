"""Calibration of the whole pipeline: from items that are simulated to the score that is measured.

Benchmarks are drawn from the story of the cluster program: cluster curves and their scales from its
prior, run effects that move all clusters, items dealt to clusters, trials. Clusters, posteriors,
filter and mapping then run as on real data, and the measured score of the target is ranked in its
predictive distribution. The pipeline is no single model, so that exact calibration is not to be
expected: clustering looks at the noise that is then averaged, the items outside are level here and
anything monotone to the mapping, and the end-to-end forecast knows nothing of clusters. How far
that carries is what is found here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bayescod.errors import SamplingError
from bayescod.evaluation.intervals import Interval, share_interval
from bayescod.evaluation.pipeline_story import Design, simulate_benchmarks
from bayescod.evaluation.ranks import RankVerdict, judge_ranks
from bayescod.evaluation.records import BacktestRow
from bayescod.evaluation.scoring import pit, score_row
from bayescod.forecasting.fitting import fit
from bayescod.forecasting.forecasts import forecasts_for
from bayescod.forecasting.spec_sets import Specs
from bayescod.progress import Progress, Silence
from bayescod.scores.selection import parse_target, select_ladder
from bayescod.specs import Spec

FloatArray = npt.NDArray[np.float64]

LEVELS = (0.5, 0.8, 0.9)
"""Equal-tailed ranges whose coverage is counted."""

_N_DRAWS = 99  # the share of draws below the truth is put into hundredths


@dataclass(frozen=True, slots=True, eq=False)
class PipelineCalibration:
    """Forecasts of simulated targets against their measured scores.

    Attributes
    ----------
    rows : tuple of BacktestRow
        One a benchmark, in the form of a backtest; ``method`` is what the pipeline chose. Forecasts
        that fail the convergence checks are among them.
    verdicts : tuple of RankVerdict
        On the ranks of the measured scores: of all, then of each method with ten benchmarks.
    coverage : mapping of float to (float, Interval)
        By level of an equal-tailed range: the share of truths it held, with its 90 % interval.
    seconds : float
    """

    rows: tuple[BacktestRow, ...]
    verdicts: tuple[RankVerdict, ...]
    coverage: Mapping[float, tuple[float, Interval]]
    seconds: float


def calibrate_pipeline(
    specs: Specs, story: Spec, design: Design, seed: int, progress: Progress | None = None
) -> PipelineCalibration:
    """Simulate benchmarks, forecast them like real ones, and judge the forecasts.

    Parameters
    ----------
    specs : Specs
        What is fitted.
    story : Spec
        Of program ``clusters``, behind the simulated items.
    design : Design
    seed : int
    progress : Progress or None

    Returns
    -------
    PipelineCalibration

    Raises
    ------
    SamplingError
        If hardly any benchmark of this design has clusters that all grow.
    """
    began = time.perf_counter()
    scores = simulate_benchmarks(seed, story, design)
    selection = select_ladder(scores, parse_target(scores.llms.name[-1], scores.llms), ())
    heard = progress or Silence()
    fits = fit(scores, selection, specs, "none", None, seed, heard)
    rows = []
    for found in forecasts_for(fits, selection, seed):
        truth = found.target.truth
        if truth is None:
            raise SamplingError(f"the simulated benchmark {found.benchmark} lacks its truth")
        point = found.target
        rows.append(
            score_row(
                found.benchmark,
                point.model,
                point.compute_flops,
                point.compute_ratio,
                found.method,
                found.status,
                truth,
                found.draws("score"),
            )
        )
    return PipelineCalibration(
        rows=tuple(rows),
        verdicts=_verdicts(rows),
        coverage=coverage_of([row.pit for row in rows]),
        seconds=time.perf_counter() - began,
    )


def _verdicts(rows: Sequence[BacktestRow]) -> tuple[RankVerdict, ...]:
    groups = {"measured score": [row.pit for row in rows]}
    for method in sorted({row.method for row in rows}):
        groups[f"measured score, {method}"] = [row.pit for row in rows if row.method == method]
    ranks = {name: ranks_of(pits) for name, pits in groups.items() if len(pits) >= 10}
    return judge_ranks(ranks, _N_DRAWS)


def ranks_of(pits: Sequence[float]) -> npt.NDArray[np.int64]:
    """Probability integral transforms as ranks among 99 draws.

    Parameters
    ----------
    pits : sequence of float
        In [0, 1]; NaN, a forecast without a number, counts as a truth below all draws.

    Returns
    -------
    ndarray of int
    """
    hundredths = np.floor(np.nan_to_num(np.asarray(pits)) * (_N_DRAWS + 1))
    return np.asarray(np.minimum(hundredths, _N_DRAWS), dtype=np.int64)


def coverage_of(pits: Sequence[float]) -> dict[float, tuple[float, Interval]]:
    """Shares of truths inside equal-tailed ranges.

    Parameters
    ----------
    pits : sequence of float
        Of independent benchmarks, in [0, 1]; NaN counts as a miss.

    Returns
    -------
    dict of float to (float, Interval)
        By level of :data:`LEVELS`: the share, and its equal-tailed 90 % interval.
    """
    found = {}
    for level in LEVELS:
        hits = np.abs(np.asarray(pits) - 0.5) <= 0.5 * level
        found[level] = float(hits.mean()), share_interval(hits, range(hits.size))
    return found


def joint_pit(draws: FloatArray, truth: FloatArray) -> float:
    """Rank of a mean score over benchmarks: calibrated only if the draws err together as LLMs do.

    Parameters
    ----------
    draws : FloatArray
        [benchmark, draw] in [0, 1], draw i the same world in all.
    truth : FloatArray
        [benchmark] in [0, 1].

    Returns
    -------
    float
        In [0, 1].
    """
    return pit(draws.mean(axis=0), float(truth.mean()))
