"""The coordinates of Eq. 1: exact Jacobian, ends where they are said to be, sound tails."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax.nn import log_sigmoid
from scipy.special import expit

from bayescod.curves import LAWS as EQ1_FAMILY
from bayescod.curves import accuracy
from bayescod.laws import logistic
from bayescod.programs.geometry import (
    EndPoints,
    from_end_points,
    initial_end_points,
    inner,
    logistic_from_end_points,
)
from bayescod.programs.stretch import bent, unbent, unstretched

LOW, MIDDLE, HIGH = jnp.asarray(3.7), jnp.asarray(5.9), jnp.asarray(9.2)
PLAIN = st.floats(-6.0, 6.0)


LAWS = EQ1_FAMILY | {"logistic": (True, True)}


def used(law):
    has_floor, has_ceiling = LAWS[law]
    names = ["upper", "lower"] + ["floor"] * has_floor + ["ceiling"] * has_ceiling
    sites = ["level", "slope"] if law == "logistic" else ["log_a", "b"]
    sites += ["c"] * has_ceiling + ["g"] * has_floor
    return names, sites


def walk(law, values):
    has_floor, has_ceiling = LAWS[law]
    names, _ = used(law)
    ends = EndPoints(*(jnp.zeros(()),) * 4)._replace(**dict(zip(names, values, strict=True)))
    if law == "logistic":
        return logistic_from_end_points(ends, LOW, MIDDLE, HIGH)
    return from_end_points(ends, LOW, HIGH, has_floor=has_floor, has_ceiling=has_ceiling)


def curve(law, at, parameters):
    if law == "logistic":
        return logistic({"log_compute": at, "log_middle": MIDDLE}, parameters._asdict())
    return accuracy(at, *parameters)


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
@pytest.mark.parametrize("lower", [-300.0, -60.0, 2.0, 20.0])
@pytest.mark.parametrize("floor", [-1.2, 60.0, 300.0])
def test_jacobian_is_exact_however_little_the_lower_end_gained(law, lower, floor):
    """A hard cluster at the smallest LLM: a loss of 60 nats is within the prior's reach."""
    logits = [float(unstretched(jnp.asarray(value), 3.0)) for value in (lower, floor)]
    values = jnp.array([0.3, *logits, 0.8][: len(used(law)[0])])
    _, log_jacobian = WALK[law](values)
    assert float(log_jacobian) == pytest.approx(float(DETERMINANT[law](values)), abs=1e-6)


@pytest.mark.parametrize("law", LAWS)
@given(st.tuples(PLAIN, PLAIN, PLAIN, PLAIN))
def test_curve_goes_through_its_ends(law, point):
    names, _ = used(law)
    logits = dict(zip(names, point, strict=False))
    logits |= {n: 3 * np.sinh(logits[n] / 3) for n in ("lower", "floor") if n in logits}
    if "ceiling" in logits:
        logits["ceiling"] *= np.sqrt(1 + logits["ceiling"] ** 2 / 4)
    parameters, _ = WALK[law](jnp.array(point[: len(names)]))
    upper = expit(logits["upper"])
    lower = upper * expit(logits["lower"])
    floor = lower * expit(logits["floor"]) if "floor" in logits else 0.0
    assert float(curve(law, HIGH, parameters)) == pytest.approx(upper, abs=1e-8)
    assert float(curve(law, LOW, parameters)) == pytest.approx(lower, abs=1e-8)
    assert float(parameters.g) == pytest.approx(floor, abs=1e-12)
    ceiling = upper + (1 - upper) * expit(logits["ceiling"]) if "ceiling" in logits else 1.0
    reach = parameters.g + (1 - parameters.g) * jnp.exp(-parameters.c)
    assert float(reach) == pytest.approx(ceiling, abs=1e-8)


@pytest.mark.parametrize("law", LAWS)
@given(st.tuples(PLAIN, PLAIN, PLAIN, PLAIN))
def test_parameters_are_legal(law, point):
    parameters, _ = WALK[law](jnp.array(point[: len(used(law)[0])]))
    assert (parameters.slope if law == "logistic" else parameters.b) > 0
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


@given(st.floats(-40.0, 40.0))
def test_bent_is_undone_and_its_slope_is_exact(x):
    value, log_slope = bent(jnp.asarray(x))
    assert float(unbent(value)) == pytest.approx(x, rel=1e-9, abs=1e-7)
    slope = jax.grad(lambda at: bent(at)[0])(x)
    assert float(log_slope) == pytest.approx(float(np.log(slope)), abs=1e-9)


def test_exponential_tails_are_normal_ones_where_they_are_bent():
    """Far out the density of a logistic variable falls by the half square of its coordinate."""
    far = jnp.array([20.0, 30.0])
    value, log_slope = bent(far)
    log_density = log_sigmoid(value) + log_sigmoid(-value) + log_slope
    assert float(jnp.diff(log_density)[0]) == pytest.approx(-(30**2 - 20**2) / 2, rel=0.01)


def test_what_bends_a_curve_through_its_ends_moves_neither_level_nor_slope():
    """A parabola through both, on a ladder of evenly spread LLMs; not so one through its ends."""
    at = jnp.linspace(float(LOW), float(HIGH), 2001)
    middle = 0.5 * (LOW + HIGH)
    for low, high, least, most in (
        (*inner(LOW, middle, HIGH), 0.0, 1e-3),
        (LOW, HIGH, 0.6, 0.7),
    ):
        bend = (at - low) * (at - high) / (middle - LOW) ** 2
        assert least <= float(jnp.abs(bend.mean())) <= most
        assert abs(float((bend * (at - middle)).mean())) < 1e-3


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_start_is_finite_and_near_the_measured_top(low, high):
    ends = initial_end_points(low, high)
    assert np.isfinite(jnp.stack(ends)).all()
    assert expit(float(ends.upper)) == pytest.approx(np.clip(high, 0.01, 0.98), abs=1e-9)
