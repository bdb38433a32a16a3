"""Every promised check of the scores table, each with a broken file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bayescod.errors import DataError, Problem
from bayescod.scores import read_scores

HEAD = "benchmark,item_id,model,n_trials,n_correct\n"
TRIALS = "benchmark,item_id,model,trial,correct\n"
SOFT = "benchmark,item_id,model,score\n"
BOTH = "benchmark,item_id,model,n_trials,n_correct,score\n"


def problems_of(*files: Path | None) -> tuple[Problem, ...]:
    with pytest.raises(DataError) as caught:
        read_scores(*files)  # type: ignore[arg-type]
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "code", "row", "column"),
    [
        (HEAD + "b,i,m1,10,5\nb,i,m2,10,11\n", "k-above-n", 2, "n_correct"),
        (HEAD + "b,i,m1,10,5\nb,i,m2,0,0\n", "n-below-1", 2, "n_trials"),
        (HEAD + "b,i,m1,10,-1\n", "negative-count", 1, "n_correct"),
        (HEAD + "b,i,m1,10,2.5\n", "not-whole", 1, "n_correct"),
        (HEAD + "b,i,m1,10.5,2\n", "not-whole", 1, "n_trials"),
        (HEAD + "b,i,m1,10,nan\n", "not-finite", 1, "n_correct"),
        (HEAD + "b,i,m1,inf,1\n", "not-finite", 1, "n_trials"),
        (HEAD + "b,i,m1,ten,1\n", "not-a-number", 1, "n_trials"),
        (HEAD + "b,i,m1,10,5%\n", "not-a-number", 1, "n_correct"),
        (HEAD + "b,i,m1,10,\n", "missing-value", 1, "n_correct"),
        (HEAD + "b,i,m1,,5\n", "missing-value", 1, "n_trials"),
        (HEAD + ",i,m1,10,5\n", "missing-value", 1, "benchmark"),
        (HEAD + "b\0,i,m1,10,5\n", "nul-in-name", 1, "benchmark"),
        (HEAD + "b,i\0,m1,10,5\n", "nul-in-name", 1, "item_id"),
        (HEAD + "b,  ,m1,10,5\n", "missing-value", 1, "item_id"),
        (HEAD + "b,i,,10,5\n", "missing-value", 1, "model"),
        (HEAD + "b,i,m1,10,5\nb,i,m2,10,5\nb,i,m1,10,5\n", "duplicate-row", 3, ""),
        (HEAD + "b,i,m1,10,5\nb,i,M1,10,5\n", "unknown-model", 2, "model"),
        (HEAD + "b,i,m1,10,5\nb,i\n", "broken-line", 2, ""),
        (HEAD + 'b,i,m1,10,5\nb,"i,m2,10,5\n', "broken-line", 2, ""),
        (HEAD + "b,i,m1,10,5,9\n", "broken-line", 1, ""),
        (HEAD, "empty-file", None, ""),
        ("", "empty-file", None, ""),
        (SOFT + "b,i,m1,1.2\n", "score-range", 1, "score"),
        (SOFT + "b,i,m1,-0.1\n", "score-range", 1, "score"),
        (SOFT + "b,i,m1,nan\n", "not-finite", 1, "score"),
        (SOFT + "b,i,m1,\n", "missing-value", 1, "score"),
        (BOTH + "b,i,m1,100,50,0.5\nb,i,m2,100,50,0.6\n", "score-disagrees", 2, "score"),
        (BOTH + "b,i,m1,1000,500,0.5012\n", "score-disagrees", 1, "score"),
        (TRIALS + "b,i,m1,0,1\nb,i,m1,1,2\n", "not-binary", 2, "correct"),
        (TRIALS + "b,i,m1,0,yes\n", "not-binary", 1, "correct"),
        (TRIALS + "b,i,m1,0,\n", "missing-value", 1, "correct"),
        (TRIALS + "b,i,m1,,1\n", "missing-value", 1, "trial"),
        (TRIALS + "b,i,m1,0,1\nb,i,m1,1,1\nb,i,m1,0,1\n", "duplicate-row", 3, ""),
        (TRIALS + "b,i,m1,s1,1\nb,i,m1,s2,1\nb,i,m1,s1,0\n", "duplicate-row", 3, ""),
        ("benchmark,model,correct\nb,m1,1\n", "missing-column", None, "trial"),
        ("benchmark,model,trial\nb,m1,1\n", "missing-column", None, "correct"),
        ("benchmark,model,n_correct\nb,m1,1\n", "missing-column", None, "n_trials"),
        ("benchmark,model\nb,m1\n", "missing-column", None, "n_correct"),
        ("task,model,score\nb,m1,1\n", "missing-column", None, "benchmark"),
        ("benchmark,modle,score\nb,m1,1\n", "missing-column", None, "model"),
        ("benchmark,model,score,model\nb,m1,1,m1\n", "duplicate-column", None, "model"),
        (
            "benchmark,model,trial,correct,score\nb,m1,0,1,1\n",
            "ambiguous-columns",
            None,
            "correct",
        ),
        (
            "benchmark,item_id,model,score,chance\nb,i,m1,1,1\n",
            "chance-range",
            1,
            "chance",
        ),
        (
            "benchmark,item_id,model,score,chance\nb,i,m1,1,.25\nb,i,m2,1,.5\n",
            "chance-disagrees",
            None,
            "chance",
        ),
        (
            "benchmark,item_id,model,score,checkpoint\nb,i,m1,1,current\nb,j,m1,1,\n",
            "missing-checkpoint",
            None,
            "checkpoint",
        ),
    ],
)
def test_a_broken_csv_is_named_by_code_row_and_column(
    text: str,
    code: str,
    row: int | None,
    column: str,
    write: Callable[..., Path],
    models: Path,
) -> None:
    scores = write("scores.csv", text)
    found = problems_of(scores, models)
    assert [(p.code, p.row, p.column) for p in found] == [(code, row, column)]
    assert found[0].file == str(scores)


@pytest.mark.parametrize(
    ("text", "code", "row"),
    [
        ('{"benchmark":"b","model":"m1","score":"a half"}\n', "not-a-number", 1),
        ('{"benchmark":"b","model":"m1","score":NaN}\n', "not-finite", 1),
        ('\n{"benchmark":"b","model":"m1","score":-1}\n', "score-range", 2),
        ('{"benchmark":"b","model":"m1","score":1}\n{"benchmark":\n', "broken-line", 2),
        ('{"benchmark":"b","model":"m1","score":1}\n[1]\n', "broken-line", 2),
        ('{"benchmark":"b","model":"m1","score":1,"score":0}\n', "broken-line", 1),
        ('{"benchmark":"b","model":"m1","score":{"mean":1}}\n', "not-a-number", 1),
        ('{"benchmark":"b","model":"m1","score":null}\n', "missing-value", 1),
        ("\n\n", "missing-column", None),
    ],
)
def test_broken_json_lines_are_named(
    text: str, code: str, row: int | None, write: Callable[..., Path], models: Path
) -> None:
    found = problems_of(write("scores.jsonl", text), models)
    assert (found[0].code, found[0].row) == (code, row)


def test_broken_lines_do_not_hide_other_problems(write: Callable[..., Path], models: Path) -> None:
    lines = ['{"benchmark":"b","model":"m1","score":2}', "oops"]
    found = problems_of(write("scores.jsonl", "\n".join(lines)), models)
    assert [(p.code, p.row) for p in found] == [("broken-line", 2), ("score-range", 1)]


def test_rows_are_counted_as_in_the_file_past_broken_lines(
    write: Callable[..., Path], models: Path
) -> None:
    lines = ["b,i,m1,10,5", "b,i", "b,i,m2,10,11", "b", "b,i,m3,0,0", "b,i,m4,10,5"]
    found = problems_of(write("s.csv", HEAD + "\n".join(lines) + "\n"), models)
    assert sorted((p.row or 0, p.code) for p in found) == [
        (2, "broken-line"),
        (3, "k-above-n"),
        (4, "broken-line"),
        (5, "n-below-1"),
    ]


def test_one_pass_finds_the_problems_of_all_files(write: Callable[..., Path]) -> None:
    scores = write("s.csv", HEAD + "b,i,m1,10,11\nb,i,m2,x,1\nb,i,m9,10,1\n,i,m1,10,1\n")
    models = write("m.csv", "model,compute_flops\nm1,-5\nm1,1e20\nm2,1e20\n")
    benchmarks = write("b.csv", "benchmark,chance\nb,25\n")
    codes = {p.code for p in problems_of(scores, models, benchmarks)}
    assert codes == {
        "k-above-n",
        "not-a-number",
        "unknown-model",
        "missing-value",
        "not-positive",
        "duplicate-model",
        "chance-range",
    }


def test_a_missing_column_names_the_misspelt_one(write: Callable[..., Path], models: Path) -> None:
    (found,) = problems_of(write("s.csv", "Benchmark,model,score\nb,m1,1\n"), models)
    assert found.fix == "rename column Benchmark to benchmark"


def test_a_misspelt_item_column_does_not_make_a_benchmark_level_table(
    write: Callable[..., Path], models: Path
) -> None:
    (found,) = problems_of(write("s.csv", "benchmark,itemid,model,score\nb,i,m1,1\n"), models)
    assert (found.code, found.column) == ("missing-column", "item_id")


def test_an_unknown_model_gets_near_names(write: Callable[..., Path], models: Path) -> None:
    (found,) = problems_of(write("s.csv", SOFT + "b,i,m01,0.5\n"), models)
    assert found.got == "m01"
    assert found.fix.startswith("did you mean m1")


def test_per_cent_is_recognised(write: Callable[..., Path], models: Path) -> None:
    (found,) = problems_of(write("s.csv", SOFT + "b,i,m1,55.3\n"), models)
    assert "per cent" in found.fix
    (found,) = problems_of(write("s.csv", SOFT + "b,i,m1,-3\n"), models)
    assert "per cent" not in found.fix


def test_a_bad_table_does_not_print_a_book(write: Callable[..., Path], models: Path) -> None:
    rows = "".join(f"b,i{i},m1,10,11\n" for i in range(2000))
    found = problems_of(write("s.csv", HEAD + rows), models)
    assert [p.row for p in found] == [1, 2, 3, 4, 5, None]
    assert "1995 more" in found[-1].message


def test_many_unknown_models_are_counted(write: Callable[..., Path], models: Path) -> None:
    rows = "".join(f"b,i,x{i:03},10,1\n" for i in range(40))
    found = problems_of(write("s.csv", HEAD + rows), models)
    assert len(found) == 6
    assert "35 more" in found[-1].message


@pytest.mark.parametrize(
    ("n", "k", "score"),
    [(3, 2, 0.67), (3, 2, 0.66), (1024, 317, 0.3096), (131, 22, 0.1674), (7, 3, 3 / 7)],
)
def test_rounded_scores_agree_with_counts(
    n: int, k: int, score: float, write: Callable[..., Path], models: Path
) -> None:
    read = read_scores(write("s.csv", BOTH + f"b,i,m1,{n},{k},{score}\n"), models)
    assert read.benchmarks[0].pass_rate[0, 0] == k / n
    assert not read.benchmarks[0].soft


def test_single_precision_scores_agree_with_counts(
    write: Callable[..., Path], tmp_path: Path, models: Path
) -> None:
    import duckdb

    path = tmp_path / "s.parquet"
    with duckdb.connect() as connection:
        connection.sql(
            "SELECT 'b' AS benchmark, 'i' AS item_id, 'm1' AS model, 1024 AS n_trials, "
            "317 AS n_correct, 0.3096::FLOAT AS score"
        ).write_parquet(str(path))
    assert read_scores(path, models).benchmarks[0].pass_rate[0, 0] == 317 / 1024


def test_missing_file_offers_a_near_name(write: Callable[..., Path], models: Path) -> None:
    scores = write("scores.csv", SOFT + "b,i,m1,1\n")
    (found,) = problems_of(scores.with_name("score.csv"), models)
    assert found.code == "missing-file"
    assert "scores.csv" in found.fix


def test_an_unknown_ending_is_an_error(write: Callable[..., Path], models: Path) -> None:
    (found,) = problems_of(write("scores.xlsx", "x"), models)
    assert found.code == "unknown-format"


@pytest.mark.parametrize("name", ["scores.parquet", "scores.csv"])
def test_a_damaged_file_is_a_problem_and_no_crash(
    name: str, write: Callable[..., Path], models: Path
) -> None:
    content = b"PAR1 this is no Parquet" if name.endswith("parquet") else b"\xff\xfe\x00b"
    (found,) = problems_of(write(name, content), models)
    assert found.code == "unreadable-file"


def test_bytes_that_are_not_text_are_named_by_row(write: Callable[..., Path], models: Path) -> None:
    found = problems_of(write("s.csv", SOFT.encode() + b"b,i,m1,1\nb,\xff\xfe,m2,1\n"), models)
    assert [(p.code, p.row) for p in found] == [("broken-line", 2)]
