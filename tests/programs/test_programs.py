"""The programs as they are written: sites, shapes, supports, laws and prior predictive."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from numpyro.distributions import constraints
from numpyro.infer import Predictive
from numpyro.infer.util import log_density
from scipy.special import expit

from bayescod.programs.priors import distribution
from bayescod.programs.space import program_of, site_shapes
from bayescod.spec_reading import laws_of
from bayescod.specs import load_spec, spec_names
from tests._ladders import lane_of, program_data

# COD without mapping is COD as a program, priors and all: a test of the specs says so.
NAMES = [name for name in spec_names() if name != "cod-no-mapping"]
CURVES = [name for name in NAMES if name != "mapping"]
ONE_CURVE = [name for name in CURVES if load_spec(name).program != "clusters"]
OBSERVED = {"pass_rate", "log_loss"}
SUPPORTS = {
    "log_a": constraints.real,
    "b": constraints.positive,
    "c": constraints.positive,
    "g": constraints.unit_interval,
    "b_loc": constraints.positive,
    "b_scale": constraints.positive,
    "c_scale": constraints.positive,
    "run_scale": constraints.positive,
    "walk_scale": constraints.positive,
    "run_effect": constraints.real,
    "spread": constraints.positive,
    "steps": constraints.simplex,
    "drift": constraints.positive,
    "share": constraints.unit_interval,
    "tilt": constraints.real,
    "level": constraints.real,
    "slope": constraints.positive,
    "reducible": constraints.unit_interval,
    "b_break": constraints.real,
    "log_break": constraints.real,
    "sharpness": constraints.positive,
    "limit": constraints.unit_interval,
    "loss_limit": constraints.unit_interval,
    "loss_exponent": constraints.positive,
    "loss_gain": constraints.real,
    "loss_spread": constraints.positive,
}


def without_rate(spec):
    return {name: value for name, value in program_data(spec).items() if name != "pass_rate"}


@cache
def prior_draws(name):
    """800 draws of a spec's program without observations, in one compiled call."""
    spec = load_spec(name)
    predictive = Predictive(program_of(spec), num_samples=800)
    data = without_rate(spec)
    return jax.device_get(jax.jit(lambda key: predictive(key, data))(jax.random.key(2)))


def trace_of(spec):
    seeded = numpyro.handlers.seed(program_of(spec), jax.random.key(0))
    return numpyro.handlers.trace(seeded).get_trace(data=without_rate(spec))


@pytest.mark.parametrize("name", NAMES)
def test_sites_have_the_support_that_they_should(name):
    draws = prior_draws(name)
    for site in draws.keys() - OBSERVED:
        assert np.asarray(SUPPORTS[site](draws[site])).all(), site


@pytest.mark.parametrize("name", CURVES)
def test_program_has_the_sites_of_its_law_and_of_no_other(name):
    spec = load_spec(name)
    sites = site_shapes(spec, program_data(spec)).keys()
    laws = laws_of(spec.program)
    assert sites >= set(laws[spec.law])
    others = {site for law in laws.values() for site in law} - set(laws[spec.law])
    assert not sites & others


def test_cod_has_a_curve_a_cluster_and_run_effects_of_all():
    spec = load_spec("cod")
    data = program_data(spec)
    shapes = site_shapes(spec, data)
    n_cluster, n_run = data["cluster_used"].size, data["run_used"].size
    assert {shapes[site] for site in ("log_a", "b", "c", "g")} == {(n_cluster,)}
    assert {shapes[site] for site in ("b_loc", "b_scale", "c_scale", "run_scale", "spread")} == {()}
    assert shapes["run_effect"] == (n_run,)


def test_clusters_have_parameters_and_tokens_in_common():
    spec = load_spec("cod-params-tokens")
    shapes = site_shapes(spec, program_data(spec))
    assert {shapes[site] for site in ("share", "tilt")} == {()}
    assert shapes["b"] != ()


@pytest.mark.parametrize("name", ONE_CURVE)
def test_one_curve_has_one_of_everything(name):
    shapes = site_shapes(load_spec(name), program_data(load_spec(name)))
    assert set(shapes.values()) == {()}


@pytest.mark.parametrize("degree", [3, 4, 5])
def test_mapping_has_a_step_more_than_coefficients(degree):
    spec = load_spec("mapping")
    program = program_of(spec)
    data = without_rate(spec)
    seeded = numpyro.handlers.seed(program, jax.random.key(0))
    trace = numpyro.handlers.trace(seeded).get_trace(data=data, degree=degree)
    assert trace["steps"]["value"].shape == (degree + 2,)


@pytest.mark.parametrize("name", NAMES)
def test_observations_are_in_a_plate_and_padding_is_masked(name):
    spec = load_spec(name)
    site = trace_of(spec)["pass_rate"]
    assert [frame.name for frame in site["cond_indep_stack"]] == ["obs_id"]
    observed = program_data(spec)["observed"]
    assert site["value"].shape == observed.shape
    off = np.asarray(site["fn"].log_prob(jnp.full(observed.shape, 0.5)))[~observed]
    assert (off == 0).all()
    assert not observed.all()


