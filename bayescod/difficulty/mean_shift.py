"""COD's improved mean shift as a scikit-learn estimator."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils.validation import validate_data

from bayescod.difficulty.pools import collect_rows
from bayescod.difficulty.profiles import FloatArray
from bayescod.difficulty.search import (
    SearchSettings,
    improved_mean_shift,
    intra_cluster_distance,
    order_clusters,
)


class ImprovedMeanShift(ClusterMixin, BaseEstimator):
    """Mean shift repeated on what is left over, with a radius and a least cluster size.

    Parameters
    ----------
    quantile : float, default 0.1
        In (0, 1]; the bandwidth is the mean distance of an item to its (quantile x items)-th
        nearest item, as in ``sklearn.cluster.estimate_bandwidth``, but of no fewer than
        `min_cluster_size` items: a ball that holds fewer could never become a cluster. With the
        defaults this matters below 100 items.
    max_radius_fraction : float, default 0.1
        Positive; the radius is at most this share of the largest possible distance.
    min_cluster_size : int, default 10
        At least 1; a cluster with fewer items is dissolved.
    max_distance : float, optional
        Largest possible distance between two items. By default the diagonal of the box that
        just holds the data. For pass rates pass ``sqrt(number of LLMs)``, the diagonal of the
        unit cube, as `bayescod.difficulty.cluster_items` does.

    Attributes
    ----------
    labels_ : ndarray of int, shape [item]
        -1 for outliers, else the cluster; clusters are numbered by descending mean of their
        items over all features.
    cluster_centers_ : ndarray of float, shape [cluster, feature]
        The modes from which the radius is measured.
    radius_ : float
        Every clustered item is within it of its centre.
    n_iter_ : int
        Rounds of mean shift.
    intra_cluster_distance_ : float
        Mean distance of the clustered items to their centre (IAD); NaN without a cluster.
    outlier_rate_ : float
        Share of items left unclustered, in [0, 1].
    n_features_in_ : int
        Features seen in `fit`.

    Notes
    -----
    Algorithm 1 of COD (arXiv 2502.17262v4): R = min(bandwidth, max_radius_fraction x largest
    distance); repeat mean shift with radius R on the items without a label; of the clusters it
    gives, items farther than R from the centre and clusters below the least size lose the label
    again; until the labels do not change. The paper writes the largest distance for nine
    features though it has eight LLMs; here it follows the data.

    It ends: a label that stays is never taken back, and each round but the last gives at least
    `min_cluster_size` new ones, so there are at most items / min_cluster_size + 1 rounds.

    The partition does not depend on the order of the items. Up to 20,000 items the bandwidth,
    and up to 20,000 distinct rows the modes, are exact; for more they start from a systematic
    sample of that size. What sampling costs, measured on 17,762 simulated items of eight LLMs: a
    bandwidth from 5,000 of them is 0.3 % low; modes from 5,000 or 10,000 change intra-cluster
    distance and outlier rate by at most 2 % of their value, and the partition (borders move
    where profiles are a continuum) to an adjusted Rand index of 0.93 or 0.88 with the exact one.
    Noise of 0.001 on the pass rates moves it to 0.98.

    Examples
    --------
    >>> import numpy as np
    >>> rates = np.repeat([[0.0, 0.1], [0.8, 0.9], [0.4, 0.0]], [12, 12, 3], axis=0)
    >>> ImprovedMeanShift().fit(rates).labels_[[0, 12, 24]]
    array([ 1,  0, -1])
    """

    def __init__(
        self,
        quantile: float = 0.1,
        max_radius_fraction: float = 0.1,
        min_cluster_size: int = 10,
        max_distance: float | None = None,
    ) -> None:
        self.quantile = quantile
        self.max_radius_fraction = max_radius_fraction
        self.min_cluster_size = min_cluster_size
        self.max_distance = max_distance

    def fit(self, X: npt.ArrayLike, y: object = None) -> Self:  # noqa: ARG002
        """Cluster the rows of `X`.

        Parameters
        ----------
        X : array_like of float, shape [item, feature]
            Finite.
        y : None
            Ignored; scikit-learn passes it.

        Returns
        -------
        ImprovedMeanShift
            Itself.

        Raises
        ------
        ValueError
            If a parameter is out of range or `X` is not a finite table.
        """
        items: FloatArray = validate_data(self, X, dtype=np.float64)
        settings = SearchSettings(
            self.quantile, self.max_radius_fraction, self.min_cluster_size, self.max_distance
        )
        pool, row_of_item = collect_rows(items)
        found, self.n_iter_ = improved_mean_shift(pool, settings)
        found = order_clusters(pool, found)
        self.radius_ = found.radius
        self.cluster_centers_ = found.centre
        self.labels_ = found.label[row_of_item]
        self.intra_cluster_distance_ = intra_cluster_distance(pool, found)
        self.outlier_rate_ = float(np.mean(self.labels_ < 0))
        return self
