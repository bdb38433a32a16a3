"""Faults of the machine, and signals: a message, an exit code, and what was sampled kept."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import pytest
import xarray
from typer.testing import CliRunner

import bayescod.cli.runs
from bayescod import files
from bayescod.cli.app import app
from bayescod.cli.locks import LOCK
from bayescod.files import KEPT_FOLDER
from bayescod.forecasting import recall
from bayescod.forecasting.store import load
from tests.cli._ladder import write_ladder
from tests.cli._made_up import made_up
from tests.cli._quick import ENDLESSLY_MADE_UP, quick_command, quick_spec, start

Sampler = Callable[..., Any]


def full_disk() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Machine:
    """The command in this process, each posterior a wave of its own; its second wave may fail."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.out = folder / "out"
        self._patch = patch
        self.waves = 0
        self._spec = quick_spec(folder)
        self.tables = write_ladder(folder, n_items=3, n_trials=20)
        patch.setattr(bayescod.cli.runs, "configure", lambda: None)
        patch.setattr(bayescod.api, "configure", lambda: None)
        patch.setattr(recall, "batch_size", lambda _program: 1)
        patch.setattr(recall, "_BATCHES_A_CORE", 1)
        patch.setattr(recall, "cores", lambda: 1)

    def fails_with(self, error: BaseException | None) -> None:
        self.waves = 0

        def sampler(*arguments: Any) -> Any:
            self.waves += 1
            if self.waves == 2 and error is not None:
                raise error
            return made_up(*arguments)

        self._patch.setattr(recall, "sample_each", sampler)

    def forecast(self, *more: str) -> SimpleNamespace:
        return self._run("forecast", "--target", "big", "--model-spec", str(self._spec), *more)

    def backtest(self, *more: str) -> SimpleNamespace:
        return self._run("backtest", "--method", "end-to-end", "--method", "last-value", *more)

    def _run(self, verb: str, *more: str) -> SimpleNamespace:
        scores, models = self.tables
        command = [verb, scores, "--models", models, "--quiet", "--out", self.out, *more]
        result = CliRunner().invoke(app, [str(part) for part in command])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return SimpleNamespace(code=result.exit_code, stdout=result.stdout, stderr=result.stderr)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = Machine(tmp_path, monkeypatch)
    found.fails_with(None)
    return found


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (MemoryError("Unable to allocate 7 GiB"), 1, "memory does not suffice: Unable to allocate"),
        (
            jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes"),
            1,
            "memory does not suffice to sample 1 posteriors: RESOURCE_EXHAUSTED",
        ),
        (jax.errors.JaxRuntimeError("INTERNAL: died"), 1, "the sampler stopped: INTERNAL: died"),
        (full_disk(), 1, "[Errno 28] No space left on device"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
    ids=["memory", "memory of the accelerator", "a worker", "disk", "interrupt"],
)
def test_a_fault_is_told_and_the_run_goes_on_later(
    machine: Machine, error: BaseException, code: int, said: str
) -> None:
    machine.fails_with(error)
    result = machine.forecast()
    assert result.code == code
    assert result.stderr.startswith(f"error: {said}")
    assert f"note: posteriors kept in {machine.out / KEPT_FOLDER}: 1; the same" in result.stderr
    assert {path.name for path in machine.out.iterdir()} == {KEPT_FOLDER}

    machine.fails_with(None)
    assert machine.forecast().code == 0
    assert machine.waves == 1  # the other was kept
    assert len(load(machine.out).benchmarks) == 2
    assert not (machine.out / KEPT_FOLDER).exists()


def test_a_backtest_goes_on_where_it_stopped(machine: Machine) -> None:
    machine.fails_with(KeyboardInterrupt())
    assert machine.backtest().code == 130
    assert {path.name for path in machine.out.iterdir()} == {KEPT_FOLDER}
    machine.fails_with(None)
    other = machine.backtest("--method", "default")
    assert other.code == 2  # another backtest may not take what is kept
    assert machine.backtest().code == 0
    resumed, waves = (machine.out / "backtest.csv").read_bytes(), machine.waves
    assert not (machine.out / KEPT_FOLDER).exists()

    machine.out = machine.out.with_name("undisturbed")
    machine.fails_with(None)
    assert machine.backtest().code == 0
    assert machine.waves == waves + 1
    assert (machine.out / "backtest.csv").read_bytes() == resumed


