"""Simulated ladders in memory: items of known Eq. 1 clusters, evaluated with finite trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bayescod.batches import Lane
from bayescod.forecasting.ladder import Ladder, ladder_of
from bayescod.forecasting.lanes import cluster_lane, curve_lane
from bayescod.scores.records import (
    FLOPS_PER_PARAM_TOKEN,
    BenchmarkScores,
    LLMTable,
    Scores,
)
from bayescod.scores.selection import Selection, parse_target, select_ladder
from bayescod.specs import Spec, load_spec

FloatArray = npt.NDArray[np.float64]

UNIT = 1e18
TARGET, ANCHOR = "big", "anchor"
ONE_RATIO = 20.0
"""Tokens a parameter of every LLM, unless a test asks for others."""
OFF_RATIO = (5.0, 80.0, 20.0, 160.0, 10.0, 40.0, 20.0)
"""Tokens a parameter of a ladder of seven on which compute alone is not the law."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Eq. 1 with ``a`` for compute in units of 1e18 FLOP."""

    a: float
    b: float
    c: float = 0.0
    g: float = 0.0

    def at(self, compute_flops: npt.ArrayLike) -> FloatArray:
        loss = self.a * (np.asarray(compute_flops) / UNIT) ** -self.b + self.c
        return np.asarray(self.g + (1.0 - self.g) * np.exp(-loss))


# Easy, middling, and hard; the fourth declines and is none of Eq. 1's business.
GROWING = (Curve(4.0, 0.5, 0.02, 0.1), Curve(9.0, 0.45, 0.05, 0.05), Curve(20.0, 0.45, 0.1, 0.0))
LEVEL = (Curve(1.5, 0.0), Curve(0.4, 0.0))


def make_benchmark_scores(
    rng: np.random.Generator,
    llm: Sequence[str],
    compute_flops: npt.ArrayLike,
    *,
    name: str = "toy",
    curves: Sequence[Curve] = GROWING,
    n_items: int = 120,
    n_trials: int = 100,
    chance: float | None = None,
) -> BenchmarkScores:
    """Items dealt to the curves in turn: item i follows curve ``i % len(curves)``."""
    rates = np.stack([curve.at(compute_flops) for curve in curves])
    rate = rates[np.arange(n_items) % len(curves)]
    measured = rng.binomial(n_trials, rate) / n_trials
    trials = np.full(rate.shape, float(n_trials))
    ids = tuple(f"i{i:03d}" for i in range(n_items))
    return BenchmarkScores(
        name, ids, tuple(llm), measured, trials, measured.copy(), trials.copy(), chance, soft=False
    )


def make_llms(
    n_ladder: int = 7, beyond: float = 20.0, tokens_per_param: npt.ArrayLike = ONE_RATIO
) -> LLMTable:
    """A ladder from 4e19 FLOP, a factor 2.5 each, then one target and one anchor.

    ``tokens_per_param`` is the ladder's, one or one an LLM; target and anchor have 20. Losses
    follow the parametric law of arXiv 2203.15556 with its printed constants.
    """
    ladder = 4e19 * 2.5 ** np.arange(n_ladder)
    name = (*(f"llm-{i}" for i in range(n_ladder)), TARGET, ANCHOR)
    compute = np.array([*ladder, ladder[-1] * beyond, ladder[-1] * 8.0])
    ratio = np.append(np.broadcast_to(tokens_per_param, n_ladder), [ONE_RATIO, ONE_RATIO])
    params = np.sqrt(compute / (FLOPS_PER_PARAM_TOKEN * ratio))
    tokens = ratio * params
    return LLMTable(
        name=name,
        compute_flops=compute,
        params=params,
        tokens=tokens,
        loss=1.69 + 406.4 * params**-0.34 + 410.7 * tokens**-0.28,
        family=("",) * len(name),
        run=name,
        role=(*("ladder",) * n_ladder, "target", "anchor"),
    )


def make_scores(
    seed: int = 0,
    benchmarks: Mapping[str, Sequence[Curve]] | None = None,
    *,
    n_ladder: int = 7,
    curves: Sequence[Curve] = GROWING,
    tokens_per_param: npt.ArrayLike = ONE_RATIO,
    **settings: Any,
) -> Scores:
    """Benchmarks that all LLMs of :func:`make_llms` took."""
    llms = make_llms(n_ladder, tokens_per_param=tokens_per_param)
    wanted = benchmarks or {"toy": curves}
    rng = np.random.default_rng(seed)
    made = tuple(
        make_benchmark_scores(
            rng, llms.name, llms.compute_flops, name=name, curves=wanted[name], **settings
        )
        for name in sorted(wanted)
    )
    return Scores(made, llms, warnings=(), unknown_columns=(), digest="0" * 64)


