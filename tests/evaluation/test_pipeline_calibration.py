"""Calibration of the pipeline: the story that is simulated, its judgement, and coupled errors."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest

from bayescod import sampling
from bayescod.errors import SamplingError
from bayescod.evaluation import pipeline_calibration
from bayescod.evaluation.pipeline_calibration import (
    calibrate_pipeline,
    coverage_of,
    joint_pit,
    ranks_of,
)
from bayescod.evaluation.pipeline_story import Design, simulate_benchmarks
from bayescod.evaluation.ranks import RankVerdict, judge_ranks
from bayescod.forecasting import cod
from bayescod.forecasting.coupling import coupled_normals
from bayescod.forecasting.spec_sets import specs_of
from bayescod.scores.records import Scores
from bayescod.specs import load_spec, parse_spec
from tests._factories import make_benchmark

COD = load_spec("cod")
DESIGN = Design(n_benchmarks=12)


@cache
def simulated() -> Scores:
    return simulate_benchmarks(3, COD, DESIGN)


def test_story_has_the_design():
    scores = simulated()
    assert len(scores.benchmarks) == 12
    assert scores.llms.role.count("ladder") == 9
    assert scores.llms.role[-1] == "target"
    compute = scores.llms.compute_flops
    np.testing.assert_allclose(compute[1:-1] / compute[:-2], 2.5)
    assert compute[-1] / compute[-2] == pytest.approx(10.0)
    for one in scores.benchmarks:
        assert one.pass_rate.shape == (150, 10)
        assert (one.n_trials == 100).all()
        np.testing.assert_allclose(one.pass_rate * 100, np.round(one.pass_rate * 100))


def test_story_has_clusters_that_grow_and_level_items():
    """Of 24 items a cluster, each with an error of at most 0.5: the mean may be off by 0.1."""
    for one in simulated().benchmarks:
        growing, level = one.pass_rate[:120], one.pass_rate[120:]
        for k in range(5):
            rate = growing[k::5].mean(axis=0)
            assert rate[-2] - rate[0] > COD.filter.min_growth - 0.25
        # Binomial noise of 100 trials around one chance: at most 0.05, so 5 of it.
        assert np.abs(level - level.mean(axis=1, keepdims=True)).max() < 0.25
        assert growing[:, -2].mean() > growing[:, 0].mean()


def test_story_repeats_and_seeds_differ():
    found = [np.stack([b.pass_rate for b in s.benchmarks]) for s in (simulated(), redrawn(3))]
    np.testing.assert_array_equal(*found)
    assert not np.array_equal(found[0], np.stack([b.pass_rate for b in redrawn(4).benchmarks]))


def redrawn(seed: int) -> Scores:
    return simulate_benchmarks(seed, COD, DESIGN)


def test_run_effects_move_all_clusters_of_one_llm():
    """With large run effects the LLMs' departures from a smooth growth agree between clusters."""
    loud = parse_spec(COD.text.replace("rate = 12.0", "rate = 1.0"))
    scores = simulate_benchmarks(4, loud, dataclasses.replace(DESIGN, n_items=1200))
    found = []
    for one in scores.benchmarks:
        u = np.arange(9)
        rates = np.stack([one.pass_rate[k:960:5, :9].mean(axis=0) for k in range(5)])
        basis = np.linalg.qr(np.stack([u**0, u, u**2, u**3], axis=1))[0]
        rest = rates - (rates @ basis) @ basis.T
        found.append(np.corrcoef(rest)[np.triu_indices(5, 1)])
    assert np.median(found) > 0.6


def test_a_story_whose_clusters_never_grow_is_refused():
    never = parse_spec(COD.text.replace("min_growth = 0.1 ", "min_growth = 1.5 "))
    with pytest.raises(SamplingError, match="hardly any benchmark drawn from cod has 5 clusters"):
        simulate_benchmarks(0, never, DESIGN)


def test_pits_become_ranks():
    np.testing.assert_array_equal(ranks_of([0.0, 0.004, 0.015, 0.999, 1.0]), [0, 0, 1, 99, 99])
    np.testing.assert_array_equal(ranks_of([float("nan")]), [0])


