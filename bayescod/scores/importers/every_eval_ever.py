"""Every Eval Ever: ``<uuid>_samples.jsonl``, beside the summary ``<uuid>.json``.

A trial is one distinct pair of ``sample_id`` and ``metadata.epoch``: the schema has no field for
repeats, and converters write copies. Its verdict is ``evaluation.score``, 0 or 1, never
``is_correct``, which is true of any score above 0 in one converter and false of any below 1 in
another. What converters lose cannot be counted and is refused:

- from Inspect, every epoch of a sample holds the sample's *reduced* score (its mean, or pass@k);
- from lm-evaluation-harness, one line a filter and metric, whose scores may be means of repeats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bayescod.progress import SILENCE, Progress
from bayescod.scores.checks import listed, shown
from bayescod.scores.importers.counting import Tally, chosen, read_each
from bayescod.scores.importers.findings import Findings
from bayescod.scores.importers.reading import log_files, read_json, read_lines
from bayescod.scores.importers.records import Log
from bayescod.scores.importers.values import name_of, outcome, text_of

SELECT: Final[Mapping[str, str]] = {
    "filter": "of lm-evaluation-harness, such as first",
    "metric": "the evaluation_result_id without the filter, such as acc_norm",
}
_PATTERNS: Final = ("*_samples.jsonl",)
_ORIGINAL: Final = "import the logs that this was converted from, with `bayescod import {}`"


@dataclass(slots=True)
class _Samples:
    """Lines of one benchmark, model, filter and metric."""

    scores: dict[str, dict[str, int]] = field(default_factory=dict)  # by item and epoch
    document: dict[str, str] = field(default_factory=dict)
    copies: int = 0
    failed: int = 0
    # Of these lines alone: what is wrong with a filter that nobody chose does not matter.
    findings: Findings = field(default_factory=Findings)


_Key = tuple[str, str, str, str]  # benchmark, model, filter, metric


def read(
    paths: Sequence[Path], select: Mapping[str, str], progress: Progress = SILENCE
) -> list[Log]:
    """Read samples in the schema of Every Eval Ever.

    One log a file, benchmark and model. See :meth:`bayescod.scores.importers.tools.Importer.read`.
    """
    files = log_files(paths, _PATTERNS, "samples of Every Eval Ever")
    return read_each(files, select, _tallies, progress)


def _tallies(path: Path, select: Mapping[str, str], findings: Findings) -> list[Tally]:
    finished = _finished(path)
    groups: dict[_Key, _Samples] = {}
    for number, line in read_lines(path):
        if key := _key(number, line, path, findings):
            _note(number, line, groups.setdefault(key, _Samples()), path)
    kept = _kept(groups, select, path, findings)
    return [_tally(key, kept[key], path, finished, findings) for key in kept]


def _finished(path: Path) -> str:
    """When the evaluation ran, from the summary beside the samples."""
    beside = path.with_name(path.name.replace("_samples.jsonl", ".json"))
    summary = read_json(beside) if beside.is_file() else {}
    stamp = summary.get("evaluation_timestamp") if isinstance(summary, dict) else None
    text = text_of(stamp) or name_of(stamp)
    try:
        return datetime.fromtimestamp(float(text), UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return text  # ISO 8601 already, or nothing


def _key(number: int, line: Mapping[str, object], path: Path, findings: Findings) -> _Key | None:
    """What the line is of; ``None`` where it cannot be told."""
    metadata = line.get("metadata")
    about = metadata if isinstance(metadata, dict) else {}
    rule = text_of(about.get("filter"))
    name = text_of(line.get("evaluation_name"))
    model = text_of(line.get("model_id"))
    if not name or not model:
        findings.add(
            path,
            "unknown-layout",
            "the line does not say what it is of",
            row=number,
            column="model_id" if name else "evaluation_name",
            wanted="evaluation_name and model_id",
            fix="write the samples again",
        )
        return None
    benchmark = name.removesuffix(f"/{rule}") if rule else name
    metric = text_of(line.get("evaluation_result_id"))
    return benchmark, model, rule, metric.removesuffix(f":{rule}") if rule else metric


def _note(number: int, line: Mapping[str, object], samples: _Samples, path: Path) -> None:
    evaluation, metadata = line.get("evaluation"), line.get("metadata")
    score = evaluation.get("score") if isinstance(evaluation, dict) else None
    about = metadata if isinstance(metadata, dict) else {}
    item, repeat = name_of(line.get("sample_id")), name_of(about.get("epoch"))
    verdict = outcome(score)
    if line.get("error") is not None:
        samples.failed += 1
    elif not item or (about.get("epoch") is not None and not repeat):
        samples.findings.add(
            path,
            "bad-item",
            "the line names no sample",
            row=number,
            column="metadata.epoch" if item else "sample_id",
            got=about.get("epoch") if item else line.get("sample_id"),
            fix="write the samples again",
        )
    elif verdict is None:
        samples.findings.add(
            path,
            "fractional-score",
            "the score is neither 0 nor 1, and the file does not say of how many trials it is",
            row=number,
            column="evaluation.score",
            got=score,
            wanted="0 or 1",
            fix=_ORIGINAL.format(
                "inspect" if repeat else "lm-eval" if "filter" in about else "..."
            ),
        )
    else:
        known = text_of(line.get("sample_hash"))
        by_epoch = samples.scores.setdefault(item, {})
        same = samples.document.setdefault(item, known) == known
        if not same or by_epoch.get(repeat, verdict) != verdict:
            samples.findings.add(
                path,
                "duplicate-item",
                "a sample and epoch occur twice, and not alike",
                row=number,
                column="evaluation.score" if same else "sample_hash",
                got=item,
                fix="write the samples again, one file a model and benchmark",
            )
        samples.copies += repeat in by_epoch
        by_epoch[repeat] = verdict


def _kept(
    groups: Mapping[_Key, _Samples], select: Mapping[str, str], path: Path, findings: Findings
) -> dict[_Key, _Samples]:
    """Samples of the one filter and metric that shall count, by benchmark and model."""
    kept: dict[_Key, _Samples] = {}
    for of in dict.fromkeys(key[:2] for key in groups):
        keys = [key for key in groups if key[:2] == of]
        for position, name in ((2, "filter"), (3, "metric")):
            there = list(dict.fromkeys(key[position] for key in keys))
            if len(there) > 1 or (there and name in select):
                pick = chosen(select, name, there, path, findings)
                keys = [key for key in keys if key[position] == pick]
        kept |= {key: groups[key] for key in keys}
    if not groups and not findings.about(path):
        findings.add(path, "empty-file", "the file has no samples")
    return kept


def _tally(key: _Key, samples: _Samples, path: Path, finished: str, findings: Findings) -> Tally:
    benchmark, model, _, _ = key
    tally = Tally(benchmark, model, path, finished=finished)
    for item, by_epoch in samples.scores.items():
        tally.add(item, sum(by_epoch.values()), len(by_epoch), samples.document[item])
    if samples.copies:
        tally.dropped["copy of a sample and epoch"] = samples.copies
    if samples.failed:
        tally.dropped["sample with an error"] = samples.failed
    repeated = [item for item, by_epoch in samples.scores.items() if len(by_epoch) > 1]
    findings.take(samples.findings)
    if samples.findings:
        return tally
    if repeated and not any(len(set(samples.scores[item].values())) > 1 for item in repeated):
        findings.add(
            path,
            "reduced-scores",
            f"all epochs of a sample have one score, in each of {len(repeated)} samples: the"
            " converter writes the reduced score of the sample into each",
            column="evaluation.score",
            got=f"{shown(benchmark)}: {listed(repeated)}",
            wanted="the score of each epoch",
            fix=_ORIGINAL.format("inspect"),
        )
    return tally
