"""The record of past forecasts, from the rows of a backtest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayescod.decisions.past import REACH, forecasts_by, method_of_spec
from bayescod.evaluation.summary import by_ratio, held, summarise_backtest
from bayescod.reporting.backtest_table import headline
from bayescod.reporting.page.records import Past, Record
from bayescod.reporting.wording import printable, times

if TYPE_CHECKING:
    import pandas as pd

_NOMINAL = 0.9


def record_of(rows: pd.DataFrame | None, spec: str, ratio: float) -> tuple[Record | None, str]:
    """What a backtest says of forecasts made as this one was.

    Parameters
    ----------
    rows : pandas.DataFrame or None
        The columns of ``backtest.csv``.
    spec : str
        The statistical model that the forecast asked for; only its rows count.
    ratio : float
        The target's compute over that of the largest ladder LLM.

    Returns
    -------
    record : Record or None
    note : str
        Why there is none.
    """
    if rows is None:
        return None, (
            "There is no record yet of how such forecasts did on this ladder: "
            "bayescod backtest makes one."
        )
    mine = forecasts_by(rows, spec)
    if mine.empty:
        method = printable(method_of_spec(spec))
        return None, f"The backtest holds no forecast by the method {method}."
    summary = summarise_backtest(mine)
    said = headline(summary)
    far = float(mine["compute_ratio"].max())
    return (
        Record(
            overall=said[0].upper() + said[1:],
            at_distance=_at_distance(mine, ratio, far),
            beyond=ratio > REACH * far,
            poor=bool(summary["coverage90_high"].iloc[0] < _NOMINAL),
            by_benchmark=_by_benchmark(mine),
        ),
        "",
    )


def _at_distance(mine: pd.DataFrame, ratio: float, far: float) -> str:
    bins = by_ratio(mine)
    near = bins.loc[(bins["ratio_above"] < ratio) & (ratio <= bins["ratio_to"])]
    if near.empty or ratio > REACH * far:
        return (
            f"No forecast of the record went as far as this one ({times(ratio)} times the largest "
            f"fitted LLM's compute); the farthest went {times(far)} times."
        )
    row = near.iloc[0]
    count = round(float(row["coverage90"]) * int(row["pairs"]))
    return (
        f"At a distance like this one ({row['ratio']} times the largest fitted LLM's compute), "
        f"90 % ranges held {count} of {int(row['pairs'])} truths."
    )


def _by_benchmark(mine: pd.DataFrame) -> dict[str, tuple[Past, ...]]:
    table = mine.assign(held=held(mine, 90)).sort_values(
        ["benchmark", "compute_ratio", "model"], kind="stable"
    )
    return {
        str(name): tuple(
            Past(
                model=printable(str(row["model"]), 40),
                compute_ratio=float(row["compute_ratio"]),
                median=float(row["q50"]),
                low=float(row["q05"]),
                high=float(row["q95"]),
                truth=float(row["truth"]),
                held=bool(np.bool_(row["held"])),
            )
            for row in group.to_dict("records")
        )
        for name, group in table.groupby("benchmark", sort=False)
    }
