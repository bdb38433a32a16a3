"""The record of a method: how its past forecasts of held-out LLMs did, benchmark by benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayescod.evaluation.intervals import share_interval
from bayescod.evaluation.summary import distinct_forecasts, held

if TYPE_CHECKING:
    import pandas as pd

REACH = 1.1
"""A record reaches a target that is at most so many times farther than its farthest forecast."""


@dataclass(frozen=True, slots=True)
class Past:
    """How forecasts of one benchmark did.

    Attributes
    ----------
    truths : int
        Held-out LLMs, at each compute ratio that they were forecast from.
    held : int
        How many of the 90 % equal-tailed ranges held the truth.
    held_at_most : float
        Upper end of the 90 % equal-tailed interval for the share that such ranges hold.
    mean_error : float
        Mean of |median - truth|, in [0, 1].
    farthest : float
        Largest compute ratio.
    """

    truths: int
    held: int
    held_at_most: float
    mean_error: float
    farthest: float

    def reaches(self, compute_ratio: float) -> bool:
        """Whether a target so far beyond its ladder is within the record."""
        return compute_ratio <= REACH * self.farthest


def method_of_spec(spec: str) -> str:
    """The method of a backtest that forecasts as a statistical model does.

    Parameters
    ----------
    spec : str
        What a forecast asked for (``--model-spec``).

    Returns
    -------
    str
        ``default`` for ``auto``; methods else are named after their specs.
    """
    return "default" if spec == "auto" else spec


def forecasts_by(rows: pd.DataFrame, spec: str) -> pd.DataFrame:
    """The rows of a backtest that were forecast as a statistical model does, and have numbers.

    Parameters
    ----------
    rows : pandas.DataFrame
        The columns of ``backtest.csv``.
    spec : str
        As for :func:`method_of_spec`.

    Returns
    -------
    pandas.DataFrame
        None twice; may be empty.

    Raises
    ------
    ResultError
        If there are two truths for one forecast.
    """
    mine = rows.loc[(rows["method"] == method_of_spec(spec)) & rows["crps"].notna()]
    return distinct_forecasts(mine)


def past_of(rows: pd.DataFrame, spec: str) -> dict[str, Past]:
    """The record of the method that a forecast used.

    Parameters
    ----------
    rows : pandas.DataFrame
        The columns of ``backtest.csv``.
    spec : str
        As for :func:`method_of_spec`.

    Returns
    -------
    dict of str to Past
        By benchmark; only those that were forecast.
    """
    found = {}
    for name, group in forecasts_by(rows, spec).groupby("benchmark", sort=False):
        hits = held(group, 90)
        error = np.abs(group["q50"].to_numpy() - group["truth"].to_numpy())
        found[str(name)] = Past(
            truths=len(group),
            held=int(hits.sum()),
            held_at_most=share_interval(hits, group["cluster"].tolist()).high,
            mean_error=float(error.mean()),
            farthest=float(group["compute_ratio"].max()),
        )
    return found
