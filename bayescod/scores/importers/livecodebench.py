"""LiveCodeBench: ``<model>/Scenario.<scenario>_<n>_<temperature>_eval_all.json``.

A trial is one answer, its verdict an element of ``graded_list``; n may differ between items. The
benchmark is ``livecodebench`` with the scenario, which makes no claim about the release of the
problems; the model is the name of the folder.
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
from bayescod.scores.importers.values import MAX_TRIALS, name_of, outcome

SELECT: Final[Mapping[str, str]] = {"model": f"{MODEL_HELP}: instead of the folder's"}
_PATTERNS: Final = ("*_eval_all.json",)
_WANTED: Final = "a list of objects with question_id and graded_list"
_FIX: Final = "evaluate again with --evaluate, and give the file that ends in _eval_all.json"


def read(
    paths: Sequence[Path], select: Mapping[str, str], progress: Progress = SILENCE
) -> list[Log]:
    """Read graded answers of LiveCodeBench.

    One log a file. See :meth:`bayescod.scores.importers.tools.Importer.read`.
    """
    files = log_files(paths, _PATTERNS, "graded answers of LiveCodeBench")
    return read_each(files, select, _tallies, progress)


def _tallies(path: Path, select: Mapping[str, str], findings: Findings) -> list[Tally]:
    model = model_of(select, path.absolute().parent.name, path, findings)
    tally = Tally(_benchmark(path), model, path)
    for number, (key, question) in enumerate(read_parts(path), start=1):
        if key:
            findings.add(path, "unknown-layout", "no list", wanted=_WANTED, fix=_FIX)
            break
        _count(number, question, tally, findings)
    return [tally]


def _benchmark(path: Path) -> str:
    scenario = re.match(r"Scenario\.([A-Za-z]+)_", path.name)
    return f"livecodebench-{scenario[1]}" if scenario else "livecodebench"


def _count(number: int, question: object, tally: Tally, findings: Findings) -> None:
    if not isinstance(question, dict):
        findings.add(
            tally.path, "unknown-layout", "no question", row=number, wanted=_WANTED, fix=_FIX
        )
        return
    item = name_of(question.get("question_id"))
    if item and question.get("test_id") is not None:
        # Predictions of test outputs: several tests a question, each an item.
        test = name_of(question["test_id"])
        item = name_of(f"{item}/{test}") if test else ""
    graded = question.get("graded_list")
    if not item:
        findings.add(
            tally.path,
            "bad-item",
            "the question has no name",
            row=number,
            column="question_id",
            got=question.get("question_id"),
            fix=_FIX,
        )
    elif not isinstance(graded, list) or not 0 < len(graded) <= MAX_TRIALS:
        findings.add(
            tally.path,
            "unknown-layout",
            "the question has no verdicts",
            row=number,
            column="graded_list",
            got=len(graded) if isinstance(graded, list) else type(graded).__name__,
            wanted=f"1 to {MAX_TRIALS:,} verdicts",
            fix=_FIX,
        )
    elif None in (verdicts := [outcome(value) for value in graded]):
        findings.add(
            tally.path,
            "bad-verdict",
            "a verdict is neither true nor false",
            row=number,
            column="graded_list",
            got=graded[verdicts.index(None)],
            wanted="true or false",
            fix=_FIX,
        )
    elif item in tally.n_trials:
        findings.add(
            tally.path,
            "duplicate-item",
            "a question occurs twice",
            row=number,
            column="question_id",
            got=item,
            fix="leave one of the two out",
        )
    else:
        correct = sum(verdict for verdict in verdicts if verdict)
        tally.add(item, correct, len(verdicts))
