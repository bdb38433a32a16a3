"""The verb report: what it writes, where the record comes from, what it refuses."""

import dataclasses
import math

import pytest
from typer.testing import CliRunner

from bayescod.cli.app import app
from bayescod.evaluation.store import write_backtest
from bayescod.forecasting.store import load, write_forecast
from tests._backtests import make_backtest, make_rows
from tests._factories import HEALTHY, make_benchmark, make_set


@pytest.fixture
def folder(tmp_path):
    out = tmp_path / "run"
    write_forecast(make_set(make_benchmark("toy"), make_benchmark("=other")), out, figures=False)
    return out


@pytest.fixture
def record(tmp_path):
    rows = [dataclasses.replace(row, method="default", benchmark="toy") for row in make_rows(4, 1)]
    rows = list({row.model: row for row in rows}.values())
    return write_backtest(make_backtest(rows), tmp_path / "record")


def reported(folder, *options):
    return CliRunner().invoke(app, ["report", str(folder), *map(str, options)])


def test_report_is_written_beside_the_forecast(folder):
    done = reported(folder)
    assert done.exit_code == 0, done.output
    assert "report.html and report.md" in done.output
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert "There is no record yet" in html
    assert "| toy |" in (folder / "report.md").read_text(encoding="utf-8")
    assert load(folder).benchmarks  # the forecast is what it was


def test_same_forecast_same_bytes(folder):
    assert reported(folder).exit_code == 0
    before = [(folder / name).read_bytes() for name in ("report.html", "report.md")]
    assert reported(folder).exit_code == 0
    assert [(folder / name).read_bytes() for name in ("report.html", "report.md")] == before


@pytest.mark.parametrize("place", ["folder", "table", "beside"])
def test_record_is_found(folder, record, place):
    options = ()
    if place == "beside":
        (folder / "backtest.csv").write_bytes((record / "backtest.csv").read_bytes())
    else:
        options = ("--backtest", record if place == "folder" else record / "backtest.csv")
    done = reported(folder, *options)
    assert done.exit_code == 0, done.output
    for name in ("report.html", "report.md"):
        assert "of 4 truths" in (folder / name).read_text(encoding="utf-8")


def test_failed_checks_exit_3_and_are_not_stated(tmp_path):
    bad = dataclasses.replace(HEALTHY, max_rhat=math.nan)
    sick = make_benchmark("sick", status="fail", diagnostics=bad)
    folder = write_forecast(make_set(sick), tmp_path / "run", figures=False)
    assert reported(folder).exit_code == 3
    for name in ("report.html", "report.md"):
        text = (folder / name).read_text(encoding="utf-8")
        assert "no forecast is stated" in text
        assert "We expect" not in text


def test_folder_without_a_forecast_is_refused(tmp_path):
    done = reported(tmp_path)
    assert done.exit_code == 2
    assert "did not finish" in done.output
    assert not (tmp_path / "report.html").exists()


def test_unfinished_backtest_is_refused(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    done = reported(folder, "--backtest", tmp_path / "empty")
    assert done.exit_code == 2
    assert "backtest did not finish" in done.output
    assert not (folder / "report.html").exists()


def test_a_plan_in_the_folder_is_taken(folder):
    runner = CliRunner()
    asked = ["plan", str(folder), "--benchmark=toy", "--score=0.55"]
    assert runner.invoke(app, asked).exit_code == 0
    done = reported(folder)
    assert done.exit_code == 0, done.output
    for name in ("report.html", "report.md"):
        text = (folder / name).read_text(encoding="utf-8").replace("\u00a0", " ")
        assert "The chance of reaching 55 % on toy is" in text
        assert "No score is asked for" not in text


def test_a_plan_that_does_not_fit_is_refused(folder):
    (folder / "plan.json").write_text("{}", encoding="utf-8")
    done = reported(folder)
    assert done.exit_code == 2
    assert "run bayescod plan again, or delete the file" in " ".join(done.output.split())
    assert not (folder / "report.html").exists()
