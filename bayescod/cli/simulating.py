"""``bayescod simulate``: a ladder whose truth is known, and what to do with it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from bayescod.evaluation.simulation import Simulated, simulate
from bayescod.evaluation.simulation_files import (
    BENCHMARKS,
    MODELS,
    SCORES,
    STORY,
    TRUTH,
    write_simulated,
)
from bayescod.reporting.terminal import console_for


def run_simulate(preset: str, seed: int, out: Path) -> None:
    """Simulate a preset, write it and say what can be done with it.

    Parameters
    ----------
    preset : str
        Name of a preset.
    seed : int
        At least 0.
    out : Path
        Folder for the files.

    Raises
    ------
    UnknownNameError
        If there is no such preset.
    ResultError
        If the folder holds anything else.
    """
    simulated = simulate(preset, seed)
    write_simulated(simulated, out)
    console = console_for(sys.stdout)
    for line in _told(simulated, out):
        console.print(line, soft_wrap=True)


def _told(simulated: Simulated, out: Path) -> list[str]:
    scores, n_trials = simulated.scores, simulated.settings.n_trials
    n_items = sum(len(one.item_id or ()) for one in scores.benchmarks)
    size = (
        f"Simulated {len(scores.benchmarks)} benchmarks of {n_items:,} items in all, taken by "
        f"{len(scores.llms.name)} models with {n_trials} trial{'s' * (n_trials > 1)} an item."
    )
    files = f"{SCORES}, {MODELS}, {BENCHMARKS}; the truth is in {TRUTH} and {STORY}"
    tables = f"{_path(out / SCORES)} --models {_path(out / MODELS)}"
    tables += f" --benchmarks {_path(out / BENCHMARKS)}"
    return [
        size,
        f"Written to {out}: {files}.",
        "Next:",
        *(
            f"  bayescod forecast {tables} --target {name} --out {_path(out / 'forecast')}"
            for name, role in zip(scores.llms.name, scores.llms.role, strict=True)
            if role == "target"
        ),
        f"  bayescod backtest {tables} --out {_path(out / 'backtest')}",
    ]


def _path(path: Path) -> str:
    return shlex.quote(str(path))
