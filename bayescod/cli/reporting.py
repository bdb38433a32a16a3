"""``bayescod report``: the page a leader reads, from a finished forecast."""

from __future__ import annotations

from pathlib import Path

import typer

from bayescod.cli.exits import leave
from bayescod.cli.locks import locked
from bayescod.cli.tables import read_record
from bayescod.files import write_text
from bayescod.forecasting.store import load
from bayescod.reporting.page.facts import page_facts
from bayescod.reporting.page.goals import read_plan
from bayescod.reporting.page.markdown import markdown
from bayescod.reporting.page.page import render

_PLAN = "plan.json"


def run_report(folder: Path, backtest: Path | None) -> None:
    """Write ``report.html`` and ``report.md`` beside a forecast.

    Where the folder has a ``plan.json``, the page says how likely its wanted scores are.

    Parameters
    ----------
    folder : Path
        The result folder of a forecast.
    backtest : Path or None
        Folder of a backtest, or its table; without, ``backtest.csv`` in ``folder`` where there is
        one.

    Raises
    ------
    typer.Exit
        With code 3 where the checks of a benchmark failed; both files are written all the same.
    ResultError
        If the folder holds no finished forecast, or the backtest or the plan cannot be used.
    """
    forecasts = load(folder)
    asked = folder / _PLAN
    page = page_facts(
        forecasts,
        read_record(folder, backtest),
        read_plan(asked, forecasts) if asked.is_file() else None,
    )
    with locked(folder):
        write_text(folder / "report.html", render(page))
        write_text(folder / "report.md", markdown(page))
    typer.echo(f"Written: report.html and report.md in {folder}")
    leave(forecasts)