def test_coverage_counts_equal_tailed_ranges():
    found = coverage_of([0.04, 0.06, 0.3, 0.5, 0.7, 0.94, 0.96, float("nan")])
    shares = [share for share, _ in found.values()]
    assert dict(zip(found, shares, strict=True)) == {0.5: 3 / 8, 0.8: 3 / 8, 0.9: 5 / 8}
    for share, interval in found.values():
        assert interval.low < share < interval.high


def stubbed(monkeypatch, scale: float, shift: float):
    """The pipeline with forecasts whose draws are scaled and shifted against their truths."""
    rng = np.random.default_rng(8)

    def forecasts(*_):
        made = []
        for i in range(100):
            truth = float(0.5 + 0.05 * rng.standard_normal())
            status = "fail" if i == 0 else "pass"
            one = make_benchmark(f"b{i}", truth=truth, n_draws=400, status=status)
            draws = 0.5 + 0.05 * (shift + scale * rng.standard_normal(400))
            one.tree["predictions"]["score"].values[:] = draws
            made.append(one)
        return tuple(made)

    monkeypatch.setattr(pipeline_calibration, "simulate_benchmarks", lambda *_: simulated())
    monkeypatch.setattr(pipeline_calibration, "fit", lambda *_: ())
    monkeypatch.setattr(pipeline_calibration, "forecasts_for", forecasts)
    return calibrate_pipeline(specs_of("cod"), COD, DESIGN, seed=0)


@pytest.mark.parametrize(
    ("scale", "shift", "shape"),
    [(1.0, 0.0, "uniform"), (0.6, 0.0, "too narrow"), (1.0, 0.7, "too high")],
)
def test_forecasts_are_judged(monkeypatch, scale, shift, shape):
    """Where all is right, 5 % of other seeds would be called wrong."""
    found = stubbed(monkeypatch, scale, shift)
    assert [v.quantity for v in found.verdicts] == ["measured score", "measured score, cod"]
    assert {v.shape for v in found.verdicts} == {shape}
    assert [row.status for row in found.rows].count("fail") == 1
    assert len(found.rows) == found.verdicts[0].n_simulations == 100
    low, high = found.coverage[0.9][1]
    assert (low <= 0.9 <= high) == (shape == "uniform")


def joint_verdict(*, coupled: bool) -> RankVerdict:
    """Mean scores of eight benchmarks in 200 worlds, their errors correlated as the prior says."""
    rng = np.random.default_rng(9)
    pits = []
    for rho in rng.random(200):
        common, own = rng.standard_normal((10, 1)), rng.standard_normal((10, 8))
        effects = np.sqrt(rho) * common + np.sqrt(1.0 - rho) * own
        normals, _ = coupled_normals(rng, effects[:9], 400)
        if not coupled:
            normals = rng.permuted(normals, axis=1)
        pits.append(joint_pit(0.5 + 0.05 * normals, 0.5 + 0.05 * effects[9]))
    return judge_ranks({"mean": ranks_of(pits)}, 99)[0]


def test_sums_over_benchmarks_are_calibrated_where_runs_err_together():
    """At 5 %: so many other seeds would be called wrong."""
    assert joint_verdict(coupled=True).passes


def test_a_coupling_that_is_ignored_is_caught():
    verdict = joint_verdict(coupled=False)
    assert not verdict.passes
    assert verdict.shape == "too narrow"


@pytest.mark.slow
def test_pipeline_holds_most_truths(monkeypatch):
    """Of 16 truths at least 11 lie in 90 % ranges: 5e-4 by chance where ranges are right.

    Chains are short here, so they are neither sampled anew nor refused for that.
    """
    for module in (sampling, cod):
        monkeypatch.setattr(module, "judge", lambda _: ("pass", ()))
    specs = specs_of("cod")
    halved = {"cod": short(specs.cod), "end_to_end": short(specs.end_to_end)}
    design = dataclasses.replace(DESIGN, n_benchmarks=16)
    found = calibrate_pipeline(dataclasses.replace(specs, **halved), COD, design, seed=0)
    assert sum(abs(row.pit - 0.5) <= 0.45 for row in found.rows) >= 11
    assert "cod" in {row.method for row in found.rows}


def short(spec):
    sampler = dataclasses.replace(spec.sampler, warmup=300, draws=250)
    return dataclasses.replace(spec, sampler=sampler)
