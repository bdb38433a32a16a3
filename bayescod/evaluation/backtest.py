"""Backtests: each held-out LLM forecast as if it had not been trained, by several methods."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bayescod.baselines.methods import ClosedForm, Method, method_of
from bayescod.errors import DataError
from bayescod.evaluation.records import BacktestRow
from bayescod.evaluation.scoring import score_row
from bayescod.forecasting.fitting import BenchmarkFit, fit
from bayescod.forecasting.forecasts import forecasts_for
from bayescod.forecasting.ladder import columns_of, ladder_of, measured
from bayescod.forecasting.recall import Recall
from bayescod.forecasting.spec_sets import specs_of
from bayescod.forecasting.streams import REFERENCE, generator
from bayescod.progress import Progress, Silence
from bayescod.scores.records import BenchmarkScores, Scores
from bayescod.scores.selection import Selection, parse_target, select_backtest
from bayescod.specs import load_spec

Skipped = tuple[str, str, str]
_N_DRAWS = 4000  # of a closed form, as many as the posteriors of the shipped specs hold


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One ladder, and the held-out LLMs that are forecast from it.

    Attributes
    ----------
    selection : Selection
        Of the first held-out LLM.
    held_out : tuple of str
    """

    selection: Selection
    held_out: tuple[str, ...]


def tasks_of(
    scores: Scores,
    holdouts: Sequence[str],
    anchors: Sequence[str],
    distances: Sequence[float],
) -> tuple[tuple[Task, ...], tuple[Skipped, ...]]:
    """Ladders that are left when each held-out LLM goes, with all that would leak.

    Parameters
    ----------
    scores : Scores
    holdouts : sequence of str
        LLMs; each of the largest third where empty.
    anchors : sequence of str
        As in :func:`bayescod.scores.selection.select_backtest`.
    distances : sequence of float
        At least 1: LLMs with more than the held-out one's compute over this go too.

    Returns
    -------
    tasks : tuple of Task
        LLMs that leave the same ladder share a task.
    skipped : tuple of (str, str, str)
        Empty method and benchmark, and why an LLM cannot be held out.

    Raises
    ------
    DataError
        If a named LLM cannot be held out.
    """
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[Selection, list[str]]] = {}
    skipped: list[Skipped] = []
    for name in holdouts or _largest_third(scores):
        for distance in distances:
            try:
                selection = select_backtest(scores, name, anchors, distance=distance)
            except DataError as error:
                if holdouts and distance == 1.0:
                    raise
                why = error.problems[0].message
                skipped.append(("", "", f"{name} at {distance:g}x: {why}"))
                continue
            key = (selection.ladder, selection.anchors)
            held = found.setdefault(key, (selection, []))[1]
            if name not in held:
                held.append(name)
    tasks = tuple(Task(selection, tuple(held)) for selection, held in found.values())
    return tasks, tuple(skipped)


def _largest_third(scores: Scores) -> list[str]:
    llms = scores.llms
    scored = {name for benchmark in scores.benchmarks for name in benchmark.llm}
    able = [
        (float(compute), name)
        for name, compute, role in zip(llms.name, llms.compute_flops, llms.role, strict=True)
        if name in scored and not math.isnan(compute) and role != "anchor"
    ]
    able.sort()
    return [name for _, name in able[len(able) - math.ceil(len(able) / 3) :]]


