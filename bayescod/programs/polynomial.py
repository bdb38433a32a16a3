"""Coordinates of a monotone polynomial in which NUTS walks freely: its values where it was seen."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import Array
from jax.scipy.special import logit
from numpyro.distributions import Dirichlet

from bayescod.curves import bernstein_basis
from bayescod.programs.stretch import stretched, unstretched

IntArray = npt.NDArray[np.int64]

# Nodes are spread over at least so much of [0, 1]: closer ones would tell the same value twice.
_LEAST_SPAN = 0.2
# Logits beyond this are pressed together: the prior of an end that is as good as zero has a tail.
_STRETCH_UNIT = 3.0
# Added to an end before its power is taken, whose slope at zero would be infinite: a step of a
# millionth of a millionth is none.
_BLUNT = 1e-12
# Steps that are found by subtraction are known no better than this.
_LEAST = 1e-15


class _Bounds(NamedTuple):
    """Planes below and above a value, given those before it: (plane, 1 and the values before)."""

    lower: Array
    upper: Array


class PolynomialValues(NamedTuple):
    """Steps of a monotone polynomial, walked in where its values lie between what they can be.

    Of the steps of :func:`bayescod.curves.monotone_polynomial` the data pin down the values of the
    polynomial where LLMs were seen: sums of steps, some of which are as good as zero. In logarithms
    of the steps such a posterior is thin and bent. Here the coordinates are, one after another, the
    value at the middle of what was seen, those at both sides of it, what the value at one lacks to
    one, and the value at zero: each as the logit of its place between the least and the most that
    those before it leave. The steps follow linearly.

    What is left lies between planes. A value given others is least, and most, where all but as many
    steps are zero (M. G. Krein; S. Karlin and W. J. Studden, Tchebycheff Systems, 1966, chapter 2).
    Bernstein polynomials are totally positive, so which steps these can be is the same for any
    nodes in the same order.

    An end whose concentration ``p`` is below one has infinite prior density at zero. Its place is
    that of its ``p``-th power, which has none.

    Attributes
    ----------
    values : Array
        (value, step): the values of given steps.
    steps : Array
        (step, 1 and value): the steps of given values.
    bounds : tuple of _Bounds
        For each value.
    powers : tuple of (Array or None)
        For each value: ``None`` at a node; of an end, its concentration, at most one.
    log_slope : Array
        Logarithm of how all steps but the last change with the values.
    """

    values: Array
    steps: Array
    bounds: tuple[_Bounds, ...]
    powers: tuple[Array | None, ...]
    log_slope: Array

    def __call__(self, coordinates: Array) -> Array:
        """Steps of given coordinates, (step - 1,): non-negative, summing to one."""
        return self._walked(coordinates)[0]

    def log_abs_det_jacobian(self, coordinates: Array, steps: Array) -> Array:
        """``log |d steps / d coordinates|``, of all steps but the last.

        Parameters
        ----------
        coordinates : Array
            (step - 1,).
        steps : Array
            (step,), of which nothing is needed.

        Returns
        -------
        Array
            Scalar.
        """
        del steps
        return self._walked(coordinates)[1]

    def inv(self, steps: Array) -> Array:
        """Coordinates of given positive steps."""
        known = [jnp.ones(()), *(self.values @ steps)]
        logits = []
        for i, (bounds, power) in enumerate(zip(self.bounds, self.powers, strict=True), 1):
            ends = jnp.stack([*_between(bounds, known[:i]), known[i]])
            low, high, value = ends if power is None else (ends + _BLUNT) ** power
            logits.append(logit((value - low) / (high - low)))
        return unstretched(jnp.stack(logits), _STRETCH_UNIT)

    def _walked(self, coordinates: Array) -> tuple[Array, Array]:
        logits, log_slope = stretched(coordinates, _STRETCH_UNIT)
        log_jacobian = log_slope + jax.nn.log_sigmoid(logits) + jax.nn.log_sigmoid(-logits)
        total = log_jacobian.sum() + self.log_slope
        known = [jnp.ones(())]
        for part, bounds, power in zip(
            jax.nn.sigmoid(logits), self.bounds, self.powers, strict=True
        ):
            value, log_width = _placed(part, *_between(bounds, known), power)
            known.append(value)
            total += log_width
        steps = jnp.maximum(_weighted(self.steps, known), _LEAST)
        # The ends are values themselves, and exact however small.
        last, first = (jnp.maximum(v, jnp.finfo(v.dtype).tiny) for v in known[-2:])
        return jnp.concatenate([first[None], steps[1:-1], last[None]]), total


def polynomial_values(rates: Array, observed: Array, prior: Dirichlet) -> PolynomialValues:
    """Coordinates for points seen at some rates.

    Parameters
    ----------
    rates : Array
        (obs,) where the polynomial was seen, in [0, 1].
    observed : Array
        (obs,) false for padding.
    prior : Dirichlet
        Of the steps, of a polynomial of degree 3 or more.

    Returns
    -------
    PolynomialValues
    """
    degree = prior.event_shape[0] - 2
    low = jnp.where(observed, rates, 1.0).min()
    high = jnp.where(observed, rates, 0.0).max()
    half = jnp.maximum(0.5 * (high - low), 0.5 * _LEAST_SPAN)
    middle = jnp.clip(0.5 * (low + high), half, 1.0 - half)
    values = _values(middle + half * _nodes(degree), degree)
    known = jnp.concatenate([jnp.ones((1, degree + 2)), values])
    bounds = tuple(
        _Bounds(
            *(jnp.linalg.solve(known[:i].T[m], known[i][m][..., None])[..., 0] for m in members)
        )
        for i, members in enumerate(_facets(degree), 1)
    )
    ends = (prior.concentration[-1], prior.concentration[0])
    powers = (None,) * (degree - 1) + tuple(jnp.minimum(end, 1.0) for end in ends)
    log_slope = -jnp.linalg.slogdet(known)[1]
    return PolynomialValues(values, jnp.linalg.inv(known), bounds, powers, log_slope)


def _placed(part: Array, low: Array, high: Array, power: Array | None) -> tuple[Array, Array]:
    """The value at a part of the way, and the logarithm of the derivative."""
    if power is None:
        width = jnp.maximum(high - low, _LEAST)
        return low + width * part, jnp.log(width)
    # Logarithms and exponentials are compiled into the code around them, powers are called.
    log_low, log_high = jnp.log(low + _BLUNT), jnp.log(high + _BLUNT)
    first = jnp.exp(power * log_low)
    width = jnp.maximum(jnp.exp(power * log_high) - first, _LEAST)
    log_ratio = jnp.log1p(width * part / first) / power
    log_slope = jnp.log(width / power) + (1.0 - power) * (log_ratio + log_low)
    return low + (low + _BLUNT) * jnp.expm1(log_ratio), log_slope


def _between(bounds: _Bounds, known: Sequence[Array]) -> tuple[Array, Array]:
    return _weighted(bounds.lower, known).max(), _weighted(bounds.upper, known).min()


def _weighted(weights: Array, values: Sequence[Array]) -> Array:
    # Compiled into the code around it, which a product of matrices is not.
    return (weights * jnp.stack(values)).sum(-1)


def _nodes(degree: int) -> npt.NDArray[np.float64]:
    """Where in [-1, 1] values are known best from points all over it; the middle first."""
    nodes = np.polynomial.legendre.leggauss(degree - 1)[0]
    return nodes[np.argsort(np.abs(nodes), kind="stable")]


def _values(nodes: Array, degree: int) -> Array:
    """(value, step): at the nodes, what is lacking to one at one, and at zero."""
    tails = jnp.cumsum(bernstein_basis(nodes, degree)[:, ::-1], axis=1)[:, ::-1]
    inner = jnp.concatenate([tails, jnp.zeros((degree - 1, 1))], axis=1)
    step = jnp.eye(degree + 2)
    return jnp.concatenate([inner, step[-1:], step[:1]])


@cache
def _facets(degree: int) -> tuple[tuple[IntArray, IntArray], ...]:
    """For each value: the steps that alone are not zero on a plane below it, and above it."""
    with jax.ensure_compile_time_eval():
        values = np.asarray(_values(jnp.asarray(0.5 + 0.4 * _nodes(degree)), degree))
    every = np.concatenate([np.ones((1, degree + 2)), values])
    found = []
    for i in range(1, degree + 2):
        known = every[:i].T
        sides: tuple[list[IntArray], list[IntArray]] = ([], [])
        planes: list[npt.NDArray[np.float64]] = []
        for members in map(np.array, combinations(range(degree + 2), i)):
            if np.linalg.matrix_rank(known[members]) < i:
                continue
            plane = np.linalg.solve(known[members], every[i][members])
            above = every[i] - known @ plane
            for side, sign in zip(sides, (1.0, -1.0), strict=True):
                if (sign * above).min() > -1e-9 and not any(np.allclose(plane, p) for p in planes):
                    side.append(members)
                    planes.append(plane)
        found.append((np.array(sides[0]), np.array(sides[1])))
    return tuple(found)
