"""Steps of the map, walked in by the values of its polynomial."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpyro.distributions import Dirichlet

from bayescod.curves import monotone_polynomial
from bayescod.programs.polynomial import polynomial_values

SEEN = [(0.1, 0.9), (0.0, 0.58), (0.45, 0.55), (0.9, 0.99), (0.0, 0.0), (1.0, 1.0)]


def prior_of(degree, end=0.25):
    return Dirichlet(jnp.ones(degree + 2).at[jnp.array([0, -1])].set(end))


def coordinates_of(degree, low, high, end=0.25):
    return polynomial_values(jnp.linspace(low, high, 9), jnp.ones(9, bool), prior_of(degree, end))


@pytest.mark.parametrize("degree", [3, 4, 5])
def test_every_polynomial_has_coordinates_and_they_lead_back(degree):
    @jax.jit
    def there_and_back(rates, steps):
        walked = polynomial_values(rates, jnp.ones(9, bool), prior_of(degree))
        there = jax.vmap(walked.inv)(steps)
        return there, jax.vmap(walked)(there)

    steps = jax.random.dirichlet(jax.random.key(degree), prior_of(degree).concentration, (200,))
    steps = jnp.maximum(steps, 1e-9)
    steps /= steps.sum(axis=1, keepdims=True)
    for low, high in SEEN:
        there, back = there_and_back(jnp.linspace(low, high, 9), steps)
        assert np.isfinite(there).all(), (low, high)
        np.testing.assert_allclose(back, steps, atol=1e-8, err_msg=f"{low}, {high}")


@pytest.mark.parametrize("degree", [3, 4, 5])
def test_all_coordinates_are_polynomials_and_the_jacobian_is_exact(degree):
    @jax.jit
    def found(rates, points):
        walked = polynomial_values(rates, jnp.ones(9, bool), prior_of(degree))

        def one(at):
            slopes = jax.jacfwd(lambda z: walked(z)[:-1])(at)
            steps = walked(at)
            return steps, jnp.linalg.slogdet(slopes)[1], walked.log_abs_det_jacobian(at, steps)

        return jax.vmap(one)(points)

    points = jax.random.normal(jax.random.key(0), (50, degree + 1))
    for low, high in SEEN:
        steps, expected, told = found(jnp.linspace(low, high, 9), points)
        assert (steps >= 0).all(), (low, high)
        np.testing.assert_allclose(steps.sum(axis=1), 1.0, atol=1e-9)
        np.testing.assert_allclose(told, expected, atol=1e-6, err_msg=f"{low}, {high}")


@jax.jit
@jax.grad
def middle_slopes(at):
    return monotone_polynomial(0.5, coordinates_of(4, 0.2, 0.8)(at))


@given(st.lists(st.floats(-4.0, 4.0), min_size=5, max_size=5))
def test_one_coordinate_moves_the_value_at_the_middle_and_no_other_does(values):
    """The posterior's sharpest direction is one coordinate."""
    slopes = middle_slopes(jnp.array(values))
    assert abs(float(slopes[0])) > 1e-9
    np.testing.assert_allclose(slopes[1:], 0.0, atol=1e-11)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("which", range(5))
def test_bounds_are_reached_where_a_step_is_zero(which, sign):
    """Narrower bounds would leave polynomials out, wider ones would need steps below zero."""
    walked = coordinates_of(4, 0.2, 0.8)
    at = jax.random.normal(jax.random.key(which), (5,)).at[which].set(sign * 12.0)
    assert float(walked(at).min()) < 1e-9
    assert float(walked(at.at[which].set(0.0)).min()) > 1e-7


@pytest.mark.parametrize("far", [-60.0, -12.0, 12.0, 60.0])
@pytest.mark.parametrize("which", range(5))
def test_far_out_the_density_falls_and_its_gradient_is_finite(which, far):
    walked, prior = coordinates_of(4, 0.2, 0.8), prior_of(4)

    def density(z):
        steps = walked(z)
        return prior.log_prob(steps) + walked.log_abs_det_jacobian(z, steps)

    at = jnp.zeros(5).at[which].set(far)
    assert density(at) < density(jnp.zeros(5))
    slope = jax.grad(density)(at)
    assert np.isfinite(slope).all()
    assert float(slope[which]) * far < 0


def test_an_end_without_a_spike_at_zero_is_walked_as_it_is():
    """With a concentration of one and more there is no power: places in the bounds are linear."""
    walked = coordinates_of(4, 0.2, 0.8, end=1.0)
    parts = jnp.array([0.2, 0.5, 0.8])
    logits = 3.0 * jnp.arcsinh(jnp.log(parts / (1 - parts)) / 3.0)
    ends = jax.vmap(lambda z: walked(jnp.zeros(5).at[-1].set(z))[0])(logits)
    assert float(ends[1] - ends[0]) == pytest.approx(float(ends[2] - ends[1]), rel=1e-6)


def test_padding_is_not_looked_at():
    rates, seen = jnp.array([0.3, 0.5, 0.7, 0.99]), jnp.array([True, True, True, False])
    padded, plain = (
        polynomial_values(x, o, prior_of(4)) for x, o in ((rates, seen), (rates[:3], seen[:3]))
    )
    at = jnp.array([0.3, -1.0, 0.5, -2.0, 1.0])
    np.testing.assert_array_equal(padded(at), plain(at))
    other = polynomial_values(rates, jnp.ones(4, bool), prior_of(4))
    assert np.abs(other(at) - plain(at)).max() > 0.01