class TaskRun:
    """The methods of one task; a posterior that several methods read is sampled once.

    Parameters
    ----------
    scores : Scores
    task : Task
    smoothing : str
        See :func:`bayescod.api.forecast`.
    seed : int
    recall : Recall
        Where posteriors are remembered.
    """

    def __init__(
        self, scores: Scores, task: Task, smoothing: str, seed: int, recall: Recall
    ) -> None:
        self._task, self._smoothing, self._seed = task, smoothing, seed
        self._scores, self.skipped = _benchmarks_of(scores, task)
        self._recall = recall

    def rows(self, name: str) -> tuple[list[BacktestRow], list[Skipped]]:
        """Forecast the held-out LLMs by one method, and score the forecasts.

        Parameters
        ----------
        name : str
            Key of :data:`bayescod.baselines.methods.METHODS`.

        Returns
        -------
        rows : list of BacktestRow
        skipped : list of (str, str, str)
            Method, benchmark and reason of what did not apply.
        """
        method = method_of(name)
        why = _not_applicable(method, self._task.selection, self._scores)
        if why:
            return [], [(name, "", why)]
        if method.closed_form is not None:
            return self._closed_form(name, method.closed_form), []
        try:
            fits = self._fits_for(method)
        except DataError as error:
            return [], [(name, "", error.problems[0].message)]
        kept = [one for one in fits if one.cod is not None or not method.cod_only]
        skipped = [
            (name, one.benchmark, one.grouping.reason.message)
            for one in fits
            if one not in kept and one.grouping.reason is not None
        ]
        rows = [row for held in self._task.held_out for row in self._forecasts(kept, name, held)]
        return rows, skipped

    def _fits_for(self, method: Method) -> tuple[BenchmarkFit, ...]:
        selection, scores = self._task.selection, self._scores
        if not method.anchors:
            selection = replace(selection, anchors=())
        if method.measured:
            scores = replace(scores, benchmarks=tuple(measured(b) for b in scores.benchmarks))
        return fit(
            scores,
            selection,
            specs_of(method.spec),
            self._smoothing,
            None,
            self._seed,
            Silence(),
            self._recall,
        )

    def _forecasts(
        self, fits: Sequence[BenchmarkFit], name: str, held_out: str
    ) -> Iterator[BacktestRow]:
        if not fits:
            return
        target = parse_target(held_out, self._scores.llms)
        selection = replace(self._task.selection, target=target)
        truth = self._truths(held_out)
        for forecast in forecasts_for(fits, selection, self._seed):
            if forecast.benchmark in truth:
                yield score_row(
                    forecast.benchmark,
                    held_out,
                    target.compute_flops,
                    forecast.target.compute_ratio,
                    name,
                    forecast.status,
                    truth[forecast.benchmark],
                    forecast.draws(),
                )

    def _closed_form(self, name: str, draw: ClosedForm) -> list[BacktestRow]:
        rows = []
        spec = load_spec("end-to-end")
        for held_out in self._task.held_out:
            target = parse_target(held_out, self._scores.llms)
            truth = self._truths(held_out)
            for benchmark in self._scores.benchmarks:
                if benchmark.benchmark not in truth:
                    continue
                ladder = ladder_of(benchmark, self._scores.llms, self._task.selection, spec)
                at = math.log(target.compute_flops / ladder.unit_flops)
                rng = generator(self._seed, benchmark.benchmark, REFERENCE)
                rows.append(
                    score_row(
                        benchmark.benchmark,
                        held_out,
                        target.compute_flops,
                        target.compute_flops / float(ladder.compute_flops.max()),
                        name,
                        "pass",
                        truth[benchmark.benchmark],
                        draw(ladder, at, rng, _N_DRAWS),
                    )
                )
        return rows

    def _truths(self, held_out: str) -> dict[str, float]:
        found = {
            one.benchmark: float(columns_of(one, [held_out]).score()[0])
            for one in self._scores.benchmarks
            if held_out in one.llm
        }
        return {name: value for name, value in found.items() if not math.isnan(value)}


def _not_applicable(method: Method, selection: Selection, scores: Scores) -> str:
    if not scores.benchmarks:
        return "no benchmark has scores of a held-out model and of four models below it"
    if not method.anchors and not selection.anchors:
        return "there is no anchor to leave out"
    if method.measured and not any(_smoothed(one) for one in scores.benchmarks):
        return "no score is smoothed over checkpoints: the same as end-to-end"
    return ""


def _smoothed(scores: BenchmarkScores) -> bool:
    return not np.array_equal(scores.pass_rate, scores.measured_rate, equal_nan=True)


def _benchmarks_of(scores: Scores, task: Task) -> tuple[Scores, list[Skipped]]:
    """The benchmarks that have a truth to compare with and a ladder to forecast from."""
    kept: list[BenchmarkScores] = []
    skipped: list[Skipped] = []
    spec = load_spec("end-to-end")
    for one in scores.benchmarks:
        if not set(task.held_out) & set(one.llm):
            skipped.append(("", one.benchmark, f"no scores of {', '.join(task.held_out)}"))
            continue
        try:
            ladder_of(one, scores.llms, task.selection, spec)
        except DataError as error:
            skipped.append(("", one.benchmark, error.problems[0].message))
            continue
        kept.append(one)
    return replace(scores, benchmarks=tuple(kept)), skipped


def backtest_rows(
    scores: Scores,
    tasks: Sequence[Task],
    methods: Sequence[str],
    smoothing: str,
    seed: int,
    progress: Progress,
    recall: Recall,
) -> tuple[tuple[BacktestRow, ...], tuple[Skipped, ...], dict[str, float]]:
    """All rows of a backtest.

    Parameters
    ----------
    scores : Scores
    tasks : sequence of Task
        From :func:`tasks_of`.
    methods : sequence of str
        Keys of :data:`bayescod.baselines.methods.METHODS`, none twice.
    smoothing : str
    seed : int
    progress : Progress
    recall : Recall
        What a stopped run has left; each task remembers for itself and keeps there.

    Returns
    -------
    rows : tuple of BacktestRow
        By task, then method.
    skipped : tuple of (str, str, str)
    seconds : dict of str to float
        By method; posteriors that several methods read count for the first.
    """
    # Where a benchmark lacks the scores that a distance leaves out, two distances are one.
    rows: dict[tuple[str, str, str, float], BacktestRow] = {}
    skipped: list[Skipped] = []
    seconds = dict.fromkeys(methods, 0.0)
    progress.phase("backtest", len(tasks) * len(methods))
    for task in tasks:
        run = TaskRun(scores, task, smoothing, seed, recall.anew())
        skipped += run.skipped
        for name in methods:
            began = time.perf_counter()
            found, left_out = run.rows(name)
            rows |= {(r.benchmark, r.model, r.method, r.compute_ratio): r for r in found}
            skipped += left_out
            seconds[name] += time.perf_counter() - began
            progress.advance(f"{', '.join(task.held_out)}: {name}")
    return tuple(rows.values()), tuple(dict.fromkeys(skipped)), seconds
