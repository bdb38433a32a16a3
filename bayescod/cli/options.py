"""Arguments and options that several verbs share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Smoothing(StrEnum):
    """How the noise of single checkpoints is smoothed before fitting."""

    horizontal = "horizontal"
    vertical = "vertical"
    none = "none"


ScoresFile = Annotated[
    Path,
    typer.Argument(
        metavar="SCORES", exists=True, dir_okay=False, help="Scores table: CSV, Parquet, JSONL."
    ),
]
ModelsFile = Annotated[
    Path, typer.Option(exists=True, dir_okay=False, help="Models table with training compute.")
]
Anchors = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="A model that calibrates the mapping; may be repeated."),
]
BenchmarksFile = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="Benchmarks table, e.g. with `chance`."),
]
ChosenBenchmarks = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Only this benchmark; may be repeated.")
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all randomness.")]
SmoothingChoice = Annotated[
    Smoothing, typer.Option(help="Over checkpoints, over neighbouring models, or not at all.")
]
ExecutorURL = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Where to sample: dask://HOST:PORT, ray://HOST:PORT, local or local:N processes.",
        show_default=False,
    ),
]
ForecastFolder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder that `bayescod forecast` has written.")
]
RecordFolder = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        exists=True,
        help="Folder of a backtest, for the record; default: backtest.csv in DIR, if any.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
