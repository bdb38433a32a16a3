"""What the page shows, as plain values: nothing here knows of HTML, and nothing is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bayescod.checks import Check
from bayescod.decisions.costs import Cost
from bayescod.decisions.predictability import Predictability
from bayescod.evaluation.power_scaling import PowerScaling
from bayescod.forecasting.records import BenchmarkForecast, Summary
from bayescod.reporting.page.run import RunSoFar

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Dot:
    """One measured LLM.

    Attributes
    ----------
    model : str
    compute_flops : float
        NaN for an anchor whose compute is unknown.
    score, low, high : float
        In [0, 1]; 90 % of its evaluation noise.
    anchor : bool
    """

    model: str
    compute_flops: float
    score: float
    low: float
    high: float
    anchor: bool


@dataclass(frozen=True, slots=True, eq=False)
class Fan:
    """Latent score along compute.

    Attributes
    ----------
    compute_flops : ndarray of float
        (compute,) ascending [FLOP].
    quantiles : ndarray of float
        (5, compute): 0.05, 0.25, 0.5, 0.75, 0.95; in [0, 1].
    """

    compute_flops: FloatArray
    quantiles: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Chance:
    """How much compute buys one score.

    Attributes
    ----------
    score : float
        In [0, 1].
    wanted : bool
        Whether a plan asks for it; else it is the expected score.
    at_target : float
        The chance at the target's compute.
    reach : float
        How far the forecast goes [FLOP].
    compute_flops, chance : ndarray of float
        (compute,).
    needed : mapping of float to Cost or None
        By chance: the least compute and what it costs; ``None`` where not within the axis.
    at_parts : mapping of float to float
        By part of the target's compute: the chance there.
    """

    score: float
    wanted: bool
    at_target: float
    reach: float
    compute_flops: FloatArray
    chance: FloatArray
    needed: Mapping[float, Cost | None]
    at_parts: Mapping[float, float]


@dataclass(frozen=True, slots=True)
class Goal:
    """A score that a plan asks for, or all of them together.

    Attributes
    ----------
    wanted : str
        In words.
    benchmarks : tuple of str
        Whose scores they are.
    chance : float or None
        At the target's compute; ``None`` where a forecast that it needs is withheld.
    needed : mapping of float to tuple of str
        By chance: the least compute in words, then its size, hours and money where they are known.
    """

    wanted: str
    benchmarks: tuple[str, ...]
    chance: float | None
    needed: Mapping[float, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Voice:
    """The draws that come from one method or law.

    Attributes
    ----------
    name : str
    part : float
        Of all draws.
    score : Summary
        Of their latent scores.
    """

    name: str
    part: float
    score: Summary


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a whole.

    Attributes
    ----------
    key : str
        ``law``, ``voices``, ``mapping``, ``run``, ``evaluation`` of a width; ``extrapolated``,
        ``doubtful``, ``loose`` of a benchmark's questions.
    name : str
        In words.
    share : float
        In [0, 1].
    """

    key: str
    name: str
    share: float


@dataclass(frozen=True, slots=True)
class Widths:
    """Where the width of the range comes from, as far as the stored draws tell.

    Attributes
    ----------
    parts : tuple of Part
        Of the variance of the measured score; they add to 1.
    split : bool
        Whether the draws tell the run's luck from the law.
    at_data_end, at_target : float
        Width in [0, 1] of the 90 % range, without evaluation noise, of an LLM trained with the
        largest measured compute, and of the target.
    voices : tuple of Voice
        Two or more, or none.
    """

    parts: tuple[Part, ...]
    split: bool
    at_data_end: float
    at_target: float
    voices: tuple[Voice, ...]


@dataclass(frozen=True, slots=True)
class Makeup:
    """What a benchmark is made of, in questions.

    Attributes
    ----------
    parts : tuple of Part
        In groups that are more likely than not extrapolatable; in other groups; in no group.
    share : Summary
        Predictable share, in [0, 1].
    """

    parts: tuple[Part, ...]
    share: Summary


@dataclass(frozen=True, slots=True)
class Past:
    """One forecast of the record.

    Attributes
    ----------
    model : str
    compute_ratio : float
    median, low, high, truth : float
        In [0, 1].
    held : bool
    """

    model: str
    compute_ratio: float
    median: float
    low: float
    high: float
    truth: float
    held: bool


@dataclass(frozen=True, slots=True)
class Record:
    """How forecasts like these did on LLMs that were held out.

    Attributes
    ----------
    overall : str
        One sentence.
    at_distance : str
        One sentence on forecasts from as far.
    beyond : bool
        Whether the target is farther than any forecast of the record.
    poor : bool
        Whether the 90 % ranges held fewer truths than nine in ten, beyond doubt.
    by_benchmark : mapping of str to tuple of Past
    """

    overall: str
    at_distance: str
    beyond: bool
    poor: bool
    by_benchmark: Mapping[str, tuple[Past, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class BenchmarkFacts:
    """One benchmark.

    Attributes
    ----------
    key : str
        Of its section within the page.
    name : str
        Fit to show, not escaped.
    forecast : BenchmarkForecast
    withheld : bool
        Whether no number may be stated.
    predictability : Predictability
        Its rank, its letters and the verdict.
    score : Summary
    headline : str
    cautions : tuple of str
    outcomes : tuple of float
        Twenty equally likely scores in [0, 1].
    fan : Fan
    measured : tuple of Dot
    best_measured : float
        Highest score of a ladder LLM.
    chance : Chance or None
    widths : Widths or None
    makeup : Makeup or None
    method : str
        In plain words.
    past : tuple of Past
    checks : tuple of Check
        Those that did not pass.
    scaling : PowerScaling or None
        How far it hangs on its priors, where the stored draws tell.
    """

    key: str
    name: str
    forecast: BenchmarkForecast
    withheld: bool
    predictability: Predictability
    score: Summary
    headline: str
    cautions: tuple[str, ...]
    outcomes: tuple[float, ...]
    fan: Fan
    measured: tuple[Dot, ...]
    best_measured: float
    chance: Chance | None
    widths: Widths | None
    makeup: Makeup | None
    method: str
    past: tuple[Past, ...]
    checks: tuple[Check, ...]
    scaling: PowerScaling | None


@dataclass(frozen=True, slots=True, eq=False)
class PageFacts:
    """The whole page.

    Attributes
    ----------
    title, headline : str
    together : str
        One sentence on all benchmarks in one world; empty for a single one.
    run : RunSoFar or None
        How the target's own run does, where it has started.
    goals : tuple of Goal
        What a plan asks for; where several, all together last.
    goals_note : str
        How to ask, where nothing is asked.
    cautions : tuple of str
        Empty without cause.
    benchmarks : tuple of BenchmarkFacts
        The most predictable first, those withheld last.
    record : Record or None
    record_note : str
        Why there is no record, where there is none.
    scaling_note : str
        Why it is not told how far the answer hangs on the priors, where it is not.
    target : str
    seed : int
    spec : str
    provenance : tuple of (str, str)
    warnings : tuple of str
    """

    title: str
    headline: str
    together: str
    run: RunSoFar | None
    goals: tuple[Goal, ...]
    goals_note: str
    cautions: tuple[str, ...]
    benchmarks: tuple[BenchmarkFacts, ...]
    record: Record | None
    record_note: str
    scaling_note: str
    target: str
    seed: int
    spec: str
    provenance: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
