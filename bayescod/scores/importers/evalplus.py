"""EvalPlus: ``*_eval_results.json``, HumanEval+ and MBPP+.

A trial is one generated program. One file holds two benchmarks: ``<benchmark>-base`` (the original
tests pass) and ``<benchmark>-plus`` (these and the added ones pass); the benchmark is what stands
before the slash of the task's id. The model is in the file's name only, as
``org--model_backend_temp_0.8_eval_results.json``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bayescod.progress import SILENCE, Progress
from bayescod.scores.importers.counting import MODEL_HELP, Tally, model_of, read_each
from bayescod.scores.importers.findings import Findings
from bayescod.scores.importers.reading import log_files, read_parts
from bayescod.scores.importers.records import Log
from bayescod.scores.importers.values import MAX_TRIALS, name_of, text_of

SELECT: Final[Mapping[str, str]] = {"model": MODEL_HELP}
_PATTERNS: Final = ("*eval_results.json",)
_VERDICTS: Final = ("pass", "fail", "timeout")
_RERUN: Final = "evaluate the samples again"


def read(
    paths: Sequence[Path], select: Mapping[str, str], progress: Progress = SILENCE
) -> list[Log]:
    """Read EvalPlus results; see :meth:`bayescod.scores.importers.tools.Importer.read`.

    Two logs a file and benchmark, or one where only the base tests were run.
    """
    files = log_files(paths, _PATTERNS, "EvalPlus results")
    return read_each(files, select, _tallies, progress)


def model_in(path: Path) -> str:
    """Model in the name of a samples or results file of EvalPlus or human-eval.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str
        Empty where the name has none.

    Examples
    --------
    >>> model_in(Path("org--model-7B_vllm_temp_0.8.eval_results.json"))
    'org/model-7B'
    """
    name = re.sub(r"(\.jsonl)?[._]?(eval_)?results\.jsonl?$", "", path.name)
    name = re.sub(r"[-_]?sanitized$", "", name)
    name = re.sub(r"[-_.]?samples$", "", name)
    name = re.sub(r"_[A-Za-z0-9]+_temp_[0-9.]+$", "", name)
    return name.replace("--", "/", 1)


def _tallies(path: Path, select: Mapping[str, str], findings: Findings) -> list[Tally]:
    model = model_of(select, model_in(path), path, findings)
    by_name: dict[str, Tally] = {}
    header: dict[str, object] = {}
    for key, value in read_parts(path, inside="eval"):
        if key == "eval" and isinstance(value, tuple):
            task, samples = value
            _count(task, samples, model, path, by_name, findings)
        elif key == "eval":
            findings.add(path, "unknown-layout", "eval is no object by task", column="eval")
        else:
            header[key] = value
    if not by_name and not findings.about(path):
        findings.add(
            path,
            "unknown-layout",
            "the file has no tasks",
            column="eval",
            wanted="an object eval with a list of samples by task",
            fix="give the results of `evalplus.evaluate`",
        )
    for tally in by_name.values():
        tally.finished, tally.version = text_of(header.get("date")), text_of(header.get("hash"))
    return list(by_name.values())


def _count(
    task: object,
    samples: object,
    model: str,
    path: Path,
    by_name: dict[str, Tally],
    findings: Findings,
) -> None:
    item = name_of(task)
    benchmark = item.partition("/")[0]
    if not item or not benchmark:
        findings.add(path, "bad-item", "a task's name is unusable", column="eval", got=task)
        return
    if not isinstance(samples, list) or not 0 < len(samples) <= MAX_TRIALS:
        findings.add(
            path,
            "unknown-layout",
            f"task {item} has no list of samples",
            column="eval",
            got=len(samples) if isinstance(samples, list) else type(samples).__name__,
            wanted=f"1 to {MAX_TRIALS:,} samples",
            fix=f"{_RERUN} with EvalPlus 0.3 or later",
        )
        return
    for kind in ("base", "plus"):
        passed = [_passed(sample, kind, item, path, findings) for sample in samples]
        counted = [verdict for verdict in passed if verdict is not None]
        if kind == "plus" and 0 < len(counted) < len(passed):
            findings.add(
                path,
                "missing-verdict",
                f"some samples of {item} were not run on the {kind} tests",
                column=f"{kind}_status",
                fix=_RERUN,
            )
        elif counted:
            name = f"{benchmark}-{kind}"
            tally = by_name.setdefault(name, Tally(name, model, path))
            tally.add(item, sum(counted), len(counted))


def _passed(sample: object, kind: str, item: str, path: Path, findings: Findings) -> bool | None:
    """Whether a sample passes; ``None`` where it was not run on the plus tests."""
    if not isinstance(sample, dict) or sample.get("task_id", item) != item:
        findings.add(
            path,
            "unknown-layout",
            f"a sample of {item} is none of that task",
            column="eval",
            wanted="an object with task_id, base_status and plus_status",
            fix=_RERUN,
        )
        return None
    base, plus = sample.get("base_status"), sample.get("plus_status")
    status = base if kind == "base" else plus
    if kind == "plus" and plus is None:
        return None
    if not isinstance(status, str) or status not in _VERDICTS:
        findings.add(
            path,
            "bad-verdict",
            f"a sample of {item} has an unknown verdict",
            column=f"{kind}_status",
            got=status,
            wanted=", ".join(_VERDICTS),
            fix=_RERUN,
        )
        return None
    return base == status == "pass"
