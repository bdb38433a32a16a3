"""Weighted pools of distinct rows, and the bandwidth of mean shift on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayescod.difficulty.profiles import FloatArray, IntArray

EXACT_ROWS = 20_000
"""Up to this many rows nothing is sampled; the cost of an exact run grows with their square."""

_BANDWIDTH_QUERIES = 5_000
BLOCK_CELLS = 2_000_000
"""Distances held at once: bounds the memory to tens of megabytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Distinct rows in lexicographic order with the number of items that share each.

    The order makes everything computed from a pool independent of the order of the items.

    Attributes
    ----------
    rows : ndarray of float, shape [row, feature]
    weight : ndarray of float, shape [row]
        Items that have exactly this row, at least 1.
    """

    rows: FloatArray
    weight: FloatArray

    def take(self, idx: IntArray) -> Pool:
        """Return the pool of the rows at `idx`, which must be increasing."""
        return Pool(self.rows[idx], self.weight[idx])


def collect_rows(items: FloatArray) -> tuple[Pool, IntArray]:
    """Merge identical rows.

    Parameters
    ----------
    items : ndarray of float, shape [item, feature]

    Returns
    -------
    pool : Pool
    row_of_item : ndarray of int, shape [item]
        Row of the pool that each item became.
    """
    items = items + 0.0  # minus zero becomes zero, so that equal rows are equal bytes
    order = np.lexsort(items.T[::-1])
    in_order = items[order]
    starts = np.ones(len(items), dtype=bool)
    starts[1:] = (in_order[1:] != in_order[:-1]).any(axis=1)
    row_of_item = np.empty(len(items), dtype=np.intp)
    row_of_item[order] = np.cumsum(starts) - 1
    first = np.flatnonzero(starts)
    weight = np.diff(np.append(first, len(items))).astype(np.float64)
    return Pool(in_order[first], weight), row_of_item


def sample_rows(pool: Pool, size: int) -> Pool:
    """Take a systematic sample of about `size` items, evenly spaced in lexicographic order.

    It needs no random numbers and does not depend on the order of the items.

    Parameters
    ----------
    pool : Pool
    size : int
        Items wanted, at least 1; a smaller pool is returned whole.

    Returns
    -------
    Pool
        Sampled rows; the weights count how often each was drawn and sum to `size`.
    """
    total = float(pool.weight.sum())
    if total <= size:
        return pool
    places = (np.arange(size) + 0.5) * (total / size)
    drawn = np.searchsorted(np.cumsum(pool.weight), places, side="right")
    row, count = np.unique(drawn, return_counts=True)
    return Pool(pool.rows[row], count.astype(np.float64))


def squared_distances(left: FloatArray, right: FloatArray) -> FloatArray:
    """Squared Euclidean distances by one matrix product, [left, right], up to rounding.

    The rounding error is a few times machine epsilon times the largest squared norm.
    """
    return lift_queries(left) @ lift_points(right).T


def lift_queries(rows: FloatArray) -> FloatArray:
    """Left factor of `squared_distances`: the rows, ones, and their squared norms."""
    norm = np.einsum("ij,ij->i", rows, rows)
    return np.column_stack([rows, np.ones(len(rows)), norm])


def lift_points(rows: FloatArray) -> FloatArray:
    """Right factor of `squared_distances`: minus twice the rows, squared norms, and ones."""
    norm = np.einsum("ij,ij->i", rows, rows)
    return np.column_stack([-2.0 * rows, norm, np.ones(len(rows))])


def neighbour_bandwidth(
    pool: Pool, quantile: float, ceiling: float, least_neighbours: int = 1
) -> float:
    """Bandwidth by the quantile rule, but no more than `ceiling`.

    The rule is that of ``sklearn.cluster.estimate_bandwidth``: the mean over items of the
    distance to the k-th nearest item (the item itself is the first), k = int(quantile x items),
    at least 1, or `least_neighbours`. Exact up to `EXACT_ROWS` items. Beyond, the k-th nearest of
    a systematic sample of that size is taken at every fourth sampled item.

    Parameters
    ----------
    pool : Pool
    quantile : float
        In [0, 1].
    ceiling : float
        Largest value wanted; the sum stops as soon as the mean is known to exceed it.
    least_neighbours : int
        k is at least this, or the number of items where there are fewer.

    Returns
    -------
    float
        ``min(bandwidth, ceiling)``, in the unit of the rows.
    """
    sample = sample_rows(pool, EXACT_ROWS)
    queries = sample if sample is pool else sample_rows(sample, _BANDWIDTH_QUERIES)
    offset = pool.rows.mean(axis=0)
    items = np.repeat(sample.rows, sample.weight.astype(np.intp), axis=0) - offset
    rank = min(len(items), max(least_neighbours, int(len(items) * quantile))) - 1
    enough = ceiling * queries.weight.sum()
    total = 0.0
    block = max(1, BLOCK_CELLS // len(items))
    for start in range(0, len(queries.rows), block):
        part = slice(start, start + block)
        squared = squared_distances(queries.rows[part] - offset, items)
        squared.partition(rank, axis=1)
        kth = np.sqrt(np.maximum(squared[:, rank], 0.0))
        total += float(kth @ queries.weight[part])
        if total >= enough:
            return ceiling
    return total / float(queries.weight.sum())
