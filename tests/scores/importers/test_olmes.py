"""OLMES: greedy answers, several metrics a line, the model in a file beside."""

from __future__ import annotations

from pathlib import Path

import pytest

from bayescod.scores.importers.olmes import read
from tests.scores.importers import _logs

LOG = _logs.LOGS / "olmes" / "task-000-arc_challenge-predictions.jsonl"
CHAR = {"metric": "acc_per_char", "model": "mine"}


def line(native: object = "a", doc: object = 0, **metrics: object) -> dict[str, object]:
    return {
        "doc_id": doc,
        "native_id": native,
        "metrics": metrics or {"acc_raw": 0, "acc_per_char": 1, "correct_choice": 2},
        "task_hash": "t",
        "model_hash": "m",
    }


def put(folder: Path, *rows: object, name: str = "task-003-arc_easy:mc") -> Path:
    return _logs.put_lines(folder / f"{name}-predictions.jsonl", rows)


def test_counts_of_the_record() -> None:
    # One question, whose right answer (2) is the likeliest by raw and by mean log probability.
    (log,) = read([LOG], CHAR)
    assert (log.benchmark, log.model, log.version) == ("arc_challenge", "mine", "0" * 32)
    assert _logs.counts(log) == {"Mercury_7175875": (1, 1)}


def test_metric_is_chosen(tmp_path: Path) -> None:
    path = put(tmp_path, line("a"), line("b", acc_raw=1, acc_per_char=0))
    by_char, by_raw = (
        _logs.counts(read([path], {"model": "mine", "metric": metric})[0])
        for metric in ("acc_per_char", "acc_raw")
    )
    assert by_char == {"a": (1, 1), "b": (0, 1)}
    assert by_raw == {"a": (0, 1), "b": (1, 1)}


def test_several_metrics_want_a_choice() -> None:
    error = _logs.refused(read, LOG, {"model": "mine"})
    (problem,) = error.problems
    assert problem.code == "several-metrics"
    assert problem.got == "acc_raw, acc_per_token, acc_per_char"  # acc_uncond was not measured
    assert "--select metric=acc_raw" in problem.fix


def test_misspelt_metric_is_told() -> None:
    error = _logs.refused(read, LOG, {"model": "mine", "metric": "acc_per_chr"})
    assert "did you mean acc_per_char" in str(error)


def test_several_names_are_tried_in_turn(tmp_path: Path) -> None:
    put(tmp_path, line())
    put(tmp_path, line(exact_match=1, f1=0.3), name="task-004-drop")
    select = {"model": "mine", "metric": "acc_per_char,exact_match"}
    assert {log.benchmark: _logs.counts(log) for log in read([tmp_path], select)} == {
        "arc_easy:mc": {"a": (1, 1)},
        "drop": {"a": (1, 1)},
    }


def test_only_metric_needs_no_choice(tmp_path: Path) -> None:
    path = put(tmp_path, line(pass_at_1=1.0, predicted_index_raw=3))
    assert _logs.counts(read([path], {"model": "mine"})[0]) == {"a": (1, 1)}


def test_model_and_time_are_beside(tmp_path: Path) -> None:
    path = put(tmp_path, line())
    summary = {"model_config": {"model": "toy-1B"}, "current_date": "2025-01-31 23:59:59 UTC"}
    _logs.put(tmp_path / "task-003-arc_easy:mc-metrics.json", summary)
    (log,) = read([path], {"metric": "acc_raw"})
    assert (log.model, log.finished) == ("toy-1B", "2025-01-31 23:59:59 UTC")


def test_model_is_wanted() -> None:
    error = _logs.refused(read, LOG, {"metric": "acc_raw"})
    assert _logs.codes(error) == ["no-model"]


@pytest.mark.parametrize("summary", [[], {}, {"model_config": []}, {"model_config": {"model": 1}}])
def test_summary_without_a_model_is_none(summary: object, tmp_path: Path) -> None:
    path = put(tmp_path, line())
    _logs.put(tmp_path / "task-003-arc_easy:mc-metrics.json", summary)
    assert _logs.codes(_logs.refused(read, path, {"metric": "acc_raw"})) == ["no-model"]


def test_items_have_the_names_of_the_data_set(tmp_path: Path) -> None:
    path = put(tmp_path, line("a", 0), line(7, 1), line(None, 2))
    assert list(read([path], CHAR)[0].n_trials) == ["a", "7", "2"]
    assert list(read([path], {**CHAR, "item": "doc_id"})[0].n_trials) == ["0", "1", "2"]
    assert "--select item=..." in str(_logs.refused(read, path, {**CHAR, "item": "x"}))


def test_names_that_repeat_want_the_index(tmp_path: Path) -> None:
    path = put(tmp_path, line("a", 0), line("a", 1))
    error = _logs.refused(read, path, CHAR)
    assert _logs.codes(error) == ["duplicate-item"]
    assert "--select item=doc_id" in str(error)
    assert _logs.counts(read([path], {**CHAR, "item": "doc_id"})[0]) == {"0": (1, 1), "1": (1, 1)}


def test_unmeasured_lines_are_left_out_and_counted(tmp_path: Path) -> None:
    path = put(tmp_path, line("a"), line("b", acc_per_char=None))
    (log,) = read([path], CHAR)
    assert log.n_trials == {"a": 1}
    assert log.dropped == {"line without acc_per_char": 1}
    path = put(tmp_path, line("b", acc_per_char=None))
    assert "line without acc_per_char" in str(_logs.refused(read, path, CHAR))


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (line("b", acc_per_char=0.5), "fractional-score"),
        (line("b", acc_per_char="1"), "fractional-score"),
        (line("b", acc_per_char=2), "fractional-score"),
        (line([], acc_per_char=1), "bad-item"),
        (line(None, None, acc_per_char=1), "bad-item"),
        ({"native_id": "b"}, "unknown-layout"),
        ({"native_id": "b", "metrics": [1]}, "unknown-layout"),
        ({**line("b"), "task_hash": "u"}, "mixed-versions"),
        ({**line("b"), "model_hash": "n"}, "mixed-versions"),
        ("b", "not-json"),
    ],
)
def test_bad_line_is_told_by_its_number(row: object, code: str, tmp_path: Path) -> None:
    path = put(tmp_path, line("a"), row)
    (problem,) = _logs.refused(read, path, CHAR).problems
    assert (problem.code, problem.row, problem.file) == (code, 2, str(path))


def test_number_that_is_none_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, line("a", acc_per_char=float("nan")))
    assert "NaN" in str(_logs.refused(read, path, CHAR))


@pytest.mark.parametrize("seed", range(4))
def test_mutated_lines_are_read_or_refused(seed: int, tmp_path: Path) -> None:
    rng, (real,) = _logs.seeded(seed), _logs.lines(LOG)
    content = [{**real, "native_id": name, "doc_id": i} for i, name in enumerate("abc")]
    accepted = 0
    for _ in range(80):
        changed = _logs.mutated(content, rng)
        path = put(tmp_path, *(changed if isinstance(changed, list) else [changed]))
        accepted += _logs.survives(read, path, CHAR)
        path.write_bytes(_logs.damaged(LOG.read_bytes(), rng))
        _logs.survives(read, path, CHAR)
    assert 0 < accepted < 80
