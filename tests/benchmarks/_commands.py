"""Commands as a user runs them, each a fresh process, with what it took."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Spent:
    """Wall and CPU seconds of a command, and the largest memory of its process in GB."""

    wall: float
    cpu: float
    memory: float


def apart(function: Callable[..., None], *arguments: Any) -> None:
    """Call a function in a process of its own.

    Linux counts what the parent held when it started a child as the child's: a process that
    measures may not grow.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(function, *arguments).result()


def run(arguments: list[str], cache: Path, log: Path) -> Spent:
    """``bayescod ARGUMENTS`` with compiled programs kept in ``cache``; a failure ends it all.

    The children of the command are in the CPU seconds, not in the memory.
    """
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(cache)}
    command = [sys.executable, "-m", "bayescod.cli", *arguments]
    with log.open("w", encoding="utf-8") as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} left with {process.returncode}:\n{log.read_text()}")
    return Spent(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20)
