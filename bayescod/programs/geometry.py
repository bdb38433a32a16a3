"""Coordinates in which NUTS explores Eq. 1: what the data determine, apart from what they do not.

A level curve is explained by ``g``, by ``c``, by ``b -> 0`` or by ``a -> 0``. In ``(log a, b, c,
g)`` these are thin, curved ridges with barriers between them. Here a curve is described by its
accuracy at the upper end of the ladder, by how much of that is floor, by how much of the gain over
the floor the lower end already has, and by how much of the room above can ever be reached. Data
pin down the first and a combination of the next two; the rest moves freely, in half-planes instead
of corners. The program keeps its priors on the parameters of the paper; only the sampler walks in
these coordinates, with the exact Jacobian.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.nn import log_sigmoid, sigmoid
from jax.typing import ArrayLike

from bayescod.programs.stretch import stretched, unstretched


class EndPoints(NamedTuple):
    """Eq. 1 in terms of its ends on the ladder; all fields broadcast.

    Attributes
    ----------
    upper : Array
        Logit of the accuracy at the largest compute of the ladder.
    ratio : Array
        Inverse hyperbolic sine of the logit of the lower end's gain over ``g``, relative to the
        upper end's. The prior of the loss is log-normal, so that the logit, minus that loss where
        it is large, has a long tail; its logarithm there has not.
    floor : Array
        The same of the logit of ``g`` relative to the upper end's accuracy.
    ceiling : Array
        Logit of the share of the room above the upper end that can ever be reached.
    """

    upper: Array
    ratio: Array
    floor: Array
    ceiling: Array


class CurveParameters(NamedTuple):
    """``log a``, ``b``, ``c`` and ``g`` of Eq. 1, ``a`` in the unit of compute in use."""

    log_a: Array
    b: Array
    c: Array
    g: Array


# Room kept between neighbouring levels, so that no logarithm meets zero when a coordinate runs far
# into a tail that the prior already excludes.
_TINY = 1e-12
_LEAST = 1e-300  # for what has no density at zero


def from_end_points(
    ends: EndPoints, log_low: Array, log_high: Array, *, has_floor: bool, has_ceiling: bool
) -> tuple[CurveParameters, Array]:
    """Curve parameters of given ends, and the logarithm of the Jacobian.

    Parameters
    ----------
    ends : EndPoints
        Unconstrained coordinates.
    log_low, log_high : Array
        Natural logarithm of the smallest and largest compute of the ladder, in the unit of ``a``.
    has_floor, has_ceiling : bool
        Whether the law has ``g`` and ``c``; where it has not, that coordinate is ignored.

    Returns
    -------
    parameters : CurveParameters
    log_jacobian : Array
        ``log |d(log a, b, c, g) / d(ends)|`` over the coordinates in use, elementwise.
    """
    span = log_high - log_low
    ratio, log_ratio_slope = stretched(ends.ratio)
    floor_logit, log_floor_slope = stretched(ends.floor)
    upper, room = sigmoid(ends.upper), sigmoid(-ends.upper)
    floor = jnp.maximum(upper * sigmoid(floor_logit), _LEAST) if has_floor else 0.0 * upper
    upper_gain = (upper * sigmoid(-floor_logit) if has_floor else upper) + _TINY
    above = room * sigmoid(ends.ceiling) if has_ceiling else room
    reach = upper_gain + above
    loss_high = jnp.log1p(above / upper_gain) + _TINY
    gained = -log_sigmoid(ratio)
    loss_low = loss_high + gained
    b = jnp.maximum(jnp.log1p(gained / loss_high) / span, _LEAST)
    log_a = jnp.log(loss_high) + b * log_high
    # Not log1p(-floor), whose argument rounds to zero in the tail where both are near one.
    c = jnp.log(upper_gain + room) - jnp.log(reach) if has_ceiling else jnp.zeros_like(upper)
    # (log a, b) from the losses at both ends, and those from the accuracies there; then the
    # accuracies from the coordinates. The lower end's gain cancels: it may be as small as it likes.
    log_jacobian = -jnp.log(span) - jnp.log(loss_low) - jnp.log(loss_high * upper_gain)
    log_jacobian += _log_slope(ends.upper) + log_sigmoid(-ratio) + log_ratio_slope
    if has_floor:
        log_jacobian += jnp.log(upper) + _log_slope(floor_logit) + log_floor_slope
    if has_ceiling:
        log_jacobian += jnp.log(room) + _log_slope(ends.ceiling) - jnp.log(reach)
    return CurveParameters(log_a, b, jnp.maximum(c, 0.0), floor), log_jacobian


def _log_slope(logit: Array) -> Array:
    """Logarithm of the derivative of the logistic function."""
    return log_sigmoid(logit) + log_sigmoid(-logit)


def initial_end_points(rate_low: ArrayLike, rate_high: ArrayLike) -> EndPoints:
    """Starting coordinates from the measured rates at both ends of the ladder.

    Parameters
    ----------
    rate_low, rate_high : array_like
        Pass rates in [0, 1] around the lower and the upper end.

    Returns
    -------
    EndPoints
    """
    high = jnp.clip(rate_high, 0.01, 0.98)
    low = jnp.clip(rate_low, 0.1 * high, 0.95 * high)
    share = (low / high - 0.05) / 0.95
    zeros = jnp.zeros_like(high)
    return EndPoints(
        upper=jnp.log(high) - jnp.log1p(-high),
        ratio=unstretched(jnp.log(share) - jnp.log1p(-share)),
        floor=zeros - unstretched(jnp.log(19.0)),
        ceiling=zeros + 1.5,
    )
