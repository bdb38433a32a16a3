"""NUTS over many benchmarks at once, and the figures that tell whether it worked."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import Array

from bayescod._arviz import summary_statistics
from bayescod.batches import Lane, arguments_of, batch_size, by_shape, in_batches, n_chain
from bayescod.compiling import Arrays, Shaped, begin_compiling, compiled
from bayescod.convergence import Diagnostics, judge
from bayescod.machine import cores
from bayescod.specs import Spec

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Draws of one lane.

    Attributes
    ----------
    sites : mapping of str to ndarray
        (chain, draw, ...) in the program's own parameters, padding included.
    stats : mapping of str to ndarray
        (chain, draw): ``diverging``, ``n_steps``, ``lp`` (log density), ``acceptance_rate``.
    diagnostics : Diagnostics
    """

    sites: Mapping[str, FloatArray]
    stats: Mapping[str, npt.NDArray[np.generic]]
    diagnostics: Diagnostics


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Posteriors in the order of the lanes, and the seconds a lane spent."""

    posteriors: tuple[Posterior, ...]
    compile_seconds: float
    sample_seconds: float


def unheard(_done: Sequence[int]) -> None:
    """Progress that nobody sees."""


def configure(cache_dir: Path | None = None) -> None:
    """Prepare JAX for this process: 64-bit floats and a compilation cache that outlives it.

    Parameters
    ----------
    cache_dir : Path or None
        Folder of compiled programs; by default the environment's ``JAX_COMPILATION_CACHE_DIR``,
        else ``bayescod/jax`` in the user's cache folder.
    """
    jax.config.update("jax_enable_x64", True)
    if cache_dir is None and "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        cache_dir = Path(home) / "bayescod" / "jax"
    if cache_dir is not None:
        jax.config.update("jax_compilation_cache_dir", str(cache_dir))
    # Small programs too: a forecast has hundreds, of 30 ms each.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def sample(
    rng_keys: Sequence[Array],
    spec: Spec,
    lanes: Sequence[Lane],
    progress: Callable[[Sequence[int]], None] = unheard,
) -> Run:
    """Sample a program on many data sets of equal shape.

    All lanes and chains of a batch advance together in one compiled program. Where the spec says
    so, lanes that do not pass are sampled once more: twice as many chains, half as likely to
    reject, every second draw kept. The rerun is recorded, and kept only where it is no worse. A
    lane's draws depend on its own key alone.

    Parameters
    ----------
    rng_keys : sequence of Array
        A scalar key a lane.
    spec : Spec
    lanes : sequence of Lane
        At least one; all arrays of equal shapes over the lanes.
    progress : callable
        Told which lanes are done, by their positions, a batch at a time.

    Returns
    -------
    Run
    """
    keys = jnp.stack(list(rng_keys))
    target = spec.sampler.target_accept
    first, compile_one, sample_one = _batches(keys, spec, target, lanes, progress)
    again = [i for i, found in enumerate(first) if judge(found.diagnostics)[0] != "pass"]
    if not again or not spec.sampler.rerun:
        return Run(tuple(first), compile_one, sample_one)
    rekeyed = jnp.stack([jax.random.fold_in(keys[i], k) for i in again for k in (1, 2)])
    twice = [lanes[i] for i in again for _ in (1, 2)]
    more, compile_two, sample_two = _batches(rekeyed, spec, 0.5 * (1.0 + target), twice, unheard)
    for i, pair in zip(again, zip(more[::2], more[1::2], strict=True), strict=True):
        second = _joined(lanes[i], pair)
        better = _rank(second.diagnostics) <= _rank(first[i].diagnostics)
        kept = second if better else first[i]
        first[i] = replace(kept, diagnostics=replace(kept.diagnostics, reruns=1))
    return Run(tuple(first), compile_one + compile_two, sample_one + sample_two)


def sample_each(
    rng_keys: Sequence[Array],
    spec: Spec,
    lanes: Sequence[Lane],
    progress: Callable[[Sequence[int]], None] = unheard,
) -> tuple[list[Posterior], list[tuple[float, float]]]:
    """Sample lanes of different shapes: those of one shape together; see :func:`sample`.

    Returns
    -------
    posteriors : list of Posterior
        In the order of the lanes.
    seconds : list of (float, float)
        Each lane's part of the time for compiling and for sampling.
    """
    shapes = by_shape(lanes)
    found: dict[int, Posterior] = {}
    seconds: dict[int, tuple[float, float]] = {}
    for members in shapes:
        run = sample(
            [rng_keys[i] for i in members],
            spec,
            [lanes[i] for i in members],
            among(members, progress),
        )
        each = (run.compile_seconds / len(members), run.sample_seconds / len(members))
        for i, posterior in zip(members, run.posteriors, strict=True):
            found[i], seconds[i] = posterior, each
    return [found[i] for i in range(len(lanes))], [seconds[i] for i in range(len(lanes))]


def prepare(spec: Spec, lanes: Sequence[Lane]) -> None:
    """Begin to compile what :func:`sample_each` will need, beside what else there is to do.

    Parameters
    ----------
    spec : Spec
    lanes : sequence of Lane
    """
    for first, *_ in by_shape(lanes):
        keys = jax.random.split(jax.random.key(0), (1, spec.sampler.chains))
        arguments = arguments_of(keys, [lanes[first]], [0], batch_size(spec.program))
        begin_compiling(spec.text, spec.sampler, Shaped.of(*arguments))


def among(
    members: Sequence[int], progress: Callable[[Sequence[int]], None]
) -> Callable[[Sequence[int]], None]:
    """What tells ``progress`` of some lanes by their positions among all of them."""
    return lambda done: progress([members[i] for i in done])


def _rank(diagnostics: Diagnostics) -> tuple[int, float]:
    status = ("pass", "review", "fail").index(judge(diagnostics)[0])
    rhat = diagnostics.max_rhat
    return status, rhat if np.isfinite(rhat) else np.inf


def _batches(
    keys: Array,
    spec: Spec,
    target_accept: float,
    lanes: Sequence[Lane],
    progress: Callable[[Sequence[int]], None],
) -> tuple[list[Posterior], float, float]:
    size, n_core, chains = batch_size(spec.program), cores(), spec.sampler.chains
    counts = [n_chain(lane, chains) for lane in lanes]
    # Few lanes are spread over the cores: a batch of copies is as quick as its slowest real lane.
    batches = in_batches(lanes, chains, min(size, -(-sum(counts) // (chains * n_core))))
    of_chain = jax.vmap(lambda key: jax.random.split(key, chains))(keys)
    arguments = [arguments_of(of_chain, lanes, own, size) for own in batches]
    began = time.perf_counter()
    program = compiled(spec.text, spec.sampler, Shaped.of(*arguments[0]))
    compiling = time.perf_counter() - began

    def run(members: list[int], batch: tuple[Array, Arrays, Arrays]) -> list[Posterior]:
        keys, data, start = batch
        drawn = jax.device_get(program(keys, np.float64(target_accept), data, start))
        ends = np.cumsum([counts[i] for i in members])
        rows = [slice(end - counts[i], end) for i, end in zip(members, ends, strict=True)]
        found = [
            _posterior(lanes[i], *({n: v[own] for n, v in x.items()} for x in drawn))
            for i, own in zip(members, rows, strict=True)
        ]
        progress(members)
        return found

    began = time.perf_counter()
    # Two compiled calls share two cores better than one call whose small arrays keep one core busy;
    # each is a function of its own arguments, so the number of threads changes no draw.
    with ThreadPoolExecutor(n_core) as pool:
        found = list(pool.map(run, batches, arguments))
    sampling = time.perf_counter() - began
    return [posterior for batch in found for posterior in batch], compiling, sampling


def _posterior(lane: Lane, sites: dict[str, FloatArray], stats: dict[str, FloatArray]) -> Posterior:
    named = {
        "diverging": stats["diverging"],
        "n_steps": stats["num_steps"],
        "lp": -stats["potential_energy"],
        "acceptance_rate": stats["accept_prob"],
    }
    return Posterior(sites, named, diagnose(real_entries(lane, sites), named["diverging"]))


def _joined(lane: Lane, runs: Sequence[Posterior]) -> Posterior:
    """Chains of two runs beside each other, thinned to the number of draws of one."""

    def thinned(parts: Sequence[Mapping[str, npt.NDArray[np.generic]]]) -> dict[str, FloatArray]:
        return {name: np.concatenate([part[name][:, 1::2] for part in parts]) for name in parts[0]}

    sites, stats = (thinned([getattr(run, of) for run in runs]) for of in ("sites", "stats"))
    return Posterior(sites, stats, diagnose(real_entries(lane, sites), stats["diverging"]))


def real_entries(lane: Lane, sites: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Draws of the sites without their padding.

    Parameters
    ----------
    lane : Lane
    sites : mapping of str to ndarray
        (chain, draw, ...).

    Returns
    -------
    dict of str to ndarray
    """
    return {n: v[..., lane.used[n]] if n in lane.used else v for n, v in sites.items()}


def diagnose(sites: Mapping[str, FloatArray], diverging: npt.NDArray[np.generic]) -> Diagnostics:
    """Worst convergence figures over all scalars of all sites.

    Parameters
    ----------
    sites : mapping of str to ndarray
        (chain, draw, ...).
    diverging : ndarray of bool
        (chain, draw).

    Returns
    -------
    Diagnostics
        NaN where any scalar's figure is not defined: that is a failure, never a pass.
    """
    figures = summary_statistics(sites).values()
    rhat = np.concatenate([np.ravel(f.rhat) for f in figures])
    bulk = np.concatenate([np.ravel(f.ess_bulk) for f in figures])
    tail = np.concatenate([np.ravel(f.ess_tail) for f in figures])
    return Diagnostics(
        max_rhat=float(rhat.max()),
        min_ess_bulk=float(bulk.min()),
        min_ess_tail=float(tail.min()),
        divergences=int(diverging.sum()),
        n_draws=int(diverging.size),
    )
