"""Simulation-based calibration: right posteriors pass, planted faults are caught.

The posteriors of most tests are prior draws weighted by their likelihood: exact up to the number of
draws, without a sampler to compile. The slow tests run the sampler itself.
"""

from __future__ import annotations

import dataclasses
from functools import cache, partial

import jax
import numpy as np
import pytest
from numpyro.infer import Predictive
from scipy.stats import halfnorm

from bayescod import sampling
from bayescod.batches import Lane
from bayescod.convergence import Diagnostics
from bayescod.errors import ResultError, SamplingError
from bayescod.evaluation import calibration, prior_data
from bayescod.evaluation.calibration import LOG_LIKELIHOOD, Calibration, calibrate
from bayescod.evaluation.prior_data import Simulations, observation, simulate
from bayescod.evaluation.ranks import RankVerdict, judge_ranks, ranks_among
from bayescod.programs.space import program_of
from bayescod.sampling import Posterior, Run
from bayescod.specs import Spec, load_spec, parse_spec
from tests._ladders import lane_of

END_TO_END, MAPPING, COD = load_spec("end-to-end"), load_spec("mapping"), load_spec("cod")
N, N_PRIOR, N_KEPT = 150, 8_000, 400


def noisy(lane: Lane, sd: float) -> Lane:
    """The same design with this error of every rate, so that the prior reaches the posterior."""
    variance = np.full_like(lane.data["variance"], sd**2)
    return dataclasses.replace(lane, data=dict(lane.data) | {"variance": variance})


def weighted_prior(keys, spec: Spec, lanes) -> Run:
    """Posteriors by resampling prior draws in proportion to their likelihood."""
    data = {name: values for name, values in lanes[0].data.items() if name != "pass_rate"}
    program = program_of(spec)
    predictive = Predictive(program, num_samples=N_PRIOR)
    sites = jax.jit(lambda key: predictive(key, data=data))(keys[0])
    sites = {name: np.asarray(values) for name, values in sites.items() if name != "pass_rate"}

    @jax.jit
    @partial(jax.vmap, in_axes=(0, None))
    def log_likelihood(values, rate):
        return observation(program, values, data, rate).log_prob(rate).sum()

    posteriors = []
    rng = np.random.default_rng(1)
    for lane in lanes:
        log_weight = np.asarray(log_likelihood(sites, lane.data["pass_rate"]))
        weight = np.exp(log_weight - log_weight.max())
        chance = np.cumsum(weight) / weight.sum()
        pick = np.searchsorted(chance, rng.random(N_KEPT)).clip(max=N_PRIOR - 1)
        effective = float(weight.sum() ** 2 / (weight**2).sum())
        drawn = {name: values[pick][None] for name, values in sites.items()}
        posteriors.append(Posterior(drawn, {}, Diagnostics(1.0, effective, effective, 0, N_KEPT)))
    return Run(tuple(posteriors), 0.0, 0.0)


def calibrated(spec: Spec, lane: Lane, fitted: Spec | None = None, n: int = N) -> Calibration:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "sample", weighted_prior)
        return calibrate(spec, lane, n, seed=5, fitted=fitted)


@cache
def right() -> Calibration:
    return calibrated(END_TO_END, noisy(lane_of(END_TO_END), 0.15))


def distorted(scale: float, shift: float) -> dict[str, RankVerdict]:
    """Verdicts where every posterior is shrunk to its mean and moved by its sd."""
    found = right()
    mean, sd = found.draws.mean(axis=1, keepdims=True), found.draws.std(axis=1, keepdims=True)
    draws = mean + scale * (found.draws - mean) + shift * sd
    ranks = ranks_among(np.random.default_rng(0), found.truth, draws)
    verdicts = judge_ranks(dict(zip(found.quantities, ranks.T, strict=True)), found.n_draws)
    return {verdict.quantity: verdict for verdict in verdicts}


def test_right_posteriors_pass():
    """The family's level is 5 %: so often would another seed fail here though all is right."""
    found = right()
    assert found.passes, [v for v in found.verdicts if not v.passes]
    assert {"log_a", "b", "c", "g", "spread", LOG_LIKELIHOOD} <= set(found.quantities)
    assert found.ranks.shape == found.truth.shape == (N, len(found.quantities))
    assert found.draws.shape == (N, found.n_draws, len(found.quantities))
    assert found.n_correlated == (found.min_ess < found.n_draws).sum() < 0.1 * N
    assert found.statuses.count("pass") + found.statuses.count("review") <= N


def test_too_narrow_posteriors_are_caught():
    verdicts = distorted(0.7, 0.0)
    assert sum(not verdict.passes for verdict in verdicts.values()) >= 3
    assert all("too narrow" in v.shape for v in verdicts.values() if not v.passes)


