"""Whole ladders of LLMs and their scores, drawn from a generative story whose truth is kept."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from bayescod.errors import DataError, Problem
from bayescod.evaluation.presets import preset
from bayescod.evaluation.simulation_items import (
    Items,
    Position,
    draw_items,
    item_names,
    mean_over_noise,
    noisy_rates,
    pass_rates,
)
from bayescod.evaluation.simulation_settings import (
    BenchmarkSettings,
    LLMSettings,
    SimulationSettings,
)
from bayescod.scores.records import BenchmarkScores, LLMTable, Scores

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

CHECKPOINTS = ("previous", "current", "next")
# Chinchilla's loss, Hoffmann et al. (arXiv 2203.15556, Eq. 10): E + A N^-alpha + B D^-beta.
LOSS_E, LOSS_A, LOSS_B, LOSS_ALPHA, LOSS_BETA = 1.69, 406.4, 410.7, 0.34, 0.28


@dataclass(frozen=True, slots=True, eq=False)
class BenchmarkTruth:
    """What a simulated benchmark is, and what each LLM would score on it.

    Attributes
    ----------
    benchmark : str
    items : Items
        In the order of the item names.
    rate : FloatArray
        [item, llm] pass rate on infinitely many trials, all effects included.
    expected_rate : FloatArray
        [item, llm] the same in expectation over item-by-run noise and without run effect.
    run_effect : FloatArray
        [llm] effect of the training run on this benchmark, in natural log of compute.
    """

    benchmark: str
    items: Items
    rate: FloatArray
    expected_rate: FloatArray
    run_effect: FloatArray

    def latent_score(self) -> FloatArray:
        """[llm] score on infinitely many trials, run effect included."""
        return np.asarray(self.rate.mean(axis=0))

    def expected_score(self) -> FloatArray:
        """[llm] score on infinitely many trials, expected without run effect."""
        return np.asarray(self.expected_rate.mean(axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """A simulated ladder.

    Attributes
    ----------
    scores : Scores
        What was measured, as :func:`bayescod.read_scores` reads it from the written tables with
        its defaults; targets are measured too.
    truth : tuple of BenchmarkTruth
        In the order of ``scores.benchmarks``; its LLMs in that of ``scores.llms``.
    n_correct : mapping of str to IntArray
        [checkpoint, item, llm] by benchmark: right answers of ``settings.n_trials``.
    common_effect : FloatArray
        [llm] the run effect that all benchmarks share, in natural log of compute.
    settings : SimulationSettings
    name : str
        Of the preset; ``custom`` for other settings.
    seed : int
    """

    scores: Scores
    truth: tuple[BenchmarkTruth, ...]
    n_correct: Mapping[str, IntArray]
    common_effect: FloatArray
    settings: SimulationSettings
    name: str
    seed: int


def simulate(settings: SimulationSettings | str, seed: int = 0) -> Simulated:
    """Draw a ladder, its scores and their truth.

    Parameters
    ----------
    settings : SimulationSettings or str
        What to simulate, or a preset's name.
    seed : int
        At least 0. The same seed gives the same numbers; a benchmark's items, runs and trials do
        not depend on which other benchmarks are simulated.

    Returns
    -------
    Simulated

    Raises
    ------
    UnknownNameError
        If there is no such preset; the message lists near names.
    DataError
        If the seed is negative.

    Notes
    -----
    The story, of LLM ``l`` with compute ``C_l``, benchmark ``k`` and item ``i``:

    1. A run is worth ``exp(delta_kl)`` times its compute, ``delta_kl = common_l + own_kl``, both
       normal; an LLM of another family moreover ``exp(phi_k + phi_ki)`` times.
    2. Its pretraining loss is ``E + A N^-alpha + B D^-beta`` plus noise, at parameters and tokens
       that the common effect has moved; other families' losses are not comparable and left out.
    3. A scaling item is of one of a few difficulty groups and departs from it in ``log a``, ``b``
       and ``c``; its expected pass rate is Eq. 1 of arXiv 2502.17262,
       ``g + (1 - g) exp(-a C^-b - c)`` at the compute that the run is worth, ``g`` the chance of
       the benchmark. With `SplitLaw` the loss is ``A N^-alpha + B D^-beta + c`` instead.
    4. Other items are level, saturated, at chance, declining or not monotone.
    5. Each item of each run departs from its rate by noise on the logit scale.
    6. Trials are independent given the rate, at each checkpoint.

    It is not the program that `bayescod` fits, which has no groups with spread inside, no items of
    the other kinds, and no noise by item and run.

    Examples
    --------
    >>> simulated = simulate("small", seed=1)
    >>> [benchmark.benchmark for benchmark in simulated.scores.benchmarks]
    ['easy', 'hard', 'middling']
    """
    if seed < 0:
        raise DataError([Problem("seed", "negative seed", got=str(seed), wanted="at least 0")])
    name, settings = (
        (settings, preset(settings)) if isinstance(settings, str) else ("custom", settings)
    )
    at = _positions(settings.llms)
    rng = _stream(seed, "llms")
    common = settings.common_sd * rng.standard_normal(len(settings.llms))
    loss = _losses(settings, common, rng)
    ordered = sorted(settings.benchmarks, key=lambda benchmark: benchmark.name)
    drawn = [_benchmark(one, settings, at, common, seed) for one in ordered]
    identity = json.dumps([asdict(settings), seed], sort_keys=True)
    scores = Scores(
        benchmarks=tuple(
            _measured(one, truth, counts, settings)
            for one, (truth, counts) in zip(ordered, drawn, strict=True)
        ),
        llms=_llm_table(settings.llms, loss),
        warnings=(),
        unknown_columns=(),
        digest=hashlib.sha256(identity.encode()).hexdigest(),
    )
    return Simulated(
        scores=scores,
        truth=tuple(truth for truth, _ in drawn),
        n_correct={truth.benchmark: counts for truth, counts in drawn},
        common_effect=common,
        settings=settings,
        name=name,
        seed=seed,
    )


def reference(llms: tuple[LLMSettings, ...]) -> tuple[float, float, float]:
    """Geometric means of the ladder's LLMs, to which difficulty groups refer.

    Parameters
    ----------
    llms : tuple of LLMSettings
        At least one of role ``ladder``.

    Returns
    -------
    compute_flops, params, tokens : float
    """
    ladder = [(llm.flops, llm.params, llm.tokens) for llm in llms if llm.role == "ladder"]
    compute, params, tokens = np.exp(np.log(ladder).mean(axis=0))
    return float(compute), float(params), float(tokens)


def _stream(seed: int, purpose: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


def _positions(llms: tuple[LLMSettings, ...]) -> Position:
    sizes = np.array([(llm.flops, llm.params, llm.tokens) for llm in llms])
    return Position(*np.log(sizes / reference(llms)).T)


def _losses(
    settings: SimulationSettings, common: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """[llm] pretraining loss in nats; NaN for LLMs of another family."""
    params, tokens = np.array([(llm.params, llm.tokens) for llm in settings.llms]).T
    worth = np.exp(0.5 * common)
    loss = LOSS_E + LOSS_A * (params * worth) ** -LOSS_ALPHA
    loss += LOSS_B * (tokens * worth) ** -LOSS_BETA
    loss += settings.loss_sd * rng.standard_normal(loss.size)
    return np.where(_foreign(settings), np.nan, loss)


def _foreign(settings: SimulationSettings) -> npt.NDArray[np.bool_]:
    return np.array([llm.family != settings.llms[0].family for llm in settings.llms])


def _benchmark(
    one: BenchmarkSettings,
    settings: SimulationSettings,
    at: Position,
    common: FloatArray,
    seed: int,
) -> tuple[BenchmarkTruth, IntArray]:
    """Truth of one benchmark, and the right answers [checkpoint, item, llm]."""
    rng = _stream(seed, f"benchmark {one.name}")
    ladder = np.array([llm.role == "ladder" for llm in settings.llms])
    # A ladder of one size has no reach; odd items then move over a unit of log compute.
    reach = float(at.log_compute[ladder].max()) or 1.0
    items = draw_items(one, reach, rng)
    run_effect = common + settings.own_sd * rng.standard_normal(common.size)
    of_family = _family_effect(settings, one.n_items, rng)
    at_family = at.shifted(of_family)
    plain = pass_rates(items, at_family, settings.split)
    rate = pass_rates(items, at_family.shifted(run_effect), settings.split)
    rate = noisy_rates(rate, settings.item_run_sd, rng)
    n_checkpoints = len(CHECKPOINTS) if settings.checkpoints else 1
    n_correct = rng.binomial(settings.n_trials, rate, size=(n_checkpoints, *rate.shape))
    expected = mean_over_noise(plain, settings.item_run_sd)
    return BenchmarkTruth(one.name, items, rate, expected, run_effect), n_correct


def _family_effect(
    settings: SimulationSettings, n_items: int, rng: np.random.Generator
) -> FloatArray:
    """[item, llm] shift in log compute; 0 for the ladder's family, shared within another."""
    effect = np.zeros((n_items, len(settings.llms)))
    foreign = _foreign(settings)
    for family in sorted({llm.family for llm in settings.llms} - {settings.llms[0].family}):
        members = [llm.family == family for llm in settings.llms]
        own = rng.standard_normal() + rng.standard_normal(n_items)
        effect[:, members] = settings.family_sd * own[:, None]
    return effect if foreign.any() else effect[:1]


