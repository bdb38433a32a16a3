"""lighteval: counts behind avg@n and pass@1, in structures of Parquet."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pytest

from bayescod.scores.importers.lighteval import read, trials_of
from tests.scores.importers import _logs

LOG = _logs.LOGS / "lighteval" / "details.parquet"
DATE = "2026-11-21T21-41-56.635257"
FOLDER = Path("details") / "toy" / "toy-1B" / DATE
NAME = f"details_toy_arith|0_{DATE}.parquet"


def row(number: object = "0", samples: object = 4, **scores: object) -> dict[str, object]:
    return {
        "doc": {
            "id": number,
            "query": f"What is {number}?",
            "task_name": "toy|0",
            "num_samples": samples,
        },
        "metric": {name.replace("_at_", "@"): score for name, score in scores.items()},
    }


def put(path: Path, rows: Iterable[object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    source = path.with_suffix(".jsonl")
    source.write_text("".join(f"{json.dumps(one)}\n" for one in rows), encoding="utf-8")
    with duckdb.connect() as connection:
        connection.read_json(str(source), sample_size=-1).write_parquet(str(path))
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The real log under the name that lighteval gave it."""
    path = tmp_path / FOLDER / NAME
    path.parent.mkdir(parents=True)
    shutil.copy(LOG, path)
    return path


def test_counts_are_as_expected(log: Path, tmp_path: Path) -> None:
    (found,) = read([tmp_path], {})
    assert (found.benchmark, found.model, found.finished) == ("toy_arith|0", "toy/toy-1B", DATE)
    # The data set's own ids are not lighteval's: question q3 is document 3.
    counts = {f"q{item}": count for item, count in _logs.counts(found).items()}
    assert {found.model: counts} == _logs.expected("lighteval[avg@n]")
    assert found.not_binary == 5
    assert len(set(found.document.values())) == 5


def test_version_is_in_the_results(log: Path, tmp_path: Path) -> None:
    assert read([log], {})[0].version == ""
    results = tmp_path / "results" / "toy" / "toy-1B" / f"results_{DATE}.json"
    _logs.put(results, {"config_tasks": {"toy_arith|0": {"version": 0}}})
    assert read([log], {})[0].version == "0"
    for odd in ([], {"config_tasks": []}, {"config_tasks": {"toy_arith|0": {"version": [1]}}}):
        _logs.put(results, odd)
        assert read([log], {})[0].version == ""


def test_file_elsewhere_wants_a_model(tmp_path: Path) -> None:
    path = tmp_path / NAME
    shutil.copy(LOG, path)
    assert _logs.codes(_logs.refused(read, path)) == ["no-model"]
    assert read([path], {"model": "mine"})[0].model == "mine"


@pytest.mark.parametrize(
    ("metric", "trials"),
    [
        ("avg@n:n=4", 4),
        ("avg@n", 8),
        ("pass@k:k=1&n=16", 16),
        ("pass@k:n=16&k=1", 16),
        ("pass@k:k=1", 8),
        ("math_pass@1:4_samples", 4),
        ("codegen_pass@1:16", 16),
        ("pass@k:k=2&n=4", None),
        ("pass@k:k=10&n=16", None),
        ("maj@4", None),
        ("G-Pass@16:k=8", None),
        ("extractive_match", 1),
        ("em", 1),
    ],
)
def test_trials_are_in_the_name(metric: str, trials: int | None) -> None:
    assert trials_of(metric, 8) == trials


def test_pass_at_1_is_counted(tmp_path: Path) -> None:
    scores = {"pass@k:k=1&n=16": 0.8125, "pass@k:k=8&n=16": 0.99}
    path = put(tmp_path / FOLDER / NAME, [row("0", 16, **scores)])
    assert _logs.counts(read([path], {})[0]) == {"0": (13, 16)}


