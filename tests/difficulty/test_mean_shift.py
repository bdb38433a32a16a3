import math

import duckdb
import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import estimate_bandwidth
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import KDTree
from sklearn.utils.estimator_checks import parametrize_with_checks

from bayescod.difficulty import ImprovedMeanShift, difficulty_profile
from bayescod.difficulty.ball_means import index_balls
from bayescod.difficulty.modes import find_modes
from bayescod.difficulty.pools import collect_rows, neighbour_bandwidth, sample_rows


def fit(items, **settings):
    settings.setdefault("max_distance", math.sqrt(items.shape[1]))
    return ImprovedMeanShift(**settings).fit(items)


def ladder_profiles(folder, benchmark):
    query = (
        "SELECT item_id, model, sum(n_correct) / sum(n_trials) AS rate "
        "FROM read_parquet(?) WHERE benchmark = ? GROUP BY ALL"
    )
    with duckdb.connect() as connection:
        parameters = [str(folder / "scores.parquet"), benchmark]
        rows = connection.execute(query, parameters).df()
    rate = rows.pivot(index="item_id", columns="model", values="rate").sort_index()
    order = pd.read_csv(folder / "models.csv").sort_values("compute_flops", kind="stable")
    profile = difficulty_profile(rate[[name for name in order["model"] if name in rate]])
    return profile[profile.any(axis=1)]


@parametrize_with_checks([ImprovedMeanShift(), ImprovedMeanShift(quantile=0.3, max_distance=20.0)])
def test_scikit_learn_accepts_the_estimator(estimator, check):
    state = np.random.get_state()  # noqa: NPY002 - one of scikit-learn's checks sets it
    check(estimator)
    np.random.set_state(state)  # noqa: NPY002


@pytest.mark.parametrize(
    ("n_items", "n_llms", "n_trials", "seed"),
    [(250, 8, 300, 0), (300, 8, 100, 1), (250, 5, 30, 2), (150, 1, 300, 3), (200, 16, 300, 4)],
)
def test_partition_is_that_of_the_algorithm_on_scikit_learns_mean_shift(
    simulate_profiles, reference_labels, n_items, n_llms, n_trials, seed
):
    items = simulate_profiles(n_items, n_llms, seed, n_trials)
    expected = reference_labels(items)
    assert expected.max() >= 1
    assert adjusted_rand_score(expected, fit(items).labels_) == 1.0


def test_partition_is_the_references_with_duplicates_and_a_small_least_size(
    simulate_profiles, reference_labels
):
    distinct = simulate_profiles(80, seed=5)
    items = np.repeat(distinct, np.arange(len(distinct)) % 4 + 1, axis=0)
    expected = reference_labels(items, min_cluster_size=3)
    assert adjusted_rand_score(expected, fit(items, min_cluster_size=3).labels_) == 1.0


@pytest.mark.parametrize("benchmark", ["dictionary-2", "python-4"])
def test_partition_is_the_references_on_a_real_ladder(shared_data, reference_labels, benchmark):
    items = ladder_profiles(shared_data / "text_ladder", benchmark)
    assert adjusted_rand_score(reference_labels(items), fit(items).labels_) == 1.0


@pytest.mark.slow
def test_partition_is_the_references_on_a_ladder_with_replicates(shared_data, reference_labels):
    # Many means agree in their first coordinates here: rounding must not decide their order.
    items = ladder_profiles(shared_data / "algorithmic_ladder", "reversal")
    assert adjusted_rand_score(reference_labels(items), fit(items).labels_) == 1.0


@pytest.mark.slow
def test_partition_is_the_references_at_the_size_of_gsm8k(simulate_profiles, reference_labels):
    items = simulate_profiles(1319)
    assert adjusted_rand_score(reference_labels(items), fit(items).labels_) == 1.0


