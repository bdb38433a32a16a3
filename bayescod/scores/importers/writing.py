"""The scores table that an import gives, and its account as a document."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from bayescod.errors import ResultError, UnknownNameError
from bayescod.files import replacing
from bayescod.scores.importers.records import Imported, Row
from bayescod.scores.tables import escaped_cell

SUFFIXES: Final = (".csv", ".parquet", ".jsonl", ".ndjson")


def require_new(path: Path) -> None:
    """Require a place for a table where nothing is overwritten.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ResultError
        If there is something already.
    UnknownNameError
        If the ending names no kind of table.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UnknownNameError("ending of a table", path.suffix, SUFFIXES)
    if path.exists() or path.is_symlink():
        msg = f"{path} is there already; give another name or remove it"
        raise ResultError(msg)


def write_scores(rows: Iterable[Row], path: str | Path) -> None:
    """Write a scores table, whole or not at all.

    Parameters
    ----------
    rows : iterable of Row
        Of :func:`bayescod.import_logs`.
    path : str or Path
        Its ending says which kind: CSV (cells that a spreadsheet would run as formulas get a
        leading apostrophe, which :func:`bayescod.read_scores` takes off again), Parquet or JSON
        lines.
    """
    place = Path(path)
    suffix = place.suffix.lower()
    with replacing(place) as temporary:
        if suffix == ".parquet":
            _write_parquet(rows, temporary)
            return
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            if suffix == ".csv":
                table = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
                table.writerow(Row._fields)
                table.writerows(
                    (*(escaped_cell(text) for text in row[:3]), *row[3:]) for row in rows
                )
            else:
                for row in rows:
                    stream.write(json.dumps(row._asdict(), ensure_ascii=False) + "\n")


def _write_parquet(rows: Iterable[Row], path: Path) -> None:
    import duckdb
    import pandas as pd

    frame = pd.DataFrame(rows, columns=pd.Index(Row._fields))
    # One thread: rows keep their order, and the file its bytes.
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("score_rows", frame)
        connection.table("score_rows").write_parquet(str(path))


def account(imported: Imported, select: Mapping[str, str]) -> dict[str, object]:
    """What was read, taken and left out, as a document.

    Parameters
    ----------
    imported : Imported
    select : mapping of str to str
        The user's choices.

    Returns
    -------
    dict
        Of plain values.
    """
    return {
        "schema_version": 1,
        "tool": imported.tool,
        "select": dict(select),
        "n_rows": len(imported.rows),
        "n_trials": sum(row.n_trials for row in imported.rows),
        "taken": [asdict(one) for one in imported.taken],
        "dropped": [asdict(one) for one in imported.dropped],
        "renamed": dict(imported.renamed),
        "files": list(imported.files),
    }
