"""Bounded readers of what evaluation tools write: whatever a file holds, memory and time do not."""

# ruff: noqa: S608 -- columns are addressed by position, names and values travel as parameters

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bayescod.errors import DataError, Problem
from bayescod.scores.checks import LISTED, capped, listed, near_fix
from bayescod.scores.database import literal, locked_database, unreadable
from bayescod.scores.importers.decoding import (
    MAX_ELEMENT_CHARACTERS,
    MAX_JSON_BYTES,
    BadJSONError,
    damaged,
    decoder,
    parts,
    told,
    whole_json,
)
from bayescod.scores.importers.values import shown_path

if TYPE_CHECKING:
    from io import BufferedReader

MAX_FILES: Final = 100_000
MAX_ENTRIES: Final = 1_000_000  # of folders, walked while looking for logs


def log_files(
    paths: Sequence[str | os.PathLike[str]], patterns: Sequence[str], what: str
) -> list[Path]:
    """Logs among files and folders.

    Parameters
    ----------
    paths : sequence of str or path-like
        Files, taken whatever their place; and folders, searched with all below them.
    patterns : sequence of str
        Shell patterns of the logs' file names, for example ``samples_*.jsonl``; their case counts.
    what : str
        What the tool calls such a file, for messages.

    Returns
    -------
    list of Path
        Each file once, sorted by path. Symbolic links to folders are not followed, those to files
        only where these lie in the folder given.

    Raises
    ------
    DataError
        If a path does not exist, is a file of another name, or is a folder without such a file.
    """
    problems: list[Problem] = []
    found: dict[Path, None] = {}
    for given in paths:
        path = Path(given)
        if path.is_dir():
            inside = list(islice(_walked(path, patterns), MAX_FILES + 1))
            found.update(dict.fromkeys(inside))
            if not inside:
                problems.append(
                    Problem(
                        "no-logs",
                        f"the folder holds no {what}",
                        file=shown_path(path),
                        wanted=f"files named {' or '.join(patterns)}",
                        fix="check the folder and the tool's name",
                    )
                )
        elif not path.is_file():
            there = path.parent
            names = (
                islice((entry.name for entry in there.iterdir()), 1000) if there.is_dir() else ()
            )
            fix = near_fix(path.name, names) or "check the path"
            problems.append(
                Problem("missing-file", "there is no such file", file=shown_path(path), fix=fix)
            )
        elif not any(fnmatchcase(path.name, pattern) for pattern in patterns):
            problems.append(
                Problem(
                    "other-file",
                    f"the file is no {what} by its name",
                    file=shown_path(path),
                    wanted=" or ".join(patterns),
                    fix="give the tool's own file under its own name, or the folder",
                )
            )
        else:
            found[path] = None
    if len(found) > MAX_FILES:
        wanted = f"at most {MAX_FILES:,}"
        problems.append(Problem("too-many-files", "there are too many logs", wanted=wanted))
    if problems:
        raise DataError(capped(problems))
    return sorted(found)


def _walked(folder: Path, patterns: Sequence[str]) -> Iterator[Path]:
    entries = 0
    home = folder.resolve()
    for place, folders, names in os.walk(folder, onerror=_closed, followlinks=False):
        folders.sort()
        entries += len(folders) + len(names)
        if entries > MAX_ENTRIES:
            raise DataError(
                [
                    Problem(
                        "too-many-files",
                        f"the folder holds more than {MAX_ENTRIES:,} files",
                        file=shown_path(folder),
                        fix="give the folder of the logs itself",
                    )
                ]
            )
        for name in sorted(names):
            path = Path(place, name)
            if not any(fnmatchcase(name, pattern) for pattern in patterns) or not path.is_file():
                continue
            if not path.is_symlink() or path.resolve().is_relative_to(home):
                yield path


def _closed(error: OSError) -> None:
    """Tell of a folder that cannot be searched, rather than pass over its logs."""
    raise DataError([unreadable(str(error.filename), error)]) from error