def _measured(
    one: BenchmarkSettings,
    truth: BenchmarkTruth,
    n_correct: IntArray,
    settings: SimulationSettings,
) -> BenchmarkScores:
    current = CHECKPOINTS.index("current") if settings.checkpoints else 0
    n_summed = settings.n_trials * n_correct.shape[0]
    shape = truth.rate.shape
    return BenchmarkScores(
        benchmark=one.name,
        item_id=item_names(one.n_items),
        llm=tuple(llm.name for llm in settings.llms),
        pass_rate=n_correct.sum(axis=0) / n_summed,
        n_trials=np.full(shape, float(n_summed)),
        measured_rate=n_correct[current] / settings.n_trials,
        measured_trials=np.full(shape, float(settings.n_trials)),
        chance=one.chance,
        soft=False,
    )


def _llm_table(llms: tuple[LLMSettings, ...], loss: FloatArray) -> LLMTable:
    names = tuple(llm.name for llm in llms)
    return LLMTable(
        name=names,
        compute_flops=np.array([llm.flops for llm in llms]),
        params=np.array([float(llm.params) for llm in llms]),
        tokens=np.array([float(llm.tokens) for llm in llms]),
        loss=loss,
        family=tuple(llm.family for llm in llms),
        run=names,
        role=tuple(llm.role for llm in llms),
    )
