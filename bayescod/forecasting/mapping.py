"""From the predictable subset to the full benchmark: one posterior for every mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bayescod.batches import Lane
from bayescod.forecasting.ladder import Ladder, fitted, group_of
from bayescod.forecasting.lanes import padded_size

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
MIN_POINTS = 3
JUDGED_SHARE = 0.05
"""Maps that fewer of the draws use take one chain, and are not judged by their R-hat: of a few
draws each, several times as many as all others, they would cost most of the sampling."""


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Clusters and, last, all items outside them: their summed rates for every LLM.

    Attributes
    ----------
    total, variance : FloatArray
        [group, llm] sum of pass rates over the group's items and its variance; llm runs over the
        ladder, then the anchors; NaN where an LLM has no item of the group.
    n_items : FloatArray
        [group].
    """

    total: FloatArray
    variance: FloatArray
    n_items: FloatArray


def groups_of(ladder: Ladder, labels: IntArray) -> Groups:
    """Sum the pass rates of every cluster and of the items outside.

    Parameters
    ----------
    ladder : Ladder
    labels : IntArray
        [item], -1 for items outside.

    Returns
    -------
    Groups
    """
    total, variance, sizes = [], [], []
    for label in [*range(int(labels.max()) + 1), -1]:
        members = labels == label
        size = int(members.sum())
        if size == 0:
            rate = spread = np.zeros(len(ladder.scores.llm))
        else:
            rate, spread = fitted(group_of(ladder.scores, members))
        total.append(rate * size)
        variance.append(spread * size**2)
        sizes.append(float(size))
    return Groups(np.stack(total), np.stack(variance), np.array(sizes))


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """Distinct masks of extrapolatable clusters among the draws.

    Attributes
    ----------
    mask : BoolArray
        [mask, cluster].
    of_draw : IntArray
        [draw] which mask a draw has.
    share : FloatArray
        [mask] share of the items that are in the subset.
    """

    mask: BoolArray
    of_draw: IntArray
    share: FloatArray

    @property
    def judged(self) -> BoolArray:
        """[mask] Whether at least :data:`JUDGED_SHARE` of the draws have it."""
        n_draw = np.bincount(self.of_draw, minlength=len(self.mask))
        return n_draw >= JUDGED_SHARE * self.of_draw.size


def distinct_masks(extrapolatable: BoolArray, groups: Groups) -> Masks:
    """Find the distinct masks.

    Parameters
    ----------
    extrapolatable : BoolArray
        [draw, cluster].
    groups : Groups

    Returns
    -------
    Masks
    """
    mask, of_draw = np.unique(extrapolatable, axis=0, return_inverse=True)
    share = mask @ groups.n_items[:-1] / groups.n_items.sum()
    return Masks(mask, np.ravel(of_draw), share)


class _Sides(NamedTuple):
    """[llm] A subset's pass rate and that of the items outside it, as the program names them."""

    subset_rate: FloatArray
    subset_variance: FloatArray
    pass_rate: FloatArray
    variance: FloatArray


def mapping_lanes(masks: Masks, groups: Groups, min_share: float) -> tuple[list[Lane], IntArray]:
    """Lanes of the mapping program.

    Parameters
    ----------
    masks : Masks
    groups : Groups
    min_share : float
        Least share of the items that a subset needs to speak for the benchmark.

    Returns
    -------
    lanes : list of Lane
    lane_of_mask : IntArray
        [mask] index of its lane; -1 where the subset is too small, is everything, or has fewer
        than three points.
    """
    lanes: list[Lane] = []
    lane_of_mask = np.full(len(masks.mask), -1)
    for i, (mask, judged) in enumerate(zip(masks.mask, masks.judged, strict=True)):
        inside = np.append(mask, False)
        n_in, n_out = groups.n_items[inside].sum(), groups.n_items[~inside].sum()
        if n_out == 0 or n_in < max(1.0, min_share * groups.n_items.sum()):
            continue
        x = groups.total[inside].sum(axis=0) / n_in
        rest = groups.total[~inside & (groups.n_items > 0)].sum(axis=0) / n_out
        seen = ~np.isnan(x) & ~np.isnan(rest)
        if seen.sum() < MIN_POINTS:
            continue
        sides = _Sides(
            subset_rate=x,
            subset_variance=groups.variance[inside].sum(axis=0) / n_in**2,
            pass_rate=rest,
            variance=groups.variance[~inside].sum(axis=0) / n_out**2,
        )
        lane_of_mask[i] = len(lanes)
        lanes.append(_lane(sides, seen, None if judged else 1))
    return lanes, lane_of_mask


