"""Coordinates in which long tails are short."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

# Straight on beyond what any prior reaches, so that nothing overflows there: 11,000 units.
_STRAIGHT_BEYOND = 10.0


def stretched(coordinate: Array, unit: float = 1.0) -> tuple[Array, Array]:
    """The value at a coordinate, and the logarithm of the derivative.

    A value whose logarithm is about normal far out has a tail that NUTS walks in small steps; the
    logarithm of it, which this coordinate becomes there, has none.

    Parameters
    ----------
    coordinate : Array
        Any real numbers.
    unit : float
        Up to about this the value is the coordinate itself.

    Returns
    -------
    value : Array
        ``unit sinh(coordinate / unit)``, linear beyond ten units.
    log_slope : Array
    """
    units = coordinate / unit
    near = jnp.clip(units, -_STRAIGHT_BEYOND, _STRAIGHT_BEYOND)
    slope = jnp.cosh(near)
    return unit * (jnp.sinh(near) + slope * (units - near)), jnp.log(slope)


def unstretched(value: Array, unit: float = 1.0) -> Array:
    """The coordinate of a value that is not beyond where the straight parts begin."""
    return unit * jnp.arcsinh(value / unit)


def bent(coordinate: Array) -> tuple[Array, Array]:
    """The value at a coordinate, and the logarithm of the derivative.

    The logit of a share that its prior alone determines has exponential tails. In this coordinate,
    whose half square it becomes far out, they are normal ones, which NUTS walks in equal steps.

    Parameters
    ----------
    coordinate : Array
        Any real numbers.

    Returns
    -------
    value : Array
        ``x sqrt(1 + x^2 / 4)``.
    log_slope : Array
    """
    square = coordinate**2
    return (
        coordinate * jnp.sqrt(1.0 + 0.25 * square),
        jnp.log1p(0.5 * square) - 0.5 * jnp.log1p(0.25 * square),
    )


def unbent(value: Array) -> Array:
    """The coordinate of a value."""
    return jnp.sign(value) * jnp.sqrt(2.0 * (jnp.sqrt(1.0 + value**2) - 1.0))
