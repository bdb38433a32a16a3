"""One run a folder: who holds it, who has left it behind, and what a run leaves itself."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from threading import Barrier

import pytest

from bayescod.cli import locks
from bayescod.cli.locks import LOCK, Holder, locked
from bayescod.errors import ResultError


def write_lock(folder: Path, holder: Holder) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / LOCK
    path.write_text(json.dumps(asdict(holder)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def dead() -> int:
    """Number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_held_folder_names_its_holder(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    with locked(out):
        holder = json.loads((out / LOCK).read_text(encoding="utf-8"))
        assert holder["pid"] == os.getpid()
        with pytest.raises(ResultError, match=f"process {os.getpid()} on .* since 20"), locked(out):
            pass
        assert (out / LOCK).exists()
    assert not out.exists()


def test_results_and_older_folders_stay(tmp_path: Path) -> None:
    with locked(tmp_path):
        pass
    assert tmp_path.is_dir()
    with locked(tmp_path / "out"):
        (tmp_path / "out" / "result").write_text("x", encoding="utf-8")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["result"]


def test_a_failed_run_lets_go(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), locked(tmp_path / "out"):
        raise KeyboardInterrupt
    assert not (tmp_path / "out").exists()


def test_a_folder_may_vanish_meanwhile(tmp_path: Path) -> None:
    with locked(tmp_path / "out"):
        (tmp_path / "out" / LOCK).unlink()
        (tmp_path / "out").rmdir()


def test_a_dead_holder_is_succeeded_and_that_is_said(
    tmp_path: Path, dead: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_lock(tmp_path, replace(Holder.this(), pid=dead))
    with locked(tmp_path):
        assert json.loads(path.read_text(encoding="utf-8"))["pid"] == os.getpid()
    assert f"left behind by process {dead}, which has ended" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs the kernel's word")
def test_a_number_that_was_given_again_is_no_holder(tmp_path: Path) -> None:
    write_lock(tmp_path, replace(Holder.this(), born="1"))
    with locked(tmp_path):
        pass


@pytest.mark.parametrize("pid", [1, "dead"])
def test_nothing_is_known_of_another_machine(tmp_path: Path, pid: object, dead: int) -> None:
    number = dead if pid == "dead" else 1
    path = write_lock(tmp_path, replace(Holder.this(), pid=number, host="elsewhere"))
    with pytest.raises(ResultError, match=r"on elsewhere .* remove .*lock"), locked(tmp_path):
        pass
    assert path.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1}', "\x00" * 64])
def test_a_lock_that_names_nobody_was_left_behind(tmp_path: Path, text: str) -> None:
    (tmp_path / LOCK).write_text(text, encoding="utf-8")
    with locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_one_of_many_takes_over(tmp_path: Path, dead: int) -> None:
    together = Barrier(8)

    def take(_: int) -> bool:
        together.wait()
        try:
            with locked(tmp_path):
                together.wait()  # nobody lets go before all have tried
        except ResultError:
            together.wait()
            return False
        return True

    for _ in range(20):
        write_lock(tmp_path, replace(Holder.this(), pid=dead))
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(take, range(8))) == 1


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_a_folder_that_cannot_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(locks.os, "open", refuse)
        with pytest.raises(ResultError, match="cannot be written to"), locked(tmp_path):
            pass


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with (
        pytest.raises(ResultError, match="cannot be written to"),
        locked(tmp_path / "file" / "out"),
    ):
        pass


def test_a_disk_that_is_full_leaves_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(locks.json, "dumps", full)
    with pytest.raises(OSError, match="No space left"), locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
