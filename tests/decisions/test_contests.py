"""Chances between candidates: against brute force, with the shared law, and without it."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy.stats import norm

from bayescod.decisions.contests import INDEPENDENT, SAME_LAW, chance_above_all, compare
from bayescod.errors import DataError, ResultError
from tests._backtests import make_backtest
from tests._factories import HEALTHY, make_benchmark, make_course, make_set

MANY = 4000
LAW, LUCK = 0.04, 0.01


def planted(name, *, centre, law, luck, **options):
    """A benchmark of known law and luck: arrays of standard normals by world."""
    one = make_benchmark(name, n_draws=MANY, **options)
    tree = one.tree.copy()
    typical = centre + LAW * law
    predictions = tree["predictions"].to_dataset()
    tree["predictions"] = xr.DataTree(
        predictions.assign(typical_score=("draw", typical), score=("draw", typical + LUCK * luck))
    )
    return replace(one, tree=tree)


def plans(gap, names=("toy",), **options):
    """Two plans of one ladder, the second worse by ``gap``; each run's luck is one on all."""
    rng = np.random.default_rng(3)
    law = {name: rng.standard_normal(MANY) for name in names}
    luck = rng.standard_normal(MANY)
    return tuple(
        make_set(*(planted(n, centre=centre, law=law[n], luck=luck, **options) for n in names))
        for centre in (0.5, 0.5 - gap)
    )


def other_ladder(forecasts):
    """The same forecast as if of other scores."""
    return replace(forecasts, provenance={**forecasts.provenance, "data_digest": "e" * 64})


def test_all_pairs_are_those_of_brute_force():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 9, 70) / 8, rng.integers(0, 9, 110) / 8
    brute = np.mean([(x > y) + 0.5 * (x == y) for x in a for y in b])
    assert chance_above_all(a, b) == pytest.approx(brute)
    assert chance_above_all(b, a) == pytest.approx(1 - brute)


def test_independent_ladders_by_hand():
    one, other = plans(0.03)
    (match,) = compare(one, other_ladder(other)).matches
    assert match.pairing == INDEPENDENT
    (contest,) = match.contests
    sd = np.sqrt(2 * (LAW**2 + LUCK**2))
    # Over all pairs the standard error is that of 4,000 draws of either, at most 0.007: five.
    assert contest.chance == pytest.approx(norm.cdf(0.03 / sd), abs=0.035)
    assert contest.difference.mean == pytest.approx(0.03, abs=0.005)
    assert contest.difference.high - contest.difference.low == pytest.approx(
        2 * 1.645 * sd, rel=0.1
    )


def test_two_plans_of_one_ladder_share_their_law():
    """The law cancels: what is left to chance is two lucks. Independence would be far off."""
    one, other = plans(0.03)
    (match,) = compare(one, other).matches
    assert match.pairing == SAME_LAW
    (contest,) = match.contests
    sd = np.sqrt(2) * LUCK
    assert contest.chance == pytest.approx(norm.cdf(0.03 / sd), abs=0.01)  # 0.983, se 0.002
    assert contest.difference.high - contest.difference.low == pytest.approx(
        2 * 1.645 * sd, rel=0.1
    )
    (apart,) = compare(one, other_ladder(other)).matches
    assert contest.chance > apart.contests[0].chance + 0.2
    # Nor is the luck the same: draw by draw the first would be higher in every world.
    assert (one["toy"].draws() > other["toy"].draws()).all()


def test_the_same_plan_twice_is_even():
    one, _ = plans(0.0)
    (match,) = compare(one, one).matches
    assert match.pairing == SAME_LAW
    # Two lucks that are exchangeable: standard error 0.008.
    assert match.contests[0].chance == pytest.approx(0.5, abs=0.04)
    assert match.contests[0].difference.sd == pytest.approx(np.sqrt(2) * LUCK, rel=0.1)


def test_who_is_asked_first_does_not_matter():
    one, other = plans(0.01)
    for pair in ((one, other), (one, other_ladder(other))):
        (match,), (turned,) = compare(*pair).matches, compare(*pair[::-1]).matches
        chance = match.contests[0].chance
        assert turned.contests[0].chance == pytest.approx(1 - chance, abs=0.04)


@pytest.mark.parametrize("same", [True, False])
def test_all_at_once_shares_the_luck_of_a_run(same):
    one, other = plans(0.004, ("toy", "two", "three"))
    (match,) = compare(one, other if same else other_ladder(other)).matches
    rng = np.random.default_rng(4)
    lucks = LUCK * rng.standard_normal((2, 100_000))
    laws = LAW * rng.standard_normal((2, 3, 100_000))
    laws = np.stack([laws[0], laws[0]]) if same else laws
    gaps = 0.004 + laws[0] - laws[1] + lucks[0] - lucks[1]
    # Standard errors at most 0.008; five of them.
    assert match.all_higher == pytest.approx((gaps > 0).all(axis=0).mean(), abs=0.04)
    assert match.all_lower == pytest.approx((gaps < 0).all(axis=0).mean(), abs=0.04)
    assert match.mean.chance == pytest.approx((gaps.mean(axis=0) > 0).mean(), abs=0.04)
    assert match.mean.difference.mean == pytest.approx(0.004, abs=0.003)
    if same:  # negative control: the product of the chances knows nothing of the shared luck
        product = np.prod([contest.chance for contest in match.contests])
        assert match.all_higher > product + 0.2


