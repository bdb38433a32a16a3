"""First stage of a forecast: which method a benchmark allows, and its difficulty clusters."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bayescod.difficulty import Clusters, cluster_items, difficulty_profile
from bayescod.forecasting.ladder import Ladder, median_trials
from bayescod.forecasting.records import Reason
from bayescod.scores.selection import split_trials
from bayescod.specs import Clustering

IntArray = npt.NDArray[np.int64]


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
    reason : Reason or None
        Why COD does not apply.
    remarks : tuple of Reason
    """

    ladder: Ladder
    labels: IntArray | None
    clusters: Clusters | None
    reason: Reason | None
    remarks: tuple[Reason, ...]


def group_items(
    rng: np.random.Generator, ladder: Ladder, settings: Clustering, smoothing: str
) -> Grouping:
    """Cluster a benchmark's items by difficulty, or say why that cannot be done.

    Parameters
    ----------
    rng : numpy.random.Generator
        For the split of few trials.
    ladder : Ladder
    settings : Clustering
    smoothing : str
        ``vertical`` smooths the profiles along the ladder; anything else leaves them.

    Returns
    -------
    Grouping
    """
    scores = ladder.scores
    if not ladder.items_known:
        reason = Reason("no-items", "the table has no item_id, so items cannot be clustered")
        return Grouping(ladder, None, None, reason, ())
    trials = median_trials(scores)
    if trials < settings.few_trials:
        reason = Reason(
            "few-trials",
            f"a median of {trials:g} trials an item and model; clusters need at least "
            f"{settings.few_trials}, or growth that was luck is selected",
        )
        return Grouping(ladder, None, None, reason, ())
    n = ladder.n_ladder
    profile, fitting, remarks = scores.pass_rate[:, :n], ladder, ()
    if trials < settings.split_below:
        rate, count, other_rate, other_count = split_trials(
            rng, scores.pass_rate[:, :n], scores.n_trials[:, :n]
        )
        profile = rate
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
            f"no {settings.min_cluster_size} items grow alike within the radius {clusters.radius:.3g}",
        )
        return Grouping(ladder, None, clusters, reason, remarks)
    return Grouping(fitting, clusters.labels, clusters, None, remarks)
