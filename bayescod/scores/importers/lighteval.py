"""lighteval: ``details/<model>/<date>/details_<task>|<shots>_<date>.parquet``.

A trial is one sampled answer. Its verdicts are not written, but ``avg@n`` and ``pass@1`` are k/n
exactly, with n in the metric's own name (``avg@n:n=4``, ``pass@k:k=1&n=16``, ``pass@1:8_samples``);
``pass@k`` for larger k and votes over answers are no trials. Any other metric that is 0 or 1 is one
trial. The benchmark is the task with its number of shots, the item the index of the document (rows
are shuffled), whose text is hashed; the model is in the path, the
version of the task in ``results/<model>/results_<date>.json``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bayescod.progress import SILENCE, Progress
from bayescod.scores.importers.counting import MODEL_HELP, Tally, chosen, model_of, read_each
from bayescod.scores.importers.findings import Findings
from bayescod.scores.importers.reading import log_files, read_json, read_parquet
from bayescod.scores.importers.records import Log
from bayescod.scores.importers.values import MAX_TRIALS, digest_of, name_of, whole_count

SELECT: Final[Mapping[str, str]] = {
    "model": f"{MODEL_HELP}: a file outside details/<model>/<date>/",
    "metric": "such as avg@n:n=4 or extractive_match",
}
_PATTERNS: Final = ("details_*.parquet",)
_DATE: Final = re.compile(r"_(\d{4}-\d\d-\d\dT[0-9.:-]+)\.parquet$")
_PASS_AT_1: Final = re.compile(r"(?:.+_)?(?:pass@1|avg@\d+):(\d{1,9})(?:_samples)?")
_NO_TRIAL: Final = re.compile(r"(?:.+_)?(?:pass|maj|cons|g-pass|G-Pass)@.*")
_RERUN: Final = "run lighteval with a metric such as avg@n, or give n = 1"


def read(
    paths: Sequence[Path], select: Mapping[str, str], progress: Progress = SILENCE
) -> list[Log]:
    """Read lighteval details; see :meth:`bayescod.scores.importers.tools.Importer.read`.

    One log a file.
    """
    files = log_files(paths, _PATTERNS, "details of lighteval")
    return read_each(files, select, lambda *of: [_tally(*of)], progress)


def trials_of(metric: str, samples: object) -> int | None:
    """Trials whose mean a metric is.

    Parameters
    ----------
    metric : str
        Its name in lighteval.
    samples : object
        Number of answers to the document.

    Returns
    -------
    int or None
        1 for a metric of one verdict; ``None`` where it is no mean of verdicts.

    Examples
    --------
    >>> trials_of("avg@n:n=4", 8), trials_of("pass@k:k=1&n=16", 16), trials_of("em", 1)
    (4, 16, 1)
    >>> trials_of("pass@k:k=2&n=4", 4) is None
    True
    """
    if old := _PASS_AT_1.fullmatch(metric):
        return int(old[1])
    head, _, rest = metric.partition(":")
    values = dict(part.partition("=")[::2] for part in rest.split("&"))
    if head.endswith("avg@n") or (head.endswith("pass@k") and values.get("k") == "1"):
        if re.fullmatch(r"\d{1,9}", values.get("n", "")):
            return int(values["n"])
        return samples if isinstance(samples, int) and not isinstance(samples, bool) else None
    return None if _NO_TRIAL.fullmatch(metric) else 1


def _tally(path: Path, select: Mapping[str, str], findings: Findings) -> Tally:
    date = _DATE.search(path.name)
    model = model_of(select, _model_in(path), path, findings)
    tally = Tally("", model, path, finished=date[1] if date else "")
    metric: str | None = None
    for number, row in enumerate(read_parquet(path, ("doc", "metric")), start=1):
        document, scores = row["doc"], row["metric"]
        if not isinstance(document, dict) or not isinstance(scores, dict):
            findings.add(
                path,
                "unknown-layout",
                "the columns are of an older lighteval",
                row=number,
                wanted="doc and metric as structures",
                fix="evaluate again with lighteval 0.10 or later",
            )
            break
        if metric is None:
            metric = _metric(scores, select, path, findings)
            tally.benchmark = name_of(document.get("task_name"))
            tally.version = _version(path, tally.finished, tally.benchmark)
        if not tally.benchmark or document.get("task_name") != tally.benchmark:
            findings.add(
                path,
                "unknown-layout",
                "the rows are not of one task",
                row=number,
                column="doc.task_name",
                got=document.get("task_name"),
                wanted=tally.benchmark or "a name",
                fix="evaluate again",
            )
        elif metric and scores.get(metric) is None:
            tally.dropped[f"document without {metric}"] += 1
        elif metric:
            _count(number, document, scores[metric], metric, tally, findings)
    return tally


def _model_in(path: Path) -> str:
    """Folders between ``details`` and the date's."""
    folders = path.absolute().parent.parts
    if "details" not in folders:
        return ""
    first = len(folders) - folders[::-1].index("details")
    return "/".join(folders[first:-1])


def _version(path: Path, date: str, task: str) -> str:
    """Version of the task, from the results beside the details."""
    folders = path.absolute().parent.parts
    if "details" not in folders:
        return ""
    top = len(folders) - 1 - folders[::-1].index("details")
    results = Path(*folders[:top], "results", *folders[top + 1 : -1], f"results_{date}.json")
    known = read_json(results) if results.is_file() else {}
    tasks = known.get("config_tasks") if isinstance(known, dict) else None
    config = tasks.get(task) if isinstance(tasks, dict) else None
    return name_of(config.get("version")) if isinstance(config, dict) else ""


def _metric(
    scores: Mapping[str, object],
    select: Mapping[str, str],
    path: Path,
    findings: Findings,
) -> str:
    counted = [str(key) for key in scores if trials_of(str(key), samples=1) is not None]
    return chosen(select, "metric", counted, path, findings)


def _count(
    number: int,
    document: Mapping[str, object],
    score: object,
    metric: str,
    tally: Tally,
    findings: Findings,
) -> None:
    item = name_of(document.get("id"))
    trials = trials_of(metric, document.get("num_samples"))
    if not item or item in tally.n_trials:
        findings.add(
            tally.path,
            "duplicate-item" if item else "bad-item",
            "a document occurs twice" if item else "the document has no index",
            row=number,
            column="doc.id",
            got=document.get("id"),
            fix="evaluate again",
        )
    elif trials is None or not 0 < trials <= MAX_TRIALS:
        findings.add(
            tally.path,
            "bad-count",
            "the number of answers is unusable",
            row=number,
            column="doc.num_samples",
            got=document.get("num_samples") if trials is None else trials,
            wanted=f"1 to {MAX_TRIALS:,}",
            fix=_RERUN,
        )
    elif (correct := whole_count(score, trials)) is None:
        findings.add(
            tally.path,
            "fractional-score",
            f"the score is no mean of {trials} verdicts",
            row=number,
            column=f"metric.{metric}",
            got=score,
            wanted=f"k/{trials}, or another metric by --select metric=...",
            fix=_RERUN,
        )
    else:
        query = document.get("query")
        tally.add(item, correct, trials, digest_of(query) if isinstance(query, str) else "")
        tally.not_binary += 0 < correct < trials
