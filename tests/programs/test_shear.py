"""Shear of curves along the run effects: the posterior stays, the slant goes."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from bayescod.programs.shear import RUN, _along, _mode, _slopes, sheared
from bayescod.programs.space import curve_coordinates, space_of
from bayescod.specs import load_spec
from tests._ladders import lane_of

NAMES = ["cod", "cod-params-tokens"]


@cache
def setting(name, times=1):
    """A space, its start, a point, the mode and curvatures there; so many times the items."""
    spec = load_spec(name)
    lane = lane_of(spec)
    data = {n: jnp.asarray(v) for n, v in lane.data.items()}
    data["variance"] /= times
    data["cluster_items"] *= times
    space = space_of(spec, data)
    start = {n: jnp.asarray(v) for n, v in lane.start.items()}
    mode, curvatures = jax.jit(lambda: _mode(space, start, curves_of(name)))()
    return space, start, space.initial(jax.random.key(1), start), mode, curvatures


def curves_of(name):
    return list(curve_coordinates(load_spec(name)))


def moved(name, slopes, sites_at):
    return lambda vector: ravel_pytree(_along(sites_at(vector), curves_of(name), slopes))[0]


@pytest.mark.parametrize("name", NAMES)
def test_density_and_sites_are_those_of_the_moved_point(name):
    space, start, point, _, curvatures = setting(name)
    there = _along(point, curves_of(name), _slopes(curvatures))

    @jax.jit
    def both():
        slanted = sheared(space, start)
        return slanted.potential(point), slanted.constrain(point)

    density, sites = both()
    assert density == pytest.approx(float(space.potential(there)), rel=1e-9)
    assert density != pytest.approx(float(space.potential(point)), rel=1e-6)
    wanted = space.constrain(there)
    assert sites.keys() == wanted.keys()
    for site, value in sites.items():
        np.testing.assert_allclose(value, wanted[site], rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_volumes_are_kept_and_only_curves_are_moved(name):
    _, _, point, _, curvatures = setting(name)
    slopes = _slopes(curvatures)
    first, sites_at = ravel_pytree(point)
    jacobian = jax.jacobian(moved(name, slopes, sites_at))(first)
    sign, log_volume = np.linalg.slogdet(jacobian)
    assert sign == 1.0
    assert log_volume == pytest.approx(0.0, abs=1e-9)
    for coordinate, value in _along(point, curves_of(name), slopes).items():
        same = np.array_equal(value, point[coordinate])
        assert same == (coordinate not in curves_of(name)), coordinate


def test_curves_give_way_to_run_effects_and_no_longer_do():
    """By the correlations of a Laplace approximation; those of the space itself are the control."""
    space, _, _, mode, curvatures = setting("cod", 10)
    vector, sites_at = ravel_pytree(mode)
    hessian = np.asarray(jax.jit(jax.hessian(lambda v: space.potential(sites_at(v))))(vector))
    shear = np.asarray(jax.jacobian(moved("cod", _slopes(curvatures), sites_at))(vector))
    data = lane_of(load_spec("cod")).data
    places = sites_at(jnp.arange(vector.size, dtype=float))
    clusters, runs = np.asarray(data["cluster_used"]), np.asarray(data["run_used"])
    rows = np.concatenate([np.asarray(places[n], int)[clusters] for n in curves_of("cod")])
    columns = np.asarray(places[RUN], int)[runs]

    def slant(curvature):
        covariance = np.linalg.inv(curvature)
        deviation = np.sqrt(np.diag(covariance))
        return np.abs(covariance / np.outer(deviation, deviation))[np.ix_(rows, columns)]

    before, after = slant(hessian), slant(shear.T @ hessian @ shear)
    assert before.max() > 0.5
    assert after.max() < 0.25 * before.max()


@pytest.mark.parametrize("name", NAMES)
def test_mode_is_where_nothing_pulls(name):
    space, _, point, mode, _ = setting(name)
    gradient = jax.jit(jax.grad(space.potential))
    pull, before = (np.abs(ravel_pytree(gradient(at))[0]) for at in (mode, point))
    assert pull.max() < 0.02 * before.max()
    assert space.potential(mode) < space.potential(point)


@pytest.mark.parametrize("name", NAMES)
def test_curvatures_are_those_of_automatic_differentiation(name):
    """To a millionth of the largest: differences of gradients know nine digits or so."""
    space, _, _, mode, found = setting(name)
    nothing, curves = {n: jnp.zeros_like(v) for n, v in mode.items()}, curves_of(name)
    directions = [nothing | {n: jnp.ones_like(mode[n])} for n in curves]
    directions += [nothing | {RUN: one} for one in jnp.eye(mode[RUN].size)]
    along = jax.jit(lambda d: jax.jvp(jax.grad(space.potential), (mode,), (d,))[1])
    wanted = np.stack([np.stack([along(d)[n] for n in curves]) for d in directions])
    np.testing.assert_allclose(found, wanted, rtol=0.0, atol=1e-6 * np.abs(wanted).max())


def test_padding_is_not_moved():
    slopes = _slopes(setting("cod")[-1])
    data = lane_of(load_spec("cod")).data
    clusters, runs = np.asarray(data["cluster_used"]), np.asarray(data["run_used"])
    assert not clusters.all()
    assert not runs.all()
    assert (np.asarray(slopes)[runs][:, :, clusters] != 0).all()
    assert (np.asarray(slopes)[~runs] == 0).all()
    assert (np.asarray(slopes)[:, :, ~clusters] == 0).all()