def unseen_lane(n_llm: int) -> Lane:
    """A lane of the shape that maps have which are seen at so many LLMs, anchors included."""
    nothing = np.full(n_llm, np.nan)
    return _lane(_Sides(*[nothing] * 4), np.zeros(n_llm, dtype=bool), None)


def _lane(sides: _Sides, seen: BoolArray, most_chains: int | None) -> Lane:
    padding = padded_size(seen.size, 8) - seen.size
    data = {
        name: np.append(np.where(seen, values, 0.5), np.full(padding, 0.5))
        for name, values in sides._asdict().items()
    }
    observed = {"observed": np.append(seen, np.zeros(padding, dtype=bool))}
    return Lane(data | observed, start={}, used={}, most_chains=most_chains)


def subset_scores(cluster_scores: FloatArray, masks: Masks, groups: Groups) -> FloatArray:
    """Accuracy on the predictable subset, weighted by the clusters' items.

    Parameters
    ----------
    cluster_scores : FloatArray
        (compute, draw, cluster).
    masks : Masks
    groups : Groups

    Returns
    -------
    FloatArray
        (compute, draw) in [0, 1]; NaN where a draw's subset is empty.
    """
    weight = masks.mask[masks.of_draw] * groups.n_items[:-1]
    total = weight.sum(axis=1)
    summed = np.einsum("gdk,dk->gd", cluster_scores, weight)
    return np.where(total > 0, summed / np.maximum(total, 1.0), np.nan)


def full_scores(subset: FloatArray, share: FloatArray, rest: FloatArray) -> FloatArray:
    """Full-benchmark accuracy from both parts: ``s x + (1 - s) r``.

    Parameters
    ----------
    subset, rest : FloatArray
        (compute, draw) accuracies.
    share : FloatArray
        (draw,) share of items in the subset.

    Returns
    -------
    FloatArray
        (compute, draw) in [0, 1].
    """
    return share * subset + (1.0 - share) * rest


def draw_for_each(
    rng: np.random.Generator,
    posteriors: Sequence[tuple[FloatArray, FloatArray]],
    lane_of_draw: IntArray,
    degree: int,
) -> tuple[FloatArray, FloatArray]:
    """One draw of its mask's posterior for every draw.

    Parameters
    ----------
    rng : numpy.random.Generator
    posteriors : sequence of (steps, spread)
        A lane's draws, flattened: (n, degree + 2) and (n,).
    lane_of_draw : IntArray
        [draw]; -1 for none.
    degree : int

    Returns
    -------
    steps, spread : FloatArray
        (draw, degree + 2) and (draw,); the identity without spread where there is no lane.
    """
    identity = np.concatenate([[0.0], np.full(degree, 1.0 / degree), [0.0]])
    steps = np.tile(identity, (lane_of_draw.size, 1))
    spread = np.zeros(lane_of_draw.size)
    for lane in np.unique(lane_of_draw[lane_of_draw >= 0]):
        rows = lane_of_draw == lane
        own, scale = posteriors[lane]
        pick = rng.choice(scale.size, size=int(rows.sum()), replace=rows.sum() > scale.size)
        steps[rows], spread[rows] = own[pick], scale[pick]
    return steps, spread
