"""Eq. 1, its inverse and ablations, and the monotone polynomial."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayescod.curves import (
    LAWS,
    accuracy,
    bernstein_basis,
    log_compute_for,
    monotone_polynomial,
)

LOG_A = st.floats(-3.0, 6.0)
EXPONENT = st.floats(0.05, 2.0)
CEILING = st.floats(0.0, 2.0)
FLOOR = st.floats(0.0, 0.6)
RATE = st.floats(0.0, 1.0)


def increasing_steps(degree):
    sizes = st.lists(st.floats(0.0, 1.0), min_size=degree + 2, max_size=degree + 2)
    return sizes.filter(lambda s: sum(s) > 0.01).map(lambda s: np.array(s) / sum(s))


@pytest.mark.parametrize(
    ("compute", "a", "b", "c", "g", "expected"),
    [
        (1.0, 1.0, 0.5, 0.0, 0.0, math.exp(-1.0)),
        (100.0, 2.0, 0.5, 0.1, 0.25, 0.25 + 0.75 * math.exp(-0.3)),
        (1e4, 3.0, 0.25, 0.0, 0.5, 0.5 + 0.5 * math.exp(-0.3)),
        (7.0, 4.0, 0.0, 0.5, 0.0, math.exp(-4.5)),
    ],
)
def test_eq_1_by_hand(compute, a, b, c, g, expected):
    assert accuracy(math.log(compute), math.log(a), b, c, g) == pytest.approx(expected, rel=1e-12)


def test_eq_1_does_not_depend_on_the_unit_of_compute():
    flops, a, b = np.geomspace(1e18, 1e24, 7), 3.0, 0.3
    unit = 1e18
    in_units = accuracy(np.log(flops / unit), math.log(a), b, 0.1, 0.2)
    in_flops = accuracy(np.log(flops), math.log(a) + b * math.log(unit), b, 0.1, 0.2)
    np.testing.assert_allclose(in_units, in_flops, rtol=1e-12)


@given(LOG_A, EXPONENT, CEILING, FLOOR)
def test_eq_1_increases_between_floor_and_ceiling(log_a, b, c, g):
    y = np.asarray(accuracy(np.linspace(-5.0, 40.0, 50), log_a, b, c, g))
    assert (np.diff(y) >= 0).all()
    assert y.min() >= g - 1e-15
    assert y.max() <= g + (1 - g) * math.exp(-c) + 1e-15


def test_ends_are_the_floor_and_the_ceiling():
    assert accuracy(-1e4, 1.0, 0.5, 0.2, 0.3) == pytest.approx(0.3, abs=1e-15)
    assert accuracy(1e4, 1.0, 0.5, 0.2, 0.3) == pytest.approx(0.3 + 0.7 * math.exp(-0.2))


@given(LOG_A, EXPONENT, CEILING, FLOOR, st.floats(0.01, 0.99))
def test_inverse_returns_to_the_score(log_a, b, c, g, part):
    ceiling = g + (1 - g) * math.exp(-c)
    score = g + part * (ceiling - g)
    u = log_compute_for(score, log_a, b, c, g)
    assert math.isfinite(u)
    assert accuracy(u, log_a, b, c, g) == pytest.approx(score, rel=1e-9)


@pytest.mark.parametrize(
    ("score", "expected"),
    [(0.9, math.inf), (0.95, math.inf), (0.2, -math.inf), (0.1, -math.inf)],
)
def test_inverse_outside_the_range_is_infinite(score, expected):
    ceiling_at_point_9 = -math.log(0.7 / 0.8)
    assert log_compute_for(score, 1.0, 0.3, ceiling_at_point_9 + 1e-12, 0.2) == expected


def test_inverse_takes_arrays_with_scores_inside_and_outside():
    u = np.asarray(log_compute_for(np.array([0.1, 0.5, 0.99]), 1.0, 0.3, 0.1, 0.2))
    assert np.isneginf(u[0])
    assert np.isfinite(u[1])
    assert np.isposinf(u[2])


def test_gradient_of_the_inverse_is_finite_outside_too():
    def total(parameters):
        u = log_compute_for(jnp.array([0.1, 0.5, 0.99]), *parameters)
        return jnp.where(jnp.isfinite(u), u, 0.0).sum()

    slope = jax.grad(total)(jnp.array([1.0, 0.3, 0.1, 0.2]))
    assert np.isfinite(slope).all()


@given(LOG_A, EXPONENT, CEILING, FLOOR, st.floats(-5.0, 30.0))
def test_ablations_are_eq_1_with_a_term_at_zero(log_a, b, c, g, u):
    formulas = {
        "eq1": g + (1 - g) * math.exp(-math.exp(log_a - b * u) - c),
        "no-guess": math.exp(-math.exp(log_a - b * u) - c),
        "no-ceiling": g + (1 - g) * math.exp(-math.exp(log_a - b * u)),
        "power-law": math.exp(-math.exp(log_a - b * u)),
    }
    assert formulas.keys() == LAWS.keys()
    for law, (has_floor, has_ceiling) in LAWS.items():
        y = accuracy(u, log_a, b, c if has_ceiling else 0.0, g if has_floor else 0.0)
        assert y == pytest.approx(formulas[law], rel=1e-9, abs=1e-300)


@given(RATE, st.integers(1, 6))
def test_bernstein_polynomials_are_a_partition_of_one(x, degree):
    basis = np.asarray(bernstein_basis(x, degree))
    assert basis.shape == (degree + 1,)
    assert (basis >= 0).all()
    assert basis.sum() == pytest.approx(1.0, abs=1e-12)


def test_bernstein_polynomials_by_hand():
    assert np.asarray(bernstein_basis(0.25, 2)) == pytest.approx([0.5625, 0.375, 0.0625])


@given(RATE, st.sampled_from([3, 4, 5]))
def test_equal_steps_are_the_identity(x, degree):
    steps = np.concatenate([[0.0], np.full(degree, 1.0 / degree), [0.0]])
    assert monotone_polynomial(x, steps) == pytest.approx(x, abs=1e-12)


@given(st.data(), st.sampled_from([3, 4, 5]))
def test_polynomial_increases_within_its_ends(data, degree):
    steps = data.draw(increasing_steps(degree))
    y = np.asarray(monotone_polynomial(np.linspace(0.0, 1.0, 41), steps))
    assert (np.diff(y) >= -1e-12).all()
    assert y[0] == pytest.approx(steps[0], abs=1e-12)
    assert y[-1] == pytest.approx(1.0 - steps[-1], abs=1e-12)


def test_a_negative_step_can_break_monotony():
    y = np.asarray(monotone_polynomial(np.linspace(0, 1, 41), np.array([0, 2.0, -2.9, 1.9, 0, 0])))
    assert (np.diff(y) < 0).any()


def test_polynomial_broadcasts_draws_against_compute():
    rng = np.random.default_rng(0)
    x, steps = rng.random((5, 3)), rng.dirichlet(np.ones(6), size=3)
    together = np.asarray(monotone_polynomial(x, steps))
    apart = [[float(monotone_polynomial(x[i, j], steps[j])) for j in range(3)] for i in range(5)]
    np.testing.assert_allclose(together, apart, rtol=1e-12)
