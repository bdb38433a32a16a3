"""A sampler that takes no time: draws that are a function of the key alone, and mean nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import jax
import numpy as np

from bayescod.batches import Lane
from bayescod.convergence import Diagnostics
from bayescod.forecasting import recall, store
from bayescod.sampling import Posterior
from bayescod.specs import Spec

SITES = ("b", "c", "drift", "g", "log_a", "spread", "walk_scale")
HEALTHY = Diagnostics(1.0, 900.0, 900.0, 0, 40)


def made_up(
    keys: Sequence[jax.Array],
    spec: Spec,
    lanes: Sequence[Lane],
    progress: Callable[[Sequence[int]], None],
) -> tuple[list[Posterior], list[tuple[float, float]]]:
    """Draws of the end-to-end program's sites."""
    found = []
    for i, key in enumerate(keys):
        rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        sites = {name: rng.uniform(0.2, 0.8, (2, 20)) for name in SITES}
        stats = {name: rng.uniform(size=(2, 20)) for name in ("lp", "acceptance_rate")}
        stats |= {"n_steps": np.full((2, 20), 7), "diverging": np.zeros((2, 20), dtype=bool)}
        found.append(Posterior(sites, stats, HEALTHY))
        progress([i])
    return found, [(0.0, 0.2)] * len(found)


def install(*seconds: float) -> None:
    """Use it in this process: each call takes its seconds, those that follow the last ones."""
    left = list(seconds)

    def slowly(*arguments: object) -> object:
        time.sleep(left.pop(0) if len(left) > 1 else left[0])
        return made_up(*arguments)  # type: ignore[arg-type]

    recall.sample_each = slowly  # type: ignore[assignment]
    store._write_figures = lambda forecast, out: []
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
