"""The programs as they are written: sites, shapes, supports, laws and prior predictive."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from numpyro.distributions import constraints
from numpyro.infer import Predictive

from bayescod.curves import LAWS
from bayescod.programs.space import program_of, site_shapes
from bayescod.specs import load_spec, spec_names
from tests._ladders import lane_of, program_data

CURVES = [name for name in spec_names() if name != "mapping"]
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


@pytest.mark.parametrize("name", spec_names())
def test_sites_have_the_support_that_they_should(name):
    draws = prior_draws(name)
    for site in draws.keys() - {"pass_rate"}:
        assert np.asarray(SUPPORTS[site](draws[site])).all(), site


@pytest.mark.parametrize("name", CURVES)
def test_law_has_the_sites_of_its_terms(name):
    spec = load_spec(name)
    has_floor, has_ceiling = LAWS[spec.law]
    sites = site_shapes(spec, program_data(spec))
    assert ("g" in sites) == has_floor
    assert ("c" in sites) == has_ceiling


def test_cod_has_a_curve_a_cluster_and_run_effects_of_all():
    spec = load_spec("cod")
    data = program_data(spec)
    shapes = site_shapes(spec, data)
    n_cluster, n_run = data["cluster_used"].size, data["run_used"].size
    assert {shapes[site] for site in ("log_a", "b", "c", "g")} == {(n_cluster,)}
    assert {shapes[site] for site in ("b_loc", "b_scale", "c_scale", "run_scale", "spread")} == {()}
    assert shapes["run_effect"] == (n_run,)


def test_end_to_end_has_one_curve():
    shapes = site_shapes(load_spec("end-to-end"), program_data(load_spec("end-to-end")))
    assert set(shapes.values()) == {()}


@pytest.mark.parametrize("degree", [3, 4, 5])
def test_mapping_has_a_step_more_than_coefficients(degree):
    spec = load_spec("mapping")
    program = program_of(spec)
    data = without_rate(spec)
    seeded = numpyro.handlers.seed(program, jax.random.key(0))
    trace = numpyro.handlers.trace(seeded).get_trace(data=data, degree=degree)
    assert trace["steps"]["value"].shape == (degree + 2,)


@pytest.mark.parametrize("name", spec_names())
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
    data = program_data(spec)
    n_llm = data["log_compute"].size
    score = prior_draws(name)["pass_rate"].reshape(800, -1, n_llm)[:, 0, :7]
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


def test_lanes_of_one_seed_are_equal():
    first, second = lane_of(load_spec("cod"), 3), lane_of(load_spec("cod"), 3)
    np.testing.assert_array_equal(first.data["pass_rate"], second.data["pass_rate"])
