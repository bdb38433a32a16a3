"""The ArviZ seam: the container that ArviZ reads back, and statistics that can be trusted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
from scipy.stats import norm

from bayescod import _arviz
from bayescod.errors import ResultError

FloatArray = npt.NDArray[np.float64]


def _autoregressive(rng: np.random.Generator, rho: float, shape: tuple[int, int]) -> FloatArray:
    """Draw standard normal chains, started in their stationary law."""
    chains, draws = shape
    noise = rng.normal(size=(draws, chains))
    noise[1:] *= np.sqrt(1 - rho**2)
    for t in range(1, draws):
        noise[t] += rho * noise[t - 1]
    return noise.T


@pytest.fixture
def tree() -> xr.DataTree:
    rng = np.random.default_rng(5)
    return _arviz.to_datatree(
        {"slope": rng.normal(size=(2, 50, 3)), "level": rng.normal(size=(2, 50))},
        dims={
            "slope": ["cluster"],
            "n_correct": ["obs_id"],
            "n_trials": ["obs_id"],
        },
        coords={"cluster": ["easy", "hard", "=cmd"]},
        sample_stats={"diverging": np.zeros((2, 50), dtype=bool)},
        observed_data={"n_correct": np.arange(7)},
        constant_data={"n_trials": np.full(7, 9), "unit_flops": np.float64(1e18)},
        prior={"slope": rng.normal(size=(1, 20, 3))},
        posterior_predictive={"n_correct": rng.integers(0, 9, size=(2, 50, 7))},
        log_likelihood={"n_correct": rng.normal(size=(2, 50, 7))},
    )


def test_groups_and_dimensions_have_arviz_names(tree: xr.DataTree) -> None:
    assert {
        name: child["n_correct"].dims for name, child in tree.items() if "n_correct" in child
    } == {
        "observed_data": ("obs_id",),
        "posterior_predictive": ("chain", "draw", "obs_id"),
        "log_likelihood": ("chain", "draw", "obs_id"),
    }
    assert tree["posterior"]["slope"].dims == ("chain", "draw", "cluster")
    assert tree["posterior"]["level"].dims == ("chain", "draw")
    assert tree["prior"]["slope"].shape == (1, 20, 3)
    assert tree["sample_stats"]["diverging"].dims == ("chain", "draw")
    assert tree["constant_data"]["unit_flops"].dims == ()
    assert list(tree["posterior"]["cluster"].values) == ["easy", "hard", "=cmd"]
    assert list(tree["posterior"]["draw"].values) == list(range(50))


def test_groups_that_are_not_given_are_absent() -> None:
    tree = _arviz.to_datatree({"level": np.zeros((1, 4))}, dims={}, coords={})
    assert list(tree.children) == ["posterior"]


def test_arviz_reads_the_container_back(tree: xr.DataTree, tmp_path: Path) -> None:
    path = tmp_path / "posterior.nc"
    tree.to_netcdf(path, engine="h5netcdf")
    arviz = _arviz._load_arviz()
    back = arviz.from_netcdf(path, engine="h5netcdf")
    np.testing.assert_array_equal(back.posterior["slope"].values, tree["posterior"]["slope"].values)
    table = arviz.summary(back, kind="diagnostics", round_to="none")
    ours = _arviz.summary_statistics({"slope": tree["posterior"]["slope"].values})["slope"]
    rows = [f"slope[{name}]" for name in ("easy", "hard", "=cmd")]
    np.testing.assert_allclose(table.loc[rows, "ess_bulk"].astype(float), ours.ess_bulk)
    np.testing.assert_allclose(table.loc[rows, "r_hat"].astype(float), ours.rhat)


def test_equal_draws_give_an_equal_container(tree: xr.DataTree) -> None:
    assert tree.attrs == {}
    assert all(child.attrs == {} for child in tree.children.values())


@pytest.mark.parametrize(
    ("dims", "coords"),
    [
        pytest.param({}, {}, id="dimension not named"),
        pytest.param({"slope": ["cluster", "llm"]}, {}, id="one name too many"),
        pytest.param({"slope": ["cluster"]}, {"cluster": ["easy", "hard"]}, id="label missing"),
    ],
)
def test_shape_that_does_not_fit_is_refused(
    dims: dict[str, list[str]], coords: dict[str, list[str]]
) -> None:
    with pytest.raises(ResultError, match=r"'slope' of group 'posterior'.*got shape \(2, 50, 3\)"):
        _arviz.to_datatree({"slope": np.zeros((2, 50, 3))}, dims=dims, coords=coords)


def test_one_dimension_cannot_have_two_lengths() -> None:
    arrays = {"slope": np.zeros((2, 50, 3)), "level": np.zeros((2, 50, 4))}
    with pytest.raises(ResultError, match="'level'"):
        _arviz.to_datatree(arrays, dims={name: ["cluster"] for name in arrays}, coords={})


def test_statistics_have_the_variable_shape() -> None:
    draws = np.random.default_rng(3).normal(size=(4, 100, 2, 3))
    result = _arviz.summary_statistics({"slope": draws, "level": draws[..., 0, 0]})
    assert result["slope"].rhat.shape == result["slope"].ess_tail.shape == (2, 3)
    assert result["level"].ess_bulk.shape == ()
    assert result["level"].ess_bulk == result["slope"].ess_bulk[0, 0]


@pytest.mark.parametrize(("rho", "tolerance"), [(0.0, 0.13), (0.5, 0.24), (0.9, 0.45)])
def test_ess_bulk_of_an_autoregressive_chain(rho: float, tolerance: float) -> None:
    # The number wanted is n (1 - rho) / (1 + rho). Over 100 other seeds the relative sd of the
    # estimate was 0.026, 0.047 and 0.088; at 5 sd a false alarm is below 1e-6.
    draws = _autoregressive(np.random.default_rng(11), rho, (4, 4_000))
    result = _arviz.summary_statistics({"x": draws})["x"]
    wanted = 16_000 * (1 - rho) / (1 + rho)
    assert result.ess_bulk == pytest.approx(wanted, rel=tolerance)
    assert result.rhat < 1.05


def test_ess_tail_sees_what_the_bulk_hides() -> None:
    rng = np.random.default_rng(2)
    independent = rng.normal(size=(4, 1_000))
    # Sorting each chain's extremes to its end leaves the centre nearly independent.
    extreme = np.abs(independent) > 1.6
    sticky = np.take_along_axis(independent, np.argsort(extreme, axis=1, kind="stable"), axis=1)
    good, bad = (_arviz.summary_statistics({"x": x})["x"] for x in (independent, sticky))
    assert good.ess_tail > 2_000
    assert bad.ess_tail < 200


@pytest.mark.parametrize("scale", [1.0, 3.0], ids=["same", "wider"])
def test_rhat_tells_chains_of_another_place_or_width_apart(scale: float) -> None:
    rng = np.random.default_rng(7)
    draws = rng.normal(size=(4, 500))
    draws[0] = draws[0] * scale + (1.0 if scale == 1.0 else 0.0)
    # Rank-normalised and folded: a chain that differs in width alone is caught too.
    assert _arviz.summary_statistics({"x": draws})["x"].rhat > 1.05


def test_rhat_of_draws_without_moments_is_finite() -> None:
    draws = np.random.default_rng(9).standard_cauchy(size=(4, 1_000))
    assert _arviz.summary_statistics({"x": draws})["x"].rhat == pytest.approx(1, abs=0.01)


def test_undefined_statistics_are_nan_and_leave_the_others_alone() -> None:
    draws = np.random.default_rng(4).normal(size=(4, 100, 3))
    draws[0, 0, 0] = np.nan
    draws[..., 1] = 2.5
    result = _arviz.summary_statistics({"x": draws})["x"]
    np.testing.assert_array_equal(np.isnan(result.rhat), [True, True, False])
    assert np.isnan(result.ess_bulk[0])
    assert np.isnan(result.ess_tail[0])
    assert np.isfinite([result.ess_bulk[2], result.ess_tail[2]]).all()


@pytest.mark.parametrize("shape", [(1, 100), (4, 3)], ids=["one chain", "three draws"])
def test_rhat_needs_two_chains_and_four_draws(shape: tuple[int, int]) -> None:
    draws = np.random.default_rng(8).normal(size=shape)
    assert np.isnan(_arviz.summary_statistics({"x": draws})["x"].rhat)


def _normal_mean(
    rng: np.random.Generator, n: int = 12
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Normal data of unit variance, mean ~ N(0, 9): log densities under draws of the posterior.

    The exact leave-one-out densities come with them: all of it is conjugate.
    """
    y = rng.normal(1.0, 1.0, n)
    precision = n + 1 / 9
    mean = rng.normal(y.sum() / precision, precision**-0.5, (4, 1_000))
    without = (y.sum() - y) / (precision - 1)
    exact = norm.logpdf(y, without, np.sqrt(1 + 1 / (precision - 1)))
    return norm.logpdf(y, mean[..., None], 1.0), exact, norm.logpdf(y, y.sum() / precision)


