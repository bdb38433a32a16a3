"""Logs put together: one row an item and model, and the account of what was taken and left out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median_high, median_low

from bayescod.errors import DataError, Problem
from bayescod.scores.checks import capped, listed, shown
from bayescod.scores.importers.records import OLDER, Dropped, Imported, Log, Row, Taken


def merge(
    tool: str, logs: Sequence[Log], names: Mapping[str, str], add_up: bool = False
) -> Imported:
    """Put logs together.

    Of several logs of one model on one benchmark the newest is taken; the others are listed.

    Parameters
    ----------
    tool : str
        Name of the tool.
    logs : sequence of Log
        Those without items are only listed.
    names : mapping of str to str
        The name that a model shall have by the one in the logs; others keep theirs.
    add_up : bool
        Whether several logs are repeats, whose trials add up. Copies and logs of one known seed
        are no repeats even then.

    Returns
    -------
    Imported

    Raises
    ------
    DataError
        If no log can be used, logs of one benchmark are of several versions of it, an item is
        another question in another log, or it does not show which of two logs is the newer.
    """
    dropped = [
        Dropped(log.source, count, reason) for log in logs for reason, count in log.dropped.items()
    ]
    groups: dict[tuple[str, str], list[Log]] = defaultdict(list)
    for log in logs:
        if log.n_trials:
            groups[log.benchmark, names.get(log.model, log.model)].append(log)
    problems: list[Problem] = []
    kept: dict[tuple[str, str], Log] = {}
    for key in sorted(groups):
        chosen, left_out = _chosen(groups[key], add_up, problems)
        kept[key] = chosen
        dropped += left_out
    if not kept:
        why = Counter(one.reason for one in dropped)
        problems.append(
            Problem(
                "no-usable-log",
                "no log can be used",
                got=listed([f"{count} x {reason}" for reason, count in why.most_common()]),
                fix="run the evaluation again, or give other logs",
            )
        )
    problems += _version_problems(kept)
    problems += _document_problems(kept)
    if problems:
        raise DataError(capped(problems))
    return Imported(
        tool=tool,
        rows=tuple(_rows(kept)),
        taken=tuple(_taken(kept)),
        dropped=tuple(sorted(dropped, key=lambda one: (one.source, one.lines, one.reason))),
        files=tuple(sorted({log.source for log in logs})),
        renamed={
            log.model: model for (_, model), log in sorted(kept.items()) if log.model != model
        },
    )


def _chosen(
    logs: Sequence[Log], add_up: bool, problems: list[Problem]
) -> tuple[Log, list[Dropped]]:
    """The log to take of one model on one benchmark, and why not the others."""
    ordered = sorted(logs, key=lambda log: (log.finished, log.source), reverse=True)
    newest, *older = ordered
    kept, left_out = [newest], []
    for log in older:
        like = next((one for one in kept if _is_copy(log, one)), None)
        seed = next((one for one in kept if log.seed and one.seed == log.seed), None)
        if like is not None:
            reason = f"a copy of {like.source}"
        elif not add_up:
            reason = f"{OLDER} as {newest.source}"
            if log.finished == newest.finished:
                problems.append(_undecided(log, newest))
        elif seed is not None:
            reason = f"a run with the same seed as {seed.source}"
        else:
            kept.append(log)
            continue
        left_out.append(Dropped(log.source, 0, reason))
    if len(kept) > 1:
        problems += _repeat_problems(kept)
    return _sum(kept), left_out


def _is_copy(log: Log, other: Log) -> bool:
    return (log.finished, log.version, log.n_trials, log.n_correct) == (
        *(other.finished, other.version, other.n_trials, other.n_correct),
    )


def _undecided(log: Log, other: Log) -> Problem:
    return Problem(
        "several-logs",
        "two logs of one task and model differ, and neither says that it is the newer",
        file=log.source,
        got=f"{shown(log.benchmark)} by {shown(log.model)}, also in {other.source}",
        fix="leave one out, or say with --select repeats=all that they are repeats",
    )


def _repeat_problems(logs: Sequence[Log]) -> list[Problem]:
    """Repeats whose versions or questions differ."""
    by_source = {(log.benchmark, log.source): log for log in logs}
    return [*_version_problems(by_source), *_document_problems(by_source)]


def _sum(logs: Sequence[Log]) -> Log:
    """Logs of one model on one benchmark as one."""
    if len(logs) == 1:
        return logs[0]
    trials: Counter[str] = Counter()
    correct: Counter[str] = Counter()
    document: dict[str, str] = {}
    for log in logs:
        trials.update(log.n_trials)
        correct.update(log.n_correct)
        document.update(log.document)
    return replace(
        logs[0],
        source=f"{logs[0].source} and {len(logs) - 1} more",
        n_trials=trials,
        n_correct=correct,
        document=document,
        not_binary=sum(log.not_binary for log in logs),
    )


def _version_problems(logs: Mapping[tuple[str, str], Log]) -> list[Problem]:
    """Benchmarks whose logs are of different versions of the task."""
    versions: dict[str, dict[str, list[Log]]] = defaultdict(lambda: defaultdict(list))
    for (benchmark, _), log in logs.items():
        if log.version:
            versions[benchmark][log.version].append(log)
    problems = []
    for benchmark, found in versions.items():
        if len(found) > 1:
            most = max(found, key=lambda version: len(found[version]))
            others = [log for version in found if version != most for log in found[version]]
            told = "; ".join(
                f"{shown(version)} ({len(mine)} log{'s' * (len(mine) > 1)}, as {mine[0].source})"
                for version, mine in list(found.items())[:4]
            )
            problems.append(
                Problem(
                    "mixed-versions",
                    f"logs of {shown(benchmark)} are of {len(found)} versions of the task",
                    file=others[0].source,
                    got=told,
                    wanted="one version",
                    fix=f"run the others again, or choose with --select 'version={shown(most)}'",
                )
            )
    return problems


def _document_problems(logs: Mapping[tuple[str, str], Log]) -> list[Problem]:
    """Items that are other questions in other logs."""
    first: dict[tuple[str, str], tuple[str, str]] = {}
    differing: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for (benchmark, _), log in logs.items():
        for item, document in log.document.items():
            known, source = first.setdefault((benchmark, item), (document, log.source))
            if known != document:
                differing[benchmark, source, log.source].append(item)
    return [
        Problem(
            "other-questions",
            f"{len(items)} item{'s' * (len(items) > 1)} of {shown(benchmark)} are other questions "
            f"than in {source}",
            file=other,
            got=f"item {listed(items, 3)}",
            wanted="one question an item number",
            fix="evaluate all models on the same data in the same order, or give the data ids "
            "(lm-eval: or --select item=doc_hash, where only the order differs)",
        )
        for (benchmark, source, other), items in differing.items()
    ]


def _rows(logs: Mapping[tuple[str, str], Log]) -> list[Row]:
    rows = [
        Row(benchmark, item, model, n_trials, log.n_correct[item])
        for (benchmark, model), log in logs.items()
        for item, n_trials in log.n_trials.items()
    ]
    rows.sort(key=lambda row: row[:3])
    return rows


def _taken(logs: Mapping[tuple[str, str], Log]) -> list[Taken]:
    items: dict[str, set[str]] = defaultdict(set)
    for (benchmark, _), log in logs.items():
        items[benchmark].update(log.n_trials)
    taken = []
    for (benchmark, model), log in sorted(logs.items()):
        trials = list(log.n_trials.values())
        taken.append(
            Taken(
                benchmark=benchmark,
                model=model,
                spelt=log.model,
                source=log.source,
                n_items=len(trials),
                n_missing=len(items[benchmark]) - len(trials),
                trials=(min(trials), (median_low(trials) + median_high(trials)) / 2, max(trials)),
                n_correct=sum(log.n_correct.values()),
                n_trials=sum(trials),
                not_binary=log.not_binary,
            )
        )
    return taken
