"""The space that NUTS walks: finite everywhere, and padding that costs and changes nothing."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import bayescod.forecasting.lanes as lanes_module
from bayescod.forecasting.lanes import cluster_lane, curve_lane
from bayescod.programs.geometry import EndPoints
from bayescod.programs.space import curve_coordinates, site_shapes, space_of
from bayescod.sampling import real_entries
from bayescod.specs import load_spec, spec_names
from tests._ladders import lane_of, make_ladder, mapping_lane, planted_labels


@cache
def space_and_points(name, n):
    """A spec's space and `n` random starting points."""
    spec = load_spec(name)
    lane = lane_of(spec)
    space = space_of(spec, {n: jnp.asarray(v) for n, v in lane.data.items()})
    start = {n: jnp.asarray(v) for n, v in lane.start.items()}
    keys = jax.random.split(jax.random.key(5), n)
    return space, jax.vmap(lambda key: space.initial(key, start))(keys)


@pytest.mark.parametrize("name", spec_names())
def test_density_and_gradient_are_finite_at_50_starting_points(name):
    space, points = space_and_points(name, 50)
    value, slope = jax.jit(jax.vmap(jax.value_and_grad(space.potential)))(points)
    assert value.shape == (50,)
    assert np.isfinite(value).all()
    assert all(np.isfinite(leaf).all() for leaf in slope.values())
    assert np.unique(value).size == 50


@pytest.mark.parametrize("name", spec_names())
def test_density_and_gradient_are_finite_far_from_the_start(name):
    space, points = space_and_points(name, 50)
    keys = jax.random.split(jax.random.key(6), len(points))
    far = {
        n: v + 4.0 * jax.random.normal(key, v.shape)
        for key, (n, v) in zip(keys, points.items(), strict=True)
    }
    value, slope = jax.jit(jax.vmap(jax.value_and_grad(space.potential)))(far)
    assert np.isfinite(value).all()
    assert all(np.isfinite(leaf).all() for leaf in slope.values())


@pytest.mark.parametrize("name", spec_names())
def test_the_way_back_gives_every_site_of_the_program(name):
    space, points = space_and_points(name, 50)
    spec = load_spec(name)
    sites = jax.vmap(space.constrain)(points)
    wanted = site_shapes(spec, lane_of(spec).data)
    assert {n: v.shape[1:] for n, v in sites.items()} == wanted


@pytest.mark.parametrize("name", spec_names())
def test_chains_start_apart(name):
    _, points = space_and_points(name, 50)
    assert all((np.asarray(v).std(axis=0) > 0.1).all() for v in points.values())


def test_coordinates_are_those_of_the_law():
    assert curve_coordinates(load_spec("cod")) == EndPoints._fields
    assert curve_coordinates(load_spec("cod-no-guess")) == ("upper", "ratio", "ceiling")
    assert curve_coordinates(load_spec("cod-no-ceiling")) == ("upper", "ratio", "floor")
    assert curve_coordinates(load_spec("cod-power-law")) == ("upper", "ratio")
    assert curve_coordinates(load_spec("mapping")) == ()


def padded_lane(name, size, monkeypatch):
    """The same data set, padded to at least `size` LLMs and clusters."""
    spec = load_spec(name)
    if name == "mapping":
        return mapping_lane(size)
    monkeypatch.setattr(
        lanes_module, "padded_size", lambda n, smallest: max(size, 1 << (n - 1).bit_length())
    )
    ladder = make_ladder(0, spec)
    if spec.program == "single_curve":
        return curve_lane(ladder, spec)
    return cluster_lane(ladder, planted_labels(ladder), spec)


def spread_out(points, wide, narrow):
    """Put the coordinates of a narrow lane into the shapes of a wide one; padding at zero."""
    return {
        n: jnp.zeros((len(v), *np.shape(wide[n])[1:])).at[..., : v.shape[-1]].set(v)
        if v.ndim > 1 and np.shape(wide[n]) != v.shape
        else v
        for n, v in narrow.items()
    }


