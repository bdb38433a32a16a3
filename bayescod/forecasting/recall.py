"""Sampling that remembers: what several fits have in common is sampled once."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import Array

from bayescod.batches import Lane, batch_size, by_shape, in_batches
from bayescod.errors import MachineError
from bayescod.forecasting.executors import Workers, connected, parse_executor
from bayescod.forecasting.kept import Kept, Sampled
from bayescod.machine import cores
from bayescod.sampling import Posterior, among, configure, prepare, sample_each, unheard
from bayescod.specs import Spec
from bayescod.versions import code_version

Sampling = Callable[
    [Sequence[Array], Spec, Sequence[Lane], Callable[[Sequence[int]], None]],
    tuple[list[Posterior], list[tuple[float, float]]],
]
"""What :func:`bayescod.sampling.sample_each` does."""


_BATCHES_A_CORE = 4


class Recall:
    """Posteriors by all that they are a function of: key, program, priors, sampler and data.

    A call takes and gives what :func:`bayescod.sampling.sample_each` does; only what is not known
    is sampled, and what is known has taken no time.

    Parameters
    ----------
    kept : Kept or None
        Where posteriors outlive the process; each wave is kept as soon as it is sampled.
    workers : Workers or None
        Who samples, many small waves at once; this process, one large wave after another, where
        ``None``. The draws are the same.
    """

    def __init__(self, kept: Kept | None = None, workers: Workers | None = None) -> None:
        self._known: dict[str, Posterior] = {}
        self._kept, self._workers = kept, workers
        self._began_empty = kept is None or kept.n_posteriors == 0

    def branch(self) -> Recall:
        """One that knows all that this one does, and keeps what it learns to itself."""
        other = Recall(workers=self._workers)
        other._known = dict(self._known)
        other._began_empty = not other._known
        return other

    def anew(self) -> Recall:
        """One that knows nothing yet, and keeps what it learns where this one does."""
        return Recall(self._kept, self._workers)

    def prepare(self, spec: Spec, lanes: Sequence[Lane]) -> None:
        """Begin to compile what sampling these lanes will need here.

        Not where something was known from the beginning: then most is, and a program might be
        compiled in vain.
        """
        if self._workers is None and self._began_empty:
            prepare(spec, lanes)

    def __call__(
        self,
        keys: Sequence[Array],
        spec: Spec,
        lanes: Sequence[Lane],
        progress: Callable[[Sequence[int]], None],
    ) -> tuple[list[Posterior], list[tuple[float, float]]]:
        """Sample what is not known; see :func:`bayescod.sampling.sample_each`.

        Raises
        ------
        MachineError
            If memory does not suffice, the sampler stops for another reason of the machine's, or
            the workers are lost.
        """
        names = [_identity(key, spec, lane) for key, lane in zip(keys, lanes, strict=True)]
        new = [i for i, name in enumerate(names) if name not in self._known]
        seconds = [(0.0, 0.0)] * len(names)
        progress([i for i, name in enumerate(names) if name in self._known])

        def learn(wave: Sequence[int], found: Sampled) -> None:
            for i, posterior, each in zip(wave, *found, strict=True):
                self._known[names[i]], seconds[i] = posterior, each

        unknown: list[Sequence[int]] = []
        # Here a core may idle at the end of a wave, so waves are long; a worker takes the next one
        # whenever it is free, so those are short.
        together = 1 if self._workers is not None else _BATCHES_A_CORE * cores()
        for wave in _waves(spec, lanes, new, together):
            found = None if self._kept is None else self._kept.find([names[i] for i in wave])
            if found is None:
                unknown.append(wave)
            else:
                progress(wave)
                learn(wave, found)
        for done, sampled in self._sample(unknown, keys, spec, lanes, progress):
            if self._kept is not None:
                self._kept.keep([names[i] for i in done], sampled)
            learn(done, sampled)
        return [self._known[name] for name in names], seconds

    def _sample(
        self,
        waves: Sequence[Sequence[int]],
        keys: Sequence[Array],
        spec: Spec,
        lanes: Sequence[Lane],
        progress: Callable[[Sequence[int]], None],
    ) -> Iterator[tuple[Sequence[int], Sampled]]:
        """Each wave as soon as it is sampled."""
        if self._workers is None:
            for wave in waves:
                told = among(wave, progress)
                yield wave, _sampled([keys[i] for i in wave], spec, [lanes[i] for i in wave], told)
            return
        code = code_version()
        jobs = []
        for wave in waves:
            data = np.stack([np.asarray(jax.random.key_data(keys[i])) for i in wave])
            jobs.append((code, data, spec, [lanes[i] for i in wave]))
        for number, found in self._workers.each(_sampled_by_worker, jobs):
            progress(waves[number])
            yield waves[number], found


@contextmanager
def recalling(recall: Recall | None, executor: str | None) -> Iterator[Recall]:
    """The recall that is given, or else a new one that samples at an executor's URL.

    Parameters
    ----------
    recall : Recall or None
    executor : str or None
        See :func:`bayescod.forecasting.executors.parse_executor`.

    Yields
    ------
    Recall
    """
    if recall is not None:
        yield recall
        return
    with connected(parse_executor(executor)) as workers:
        yield Recall(workers=workers)


def _waves(
    spec: Spec, lanes: Sequence[Lane], new: Sequence[int], n_batches: int
) -> Iterator[list[int]]:
    """Lanes that are sampled in one call: of one shape, a number of compiled calls."""
    size = n_batches * batch_size(spec.program)
    for shaped in by_shape([lanes[i] for i in new]):
        for wave in in_batches([lanes[new[i]] for i in shaped], spec.sampler.chains, size):
            yield [new[shaped[i]] for i in wave]


def _sampled(
    keys: Sequence[Array],
    spec: Spec,
    lanes: Sequence[Lane],
    progress: Callable[[Sequence[int]], None],
) -> Sampled:
    try:
        return sample_each(keys, spec, lanes, progress)
    except jax.errors.JaxRuntimeError as error:
        what = str(error).partition("\n")[0]
        if "RESOURCE_EXHAUSTED" in what or "out of memory" in what.lower():
            fix = "give it more memory, or fewer benchmarks at once (--benchmark)"
            msg = f"memory does not suffice to sample {len(lanes)} posteriors: {what}; {fix}"
        else:
            msg = f"the sampler stopped: {what}"
        raise MachineError(msg) from error


def _sampled_by_worker(
    code: str, key_data: npt.NDArray[np.uint32], spec: Spec, lanes: Sequence[Lane]
) -> Sampled:
    """Sample a wave in a process of another, which must be of the same mind about everything."""
    configure()
    own = code_version()
    if own != code:
        msg = (
            f"a worker on {platform.node()} would draw other numbers than this process: there "
            f"[{own}], here [{code}]; install the same versions there, and let JAX see the same "
            "devices"
        )
        raise MachineError(msg)
    keys = jax.random.wrap_key_data(jnp.asarray(key_data))
    return _sampled(list(keys), spec, lanes, unheard)


def _identity(key: Array, spec: Spec, lane: Lane) -> str:
    """What a posterior is a function of; thresholds of clusters and filter are no part of it."""
    settings = (spec.program, spec.law, spec.degree, sorted(spec.priors.items()), spec.sampler)
    digest = hashlib.sha256(repr((*settings, lane.most_chains)).encode())
    digest.update(np.asarray(jax.random.key_data(key)).tobytes())
    for arrays in (lane.data, lane.start, lane.used):
        for name in sorted(arrays):
            array = np.asarray(arrays[name])
            digest.update(f"{name} {array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
