"""From cells to arrays: smoothing over checkpoints, and the measured checkpoint."""

# ruff: noqa: S608 -- values travel as parameters, the SQL is put together from own fragments

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bayescod.scores.records import BenchmarkScores, FloatArray

if TYPE_CHECKING:
    import duckdb

# `previous`, `current`, `next` in this order, then other labels by the number in them, then by
# their text.
_CHECKPOINT_ORDER = """
    CASE lower(checkpoint) WHEN 'previous' THEN 0 WHEN 'current' THEN 1 WHEN 'next' THEN 2
        ELSE 3 END,
    coalesce(TRY_CAST(checkpoint AS DOUBLE),
        TRY_CAST(regexp_extract(checkpoint, '[0-9]+([.][0-9]+)?') AS DOUBLE)) NULLS FIRST,
    checkpoint
"""


def smooth_cells(
    connection: duckdb.DuckDBPyConnection, llms: Sequence[str], smoothing: str
) -> tuple[tuple[str, str], ...]:
    """Turn the table ``cell`` into ``rate``: one row a (benchmark, item, LLM).

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        With a ``cell`` table free of problems.
    llms : sequence of str
        Names in the order of the models table.
    smoothing : str
        ``horizontal``: counts summed over checkpoints; where some cell has no count, the mean of
        the rates. ``none``: the measured checkpoint only.

    Returns
    -------
    tuple of (str, str)
        (benchmark, model) pairs with labels of which none is ``current``: their last label is the
        measured one.

    Notes
    -----
    Sums of soft scores run in the order of the labels, so that the order of rows in the file
    cannot change the last bit; sums of counts are exact in any order.
    """
    connection.execute(
        f"""CREATE TEMP TABLE measured AS
        SELECT benchmark, model, CASE WHEN bool_or(checkpoint = 'current') THEN 'current'
            ELSE last(checkpoint ORDER BY {_CHECKPOINT_ORDER}) END AS checkpoint
        FROM (SELECT DISTINCT benchmark, model, checkpoint FROM cell) GROUP BY benchmark, model"""
    )
    connection.execute(
        """CREATE TEMP TABLE llm AS
        SELECT unnest($names) AS model, unnest(range($count)) AS llm""",
        {"names": list(llms), "count": len(llms)},
    )
    inexact = connection.execute("SELECT 1 FROM cell WHERE soft LIMIT 1").fetchall()
    order = " ORDER BY cell.checkpoint" if inexact else ""
    counted = "count(*) = count(cell.n)"
    own = "cell.checkpoint = measured.checkpoint"
    measured = f"max(rate) FILTER ({own}) AS measured_rate, max(n) FILTER ({own}) AS measured_n"
    if smoothing == "horizontal":
        fitted = f"""CASE WHEN {counted} THEN sum(k{order}) / sum(n{order})
                ELSE avg(rate{order}) END AS rate,
            CASE WHEN {counted} THEN sum(n{order}) END AS n"""
    else:
        fitted = f"max(rate) FILTER ({own}) AS rate, max(n) FILTER ({own}) AS n"
    connection.execute(
        f"""CREATE TEMP TABLE rate AS
        SELECT cell.benchmark, cell.item_id, llm.llm, {fitted}, {measured},
            bool_or(soft) AS soft, min(chance) AS chance
        FROM cell JOIN measured USING (benchmark, model) JOIN llm USING (model)
        GROUP BY cell.benchmark, cell.item_id, llm.llm"""
    )
    connection.execute("DROP TABLE cell")
    return tuple(
        connection.execute(
            """SELECT benchmark, model FROM measured
            WHERE checkpoint NOT IN ('', 'current') ORDER BY benchmark, model"""
        ).fetchall()
    )


def benchmark_names(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Benchmarks of the table ``rate``, sorted."""
    rows = connection.execute("SELECT DISTINCT benchmark FROM rate").fetchall()
    return tuple(sorted(name for (name,) in rows))


def benchmark_scores(
    connection: duckdb.DuckDBPyConnection,
    benchmark: str,
    llms: Sequence[str],
    has_items: bool,
    chances: Mapping[str, float],
) -> BenchmarkScores:
    """Arrays of one benchmark.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        With a ``rate`` table.
    benchmark : str
        One of `benchmark_names`.
    llms : sequence of str
        Names in the order of the models table.
    has_items : bool
        False for a benchmark-level table.
    chances : mapping of str to float
        Chance level by item name; by ``""`` for the whole benchmark. Where empty, the scores
        table's own ``chance`` is used.

    Returns
    -------
    BenchmarkScores
        Items sorted by name, LLMs in the order of the models table.
    """
    parameters = {"benchmark": benchmark}
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE item AS
        SELECT item_id, min(chance) AS chance, row_number() OVER () - 1 AS item FROM rate
        WHERE benchmark = $benchmark GROUP BY item_id""",
        parameters,
    )
    columns = connection.execute(
        """SELECT item, llm, rate, n, measured_rate, measured_n, soft
        FROM rate JOIN item USING (item_id) WHERE benchmark = $benchmark""",
        parameters,
    ).fetchnumpy()
    # Sorted here, not by the database: its order of letters beyond ASCII changed over versions.
    items = sorted(connection.execute("SELECT item_id, item, chance FROM item").fetchall())
    row_of = np.argsort([number for _, number, _ in items])
    item = row_of[np.asarray(columns["item"], dtype=np.int64)]
    used, column = np.unique(np.asarray(columns["llm"], dtype=np.int64), return_inverse=True)
    shape = (len(items), len(used))

    def grid(name: str, empty: float) -> FloatArray:
        values = np.full(shape, empty)
        values[item, column] = np.ma.filled(columns[name].astype(np.float64), np.nan)
        return values

    measured_rate = grid("measured_rate", np.nan)
    pass_rate = grid("rate", np.nan)
    return BenchmarkScores(
        benchmark=benchmark,
        item_id=tuple(name for name, *_ in items) if has_items else None,
        llm=tuple(llms[index] for index in used),
        pass_rate=pass_rate,
        n_trials=np.where(np.isnan(pass_rate), 0.0, grid("n", 0.0)),
        measured_rate=measured_rate,
        measured_trials=np.where(np.isnan(measured_rate), 0.0, grid("measured_n", 0.0)),
        chance=_mean_chance([name for name, *_ in items], [own for *_, own in items], chances),
        soft=bool(np.any(columns["soft"])),
    )


def _mean_chance(
    names: Sequence[str], own: Sequence[float | None], chances: Mapping[str, float]
) -> float | None:
    given = [chances.get(name, chances.get("")) for name in names] if chances else own
    known = [value for value in given if value is not None]
    return float(np.mean(known)) if known else None
