"""OLMES and DataDecide: ``task-<number>-<task>-predictions.jsonl``.

A trial is one line: answers are greedy, so that n is 1. A line has several metrics, of which one
is chosen: ``acc_raw``, ``acc_per_token``, ``acc_per_char``, ``exact_match``, ``pass_at_1``. The
item is ``native_id``, the data set's own, or ``doc_id`` where that is missing. The model and the
time are in ``*-metrics.json`` beside the file; ``task_hash`` tells versions of a task apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bayescod.progress import SILENCE, Progress
from bayescod.scores.importers.counting import MODEL_HELP, Tally, chosen, model_of, read_each
from bayescod.scores.importers.findings import Findings
from bayescod.scores.importers.reading import log_files, read_json, read_lines
from bayescod.scores.importers.records import Log
from bayescod.scores.importers.values import name_of, outcome, text_of

SELECT: Final[Mapping[str, str]] = {
    "model": f"{MODEL_HELP}: no *-metrics.json beside the predictions",
    "metric": "such as acc_raw or acc_per_char",
    "item": "native_id (default) or doc_id",
}
_PATTERNS: Final = ("*-predictions.jsonl",)
_VERDICT: Final = re.compile(r"acc|acc_.+|exact_match.*|pass_at_1|correct")
_ITEMS: Final = ("native_id", "doc_id")


def read(
    paths: Sequence[Path], select: Mapping[str, str], progress: Progress = SILENCE
) -> list[Log]:
    """Read predictions of OLMES; see :meth:`bayescod.scores.importers.tools.Importer.read`.

    One log a file.
    """
    files = log_files(paths, _PATTERNS, "predictions of OLMES")
    return read_each(files, select, _tallies, progress)


def _tallies(path: Path, select: Mapping[str, str], findings: Findings) -> list[Tally]:
    if select.get("item", _ITEMS[0]) in _ITEMS:
        return [_tally(path, select, findings)]
    chosen(select, "item", _ITEMS, path, findings)
    return []


def _tally(path: Path, select: Mapping[str, str], findings: Findings) -> Tally:
    beside = path.with_name(path.name.replace("-predictions.jsonl", "-metrics.json"))
    header = read_json(beside) if beside.is_file() else {}
    about = header if isinstance(header, dict) else {}
    config = about.get("model_config")
    name = text_of(config.get("model")) if isinstance(config, dict) else ""
    model = model_of(select, name, path, findings)
    benchmark = re.sub(r"^task-\d+-|-predictions\.jsonl$", "", path.name)
    tally = Tally(benchmark, model, path, finished=text_of(about.get("current_date")))
    hashes: dict[str, str] = {}
    metric: str | None = None
    for number, line in read_lines(path):
        metrics = line.get("metrics")
        if not isinstance(metrics, dict):
            findings.add(
                path,
                "unknown-layout",
                "the line has no metrics",
                row=number,
                column="metrics",
                wanted="an object",
                fix="give the predictions that OLMES writes",
            )
            continue
        if metric is None:
            metric = _metric(metrics, select, path, findings)
        for key in ("task_hash", "model_hash"):
            _same(hashes, key, line.get(key), number, path, findings)
        if metric and metrics.get(metric) is None:
            tally.dropped[f"line without {metric}"] += 1
        elif metric:
            _count(number, line, metrics[metric], metric, select, tally, findings)
    tally.version = hashes.get("task_hash", "")
    return tally


def _metric(
    metrics: Mapping[str, object], select: Mapping[str, str], path: Path, findings: Findings
) -> str:
    if "metric" in select:
        return chosen(select, "metric", list(metrics), path, findings)
    verdicts = [key for key in metrics if _VERDICT.fullmatch(key)]
    measured = [key for key in verdicts if metrics[key] is not None]
    return chosen(select, "metric", measured or verdicts, path, findings)


def _same(
    hashes: dict[str, str], key: str, value: object, number: int, path: Path, findings: Findings
) -> None:
    text = text_of(value)
    if hashes.setdefault(key, text) != text:
        findings.add(
            path,
            "mixed-versions",
            f"lines of one file have several values of {key}",
            row=number,
            column=key,
            got=text,
            wanted=hashes[key],
            fix="give one file a model and task",
        )


def _count(
    number: int,
    line: Mapping[str, object],
    value: object,
    metric: str,
    select: Mapping[str, str],
    tally: Tally,
    findings: Findings,
) -> None:
    key = select.get("item") or (_ITEMS[0] if line.get(_ITEMS[0]) is not None else _ITEMS[1])
    item = name_of(line.get(key))
    correct = outcome(value)
    if not item:
        findings.add(
            tally.path,
            "bad-item",
            "the line names no question",
            row=number,
            column=key,
            got=line.get(key),
            wanted="text or a whole number",
            fix="give the predictions that OLMES writes",
        )
    elif correct is None:
        findings.add(
            tally.path,
            "fractional-score",
            f"{metric} is neither 0 nor 1, and the file does not say of how many trials it is",
            row=number,
            column=metric,
            got=value,
            wanted="0 or 1",
            fix="choose another metric with --select metric=...",
        )
    elif item in tally.n_trials:
        findings.add(
            tally.path,
            "duplicate-item",
            "a question occurs twice",
            row=number,
            column=key,
            got=item,
            fix="leave one line out; where the data set repeats its names, --select item=doc_id",
        )
    else:
        tally.add(item, correct)
