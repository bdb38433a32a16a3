"""Data sets that one compiled call samples together, a row a chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from jax import Array

from bayescod.compiling import Arrays

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """One data set for a program, and where its chains start.

    Attributes
    ----------
    data : mapping of str to ndarray
        As the program asks for, padded.
    start : mapping of str to ndarray
        Coordinates of the curves.
    used : mapping of str to ndarray of bool
        For sites that hold padding: which entries of the last axis are real.
    most_chains : int or None
        Fewer than the sampler's where little hangs on the draws; one alone has no R-hat.
    """

    data: Mapping[str, npt.NDArray[np.generic]]
    start: Mapping[str, FloatArray]
    used: Mapping[str, npt.NDArray[np.bool_]]
    most_chains: int | None = None


def batch_size(program: str) -> int:
    """Lanes of all the sampler's chains that a compiled program holds.

    One number a program, so that a new number of benchmarks never compiles anew, and a lane's draws
    do not depend on how many there are. What one call costs, however few its lanes, weighs less
    where a lane has many parameters.

    Parameters
    ----------
    program : str
        Of a spec.

    Returns
    -------
    int
    """
    return 1 if program == "clusters" else 4


def n_chain(lane: Lane, chains: int) -> int:
    """Chains that a lane takes where the sampler has so many."""
    return chains if lane.most_chains is None else min(lane.most_chains, chains)


def by_shape(lanes: Sequence[Lane]) -> list[list[int]]:
    """Positions of the lanes, those of one shape together, in the order of their first."""
    shapes: dict[tuple[object, ...], list[int]] = {}
    for i, lane in enumerate(lanes):
        shape = tuple(sorted((name, value.shape) for name, value in lane.data.items()))
        shapes.setdefault(shape, []).append(i)
    return list(shapes.values())


def in_batches(lanes: Sequence[Lane], chains: int, size: int) -> list[list[int]]:
    """Positions of the lanes in batches, in their order.

    Parameters
    ----------
    lanes : sequence of Lane
    chains : int
        Of the sampler.
    size : int
        Lanes of all the sampler's chains that a batch has room for.

    Returns
    -------
    list of list of int
    """
    batches: list[list[int]] = []
    free = 0
    for i, lane in enumerate(lanes):
        count = n_chain(lane, chains)
        if count > free:
            batches.append([])
            free = size * chains
        batches[-1].append(i)
        free -= count
    return batches


def arguments_of(
    keys: Array, lanes: Sequence[Lane], members: Sequence[int], size: int
) -> tuple[Array, Arrays, Arrays]:
    """Arguments of one compiled call; a short batch is filled with copies of its first chain.

    Parameters
    ----------
    keys : Array
        (lane, chain), of all lanes and all the sampler's chains.
    lanes : sequence of Lane
    members : sequence of int
        Positions of the lanes that are in the batch; see :func:`in_batches`.
    size : int
        Lanes of all the sampler's chains that it has room for.

    Returns
    -------
    keys : Array
        (chain,).
    data, start : dict of str to ndarray
        (chain, ...).
    """
    chains = keys.shape[1]
    of_lane = [(i, chain) for i in members for chain in range(n_chain(lanes[i], chains))]
    rows = of_lane + [of_lane[0]] * (size * chains - len(of_lane))
    lane, chain = (np.array(x) for x in zip(*rows, strict=True))
    data = {n: np.stack([lanes[i].data[n] for i in lane]) for n in lanes[0].data}
    start = {n: np.stack([lanes[i].start[n] for i in lane]) for n in lanes[0].start}
    return keys[lane, chain], data, start
