"""From all LLMs to one forecasting task: target, ladder, anchors, and nothing that leaks."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bayescod.errors import DataError, Problem
from bayescod.scores.checks import listed, shown
from bayescod.scores.records import LLMTable, Scores
from bayescod.scores.slicing import restrict, split_trials
from bayescod.scores.targets import Target, parse_target, unknown_name

__all__ = [
    "Selection",
    "Target",
    "parse_target",
    "restrict",
    "select_backtest",
    "select_ladder",
    "split_trials",
]


MIN_LADDER = 4  # Eq. 1 has three parameters and a floor
NO_COMPUTE = "no compute, not an anchor"


@dataclass(frozen=True, slots=True)
class Selection:
    """One forecasting task after the leakage rule.

    Attributes
    ----------
    ladder : tuple of str
        LLMs that are fitted, by ascending compute.
    anchors : tuple of str
        LLMs that enter the mapping only, in the order of the models table.
    target : Target
        What is forecast.
    left_out : tuple of (str, str)
        The other LLMs with scores, each with the reason.
    warnings : tuple of Problem
        What deserves a look.
    """

    ladder: tuple[str, ...]
    anchors: tuple[str, ...]
    target: Target
    left_out: tuple[tuple[str, str], ...]
    warnings: tuple[Problem, ...]


def select_ladder(
    scores: Scores, target: Target, anchors: Sequence[str], *, drop: Sequence[str] = ()
) -> Selection:
    """Ladder and anchors for one target.

    Parameters
    ----------
    scores : Scores
        From `read_scores`.
    target : Target
        From `parse_target`.
    anchors : sequence of str
        Anchors asked for; where empty, the LLMs of role ``anchor``.
    drop : sequence of str
        LLMs to leave out besides.

    Returns
    -------
    Selection
        Before all else the target goes, with every LLM of its training run, and `drop`. LLMs of
        role ``target`` or ``anchor`` that were not asked for, and LLMs without compute, are left
        out too. Anchors are never in the ladder.

    Raises
    ------
    DataError
        If the target has no compute, an anchor or a dropped LLM does not exist, an anchor is the
        target or has no scores, or fewer than four LLMs remain in the ladder; all are listed.
    """
    reasons = dict.fromkeys(drop, "asked to be dropped")
    wanted = _anchors(scores.llms, anchors)
    return _select(scores, target, wanted, reasons, asked=anchors)


def select_backtest(
    scores: Scores, held_out: str, anchors: Sequence[str], *, distance: float = 1.0
) -> Selection:
    """Task of forecasting an LLM whose scores are known, as if it had not been trained.

    Parameters
    ----------
    scores : Scores
        From `read_scores`.
    held_out : str
        The LLM to forecast.
    anchors : sequence of str
        As in `select_ladder`; the held-out LLM and its run are dropped from them.
    distance : float
        At least 1. Above it, LLMs with more than the held-out one's compute over this are left out
        too: so far beyond its ladder is the held-out one forecast.

    Returns
    -------
    Selection
        Besides the rule of `select_ladder`, every non-anchor LLM with at least the compute of the
        held-out one is left out, its replicates too.

    Raises
    ------
    DataError
        As `select_ladder`, or if the held-out LLM does not exist or has no scores.
    """
    llms = scores.llms
    if held_out not in llms.name:
        raise DataError([unknown_name("target", held_out, llms.name)])
    if all(held_out not in benchmark.llm for benchmark in scores.benchmarks):
        raise DataError(
            [
                Problem(
                    "target-without-scores",
                    "a held-out model needs scores to be compared with",
                    got=shown(held_out),
                    fix="hold out a model that has scores",
                )
            ]
        )
    target = parse_target(held_out, llms)
    wanted = _anchors(llms, anchors) - {held_out}
    # A ladder's sizes are round factors apart, and their compute is rounded: 1e-6 is no nearer.
    most = target.compute_flops / distance * (1.0 + 1e-6) if distance > 1.0 else math.inf
    reason = f"more than 1/{distance:g} of the compute of the held-out model"
    later = {
        name: "at least the compute of the held-out model" if compute <= most else reason
        for name, compute in zip(llms.name, llms.compute_flops, strict=True)
        if (compute >= target.compute_flops or compute > most) and name not in wanted
    }
    return _select(scores, target, wanted, later, asked=[n for n in anchors if n != held_out])


def _anchors(llms: LLMTable, asked: Collection[str]) -> set[str]:
    """Anchors asked for; by role where none is."""
    return set(asked) or {
        n for n, role in zip(llms.name, llms.role, strict=True) if role == "anchor"
    }


def _select(
    scores: Scores,
    target: Target,
    anchors: Collection[str],
    dropped: Mapping[str, str],
    asked: Sequence[str],
) -> Selection:
    llms = scores.llms
    scored = {name for benchmark in scores.benchmarks for name in benchmark.llm}
    run = llms.run[llms.index(target.name)] if target.name in llms.name else None
    ladder: list[str] = []
    used: list[str] = []
    left_out: list[tuple[str, str]] = []
    for index, name in enumerate(llms.name):
        if name not in scored:
            continue
        if name == target.name:
            left_out.append((name, "the target"))
        elif llms.run[index] == run:
            left_out.append((name, "a checkpoint of the target's run"))
        elif name in dropped:
            left_out.append((name, dropped[name]))
        elif name in anchors:
            used.append(name)
        elif llms.role[index] != "ladder":
            left_out.append((name, f"role {llms.role[index]}, not asked for"))
        elif math.isnan(llms.compute_flops[index]):
            left_out.append((name, NO_COMPUTE))
        else:
            ladder.append(name)
    ladder.sort(key=lambda name: float(llms.compute_flops[llms.index(name)]))
    problems = _task_problems(target, asked, llms, scored)
    problems += [
        unknown_name("model", name, llms.name) for name in dropped if name not in llms.name
    ]
    if len(ladder) < MIN_LADDER:
        problems.append(_short_ladder(ladder, left_out))
    if problems:
        raise DataError(problems)
    warnings = _warnings(target, ladder, [n for n in anchors if n not in used], left_out, llms)
    return Selection(tuple(ladder), tuple(used), target, tuple(left_out), tuple(warnings))


def _task_problems(
    target: Target, asked: Sequence[str], llms: LLMTable, scored: Collection[str]
) -> list[Problem]:
    problems = []
    if math.isnan(target.compute_flops):
        problems.append(
            Problem(
                "target-without-compute",
                "the target has no compute, and a forecast is a function of it",
                got=shown(target.name),
                wanted="compute_flops, or params and tokens",
                fix="add it to the models table, or give the target as FLOPs",
            )
        )
    for name in asked:
        if name not in llms.name:
            problems.append(unknown_name("anchor", name, llms.name))
        elif name == target.name:
            problems.append(
                Problem(
                    "anchor-is-target",
                    "an anchor is the target itself",
                    got=shown(name),
                    fix="name another anchor: its scores would leak into the forecast",
                )
            )
        elif name not in scored:
            problems.append(
                Problem(
                    "anchor-without-scores",
                    "an anchor has no scores",
                    got=shown(name),
                    fix="add its scores or name another anchor",
                )
            )
    return problems


def _short_ladder(ladder: Sequence[str], left_out: Sequence[tuple[str, str]]) -> Problem:
    return Problem(
        "short-ladder",
        f"{len(ladder)} ladder models remain after target, anchors and left-out models",
        got=listed(ladder)
        + "".join(f"; {shown(name)} left out: {reason}" for name, reason in left_out[:8]),
        wanted=f"{MIN_LADDER} or more models with compute and scores",
        fix="evaluate more small models, or check roles and compute in the models table",
    )


def _warnings(
    target: Target,
    ladder: Sequence[str],
    lost_anchors: Sequence[str],
    left_out: Sequence[tuple[str, str]],
    llms: LLMTable,
) -> list[Problem]:
    warnings = []
    largest = max(float(llms.compute_flops[llms.index(name)]) for name in ladder)
    if target.compute_flops <= largest:
        warnings.append(
            Problem(
                "target-in-range",
                "the target has no more compute than the ladder: this is no extrapolation",
                got=f"{target.compute_flops:.3g} FLOP, the ladder reaches {largest:.3g}",
                fix="name a larger target, or drop larger models",
            )
        )
    unsized = [name for name, reason in left_out if reason == NO_COMPUTE]
    if unsized:
        warnings.append(
            Problem(
                "no-compute",
                f"{len(unsized)} models without compute are left out",
                column="compute_flops",
                got=listed(unsized),
                wanted="compute_flops, or params and tokens",
                fix="give their compute, or name them as anchors",
            )
        )
    if lost_anchors:
        warnings.append(
            Problem(
                "anchor-left-out",
                f"{len(lost_anchors)} anchors are left out: no scores, or of the target's run",
                got=listed(sorted(lost_anchors)),
            )
        )
    return warnings
