"""The command line as a process: what it imports, and one real forecast."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bayescod.forecasting.store import load
from tests.cli._ladder import write_ladder

ROOT = Path(__file__).parents[2]
HEAVY = {"arviz", "duckdb", "jax", "matplotlib", "numpy", "numpyro", "pandas", "scipy", "xarray"}

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


def run(*arguments: str | Path, code: int | None = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bayescod.cli", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if code is not None:
        assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    return result


@pytest.mark.cli
@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("--version",), ("forecast", "--help"), ("check", "--help"), ("demo", "--help")],
)
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    loaded = set(result.stdout.rpartition("LOADED")[2].split())
    assert "typer" in loaded
    assert not HEAVY & loaded


@pytest.mark.cli
def test_output_survives_a_terminal_without_unicode(tmp_path: Path) -> None:
    scores, models = write_ladder(tmp_path, n_items=3, n_trials=5)
    command = [sys.executable, "-m", "bayescod.cli", "forecast", scores, "--models", models]
    result = subprocess.run(
        [*command, "--target", "größer", "--out", tmp_path / "out"],
        capture_output=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert result.returncode == 2
    assert b"unknown-target" in result.stderr
    assert b"Traceback" not in result.stderr


@pytest.mark.cli
def test_bad_input_is_told_without_a_traceback(tmp_path: Path) -> None:
    scores, models = write_ladder(tmp_path, n_items=3, n_trials=5)
    scores.write_text("benchmark,item,modle\nx,y,z\n", encoding="utf-8")
    tables = ("forecast", scores, "--models", models, "--target", "big")
    result = run(*tables, "--out", tmp_path / "out", code=2)
    assert "model" in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.cli
@pytest.mark.slow
def test_forecast_end_to_end(tmp_path: Path) -> None:
    scores, models = write_ladder(tmp_path)
    out = tmp_path / "out"
    tables = ("forecast", scores, "--models", models, "--target", "big", "--out", out)
    first = run(*tables, "--seed", "1", code=None)
    forecasts = load(out)
    assert first.returncode == (3 if forecasts.status() == "fail" else 0), first.stderr
    assert [item.benchmark for item in forecasts.benchmarks] == ["easy", "hard"]
    assert forecasts.target.compute_ratio == pytest.approx(4e22 / (4e19 * 3.0**5))
    for forecast in forecasts.benchmarks:
        assert forecast.target.truth is not None
        draws = forecast.draws("score")
        assert ((draws >= 0) & (draws <= 1)).all()
        assert forecast.tree["posterior"].to_dataset().to_array().dtype == "float64"
        # A range that misses the truth by more than its own width is wrong on clean curves.
        score = forecast.summary()
        width = score.high - score.low
        assert score.low - width < forecast.target.truth < score.high + width
    assert "90 % range, equal-tailed" in first.stdout
    check = run("check", out, code=first.returncode)
    assert "BC101" in check.stdout

    refused = run(*tables, "--seed", "2", code=2)
    assert "holds another run" in refused.stderr
    assert json.loads((out / "forecast.json").read_text(encoding="utf-8"))["seed"] == 1


@pytest.mark.cli
@pytest.mark.slow
def test_demo_end_to_end() -> None:
    result = run("demo", code=None)
    assert result.returncode in (0, 3), result.stderr
    assert "ranges held the truth." in " ".join(result.stdout.split())
