"""Coordinates of a point on a simplex in which NUTS walks freely: logarithms of Gamma variables."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array
from jax.nn import logsumexp, softmax
from jax.scipy.special import gammaln

from bayescod.programs.stretch import stretched, unstretched

_LEAST = 1e-300  # of a step, whose density is infinite at zero


@dataclass(frozen=True, slots=True)
class GammaCoordinates:
    """Steps ``s_k = x_k / sum(x)`` of a Dirichlet variable, walked in ``log x_k``.

    Independent ``x_k ~ Gamma(concentration_k, 1)`` have Dirichlet shares and a sum that is Gamma
    distributed and independent of them. One coordinate more than there are free steps, and none of
    the order among them that breaking a stick brings: with concentrations below one, whose steps
    may be as good as zero, the broken stick mixes poorly. ``log x_k`` of a small concentration has
    a long tail below zero: there the coordinate is its inverse hyperbolic sine.

    Attributes
    ----------
    concentration : Array
        Sum of the concentrations of the Dirichlet prior.
    """

    concentration: Array

    def __call__(self, coordinates: Array) -> Array:
        """Steps of given coordinates, summing to one."""
        return jnp.maximum(softmax(_logs(coordinates)[0]), _LEAST)

    def log_abs_det_jacobian(self, coordinates: Array, steps: Array) -> Array:
        """Logarithm of the density that steps and sum take on in these coordinates.

        Parameters
        ----------
        coordinates : Array
            (step,).
        steps : Array
            (step,), of which nothing more is needed.

        Returns
        -------
        Array
            Scalar: the Jacobian of (steps, sum), and the sum's own Gamma density.
        """
        logs, log_slope = _logs(coordinates)
        log_sum = logsumexp(logs)
        log_jacobian = logs.sum() + log_slope.sum() - (steps.shape[-1] - 1) * log_sum
        own = (self.concentration - 1.0) * log_sum - jnp.exp(log_sum)
        return log_jacobian + own - gammaln(self.concentration)

    def inv(self, steps: Array) -> Array:
        """Coordinates of given steps, their sum at its mean."""
        logs = jnp.log(steps * self.concentration)
        return jnp.where(logs < 0.0, unstretched(jnp.minimum(logs, 0.0)), logs)


def _logs(coordinates: Array) -> tuple[Array, Array]:
    """``log x`` of coordinates, and the logarithm of the derivative."""
    below, log_slope = stretched(jnp.minimum(coordinates, 0.0))
    return below + jnp.maximum(coordinates, 0.0), log_slope
