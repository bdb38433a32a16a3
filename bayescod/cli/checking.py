"""``bayescod check``: apart from the other verbs, because it needs no sampler and answers fast."""

from __future__ import annotations

import sys
from pathlib import Path

from bayescod.checks import run_checks
from bayescod.cli.exits import leave
from bayescod.forecasting.store import load
from bayescod.reporting.terminal import console_for, show_checks


def run_check(folder: Path) -> None:
    """Show the coded checks of a finished forecast.

    Parameters
    ----------
    folder : Path
        The result folder.

    Raises
    ------
    typer.Exit
        With code 3 where a benchmark's status is ``fail``.
    ResultError
        If the folder holds no finished forecast.
    """
    forecasts = load(folder)
    show_checks(run_checks(forecasts), console_for(sys.stdout))
    leave(forecasts)
