"""What a forecast is: frozen records over one ``xarray.DataTree`` a benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bayescod.convergence import Diagnostics, Reason
from bayescod.errors import UnknownNameError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure

    from bayescod.forecasting.course import Course

FloatArray = npt.NDArray[np.float64]

QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
"""Probabilities of the quantiles in every summary; the first and last bound the 90 % range."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Mean, standard deviation and equal-tailed quantiles of draws.

    Attributes
    ----------
    mean, sd : float
        In the unit of the draws; NaN where there are no finite draws.
    quantiles : tuple of float
        At :data:`QUANTILES`.
    """

    mean: float
    sd: float
    quantiles: tuple[float, ...]

    @property
    def median(self) -> float:
        """The 0.5 quantile."""
        return self.quantiles[QUANTILES.index(0.5)]

    @property
    def low(self) -> float:
        """Lower end of the 90 % equal-tailed range."""
        return self.quantiles[0]

    @property
    def high(self) -> float:
        """Upper end of the 90 % equal-tailed range."""
        return self.quantiles[-1]


def summarise(draws: npt.ArrayLike) -> Summary:
    """Summarise draws, leaving out those that are NaN (a draw without a value).

    Parameters
    ----------
    draws : array_like
        Draws of one quantity, any shape.

    Returns
    -------
    Summary
    """
    values = np.asarray(draws, dtype=np.float64).ravel()
    values = values[~np.isnan(values)]
    if values.size == 0:
        return Summary(float("nan"), float("nan"), (float("nan"),) * len(QUANTILES))
    return Summary(
        mean=float(values.mean()),
        sd=float(values.std(ddof=1)) if values.size > 1 else float("nan"),
        quantiles=tuple(float(q) for q in np.quantile(values, QUANTILES)),
    )


@dataclass(frozen=True, slots=True)
class ClusterForecast:
    """One difficulty cluster: its size, the chance that it can be extrapolated, its curve.

    Attributes
    ----------
    cluster : int
        Label, ordered by descending mean pass rate.
    n_items : int
    p_extrapolatable : float
        Posterior probability in [0, 1] that the cluster grows and that a > 1, b > 0.1 and
        0 <= c < 1 (arXiv 2502.17262, section 4.3), a in the forecast's unit of compute.
    parameters : mapping of str to Summary
        ``a``, ``b``, ``c``, ``g`` of Eq. 1; empty for a cluster that does not scale.
    """

    cluster: int
    n_items: int
    p_extrapolatable: float
    parameters: Mapping[str, Summary]


@dataclass(frozen=True, slots=True)
class TargetPoint:
    """The LLM that is forecast.

    Attributes
    ----------
    model : str
        Its name.
    compute_flops : float
        Training compute [FLOP].
    compute_ratio : float
        To the largest ladder LLM that remains.
    truth : float or None
        Its measured score in [0, 1], where the table has it; never used in the fit.
    """

    model: str
    compute_flops: float
    compute_ratio: float
    truth: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class BenchmarkForecast:
    """The forecast of one benchmark, a frozen view of its ``tree``.

    ``tree`` has the ArviZ groups ``posterior``, ``sample_stats``, ``log_prior``,
    ``log_likelihood``, ``observed_data``, ``constant_data`` and ``predictions``. ``log_prior``
    holds over ``(chain, draw)`` the log density of each prior that the spec gives;
    ``log_likelihood`` over ``(chain, draw, obs_id)`` ``fitted_rate``, that of each point of
    ``observed_data``'s ``fitted_rate`` (with COD: of each cluster and LLM). Both are of the draws
    in ``posterior``, so that ArviZ's ``loo`` and power scaling work on the file; where the
    forecast is conditioned on a checkpoint, those in ``predictions`` are others. ``predictions``
    holds, over ``draw``: ``score``, ``latent_score``, ``subset_score`` and ``predictable_share``
    (NaN where a draw has no predictable subset), ``typical_score`` (the latent score in that world
    of a run without luck: its run effect is 0), for COD ``law_score`` (the same with the mean map
    from subset to benchmark), and over ``(compute, draw)`` ``fan`` (latent score along the
    coordinate ``compute``, FLOP).
    ``observed_data`` holds over ``model``: ``score`` in [0, 1], ``compute_flops`` (NaN for an
    anchor without), ``role`` and ``evaluation_sd`` (standard deviation of the score from finite
    trials).

    Attributes
    ----------
    benchmark : str
    n_items : int
    method : str
        ``cod`` or ``end-to-end``.
    reason : Reason or None
        Why the end-to-end forecast was used instead of COD.
    law : str
        Name of the spec.
    target : TargetPoint
    a_unit_flops : float
        The unit of compute [FLOP] in which ``a`` is given.
    clusters : tuple of ClusterForecast
    diagnostics : Diagnostics
    status : str
        ``pass``, ``review`` or ``fail``.
    reasons : tuple of Reason
        Why the status is not ``pass``, and remarks that do not change it.
    seconds : mapping of str to float
        ``cluster``, ``compile``, ``sample``, ``map``.
    tree : xarray.DataTree
    """

    benchmark: str
    n_items: int
    method: str
    reason: Reason | None
    law: str
    target: TargetPoint
    a_unit_flops: float
    clusters: tuple[ClusterForecast, ...]
    diagnostics: Diagnostics
    status: str
    reasons: tuple[Reason, ...]
    seconds: Mapping[str, float]
    tree: xr.DataTree

    def draws(self, quantity: str = "score") -> FloatArray:
        """Predictive draws of a quantity.

        Parameters
        ----------
        quantity : str
            ``score``, ``latent_score``, ``subset_score`` or ``predictable_share``.

        Returns
        -------
        ndarray of float, shape (draw,)
            In [0, 1]; draw i is the same world in every benchmark of one forecast.

        Raises
        ------
        UnknownNameError
            If there is no such quantity.
        """
        known = ("score", "latent_score", "subset_score", "predictable_share")
        if quantity not in known:
            raise UnknownNameError("quantity", quantity, known)
        return np.asarray(self.tree["predictions"][quantity].values, dtype=np.float64)

    def summary(self, quantity: str = "score") -> Summary:
        """Mean, sd and equal-tailed quantiles of a quantity; see :meth:`draws`."""
        return summarise(self.draws(quantity))

    def probability(self, score: float) -> float:
        """Chance that the measured score reaches ``score`` (in [0, 1])."""
        if not 0.0 <= score <= 1.0:
            msg = f"a score must lie in [0, 1]; got {score!r}; divide per cent by 100"
            raise ValueError(msg)
        return float((self.draws("score") >= score).mean())

    def plot(self) -> Figure:
        """Fan chart of score against compute (50 % and 90 % ranges)."""
        from bayescod.reporting.figures import fan_figure

        return fan_figure(self)


@dataclass(frozen=True, slots=True, eq=False)
class ForecastSet:
    """Forecasts of several benchmarks for one target, with their provenance.

    Attributes
    ----------
    benchmarks : tuple of BenchmarkForecast
    target : TargetPoint
    seed : int
    spec : str
        Name of the statistical model spec that was asked for (``auto`` by default).
    provenance : mapping of str to str
        ``data_digest``, ``spec_digest`` and versions of the packages used.
    warnings : tuple of str
        Remarks on the input, as shown to the user.
    course : Course or None
        How the target's own run does so far; the forecast is conditioned on it. ``None`` where
        nothing is known of it.
    """

    benchmarks: tuple[BenchmarkForecast, ...]
    target: TargetPoint
    seed: int
    spec: str
    provenance: Mapping[str, str]
    warnings: tuple[str, ...]
    course: Course | None = None

    def __getitem__(self, benchmark: str) -> BenchmarkForecast:
        for forecast in self.benchmarks:
            if forecast.benchmark == benchmark:
                return forecast
        raise UnknownNameError("benchmark", benchmark, (f.benchmark for f in self.benchmarks))

    def summary(self) -> pd.DataFrame:
        """One row a benchmark: median, mean, sd, 90 % equal-tailed range, share, status.

        Returns
        -------
        pandas.DataFrame
            Indexed by ``benchmark``; scores in [0, 1].
        """
        import pandas as pd

        rows = []
        for item in self.benchmarks:
            score, share = item.summary("score"), item.summary("predictable_share")
            rows.append(
                {
                    "benchmark": item.benchmark,
                    "method": item.method,
                    "median": score.median,
                    "mean": score.mean,
                    "sd": score.sd,
                    "q05": score.low,
                    "q95": score.high,
                    "predictable_share": share.median,
                    "max_rhat": item.diagnostics.max_rhat,
                    "min_ess_bulk": item.diagnostics.min_ess_bulk,
                    "divergences": item.diagnostics.divergences,
                    "status": item.status,
                    "truth": np.nan if item.target.truth is None else item.target.truth,
                }
            )
        return pd.DataFrame(rows).set_index("benchmark")

    def status(self) -> str:
        """The worst status over the benchmarks."""
        order = ("pass", "review", "fail")
        return max((f.status for f in self.benchmarks), key=order.index, default="pass")
