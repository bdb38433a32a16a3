"""Write small tables in the three file formats."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

Row = Mapping[str, object]

TYPES = {int: "BIGINT", float: "DOUBLE", str: "VARCHAR", bool: "BOOLEAN"}


def write_rows(path: Path, rows: Iterable[Row]) -> Path:
    """Rows as CSV, JSON lines or Parquet, by the ending; blank where a key is absent."""
    rows = list(rows)
    kinds = {name: TYPES[type(value)] for row in rows for name, value in row.items()}
    if path.suffix == ".jsonl":
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        path.write_text(lines, encoding="utf-8")
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, list(kinds))
            writer.writeheader()
            writer.writerows(rows)
    else:
        columns = ", ".join(f'"{name}" {kind}' for name, kind in kinds.items())
        with duckdb.connect() as connection:
            connection.execute(f"CREATE TABLE data ({columns})")
            connection.executemany(
                f"INSERT INTO data VALUES ({', '.join('?' for _ in kinds)})",  # noqa: S608
                [[row.get(name) for name in kinds] for row in rows],
            )
            connection.table("data").write_parquet(str(path))
    return path
