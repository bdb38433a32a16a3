"""Coordinates in which NUTS explores curves: what the data determine, apart from what they do not.

A level curve is explained by ``g``, by ``c``, by ``b -> 0`` or by ``a -> 0``. In ``(log a, b, c,
g)`` these are thin, curved ridges with barriers between them. Here a curve is described by its
accuracy at the upper end of the ladder's inner part, by what part of that it already has at the
lower end, by how much of the latter is floor, and by how much of the room above can ever be
reached. Data pin down the first two, each along an axis of its own; the others move as freely as
the shape of the curve lets them. The program keeps its priors on the parameters of the paper; only
the sampler walks in these coordinates, with the exact Jacobian.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.nn import log_sigmoid, sigmoid
from jax.scipy.special import logit
from jax.typing import ArrayLike

from bayescod.programs.stretch import bent, stretched, unbent, unstretched


class EndPoints(NamedTuple):
    """A curve in terms of its ends on the ladder, see :func:`inner`; all fields broadcast.

    Attributes
    ----------
    upper : Array
        Logit of the accuracy at the upper end.
    lower : Array
        Stretched logit of the accuracy at the lower end relative to that at the upper.
    floor : Array
        Stretched logit of ``g`` relative to the accuracy at the lower end. The prior of the
        loss is log-normal, so that the logit, about that loss where it is large, has a long tail
        (690 was seen); and where the curve is level, ``lower`` has one for the same reason.
    ceiling : Array
        Bent logit of the share of the room above the upper end that can ever be reached: the data
        seldom say more of it than the prior of ``c`` does.
    """

    upper: Array
    lower: Array
    floor: Array
    ceiling: Array


def inner(log_low: Array, log_middle: Array, log_high: Array) -> tuple[Array, Array]:
    """Log compute of the two ends at which curves are described, within those of the ladder.

    They are the roots of the second Legendre polynomial. What bends a curve through them, floor,
    ceiling or a law's further parameters, is then about orthogonal to its level and its slope on
    the ladder, which the data pin down; bent between the ladder's own ends, a curve leaves all that
    is between them to one side.

    Parameters
    ----------
    log_low, log_middle, log_high : Array
        Smallest, mean and largest log compute of the ladder.

    Returns
    -------
    tuple of (Array, Array)
        The lower and the upper.
    """
    return (
        log_middle + INNER * (log_low - log_middle),
        log_middle + INNER * (log_high - log_middle),
    )


INNER = 3.0**-0.5
"""Part of the way from the middle of the ladder to its ends."""


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
# Up to about this a stretched logit is its own coordinate. The floor of a level curve is either
# near its prior's or near the curve, and pressed together the way between the two is a barrier.
_STRETCH_UNIT = 3.0


def from_end_points(
    ends: EndPoints, log_low: Array, log_high: Array, *, has_floor: bool, has_ceiling: bool
) -> tuple[CurveParameters, Array]:
    """Curve parameters of given ends, and the logarithm of the Jacobian.

    Parameters
    ----------
    ends : EndPoints
        Unconstrained coordinates.
    log_low, log_high : Array
        Natural logarithm of the compute at the ends, in the unit of ``a``.
    has_floor, has_ceiling : bool
        Whether the law has ``g`` and ``c``; where it has not, that coordinate is ignored.

    Returns
    -------
    parameters : CurveParameters
    log_jacobian : Array
        ``log |d(log a, b, c, g) / d(ends)|`` over the coordinates in use, elementwise.
    """
    span = log_high - log_low
    levels = _levels(ends, has_floor=has_floor, has_ceiling=has_ceiling)
    loss_high = jnp.log1p(levels.above / levels.gain) + _TINY
    gained = -levels.log_ratio
    loss_low = loss_high + gained
    b = jnp.maximum(jnp.log1p(gained / loss_high) / span, _LEAST)
    log_a = jnp.log(loss_high) + b * log_high
    # (log a, b) from the losses at both ends, and those from the accuracies there; then the
    # accuracies from the coordinates. The lower end's gain cancels: it may be as small as it likes.
    log_jacobian = levels.log_slope - jnp.log(span) - jnp.log(loss_low)
    log_jacobian -= jnp.log(loss_high * levels.gain)
    if has_ceiling:
        log_jacobian -= jnp.log(levels.gain + levels.above)
    return CurveParameters(log_a, b, levels.c, levels.floor), log_jacobian


class LogisticParameters(NamedTuple):
    """``level``, ``slope``, ``c`` and ``g`` of :func:`bayescod.laws.logistic`."""

    level: Array
    slope: Array
    c: Array
    g: Array


def logistic_from_end_points(
    ends: EndPoints, log_low: Array, log_middle: Array, log_high: Array
) -> tuple[LogisticParameters, Array]:
    """The same for a logistic curve, described by the same ends.

    Parameters
    ----------
    ends : EndPoints
        Unconstrained coordinates.
    log_low, log_middle, log_high : Array
        Natural logarithm of the compute at the lower end, its mean, and that at the upper end.

    Returns
    -------
    parameters : LogisticParameters
    log_jacobian : Array
        ``log |d(level, slope, c, g) / d(ends)|``, elementwise.
    """
    span = log_high - log_low
    levels = _levels(ends, has_floor=True, has_ceiling=True)
    above = levels.above + _LEAST
    # What the lower end leaves of what can be reached.
    left = above + levels.gain * -jnp.expm1(levels.log_ratio)
    logit_high = jnp.log(levels.gain) - jnp.log(above)
    climbed = jnp.log(left) - jnp.log(above) - levels.log_ratio
    slope = jnp.maximum(climbed / span, _LEAST)
    level = logit_high - slope * (log_high - log_middle)
    log_jacobian = levels.log_slope - jnp.log(span) - jnp.log(left)
    log_jacobian += jnp.log(levels.gain + above) - jnp.log(levels.gain) - jnp.log(above)
    return LogisticParameters(level, slope, levels.c, levels.floor), log_jacobian


class _Levels(NamedTuple):
    """Accuracies that ends say: floor, gain over it and room above, both of the upper end.

    ``log_ratio`` is of the lower end's gain to the upper end's. ``log_slope`` is of the derivatives
    of accuracies and ratio by the coordinates.
    """

    floor: Array
    gain: Array
    above: Array
    c: Array
    log_ratio: Array
    log_slope: Array


def _levels(ends: EndPoints, *, has_floor: bool, has_ceiling: bool) -> _Levels:
    lower_logit, log_lower_slope = stretched(ends.lower, _STRETCH_UNIT)
    floor_logit, log_floor_slope = stretched(ends.floor, _STRETCH_UNIT)
    ceiling_logit, log_ceiling_slope = bent(ends.ceiling)
    upper, room = sigmoid(ends.upper), sigmoid(-ends.upper)
    log_lower = log_sigmoid(ends.upper) + log_sigmoid(lower_logit)
    log_over_floor = log_sigmoid(-floor_logit) if has_floor else 0.0 * log_lower
    floor = jnp.exp(log_lower) * sigmoid(floor_logit) + _LEAST if has_floor else 0.0 * upper
    # What the upper end has over the lower, and the lower over the floor.
    gain = upper * sigmoid(-lower_logit) + jnp.exp(log_lower + log_over_floor) + _TINY
    above = room * sigmoid(ceiling_logit) if has_ceiling else room
    # Of what is never reached: as a difference of logarithms it would round to zero in the tail,
    # where a prior on positive numbers has no density.
    never = room * sigmoid(-ceiling_logit) + _LEAST
    c = jnp.log1p(never / (gain + above)) if has_ceiling else jnp.zeros_like(upper)
    log_slope = _log_slope(ends.upper) + log_sigmoid(-lower_logit) + log_lower_slope
    if has_floor:
        log_slope += log_lower + log_sigmoid(floor_logit) + log_floor_slope
    if has_ceiling:
        log_slope += jnp.log(room) + _log_slope(ceiling_logit) + log_ceiling_slope
    return _Levels(floor, gain, above, c, log_sigmoid(lower_logit + log_over_floor), log_slope)


def _log_slope(logit: Array) -> Array:
    """Logarithm of the derivative of the logistic function."""
    return log_sigmoid(logit) + log_sigmoid(-logit)


def initial_end_points(rate_low: ArrayLike, rate_high: ArrayLike) -> EndPoints:
    """Starting coordinates from the measured rates towards both ends of the ladder.

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
    return EndPoints(
        upper=logit(high),
        lower=unstretched(logit(low / high), _STRETCH_UNIT),
        floor=unstretched(logit(0.05 * high / low), _STRETCH_UNIT),
        ceiling=jnp.zeros_like(high) + unbent(jnp.asarray(1.5)),
    )
