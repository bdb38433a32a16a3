"""Proper scores of predictive draws against the score that was measured.

Draws and truth are scores in [0, 1], the draws with evaluation noise. CRPS and log score are
proper (T. Gneiting and A. E. Raftery, JASA 102, 2007, pages 359-378): nobody gains on average by
stating anything else than what he believes.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from bayescod.evaluation.records import BacktestRow
from bayescod.forecasting.records import QUANTILES, summarise

FloatArray = npt.NDArray[np.float64]

_ROUNDING: Final = 1e-6  # single-precision draws may lie so far outside [0, 1], or beside a tie
_SHARPEST: Final = 1e-3  # a tenth of a point: no score is known so well that finer would mean more
_ROOT_TWO_PI: Final = math.sqrt(2.0 * math.pi)


def crps(draws: npt.ArrayLike, truth: float) -> float:
    """Continuous ranked probability score of the empirical distribution of the draws.

    ``E|X - y| - E|X - X'| / 2`` (Gneiting and Raftery 2007, Eq. 21), exactly, in O(n log n) by the
    sorted draws. For one draw it is the absolute error.

    Parameters
    ----------
    draws : array_like of float, shape (draw,)
        Predictive draws in [0, 1].
    truth : float
        Measured score in [0, 1].

    Returns
    -------
    float
        In [0, 1], in the unit of a score; lower is better.

    Raises
    ------
    ValueError
        If there are no draws, or if a number is not in [0, 1].
    """
    values, at = _checked(draws, truth)
    n = values.size
    rank = 2.0 * np.arange(1, n + 1) - n - 1
    return float(np.abs(values - at).mean() - (rank @ np.sort(values)) / n**2)


def log_score(draws: npt.ArrayLike, truth: float) -> float:
    """Log of the predictive density of the truth over [0, 1], estimated from the draws.

    The density is a Gaussian kernel estimate, reflected at 0 and 1 so that no probability leaks
    out and draws that pile up at an end count in full. Its bandwidth is Silverman's
    ``0.9 min(sd, IQR / 1.34) n**(-1/5)`` (B. W. Silverman, Density Estimation, 1986, Eq. 3.31),
    a spread of zero left out and never below a tenth of a percentage point. It is mixed with one
    part of the uniform density in n + 1, because n draws cannot vouch for a density below that:
    the score is finite wherever the truth is, at least ``-log(n + 1)``.

    Parameters
    ----------
    draws : array_like of float, shape (draw,)
        Predictive draws in [0, 1].
    truth : float
        Measured score in [0, 1].

    Returns
    -------
    float
        Natural logarithm; 0 is what the uniform density on [0, 1] would get; higher is better.

    Raises
    ------
    ValueError
        If there are no draws, or if a number is not in [0, 1].
    """
    values, at = _checked(draws, truth)
    n, width = values.size, _bandwidth(values)
    distance = np.concatenate([at - values, at + values, 2.0 - at - values]) / width
    kernels = float(np.exp(-0.5 * distance**2).sum()) / (_ROOT_TWO_PI * width)
    return math.log((kernels + 1.0) / (n + 1))


def pit(draws: npt.ArrayLike, truth: float) -> float:
    """Probability integral transform: the share of draws below the truth, ties split in half.

    Parameters
    ----------
    draws : array_like of float, shape (draw,)
        Predictive draws in [0, 1].
    truth : float
        Measured score in [0, 1].

    Returns
    -------
    float
        In [0, 1]; uniform over many forecasts if they are calibrated (A. P. Dawid, JRSS A 147,
        1984, pages 278-292).

    Raises
    ------
    ValueError
        If there are no draws, or if a number is not in [0, 1].
    """
    values, at = _checked(draws, truth)
    tied = np.abs(values - at) <= _ROUNDING
    return float(((values < at) & ~tied).mean() + 0.5 * tied.mean())


def score_row(
    benchmark: str,
    model: str,
    compute_flops: float,
    compute_ratio: float,
    method: str,
    status: str,
    truth: float,
    draws: npt.ArrayLike,
) -> BacktestRow:
    """Score one forecast against the truth.

    Parameters
    ----------
    benchmark, model, method : str
        What was forecast, of which held-out LLM, and how.
    compute_flops : float
        Training compute of the LLM [FLOP].
    compute_ratio : float
        To the largest ladder LLM that remained.
    status : str
        ``pass``, ``review`` or ``fail``.
    truth : float
        Measured score in [0, 1].
    draws : array_like of float, shape (draw,)
        Predictive draws of the measured score in [0, 1]. If any is NaN, or if there are none, all
        figures are NaN: a method that has no number in some worlds is not scored on the others.

    Returns
    -------
    BacktestRow

    Raises
    ------
    ValueError
        If the truth or a draw is outside [0, 1].
    """
    values = np.asarray(draws, dtype=np.float64).ravel()
    stated = values.size > 0 and not np.isnan(values).any()
    summary, nan = summarise(values if stated else []), float("nan")
    _scores("truth", np.array([truth]))  # also where there are no draws to score
    return BacktestRow(
        benchmark=benchmark,
        model=model,
        compute_flops=float(compute_flops),
        compute_ratio=float(compute_ratio),
        method=method,
        truth=float(truth),
        mean=summary.mean,
        sd=summary.sd,
        **{
            f"q{round(100 * level):02d}": value
            for level, value in zip(QUANTILES, summary.quantiles, strict=True)
        },
        crps=crps(values, truth) if stated else nan,
        log_score=log_score(values, truth) if stated else nan,
        status=status,
        pit=pit(values, truth) if stated else nan,
    )


def _checked(draws: npt.ArrayLike, truth: float) -> tuple[FloatArray, float]:
    """Draws and truth within [0, 1]; what rounding has put outside is put back."""
    values = np.asarray(draws, dtype=np.float64).ravel()
    if values.size == 0:
        msg = "a forecast needs at least one draw to be scored; got none"
        raise ValueError(msg)
    return _scores("draws", values), float(_scores("truth", np.array([truth]))[0])


def _scores(what: str, values: FloatArray) -> FloatArray:
    outside = values[~((values >= -_ROUNDING) & (values <= 1.0 + _ROUNDING))]
    if outside.size:
        msg = f"{what} must lie in [0, 1]; got {outside[0]:g}; divide per cent by 100"
        raise ValueError(msg)
    return np.clip(values, 0.0, 1.0)


def _bandwidth(values: FloatArray) -> float:
    low, high = np.quantile(values, (0.25, 0.75))
    spreads = [float(values.std()), float(high - low) / 1.34]
    spread = min((value for value in spreads if value > 0.0), default=0.0)
    return max(0.9 * spread * values.size**-0.2, _SHARPEST)
