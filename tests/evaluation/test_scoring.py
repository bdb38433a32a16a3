"""Scores of draws against closed forms, and against forecasts that deserve worse."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bayescod.evaluation.records import COLUMNS, Backtest
from bayescod.evaluation.scoring import crps, log_score, pit, score_row

SCORES = st.floats(0.0, 1.0)
TENTHS_OF_PER_MILLE = st.integers(0, 10_000).map(lambda n: n / 10_000)
N_DRAWS = 4000


def gaussian_crps(mean: float, sd: float, truth: float) -> float:
    """Gneiting and Raftery 2007, page 367."""
    z = (truth - mean) / sd
    normal = stats.norm
    return sd * (z * (2 * normal.cdf(z) - 1) + 2 * normal.pdf(z) - 1 / math.sqrt(math.pi))


@given(st.lists(SCORES, min_size=1, max_size=30), SCORES)
def test_crps_is_its_definition(draws: list[float], truth: float) -> None:
    x = np.array(draws)
    defined = np.abs(x - truth).mean() - np.abs(np.subtract.outer(x, x)).mean() / 2
    assert crps(draws, truth) == pytest.approx(defined, abs=1e-12)
    assert -1e-12 <= crps(draws, truth) <= 1


@pytest.mark.parametrize("truth", [0.5, 0.53, 0.4, 0.2])
def test_crps_of_normal_draws(truth: float) -> None:
    """Twenty sets of draws give their own error; 4.9 of a t with 19 degrees: 1e-4 by chance.

    The empirical distribution of n draws adds ``E|X - X'| / 2n = sd / (n sqrt(pi))``, known too.
    """
    draws = np.random.default_rng(1).normal(0.5, 0.05, (20, N_DRAWS))
    found = np.array([crps(row, truth) for row in draws])
    wanted = gaussian_crps(0.5, 0.05, truth) + 0.05 / (N_DRAWS * math.sqrt(math.pi))
    assert abs(found.mean() - wanted) < 4.9 * found.std(ddof=1) / math.sqrt(20)
    assert found.std(ddof=1) < 0.002


@pytest.mark.parametrize(("truth", "tolerance"), [(0.5, 0.16), (0.53, 0.17), (0.4, 0.44)])
def test_log_score_of_normal_draws(truth: float, tolerance: float) -> None:
    """Bias of the kernels plus five standard deviations of their noise: 3e-7 by chance.

    Both were measured over 300 sets of draws; two sd out, where 100 draws lie near, the noise is
    0.08 instead of 0.03.
    """
    draws = np.random.default_rng(2).normal(0.5, 0.05, N_DRAWS)
    wanted = stats.norm.logpdf(truth, 0.5, 0.05)
    assert log_score(draws, truth) == pytest.approx(wanted, abs=tolerance)


@pytest.mark.parametrize("score", [crps, lambda *a: -log_score(*a)], ids=["crps", "log_score"])
@pytest.mark.parametrize(
    ("mean", "sd"), [(0.55, 0.04), (0.45, 0.04), (0.5, 0.015), (0.5, 0.12)], ids=str
)
def test_wrong_forecasts_score_worse(score, mean: float, sd: float) -> None:
    """Over 300 truths of a normal at 0.5 with sd 0.04 the loss is over five standard errors.

    A right forecast would fail this with probability 3e-7.
    """
    rng = np.random.default_rng(3)
    truths = rng.normal(0.5, 0.04, 300)
    right, wrong = rng.normal(0.5, 0.04, 1000), rng.normal(mean, sd, 1000).clip(0, 1)
    loss = np.array([score(wrong, truth) - score(right, truth) for truth in truths])
    assert loss.mean() > 5 * loss.std(ddof=1) / math.sqrt(300)


def test_density_is_one_in_all_also_where_draws_pile_up() -> None:
    rng = np.random.default_rng(4)
    grid = (np.arange(4000) + 0.5) / 4000
    for centre in (0.0, 0.02, 0.5, 1.0):
        draws = rng.normal(centre, 0.03, 500).clip(0, 1)
        density = [math.exp(log_score(draws, at)) for at in grid]
        assert np.mean(density) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("at", [0.0, 0.3, 1.0])
def test_equal_draws_are_a_finite_spike(at: float) -> None:
    draws = [at] * 100
    assert crps(draws, at) == pytest.approx(0.0, abs=1e-12)
    assert crps(draws, 0.6) == pytest.approx(abs(0.6 - at))
    assert 5.0 < log_score(draws, at) < 7.0
    assert pit(draws, at) == 0.5


def test_truth_outside_the_draws_is_finite() -> None:
    draws = np.random.default_rng(5).uniform(0.4, 0.5, 1000)
    assert log_score(draws, 1.0) == pytest.approx(-math.log(1001), abs=1e-6)
    assert log_score(draws, 0.0) == pytest.approx(-math.log(1001), abs=1e-6)
    assert (pit(draws, 0.0), pit(draws, 1.0)) == (0.0, 1.0)
    assert crps(draws, 1.0) == pytest.approx(1 - draws.mean() - 0.1 / 6, abs=2e-3)


def test_mass_at_an_end_is_not_lost() -> None:
    """Half of the draws at 0: the density there is high and the spread is that of the others."""
    draws = np.concatenate([np.zeros(500), np.random.default_rng(6).uniform(0, 0.2, 500)])
    assert log_score(draws, 0.0) > log_score(draws, 0.1) + 1.0


def test_spread_of_zero_between_the_quartiles_is_left_out() -> None:
    draws = np.concatenate([np.zeros(800), np.linspace(0.0, 0.4, 200)])
    spike = log_score([0.0] * 1000, 0.02)
    assert log_score(draws, 0.02) > spike + 3.0


def test_pit_of_calibrated_forecasts_is_uniform() -> None:
    """Kolmogorov-Smirnov at 1e-5; a forecast twice too narrow is far beyond it."""
    rng = np.random.default_rng(7)
    truths = rng.normal(0.5, 0.04, 800)
    for sd, uniform in ((0.04, True), (0.02, False)):
        values = [pit(rng.normal(0.5, sd, 500), truth) for truth in truths]
        assert (stats.kstest(values, "uniform").pvalue > 1e-5) == uniform


@given(st.lists(TENTHS_OF_PER_MILLE, min_size=1, max_size=30), TENTHS_OF_PER_MILLE)
def test_pit_turns_with_the_scale(draws: list[float], truth: float) -> None:
    """Of scores that are apart by as much as makes a tie, one way may be tied, the other not."""
    flipped = pit([1.0 - value for value in draws], 1.0 - truth)
    assert pit(draws, truth) + flipped == pytest.approx(1.0)


def test_ties_are_split_in_half() -> None:
    assert pit([0.0, 0.0, 0.5, 1.0], 0.0) == 0.25
    assert pit(np.float32([0.1, 0.1]), 0.1) == 0.5


@pytest.mark.parametrize("score", [crps, log_score, pit])
@pytest.mark.parametrize(
    ("draws", "truth", "message"),
    [
        ([], 0.5, "at least one draw"),
        ([0.5, math.nan], 0.5, r"draws must lie in \[0, 1\]; got nan"),
        ([0.5, 55.0], 0.5, "got 55; divide per cent by 100"),
        ([0.5], -0.1, r"truth must lie in \[0, 1\]; got -0.1"),
        ([0.5], math.nan, "truth must lie"),
    ],
)
def test_what_is_no_score_is_refused(score, draws, truth: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        score(draws, truth)


def test_row_has_the_figures_of_its_draws() -> None:
    draws = np.random.default_rng(8).uniform(0.2, 0.6, 999)
    row = score_row("b", "m", 1e21, 4.0, "cod", "review", 0.5, draws)
    assert row.mean == pytest.approx(draws.mean())
    assert row.sd == pytest.approx(draws.std(ddof=1))
    levels = {"q05": 0.05, "q10": 0.1, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q90": 0.9}
    for name, level in (levels | {"q95": 0.95}).items():
        assert getattr(row, name) == np.quantile(draws, level)
    assert row.crps == crps(draws, 0.5)
    assert row.log_score == log_score(draws, 0.5)
    assert row.pit == pit(draws, 0.5)
    assert (row.benchmark, row.model, row.method, row.status) == ("b", "m", "cod", "review")
    assert (row.compute_flops, row.compute_ratio, row.truth) == (1e21, 4.0, 0.5)


@pytest.mark.parametrize("draws", [[], [math.nan], [0.5, math.nan]])
def test_a_forecast_without_numbers_has_none(draws: list[float]) -> None:
    row = score_row("b", "m", 1e21, 4.0, "cod", "fail", 0.5, draws)
    numbers = {"mean", "sd", "q05", "q50", "q95", "crps", "log_score", "pit"}
    assert all(
        math.isnan(value) for name, value in dataclasses.asdict(row).items() if name in numbers
    )
    assert row.truth == 0.5
    with pytest.raises(ValueError, match="truth"):
        score_row("b", "m", 1e21, 4.0, "cod", "fail", 50.0, draws)


def test_table_has_the_columns_of_the_contract() -> None:
    row = score_row("b", "m", 1e21, 4.0, "cod", "pass", 0.5, [0.4, 0.6])
    frame = Backtest((row, row), (), {}, {}, ()).frame()
    assert tuple(frame.columns) == COLUMNS
    assert COLUMNS[:6] == (
        "benchmark",
        "model",
        "compute_flops",
        "compute_ratio",
        "method",
        "truth",
    )
    assert COLUMNS[-4:] == ("crps", "log_score", "status", "pit")
    assert len(frame) == 2
    assert tuple(Backtest((), (), {}, {}, ()).frame().columns) == COLUMNS
