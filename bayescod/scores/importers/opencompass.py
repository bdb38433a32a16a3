"""OpenCompass: ``<work>/results/<model>/<dataset>.json``.

A trial is one verdict in ``details``: a list with one entry an item, whose ``correct`` is a list
over the replicas (``n`` or ``--dataset-num-runs``); or, older and for n = 1, an object with one
entry an index. Some evaluators call it ``is_correct`` or ``cascade_correct``. Without details
OpenCompass reports the accuracy of the last replica under whatever n was asked for, so that such
a file cannot be counted. The benchmark is the file's name, the model the folder's, and the time
that of the work folder (``20250131_235959``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bayescod.progress import SILENCE, Progress
from bayescod.scores.checks import shown
from bayescod.scores.importers.counting import MODEL_HELP, Tally, chosen, heard, model_of, settled
from bayescod.scores.importers.findings import Findings
from bayescod.scores.importers.reading import log_files, read_parts
from bayescod.scores.importers.records import Log
from bayescod.scores.importers.values import MAX_TRIALS, name_of, outcome

SELECT: Final[Mapping[str, str]] = {
    "model": f"{MODEL_HELP}: a file outside results/<model>/",
    "metric": "key of the verdicts where there are several: correct, is_correct, cascade_correct",
}
_VERDICTS: Final = ("correct", "is_correct", "cascade_correct")
_RUNS: Final = re.compile(r"\((\d{1,6}) runs average\)$")
_DETAILS: Final = (
    "evaluate again (-m eval) with an evaluator that gives details, such as "
    "AccwithDetailsEvaluator or MATHEvaluator, and with dump_details on"
)

_Entry = tuple[str, Mapping[str, object]]  # item, and what it has of verdicts


def read(
    paths: Sequence[Path], select: Mapping[str, str], progress: Progress = SILENCE
) -> list[Log]:
    """Read OpenCompass results; see :meth:`bayescod.scores.importers.tools.Importer.read`.

    One log a file; of folders, those in ``results/<model>/``.
    """
    findings = Findings()
    tallies: list[Tally] = []
    given = {Path(path) for path in paths}
    files = log_files(paths, ("*.json",), "results of OpenCompass")
    wanted = [path for path in files if path in given or _in_results(path)]
    if not wanted:
        findings.add(
            next(iter(paths), Path()),
            "no-logs",
            "no folder results/<model>/ holds a JSON file",
            fix="give the work folder of OpenCompass, or the files with --select model=NAME",
        )
    for path in heard(wanted, progress):
        with findings.gathering():
            tallies.append(_tally(path, select, findings))
    return settled(tallies, select, findings)


def _in_results(path: Path) -> bool:
    return path.absolute().parent.parent.name == "results"


def _tally(path: Path, select: Mapping[str, str], findings: Findings) -> Tally:
    place = path.absolute()
    folder = place.parent.name if _in_results(path) else ""
    started = re.fullmatch(r"(\d{8})_(\d{6})", place.parents[2].name) if folder else None
    model = model_of(select, folder, path, findings)
    tally = Tally(path.stem, model, path, finished=started[0] if started else "")
    entries: list[_Entry] = []
    why: object = None
    runs, indexed, listed = 1, False, False
    for key, value in read_parts(path, inside="details"):
        if key != "details":
            listed |= not key
            why = value if key == "error" else why
            runs = max(runs, int(hit[1])) if (hit := _RUNS.search(key)) else runs
        elif not isinstance(value, tuple):
            known = value if isinstance(value, dict) else {}
            entries.append((name_of(known.get("example_abbr")), _verdicts(value)))
        elif value[0] != "type":  # "GEN" or "PPL", among the entries
            indexed = True
            index = value[0] if value[0].isdecimal() else ""
            entries.append((name_of(index and f"{tally.benchmark}_{index}"), _verdicts(value[1])))
    if listed:
        findings.add(path, "unknown-layout", "the file is no object", fix=_DETAILS)
    elif why:
        told = f": {shown(why)}" if isinstance(why, str) else ""
        tally.dropped[f"the evaluation failed{told}"] = 0  # the whole log
    elif not any(verdicts for _, verdicts in entries):
        findings.add(
            path,
            "no-details",
            "the file has no verdict of each item, and its accuracy is of one replica only",
            column="details",
            wanted=" or ".join(_VERDICTS),
            fix=_DETAILS,
        )
    elif indexed and runs > 1:
        findings.add(
            path,
            "no-details",
            f"details by index do not say which of the {runs} replicas a verdict is of",
            column="details",
            fix=_DETAILS,
        )
    else:
        there = [key for key in _VERDICTS if any(key in verdicts for _, verdicts in entries)]
        if metric := chosen(select, "metric", there, path, findings):
            for number, (item, verdicts) in enumerate(entries, start=1):
                _count(number, item, verdicts.get(metric), runs, tally, findings)
    return tally


def _verdicts(entry: object) -> Mapping[str, object]:
    """What an entry has of verdicts; the texts beside them need not be kept."""
    known = entry if isinstance(entry, dict) else {}
    return {key: known[key] for key in _VERDICTS if known.get(key) is not None}


def _count(
    number: int, item: str, value: object, runs: int, tally: Tally, findings: Findings
) -> None:
    values = value if isinstance(value, list) else [value]
    verdicts = [outcome(each) for each in values]
    counted = [verdict for verdict in verdicts if verdict is not None]
    if not item:
        findings.add(
            tally.path,
            "bad-item",
            "an entry of the details has no usable name",
            row=number,
            column="details",
            wanted="example_abbr, or an index",
            fix=_DETAILS,
        )
    elif not 0 < len(values) <= MAX_TRIALS or len(counted) < len(values):
        odd = [each for each, verdict in zip(values, verdicts, strict=True) if verdict is None]
        findings.add(
            tally.path,
            "bad-verdict",
            "a verdict is neither true nor false",
            row=number,
            column="details",
            got=odd[0] if odd else f"{len(values)} verdicts",
            wanted="true or false, one a replica",
            fix=_DETAILS,
        )
    elif runs > 1 and len(counted) != runs:
        findings.add(
            tally.path,
            "missing-verdict",
            "an item has not one verdict a replica",
            row=number,
            column="details",
            got=len(counted),
            wanted=str(runs),
            fix=_DETAILS,
        )
    elif item in tally.n_trials:
        findings.add(
            tally.path,
            "duplicate-item",
            "an item occurs twice",
            row=number,
            column="example_abbr",
            got=item,
            fix="evaluate again",
        )
    else:
        tally.add(item, sum(counted), len(counted))
