"""``bayescod compare``: benchmarks by how predictable they are, or candidates by their chances."""

from __future__ import annotations

import sys
from pathlib import Path

from bayescod.cli.exits import leave
from bayescod.cli.locks import locked
from bayescod.cli.tables import read_record
from bayescod.decisions.contests import compare
from bayescod.decisions.documents import comparison_csv
from bayescod.files import write_text
from bayescod.forecasting.store import load
from bayescod.reporting.compare_table import show_comparison
from bayescod.reporting.terminal import console_for


def run_compare(folders: tuple[Path, ...], backtest: Path | None) -> None:
    """Compare, show, and write ``compare.csv`` beside the first forecast.

    Parameters
    ----------
    folders : tuple of Path
        Result folders of forecasts. One: its benchmarks are ranked. Several: each is set against
        each.
    backtest : Path or None
        Folder of a backtest, or its table, for the ranking; without, ``backtest.csv`` in the only
        folder where there is one.

    Raises
    ------
    typer.Exit
        With code 3 where the checks of a benchmark failed; the table is written all the same.
    BayescodError
        If a folder holds no finished forecast, or the forecasts cannot be compared.
    """
    forecasts = [load(folder) for folder in folders]
    # A record is of a ranking; beside several folders it is read only where it is asked for.
    ranked = len(folders) == 1 or backtest is not None
    found = compare(*forecasts, record=read_record(folders[0], backtest) if ranked else None)
    names = dict(zip(found.candidates, map(str, folders), strict=True))
    console = console_for(sys.stdout)
    show_comparison(found, console, names)
    with locked(folders[0]):
        write_text(folders[0] / "compare.csv", comparison_csv(found, names))
    console.print(f"Written: compare.csv in {folders[0]}", soft_wrap=True)
    for one in forecasts:
        leave(one)
