"""The coordinates of Eq. 1: exact Jacobian, ends where they are said to be, sound tails."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from bayescod.curves import LAWS, accuracy
from bayescod.programs.geometry import EndPoints, from_end_points, initial_end_points

LOW, HIGH = jnp.asarray(3.7), jnp.asarray(9.2)
PLAIN = st.floats(-6.0, 6.0)


def used(law):
    has_floor, has_ceiling = LAWS[law]
    names = ["upper", "ratio"] + ["floor"] * has_floor + ["ceiling"] * has_ceiling
    sites = ["log_a", "b"] + ["c"] * has_ceiling + ["g"] * has_floor
    return names, sites


def walk(law, values):
    has_floor, has_ceiling = LAWS[law]
    names, _ = used(law)
    ends = EndPoints(*(jnp.zeros(()),) * 4)._replace(**dict(zip(names, values, strict=True)))
    return from_end_points(ends, LOW, HIGH, has_floor=has_floor, has_ceiling=has_ceiling)


def log_determinant(law, values):
    _, sites = used(law)

    def parameters(point):
        found, _ = walk(law, point)
        return jnp.stack([getattr(found, name) for name in sites])

    return jnp.linalg.slogdet(jax.jacfwd(parameters)(values))[1]


DETERMINANT = {law: jax.jit(lambda x, law=law: log_determinant(law, x)) for law in LAWS}
WALK = {law: jax.jit(lambda x, law=law: walk(law, x)) for law in LAWS}


@pytest.mark.parametrize("law", LAWS)
@given(st.tuples(PLAIN, PLAIN, PLAIN, PLAIN))
def test_log_jacobian_is_that_of_automatic_differentiation(law, point):
    values = jnp.array(point[: len(used(law)[0])])
    _, log_jacobian = WALK[law](values)
    assert float(log_jacobian) == pytest.approx(float(DETERMINANT[law](values)), abs=1e-5)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("ratio", [-300.0, -60.0, 30.0])
def test_jacobian_is_exact_however_little_the_lower_end_gained(law, ratio):
    """A hard cluster at the smallest LLM: a loss of 60 nats is within the prior's reach."""
    values = jnp.array([0.3, np.arcsinh(ratio), -1.2, 0.8][: len(used(law)[0])])
    _, log_jacobian = WALK[law](values)
    assert float(log_jacobian) == pytest.approx(float(DETERMINANT[law](values)), abs=1e-6)


@pytest.mark.parametrize("law", LAWS)
@given(st.tuples(PLAIN, PLAIN, PLAIN, PLAIN))
def test_curve_goes_through_its_ends(law, point):
    names, _ = used(law)
    logits = dict(zip(names, point, strict=False))
    logits |= {name: np.sinh(logits[name]) for name in ("ratio", "floor") if name in logits}
    parameters, _ = WALK[law](jnp.array(point[: len(names)]))
    upper = expit(logits["upper"])
    floor = upper * expit(logits["floor"]) if "floor" in logits else 0.0
    lower = floor + (upper - floor) * expit(logits["ratio"])
    assert float(accuracy(HIGH, *parameters)) == pytest.approx(upper, abs=1e-8)
    assert float(accuracy(LOW, *parameters)) == pytest.approx(lower, abs=1e-8)
    assert float(parameters.g) == pytest.approx(floor, abs=1e-12)
    ceiling = upper + (1 - upper) * expit(logits["ceiling"]) if "ceiling" in logits else 1.0
    reach = parameters.g + (1 - parameters.g) * jnp.exp(-parameters.c)
    assert float(reach) == pytest.approx(ceiling, abs=1e-8)


@pytest.mark.parametrize("law", LAWS)
@given(st.tuples(PLAIN, PLAIN, PLAIN, PLAIN))
def test_parameters_are_legal(law, point):
    parameters, _ = WALK[law](jnp.array(point[: len(used(law)[0])]))
    assert parameters.b > 0
    assert parameters.c >= 0
    assert 0 <= parameters.g < 1


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("far", [20.0, 40.0, 200.0, 700.0])
def test_values_and_gradient_stay_finite_in_the_tails(law, far):
    n = len(used(law)[0])

    def total(values):
        parameters, log_jacobian = walk(law, values)
        return log_jacobian + sum(jnp.sum(x) for x in parameters)

    corners = jnp.array(list(itertools.product((-far, 0.0, far), repeat=n)))
    value, slope = jax.jit(jax.vmap(jax.value_and_grad(total)))(corners)
    assert np.isfinite(value).all()
    assert np.isfinite(slope).all()


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_start_is_finite_and_near_the_measured_top(low, high):
    ends = initial_end_points(low, high)
    assert np.isfinite(jnp.stack(ends)).all()
    assert expit(float(ends.upper)) == pytest.approx(np.clip(high, 0.01, 0.98), abs=1e-9)
