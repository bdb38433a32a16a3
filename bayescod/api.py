"""The main job as one function: scores in, a forecast distribution out."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version

from bayescod import __version__
from bayescod.baselines.methods import METHODS, method_of
from bayescod.errors import DataError, Problem
from bayescod.evaluation.backtest import backtest_rows, tasks_of
from bayescod.evaluation.records import Backtest
from bayescod.forecasting.fitting import fit
from bayescod.forecasting.forecasts import forecasts_for, updated_forecasts
from bayescod.forecasting.recall import Recall, recalling
from bayescod.forecasting.records import ForecastSet
from bayescod.forecasting.spec_sets import specs_of
from bayescod.progress import Progress, Silence
from bayescod.sampling import configure
from bayescod.scores.checkpoints import update_of
from bayescod.scores.records import Scores
from bayescod.scores.selection import Selection, parse_target, select_ladder
from bayescod.scores.slicing import choose_benchmarks
from bayescod.specs import Spec


def forecast(
    scores: Scores,
    *,
    target: str,
    anchors: Sequence[str] = (),
    benchmarks: Sequence[str] = (),
    model_spec: str = "auto",
    smoothing: str = "horizontal",
    eval_trials: int | None = None,
    update: Scores | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    recall: Recall | None = None,
    executor: str | None = None,
) -> ForecastSet:
    """Forecast the benchmark scores of a model that is not trained yet, or not to its end.

    Parameters
    ----------
    scores : Scores
        From :func:`bayescod.read_scores`.
    target : str
        Name of a model in the models table, compute in FLOP, or ``FLOP@TOKENS_PER_PARAM``.
    anchors : sequence of str
        Models that enter the mapping only; those of role ``anchor`` where empty.
    benchmarks : sequence of str
        Which benchmarks; all where empty.
    model_spec : str
        ``auto`` (COD where the items allow it, else end-to-end), a spec's name, or a TOML file.
    smoothing : str
        ``vertical`` smooths difficulty profiles over neighbouring sizes before clustering;
        ``horizontal`` and ``none`` are settled when the scores are read.
    eval_trials : int or None
        Trials an item of the evaluation that is forecast; the ladder's median where ``None``.
    update : Scores or None
        Scores of checkpoints of the target's own run, read with the same models table: the
        forecast is conditioned on the last, and its ``course`` judges them all.
    seed : int
        Same seed, same draws on one machine.
    progress : Progress or None
        Told how far the work is.
    recall : Recall or None
        Remembers posteriors; one that keeps them on disk lets the same call go on where it was
        stopped.
    executor : str or None
        Where to sample: ``dask://HOST:PORT``, ``ray://HOST:PORT``, ``local`` or ``local:N``
        (processes of this machine); in this process where ``None``. On machines of one kind the
        draws are the same. A recall that is given has its own.

    Returns
    -------
    ForecastSet

    Raises
    ------
    DataError, UnknownNameError, SpecError
        If the input cannot be used.
    DependencyError
        If the extra of the executor is not installed.
    MachineError
        If memory does not suffice, or the workers of the executor are lost.
    """
    selection = select_ladder(scores, parse_target(target, scores.llms), anchors)
    return forecast_selection(
        scores,
        selection,
        benchmarks=benchmarks,
        model_spec=model_spec,
        smoothing=smoothing,
        eval_trials=eval_trials,
        update=update,
        seed=seed,
        progress=progress,
        recall=recall,
        executor=executor,
    )


def forecast_selection(
    scores: Scores,
    selection: Selection,
    *,
    benchmarks: Sequence[str] = (),
    model_spec: str = "auto",
    smoothing: str = "horizontal",
    eval_trials: int | None = None,
    update: Scores | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    recall: Recall | None = None,
    executor: str | None = None,
) -> ForecastSet:
    """Forecast under a selection of LLMs that is already made; see :func:`forecast`."""
    _check(smoothing, eval_trials, seed)
    chosen = choose_benchmarks(scores, benchmarks)
    known = None
    if update is not None:
        known = update_of(update, chosen, selection.target, selection.ladder)
    specs = specs_of(model_spec)
    configure()
    shown = progress or Silence()
    with recalling(recall, executor) as sampling:
        fits = fit(chosen, selection, specs, smoothing, eval_trials, seed, shown, sampling)
    course = None
    if known is None:
        found = forecasts_for(fits, selection, seed)
    else:
        found, course = updated_forecasts(fits, selection, seed, known)
    return ForecastSet(
        benchmarks=found,
        target=replace(found[0].target, truth=None),
        seed=seed,
        spec=model_spec,
        provenance=_provenance(scores, specs.all())
        | {
            "anchors": ", ".join(selection.anchors),
            "benchmarks": ", ".join(benchmarks),
            "smoothing": smoothing,
            "eval_trials": "" if eval_trials is None else str(eval_trials),
            "update_digest": "" if update is None else update.digest,
        },
        warnings=tuple(str(problem) for problem in (*scores.warnings, *selection.warnings)),
        course=course,
    )


def backtest(
    scores: Scores,
    *,
    holdouts: Sequence[str] = (),
    methods: Sequence[str] = (),
    anchors: Sequence[str] = (),
    benchmarks: Sequence[str] = (),
    distances: Sequence[float] = (1.0,),
    smoothing: str = "horizontal",
    seed: int = 0,
    progress: Progress | None = None,
    recall: Recall | None = None,
    executor: str | None = None,
) -> Backtest:
    """Forecast LLMs that are already measured, as if they had not been trained, and score that.

    A held-out LLM goes before anything else happens, with all other checkpoints of its run and
    every LLM of at least its compute.

    Parameters
    ----------
    scores : Scores
        From :func:`bayescod.read_scores`.
    holdouts : sequence of str
        LLMs to hold out, each in turn; the largest third where empty.
    methods : sequence of str
        Keys of :data:`bayescod.baselines.methods.METHODS`; all that apply where empty.
    anchors, benchmarks, smoothing, seed, progress, recall, executor
        See :func:`forecast`.
    distances : sequence of float
        At least 1: at R, LLMs with more than 1/R of the held-out one's compute are left out too,
        for a record at the distance of a forecast that is wanted.

    Returns
    -------
    Backtest

    Raises
    ------
    DataError, UnknownNameError, DependencyError, MachineError
        See :func:`forecast`.
    """
    _check(smoothing, None, seed)
    wrong = [distance for distance in distances if not 1.0 <= distance < float("inf")]
    if wrong or not distances:
        got = ", ".join(map(str, wrong)) or "none"
        raise DataError([Problem("distance", "distance of a backtest", got=got, wanted=">= 1")])
    names = tuple(dict.fromkeys(methods)) or tuple(METHODS)
    specs = [method_of(name).spec for name in names]
    chosen = choose_benchmarks(scores, benchmarks)
    configure()
    tasks, skipped = tasks_of(chosen, holdouts, anchors, tuple(dict.fromkeys(distances)))
    shown = progress or Silence()
    with recalling(recall, executor) as sampling:
        rows, left_out, seconds = backtest_rows(
            chosen, tasks, names, smoothing, seed, shown, sampling
        )
    used = [spec for name in dict.fromkeys(specs) if name for spec in specs_of(name).all()]
    return Backtest(
        rows=rows,
        skipped=(*skipped, *left_out),
        seconds=seconds,
        provenance=_provenance(scores, used)
        | {
            "seed": str(seed),
            "holdouts": ", ".join(name for task in tasks for name in task.held_out),
            "methods": ", ".join(names),
            "anchors": ", ".join(anchors),
            "benchmarks": ", ".join(benchmarks),
            "distances": ", ".join(f"{distance:g}" for distance in distances),
            "smoothing": smoothing,
        },
        warnings=tuple(str(problem) for problem in scores.warnings),
    )


def _check(smoothing: str, eval_trials: int | None, seed: int) -> None:
    problems = []
    if smoothing not in ("horizontal", "vertical", "none"):
        wanted = "horizontal, vertical or none"
        problems.append(
            Problem("smoothing", "unknown smoothing", got=repr(smoothing), wanted=wanted)
        )
    if eval_trials is not None and eval_trials < 1:
        problems.append(
            Problem("eval-trials", "too few trials", got=str(eval_trials), wanted="at least 1")
        )
    if seed < 0:
        problems.append(Problem("seed", "negative seed", got=str(seed), wanted="at least 0"))
    if problems:
        raise DataError(problems)


def _provenance(scores: Scores, specs: Sequence[Spec]) -> dict[str, str]:
    return {
        "data_digest": scores.digest,
        "spec_digest": "-".join(dict.fromkeys(spec.digest for spec in specs)),
        "bayescod": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("jax", "numpyro", "numpy", "arviz")},
    }
