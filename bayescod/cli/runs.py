"""What the verbs do: read, forecast, write, show, and leave with the right exit code."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import bayescod.api
from bayescod.cli.exits import leave
from bayescod.cli.lasting import apart, resumable
from bayescod.cli.tables import read_tables, warn
from bayescod.errors import DataError, Problem
from bayescod.forecasting.executors import parse_executor
from bayescod.forecasting.recall import Recall
from bayescod.forecasting.store import require_free, write_forecast
from bayescod.reporting.course_table import show_course
from bayescod.reporting.progress import progress_reporter
from bayescod.reporting.terminal import console_for, show_forecast, show_hits
from bayescod.sampling import configure
from bayescod.scores import read_scores
from bayescod.scores.selection import parse_target

if TYPE_CHECKING:
    from bayescod.forecasting.records import ForecastSet
    from bayescod.scores.records import LLMTable


@dataclass(frozen=True, slots=True)
class ForecastOptions:
    """What ``bayescod forecast`` was asked for; see its help.

    Attributes
    ----------
    scores, models, out : Path
    benchmarks_table : Path or None
    target : str
    anchors, benchmarks : tuple of str
    model_spec, smoothing : str
    eval_trials : int or None
    update : Path or None
    seed : int
    executor : str or None
    accept, quiet : bool
    """

    scores: Path
    models: Path
    benchmarks_table: Path | None
    target: str
    anchors: tuple[str, ...]
    benchmarks: tuple[str, ...]
    model_spec: str
    smoothing: str
    eval_trials: int | None
    update: Path | None
    seed: int
    executor: str | None
    out: Path
    accept: bool
    quiet: bool


def run_forecast(options: ForecastOptions) -> None:
    """Forecast, write and show.

    Parameters
    ----------
    options : ForecastOptions
        What was asked for.

    Raises
    ------
    typer.Exit
        With code 3 where the checks of a benchmark failed, after everything is written.
    BayescodError
        If the input cannot be used; nothing is written then.
    """
    executor = parse_executor(options.executor)
    scores = read_tables(
        options.scores, options.models, options.benchmarks_table, options.smoothing
    )
    update = None
    if options.update is not None:
        update = read_scores(options.update, options.models, options.benchmarks_table)
    target = parse_target(options.target, scores.llms).name
    run = {
        "data_digest": scores.digest,
        "spec": options.model_spec,
        "target": target,
        "benchmarks": ", ".join(options.benchmarks),
        "smoothing": options.smoothing,
        "eval_trials": "" if options.eval_trials is None else str(options.eval_trials),
        "update_digest": "" if update is None else update.digest,
    }
    require_free(options.out, run | {"seed": options.seed})
    configure()
    run |= {"seed": str(options.seed)}
    with resumable(options.out, run, options.quiet, executor) as recall:
        with progress_reporter(options.quiet) as progress:
            forecasts = apart(
                lambda: bayescod.api.forecast(
                    scores,
                    target=options.target,
                    anchors=options.anchors,
                    benchmarks=options.benchmarks,
                    model_spec=options.model_spec,
                    smoothing=options.smoothing,
                    eval_trials=options.eval_trials,
                    update=update,
                    seed=options.seed,
                    progress=progress,
                    recall=recall,
                )
            )
        write_forecast(forecasts, options.out)
    shown = {str(warning) for warning in scores.warnings}
    warn(warning for warning in forecasts.warnings if warning not in shown)
    console = console_for(sys.stdout)
    show_forecast(forecasts, console, options.accept)
    if forecasts.course is not None:
        show_course(forecasts, forecasts.course, console, options.accept)
    console.print(f"Written to {options.out}", soft_wrap=True)
    leave(forecasts)


def run_demo(out: Path | None, quiet: bool) -> None:
    """Forecast the largest held-out target of the packaged ladder beside its truth.

    Parameters
    ----------
    out : Path or None
        Where to write the results; nowhere where None.
    quiet : bool
        Show no progress.

    Raises
    ------
    typer.Exit
        With code 3 where the checks of a benchmark failed.
    """
    from bayescod.datasets import load_text_ladder_paths

    paths = load_text_ladder_paths()
    scores = read_scores(paths.scores, paths.models, paths.benchmarks)
    target = _largest_target(scores.llms)
    configure()

    def forecast(recall: Recall) -> ForecastSet:
        with progress_reporter(quiet) as progress:
            return apart(
                lambda: bayescod.api.forecast(
                    scores, target=target, progress=progress, recall=recall
                )
            )

    if out is None:
        forecasts = forecast(Recall())
    else:
        run = {"data_digest": scores.digest, "target": target}
        require_free(out, run)
        with resumable(out, run, quiet) as recall:
            forecasts = forecast(recall)
            write_forecast(forecasts, out)
    console = console_for(sys.stdout)
    show_forecast(forecasts, console)
    show_hits(forecasts, console)
    if out is not None:
        console.print(f"Written to {out}", soft_wrap=True)
    leave(forecasts)


def _largest_target(llms: LLMTable) -> str:
    candidates = [
        (float(compute), name)
        for name, compute, role in zip(llms.name, llms.compute_flops, llms.role, strict=True)
        if role == "target" and math.isfinite(compute)
    ]
    if not candidates:
        problem = Problem("no-target", "the models table has no target with known compute")
        raise DataError([problem])
    return max(candidates)[1]
