"""Which method a benchmark allows, and whether its clusters have grown."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import linregress
from scipy.stats import t as student_t
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import adjusted_rand_score

from bayescod.forecasting.ladder import fitted, group_of
from bayescod.forecasting.stages import (
    disorder,
    group_items,
    growth_of,
    growth_probability,
)
from bayescod.specs import load_spec
from tests._ladders import (
    GROWING,
    LEVEL,
    Curve,
    benchmark_level,
    make_ladder,
    planted_labels,
)

COD = load_spec("cod")
SETTINGS, LIMITS = COD.clustering, COD.filter


def group(ladder, smoothing="horizontal", **settings):
    rng = np.random.default_rng(0)
    return group_items(rng, ladder, replace(SETTINGS, **settings), LIMITS, smoothing)


def with_rates(ladder, rates):
    """Replace the rates of the ladder, the same for every item."""
    new = ladder.scores.pass_rate.copy()
    new[:, : ladder.n_ladder] = rates
    return replace(ladder, scores=replace(ladder.scores, pass_rate=new))


def test_planted_clusters_are_found_and_grow():
    ladder = make_ladder()
    found = group(ladder)
    assert found.reason is None
    assert found.remarks == ()
    inside = found.labels >= 0
    assert inside.mean() > 0.5
    assert adjusted_rand_score(planted_labels(ladder)[inside], found.labels[inside]) == 1.0
    assert (found.grows > 0.9).all()
    assert found.ladder is ladder


def test_a_table_without_items_says_so():
    ladder = make_ladder()
    found = group(replace(ladder, scores=benchmark_level(ladder.scores)))
    assert found.reason.code == "no-items"
    assert found.labels is None


@pytest.mark.parametrize(("n_trials", "few"), [(1, True), (9, True), (10, False), (100, False)])
def test_few_trials_are_not_clustered(n_trials, few):
    found = group(make_ladder(n_trials=n_trials), few_trials=10)
    assert (found.reason is not None and found.reason.code == "few-trials") == few
    assert (found.clusters is None) == few


def test_items_that_have_nothing_in_common_are_no_clusters():
    rng = np.random.default_rng(1)
    ladder = make_ladder()
    shape = (120, ladder.n_ladder)
    found = group(with_rates(ladder, rng.random(shape)), max_radius_fraction=0.02)
    assert found.reason.code == "no-clusters"
    assert found.labels is None


def test_level_clusters_have_not_grown():
    found = group(make_ladder(curves=LEVEL))
    assert found.reason.code == "no-growth"
    assert found.labels is None
    assert found.clusters.labels.max() >= 1
    assert (found.grows < LIMITS.screen_below).all()


@pytest.mark.parametrize(("n_level", "small"), [(1, False), (7, True)])
def test_growth_of_few_items_does_not_speak_for_the_benchmark(n_level, small):
    """Half of the items grow, or an eighth: a quarter is wanted."""
    level = [Curve(0.1 + 0.25 * i, 0.0) for i in range(n_level)]
    found = group(make_ladder(curves=(GROWING[0], *level), n_items=320))
    assert (found.grows >= LIMITS.screen_below).any()
    assert (found.labels is None) == small
    assert (found.reason.code if small else found.reason) == ("small-subset" if small else None)


def test_a_level_cluster_beside_growing_ones_is_told_apart():
    found = group(make_ladder(curves=(*GROWING, LEVEL[0]), n_items=160))
    assert found.reason is None
    labels = planted_labels(make_ladder(n_items=160), 4)
    level = np.bincount(found.labels[(labels == 3) & (found.labels >= 0)]).argmax()
    assert found.grows[level] < 0.5
    assert (np.delete(found.grows, level) > 0.9).all()


def test_few_trials_are_split_into_disjoint_halves():
    ladder = make_ladder(n_trials=30)
    found = group(ladder, split_below=50)
    assert [remark.code for remark in found.remarks] == ["split-trials"]
    n = ladder.n_ladder
    whole, half = ladder.scores, found.ladder.scores
    np.testing.assert_array_equal(half.n_trials[:, :n], 15.0)
    right = np.rint(half.pass_rate[:, :n] * half.n_trials[:, :n])
    np.testing.assert_allclose(right, half.pass_rate[:, :n] * half.n_trials[:, :n], atol=1e-9)
    # No half has more right answers, or more wrong ones, than there were.
    all_right = np.rint(whole.pass_rate[:, :n] * 30)
    assert (right <= all_right).all()
    assert (15 - right <= 30 - all_right).all()
    assert (right != all_right / 2).any()


def test_anchors_and_what_was_measured_are_not_split():
    ladder = make_ladder(n_trials=30)
    found = group(ladder, split_below=50).ladder
    n = ladder.n_ladder
    np.testing.assert_array_equal(found.scores.n_trials[:, n:], 30.0)
    np.testing.assert_array_equal(found.scores.pass_rate[:, n:], ladder.scores.pass_rate[:, n:])
    np.testing.assert_array_equal(found.scores.measured_rate, ladder.scores.measured_rate)


def test_items_that_never_grew_are_not_fitted_with_the_luck_that_chose_them():
    """Level items, 12 trials, split: the fitted half has no slope but by chance.

    The slope of 120 items over 7 LLMs has a t of 5 degrees; |t| > 10 has a chance of 2e-4.
    """
    level = (Curve(1.0, 0.0),)
    found = group(make_ladder(curves=level, n_trials=12), split_below=50, max_radius_fraction=0.5)
    for k in range(int(found.clusters.labels.max()) + 1):
        rate = fitted(group_of(found.ladder.scores, found.clusters.labels == k))[0][:7]
        fit = linregress(found.ladder.log_compute, rate)
        assert abs(fit.slope / fit.stderr) < 10


@pytest.mark.parametrize("min_growth", [0.0, 0.02, 0.2])
def test_growth_probability_is_that_of_the_slopes_t(min_growth):
    ladder = make_ladder(curves=(Curve(2.0, 0.05), *GROWING), n_trials=20, n_items=40)
    members = np.arange(40) % 4 == 0
    x = ladder.log_compute
    fit = linregress(x, fitted(group_of(ladder.scores, members))[0][:7])
    wanted = student_t.sf((min_growth / np.ptp(x) - fit.slope) / fit.stderr, 5)
    assert 0.001 < wanted < 0.999
    assert growth_probability(ladder, members, min_growth) == pytest.approx(wanted, abs=0.02)


def test_declining_cluster_has_not_grown():
    """The negative control: the same curve upside down."""
    ladder = make_ladder()
    everything = np.ones(120, dtype=bool)
    rates = np.linspace(0.2, 0.8, 7)
    assert growth_probability(with_rates(ladder, rates), everything, 0.02) > 0.999
    assert growth_probability(with_rates(ladder, rates[::-1]), everything, 0.02) < 0.001


# A dozen odd items: high at first, low in the middle, high again.
ODD = np.array([0.65, 0.45, 0.4, 0.4, 0.42, 0.6, 0.75])


def test_a_cluster_that_falls_and_rises_again_is_not_fitted():
    """By what it says of growth alone it would be; the negative control is a tolerant filter."""
    ladder = with_rates(make_ladder(), ODD)
    everything = np.ones(120, dtype=bool)
    assert growth_probability(ladder, everything, 0.0) > LIMITS.screen_below
    assert growth_of(ladder, everything, replace(LIMITS, min_growth=0.0)) == 0.0
    tolerant = replace(LIMITS, min_growth=0.0, max_disorder=1.0)
    assert growth_of(ladder, everything, tolerant) == growth_probability(ladder, everything, 0.0)


def test_disorder_is_what_isotonic_regression_leaves_less_the_trials():
    everything = np.ones(120, dtype=bool)
    ladder = with_rates(make_ladder(n_trials=50), ODD)
    rate, variance = (x[:7] for x in fitted(group_of(ladder.scores, everything)))
    left = ((rate - IsotonicRegression().fit_transform(np.arange(7), rate)) ** 2).sum()
    wanted = (left - variance.sum()) / ((rate - rate.mean()) ** 2).sum()
    assert disorder(ladder, everything) == pytest.approx(wanted, abs=1e-9)
    assert disorder(with_rates(ladder, np.linspace(0.2, 0.8, 7)), everything) == 0.0
    assert disorder(with_rates(ladder, np.full(7, 0.3)), everything) == 0.0
    assert disorder(with_rates(ladder, np.linspace(0.8, 0.2, 7)), everything) > 0.99


def test_one_bad_run_is_no_disorder():
    """An LLM that is as bad on all items as one of an eighth of its compute."""
    rates = np.linspace(0.2, 0.8, 7)
    rates[4] = 0.3
    everything = np.ones(120, dtype=bool)
    assert disorder(with_rates(make_ladder(), rates), everything) < LIMITS.max_disorder


def test_disorder_of_chance_is_none():
    """2,000 groups of 10 items with 10 trials on curves that grow by 40 points: under 1 %."""
    ladder = make_ladder(curves=(Curve(0.3, 0.25),), n_trials=10, n_items=20_000)
    groups = np.arange(20_000) // 10
    found = [disorder(ladder, groups == k) > LIMITS.max_disorder for k in range(2000)]
    assert np.mean(found) < 0.01


def test_growth_needs_three_llms_with_scores():
    rates = np.full(7, np.nan)
    rates[:2] = [0.1, 0.9]
    everything = np.ones(120, dtype=bool)
    assert growth_probability(with_rates(make_ladder(), rates), everything, 0.02) == 0.0


def test_vertical_smoothing_clusters_other_profiles_and_fits_the_same_scores():
    rough, smooth = group(make_ladder(n_trials=60)), group(make_ladder(n_trials=60), "vertical")
    assert smooth.clusters.intra_cluster_distance != rough.clusters.intra_cluster_distance
    np.testing.assert_array_equal(smooth.ladder.scores.pass_rate, rough.ladder.scores.pass_rate)
