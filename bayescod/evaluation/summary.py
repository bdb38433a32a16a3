"""What a backtest says of each method: errors, coverage, sharpness and skill, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bayescod.errors import ResultError
from bayescod.evaluation.intervals import (
    NO_INTERVAL,
    Interval,
    mean_interval,
    ratio_interval,
    share_interval,
)

FloatArray = npt.NDArray[np.float64]

REFERENCE: Final = "end-to-end"
"""The method that the others' skill is measured against."""

RATIO_EDGES: Final = (3.0, 7.0, 15.0)
"""Where bins of the compute ratio meet: they lie around 2, 5, 10, and 20 and more."""

_RANGES: Final = {50: ("q25", "q75"), 80: ("q10", "q90"), 90: ("q05", "q95")}
_COLUMNS: Final = (
    "method",
    *("pairs", "llms", "without_forecast"),
    *("mean_error", "mean_error_low", "mean_error_high", "worst_error"),
    *("bias", "bias_low", "bias_high"),
    *(f"coverage{level}{end}" for level in _RANGES for end in ("", "_low", "_high")),
    *("width90", "width90_low", "width90_high", "crps", "crps_low", "crps_high"),
    *("skill", "skill_low", "skill_high", "skill_pairs"),
    *("log_score", "log_score_low", "log_score_high"),
    *("passed", "review", "failed"),
)
_PAIR: Final = ("cluster", "benchmark", "model", "distance")
_ROUNDING: Final = 1e-6  # single-precision draws that are all equal must still hold their truth


def summarise_backtest(frame: pd.DataFrame, reference: str = REFERENCE) -> pd.DataFrame:
    """Summarise a backtest, one row a method.

    Every forecast with numbers counts, whatever its status: to leave out those whose checks
    failed would flatter the method. Intervals are equal-tailed, hold 90 % and take forecasts of
    one cluster as alike (:mod:`bayescod.evaluation.intervals`).

    Parameters
    ----------
    frame : pandas.DataFrame
        The columns of ``backtest.csv``, one row a (benchmark, held-out LLM, method); optionally
        ``cluster``: what tells clusters of like forecasts apart where that is not ``model``, for
        example in a table pooled from several ladders.
    reference : str, default "end-to-end"
        The method that the others' skill is measured against.

    Returns
    -------
    pandas.DataFrame
        In order of appearance. ``x_low`` and ``x_high`` bound the interval of ``x``; errors,
        widths and CRPS are scores in [0, 1].

        - ``method``; ``pairs`` of benchmark and LLM (at each compute ratio that it was forecast
          from) with a forecast; ``llms`` held out (clusters);
          ``without_forecast``: pairs whose forecast has no numbers, in no figure below
        - ``mean_error`` of the median, absolute; ``worst_error``; ``bias``: median minus truth
        - ``coverage50``, ``coverage80``, ``coverage90``: share of equal-tailed ranges that held
          the truth
        - ``width90``: mean width of the 90 % range; ``crps``: mean
        - ``skill``: 1 - sum of CRPS over that of the reference, on the ``skill_pairs`` that both
          have; NaN where there are none
        - ``log_score``: mean
        - ``passed``, ``review``, ``failed``: how many have this status

    Raises
    ------
    ResultError
        If a method has two truths for one pair.
    """
    return pd.DataFrame(_rows(distinct_forecasts(frame), reference), columns=list(_COLUMNS))


def by_ratio(
    frame: pd.DataFrame, edges: Sequence[float] = RATIO_EDGES, reference: str = REFERENCE
) -> pd.DataFrame:
    """Summarise a backtest by how far ahead it forecast, one row a bin and method.

    Parameters
    ----------
    frame : pandas.DataFrame
        As for :func:`summarise_backtest`.
    edges : sequence of float, default (3, 7, 15)
        Compute ratios where bins meet, increasing; a bin holds its upper edge.
    reference : str, default "end-to-end"

    Returns
    -------
    pandas.DataFrame
        ``ratio`` (what the bin is called), ``ratio_above`` and ``ratio_to`` (its ends, 0 and
        infinity at the outside), then the columns of :func:`summarise_backtest`; bins without
        pairs are left out.

    Raises
    ------
    ResultError
        As :func:`summarise_backtest`.
    """
    table = distinct_forecasts(frame)
    ratio = table["compute_ratio"].to_numpy(dtype=np.float64)
    rows = []
    for low, high in pairwise([0.0, *edges, math.inf]):
        name = {"ratio": _bin_name(low, high), "ratio_above": low, "ratio_to": high}
        inside = table.loc[(ratio > low) & (ratio <= high)]
        rows += [name | row for row in _rows(inside, reference)]
    return pd.DataFrame(rows, columns=["ratio", "ratio_above", "ratio_to", *_COLUMNS])


def _bin_name(low: float, high: float) -> str:
    if low == 0.0:
        return f"up to {high:g}"
    return f"above {low:g}" if math.isinf(high) else f"{low:g} to {high:g}"


