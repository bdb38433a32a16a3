"""A forecast that takes seconds: specs of a few draws, and the command that runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from bayescod.specs import spec_folder
from tests.cli._ladder import write_ladder

ROOT = Path(__file__).parents[2]

# Every posterior in a wave of its own, so that a short run has more than one state.
SCRIPT = """
import sys
import bayescod.forecasting.recall as recall
recall._TOGETHER = {"clusters": 1, "mapping": 1}
recall._CURVES_TOGETHER = 1
recall.os.cpu_count = lambda: 1
sys.argv = ["bayescod", *sys.argv[1:]]
{before}
from bayescod.cli import main
main()
"""

# Draws that take a fifth of a second, are a function of the key alone, and mean nothing. The rest
# is made fast too: no figures, and even the smallest of compiled programs from the cache.
MADE_UP = """
import time
import jax
import numpy as np
import bayescod.forecasting.store as store
from bayescod.convergence import Diagnostics
from bayescod.sampling import Posterior

def made_up(keys, spec, lanes, progress):
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    found = []
    for key, lane in zip(keys, lanes):
        time.sleep(0.2)
        rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        names = ("b", "c", "drift", "g", "log_a", "spread", "walk_scale")
        sites = {name: rng.uniform(0.2, 0.8, (2, 20)) for name in names}
        stats = {name: rng.uniform(size=(2, 20)) for name in ("lp", "acceptance_rate")}
        stats |= {"n_steps": np.full((2, 20), 7), "diverging": np.zeros((2, 20), bool)}
        found.append(Posterior(sites, stats, Diagnostics(1.0, 900.0, 900.0, 0, 40)))
        progress(1)
    return found, [(0.0, 0.2)] * len(found)

recall.sample_each = made_up
store._write_figures = lambda forecast, out: []
"""


def quick_spec(folder: Path, name: str = "end-to-end") -> Path:
    """Write a shipped spec with 20 draws, which fail the checks and are not drawn once more."""
    text = (spec_folder() / f"{name}.toml").read_text(encoding="utf-8")
    few = {"warmup": 20, "draws": 20, "chains": 2, "max_tree_depth": 4, "rerun": "false"}
    for key, value in few.items():
        text = re.sub(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def quick_command(
    folder: Path, *more: str | Path, benchmarks: int = 2, before: str = ""
) -> list[str]:
    """Command of a forecast of 20 draws, ``--out`` still to be said; ``before`` is run first."""
    scores, models = write_ladder(folder, n_items=3, n_trials=20, benchmarks=benchmarks)
    tables = ("forecast", scores, "--models", models, "--target", "big")
    arguments = (*tables, "--model-spec", quick_spec(folder), *more)
    return [sys.executable, "-c", SCRIPT.replace("{before}", before), *map(str, arguments)]


def start(command: list[str], out: Path) -> subprocess.Popen[str]:
    """Start a command in a process of its own."""
    return subprocess.Popen(
        [*command, "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
