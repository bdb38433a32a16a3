"""Exit codes: 0 done, 1 the machine failed, 2 bad input or usage, 3 checks failed, 130 or 143.

130 is an interrupt (Ctrl-C), 143 a request to terminate: 128 and the signal's number.
"""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import typer

from bayescod.errors import BayescodError, MachineError
from bayescod.reporting.wording import printable

if TYPE_CHECKING:
    from types import FrameType

    from bayescod.forecasting.records import ForecastSet

MACHINE_FAILED = 1
BAD_INPUT = 2
CHECKS_FAILED = 3
INTERRUPTED = 130
TERMINATED = 143

_LONGEST_LINE = 10_000
# What no other input or option would mend. Of a folder that may not be written to, another would.
_MACHINE = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO),
    *(errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN),
)


def complain(kind: str, text: str) -> None:
    """Write a message to standard error, rid of terminal escapes that input may carry.

    Parameters
    ----------
    kind : str
        ``error``, ``warning`` or ``note``.
    text : str
        The message, of any number of lines.
    """
    lines = "\n".join(printable(line, _LONGEST_LINE) for line in text.splitlines())
    typer.echo(f"{kind}: {lines}", err=True)


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn errors that the user can mend into a message and an exit code; others pass.

    Yields
    ------
    None
    """
    heard: list[int] = []
    try:
        with _hearing_termination(heard):
            yield
    except KeyboardInterrupt as stop:
        if heard:
            _leave_with(TERMINATED, "terminated", stop)
        _leave_with(INTERRUPTED, "interrupted", stop)
    except MachineError as error:
        _leave_with(MACHINE_FAILED, str(error), error)
    except MemoryError as error:
        _leave_with(MACHINE_FAILED, f"memory does not suffice: {error}".rstrip(": "), error)
    except (BayescodError, OSError) as error:
        if _is_of_the_machine(error):
            text = f"{error}; mend that, then give the same command again"
            _leave_with(MACHINE_FAILED, text, error)
        _leave_with(BAD_INPUT, str(error), error)


def _leave_with(code: int, text: str, error: BaseException) -> NoReturn:
    complain("error", text)
    for note in getattr(error, "__notes__", ()):
        complain("note", note)
    raise typer.Exit(code) from None


def _is_of_the_machine(error: Exception) -> bool:
    """Whether the disk is full, or the like; HDF5 tells that in its message alone."""
    if not isinstance(error, OSError):
        return False
    return error.errno in _MACHINE or os.strerror(errno.ENOSPC) in str(error)


@contextmanager
def _hearing_termination(heard: list[int]) -> Iterator[None]:
    """Let a request to terminate unwind the stack as Ctrl-C does, and note that it was one."""

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        heard.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def leave(forecasts: ForecastSet) -> None:
    """End a verb by the status of what it forecast or checked.

    Parameters
    ----------
    forecasts : ForecastSet
        All forecasts of the run.

    Raises
    ------
    typer.Exit
        With code 3 where the checks of a benchmark failed.
    """
    if forecasts.status() == "fail":
        raise typer.Exit(CHECKS_FAILED)
