"""Run effects: their basis, and what the ladder's say of a new run."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayescod.forecasting.effects import forecast_effect, run_basis

LADDERS = st.lists(st.floats(0.0, 12.0), min_size=4, max_size=20, unique=True).filter(
    lambda u: np.ptp(u) > 0.5
)


@given(LADDERS)
def test_basis_is_orthonormal_and_has_no_level_and_no_slope(points):
    u = np.array(points)
    basis = run_basis(u).columns
    assert basis.shape == (u.size, u.size - 2)
    np.testing.assert_allclose(basis.T @ basis, np.eye(u.size - 2), atol=1e-10)
    np.testing.assert_allclose(basis.T @ np.ones(u.size), 0.0, atol=1e-9)
    np.testing.assert_allclose(basis.T @ u, 0.0, atol=1e-8)


@given(LADDERS)
def test_walk_has_independent_parts_along_the_basis(points):
    u = np.array(points)
    found = run_basis(u)
    walk = np.minimum.outer(u - u.min(), u - u.min())
    along = found.columns.T @ walk @ found.columns
    np.testing.assert_allclose(along, np.diag(found.walk_variance), atol=1e-8)


def test_basis_takes_replicates():
    u = np.repeat([1.0, 2.0, 4.0], 3)
    basis = run_basis(u).columns
    np.testing.assert_allclose(basis.T @ basis, np.eye(7), atol=1e-12)
    np.testing.assert_allclose(basis.T @ np.stack([np.ones(9), u], axis=1), 0.0, atol=1e-12)


@given(LADDERS, st.lists(st.floats(-5.0, 25.0), min_size=1, max_size=4))
def test_without_a_walk_it_is_the_prediction_of_a_straight_line(points, at):
    u = np.array(points)
    design = np.stack([np.ones(u.size), u], axis=1)
    new = np.stack([np.ones(len(at)), np.array(at)], axis=1)
    leverage = np.einsum("ij,jk,ik->i", new, np.linalg.inv(design.T @ design), new)
    effect = np.random.default_rng(0).standard_normal((1, u.size - 2))
    mean, sd = forecast_effect(u, np.array(at), effect, *(np.array([v]) for v in (0.5, 0.0, 0.0)))
    np.testing.assert_array_equal(mean, 0.0)
    np.testing.assert_allclose(sd[:, 0], 0.5 * np.sqrt(1.0 + leverage), rtol=1e-6)


def simulated(walk_scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Errors of 20,000 new runs in their predicted standard deviations, and the ladder's effects.

    The curves take in the least-squares line of the ladder's effects, as they do in a fit.
    """
    rng, n, run_scale = np.random.default_rng(1), 20_000, 0.1
    u, at = np.sort(rng.uniform(3.0, 8.0, 10)), np.array([5.0, 10.0])
    every = np.concatenate([u, at])
    walk = np.minimum.outer(every - u.min(), every - u.min())
    root = np.linalg.cholesky(0.3**2 * walk + run_scale**2 * np.eye(12))
    delta = root @ rng.standard_normal((12, n))
    design = np.stack([np.ones(12), every], axis=1)
    line = design @ np.linalg.lstsq(design[:10], delta[:10], rcond=None)[0]
    effect = run_basis(u).columns.T @ delta[:10]
    scales = np.full(n, run_scale), np.full(n, walk_scale)
    mean, sd = forecast_effect(u, at, effect.T, *scales, np.zeros(n))
    return ((delta - line)[10:] - mean) / sd, effect


def test_errors_of_new_runs_are_standard_normal():
    """The mean of 20,000 has an error of 0.007, the sd 0.005: five of these, 1e-6 by chance."""
    errors, effect = simulated(walk_scale=0.3)
    np.testing.assert_allclose(errors.mean(axis=1), 0.0, atol=0.036)
    np.testing.assert_allclose(errors.std(axis=1), 1.0, atol=0.026)
    for error in errors:
        assert max(abs(np.corrcoef(error, part)[0, 1]) for part in effect) < 0.036


def test_a_walk_that_is_ignored_is_noticed():
    errors, effect = simulated(walk_scale=0.0)
    assert errors.std(axis=1)[1] > 1.5
    assert max(abs(np.corrcoef(errors[1], part)[0, 1]) for part in effect) > 0.05


def test_spread_grows_with_distance():
    u = np.linspace(3.0, 8.0, 10)
    effect = np.zeros((1, 8))
    _, sd = forecast_effect(
        u, np.array([8.0, 9.0, 11.0]), effect, np.ones(1) * 0.1, np.ones(1), np.zeros(1)
    )
    assert sd[0, 0] < sd[1, 0] < sd[2, 0]
    assert sd[2, 0] == pytest.approx(np.sqrt(3.0), rel=0.5)


def test_drift_is_one_runs_variance_times_the_distance_beyond_the_ladder():
    u, at = np.linspace(3.0, 8.0, 10), np.array([6.0, 8.0, 9.0, 11.0])
    effect, one, none = np.zeros((1, 8)), np.full(1, 0.1), np.zeros(1)
    _, plain = forecast_effect(u, at, effect, one, none, none)
    _, drifted = forecast_effect(u, at, effect, one, none, np.full(1, 2.0))
    added = (drifted**2 - plain**2)[:, 0]
    np.testing.assert_allclose(added, 0.1**2 * 2.0 * np.array([0.0, 0.0, 1.0, 3.0]), atol=1e-12)
