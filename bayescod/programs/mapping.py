"""Mapping program: the rest of a benchmark as a monotone polynomial of its predictable subset."""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import Array

from bayescod import curves
from bayescod.programs.priors import distribution
from bayescod.programs.single_curve import VARIANCE_FLOOR
from bayescod.spec_reading import Prior


def mapping(
    data: Mapping[str, Array],
    priors: Mapping[str, Prior],
    degree: int = 4,
    pass_rate: Array | None = None,
) -> None:
    """Accuracy on the rest of a benchmark, given accuracy on its predictable subset.

    ``r_l ~ Normal(r(x_l), v_l + r'(x_l)^2 w_l + spread^2 r (1 - r))``: ``r`` increases from
    ``r(0) >= 0`` to ``r(1) <= 1``; ``v_l`` and ``w_l`` are the variances of both coordinates from
    finite trials. Subset and rest share no item, so their errors are independent. The full score
    is ``f(x) = s x + (1 - s) r(x)`` with ``s`` the subset's share of items, so that
    ``s x <= f(x) <= s x + 1 - s`` holds by construction.

    Parameters
    ----------
    data : mapping of str to Array
        ``subset_rate``, ``subset_variance``, ``variance``, ``observed`` (obs,).
    priors : mapping of str to Prior
        ``steps`` and ``spread``.
    degree : int
        Of the polynomial; 4 is the quartic of arXiv 2502.17262v1, Eq. 2.
    pass_rate : Array or None
        (obs,) accuracy on the rest, in [0, 1]; ``None`` draws from the prior predictive.
    """
    inner, outer = (priors["steps"].parameters[k] for k in ("concentration", "end_concentration"))
    concentration = jnp.full(degree + 2, inner).at[jnp.array([0, -1])].set(outer)
    steps = numpyro.sample("steps", dist.Dirichlet(concentration))
    spread = numpyro.sample("spread", distribution(priors["spread"]))
    x = data["subset_rate"]
    mean = curves.monotone_polynomial(x, steps)
    slope = degree * (curves.bernstein_basis(x, degree - 1) * steps[1:-1]).sum(-1)
    variance = (
        data["variance"]
        + slope**2 * data["subset_variance"]
        + mean * (1.0 - mean) * spread**2
        + VARIANCE_FLOOR
    )
    with numpyro.plate("obs_id", x.shape[0]), numpyro.handlers.mask(mask=data["observed"]):
        numpyro.sample("pass_rate", dist.Normal(mean, jnp.sqrt(variance)), obs=pass_rate)
