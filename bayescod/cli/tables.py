"""Reading the tables that several verbs take, with the remarks on them shown."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bayescod.cli.exits import complain
from bayescod.scores import read_scores
from bayescod.scores.records import Scores


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


def warn(warnings: Iterable[str]) -> None:
    """Show warnings on the error stream."""
    for warning in warnings:
        complain("warning", warning)
