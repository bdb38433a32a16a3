"""Settings of a simulated ladder: LLMs, benchmarks and noise, as frozen records that check."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from bayescod.errors import DataError, Problem
from bayescod.scores.records import FLOPS_PER_PARAM_TOKEN

ROLES: Final = ("ladder", "anchor", "target")


@dataclass(frozen=True, slots=True)
class LLMSettings:
    """One LLM to simulate.

    Attributes
    ----------
    name : str
    params, tokens : float
        Parameters and training tokens, > 0.
    compute_flops : float or None
        Training compute in FLOP, > 0; ``6 * params * tokens`` where ``None``.
    role : str
        ``ladder``, ``anchor`` or ``target``.
    family : str
        LLMs of another family than that of the first are worth another compute on each benchmark
        and item; see `SimulationSettings.family_sd`.
    """

    name: str
    params: float
    tokens: float
    compute_flops: float | None = None
    role: str = "ladder"
    family: str = "own"

    def __post_init__(self) -> None:
        problems = _names(self.name, "model")
        for name in ("params", "tokens", "compute_flops"):
            if getattr(self, name) is not None:
                problems += _within(self, name, 0.0, math.inf, open_low=True)
        if self.role not in ROLES:
            problems.append(_problem(self, "role", repr(self.role), ", ".join(ROLES)))
        _raise(problems)

    @property
    def flops(self) -> float:
        """Training compute in FLOP, given or ``6 * params * tokens``."""
        if self.compute_flops is not None:
            return self.compute_flops
        return FLOPS_PER_PARAM_TOKEN * self.params * self.tokens


@dataclass(frozen=True, slots=True)
class DifficultyGroup:
    """Items of similar difficulty that follow Eq. 1 nearly alike.

    Attributes
    ----------
    weight : float
        Its part of the scaling items, relative to the other groups', > 0.
    log_loss : float
        Natural log of the reducible loss ``a C^-b`` at the ladder's geometric mean compute.
    exponent : float
        ``b`` of Eq. 1, > 0.
    ceiling : float
        ``c`` of Eq. 1 in nats, >= 0.
    """

    weight: float
    log_loss: float
    exponent: float
    ceiling: float

    def __post_init__(self) -> None:
        _raise(
            [
                *_within(self, "weight", 0.0, math.inf, open_low=True),
                *_within(self, "log_loss", -math.inf, math.inf),
                *_within(self, "exponent", 0.0, math.inf, open_low=True),
                *_within(self, "ceiling", 0.0, math.inf),
            ]
        )


@dataclass(frozen=True, slots=True)
class ItemShares:
    """Shares of a benchmark's items by how they grow; they sum to one.

    Attributes
    ----------
    scaling : float
        Follow Eq. 1.
    level : float
        Have the same pass rate at every compute, at any height between chance and one.
    saturated : float
        Are solved by every LLM, with 95 % or more.
    floor : float
        Never leave chance.
    odd : float
        Decline, or rise and fall, or fall and rise.
    """

    scaling: float = 0.80
    level: float = 0.08
    saturated: float = 0.05
    floor: float = 0.05
    odd: float = 0.02

    def __post_init__(self) -> None:
        problems = [problem for name in self.__slots__ for problem in _within(self, name, 0.0, 1.0)]
        total = sum(self.values())
        if not abs(total - 1.0) < 1e-9:
            problems.append(_problem(self, "shares", f"a sum of {total:g}", "a sum of 1"))
        _raise(problems)

    def values(self) -> tuple[float, ...]:
        """The shares in the order of :data:`KINDS`."""
        return (self.scaling, self.level, self.saturated, self.floor, self.odd)


KINDS: Final = ("scaling", "level", "saturated", "floor", "odd")


@dataclass(frozen=True, slots=True)
class BenchmarkSettings:
    """One benchmark to simulate.

    Attributes
    ----------
    name : str
    n_items : int
        At least 1.
    groups : tuple of DifficultyGroup
        At least one.
    chance : float
        ``g`` of Eq. 1 for all its items, in [0, 1).
    shares : ItemShares
    item_sd : float
        How items depart from their group, >= 0: standard deviation of the natural log of their
        reducible loss and of their ceiling, and, halved, of their exponent. 0 gives exact clusters.
    """

    name: str
    n_items: int
    groups: tuple[DifficultyGroup, ...]
    chance: float = 0.0
    shares: ItemShares = field(default_factory=ItemShares)
    item_sd: float = 0.3

    def __post_init__(self) -> None:
        problems = [
            *_names(self.name, "benchmark"),
            *_within(self, "n_items", 1, math.inf, whole=True),
            *_within(self, "chance", 0.0, 1.0, open_high=True),
            *_within(self, "item_sd", 0.0, math.inf),
        ]
        if not self.groups:
            problems.append(_problem(self, "groups", "none", "at least one difficulty group"))
        _raise(problems)


@dataclass(frozen=True, slots=True)
class SplitLaw:
    """Parameters and tokens in the place of compute: ``A N^-alpha + B D^-beta`` for ``a C^-b``.

    Attributes
    ----------
    tokens_part : float
        Part of the reducible loss that tokens remove, at the ladder's geometric means, in (0, 1).
    params_factor, tokens_factor : float
        ``alpha`` and ``beta`` over the group's exponent, > 0. With both at 2 a ladder of one token
        ratio grows as Eq. 1 with that exponent.
    """

    tokens_part: float = 0.5
    params_factor: float = 2.0
    tokens_factor: float = 2.0

    def __post_init__(self) -> None:
        _raise(
            [
                *_within(self, "tokens_part", 0.0, 1.0, open_low=True, open_high=True),
                *_within(self, "params_factor", 0.0, math.inf, open_low=True),
                *_within(self, "tokens_factor", 0.0, math.inf, open_low=True),
            ]
        )


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """A ladder to simulate; the story is told in :func:`bayescod.evaluation.simulation.simulate`.

    Attributes
    ----------
    llms : tuple of LLMSettings
        Unique names, at least one of role ``ladder``.
    benchmarks : tuple of BenchmarkSettings
        Unique names, at least one.
    n_trials : int
        Trials an item, LLM and checkpoint, at least 1; 1 is greedy decoding.
    checkpoints : bool
        Whether each LLM is measured at ``previous``, ``current`` and ``next``, of equal pass rates.
    common_sd, own_sd : float
        Standard deviation of a training run's effect, in natural log of compute, >= 0: the part
        common to all benchmarks and the part that each benchmark has of its own.
    family_sd : float
        What LLMs of another family are worth, in natural log of compute: standard deviation over
        benchmarks, and again over the items of one, >= 0.
    item_run_sd : float
        Standard deviation of each item's noise in each run on the logit scale, >= 0.
    loss_sd : float
        Standard deviation of the pretraining loss in nats, beyond what the run effect does, >= 0.
    split : SplitLaw or None
        ``None``: items grow with compute.
    """

    llms: tuple[LLMSettings, ...]
    benchmarks: tuple[BenchmarkSettings, ...]
    n_trials: int = 100
    checkpoints: bool = False
    common_sd: float = 0.08
    own_sd: float = 0.08
    family_sd: float = 0.5
    item_run_sd: float = 0.2
    loss_sd: float = 0.005
    split: SplitLaw | None = None

    def __post_init__(self) -> None:
        problems = [
            *_within(self, "n_trials", 1, math.inf, whole=True),
            *(
                problem
                for name in ("common_sd", "own_sd", "family_sd", "item_run_sd", "loss_sd")
                for problem in _within(self, name, 0.0, math.inf)
            ),
            *_unique(self, "llms", [llm.name for llm in self.llms]),
            *_unique(self, "benchmarks", [benchmark.name for benchmark in self.benchmarks]),
        ]
        if not any(llm.role == "ladder" for llm in self.llms):
            problems.append(_problem(self, "llms", "none of role ladder", "at least one"))
        _raise(problems)


def _problem(record: object, name: str, got: str, wanted: str) -> Problem:
    own = getattr(record, "name", "")
    what = f"{type(record).__name__} {own!r}" if own else type(record).__name__
    return Problem("simulation-setting", f"{name} of {what}", got=got, wanted=wanted)


def _within(
    record: object,
    name: str,
    low: float,
    high: float,
    *,
    open_low: bool = False,
    open_high: bool = False,
    whole: bool = False,
) -> list[Problem]:
    """A problem where a number is not finite or outside its range."""
    value = getattr(record, name)
    good = isinstance(value, int | float) and not isinstance(value, bool)
    good = good and math.isfinite(value) and low <= value <= high
    good = good and not (open_low and value == low) and not (open_high and value == high)
    if good and not (whole and value != int(value)):
        return []
    above = "" if low == -math.inf else f" {'above' if open_low else 'at least'} {low:g}"
    below = "" if high == math.inf else f" {'below' if open_high else 'at most'} {high:g}"
    wanted = f"a {'whole' if whole else 'finite'} number" + above + " and" * bool(below) + below
    return [_problem(record, name, repr(value), wanted)]


def _names(name: str, kind: str) -> list[Problem]:
    if name.strip() and "\x00" not in name:
        return []
    return [Problem("simulation-setting", f"name of a {kind}", got=repr(name), wanted="a name")]


def _unique(record: object, name: str, names: list[str]) -> list[Problem]:
    if not names:
        return [_problem(record, name, "none", "at least one")]
    twice = sorted({one for one in names if names.count(one) > 1})
    return [_problem(record, name, f"{', '.join(twice)} twice", "one of each name")] * bool(twice)


def _raise(problems: list[Problem]) -> None:
    if problems:
        raise DataError(problems)