def test_equal_seeds_of_two_ladders_are_no_shared_luck():
    """Both are driven by the same random numbers, yet their worlds have nothing in common."""
    one, other = plans(0.0, ("toy", "two"))
    (match,) = compare(one, other_ladder(other)).matches
    assert match.contests[0].difference.sd == pytest.approx(
        np.sqrt(2 * (LAW**2 + LUCK**2)), rel=0.1
    )


@pytest.mark.parametrize("what", ["seed", "spec_digest", "anchors", "ladder"])
def test_same_measured_llms_under_another_forecast_are_said(what):
    one, other = plans(0.01)
    if what == "seed":
        changed = replace(other, seed=8)
    elif what == "ladder":
        (benchmark,) = other.benchmarks
        posterior = benchmark.tree["posterior"].to_dataset()
        tree = benchmark.tree.copy()
        tree["posterior"] = xr.DataTree(posterior + 1.0)
        changed = replace(other, benchmarks=(replace(benchmark, tree=tree),))
    else:
        changed = replace(other, provenance={**other.provenance, what: "x"})
    (match,) = compare(one, changed).matches
    assert match.pairing == INDEPENDENT
    assert "6 of the same measured LLMs" in match.notes[0]
    assert compare(one, other).matches[0].notes == ()


def test_ladders_of_other_llms_need_no_note():
    one = make_set(make_benchmark("toy"))
    other = make_set(make_benchmark("toy", seed=3), digest="e" * 64)
    (match,) = compare(one, other).matches
    assert (match.pairing, match.notes) == (INDEPENDENT, ())


def test_forecasts_of_any_number_of_draws_can_be_compared():
    one = make_set(make_benchmark("toy", n_draws=200), make_benchmark("two", n_draws=200))
    other = make_set(
        make_benchmark("toy", n_draws=400), make_benchmark("two", n_draws=400), digest="e" * 64
    )
    (match,) = compare(one, other).matches
    assert match.n_worlds == 200


def test_every_pair_is_a_match():
    one, other = plans(0.01)
    found = compare(one, other, other_ladder(one))
    assert [(m.first, m.second) for m in found.matches] == [("A", "B"), ("A", "C"), ("B", "C")]
    assert list(found.candidates) == ["A", "B", "C"]
    assert found.ranking == ()


def test_single_benchmark_has_no_mean():
    (match,) = compare(*plans(0.01)).matches
    assert (match.mean, match.all_higher, match.all_lower) == (None, None, None)


def test_failed_checks_are_left_out_and_said():
    sick = make_benchmark("sick", status="fail", diagnostics=HEALTHY)
    one, other = make_set(make_benchmark("toy"), sick), make_set(make_benchmark("toy"), sick)
    (match,) = compare(one, other).matches
    assert [contest.benchmark for contest in match.contests] == ["toy"]
    assert "sick" in match.notes[0]
    (none,) = compare(make_set(sick), make_set(sick)).matches
    assert none.contests == ()


def test_other_questions_are_said():
    one = make_set(make_benchmark("toy"))
    fewer = make_set(replace(make_benchmark("toy", seed=3), n_items=40), digest="e" * 64)
    assert any("number of questions" in note for note in compare(one, fewer).matches[0].notes)


def test_nothing_in_common_is_refused():
    with pytest.raises(ResultError, match="no benchmark in common"):
        compare(make_set(make_benchmark("toy")), make_set(make_benchmark("other")))


def test_forecasts_that_a_checkpoint_moved_are_no_two_trainings_of_one_law():
    """Its worlds are picked, so that world i is no longer the law of draw i."""
    one, other = (replace(plan, course=make_course("toy")) for plan in plans(0.03))
    (match,) = compare(one, other).matches
    assert match.pairing == INDEPENDENT
    (control,) = compare(*plans(0.03)).matches
    assert control.pairing == SAME_LAW


def test_forecast_that_does_not_know_its_luck_is_refused_for_the_same_law_alone():
    one, other = plans(0.01)
    for forecasts in (one, other):
        predictions = forecasts["toy"].tree["predictions"].to_dataset()
        forecasts["toy"].tree["predictions"] = xr.DataTree(predictions.drop_vars("typical_score"))
    with pytest.raises(ResultError, match="forecast again"):
        compare(one, other)
    assert compare(one, other_ladder(other)).matches


def test_record_for_several_is_refused():
    one, other = plans(0.01)
    with pytest.raises(DataError, match="one forecast"):
        compare(one, other, record=make_backtest())


def test_single_forecast_is_ranked():
    found = compare(make_set(make_benchmark("toy")), record=make_backtest())
    assert [one.benchmark for one in found.ranking] == ["toy"]
    assert found.recorded
    assert found.matches == ()
    assert not compare(make_set(make_benchmark("toy"))).recorded
