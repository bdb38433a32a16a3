"""The input files and the locked database that reads them."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bayescod.errors import Problem
from bayescod.machine import cores
from bayescod.scores.checks import near_fix, place, shown

if TYPE_CHECKING:
    import duckdb

SUFFIXES = (".csv", ".parquet", ".jsonl", ".ndjson")
MEMORY_LIMIT = "1GB"  # tables beyond it spill to the temporary folder
MAX_THREADS = 8  # every thread holds its own buffers, which count against the memory limit


class UnusableFile(Exception):
    """A file that cannot be opened as a table; carries the problem. Never leaves this package."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


@contextmanager
def locked_database(paths: Sequence[Path]) -> Iterator[duckdb.DuckDBPyConnection]:
    """In-memory database that may read `paths` and nothing else.

    Parameters
    ----------
    paths : sequence of Path
        Absolute paths of the input files.

    Yields
    ------
    duckdb.DuckDBPyConnection
        Memory is bounded (it spills to a private temporary folder); extensions, other files and
        the network are out of reach, and the settings cannot be changed any more.

    Raises
    ------
    KeyboardInterrupt
        If a query was stopped by Ctrl-C or another signal.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="bayescod-") as folder:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": folder,
            "threads": str(min(MAX_THREADS, cores())),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
        }
        connection = duckdb.connect(":memory:", config=settings)
        try:
            # SET takes no parameters in older versions; a doubled quote is the whole SQL escape.
            names = [name for path in paths for name in (str(path), literal(path))]
            listed = ", ".join("'" + name.replace("'", "''") + "'" for name in names)
            connection.execute(f"SET allowed_paths = [{listed}]")
            connection.execute("SET enable_progress_bar = false")  # it would print to stdout
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            with _stopped_by_interrupts(connection):
                yield connection
        except duckdb.InterruptException as error:
            raise KeyboardInterrupt from error
        except RuntimeError as error:
            # DuckDB asks for signals during a query, and loses what their handler has raised.
            if str(error) == "Query interrupted":
                raise KeyboardInterrupt from error
            raise
        finally:
            connection.close()


@contextmanager
def _stopped_by_interrupts(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Ctrl-C stops a query at once.

    By itself DuckDB asks for signals only while the calling thread works on the query, not while it
    waits for the others. Signals are the main thread's, so in another thread there is nothing to
    do; and where somebody listens for them already, such as an event loop, it stays at that.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard, told = socket.socketpair()
    with heard, told:
        told.setblocking(False)
        before = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
        if before != -1:
            signal.set_wakeup_fd(before)
            yield
            return

        def listen() -> None:
            while number := heard.recv(1):
                if number[0] == signal.SIGINT:
                    connection.interrupt()

        listener = threading.Thread(target=listen, name="interrupts", daemon=True)
        listener.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(-1)
            told.close()
            listener.join()


def existing_file(path: str | os.PathLike[str], what: str) -> Path:
    """Absolute path of an input file.

    Parameters
    ----------
    path : str or path-like
        As the user gave it.
    what : str
        ``scores``, ``models`` or ``benchmarks``, for the message.

    Returns
    -------
    Path
        Absolute; a regular file, not empty, with a known suffix.

    Raises
    ------
    UnusableFile
        If it is not such a file.
    """
    label = os.fspath(path)
    absolute = Path(label).absolute()
    if not absolute.is_file():
        folder = absolute.parent
        names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        raise UnusableFile(
            Problem(
                "missing-file",
                f"the {what} file does not exist",
                file=place(label),
                wanted="a CSV, Parquet or JSON lines file",
                fix=near_fix(absolute.name, names) or "check the path",
            )
        )
    if absolute.suffix.lower() not in SUFFIXES:
        raise UnusableFile(
            Problem(
                "unknown-format",
                f"the {what} file has an unknown ending",
                file=place(label),
                got=shown(absolute.suffix),
                wanted=", ".join(SUFFIXES),
                fix="convert the table; logs of evaluation tools are read by `bayescod import`",
            )
        )
    if absolute.stat().st_size == 0:
        raise UnusableFile(empty_file(label, what))
    return absolute


def literal(path: Path) -> str:
    """File name as DuckDB takes it: a pattern that matches this file only."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in str(path))


def empty_file(label: str, what: str) -> Problem:
    """Problem of a file without a single row."""
    return Problem(
        "empty-file", f"the {what} file has no rows", file=place(label), wanted="at least one row"
    )


def unreadable(label: str, error: Exception) -> Problem:
    """Problem of a file that its reader gave up on."""
    return Problem(
        "unreadable-file",
        "the file cannot be read",
        file=place(label),
        got=shown(str(error).splitlines()[0]),
        wanted="an intact table in UTF-8",
        fix="write the file again",
    )


def digest(paths: Sequence[Path]) -> str:
    """SHA-256 of several files.

    Parameters
    ----------
    paths : sequence of Path
        Existing files.

    Returns
    -------
    str
        Hex digest of the concatenated SHA-256 digests of the files.
    """
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as handle:
            whole.update(hashlib.file_digest(handle, "sha256").digest())
    return whole.hexdigest()
