"""Readers of CSV, Parquet and JSON lines by DuckDB.

File names, column names and values never become SQL: columns are addressed by position, names
and values travel as parameters.
"""

# ruff: noqa: S608 -- the SQL is put together from the package's own fragments, see above

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bayescod.errors import Problem
from bayescod.scores.checks import place
from bayescod.scores.database import UnusableFile, literal, unreadable

if TYPE_CHECKING:
    import duckdb

MAX_LINE_BYTES = 2_000_000
MAX_REJECTS = 1_000  # broken CSV lines that are remembered

_NAMES = frozenset({"benchmark", "item_id", "model", "aliases", "run", "family"})
_FORMULA = re.compile(r"'*[=+\-@\t\r]")  # what a spreadsheet may run, perhaps escaped already
_NOT_UTF8 = "\ufffd"
_NUMERIC = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "BOOLEAN"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
)


@dataclass(frozen=True, slots=True)
class Table:
    """One input file, as a relation with the names of the column contract.

    Attributes
    ----------
    path : Path
        Absolute.
    label : str
        The file as the user named it, for messages.
    columns : tuple of str
        The contract's columns that the file has.
    unknown : tuple of str
        Columns that the contract does not know, as spelt in the file.
    relation : str
        SQL of the relation, with ``$path`` open; its columns are `columns`, as text or as a
        number. Lines that do not parse are left out.
    numbered : str
        The same with ``row_id``, the row of the file from 1; slower, for messages only.
    numeric : frozenset of str
        Those of `columns` that the file stores as numbers.
    """

    path: Path
    label: str
    columns: tuple[str, ...]
    unknown: tuple[str, ...]
    relation: str
    numbered: str
    numeric: frozenset[str]

    @property
    def is_json(self) -> bool:
        """Whether the file holds JSON lines."""
        return self.path.suffix.lower() in (".jsonl", ".ndjson")

    def number(self, column: str) -> str:
        """SQL of `column` as a double; NULL where it is blank, absent or not a number."""
        if column not in self.columns:
            return "NULL::DOUBLE"
        if column in self.numeric:
            return f"CAST({column} AS DOUBLE)"
        return f"TRY_CAST({column} AS DOUBLE)"

    def text(self, column: str) -> str:
        """SQL of `column` as text; NULL where it is blank or absent."""
        if column not in self.columns:
            return "NULL::VARCHAR"
        as_text = f"CAST({column} AS VARCHAR)"
        return f"CASE WHEN trim({as_text}) <> '' THEN {as_text} END"


def open_table(
    connection: duckdb.DuckDBPyConnection, path: Path, label: str, contract: Sequence[str]
) -> Table:
    """Relation over one file.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        From `locked_database`, with `path` among its paths.
    path : Path
        From `existing_file`.
    label : str
        The file as the user named it.
    contract : sequence of str
        Known column names, all of them plain identifiers.

    Returns
    -------
    Table
        Nothing is read but the header (JSON lines: the keys of all lines).

    Raises
    ------
    UnusableFile
        If the header cannot be read or names a column twice.
    """
    import duckdb

    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            return _open_parquet(connection, path, label, contract)
        if suffix == ".csv":
            return _open_csv(path, label, contract)
        return _open_json_lines(connection, path, label, contract)
    except (duckdb.Error, csv.Error) as error:
        raise UnusableFile(unreadable(label, error)) from error


def broken_lines(
    connection: duckdb.DuckDBPyConnection, table: Table
) -> tuple[int, list[tuple[int, str, str]]]:
    """Lines that do not parse.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        From `locked_database`.
    table : Table
        A CSV table must have been scanned once through this connection.

    Returns
    -------
    count : int
        Number of such lines.
    rows : list of (int, str, str)
        Row from 1 without the header, the line, and what is wrong with it; `MAX_REJECTS` at most.
    """
    suffix = table.path.suffix.lower()
    if suffix == ".parquet":
        return 0, []
    if suffix == ".csv":
        path = str(table.path)
        found = """SELECT line - 1 AS row_id, min(csv_line) AS text, min(lower(error_type)) AS flaw
            FROM reject_errors JOIN reject_scans USING (scan_id, file_id)
            WHERE file_path = $path GROUP BY row_id"""
    else:
        path = literal(table.path)
        found = f"""SELECT row_id, line AS text, {_FLAW} AS flaw
            FROM {_NUMBERED_LINES} WHERE line IS NOT NULL AND {_FLAW} IS NOT NULL"""
    rows = connection.execute(
        f"SELECT row_id, text, flaw, count(*) OVER () FROM ({found}) ORDER BY row_id "
        f"LIMIT {MAX_REJECTS}",
        {"path": path},
    ).fetchall()
    return (rows[0][3] if rows else 0), [(row, str(text), flaw) for row, text, flaw, _ in rows]


def escaped_cell(text: str) -> str:
    """Name as it is written to CSV, so that no spreadsheet takes it for a formula.

    Parameters
    ----------
    text : str
        Any name.

    Returns
    -------
    str
        With a leading apostrophe where the name begins like a formula; readers take it off again.

    Examples
    --------
    >>> escaped_cell("=1+1"), escaped_cell("'=1+1"), escaped_cell("it's")
    ("'=1+1", "''=1+1", "it's")
    """
    return f"'{text}" if _FORMULA.match(text) else text