def rescored(scores: Scores, llm: str, rate: float) -> Scores:
    """The same scores, but `llm` has the pass rate `rate` on every item."""

    def changed(one: BenchmarkScores) -> BenchmarkScores:
        column = one.llm.index(llm)
        new, measured = one.pass_rate.copy(), one.measured_rate.copy()
        new[:, column] = measured[:, column] = rate
        return replace(one, pass_rate=new, measured_rate=measured)

    return replace(scores, benchmarks=tuple(changed(one) for one in scores.benchmarks))


def benchmark_level(one: BenchmarkScores) -> BenchmarkScores:
    """The same benchmark without items: one row of soft means."""
    mean = one.score()[None, :]
    trials = np.full(mean.shape, np.nan)
    return BenchmarkScores(
        one.benchmark,
        None,
        one.llm,
        mean,
        trials,
        mean.copy(),
        trials.copy(),
        one.chance,
        soft=True,
    )


def with_checkpoints(scores: Scores) -> tuple[Scores, Scores]:
    """The same scores with two checkpoints of the target's run in the models table, and theirs.

    They are a quarter and a half of the way, and score as the two LLMs before the anchor.
    """
    llms, parts = scores.llms, np.array([0.25, 0.5])
    end = parse_target(TARGET, llms)
    more = replace(
        llms,
        name=(*llms.name, "big-1", "big-2"),
        compute_flops=np.append(llms.compute_flops, parts * end.compute_flops),
        params=np.append(llms.params, [end.params] * 2),
        tokens=np.append(llms.tokens, parts * end.tokens),
        loss=np.append(llms.loss, [np.nan] * 2),
        family=(*llms.family, "", ""),
        run=(*llms.run, TARGET, TARGET),
        role=(*llms.role, "target", "target"),
    )

    def measured(one: BenchmarkScores) -> BenchmarkScores:
        columns = {
            name: getattr(one, name)[:, -3:-1]
            for name in ("pass_rate", "n_trials", "measured_rate", "measured_trials")
        }
        return replace(one, llm=("big-1", "big-2"), **columns)

    update = tuple(measured(one) for one in scores.benchmarks)
    return replace(scores, llms=more), replace(scores, llms=more, benchmarks=update)


def select(scores: Scores, target: str = TARGET) -> Selection:
    return select_ladder(scores, parse_target(target, scores.llms), ())


def make_ladder(seed: int = 0, spec: Spec | None = None, **settings: Any) -> Ladder:
    """One benchmark's ladder with the target and the anchor of :func:`make_llms`."""
    scores = make_scores(seed, **settings)
    return ladder_of(
        scores.benchmarks[0], scores.llms, select(scores), spec or load_spec("cod"), None
    )


def planted_labels(ladder: Ladder, n_curves: int = len(GROWING)) -> npt.NDArray[np.int64]:
    """The cluster each item was simulated from."""
    return np.arange(len(ladder.scores.item_id or ())) % n_curves


def mapping_lane(size: int = 16, n: int = 8, seed: int = 0) -> Lane:
    """A mapping's data: the rest of a benchmark is a little below its subset."""
    x = np.linspace(0.15, 0.85, n)
    rest = x**1.3 + 0.01 * np.random.default_rng(seed).standard_normal(n)
    filled = np.full(size - n, 0.5)
    data = {
        "subset_rate": np.append(x, filled),
        "subset_variance": np.append(np.full(n, 1e-4), filled),
        "pass_rate": np.append(rest, filled),
        "variance": np.append(np.full(n, 1e-4), filled),
        "observed": np.arange(size) < n,
    }
    return Lane(data, start={}, used={})


def lane_of(spec: Spec, seed: int = 0) -> Lane:
    """A small lane of a spec's program."""
    if spec.program == "mapping":
        return mapping_lane(seed=seed)
    ladder = make_ladder(seed, spec)
    if spec.program == "clusters":
        return cluster_lane(ladder, planted_labels(ladder), spec)
    return curve_lane(ladder, spec)


def program_data(spec: Spec) -> dict[str, Any]:
    """Arrays that a spec's program asks for."""
    return dict(lane_of(spec).data)
