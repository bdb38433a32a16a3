"""The one place that knows ArviZ: posterior containers and convergence statistics.

ArviZ 0.x works on ``InferenceData``, ArviZ 1.x on ``xarray.DataTree``. What is kept here is always
a ``DataTree`` with ArviZ's group and dimension names, built from xarray alone, which both read
back from netCDF; and only those functions of ArviZ are called that both versions have.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import numpy.typing as npt
import xarray as xr

from bayescod.errors import DependencyError, ResultError

FloatArray = npt.NDArray[np.float64]
Arrays = Mapping[str, npt.ArrayLike]

_SAMPLE_DIMS = ("chain", "draw")
_TAIL = (0.05, 0.95)
"""The two quantiles behind ``ess_tail``: said here because ArviZ's default is a setting."""
_EQUAL = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Convergence:
    """Convergence statistics of one variable, each of the variable's own shape.

    Attributes
    ----------
    rhat : ndarray of float
        Rank-normalised split R-hat, 1 at convergence; NaN for fewer than two chains, fewer than
        four draws, non-finite or constant draws.
    ess_bulk, ess_tail : ndarray of float
        Effective number of draws for the centre and for the 5 % and 95 % quantiles (the smaller
        of the two); NaN where there is a non-finite draw or fewer than four draws a chain.
    """

    rhat: FloatArray
    ess_bulk: FloatArray
    ess_tail: FloatArray


def to_datatree(
    posterior: Arrays,
    *,
    dims: Mapping[str, Sequence[str]],
    coords: Mapping[str, npt.ArrayLike],
    sample_stats: Arrays | None = None,
    observed_data: Arrays | None = None,
    constant_data: Arrays | None = None,
    prior: Arrays | None = None,
    posterior_predictive: Arrays | None = None,
    log_prior: Arrays | None = None,
    log_likelihood: Arrays | None = None,
) -> xr.DataTree:
    """Collect arrays in a ``DataTree`` with ArviZ's group and dimension names.

    Parameters
    ----------
    posterior, sample_stats, prior, posterior_predictive : mapping of str to array
        Shape (chain, draw, ...) each. A group that is ``None`` is left out.
    log_prior : mapping of str to array
        (chain, draw) each, by variable of the posterior.
    log_likelihood : mapping of str to array
        (chain, draw, ...) each, by observed variable.
    observed_data, constant_data : mapping of str to array
        Arrays without chains and draws.
    dims : mapping of str to sequence of str
        Names of a variable's dimensions, chain and draw excluded; a variable that is not named
        here has none.
    coords : mapping of str to array
        Labels along a dimension; 0, 1, ... where there are none.

    Returns
    -------
    xarray.DataTree
        One child a group. It carries no clock time, so equal draws give equal bytes.

    Raises
    ------
    ResultError
        If an array's shape is not that of its dimensions.

    Examples
    --------
    >>> tree = to_datatree(
    ...     {"slope": np.zeros((4, 100, 2))},
    ...     dims={"slope": ["cluster"]},
    ...     coords={"cluster": ["easy", "hard"]},
    ... )
    >>> tree["posterior"]["slope"].dims
    ('chain', 'draw', 'cluster')
    """
    sampled = {
        "posterior": posterior,
        "sample_stats": sample_stats,
        "prior": prior,
        "posterior_predictive": posterior_predictive,
        "log_prior": log_prior,
        "log_likelihood": log_likelihood,
    }
    fixed = {"observed_data": observed_data, "constant_data": constant_data}
    groups = {
        # A prior's density is one number a draw, whatever the shape of what it is the prior of.
        name: _dataset(name, arrays, lead, {} if name == "log_prior" else dims, coords)
        for lead, members in ((_SAMPLE_DIMS, sampled), ((), fixed))
        for name, arrays in members.items()
        if arrays is not None
    }
    return xr.DataTree.from_dict(groups)


def _dataset(
    group: str,
    arrays: Arrays,
    lead: tuple[str, ...],
    dims: Mapping[str, Sequence[str]],
    coords: Mapping[str, npt.ArrayLike],
) -> xr.Dataset:
    """Label the arrays of one group; ``lead`` are the dimensions that all of them start with."""
    sizes: dict[str, int] = {}
    variables = {}
    for name, values in arrays.items():
        array = np.asarray(values)
        labels = (*lead, *dims.get(name, ()))
        known = {dim: len(np.asarray(coords[dim])) for dim in labels if dim in coords} | sizes
        wanted = tuple(known.get(dim, -1) for dim in labels)
        if len(wanted) != array.ndim or any(
            size not in (-1, got) for size, got in zip(wanted, array.shape, strict=True)
        ):
            msg = (
                f"variable {name!r} of group {group!r} does not fit its dimensions {labels}: "
                f"got shape {array.shape}, wanted {wanted} (-1: any); "
                f"name its dimensions in `dims` and give every label in `coords`"
            )
            raise ResultError(msg)
        sizes |= dict(zip(labels, array.shape, strict=True))
        variables[name] = (labels, array)
    index = {dim: np.asarray(coords.get(dim, np.arange(size))) for dim, size in sizes.items()}
    return xr.Dataset(variables, coords=index)


