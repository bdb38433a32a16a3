"""``bayescod backtest``: forecast LLMs that are already measured, and keep the record."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import bayescod.api
from bayescod.cli.lasting import apart, resumable
from bayescod.cli.tables import read_tables
from bayescod.evaluation.store import require_free, write_backtest
from bayescod.evaluation.summary import summarise_backtest
from bayescod.files import replacing
from bayescod.forecasting.executors import parse_executor
from bayescod.reporting.backtest_panels import coverage_figure, pit_figure
from bayescod.reporting.backtest_table import show_backtest
from bayescod.reporting.backtests import ratio_figure, truth_figure
from bayescod.reporting.progress import progress_reporter
from bayescod.reporting.style import save_figure
from bayescod.reporting.terminal import console_for

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class BacktestOptions:
    """What ``bayescod backtest`` was asked for; see its help.

    Attributes
    ----------
    scores, models, out : Path
    benchmarks_table : Path or None
    holdouts, methods, anchors, benchmarks : tuple of str
    distances : tuple of float
    smoothing : str
    seed : int
    executor : str or None
    quiet : bool
    """

    scores: Path
    models: Path
    benchmarks_table: Path | None
    holdouts: tuple[str, ...]
    methods: tuple[str, ...]
    anchors: tuple[str, ...]
    benchmarks: tuple[str, ...]
    distances: tuple[float, ...]
    smoothing: str
    seed: int
    executor: str | None
    out: Path
    quiet: bool


def run_backtest(options: BacktestOptions) -> None:
    """Run a backtest, write it and show its summary.

    Parameters
    ----------
    options : BacktestOptions
        What was asked for.

    Raises
    ------
    BayescodError
        If the input cannot be used; nothing is written then.
    """
    executor = parse_executor(options.executor)
    scores = read_tables(
        options.scores, options.models, options.benchmarks_table, options.smoothing
    )
    known = {"data_digest": scores.digest, "seed": str(options.seed)}
    require_free(options.out, known, tuple(_FIGURES))
    run = known | {
        "holdouts": ", ".join(options.holdouts),
        "methods": ", ".join(options.methods),
        "anchors": ", ".join(options.anchors),
        "benchmarks": ", ".join(options.benchmarks),
        "distances": ", ".join(f"{distance:g}" for distance in options.distances),
        "smoothing": options.smoothing,
    }
    with resumable(options.out, run, options.quiet, executor) as recall:
        with progress_reporter(options.quiet) as progress:
            found = apart(
                lambda: bayescod.api.backtest(
                    scores,
                    holdouts=options.holdouts,
                    methods=options.methods,
                    anchors=options.anchors,
                    benchmarks=options.benchmarks,
                    distances=options.distances,
                    smoothing=options.smoothing,
                    seed=options.seed,
                    progress=progress,
                    recall=recall,
                )
            )
        frame = found.frame()
        drawn = _FIGURES if len(frame) else {}
        for path, draw in drawn.items():
            with replacing(options.out / path) as temporary:
                save_figure(draw(frame), temporary, "png")
        write_backtest(found, options.out, tuple(drawn))
    console = console_for(sys.stdout)
    show_backtest(summarise_backtest(frame), console)
    for method, benchmark, reason in found.skipped:
        what = ", ".join(name for name in (method, benchmark) if name)
        console.print(f"left out: {what + ': ' if what else ''}{reason}", soft_wrap=True)
    console.print(f"Written to {options.out}", soft_wrap=True)


def _shown(frame: pd.DataFrame) -> list[str]:
    """Up to four methods, more than that cannot be told apart in one panel."""
    present = list(dict.fromkeys(frame["method"]))
    first = [name for name in _TELLING if name in present]
    return [*first, *(name for name in present if name not in first)][:4]


_TELLING = ("default", "cod", "end-to-end", "least-squares")
_FIGURES: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "figures/truth.png": lambda frame: truth_figure(frame, _shown(frame)[0]),
    "figures/pit.png": lambda frame: pit_figure(frame, _shown(frame)),
    "figures/coverage.png": lambda frame: coverage_figure(frame, _shown(frame)),
    "figures/ratio.png": lambda frame: ratio_figure(frame, _shown(frame)),
}
