"""Run effects that benchmarks have in common, from the ladder to the target."""

import numpy as np
import pytest
from scipy.stats import kstest

from bayescod.forecasting.coupling import RHO_GRID, correlation_posterior, coupled_normals


def simulated(rho, n_run, n_benchmark, seed):
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((n_run, 1))
    own = rng.standard_normal((n_run, n_benchmark))
    scale = np.linspace(0.5, 3.0, n_benchmark)
    return (np.sqrt(rho) * common + np.sqrt(1 - rho) * own) * scale


def posterior_mean(effects):
    return float(RHO_GRID @ correlation_posterior(effects))


@pytest.mark.parametrize("rho", [0.2, 0.5, 0.9])
def test_planted_correlation_is_recovered(rho):
    """200 runs, 6 benchmarks, within 5 standard errors of the intraclass correlation (6e-7)."""
    n, k = 200, 6
    error = (1 - rho) * (1 + (k - 1) * rho) * np.sqrt(2 / (k * (k - 1) * (n - 2)))
    assert posterior_mean(simulated(rho, n, k, 0)) == pytest.approx(rho, abs=5 * error)


def test_independent_effects_are_little_coupled():
    assert posterior_mean(simulated(0.0, 200, 6, 1)) < 0.05


def test_few_runs_say_more_with_each_run_and_little_to_begin_with():
    def width(n_run):
        weight = correlation_posterior(simulated(0.5, n_run, 4, 2))
        mean = RHO_GRID @ weight
        return np.sqrt(weight @ (RHO_GRID - mean) ** 2)

    assert width(5) > 1.5 * width(100)
    assert width(5) > 0.1


def test_posterior_is_a_distribution():
    weight = correlation_posterior(simulated(0.5, 8, 3, 3))
    assert weight.sum() == pytest.approx(1.0)
    assert (weight >= 0).all()


def test_scale_of_a_benchmark_does_not_matter():
    effects = simulated(0.6, 20, 3, 4)
    np.testing.assert_allclose(
        correlation_posterior(effects * [1.0, 100.0, 0.01]), correlation_posterior(effects)
    )


def test_order_of_benchmarks_and_runs_does_not_matter():
    effects = simulated(0.6, 20, 3, 4)
    shuffled = effects[::-1][:, [2, 0, 1]]
    np.testing.assert_allclose(correlation_posterior(shuffled), correlation_posterior(effects))


@pytest.mark.parametrize("n_benchmark", [1, 3])
def test_uniform_where_there_is_nothing_to_compare(n_benchmark):
    effects = simulated(0.9, 8, n_benchmark, 5)
    effects[2:, 1:] = np.nan
    weight = correlation_posterior(effects)
    np.testing.assert_allclose(weight, 1.0 / weight.size)


def test_runs_that_lack_a_benchmark_are_used_for_the_others():
    effects = simulated(0.9, 60, 4, 6)
    effects[::3, 1] = np.nan
    assert posterior_mean(effects) == pytest.approx(0.9, abs=0.1)


def joint_check(normals, rho, error=4.5):
    """Whether the correlation of two benchmarks' draws is the one they were drawn with."""
    found = np.corrcoef(normals)[0, 1]
    return abs(found - rho) < error * (1 - rho**2) / np.sqrt(normals.shape[1])


def test_draws_are_standard_normal_each_and_correlated_as_planted():
    """20,000 draws: Kolmogorov-Smirnov at 1e-4 each, the correlation at 4.5 errors (7e-6).

    Correlations vary from draw to draw; over all of them their mean is what is seen.
    """
    effects = simulated(0.7, 400, 3, 7)
    normals, rho = coupled_normals(np.random.default_rng(0), effects, 20_000)
    assert normals.shape == (3, 20_000)
    assert all(kstest(row, "norm").pvalue > 1e-4 for row in normals)
    assert joint_check(normals[:2], rho.mean())
    assert joint_check(normals[1:], rho.mean())
    assert rho.mean() == pytest.approx(0.7, abs=0.1)


def test_independent_draws_fail_the_same_check():
    """The negative control of the test above."""
    rng = np.random.default_rng(1)
    assert not joint_check(rng.standard_normal((2, 20_000)), 0.7)


def test_correlation_belongs_to_its_draw():
    """Draws of high rho are closer together: draw i is one world, rho included."""
    effects = simulated(0.5, 6, 2, 8)
    (first, second), rho = coupled_normals(np.random.default_rng(2), effects, 20_000)
    high = rho > np.median(rho)
    assert np.var((first - second)[high]) < np.var((first - second)[~high])


def test_same_seed_same_draws():
    effects = simulated(0.5, 8, 2, 9)
    first, again, other = (
        coupled_normals(np.random.default_rng(seed), effects, 50)[0] for seed in (3, 3, 4)
    )
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_one_benchmark_is_standard_normal():
    effects = simulated(0.5, 8, 1, 10)
    normals, _ = coupled_normals(np.random.default_rng(5), effects, 20_000)
    assert kstest(normals[0], "norm").pvalue > 1e-4
