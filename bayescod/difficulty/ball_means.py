"""The step of flat-kernel mean shift for many positions at once: the mean of the ball around each.

Positions are gathered into groups of near ones. Points surely inside the ball of every position
of a group are summed once for the group, points surely outside are never looked at, and only the
shell between is compared with each position. Mean shift pulls positions together, so the groups
tighten and the shells thin out as it proceeds. The result is that of comparing all pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bayescod.difficulty.pools import BLOCK_CELLS, Pool, lift_points, lift_queries
from bayescod.difficulty.profiles import FloatArray, IntArray


def exact_squared_distances(left: FloatArray, right: FloatArray) -> FloatArray:
    """Squared distances of paired rows (either may be one row), summed feature by feature.

    The order of the sum is that of scikit-learn's trees, so ties at a radius fall the same way.
    """
    total = np.zeros(np.broadcast_shapes(left.shape[:-1], right.shape[:-1]))
    for feature in range(left.shape[-1]):
        total += (left[..., feature] - right[..., feature]) ** 2
    return total


@dataclass(frozen=True, slots=True, eq=False)
class BallIndex:
    """A pool prepared for sums over balls of one radius; made by `index_balls`.

    Attributes
    ----------
    rows : ndarray of float, shape [row, feature]
        The pool's rows.
    offset : ndarray of float, shape [feature]
        Their mean, taken off before products are formed: they round less.
    lifted : ndarray of float, shape [row, feature + 2]
        Centred rows as the right factor of `squared_distances`.
    weighted : ndarray of float, shape [row, feature + 1]
        Weight times row, and the weight: a sum of these gives a mean and a count. Not centred,
        so that the mean of zeros is zero and not a rounding error.
    radius : float
        In the unit of the rows.
    band : float
        Squared distances nearer than this to a threshold are not trusted but done again.
    """

    rows: FloatArray
    offset: FloatArray
    lifted: FloatArray
    weighted: FloatArray
    radius: float
    band: float

    def means(self, positions: FloatArray, group_size: int) -> tuple[FloatArray, FloatArray]:
        """Mean and number of the items within the radius of each position, boundary included.

        Parameters
        ----------
        positions : ndarray of float, shape [position, feature]
            Points in the convex hull of the pool.
        group_size : int
            Most positions in a group, at least 1: speed and memory, never the result.

        Returns
        -------
        means : ndarray of float, shape [position, feature]
            The position itself where its ball is empty.
        counts : ndarray of float, shape [position]
            Items in the ball, duplicates counted.
        """
        places = positions - self.offset
        sums = np.zeros((len(positions), self.weighted.shape[1]))
        groups = split_groups(places, group_size)
        block = max(1, BLOCK_CELLS // len(self.rows))
        for start in range(0, len(groups), block):
            some = groups[start : start + block]
            inner, shell = self._split_points(places, some)
            for group, sure, unsure in zip(some, inner, shell, strict=True):
                sums[group] = sure + self._shell_sums(positions[group], np.flatnonzero(unsure))
        counts = sums[:, -1]
        empty = counts == 0.0
        means = sums[:, :-1] / np.where(empty, 1.0, counts)[:, None]
        means[empty] = positions[empty]
        return means, counts

    def _split_points(
        self, places: FloatArray, groups: list[IntArray]
    ) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Sum, for each group, the points in every ball; mark those in some balls only."""
        centre = np.array([places[group].mean(axis=0) for group in groups])
        spread = np.sqrt(
            [
                exact_squared_distances(places[group], middle).max()
                for group, middle in zip(groups, centre, strict=True)
            ]
        )
        squared = lift_queries(centre) @ self.lifted.T
        sure = np.where(spread < self.radius, (self.radius - spread) ** 2 - self.band, -1.0)
        inside = squared <= sure[:, None]
        shell = squared <= ((self.radius + spread) ** 2 + self.band)[:, None]
        shell &= ~inside
        return inside.astype(np.float64) @ self.weighted, shell

    def _shell_sums(self, positions: FloatArray, shell: IntArray) -> FloatArray:
        """Sum, for each position, the points of the shell that are in its ball."""
        limit = self.radius**2
        squared = lift_queries(positions - self.offset) @ self.lifted[shell].T
        inside = squared <= limit - self.band
        possible = squared <= limit + self.band
        if np.count_nonzero(inside) != np.count_nonzero(possible):
            row, column = np.nonzero(inside ^ possible)
            exact = exact_squared_distances(positions[row], self.rows[shell[column]])
            inside[row, column] = exact <= limit
        return inside.astype(np.float64) @ self.weighted[shell]


def index_balls(pool: Pool, radius: float) -> BallIndex:
    """Prepare a pool for `BallIndex.means`; `radius` is positive, in the unit of the rows."""
    offset = pool.rows.mean(axis=0)
    points = pool.rows - offset
    largest = float(np.einsum("ij,ij->i", points, points).max())
    band = 16.0 * np.finfo(np.float64).eps * (points.shape[1] + 4) * (largest + radius**2)
    weighted = np.column_stack([pool.rows * pool.weight[:, None], pool.weight])
    return BallIndex(pool.rows, offset, lift_points(points), weighted, radius, band)


def split_groups(places: FloatArray, size: int) -> list[IntArray]:
    """Halve positions at the median of their widest feature until no group exceeds `size`.

    Parameters
    ----------
    places : ndarray of float, shape [position, feature]
    size : int
        At least 1.

    Returns
    -------
    list of ndarray of int
        Indices of each group; together a partition of the positions.
    """
    groups = []
    waiting = [np.arange(len(places))]
    while waiting:
        idx = waiting.pop()
        if len(idx) <= size:
            groups.append(idx)
            continue
        here = places[idx]
        widest = int(np.argmax(np.ptp(here, axis=0)))
        half = len(idx) // 2
        order = np.argpartition(here[:, widest], half)
        waiting += [idx[order[half:]], idx[order[:half]]]
    return groups
