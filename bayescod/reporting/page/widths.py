"""Where the width of a range comes from: only what the stored draws tell exactly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bayescod.decisions.chances import at_compute
from bayescod.forecasting.records import BenchmarkForecast, summarise
from bayescod.reporting.page.records import Voice, Widths

FloatArray = npt.NDArray[np.float64]

_BY_LAW = ("one curve in compute", "one curve in parameters and tokens")
_BY_CLUSTERS = "groups of questions (COD)"


def widths_of(forecast: BenchmarkForecast, largest_flops: float) -> Widths:
    """Split the variance of the measured score, and compare the width here and beyond the data.

    By the law of total variance, over the stored draws: the noise of the target's evaluation has
    variance ``ratio p (1 - p)`` in each draw; what the means of the voices differ by is their
    disagreement; the rest is spread within them. The run's own effect, the law's parameters and
    the map from subset to benchmark are not stored apart, and are not told apart here.

    Parameters
    ----------
    forecast : BenchmarkForecast
        With finite draws.
    largest_flops : float
        Compute of the largest ladder LLM [FLOP].

    Returns
    -------
    Widths
    """
    latent = forecast.draws("latent_score")
    ratio = float(forecast.tree["constant_data"].to_dataset()["evaluation_ratio"])
    noise = float(np.mean(ratio * latent * (1.0 - latent)))
    names = _voice_of_draw(forecast, latent)
    present = [name for name in dict.fromkeys(sorted(set(names))) if name]
    groups = [latent[names == name] for name in present]
    between = sum(g.size / latent.size * (g.mean() - latent.mean()) ** 2 for g in groups)
    total = float(latent.var()) + noise
    parts = np.array([noise, between]) / total if total > 0 else np.zeros(2)
    voices = tuple(
        Voice(name, group.size / latent.size, summarise(group))
        for name, group in zip(present, groups, strict=True)
    )
    return Widths(
        evaluation=float(parts[0]),
        disagreement=float(parts[1]),
        rest=float(1.0 - parts.sum()),
        at_data_end=_width(_at(forecast, largest_flops)),
        at_target=_width(latent),
        voices=voices if len(voices) > 1 else (),
    )


def _voice_of_draw(forecast: BenchmarkForecast, latent: FloatArray) -> npt.NDArray[np.str_]:
    """By which method, and by which law where there are several, each draw was made."""
    stored = forecast.tree["predictions"].to_dataset()
    names = np.full(latent.size, _BY_LAW[0], dtype=f"<U{max(map(len, _BY_LAW))}")
    if "law" in stored:
        names[:] = np.where(stored["law"].values == 0, *_BY_LAW)
    if forecast.method == "cod":
        if "end_to_end" not in stored:
            names[:] = ""
            return names
        names[latent != stored["end_to_end"].values] = _BY_CLUSTERS
    return names


def _at(forecast: BenchmarkForecast, compute_flops: float) -> FloatArray:
    """Latent draws at a compute, by the fan."""
    fan = forecast.tree["predictions"].to_dataset()["fan"].transpose("compute", "draw")
    values = fan.values.astype(np.float64)
    (found,) = at_compute(fan["compute"].values, values, np.array([compute_flops]))
    return np.asarray(found)


def _width(draws: FloatArray) -> float:
    summary = summarise(draws)
    return summary.high - summary.low
