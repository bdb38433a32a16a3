"""First stage of a forecast: which method a benchmark allows, and its difficulty clusters."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression
from scipy.stats import t as student_t

from bayescod.convergence import Reason
from bayescod.difficulty import Clusters, cluster_items, difficulty_profile
from bayescod.forecasting.ladder import Ladder, fitted, group_of, median_trials
from bayescod.scores.selection import split_trials
from bayescod.specs import Clustering, Filter

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
_NONE: FloatArray = np.zeros(0)


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """What a benchmark's items allow.

    Attributes
    ----------
    ladder : Ladder
        What the clusters are fitted to: the other half of the trials where they were split.
    labels : IntArray or None
        [item] cluster of each item, -1 for none; ``None`` where COD does not apply.
    clusters : Clusters or None
    grows : FloatArray
        [cluster] probability that the cluster has grown over the ladder; empty without clusters.
    reason : Reason or None
        Why COD does not apply.
    remarks : tuple of Reason
    """

    ladder: Ladder
    labels: IntArray | None
    clusters: Clusters | None
    grows: FloatArray
    reason: Reason | None
    remarks: tuple[Reason, ...]


def group_items(
    rng: np.random.Generator,
    ladder: Ladder,
    settings: Clustering,
    limits: Filter,
    smoothing: str,
) -> Grouping:
    """Cluster a benchmark's items by difficulty, or say why that cannot be done.

    Parameters
    ----------
    rng : numpy.random.Generator
        For the split of few trials.
    ladder : Ladder
    settings : Clustering
    limits : Filter
        Says how much growth counts.
    smoothing : str
        ``vertical`` smooths the profiles along the ladder; anything else leaves them.

    Returns
    -------
    Grouping
    """
    scores = ladder.scores
    if not ladder.items_known:
        reason = Reason("no-items", "the table has no item_id, so items cannot be clustered")
        return Grouping(ladder, None, None, _NONE, reason, ())
    trials = median_trials(scores)
    if trials < settings.few_trials:
        reason = Reason(
            "few-trials",
            f"a median of {trials:g} trials an item and model; clusters need at least "
            f"{settings.few_trials}, or growth that was luck is selected",
        )
        return Grouping(ladder, None, None, _NONE, reason, ())
    n = ladder.n_ladder
    profile, fitting = scores.pass_rate[:, :n], ladder
    remarks: tuple[Reason, ...] = ()
    if trials < settings.split_below:
        profile, _, other_rate, other_count = split_trials(
            rng, scores.pass_rate[:, :n], scores.n_trials[:, :n]
        )
        other = replace(
            scores,
            pass_rate=np.concatenate([other_rate, scores.pass_rate[:, n:]], axis=1),
            n_trials=np.concatenate([other_count, scores.n_trials[:, n:]], axis=1),
        )
        fitting = replace(ladder, scores=other)
        text = f"{trials:g} trials an item: half of them cluster the items, the others are fitted"
        remarks = (Reason("split-trials", text),)
    clusters = cluster_items(
        difficulty_profile(profile, "vertical" if smoothing == "vertical" else "none"),
        method=settings.method,
        min_cluster_size=settings.min_cluster_size,
        quantile=settings.quantile,
        max_radius_fraction=settings.max_radius_fraction,
    )
    if clusters.labels.size == 0 or clusters.labels.max() < 0:
        reason = Reason(
            "no-clusters",
            f"no {settings.min_cluster_size} items grow alike within a radius of "
            f"{clusters.radius:.3g}",
        )
        return Grouping(ladder, None, clusters, _NONE, reason, remarks)
    grows = np.array(
        [
            growth_of(fitting, clusters.labels == k, limits)
            for k in range(int(clusters.labels.max()) + 1)
        ]
    )
    if grows.max() < limits.screen_below:
        text = f"no cluster has grown by {limits.min_growth:.0%} over the ladder"
        return Grouping(ladder, None, clusters, grows, Reason("no-growth", text), remarks)
    # Clusters are dear to sample, and no draw of these could speak for the benchmark.
    share = float(np.isin(clusters.labels, np.flatnonzero(grows >= limits.screen_below)).mean())
    if share < limits.min_share:
        text = (
            f"clusters that have grown by {limits.min_growth:.0%} hold {share:.1%} of the items, "
            f"fewer than {limits.min_share:.0%}"
        )
        return Grouping(ladder, None, clusters, grows, Reason("small-subset", text), remarks)
    return Grouping(fitting, clusters.labels, clusters, grows, None, remarks)


def growth_of(ladder: Ladder, members: npt.NDArray[np.bool_], limits: Filter) -> float:
    """Probability that a group of items has grown over the ladder, as Eq. 1 says: in order.

    A group that falls and rises again is explained by a floor below its beginning or by one through
    its middle, with a barrier between them; a dozen such items would keep the posterior of a whole
    benchmark from converging.

    Parameters
    ----------
    ladder : Ladder
    members : ndarray of bool
        [item].
    limits : Filter

    Returns
    -------
    float
        In [0, 1]; 0 where too little of the group follows any increasing curve.
    """
    if disorder(ladder, members) > limits.max_disorder:
        return 0.0
    return growth_probability(ladder, members, limits.min_growth)


def disorder(ladder: Ladder, members: npt.NDArray[np.bool_]) -> float:
    """How far a group's mean pass rates are from any that increase along the ladder.

    Parameters
    ----------
    ladder : Ladder
    members : ndarray of bool
        [item].

    Returns
    -------
    float
        In [0, 1]: the part of their variance along the ladder that isotonic regression leaves,
        less what finite trials explain.
    """
    rate, variance = (x[: ladder.n_ladder] for x in fitted(group_of(ladder.scores, members)))
    seen = ~np.isnan(rate)
    rate, noise = rate[seen], float(np.nan_to_num(variance[seen]).sum())
    total = float(((rate - rate.mean()) ** 2).sum()) if rate.size else 0.0
    if total == 0.0:
        return 0.0
    left = float(((rate - isotonic_regression(rate).x) ** 2).sum())
    return max(0.0, left - noise) / total


def growth_probability(ladder: Ladder, members: npt.NDArray[np.bool_], min_growth: float) -> float:
    """Probability that a group of items has grown over the ladder.

    A level group is explained by a floor, by a ceiling and by a vanishing exponent alike, so that
    Eq. 1 fitted to it says nothing and has barriers between its explanations. The question is put
    before Eq. 1 is: by the posterior of the slope of a straight line in log compute, under the
    flat prior of the textbook.

    Parameters
    ----------
    ladder : Ladder
    members : ndarray of bool
        [item].
    min_growth : float
        Accuracy in [0, 1] that has to be gained from the smallest to the largest compute.

    Returns
    -------
    float
        In [0, 1].
    """
    rate = fitted(group_of(ladder.scores, members))[0][: ladder.n_ladder]
    seen = ~np.isnan(rate)
    x, y = ladder.log_compute[seen], rate[seen]
    centred = x - x.mean()
    spread = float((centred**2).sum())
    degrees = int(seen.sum()) - 2
    if degrees < 1 or spread == 0.0:
        return 0.0
    slope = float(centred @ y) / spread
    residual = y - y.mean() - slope * centred
    # A hundredth of a point is far below anything measured; it keeps an exact line finite.
    scale = np.sqrt(float(residual @ residual) / degrees / spread + 1e-8)
    span = float(np.ptp(ladder.log_compute))
    return float(student_t.cdf((slope - min_growth / span) / scale, degrees))
