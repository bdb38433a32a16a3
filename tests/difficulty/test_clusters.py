import math

import numpy as np
import pytest

from bayescod.difficulty import METHODS, ImprovedMeanShift, cluster_items
from bayescod.errors import UnknownNameError


@pytest.fixture(scope="module")
def blobs():
    rng = np.random.default_rng(3)
    centres = np.repeat([[0.85, 0.9, 0.95], [0.1, 0.4, 0.8], [0.05, 0.1, 0.3]], 60, axis=0)
    return (centres + rng.normal(0.0, 0.02, centres.shape)).clip(0.001, 1.0)


def check_record(found, profile, method):
    active = (profile != 0.0).any(axis=1)
    clustered = found.labels >= 0
    assert found.method == method
    assert found.n_zero == np.sum(~active)
    assert not clustered[~active].any()
    assert found.outlier_rate == pytest.approx(np.sum(active & ~clustered) / active.sum())
    assert sorted(set(found.labels[clustered])) == list(range(len(found.centers)))
    rates = [profile[found.labels == cluster].mean() for cluster in range(len(found.centers))]
    assert rates == sorted(rates, reverse=True)
    apart = np.linalg.norm(profile[clustered] - found.centers[found.labels[clustered]], axis=1)
    assert found.intra_cluster_distance == pytest.approx(apart.mean())
    return apart


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_planted_clusters_and_says_how_well(blobs, method):
    found = cluster_items(blobs, method)
    apart = check_record(found, blobs, method)
    assert apart.mean() < 0.1
    planted = np.arange(len(blobs)) // 60
    for cluster in range(len(found.centers)):
        assert len(set(planted[found.labels == cluster])) == 1
    assert math.isnan(found.radius) == (method == "k-means")


@pytest.mark.parametrize("method", METHODS)
def test_methods_are_reproducible_in_any_order_of_the_items(simulate_profiles, method):
    items = simulate_profiles(300, seed=2)
    items[:9] = 0.0
    order = np.random.default_rng(0).permutation(len(items))
    found, shuffled = cluster_items(items, method), cluster_items(items[order], method)
    check_record(found, items, method)
    np.testing.assert_array_equal(shuffled.labels, found.labels[order])
    np.testing.assert_array_equal(shuffled.centers, found.centers)


def test_the_methods_differ_as_the_paper_says(simulate_profiles):
    items = simulate_profiles(500, seed=4)
    found = {method: cluster_items(items, method) for method in METHODS}
    for method in ("mean-shift", "k-means"):
        assert found[method].outlier_rate == 0.0
    for method in ("improved-mean-shift", "improved-k-means"):
        assert found[method].outlier_rate > 0.0
        plain = found[method.removeprefix("improved-")]
        assert found[method].intra_cluster_distance < plain.intra_cluster_distance
    for method in ("improved-mean-shift", "k-means", "improved-k-means", "dbscan"):
        sizes = np.bincount(found[method].labels[found[method].labels >= 0])
        assert sizes.min() >= 10


def test_the_default_is_the_estimator_on_the_items_with_any_performance(simulate_profiles):
    items = simulate_profiles(400, seed=5)
    with_zeros = np.concatenate([np.zeros((100, 8)), items])
    found = cluster_items(with_zeros)
    alone = ImprovedMeanShift(max_distance=math.sqrt(8.0)).fit(items)
    assert found.n_zero == 100
    np.testing.assert_array_equal(found.labels[100:], alone.labels_)
    assert found.radius == alone.radius_
    # Left in, the zeros would be a cluster of their own: the rule has an effect.
    assert ImprovedMeanShift(max_distance=math.sqrt(8.0)).fit(with_zeros).labels_[0] >= 0


def test_items_with_a_missing_rate_are_outliers_and_change_nothing_else(blobs):
    holed = np.concatenate([blobs, blobs[:20], np.zeros((5, 3))])
    holed[len(blobs) :, 1] = np.nan
    found, whole = cluster_items(holed), cluster_items(blobs)
    np.testing.assert_array_equal(found.labels[: len(blobs)], whole.labels)
    assert (found.labels[len(blobs) :] == -1).all()
    assert found.n_zero == 0
    assert found.outlier_rate == pytest.approx((25 + np.sum(whole.labels < 0)) / len(holed))
    assert found.intra_cluster_distance == whole.intra_cluster_distance


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "profile",
    [np.zeros((30, 4)), np.empty((0, 4)), np.full((3, 4), np.nan), np.full((1, 4), 0.5)],
    ids=["all-zero", "no-item", "all-missing", "one-item"],
)
def test_next_to_nothing_to_cluster_is_no_error(profile, method):
    found = cluster_items(profile, method)
    assert found.labels.shape == (len(profile),)
    assert found.centers.shape[1] == 4
    assert 0.0 <= found.outlier_rate <= 1.0


@pytest.mark.parametrize("method", METHODS)
def test_identical_items_are_one_cluster(method):
    found = cluster_items(np.full((30, 4), 0.5), method)
    assert found.labels.tolist() == [0] * 30
    assert found.intra_cluster_distance == pytest.approx(0.0, abs=1e-12)


def test_bad_input_is_named():
    with pytest.raises(UnknownNameError, match="did you mean k-means"):
        cluster_items([[0.5]], "kmeans")
    with pytest.raises(ValueError, match=r"1\.5 at item 1, LLM 0 \(of 1 such\)"):
        cluster_items([[0.5], [1.5]])
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        cluster_items([0.5, 0.5])
    with pytest.raises(ValueError, match="min_cluster_size is 0"):
        cluster_items([[0.5]], min_cluster_size=0)
