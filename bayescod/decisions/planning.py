"""How much compute buys wanted scores with what probability, and what stopping earlier costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bayescod.decisions.chances import Fans, at_compute, fans_of, smallest_compute
from bayescod.decisions.costs import Cost, Rates, cost_of
from bayescod.errors import DataError, Problem
from bayescod.forecasting.records import ForecastSet, Summary, summarise

FloatArray = npt.NDArray[np.float64]

PROBABILITIES = (0.5, 0.8, 0.9)
"""The chances that are asked for by default."""
EARLIER = (1.0, 0.75, 0.5, 0.25, 0.1)
"""Parts of the target's compute at which stopping is looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """How much compute buys a score, or several at once.

    Attributes
    ----------
    benchmark : str
        Empty for all wanted scores together.
    score : float or None
        Wanted, in [0, 1]; ``None`` for all together.
    chance : ndarray of float
        (compute,) predictive chance that the measured score reaches it.
    at_target : float
        The chance at the target's compute.
    costs : mapping of float to Cost or None
        By wanted chance: the least compute that gives it and what that costs; ``None`` where it is
        not given anywhere on the axis of compute.
    """

    benchmark: str
    score: float | None
    chance: FloatArray
    at_target: float
    costs: Mapping[float, Cost | None]


@dataclass(frozen=True, slots=True, eq=False)
class Stop:
    """What is expected of a run that stops at some compute.

    Attributes
    ----------
    benchmark : str
    cost : Cost
    part : float
        Of the target's compute.
    score : Summary
        Of the measured score.
    loss : Summary
        Score at the target minus score here, in the same worlds, without evaluation noise.
    """

    benchmark: str
    cost: Cost
    part: float
    score: Summary
    loss: Summary


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Chances, compute and costs of wanted scores.

    Attributes
    ----------
    compute_flops : ndarray of float
        (compute,) ascending [FLOP]: how far the forecast goes.
    target : str
        Name of the LLM that was forecast.
    target_cost : Cost
    answers : tuple of Answer
        One a wanted score; where several are wanted, then all of them together.
    stops : tuple of Stop
        By benchmark, from the target's compute down.
    n_draws : int
        Worlds behind each chance: a chance p has a Monte Carlo error of at most
        ``sqrt(p (1 - p) / n_draws)`` if draws were independent.
    status : str
        The worst status of the benchmarks.
    """

    compute_flops: FloatArray
    target: str
    target_cost: Cost
    answers: tuple[Answer, ...]
    stops: tuple[Stop, ...]
    n_draws: int
    status: str


def plan(
    forecasts: ForecastSet,
    wanted: Mapping[str, float],
    *,
    probabilities: Sequence[float] = PROBABILITIES,
    rates: Rates | None = None,
) -> Plan:
    """Read off a forecast how much compute buys wanted scores.

    Nothing is fitted again: the chances are those of the draws along the forecast's fan. Several
    scores together take draw i of every benchmark as one world, with one run effect.

    Parameters
    ----------
    forecasts : ForecastSet
        From :func:`bayescod.forecast` or :func:`bayescod.load`.
    wanted : mapping of str to float
        Score in [0, 1] by benchmark; at least one.
    probabilities : sequence of float
        Chances in (0, 1) to find the compute for.
    rates : Rates, optional
        For parameters and tokens, hours and money.

    Returns
    -------
    Plan

    Raises
    ------
    DataError
        If nothing is wanted, or a score or chance is out of range.
    UnknownNameError
        If the forecast has no such benchmark.
    """
    _check(wanted, probabilities)
    known = rates or Rates()
    fans = fans_of(forecasts, tuple(wanted))
    target = forecasts.target.compute_flops
    asked = [(name, score, fans.reaching(name, score)) for name, score in wanted.items()]
    answers = [
        _answer(fans, name, score, reached.mean(axis=1), target, probabilities, known)
        for name, score, reached in asked
    ]
    if len(asked) > 1:
        together = fans.reaching_all(wanted).mean(axis=1)
        answers.append(_answer(fans, "", None, together, target, probabilities, known))
    chosen = [forecasts[name] for name in wanted]
    order = ("pass", "review", "fail")
    return Plan(
        compute_flops=fans.compute_flops,
        target=forecasts.target.model,
        target_cost=cost_of(target, known),
        answers=tuple(answers),
        stops=tuple(stop for name in wanted for stop in _stops(fans, name, target, known)),
        n_draws=int(next(iter(fans.latent.values())).shape[1]),
        status=max((one.status for one in chosen), key=order.index),
    )


def _check(wanted: Mapping[str, float], probabilities: Sequence[float]) -> None:
    problems = []
    if not wanted:
        problems.append(Problem("no-score", "no score is wanted", fix="give --benchmark, --score"))
    for name, score in wanted.items():
        if not 0.0 <= score <= 1.0:
            fix = "divide per cent by 100" if 1.0 < score <= 100.0 else ""
            problems.append(
                Problem(
                    "score-range",
                    f"wanted score of {name}",
                    got=repr(score),
                    wanted="a number from 0 to 1",
                    fix=fix,
                )
            )
    problems += [
        Problem("probability", "chance", got=repr(one), wanted="a number between 0 and 1")
        for one in probabilities
        if not 0.0 < one < 1.0
    ]
    if problems:
        raise DataError(problems)


def _answer(
    fans: Fans,
    benchmark: str,
    score: float | None,
    chance: FloatArray,
    target: float,
    probabilities: Sequence[float],
    rates: Rates,
) -> Answer:
    costs: dict[float, Cost | None] = {}
    for probability in sorted(set(probabilities)):
        least = smallest_compute(fans.compute_flops, chance, probability)
        costs[probability] = None if least is None else cost_of(least, rates)
    at_target = float(chance[int(np.searchsorted(fans.compute_flops, target))])
    return Answer(benchmark, score, chance, at_target, costs)


def _stops(fans: Fans, benchmark: str, target: float, rates: Rates) -> list[Stop]:
    latent = fans.latent[benchmark]
    ratio = fans.evaluation_ratio[benchmark]
    # One evaluation a world, the same at every stop: what differs between stops is the score.
    noise = np.random.default_rng(0).standard_normal(latent.shape[1])
    at_target = latent[int(np.searchsorted(fans.compute_flops, target))]
    found = []
    for part in EARLIER:
        compute = part * target
        if compute < fans.compute_flops[0]:
            continue
        (here,) = at_compute(fans.compute_flops, latent, np.array([compute]))
        measured = np.clip(here + np.sqrt(ratio * here * (1.0 - here)) * noise, 0.0, 1.0)
        found.append(
            Stop(
                benchmark=benchmark,
                cost=cost_of(compute, rates),
                part=part,
                score=summarise(measured),
                loss=summarise(at_target - here),
            )
        )
    return found
