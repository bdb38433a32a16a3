"""Hostile names are data, and the database reaches nothing but the named files."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from bayescod.errors import DataError, MachineError
from bayescod.scores import read_scores, reading
from bayescod.scores.checks import shown
from bayescod.scores.database import locked_database
from tests.scores._tables import write_rows

HOSTILE = (
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "'; DROP TABLE cell; --",
    "\"); ATTACH 'x.db'; --",
    "$path",
    "naïve 数学 🙂",
    "a\nb\tc",
    "NULL",
    "nan",
    "current",
    " padded ",
)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_hostile_names_are_plain_data(suffix: str, tmp_path: Path) -> None:
    rows = [
        {"benchmark": name, "item_id": name, "model": name, "checkpoint": name, "score": 0.5}
        for name in HOSTILE
    ]
    scores = write_rows(tmp_path / f"s{suffix}", rows)
    models = write_rows(
        tmp_path / f"m{suffix}",
        [{"model": name, "compute_flops": 1e20, "family": name, "run": name} for name in HOSTILE],
    )
    chances = write_rows(
        tmp_path / f"b{suffix}", [{"benchmark": name, "chance": 0.25} for name in HOSTILE]
    )
    read = read_scores(scores, models, chances)
    assert [b.benchmark for b in read.benchmarks] == sorted(HOSTILE)
    assert all(b.item_id == (b.benchmark,) == b.llm for b in read.benchmarks)
    assert all(b.chance == 0.25 for b in read.benchmarks)
    assert read.llms.name == read.llms.family == read.llms.run == HOSTILE


@pytest.mark.parametrize(
    "column", ['x"; DROP TABLE y; --', "a'b", "row_id", "select", "Model", "nothing", "c0", "{}"]
)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_hostile_column_names_are_plain_data(
    column: str, suffix: str, tmp_path: Path, models: Path
) -> None:
    rows = [{column: "x", "benchmark": "b", "model": "m1", "score": 0.5}]
    read = read_scores(write_rows(tmp_path / f"s{suffix}", rows), models)
    assert read.unknown_columns == (column,)
    assert read.benchmarks[0].pass_rate[0, 0] == 0.5


@pytest.mark.parametrize(
    "name", ["a[1]*?.csv", "it's.csv", "x=1.csv", "s p a c e.parquet", "数学{a,b}.jsonl", "~.csv"]
)
def test_hostile_file_names_are_plain_names(name: str, tmp_path: Path, models: Path) -> None:
    rows = [{"benchmark": "b", "model": "m1", "score": 0.5}]
    path = write_rows(tmp_path / name, rows)
    decoy = [{"benchmark": "decoy", "model": "m1", "score": 0.5}]
    write_rows(tmp_path / f"a1xx{path.suffix}", decoy)
    assert [b.benchmark for b in read_scores(path, models).benchmarks] == ["b"]


def test_folders_in_the_path_are_no_columns(tmp_path: Path, models: Path) -> None:
    folder = tmp_path / "model=m2"
    folder.mkdir()
    rows = [{"benchmark": "b", "model": "m1", "score": 0.5}]
    read = read_scores(write_rows(folder / "s.parquet", rows), models)
    assert read.benchmarks[0].llm == ("m1",)


def test_relative_paths_are_read(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(tmp_path / "s.csv", [{"benchmark": "b", "model": "m1", "score": 0.5}])
    with monkeypatch.context() as patch:
        patch.chdir(tmp_path)
        assert read_scores("s.csv", models.name).benchmarks[0].llm == ("m1",)


@pytest.mark.parametrize("path", ["https://example.org/s.csv", "s3://bucket/s.parquet", "*.csv"])
def test_only_local_files_are_opened(path: str, models: Path) -> None:
    with pytest.raises(DataError, match="missing-file"):
        read_scores(path, models)


def test_the_database_is_locked(tmp_path: Path) -> None:
    allowed = tmp_path / "it's allowed.csv"
    allowed.write_text("a\n1\n", encoding="utf-8")
    other = tmp_path / "other.csv"
    other.write_text("a\n1\n", encoding="utf-8")
    with locked_database([allowed]) as connection:
        read = "SELECT count(*) FROM read_csv($path)"
        assert connection.execute(read, {"path": str(allowed)}).fetchall() == [(1,)]
        for statement, error in (
            (f"FROM read_csv('{other}')", duckdb.PermissionException),
            (f"COPY (SELECT 1) TO '{tmp_path}/out.csv'", duckdb.PermissionException),
            (f"ATTACH '{tmp_path}/x.db'", duckdb.PermissionException),
            ("INSTALL httpfs", duckdb.Error),
            ("SET enable_external_access = true", duckdb.InvalidInputException),
            ("SET memory_limit = '100GB'", duckdb.InvalidInputException),
        ):
            with pytest.raises(error):
                connection.execute(statement)
        (limit,) = connection.execute("SELECT current_setting('memory_limit')").fetchone() or ("",)
        assert "MiB" in limit


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("enable_external_access", False),
        ("autoinstall_known_extensions", False),
        ("autoload_known_extensions", False),
        ("allow_community_extensions", False),
        ("lock_configuration", True),
    ],
)
def test_settings_of_the_lock(setting: str, value: bool) -> None:
    with locked_database([]) as connection:
        (found,) = connection.execute(f"SELECT current_setting('{setting}')").fetchone() or (None,)
    assert found is value


def test_ctrl_c_stops_a_query_at_once() -> None:
    # What runs in the background has Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    pressed = threading.Timer(0.5, signal.raise_signal, [signal.SIGINT])
    pressed.start()
    try:
        with pytest.raises(KeyboardInterrupt), locked_database([]) as connection:
            # Hours, if it were not stopped.
            connection.execute(
                "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a != b"
            )
    finally:
        pressed.cancel()
        signal.signal(signal.SIGINT, before)
    assert signal.set_wakeup_fd(-1) == -1


def test_who_listens_for_signals_already_goes_on_listening() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        signal.set_wakeup_fd(theirs.fileno())
        try:
            with locked_database([]) as connection:
                connection.execute("SELECT 1")
        finally:
            listening = signal.set_wakeup_fd(-1)
        assert listening == theirs.fileno()


def test_a_table_is_read_in_any_thread() -> None:
    def answer() -> tuple[object, ...] | None:
        with locked_database([]) as connection:
            return connection.execute("SELECT 1").fetchone()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(answer).result() == (1,)


def test_too_little_memory_is_no_fault_of_the_table(
    write: Callable[..., Path], models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise duckdb.OutOfMemoryException("Out of Memory Error: failed to pin block")

    monkeypatch.setattr(reading, "build_cells", full)
    table = write("s.csv", [{"benchmark": "b", "model": "m1", "score": 0.5}])
    with pytest.raises(MachineError, match="cannot be aggregated in 1GB of memory"):
        read_scores(table, models)


def test_large_intermediates_spill_outside_the_working_folder(tmp_path: Path) -> None:
    with locked_database([]) as connection:
        (folder,) = connection.execute("SELECT current_setting('temp_directory')").fetchone() or (
            "",
        )
        assert Path(folder).is_dir()
        assert Path(folder) != Path.cwd()
    assert not Path(folder).exists()


def test_messages_stay_on_one_short_line(write: Callable[..., Path], models: Path) -> None:
    long = "x\n\x1b[31m" * 100
    rows = [{"benchmark": "b", "model": long, "score": 0.5}]
    with pytest.raises(DataError) as caught:
        read_scores(write("s.jsonl", rows), models)
    (problem,) = caught.value.problems
    assert "\x1b" not in str(problem)
    assert "\n" not in str(problem)
    assert len(problem.got) <= 80


def test_shown_keeps_printable_text_and_escapes_the_rest() -> None:
    assert shown("数学 <b> =x") == "数学 <b> =x"
    assert shown("a\tb\u202e") == "a\\tb\\u202e"
    assert len(shown("x" * 1000)) == 80
