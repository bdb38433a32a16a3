"""What importers share: problems gathered in one pass, choices, and tallies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from bayescod.errors import DataError, Problem
from bayescod.scores.checks import LISTED, listed, more, near_fix, shown
from bayescod.scores.importers.records import Log
from bayescod.scores.importers.values import name_of, shown_path

_FILES_LISTED: Final = 20  # with problems of one code
MODEL_HELP: Final = "the model's name, where the log has none"


class Findings:
    """Problems of all logs; few of a kind are kept, the others counted, so memory is bounded."""

    def __init__(self) -> None:
        self._kept: list[Problem] = []
        self._count: Counter[tuple[str, str, str]] = Counter()
        self._from_readers: list[Problem] = []  # few of a kind already
        self._files: set[str] = set()

    def __len__(self) -> int:
        return self._count.total() + len(self._from_readers)

    def add(self, path: Path, code: str, message: str, **where: object) -> None:
        """Note a problem of a file.

        Parameters
        ----------
        path : Path
        code, message : str
        **where
            ``row``, ``column``, ``got``, ``wanted`` and ``fix`` of the problem; ``got`` may be
            any value from the file.
        """
        row = where.get("row")
        self.note(
            Problem(
                code,
                message,
                file=shown_path(path),
                row=row if isinstance(row, int) else None,
                column=shown(where.get("column", "")),
                got=_told(where["got"]) if "got" in where else "",
                wanted=str(where.get("wanted", "")),
                fix=str(where.get("fix", "")),
            )
        )

    def note(self, problem: Problem) -> None:
        """Keep a problem, or count it where there are enough of its kind."""
        kind = problem.code, problem.file, problem.column
        self._count[kind] += 1
        self._files.add(problem.file)
        if self._count[kind] <= LISTED:
            self._kept.append(problem)

    def about(self, path: Path) -> bool:
        """Whether anything was found in a file."""
        return shown_path(path) in self._files

    def take(self, others: Findings) -> None:
        """Take over what was found elsewhere."""
        for problem in others._kept:
            self.note(problem)
        for kind, count in others._count.items():
            self._count[kind] += max(0, count - LISTED)

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Note the problems of a file that its reader gave up on, and go on with the next."""
        try:
            yield
        except DataError as error:
            self._from_readers += error.problems
            self._files.update(problem.file for problem in error.problems)

    def settle(self) -> None:
        """Raise what was found.

        Raises
        ------
        DataError
            If there is any problem.
        """
        seen: Counter[tuple[str, str, str]] = Counter()
        told: list[Problem] = []
        for problem in self._kept:
            kind = problem.code, problem.file, problem.column
            seen[kind] += 1
            told.append(problem)
            if seen[kind] == LISTED and self._count[kind] > LISTED:
                told.append(more(problem, self._count[kind] - LISTED))
        if told := _of_few_files([*told, *self._from_readers]):
            raise DataError(told)


def _of_few_files(problems: Sequence[Problem]) -> list[Problem]:
    """Problems of the first files that have such; of the others, how many there are."""
    files: dict[str, dict[str, int]] = {}  # by code, in order
    told: list[Problem] = []
    first_left_out: dict[str, Problem] = {}
    for problem in problems:
        known = files.setdefault(problem.code, {})
        if known.setdefault(problem.file, len(known)) < _FILES_LISTED:
            told.append(problem)
        else:
            first_left_out.setdefault(problem.code, problem)
    for code, problem in first_left_out.items():
        count = len(files[code]) - _FILES_LISTED
        message = f"{problem.message} (so in {count} more files, of which this is the first)"
        told.append(replace(problem, message=message))
    return told


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


def _told(value: object) -> str:
    """Value from a log, without a look into it where it may be deep."""
    if value is None:
        return "nothing"
    if isinstance(value, list | dict | tuple):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    return shown(value)


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
