"""Chance levels from a benchmarks table (one row a benchmark) or an items table."""

# ruff: noqa: S608 -- values travel as parameters, the SQL is put together from own fragments

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bayescod.errors import Problem
from bayescod.scores.checks import Check, capped, listed, missing_column, near_fix, place, shown
from bayescod.scores.contract import typed
from bayescod.scores.database import literal
from bayescod.scores.rows import in_file, line_problems, row_problems
from bayescod.scores.rules import chance_checks
from bayescod.scores.tables import Table

if TYPE_CHECKING:
    import duckdb

COLUMNS = ("benchmark", "item_id", "chance")


@dataclass(frozen=True, slots=True)
class ChanceLevels:
    """Chance levels of a benchmarks or items table.

    Attributes
    ----------
    levels : mapping of str to mapping of str to float
        By benchmark (``""`` where the table has no benchmark column), then by item (``""`` where
        it has no item column).
    problems : tuple of Problem
        What is wrong.
    """

    levels: Mapping[str, Mapping[str, float]]
    problems: tuple[Problem, ...]

    def of(self, benchmark: str) -> Mapping[str, float]:
        """Levels of one benchmark by item; empty where none is given."""
        return self.levels.get(benchmark, self.levels.get("", {}))


def read_chance(connection: duckdb.DuckDBPyConnection, table: Table) -> ChanceLevels:
    """Read and check a benchmarks or items table.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        From `locked_database`.
    table : Table
        Opened with `COLUMNS`; needs ``chance`` and ``benchmark``, ``item_id`` or both.

    Returns
    -------
    ChanceLevels
        Every problem of the file is in it; nothing is raised. Blank levels are unknown.
    """
    keys = [name for name in ("benchmark", "item_id") if name in table.columns]
    problems = [] if keys else [missing_column(table.label, "benchmark", table.unknown)]
    if "chance" not in table.columns:
        fix = "add it, or leave this file out: nothing else is read from it"
        problems.append(missing_column(table.label, "chance", table.unknown, fix))
    if problems:
        return ChanceLevels({}, tuple(problems))
    checks = [
        Check(
            "missing-value", name, f"{name} IS NULL", f"a row has no {name}", "a name", "fill it in"
        )
        for name in keys
    ]
    # The table is small beside the scores: every rule is searched at once.
    problems = row_problems(
        connection, table, [*checks, *chance_checks(table)], typed(table, COLUMNS)
    )
    rows = connection.execute(
        f"""SELECT row_id, coalesce(benchmark, ''), coalesce(item_id, ''), chance
        FROM (SELECT row_id, {typed(table, COLUMNS)} FROM {table.numbered}) ORDER BY row_id""",
        {"path": literal(table.path)},
    ).fetchall()
    levels: dict[str, dict[str, float]] = {}
    seen: set[tuple[str, str]] = set()
    twice: list[Problem] = []
    for row, benchmark, item, chance in rows:
        if (benchmark, item) in seen:
            twice.append(_duplicate(table.label, row, keys, (benchmark, item)))
        seen.add((benchmark, item))
        if chance is not None:
            levels.setdefault(benchmark, {})[item] = chance
    lines = line_problems(connection, table)
    rest = in_file(connection, table, [*problems, *capped(twice)])
    return ChanceLevels(levels, (*lines, *rest))


def chance_warnings(label: str, chance: ChanceLevels, benchmarks: Sequence[str]) -> list[Problem]:
    """Benchmarks without a chance level, and rows of the table that meet no benchmark."""
    warnings = []
    without = [name for name in benchmarks if not chance.of(name)]
    if without:
        warnings.append(
            Problem(
                "chance-missing",
                f"{len(without)} of {len(benchmarks)} benchmarks have no chance level",
                file=place(label),
                column="benchmark",
                got=listed(without),
                fix=near_fix(without[0], chance.levels),
            )
        )
    unused = sorted(set(chance.levels) - set(benchmarks) - {""})
    if unused:
        warnings.append(
            Problem(
                "chance-unused",
                f"{len(unused)} benchmarks of this file have no scores",
                file=place(label),
                column="benchmark",
                got=listed(unused),
                fix=near_fix(unused[0], benchmarks),
            )
        )
    return warnings


def chance_conflicts(connection: duckdb.DuckDBPyConnection, label: str) -> list[Problem]:
    """Items of the scores table whose rows give different chance levels."""
    rows = connection.execute(
        """SELECT benchmark, item_id, min(chance) AS low, max(chance_max) AS high FROM cell
        GROUP BY benchmark, item_id HAVING high - low > 1e-6 ORDER BY benchmark, item_id"""
    ).fetchall()
    return [
        Problem(
            "chance-disagrees",
            "rows of one item give different chance levels",
            file=place(label),
            column="chance",
            got=f"{low:g} to {high:g} for {shown(item or 'the benchmark')} of {shown(benchmark)}",
            wanted="one level an item",
            fix="repair the column",
        )
        for benchmark, item, low, high in rows
    ]


def _duplicate(label: str, row: int, keys: Sequence[str], values: tuple[str, str]) -> Problem:
    return Problem(
        "duplicate-row",
        f"a second row has the same {', '.join(keys)}",
        file=place(label),
        row=row,
        got=", ".join(shown(value) for value in values if value),
        wanted="one row each",
        fix="keep one row",
    )
