"""From the predictable subset to the full benchmark."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayescod.forecasting.mapping import (
    Groups,
    distinct_masks,
    draw_for_each,
    full_scores,
    groups_of,
    mapping_lanes,
    subset_scores,
    unseen_lane,
)
from tests._ladders import make_ladder, planted_labels

UNIT = st.floats(0.0, 1.0)


def two_and_rest(ladder):
    """Planted labels, the third cluster left outside."""
    labels = planted_labels(ladder)
    return np.where(labels == 2, -1, labels)


def groups_like(sizes, n_llm=6, seed=0):
    rng = np.random.default_rng(seed)
    sizes = np.array(sizes, dtype=float)
    rate = np.sort(rng.random((sizes.size, n_llm)), axis=1)
    return Groups(rate * sizes[:, None], 0.01 * sizes[:, None] * np.ones(n_llm), sizes)


def test_groups_sum_to_the_benchmark():
    ladder = make_ladder()
    groups = groups_of(ladder, two_and_rest(ladder))
    np.testing.assert_array_equal(groups.n_items, [40, 40, 40])
    np.testing.assert_allclose(groups.total.sum(axis=0), ladder.scores.pass_rate.sum(axis=0))
    assert groups.total.shape == (3, ladder.n_ladder + 1)


def test_nothing_outside_is_an_empty_group():
    ladder = make_ladder()
    groups = groups_of(ladder, planted_labels(ladder))
    np.testing.assert_array_equal(groups.n_items, [40, 40, 40, 0])
    assert (groups.total[-1] == 0).all()
    assert (groups.variance[-1] == 0).all()


def test_an_llm_without_an_item_of_a_group_is_nan_there():
    ladder = make_ladder()
    rate = ladder.scores.pass_rate.copy()
    rate[planted_labels(ladder) == 1, 3] = np.nan
    holed = replace(ladder, scores=replace(ladder.scores, pass_rate=rate))
    groups = groups_of(holed, two_and_rest(ladder))
    assert np.isnan(groups.total[1, 3])
    assert np.isfinite(groups.total[0]).all()


@given(st.integers(1, 6), st.integers(0, 2**16))
def test_masks_are_distinct_and_lead_back_to_the_draws(n_cluster, seed):
    rng = np.random.default_rng(seed)
    kept = rng.random((50, n_cluster)) < 0.7
    masks = distinct_masks(kept, groups_like([10] * n_cluster + [5]))
    assert np.unique(masks.mask, axis=0).shape == masks.mask.shape
    np.testing.assert_array_equal(masks.mask[masks.of_draw], kept)
    expected = 10 * masks.mask.sum(axis=1) / (10 * n_cluster + 5)
    np.testing.assert_allclose(masks.share, expected)


def test_lane_has_subset_and_rest_of_its_mask():
    groups = groups_like([30, 20, 50, 40])
    masks = distinct_masks(np.array([[True, False, True]]), groups)
    (lane,), lane_of_mask = mapping_lanes(masks, groups, min_share=0.0)
    n = 6
    np.testing.assert_array_equal(lane_of_mask, [0])
    x = (groups.total[0] + groups.total[2]) / 80
    rest = (groups.total[1] + groups.total[3]) / 60
    np.testing.assert_allclose(lane.data["subset_rate"][:n], x)
    np.testing.assert_allclose(lane.data["pass_rate"][:n], rest)
    np.testing.assert_allclose(
        lane.data["subset_variance"][:n], (groups.variance[0] + groups.variance[2]) / 80**2
    )
    np.testing.assert_allclose(
        lane.data["variance"][:n], (groups.variance[1] + groups.variance[3]) / 60**2
    )
    np.testing.assert_array_equal(lane.data["observed"], np.arange(8) < n)


def test_empty_and_full_masks_have_no_lane():
    groups = groups_like([30, 20, 0])
    kept = np.array([[False, False], [True, True], [True, False]])
    masks = distinct_masks(kept, groups)
    lanes, lane_of_mask = mapping_lanes(masks, groups, min_share=0.0)
    assert len(lanes) == 1
    assert lane_of_mask[masks.of_draw].tolist() == [-1, -1, 0]


def test_full_mask_with_items_outside_has_a_lane():
    groups = groups_like([30, 20, 10])
    lanes, _ = mapping_lanes(
        distinct_masks(np.array([[True, True]]), groups), groups, min_share=0.0
    )
    np.testing.assert_allclose(lanes[0].data["pass_rate"][:6], groups.total[2] / 10)


def test_masks_of_few_draws_take_one_chain_and_are_not_judged():
    """A mask of 5 % of the draws is judged; one draw fewer, and it is not."""
    common, edge, rare = [True, True], [True, False], [False, True]
    groups = groups_like([30, 20, 10])
    for n_edge, judged in ((10, True), (9, False)):
        kept = np.array([common] * (187 + 10 - n_edge) + [edge] * n_edge + [rare] * 3)
        masks = distinct_masks(kept, groups)
        assert len(kept) == 200
        found = {
            tuple(mask): own for mask, own in zip(masks.mask.tolist(), masks.judged, strict=True)
        }
        assert found == {tuple(common): True, tuple(edge): judged, tuple(rare): False}
        lanes, lane_of_mask = mapping_lanes(masks, groups, min_share=0.0)
        for lane, own in zip(lane_of_mask, masks.judged, strict=True):
            assert lanes[lane].most_chains == (None if own else 1)


def test_lane_to_compile_for_has_the_shape_of_those_to_come():
    groups = groups_like([30, 20, 10])
    kept = np.array([[True, True], [True, False]])
    lanes, _ = mapping_lanes(distinct_masks(kept, groups), groups, min_share=0.0)
    shapes = [
        {name: (value.shape, value.dtype) for name, value in lane.data.items()}
        for lane in (unseen_lane(groups.total.shape[1]), *lanes)
    ]
    assert shapes[0] == shapes[1] == shapes[2]


@pytest.mark.parametrize(("min_share", "n_lanes"), [(0.0, 2), (0.1, 2), (0.11, 1), (0.31, 0)])
def test_small_subsets_do_not_speak_for_the_benchmark(min_share, n_lanes):
    groups = groups_like([10, 30, 60])
    masks = distinct_masks(np.array([[True, False], [False, True], [False, False]]), groups)
    lanes, lane_of_mask = mapping_lanes(masks, groups, min_share)
    assert len(lanes) == n_lanes
    assert (lane_of_mask >= 0).sum() == n_lanes
    assert (masks.share[lane_of_mask >= 0] >= min_share).all()


@pytest.mark.parametrize(("n_seen", "n_lanes"), [(3, 1), (2, 0)])
def test_two_points_are_no_map(n_seen, n_lanes):
    groups = groups_like([30, 20, 10])
    total = groups.total.copy()
    total[0, n_seen:] = np.nan
    holed = replace(groups, total=total)
    masks = distinct_masks(np.array([[True, False]]), holed)
    lanes, lane_of_mask = mapping_lanes(masks, holed, min_share=0.0)
    assert len(lanes) == n_lanes
    assert lane_of_mask.tolist() == [n_lanes - 1]
    for lane in lanes:
        assert lane.data["observed"].sum() == n_seen
        assert all(np.isfinite(v).all() for v in lane.data.values())


def test_subset_is_weighted_by_items():
    groups = groups_like([30, 10, 60])
    kept = np.array([[True, True], [True, False], [False, False]])
    masks = distinct_masks(kept, groups)
    scores = np.broadcast_to([0.2, 0.6], (4, 3, 2))
    found = subset_scores(scores, masks, groups)
    np.testing.assert_allclose(found[:, 0], (30 * 0.2 + 10 * 0.6) / 40)
    np.testing.assert_allclose(found[:, 1], 0.2)
    assert np.isnan(found[:, 2]).all()


@given(UNIT, UNIT, UNIT)
def test_full_score_lies_between_all_wrong_and_all_right_outside(share, subset, rest):
    full = full_scores(np.array([[subset]]), np.array([share]), np.array([[rest]])).item()
    assert share * subset - 1e-12 <= full <= share * subset + 1 - share + 1e-12


def test_full_score_of_measured_parts_is_the_measured_score():
    ladder = make_ladder()
    groups = groups_of(ladder, two_and_rest(ladder))
    masks = distinct_masks(np.array([[True, True]]), groups)
    (lane,), _ = mapping_lanes(masks, groups, min_share=0.0)
    n = groups.total.shape[1]
    x, rest = lane.data["subset_rate"][:n], lane.data["pass_rate"][:n]
    found = full_scores(x[:, None], masks.share, rest[:, None])[:, 0]
    np.testing.assert_allclose(found, ladder.scores.pass_rate.mean(axis=0), rtol=1e-12)


def posteriors(n_draws):
    rng = np.random.default_rng(0)
    return [(rng.dirichlet(np.ones(6), n_draws), np.full(n_draws, float(i))) for i in (1, 2)]


@pytest.mark.parametrize("n_draws", [5, 100])
def test_every_draw_takes_a_draw_of_its_own_mask(n_draws):
    lanes = np.array([0, 1, -1, 1, 0, 0, 0, 0, 0, 0])
    steps, spread = draw_for_each(np.random.default_rng(1), posteriors(n_draws), lanes, 4)
    assert spread.tolist() == [1, 2, 0, 2, 1, 1, 1, 1, 1, 1]
    own = posteriors(n_draws)
    for i, lane in enumerate(lanes):
        if lane >= 0:
            assert (own[lane][0] == steps[i]).all(axis=1).any()
    np.testing.assert_allclose(steps[2], [0, 0.25, 0.25, 0.25, 0.25, 0])


def test_enough_draws_are_taken_once_each():
    lanes = np.zeros(100, dtype=int)
    steps, _ = draw_for_each(np.random.default_rng(1), posteriors(100), lanes, 4)
    assert np.unique(steps, axis=0).shape == (100, 6)


def test_draws_of_the_map_are_the_seeds():
    lanes = np.zeros(20, dtype=int)
    first, again, other = (
        draw_for_each(np.random.default_rng(seed), posteriors(100), lanes, 4)[0]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
