"""End-to-end program: Eq. 1 on the benchmark's own scores."""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import Array

from bayescod import curves
from bayescod.programs.priors import distribution, given_b
from bayescod.spec_reading import Prior

# Keeps a standard deviation above zero where a score is exact and its curve touches 0 or 1: a
# hundredth of a percentage point, far below anything that is measured.
VARIANCE_FLOOR = 1e-8


def single_curve(
    data: Mapping[str, Array],
    priors: Mapping[str, Prior],
    law: str = "eq1",
    pass_rate: Array | None = None,
) -> None:
    """One benchmark's scores along the ladder.

    ``score_l ~ Normal(mu_l, v_l + spread^2 mu_l (1 - mu_l))`` with ``mu_l`` by Eq. 1 (arXiv
    2502.17262) and ``v_l`` the variance from finite trials. The spread is what one trained LLM
    departs from the curve: the run effect of a benchmark seen as a whole.

    Parameters
    ----------
    data : mapping of str to Array
        ``log_compute`` (llm,) and ``log_low``, its minimum, in the unit of ``a``; ``variance``
        (obs,); ``observed`` (obs,) boolean; ``guess_alpha``, ``guess_beta`` scalars.
    priors : mapping of str to Prior
        By site.
    law : str
        Key of :data:`bayescod.curves.LAWS`.
    pass_rate : Array or None
        (obs,) in [0, 1]; ``None`` draws from the prior predictive.
    """
    has_floor, has_ceiling = curves.LAWS[law]
    b = numpyro.sample("b", distribution(priors["b"]))
    log_a = numpyro.sample("log_a", given_b(priors["log_a"], b, data["log_low"]))
    c = numpyro.sample("c", distribution(priors["c"])) if has_ceiling else jnp.zeros(())
    guess = dist.Beta(data["guess_alpha"], data["guess_beta"])
    g = numpyro.sample("g", guess) if has_floor else jnp.zeros(())
    spread = numpyro.sample("spread", distribution(priors["spread"]))
    mean = curves.accuracy(data["log_compute"], log_a, b, c, g)
    variance = data["variance"] + mean * (1.0 - mean) * spread**2 + VARIANCE_FLOOR
    with numpyro.plate("obs_id", mean.shape[-1]), numpyro.handlers.mask(mask=data["observed"]):
        numpyro.sample("pass_rate", dist.Normal(mean, jnp.sqrt(variance)), obs=pass_rate)