def held(frame: pd.DataFrame, level: int) -> npt.NDArray[np.bool_]:
    """Whether each equal-tailed range held its truth.

    Parameters
    ----------
    frame : pandas.DataFrame
        The columns of ``backtest.csv``.
    level : int
        50, 80 or 90 [%].

    Returns
    -------
    ndarray of bool, shape (row,)
    """
    low, high = (frame[name].to_numpy(dtype=np.float64) for name in _RANGES[level])
    truth = frame["truth"].to_numpy(dtype=np.float64)
    return (low - _ROUNDING <= truth) & (truth <= high + _ROUNDING)


def distinct_forecasts(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of a backtest with a cluster each, and none twice.

    At two distances an LLM may be forecast from the same ladder, where a benchmark lacks scores
    of the LLMs between; that is one forecast.

    Parameters
    ----------
    frame : pandas.DataFrame
        The columns of ``backtest.csv``, and ``cluster`` where that is not ``model``.

    Returns
    -------
    pandas.DataFrame
        With ``cluster`` and ``distance``, the decimal logarithm of the compute ratio.

    Raises
    ------
    ResultError
        If a method has two rows for one benchmark, LLM and compute ratio with different truths.
    """
    ratio = frame["compute_ratio"].to_numpy(dtype=np.float64)
    table = frame.assign(distance=np.round(np.log10(ratio), 6))
    if "cluster" not in table:
        table["cluster"] = table["model"]
    table = table.drop_duplicates(["method", *_PAIR, "truth"])
    twice = table.loc[table.duplicated(["method", *_PAIR])]
    if len(twice):
        where = ", ".join(f"{key} {twice[key].iloc[0]!r}" for key in ("method", *_PAIR[:3]))
        msg = (
            f"a backtest has two truths for {where}; wanted: one; do: drop one, or tell pooled "
            "tables apart by a column `cluster`"
        )
        raise ResultError(msg)
    return table


def _rows(table: pd.DataFrame, reference: str) -> list[dict[str, object]]:
    baseline = table.loc[table["method"] == reference]
    groups = table.groupby("method", sort=False)
    return [{"method": name} | _figures(group, baseline) for name, group in groups]


def _figures(group: pd.DataFrame, baseline: pd.DataFrame) -> dict[str, object]:
    stated = group.loc[group["crps"].notna()]
    clusters = stated["cluster"].tolist()
    error = _numbers(stated, "q50") - _numbers(stated, "truth")
    figures: dict[str, object] = {
        "pairs": len(stated),
        "llms": len(set(clusters)),
        "without_forecast": len(group) - len(stated),
        **_mean("mean_error", np.abs(error), clusters, low=0.0, high=1.0),
        "worst_error": float(np.abs(error).max()) if error.size else float("nan"),
        **_mean("bias", error, clusters, low=-1.0, high=1.0),
    }
    for level in _RANGES:
        hits = held(stated, level)
        share = float(hits.mean()) if hits.size else float("nan")
        figures |= _with_ends(f"coverage{level}", share, share_interval(hits, clusters))
    width = _numbers(stated, "q95") - _numbers(stated, "q05")
    figures |= _mean("width90", width, clusters, low=0.0, high=1.0)
    figures |= _mean("crps", _numbers(stated, "crps"), clusters, low=0.0, high=1.0)
    figures |= _skill(stated, baseline)
    figures |= _mean("log_score", _numbers(stated, "log_score"), clusters)
    for name, status in (("passed", "pass"), ("review", "review"), ("failed", "fail")):
        figures[name] = int((group["status"] == status).sum())
    return figures


def _numbers(table: pd.DataFrame, column: str) -> FloatArray:
    return table[column].to_numpy(dtype=np.float64)


def _mean(
    name: str,
    values: FloatArray,
    clusters: list[str],
    low: float = -math.inf,
    high: float = math.inf,
) -> dict[str, float]:
    """A mean and its interval, cut where the figure cannot go."""
    if values.size == 0:
        return _with_ends(name, float("nan"), NO_INTERVAL)
    ends = mean_interval(values, clusters)
    cut = Interval(max(ends.low, low), min(ends.high, high))  # in this order NaN stays NaN
    return _with_ends(name, float(values.mean()), cut)


def _skill(stated: pd.DataFrame, baseline: pd.DataFrame) -> dict[str, float]:
    both = stated[[*_PAIR, "crps"]].merge(
        baseline.loc[baseline["crps"].notna(), [*_PAIR, "crps"]],
        on=list(_PAIR),
        suffixes=("", "_reference"),
    )
    own, reference = _numbers(both, "crps"), _numbers(both, "crps_reference")
    skill, ends = float("nan"), NO_INTERVAL
    if reference.sum() > 0.0:
        skill = 1.0 - float(own.sum() / reference.sum())
        loss = ratio_interval(own, reference, both["cluster"].tolist())
        ends = Interval(1.0 - loss.high, min(1.0 - loss.low, 1.0))
    return {**_with_ends("skill", skill, ends), "skill_pairs": len(both)}


def _with_ends(name: str, value: float, ends: Interval) -> dict[str, float]:
    return {name: value, f"{name}_low": ends.low, f"{name}_high": ends.high}