@pytest.mark.parametrize("name", spec_names())
def test_padding_changes_no_difference_of_density(name, monkeypatch):
    spec = load_spec(name)
    spaces, points, lanes = [], [], []
    for size in (16, 32):
        lane = padded_lane(name, size, monkeypatch)
        space = space_of(spec, {n: jnp.asarray(v) for n, v in lane.data.items()})
        start = {n: jnp.asarray(v) for n, v in lane.start.items()}
        keys = jax.random.split(jax.random.key(7), 6)
        spaces.append(space)
        lanes.append(lane)
        points.append(jax.vmap(lambda key, s=space, at=start: s.initial(key, at))(keys))
    narrow = jax.jit(jax.vmap(spaces[0].potential))(points[0])
    same = spread_out(points[0], points[1], points[0])
    wide = jax.jit(jax.vmap(spaces[1].potential))(same)
    np.testing.assert_allclose(np.diff(narrow), np.diff(wide), rtol=1e-8, atol=1e-7)
    sites = [
        real_entries(lane, {n: np.asarray(v)[None] for n, v in jax.vmap(s.constrain)(at).items()})
        for lane, s, at in zip(lanes, spaces, (points[0], same), strict=True)
    ]
    for n, value in sites[0].items():
        np.testing.assert_allclose(sites[1][n], value, rtol=1e-9, err_msg=n)


def test_padding_is_standard_normal_in_its_coordinates():
    spec = load_spec("cod")
    lane = lane_of(spec)
    space = space_of(spec, {n: jnp.asarray(v) for n, v in lane.data.items()})
    point = space.initial(jax.random.key(8), {n: jnp.asarray(v) for n, v in lane.start.items()})
    unused = int(np.flatnonzero(~lane.data["cluster_used"])[0])
    for n in ("upper", "floor"):
        moved = point | {n: point[n].at[unused].set(1.5)}
        resting = point | {n: point[n].at[unused].set(0.0)}
        change = space.potential(moved) - space.potential(resting)
        assert float(change) == pytest.approx(1.5**2 / 2, abs=1e-8)


def test_density_of_the_curves_is_the_prior_times_the_likelihood():
    """One point by hand: NumPyro's own densities, without the space and its Jacobian."""
    spec = load_spec("end-to-end")
    lane = lane_of(spec)
    data = lane.data
    space = space_of(spec, {n: jnp.asarray(v) for n, v in data.items()})
    priors = {n: spec.priors[n].parameters for n in spec.priors}

    def by_hand(sites):
        log_a = dist.Normal(
            priors["log_a"]["loc"] + sites["b"] * data["log_low"], priors["log_a"]["scale"]
        )
        guess = dist.Beta(data["guess_alpha"], data["guess_beta"])
        spread = dist.LogNormal(priors["spread"]["loc"], priors["spread"]["scale"])
        total = (
            dist.HalfNormal(priors["b"]["scale"]).log_prob(sites["b"])
            + dist.HalfNormal(priors["c"]["scale"]).log_prob(sites["c"])
            + log_a.log_prob(sites["log_a"])
            + guess.log_prob(sites["g"])
            + spread.log_prob(sites["spread"])
        )
        loss = jnp.exp(sites["log_a"] - sites["b"] * data["log_compute"]) + sites["c"]
        mean = sites["g"] + (1 - sites["g"]) * jnp.exp(-loss)
        scale = jnp.sqrt(data["variance"] + sites["spread"] ** 2 * mean * (1 - mean) + 1e-8)
        each = dist.Normal(mean, scale).log_prob(data["pass_rate"])
        return total + jnp.where(data["observed"], each, 0.0).sum()

    names = sorted(lane.start) + ["spread"]

    def sites_of(vector):
        sites = space.constrain(dict(zip(names, vector, strict=True)))
        return jnp.stack([sites[n] for n in sorted(sites)])

    start = {n: jnp.asarray(v) for n, v in lane.start.items()}
    for key in jax.random.split(jax.random.key(9), 5):
        point = space.initial(key, start)
        vector = jnp.stack([point[n] for n in names])
        log_jacobian = jnp.linalg.slogdet(jax.jacfwd(sites_of)(vector))[1]
        expected = by_hand(space.constrain(point)) + log_jacobian
        assert float(-space.potential(point)) == pytest.approx(float(expected), rel=1e-7)
