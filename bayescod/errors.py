"""Errors and warnings of bayescod: what is wrong, where, got, wanted, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or worth a warning, in what the user gave.

    Attributes
    ----------
    code : str
        Stable short code, for example ``k-above-n``.
    message : str
        What is wrong, in one sentence.
    file, row, column : str, int, str
        Where; empty or ``None`` where it does not apply. Rows count from 1, the header excluded.
    got, wanted, fix : str
        The offending value, the legal one, what to do; empty where there is nothing to say.
    """

    code: str
    message: str
    file: str = ""
    row: int | None = None
    column: str = ""
    got: str = ""
    wanted: str = ""
    fix: str = ""

    def __str__(self) -> str:
        place = ", ".join(
            part
            for part in (
                self.file,
                "" if self.row is None else f"row {self.row}",
                f"column {self.column}" if self.column else "",
            )
            if part
        )
        parts = [f"[{self.code}] " + (f"{place}: " if place else "") + self.message]
        parts += [
            f"{label}: {text}"
            for label, text in (("got", self.got), ("wanted", self.wanted), ("do", self.fix))
            if text
        ]
        return "; ".join(parts)


class BayescodError(Exception):
    """Root of every error that bayescod raises on purpose."""


class DataError(BayescodError, ValueError):
    """The input files cannot be used; carries every problem found in one pass."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        count = len(self.problems)
        head = f"{count} problem{'s' if count != 1 else ''} in the input:"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


class SpecError(BayescodError, ValueError):
    """A statistical model spec cannot be used."""


class UnknownNameError(BayescodError, LookupError):
    """A name that does not exist; the message lists near ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(name, names, n=3, cutoff=0.5)
        shown = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(names[:12])}"
        super().__init__(f"unknown {kind} {name!r}; {shown}")


class ResultError(BayescodError, ValueError):
    """A result folder is missing, incomplete, locked or of another run."""


class SamplingError(BayescodError, RuntimeError):
    """Sampling could not be started or finished."""


class MachineError(BayescodError, RuntimeError):
    """The machine failed the run, not the input: memory, disk, or a worker that died."""


class DependencyError(BayescodError, ImportError):
    """An optional package is missing; the message says what to install."""


class BayescodWarning(UserWarning):
    """Root of bayescod's warnings."""
