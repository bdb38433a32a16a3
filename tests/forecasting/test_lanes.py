"""Lanes: bases, leverage, priors of guessing, and what is padding."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta as beta_distribution

from bayescod.forecasting.ladder import fitted, group_of
from bayescod.forecasting.lanes import (
    cluster_lane,
    curve_lane,
    line_leverage,
    padded_size,
    run_basis,
)
from bayescod.specs import load_spec
from tests._ladders import make_ladder, planted_labels

COD, END_TO_END = load_spec("cod"), load_spec("end-to-end")
LADDERS = st.lists(st.floats(0.0, 12.0), min_size=4, max_size=20, unique=True).filter(
    lambda u: np.ptp(u) > 0.5
)


@pytest.mark.parametrize(("n", "size"), [(1, 16), (16, 16), (17, 32), (32, 32), (33, 64)])
def test_padded_size(n, size):
    assert padded_size(n, 16) == size


@given(LADDERS)
def test_run_basis_is_orthonormal_and_has_no_level_and_no_slope(points):
    u = np.array(points)
    basis = run_basis(u)
    assert basis.shape == (u.size, u.size - 2)
    np.testing.assert_allclose(basis.T @ basis, np.eye(u.size - 2), atol=1e-10)
    np.testing.assert_allclose(basis.T @ np.ones(u.size), 0.0, atol=1e-10)
    np.testing.assert_allclose(basis.T @ u, 0.0, atol=1e-8)


def test_run_basis_takes_replicates():
    u = np.repeat([1.0, 2.0, 4.0], 3)
    basis = run_basis(u)
    np.testing.assert_allclose(basis.T @ basis, np.eye(7), atol=1e-12)
    np.testing.assert_allclose(basis.T @ np.stack([np.ones(9), u], axis=1), 0.0, atol=1e-12)


@given(LADDERS, st.lists(st.floats(-5.0, 25.0), min_size=1, max_size=4))
def test_leverage_is_the_textbooks(points, at):
    u = np.array(points)
    design = np.stack([np.ones(u.size), u], axis=1)
    new = np.stack([np.ones(len(at)), np.array(at)], axis=1)
    covariance = np.linalg.inv(design.T @ design)
    expected = np.einsum("ij,jk,ik->i", new, covariance, new)
    np.testing.assert_allclose(line_leverage(u, np.array(at)), expected, rtol=1e-6, atol=1e-9)


def test_leverage_is_what_a_simulated_line_varies():
    """4,000 lines: the variance has a relative error of 2.2 %; 10 % is 4.5 of these (1e-5)."""
    rng = np.random.default_rng(0)
    u, at = np.linspace(3.7, 9.2, 7), 12.0
    y = rng.standard_normal((4000, 7))
    slope = y @ (u - u.mean()) / ((u - u.mean()) ** 2).sum()
    predicted = y.mean(axis=1) + slope * (at - u.mean())
    assert predicted.var() == pytest.approx(line_leverage(u, np.array(at)).item(), rel=0.1)


@pytest.mark.parametrize("spec", [COD, END_TO_END], ids=lambda spec: spec.name)
@pytest.mark.parametrize("chance", [0.0, 0.1, 0.25, 0.5])
def test_known_chance_is_the_mode_of_the_guess_floor(spec, chance):
    ladder = make_ladder(0, spec, chance=chance)
    data = curve_lane(ladder, spec).data
    alpha, beta = float(data["guess_alpha"]), float(data["guess_beta"])
    assert (alpha - 1) / (alpha + beta - 2) == pytest.approx(chance)
    assert beta_distribution(alpha, beta).std() > 0.02


@pytest.mark.parametrize("spec", [COD, END_TO_END], ids=lambda spec: spec.name)
def test_unknown_chance_has_the_mean_of_the_spec(spec):
    data = curve_lane(make_ladder(0, spec), spec).data
    alpha, beta = float(data["guess_alpha"]), float(data["guess_beta"])
    assert alpha / (alpha + beta) == pytest.approx(spec.priors["g"].parameters["mean"])


def test_lane_of_clusters_holds_their_mean_rates():
    ladder = make_ladder()
    labels = planted_labels(ladder)
    lane = cluster_lane(ladder, labels, COD)
    rate = np.reshape(lane.data["pass_rate"], (16, 16))
    observed = np.reshape(lane.data["observed"], (16, 16))
    variance = np.reshape(lane.data["variance"], (16, 16))
    assert observed.sum() == 3 * 7
    assert observed[:3, :7].all()
    for k in range(3):
        expected = fitted(group_of(ladder.scores, labels == k))
        np.testing.assert_allclose(rate[k, :7], expected[0][:7])
        np.testing.assert_allclose(variance[k, :7], expected[1][:7])
    np.testing.assert_array_equal(lane.data["cluster_items"][:3], [40, 40, 40])
    assert lane.data["cluster_used"].sum() == 3
    assert lane.data["run_used"].sum() == 5


def test_anchors_are_not_in_a_lane():
    lanes = []
    for rate in (0.1, 0.9):
        ladder = make_ladder()
        scores = ladder.scores.pass_rate.copy()
        scores[:, -1] = rate
        changed = replace(ladder, scores=replace(ladder.scores, pass_rate=scores))
        lanes.append(cluster_lane(changed, planted_labels(ladder), COD))
    for name, value in lanes[0].data.items():
        np.testing.assert_array_equal(value, lanes[1].data[name])


def test_missing_llm_is_not_observed_and_leaves_no_nan():
    ladder = make_ladder()
    scores = ladder.scores.pass_rate.copy()
    scores[:, 2] = np.nan
    holed = replace(ladder, scores=replace(ladder.scores, pass_rate=scores))
    for lane in (cluster_lane(holed, planted_labels(ladder), COD), curve_lane(holed, END_TO_END)):
        assert not np.reshape(lane.data["observed"], (-1, 16))[0, 2]
        assert all(np.isfinite(v).all() for v in (*lane.data.values(), *lane.start.values()))


def test_all_benchmarks_of_a_size_share_a_shape():
    shapes = []
    for n_items, n_ladder in ((60, 5), (240, 9)):
        ladder = make_ladder(n_items=n_items, n_ladder=n_ladder)
        lane = cluster_lane(ladder, planted_labels(ladder), COD)
        shapes.append({name: value.shape for name, value in lane.data.items()})
    assert shapes[0] == shapes[1]


def test_start_is_a_curve_through_the_measured_ends():
    ladder = make_ladder(0, END_TO_END)
    lane = curve_lane(ladder, END_TO_END)
    rate = fitted(ladder.scores)[0][:7]
    upper = 1 / (1 + np.exp(-lane.start["upper"]))
    assert upper == pytest.approx(rate[-2:].mean(), abs=1e-9)
    assert set(cluster_lane(ladder, planted_labels(ladder), load_spec("cod-power-law")).start) == {
        "upper",
        "ratio",
    }
