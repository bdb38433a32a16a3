"""The verbs and their options. Nothing heavy is imported before a verb runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import bayescod
from bayescod.cli.exits import exit_codes
from bayescod.cli.options import (
    Anchors,
    BenchmarksFile,
    ChosenBenchmarks,
    ExecutorURL,
    ForecastFolder,
    ModelsFile,
    Quiet,
    RecordFolder,
    ScoresFile,
    Seed,
    Smoothing,
    SmoothingChoice,
)

app = typer.Typer(
    name="bayescod",
    help="Forecast a big language model's benchmark scores from a ladder of small ones.",
    epilog=(
        "Exit codes: 0 done, 1 the machine failed (memory, disk), 2 bad input or usage, "
        "3 checks failed, 130 interrupted, 143 terminated."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bayescod {bayescod.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Forecast a big language model's benchmark scores from a ladder of small ones."""


@app.command()
def forecast(
    scores: ScoresFile,
    models: ModelsFile,
    target: Annotated[
        str,
        typer.Option(
            metavar="NAME|FLOPS[@TOKENS_PER_PARAM]", help="The model, or the compute, to forecast."
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the results, new or of the same run.")
    ],
    anchor: Anchors = None,
    benchmark: ChosenBenchmarks = None,
    benchmarks: BenchmarksFile = None,
    model_spec: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Statistical model: a spec's name or file.")
    ] = "auto",
    seed: Seed = 0,
    smoothing: SmoothingChoice = Smoothing.horizontal,
    eval_trials: Annotated[
        int | None,
        typer.Option(min=1, help="Trials an item in the target's evaluation.", show_default=False),
    ] = None,
    update: Annotated[
        Path | None,
        typer.Option(
            metavar="SCORES",
            exists=True,
            dir_okay=False,
            help="Scores of checkpoints of the target's own run: is it on its course?",
        ),
    ] = None,
    executor: ExecutorURL = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Also state forecasts whose checks failed.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Forecast a target's score on each benchmark and write the results to a folder."""
    with exit_codes():
        from bayescod.cli.runs import ForecastOptions, run_forecast

        run_forecast(
            ForecastOptions(
                scores=scores,
                models=models,
                benchmarks_table=benchmarks,
                target=target,
                anchors=tuple(anchor or ()),
                benchmarks=tuple(benchmark or ()),
                model_spec=model_spec,
                smoothing=smoothing.value,
                eval_trials=eval_trials,
                update=update,
                seed=seed,
                executor=executor,
                out=out,
                accept=accept,
                quiet=quiet,
            )
        )


@app.command()
def backtest(
    scores: ScoresFile,
    models: ModelsFile,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the record, new or of the same run.")
    ],
    holdout: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Hold out this model; default: the largest third."),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Run this method; default: all that apply."),
    ] = None,
    anchor: Anchors = None,
    benchmark: ChosenBenchmarks = None,
    benchmarks: BenchmarksFile = None,
    distance: Annotated[
        list[float] | None,
        typer.Option(
            min=1.0,
            metavar="R",
            help="Also leave out models above 1/R of the held-out compute; may be repeated.",
        ),
    ] = None,
    seed: Seed = 0,
    smoothing: SmoothingChoice = Smoothing.horizontal,
    executor: ExecutorURL = None,
    quiet: Quiet = False,
) -> None:
    """Forecast models that are already measured: how often ranges held, and how sharp they were."""
    with exit_codes():
        from bayescod.cli.backtesting import BacktestOptions, run_backtest

        run_backtest(
            BacktestOptions(
                scores=scores,
                models=models,
                benchmarks_table=benchmarks,
                holdouts=tuple(holdout or ()),
                methods=tuple(method or ()),
                anchors=tuple(anchor or ()),
                benchmarks=tuple(benchmark or ()),
                distances=tuple(distance or (1.0,)),
                smoothing=smoothing.value,
                seed=seed,
                executor=executor,
                out=out,
                quiet=quiet,
            )
        )


