"""Problems of all logs, gathered in one pass and told together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from bayescod.errors import DataError, Problem
from bayescod.scores.checks import LISTED, more, shown
from bayescod.scores.importers.values import shown_path

_FILES_LISTED: Final = 20  # with problems of one code


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


def _told(value: object) -> str:
    """Value from a log, without a look into it where it may be deep."""
    if value is None:
        return "nothing"
    if isinstance(value, list | dict | tuple):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    return shown(value)
