"""Reads off a forecast what the page shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayescod.checks import check_forecast
from bayescod.decisions.planning import Plan, plan
from bayescod.decisions.predictability import Predictability, rank_benchmarks
from bayescod.decisions.verdicts import CARE, DO_NOT
from bayescod.evaluation.power_scaling import stored_power_scaling
from bayescod.forecasting.records import BenchmarkForecast, ForecastSet, Summary
from bayescod.reporting.page.cautions import benchmark_cautions, page_cautions
from bayescod.reporting.page.goals import (
    HOW_TO_ASK,
    goal_sentence,
    goals_of,
    reaching_sentence,
    require_fit,
)
from bayescod.reporting.page.paths import without_folders
from bayescod.reporting.page.priors import CONDITIONED, NOT_STORED
from bayescod.reporting.page.record import record_of
from bayescod.reporting.page.records import (
    BenchmarkFacts,
    Chance,
    Dot,
    Fan,
    Goal,
    Makeup,
    PageFacts,
    Part,
    Record,
)
from bayescod.reporting.page.run import run_so_far
from bayescod.reporting.page.widths import widths_of
from bayescod.reporting.page.words import expectation, why_end_to_end
from bayescod.reporting.plan_table import chance
from bayescod.reporting.style import NORMAL_90, SHOWN_BEYOND_TARGET, is_withheld
from bayescod.reporting.wording import flops, percent_range, printable, times

if TYPE_CHECKING:
    import pandas as pd

_OUTCOMES = (np.arange(20) + 0.5) / 20
_FAN = (0.05, 0.25, 0.5, 0.75, 0.95)
_PARTS = (0.25, 0.5, 1.0, 2.0, 4.0)
_MAKEUP = {
    "extrapolated": "of the questions: in groups that can probably be extrapolated",
    "doubtful": "in groups that probably cannot",
    "loose": "in no group",
}
_WITHHELD = "The sampler's checks failed: no forecast is stated."


def page_facts(
    forecasts: ForecastSet, rows: pd.DataFrame | None = None, wanted: Plan | None = None
) -> PageFacts:
    """Everything the page shows.

    Parameters
    ----------
    forecasts : ForecastSet
        With at least one benchmark.
    rows : pandas.DataFrame, optional
        The columns of ``backtest.csv``, for the record.
    wanted : Plan, optional
        Of this forecast, for the chances of wanted scores.

    Returns
    -------
    PageFacts

    Raises
    ------
    ResultError
        If the plan is of another target.
    """
    if wanted is not None:
        require_fit(wanted, forecasts)
    target = forecasts.target
    record, note = record_of(rows, forecasts.spec, target.compute_ratio)
    # What can be leant on stands at the top, what is withheld at the bottom.
    ordered = [
        _benchmark(forecasts, one, f"b{one.rank}", record, wanted)
        for one in rank_benchmarks(forecasts, rows)
    ]
    withheld = [one.forecast.benchmark for one in ordered if one.withheld]
    goals = goals_of(wanted, withheld)
    run = run_so_far(forecasts.course, [(one.key, one.forecast) for one in ordered], withheld)
    name = printable(target.model, 40)
    return PageFacts(
        title=f"Forecast for {name}",
        headline=_headline(ordered, goals),
        together=_together(ordered),
        run=run,
        goals=goals,
        goals_note="" if goals else HOW_TO_ASK,
        cautions=page_cautions(target.compute_ratio, ordered, record, run),
        benchmarks=tuple(ordered),
        record=record,
        record_note=note,
        scaling_note=_scaling_note(forecasts, ordered),
        target=f"{name}: {flops(target.compute_flops)}, {times(target.compute_ratio)} times the "
        "compute of the largest measured LLM",
        seed=forecasts.seed,
        spec=printable(forecasts.spec, 80),
        provenance=tuple(
            (printable(key), printable(without_folders(value), 1000))
            for key, value in forecasts.provenance.items()
        ),
        warnings=tuple(printable(without_folders(one), 1000) for one in forecasts.warnings),
    )


def _scaling_note(forecasts: ForecastSet, ordered: list[BenchmarkFacts]) -> str:
    if forecasts.course is not None:
        return CONDITIONED
    told = any(one.scaling is not None for one in ordered)
    return "" if told else NOT_STORED


def _headline(ordered: list[BenchmarkFacts], goals: tuple[Goal, ...]) -> str:
    stated, count = [one for one in ordered if not one.withheld], len(ordered)
    if not stated:
        return "The sampler's checks failed on every benchmark: no forecast is stated."
    useful = [one for one in stated if one.predictability.verdict != DO_NOT]
    careful = sum(one.predictability.verdict == CARE for one in useful)
    with_care = f", {careful} of them only with care" if careful else ""
    some = f"{len(useful)} of {count} benchmarks can be forecast{with_care}. " if count > 1 else ""
    # What nobody should lean on is no headline, unless there is nothing else.
    shown = useful or stated
    if len(shown) == 1:
        return f"{some}{shown[0].name}: {shown[0].headline}"
    surest, vaguest = (_in_short(one.score) for one in (shown[0], shown[-1]))
    said = (
        f"{some}The surest is {shown[0].name}: {surest} The least sure is {shown[-1].name}: "
        f"{vaguest}"
    )
    return f"{said} {goal_sentence(goals)}".rstrip()


def _in_short(score: Summary) -> str:
    shown = percent_range(score.median, score.low, score.high)
    return (
        f"we expect a score of about {shown.median} %, with a 9 in 10 chance that it lies between "
        f"{shown.low} and {shown.high} %."
    )


def _together(ordered: list[BenchmarkFacts]) -> str:
    stated = [one for one in ordered if not one.withheld]
    if len(stated) < 2:
        return ""
    inside = np.stack(
        [
            (one.forecast.draws("score") >= one.score.low)
            & (one.forecast.draws("score") <= one.score.high)
            for one in stated
        ]
    )
    return (
        "Nine in ten for each is not nine in ten for all: the chance that all "
        f"{len(stated)} scores lie in their 90 % ranges at once is "
        f"{chance(float(inside.all(axis=0).mean()))}."
    )


def _benchmark(
    forecasts: ForecastSet,
    predictability: Predictability,
    key: str,
    record: Record | None,
    wanted: Plan | None,
) -> BenchmarkFacts:
    forecast = forecasts[predictability.benchmark]
    score, withheld = forecast.summary("score"), is_withheld(forecast)
    measured = _measured(forecast)
    ladder = [dot for dot in measured if not dot.anchor]
    largest = max(dot.compute_flops for dot in ladder)
    past = record.by_benchmark.get(forecast.benchmark, ()) if record else ()
    chance = None if withheld else _chance(forecasts, forecast, wanted)
    return BenchmarkFacts(
        key=key,
        name=printable(forecast.benchmark),
        forecast=forecast,
        withheld=withheld,
        predictability=predictability,
        score=score,
        headline=_WITHHELD if chance is None else _expectation(score, chance),
        cautions=benchmark_cautions(forecast, predictability),
        outcomes=()
        if withheld
        else tuple(float(q) for q in np.quantile(forecast.draws("score"), _OUTCOMES)),
        fan=_fan(forecast, largest),
        measured=measured,
        best_measured=max(dot.score for dot in ladder),
        chance=chance,
        widths=None if withheld else widths_of(forecast, largest),
        makeup=None if withheld else _makeup(forecast),
        method=_method(forecast),
        past=past,
        checks=tuple(c for c in check_forecast(forecast) if c.outcome in ("issue", "tip")),
        # The draws of a forecast that a checkpoint has moved are not those of the posterior.
        scaling=None
        if withheld or forecasts.course is not None
        else stored_power_scaling(forecast),
    )


def _measured(forecast: BenchmarkForecast) -> tuple[Dot, ...]:
    observed = forecast.tree["observed_data"].to_dataset()
    roles = observed["role"].values.astype(str)
    noise = NORMAL_90 * np.nan_to_num(observed["evaluation_sd"].values)
    return tuple(
        Dot(
            model=printable(str(model), 40),
            compute_flops=float(compute),
            score=float(score),
            low=max(float(score - half), 0.0),
            high=min(float(score + half), 1.0),
            anchor=bool(role == "anchor"),
        )
        for model, compute, score, half, role in zip(
            observed["model"].values,
            observed["compute_flops"].values,
            observed["score"].values,
            noise,
            roles,
            strict=True,
        )
        if np.isfinite(score)
    )


def _fan(forecast: BenchmarkForecast, largest: float) -> Fan:
    fan = forecast.tree["predictions"].to_dataset()["fan"].transpose("compute", "draw")
    last = max(forecast.target.compute_flops, largest) * SHOWN_BEYOND_TARGET
    fan = fan[fan["compute"].values <= last * (1 + 1e-9)]
    return Fan(
        compute_flops=fan["compute"].values.astype(np.float64),
        quantiles=np.nanquantile(fan.values.astype(np.float64), _FAN, axis=1),
    )


def _chance(forecasts: ForecastSet, forecast: BenchmarkForecast, wanted: Plan | None) -> Chance:
    """The chance of what is wanted, or of the expected score: what compute buys is always seen."""
    found = wanted
    asked = [one for one in found.answers if one.benchmark == forecast.benchmark] if found else []
    if found is None or not asked:
        median = round(forecast.summary("score").median, 3)
        found = plan(forecasts, {forecast.benchmark: median})
    answer = asked[0] if asked else found.answers[0]
    compute, target = found.compute_flops, forecast.target.compute_flops
    inside = compute <= target * SHOWN_BEYOND_TARGET * (1 + 1e-9)
    at_parts = {
        part: float(np.interp(np.log(part * target), np.log(compute), answer.chance))
        for part in _PARTS
        if compute[0] <= part * target <= compute[-1]
    }
    return Chance(
        score=float("nan") if answer.score is None else answer.score,
        wanted=bool(asked),
        at_target=answer.at_target,
        reach=float(compute[-1]),
        compute_flops=compute[inside],
        chance=answer.chance[inside],
        needed=answer.costs,
        at_parts=at_parts,
    )


def _expectation(score: Summary, found: Chance) -> str:
    reaching = reaching_sentence(found.score, found.at_target) if found.wanted else ""
    return f"{expectation(score)} {reaching}".rstrip()


def _makeup(forecast: BenchmarkForecast) -> Makeup | None:
    if forecast.method != "cod":
        return None
    sure = sum(c.n_items for c in forecast.clusters if c.p_extrapolatable >= 0.5)
    grouped = sum(c.n_items for c in forecast.clusters)
    counts = (sure, grouped - sure, max(forecast.n_items - grouped, 0))
    parts = (
        Part(key, name, count / max(sum(counts), 1))
        for (key, name), count in zip(_MAKEUP.items(), counts, strict=True)
    )
    return Makeup(tuple(parts), forecast.summary("predictable_share"))


def _method(forecast: BenchmarkForecast) -> str:
    if forecast.method == "cod":
        return "Forecast from groups of questions of like difficulty (COD)."
    why = forecast.reason
    text = f": {why_end_to_end(why.code)}" if why else ""
    return f"Forecast as one curve for the whole benchmark{text}."
