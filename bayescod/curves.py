"""Eq. 1 and the quartic mapping as pure functions, used by programs, forecasts and figures alike.

``y(C) = g + (1 - g) exp(-a C^-b - c)`` (arXiv 2502.17262, Eq. 1 of v1 and Eq. 4 of v4). All curves
take the natural logarithm of compute, in whatever unit ``a`` is given in. Each of the paper's three
ablations is Eq. 1 with a term held at zero: no guess (``g = 0``), no ceiling (``c = 0``), power law
(both).
"""

from __future__ import annotations

from math import comb

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

LAWS: dict[str, tuple[bool, bool]] = {
    "eq1": (True, True),
    "no-guess": (False, True),
    "no-ceiling": (True, False),
    "power-law": (False, False),
}
"""Name of a law -> (has a guess floor g, has a ceiling constant c)."""


def accuracy(
    log_compute: ArrayLike, log_a: ArrayLike, b: ArrayLike, c: ArrayLike, g: ArrayLike
) -> Array:
    """Accuracy by Eq. 1.

    Parameters
    ----------
    log_compute : array_like
        Natural logarithm of training compute in the unit of ``a``.
    log_a : array_like
        Natural logarithm of ``a``; any real number.
    b : array_like
        Exponent of compute, >= 0 for a curve that grows.
    c : array_like
        Loss that no compute removes, >= 0; the ceiling is ``g + (1 - g) exp(-c)``.
    g : array_like
        Accuracy of guessing, in [0, 1).

    Returns
    -------
    jax.Array
        In [g, 1], of the broadcast shape.
    """
    loss = jnp.exp(log_a - jnp.asarray(b) * log_compute) + c
    g = jnp.asarray(g)
    return g + (1.0 - g) * jnp.exp(-loss)


def log_compute_for(
    score: ArrayLike, log_a: ArrayLike, b: ArrayLike, c: ArrayLike, g: ArrayLike
) -> Array:
    """Log compute at which Eq. 1 reaches a score: the inverse of :func:`accuracy`.

    Parameters
    ----------
    score : array_like
        Wanted accuracy in (0, 1).
    log_a, b, c, g : array_like
        As in :func:`accuracy`, with ``b > 0``.

    Returns
    -------
    jax.Array
        Natural logarithm of compute in the unit of ``a``; ``+inf`` where the ceiling lies at or
        below the score, ``-inf`` where the floor lies at or above it.
    """
    score, g = jnp.asarray(score), jnp.asarray(g)
    ceiling = g + (1.0 - g) * jnp.exp(-jnp.asarray(c))
    inside = (score > g) & (score < ceiling)
    safe = jnp.where(inside, score, 0.5 * (g + ceiling))
    loss = jnp.log((ceiling - g) / (safe - g))
    found = (log_a - jnp.log(loss)) / b
    return jnp.where(inside, found, jnp.where(score >= ceiling, jnp.inf, -jnp.inf))


def bernstein_basis(x: ArrayLike, degree: int = 4) -> Array:
    """Bernstein polynomials of one degree.

    Parameters
    ----------
    x : array_like
        In [0, 1].
    degree : int
        At least 1; 4 gives the quartic of arXiv 2502.17262v1, Eq. 2.

    Returns
    -------
    jax.Array, shape ``x.shape + (degree + 1,)``
        Non-negative, summing to one over the last axis.
    """
    x = jnp.asarray(x, dtype=float)[..., None]
    k = np.arange(degree + 1)
    binomial = jnp.array([comb(degree, int(i)) for i in k], dtype=x.dtype)
    return binomial * x**k * (1.0 - x) ** (degree - k)


def monotone_polynomial(x: ArrayLike, steps: ArrayLike) -> Array:
    """Increasing polynomial in the Bernstein basis, from [0, 1] into [0, 1].

    Parameters
    ----------
    x : array_like
        In [0, 1].
    steps : array_like, shape (..., degree + 2)
        Non-negative, summing to one: the value at 0, the steps between neighbouring Bernstein
        coefficients, and what the value at 1 lacks to one. With first and last zero the polynomial
        runs through (0, 0) and (1, 1); with equal steps between them it is the identity.
        Non-negative steps are sufficient for monotony, not necessary.

    Returns
    -------
    jax.Array
        In [0, 1]; ``x`` is broadcast against the leading axes of ``steps``.
    """
    coefficients = jnp.cumsum(jnp.asarray(steps), axis=-1)[..., :-1]
    return (bernstein_basis(x, coefficients.shape[-1] - 1) * coefficients).sum(-1)