def read_json(path: Path, max_bytes: int = MAX_JSON_BYTES, nan: bool = False) -> object:
    """Read a JSON file whole.

    Parameters
    ----------
    path : Path
    max_bytes : int
        Largest size of the file.
    nan : bool
        Whether ``NaN`` and ``Infinity`` are numbers here.

    Returns
    -------
    object
        Of dicts, lists, str, int, float, bool and None.

    Raises
    ------
    DataError
        If it is too large, not UTF-8, not JSON, nested too deeply, holds a key twice in one
        object or a number that is not finite.
    """
    with told(path), path.open("rb") as stream:
        return whole_json(stream.read(max_bytes + 1), decoder(nan), max_bytes)


def read_lines(path: Path, nan: bool = False) -> Iterator[tuple[int, dict[str, object]]]:
    """Read JSON lines, one object a line; blank lines are passed over.

    Parameters
    ----------
    path : Path
    nan : bool
        Whether ``NaN`` and ``Infinity`` are numbers here.

    Yields
    ------
    number : int
        Of the line, from 1.
    line : dict

    Raises
    ------
    DataError
        At the end, with the damaged lines; they are left out of what is yielded.
    """
    strict = decoder(nan)
    problems: list[Problem] = []
    with told(path), path.open("rb") as stream:
        for number, raw in enumerate(_bounded_lines(stream), start=1):
            if not raw.strip():
                continue
            try:
                line = whole_json(raw, strict)
            except (BadJSONError, UnicodeDecodeError) as error:
                problems.append(damaged(path, number, str(error)))
            else:
                if isinstance(line, dict):
                    yield number, line
                    continue
                problems.append(damaged(path, number, "no object"))
            if len(problems) > 1000 * LISTED:
                break
    if problems:
        raise DataError(capped(problems))


def read_parts(path: Path, inside: str = "", nan: bool = False) -> Iterator[tuple[str, object]]:
    """Read a large JSON file element by element, in bounded memory.

    Parameters
    ----------
    path : Path
        It holds one object or one list.
    inside : str
        Key of the object whose own elements are wanted singly.
    nan : bool
        Whether ``NaN`` and ``Infinity`` are numbers here.

    Yields
    ------
    key : str
        Of the object; empty where the file holds a list.
    value : object
        See :func:`bayescod.scores.importers.decoding.parts`.

    Raises
    ------
    DataError
        As :func:`read_json`.
    """
    with told(path), path.open(encoding="utf-8-sig") as text:
        yield from parts(text, inside, decoder(nan))


def read_parquet(path: Path, columns: Sequence[str]) -> Iterator[dict[str, object]]:
    """Read columns of a Parquet file, through a database that can read nothing else.

    Parameters
    ----------
    path : Path
    columns : sequence of str
        Names; a structured column gives dicts and lists.

    Yields
    ------
    dict
        One a row, by column.

    Raises
    ------
    DataError
        If the file is damaged or lacks a column.
    """
    import duckdb

    source = "read_parquet($path, hive_partitioning = false)"
    parameters = {"path": literal(path.absolute())}
    with told(path), locked_database([path.absolute()]) as connection:
        try:
            described = connection.execute(f"DESCRIBE SELECT * FROM {source}", parameters)
            names = [str(row[0]) for row in described.fetchall()]
            if absent := [column for column in columns if column not in names]:
                problem = Problem(
                    "missing-column",
                    f"the file has no column {absent[0]}",
                    file=shown_path(path),
                    got=listed(names, 12),
                    wanted=", ".join(columns),
                    fix="check the tool's name; these are no details that it wrote",
                )
                raise DataError([problem])
            aliases = ", ".join(f"c{position}" for position in range(len(names)))
            picked = ", ".join(f"c{names.index(column)}" for column in columns)
            rows = connection.execute(
                f"SELECT {picked} FROM {source} AS source({aliases})", parameters
            )
            while batch := rows.fetchmany(1000):
                for row in batch:
                    yield dict(zip(columns, row, strict=True))
        except duckdb.Error as error:
            raise DataError(
                [replace(unreadable(str(path), error), file=shown_path(path))]
            ) from error


def _bounded_lines(stream: BufferedReader) -> Iterator[bytes]:
    while line := stream.readline(MAX_ELEMENT_CHARACTERS + 1):
        if len(line) > MAX_ELEMENT_CHARACTERS:
            msg = f"a line has more than {MAX_ELEMENT_CHARACTERS:,} bytes"
            raise BadJSONError(msg)
        yield line
