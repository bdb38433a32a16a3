"""Reading the tables that several verbs take, with the remarks on scores shown."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from bayescod.cli.exits import complain
from bayescod.evaluation.store import read_backtest
from bayescod.scores import read_scores
from bayescod.scores.records import Scores

if TYPE_CHECKING:
    import pandas as pd


def read_tables(scores: Path, models: Path, benchmarks: Path | None, smoothing: str) -> Scores:
    """Read a scores table and what belongs to it, and show what is remarkable about them.

    Parameters
    ----------
    scores, models : Path
    benchmarks : Path or None
    smoothing : str
        ``vertical`` acts on the difficulty profiles; checkpoints are summed as usual then.

    Returns
    -------
    Scores

    Raises
    ------
    DataError
        With every problem of the files.
    """
    over_checkpoints = "none" if smoothing == "none" else "horizontal"
    found = read_scores(scores, models, benchmarks, smoothing=over_checkpoints)
    warn(str(warning) for warning in found.warnings)
    return found


def read_record(folder: Path, given: Path | None) -> pd.DataFrame | None:
    """The rows of a backtest: of the one that is given, else of ``backtest.csv`` in a folder.

    Parameters
    ----------
    folder : Path
        The result folder of a forecast.
    given : Path or None
        Folder of a backtest, or its table.

    Returns
    -------
    pandas.DataFrame or None
        ``None`` where there is neither.

    Raises
    ------
    ResultError
        If it cannot be read.
    """
    beside = folder / "backtest.csv"
    source = given or (beside if beside.is_file() else None)
    return None if source is None else read_backtest(source)


def warn(warnings: Iterable[str]) -> None:
    """Show warnings on the error stream."""
    for warning in warnings:
        complain("warning", warning)
