"""Sampling that remembers: what several fits have in common is sampled once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import jax
import numpy as np
from jax import Array

from bayescod.errors import MachineError
from bayescod.forecasting.kept import Kept, Sampled
from bayescod.sampling import Lane, Posterior, among, batch_sizes, sample_each
from bayescod.specs import Spec

Sampling = Callable[
    [Sequence[Array], Spec, Sequence[Lane], Callable[[Sequence[int]], None]],
    tuple[list[Posterior], list[tuple[float, float]]],
]
"""What :func:`bayescod.sampling.sample_each` does."""


class Recall:
    """Posteriors by all that they are a function of: key, program, priors, sampler and data.

    A call takes and gives what :func:`bayescod.sampling.sample_each` does; only what is not known
    is sampled, and what is known has taken no time.

    Parameters
    ----------
    kept : Kept or None
        Where posteriors outlive the process; each wave is kept as soon as it is sampled.
    """

    def __init__(self, kept: Kept | None = None) -> None:
        self._known: dict[str, Posterior] = {}
        self._kept = kept

    def branch(self) -> Recall:
        """One that knows all that this one does, and keeps what it learns to itself."""
        other = Recall()
        other._known = dict(self._known)
        return other

    def anew(self) -> Recall:
        """One that knows nothing yet, and keeps what it learns where this one does."""
        return Recall(self._kept)

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
            If memory does not suffice, or the sampler stops for another reason of the machine's.
        """
        names = [_identity(key, spec, lane) for key, lane in zip(keys, lanes, strict=True)]
        new = [i for i, name in enumerate(names) if name not in self._known]
        seconds = [(0.0, 0.0)] * len(names)
        progress([i for i, name in enumerate(names) if name in self._known])
        for wave in _waves(spec, lanes, new):
            own = [names[i] for i in wave]
            found = None if self._kept is None else self._kept.find(own)
            if found is None:
                found = _sampled(
                    [keys[i] for i in wave],
                    spec,
                    [lanes[i] for i in wave],
                    among(wave, progress),
                )
                if self._kept is not None:
                    self._kept.keep(own, found)
            else:
                progress(wave)
            for i, posterior, each in zip(wave, *found, strict=True):
                self._known[names[i]], seconds[i] = posterior, each
        return [self._known[name] for name in names], seconds


def _waves(spec: Spec, lanes: Sequence[Lane], new: Sequence[int]) -> Iterator[list[int]]:
    """Lanes that are sampled in one call: of one shape, and enough to keep all cores busy."""
    shapes: dict[tuple[object, ...], list[int]] = {}
    for i in new:
        shape = tuple(sorted((name, value.shape) for name, value in lanes[i].data.items()))
        shapes.setdefault(shape, []).append(i)
    # Whole numbers of the largest compiled program, so that the lanes that share one, and with it
    # their draws, are those of a single call.
    together = batch_sizes(spec.program)[-1]
    wave = together * (os.cpu_count() or 1)
    for members in shapes.values():
        # A rest too small for the largest program joins the wave before it: in a program of its
        # own it would have other draws, and have to be compiled.
        ends = range(wave, len(members) - together + 1, wave)
        for begin, end in pairwise([0, *ends, len(members)]):
            yield members[begin:end]


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


def _identity(key: Array, spec: Spec, lane: Lane) -> str:
    """What a posterior is a function of; thresholds of clusters and filter are no part of it."""
    settings = (spec.program, spec.law, spec.degree, sorted(spec.priors.items()), spec.sampler)
    digest = hashlib.sha256(repr(settings).encode())
    digest.update(np.asarray(jax.random.key_data(key)).tobytes())
    for arrays in (lane.data, lane.start, lane.used):
        for name in sorted(arrays):
            array = np.asarray(arrays[name])
            digest.update(f"{name} {array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