def plain_cell(text: str) -> str:
    """The name that :func:`escaped_cell` wrote so.

    Examples
    --------
    >>> plain_cell("'=1+1"), plain_cell("it's")
    ('=1+1', "it's")
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text


def _unescaped(column: str) -> str:
    """SQL that takes the apostrophe of `escaped_cell` off."""
    formula = r"^''+[=+\-@\t\r]"
    return (
        f"CASE WHEN starts_with({column}, '''') AND regexp_matches({column}, '{formula}') "
        f"THEN substr({column}, 2) ELSE {column} END"
    )


def _open_parquet(
    connection: duckdb.DuckDBPyConnection, path: Path, label: str, contract: Sequence[str]
) -> Table:
    source = "read_parquet($path, hive_partitioning = false)"
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}", {"path": literal(path)})
    types = {name: kind for name, kind, *_ in described.fetchall()}
    names = list(types)
    numeric = {name for name in names if types[name] in _NUMERIC or types[name].startswith("DEC")}
    return _positional(path, label, contract, names, source, frozenset(numeric))


def _open_csv(path: Path, label: str, contract: Sequence[str]) -> Table:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as handle:
        names = [name.strip() for name in next(csv.reader(handle, strict=True), [])]
    if any(_NOT_UTF8 in name for name in names):
        raise UnusableFile(unreadable(label, ValueError("the header is not UTF-8")))
    typed = ", ".join(f"'c{position}': 'VARCHAR'" for position in range(len(names)))
    # Nothing is guessed: a sniffed type or delimiter would change with the first rows.
    source = (
        "read_csv($path, auto_detect = false, header = true, delim = ',', quote = '\"', "
        f"escape = '\"', columns = {{{typed}}}, null_padding = false, store_rejects = true, "
        f"rejects_limit = {MAX_REJECTS}, max_line_size = {MAX_LINE_BYTES})"
    )
    return _positional(path, label, contract, names, source, frozenset(), escaped=True)


def _positional(
    path: Path,
    label: str,
    contract: Sequence[str],
    names: Sequence[str],
    source: str,
    numeric: frozenset[str],
    escaped: bool = False,
) -> Table:
    """Table whose columns are picked by position, so that no name of the file enters the SQL."""
    twice = sorted({name for name in names if names.count(name) > 1 and name in contract})
    if twice:
        raise UnusableFile(
            Problem(
                "duplicate-column",
                "the header names a column twice",
                file=place(label),
                column=twice[0],
                got=", ".join(twice),
                fix="keep one of them",
            )
        )
    known = tuple(name for name in contract if name in names)
    aliases = ", ".join(f"c{position}" for position in range(len(names)))
    picked = ", ".join(
        f"{_unescaped(cell) if escaped and name in _NAMES else cell} AS {name}"
        for name in known
        for cell in [f"c{names.index(name)}"]
    )
    relation = f"(SELECT {picked or '1 AS nothing'} FROM {source} AS source({aliases}))"
    return Table(
        path=path,
        label=label,
        columns=known,
        unknown=tuple(sorted({name for name in names if name not in contract})),
        relation=relation,
        numbered=f"(SELECT *, row_number() OVER () AS row_id FROM {relation})",
        numeric=numeric & frozenset(known),
    )


# A control character cannot occur inside JSON text, so every line is one CSV field.
_LINES = (
    "read_csv($path, auto_detect = false, header = false, delim = '\x01', quote = '', "
    f"escape = '', columns = {{'line': 'VARCHAR'}}, max_line_size = {MAX_LINE_BYTES})"
)
_NUMBERED_LINES = f"(SELECT line, row_number() OVER () AS row_id FROM {_LINES})"
# DuckDB may evaluate a branch before its condition, so JSON functions only ever see valid JSON.
_VALID = "CASE WHEN json_valid(line) THEN line END"
_FLAW = f"""CASE WHEN line IS NULL THEN 'blank' WHEN NOT json_valid(line) THEN 'not JSON'
    WHEN json_type({_VALID}) <> 'OBJECT' THEN 'not a JSON object'
    WHEN len(json_keys({_VALID})) <> len(list_distinct(json_keys({_VALID}))) THEN 'a key twice'
    END"""
_MAX_KEYS = 10_000  # a table has columns, not data, as its keys


def _open_json_lines(
    connection: duckdb.DuckDBPyConnection, path: Path, label: str, contract: Sequence[str]
) -> Table:
    keys = connection.execute(
        f"SELECT DISTINCT unnest(json_keys({_VALID})) FROM {_LINES} WHERE {_FLAW} IS NULL "
        f"LIMIT {_MAX_KEYS}",
        {"path": literal(path)},
    ).fetchall()
    names = {name for (name,) in keys}
    known = tuple(name for name in contract if name in names)
    pointers = ", ".join(f"'$.{name}'" for name in known) or "'$'"
    picked = ", ".join(f"fields[{i + 1}] AS {name}" for i, name in enumerate(known))

    def relation(lines: str, row_id: str) -> str:
        fields = f"json_extract_string({_VALID}, [{pointers}]) AS fields"
        return (
            f"(SELECT {picked or '1 AS nothing'}{row_id} FROM "
            f"(SELECT {fields}{row_id} FROM {lines} WHERE {_FLAW} IS NULL))"
        )

    return Table(
        path=path,
        label=label,
        columns=known,
        unknown=tuple(sorted(names - set(contract))),
        relation=relation(_LINES, ""),
        numbered=relation(_NUMBERED_LINES, ", row_id"),
        numeric=frozenset(),
    )
