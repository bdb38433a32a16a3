"""Read scores and models tables, finding every problem in one pass."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bayescod.errors import DataError, MachineError, Problem, UnknownNameError
from bayescod.scores import chance as chance_file
from bayescod.scores import contract
from bayescod.scores import models as models_file
from bayescod.scores.cautions import (
    benchmark_warnings,
    last_label_warning,
    llm_warnings,
    size_warnings,
)
from bayescod.scores.chance import ChanceLevels, chance_conflicts, chance_warnings, read_chance
from bayescod.scores.checks import capped, unknown_columns
from bayescod.scores.contract import column_problems, typed
from bayescod.scores.database import (
    MEMORY_LIMIT,
    UnusableFile,
    digest,
    empty_file,
    existing_file,
    locked_database,
    unreadable,
)
from bayescod.scores.measurements import benchmark_names, benchmark_scores, smooth_cells
from bayescod.scores.models import ModelsFile, filled_warning, read_models
from bayescod.scores.records import Scores
from bayescod.scores.rows import (
    build_cells,
    checkpoint_problems,
    duplicate_problems,
    in_file,
    line_problems,
    row_problems,
    unknown_model_problems,
)
from bayescod.scores.tables import Table, open_table

if TYPE_CHECKING:
    import duckdb

SMOOTHINGS = ("horizontal", "none")


def read_scores(
    scores: str | os.PathLike[str],
    models: str | os.PathLike[str],
    benchmarks: str | os.PathLike[str] | None = None,
    smoothing: str = "horizontal",
) -> Scores:
    """Read what was measured, from CSV, Parquet or JSON lines (by the ending of the name).

    Parameters
    ----------
    scores : str or path-like
        Scores table: ``benchmark``, ``item_id`` (absent: benchmark-level), ``model`` and

        - ``n_trials``, ``n_correct``: counts; or
        - ``trial``, ``correct`` (0/1): one row a trial, aggregated inside DuckDB; or
        - ``score`` in [0, 1]: a soft pass rate, with ``n_trials`` where known.

        Counts are used where both counts and ``score`` are given. Optional: ``checkpoint``
        (``previous``, ``current``, ``next``, or steps) and ``chance``. Other columns are ignored
        and listed.
    models : str or path-like
        Models table: ``model``; ``compute_flops`` [FLOP] and/or ``params`` and ``tokens``;
        optionally ``loss``, ``family``, ``run``, ``role`` (``ladder``, ``anchor``, ``target``).
    benchmarks : str or path-like or None
        Table with ``chance`` by ``benchmark`` and/or ``item_id``; goes before the scores table's
        own column.
    smoothing : str
        ``horizontal``: fit the counts summed over an LLM's adjacent checkpoints (soft scores of
        unknown n: their mean), COD's first smoothing (arXiv 2502.17262). ``none``: fit the rows
        labelled ``current``, else those of the last label.

    Returns
    -------
    Scores
        Benchmarks and items sorted by name, LLMs in the order of the models table: the order of
        rows and columns in the files does not matter. An item without a score for some LLM is NaN
        there; `BenchmarkScores.score` is the mean over the items that the LLM has, and a warning
        counts the missing ones.

    Raises
    ------
    DataError
        If anything in the files is wrong; it lists every problem, at most five of a kind.
    UnknownNameError
        If `smoothing` does not exist.
    """
    if smoothing not in SMOOTHINGS:
        raise UnknownNameError("smoothing", smoothing, SMOOTHINGS)
    given = {"scores": scores, "models": models}
    if benchmarks is not None:
        given["benchmarks"] = benchmarks
    problems: list[Problem] = []
    paths: dict[str, Path] = {}
    for what, name in given.items():
        try:
            paths[what] = existing_file(name, what)
        except UnusableFile as unusable:
            problems.append(unusable.problem)
    with locked_database(list(paths.values())) as connection:
        tables = {
            what: table
            for what, path in paths.items()
            if (table := _opened(connection, path, os.fspath(given[what]), what, problems))
        }
        models_read = _attempt(problems, tables.get("models"), _models, connection)
        chance_read = _attempt(problems, tables.get("benchmarks"), _chance, connection)
        found = (
            *(models_read.problems if models_read else ()),
            *(chance_read.problems if chance_read else ()),
        )
        known = models_read.llms.name if models_read else None
        checked = _attempt(problems, tables.get("scores"), _scores_problems, connection, known)
        problems += [*(checked or ()), *found]
        if problems or models_read is None:
            raise DataError(problems)
        return _assemble(connection, tables, models_read, chance_read, smoothing)


_T = TypeVar("_T")
_CONTRACTS = {
    "scores": contract.COLUMNS,
    "models": models_file.COLUMNS,
    "benchmarks": chance_file.COLUMNS,
}


def _opened(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    label: str,
    what: str,
    problems: list[Problem],
) -> Table | None:
    try:
        return open_table(connection, path, label, _CONTRACTS[what])
    except UnusableFile as unusable:
        problems.append(unusable.problem)
        return None


def _attempt(
    problems: list[Problem],
    table: Table | None,
    read: Callable[..., _T],
    connection: duckdb.DuckDBPyConnection,
    *arguments: object,
) -> _T | None:
    """Result of `read` on a table that exists; damage that DuckDB stumbles on is a problem."""
    import duckdb

    if table is None:
        return None
    try:
        return read(connection, table, *arguments)
    except duckdb.OutOfMemoryException as error:
        what = str(error).partition("\n")[0]
        msg = f"{table.label} cannot be aggregated in {MEMORY_LIMIT} of memory: {what}"
        raise MachineError(msg) from error
    except duckdb.Error as error:
        problems.append(unreadable(table.label, error))
        return None


def _models(connection: duckdb.DuckDBPyConnection, table: Table) -> ModelsFile:
    read = read_models(connection, table)
    lines = line_problems(connection, table)
    if not read.llms.name and not lines:
        lines.append(empty_file(table.label, "models"))
    return replace(read, problems=(*lines, *in_file(connection, table, read.problems)))


def _chance(connection: duckdb.DuckDBPyConnection, table: Table) -> ChanceLevels:
    read = read_chance(connection, table)
    empty = not read.levels and not read.problems
    return replace(read, problems=(empty_file(table.label, "benchmarks"),)) if empty else read


def _scores_problems(
    connection: duckdb.DuckDBPyConnection, table: Table, known: Sequence[str] | None
) -> list[Problem]:
    """Everything that is wrong in the scores table; leaves its cells in the database."""
    if wrong := column_problems(table):
        lines = line_problems(connection, table) if table.is_json else []
        return [*lines, *(wrong if table.columns or not lines else ())]
    broken = build_cells(connection, table)
    lines = line_problems(connection, table)
    if not lines and not connection.execute("SELECT 1 FROM cell LIMIT 1").fetchall():
        return [empty_file(table.label, "scores")]
    problems = row_problems(connection, table, broken, typed(table))
    problems += duplicate_problems(connection, table)
    if known is not None:
        problems += capped(unknown_model_problems(connection, table, known))
    problems += capped(checkpoint_problems(connection, table))
    problems += capped(chance_conflicts(connection, table.label))
    return [*lines, *in_file(connection, table, problems)]


def _assemble(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, Table],
    models: ModelsFile,
    chance: ChanceLevels | None,
    smoothing: str,
) -> Scores:
    """Arrays and warnings of files without a problem."""
    table = tables["scores"]
    llms = models.llms
    without_current = smooth_cells(connection, llms.name, smoothing)
    names = benchmark_names(connection)
    has_items = "item_id" in table.columns
    benchmarks = tuple(
        benchmark_scores(connection, name, llms.name, has_items, chance.of(name) if chance else {})
        for name in names
    )
    warnings = size_warnings([(t.label, t.path) for t in tables.values()])
    warnings += [
        unknown_columns(t.label, t.unknown, _CONTRACTS[what])
        for what, t in tables.items()
        if t.unknown
    ]
    if models.filled:
        warnings.append(filled_warning(tables["models"], models.filled))
    scored = {name for benchmark in benchmarks for name in benchmark.llm}
    warnings += llm_warnings(tables["models"].label, llms, scored)
    if chance:
        warnings += chance_warnings(tables["benchmarks"].label, chance, names)
    if without_current:
        warnings.append(last_label_warning(table.label, without_current))
    each = [w for benchmark in benchmarks for w in benchmark_warnings(table.label, benchmark)]
    return Scores(
        benchmarks=benchmarks,
        llms=llms,
        warnings=(*warnings, *capped(each)),
        unknown_columns=table.unknown,
        digest=digest([t.path for t in tables.values()]),
    )
