"""Sampling that remembers: what several fits have in common is sampled once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import jax
import numpy as np
from jax import Array

from bayescod.sampling import Lane, Posterior, sample_each
from bayescod.specs import Spec

Sampling = Callable[
    [Sequence[Array], Spec, Sequence[Lane], Callable[[int], None]],
    tuple[list[Posterior], list[tuple[float, float]]],
]
"""What :func:`bayescod.sampling.sample_each` does."""


class Recall:
    """Posteriors by all that they are a function of: key, program, priors, sampler and data.

    A call takes and gives what :func:`bayescod.sampling.sample_each` does; only what is not known
    is sampled, and what is known has taken no time.
    """

    def __init__(self) -> None:
        self._known: dict[str, Posterior] = {}

    def branch(self) -> Recall:
        """One that knows all that this one does, and keeps what it learns to itself."""
        other = Recall()
        other._known = dict(self._known)
        return other

    def __call__(
        self,
        keys: Sequence[Array],
        spec: Spec,
        lanes: Sequence[Lane],
        progress: Callable[[int], None],
    ) -> tuple[list[Posterior], list[tuple[float, float]]]:
        """Sample what is not known; see :func:`bayescod.sampling.sample_each`."""
        names = [_identity(key, spec, lane) for key, lane in zip(keys, lanes, strict=True)]
        new = [i for i, name in enumerate(names) if name not in self._known]
        seconds = [(0.0, 0.0)] * len(names)
        progress(len(names) - len(new))
        if new:
            found, spent = sample_each(
                [keys[i] for i in new], spec, [lanes[i] for i in new], progress
            )
            for i, posterior, each in zip(new, found, spent, strict=True):
                self._known[names[i]], seconds[i] = posterior, each
        return [self._known[name] for name in names], seconds


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
