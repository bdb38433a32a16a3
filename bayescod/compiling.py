"""NUTS on many lanes as one compiled program."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import jax
import numpy as np
import numpy.typing as npt
from jax import Array
from jax.export import export
from jax.flatten_util import ravel_pytree
from numpyro.infer import MCMC, NUTS

from bayescod.programs.shear import sheared
from bayescod.programs.space import space_of
from bayescod.specs import Sampler, parse_spec
from bayescod.traces import kept_trace

Arrays = Mapping[str, npt.NDArray[Any]]
Sites = dict[str, Array]
Program = Callable[..., tuple[Sites, Sites]]
# At LLVM's last level the clusters' program compiles a third longer, and samples no faster.
_CPU_OPTIONS: dict[str, str | bool] = {"xla_backend_optimization_level": "2"}


@dataclass(frozen=True, slots=True)
class Shaped:
    """Shapes and types of a compiled program's arguments: hashable, for the cache.

    Attributes
    ----------
    n_chain : int
    data, start : tuple of (str, tuple of int, str)
        Name, shape and type of each array, by name.
    """

    n_chain: int
    data: tuple[tuple[str, tuple[int, ...], str], ...]
    start: tuple[tuple[str, tuple[int, ...], str], ...]

    @classmethod
    def of(cls, keys: Array, data: Arrays, start: Arrays) -> Shaped:
        """The shapes of given arguments."""
        described = [
            tuple((n, x.shape, str(x.dtype)) for n, x in sorted(arrays.items()))
            for arrays in (data, start)
        ]
        return cls(keys.size, *described)

    def structs(self) -> tuple[Any, Any, Any, Any]:
        """Arguments without values, to compile for."""
        keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), self.n_chain))
        arrays = [
            {n: jax.ShapeDtypeStruct(shape, np.dtype(kind)) for n, shape, kind in described}
            for described in (self.data, self.start)
        ]
        return keys, jax.ShapeDtypeStruct((), np.dtype("float64")), arrays[0], arrays[1]


def compiled(spec_text: str, sampler: Sampler, shaped: Shaped) -> Program:
    """Compile a program for arguments of given shapes, once a process.

    Parameters
    ----------
    spec_text : str
        Text of the spec: hashable, unlike the spec.
    sampler : Sampler
        All but its target acceptance, which is an argument of the program.
    shaped : Shaped

    Returns
    -------
    callable
        (keys (chain,), target acceptance, data and start (chain, ...)) -> sites and statistics of
        the sampler (chain, draw, ...).
    """
    return begin_compiling(spec_text, sampler, shaped).result()


@cache
def begin_compiling(spec_text: str, sampler: Sampler, shaped: Shaped) -> Future[Program]:
    """Compile beside what else there is to do; see :func:`compiled`, which waits for it.

    The program is traced before this returns: NumPyro's handlers are one stack for all threads.
    """
    structs = shaped.structs()
    program = jax.jit(_program(spec_text, sampler))
    # What a trace calls on other devices is not promised to mean the same tomorrow.
    if jax.default_backend() == "cpu":
        trace = partial(export(program), *structs)
        program = jax.jit(kept_trace(repr((spec_text, sampler, shaped)), trace).call)
    return _compilers().submit(_compile, program.lower(*structs))


def _compile(lowered: jax.stages.Lowered) -> Program:
    options = _CPU_OPTIONS if jax.default_backend() == "cpu" else None
    program = lowered.compile(compiler_options=options)
    if sys.platform == "linux":
        # What a compiler has freed, glibc keeps: half a gigabyte over the programs of a forecast.
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
    return program


@cache
def _compilers() -> ThreadPoolExecutor:
    # One at a time: a compiler takes up to a gigabyte of memory.
    return ThreadPoolExecutor(1, thread_name_prefix="compiling")


def _program(spec_text: str, sampler: Sampler) -> Program:
    spec = parse_spec(spec_text)

    def chain(key: Array, target_accept: Array, data: Sites, start: Sites) -> tuple[Sites, Sites]:
        space = space_of(spec, data)
        if spec.program == "clusters":
            space = sheared(space, start)
        start_key, run_key, free_key = jax.random.split(key, 3)
        # One vector: what NUTS does between two gradients, it does to every array by itself.
        first, sites_at = ravel_pytree(space.initial(start_key, start))
        kernel = NUTS(
            # NUTS calls it in many places; under `jit` it is traced for the first of them only.
            potential_fn=jax.jit(lambda vector: space.potential(sites_at(vector))),
            target_accept_prob=target_accept,
            # Before step size and metric are found, a tree grows to its limit and gets nowhere:
            # without a lower limit in the warmup, a third of all steps is spent there.
            max_tree_depth=(max(1, sampler.max_tree_depth - 2), sampler.max_tree_depth),
            dense_mass=sampler.dense_mass,
        )
        # A fresh MCMC a trace: one that is reused would keep the data of its first run.
        mcmc = MCMC(
            kernel,
            num_warmup=sampler.warmup,
            num_samples=sampler.draws,
            progress_bar=False,
        )
        fields = ("diverging", "num_steps", "potential_energy", "accept_prob")
        mcmc.run(run_key, init_params=first, extra_fields=fields)
        sites = jax.vmap(lambda vector: space.constrain(sites_at(vector)))(mcmc.get_samples())
        return sites | space.free(free_key, sampler.draws), mcmc.get_extra_fields()

    return jax.vmap(chain, in_axes=(0, None, 0, 0))
