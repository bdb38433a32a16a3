"""Synthetic forecasts, of the same shape as real ones, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from bayescod.convergence import Diagnostics, Reason
from bayescod.forecasting.course import CheckpointCourse, Course, CoursePoint
from bayescod.forecasting.records import (
    BenchmarkForecast,
    ClusterForecast,
    ForecastSet,
    TargetPoint,
    summarise,
)

HEALTHY = Diagnostics(
    max_rhat=1.004, min_ess_bulk=812.5, min_ess_tail=1033.25, divergences=0, n_draws=2000
)
LADDER_FLOPS = np.array([4e19, 9e19, 3e20, 1e21, 3e21, 6.3e21])


def _curve(compute: np.ndarray, level: float) -> np.ndarray:
    rate = np.log(compute / 1e18)
    return level * 0.25 + (1 - level * 0.25) * np.exp(-4.0 / rate**0.7 * (1.6 - level))


def make_tree(
    rng: np.random.Generator, level: float, n_draws: int, target_flops: float, anchors: bool
) -> xr.DataTree:
    compute = np.geomspace(LADDER_FLOPS[0], target_flops * 2, 33)
    shift = rng.normal(0.0, 1.0, n_draws)
    spread = 0.01 + 0.02 * np.clip(np.log10(compute / LADDER_FLOPS[-1]), 0, None)
    fan = np.clip(_curve(compute, level)[:, None] + spread[:, None] * shift, 0, 1)
    latent = np.clip(_curve(np.array([target_flops]), level) + 0.035 * shift, 0, 1)
    subset = np.clip(latent + 0.05, 0, 1)
    share = np.clip(rng.normal(0.6, 0.05, n_draws), 0, 1)
    subset[:3] = np.nan
    share[:3] = 0.0
    score = np.clip(latent + rng.normal(0, 0.01, n_draws), 0, 1)
    # A run's luck is 36 % of the variance, and tells nothing of the rest.
    luck = np.random.default_rng(n_draws).normal(size=n_draws)
    typical = np.clip(latent - 0.035 * (0.36 * shift - 0.48 * luck), 0, 1)
    names = [f"llm-{i}" for i in range(LADDER_FLOPS.size)]
    measured = _curve(LADDER_FLOPS, level) + rng.normal(0, 0.008, LADDER_FLOPS.size)
    flops, roles = LADDER_FLOPS, ["ladder"] * LADDER_FLOPS.size
    if anchors:
        names += ["anchor one", "anchor <two>"]
        flops = np.append(flops, [np.nan, 2e22])
        measured = np.append(measured, [0.55, 0.62])
        roles += ["anchor", "anchor"]
    error = np.sqrt(np.clip(measured, 0.01, 0.99) * (1 - np.clip(measured, 0.01, 0.99)) / 2000)
    return xr.DataTree.from_dict(
        {
            "/posterior": xr.Dataset(
                {
                    "log_a": (("chain", "draw", "cluster"), rng.normal(size=(4, n_draws // 4, 2))),
                    "run_scale": (("chain", "draw"), rng.gamma(2.0, size=(4, n_draws // 4))),
                }
            ),
            "/sample_stats": xr.Dataset(
                {"diverging": (("chain", "draw"), np.zeros((4, n_draws // 4), dtype=bool))}
            ),
            "/observed_data": xr.Dataset(
                {
                    "score": ("model", measured),
                    "compute_flops": ("model", flops),
                    "role": ("model", roles),
                    "evaluation_sd": ("model", error),
                },
                coords={"model": names},
            ),
            "/constant_data": xr.Dataset(
                {"n_items": ("cluster", np.array([40, 60])), "evaluation_ratio": 1.0 / 2000}
            ),
            "/predictions": xr.Dataset(
                {
                    "score": ("draw", score),
                    "latent_score": ("draw", latent),
                    "subset_score": ("draw", subset),
                    "predictable_share": ("draw", share),
                    "typical_score": ("draw", typical),
                    "fan": (("compute", "draw"), fan),
                },
                coords={"compute": compute},
            ),
        }
    )


def make_benchmark(
    name: str = "toy",
    *,
    seed: int = 0,
    level: float = 0.6,
    status: str = "pass",
    diagnostics: Diagnostics = HEALTHY,
    reasons: Sequence[Reason] = (),
    reason: Reason | None = None,
    truth: float | None = None,
    compute_ratio: float = 20.0,
    n_draws: int = 200,
    anchors: bool = True,
) -> BenchmarkForecast:
    rng = np.random.default_rng([seed, len(name)])
    target_flops = float(LADDER_FLOPS[-1] * compute_ratio)
    growing = {key: summarise(rng.gamma(2.0, size=50)) for key in "abcg"}
    return BenchmarkForecast(
        benchmark=name,
        n_items=120,
        method="end-to-end" if reason else "cod",
        reason=reason,
        law="cod-eq1",
        target=TargetPoint("big", target_flops, compute_ratio, truth),
        a_unit_flops=1e18,
        clusters=(
            ClusterForecast(0, 40, 0.97, growing),
            ClusterForecast(1, 60, 0.0, {}),
        ),
        diagnostics=diagnostics,
        status=status,
        reasons=tuple(reasons),
        seconds={"cluster": 0.1, "compile": 3.0, "sample": 1.0 / 3.0, "map": 0.25},
        tree=make_tree(rng, level, n_draws, target_flops, anchors),
    )


def make_set(*benchmarks: BenchmarkForecast, seed: int = 7, digest: str = "d" * 64) -> ForecastSet:
    chosen = benchmarks or (make_benchmark("toy"), make_benchmark("other", seed=1, level=0.3))
    target = chosen[0].target
    return ForecastSet(
        benchmarks=tuple(chosen),
        target=TargetPoint(target.model, target.compute_flops, target.compute_ratio),
        seed=seed,
        spec="auto",
        provenance={"data_digest": digest, "spec_digest": "s" * 64, "bayescod": "0.1.0"},
        warnings=("compute of `m` filled in from 6ND",),
    )


def make_course(*names: str) -> Course:
    """A run of two checkpoints, on its course and then behind."""
    rng = np.random.default_rng(3)
    expected = {name: summarise(rng.uniform(0.3, 0.5, 50)) for name in names}
    checkpoints = tuple(
        CheckpointCourse(
            model=f"big-{number}",
            compute_flops=part * 1e22,
            part=part,
            no_more=no_more,
            no_less=1.0 - no_more,
            verdict=verdict,
            points=tuple(CoursePoint(n, 0.35, e, no_more) for n, e in expected.items()),
        )
        for number, part, no_more, verdict in (
            (1, 0.25, 0.4, "on course"),
            (2, 0.5, 0.01, "behind"),
        )
    )
    return Course(checkpoints, True, expected, dict.fromkeys(names, 321.5))
