"""How far a run is: bars on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from bayescod.progress import Progress, Silence
from bayescod.reporting.wording import printable

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


class Lines:
    """Progress as one plain line a step, for log files.

    Parameters
    ----------
    stream : text stream
        Where the lines go.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._name, self._total, self._done = "", 0, 0

    def phase(self, name: str, total: int) -> None:
        """Begin a phase."""
        self._name, self._total, self._done = printable(name), total, 0

    def advance(self, text: str = "") -> None:
        """Write a line."""
        self._done += 1
        step = f"{self._name} {self._done}/{self._total} {printable(text)}".rstrip()
        self._stream.write(step + "\n")
        self._stream.flush()


class Bars:
    """Progress as one bar a phase, for terminals.

    Parameters
    ----------
    display : rich.progress.Progress
        A display that is running.
    """

    def __init__(self, display: RichProgress) -> None:
        self._display = display
        self._task: TaskID | None = None

    def phase(self, name: str, total: int) -> None:
        """Begin a bar."""
        self._task = self._display.add_task(printable(name), total=total, step="")

    def advance(self, text: str = "") -> None:
        """Move the bar."""
        if self._task is not None:
            self._display.update(self._task, advance=1, step=printable(text))


@contextmanager
def progress_reporter(quiet: bool, stream: TextIO | None = None) -> Iterator[Progress]:
    """Choose how progress is shown.

    Parameters
    ----------
    quiet : bool
        Show nothing.
    stream : text stream, optional
        Where it is shown; standard error by default.

    Yields
    ------
    Progress
        To be handed to the computation.
    """
    shown_on = sys.stderr if stream is None else stream
    if quiet:
        yield Silence()
    elif not shown_on.isatty():
        yield Lines(shown_on)
    else:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[step]}", markup=False),
        )
        with RichProgress(*columns, console=Console(file=shown_on), transient=True) as display:
            yield Bars(display)