def planted(rng, sizes, spread=0.02):
    ladder = np.linspace(0.0, 1.0, 8)
    centres = np.array([np.full(8, 0.9), 0.2 + 0.6 * ladder, ladder**3, np.full(8, 0.05)])
    items = np.repeat(centres[: len(sizes)], sizes, axis=0)
    return (items + rng.normal(0.0, spread, items.shape)).clip(0.0, 1.0)


def test_planted_clusters_are_found_and_numbered_by_descending_pass_rate():
    sizes = [40, 60, 50, 30]
    found = fit(planted(np.random.default_rng(0), sizes))
    clustered = found.labels_ >= 0
    np.testing.assert_array_equal(
        found.labels_[clustered], np.repeat(np.arange(4), sizes)[clustered]
    )
    assert found.outlier_rate_ < 0.2  # the radius is about the width of a planted cluster
    assert found.cluster_centers_.mean(axis=1).tolist() == sorted(
        found.cluster_centers_.mean(axis=1), reverse=True
    )


def far_items(items, found, radius):
    clustered = found.labels_ >= 0
    apart = np.linalg.norm(
        items[clustered] - found.cluster_centers_[found.labels_[clustered]], axis=1
    )
    return int(np.sum(apart > radius))


def test_no_item_is_farther_than_the_radius_and_a_search_without_the_rule_is_caught(
    simulate_profiles,
):
    items = simulate_profiles(600, seed=7)
    found = fit(items)
    assert far_items(items, found, found.radius_) == 0
    assert np.bincount(found.labels_[found.labels_ >= 0]).min() >= 10
    unruled = fit(items, max_radius_fraction=10.0, quantile=0.5)
    assert unruled.radius_ > 2.0 * found.radius_
    assert far_items(items, unruled, found.radius_) > 60


def test_measures_are_those_of_the_labels(simulate_profiles):
    items = simulate_profiles(400, seed=8)
    found = fit(items)
    clustered = found.labels_ >= 0
    apart = np.linalg.norm(
        items[clustered] - found.cluster_centers_[found.labels_[clustered]], axis=1
    )
    assert found.intra_cluster_distance_ == pytest.approx(apart.mean())
    assert found.outlier_rate_ == pytest.approx(np.mean(~clustered))
    assert found.radius_ == pytest.approx(
        min(estimate_bandwidth(items, quantile=0.1), 0.1 * math.sqrt(8.0))
    )


@pytest.mark.parametrize("n_trials", [300, 10])
def test_order_of_the_items_does_not_matter(simulate_profiles, n_trials):
    items = simulate_profiles(500, seed=9, n_trials=n_trials)
    order = np.random.default_rng(1).permutation(len(items))
    found, shuffled = fit(items), fit(items[order])
    np.testing.assert_array_equal(shuffled.labels_, found.labels_[order])
    np.testing.assert_array_equal(shuffled.cluster_centers_, found.cluster_centers_)


def test_repeating_every_item_changes_nothing_but_the_counts(simulate_profiles):
    items = simulate_profiles(300, seed=10)
    once = fit(items, min_cluster_size=10)
    thrice = fit(np.repeat(items, 3, axis=0), min_cluster_size=30)
    assert thrice.radius_ == pytest.approx(once.radius_, rel=1e-9)
    np.testing.assert_array_equal(thrice.labels_[::3], once.labels_)


@pytest.mark.parametrize(
    ("items", "clusters"),
    [
        (np.full((40, 3), 0.3), 1),
        (np.full((4, 3), 0.3), 0),
        (np.eye(12), 0),
        (np.repeat([[0.1], [0.5]], [30, 15], axis=0), 2),
        (np.linspace(0.0, 1.0, 9)[:, None], 0),
        (np.random.default_rng(0).uniform(size=(300, 8)), 0),
        (np.array([[0.5, 0.5]]), 0),
    ],
    ids=["all-same", "same-but-few", "all-apart", "one-feature", "few", "no-structure", "single"],
)
def test_it_ends_on_pathological_items(items, clusters):
    found = fit(items)
    assert found.labels_.max() + 1 == len(found.cluster_centers_) == clusters
    assert 1 <= found.n_iter_ <= len(items) / found.min_cluster_size + 1
    assert math.isnan(found.intra_cluster_distance_) == (clusters == 0)


