"""The verb plan: what it shows, writes and refuses."""

import json

import pytest
from typer.testing import CliRunner

from bayescod.cli.app import app
from bayescod.forecasting.store import load, write_forecast
from tests._factories import make_benchmark, make_set


@pytest.fixture
def folder(tmp_path):
    out = tmp_path / "run"
    write_forecast(make_set(make_benchmark("toy"), make_benchmark("=other")), out, figures=False)
    return out


def planned(folder, *options):
    return CliRunner().invoke(app, ["plan", str(folder), *options])


def test_plan_is_shown_and_written(folder):
    median = load(folder)["toy"].summary().median
    options = [f"--score={median:.3f}", "--benchmark==other", "--score=0.01"]
    rates = ["--tokens-per-param=20", "--flops-per-hour=1e18", "--price=2.5"]
    done = planned(folder, "--benchmark=toy", *options, *rates)
    assert done.exit_code == 0, done.output
    for text in ("all of them", "accelerator-hours", "costs", "50 % chance", "90 % equal-tailed"):
        assert text in done.output
    document = json.loads((folder / "plan.json").read_text())
    assert [answer["benchmark"] for answer in document["answers"]] == ["toy", "=other", None]
    first = document["answers"][0]["compute"]["0.5"]
    assert first["accelerator_hours"] == pytest.approx(first["compute_flops"] / 1e18)
    assert first["money"] == pytest.approx(2.5 * first["accelerator_hours"])
    assert (folder / "figures" / "plan.png").read_bytes().startswith(b"\x89PNG")
    assert load(folder).benchmarks  # the forecast is what it was


def test_same_plan_same_bytes(folder):
    question = ("--benchmark=toy", "--score=0.5")
    assert planned(folder, *question).exit_code == 0
    before = [path.read_bytes() for path in (folder / "plan.json", folder / "figures/plan.svg")]
    assert planned(folder, *question).exit_code == 0
    after = [path.read_bytes() for path in (folder / "plan.json", folder / "figures/plan.svg")]
    assert before == after


def test_score_out_of_reach_is_said(folder):
    done = planned(folder, "--benchmark=toy", "--score=0.999")
    assert done.exit_code == 0
    assert "not within" in done.output
    assert json.loads((folder / "plan.json").read_text())["answers"][0]["compute"]["0.9"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--benchmark=toy", "--score=70"], "divide per cent by 100"),
        (["--benchmark=toy", "--score=0.7", "--score=0.8"], "every --benchmark needs a --score"),
        (["--benchmark=toy", "--benchmark=toy", "--score=0.7", "--score=0.8"], "given twice"),
        (["--benchmark=tow", "--score=0.7"], "toy"),
        (["--benchmark=toy", "--score=0.7", "--price=2"], "--flops-per-hour"),
        (["--benchmark=toy", "--score=0.7", "--probability=1"], "between 0 and 1"),
    ],
)
def test_questions_that_mean_nothing_are_refused(folder, options, message):
    done = planned(folder, *options)
    assert done.exit_code == 2
    assert message in done.output
    assert not (folder / "plan.json").exists()


def test_folder_without_a_forecast_is_refused(tmp_path):
    done = planned(tmp_path, "--benchmark=toy", "--score=0.5")
    assert done.exit_code == 2
    assert "did not finish" in done.output
