"""Checks of a table: one scan notes which rules are broken, a second one finds the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from bayescod.errors import Problem

LISTED = 5  # problems shown per code, file and column; the rest is counted
_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Check:
    """One rule that every row of a table has to keep.

    Attributes
    ----------
    code : str
        Stable code of the problem.
    column : str
        Column that is blamed.
    broken : str
        SQL condition over the checked relation, true where the rule is broken.
    message, wanted, fix : str
        Parts of the problem.
    got : str
        SQL expression of the offending value; default the column.
    """

    code: str
    column: str
    broken: str
    message: str
    wanted: str
    fix: str
    got: str = ""

    def problem(self, label: str, row: int | None, got: str | None) -> Problem:
        """Problem of one row of the file `label`."""
        return Problem(
            self.code,
            self.message,
            file=place(label),
            row=row,
            column=self.column,
            got="nothing" if got is None else shown(got),
            wanted=self.wanted,
            fix=self.fix,
        )


def place(label: object) -> str:
    """A file's path as one printable line: whole, since it says where to look."""
    return _printable(str(label))


def shown(value: object) -> str:
    """Value as one short printable line, however hostile it is.

    Parameters
    ----------
    value : object
        Anything from a file.

    Returns
    -------
    str
        Its text; control characters escaped, cut after 80 characters.
    """
    text = _printable(str(value))
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def _printable(text: str) -> str:
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def near(name: str, known: Iterable[str], cutoff: float = 0.6) -> list[str]:
    """Names of `known` that look like `name`, best first, whatever their case."""
    folded: dict[str, str] = {}
    for candidate in known:
        folded.setdefault(candidate.casefold(), candidate)
    hits = get_close_matches(name.casefold(), list(folded), n=3, cutoff=cutoff)
    return [folded[hit] for hit in hits]


def near_fix(name: str, known: Iterable[str]) -> str:
    """Question that offers near names; empty where there is none."""
    names = near(name, known)
    return f"did you mean {', '.join(shown(hit) for hit in names)}?" if names else ""


def listed(names: Sequence[str], limit: int = LISTED) -> str:
    """First names of a list, and how many more there are."""
    head = ", ".join(shown(name) for name in names[:limit])
    return head if len(names) <= limit else f"{head} and {len(names) - limit} more"


def more(problem: Problem, count: int) -> Problem:
    """Problem that stands for `count` others like `problem`."""
    return replace(
        problem, message=f"{problem.message} (and {count} more like this)", row=None, got=""
    )


def capped(problems: Iterable[Problem], limit: int = LISTED) -> tuple[Problem, ...]:
    """Problems with at most `limit` a code, file and column, then one line for the others.

    Parameters
    ----------
    problems : iterable of Problem
        In the order of discovery, which is kept.
    limit : int
        Number shown per code, file and column, >= 1.

    Returns
    -------
    tuple of Problem
        The problems, every surplus replaced by one that counts it.
    """
    everything = list(problems)
    total = Counter(_kind(problem) for problem in everything)
    seen: Counter[tuple[str, str, str]] = Counter()
    kept: list[Problem] = []
    for problem in everything:
        kind = _kind(problem)
        seen[kind] += 1
        if seen[kind] <= limit:
            kept.append(problem)
        elif seen[kind] == limit + 1:
            kept.append(more(problem, total[kind] - limit))
    return tuple(kept)


def missing_column(label: str, column: str, unknown: Sequence[str], fix: str = "") -> Problem:
    """Problem of a column that is absent, with the misspelling that may explain it."""
    hits = near(column, unknown)
    rename = f"rename column {shown(hits[0])} to {column}" if hits else ""
    return Problem(
        "missing-column",
        f"the file has no column {column}",
        file=place(label),
        column=column,
        got=f"other columns: {listed(unknown, 8)}" if unknown else "",
        wanted=column,
        fix=rename or fix or f"add the column {column}",
    )


def unknown_columns(label: str, unknown: Sequence[str], contract: Sequence[str]) -> Problem:
    """Warning that lists ignored columns and those that look like a known one."""
    likely = [
        f"{shown(name)} -> {hits[0]}" for name in unknown if (hits := near(name, contract, 0.75))
    ]
    return Problem(
        "unknown-columns",
        f"{len(unknown)} column{'s' if len(unknown) != 1 else ''} ignored",
        file=place(label),
        got=listed(unknown, 12),
        wanted=", ".join(contract),
        fix=f"misspelt? {'; '.join(likely)}" if likely else "",
    )


def _kind(problem: Problem) -> tuple[str, str, str]:
    return problem.code, problem.file, problem.column
