"""The verbs with a forecast that is made up: arguments, output, files and exit codes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

import bayescod
import bayescod.api
import bayescod.cli.runs
import bayescod.cli.tables
import bayescod.datasets
from bayescod.cli.app import app
from bayescod.errors import SamplingError, UnknownNameError
from bayescod.forecasting.records import ForecastSet
from bayescod.forecasting.store import load, write_forecast
from tests._factories import HEALTHY, make_benchmark, make_course, make_set
from tests.cli._ladder import write_ladder

Forecaster = Callable[..., ForecastSet]


@dataclasses.dataclass
class World:
    """A scores and a models table, and what the forecast was asked for."""

    folder: Path
    scores: Path
    models: Path
    answer: Forecaster
    asked: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def run(self, *arguments: str | Path) -> SimpleNamespace:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return SimpleNamespace(code=result.exit_code, stdout=result.stdout, stderr=result.stderr)

    def forecast(self, *more: str, target: str = "big") -> SimpleNamespace:
        tables = ("forecast", self.scores, "--models", self.models)
        return self.run(*tables, "--target", target, "--out", self.out, *more)


def sick_set(*_: Any, **__: Any) -> ForecastSet:
    sick = make_benchmark(
        "sick", status="fail", diagnostics=dataclasses.replace(HEALTHY, max_rhat=math.nan)
    )
    return make_set(make_benchmark("toy"), sick)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    scores, models = write_ladder(tmp_path, n_items=3, n_trials=5)
    world = World(tmp_path, scores, models, answer=lambda *_, **__: make_set(make_benchmark("toy")))

    def forecast(scores: object, **options: Any) -> ForecastSet:
        world.asked.append({"scores": scores, **options})
        return world.answer(scores, **options)

    monkeypatch.setattr(bayescod.api, "forecast", forecast)
    # JAX's settings outlive a test; that they are set is tested in a process of its own.
    monkeypatch.setattr(bayescod.cli.runs, "configure", lambda: None)
    return world


def test_version(world: World) -> None:
    result = world.run("--version")
    assert (result.code, result.stdout) == (0, f"bayescod {bayescod.__version__}\n")


def test_forecast_writes_and_shows(world: World) -> None:
    result = world.forecast()
    assert result.code == 0
    assert "90 % range, equal-tailed" in result.stdout
    assert f"Written to {world.out}" in result.stdout
    assert [item.benchmark for item in load(world.out).benchmarks] == ["toy"]


def test_defaults_reach_the_forecast(world: World) -> None:
    world.forecast()
    (asked,) = world.asked
    assert asked.pop("scores").benchmarks[0].benchmark == "easy"
    assert hasattr(asked.pop("progress"), "advance")
    assert callable(asked.pop("recall"))
    assert asked == {
        "target": "big",
        "anchors": (),
        "benchmarks": (),
        "model_spec": "auto",
        "smoothing": "horizontal",
        "eval_trials": None,
        "update": None,
        "seed": 0,
    }


def test_options_reach_the_forecast(world: World) -> None:
    world.forecast(
        *("--anchor", "anchor", "--anchor", "llm-0", "--benchmark", "easy", "--seed", "5"),
        *("--model-spec", "mine.toml", "--smoothing", "vertical", "--eval-trials", "9"),
        target="1e24@20",
    )
    (asked,) = world.asked
    seen_elsewhere = ("scores", "progress", "recall")
    assert {name: asked[name] for name in asked if name not in seen_elsewhere} == {
        "target": "1e24@20",
        "anchors": ("anchor", "llm-0"),
        "benchmarks": ("easy",),
        "model_spec": "mine.toml",
        "smoothing": "vertical",
        "eval_trials": 9,
        "update": None,
        "seed": 5,
    }


def test_an_update_reaches_the_forecast_and_its_course_is_shown(world: World) -> None:
    """The update is read with the same models table; its digest makes another run."""

    def answer(scores: Any, *, update: Any, **_: Any) -> ForecastSet:
        course = None if update is None else make_course("toy")
        found = make_set(make_benchmark("toy"), seed=0, digest=scores.digest)
        digest = {"update_digest": "" if update is None else update.digest}
        return dataclasses.replace(found, provenance=found.provenance | digest, course=course)

    world.answer = answer
    table = world.folder / "update.csv"
    table.write_text(
        "benchmark,item_id,model,n_trials,n_correct\neasy,i0,big,5,3\n", encoding="utf-8"
    )
    result = world.forecast("--update", str(table))
    assert result.code == 0, result.stderr
    assert world.asked[0]["update"].benchmarks[0].llm == ("big",)
    for text in ("big-2", "behind", "with the checkpoint %", "90 %, equal-tailed"):
        assert text in result.stdout
    assert load(world.out).course == make_course("toy")
    refused = world.forecast()
    assert refused.code == 2
    assert "its update digest is" in refused.stderr


@pytest.mark.parametrize(
    ("asked", "read"), [("horizontal", "horizontal"), ("vertical", "horizontal"), ("none", "none")]
)
def test_smoothing_of_the_reader(
    world: World, monkeypatch: pytest.MonkeyPatch, asked: str, read: str
) -> None:
    seen: list[str] = []
    read_scores = bayescod.cli.tables.read_scores

    def spy(*paths: Any, smoothing: str) -> Any:
        seen.append(smoothing)
        return read_scores(*paths, smoothing=smoothing)

    monkeypatch.setattr(bayescod.cli.tables, "read_scores", spy)
    assert world.forecast("--smoothing", asked).code == 0
    assert seen == [read]
    assert world.asked[0]["smoothing"] == asked


def test_warnings_are_shown_once_on_stderr(world: World) -> None:
    world.scores.write_text(
        world.scores.read_text(encoding="utf-8").replace("hard,i0,llm-0,5,", "hard,i9,llm-0,5,"),
        encoding="utf-8",
    )

    def answer(scores: Any, **_: Any) -> ForecastSet:
        warnings = (*(str(warning) for warning in scores.warnings), "a new one\x1b[31m")
        return dataclasses.replace(make_set(make_benchmark("toy")), warnings=warnings)

    world.answer = answer
    result = world.forecast("--quiet")
    (reading,) = (str(warning) for warning in world.asked[0]["scores"].warnings)
    assert result.stderr == f"warning: {reading}\nwarning: a new one�[31m\n"


@pytest.mark.parametrize("quiet", [False, True])
def test_progress_goes_to_stderr_unless_quiet(world: World, quiet: bool) -> None:
    def answer(*_: Any, progress: Any, **__: Any) -> ForecastSet:
        progress.phase("sample", 1)
        progress.advance("toy")
        return dataclasses.replace(make_set(make_benchmark("toy")), warnings=())

    world.answer = answer
    result = world.forecast(*(["--quiet"] if quiet else []))
    assert result.code == 0
    assert result.stderr == ("" if quiet else "sample 1/1 toy\n")


def test_every_problem_of_the_input_is_told_and_nothing_written(world: World) -> None:
    text = world.scores.read_text(encoding="utf-8")
    world.scores.write_text(text + "easy,i7,llm-0,5,6\neasy,i8,nobody,5,1\n", encoding="utf-8")
    result = world.forecast()
    assert result.code == 2
    assert "2 problems in the input" in result.stderr
    assert "nobody" in result.stderr
    assert "Traceback" not in result.stderr
    assert not world.out.exists()
    assert world.asked == []


@pytest.mark.parametrize(
    "error",
    [UnknownNameError("benchmark", "esay", ["easy"]), SamplingError("no start"), OSError("full")],
)
def test_errors_of_the_run_write_nothing(world: World, error: Exception) -> None:
    def answer(*_: Any, **__: Any) -> ForecastSet:
        raise error

    world.answer = answer
    result = world.forecast("--quiet")
    assert result.code == 2
    assert result.stderr == f"error: {error}\n"
    assert not world.out.exists()


def test_a_bug_is_not_taken_for_a_mistake_of_the_user(world: World) -> None:
    def answer(*_: Any, **__: Any) -> ForecastSet:
        raise ZeroDivisionError

    world.answer = answer
    with pytest.raises(ZeroDivisionError):
        world.forecast()


def test_unknown_target(world: World) -> None:
    result = world.forecast(target="bgi\x1b[2J")
    assert result.code == 2
    assert "big" in result.stderr
    assert "\x1b" not in result.stderr
    assert world.asked == []


def test_interrupt(world: World) -> None:
    def answer(*_: Any, **__: Any) -> ForecastSet:
        raise KeyboardInterrupt

    world.answer = answer
    result = world.forecast()
    assert result.code == 130
    assert "interrupted" in result.stderr
    assert not world.out.exists()


@pytest.mark.parametrize("accept", [False, True])
def test_failed_checks_exit_3_after_everything_is_written(world: World, accept: bool) -> None:
    world.answer = sick_set
    result = world.forecast(*(["--accept"] if accept else []))
    assert result.code == 3
    assert ("withheld" in result.stdout) != accept
    assert load(world.out).status() == "fail"


def test_folder_of_another_run_is_refused_before_sampling(world: World) -> None:
    write_forecast(make_set(), world.out, figures=False)
    result = world.forecast()
    assert result.code == 2
    assert "holds another run: its data digest is" in result.stderr
    assert world.asked == []


def test_same_run_may_be_repeated(world: World) -> None:
    def answer(scores: Any, *, seed: int, **_: Any) -> ForecastSet:
        return make_set(make_benchmark("toy"), seed=seed, digest=scores.digest)

    world.answer = answer
    assert [world.forecast("--seed", "3").code for _ in range(2)] == [0, 0]
    result = world.forecast("--seed", "4")
    assert result.code == 2
    assert "its seed is 3, this one's is 4" in result.stderr
    result = world.forecast("--seed", "3", "--model-spec", "no-guess")
    assert "its spec is 'auto', this one's is 'no-guess'" in result.stderr
    assert len(world.asked) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("forecast",),
        ("forecast", "nowhere.csv", "--models", "m.csv", "--target", "x", "--out", "o"),
        ("check",),
        ("plan", "x"),
        ("demo", "--seed", "1"),
    ],
)
def test_wrong_usage(world: World, arguments: tuple[str, ...]) -> None:
    result = world.run(*arguments)
    assert result.code == 2
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "option", [("--seed", "-1"), ("--eval-trials", "0"), ("--smoothing", "diagonal")]
)
def test_values_out_of_range(world: World, option: tuple[str, str]) -> None:
    assert world.forecast(*option).code == 2
    assert world.asked == []


def test_check_passes_and_fails(world: World) -> None:
    good = write_forecast(make_set(), world.folder / "good", figures=False)
    result = world.run("check", good)
    assert result.code == 0
    assert "passed: BC101" in result.stdout
    bad = write_forecast(sick_set(), world.folder / "bad", figures=False)
    result = world.run("check", bad)
    assert result.code == 3
    assert "issue BC101" in result.stdout


def test_check_refuses_an_unfinished_run(world: World) -> None:
    out = write_forecast(make_set(), world.out, figures=False)
    (out / "manifest.json").unlink()
    result = world.run("check", out)
    assert result.code == 2
    assert "did not finish" in result.stderr


@pytest.fixture
def demo(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    with world.models.open("a", encoding="utf-8") as stream:
        stream.write("bigger,9e22,target\nunknown,,target\n")
    paths = SimpleNamespace(scores=world.scores, models=world.models, benchmarks=None)
    monkeypatch.setattr(bayescod.datasets, "load_text_ladder_paths", lambda: paths, raising=False)

    def answer(scores: Any, *, target: str, **_: Any) -> ForecastSet:
        truth = make_benchmark("toy").summary().median
        forecasts = make_set(make_benchmark("toy", truth=truth), make_benchmark("b", truth=0.99))
        named = dataclasses.replace(forecasts.target, model=target)
        provenance = {"data_digest": scores.digest}
        return dataclasses.replace(forecasts, target=named, provenance=provenance)

    world.answer = answer
    return world


def test_demo_sets_the_largest_target_beside_its_truth(demo: World) -> None:
    result = demo.run("demo")
    assert result.code == 0
    assert demo.asked[0]["target"] == "bigger"
    assert "1 of 2 equal-tailed 90 % ranges held the truth." in " ".join(result.stdout.split())
    assert not demo.out.exists()


def test_a_quiet_demo_shows_the_result_alone(demo: World) -> None:
    answer = demo.answer

    def told(scores: Any, *, progress: Any, **options: Any) -> ForecastSet:
        progress.phase("sample", 1)
        progress.advance("toy")
        return answer(scores, **options)

    demo.answer = told
    assert demo.run("demo").stderr == "sample 1/1 toy\n"
    assert demo.run("demo", "--quiet").stderr == ""


def test_demo_writes_where_asked(demo: World) -> None:
    assert [demo.run("demo", "--out", demo.out).code for _ in range(2)] == [0, 0]
    assert load(demo.out).target.model == "bigger"


def test_demo_exits_3_on_failed_checks(demo: World) -> None:
    demo.answer = sick_set
    assert demo.run("demo").code == 3