@app.command()
def plan(
    folder: ForecastFolder,
    benchmark: Annotated[
        list[str],
        typer.Option(metavar="NAME", help="Benchmark of a wanted score; may be repeated."),
    ],
    score: Annotated[
        list[float],
        typer.Option(metavar="S", help="Wanted score from 0 to 1, one for each --benchmark."),
    ],
    probability: Annotated[
        list[float] | None,
        typer.Option(metavar="P", help="Chance to find the compute for; default: 0.5, 0.8, 0.9."),
    ] = None,
    tokens_per_param: Annotated[
        float | None,
        typer.Option(metavar="R", help="Training tokens a parameter, to say both."),
    ] = None,
    flops_per_hour: Annotated[
        float | None,
        typer.Option(metavar="F", help="FLOP an accelerator does in an hour, to say the hours."),
    ] = None,
    price: Annotated[
        float | None,
        typer.Option(metavar="P", help="Price of an accelerator-hour, to say the money."),
    ] = None,
) -> None:
    """How much compute buys wanted scores, alone and together, and what stopping earlier costs."""
    with exit_codes():
        from bayescod.cli.planning import PlanOptions, run_plan

        run_plan(
            PlanOptions(
                folder=folder,
                benchmarks=tuple(benchmark),
                scores=tuple(score),
                probabilities=tuple(probability or ()),
                tokens_per_param=tokens_per_param,
                flops_per_hour=flops_per_hour,
                price=price,
            )
        )


@app.command()
def compare(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR", help="Finished forecasts.")],
    backtest: RecordFolder = None,
) -> None:
    """One DIR: which benchmarks are predictable. Several: which is likely to score higher."""
    with exit_codes():
        from bayescod.cli.comparing import run_compare

        run_compare(tuple(folders), backtest)


@app.command()
def report(folder: ForecastFolder, backtest: RecordFolder = None) -> None:
    """Write the page a leader reads, report.html and report.md, beside a finished forecast."""
    with exit_codes():
        from bayescod.cli.reporting import run_report

        run_report(folder, backtest)


@app.command()
def check(folder: ForecastFolder) -> None:
    """Check a finished forecast: the sampler's health and statistical cautions, each coded."""
    with exit_codes():
        from bayescod.cli.checking import run_check

        run_check(folder)


@app.command("import")
def import_logs(
    tool: Annotated[
        str,
        typer.Argument(
            metavar="TOOL",
            help="lm-eval, inspect, helm, opencompass, evalplus, human-eval, livecodebench, "
            "lighteval, olmes or every-eval-ever.",
        ),
    ],
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="Logs, or folders that hold them.")
    ],
    out: Annotated[
        Path, typer.Option(metavar="SCORES", help="Scores table to write: CSV, Parquet, JSONL.")
    ],
    select: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="A choice the logs leave open, as filter=all; errors name what there is.",
        ),
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Models table whose names the models get; other names in its column `aliases`.",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Turn the logs of an evaluation tool into a scores table, with an account of what was left."""
    with exit_codes():
        from bayescod.cli.importing import ImportOptions, run_import

        run_import(ImportOptions(tool, tuple(paths), tuple(select or ()), models, out, quiet))


@app.command()
def simulate(
    preset: Annotated[
        str, typer.Option(metavar="NAME", help="What to draw: paper, small, greedy or off-ratio.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the tables and the truth.")],
    seed: Seed = 0,
) -> None:
    """Draw a ladder from a generative story and write its scores, with the truth beside them."""
    with exit_codes():
        from bayescod.cli.simulating import run_simulate

        run_simulate(preset, seed, out)


@app.command()
def demo(
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write the results to this folder.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Forecast the largest held-out model of the packaged ladder and compare with the truth."""
    with exit_codes():
        from bayescod.cli.runs import run_demo

        run_demo(out, quiet)
