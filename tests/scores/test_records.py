"""Scores, sampling variance, restriction and splitting of one benchmark."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bayescod.errors import DataError, UnknownNameError
from bayescod.scores import BenchmarkScores, LLMTable, restrict, split_trials


def benchmark(rate: np.ndarray, n: np.ndarray) -> BenchmarkScores:
    return BenchmarkScores(
        benchmark="b",
        item_id=tuple(f"i{i}" for i in range(rate.shape[0])),
        llm=tuple(f"m{i}" for i in range(rate.shape[1])),
        pass_rate=rate,
        n_trials=n,
        measured_rate=rate,
        measured_trials=n,
        chance=0.25,
        soft=False,
    )


def test_the_score_is_the_unweighted_mean_over_the_items_present() -> None:
    rate = np.array([[0.0, 0.5, np.nan], [1.0, np.nan, np.nan]])
    n = np.array([[1.0, 10.0, 0.0], [1000.0, 0.0, 0.0]])
    np.testing.assert_array_equal(benchmark(rate, n).score(), [0.5, 0.5, np.nan])


@pytest.mark.parametrize("n_trials", [1, 3, 10, 100])
def test_sampling_variance_is_that_of_repeated_evaluations(n_trials: int) -> None:
    """Against 4,000 simulated evaluations of items whose ability is drawn from the prior itself.

    With one trial an item the split between items and trials rests on the prior, which is true
    here. The variance of a variance estimate from 4,000 normal values has a relative standard
    deviation of 2.2 %; ten per cent is beyond 4 of them (false alarms below 1e-4).
    """
    rng = np.random.default_rng(7)
    ability = rng.beta(0.3, 0.7, size=600)
    k = rng.binomial(n_trials, ability, size=(4000, ability.size))
    simulated = (k / n_trials).mean(axis=1).var()
    rate = k[:50].T / n_trials
    claimed = benchmark(rate, np.full(rate.shape, float(n_trials))).sampling_variance()
    assert claimed.mean() == pytest.approx(simulated, rel=0.1)


def test_sampling_variance_is_never_zero_for_counts() -> None:
    rate = np.array([[0.0, 1.0], [0.0, 1.0]])
    n = np.full((2, 2), 5.0)
    assert (benchmark(rate, n).sampling_variance() > 0).all()
    plug_in = (rate * (1 - rate) / n).sum(axis=0)
    np.testing.assert_array_equal(plug_in, [0, 0])  # what a careless estimate would say


def test_sampling_variance_of_one_row_is_near_the_binomial() -> None:
    found = benchmark(np.array([[0.3]]), np.array([[1000.0]])).sampling_variance()
    assert found[0] == pytest.approx(0.3 * 0.7 / 1000, rel=0.01)


def test_sampling_variance_of_soft_scores_is_zero_and_of_nothing_unknown() -> None:
    rate = np.array([[0.3, np.nan]])
    n = np.array([[np.nan, 0.0]])
    np.testing.assert_array_equal(benchmark(rate, n).sampling_variance(), [0.0, np.nan])


def test_restrict_picks_columns_in_the_order_asked_for() -> None:
    rate = np.arange(6.0).reshape(2, 3) / 10
    n = np.arange(6.0).reshape(2, 3) + 1
    found = restrict(benchmark(rate, n), ["m2", "m0"])
    assert found.llm == ("m2", "m0")
    np.testing.assert_array_equal(found.pass_rate, rate[:, [2, 0]])
    np.testing.assert_array_equal(found.n_trials, n[:, [2, 0]])
    np.testing.assert_array_equal(found.measured_rate, rate[:, [2, 0]])
    np.testing.assert_array_equal(found.measured_trials, n[:, [2, 0]])
    assert found.item_id == ("i0", "i1")
    with pytest.raises(UnknownNameError, match="m2"):
        restrict(benchmark(rate, n), ["m22"])


def test_records_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        benchmark(np.ones((1, 1)), np.ones((1, 1))).benchmark = "c"  # type: ignore[misc]


def test_an_unknown_llm_gets_near_names() -> None:
    one = np.ones(1)
    table = LLMTable(("gpt-small",), one, one, one, one, ("",), ("r",), ("ladder",))
    assert table.index("gpt-small") == 0
    with pytest.raises(UnknownNameError, match="did you mean gpt-small"):
        table.index("gpt_small")


def test_halves_add_up_to_the_whole() -> None:
    rng = np.random.default_rng(1)
    n = rng.integers(0, 8, size=(50, 4)).astype(float)
    k = rng.binomial(n.astype(int), 0.4)
    rate = np.where(n > 0, k / np.maximum(n, 1), np.nan)
    rate_a, n_a, rate_b, n_b = split_trials(np.random.default_rng(2), rate, n)
    np.testing.assert_array_equal(n_a, n // 2)
    np.testing.assert_array_equal(n_a + n_b, n)
    total = np.nan_to_num(rate_a) * n_a + np.nan_to_num(rate_b) * n_b
    np.testing.assert_allclose(total, k, atol=1e-9)
    assert np.isnan(rate_a[n_a == 0]).all()
    assert np.isfinite(rate_a[n_a > 0]).all()


def test_halves_share_no_luck_given_the_ability() -> None:
    """Binomial counts split at random are independent; halves of the same trials would not be.

    40,000 pairs: the standard error of the correlation is 0.005, the bound four of them.
    """
    n = np.full(40_000, 20.0)
    k = np.random.default_rng(3).binomial(20, 0.3, size=n.size)
    rate_a, _, rate_b, _ = split_trials(np.random.default_rng(4), k / n, n)
    assert abs(np.corrcoef(rate_a, rate_b)[0, 1]) < 0.02
    assert np.corrcoef(rate_a, k / n)[0, 1] > 0.6  # control: a half is not independent of all
    assert rate_a.mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / 10 / n.size))


def test_the_same_seed_gives_the_same_halves() -> None:
    rate, n = np.full((30, 2), 0.5), np.full((30, 2), 10.0)
    one, two, three = (split_trials(np.random.default_rng(s), rate, n)[0] for s in (5, 5, 6))
    np.testing.assert_array_equal(one, two)
    assert (one != three).any()


def test_soft_scores_cannot_be_split() -> None:
    with pytest.raises(DataError, match="soft-split"):
        split_trials(np.random.default_rng(0), np.array([0.5]), np.array([np.nan]))
