"""Tables of real evaluations are read without an error."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest

from bayescod.scores import Scores, read_scores


def read(folder: Path, name: str, chances: str | None = None) -> Scores:
    scores = "scores" if (folder / name / "scores.parquet").exists() else "passrates"
    return read_scores(
        folder / name / f"{scores}.parquet",
        folder / name / "models.csv",
        None if chances is None else folder / name / chances,
    )


@pytest.mark.parametrize(
    ("name", "n_benchmarks", "n_llms", "n_items"),
    [
        ("bigg_lass", 82, 11, 8022),
        ("monkeys", 2, 72, 258),
        ("algorithmic_ladder", 8, 16, 3200),
        ("text_ladder", 9, 6, 4500),
        ("olmo_ladder", 20, 30, 20),
        ("mmlu_pro_items", 1, 27, 12032),
        ("bigg_tasks", 89, 11, 89),
    ],
)
def test_published_tables_are_read(
    name: str, n_benchmarks: int, n_llms: int, n_items: int, shared_data: Path
) -> None:
    scores = read(shared_data, name)
    assert len(scores.benchmarks) == n_benchmarks
    assert len({llm for benchmark in scores.benchmarks for llm in benchmark.llm}) == n_llms
    assert sum(benchmark.pass_rate.shape[0] for benchmark in scores.benchmarks) == n_items
    for benchmark in scores.benchmarks:
        assert np.isfinite(benchmark.score()).all()
        assert (benchmark.sampling_variance() > 0).all()
        assert not benchmark.soft


def test_arrays_agree_with_a_plain_query(shared_data: Path) -> None:
    scores = read(shared_data, "algorithmic_ladder")
    path = str(shared_data / "algorithmic_ladder" / "scores.parquet")
    with duckdb.connect() as connection:
        rows = connection.execute(
            """SELECT benchmark, model, avg(k / n), avg(now_k / now_n) FROM (
                SELECT benchmark, item_id, model, sum(n_correct) AS k, sum(n_trials) AS n,
                    sum(n_correct) FILTER (checkpoint = 'current') AS now_k,
                    sum(n_trials) FILTER (checkpoint = 'current') AS now_n
                FROM read_parquet(?) GROUP BY ALL) GROUP BY ALL""",
            [path],
        ).fetchall()
    by_name = {benchmark.benchmark: benchmark for benchmark in scores.benchmarks}
    assert len(rows) == 8 * 16
    for name, llm, fitted, measured in rows:
        column = by_name[name].llm.index(llm)
        assert by_name[name].pass_rate[:, column].mean() == pytest.approx(fitted, abs=1e-12)
        assert by_name[name].score()[column] == pytest.approx(measured, abs=1e-12)
    assert (by_name["addition"].n_trials == 300).all()
    assert (by_name["addition"].measured_trials == 100).all()


def test_chance_levels_of_published_tables(shared_data: Path) -> None:
    by_task = {b.benchmark: b for b in read(shared_data, "bigg_lass", "tasks.csv").benchmarks}
    assert by_task["bbq_lite_json"].chance == pytest.approx(1 / 3)
    by_item = read(shared_data, "mmlu_pro_items", "items.parquet").benchmarks
    assert by_item[0].chance == pytest.approx(0.1109, abs=1e-4)
    in_scores = read(shared_data, "olmo_ladder").benchmarks
    assert in_scores[0].chance == 0.25
