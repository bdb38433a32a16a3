"""Signal and noise of a benchmark over a ladder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2, studentized_range

from bayescod.decisions.chances import at_compute
from bayescod.forecasting.records import BenchmarkForecast

FloatArray = npt.NDArray[np.float64]

_FITTED = 3
"""Level, slope and bend of a curve are fitted to the ladder: degrees of freedom that are gone."""
_TAIL = 0.05


@dataclass(frozen=True, slots=True)
class Signal:
    """How far a ladder's scores spread, over how far one LLM lies off the law.

    After D. Heineman et al., Signal and Noise (arXiv 2508.13144): their signal is the largest
    difference of scores within a population of LLMs, as it is here within the ladder; their noise
    is the standard deviation over the last checkpoints of one run. A ladder seldom has such
    checkpoints, so that noise here is the standard deviation of the measured LLMs around the law:
    it holds what their noise is of, and the luck of a whole run and the misfit of the law too. The
    ratio is therefore smaller than theirs. Both are divided by a mean score there, which cancels.

    Attributes
    ----------
    spread : float
        Largest minus smallest measured score of the ladder, in [0, 1]; anchors are left out.
    noise : float
        Root mean square of measured score minus the forecast's median at the LLM's compute, with
        ``n_llms - 3`` degrees of freedom, at least 1.
    ratio, low, high : float
        ``spread / noise`` and its 90 % equal-tailed range, from the chi-square distribution of the
        noise; NaN where both are 0.
    by_noise : float
        What the ratio of a benchmark that does not grow stays below with a chance of at least
        95 %: that quantile of the studentized range (J. W. Tukey) of as many LLMs. Few LLMs have
        a high one: four do not tell growth from noise unless the law fits them closely.
    n_llms : int
    """

    spread: float
    noise: float
    ratio: float
    low: float
    high: float
    by_noise: float
    n_llms: int

    @property
    def seen(self) -> bool:
        """Whether the scores differ by more than noise alone would make them."""
        return self.ratio > self.by_noise


def signal_of(forecast: BenchmarkForecast) -> Signal:
    """Signal and noise of a benchmark.

    Parameters
    ----------
    forecast : BenchmarkForecast

    Returns
    -------
    Signal
    """
    observed = forecast.tree["observed_data"].to_dataset()
    score = observed["score"].values.astype(np.float64)
    inside = (observed["role"].values.astype(str) == "ladder") & np.isfinite(score)
    score = score[inside]
    fan = forecast.tree["predictions"].to_dataset()["fan"].transpose("compute", "draw")
    median = np.nanmedian(fan.values.astype(np.float64), axis=1)
    law = at_compute(
        fan["compute"].values.astype(np.float64),
        median[:, None],
        observed["compute_flops"].values.astype(np.float64)[inside],
    )[:, 0]
    freedom = max(score.size - _FITTED, 1)
    noise = math.sqrt(float(((score - law) ** 2).sum()) / freedom)
    spread = float(score.max() - score.min())
    ratio = spread / noise if noise > 0.0 else (math.inf if spread > 0.0 else math.nan)
    low, high = (ratio * math.sqrt(chi2.ppf(p, freedom) / freedom) for p in (_TAIL, 1.0 - _TAIL))
    return Signal(
        spread=spread,
        noise=noise,
        ratio=ratio,
        low=low,
        high=high,
        by_noise=_by_noise(score.size, freedom),
        n_llms=int(score.size),
    )


@lru_cache(maxsize=256)
def _by_noise(n_llms: int, freedom: int) -> float:
    return float(studentized_range.ppf(1.0 - _TAIL, n_llms, freedom))
