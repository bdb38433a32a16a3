"""What a backtest is: one row a (benchmark, held-out LLM, method), and what goes with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class BacktestRow:
    """One forecast of a held-out LLM's score beside the truth: a row of ``backtest.csv``.

    Attributes
    ----------
    benchmark : str
    model : str
        The held-out LLM.
    compute_flops : float
        Its training compute [FLOP].
    compute_ratio : float
        To the largest ladder LLM that remained.
    method : str
    truth : float
        Measured score in [0, 1].
    mean, sd : float
        Of the predictive draws of the measured score.
    q05, q10, q25, q50, q75, q90, q95 : float
        Quantiles of the draws; ``q05`` to ``q95`` is the equal-tailed 90 % range.
    crps : float
        Continuous ranked probability score in [0, 1], lower is better.
    log_score : float
        Log predictive density of the truth over [0, 1], higher is better.
    status : str
        ``pass``, ``review`` or ``fail``.
    pit : float
        Probability integral transform of the truth, in [0, 1]. Not in the table's contract,
        therefore the last column.

    Notes
    -----
    A forecast without numbers has NaN from ``mean`` to ``log_score`` and in ``pit``.
    """

    benchmark: str
    model: str
    compute_flops: float
    compute_ratio: float
    method: str
    truth: float
    mean: float
    sd: float
    q05: float
    q10: float
    q25: float
    q50: float
    q75: float
    q90: float
    q95: float
    crps: float
    log_score: float
    status: str
    pit: float


COLUMNS: Final = tuple(field.name for field in fields(BacktestRow))
"""Columns of a backtest's table, in the order of ``backtest.csv``."""


@dataclass(frozen=True, slots=True, eq=False)
class Backtest:
    """The forecasts of a backtest, and what did not apply.

    Attributes
    ----------
    rows : tuple of BacktestRow
    skipped : tuple of (str, str, str)
        Method, benchmark (empty: all) and reason of what did not apply.
    seconds : mapping of str to float
        Wall-clock time by method.
    provenance : mapping of str to str
        Digests of data and specs, options and versions of the packages used.
    warnings : tuple of str
        Remarks on the input, as shown to the user.
    """

    rows: tuple[BacktestRow, ...]
    skipped: tuple[tuple[str, str, str], ...]
    seconds: Mapping[str, float]
    provenance: Mapping[str, str]
    warnings: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """The rows as a table.

        Returns
        -------
        pandas.DataFrame
            One row a (benchmark, held-out LLM, method), with the columns :data:`COLUMNS`.
        """
        import pandas as pd

        return pd.DataFrame(
            [[getattr(row, name) for name in COLUMNS] for row in self.rows], columns=list(COLUMNS)
        )