@pytest.mark.parametrize(("shift", "word"), [(0.5, "too high"), (-0.5, "too low")])
def test_biased_posteriors_are_caught(shift, word):
    verdicts = distorted(1.0, shift)
    assert sum(not verdict.passes for verdict in verdicts.values()) >= 5
    assert all(word in v.shape for v in verdicts.values() if not v.passes)


def test_a_wrong_law_is_caught():
    power_law = parse_spec(
        without_priors(END_TO_END.text, "c", "g").replace('"eq1"', '"power-law"')
    )
    found = calibrated(END_TO_END, noisy(lane_of(END_TO_END), 0.05), fitted=power_law)
    failed = {v.quantity for v in found.verdicts if not v.passes}
    assert {LOG_LIKELIHOOD, "accuracy at 10 times"} <= failed
    assert not {"c", "g"} & set(found.quantities)


def without_priors(text: str, *names: str) -> str:
    blocks = text.split("\n[")
    return "\n[".join(b for b in blocks if not b.startswith(tuple(f"priors.{n}]" for n in names)))


def test_truths_come_from_the_prior_and_the_design_is_kept():
    """Kolmogorov's distance of 400 draws exceeds 0.11 in 1e-4 of the cases."""
    lane = lane_of(END_TO_END)
    found = simulate(jax.random.key(3), END_TO_END, lane, 400, fitted=END_TO_END)
    scale = END_TO_END.priors["b"].parameters["scale"]
    ordered = halfnorm.cdf(np.sort(found.sites["b"]), scale=scale)
    assert np.abs(ordered - (np.arange(400) + 0.5) / 400).max() < 0.11
    assert len(found.lanes) == found.n_proposed == 400
    for one in found.lanes:
        assert one.data.keys() == lane.data.keys()
        for name in lane.data.keys() - {"pass_rate"}:
            np.testing.assert_array_equal(one.data[name], lane.data[name])
    assert not np.array_equal(found.lanes[0].data["pass_rate"], found.lanes[1].data["pass_rate"])


def test_rates_stay_as_the_likelihood_draws_them():
    lane = noisy(lane_of(END_TO_END), 0.5)
    found = simulate(jax.random.key(3), END_TO_END, lane, 50, fitted=END_TO_END)
    rates = np.stack([one.data["pass_rate"] for one in found.lanes])
    observed = lane.data["observed"]
    assert rates[:, observed].min() < 0.0
    assert rates[:, observed].max() > 1.0
    np.testing.assert_array_equal(rates[:, ~observed], 0.5)


@cache
def simulated(name: str) -> Simulations:
    spec = load_spec(name)
    return simulate(jax.random.key(4), spec, lane_of(spec), 10, fitted=spec)


@pytest.mark.parametrize("spec", [END_TO_END, COD], ids=lambda spec: spec.name)
def test_chains_start_where_the_data_point(spec):
    lane = lane_of(spec)
    for one in simulated(spec.name).lanes:
        shapes = {name: np.shape(values) for name, values in lane.start.items()}
        assert {name: values.shape for name, values in one.start.items()} == shapes
        rates = one.data["pass_rate"].reshape(-1, 8)[: 3 if spec is COD else 1, 5:7]
        upper = np.ravel(one.start["upper"])[: len(rates)]
        high = np.clip(rates.mean(axis=1), 0.01, 0.98)
        np.testing.assert_allclose(upper, np.log(high / (1 - high)))


def test_data_sets_that_a_forecast_would_screen_are_drawn_anew():
    found = simulated("cod")
    assert found.n_proposed > len(found.lanes) == 10
    for one in found.lanes:
        rates = one.data["pass_rate"].reshape(16, 8)[:3, :7]
        slope = np.polyfit(np.arange(7), rates.T, 1)[0]
        assert (6 * slope > COD.filter.min_growth - 1e-6).all()


def test_a_design_that_never_passes_the_screen_is_refused(monkeypatch):
    monkeypatch.setattr(prior_data, "_passes", lambda *_: False)
    with pytest.raises(SamplingError, match="0 of 100 data sets drawn from the spec mapping pass"):
        simulate(jax.random.key(6), MAPPING, lane_of(MAPPING), 2, fitted=MAPPING)


def test_padding_is_not_ranked():
    found = simulated("cod")
    posterior = Posterior({n: v[None, :3] for n, v in found.sites.items()}, {}, right_diagnostics())
    truth, draws = calibration.tabulated(COD, COD, found, [posterior] * 10, 2)
    assert {name for name in truth if name.startswith("b[")} == {"b[0]", "b[1]", "b[2]"}
    assert {f"run_effect[{i}]" for i in range(5)} <= truth.keys()
    assert "run_effect[5]" not in truth
    assert truth.keys() == draws.keys()
    np.testing.assert_array_equal(truth["b[1]"], found.sites["b"][:, 1])
    np.testing.assert_array_equal(draws["b[1]"], np.tile(found.sites["b"][[0, 2], 1], (10, 1)))


