"""End-to-end program: one law on the benchmark's own scores."""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import Array

from bayescod.laws import LAWS
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

    ``score_l ~ Normal(mu_l, v_l + spread^2 mu_l (1 - mu_l))`` with ``mu_l`` by the law and ``v_l``
    the variance from finite trials. The spread is what one trained LLM departs from the curve: the
    run effect of a benchmark seen as a whole. ``walk_scale`` and ``drift`` say how the law itself
    may go wrong beyond the ladder, of which the ladder knows nothing; they keep their priors and
    enter the forecast only.

    Parameters
    ----------
    data : mapping of str to Array
        The law's covariates (llm,), ``log_low`` and ``log_middle``; ``variance`` (obs,);
        ``observed`` (obs,) boolean; ``guess_alpha``, ``guess_beta`` scalars.
    priors : mapping of str to Prior
        By site.
    law : str
        Key of :data:`bayescod.laws.LAWS`.
    pass_rate : Array or None
        (obs,) in [0, 1]; ``None`` draws from the prior predictive.
    """
    parameters = sample_law(data, priors, LAWS[law].sites)
    sample_scores(LAWS[law].mean(data, parameters), data, priors, pass_rate)


def sample_law(
    data: Mapping[str, Array], priors: Mapping[str, Prior], sites: tuple[str, ...]
) -> dict[str, Array]:
    """Sample the parameters of a law; ``b`` before ``log_a``, whose prior is said given ``b``."""
    found: dict[str, Array] = {}
    for site in sorted(sites, key=lambda name: name == "log_a"):
        if site == "g":
            prior = dist.Beta(data["guess_alpha"], data["guess_beta"])
        elif site == "log_a":
            prior = given_b(priors[site], found["b"], data["log_low"])
        else:
            prior = distribution(priors[site])
        found[site] = numpyro.sample(site, prior)
    return found


def sample_scores(
    mean: Array, data: Mapping[str, Array], priors: Mapping[str, Prior], pass_rate: Array | None
) -> None:
    """Sample the scores around their law, and how the law goes wrong beyond the ladder."""
    for site in ("walk_scale", "drift"):
        numpyro.sample(site, distribution(priors[site]))
    spread = numpyro.sample("spread", distribution(priors["spread"]))
    variance = data["variance"] + mean * (1.0 - mean) * spread**2 + VARIANCE_FLOOR
    with numpyro.plate("obs_id", mean.shape[-1]), numpyro.handlers.mask(mask=data["observed"]):
        numpyro.sample("pass_rate", dist.Normal(mean, jnp.sqrt(variance)), obs=pass_rate)