def summary_statistics(posterior: Arrays) -> dict[str, Convergence]:
    """R-hat and effective sample sizes of every scalar of every variable.

    Parameters
    ----------
    posterior : mapping of str to array
        Shape (chain, draw, ...) each.

    Returns
    -------
    dict of str to Convergence
        Statistics of shape (...), under the names of ``posterior``.

    Raises
    ------
    DependencyError
        If ArviZ cannot be loaded because its cache folder cannot be written.

    References
    ----------
    A. Vehtari, A. Gelman, D. Simpson, B. Carpenter, P.-C. Bürkner (2021). Rank-normalization,
    folding, and localization: an improved R-hat. Bayesian Analysis 16(2). arXiv 1903.08008.

    Examples
    --------
    >>> draws = np.random.default_rng(1).normal(size=(4, 500))
    >>> bool(summary_statistics({"slope": draws})["slope"].rhat < 1.01)
    True
    """
    arviz = _load_arviz()

    def rhat(draws: FloatArray) -> float:
        # ArviZ asks for two chains and logs a line for each scalar that has fewer.
        return float(arviz.rhat(draws, method="rank")) if len(draws) > 1 else np.nan

    def ess_bulk(draws: FloatArray) -> float:
        return float(arviz.ess(draws, method="bulk"))

    def ess_tail(draws: FloatArray) -> float:
        return float(arviz.ess(draws, method="tail", prob=_TAIL))

    return {
        name: Convergence(*(_each_scalar(kind, array) for kind in (rhat, ess_bulk, ess_tail)))
        for name, array in ((n, np.asarray(v, dtype=np.float64)) for n, v in posterior.items())
    }


def pareto_smoothed_loo(log_likelihood: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Leave-one-out predictive densities by Pareto-smoothed importance sampling.

    Parameters
    ----------
    log_likelihood : ndarray of float
        (chain, draw, point) log density of each point under each draw.

    Returns
    -------
    elpd : ndarray of float
        (point,) expected log predictive density of each point, the others given.
    pareto_k : ndarray of float
        (point,) shape of the importance weights' tail.

    References
    ----------
    A. Vehtari, A. Gelman, J. Gabry (2017). Practical Bayesian model evaluation using leave-one-out
    cross-validation and WAIC. Statistics and Computing 27. arXiv 1507.04544.
    """
    arviz = _load_arviz()
    # The log density stands in for the parameters: only its efficiency is asked of the posterior.
    groups = {
        "posterior": {"density": log_likelihood.sum(axis=-1)},
        "log_likelihood": {"point": log_likelihood},
    }
    with warnings.catch_warnings():
        # High values of k are returned, and judged by the caller.
        warnings.simplefilter("ignore", UserWarning)
        # This tells 0.x from 1.x: 1.3 knows the name of 0.x's container again, with a warning.
        if hasattr(arviz, "psislw"):
            found = arviz.loo(arviz.from_dict(**groups), pointwise=True)
            elpd = found.loo_i
        else:
            found = arviz.loo(arviz.from_dict(groups), pointwise=True)
            elpd = found.elpd_i
    return np.asarray(elpd, dtype=np.float64), np.asarray(found.pareto_k, dtype=np.float64)


def pareto_smoothed_weights(log_weights: FloatArray) -> tuple[FloatArray, float]:
    """Importance weights of draws, the largest smoothed by a generalised Pareto distribution.

    Parameters
    ----------
    log_weights : ndarray of float
        (chain, draw), up to a constant.

    Returns
    -------
    weights : ndarray of float
        (chain * draw,) summing to one, chains one after the other.
    pareto_k : float
        Shape of the weights' tail; minus infinity where all weights are equal.

    References
    ----------
    A. Vehtari, D. Simpson, A. Gelman, Y. Yao, J. Gabry (2024). Pareto smoothed importance sampling.
    Journal of Machine Learning Research 25. arXiv 1507.02646.

    Examples
    --------
    >>> weights, k = pareto_smoothed_weights(np.zeros((2, 50)))
    >>> float(weights.max()), k
    (0.01, -inf)
    """
    size = log_weights.size
    # Rounding alone tells weights of a constant apart: they have no tail to smooth.
    if np.ptp(log_weights) < _EQUAL:
        return np.full(size, 1.0 / size), -np.inf
    arviz = _load_arviz()
    efficiency = float(arviz.ess(np.exp(log_weights - log_weights.max()), method="mean")) / size
    if hasattr(arviz, "psislw"):
        smoothed, pareto_k = arviz.psislw(log_weights.ravel(), efficiency)
    else:
        # ArviZ 1.x asks for log likelihoods, of which the weights are the reciprocals.
        likelihood = xr.DataArray(-log_weights, dims=_SAMPLE_DIMS)
        found, pareto_k = likelihood.azstats.psislw(r_eff=efficiency, dim=list(_SAMPLE_DIMS))
        smoothed = np.ravel(found.transpose(*_SAMPLE_DIMS))
    weights = np.exp(smoothed - np.max(smoothed))
    return np.asarray(weights / weights.sum(), dtype=np.float64), float(pareto_k)


def _each_scalar(statistic: Callable[[FloatArray], float], draws: FloatArray) -> FloatArray:
    """Apply a statistic of (chain, draw) to (chain, draw, ...); NaN where it is not defined."""
    result = np.full(draws.shape[2:], np.nan)
    if draws.shape[1] >= 4:
        for at in np.ndindex(result.shape):
            one = draws[(slice(None), slice(None), *at)]
            if np.isfinite(one).all():
                # Constant draws divide nought by nought: NaN is the answer, not worth a warning.
                with np.errstate(invalid="ignore", divide="ignore"):
                    result[at] = statistic(one)
    return result


def _load_arviz() -> ModuleType:
    """Import ArviZ without the notice that 0.x prints once a day about its successor."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            import arviz
        except OSError as error:
            msg = (
                f"ArviZ keeps a file in the user's cache folder and could not write it ({error}); "
                f"set XDG_CACHE_HOME to a folder that you may write to"
            )
            raise DependencyError(msg) from error
    loaded: ModuleType = arviz
    return loaded