@pytest.mark.parametrize("name", CURVES)
def test_prior_predictive_scores_are_scores(name):
    """Mass all over [0, 1], nearly none far outside: Normal noise may step over an edge."""
    spec = load_spec(name)
    data = program_data(spec)
    score = prior_draws(name)["pass_rate"][:, data["observed"]]
    assert np.isfinite(score).all()
    assert ((score > -0.2) & (score < 1.2)).mean() > 0.95
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        assert ((score >= low) & (score < low + 0.2)).mean() > 0.02, low


@pytest.mark.parametrize("name", CURVES)
def test_prior_predictive_curves_mostly_grow(name):
    spec = load_spec(name)
    height = program_data(spec)["cluster_used"].size if spec.program == "clusters" else 1
    score = prior_draws(name)["pass_rate"].reshape(800, height, -1)[:, 0, :7]
    grown = score[:, -1] - score[:, 0]
    assert 0.05 < np.median(grown) < 0.9


def test_prior_predictive_of_the_map_covers_the_square():
    spec = load_spec("mapping")
    data = program_data(spec)
    rest = prior_draws("mapping")["pass_rate"][:, data["observed"]]
    middle = rest[:, np.abs(data["subset_rate"][data["observed"]] - 0.5).argmin()]
    low, high = np.quantile(middle, [0.05, 0.95])
    assert low < 0.35
    assert high > 0.65


def densities(name, site, factor):
    """Log density at a draw from the prior and where one site is `factor` times that, and both."""
    spec = load_spec(name)
    data = program_data(spec)
    given, rate = without_rate(spec), data["pass_rate"]
    draw = {n: v[0] for n, v in prior_draws(name).items() if n not in OBSERVED}
    moved = draw | {site: draw[site] * factor}

    @jax.jit
    def at(sites):
        return log_density(program_of(spec), (), {"data": given, "pass_rate": rate}, sites)[0]

    prior = distribution(spec.priors[site])
    return float(at(moved) - at(draw)), float(
        prior.log_prob(moved[site]) - prior.log_prob(draw[site])
    )


@pytest.mark.parametrize(
    ("name", "site"),
    [
        *((name, site) for name in ONE_CURVE for site in ("walk_scale", "drift")),
        ("cod", "drift"),
        ("cod-params-tokens", "drift"),
    ],
)
def test_what_the_ladder_says_nothing_of_keeps_its_prior(name, site):
    """The density moves with the prior of the site and with nothing else."""
    total, prior = densities(name, site, 1.7)
    assert abs(prior) > 1e-3
    assert total == pytest.approx(prior, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "site"),
    [*((name, "spread") for name in ONE_CURVE), ("cod", "walk_scale"), ("cod", "spread")],
)
def test_what_the_ladder_does_speak_of_moves_the_density_beyond_its_prior(name, site):
    """The negative control of the test above."""
    total, prior = densities(name, site, 1.7)
    assert abs(total - prior) > 1e-2


def test_loss_is_observed_beside_the_scores():
    spec = load_spec("loss-intermediate")
    data = program_data(spec)
    site = trace_of(spec)["log_loss"]
    assert site["is_observed"]
    np.testing.assert_array_equal(site["value"], data["log_loss"])
    assert data["log_loss"][0] == 0.0
    assert (np.diff(data["log_loss"][:7]) < 0).all()
    assert data["loss_middle"] == pytest.approx(data["log_loss"][:7].mean())
    assert data["loss_unit"] == pytest.approx(data["log_loss"][:7].std())
    assert [frame.name for frame in site["cond_indep_stack"]] == ["llm"]
    padding = np.asarray(site["fn"].log_prob(jnp.full(data["observed"].shape, 0.5)))
    assert (padding[~data["observed"]] == 0).all()
    assert (padding[data["observed"]] != 0).all()


def test_scores_follow_the_loss_that_was_measured():
    """Logistic in loss, in units of its spread; compute enters through the loss alone."""
    spec = load_spec("loss-intermediate")
    data = without_rate(spec)
    sites = {n: v[0] for n, v in prior_draws(spec.name).items() if n not in OBSERVED}

    def mean_of(given):
        seeded = numpyro.handlers.seed(program_of(spec), jax.random.key(0))
        substituted = numpyro.handlers.substitute(seeded, sites)
        trace = numpyro.handlers.trace(substituted).get_trace(data=given)
        return np.asarray(trace["pass_rate"]["fn"].mean)

    plain = mean_of(data)
    steps = (data["log_loss"] - data["loss_middle"]) / data["loss_unit"]
    reached = expit(sites["level"] - sites["slope"] * steps)
    expected = sites["g"] + (1 - sites["g"]) * np.exp(-sites["c"]) * reached
    np.testing.assert_allclose(plain, expected, rtol=1e-9)
    np.testing.assert_array_equal(mean_of(data | {"log_compute": data["log_compute"] + 1}), plain)
    assert (mean_of(data | {"log_loss": data["log_loss"] - 0.1})[:7] > plain[:7]).all()


def test_lanes_of_one_seed_are_equal():
    first, second = lane_of(load_spec("cod"), 3), lane_of(load_spec("cod"), 3)
    np.testing.assert_array_equal(first.data["pass_rate"], second.data["pass_rate"])
