"""The main job as one function: scores in, a forecast distribution out."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version

from bayescod import __version__
from bayescod.errors import DataError, Problem, UnknownNameError
from bayescod.forecasting.fitting import Specs, fit, specs_of
from bayescod.forecasting.forecasts import forecasts_for
from bayescod.forecasting.records import ForecastSet
from bayescod.reporting.progress import Progress, Silence
from bayescod.sampling import configure
from bayescod.scores.records import Scores
from bayescod.scores.selection import Selection, parse_target, select_ladder


def forecast(
    scores: Scores,
    *,
    target: str,
    anchors: Sequence[str] = (),
    benchmarks: Sequence[str] = (),
    model_spec: str = "auto",
    smoothing: str = "horizontal",
    eval_trials: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> ForecastSet:
    """Forecast the benchmark scores of a model that is not trained yet.

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
    seed : int
        Same seed, same draws on one machine.
    progress : Progress or None
        Told how far the work is.

    Returns
    -------
    ForecastSet

    Raises
    ------
    DataError, UnknownNameError, SpecError
        If the input cannot be used.
    """
    selection = select_ladder(scores, parse_target(target, scores.llms), anchors)
    return forecast_selection(
        scores,
        selection,
        benchmarks=benchmarks,
        model_spec=model_spec,
        smoothing=smoothing,
        eval_trials=eval_trials,
        seed=seed,
        progress=progress,
    )


def forecast_selection(
    scores: Scores,
    selection: Selection,
    *,
    benchmarks: Sequence[str] = (),
    model_spec: str = "auto",
    smoothing: str = "horizontal",
    eval_trials: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> ForecastSet:
    """Forecast under a selection of LLMs that is already made; see :func:`forecast`."""
    _check(smoothing, eval_trials, seed)
    chosen = _choose(scores, benchmarks)
    specs = specs_of(model_spec)
    configure()
    fits = fit(chosen, selection, specs, smoothing, eval_trials, seed, progress or Silence())
    names = [benchmark.benchmark for benchmark in chosen.benchmarks]
    found = forecasts_for(fits, names, selection, seed)
    return ForecastSet(
        benchmarks=found,
        target=replace(found[0].target, truth=None),
        seed=seed,
        spec=model_spec,
        provenance=_provenance(scores, specs)
        | {
            "anchors": ", ".join(selection.anchors),
            "benchmarks": ", ".join(benchmarks),
            "smoothing": smoothing,
            "eval_trials": "" if eval_trials is None else str(eval_trials),
        },
        warnings=tuple(str(problem) for problem in (*scores.warnings, *selection.warnings)),
    )


def _choose(scores: Scores, benchmarks: Sequence[str]) -> Scores:
    known = {benchmark.benchmark: benchmark for benchmark in scores.benchmarks}
    for name in benchmarks:
        if name not in known:
            raise UnknownNameError("benchmark", name, known)
    if not benchmarks:
        return scores
    return replace(scores, benchmarks=tuple(known[name] for name in dict.fromkeys(benchmarks)))


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


def _provenance(scores: Scores, specs: Specs) -> dict[str, str]:
    return {
        "data_digest": scores.digest,
        "spec_digest": "-".join(spec.digest for spec in specs.all()),
        "bayescod": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("jax", "numpyro", "numpy", "arviz")},
    }
