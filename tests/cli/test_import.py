"""``bayescod import``: every tool's logs to a table that can be read, the account, refusals."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from typer.testing import CliRunner

import bayescod
from bayescod.cli.app import app
from bayescod.reporting.imports import show_import
from bayescod.reporting.terminal import console_for
from bayescod.scores.importers.records import Dropped, Imported, Row, Taken
from bayescod.scores.importers.tools import COMMON, TOOLS, choices
from bayescod.scores.importers.writing import write_scores

ROOT = Path(__file__).parents[2]
LOGS = ROOT / "tests" / "scores" / "importers" / "logs"
ALL = ("--select", "filter=all", "--select", "metric=acc")


def run(*arguments: str | Path) -> SimpleNamespace:
    result = CliRunner().invoke(app, ["import", *(str(argument) for argument in arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return SimpleNamespace(code=result.exit_code, stdout=result.stdout, stderr=result.stderr)


def expected(*logs: str) -> dict[tuple[str, str], list[int]]:
    known = json.loads((LOGS / "expected_counts.json").read_text(encoding="utf-8"))
    return {
        (model, item): counts
        for log in logs
        for model, items in known[log].items()
        for item, counts in items.items()
    }


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_the_table_holds_the_expected_counts(suffix: str, tmp_path: Path) -> None:
    out = tmp_path / f"scores{suffix}"
    result = run("lm-eval", LOGS / "lm-eval", *ALL, "--out", out, "--quiet")
    assert (result.code, result.stderr) == (0, "")
    (tmp_path / "models.csv").write_text(
        "model,compute_flops\ntoy/toy-100M,1e19\ntoy/toy-1B,1e20\n", encoding="utf-8"
    )
    scores = bayescod.read_scores(out, tmp_path / "models.csv")
    assert [one.benchmark for one in scores.benchmarks] == ["local_gen", "local_mc"]
    for log, one in zip(
        ("lm-eval/local_gen[all]", "lm-eval/local_mc[acc]"), scores.benchmarks, strict=True
    ):
        for (model, item), (correct, trials) in expected(log).items():
            row, column = (one.item_id or ()).index(item), one.llm.index(model)
            assert one.pass_rate[row, column] == pytest.approx(correct / trials)


def test_the_account_is_shown_and_kept(tmp_path: Path) -> None:
    out = tmp_path / "scores.parquet"
    result = run("inspect", LOGS / "inspect-ai", "--out", out)
    assert result.code == 0
    assert "3 logs of inspect: 40 trials of 2 models on 1 benchmark" in result.stdout
    assert "an older log of the same task and model" in result.stdout
    account = json.loads((tmp_path / "scores.parquet.import.json").read_text(encoding="utf-8"))
    assert (account["tool"], account["n_rows"], account["n_trials"]) == ("inspect", 10, 40)
    assert len(account["files"]) == 3
    assert [one["trials"] for one in account["taken"]] == [[4, 4.0, 4]] * 2
    assert account["scores"]["path"] == "scores.parquet"
    assert len(account["scores"]["sha256"]) == 64
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "scores.parquet",
        "scores.parquet.import.json",
    ]


def test_same_logs_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for suffix in ("csv", "parquet", "jsonl"):
            out = tmp_path / f"{name}.{suffix}"
            assert run("lm-eval", LOGS / "lm-eval", *ALL, "--out", out).code == 0
    for suffix in ("csv", "parquet", "jsonl"):
        first, second = (tmp_path / f"{name}.{suffix}" for name in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()


def test_names_come_from_the_models_table(tmp_path: Path) -> None:
    models, out = tmp_path / "models.csv", tmp_path / "scores.csv"
    models.write_text("model,aliases,compute_flops\nsmall,toy/toy-100M,1\nToy_1B,,2\n")
    result = run("lm-eval", LOGS / "lm-eval", *ALL, "--models", models, "--out", out)
    assert result.code == 0
    assert "toy/toy-100M is small" in result.stdout
    assert set(pd.read_csv(out)["model"]) == {"small", "Toy_1B"}
    models.write_text("model,compute_flops\ntoy-2B,2\n")
    out.unlink()
    (tmp_path / "scores.csv.import.json").unlink()
    result = run("lm-eval", LOGS / "lm-eval", *ALL, "--models", models, "--out", out)
    assert result.code == 2
    assert "got: toy/toy-1B; wanted: toy-2B; do: did you mean toy-2B?" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize("name", ["scores.csv", "scores.csv.import.json"])
def test_nothing_is_overwritten(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine", encoding="utf-8")
    result = run("lm-eval", LOGS / "lm-eval", *ALL, "--out", tmp_path / "scores.csv")
    assert (result.code, "is there already" in result.stderr) == (2, True)
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_choice_that_is_missing_is_told_and_nothing_written(tmp_path: Path) -> None:
    result = run("lm-eval", LOGS / "lm-eval", "--out", tmp_path / "scores.csv")
    assert result.code == 2
    assert "error: 4 problems in the input" in result.stderr
    assert "do: choose one with --select filter=all" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lm-evl",), "unknown tool 'lm-evl'; did you mean lm-eval,"),
        (("lm-eval", "--select", "filtr=all"), "unknown key of --select 'filtr'; did you mean"),
        (("lm-eval", "--select", "filter"), "is no KEY=VALUE; keys of lm-eval: filter: which"),
        (("lm-eval", "--select", "=x"), "is no KEY=VALUE"),
        (("lm-eval", *ALL, "--select", "filter=first"), "--select filter=... is given twice"),
        (("lm-eval", *ALL, "--select", "version=9"), "got: 9; wanted: version 1.0, 0 shots"),
        (("lm-eval", *ALL, "--select", "repeats=al"), "way to treat repeats 'al'; did you mean"),
        (("inspect", "--select", "partial=no"), "way to treat partial credit 'no'"),
    ],
)
def test_wrong_usage_is_told(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    tool, *options = arguments
    logs = LOGS / ("inspect-ai" if tool == "inspect" else "lm-eval")
    result = run(tool, logs, *options, "--out", tmp_path / "scores.csv")
    assert (result.code, list(tmp_path.iterdir())) == (2, [])
    assert message in result.stderr


def test_an_unknown_ending_is_told_before_logs_are_read(tmp_path: Path) -> None:
    result = run("lm-eval", tmp_path / "nowhere", "--out", tmp_path / "scores.xlsx")
    assert result.code == 2
    assert "unknown ending of a table '.xlsx'; known: .csv" in result.stderr


def test_a_version_can_be_chosen(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    shutil.copytree(LOGS / "lm-eval", logs)
    results = next((logs / "toy__toy-1B").glob("results_*.json"))
    text = results.read_text(encoding="utf-8")
    content = json.loads(text)
    content["versions"]["local_gen"] = 2.0
    results.write_text(json.dumps(content), encoding="utf-8")
    select = {"filter": "all", "metric": "acc"}
    with pytest.raises(bayescod.DataError, match="mixed-versions") as caught:
        bayescod.import_logs("lm-eval", logs, select)
    assert "--select 'version=version 1.0, 0 shots'" in str(caught.value)
    found = bayescod.import_logs("lm-eval", logs, {**select, "version": "version 2.0, 0 shots"})
    taken = {(one.benchmark, one.model) for one in found.taken}
    assert taken == {
        ("local_gen", "toy/toy-1B"),
        ("local_mc", "toy/toy-1B"),
        ("local_mc", "toy/toy-100M"),
    }
    assert [one.reason for one in found.dropped if not one.lines] == [
        "not of version version 2.0, 0 shots"
    ]


def test_help_names_every_tool_and_every_tool_its_choices() -> None:
    words = {word.strip(" │,.") for word in run("--help").stdout.split()}
    assert set(TOOLS) <= words
    for tool in TOOLS:
        assert set(COMMON) < set(choices(tool))
        assert all(choices(tool).values())


HOSTILE = [
    "a\r\nb",
    "=1+1",
    "-2",
    "+3",
    "@x",
    "\tx",
    "\rx",
    "'=y",
    "''-",
    "'",
    'a"b',
    "a\nb",
    "a,b",
    "é|",
]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_hostile_names_come_back_as_they_were(suffix: str, tmp_path: Path) -> None:
    rows = [Row("=b", item, model, 2, 1) for item in sorted(HOSTILE) for model in ("-m", "n")]
    out = tmp_path / f"scores{suffix}"
    write_scores(rows, out)
    (tmp_path / "models.csv").write_text("model,compute_flops\n'-m,1e20\nn,1e21\n")
    (one,) = bayescod.read_scores(out, tmp_path / "models.csv").benchmarks
    assert (one.benchmark, one.llm) == ("=b", ("-m", "n"))
    assert sorted(one.item_id or ()) == sorted(HOSTILE)
    if suffix == ".csv":
        for line in out.read_text(encoding="utf-8").replace("\r", "?").splitlines():
            assert not any(f'"{sign}' in line for sign in "=-+@\t")


def test_many_logs_are_told_by_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    def taken() -> Iterator[Taken]:
        for benchmark in ("b\x1b[31m", "c"):
            for number in range(30):
                yield Taken(benchmark, f"m{number}", "", "s", 9, number % 2, (1, 2.0, 4), 5, 20, 1)

    dropped = (Dropped("a.json", 0, "failed\x1b[2J"), Dropped("b.json", 3, "twice"))
    imported = Imported("inspect", (), tuple(taken()), dropped, ("a", "b"), {})
    show_import(imported, console_for(sys.stdout))
    text = capsys.readouterr().out
    assert "\x1b" not in text
    lines = [line for line in text.splitlines() if "25.0% to 25.0%" in line]
    assert len(lines) == 2
    assert all("1 / 2 / 4" in line for line in lines)
    assert "30 logs of 60 lack items" in text
    assert "60 scores in the logs were neither 0 nor 1" in text
    assert "Left out: 3 lines in 1 log (b.json): twice" in text


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


@pytest.mark.cli
def test_as_a_process(tmp_path: Path) -> None:
    arguments = ["import", "inspect", LOGS / "inspect-ai", "--out", tmp_path / "scores.csv"]
    command = [sys.executable, "-c", SCRIPT, *(str(argument) for argument in arguments)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 0
    told = result.stderr.splitlines()
    assert all(line.startswith("reading logs ") for line in told)
    assert len(told) == 3
    loaded = set(result.stdout.rpartition("LOADED")[2].split())
    assert "backports" in loaded or sys.version_info >= (3, 14)
    assert not {"jax", "numpyro", "inspect_ai", "lm_eval", "matplotlib"} & loaded
