"""One benchmark's ladder as arrays."""

from dataclasses import replace

import numpy as np
import pytest

from bayescod.errors import DataError
from bayescod.forecasting.ladder import (
    columns_of,
    fitted,
    group_of,
    ladder_of,
    measured,
    median_trials,
)
from bayescod.scores.selection import Selection, Target, parse_target
from bayescod.specs import load_spec
from tests._ladders import (
    ANCHOR,
    OFF_RATIO,
    TARGET,
    benchmark_level,
    make_ladder,
    make_scores,
    rescored,
    select,
)

COD = load_spec("cod")


def ladder(scores, **settings):
    return ladder_of(scores.benchmarks[0], scores.llms, select(scores), COD, **settings)


def selection_of(*names):
    return Selection(names, (), Target("1e24 FLOP", 1e24, np.nan, np.nan), (), ())


def test_ladder_comes_in_order_of_compute_then_the_anchors():
    scores = make_scores()
    one = scores.benchmarks[0]
    shuffled = columns_of(one, list(np.random.default_rng(0).permutation(one.llm)))
    found = ladder_of(shuffled, scores.llms, select(scores), COD)
    assert found.scores.llm == (*(f"llm-{i}" for i in range(7)), ANCHOR)
    assert found.n_ladder == 7
    assert (np.diff(found.compute_flops) > 0).all()
    np.testing.assert_array_equal(found.scores.pass_rate, ladder(scores).scores.pass_rate)


def test_target_is_in_no_column_and_is_the_truth():
    scores = make_scores()
    found = ladder(scores)
    assert TARGET not in found.scores.llm
    one = scores.benchmarks[0]
    assert found.truth == pytest.approx(one.score()[one.llm.index(TARGET)])
    changed = ladder(rescored(scores, TARGET, 0.123))
    assert changed.truth == pytest.approx(0.123)
    np.testing.assert_array_equal(changed.scores.pass_rate, found.scores.pass_rate)


def test_no_truth_where_the_target_was_not_evaluated():
    scores = make_scores()
    one = scores.benchmarks[0]
    without = columns_of(one, [name for name in one.llm if name != TARGET])
    assert ladder_of(without, scores.llms, select(scores), COD).truth is None


def test_unit_of_compute_is_that_of_the_spec():
    scores = make_scores()
    found = ladder(scores)
    assert found.unit_flops == pytest.approx(4e19 / COD.smallest_over_unit)
    assert found.log_compute.min() == pytest.approx(np.log(COD.smallest_over_unit))
    fixed = replace(COD, unit_flops=1e18)
    assert ladder_of(scores.benchmarks[0], scores.llms, select(scores), fixed).unit_flops == 1e18


def test_anchor_without_compute_keeps_its_scores():
    scores = make_scores()
    flops = scores.llms.compute_flops.copy()
    flops[scores.llms.index(ANCHOR)] = np.nan
    found = ladder(replace(scores, llms=replace(scores.llms, compute_flops=flops)))
    assert np.isnan(found.all_flops[-1])
    assert not np.isnan(found.scores.pass_rate[:, -1]).any()


def test_three_llms_are_too_few():
    scores = make_scores()
    names = [f"llm-{i}" for i in range(3)]
    with pytest.raises(DataError, match=r"short-ladder.*'toy'.*got: 3"):
        ladder_of(scores.benchmarks[0], scores.llms, selection_of(*names), COD)


def test_llms_without_scores_here_do_not_count():
    scores = make_scores()
    few = columns_of(scores.benchmarks[0], ["llm-0", "llm-1", "llm-2", TARGET])
    with pytest.raises(DataError, match="short-ladder"):
        ladder_of(few, scores.llms, select(scores), COD)


def test_replicates_alone_are_no_ladder():
    scores = make_scores()
    flops = np.where(np.arange(9) < 4, 1e20, 2e20)
    llms = replace(scores.llms, compute_flops=flops)
    with pytest.raises(DataError, match=r"no-compute-range.*got: 2"):
        ladder_of(scores.benchmarks[0], llms, select(scores), COD)


def test_group_has_the_rows_and_their_names():
    one = make_scores().benchmarks[0]
    rows = np.arange(120) % 3 == 1
    group = group_of(one, rows)
    assert group.item_id[:2] == ("i001", "i004")
    np.testing.assert_array_equal(group.pass_rate, one.pass_rate[1::3])


def test_fitted_rate_is_the_mean_over_the_items_that_are_there():
    one = make_scores().benchmarks[0]
    holed = one.pass_rate.copy()
    holed[0, 0] = np.nan
    holed[:, 1] = np.nan
    rate, variance = fitted(replace(one, pass_rate=holed))
    assert rate[0] == pytest.approx(holed[1:, 0].mean())
    assert np.isnan(rate[1])
    assert np.isnan(variance[1])
    assert (variance[2:] > 0).all()


def test_measured_scores_take_the_place_of_the_smoothed():
    one = make_scores().benchmarks[0]
    smoothed = replace(one, pass_rate=one.pass_rate * 0.5, n_trials=one.n_trials * 3)
    np.testing.assert_array_equal(measured(smoothed).pass_rate, one.measured_rate)
    assert median_trials(smoothed) == 300
    assert median_trials(measured(smoothed)) == 100


