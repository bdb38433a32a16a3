"""The real tools, run offline on a local task, and their fresh logs imported.

Each test needs its tool: in this interpreter, or in the one that an environment variable names,
``BAYESCOD_LM_EVAL_PYTHON`` or ``BAYESCOD_INSPECT_PYTHON``. The model notes what it got right, so
that the counts are known from outside the log.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import bayescod
from bayescod.scores.importers.records import Imported

HERE = Path(__file__).parent
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1"}


def interpreter(package: str, variable: str) -> str:
    """Interpreter that has a tool; skips where there is none."""
    if found := os.environ.get(variable):
        return found
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed, and {variable} names no interpreter that has it")
    return sys.executable


def run(python: str, script: str, *arguments: str | Path, home: Path) -> None:
    environment = {**os.environ, **OFFLINE, "HF_HOME": str(home), "HOME": str(home)}
    command = [python, HERE / script, *arguments]
    result = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr[-3000:]


def counts(imported: Imported, benchmark: str) -> dict[str, tuple[int, int]]:
    return {
        row.item_id: (row.n_correct, row.n_trials)
        for row in imported.rows
        if row.benchmark == benchmark
    }


def known(truth: dict[str, list[int]], first: int | None = None) -> dict[str, tuple[int, int]]:
    """Counts by item from what the model noted by question."""
    items = {question.removeprefix("What is ").partition("+")[0]: question for question in truth}
    return {
        f"sum-{item}": (sum(truth[question][:first]), len(truth[question][:first]))
        for item, question in items.items()
    }


@pytest.mark.slow
def test_fresh_logs_of_lm_eval(tmp_path: Path) -> None:
    python = interpreter("lm_eval", "BAYESCOD_LM_EVAL_PYTHON")
    run(python, "_real_lm_eval.py", tmp_path, home=tmp_path / "home")
    truth = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))
    logs = tmp_path / "logs"
    imported = bayescod.import_logs("lm-eval", logs, {"filter": "all"})
    assert {row.model for row in imported.rows} == {"org/toy"}
    assert counts(imported, "sampled") == known(truth["sampled"])
    assert counts(imported, "chosen") == known(truth["chosen"])
    imported = bayescod.import_logs("lm-eval", logs, {"filter": "first"})
    assert counts(imported, "sampled") == known(truth["sampled"], first=1)


@pytest.mark.slow
def test_fresh_logs_of_inspect(tmp_path: Path) -> None:
    python = interpreter("inspect_ai", "BAYESCOD_INSPECT_PYTHON")
    run(python, "_real_inspect.py", tmp_path, home=tmp_path / "home")
    for kind in ("eval", "json"):
        truth = json.loads((tmp_path / f"truth-{kind}.json").read_text(encoding="utf-8"))
        imported = bayescod.import_logs("inspect", tmp_path / kind)
        assert {row.model for row in imported.rows} == {"mockllm/toy"}
        assert counts(imported, "arith") == known(truth)
