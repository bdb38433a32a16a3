"""Exit codes: 0 done, 2 bad input or usage, 3 checks failed, 130 interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from bayescod.errors import BayescodError
from bayescod.reporting.wording import printable

if TYPE_CHECKING:
    from bayescod.forecasting.records import ForecastSet

BAD_INPUT = 2
CHECKS_FAILED = 3
INTERRUPTED = 130

_LONGEST_LINE = 10_000


def complain(kind: str, text: str) -> None:
    """Write a message to standard error, rid of terminal escapes that input may carry.

    Parameters
    ----------
    kind : str
        ``error`` or ``warning``.
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
    try:
        yield
    except KeyboardInterrupt:
        complain("error", "interrupted")
        raise typer.Exit(INTERRUPTED) from None
    except (BayescodError, OSError) as error:
        complain("error", str(error))
        raise typer.Exit(BAD_INPUT) from None


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
