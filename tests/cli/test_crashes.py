"""Forecasts that are killed at random moments: what is left, and what the same command makes of it.

A kill is SIGKILL: nothing of the process runs after it, as when memory runs out or power fails.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bayescod.cli.locks import LOCK
from bayescod.errors import ResultError
from bayescod.files import KEPT_FOLDER
from bayescod.forecasting.store import load
from tests.cli._quick import MADE_UP, RESTING, quick_command, start

RESULTS = {"forecast.json", "predictive.nc", "manifest.json", "posterior", "figures"}


def files_of(out: Path) -> dict[str, bytes]:
    """Bytes of every file of a finished run, less the seconds that it took."""
    found = {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file()
    }
    document = json.loads(found.pop("forecast.json"))
    for benchmark in document["benchmarks"]:
        del benchmark["seconds"]
    manifest = json.loads(found.pop("manifest.json"))
    timed = [entry for entry in manifest["files"] if entry["path"] == "forecast.json"]
    assert len(timed) == 1
    manifest["files"].remove(timed[0])
    return found | {
        "forecast.json": json.dumps(document).encode(),
        "manifest.json": json.dumps(manifest).encode(),
    }


def state_of(out: Path, benchmarks: int) -> str:
    """Name what a killed run has left, after looking whether that is as it should be."""
    if not out.exists():
        return "nothing"
    names = {path.name for path in out.iterdir()}
    assert names <= RESULTS | {LOCK, KEPT_FOLDER} | {n for n in names if n.endswith(".partial")}
    if "manifest.json" in names:
        assert len(load(out).benchmarks) == benchmarks
        return "whole"
    with pytest.raises(ResultError, match="did not finish"):
        load(out)
    if "forecast.json" in names:
        json.loads((out / "forecast.json").read_text(encoding="utf-8"))
        return "results half written"
    return "posteriors kept" if any((out / KEPT_FOLDER).glob("*.npz")) else "held, no posterior"


def killed(command: list[str], out: Path, after: float) -> bool:
    """Start a command and kill it after some seconds; whether it was still running."""
    process = start(command, out)
    try:
        process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return True
    return False


def finished(command: list[str], out: Path) -> tuple[dict[str, bytes], float, str]:
    """Files of a run that nobody disturbs, the seconds it took, and what it said."""
    began = time.monotonic()
    process = start(command, out)
    _, said = process.communicate()
    assert process.returncode in (0, 3), said
    assert not (out / LOCK).exists()
    assert not (out / KEPT_FOLDER).exists()
    assert not list(out.rglob("*.partial"))
    return files_of(out), time.monotonic() - began, said


def ordeal(
    command: list[str], folder: Path, benchmarks: int, kills: int, a_folder: int, seed: int
) -> Counter[str]:
    """Kill runs at random moments, ``a_folder`` of them in each folder before one may finish."""
    moments = np.random.default_rng(seed)
    undisturbed, seconds, _ = finished(command, folder / "undisturbed")
    states: Counter[str] = Counter()
    while states.total() < kills:
        out = folder / f"out-{states.total()}"
        for _ in range(min(a_folder, kills - states.total())):
            # A run that ends before its moment comes is no kill; it is none the worse for it.
            if killed(command, out, moments.uniform(0.2 * seconds, seconds)):
                states[state_of(out, benchmarks)] += 1
        files, _, _ = finished(command, out)
        assert files == undisturbed
    return states


@pytest.mark.cli
@pytest.mark.skipif(os.name == "nt", reason="kills by signal")
def test_killed_runs_go_on_and_end_alike(tmp_path: Path) -> None:
    command = quick_command(tmp_path, before=MADE_UP)
    states = ordeal(command, tmp_path, benchmarks=2, kills=2, a_folder=2, seed=4)
    assert states.total() == 2


@pytest.mark.cli
@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="kills by signal")
def test_fifty_kills_of_the_real_sampler(tmp_path: Path) -> None:
    command = quick_command(tmp_path, benchmarks=10, before=RESTING)
    finished(command, tmp_path / "first")  # it fills the cache of compiled programs
    states = ordeal(command, tmp_path, benchmarks=10, kills=50, a_folder=5, seed=5)
    print(dict(states))  # noqa: T201 - the figures that are reported
    assert len(states) >= 3  # or the kills have hit one moment only
