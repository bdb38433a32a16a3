"""NumPyro distributions for the priors of a spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from numpyro.distributions import Distribution

from bayescod.specs import Prior

_BUILDERS: Mapping[str, Callable[[Mapping[str, float]], Distribution]] = {
    "normal": lambda p: dist.Normal(p["loc"], p["scale"]),
    "half-normal": lambda p: dist.HalfNormal(p["scale"]),
    "log-normal": lambda p: dist.LogNormal(p["loc"], p["scale"]),
    "gamma": lambda p: dist.Gamma(p["concentration"], p["rate"]),
    "beta": lambda p: dist.Beta(p["alpha"], p["beta"]),
}


def distribution(prior: Prior) -> Distribution:
    """The NumPyro distribution of a prior whose parameters are all in the spec.

    Parameters
    ----------
    prior : Prior
        Of a family that needs nothing from the program.

    Returns
    -------
    numpyro.distributions.Distribution
        Scalar.
    """
    return _BUILDERS[prior.dist](prior.parameters)


def spike_and_slab(prior: Prior, spike_share: Array, loc: Array, scale: Array) -> Distribution:
    """Exponent of a cluster: near zero if it does not scale, else from the population.

    Parameters
    ----------
    prior : Prior
        With ``spike_scale``.
    spike_share : Array
        Share of clusters that do not scale, in (0, 1).
    loc, scale : Array
        Of the normal population truncated at zero.

    Returns
    -------
    numpyro.distributions.Distribution
        Over (0, inf), its class indicator summed out.
    """
    return dist.MixtureGeneral(
        dist.Categorical(probs=jnp.stack([spike_share, 1.0 - spike_share])),
        [
            dist.HalfNormal(prior.parameters["spike_scale"]),
            dist.TruncatedNormal(loc, scale, low=0.0),
        ],
        support=dist.constraints.positive,
    )
