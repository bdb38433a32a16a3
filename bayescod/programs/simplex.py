"""Coordinates of a point on a simplex in which NUTS walks freely: logarithms of Gamma variables."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array
from jax.nn import logsumexp, softmax
from jax.scipy.special import gammaln


@dataclass(frozen=True, slots=True)
class GammaCoordinates:
    """Steps ``s_k = x_k / sum(x)`` of a Dirichlet variable, walked in ``z_k = log x_k``.

    Independent ``x_k ~ Gamma(concentration_k, 1)`` have Dirichlet shares and a sum that is Gamma
    distributed and independent of them. One coordinate more than there are free steps, and none of
    the order among them that breaking a stick brings: with concentrations below one, whose steps
    may be as good as zero, the broken stick mixes poorly.

    Attributes
    ----------
    concentration : Array
        Sum of the concentrations of the Dirichlet prior.
    """

    concentration: Array

    def __call__(self, coordinates: Array) -> Array:
        """Steps of given coordinates, summing to one."""
        return softmax(coordinates)

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
        log_sum = logsumexp(coordinates)
        log_jacobian = coordinates.sum() - (steps.shape[-1] - 1) * log_sum
        own = (self.concentration - 1.0) * log_sum - jnp.exp(log_sum)
        return log_jacobian + own - gammaln(self.concentration)

    def inv(self, steps: Array) -> Array:
        """Coordinates of given steps, their sum at its mean."""
        return jnp.log(steps * self.concentration)
