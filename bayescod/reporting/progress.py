"""How far a run is: bars on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from bayescod.progress import Progress, Silence
from bayescod.reporting.wording import printable

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


class Pace:
    """Time left in a phase, from the time that its steps have taken so far.

    Parameters
    ----------
    clock : callable
        Seconds, from any origin.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._began, self._total, self._done = clock, clock(), 0, 0

    def phase(self, total: int) -> None:
        """Begin a phase of ``total`` steps."""
        self._began, self._total, self._done = self._clock(), total, 0

    def advance(self) -> str:
        """Finish a step; the time left as readers want it, empty where it is under a second."""
        self._done += 1
        spent = self._clock() - self._began
        left = spent / self._done * max(self._total - self._done, 0)
        if left < 1.0:
            return ""
        minutes, seconds = divmod(round(left), 60)
        hours, minutes = divmod(minutes, 60)
        text = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
        return f"about {text} left"


class Lines:
    """Progress as one plain line a step, for log files.

    Parameters
    ----------
    stream : text stream
        Where the lines go.
    clock : callable
        Seconds, from any origin.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._pace = stream, Pace(clock)
        self._name, self._total, self._done = "", 0, 0

    def phase(self, name: str, total: int) -> None:
        """Begin a phase."""
        self._name, self._total, self._done = printable(name), total, 0
        self._pace.phase(total)

    def advance(self, text: str = "") -> None:
        """Write a line."""
        self._done += 1
        parts = (f"{self._name} {self._done}/{self._total}", printable(text), self._pace.advance())
        self._stream.write(" ".join(part for part in parts if part) + "\n")
        self._stream.flush()


class Bars:
    """Progress as one bar a phase, for terminals.

    Parameters
    ----------
    display : rich.progress.Progress
        A display that is running, with fields ``step`` and ``left`` of its tasks.
    clock : callable
        Seconds, from any origin.
    """

    def __init__(self, display: RichProgress, clock: Callable[[], float] = time.monotonic) -> None:
        self._display, self._pace = display, Pace(clock)
        self._task: TaskID | None = None

    def phase(self, name: str, total: int) -> None:
        """Begin a bar."""
        self._pace.phase(total)
        self._task = self._display.add_task(printable(name), total=total, step="", left="")

    def advance(self, text: str = "") -> None:
        """Move the bar."""
        if self._task is not None:
            left = self._pace.advance()
            self._display.update(self._task, advance=1, step=printable(text), left=left)


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
            # Rich's own estimate takes steps that end together for a burst of speed.
            TextColumn("{task.fields[left]}", markup=False),
            TextColumn("{task.fields[step]}", markup=False),
        )
        with RichProgress(*columns, console=Console(file=shown_on), transient=True) as display:
            yield Bars(display)
