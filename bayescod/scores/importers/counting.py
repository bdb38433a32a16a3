"""What importers share: choices and tallies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from bayescod.progress import Progress
from bayescod.scores.checks import listed, near_fix, shown
from bayescod.scores.importers.findings import Findings
from bayescod.scores.importers.records import Log
from bayescod.scores.importers.values import name_of, shown_path

MODEL_HELP: Final = "the model's name, where the log has none"


class Tally:
    """Trials of one model on one benchmark, counted while a log is read.

    Parameters
    ----------
    benchmark, model : str
    path : Path
        Of the log.
    finished, version : str
        As of :class:`~bayescod.scores.importers.records.Log`.
    """

    def __init__(
        self, benchmark: str, model: str, path: Path, finished: str = "", version: str = ""
    ) -> None:
        self.benchmark = benchmark
        self.model = model
        self.path = path
        self.finished = finished
        self.version = version
        self.n_trials: dict[str, int] = {}
        self.document: dict[str, str] = {}
        self.dropped: Counter[str] = Counter()
        self.not_binary = 0
        self._n_correct: dict[str, int] = {}

    def add(self, item: str, correct: int, trials: int = 1, document: str = "") -> None:
        """Count trials of an item.

        Parameters
        ----------
        item : str
        correct, trials : int
            ``0 <= correct <= trials``, ``trials`` at least 1.
        document : str
            Hash of the question; empty where unknown.
        """
        self.n_trials[item] = self.n_trials.get(item, 0) + trials
        self._n_correct[item] = self._n_correct.get(item, 0) + correct
        if document:
            self.document[item] = document

    def log(self) -> Log:
        """Give what was counted."""
        return Log(
            benchmark=self.benchmark,
            model=self.model,
            source=shown_path(self.path),
            finished=self.finished,
            n_trials=self.n_trials,
            n_correct=self._n_correct,
            version=self.version,
            document=self.document,
            dropped=dict(self.dropped),
            not_binary=self.not_binary,
        )


def chosen(
    select: Mapping[str, str],
    key: str,
    found: Sequence[str],
    path: Path,
    findings: Findings,
) -> str:
    """One of several metrics (filters, splits, ...): the user's, or the only one there is.

    Parameters
    ----------
    select : mapping
        What the user chose; several names with commas between are tried in turn, since logs of
        several benchmarks may each have their own.
    key : str
        Such as ``metric``.
    found : sequence of str
        What the log has.
    path : Path
        Of the log.
    findings : Findings
        Gets the problem where there is nothing to choose, or no choice was made.

    Returns
    -------
    str
        Empty where there is a problem.
    """
    wish = select.get(key)
    if wish is not None:
        for name in (wish, *wish.split(",")):
            if name in found:
                return name
        findings.add(
            path,
            f"unknown-{key}",
            f"the log has no such {key}",
            got=wish,
            wanted=listed(found, 12) or f"a {key}",
            fix=near_fix(wish, found) or f"choose another with --select {key}=...",
        )
    elif len(found) == 1:
        return found[0]
    elif found:
        findings.add(
            path,
            f"several-{key}s",
            f"the log has several {key}s, and each gives other counts",
            got=listed(found, 12),
            fix=f"choose one with --select {key}={shown(found[0])}",
        )
    else:
        findings.add(path, f"no-{key}", f"the log has no {key} with a verdict for each item")
    return ""


def model_of(select: Mapping[str, str], found: str, path: Path, findings: Findings) -> str:
    """Model's name: the user's, else the log's.

    Parameters
    ----------
    select : mapping
        What the user chose; its key ``model``.
    found : str
        From the log, its file name or its folder; empty where there is none.
    path : Path
        Of the log.
    findings : Findings
        Gets the problem where there is no name.

    Returns
    -------
    str
        Empty where there is a problem.
    """
    name = name_of(select.get("model", found))
    if not name:
        findings.add(
            path,
            "no-model",
            "neither the log nor its place says which model it is of",
            fix="name it with --select model=NAME, one import a model",
        )
    return name


def heard(files: Sequence[Path], progress: Progress) -> Iterator[Path]:
    """Go through files and tell of each that is done."""
    progress.phase("reading logs", len(files))
    for path in files:
        yield path
        progress.advance(path.name)


def read_each(
    files: Sequence[Path],
    select: Mapping[str, str],
    tallies_of: Callable[[Path, Mapping[str, str], Findings], Iterable[Tally]],
    progress: Progress,
) -> list[Log]:
    """Logs of files that are read one by one.

    Parameters
    ----------
    files : sequence of Path
    select : mapping
        What the user chose.
    tallies_of : callable
        (file, choices, findings) -> its tallies; problems go to the findings.
    progress : Progress
        Told of each file.

    Returns
    -------
    list of Log

    Raises
    ------
    DataError
        With every problem found; see :func:`settled`.
    """
    findings = Findings()
    tallies: list[Tally] = []
    for path in heard(files, progress):
        with findings.gathering():
            tallies += tallies_of(path, select, findings)
    return settled(tallies, select, findings)


def settled(tallies: Sequence[Tally], select: Mapping[str, str], findings: Findings) -> list[Log]:
    """Logs of all files, if nothing was wrong with any.

    Parameters
    ----------
    tallies : sequence of Tally
        In the order of the files.
    select : mapping
        What the user chose: one ``model`` is for several logs only where ``repeats`` is ``all``.
    findings : Findings
        What was found while reading.

    Returns
    -------
    list of Log

    Raises
    ------
    DataError
        If something was found, a log has no trials, or one name was chosen for several models.
    """
    named: dict[str, Path] = {}
    for tally in tallies:
        first = named.setdefault(tally.benchmark, tally.path)
        if "model" in select and select.get("repeats") != "all" and first != tally.path:
            findings.add(
                tally.path,
                "one-name-several-logs",
                f"one model was named, but this is another log of {shown(tally.benchmark)}",
                got=f"{first.name} and {tally.path.name}",
                fix="import one model's logs at a time, with --select repeats=all if they add up",
            )
        if not name_of(tally.benchmark) and not findings.about(tally.path):
            findings.add(
                tally.path,
                "no-benchmark",
                "neither the log nor its name says which benchmark it is of",
                fix="rename the file as the tool does, or leave it out",
            )
        failed = 0 in tally.dropped.values()  # the whole log, as merging tells
        if not tally.n_trials and not failed and not findings.about(tally.path):
            why = "; ".join(f"{count} x {reason}" for reason, count in tally.dropped.items())
            findings.add(
                tally.path,
                "no-trials",
                "the log has no trial that counts",
                got=why or "nothing",
                fix="leave the file out, or run the evaluation again",
            )
    findings.settle()
    return [tally.log() for tally in tallies]
