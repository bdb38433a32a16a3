"""Presets of simulated ladders, as data, and smaller copies of them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from bayescod.errors import DataError, Problem, UnknownNameError
from bayescod.evaluation.simulation_settings import (
    BenchmarkSettings,
    DifficultyGroup,
    ItemShares,
    LLMSettings,
    SimulationSettings,
    SplitLaw,
)

FEWEST_ITEMS: Final = 10


def preset(name: str) -> SimulationSettings:
    """Settings of a preset.

    Parameters
    ----------
    name : str
        One of :data:`PRESETS`.

    Returns
    -------
    SimulationSettings

    Raises
    ------
    UnknownNameError
        If there is none; the message lists near names.
    """
    if name not in PRESETS:
        raise UnknownNameError("preset", name, PRESETS)
    return PRESETS[name]


def scaled(settings: SimulationSettings, items: float) -> SimulationSettings:
    """The same ladder with fewer, or more, items.

    Parameters
    ----------
    settings : SimulationSettings
    items : float
        Factor on the items of each benchmark, > 0. No benchmark is brought below ten items, or
        below what it has.

    Returns
    -------
    SimulationSettings

    Raises
    ------
    DataError
        If the factor is not positive and finite.

    Examples
    --------
    >>> [benchmark.n_items for benchmark in scaled(preset("paper"), items=0.1).benchmarks][:3]
    [132, 500, 651]
    """
    if not 0.0 < items < math.inf:
        wanted = "a finite factor above 0"
        raise DataError([Problem("simulation-setting", "items", got=repr(items), wanted=wanted)])
    changed = tuple(
        replace(one, n_items=max(min(one.n_items, FEWEST_ITEMS), round(one.n_items * items)))
        for one in settings.benchmarks
    )
    return replace(settings, benchmarks=changed)


def _groups(
    location: float, pace: float = 1.0, ceiling: float = 1.0
) -> tuple[DifficultyGroup, ...]:
    """Five groups from easy to hard around a log loss; harder ones grow later and end lower."""
    return (
        DifficultyGroup(0.20, location - 1.6, 0.50 * pace, 0.02 * ceiling),
        DifficultyGroup(0.25, location - 0.6, 0.46 * pace, 0.04 * ceiling),
        DifficultyGroup(0.25, location + 0.3, 0.42 * pace, 0.07 * ceiling),
        DifficultyGroup(0.18, location + 1.2, 0.38 * pace, 0.10 * ceiling),
        DifficultyGroup(0.12, location + 2.2, 0.34 * pace, 0.15 * ceiling),
    )


# Model sizes, tokens and compute of arXiv 2502.17262v4, appendix D: compute is tokens times compute
# a token, attention included. The anchor is of the size of the one used there, Qwen2-72B.
_PAPER_LLMS = (
    LLMSettings("122M", 122e6, 26e9, 39.9e18),
    LLMSettings("238M", 238e6, 45e9, 120.8e18),
    LLMSettings("411M", 411e6, 72e9, 307.8e18),
    LLMSettings("652M", 652e6, 108e9, 688.8e18),
    LLMSettings("973M", 973e6, 153e9, 1386e18),
    LLMSettings("1.9B", 1901e6, 277e9, 4553e18),
    LLMSettings("7B", 6980e6, 923e9, 50_544e18),
    LLMSettings("12B", 12_022e6, 1544e9, 141_444e18),
    LLMSettings("70B", 68_452e6, 8012e9, 3_806_750e18, role="target"),
    LLMSettings("anchor-72B", 72_700e6, 7000e9, role="anchor", family="other"),
)

# Items of the paper's evaluation sets; locations such that the 70B's expected scores are the
# published ones (Table A2 of v4). The paper found 53 % of BBH predictable, 77 % of MATH and 94 % of
# MMLU-pro, which sets the order of the shares of scaling items; the rest is made up.
_PAPER_BENCHMARKS = (
    BenchmarkSettings(
        "GSM8K", 1319, _groups(-0.2, 1.3, 0.5), 0.0, ItemShares(0.92, 0.03, 0.02, 0.02, 0.01)
    ),
    BenchmarkSettings("MATH", 5000, _groups(2.32), 0.0, ItemShares(0.77, 0.05, 0.02, 0.14, 0.02)),
    BenchmarkSettings(
        "BBH", 6511, _groups(-0.24, 1.2), 0.25, ItemShares(0.66, 0.14, 0.10, 0.03, 0.07)
    ),
    BenchmarkSettings(
        "TriviaQA", 17_944, _groups(-0.28, 0.85, 0.5), 0.0, ItemShares(0.88, 0.05, 0.03, 0.03, 0.01)
    ),
    BenchmarkSettings("MBPP", 500, _groups(0.81), 0.0, ItemShares(0.78, 0.08, 0.04, 0.08, 0.02)),
    BenchmarkSettings(
        "AGIEval", 8063, _groups(2.32, 0.9), 0.2, ItemShares(0.80, 0.08, 0.03, 0.06, 0.03)
    ),
    BenchmarkSettings(
        "DROP", 9536, _groups(0.13, 0.9, 0.5), 0.0, ItemShares(0.82, 0.07, 0.05, 0.04, 0.02)
    ),
    BenchmarkSettings(
        "MMLU-pro", 12_032, _groups(1.96, 0.85), 0.1, ItemShares(0.94, 0.02, 0.01, 0.02, 0.01)
    ),
)

# Nine LLMs of twenty tokens a parameter; the target takes 18 times the largest one's compute.
_SMALL_LLMS = (
    LLMSettings("20M", 20e6, 0.4e9),
    LLMSettings("35M", 35e6, 0.7e9),
    LLMSettings("60M", 60e6, 1.2e9),
    LLMSettings("100M", 100e6, 2e9),
    LLMSettings("180M", 180e6, 3.6e9),
    LLMSettings("320M", 320e6, 6.4e9),
    LLMSettings("560M", 560e6, 11.2e9),
    LLMSettings("1B", 1e9, 20e9),
    LLMSettings("4.2B", 4.2e9, 84e9, role="target"),
)
_SMALL_BENCHMARKS = (
    BenchmarkSettings("easy", 400, _groups(0.0)),
    BenchmarkSettings("middling", 400, _groups(1.0), 0.25),
    BenchmarkSettings("hard", 300, _groups(1.6), 0.0, ItemShares(0.60, 0.12, 0.06, 0.18, 0.04)),
)
_SMALL = SimulationSettings(_SMALL_LLMS, _SMALL_BENCHMARKS)

# Each size at 10, 40 and 160 tokens a parameter; the target at 150.
_OFF_RATIO_LLMS = (
    *(
        LLMSettings(f"{size}M-{ratio}x", size * 1e6, size * ratio * 1e6)
        for size in (60, 120, 240, 480, 960)
        for ratio in (10, 40, 160)
    ),
    LLMSettings("4B-150x", 4e9, 600e9, role="target"),
)

PRESETS: Final = {
    "paper": SimulationSettings(_PAPER_LLMS, _PAPER_BENCHMARKS),
    "small": _SMALL,
    "greedy": replace(_SMALL, n_trials=1),
    "off-ratio": SimulationSettings(
        _OFF_RATIO_LLMS,
        _SMALL_BENCHMARKS,
        split=SplitLaw(tokens_part=0.55, params_factor=2.2, tokens_factor=1.7),
    ),
}
"""Name of a preset -> its settings.

``paper`` has the eight benchmarks and nine LLMs of arXiv 2502.17262 and one anchor; ``small`` three
benchmarks and nine LLMs; ``greedy`` is ``small`` with one trial an item; ``off-ratio`` varies
parameters and tokens apart, and its items grow with each of them.
"""
