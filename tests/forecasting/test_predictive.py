"""Predictive draws: the filter of extrapolatable clusters, and what a new run adds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayescod.curves import accuracy
from bayescod.forecasting.predictive import (
    CurveDraws,
    Departure,
    cluster_scores,
    curve_draws,
    extrapolatable,
    flatten,
    single_curve_scores,
    with_spread,
)
from bayescod.laws import further
from bayescod.specs import load_spec

LIMITS = replace(load_spec("cod").filter, a_min=1.0, b_min=0.1, c_max=1.0, min_growth=0.02)
LADDER = {"log_compute": np.array([3.7, 6.0, 9.2])}
GOOD = {"log_a": 1.5, "b": 0.4, "c": 0.05, "g": 0.1}


def curves_of(**changes):
    values = GOOD | changes
    return CurveDraws("eq1", {n: np.array([[float(v)]]) for n, v in values.items()})


def random_curves(n_draws=400, n_cluster=3, seed=0):
    rng = np.random.default_rng(seed)
    shape = (n_draws, n_cluster)
    draws = {
        "log_a": rng.normal(1.5, 0.2, shape),
        "b": rng.normal(0.4, 0.05, shape),
        "c": rng.uniform(0.0, 0.2, shape),
        "g": rng.uniform(0.0, 0.2, shape),
    }
    return CurveDraws("eq1", draws)


def accuracy_at(curves, log_compute):
    return curves.accuracy({"log_compute": log_compute})


def test_accuracy_is_eq_1():
    curves = random_curves()
    expected = accuracy(5.0, *(curves.site(name) for name in ("log_a", "b", "c", "g")))
    np.testing.assert_allclose(accuracy_at(curves, 5.0), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, True),
        ({"log_a": 1e-6}, True),
        ({"log_a": -1e-6}, False),
        ({"b": 0.1 + 1e-9}, True),
        ({"b": 0.1}, False),
        ({"c": 1.0 - 1e-9}, True),
        ({"c": 1.0}, False),
        # A curve that has hardly left its floor, and one that left it long ago.
        ({"log_a": 9.0}, False),
        ({"log_a": 0.1, "b": 1.5}, False),
        ({"g": 0.99}, False),
    ],
)
def test_each_threshold_of_the_filter(changes, kept):
    assert extrapolatable(curves_of(**changes), LADDER, LIMITS).item() is kept


@pytest.mark.parametrize(
    ("limits", "changes"),
    [
        ({"a_min": 5.0}, {}),
        ({"b_min": 0.5}, {}),
        ({"c_max": 0.01}, {}),
        ({"min_growth": 0.9}, {}),
    ],
)
def test_thresholds_are_those_of_the_spec(limits, changes):
    assert extrapolatable(curves_of(**changes), LADDER, LIMITS).item()
    assert not extrapolatable(curves_of(**changes), LADDER, replace(LIMITS, **limits)).item()


def test_without_thresholds_every_curve_is_kept():
    """As in COD without mapping: whatever its curve, and a level one too."""
    limits = load_spec("cod-no-mapping").filter
    for changes in ({"log_a": -50.0}, {"b": 1e-9}, {"c": 50.0}, {"g": 1 - 1e-9}):
        assert extrapolatable(curves_of(**changes), LADDER, limits).item()
        assert not extrapolatable(curves_of(**changes), LADDER, LIMITS).item()


def test_filter_is_by_draw_and_cluster():
    curves = random_curves()
    b = curves.site("b").copy()
    b[::2, 1] = 0.05
    changed = replace(curves, parameters={**curves.parameters, "b": b})
    kept = extrapolatable(changed, LADDER, LIMITS)
    assert kept.shape == (400, 3)
    assert not kept[::2, 1].any()
    assert kept[1::2, 1].mean() > 0.9
    assert kept[:, [0, 2]].mean() > 0.9


def test_draws_are_flattened_chain_by_chain():
    sites = {"log_a": np.arange(12.0).reshape(2, 3, 2), "b": np.ones((2, 3, 2))}
    curves = curve_draws("power-law", sites)
    np.testing.assert_array_equal(curves.site("log_a"), np.arange(12.0).reshape(6, 2))
    np.testing.assert_array_equal(flatten(sites["log_a"]), curves.site("log_a"))
    assert (curves.site("c") == 0).all()
    assert (curves.site("g") == 0).all()


def test_what_the_clusters_share_is_broadcast_over_them():
    shape = (2, 3)
    sites = {name: np.ones((*shape, 4)) for name in ("log_a", "b", "c", "g")}
    sites |= {name: np.full(shape, 0.3) for name in ("share", "tilt")}
    curves = curve_draws("params-tokens", sites)
    at = {"log_params": 0.5, "log_tokens": 1.0, "log_middle": 5.0}
    assert curves.accuracy(at).shape == (6, 4)


@given(st.floats(0.0, 1.0), st.floats(0.0, 3.0), st.floats(-5.0, 5.0))
def test_spread_stays_within_zero_and_one(mean, spread, normal):
    found = with_spread(np.array([mean]), np.array([spread]), np.array([normal])).item()
    assert 0 <= found <= 1
    if mean in (0.0, 1.0) or spread == 0:
        assert found == mean
    elif 0 < found < 1:
        assert found == pytest.approx(mean + spread * (mean * (1 - mean)) ** 0.5 * normal)


def end_to_end(distance, *, walk_scale=0.0, drift=0.0, n=10_000):
    """Scores of 10,000 draws of one curve at three amounts of compute."""
    rng = np.random.default_rng(0)
    curves = CurveDraws("eq1", {name: np.full(n, value) for name, value in GOOD.items()})
    departure = Departure(np.full(n, 0.05), np.full(n, walk_scale), np.full(n, drift))
    column = {"log_compute": U[:, None]}
    return single_curve_scores(
        lambda shift: curves.accuracy(further(column, shift)),
        departure,
        np.asarray(distance),
        rng.standard_normal(n),
        rng.standard_normal(n),
    )


U = np.array([4.0, 8.0, 12.0])
# One run's standard deviation at U.
MEAN = np.asarray(accuracy(U, **GOOD))
ONE_RUN = 0.05 * np.sqrt(MEAN * (1.0 - MEAN))


def test_end_to_end_scores_depart_by_the_spread():
    """10,000 draws: the standard deviation is known to 0.7 %; 4 % is 5.6 of these (2e-8)."""
    scores = end_to_end([0.0, 0.0, 0.0])
    assert scores.shape == (3, 10_000)
    np.testing.assert_allclose(scores.std(axis=1), ONE_RUN, rtol=0.04)
    # A run that turns out well is good at every compute.
    np.testing.assert_allclose(np.corrcoef(scores), 1.0, atol=1e-9)


def test_drift_adds_variance_beyond_the_ladder_only():
    scores = end_to_end([0.0, 1.0, 4.0], drift=2.0)
    expected = ONE_RUN * np.sqrt([1.0, 3.0, 9.0])
    np.testing.assert_allclose(scores.std(axis=1), expected, rtol=0.04)


def test_walk_moves_the_target_along_its_law():
    still = end_to_end([0.0, 1.0, 4.0]).var(axis=1)
    walked = end_to_end([0.0, 1.0, 4.0], walk_scale=0.2).var(axis=1)
    assert walked[0] == still[0]
    at = accuracy(U + np.array([[-1.0], [1.0]]) * 0.2 * np.sqrt([0.0, 1.0, 4.0]), **GOOD)
    slope = np.asarray(at[1] - at[0]) / 2.0
    # A shift of a standard deviation moves the score by half the difference between both sides;
    # curvature is the rest: a tenth at most here.
    np.testing.assert_allclose(walked - still, slope**2, rtol=0.15, atol=1e-5)


AT = np.array([5.0, 8.0, 12.0])


def predict(curves, *, effect=0.0, spread=0.0, n_items=40.0):
    n_draws, n_cluster = curves.site("b").shape
    column = {"log_compute": AT[:, None, None]}
    return cluster_scores(
        lambda shift: curves.accuracy(further(column, shift)),
        effect=np.broadcast_to(effect, (AT.size, n_draws)),
        spread=np.full(n_draws, spread),
        n_items=np.full(n_cluster, n_items),
        cluster_normals=np.random.default_rng(1).standard_normal((n_draws, n_cluster)),
    )


def test_without_run_effect_and_spread_clusters_are_their_curves():
    curves = random_curves()
    np.testing.assert_allclose(predict(curves), [accuracy_at(curves, u) for u in AT], rtol=1e-12)


def test_run_effect_moves_all_clusters_the_same_way():
    curves = random_curves()
    better, plain, worse = (predict(curves, effect=effect) for effect in (0.3, 0.0, -0.3))
    assert (better > plain).all()
    assert (plain > worse).all()


def test_run_effect_is_so_much_compute():
    curves = random_curves()
    effect = np.random.default_rng(2).normal(0.0, 0.5, (AT.size, 400))
    shifted = [accuracy_at(curves, (u + by)[:, None]) for u, by in zip(AT, effect, strict=True)]
    np.testing.assert_allclose(predict(curves, effect=effect), shifted, rtol=1e-12)


def test_clusters_depart_on_their_own_and_less_where_they_are_large():
    curves = random_curves(4000, 2)
    plain = predict(curves)
    small = predict(curves, spread=0.3, n_items=10.0) - plain
    large = predict(curves, spread=0.3, n_items=1000.0) - plain
    assert (large.std(axis=1) > 0).all()
    assert (large.std(axis=1) < 0.5 * small.std(axis=1)).all()
    # 4,000 draws: 4.5 standard errors of a correlation of zero are 0.071 (7e-6).
    assert abs(np.corrcoef(large[1].T)[0, 1]) < 0.071


@given(st.floats(-3.0, 3.0), st.floats(0.0, 3.0), st.integers(0, 5))
def test_cluster_scores_are_scores(effect, spread, seed):
    scores = predict(random_curves(50, 2, seed), effect=effect, spread=spread, n_items=3.0)
    assert ((scores >= 0) & (scores <= 1)).all()
