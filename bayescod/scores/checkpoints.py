"""Checkpoints of the run that is forecast: what was measured of it so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bayescod.errors import DataError, Problem
from bayescod.scores.checks import listed, shown
from bayescod.scores.records import BenchmarkScores, Scores
from bayescod.scores.targets import Target, parse_target


@dataclass(frozen=True, slots=True)
class Measured:
    """One score.

    Attributes
    ----------
    score : float
        In [0, 1].
    variance : float
        From finite trials; 0 for soft scores of unknown n.
    """

    score: float
    variance: float


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint of the target's run.

    Attributes
    ----------
    point : Target
        Its name, compute so far [FLOP], parameters and tokens so far.
    part : float
        Of the target's compute, in (0, 1).
    measured : mapping of str to Measured
        By benchmark.
    """

    point: Target
    part: float
    measured: Mapping[str, Measured]


@dataclass(frozen=True, slots=True)
class Update:
    """What is known of the target's own run.

    Attributes
    ----------
    checkpoints : tuple of Checkpoint
        By increasing compute; at least one.
    lags : bool
        Whether they may lag behind finished runs of their compute: the ladder has finished runs
        only.
    """

    checkpoints: tuple[Checkpoint, ...]
    lags: bool


def update_of(update: Scores, scores: Scores, target: Target, ladder: Sequence[str]) -> Update:
    """The checkpoints of a target's own run.

    Parameters
    ----------
    update : Scores
        Scores of the checkpoints, read with the models table of ``scores``. LLMs of other runs in
        it are not used.
    scores : Scores
        What is forecast from: says which items a benchmark has.
    target : Target
    ladder : sequence of str
        LLMs that are forecast from.

    Returns
    -------
    Update

    Raises
    ------
    DataError
        If the target is no model of the models table, the update has no checkpoint of its run or
        the target itself, a checkpoint has no compute or not less than the target, or was evaluated
        on other items; all are listed.
    """
    llms = update.llms
    if target.name not in llms.name:
        raise DataError([_no_run(target)])
    run = llms.run[llms.index(target.name)]
    present = {name for benchmark in update.benchmarks for name in benchmark.llm}
    own = [n for n, r in zip(llms.name, llms.run, strict=True) if r == run and n in present]
    problems = []
    if not own:
        problems.append(_no_checkpoint(target, run, sorted(present)))
    points = [parse_target(name, llms) for name in own]
    problems += [_bad_point(one, target) for one in points if not _is_before(one, target)]
    whole = {one.benchmark: one for one in scores.benchmarks}
    shared = [one for one in update.benchmarks if one.benchmark in whole]
    problems += [
        _other_items(one, whole[one.benchmark])
        for one in shared
        if one.item_id != whole[one.benchmark].item_id
    ]
    if own and not any(name in one.llm for one in shared for name in own):
        problems.append(_no_benchmark(sorted(whole)))
    if problems:
        raise DataError(problems)
    points.sort(key=lambda one: one.compute_flops)
    checkpoints = [
        Checkpoint(
            point=one,
            part=one.compute_flops / target.compute_flops,
            measured={
                benchmark.benchmark: _measured(benchmark, one.name)
                for benchmark in shared
                if one.name in benchmark.llm
            },
        )
        for one in points
    ]
    return Update(
        tuple(one for one in checkpoints if one.measured), lags=_is_finished(scores, ladder)
    )


def _is_finished(scores: Scores, ladder: Sequence[str]) -> bool:
    """Whether a ladder has no two sizes of compute in one run, as checkpoints would be."""
    llms = scores.llms
    runs = [llms.run[llms.index(name)] for name in ladder]
    computes = [float(llms.compute_flops[llms.index(name)]) for name in ladder]
    return len(set(zip(runs, computes, strict=True))) == len(set(runs))


def _is_before(one: Target, target: Target) -> bool:
    return bool(one.name != target.name and one.compute_flops < target.compute_flops)


def _measured(benchmark: BenchmarkScores, name: str) -> Measured:
    at = benchmark.llm.index(name)
    rate, trials = benchmark.measured_rate[:, at], benchmark.measured_trials[:, at]
    seen = ~np.isnan(rate)
    known = seen & (trials > 0)
    room = rate[known] * (1.0 - rate[known])
    variance = float((room / trials[known]).sum()) / int(seen.sum()) ** 2
    return Measured(float(rate[seen].mean()), variance)


def _no_run(target: Target) -> Problem:
    return Problem(
        "update-without-run",
        "an update needs a target whose checkpoints can be told from other models",
        got=shown(target.name),
        wanted="a model of the models table, and its checkpoints as models of the same `run`",
        fix="add the target to the models table, with its compute, and name it as target",
    )


def _no_checkpoint(target: Target, run: str, present: list[str]) -> Problem:
    return Problem(
        "update-without-checkpoint",
        f"the update has no checkpoint of the run of {shown(target.name)}",
        got=listed(present),
        wanted=f"models whose `run` in the models table is {shown(run)}",
        fix="add the checkpoints to the models table, each with its compute so far and the run",
    )


def _bad_point(one: Target, target: Target) -> Problem:
    if one.name == target.name:
        return Problem(
            "update-is-target",
            "the update has the target itself, whose score is what is forecast",
            got=shown(one.name),
            fix="leave it out of the update; a finished run is judged by a backtest",
        )
    return Problem(
        "update-compute",
        "a checkpoint has no compute, or not less than its run's end",
        got=f"{shown(one.name)}: {one.compute_flops:g} FLOP",
        wanted=f"more than 0 and less than {target.compute_flops:g} FLOP",
        fix="give the compute so far in the models table",
    )


def _other_items(one: BenchmarkScores, whole: BenchmarkScores) -> Problem:
    def count(of: BenchmarkScores) -> str:
        return "no items" if of.item_id is None else f"{len(of.item_id)} items"

    return Problem(
        "update-items",
        f"benchmark {shown(one.benchmark)} has other items in the update",
        got=count(one),
        wanted=f"the {count(whole)} that the ladder was evaluated on",
        fix="evaluate the checkpoints on the same items",
    )


def _no_benchmark(known: list[str]) -> Problem:
    return Problem(
        "update-benchmarks",
        "the update shares no benchmark with the scores",
        wanted=f"one of {listed(known)}",
    )
