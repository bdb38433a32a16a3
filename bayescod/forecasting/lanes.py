"""Lanes for the sampler: one benchmark's data, padded to a shape that many benchmarks share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bayescod.batches import Lane
from bayescod.errors import DataError, Problem
from bayescod.forecasting.effects import run_basis
from bayescod.forecasting.ladder import Ladder, fitted, group_of
from bayescod.laws import LAWS
from bayescod.programs.geometry import initial_end_points
from bayescod.programs.space import curve_coordinates
from bayescod.specs import Spec

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def padded_size(n: int, smallest: int) -> int:
    """The smallest power of two that is at least ``n`` and ``smallest``."""
    return max(smallest, 1 << (n - 1).bit_length())


def curve_lane(ladder: Ladder, spec: Spec) -> Lane:
    """Lane of a program of one curve.

    Parameters
    ----------
    ladder : Ladder
    spec : Spec
        Of program ``single_curve`` or ``loss_intermediate``.

    Returns
    -------
    Lane

    Raises
    ------
    DataError
        If the spec's law is a function of what the models table lacks.
    """
    rate, variance = fitted(ladder.scores)
    n = ladder.n_ladder
    size = padded_size(n, 8)
    data = _curve_data(ladder, spec, size) | _observations(
        rate[None, :n], variance[None, :n], (1, size)
    )
    return Lane(data, _start(rate[None, :n], spec, (1, size), scalar=True), used={})


def cluster_lane(ladder: Ladder, labels: IntArray, spec: Spec) -> Lane:
    """Lane of the COD program: clusters by LLMs.

    Parameters
    ----------
    ladder : Ladder
    labels : IntArray
        [item] cluster of each item, -1 for none; clusters 0 to K - 1 all have items.
    spec : Spec
        Of program ``clusters``.

    Returns
    -------
    Lane
    """
    n, n_cluster = ladder.n_ladder, int(labels.max()) + 1
    groups = [fitted(group_of(ladder.scores, labels == k)) for k in range(n_cluster)]
    rate = np.stack([group[0][:n] for group in groups])
    variance = np.stack([group[1][:n] for group in groups])
    size, height = padded_size(n, 8), padded_size(n_cluster, 16)
    run_used = np.arange(size - 2) < n - 2
    cluster_used = np.arange(height) < n_cluster
    sizes = np.ones(height)
    sizes[:n_cluster] = np.bincount(labels[labels >= 0])
    basis = np.zeros((size, size - 2))
    own = run_basis(ladder.log_compute)
    basis[:n, : n - 2] = own.columns
    walk_variance = np.zeros(size - 2)
    walk_variance[: n - 2] = own.walk_variance
    data = (
        _curve_data(ladder, spec, size)
        | _observations(rate, variance, (height, size))
        | {"run_basis": basis, "run_used": run_used, "walk_variance": walk_variance}
        | {"cluster_used": cluster_used, "cluster_items": sizes}
    )
    used = dict.fromkeys(("log_a", "b", "c", "g"), cluster_used) | {"run_effect": run_used}
    return Lane(data, _start(rate, spec, (height, size), scalar=False), used)


def _curve_data(ladder: Ladder, spec: Spec, size: int) -> dict[str, npt.NDArray[np.generic]]:
    alpha, beta = _guess_prior(spec, ladder.scores.chance)
    known = ladder.covariates
    wanted: tuple[str, ...]
    if spec.program == "loss_intermediate":
        wanted = ("log_compute", "log_loss")
        relative = ladder.log_loss - ladder.log_loss[0]
        known |= {"log_loss": relative, "loss_middle": relative.mean(), "loss_unit": relative.std()}
    else:
        wanted = LAWS[spec.law].covariates
    lacking = [name for name in wanted if not np.isfinite(known[name]).all()]
    if lacking:
        raise DataError([_lacking(ladder.scores.benchmark, spec, lacking)])
    # Padding sits in the middle of the ladder, where every law is finite.
    filled = {name: np.full(size, known[name].mean()) for name in wanted}
    for name in wanted:
        filled[name][: ladder.n_ladder] = known[name]
    scalars = {name: np.asarray(value) for name, value in known.items() if np.ndim(value) == 0}
    return (
        filled
        | scalars
        | {
            "log_high": np.asarray(ladder.log_compute.max()),
            "guess_alpha": np.asarray(alpha),
            "guess_beta": np.asarray(beta),
        }
    )


def _lacking(benchmark: str, spec: Spec, names: list[str]) -> Problem:
    columns = ", ".join(name.removeprefix("log_") for name in names)
    return Problem(
        code="no-covariate",
        message=f"the law of {spec.name} needs {columns} of every ladder model of {benchmark!r}",
        column=columns,
        fix="add them to the models table, or use a model spec in compute, such as end-to-end",
    )


def _guess_prior(spec: Spec, chance: float | None) -> tuple[float, float]:
    """Beta prior of the guess floor; a known chance level is its mode, and never fixes it."""
    prior = spec.priors.get("g")
    if prior is None:
        return 1.0, 1.0
    known = prior.parameters
    if chance is None:
        weight = known["concentration"]
        return known["mean"] * weight, (1.0 - known["mean"]) * weight
    weight = known["chance_concentration"]
    return 1.0 + chance * weight, 1.0 + (1.0 - chance) * weight


def _observations(
    rate: FloatArray, variance: FloatArray, shape: tuple[int, int]
) -> dict[str, npt.NDArray[np.generic]]:
    observed = np.zeros(shape, dtype=bool)
    values, spread = np.full(shape, 0.5), np.zeros(shape)
    rows, columns = rate.shape
    seen = ~np.isnan(rate)
    observed[:rows, :columns] = seen
    values[:rows, :columns] = np.where(seen, rate, 0.5)
    spread[:rows, :columns] = np.where(seen, np.nan_to_num(variance), 0.0)
    return {
        "pass_rate": values.ravel(),
        "variance": spread.ravel(),
        "observed": observed.ravel(),
    }


def _start(
    rate: FloatArray, spec: Spec, shape: tuple[int, int], *, scalar: bool
) -> dict[str, FloatArray]:
    """Coordinates of a curve through the means of the lowest and highest quarter of the ladder."""
    quarter = max(2, rate.shape[1] // 4)
    seen = ~np.isnan(rate)
    mean = np.where(seen, rate, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    filled = np.where(seen, rate, mean[:, None])
    low, high = filled[:, :quarter].mean(axis=1), filled[:, -quarter:].mean(axis=1)
    full_low, full_high = np.full(shape[0], 0.1), np.full(shape[0], 0.5)
    full_low[: low.size], full_high[: high.size] = low, high
    ends = {
        name: np.asarray(value, dtype=np.float64)
        for name, value in initial_end_points(full_low, full_high)._asdict().items()
    }
    return {name: ends[name][0] if scalar else ends[name] for name in curve_coordinates(spec)}
