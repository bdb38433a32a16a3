"""Inspect AI: ``.eval`` (a zip, of which header and summaries are read) and ``.json`` logs.

A trial is one epoch of one sample. Inspect's values mean what they mean there: C, yes, true and 1
are right; I, N (no answer), no, false and 0 are wrong. P and numbers between 0 and 1 are partial
credit, which no count can hold: ``--select partial=...`` says what to do with them. A value that
is NaN or missing, a sample that failed and one without a score are no trials and are listed. Other
values stop the import. A log is used if its run succeeded. Samples have ids of their own; where
those are numbers, which Inspect also makes up, the question's hash tells whether they agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from sys import intern
from typing import Final

from bayescod.errors import UnknownNameError
from bayescod.progress import SILENCE, Progress
from bayescod.scores.checks import shown
from bayescod.scores.importers.archives import zip_member_json, zip_member_parts
from bayescod.scores.importers.counting import MODEL_HELP, Tally, heard, model_of, settled
from bayescod.scores.importers.findings import Findings
from bayescod.scores.importers.inspect_samples import PARTIAL, Epochs, Reader, sample_of
from bayescod.scores.importers.reading import log_files, read_parts
from bayescod.scores.importers.records import Log
from bayescod.scores.importers.values import name_of, shown_path

SELECT: Final[Mapping[str, str]] = {
    "scorer": "whose verdict counts, such as match; for logs with several",
    "metric": "key of the value, where a scorer gives several scores at once",
    "partial": "what partial credit is: wrong, right, or drop (no trial)",
    "model": MODEL_HELP,
}
_PATTERNS: Final = ("*.eval", "*.json")
_NO_LOGS: Final = frozenset({"logs.json", "eval-set.json", "listing.json"})
_SUMMARIES: Final = "summaries.json"
_HEADER: Final = "header.json"


def read(
    paths: Sequence[Path], select: Mapping[str, str], progress: Progress = SILENCE
) -> list[Log]:
    """Read Inspect logs; see :meth:`bayescod.scores.importers.tools.Importer.read`.

    One log a file; runs that did not succeed have no items.
    """
    if (wish := select.get("partial", "drop")) not in PARTIAL:
        raise UnknownNameError("way to treat partial credit", wish, PARTIAL)
    findings = Findings()
    tallies: list[Tally] = []
    seeds: list[str] = []
    unusable: list[Log] = []
    for path in heard(log_files(paths, _PATTERNS, "Inspect log"), progress):
        if path.name in _NO_LOGS:
            continue
        with findings.gathering():
            header, samples = _opened(path)
            if header is None or not isinstance(header.get("eval"), dict):
                _unknown(path, findings)
            elif why := _unusable(header):
                unusable.append(_left_out(path, header, why))
            else:
                tallies.append(_tally(path, header, samples, select, findings))
                seeds.append(name_of(_within(header, "eval", "model_generate_config").get("seed")))
    logs = settled(tallies, select, findings)
    return [replace(log, seed=seed) for log, seed in zip(logs, seeds, strict=True)] + unusable


def _opened(path: Path) -> tuple[Mapping[str, object] | None, Iterable[object]]:
    """Header of a log, and its samples one by one."""
    if path.suffix == ".eval":
        members = zip_member_json(path, (_HEADER, "_journal/start.json"), nan=True)
        whole = members.get(_HEADER)
        if isinstance(whole, dict):
            return whole, (one for _, one in zip_member_parts(path, _SUMMARIES, nan=True))
        started = members.get("_journal/start.json")
        return ({"status": "started", **started} if isinstance(started, dict) else None), ()
    header: dict[str, object] = {}
    first: list[object] = []
    content = read_parts(path, "samples", nan=True)
    for key, value in content:  # what the log says of its run comes before its samples
        if key == "samples":
            first = [value]
            break
        header[key] = value
    return header, chain(first, (value for key, value in content if key == "samples"))


def _unusable(header: Mapping[str, object]) -> str:
    """Why a log may not be used; empty if it may."""
    status = header.get("status")
    if status != "success":
        return f"the run did not succeed: its status is {shown(status)}"
    return "the run was invalidated" if header.get("invalidated") is True else ""


def _left_out(path: Path, header: Mapping[str, object], why: str) -> Log:
    run = _within(header, "eval")
    task, model = name_of(run.get("task")) or "?", name_of(run.get("model")) or "?"
    return Log(task, model, shown_path(path), "", {}, {}, dropped={why: 0})


def _tally(
    path: Path,
    header: Mapping[str, object],
    samples: Iterable[object],
    select: Mapping[str, str],
    findings: Findings,
) -> Tally:
    run = _within(header, "eval")
    tally = Tally(
        name_of(run.get("task")),
        model_of(select, name_of(run.get("model")), path, findings),
        path,
        finished=_finished(header),
        version=_version(run),
    )
    if not tally.benchmark:
        _unknown(path, findings)
        return tally
    epochs, reader = Epochs(), Reader(path, select, findings)
    number = 0
    for number, content in enumerate((one for one in samples if one is not None), start=1):
        sample = sample_of(content)
        if sample is None:
            _unknown(path, findings, number)
            break
        verdict = sample.no_trial or reader.verdict(sample, number, tally)
        if isinstance(verdict, str):
            tally.dropped[verdict] += 1
        elif verdict is not None:
            kind = epochs.add(sample, verdict)
            if kind == "same":
                tally.dropped["the same epoch of a sample twice"] += 1
            elif kind == "other":
                findings.add(
                    path,
                    "same-item-twice",
                    "an epoch of a sample has two verdicts",
                    row=number,
                    got=f"{sample.item}, epoch {sample.epoch}",
                    fix="run the evaluation again",
                )
        if reader.stopped:
            break
    reader.settle()
    for item, right, asked, document in epochs.counts():
        tally.add(intern(item), right, asked, document)
    total = _within(header, "results").get("total_samples")
    if isinstance(total, int) and number < total and not reader.stopped:
        findings.add(
            path,
            "incomplete-log",
            "the log has fewer samples than its header says",
            got=number,
            wanted=str(total),
            fix="copy the file again, or run the evaluation again with log_samples",
        )
    return tally


def _version(run: Mapping[str, object]) -> str:
    """Version of the task with the arguments that it was given."""
    given = _within(run, "task_args_passed") or _within(run, "task_args")
    arguments = [f"{key}={shown(given[key])}" for key in sorted(given) if key != "epochs"]
    known = run.get("task_version")
    parts = [] if known is None else [f"version {shown(known)}"]
    return ", ".join([*parts, *arguments])


def _finished(header: Mapping[str, object]) -> str:
    text = _within(header, "stats").get("completed_at") or _within(header, "eval").get("created")
    if not isinstance(text, str):
        return ""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return shown(text)


def _unknown(path: Path, findings: Findings, row: int | None = None) -> None:
    findings.add(
        path,
        "unknown-layout",
        "this is no Inspect log" if row is None else "a sample is none that Inspect writes",
        row=row,
        wanted="a log of Inspect with eval, status and samples",
        fix="leave the file out",
    )


def _within(content: Mapping[str, object], *keys: str) -> dict[str, object]:
    """Object at a path of keys; empty where there is none."""
    found: object = content
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
