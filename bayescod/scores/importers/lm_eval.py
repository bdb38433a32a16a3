"""lm-evaluation-harness: ``samples_<task>_<date>.jsonl`` beside ``results_<date>.json``.

A line is one document under one filter, so a document has as many lines as there are filters. A
trial is one answer that the filter kept: all of them where it hands on a list (``take_first_k``),
one where it takes the first, none where it votes. With several answers the score is their mean and
score times n the count. From 0.5 on, unreduced filters list the score of every repeat, which is
taken where it is there. Multiple choice is one trial. Likelihoods are no trials.

The model's name is in the results file only; a revision is a model of its own. Items are named by
the data set's own id where every line of a task has one, else by ``doc_id`` with the document's
hash. Lines from before 0.4.7 do not say their filter: they can be used where there was only one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from sys import intern
from typing import Final

from bayescod.progress import SILENCE, Progress
from bayescod.scores.importers.counting import MODEL_HELP, Tally, heard, model_of, settled
from bayescod.scores.importers.findings import Findings
from bayescod.scores.importers.lm_eval_choices import metric_of, of_filter, require_known
from bayescod.scores.importers.lm_eval_lines import Line, counts, parse
from bayescod.scores.importers.lm_eval_results import read_run
from bayescod.scores.importers.reading import log_files, read_lines
from bayescod.scores.importers.records import Log

SELECT: Final[Mapping[str, str]] = {
    "filter": "which answers were kept, such as strict-match; for tasks with several",
    "metric": "such as acc or exact_match; for tasks with several",
    "item": "field of the document that names the question, such as id; or doc_hash",
    "model": MODEL_HELP,
}
_PATTERNS: Final = ("samples_*.jsonl",)
_NAME: Final = re.compile(r"samples_(.+)_(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?)\.jsonl")
_INDEX: Final = ""  # names no field: items are named by their place in the data


def read(
    paths: Sequence[Path], select: Mapping[str, str], progress: Progress = SILENCE
) -> list[Log]:
    """Read samples files; see :meth:`bayescod.scores.importers.tools.Importer.read`.

    One log a file.
    """
    findings = Findings()
    read_logs: list[_Samples] = []
    files = log_files(paths, _PATTERNS, "samples file of lm-eval")
    for path in heard(files, progress):
        with findings.gathering():
            read_logs.append(_samples(path, select, findings))
    for key in ("filter", "metric"):
        found = {name for one in read_logs for name in one.found[key]}
        require_known(key, select, found, files[0], findings)
    fields = _item_fields(read_logs, select, findings) if not findings else {}
    logs = settled([one.tally for one in read_logs], select, findings)
    return [
        _named(log, samples, fields[log.benchmark])
        for log, samples in zip(logs, read_logs, strict=True)
    ]


@dataclass(slots=True)
class _Samples:
    """One samples file while it is read."""

    tally: Tally
    found: dict[str, set[str]] = field(default_factory=lambda: {"filter": set(), "metric": set()})
    own: dict[str, Mapping[str, str]] = field(default_factory=dict)  # by index
    document: dict[str, str] = field(default_factory=dict)  # by index
    seed: str = ""


def _samples(path: Path, select: Mapping[str, str], findings: Findings) -> _Samples:
    name = _NAME.fullmatch(path.name)
    run = read_run(path, name[1], name[2], "model" in select, findings) if name else None
    if name is None or run is None or not run.task:
        findings.add(
            path,
            "renamed-log",
            "the file's name does not say task and date",
            wanted="samples_<task>_<date>.jsonl",
            fix="give it the name that lm-eval gave it (0.4.3 or later)",
        )
        return _Samples(Tally("", "", path))
    model = model_of(select, run.model, path, findings)
    tally = Tally(run.task, model, path, finished=name[2], version=run.version)
    samples = _Samples(tally, seed=run.seed)
    if run.withheld:
        tally.dropped["questions that --limit or --samples left out"] = run.withheld
    lines = _distinct_lines(path, select.get("item", ""), tally, findings)
    chosen = of_filter(lines, run, select, tally, samples.found["filter"], findings)
    if chosen:
        _count(chosen, select, samples, findings)
    if chosen and run.effective > len(samples.own) and not findings:
        findings.add(
            path,
            "incomplete-log",
            "the log has fewer documents than its results file says",
            got=len(samples.own),
            wanted=str(run.effective),
            fix="copy the file again, or run the evaluation again",
        )
    return samples


def _distinct_lines(path: Path, item_field: str, tally: Tally, findings: Findings) -> list[Line]:
    """Lines of a file, each document once under each filter."""
    seen: dict[tuple[str | None, str], Line] = {}
    twice: Counter[str] = Counter()
    for number, raw in read_lines(path, nan=True):
        line = parse(number, raw, item_field)
        if line is None:
            findings.add(
                path,
                "unknown-layout",
                "a line is none that lm-eval writes",
                row=number,
                wanted="doc_id, resps, filtered_resps",
                fix="use lm-eval 0.4.7 or later with --log_samples",
            )
            continue
        first = seen.setdefault((line.filter, line.index), line)
        if first is line:
            continue
        if first.content == line.content and first.doc_hash == line.doc_hash:
            twice["the same line twice"] += 1
        elif line.filter is None:
            findings.add(
                path,
                "no-filter-names",
                "a document has several lines and none says its filter",
                row=number,
                column="filter",
                fix="run with lm-eval 0.4.7 or later; before, several filters look alike",
            )
        else:
            findings.add(
                path,
                "same-item-twice",
                "a document has two lines with different answers",
                row=number,
                column="doc_id",
                got=line.index,
                wanted=f"other than in line {first.number}",
                fix="keep one run a file; runs are told apart by their dates",
            )
    tally.dropped.update(twice)
    return list(seen.values())


def _count(
    lines: Sequence[Line], select: Mapping[str, str], samples: _Samples, findings: Findings
) -> None:
    tally = samples.tally
    metric = metric_of(lines, select, tally.path, samples.found["metric"], findings)
    if not metric:
        return
    for line in lines:
        found = counts(line, metric)
        if isinstance(found, str):
            findings.add(
                tally.path,
                "not-counts",
                found,
                row=line.number,
                column=metric,
                got=line.repeats.get(metric) if line.repeats else line.scores.get(metric),
                wanted="a score that says how many answers were right",
                fix="choose a metric that is right or wrong with --select metric=...; for repeats "
                "give the task a filter with take_first_k (k = repeats) and run again",
            )
            continue
        correct, trials = found
        index = intern(line.index)
        tally.add(index, correct, trials)
        tally.not_binary += trials > 1 and not line.repeats and 0 < correct < trials
        samples.own[index] = line.own
        samples.document[index] = intern(line.doc_hash)
        if not line.repeats and line.answers > line.kept:
            lost = "answers that the filter threw away (keep them by take_first_k)"
            tally.dropped[lost] += line.answers - line.kept


def _item_fields(
    logs: Sequence[_Samples], select: Mapping[str, str], findings: Findings
) -> dict[str, str]:
    """By benchmark, the field that names the documents of all its logs; none: by their place."""
    tasks: dict[str, list[_Samples]] = {}
    for log in logs:
        tasks.setdefault(log.tally.benchmark, []).append(log)
    chosen: dict[str, str] = {}
    for benchmark, mine in tasks.items():
        usable = [list(_naming_fields(log)) for log in mine]
        fields = [name for name in usable[0] if all(name in one for one in usable)]
        chosen[benchmark] = fields[0] if fields else _INDEX
        if "item" in select and not fields:
            findings.add(
                mine[0].tally.path,
                "no-item-names",
                "the field does not name every document, or names two alike",
                column=select["item"],
                fix="choose another field, or leave --select item=... out",
            )
    return chosen


def _named(log: Log, samples: _Samples, name: str) -> Log:
    """The log with its items named by a field of the documents, or by their place and hash."""
    if name == _INDEX:
        known = {index: text for index, text in samples.document.items() if text}
        return replace(log, document=known, seed=samples.seed)
    own = {index: intern(names[name]) for index, names in samples.own.items()}
    return replace(
        log,
        n_trials={own[index]: count for index, count in log.n_trials.items()},
        n_correct={own[index]: count for index, count in log.n_correct.items()},
        seed=samples.seed,
    )


def _naming_fields(log: _Samples) -> Iterator[str]:
    """Fields that every document has, all different."""
    first = next(iter(log.own.values()), {})
    for name in first:
        values = {own.get(name, _INDEX) for own in log.own.values()}
        if len(values) == len(log.own) and _INDEX not in values:
            yield name
