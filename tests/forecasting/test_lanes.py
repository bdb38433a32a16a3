"""Lanes: bases, leverage, priors of guessing, and what is padding."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import beta as beta_distribution

from bayescod.forecasting.ladder import fitted, group_of
from bayescod.forecasting.lanes import (
    cluster_lane,
    curve_lane,
    padded_size,
)
from bayescod.specs import load_spec
from tests._ladders import make_ladder, planted_labels

COD, END_TO_END = load_spec("cod"), load_spec("end-to-end")


@pytest.mark.parametrize(("n", "size"), [(1, 16), (16, 16), (17, 32), (32, 32), (33, 64)])
def test_padded_size(n, size):
    assert padded_size(n, 16) == size


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
    rate = np.reshape(lane.data["pass_rate"], (16, 8))
    observed = np.reshape(lane.data["observed"], (16, 8))
    variance = np.reshape(lane.data["variance"], (16, 8))
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
        assert not np.reshape(lane.data["observed"], (-1, 8))[0, 2]
        assert all(np.isfinite(v).all() for v in (*lane.data.values(), *lane.start.values()))


def test_all_benchmarks_of_a_size_share_a_shape():
    shapes = []
    for n_items, n_ladder in ((60, 5), (240, 8)):
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
        "lower",
    }
