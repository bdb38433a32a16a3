"""Whether a benchmark is one to forecast: few rules, each with a code, a limit and a sentence.

A score that nobody knows anything of lies anywhere between chance and 1; the 90 % range of that is
``0.9 (1 - chance)`` wide, and the width of a forecast counts as a part of it. So the limits have no
unit, and are fitted to no data.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from bayescod.convergence import Reason
from bayescod.decisions.past import Past
from bayescod.decisions.signals import Signal
from bayescod.forecasting.records import BenchmarkForecast

FORECAST, CARE, DO_NOT = "forecast it", "with care", "do not"
VERDICTS = (FORECAST, CARE, DO_NOT)
"""From the best to the worst."""

WIDE = 1.0 / 6.0
"""Part of an uninformed range from which a forecast is to be used with care."""
UNINFORMED = 1.0 / 3.0
"""Part of an uninformed range from which a forecast says too little."""
ENOUGH_TRUTHS = 3
"""Truths below which a record says nothing of a benchmark's ranges."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with a benchmark.

    Attributes
    ----------
    word : str
        One of :data:`VERDICTS`.
    reasons : tuple of Reason
        The worst first; those of a ``forecast it`` are remarks. Codes: ``sampler-failed``,
        ``uninformed``, ``ranges-missed`` (do not); ``review``, ``wide``, ``ranges-short``,
        ``beyond-record``, ``no-signal`` (with care); ``unchecked`` (no record; a remark).
    """

    word: str
    reasons: tuple[Reason, ...]


def is_stated(forecast: BenchmarkForecast) -> bool:
    """Whether a forecast may be stated: its checks did not fail and it has numbers."""
    return forecast.status != "fail" and math.isfinite(forecast.summary("score").median)


def chance_of(forecast: BenchmarkForecast) -> float:
    """Score of a guess, in [0, 1]; 0 where the forecast does not know it."""
    constant = forecast.tree["constant_data"].to_dataset()
    return float(constant["chance"]) if "chance" in constant else 0.0


def verdict_on(forecast: BenchmarkForecast, signal: Signal | None, past: Past | None) -> Verdict:
    """Judge a benchmark's forecast.

    Parameters
    ----------
    forecast : BenchmarkForecast
    signal : Signal or None
        Of the same benchmark; ``None`` where the forecast is not stated.
    past : Past or None
        Its record, where there is one.

    Returns
    -------
    Verdict
    """
    if signal is None or not is_stated(forecast):
        text = "the sampler's checks failed; bayescod check tells which and what to do"
        return Verdict(DO_NOT, (Reason("sampler-failed", text),))
    found = [*_of_forecast(forecast), *_of_signal(signal), *_of_record(forecast, past)]
    found.sort(key=lambda one: -VERDICTS.index(one[0]))
    word = found[0][0] if found else FORECAST
    return Verdict(word, tuple(reason for _, reason in found))


def _of_forecast(forecast: BenchmarkForecast) -> Iterator[tuple[str, Reason]]:
    if forecast.status == "review":
        yield CARE, Reason("review", "the checks call for review; bayescod check tells which")
    score, guess = forecast.summary("score"), chance_of(forecast)
    width, unknown = score.high - score.low, 0.9 * (1.0 - guess)
    if width >= WIDE * unknown:
        code, word, part, limit = (
            ("uninformed", DO_NOT, "a third", UNINFORMED)
            if width >= UNINFORMED * unknown
            else ("wide", CARE, "a sixth", WIDE)
        )
        text = (
            f"the 90 % range is {100 * width:.1f} points wide; the limit is "
            f"{100 * limit * unknown:.1f}, {part} of that of a score of which nothing is known, a "
            f"guess scoring {100 * guess:.3g} %"
        )
        yield word, Reason(code, text)


def _of_signal(signal: Signal) -> Iterator[tuple[str, Reason]]:
    if not signal.seen:
        text = (
            f"the scores of the {signal.n_llms} measured LLMs differ by no more than noise alone "
            "would make them: growth was not seen, and the forecast says only that this goes on"
        )
        yield CARE, Reason("no-signal", text)


def _of_record(forecast: BenchmarkForecast, past: Past | None) -> Iterator[tuple[str, Reason]]:
    if past is None:
        text = "no past forecast of this benchmark shows whether its ranges hold"
        yield FORECAST, Reason("unchecked", text)
        return
    counted = f"90 % ranges held {past.held} of {past.truths} truths of the record"
    if past.truths >= ENOUGH_TRUTHS and past.held < past.truths / 2:
        yield DO_NOT, Reason("ranges-missed", f"{counted}, fewer than half")
    elif past.truths >= ENOUGH_TRUTHS and past.held_at_most < 0.9:
        yield CARE, Reason("ranges-short", f"{counted}, fewer than nine in ten beyond doubt")
    ratio = forecast.target.compute_ratio
    if not past.reaches(ratio):
        text = (
            f"the target has {ratio:.3g} times the compute of the largest measured LLM; the record "
            f"goes to {past.farthest:.3g} times"
        )
        yield CARE, Reason("beyond-record", text)
