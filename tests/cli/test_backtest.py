"""``bayescod backtest`` from files to files, by methods that need no sampling."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bayescod.cli.app import app
from bayescod.datasets import load_text_ladder_paths
from bayescod.evaluation.store import read_backtest

PATHS = load_text_ladder_paths()
ASKED = [
    *("backtest", str(PATHS.scores), "--models", str(PATHS.models)),
    *("--benchmarks", str(PATHS.benchmarks), "--benchmark", "python-2", "--quiet"),
    *("--method", "last-value", "--method", "least-squares", "--holdout", "t91k"),
]


def ask(out: Path, *more: str):
    return CliRunner().invoke(app, [*ASKED, *more, "--out", str(out)])


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    out = tmp_path_factory.mktemp("record") / "out"
    return out, ask(out, "--distance", "1", "--distance", "20")


def test_record_is_written_and_told(ran):
    out, result = ran
    assert result.exit_code == 0, result.output
    assert "90 % ranges held" in result.output
    assert f"Written to {out}" in result.output
    frame = read_backtest(out)
    assert set(frame["method"]) == {"last-value", "least-squares"}
    near, far = sorted(frame["compute_ratio"].unique())
    assert near == pytest.approx(4.0, rel=0.1)
    assert far >= 20.0
    for name in ("truth", "pit", "coverage", "ratio"):
        assert (out / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_backtest_may_be_repeated_and_gives_the_same_bytes(ran):
    out, _ = ran
    before = (out / "backtest.csv").read_bytes()
    assert ask(out, "--distance", "1", "--distance", "20").exit_code == 0
    assert (out / "backtest.csv").read_bytes() == before


def test_another_backtest_may_not_write_there(ran):
    out, _ = ran
    result = ask(out, "--seed", "1")
    assert result.exit_code == 2
    assert "holds another run: its seed is '0'" in result.output


def test_a_method_that_does_not_exist_is_an_error(tmp_path):
    result = ask(tmp_path / "out", "--method", "cot")
    assert result.exit_code == 2
    assert "unknown method 'cot'" in result.output
    assert not (tmp_path / "out").exists()
