"""``bayescod simulate``: files, the next commands, refusals."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from typer.testing import CliRunner

import bayescod
from bayescod.cli.app import app
from bayescod.evaluation.presets import PRESETS

ROOT = Path(__file__).parents[2]
HEAVY = {"arviz", "duckdb", "jax", "matplotlib", "numpy", "numpyro", "pandas", "scipy", "xarray"}


def run(*arguments: str | Path) -> SimpleNamespace:
    result = CliRunner().invoke(app, ["simulate", *(str(argument) for argument in arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return SimpleNamespace(code=result.exit_code, stdout=result.stdout, stderr=result.stderr)


def test_what_is_written_can_be_read_and_compared(tmp_path: Path) -> None:
    out = tmp_path / "my ladder"
    result = run("--preset", "small", "--seed", "3", "--out", out)
    assert (result.code, result.stderr) == (0, "")
    assert "3 benchmarks of 1,100 items in all, taken by 9 models with 100 trials" in result.stdout
    scores = bayescod.read_scores(
        *(out / name for name in ("scores.parquet", "models.csv", "benchmarks.csv"))
    )
    simulated = bayescod.simulate("small", seed=3)
    assert scores.benchmarks[0].score() == pytest.approx(simulated.scores.benchmarks[0].score())
    truth = pd.read_csv(out / "truth.csv", keep_default_na=False)
    assert {"benchmark", "model", "latent_score", "expected_score"} <= set(truth.columns)
    assert set(truth["model"]) == set(scores.llms.name)


def test_next_commands_name_the_files(tmp_path: Path) -> None:
    out = tmp_path / "my ladder"
    lines = run("--preset", "greedy", "--out", out).stdout.splitlines()
    forecast, backtest = (shlex.split(line) for line in lines if line.startswith("  bayescod"))
    assert forecast[1:3] == ["forecast", str(out / "scores.parquet")]
    assert forecast[forecast.index("--target") + 1] == "4.2B"
    assert backtest[1:3] == ["backtest", str(out / "scores.parquet")]
    for command in (forecast, backtest):
        for option, name in (("--models", "models.csv"), ("--benchmarks", "benchmarks.csv")):
            assert command[command.index(option) + 1] == str(out / name)
            assert (out / name).is_file()
    assert any("with 1 trial an item" in line for line in lines)


def test_unknown_preset_is_told(tmp_path: Path) -> None:
    result = run("--preset", "smal", "--out", tmp_path / "out")
    assert result.code == 2
    assert result.stderr == "error: unknown preset 'smal'; did you mean small?\n"
    assert not (tmp_path / "out").exists()


def test_other_files_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "models.csv").write_text("mine", encoding="utf-8")
    result = run("--preset", "small", "--out", tmp_path)
    assert result.code == 2
    assert "holds files that are no simulation" in result.stderr
    assert (tmp_path / "models.csv").read_text(encoding="utf-8") == "mine"


def test_help_lists_every_preset() -> None:
    words = re.findall(r"[\w-]+", run("--help").stdout)
    assert set(PRESETS) <= set(words)


# Runs the command as the installed script does and then says what it has imported.
SCRIPT = """
import sys
from bayescod.cli import main
sys.argv = ["bayescod", *sys.argv[1:]]
try:
    main()
finally:
    print("LOADED", *{name.split(".")[0] for name in sys.modules})
"""


def process(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SCRIPT, "simulate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


@pytest.mark.cli
def test_help_imports_nothing_heavy() -> None:
    result = process("--help")
    loaded = set(result.stdout.rpartition("LOADED")[2].split())
    assert "typer" in loaded
    assert not HEAVY & loaded


@pytest.mark.cli
def test_as_a_process(tmp_path: Path) -> None:
    result = process("--preset", "small", "--out", tmp_path / "out")
    assert (result.returncode, result.stderr) == (0, "")
    again = process("--preset", "small", "--seed", "1", "--out", tmp_path / "out")
    assert again.returncode == 2
    assert "holds another simulation" in again.stderr
    assert "Traceback" not in again.stderr
    # Drawing needs no sampler.
    assert "jax" not in result.stdout.rpartition("LOADED")[2].split()
