"""human-eval and tools that write like it: ``*_results.jsonl`` with one line a sample.

A trial is one generated program, ``passed`` its verdict; the benchmark is what stands before the
slash of ``task_id``, and n may differ between items. The model is in the file's name only. The
bigcode harness computes such verdicts and throws them away: its files cannot be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bayescod.progress import SILENCE, Progress
from bayescod.scores.importers.counting import MODEL_HELP, Tally, model_of, read_each
from bayescod.scores.importers.evalplus import model_in
from bayescod.scores.importers.findings import Findings
from bayescod.scores.importers.reading import log_files, read_lines
from bayescod.scores.importers.records import Log
from bayescod.scores.importers.values import name_of

SELECT: Final[Mapping[str, str]] = {"model": MODEL_HELP}
_PATTERNS: Final = ("*_results.jsonl",)
_WITHOUT_SLASH: Final = "human-eval"


def read(
    paths: Sequence[Path], select: Mapping[str, str], progress: Progress = SILENCE
) -> list[Log]:
    """Read the results of human-eval's ``evaluate_functional_correctness``.

    One log a file and benchmark. See :meth:`bayescod.scores.importers.tools.Importer.read`.
    """
    files = log_files(paths, _PATTERNS, "results of human-eval")
    return read_each(files, select, _tallies, progress)


def _tallies(path: Path, select: Mapping[str, str], findings: Findings) -> list[Tally]:
    model = model_of(select, model_in(path), path, findings)
    by_name: dict[str, Tally] = {}
    for number, line in read_lines(path):
        _count(number, line, model, path, by_name, findings)
    if not by_name and not findings.about(path):
        findings.add(path, "empty-file", "the file has no lines", wanted="one a sample")
    return list(by_name.values())


def _count(
    number: int,
    line: Mapping[str, object],
    model: str,
    path: Path,
    by_name: dict[str, Tally],
    findings: Findings,
) -> None:
    item, passed = name_of(line.get("task_id")), line.get("passed")
    if not item:
        findings.add(
            path,
            "bad-item",
            "the line has no task",
            row=number,
            column="task_id",
            got=line.get("task_id"),
            wanted="a name",
            fix="give the *_results.jsonl of human-eval, not the samples",
        )
    elif not isinstance(passed, bool):
        findings.add(
            path,
            "bad-verdict",
            "the line has no verdict",
            row=number,
            column="passed",
            got=passed,
            wanted="true or false",
            fix="run evaluate_functional_correctness on the samples and give its results",
        )
    else:
        prefix, slash, _ = item.partition("/")
        benchmark = prefix if slash and prefix else _WITHOUT_SLASH
        if benchmark not in by_name:
            by_name[benchmark] = Tally(benchmark, model, path)
        by_name[benchmark].add(item, int(passed))
