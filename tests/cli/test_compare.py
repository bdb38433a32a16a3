"""The verb compare: what it shows, writes and refuses."""

import csv
import dataclasses
import math

import pytest
from rich.console import Console
from typer.testing import CliRunner

from bayescod.cli.app import app
from bayescod.decisions.contests import compare
from bayescod.evaluation.store import read_backtest, write_backtest
from bayescod.forecasting.store import load, write_forecast
from bayescod.reporting.compare_table import show_comparison
from tests._backtests import make_backtest, make_rows
from tests._factories import HEALTHY, make_benchmark, make_set

NAMES = ("toy", "=other", "x" * 70)


def benchmarks(**options):
    return [make_benchmark(name, seed=i, **options) for i, name in enumerate(NAMES)]


@pytest.fixture
def folder(tmp_path):
    return write_forecast(make_set(*benchmarks()), tmp_path / "run", figures=False)


@pytest.fixture
def other(tmp_path):
    found = make_set(*benchmarks(level=0.5), digest="e" * 64)
    return write_forecast(found, tmp_path / "other", figures=False)


@pytest.fixture
def record(tmp_path):
    rows = [dataclasses.replace(row, method="default", benchmark="toy") for row in make_rows(4, 1)]
    rows = list({row.model: row for row in rows}.values())
    return write_backtest(make_backtest(rows), tmp_path / "record")


def compared(*arguments):
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def rows_of(folder):
    with (folder / "compare.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_ranking_is_shown_and_written(folder):
    done = compared(folder)
    assert done.exit_code == 0, done.output
    for text in ("forecast it", "share a letter", "80 % or more", "90 % equal-tailed", "backtest"):
        assert text in done.output
    rows = rows_of(folder)
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    assert {row["benchmark"] for row in rows} == {"toy", "'=other", "x" * 70}
    errors = [float(row["expected_error"]) for row in rows]
    assert errors == sorted(errors)
    assert load(folder).benchmarks  # the forecast is what it was


def test_same_forecast_same_bytes(folder):
    assert compared(folder).exit_code == 0
    before = (folder / "compare.csv").read_bytes()
    assert compared(folder).exit_code == 0
    assert (folder / "compare.csv").read_bytes() == before


@pytest.mark.parametrize("place", ["folder", "table", "beside"])
def test_record_is_found(folder, record, place):
    options = ()
    if place == "beside":
        (folder / "backtest.csv").write_bytes((record / "backtest.csv").read_bytes())
    else:
        options = ("--backtest", record if place == "folder" else record / "backtest.csv")
    done = compared(folder, *options)
    assert done.exit_code == 0, done.output
    assert "of 4, off" in done.output
    assert {row["record_truths"] for row in rows_of(folder)} == {"4", "0"}


def test_candidates_are_shown_and_written(folder, other):
    done = compared(folder, other)
    assert done.exit_code == 0, done.output
    for text in ("A against B", "chance that A is higher", "higher on all 3", "independent"):
        assert text in done.output
    rows = rows_of(folder)
    assert [row["what"] for row in rows] == [
        *["benchmark"] * 3,
        "mean",
        "all-higher",
        "all-lower",
    ]
    assert not (other / "compare.csv").exists()
    assert {row["second"] for row in rows} == {str(other)}
    found = compare(load(folder), load(other)).matches[0]
    assert float(rows[0]["chance"]) == pytest.approx(found.contests[0].chance)
    assert float(rows[3]["difference_q95"]) == pytest.approx(found.mean.difference.high)


def test_record_beside_one_of_several_is_not_theirs(folder, other, record):
    (folder / "backtest.csv").write_bytes((record / "backtest.csv").read_bytes())
    assert compared(folder, other).exit_code == 0
    done = compared(folder, other, "--backtest", record)
    assert done.exit_code == 2
    assert "one forecast" in done.output


@pytest.mark.parametrize("several", [False, True])
def test_failed_checks_exit_3_and_are_not_stated(tmp_path, folder, several):
    bad = dataclasses.replace(HEALTHY, max_rhat=math.nan)
    sick = make_benchmark("toy", status="fail", diagnostics=bad)
    ill = write_forecast(make_set(sick), tmp_path / "ill", figures=False)
    done = compared(folder, ill) if several else compared(ill)
    assert done.exit_code == 3
    assert ("no forecast passed" if several else "withheld") in done.output
    assert ((folder if several else ill) / "compare.csv").is_file()


def test_folder_without_a_forecast_is_refused(tmp_path, folder):
    done = compared(folder, tmp_path)
    assert done.exit_code == 2
    assert "did not finish" in done.output
    assert not (folder / "compare.csv").exists()


def test_tables_fit_the_terminal(folder, other, record):
    forecasts, rows = load(folder), read_backtest(record)
    for found in (
        compare(forecasts),
        compare(forecasts, record=rows),
        compare(forecasts, load(other)),
    ):
        for width in (80, 100, 120):
            console = Console(width=width, markup=False, emoji=False, highlight=False)
            with console.capture() as shown:
                show_comparison(found, console, dict.fromkeys(found.candidates, "run"))
            # The text below a table is wrapped by the terminal; a table must neither be wider
            # than it nor have cut cells (the long name has been cut to 40 characters before).
            drawn = shown.get().replace("x…", "xx")
            assert "…" not in drawn
            lines = [line for line in drawn.splitlines() if "─" in line]
            assert lines
            assert all(len(line) <= width for line in lines)
