"""From rows to cells, inside the database, and from a broken rule back to its rows.

A *cell* is one (benchmark, item, model, checkpoint) with its counts. One-row-a-trial tables are
aggregated by DuckDB, so that memory grows with cells and not with trials.
"""

# ruff: noqa: S608 -- values travel as parameters, the SQL is put together from own fragments

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bayescod.errors import Problem
from bayescod.scores.checks import LISTED, Check, more, near_fix, place, shown
from bayescod.scores.contract import typed
from bayescod.scores.database import literal
from bayescod.scores.rules import row_checks
from bayescod.scores.tables import Table, broken_lines

if TYPE_CHECKING:
    import duckdb


def build_cells(connection: duckdb.DuckDBPyConnection, table: Table) -> list[Check]:
    """Aggregate the rows to the temporary table ``cell`` and say which rules are broken.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        From `locked_database`.
    table : Table
        Scores table without `column_problems`.

    Returns
    -------
    list of Check
        The broken rules. If there is none, each ``cell`` row has ``n`` (trials, NULL if unknown),
        ``k`` (``n`` times the rate), ``rate``, ``soft`` and the range of ``chance``;
        ``item_id`` and ``checkpoint`` are empty where not given.
    """
    checks = row_checks(table)
    bits = " | ".join(
        f"CASE WHEN {check.broken} THEN {1 << position} ELSE 0 END"
        for position, check in enumerate(checks)
    )
    if "correct" in table.columns:
        measures = f"""count(*)::DOUBLE AS n, sum(correct) AS k, sum(correct) / count(*) AS rate,
            FALSE AS soft, NOT coalesce({_DISTINCT_TRIALS}, FALSE) AS doubtful"""
    else:
        measures = """any_value(n_trials) AS n,
            any_value(coalesce(n_correct, score * n_trials)) AS k,
            any_value(coalesce(n_correct / n_trials, score)) AS rate,
            bool_or(n_correct IS NULL) AS soft, count(*) > 1 AS doubtful"""
    item = "item_id" if "item_id" in table.columns else "'' AS item_id"
    connection.execute(
        f"""CREATE TEMP TABLE cell AS
        SELECT benchmark, {item}, model, coalesce(checkpoint, '') AS checkpoint, {measures},
            min(chance) AS chance, max(chance) AS chance_max, bit_or({bits}) AS broken
        FROM (SELECT {typed(table)} FROM {table.relation})
        GROUP BY ALL""",
        {"path": literal(table.path)},
    )
    (flags,) = connection.execute("SELECT bit_or(broken) FROM cell").fetchone() or (0,)
    return [check for position, check in enumerate(checks) if (flags or 0) >> position & 1]


# Trials numbered without a gap need no search for doubles: count, range, sum and sum of squares
# agree with those of first, first + 1, ... Any other numbering is searched exactly.
_DISTINCT_TRIALS = """
    count(trial_number) = count(*)
    AND max(trial_number) - min(trial_number) + 1 = count(*)
    AND sum(trial_number) = count(*) * (min(trial_number) + max(trial_number)) / 2
    AND sum(trial_number * trial_number) = count(*) * min(trial_number) * max(trial_number)
        + (count(*) - 1) * count(*) * (2 * count(*) - 1) / 6
"""


def line_problems(connection: duckdb.DuckDBPyConnection, table: Table) -> list[Problem]:
    """Problems of lines that do not parse; a CSV table must have been scanned before."""
    count, lines = broken_lines(connection, table)
    if table.is_json:
        wanted, fix = "one JSON object", "write one object a line, each key once"
    else:
        wanted = "one record with the columns of the header"
        fix = "quote text that holds a comma or a quote; save as UTF-8"
    problems = [
        Problem(
            "broken-line",
            f"a line cannot be read: {flaw}",
            file=place(table.label),
            row=row,
            got=shown(line),
            wanted=wanted,
            fix=fix,
        )
        for row, line, flaw in lines[:LISTED]
    ]
    return problems + ([more(problems[-1], count - LISTED)] if count > LISTED else [])


def in_file(
    connection: duckdb.DuckDBPyConnection, table: Table, problems: Sequence[Problem]
) -> list[Problem]:
    """Problems with rows as the file counts them: the CSV reader skips broken lines."""
    broken = [] if table.is_json else [row for row, _, _ in broken_lines(connection, table)[1]]

    def row_in_file(row: int) -> int:
        for skipped in broken:
            row += skipped <= row
        return row

    return [p if p.row is None else replace(p, row=row_in_file(p.row)) for p in problems]