@pytest.mark.parametrize("min_cluster_size", [1, 2])
def test_rounds_stay_within_their_bound(simulate_profiles, min_cluster_size):
    items = simulate_profiles(300, seed=11)
    found = fit(items, min_cluster_size=min_cluster_size, max_radius_fraction=0.01)
    assert 1 <= found.n_iter_ <= len(items) / min_cluster_size + 1
    if min_cluster_size == 1:
        assert found.outlier_rate_ == 0.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"quantile": 0.0}, r"quantile is 0.0; wanted in \(0, 1\]"),
        ({"max_radius_fraction": -1.0}, "max_radius_fraction is -1.0; wanted positive"),
        ({"min_cluster_size": 0}, "min_cluster_size is 0; wanted at least 1"),
        ({"max_distance": 0.0}, "max_distance is 0.0; wanted positive or None"),
        ({"quantile": math.nan}, "quantile is nan"),
    ],
)
def test_a_parameter_out_of_range_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        ImprovedMeanShift(**settings).fit(np.eye(4))


def test_ball_means_are_those_of_all_pairs_whatever_the_groups(simulate_profiles):
    items = simulate_profiles(400, seed=12, n_trials=20)
    pool, _ = collect_rows(items)
    radius = 0.3  # many pairs of rates in twentieths are exactly this far apart
    apart = ((pool.rows[:, None, :] - items) ** 2).sum(axis=2)
    assert np.sum(np.abs(apart - radius**2) < 1e-12) > 10
    for group_size in (1, 7, 64, 10_000):
        means, counts = index_balls(pool, radius).means(pool.rows, group_size)
        tree = KDTree(items)  # ties fall as in scikit-learn, by the rounding of its sum
        np.testing.assert_array_equal(counts, tree.query_radius(pool.rows, radius, count_only=True))
        sure = ~(np.abs(apart - radius**2) < 1e-12).any(axis=1)
        inside = apart <= radius**2
        expected = inside @ items / inside.sum(axis=1)[:, None]
        np.testing.assert_allclose(means[sure], expected[sure], atol=1e-12)


@pytest.mark.parametrize("quantile", [0.02, 0.1, 0.9])
def test_bandwidth_is_scikit_learns(simulate_profiles, quantile):
    items = np.repeat(simulate_profiles(200, seed=13), 2, axis=0)
    pool, _ = collect_rows(items)
    expected = estimate_bandwidth(items, quantile=quantile)
    assert neighbour_bandwidth(pool, quantile, math.inf) == pytest.approx(expected, rel=1e-9)
    assert neighbour_bandwidth(pool, quantile, 0.5 * expected) == 0.5 * expected


def test_modes_from_a_sample_are_near_those_from_every_row(simulate_profiles):
    pool, _ = collect_rows(simulate_profiles(3000, seed=14))
    radius = 0.1 * math.sqrt(8.0)
    exact, sampled = find_modes(pool, radius), find_modes(pool, radius, exact_rows=1000)
    apart = np.linalg.norm(sampled[:, None, :] - exact, axis=2)
    assert apart[0].min() < 0.05 * radius
    assert np.median(apart.min(axis=1)) < 0.25 * radius


def test_a_sample_stands_for_the_pool(simulate_profiles):
    pool, _ = collect_rows(np.repeat(simulate_profiles(2000, seed=15), 2, axis=0))
    sample = sample_rows(pool, 500)
    assert sample.weight.sum() == 500
    # Half an item's share of a rate in [0, 1] per stratum: far above what was measured (0.01).
    np.testing.assert_allclose(
        np.average(sample.rows, axis=0, weights=sample.weight), pool.rows.mean(axis=0), atol=0.05
    )
    assert sample_rows(pool, 4000) is pool
