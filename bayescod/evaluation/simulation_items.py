"""Items of a simulated benchmark: what each is, and its pass rate for LLMs of given size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from bayescod.evaluation.simulation_settings import KINDS, BenchmarkSettings, SplitLaw

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

SATURATED_FROM = 0.95
_QUADRATURE_NODES = 15


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """Where LLMs stand, relative to the geometric means of the ladder.

    Attributes
    ----------
    log_compute, log_params, log_tokens : FloatArray
        [llm] or [item, llm], natural logarithms.
    """

    log_compute: FloatArray
    log_params: FloatArray
    log_tokens: FloatArray

    def shifted(self, by: FloatArray) -> Position:
        """The same LLMs as if trained with ``exp(by)`` times the compute at one token ratio."""
        half = 0.5 * by
        return Position(self.log_compute + by, self.log_params + half, self.log_tokens + half)


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """What the items of one benchmark are.

    Attributes
    ----------
    kind : IntArray
        [item] index into ``KINDS``.
    group : IntArray
        [item] difficulty group of a scaling item; -1 for the others.
    log_loss, exponent, ceiling : FloatArray
        [item] of a scaling item, as in `DifficultyGroup`; NaN for the others.
    height : FloatArray
        [item] pass rate of a level, saturated or floor item; logit at the ladder's geometric mean
        compute of an odd one; NaN for scaling items.
    slope, bend : FloatArray
        [item] of an odd item, in logits a unit, and a unit squared, of log compute; else 0.
    chance : float
        Of every item.
    """

    kind: IntArray
    group: IntArray
    log_loss: FloatArray
    exponent: FloatArray
    ceiling: FloatArray
    height: FloatArray
    slope: FloatArray
    bend: FloatArray
    chance: float

    def scaling_share(self) -> float:
        """Share of the items that follow Eq. 1."""
        return float(np.mean(self.kind == KINDS.index("scaling")))


def draw_items(settings: BenchmarkSettings, reach: float, rng: np.random.Generator) -> Items:
    """Draw the items of a benchmark; kinds and groups are met exactly, but for rounding.

    Parameters
    ----------
    settings : BenchmarkSettings
    reach : float
        Natural log of the ladder's largest compute over its geometric mean, > 0: an odd item moves
        over it by a few logits.
    rng : numpy.random.Generator

    Returns
    -------
    Items
    """
    n = settings.n_items
    kind = rng.permutation(np.repeat(np.arange(len(KINDS)), dealt(n, settings.shares.values())))
    scaling = np.flatnonzero(kind == KINDS.index("scaling"))
    sizes = dealt(scaling.size, [group.weight for group in settings.groups])
    group = np.full(n, -1)
    group[scaling] = rng.permutation(np.repeat(np.arange(sizes.size), sizes))
    centre = np.array(
        [(one.log_loss, one.exponent, one.ceiling) for one in settings.groups]
        + [(np.nan, np.nan, np.nan)]  # what -1 points at
    )[group]
    noise = settings.item_sd * rng.standard_normal((3, n))
    uniform = rng.uniform(size=n)
    height = np.full(n, np.nan)
    level, saturated, floor, odd = (kind == KINDS.index(name) for name in KINDS[1:])
    height[level] = settings.chance + (1.0 - settings.chance) * uniform[level]
    low = max(SATURATED_FROM, settings.chance)
    height[saturated] = low + (1.0 - low) * uniform[saturated]
    height[floor] = settings.chance
    height[odd] = rng.standard_normal(n)[odd]
    strength = rng.uniform(0.5, 2.0, size=n)
    bends = odd & (rng.uniform(size=n) < 0.5)
    sign = np.where(rng.uniform(size=n) < 0.5, -1.0, 1.0)
    return Items(
        kind=kind,
        group=group,
        log_loss=centre[:, 0] + noise[0],
        exponent=centre[:, 1] * np.exp(0.5 * noise[1]),
        ceiling=centre[:, 2] * np.exp(noise[2]),
        height=height,
        slope=np.where(odd & ~bends, -strength / reach, 0.0),
        bend=np.where(bends, sign * strength / reach**2, 0.0),
        chance=settings.chance,
    )


def pass_rates(items: Items, at: Position, split: SplitLaw | None) -> FloatArray:
    """Expected pass rate of every item for LLMs at given positions, before any noise.

    Parameters
    ----------
    items : Items
    at : Position
        Of [llm] or [item, llm], run and family effects included.
    split : SplitLaw or None
        As in `SimulationSettings`.

    Returns
    -------
    FloatArray
        [item, llm] in [0, 1].
    """
    shape = (items.kind.size, at.log_compute.shape[-1])
    compute, params, tokens = (
        np.broadcast_to(x, shape) for x in (at.log_compute, at.log_params, at.log_tokens)
    )
    rate = np.broadcast_to(items.height[:, None], shape).copy()
    grows = items.kind == KINDS.index("scaling")
    b = items.exponent[grows, None]
    if split is None:
        shrunk = np.exp(-b * compute[grows])
    else:
        by_params = np.exp(-split.params_factor * b * params[grows])
        by_tokens = np.exp(-split.tokens_factor * b * tokens[grows])
        shrunk = (1.0 - split.tokens_part) * by_params + split.tokens_part * by_tokens
    loss = np.exp(items.log_loss[grows, None]) * shrunk + items.ceiling[grows, None]
    rate[grows] = items.chance + (1.0 - items.chance) * np.exp(-loss)
    odd = items.kind == KINDS.index("odd")
    u = compute[odd]
    rate[odd] = expit(
        items.height[odd, None] + items.slope[odd, None] * u + items.bend[odd, None] * u**2
    )
    return rate


def noisy_rates(rate: FloatArray, sd: float, rng: np.random.Generator) -> FloatArray:
    """Pass rates with each item's own noise in each run, on the logit scale.

    Parameters
    ----------
    rate : FloatArray
        [item, llm] in [0, 1]; 0 and 1 stay what they are.
    sd : float
        Standard deviation in logits.
    rng : numpy.random.Generator

    Returns
    -------
    FloatArray
        [item, llm] in [0, 1].
    """
    noise = rng.standard_normal(rate.shape)
    return np.asarray(expit(logit(rate) + sd * noise)) if sd else rate


def mean_over_noise(rate: FloatArray, sd: float) -> FloatArray:
    """Mean of :func:`noisy_rates`, by Gauss-Hermite quadrature.

    Parameters
    ----------
    rate : FloatArray
        In [0, 1].
    sd : float
        Standard deviation in logits.

    Returns
    -------
    FloatArray
        Of the same shape.
    """
    if not sd:
        return rate
    nodes, weights = np.polynomial.hermite_e.hermegauss(_QUADRATURE_NODES)
    at = logit(rate)
    parts = [w * expit(at + sd * x) for x, w in zip(nodes, weights, strict=True)]
    return np.asarray(sum(parts) / weights.sum())


def dealt(n: int, shares: npt.ArrayLike) -> IntArray:
    """Whole numbers that sum to `n`, in proportion to `shares`, by largest remainders.

    Parameters
    ----------
    n : int
        At least 0.
    shares : array_like
        Non-negative, not all zero.

    Returns
    -------
    IntArray

    Examples
    --------
    >>> dealt(10, [0.5, 0.25, 0.25])
    array([5, 3, 2])
    """
    wanted = n * np.asarray(shares, dtype=np.float64) / np.sum(shares)
    counts = np.floor(wanted).astype(np.int64)
    order = np.argsort(counts - wanted, kind="stable")
    counts[order[: n - counts.sum()]] += 1
    return counts


def item_names(n_items: int) -> tuple[str, ...]:
    """Names of the items of a simulated benchmark; sorting them keeps their order.

    Examples
    --------
    >>> item_names(11)[-2:]
    ('i09', 'i10')
    """
    width = len(str(n_items - 1))
    return tuple(f"i{index:0{width}d}" for index in range(n_items))