def row_problems(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    broken: Sequence[Check],
    columns: str,
) -> list[Problem]:
    """Rows that break a rule.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        From `locked_database`.
    table : Table
        The table that was checked.
    broken : sequence of Check
        Rules known to be broken.
    columns : str
        SQL columns that the rules look at, from `typed`.

    Returns
    -------
    list of Problem
        At most `LISTED` a rule, then one that counts the others.
    """
    problems: list[Problem] = []
    for check in broken:
        rows = connection.execute(
            f"""SELECT row_id, {check.got or check.column}, count(*) OVER ()
            FROM (SELECT row_id, {columns} FROM {table.numbered})
            WHERE {check.broken} ORDER BY row_id LIMIT {LISTED}""",
            {"path": literal(table.path)},
        ).fetchall()
        problems += [check.problem(table.label, row, got) for row, got, _ in rows]
        if rows and rows[0][2] > LISTED:
            problems.append(more(problems[-1], rows[0][2] - LISTED))
    return problems


def duplicate_problems(connection: duckdb.DuckDBPyConnection, table: Table) -> list[Problem]:
    """Rows that give one (benchmark, item, model, checkpoint), or one trial of it, twice."""
    trial = ", trial" if "correct" in table.columns else ""
    if not connection.execute("SELECT 1 FROM cell WHERE doubtful LIMIT 1").fetchall():
        return []
    keys = "benchmark, item_id, model, checkpoint"
    same = " AND ".join(f"r.{key} = cell.{key}" for key in keys.split(", "))
    item = "coalesce(item_id, '')" if "item_id" in table.columns else "''"
    found = f"""
        SELECT {keys}{trial}, count(*) AS copies, min(row_id) AS first, max(row_id) AS repeat
        FROM (SELECT benchmark, {item} AS item_id, model, row_id{trial},
                  coalesce(checkpoint, '') AS checkpoint
              FROM (SELECT row_id, {typed(table)} FROM {table.numbered})) AS r
        SEMI JOIN (SELECT * FROM cell WHERE doubtful) AS cell ON {same}
        GROUP BY {keys}{trial} HAVING count(*) > 1"""
    rows = connection.execute(
        f"SELECT *, count(*) OVER () FROM ({found}) ORDER BY first LIMIT {LISTED}",
        {"path": literal(table.path)},
    ).fetchall()
    names = ["benchmark", "item_id", "model", "checkpoint", *(["trial"] if trial else [])]
    problems = [
        Problem(
            "duplicate-row",
            f"a row repeats an earlier one: {copies} rows have the same {', '.join(names)}",
            file=place(table.label),
            row=repeat,
            got=", ".join(shown(value) for value in values if value),
            wanted="one row each",
            fix="keep one row; label repeated evaluations by checkpoint or add up their counts",
        )
        for *values, copies, _, repeat, _ in rows
    ]
    if rows and rows[0][-1] > LISTED:
        problems.append(more(problems[-1], rows[0][-1] - LISTED))
    return problems


def unknown_model_problems(
    connection: duckdb.DuckDBPyConnection, table: Table, known: Sequence[str]
) -> list[Problem]:
    """LLMs with scores that the models table lacks, each with its first row."""
    present = [name for (name,) in connection.execute("SELECT DISTINCT model FROM cell").fetchall()]
    unknown = sorted(set(present) - set(known) - {None})
    if not unknown:
        return []
    first = connection.execute(
        f"""SELECT model, min(row_id) AS first
        FROM (SELECT row_id, {table.text("model")} AS model FROM {table.numbered})
        WHERE model IN (SELECT unnest($unknown)) GROUP BY model ORDER BY first""",
        {"path": literal(table.path), "unknown": unknown},
    ).fetchall()
    return [
        Problem(
            "unknown-model",
            "a model has scores but is not in the models table",
            file=place(table.label),
            row=row,
            column="model",
            got=shown(name),
            wanted="a model of the models table",
            fix=near_fix(name, known) or "add it to the models table",
        )
        for name, row in first
    ]


def checkpoint_problems(connection: duckdb.DuckDBPyConnection, table: Table) -> list[Problem]:
    """LLMs of which one benchmark has both labelled and unlabelled rows."""
    rows = connection.execute(
        """SELECT benchmark, model FROM cell GROUP BY benchmark, model
        HAVING bool_or(checkpoint = '') AND bool_or(checkpoint <> '') ORDER BY ALL"""
    ).fetchall()
    return [
        Problem(
            "missing-checkpoint",
            "some rows of a model have a checkpoint label and others none",
            file=place(table.label),
            column="checkpoint",
            got=f"{shown(model)} on {shown(benchmark)}",
            wanted="a label in every row of a model on a benchmark, or in none",
            fix="label the main checkpoint current",
        )
        for benchmark, model in rows
    ]
