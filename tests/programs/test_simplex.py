"""Steps of the map as shares of Gamma variables."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpyro.distributions import Dirichlet
from scipy.special import gammaln

from bayescod.programs.simplex import GammaCoordinates

CONCENTRATION = jnp.array([0.25, 1.0, 1.0, 1.0, 1.0, 0.25])
COORDINATES = GammaCoordinates(CONCENTRATION.sum())


def logs_of(coordinates):
    return np.where(coordinates < 0, np.sinh(coordinates), coordinates)


@given(st.lists(st.floats(-5.0, 3.0), min_size=6, max_size=6))
def test_density_is_that_of_independent_gamma_variables(values):
    """Dirichlet density, Jacobian and the sum's own density make up the Gamma densities."""
    at = jnp.array(values)
    steps = COORDINATES(at)
    found = Dirichlet(CONCENTRATION).log_prob(steps) + COORDINATES.log_abs_det_jacobian(at, steps)
    z, log_slope = logs_of(at), np.log(np.cosh(np.minimum(at, 0.0)))
    gamma = CONCENTRATION * z - np.exp(z) - gammaln(np.asarray(CONCENTRATION))
    expected = (gamma + log_slope).sum()
    assert float(found) == pytest.approx(float(expected), rel=1e-9, abs=1e-8)


def test_steps_are_on_the_simplex_and_the_way_back_finds_them():
    steps = jnp.array([0.02, 0.3, 0.1, 0.4, 0.08, 0.1])
    z = COORDINATES.inv(steps)
    np.testing.assert_allclose(COORDINATES(z), steps, rtol=1e-12)
    assert float(np.exp(logs_of(np.asarray(z))).sum()) == pytest.approx(float(CONCENTRATION.sum()))


@pytest.mark.parametrize("low", [-50.0, -700.0])
def test_steps_that_are_as_good_as_zero_keep_the_gradient_finite(low):
    def density(z):
        steps = COORDINATES(z)
        prior = Dirichlet(CONCENTRATION).log_prob(steps)
        return prior + COORDINATES.log_abs_det_jacobian(z, steps)

    z = jnp.zeros(6).at[0].set(low)
    assert np.isfinite(jax.grad(density)(z)).all()
