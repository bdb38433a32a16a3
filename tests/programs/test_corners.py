"""Eq. 1 in parameters and tokens by its ends: they are met, with the exact Jacobian."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayescod.laws import eq1, params_tokens
from bayescod.programs.corners import corners, through_corners
from bayescod.programs.geometry import INNER, CurveParameters, inner

# A ladder whose ratio of tokens to parameters changes: covariates, and log compute of its ends.
LOG_PARAMS = jnp.array([-1.6, -0.9, 0.2, 0.9, 1.4])
LOG_TOKENS = jnp.array([-1.9, -0.2, -0.1, 1.0, 1.2])
ENDS = (jnp.asarray(3.0), jnp.asarray(6.2), jnp.asarray(9.1))
SHARES, TILTS = st.floats(0.02, 0.98), st.floats(-1.0, 1.0)


def carried(values, share, tilt, log_params=LOG_PARAMS, log_tokens=LOG_TOKENS):
    parameters = CurveParameters(values[0], values[1], jnp.asarray(0.1), jnp.asarray(0.05))
    ends = dict(zip(("log_low", "log_middle", "log_high"), ENDS, strict=True))
    ladder = corners({"log_params": log_params, "log_tokens": log_tokens} | ends)
    return through_corners(parameters, share, tilt, ladder)


def off_at(end, share, tilt, *, moved):
    """Accuracy at an end of the ladder, in parameters and tokens less in compute."""
    plain = CurveParameters(jnp.asarray(1.9), jnp.asarray(0.3), jnp.asarray(0.1), jnp.asarray(0.05))
    found = carried(jnp.array([1.9, 0.3]), share, tilt)[0] if moved else plain
    at = {"log_params": LOG_PARAMS[end] * INNER, "log_tokens": LOG_TOKENS[end] * INNER}
    at["log_middle"] = ENDS[1]
    own = params_tokens(at, found._asdict() | {"share": share, "tilt": tilt})
    return float(own - eq1({"log_compute": inner(*ENDS)[end]}, plain._asdict()))


@given(SHARES, TILTS)
def test_ends_stay_where_they_are_whatever_parameters_and_tokens_share(share, tilt):
    assert off_at(-1, share, tilt, moved=True) == pytest.approx(0.0, abs=1e-9)
    assert off_at(0, share, tilt, moved=True) == pytest.approx(0.0, abs=1e-9)


def test_unmoved_they_would_not():
    """The negative control: to one side with one sign of the tilt, to the other with the other."""
    both = [off_at(-1, 0.9, tilt, moved=False) for tilt in (0.5, -0.5)]
    assert min(both) < -0.05
    assert max(both) > 0.05


@given(st.floats(-3.0, 6.0), st.floats(0.01, 2.0), SHARES, TILTS)
def test_jacobian_of_the_way_through_the_corners(log_a, b, share, tilt):
    def moved(values):
        found, log_jacobian = carried(values, share, tilt)
        return jnp.stack([found.log_a, found.b]), log_jacobian

    slope, _ = jax.jacfwd(moved)(jnp.array([log_a, b]))
    _, log_jacobian = moved(jnp.array([log_a, b]))
    assert float(log_jacobian) == pytest.approx(float(jnp.linalg.slogdet(slope)[1]), abs=1e-9)


ODD = {
    "fewer parameters": (LOG_PARAMS[::-1] * 0.3, LOG_TOKENS),
    "the same tokens": (2.0 * LOG_PARAMS, jnp.zeros(5)),
    "the same parameters": (jnp.zeros(5), 3.0 * LOG_TOKENS),
}


@pytest.mark.parametrize("ladder", ODD.values(), ids=ODD)
@pytest.mark.parametrize("b", [1e-9, 0.3, 2.0])
def test_odd_ladders_have_legal_exponents_and_an_exact_jacobian(ladder, b):
    for share, tilt in itertools.product((0.1, 0.9), (-1.0, 1.0)):

        def moved(values, share=share, tilt=tilt):
            found, log_jacobian = carried(values, share, tilt, *ladder)
            return jnp.stack([found.log_a, found.b]), log_jacobian

        at = jnp.array([1.9, b])
        (log_a, exponent), log_jacobian = moved(at)
        assert exponent > 0
        assert np.isfinite(log_a)
        slope, _ = jax.jacfwd(moved)(at)
        assert float(log_jacobian) == pytest.approx(float(jnp.linalg.slogdet(slope)[1]), abs=1e-6)
