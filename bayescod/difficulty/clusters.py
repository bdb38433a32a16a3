"""Clusters of items of like difficulty."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bayescod.difficulty.comparison import dbscan, improved_k_means, k_means, plain_mean_shift
from bayescod.difficulty.pools import Pool, collect_rows
from bayescod.difficulty.profiles import FloatArray, IntArray
from bayescod.difficulty.search import (
    Partition,
    SearchSettings,
    improved_mean_shift,
    intra_cluster_distance,
    order_clusters,
)
from bayescod.errors import UnknownNameError


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Items grouped by how their pass rate grows over the ladder.

    Attributes
    ----------
    labels : ndarray of int, shape [item]
        -1 where unclustered (outliers, incomplete profiles, zero performance), else 0 to K - 1 by
        descending mean pass rate of the cluster's items.
    centers : ndarray of float, shape [cluster, llm]
        From which distances are measured: modes for mean shift, means for the other methods.
    radius : float
        Largest distance of an item to its centre for the improved methods; the kernel's for
        ``"mean-shift"``, the neighbourhood's for ``"dbscan"``; NaN for ``"k-means"``.
    intra_cluster_distance : float
        Mean distance of the clustered items to their centre (COD's IAD); NaN without a cluster.
    outlier_rate : float
        Share of the items with any performance that are unclustered, in [0, 1]; incomplete
        profiles count. 0 where there are no such items.
    n_zero : int
        Items set apart because no LLM ever solved them.
    method : str
        As asked for.
    """

    labels: IntArray
    centers: FloatArray
    radius: float
    intra_cluster_distance: float
    outlier_rate: float
    n_zero: int
    method: str


def _improved_mean_shift(pool: Pool, settings: SearchSettings) -> Partition:
    return improved_mean_shift(pool, settings)[0]


METHODS = MappingProxyType(
    {
        "improved-mean-shift": _improved_mean_shift,
        "mean-shift": plain_mean_shift,
        "k-means": k_means,
        "improved-k-means": improved_k_means,
        "dbscan": dbscan,
    }
)
"""Clustering methods by name; the first is COD's own, the others are for comparison."""


def cluster_items(
    profile: npt.ArrayLike,
    method: str = "improved-mean-shift",
    min_cluster_size: int = 10,
    quantile: float = 0.1,
    max_radius_fraction: float = 0.1,
) -> Clusters:
    """Cluster items by their difficulty profiles.

    Parameters
    ----------
    profile : array_like of float, shape [item, llm]
        Pass rates in [0, 1] over the ladder, from `difficulty_profile`. An item with a NaN cannot
        be compared and is left unclustered.
    method : str
        ``"improved-mean-shift"``, ``"mean-shift"``, ``"k-means"``, ``"improved-k-means"`` or
        ``"dbscan"``.
    min_cluster_size : int
        At least 1; smaller clusters are dissolved (``"mean-shift"`` keeps them).
    quantile : float
        In (0, 1]; sets the bandwidth, see `ImprovedMeanShift`. The k-means and DBSCAN methods
        make no use of it.
    max_radius_fraction : float
        Positive; the radius is at most this share of sqrt(number of LLMs), the largest distance
        two profiles can have.

    Returns
    -------
    Clusters
        The same for the same items in any order; no random numbers but fixed seeds.

    Raises
    ------
    ValueError
        If `profile` is not a table of rates in [0, 1] or a parameter is out of range.
    UnknownNameError
        If there is no such method.

    Notes
    -----
    COD (arXiv 2502.17262), section 4.1 and Algorithm 1. Items that no LLM solves carry no sign of
    growth and would form a cluster of their own; they are set apart first.

    Examples
    --------
    >>> import numpy as np
    >>> rates = np.repeat([[0.0, 0.1], [0.8, 0.9], [0.0, 0.0]], [12, 12, 3], axis=0)
    >>> found = cluster_items(rates)
    >>> found.labels[[0, 12, 24]], found.n_zero, found.outlier_rate
    (array([ 1,  0, -1]), 3, 0.0)
    """
    if method not in METHODS:
        raise UnknownNameError("clustering method", method, METHODS)
    rate = _checked_profile(profile)
    settings = SearchSettings(
        quantile, max_radius_fraction, min_cluster_size, math.sqrt(rate.shape[1])
    )
    zero = (rate == 0.0).all(axis=1)
    usable = np.flatnonzero(np.isfinite(rate).all(axis=1) & ~zero)
    labels = np.full(len(rate), -1, dtype=np.intp)
    pool, row_of_item = collect_rows(rate[usable])
    found = Partition(np.empty(0, dtype=np.intp), np.empty((0, rate.shape[1])), math.nan)
    if len(usable):
        # One thread, so that sums are formed in one order and the result never varies.
        with threadpool_limits(limits=1):
            found = order_clusters(pool, METHODS[method](pool, settings))
    labels[usable] = found.label[row_of_item]
    n_active = len(rate) - int(zero.sum())
    return Clusters(
        labels=labels,
        centers=found.centre,
        radius=found.radius,
        intra_cluster_distance=intra_cluster_distance(pool, found),
        outlier_rate=1.0 - int((labels >= 0).sum()) / n_active if n_active else 0.0,
        n_zero=int(zero.sum()),
        method=method,
    )


def _checked_profile(profile: npt.ArrayLike) -> FloatArray:
    rate = np.asarray(profile, dtype=np.float64)
    if rate.ndim != 2 or rate.shape[1] == 0:
        message = f"profile has shape {rate.shape}; wanted items by at least one LLM"
        raise ValueError(message)
    wrong = (rate < 0.0) | (rate > 1.0)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        message = (
            f"profile has {rate[row, column]} at item {row}, LLM {column} (of {wrong.sum()} such); "
            "wanted pass rates in [0, 1]"
        )
        raise ValueError(message)
    return rate
