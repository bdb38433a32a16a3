"""A backtest's folder: whole, without loss, of one run, and read with care."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bayescod.errors import ResultError
from bayescod.evaluation.records import COLUMNS, Backtest, BacktestRow
from bayescod.evaluation.scoring import score_row
from bayescod.evaluation.store import (
    read_backtest,
    require_free,
    run_identity,
    to_csv,
    write_backtest,
)
from bayescod.evaluation.summary import by_ratio, summarise_backtest
from bayescod.files import sha256_of
from bayescod.scores.tables import escaped_cell
from tests._backtests import make_backtest, make_rows

HOSTILE = [
    '=cmd|" /C calc"!A0',
    "+1",
    "-1",
    "@sum",
    "NA",
    "nan",
    "1e5",
    "",
    " ",
    'a,b;"c"',
    "a\r\nb\rc\nd",
    "../x",
    "<script>",
    "数学 🙂",
    "\ufeff",
]


def named(name: str) -> BacktestRow:
    return score_row(name, name, 1e21, 4.0, "cod", "pass", 0.5, [0.4, 0.1 + 0.2, 1 / 3])


def small() -> Backtest:
    return make_backtest(make_rows(2, 2))


def test_table_is_read_back_without_loss(tmp_path: Path) -> None:
    lost = score_row("b", "m", 1.5e21, 1 / 3, "cod", "fail", 2 / 3, [])
    backtest = make_backtest([*make_rows(), *map(named, HOSTILE), lost])
    out = write_backtest(backtest, tmp_path / "out")
    pd.testing.assert_frame_equal(read_backtest(out), backtest.frame(), check_exact=True)
    pd.testing.assert_frame_equal(
        read_backtest(out / "backtest.csv"), backtest.frame(), check_exact=True
    )


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=4))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_survives(tmp_path: Path, names: list[str]) -> None:
    frame = make_backtest([named(name) for name in ["first", *names]]).frame()
    path = tmp_path / "any.csv"
    path.write_bytes(to_csv(frame).encode("utf-8"))
    pd.testing.assert_frame_equal(read_backtest(path), frame, check_exact=True)


def test_table_is_csv_for_others_too(tmp_path: Path) -> None:
    write_backtest(make_backtest([named(name) for name in HOSTILE]), tmp_path)
    text = (tmp_path / "backtest.csv").read_bytes().decode("utf-8")
    header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert tuple(header) == COLUMNS
    # No cell is one that a spreadsheet would run.
    assert [row[0] for row in rows] == [escaped_cell(name) for name in HOSTILE]
    assert not any(row[0].startswith(("=", "+", "-", "@")) for row in rows)
    assert text.splitlines()[1].startswith('"\'=cmd|"" /C calc""!A0","\'=cmd')


def test_summaries_are_those_of_the_table(tmp_path: Path) -> None:
    backtest = make_backtest()
    write_backtest(backtest, tmp_path)
    for name, table in (
        ("summary", summarise_backtest(backtest.frame())),
        ("by_ratio", by_ratio(backtest.frame())),
    ):
        read = pd.read_csv(tmp_path / f"{name}.csv")
        pd.testing.assert_frame_equal(read, table)


def test_document_is_strict_json(tmp_path: Path) -> None:
    backtest = make_backtest(make_rows(n_llms=1))  # no intervals for means: NaN
    write_backtest(backtest, tmp_path)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    text = (tmp_path / "summary.json").read_text(encoding="utf-8")
    document = json.loads(text, parse_constant=refuse)
    assert next(iter(document)) == "schema_version"
    assert document["provenance"] == backtest.provenance
    assert document["warnings"] == list(backtest.warnings)
    assert document["seconds"] == backtest.seconds
    assert document["skipped"] == [
        {
            "method": "loss-intermediate",
            "benchmark": "",
            "reason": "the models table has no losses",
        }
    ]
    cod = next(row for row in document["summary"] if row["method"] == "cod")
    assert cod["bias_low"] is None
    summary = summarise_backtest(backtest.frame()).set_index("method")
    assert cod["coverage90"] == summary.loc["cod", "coverage90"]
    assert document["by_ratio"][0]["ratio_to"] == 3.0


def test_manifest_lists_all_files_and_is_written_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    replace = Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda self, to: (order.append(Path(to).name), replace(self, to))[1]
    )
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/truth.png").write_bytes(b"png")
    write_backtest(small(), tmp_path, figures=["figures/truth.png"])
    assert order[0] == "summary.json"
    assert order[-1] == "manifest.json"
    entries = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))["files"]
    listed = {entry["path"]: entry for entry in entries}
    below = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert below == {*listed, "manifest.json"}
    for path, entry in listed.items():
        assert entry["sha256"] == sha256_of(tmp_path / path)
        assert entry["bytes"] == (tmp_path / path).stat().st_size


def test_same_backtest_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b", "b"):
        write_backtest(small(), tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_killed_write_is_refused_and_redone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def die_at_the_table(self: Path, to: Path) -> Path:
        if Path(to).name == "by_ratio.csv":
            raise KeyboardInterrupt
        return replace(self, to)

    write_backtest(small(), tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", die_at_the_table)
        with pytest.raises(KeyboardInterrupt):
            write_backtest(small(), tmp_path)
    assert not list(tmp_path.glob(".*"))
    with pytest.raises(ResultError, match="did not finish; run it again"):
        read_backtest(tmp_path)
    read_backtest(write_backtest(small(), tmp_path))


def test_another_run_and_foreign_files_are_refused(tmp_path: Path) -> None:
    out = write_backtest(small(), tmp_path / "out")
    other = dataclasses.replace(small(), provenance=small().provenance | {"seed": "8"})
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(ResultError, match="holds another run: its seed is '7', this one's is '8'"):
        write_backtest(other, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    newer = dataclasses.replace(small(), provenance=small().provenance | {"bayescod": "9.9"})
    write_backtest(newer, out)
    (tmp_path / "thesis.tex").write_text("x", encoding="utf-8")
    with pytest.raises(ResultError, match="files that are no backtest"):
        write_backtest(small(), tmp_path)
    with pytest.raises(ResultError, match="is a file"):
        write_backtest(small(), tmp_path / "thesis.tex")


def test_free_folder_is_told_before_the_run(tmp_path: Path) -> None:
    run = run_identity(small().provenance)
    assert run == {"data_digest": "d" * 64, "seed": "7"}
    require_free(tmp_path / "new", run)
    (tmp_path / ".summary.json.partial").write_text("{", encoding="utf-8")
    require_free(tmp_path, run)
    write_backtest(small(), tmp_path)
    require_free(tmp_path, run | {"methods": "cod"})
    with pytest.raises(ResultError, match="its data digest is"):
        require_free(tmp_path, run | {"data_digest": "e" * 64})


@pytest.mark.parametrize("text", ["{", "[]", "{}", "\xff"])
def test_broken_document_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "summary.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ResultError, match=r"summary.json (cannot be read as JSON|has no prov)"):
        require_free(tmp_path, {"seed": "7"})


def test_missing_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(to_csv(small().frame().drop(columns=["crps", "q95"])), encoding="utf-8")
    with pytest.raises(ResultError, match="lacks the columns q95, crps; got benchmark, model"):
        read_backtest(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'a,b\n"x'])
def test_what_is_no_csv_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(ResultError, match=r"t.csv (cannot be read as CSV|lacks the columns)"):
        read_backtest(path)
    with pytest.raises(ResultError, match="cannot be read as CSV"):
        read_backtest(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("truth", "55", "column truth, row 2: got '55'; wanted a score in [0, 1]"),
        ("truth", "", "column truth, row 2: got ''; wanted a score in [0, 1]"),
        ("q50", "abc", "column q50, row 2: got 'abc'; wanted a score in [0, 1], or nothing"),
        ("crps", "inf", "column crps, row 2: got 'inf'; wanted a score in [0, 1], or nothing"),
        ("log_score", "-inf", "got '-inf'; wanted a finite number, or nothing"),
        ("compute_flops", "0", "got '0'; wanted a positive number"),
        ("compute_ratio", "", "got ''; wanted a positive number"),
        ("status", "passed", "got 'passed'; wanted pass or review or fail"),
    ],
)
def test_wrong_values_are_told_with_their_row(
    tmp_path: Path, column: str, value: str, told: str
) -> None:
    table = small().frame().astype(str)
    table.loc[1, column] = value
    path = tmp_path / "t.csv"
    path.write_text(to_csv(table), encoding="utf-8")
    with pytest.raises(ResultError) as caught:
        read_backtest(path)
    assert told in str(caught.value)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    table = small().frame()
    table["truth"] *= 100
    table["status"] = "good"
    path = tmp_path / "t.csv"
    path.write_text(to_csv(table), encoding="utf-8")
    with pytest.raises(ResultError, match=r"has 2 problems:\n  column truth.*\n  column status"):
        read_backtest(path)


def test_further_columns_stay(tmp_path: Path) -> None:
    frame = small().frame()
    frame.insert(0, "cluster", "=set/" + frame["model"])
    path = tmp_path / "t.csv"
    path.write_text(to_csv(frame), encoding="utf-8-sig")
    read = read_backtest(path)
    assert list(read.columns) == [*COLUMNS, "cluster"]
    assert read["cluster"].tolist() == frame["cluster"].tolist()
    assert summarise_backtest(read)["llms"].tolist() == [2, 2, 2]


def test_backtest_without_rows_is_written(tmp_path: Path) -> None:
    out = write_backtest(make_backtest([]), tmp_path)
    assert len(read_backtest(out)) == 0
    assert json.loads((out / "summary.json").read_text(encoding="utf-8"))["summary"] == []


def test_numbers_without_value_are_empty_cells(tmp_path: Path) -> None:
    lost = score_row("b", "m", 1e21, 4.0, "cod", "fail", 0.5, [])
    write_backtest(make_backtest([lost]), tmp_path)
    assert "nan" not in (tmp_path / "backtest.csv").read_text(encoding="utf-8").lower()
    assert math.isnan(read_backtest(tmp_path)["crps"][0])
    assert np.isfinite(read_backtest(tmp_path)["truth"][0])
