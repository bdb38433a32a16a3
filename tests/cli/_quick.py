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
import signal
import sys
# A test that itself runs in the background has Ctrl-C ignored, and so would this process.
signal.signal(signal.SIGINT, signal.default_int_handler)
import bayescod.forecasting.recall as recall
recall.batch_size = lambda program: 1
recall._BATCHES_A_CORE = 1
recall.cores = lambda: 1
sys.argv = ["bayescod", *sys.argv[1:]]
{before}
from bayescod.cli import main
main()
"""

MADE_UP = "from tests.cli._made_up import install; install(0.2)"
# The real sampler, a third of a second of rest after each wave: a kill is as likely to come there
# as while programs are traced.
RESTING = """
import time
sample_each = recall.sample_each

def resting(*arguments):
    found = sample_each(*arguments)
    time.sleep(0.3)
    return found

recall.sample_each = resting
"""
# Something is kept soon, and the run does not end by itself before it is looked at.
ENDLESSLY_MADE_UP = "from tests.cli._made_up import install; install(0.2, 300.0)"


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
