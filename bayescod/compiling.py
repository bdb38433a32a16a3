"""NUTS on many lanes as one compiled program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import Array
from numpyro.infer import MCMC, NUTS

from bayescod.programs.space import space_of
from bayescod.specs import Sampler, parse_spec

Arrays = Mapping[str, npt.NDArray[Any]]
Sites = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Shaped:
    """Shapes and types of a compiled program's arguments: hashable, for the cache.

    Attributes
    ----------
    chains : tuple of int
        Lanes and chains a lane.
    data, start : tuple of (str, tuple of int, str)
        Name, shape and type of each array, by name.
    """

    chains: tuple[int, ...]
    data: tuple[tuple[str, tuple[int, ...], str], ...]
    start: tuple[tuple[str, tuple[int, ...], str], ...]

    @classmethod
    def of(cls, chains: Array, data: Arrays, start: Arrays) -> Shaped:
        """The shapes of given arguments."""
        described = [
            tuple((n, x.shape, str(x.dtype)) for n, x in sorted(arrays.items()))
            for arrays in (data, start)
        ]
        return cls(chains.shape, *described)

    def structs(self) -> tuple[Any, Any, Any]:
        """Arguments without values, to compile for."""
        keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), self.chains))
        arrays = [
            {n: jax.ShapeDtypeStruct(shape, np.dtype(kind)) for n, shape, kind in described}
            for described in (self.data, self.start)
        ]
        return keys, arrays[0], arrays[1]


@cache
def compiled(
    spec_text: str, sampler: Sampler, thinning: int, shaped: Shaped
) -> Callable[..., tuple[Sites, Sites]]:
    """Compile a program for arguments of given shapes, once a process.

    Parameters
    ----------
    spec_text : str
        Text of the spec: hashable, unlike the spec.
    sampler : Sampler
        Not the spec's own where a rerun takes longer.
    thinning : int
        Every so many draws are kept.
    shaped : Shaped

    Returns
    -------
    callable
        (keys (lane, chain), data and start (lane, ...)) -> sites and statistics of the sampler
        (lane, chain, draw, ...).
    """
    spec = parse_spec(spec_text)

    def chain(key: Array, data: Sites, start: Sites) -> tuple[Sites, Sites]:
        space = space_of(spec, data)
        start_key, run_key = jax.random.split(key)
        kernel = NUTS(
            potential_fn=space.potential,
            target_accept_prob=sampler.target_accept,
            max_tree_depth=sampler.max_tree_depth,
            dense_mass=sampler.dense_mass,
        )
        # A fresh MCMC a trace: one that is reused would keep the data of its first run.
        mcmc = MCMC(
            kernel,
            num_warmup=sampler.warmup,
            num_samples=sampler.draws,
            thinning=thinning,
            progress_bar=False,
        )
        fields = ("diverging", "num_steps", "potential_energy", "accept_prob")
        mcmc.run(run_key, init_params=space.initial(start_key, start), extra_fields=fields)
        return jax.vmap(space.constrain)(mcmc.get_samples()), mcmc.get_extra_fields()

    def every(chains: Array, data: Sites, start: Sites) -> tuple[Sites, Sites]:
        # One vmap over lanes and chains: tracing a second one around it takes as long again.
        repeated = jax.tree.map(lambda x: jnp.repeat(x, sampler.chains, axis=0), (data, start))
        drawn = jax.vmap(chain)(chains.ravel(), *repeated)
        return jax.tree.map(lambda x: x.reshape(*chains.shape, *x.shape[1:]), drawn)

    return jax.jit(every).lower(*shaped.structs()).compile()