def test_one_verdict_is_one_trial(tmp_path: Path) -> None:
    rows = [row("0", 1, em=1.0), row("1", 1, em=0.0), row("2", 1, em=None)]
    (found,) = read([put(tmp_path / FOLDER / NAME, rows)], {})
    assert _logs.counts(found) == {"0": (1, 1), "1": (0, 1)}
    assert found.dropped == {"document without em": 1}


def test_single_precision_is_enough(tmp_path: Path) -> None:
    scores = [round(k / 64, 7) for k in (1, 33, 63)]
    rows = [row(str(i), 64, **{"avg@n:n=64": score}) for i, score in enumerate(scores)]
    found = read([put(tmp_path / FOLDER / NAME, rows)], {})[0]
    assert list(found.n_correct.values()) == [1, 33, 63]


def test_several_metrics_want_a_choice(tmp_path: Path) -> None:
    path = put(tmp_path / FOLDER / NAME, [row("0", 1, acc=1, acc_norm=0)])
    error = _logs.refused(read, path)
    assert _logs.codes(error) == ["several-metrics"]
    assert "--select metric=acc" in str(error)
    assert _logs.counts(read([path], {"metric": "acc_norm"})[0]) == {"0": (0, 1)}


def test_pass_at_2_cannot_be_chosen(log: Path) -> None:
    error = _logs.refused(read, log, {"metric": "pass@k:k=2&n=4"})
    assert _logs.codes(error) == ["unknown-metric"]
    assert "avg@n:n=4" in str(error)


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([row(em=0.5)], "fractional-score"),
        ([row(em=2)], "fractional-score"),
        ([row(em="right")], "fractional-score"),
        ([row(**{"avg@n:n=4": 0.6})], "fractional-score"),
        ([row(**{"avg@n:n=0": 1})], "bad-count"),
        ([row(**{"avg@n:n=999999999": 1})], "bad-count"),
        ([row(samples=None, **{"avg@n": 1, "em": "x"})], "several-metrics"),
        ([row("0", em=1), row("0", em=1)], "duplicate-item"),
        ([row("", em=1)], "bad-item"),
        ([row(None, em=1), row("1", em=1)], "bad-item"),
        ([{"doc": "0", "metric": {"em": 1}}], "unknown-layout"),
        ([{"doc": {"id": "0"}, "metric": {"em": 1}}], "unknown-layout"),
        ([{"doc": {"id": "0", "task_name": "a"}, "metric": {"maj@8": 1}}], "no-metric"),
        ([{"doc": {"id": "0"}, "predictions": [1]}], "missing-column"),
        ([row(em=None)], "no-trials"),
    ],
)
def test_what_cannot_be_counted_is_refused(rows: list[object], code: str, tmp_path: Path) -> None:
    path = put(tmp_path / FOLDER / NAME, rows)
    assert code in _logs.codes(_logs.refused(read, path))


def test_rows_of_two_tasks_are_refused(tmp_path: Path) -> None:
    other = row("1", em=1)
    other["doc"] = {"id": "1", "query": "", "task_name": "other|0", "num_samples": 1}
    path = put(tmp_path / FOLDER / NAME, [row(em=1), other])
    (problem,) = _logs.refused(read, path).problems
    assert (problem.code, problem.row, problem.got) == ("unknown-layout", 2, "other|0")


@pytest.mark.parametrize("seed", range(2))
def test_mutated_details_are_read_or_refused(seed: int, log: Path) -> None:
    rng, real = _logs.seeded(seed), LOG.read_bytes()
    content = [row(str(i), 4, **{"avg@n:n=4": i / 4, "pass@k:k=2&n=4": 1}) for i in range(4)]
    accepted = written = 0
    for _ in range(12):
        log.write_bytes(_logs.damaged(real, rng))
        _logs.survives(read, log, {})
        changed = _logs.mutated(content, rng)
        try:
            put(log, changed if isinstance(changed, list) else [changed])
        except duckdb.Error:
            continue  # no table can be made of it, and so no log
        written += 1
        accepted += _logs.survives(read, log, {})
    assert 0 < accepted < written