def test_soft_scores_have_no_end_of_trials():
    soft = benchmark_level(make_scores().benchmarks[0])
    assert median_trials(soft) == np.inf
    scores = replace(make_scores(), benchmarks=(soft,))
    found = ladder(scores, eval_trials=10)
    assert not found.items_known
    assert found.evaluation_ratio == 0.0


def test_evaluation_ratio_is_the_variance_of_the_score_from_trials():
    """120 items with 100 trials: what varies is the mean of item variances, below mu (1 - mu)."""
    found = make_ladder()
    assert 0.3 / (120 * 100) < found.evaluation_ratio < 1.0 / (120 * 100)


def test_evaluation_ratio_goes_down_with_the_trials_asked_for():
    scores = make_scores()
    own = ladder(scores).evaluation_ratio
    assert ladder(scores, eval_trials=100).evaluation_ratio == pytest.approx(own)
    assert ladder(scores, eval_trials=1).evaluation_ratio == pytest.approx(100 * own)
    assert ladder(scores, eval_trials=400).evaluation_ratio == pytest.approx(own / 4)


def test_covariates_are_logs_around_the_ladders_geometric_mean():
    found = make_ladder(tokens_per_param=OFF_RATIO)
    at = found.covariates
    np.testing.assert_array_equal(at["log_compute"], found.log_compute)
    assert at["log_low"] == found.log_compute.min()
    assert at["log_middle"] == pytest.approx(found.log_compute.mean())
    assert at["log_params"].sum() == pytest.approx(0.0, abs=1e-9)
    assert at["log_tokens"].sum() == pytest.approx(0.0, abs=1e-9)
    # C = 6 N D: both parts add up to compute over its own mean.
    centred = found.log_compute - found.log_compute.mean()
    np.testing.assert_allclose(at["log_params"] + at["log_tokens"], centred, atol=1e-9)
    spread = at["log_tokens"] - at["log_params"]
    np.testing.assert_allclose(spread, np.log(OFF_RATIO) - np.log(OFF_RATIO).mean(), atol=1e-9)


def test_covariates_at_the_ladders_own_llms_are_its_covariates():
    scores = make_scores(tokens_per_param=OFF_RATIO)
    found = ladder(scores)
    own = found.covariates
    for i, name in enumerate(found.scores.llm[:7]):
        at = found.covariates_at(found.compute_flops[[i]], parse_target(name, scores.llms))
        for column in ("log_compute", "log_params", "log_tokens"):
            assert at[column][0] == pytest.approx(own[column][i], abs=1e-9), column
        assert (at["log_low"], at["log_middle"]) == (own["log_low"], own["log_middle"])


@pytest.mark.parametrize("ratio", [5.0, 20.0, 300.0])
def test_covariates_go_on_at_the_targets_ratio(ratio):
    found = make_ladder(tokens_per_param=OFF_RATIO)
    target = parse_target(f"1e24@{ratio}", make_scores().llms)
    compute = np.array([1e21, 1e24, 1e26])
    at = found.covariates_at(compute, target)
    params = np.exp(at["log_params"] + found.log_params.mean())
    tokens = np.exp(at["log_tokens"] + found.log_tokens.mean())
    np.testing.assert_allclose(tokens / params, ratio)
    np.testing.assert_allclose(6 * tokens * params, compute)


def test_target_of_compute_alone_has_no_parameters_and_tokens():
    found = make_ladder(tokens_per_param=OFF_RATIO)
    at = found.covariates_at(np.array([1e21, 1e24]), parse_target("1e24", make_scores().llms))
    assert np.isfinite(at["log_compute"]).all()
    assert np.isnan(at["log_params"]).all()
    assert np.isnan(at["log_tokens"]).all()


def test_loss_is_that_of_the_models_table():
    scores = make_scores()
    found = ladder(scores)
    np.testing.assert_allclose(np.exp(found.log_loss), scores.llms.loss[:7])
    assert (np.diff(found.log_loss) < 0).all()


@pytest.mark.parametrize(
    ("ratio", "off"),
    [
        (20.0, False),
        ((20.0, 22.0, 19.0, 25.0, 20.0, 20.0, 20.0), False),
        ((20.0, 20.0, 20.0, 20.0, 20.0, 20.0, 32.0), True),
        (OFF_RATIO, True),
    ],
)
def test_a_rival_law_is_for_a_ladder_off_one_ratio(ratio, off):
    found = make_ladder(tokens_per_param=ratio)
    assert found.off_one_ratio == off
    assert found.has_rival_law == off


@pytest.mark.parametrize(("column", "llm"), [("params", "llm-2"), ("tokens", "llm-6")])
def test_no_rival_law_where_one_llm_lacks_parameters_or_tokens(column, llm):
    scores = make_scores(tokens_per_param=OFF_RATIO)
    values = getattr(scores.llms, column).copy()
    values[scores.llms.index(llm)] = np.nan
    found = ladder(replace(scores, llms=replace(scores.llms, **{column: values})))
    assert not found.off_one_ratio
    assert not found.has_rival_law
    assert ladder(scores).has_rival_law


@pytest.mark.parametrize(("text", "rival"), [("1e24", False), ("1e24@20", True), (TARGET, True)])
def test_no_rival_law_for_a_target_without_tokens(text, rival):
    scores = make_scores(tokens_per_param=OFF_RATIO)
    found = ladder_of(scores.benchmarks[0], scores.llms, select(scores, text), COD)
    assert found.off_one_ratio
    assert found.has_rival_law == rival