@pytest.mark.parametrize("at", ["posterior", "results", "manifest"])
def test_a_full_disk(machine: Machine, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    part = {"posterior": ".npz.partial", "results": "predictive", "manifest": "manifest"}[at]
    replace = Path.replace

    def full(path: Path, target: Path) -> Path:
        if part in path.name:
            raise full_disk()
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        result = machine.forecast()
    assert result.code == 1
    assert "No space left on device" in result.stderr
    assert not list(machine.out.rglob("*.partial"))
    assert ("posteriors kept" in result.stderr) == (at != "posterior")
    machine.fails_with(None)
    assert machine.forecast().code == 0
    assert machine.waves == (2 if at == "posterior" else 0)


def test_a_disk_too_full_for_the_draws(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """HDF5 is not let near a full disk: it would crash when the process ends."""

    def full(*_: object) -> None:
        raise full_disk()

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        patch.setattr(xarray.DataTree, "to_netcdf", lambda *_, **__: pytest.fail("it was"))
        result = machine.forecast()
    assert result.code == 1
    assert re.search(r"No space left on device: '.*easy-.*\.nc\.partial'", result.stderr)
    assert "kept" in result.stderr
    assert not list(machine.out.rglob("*.partial"))


def test_draws_that_cannot_be_written(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("Disable slist on flush dest failure failed (errno = 28)")

    monkeypatch.setattr(xarray.DataTree, "to_netcdf", fails)
    result = machine.forecast()
    assert result.code == 1
    assert "cannot be written: Disable slist" in result.stderr


def test_an_unexpected_error_says_what_is_kept(machine: Machine) -> None:
    machine.fails_with(ZeroDivisionError("a mistake of ours"))
    with pytest.raises(ZeroDivisionError) as caught:
        machine.forecast()
    assert "posteriors kept" in caught.value.__notes__[0]
    assert not (machine.out / LOCK).exists()


def test_a_folder_that_cannot_be_written_to_is_found_before_sampling(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir = Path.mkdir

    def refuse(path: Path, *arguments: Any, **options: Any) -> None:
        if path == machine.out:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        mkdir(path, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", refuse)
    result = machine.forecast()
    assert result.code == 2
    assert f"error: {machine.out} cannot be written to (Permission denied)" in result.stderr
    assert machine.waves == 0


def test_a_forecast_opens_no_connection(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "bind", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert machine.forecast().code == 0


def test_hostile_names_stay_in_the_folder(machine: Machine) -> None:
    hostile = (
        "../../x",
        "=cmd|' /C calc'!A0",
        "<script>",
        "\x1b[2J",
        "数学" * 50,
        "con",
        "a/b\\c",
    )
    scores, _ = machine.tables
    text = scores.read_text(encoding="utf-8")
    easy = [line for line in text.splitlines() if line.startswith("easy,")]
    more = [f'"{name}",{line[5:]}' for name in hostile for line in easy]
    scores.write_text(text + "\n".join(more) + "\n", encoding="utf-8")
    around = set(machine.out.parent.rglob("*"))
    result = machine.forecast()
    assert result.code == 0
    assert "\x1b" not in result.stdout + result.stderr
    new = set(machine.out.parent.rglob("*")) - around
    assert all(path.is_relative_to(machine.out) for path in new)
    for path in machine.out.rglob("*"):
        assert re.fullmatch(r"[a-z0-9.-]{1,60}", path.name)
    assert set(hostile) < {one.benchmark for one in load(machine.out).benchmarks}


def test_another_run_may_not_take_what_is_kept(machine: Machine) -> None:
    machine.fails_with(KeyboardInterrupt())
    machine.forecast()
    result = machine.forecast("--seed", "3")
    assert result.code == 2
    assert "holds another run: its seed is '0', this one's is '3'" in result.stderr
    result = machine.forecast("--benchmark", "easy")
    assert result.code == 2
    assert "its benchmarks is ''" in result.stderr


def test_a_damaged_posterior_is_made_anew_and_that_is_said(machine: Machine) -> None:
    machine.fails_with(KeyboardInterrupt())
    machine.forecast()
    (kept,) = (machine.out / KEPT_FOLDER).glob("*.npz")
    kept.write_bytes(kept.read_bytes()[:-1])
    machine.fails_with(None)
    result = machine.forecast()
    assert result.code == 0
    assert "1 files of kept posteriors were damaged and made anew" in result.stderr
    assert machine.waves == 2


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine", encoding="utf-8")
    (tmp_path / ".a.txt.partial").symlink_to(victim)
    files.write_text(tmp_path / "a.txt", "new")
    assert victim.read_text(encoding="utf-8") == "mine"


def wait_for(pattern: str, folder: Path, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while not any(folder.glob(pattern)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.cli
@pytest.mark.skipif(os.name == "nt", reason="stops by signal")
def test_signals_and_a_second_run(tmp_path: Path) -> None:
    command = quick_command(tmp_path, before=ENDLESSLY_MADE_UP)
    for number, code, said in (
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
    ):
        # A folder each: what is kept there tells that this process has begun to sample.
        out = tmp_path / said
        kept = re.escape(str(out / KEPT_FOLDER))
        process = start(command, out)
        wait_for(LOCK, out, process)
        wait_for(f"{KEPT_FOLDER}/*.npz", out, process)
        if number == signal.SIGINT:
            second = start(command, out)
            _, refused = second.communicate()
            assert second.returncode == 2
            assert f"in use by another run: process {process.pid}" in refused
        process.send_signal(number)
        began = time.monotonic()
        _, told = process.communicate()
        assert time.monotonic() - began < 5
        assert process.returncode == code, told
        assert re.search(rf"error: {said}\nnote: posteriors kept in {kept}: \d;", told)
        assert not (out / LOCK).exists()
        run = json.loads((out / KEPT_FOLDER / "run.json").read_text(encoding="utf-8"))
        assert run["seed"] == "0"
