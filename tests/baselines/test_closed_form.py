"""References without sampling: least squares around a curve, and the last value."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest
from scipy.stats import t as student_t

from bayescod.baselines.closed_form import last_value_draws, least_squares_draws
from tests._ladders import GROWING, make_ladder

N = 20_000
NOISE = 0.002


def with_rates(ladder, rates):
    """The same ladder, every item of an LLM at the rate given."""
    shape = ladder.scores.pass_rate.shape
    filled = np.full(shape[1], 0.5)
    filled[: ladder.n_ladder] = rates
    return replace(ladder, scores=replace(ladder.scores, pass_rate=np.tile(filled, (shape[0], 1))))


@pytest.fixture(scope="module")
def exact():
    """A ladder that lies on Eq. 1, and log compute ten times beyond it."""
    ladder = make_ladder()
    on_curve = with_rates(ladder, GROWING[0].at(ladder.compute_flops))
    return on_curve, float(ladder.log_compute.max() + np.log(10.0))


def test_least_squares_finds_a_curve_that_the_scores_lie_on(exact):
    ladder, at = exact
    draws = least_squares_draws(ladder, at, np.random.default_rng(0), 100)
    truth = GROWING[0].at(ladder.compute_flops.max() * 10.0)
    np.testing.assert_allclose(draws, truth, atol=2e-3)


def test_least_squares_departs_by_the_residuals_scale(exact):
    """20,000 draws: a Kolmogorov-Smirnov p-value below 1e-6 comes once in a million tests."""
    ladder, at = exact
    noise = NOISE * np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0])
    ladder = with_rates(ladder, GROWING[0].at(ladder.compute_flops) + noise)
    draws = least_squares_draws(ladder, at, np.random.default_rng(0), N)
    degrees = 7 - 4
    centre = np.median(draws)
    # The curve bends towards the noise, so that the residuals are at most as large as it.
    scale = np.diff(np.quantile(draws, [0.25, 0.75]))[0] / (2.0 * student_t.ppf(0.75, degrees))
    assert 0.5 * np.sqrt(7 * NOISE**2 / degrees) < scale <= 1.05 * np.sqrt(7 * NOISE**2 / degrees)
    inside = (draws > 0.0) & (draws < 1.0)
    assert inside.mean() > 0.99
    assert kstest((draws - centre) / scale, student_t(degrees).cdf).pvalue > 1e-6
    # The control: normal noise of that scale is something else.
    assert kstest((draws - centre) / scale, "norm").pvalue < 1e-6


def test_last_value_walks_from_the_largest_llm():
    ladder = make_ladder()
    rates = np.array([0.2, 0.25, 0.3, 0.34, 0.4, 0.43, 0.5])
    ladder = with_rates(ladder, rates)
    top = float(ladder.log_compute.max())
    for factor in (2.0, 20.0):
        at = top + np.log(factor)
        draws = last_value_draws(ladder, at, np.random.default_rng(0), N)
        steps = np.diff(rates) / np.sqrt(np.diff(ladder.log_compute))
        scale = np.sqrt((steps**2).mean() * np.log(factor))
        assert kstest((draws - 0.5) / scale, student_t(6).cdf).pvalue > 1e-6


def test_last_value_inside_the_ladder_is_the_last_value():
    ladder = with_rates(make_ladder(), np.linspace(0.1, 0.7, 7))
    draws = last_value_draws(ladder, 0.0, np.random.default_rng(0), 10)
    np.testing.assert_allclose(draws, 0.7)


@pytest.mark.parametrize("draw", [least_squares_draws, last_value_draws])
def test_draws_are_scores_and_repeat_with_the_seed(draw, exact):
    ladder, at = exact
    noisy = with_rates(ladder, np.random.default_rng(1).uniform(0.0, 1.0, 7))
    draws = [draw(noisy, at, np.random.default_rng(3), 500) for _ in range(2)]
    assert ((draws[0] >= 0) & (draws[0] <= 1)).all()
    np.testing.assert_array_equal(*draws)
