"""Sentences that the page and its Markdown share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from bayescod.decisions.predictability import TOLD_APART
from bayescod.reporting.page.records import BenchmarkFacts, Chance, Makeup, Past, Widths
from bayescod.reporting.page.words import likelihood, percent, points_wide
from bayescod.reporting.plan_table import chance
from bayescod.reporting.wording import flops, percent_range, printable, times

ASSUMED = (
    "The target is trained by the same recipe, on the same kind of data, and evaluated by the same "
    "protocol as the measured LLMs. The ranges do not cover a change of any of these."
)
SORTED = (
    "The most predictable first: the one whose score is expected to lie nearest to its median. "
    "Benchmarks that share a letter are tied: neither would come closer "
    f"to its forecast than the other with a chance of {100 * TOLD_APART:.0f} % or more."
)
GROUNDS = (
    "Expected error: mean distance of the measured score from its median, in percentage points. "
    "Signal to noise: spread of the measured scores over how far one LLM lies off the law, with "
    "its 90 % equal-tailed range; noise alone makes up to the last column."
)
HOW_SPLIT = (
    "Where the width comes from: parts of the variance of the measured score over the draws, taken "
    "out from the outside in. Evaluation: the mean of its binomial variance. The run: what the "
    "variance of the score without evaluation noise falls by in the same worlds with a run that "
    "departs from the law by nothing. Runs depart more the farther they lie beyond the ladder, so "
    "that this part is more than one run's luck; for groups of questions a bend that all groups "
    "share counts with it. The step to the whole benchmark: what it falls by further under the "
    "mean map without its noise. Ways of forecasting: the variance of their means. The law: the "
    "rest. A covariance of two parts counts with the one taken out first; a variance that rises "
    "when a part is taken out gives 0 %."
)
UNTOLD = (
    "This forecast was written by an earlier version: the run's own luck, the law beyond the data "
    "and, with groups, the step from them to the whole benchmark are not told apart."
)


def truth_sentence(one: BenchmarkFacts) -> str:
    """Whether the forecast held what was measured later; empty where nothing was."""
    truth, score = one.forecast.target.truth, one.score
    if truth is None or one.withheld:
        return ""
    place = "inside" if score.low <= truth <= score.high else "outside"
    return (
        f"Measured later, never fitted: {100 * truth:.1f} %, {place} the 90 % range "
        f"({100 * score.low:.1f} to {100 * score.high:.1f} %)."
    )


def distance_sentence(found: Widths) -> str:
    """What the distance beyond the data costs in width."""
    return (
        f"The 90 % range would be {points_wide(found.at_data_end)} wide for another run of the "
        f"largest measured size and is {points_wide(found.at_target)} wide at the target: the "
        "difference is the price of the distance."
    )


def makeup_sentence(found: Makeup) -> str:
    """The predictable share with its range."""
    share = found.share
    shown = percent_range(share.median, share.low, share.high)
    return f"Predictable share: {chance(share.median)} of the questions, 90 % range {shown}."


def chance_title(found: Chance) -> str:
    """Of what the chance is shown along compute."""
    return f"Chance of at least {percent(found.score)} against compute"


def chance_sentence(found: Chance) -> str:
    """The compute for some chances, and the chance at half and at twice the compute."""
    bought = "; ".join(_bought(found))
    elsewhere = [
        f"At {name} the target's compute: {likelihood(found.at_parts[part])}."
        for part, name in ((0.5, "half"), (2.0, "twice"))
        if part in found.at_parts
    ]
    return " ".join([f"{bought}.", *elsewhere])


def _bought(found: Chance) -> Iterator[str]:
    for probability, cost in found.needed.items():
        if cost is None:
            said = f"not within {flops(found.reach)}"
        else:
            at_first = cost.compute_flops <= found.compute_flops[0]
            said = ("at most " if at_first else "") + flops(cost.compute_flops)
        yield f"{100 * probability:g} % chance: {said}"


def past_sentence(past: Past) -> str:
    """One forecast of the record."""
    shown = percent_range(past.median, past.low, past.high)
    return (
        f"{past.model}, at {times(past.compute_ratio)} times the compute of the largest fitted "
        f"LLM: forecast {shown.median} % ({shown}), measured {100 * past.truth:.1f} %, "
        f"{'held' if past.held else 'not held'}."
    )


def outcomes_sentence(one: BenchmarkFacts) -> str:
    """How many of twenty outcomes reach what is wanted, or beat the best measured LLM."""
    if one.chance is not None and one.chance.wanted:
        score = one.chance.score
        count = sum(value >= score for value in one.outcomes)
        return f"About {count} of 20 equally likely outcomes reach the wanted {percent(score)}."
    above = sum(value > one.best_measured for value in one.outcomes)
    return (
        f"About {above} of 20 equally likely outcomes lie above the best measured LLM of the "
        f"ladder ({100 * one.best_measured:.1f} %)."
    )


def remarks_on(benchmarks: Sequence[BenchmarkFacts]) -> Iterator[str]:
    """Why a method was chosen, what is to review, and which checks did not pass, coded."""
    for one in benchmarks:
        found = one.forecast
        why = [(found.method, found.reason)] if found.reason else []
        for word, reason in [*why, *((found.status, reason) for reason in found.reasons)]:
            code, message = printable(reason.code), printable(reason.message, 500)
            yield f"{one.name}: {word} [{code}] {message}"
        for reason in one.predictability.reasons:
            yield f"{one.name}: {one.predictability.verdict} [{reason.code}] {reason.message}"
        said = {reason.code for reason in found.reasons}
        for check in one.checks:
            if check.value is not None and check.code not in said:
                got = f"{check.value:.3g}" if math.isfinite(check.value) else "none"
                told = f"{check.title}: {got}, wanted {check.threshold}"
                yield f"{one.name}: {check.outcome} [{check.code}] {told}"
