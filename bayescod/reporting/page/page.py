"""The page as one HTML file: facts into the template, everything from outside escaped."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from bayescod.evaluation.power_scaling import POWERS
from bayescod.evaluation.records import Backtest
from bayescod.reporting.page import priors, sentences
from bayescod.reporting.page.charts import dot_chart, interval_bar
from bayescod.reporting.page.curves import chance_chart, fan_chart
from bayescod.reporting.page.facts import page_facts
from bayescod.reporting.page.run import RANGES, change_bar
from bayescod.reporting.page.words import likelihood, number, points_wide
from bayescod.reporting.plan_table import chance
from bayescod.reporting.wording import PercentRange, flops, percent_range, printable, times

if TYPE_CHECKING:
    import pandas as pd

    from bayescod.decisions.planning import Plan
    from bayescod.forecasting.records import ForecastSet, Summary
    from bayescod.reporting.page.records import BenchmarkFacts, PageFacts


def report(
    forecasts: ForecastSet,
    backtest: Backtest | pd.DataFrame | None = None,
    plan: Plan | None = None,
) -> str:
    """One page on a forecast: what a leader needs first, what an evaluation team needs after.

    Parameters
    ----------
    forecasts : ForecastSet
        From :func:`bayescod.forecast` or :func:`bayescod.load`; at least one benchmark.
    backtest : Backtest or pandas.DataFrame, optional
        The record of past forecasts: from :func:`bayescod.backtest`, or its rows.
    plan : Plan, optional
        From :func:`bayescod.plan` on these forecasts: the scores that are wanted.

    Returns
    -------
    str
        HTML that needs no other file, no script and no network. The same forecast gives the same
        text. Forecasts whose checks failed are not stated. Texts of questions never appear.

    Raises
    ------
    ResultError
        If the plan is of another target.
    """
    rows = backtest.frame() if isinstance(backtest, Backtest) else backtest
    return render(page_facts(forecasts, rows, plan))


def render(page: PageFacts) -> str:
    """Facts as HTML; see :func:`report`."""
    environment = Environment(
        loader=PackageLoader("bayescod.reporting.page", "."),
        autoescape=True,  # for every name: select_autoescape() knows no *.html.jinja
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(_WORDS)
    low, high = _common_axis(page)
    template = environment.get_template("report.html.jinja")
    text = template.render(
        page=page,
        axis_label=f"{100 * low:.0f} to {100 * high:.0f} %",
        bar=lambda one: interval_bar(one, low, high),
        any_share=any(one.makeup for one in page.benchmarks),
        assumed=sentences.ASSUMED,
        sorted=sentences.SORTED,
        grounds=sentences.GROUNDS,
        remarks=list(sentences.remarks_on(page.benchmarks)),
        split_notes=_split_notes(page),
        powers=POWERS,
        ranges=RANGES,
        how_scaled=priors.HOW_SCALED,
        any_truth=any(one.forecast.target.truth is not None for one in page.benchmarks),
    )
    return text.replace(" %", "\u00a0%")  # a number and its sign stay on one line


def _split_notes(page: PageFacts) -> list[str]:
    """How the widths were split, and that some were not."""
    widths = [one.widths for one in page.benchmarks if one.widths is not None]
    found = [sentences.HOW_SPLIT] if any(one.split for one in widths) else []
    return [*found, *([sentences.UNTOLD] if any(not one.split for one in widths) else [])]


def _common_axis(page: PageFacts) -> tuple[float, float]:
    """Whole tens of per cent that hold every stated range, and what was measured later."""
    stated = [one for one in page.benchmarks if not one.withheld]
    truths = [one.forecast.target.truth for one in stated]
    shown = [end for one in stated for end in (one.score.low, one.score.high)]
    shown += [truth for truth in truths if truth is not None]
    if not shown:
        return 0.0, 1.0
    low, high = math.floor(10 * min(shown)) / 10, math.ceil(10 * max(shown)) / 10
    return low, max(high, low + 0.1)


def _range_of(score: Summary, tenths: bool = False) -> PercentRange:
    return percent_range(score.median, score.low, score.high, tenths=tenths)


def _unplaced(one: BenchmarkFacts) -> bool:
    return any(not math.isfinite(dot.compute_flops) for dot in one.measured)


_WORDS: Mapping[str, Callable[..., object]] = {
    "chance": chance,
    "change": priors.change,
    "change_bar": change_bar,
    "chance_chart": chance_chart,
    "chance_sentence": sentences.chance_sentence,
    "chance_title": sentences.chance_title,
    "distance_sentence": sentences.distance_sentence,
    "dot_chart": dot_chart,
    "factor_name": priors.factor_name,
    "fan_chart": fan_chart,
    "flops": flops,
    "hanging_sentences": priors.hanging_sentences,
    "likelihood": likelihood,
    "makeup_sentence": sentences.makeup_sentence,
    "number": number,
    "outcomes_sentence": sentences.outcomes_sentence,
    "percent_range": percent_range,
    "points_wide": points_wide,
    "printable": printable,
    "quiet_sentence": priors.quiet_sentence,
    "range_of": _range_of,
    "scaling_verdict": priors.verdict,
    "shown_rows": priors.shown_rows,
    "times": times,
    "truth_sentence": sentences.truth_sentence,
    "unplaced": _unplaced,
}
