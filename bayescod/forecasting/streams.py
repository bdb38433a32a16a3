"""Random streams: one for every purpose in every benchmark."""

from __future__ import annotations

import zlib

import jax
import numpy as np
from jax import Array

# Purposes of random streams: each its own, so that adding one changes no other.
CURVE, CLUSTER, MAP, SPLIT, PREDICT, REFERENCE, UPDATE = range(7)


def stream(seed: int, benchmark: str, purpose: int, law: str = "") -> Array:
    """JAX key of one purpose in one benchmark, and of one law where several serve the purpose."""
    key = jax.random.fold_in(jax.random.key(seed), zlib.crc32(benchmark.encode()))
    return jax.random.fold_in(jax.random.fold_in(key, purpose), zlib.crc32(law.encode()))


def generator(seed: int, benchmark: str, purpose: int) -> np.random.Generator:
    """NumPy generator of one purpose in one benchmark."""
    return np.random.default_rng([seed, zlib.crc32(benchmark.encode()), purpose])
