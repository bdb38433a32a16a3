"""NumPyro distributions for the priors of a spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpyro.distributions as dist
from jax import Array
from numpyro.distributions import Distribution

from bayescod.spec_reading import Prior

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


def given_b(prior: Prior, b: Array, log_low: Array) -> Distribution:
    """Prior of ``log a`` given the exponent, said of the loss at the smallest LLM.

    Parameters
    ----------
    prior : Prior
        ``loc`` and ``scale`` of the log of ``a C^-b`` at the smallest compute of the ladder.
    b : Array
        Exponents.
    log_low : Array
        Natural log of the smallest compute, in the unit of ``a``.

    Returns
    -------
    numpyro.distributions.Distribution
        Of the shape of ``b``.
    """
    return dist.Normal(prior.parameters["loc"] + b * log_low, prior.parameters["scale"])
