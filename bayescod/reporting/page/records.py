"""What the page shows, as plain values: nothing here knows of HTML, and nothing is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bayescod.checks import Check
from bayescod.forecasting.records import BenchmarkForecast, Summary

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
    reach : float
        How far the forecast goes [FLOP].
    compute_flops, chance : ndarray of float
        (compute,).
    needed : mapping of float to float or None
        By chance: the least compute [FLOP]; ``None`` where not within the axis.
    at_parts : mapping of float to float
        By part of the target's compute: the chance there.
    """

    score: float
    reach: float
    compute_flops: FloatArray
    chance: FloatArray
    needed: Mapping[float, float | None]
    at_parts: Mapping[float, float]


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
class Widths:
    """Where the width of the range comes from, as far as the stored draws say it exactly.

    Attributes
    ----------
    evaluation, disagreement, rest : float
        Parts of the variance of the measured score; they add to 1. Evaluation: noise of the
        target's own evaluation. Disagreement: between the voices. Rest: within them.
    at_data_end, at_target : float
        Width in [0, 1] of the 90 % range, without evaluation noise, of an LLM trained with the
        largest measured compute, and of the target.
    voices : tuple of Voice
        Two or more, or none.
    """

    evaluation: float
    disagreement: float
    rest: float
    at_data_end: float
    at_target: float
    voices: tuple[Voice, ...]


@dataclass(frozen=True, slots=True)
class Makeup:
    """What a benchmark is made of, in questions.

    Attributes
    ----------
    extrapolated, doubtful, loose : int
        In groups that are more likely than not extrapolatable; in other groups; in no group.
    share : Summary
        Predictable share, in [0, 1].
    """

    extrapolated: int
    doubtful: int
    loose: int
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
    """

    key: str
    name: str
    forecast: BenchmarkForecast
    withheld: bool
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


@dataclass(frozen=True, slots=True, eq=False)
class PageFacts:
    """The whole page.

    Attributes
    ----------
    title, headline : str
    together : str
        One sentence on all benchmarks in one world; empty for a single one.
    cautions : tuple of str
        Empty without cause.
    benchmarks : tuple of BenchmarkFacts
        The narrowest range first, those withheld last.
    record : Record or None
    record_note : str
        Why there is no record, where there is none.
    target : str
    seed : int
    spec : str
    provenance : tuple of (str, str)
    warnings : tuple of str
    """

    title: str
    headline: str
    together: str
    cautions: tuple[str, ...]
    benchmarks: tuple[BenchmarkFacts, ...]
    record: Record | None
    record_note: str
    target: str
    seed: int
    spec: str
    provenance: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
