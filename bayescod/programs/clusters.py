"""COD program: Eq. 1 for every difficulty cluster, with run effects shared by all of them."""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import Array

from bayescod.laws import LAWS, further
from bayescod.programs.priors import distribution, given_b
from bayescod.programs.single_curve import VARIANCE_FLOOR
from bayescod.spec_reading import Prior


def clusters(
    data: Mapping[str, Array],
    priors: Mapping[str, Prior],
    law: str = "eq1",
    pass_rate: Array | None = None,
) -> None:
    """Mean pass rates of difficulty clusters along the ladder.

    ``y_kl ~ Normal(mu_kl, v_kl + spread^2 mu_kl (1 - mu_kl) / m_k)``, ``mu_kl`` by Eq. 1 (arXiv
    2502.17262) at log compute ``u_l + delta_l``, ``m_k`` the cluster's items. The run effect
    ``delta_l`` says that one trained LLM is worth more or less compute than it took, on all
    clusters at once, and that the law may bend away slowly: independent between runs with
    ``run_scale``, and a random walk along ``u`` with ``walk_scale``. Its part that is constant or
    linear in ``u`` cannot be told from the curves' own levels and slopes, so only the orthogonal
    rest is sampled, ``delta = basis @ run_effect``, in a basis in which the walk is independent
    too; a forecast adds that part back by universal kriging. ``drift`` says how much less the run
    effects vouch for the law beyond the ladder; it keeps its prior and enters the forecast only.

    Parameters
    ----------
    data : mapping of str to Array
        The law's covariates (llm,); ``log_low`` and ``log_middle``, minimum and mean of the log
        compute in the unit of ``a``; ``run_basis``
        (llm, llm - 2) with orthonormal columns, ``walk_variance`` (llm - 2,) of a unit random
        walk along them and ``run_used`` (llm - 2,) boolean; ``cluster_used`` (cluster,) boolean
        and ``cluster_items`` (cluster,) counts; ``variance`` and ``observed`` (obs,), obs running
        over clusters, then LLMs; ``guess_alpha``, ``guess_beta`` scalars. Whatever is not used is
        padding.
    priors : mapping of str to Prior
        By site.
    law : str
        Key of :data:`bayescod.laws.LAWS`, one of Eq. 1 in compute or in parameters and tokens.
    pass_rate : Array or None
        (obs,) in [0, 1]; ``None`` draws from the prior predictive.
    """
    sites = LAWS[law].sites
    n_cluster, n_run = data["cluster_used"].shape[0], data["run_used"].shape[0]
    b_loc = numpyro.sample("b_loc", distribution(priors["b_loc"]))
    b_scale = numpyro.sample("b_scale", distribution(priors["b_scale"]))
    run_scale = numpyro.sample("run_scale", distribution(priors["run_scale"]))
    walk_scale = numpyro.sample("walk_scale", distribution(priors["walk_scale"]))
    numpyro.sample("drift", distribution(priors["drift"]))
    spread = numpyro.sample("spread", distribution(priors["spread"]))
    # What the clusters have in common: how parameters and tokens share the loss.
    common = {
        site: numpyro.sample(site, distribution(priors[site]))
        for site in ("share", "tilt")
        if site in sites
    }
    if "c" in sites:
        c_scale = numpyro.sample("c_scale", distribution(priors["c_scale"]))
    with numpyro.plate("run", n_run), numpyro.handlers.mask(mask=data["run_used"]):
        scale = jnp.sqrt(run_scale**2 + walk_scale**2 * data["walk_variance"])
        run_effect = numpyro.sample("run_effect", dist.Normal(0.0, scale))
    own: dict[str, Array] = {}
    with numpyro.plate("cluster", n_cluster), numpyro.handlers.mask(mask=data["cluster_used"]):
        own["b"] = numpyro.sample("b", dist.TruncatedNormal(b_loc, b_scale, low=0.0))
        own["log_a"] = numpyro.sample("log_a", given_b(priors["log_a"], own["b"], data["log_low"]))
        if "c" in sites:
            own["c"] = numpyro.sample("c", dist.HalfNormal(c_scale))
        if "g" in sites:
            own["g"] = numpyro.sample("g", dist.Beta(data["guess_alpha"], data["guess_beta"]))
    shifted = further(data, data["run_basis"] @ run_effect)
    mean = LAWS[law].mean(shifted, common | {name: value[:, None] for name, value in own.items()})
    departure = mean * (1.0 - mean) * spread**2 / data["cluster_items"][:, None]
    mean, variance = mean.ravel(), data["variance"] + departure.ravel() + VARIANCE_FLOOR
    with numpyro.plate("obs_id", mean.shape[0]), numpyro.handlers.mask(mask=data["observed"]):
        numpyro.sample("pass_rate", dist.Normal(mean, jnp.sqrt(variance)), obs=pass_rate)
