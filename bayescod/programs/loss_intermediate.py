"""Loss-intermediate program: compute to pre-training loss, loss to score, both at once."""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import Array
from jax.nn import sigmoid

from bayescod.laws import Values
from bayescod.programs.priors import distribution
from bayescod.programs.single_curve import sample_law, sample_scores
from bayescod.spec_reading import Prior

SITES = ("loss_exponent", "level", "slope", "c", "g")


def loss_intermediate(
    data: Mapping[str, Array],
    priors: Mapping[str, Prior],
    pass_rate: Array | None = None,
) -> None:
    """One benchmark's scores as a function of pre-training loss, and loss as one of compute.

    ``log loss_l ~ Normal(log L(C_l), loss_spread)`` with ``L = gain (limit + (1 - limit)
    (C/C_low)^-exponent)``; ``score_l`` is logistic in the loss that was measured. The two steps
    are those of arXiv 2410.08527 and arXiv 2412.04403; here they are one posterior, so that the
    uncertainty of the first is carried into the second.

    Parameters
    ----------
    data : mapping of str to Array
        ``log_compute`` (llm,), ``log_low``; ``log_loss`` (llm,) natural log of the loss over that
        of the smallest LLM; ``loss_middle`` and ``loss_unit``, its mean and standard deviation
        over the ladder; ``variance``, ``observed`` (obs,); ``guess_alpha``, ``guess_beta``.
    priors : mapping of str to Prior
        By site.
    pass_rate : Array or None
        (obs,) in [0, 1]; ``None`` draws from the prior predictive of the scores given the losses.
    """
    sites = {name: numpyro.sample(name, distribution(priors[name])) for name in _LOSS_SITES}
    parameters = sample_law(data, priors, SITES)
    expected = log_loss(data, sites | parameters)
    with numpyro.plate("llm", expected.shape[-1]), numpyro.handlers.mask(mask=data["observed"]):
        noise = dist.Normal(expected, sites["loss_spread"])
        numpyro.sample("log_loss", noise, obs=data["log_loss"])
    mean = score_at_loss(data, parameters | {"log_loss": data["log_loss"]})
    sample_scores(mean, data, priors, pass_rate)


_LOSS_SITES = ("loss_limit", "loss_gain", "loss_spread")


def log_loss(at: Values, of: Values) -> Array:
    """Natural log of the loss over the smallest LLM's, by a power law in compute with a limit."""
    x = jnp.asarray(at["log_compute"]) - at["log_low"]
    limit = jnp.asarray(of["loss_limit"])
    return of["loss_gain"] + jnp.log(limit + (1.0 - limit) * jnp.exp(-of["loss_exponent"] * x))


def score_at_loss(at: Values, of: Values) -> Array:
    """Accuracy, logistic in the log loss ``of["log_loss"]`` (arXiv 2412.04403, step 2)."""
    steps = (jnp.asarray(of["log_loss"]) - at["loss_middle"]) / at["loss_unit"]
    g = jnp.asarray(of["g"])
    reached = sigmoid(of["level"] - of["slope"] * steps)
    return g + (1.0 - g) * jnp.exp(-jnp.asarray(of["c"])) * reached
