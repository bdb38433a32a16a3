"""COD's radius rule and rounds of mean shift on a weighted pool."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bayescod.difficulty.modes import find_modes, nearest_mode
from bayescod.difficulty.pools import Pool, neighbour_bandwidth
from bayescod.difficulty.profiles import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Parameters of a search for clusters, checked; see `ImprovedMeanShift` for their meaning.

    Raises
    ------
    ValueError
        If one is out of its range.
    """

    quantile: float = 0.1
    max_radius_fraction: float = 0.1
    min_cluster_size: int = 10
    max_distance: float | None = None

    def __post_init__(self) -> None:
        distance = math.inf if self.max_distance is None else self.max_distance
        ranges = (
            ("quantile", 0.0 < self.quantile <= 1.0, "in (0, 1]"),
            ("max_radius_fraction", 0.0 < self.max_radius_fraction < math.inf, "positive"),
            ("min_cluster_size", self.min_cluster_size >= 1, "at least 1"),
            ("max_distance", distance > 0.0, "positive or None"),
        )
        for name, legal, wanted in ranges:
            if not legal:
                message = f"{name} is {getattr(self, name)!r}; wanted {wanted}"
                raise ValueError(message)


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """Clusters of a pool.

    Attributes
    ----------
    label : ndarray of int, shape [row]
        -1 where unclustered, else a row of `centre`.
    centre : ndarray of float, shape [cluster, feature]
    radius : float
        Largest distance of a member to its centre that was allowed; NaN where none was set.
    """

    label: IntArray
    centre: FloatArray
    radius: float


def search_radius(pool: Pool, settings: SearchSettings) -> float:
    """Radius by COD's rule: min(bandwidth, fraction x largest distance).

    Parameters
    ----------
    pool : Pool
    settings : SearchSettings

    Returns
    -------
    float
        In the unit of the rows; zero where the items agree too much to be told apart.
    """
    largest = settings.max_distance
    if largest is None:
        largest = float(np.linalg.norm(np.ptp(pool.rows, axis=0)))
    ceiling = settings.max_radius_fraction * largest
    return neighbour_bandwidth(pool, settings.quantile, ceiling, settings.min_cluster_size)


def improved_mean_shift(pool: Pool, settings: SearchSettings) -> tuple[Partition, int]:
    """Algorithm 1 of COD (arXiv 2502.17262v4); see `ImprovedMeanShift`.

    Parameters
    ----------
    pool : Pool
        At least one row.
    settings : SearchSettings

    Returns
    -------
    partition : Partition
        Clusters in the order in which they were found.
    rounds : int
        Rounds of mean shift, at least 1 and at most items / min_cluster_size + 1.
    """
    # Many small products: a second BLAS thread mostly waits (34 s became 6 s on a busy machine).
    with threadpool_limits(limits=1, user_api="blas"):
        radius = search_radius(pool, settings)
        label, centre, rounds = _label_in_rounds(pool, radius, settings.min_cluster_size)
    return Partition(label, centre, radius), rounds


def _label_in_rounds(
    pool: Pool, radius: float, min_cluster_size: int
) -> tuple[IntArray, FloatArray, int]:
    label = np.full(len(pool.rows), -1, dtype=np.intp)
    centre = np.empty((0, pool.rows.shape[1]))
    rounds = 0
    while (left := np.flatnonzero(label < 0)).size:
        rounds += 1
        rest = pool.take(left)
        modes = find_modes(rest, radius)
        nearest, distance = nearest_mode(rest.rows, modes)
        fresh = keep_large(
            np.where(distance <= radius, nearest, -1), rest.weight, modes, min_cluster_size
        )
        if not len(fresh.centre):
            break
        label[left] = np.where(fresh.label >= 0, fresh.label + len(centre), -1)
        centre = np.concatenate([centre, fresh.centre])
    return label, centre, rounds


def keep_large(
    label: IntArray, weight: FloatArray, centre: FloatArray, min_cluster_size: int
) -> Partition:
    """Dissolve clusters with fewer items than `min_cluster_size`; number the others from 0."""
    size = _cluster_sizes(label, weight, len(centre))
    large = size >= min_cluster_size
    number = np.append(np.where(large, np.cumsum(large) - 1, -1), -1)  # the last serves label -1
    return Partition(number[label], centre[large], math.nan)


def order_clusters(pool: Pool, found: Partition) -> Partition:
    """Number clusters by descending mean of their items over all features.

    Parameters
    ----------
    pool : Pool
    found : Partition
        Every cluster has items.

    Returns
    -------
    Partition
        Renumbered; equal means are ordered by the coordinates of the centres.
    """
    member = found.label >= 0
    weight = pool.weight[member]
    total = np.bincount(
        found.label[member],
        weights=weight * pool.rows[member].mean(axis=1),
        minlength=len(found.centre),
    )
    mean = total / _cluster_sizes(found.label, pool.weight, len(found.centre))
    order = np.lexsort((*found.centre.T[::-1], mean))[::-1]
    number = np.full(len(order) + 1, -1, dtype=np.intp)  # the last serves label -1
    number[order] = np.arange(len(order))
    return Partition(number[found.label], found.centre[order], found.radius)


def intra_cluster_distance(pool: Pool, found: Partition) -> float:
    """Mean distance of the clustered items to their centre (COD's IAD); NaN without any."""
    member = found.label >= 0
    if not member.any():
        return math.nan
    apart = np.linalg.norm(pool.rows[member] - found.centre[found.label[member]], axis=1)
    return float(np.average(apart, weights=pool.weight[member]))


def _cluster_sizes(label: IntArray, weight: FloatArray, clusters: int) -> FloatArray:
    member = label >= 0
    sizes: FloatArray = np.bincount(
        label[member], weights=weight[member], minlength=clusters
    ).astype(np.float64)
    return sizes
