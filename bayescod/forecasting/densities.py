"""Log densities of what a posterior was made of: each prior, and each observed point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import Array
from numpyro import handlers

from bayescod.batches import Lane
from bayescod.programs.space import program_of
from bayescod.sampling import Posterior
from bayescod.specs import Spec

FloatArray = npt.NDArray[np.float64]
Arrays = dict[str, npt.NDArray[np.generic]]
Sites = dict[str, Array]
Numbers = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True, eq=False)
class Densities:
    """Natural log densities under each posterior draw.

    Attributes
    ----------
    prior : mapping of str to FloatArray
        (chain, draw) by site whose prior the spec gives, padding left out. Members of a population
        and run effects are no priors of the spec: how they are distributed is part of the model.
    likelihood : FloatArray
        (chain, draw, obs_id) of each observed point in the lane's order, padding left out. Where a
        program observes several things of a point, of all of them together.
    """

    prior: Mapping[str, FloatArray]
    likelihood: FloatArray


def log_densities(spec: Spec, lane: Lane, posterior: Posterior) -> Densities:
    """Log densities of the factors of a posterior.

    Parameters
    ----------
    spec : Spec
        Of a program of one curve, or of the clusters. Specs that differ in the numbers of their
        priors, and data of equal shapes, share what is compiled once a process.
    lane : Lane
        What was fitted.
    posterior : Posterior
        With padding, as it was sampled.

    Returns
    -------
    Densities
    """
    families = tuple((site, prior.dist) for site, prior in spec.priors.items())
    program = _program(_Form(spec.program, spec.law, spec.degree, families, spec))
    numbers = {site: dict(prior.parameters) for site, prior in spec.priors.items()}
    sites, data = Arrays(posterior.sites), Arrays(lane.data)
    prior, likelihood = jax.device_get(program(sites, data, numbers))
    observed = np.asarray(lane.data["observed"], dtype=bool)
    return Densities(
        {name: np.asarray(values, dtype=np.float64) for name, values in prior.items()},
        np.asarray(likelihood[..., observed], dtype=np.float64),
    )


@dataclass(frozen=True, slots=True)
class _Form:
    """What a spec asks for, but for numbers; ``spec`` is any that asks for it."""

    program: str
    law: str
    degree: int | None
    families: tuple[tuple[str, str], ...]
    spec: Spec = field(compare=False)


@cache
def _program(form: _Form) -> Callable[[Arrays, Arrays, Numbers], tuple[Sites, Array]]:
    """(sites (chain, draw, ...), data, parameters of the priors) -> log densities."""

    def one(sites: Sites, data: Sites, numbers: Numbers) -> tuple[Sites, Array]:
        given = dict(data)
        rate = given.pop("pass_rate")
        priors = {
            site: replace(prior, parameters=numbers[site])
            for site, prior in form.spec.priors.items()
        }
        program = program_of(replace(form.spec, priors=priors))
        # No site is drawn, but the handlers want a key.
        seeded = handlers.seed(handlers.substitute(program, data=sites), jax.random.key(0))
        trace = handlers.trace(seeded).get_trace(data=given, pass_rate=rate)
        density = {
            name: site["fn"].log_prob(site["value"])
            for name, site in trace.items()
            if site["type"] == "sample"
        }
        seen = [density[name] for name in density if trace[name]["is_observed"]]
        own = {site: density[site].sum() for site, prior in priors.items() if prior.parameters}
        return own, sum(seen, start=jnp.zeros(rate.shape))

    along = (0, None, None)
    each_draw = jax.vmap(jax.vmap(one, in_axes=along), in_axes=along)
    compiled: Callable[[Arrays, Arrays, Numbers], tuple[Sites, Array]] = jax.jit(each_draw)
    return compiled