@pytest.mark.parametrize("n_draws", [0, 3001])
def test_more_draws_than_are_sampled_are_refused(n_draws):
    wanted = f"got {n_draws}, wanted 1 to the 3000 that mapping keeps"
    with pytest.raises(ResultError, match=wanted):
        calibrate(MAPPING, lane_of(MAPPING), 2, seed=0, n_draws=n_draws)


@pytest.mark.parametrize("name", ["params-tokens", "logistic"])
def test_other_laws_are_simulated_and_moved_beyond_the_ladder(name):
    spec = load_spec(name)
    found = simulate(jax.random.key(8), spec, lane_of(spec), 5, fitted=spec)
    posterior = Posterior({n: v[None] for n, v in found.sites.items()}, {}, right_diagnostics())
    truth, _ = calibration.tabulated(spec, spec, found, [posterior] * 5, 2)
    assert (truth["accuracy at 10 times"] > truth["accuracy at the end"] - 1e-9).all()
    assert (truth["accuracy at 10 times"] > truth["accuracy at the end"]).any()


def test_a_program_that_observes_more_than_rates_is_refused():
    spec = load_spec("loss-intermediate")
    with pytest.raises(SamplingError, match="also observes log_loss"):
        simulate(jax.random.key(9), spec, lane_of(spec), 2, fitted=spec)


def right_diagnostics() -> Diagnostics:
    return Diagnostics(1.0, 1000.0, 1000.0, 0, 1000)


def short(spec: Spec, warmup: int, draws: int) -> Spec:
    sampler = dataclasses.replace(spec.sampler, warmup=warmup, draws=draws)
    return dataclasses.replace(spec, sampler=sampler)


@pytest.fixture
def no_reruns(monkeypatch):
    """Ranks need 63 draws, not the 400 that a forecast asks for and is sampled anew for."""
    monkeypatch.setattr(sampling, "judge", lambda _: ("pass", ()))


def unpadded(lane: Lane, n_cluster: int, n_llm: int) -> Lane:
    """The same lane of clusters with less padding: several times as fast."""
    data = dict(lane.data)
    padded = data["cluster_used"].size, data["log_compute"].size
    for name in ("pass_rate", "variance", "observed"):
        data[name] = data[name].reshape(padded)[:n_cluster, :n_llm].ravel()
    data["log_compute"] = data["log_compute"][:n_llm]
    data |= {name: data[name][: n_llm - 2] for name in ("run_used", "walk_variance")}
    data |= {name: data[name][:n_cluster] for name in ("cluster_used", "cluster_items")}
    data["run_basis"] = data["run_basis"][:n_llm, : n_llm - 2]
    used = {n: v[: n_llm - 2] if n == "run_effect" else v[:n_cluster] for n, v in lane.used.items()}
    return Lane(data, {n: v[:n_cluster] for n, v in lane.start.items()}, used)


@pytest.mark.slow
def test_sampler_of_the_mapping_is_calibrated():
    """At the family's level: 5 % of other seeds would fail though all is right."""
    found = calibrate(MAPPING, lane_of(MAPPING), 128, seed=1)
    assert found.passes, [v for v in found.verdicts if not v.passes]
    assert {f"steps[{i}]" for i in range(6)} <= set(found.quantities)


@pytest.mark.slow
def test_sampler_of_one_curve_is_calibrated(no_reruns):
    """At the family's level: 5 % of other seeds would fail though all is right."""
    found = calibrate(short(END_TO_END, 400, 250), lane_of(END_TO_END), 96, seed=1)
    assert found.passes, [v for v in found.verdicts if not v.passes]
    assert found.n_correlated < 10


@pytest.mark.slow
def test_sampler_of_clusters_is_calibrated(no_reruns):
    """At the family's level: 5 % of other seeds would fail though all is right."""
    spec = short(COD, 400, 250)
    found = calibrate(spec, unpadded(lane_of(COD), 4, 8), 64, seed=1)
    assert found.passes, [v for v in found.verdicts if not v.passes]
    assert found.n_proposed > 64
    assert {"run_scale", "walk_scale", "b_loc", "c[2]", "run_effect[4]"} <= set(found.quantities)


@pytest.mark.slow
def test_ignored_run_effects_are_caught(no_reruns):
    """Clusters that err together, fitted as if each erred alone."""
    silent = parse_spec(COD.text.replace("rate = 12.0", "rate = 2000.0"))
    lane = unpadded(lane_of(COD), 4, 8)
    found = calibrate(short(COD, 400, 250), lane, 64, seed=1, fitted=short(silent, 400, 250))
    failed = {v.quantity: v.shape for v in found.verdicts if not v.passes}
    assert failed["run_scale"] == failed["walk_scale"] == "too low"
    assert "too narrow" in failed["run_effect[0]"]
    assert LOG_LIKELIHOOD in failed
