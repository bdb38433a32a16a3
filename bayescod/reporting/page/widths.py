"""Where the width of a range comes from: only what the stored draws tell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bayescod.decisions.chances import at_compute
from bayescod.forecasting.records import BenchmarkForecast, summarise
from bayescod.reporting.page.records import Part, Voice, Widths

FloatArray = npt.NDArray[np.float64]

_BY_LAW = ("one curve in compute", "one curve in parameters and tokens")
BY_CLUSTERS = "groups of questions (COD)"
_NAMES = {
    "law": "the law beyond the data",
    "untold": "the run and the law beyond the data",
    "voices": "the ways of forecasting disagree",
    "mapping": "the step from groups of questions to the whole benchmark",
    "run": "how far a run departs from the law, more so beyond the data",
    "evaluation": "noise of the target's own evaluation",
}


def widths_of(forecast: BenchmarkForecast, largest_flops: float) -> Widths:
    """Split the variance of the measured score, and compare the width here and beyond the data.

    By the law of total variance, over the stored draws, from the outside in: the noise of the
    target's evaluation has variance ``ratio p (1 - p)`` in each draw; what the variance of the
    latent score falls by when the run has no luck is the run's; what it falls by further under the
    mean map without its noise is the map's; what the means of the voices differ by is their
    disagreement; the rest is the law's. A covariance of two counts with the one taken out first. A
    variance that rises when something is taken out counts as one that stays.

    Parameters
    ----------
    forecast : BenchmarkForecast
        With finite draws. Those of an earlier version do not tell run, map and law apart.
    largest_flops : float
        Compute of the largest ladder LLM [FLOP].

    Returns
    -------
    Widths
    """
    stored = forecast.tree["predictions"].to_dataset()
    latent = forecast.draws("latent_score")
    ratio = float(forecast.tree["constant_data"].to_dataset()["evaluation_ratio"])
    found = {"evaluation": float(np.mean(ratio * latent * (1.0 - latent)))}
    inner, left = latent, float(latent.var())
    total = left + found["evaluation"]
    for key, field in (("run", "typical_score"), ("mapping", "law_score")):
        if field in stored:
            inner = stored[field].values.astype(np.float64)
            before, left = left, min(left, float(inner.var()))
            found[key] = before - left
    names = _voice_of_draw(forecast, latent)
    present = [name for name in dict.fromkeys(sorted(set(names))) if name]
    if len(present) > 1:
        found["voices"] = min(_between(inner, names, present), left)
        left -= found["voices"]
    found["law" if "run" in found else "untold"] = left
    groups = [latent[names == name] for name in present]
    voices = tuple(
        Voice(name, group.size / latent.size, summarise(group))
        for name, group in zip(present, groups, strict=True)
    )
    return Widths(
        parts=tuple(
            Part(key, name, found[key] / total if total > 0 else 0.0)
            for key, name in _NAMES.items()
            if key in found
        ),
        split="run" in found,
        at_data_end=_width(_at(forecast, largest_flops)),
        at_target=_width(latent),
        voices=voices if len(voices) > 1 else (),
    )


def _between(values: FloatArray, names: npt.NDArray[np.str_], present: list[str]) -> float:
    """Variance of the means of the voices."""
    groups = [values[names == name] for name in present]
    centre = values.mean()
    return float(sum(g.size / values.size * (g.mean() - centre) ** 2 for g in groups))


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
        names[latent != stored["end_to_end"].values] = BY_CLUSTERS
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