def test_smoothed_loo_is_exact_loo_of_a_conjugate_model() -> None:
    # 4,000 independent draws: the standard error of a log density is that of its importance
    # weights' mean. Over 12 points at 5 of them a false alarm is below 1e-5; smoothing the largest
    # weights adds a bias, which is far smaller here.
    log_density, exact, _ = _normal_mean(np.random.default_rng(21))
    elpd, pareto_k = _arviz.pareto_smoothed_loo(log_density)
    weight = np.exp(-log_density).reshape(-1, exact.size)
    error = weight.std(axis=0) / weight.mean(axis=0) / np.sqrt(len(weight))
    assert elpd.shape == pareto_k.shape == exact.shape
    assert (np.abs(elpd - exact) < 5 * error).all()
    assert (error < 0.02).all()
    assert (pareto_k < 0.7).all()


def test_density_of_the_points_that_were_fitted_is_not_the_one_left_out() -> None:
    """The negative control: what a fit says of its own data is better on the whole."""
    log_density, exact, own = _normal_mean(np.random.default_rng(21))
    elpd, _ = _arviz.pareto_smoothed_loo(log_density)
    assert own.sum() - exact.sum() > 5 * abs(elpd.sum() - exact.sum())


def test_loo_that_draws_cannot_tell_says_so_and_does_not_warn() -> None:
    # A parameter a point, with a wide prior: left out, a point is in the prior's tail, where the
    # posterior has no draws. The tail's shape is 0.99 in theory; its estimates have sd 0.13.
    rng = np.random.default_rng(22)
    y = rng.normal(0.0, 10.0, 6)
    own = rng.normal(y / 1.01, 1.01**-0.5, (4, 1_000, 6))
    _, pareto_k = _arviz.pareto_smoothed_loo(norm.logpdf(y, own, 1.0))
    assert pareto_k.mean() > 0.7


def test_cache_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    if not hasattr(_arviz._load_arviz(), "_warn_once_per_day"):
        pytest.skip("this version of ArviZ keeps no file in the cache folder")
    blocked = tmp_path / "file"
    blocked.touch()
    result = subprocess.run(
        [sys.executable, "-c", "from bayescod import _arviz; _arviz._load_arviz()"],
        env=os.environ | {"XDG_CACHE_HOME": str(blocked), "MPLCONFIGDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "DependencyError: ArviZ keeps a file" in result.stderr
    assert "set XDG_CACHE_HOME" in result.stderr
