"""Ranks, letters, signals and verdicts: by hand, in planted worlds, and what they must not say."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from bayescod.convergence import Reason
from bayescod.decisions.past import past_of
from bayescod.decisions.predictability import (
    chance_above,
    letter,
    letters_of,
    rank_benchmarks,
    told_apart,
)
from bayescod.decisions.signals import signal_of
from bayescod.errors import ResultError
from bayescod.evaluation.scoring import score_row
from tests._backtests import make_backtest
from tests._factories import HEALTHY, LADDER_FLOPS, make_benchmark, make_set

MANY = 4000


def planted(name, sd, *, seed=0, centre=0.5, **options):
    """A benchmark whose score is normal with a standard deviation that is known."""
    one = make_benchmark(name, n_draws=MANY, **options)
    z = np.random.default_rng([seed, *name.encode()]).standard_normal(MANY)
    tree = one.tree.copy()
    predictions = tree["predictions"].to_dataset()
    tree["predictions"] = xr.DataTree(predictions.assign(score=("draw", centre + sd * z)))
    return replace(one, tree=tree)


LOG_COMPUTE = np.log(LADDER_FLOPS / LADDER_FLOPS[0])


def with_ladder(one, score, law=None):
    """The same forecast of other measured scores, and a fan that is one curve (a polynomial)."""
    tree = one.tree.copy()
    observed, predictions = tree["observed_data"].to_dataset(), tree["predictions"].to_dataset()
    scores = observed["score"].values.copy()
    scores[observed["role"].values == "ladder"] = score
    tree["observed_data"] = xr.DataTree(observed.assign(score=("model", scores)))
    if law is not None:
        fan = predictions["fan"]
        values = np.polyval(law, np.log(fan["compute"].values / LADDER_FLOPS[0]))
        flat = np.broadcast_to(values[:, None], fan.shape)
        tree["predictions"] = xr.DataTree(predictions.assign(fan=(fan.dims, flat)))
    return replace(one, tree=tree)


def record(name, hits, ratios=None, method="default"):
    """Rows of forecasts of one benchmark whose ranges held as asked."""
    draws = np.random.default_rng(0).normal(0.5, 0.02, 400)
    ratios = ratios or [20.0] * len(hits)
    return make_backtest(
        [
            score_row(name, f"llm {i}", 1e22, ratio, method, "pass", 0.5 if hit else 0.6, draws)
            for i, (hit, ratio) in enumerate(zip(hits, ratios, strict=True))
        ]
    ).frame()


def codes(one):
    return [reason.code for reason in one.reasons]


def test_rank_is_by_expected_error_and_letters_by_chance():
    """Independent normal errors: ``P(|x| < |y|) = 2 / pi atan(r)``, 0.70 at r = 2, 0.94 at 10."""
    narrow, twice, ten = planted("n", 0.01), planted("t", 0.02), planted("x", 0.1)
    ranking = rank_benchmarks(make_set(ten, narrow, twice))
    assert [one.benchmark for one in ranking] == ["n", "t", "x"]
    assert [one.rank for one in ranking] == [1, 2, 3]
    for one, sd in zip(ranking, (0.01, 0.02, 0.1), strict=True):
        # Mean of |normal| is sd sqrt(2 / pi); its standard error over the draws is below 1.2 %.
        # Five of them: false alarm below 1e-5 a comparison.
        assert one.expected_error == pytest.approx(sd * math.sqrt(2 / math.pi), rel=0.06)
        assert one.width == pytest.approx(2 * 1.645 * sd, rel=0.1)
    # The ratio 5 of the last two gives 0.874: told apart too.
    assert [one.groups for one in ranking] == [("a",), ("a",), ("b",)]


@pytest.mark.parametrize("ratio", [1.0, 2.0, 3.0, 5.0, 10.0])
def test_chance_is_that_by_hand_and_by_brute_force(ratio):
    rng = np.random.default_rng(5)
    a, b = np.abs(rng.normal(0, 1, MANY)), np.abs(rng.normal(0, ratio, MANY))
    brute = np.mean([y > x for x, y in zip(a, b, strict=True)])
    assert chance_above(b, a) == pytest.approx(brute)
    # Standard error at most 0.008; five of them.
    assert chance_above(b, a) == pytest.approx(2 / math.pi * math.atan(ratio), abs=0.04)


def test_ties_count_half():
    assert chance_above(np.array([1.0, 2.0]), np.array([1.0, 1.0])) == 0.75
    assert not told_apart(np.zeros(4), np.zeros(4))


def test_shared_luck_tells_apart_what_independent_worlds_would_not():
    """Negative control: errors that always go together, one a little larger."""
    rng = np.random.default_rng(6)
    error = np.abs(rng.normal(0, 1, MANY))
    assert told_apart(error, 1.1 * error)
    assert not told_apart(error, 1.1 * rng.permutation(error))


def test_letters_are_the_longest_runs_of_any_relation():
    rng = np.random.default_rng(7)
    for _ in range(300):
        n = int(rng.integers(1, 9))
        apart = np.triu(rng.random((n, n)) < rng.random(), 1)
        found = letters_of(n, lambda i, j, apart=apart: bool(apart[i, j]))
        runs = [
            (i, j)
            for i, j in itertools.combinations_with_replacement(range(n), 2)
            if not apart[i : j + 1, i : j + 1].any()
        ]
        longest = [
            (i, j)
            for i, j in runs
            if not any(a <= i and j <= b and (a, b) != (i, j) for a, b in runs)
        ]
        wanted = [
            tuple(letter(k) for k, (i, j) in enumerate(longest) if i <= place <= j)
            for place in range(n)
        ]
        assert found == wanted
        for i, j in itertools.combinations(range(n), 2):
            assert not (apart[i, j] and set(found[i]) & set(found[j]))


def test_letters_of_a_ranking_never_join_what_is_told_apart():
    benchmarks = [planted(f"b{i}", 0.01 * 1.4**i, seed=i) for i in range(8)]
    ranking = rank_benchmarks(make_set(*benchmarks))
    drawn = {one.benchmark: one.draws("score") for one in benchmarks}
    errors = {name: np.abs(draws - np.median(draws)) for name, draws in drawn.items()}
    assert len({name for one in ranking for name in one.groups}) > 2
    for one, other in itertools.combinations(ranking, 2):
        if told_apart(errors[one.benchmark], errors[other.benchmark]):
            assert not set(one.groups) & set(other.groups)


def test_failed_checks_come_last_and_are_not_stated():
    sick = make_benchmark(
        "sick", status="fail", diagnostics=replace(HEALTHY, max_rhat=math.nan), n_draws=MANY
    )
    last = rank_benchmarks(make_set(sick, planted("wide", 0.2)))[-1]
    assert (last.benchmark, last.verdict, last.groups) == ("sick", "do not", ())
    assert codes(last) == ["sampler-failed"]
    assert math.isnan(last.expected_error)
    assert math.isnan(last.score.median)
    assert last.signal is None


def test_cod_has_a_share_and_a_chance_of_clusters_and_end_to_end_has_none():
    cod = make_benchmark("cod")
    end = make_benchmark("end", reason=Reason("small-subset", "m"))
    found = {one.benchmark: one for one in rank_benchmarks(make_set(cod, end))}
    # Clusters of 40 and 60 items with chances 0.97 and 0.
    assert found["cod"].p_extrapolatable == pytest.approx(0.4 * 0.97)
    assert found["cod"].share == cod.summary("predictable_share")
    assert found["end"].p_extrapolatable is None
    assert math.isnan(found["end"].share.median)


def test_signal_and_noise_by_hand():
    off = 0.01 * np.array([1, -1, 1, -1, 1, -1])
    one = with_ladder(make_benchmark("toy"), 0.2 + 0.1 * LOG_COMPUTE + off, [0.1, 0.2])
    found = signal_of(one)
    assert found.n_llms == 6  # the two anchors are left out
    assert found.spread == pytest.approx(0.1 * LOG_COMPUTE[-1] - 0.02)
    # Six squares of 0.01 over three degrees of freedom.
    assert found.noise == pytest.approx(0.01 * math.sqrt(2))
    assert found.ratio == pytest.approx(found.spread / found.noise)
    # Chi-square with 3 degrees of freedom: 0.35185 and 7.81473.
    assert found.low == pytest.approx(found.ratio * math.sqrt(0.35185 / 3), rel=1e-4)
    assert found.high == pytest.approx(found.ratio * math.sqrt(7.81473 / 3), rel=1e-4)
    assert found.by_noise == pytest.approx(8.04, abs=0.01)  # tables of the studentized range
    assert found.seen


def test_ladder_that_does_not_grow_is_seldom_taken_to():
    rng = np.random.default_rng(8)
    one = make_benchmark("toy", anchors=False)

    def seen(growth):
        score = 0.5 + growth * LOG_COMPUTE + 0.01 * rng.standard_normal(6)
        return signal_of(with_ladder(one, score, np.polyfit(LOG_COMPUTE, score, 2))).seen

    # A chance of at most 5 %: at most 5 expected of 100, 16 or more with a chance below 1e-4.
    assert sum(seen(0.0) for _ in range(100)) < 16
    # Fifty sd from end to end: 99.99 % are seen, by simulation.
    assert all(seen(0.1) for _ in range(20))


def test_benchmark_without_any_spread_has_no_signal():
    found = signal_of(with_ladder(make_benchmark("toy"), np.zeros(6), [0.0]))
    assert math.isnan(found.ratio)
    assert not found.seen


@pytest.mark.parametrize(
    ("width", "verdict", "reasons"),
    [
        (0.149, "forecast it", []),
        (0.151, "with care", ["wide"]),
        (0.299, "with care", ["wide"]),
        (0.301, "do not", ["uninformed"]),
    ],
)
def test_width_is_judged_against_that_of_knowing_nothing(width, verdict, reasons):
    one = planted("toy", 1.0)
    score = one.summary("score")
    scaled = planted("toy", width / (score.high - score.low))
    (found,) = rank_benchmarks(make_set(scaled))
    assert found.width == pytest.approx(width)
    assert found.verdict == verdict
    assert codes(found) == [*reasons, "unchecked"]


def test_limits_of_width_know_what_a_guess_scores():
    """Of four choices a guess scores 25 %: ranges can be no wider than 67.5 points."""
    one = planted("toy", 0.12 / 3.29)
    assert rank_benchmarks(make_set(one))[0].verdict == "forecast it"
    one.tree["constant_data"]["chance"] = 0.25
    (found,) = rank_benchmarks(make_set(one))
    assert codes(found)[0] == "wide"
    assert "a guess scoring 25 %" in found.reasons[0].message


def test_review_is_with_care():
    (found,) = rank_benchmarks(make_set(planted("toy", 0.01, status="review")))
    assert (found.verdict, codes(found)[0]) == ("with care", "review")


def test_flat_ladder_is_with_care():
    flat = with_ladder(planted("toy", 0.01), np.array([0.25, 0.26] * 3), [0.255])
    (found,) = rank_benchmarks(make_set(flat))
    assert (found.verdict, codes(found)[0]) == ("with care", "no-signal")


@pytest.mark.parametrize(
    ("hits", "verdict", "reasons"),
    [
        ([1, 1, 1], "forecast it", []),
        ([1, 1, 0], "forecast it", []),
        ([1, 0, 0], "do not", ["ranges-missed"]),
        ([0, 0], "forecast it", []),  # two say nothing
        ([1, 1, 0, 0], "with care", ["ranges-short"]),
        ([1, 1, 1, 1, 0], "forecast it", []),
    ],
)
def test_record_is_judged_by_how_often_ranges_held(hits, verdict, reasons):
    rows = record("toy", hits)
    (found,) = rank_benchmarks(make_set(planted("toy", 0.01)), rows)
    assert (found.verdict, codes(found)) == (verdict, reasons)
    assert (found.past.truths, found.past.held) == (len(hits), sum(hits))
    errors = [0.0 if hit else 0.1 for hit in hits]
    assert found.past.mean_error == pytest.approx(np.mean(errors), abs=0.005)


def test_target_beyond_the_record_is_with_care():
    one = planted("toy", 0.01, compute_ratio=20.0)
    near, far = record("toy", [1, 1, 1], [2.0, 5.0, 15.0]), record("toy", [1], [19.0])
    assert codes(rank_benchmarks(make_set(one), near)[0]) == ["beyond-record"]
    assert rank_benchmarks(make_set(one), near)[0].verdict == "with care"
    assert codes(rank_benchmarks(make_set(one), far)[0]) == []


def test_record_of_another_method_or_benchmark_is_none():
    one = make_set(planted("toy", 0.01))
    for rows in (record("toy", [0, 0, 0], method="least-squares"), record("other", [0, 0, 0])):
        (found,) = rank_benchmarks(one, rows)
        assert (found.verdict, codes(found), found.past) == ("forecast it", ["unchecked"], None)


def test_one_forecast_counts_once():
    rows = record("toy", [1, 1, 1])
    twice = rows.loc[rows.index.repeat(2)]
    assert past_of(twice, "auto")["toy"].truths == 3
    with pytest.raises(ResultError, match="two truths"):
        past_of(twice.assign(truth=np.linspace(0.4, 0.6, 6)), "auto")


def test_worst_reason_comes_first():
    one = planted("toy", 0.2, status="review")
    (found,) = rank_benchmarks(make_set(one), record("toy", [1, 0, 0], [2.0, 2.0, 2.0]))
    assert codes(found) == ["uninformed", "ranges-missed", "review", "beyond-record"]
    assert found.verdict == "do not"
