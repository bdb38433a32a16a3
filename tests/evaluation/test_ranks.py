"""Ranks: uniform ones pass at the stated rate, and each fault is caught under its name."""

import numpy as np
import pytest
from scipy.stats import binom

from bayescod.errors import ResultError
from bayescod.evaluation.ranks import (
    RankVerdict,
    ecdf_band,
    judge_ranks,
    ranks_among,
    uniformity_p_value,
)

N, DRAWS = 100, 31


def ranks_of(scale: float, shift: float, n: int = N, seed: int = 0) -> np.ndarray:
    """Ranks of standard normal truths among draws of a posterior that is scaled and shifted."""
    rng = np.random.default_rng([seed, 1])
    truth = rng.standard_normal((n, 1))
    draws = shift + scale * rng.standard_normal((n, DRAWS, 1))
    return ranks_among(rng, truth, draws)[:, 0]


def judged(ranks: np.ndarray) -> RankVerdict:
    return judge_ranks({"x": ranks}, DRAWS)[0]


@pytest.mark.parametrize("level", [0.5, 0.1, 0.02])
def test_uniform_ranks_pass_at_the_stated_rate(level):
    """1,500 sets: 4.5 standard errors of the share, 7e-6 by chance; discreteness lowers it."""
    rng = np.random.default_rng(3)
    sets = rng.integers(0, DRAWS + 1, (1500, N))
    found = np.mean([uniformity_p_value(own, DRAWS) <= level for own in sets])
    error = np.sqrt(level * (1 - level) / len(sets))
    assert found < level + 4.5 * error
    assert found > 0.75 * level - 4.5 * error


def test_band_and_p_value_say_the_same():
    lower, upper = ecdf_band(N, DRAWS, 0.3)
    outside = []
    for own in np.random.default_rng(4).integers(0, DRAWS + 1, (200, N)):
        share = np.cumsum(np.bincount(own, minlength=DRAWS + 1))[:-1] / N
        inside = bool(((share >= lower - 1e-12) & (share <= upper + 1e-12)).all())
        assert inside == (uniformity_p_value(own, DRAWS) > 0.3)
        outside.append(not inside)
    assert 20 < sum(outside) < 100


def test_one_draw_is_a_binomial_test():
    """With one draw there is one point, and the band is the central binomial interval."""
    ranks = np.repeat([0, 1], [30, 70])
    assert uniformity_p_value(ranks, 1) == pytest.approx(2 * binom.cdf(30, 100, 0.5))
    lower, upper = ecdf_band(100, 1, 0.05)
    assert (lower[0], upper[0]) == (0.40, 0.60)
    assert 2 * binom.cdf(39, 100, 0.5) < 0.05 < 2 * binom.cdf(40, 100, 0.5)


def test_band_widens_with_more_quantities():
    wide, narrow = ecdf_band(N, DRAWS, 0.0005), ecdf_band(N, DRAWS, 0.05)
    assert (wide[0] <= narrow[0]).all()
    assert (wide[1] >= narrow[1]).all()
    assert (wide[1] - wide[0]).sum() > (narrow[1] - narrow[0]).sum()


@pytest.mark.parametrize(
    ("scale", "shift", "shape"),
    [
        (1.0, 0.0, "uniform"),
        (0.7, 0.0, "too narrow"),
        (1.6, 0.0, "too wide"),
        (1.0, 0.5, "too high"),
        (1.0, -0.5, "too low"),
        (1.0, 1.5, "too high"),
        (0.5, -0.6, "too low and too narrow"),
    ],
)
def test_faults_are_caught_and_named(scale, shift, shape):
    verdict = judged(ranks_of(scale, shift, n=300))
    assert verdict.passes == (shape == "uniform")
    assert verdict.shape == shape


def test_a_fault_without_bias_or_width_is_uneven():
    ranks = np.tile(np.arange(0, DRAWS + 1, 4), 40)
    verdict = judged(ranks)
    assert not verdict.passes
    assert verdict.shape == "uneven"


def test_standard_scores_are_standard():
    """800 sets of uniform ranks: mean and sd within 4.5 standard errors, 3e-5 by chance in all."""
    rng = np.random.default_rng(5)
    found = [judged(rng.integers(0, DRAWS + 1, N)) for _ in range(800)]
    for scores in ([v.mean_z for v in found], [v.spread_z for v in found]):
        assert abs(np.mean(scores)) < 4.5 / np.sqrt(800)
        assert abs(np.std(scores) - 1.0) < 4.5 / np.sqrt(1600)


def test_family_level_is_shared():
    verdicts = judge_ranks({name: ranks_of(1.0, 0.0) for name in "abcde"}, DRAWS, level=0.05)
    assert [v.quantity for v in verdicts] == list("abcde")
    assert {v.level for v in verdicts} == {0.01}


def test_a_truth_equal_to_draws_is_placed_at_random():
    """2,000 ranks of 0 to 4 by coin: the mean is 2 +- 0.032, so 4.5 of these."""
    rng = np.random.default_rng(6)
    ranks = ranks_among(rng, np.zeros((2000, 1)), np.zeros((2000, 4, 1)))
    assert set(ranks.ravel()) == {0, 1, 2, 3, 4}
    assert ranks.mean() == pytest.approx(2.0, abs=4.5 * np.sqrt(2.0 / 2000))


def test_ranks_count_draws_below():
    rng = np.random.default_rng(7)
    truth = np.array([[0.5, 10.0]])
    draws = np.array([[[0.1, 1.0], [0.4, 2.0], [0.9, 3.0]]])
    np.testing.assert_array_equal(ranks_among(rng, truth, draws), [[2, 3]])


@pytest.mark.parametrize("ranks", [[], [-1, 3], [0, DRAWS + 1]])
def test_ranks_that_cannot_be_are_refused(ranks):
    with pytest.raises(ResultError, match=f"from 0 to {DRAWS}"):
        uniformity_p_value(np.array(ranks, dtype=int), DRAWS)
