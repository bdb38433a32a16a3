"""When a leader is warned, and of what: only with cause."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bayescod.checks import FAR_COMPUTE_RATIO, MANY_EMPTY_DRAWS
from bayescod.convergence import Reason
from bayescod.decisions.predictability import Predictability
from bayescod.decisions.verdicts import DO_NOT
from bayescod.forecasting.records import BenchmarkForecast
from bayescod.reporting.page.records import BenchmarkFacts, Record
from bayescod.reporting.page.run import RunSoFar
from bayescod.reporting.page.words import caution_of, listed, points_wide, why_end_to_end
from bayescod.reporting.style import is_withheld
from bayescod.reporting.wording import times

# Reasons of a verdict that the page has better words for, or a place of their own.
_SAID_OTHERWISE = ("sampler-failed", "review", "unchecked")
UNCHECKED = "Unchecked: no record tells how often such ranges held on this ladder."
_SHORT = {
    "review": "not all checks passed",
    "wide": "a wide range",
    "ranges-short": "its ranges held too seldom",
    "beyond-record": "farther out than its record",
    "no-signal": "not seen to grow",
}
_TOO_WIDE = {
    "wide": "a decision that hangs on a few points should not rest on it",
    "uninformed": "it says too little for a decision",
}


def page_cautions(
    ratio: float,
    benchmarks: Sequence[BenchmarkFacts],
    record: Record | None,
    run: RunSoFar | None,
) -> tuple[str, ...]:
    """Cautions on the whole forecast, the gravest first.

    Parameters
    ----------
    ratio : float
        The target's compute over that of the largest ladder LLM.
    benchmarks : sequence of BenchmarkFacts
    record : Record or None
    run : RunSoFar or None

    Returns
    -------
    tuple of str
        Empty without cause. Those on a single benchmark are among them.
    """
    found = []
    withheld = [one.name for one in benchmarks if one.withheld]
    if withheld:
        found.append(f"The sampler's checks failed on {listed(withheld)}: no forecast is stated.")
    if run is not None and run.caution:
        found.append(run.caution)
    if not ratio <= FAR_COMPUTE_RATIO:
        found.append(
            f"Far extrapolation: the target has {times(ratio)} times the compute of the largest "
            f"measured LLM. 90 % ranges have been checked on public LLMs up to "
            f"{times(FAR_COMPUTE_RATIO)} times."
        )
    if record is not None and record.poor:
        found.append(f"The record on this ladder is poor. {record.overall}")
    if record is not None and record.beyond:
        found.append(record.at_distance)
    unchecked = (UNCHECKED,) if record is None else ()
    if len(benchmarks) == 1:
        return (*found, *benchmarks[0].cautions, *unchecked)
    useless = [one.name for one in benchmarks if not one.withheld and _is_useless(one)]
    if useless:
        found.append(f"Do not use, for the reasons told below: {listed(useless)}.")
    careful = [one for one in benchmarks if one.cautions and not one.withheld]
    alike: dict[str, list[str]] = {}
    for one in careful:
        if not _is_useless(one):
            alike.setdefault(_in_short(one.predictability), []).append(one.name)
    if alike:
        why = "; ".join(f"{listed(names)} ({reason})" for reason, names in alike.items())
        found.append(f"Use with care: {why}.")
    return (*found, *unchecked)


def _in_short(found: Predictability) -> str:
    """Why a benchmark is to be used with care."""
    codes = dict.fromkeys(reason.code for reason in found.reasons)
    said = [_SHORT[code] for code in codes if code in _SHORT]
    return ", ".join(said) or "see its section"


def _is_useless(one: BenchmarkFacts) -> bool:
    return one.predictability.verdict == DO_NOT


def benchmark_cautions(
    forecast: BenchmarkForecast, predictability: Predictability
) -> tuple[str, ...]:
    """Cautions on one benchmark, those of its verdict among them.

    Parameters
    ----------
    forecast : BenchmarkForecast
    predictability : Predictability
        Of the same benchmark.

    Returns
    -------
    tuple of str
        Sentences without jargon; empty without cause.
    """
    if is_withheld(forecast):
        return ("Do not use this forecast. The technical part says which checks failed.",)
    found = []
    if forecast.status == "review":
        said = [caution_of(reason.code) for reason in forecast.reasons]
        causes = "; ".join(text for text in said if text) or "see the technical part"
        found.append(f"The checks call for review: {causes}.")
    # A benchmark that has too few predictable questions is what it is; a fit that failed is not.
    if forecast.reason is not None and forecast.reason.code == "no-convergence":
        found.append(
            f"Forecast as one curve for the whole benchmark, because "
            f"{why_end_to_end(forecast.reason.code)}."
        )
    if forecast.method == "cod":
        draws = forecast.draws("subset_score")
        empty = sum(math.isnan(value) for value in draws) / draws.size
        if empty > MANY_EMPTY_DRAWS:
            found.append(
                f"In {empty:.0%} of the outcomes no group of questions can be extrapolated; they "
                "take the curve of the whole benchmark."
            )
    found += [
        _in_words(reason, predictability.width)
        for reason in predictability.reasons
        if reason.code not in _SAID_OTHERWISE
    ]
    return tuple(found)


def _in_words(reason: Reason, width: float) -> str:
    if reason.code in _TOO_WIDE:
        return f"The 90 % range is {points_wide(width)} wide: {_TOO_WIDE[reason.code]}."
    return f"{reason.message[0].upper()}{reason.message[1:]}."
