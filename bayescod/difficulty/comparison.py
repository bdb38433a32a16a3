"""What improved mean shift is compared with: plain mean shift, k-means in two forms, DBSCAN.

Each takes a pool and returns a `Partition`; identical items are one row with a weight, rows are
in lexicographic order and seeds are fixed, so none depends on the order of the items.
"""

from __future__ import annotations

import math

import numpy as np
from sklearn.cluster import DBSCAN, KMeans

from bayescod.difficulty.modes import find_modes, nearest_mode
from bayescod.difficulty.pools import Pool, neighbour_bandwidth
from bayescod.difficulty.search import (
    Partition,
    SearchSettings,
    intra_cluster_distance,
    keep_large,
    search_radius,
)

_SEED = 0
_FAR = 2.0  # times the mean intra-cluster distance: the example of COD's version 4
_LEAST_RADIUS = 1e-12  # DBSCAN wants a positive one


def plain_mean_shift(pool: Pool, settings: SearchSettings) -> Partition:
    """One round of mean shift with COD's radius; every item joins its nearest mode."""
    radius = search_radius(pool, settings)
    modes = find_modes(pool, radius)
    nearest, _ = nearest_mode(pool.rows, modes)
    joined = keep_large(nearest, pool.weight, modes, 1)
    return Partition(joined.label, joined.centre, radius)


def k_means(pool: Pool, settings: SearchSettings) -> Partition:
    """Partition the pool by k-means with the most clusters whose smallest is large enough.

    k is sought by bisection between 1 and items / min_cluster_size, as though the smallest
    cluster shrank steadily with k; the one returned reaches the least size in any case (but for
    k = 1 in a pool that is smaller).
    """
    items = int(pool.weight.sum())
    best = _fit_k_means(pool, 1)
    low, high = 1, max(1, min(len(pool.rows), items // settings.min_cluster_size))
    while low < high:
        middle = (low + high + 1) // 2
        found = _fit_k_means(pool, middle)
        sizes = np.bincount(found.label, weights=pool.weight, minlength=middle)
        if sizes.min() >= settings.min_cluster_size:
            low, best = middle, found
        else:
            high = middle - 1
    return best


def improved_k_means(pool: Pool, settings: SearchSettings) -> Partition:
    """K-means without its far items: COD's baseline of that name (arXiv 2502.17262v4).

    Items farther from their centre than twice the mean such distance are dropped, then clusters
    below the least size dissolve.
    """
    found = k_means(pool, settings)
    radius = _FAR * intra_cluster_distance(pool, found)
    apart = np.linalg.norm(pool.rows - found.centre[found.label], axis=1)
    near = np.where(apart <= radius, found.label, -1)
    kept = keep_large(near, pool.weight, found.centre, settings.min_cluster_size)
    return Partition(kept.label, kept.centre, radius)


def dbscan(pool: Pool, settings: SearchSettings) -> Partition:
    """DBSCAN with `min_cluster_size` items in a core; a centre is the mean of a cluster's items.

    Its radius is the mean distance to the `min_cluster_size`-th nearest item. COD's radius would
    be too wide: items lie close along curves, and DBSCAN would chain them into one cluster.
    """
    largest = settings.max_distance
    ceiling = math.inf if largest is None else settings.max_radius_fraction * largest
    radius = neighbour_bandwidth(pool, 0.0, ceiling, settings.min_cluster_size)
    radius = max(radius, _LEAST_RADIUS)
    model = DBSCAN(eps=radius, min_samples=settings.min_cluster_size)
    label = model.fit(pool.rows, sample_weight=pool.weight).labels_.astype(np.intp)
    centre = np.empty((label.max() + 1, pool.rows.shape[1]))
    for cluster in range(len(centre)):
        member = label == cluster
        centre[cluster] = np.average(pool.rows[member], axis=0, weights=pool.weight[member])
    kept = keep_large(label, pool.weight, centre, settings.min_cluster_size)
    return Partition(kept.label, kept.centre, radius)


def _fit_k_means(pool: Pool, clusters: int) -> Partition:
    model = KMeans(n_clusters=clusters, n_init=4, random_state=_SEED)
    model.fit(pool.rows, sample_weight=pool.weight)
    return Partition(model.labels_.astype(np.intp), model.cluster_centers_, math.nan)
