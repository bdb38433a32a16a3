"""Every Eval Ever: distinct samples and epochs, scores and never is_correct, one filter."""

from __future__ import annotations

from pathlib import Path

import pytest

from bayescod.scores.importers.every_eval_ever import read
from tests.scores.importers import _logs

LOG = _logs.LOGS / "every-eval-ever"
GENERATED = LOG / "8d63272f-b7c0-4e07-b345-81c4b2e100bd_samples.jsonl"  # three filters
CHOICE = LOG / "c768f5d3-3208-4d0a-ae9b-e0d6329a3002_samples.jsonl"  # acc and acc_norm
INSPECT = LOG / "7eecfafd-a258-4e44-a5be-a64460af0dca_samples.jsonl"  # reduced scores
ENDED = "2026-11-21T21:21:43+00:00"


def line(item: object = "q0", score: object = 1, epoch: object = "1", **keys: object) -> object:
    about = {} if epoch is None else {"epoch": epoch}
    return {
        "evaluation_name": "arith",
        "model_id": "toy/toy-1B",
        "evaluation_result_id": "match:accuracy",
        "sample_id": item,
        "sample_hash": f"hash of {item}",
        "evaluation": {"score": score, "is_correct": True},
        "metadata": about,
        **keys,
    }


def put(folder: Path, *rows: object) -> Path:
    return _logs.put_lines(folder / "uuid_samples.jsonl", rows)


def epochs(*verdicts: int, item: str = "q0") -> list[object]:
    return [line(item, verdict, str(epoch)) for epoch, verdict in enumerate(verdicts, start=1)]


def test_one_filter_of_lm_eval() -> None:
    # The model answered questions 0 to 3 rightly at the first try, and question 4 wrongly.
    (log,) = read([GENERATED], {"filter": "first"})
    assert (log.benchmark, log.model, log.finished) == ("local_gen", "toy/toy-1B", ENDED)
    expected = {"0": (1, 1), "1": (1, 1), "2": (1, 1), "3": (1, 1), "4": (0, 1)}
    assert _logs.counts(log) == expected
    assert log.document.keys() == expected.keys()


def test_one_metric_of_lm_eval() -> None:
    # The likeliest choice is right for 0, 1, 2 and 4; by mean log probability not for 4.
    by_metric = {
        metric: _logs.counts(read([CHOICE], {"metric": metric})[0])
        for metric in ("acc", "acc_norm")
    }
    right = {"0": (1, 1), "1": (1, 1), "2": (1, 1), "3": (0, 1)}
    assert by_metric == {"acc": {**right, "4": (1, 1)}, "acc_norm": {**right, "4": (0, 1)}}


def test_a_folder_takes_a_choice_for_each_benchmark() -> None:
    select = {"filter": "first,none", "metric": "exact_match,acc"}
    logs = [log for path in (GENERATED, CHOICE) for log in read([path], select)]
    assert [log.benchmark for log in logs] == ["local_gen", "local_mc"]


def test_several_filters_want_a_choice() -> None:
    error = _logs.refused(read, GENERATED)
    (problem,) = error.problems
    assert problem.code == "several-filters"
    assert problem.got == "first, maj@4, all"
    assert problem.fix == "choose one with --select filter=first"
    assert _logs.codes(_logs.refused(read, GENERATED, {"filter": "firs"})) == ["unknown-filter"]


def test_several_metrics_want_a_choice() -> None:
    assert _logs.codes(_logs.refused(read, CHOICE)) == ["several-metrics"]


def test_mean_over_lost_repeats_is_refused() -> None:
    # is_correct is false of these two: they are 2 right answers of 4.
    error = _logs.refused(read, GENERATED, {"filter": "all"})
    assert [(p.code, p.got, p.row) for p in error.problems] == [
        ("fractional-score", "0.5", 12),
        ("fractional-score", "0.5", 14),
    ]
    assert "bayescod import lm-eval" in str(error)


def test_reduced_scores_of_inspect_are_refused() -> None:
    # The converter wrote pass^2 of each sample into all its epochs: 3 of 4 became 0.5, four times,
    # and is_correct is true of all four.
    error = _logs.refused(read, INSPECT)
    assert _logs.codes(error) == ["fractional-score"]
    assert "bayescod import inspect" in str(error)


def test_copies_of_an_epoch_are_one_trial(tmp_path: Path) -> None:
    trials = [*epochs(1, 1, 0, 1), *epochs(0, 0, 0, 1, item="q1")]
    path = put(tmp_path, *(trial for trial in trials for _ in range(4)))
    (log,) = read([path], {})
    assert _logs.counts(log) == {"q0": (3, 4), "q1": (1, 4)}
    assert log.dropped == {"copy of a sample and epoch": 24}


def test_score_counts_and_not_is_correct(tmp_path: Path) -> None:
    path = put(tmp_path, line(evaluation={"score": 0.0, "is_correct": True}))
    assert _logs.counts(read([path], {})[0]) == {"q0": (0, 1)}


def test_one_score_in_all_epochs_is_a_reduced_one(tmp_path: Path) -> None:
    path = put(tmp_path, *epochs(1, 1, 1), *epochs(0, 0, 0, item="q1"))
    error = _logs.refused(read, path)
    assert _logs.codes(error) == ["reduced-scores"]
    assert "bayescod import inspect" in str(error)
    path = put(tmp_path, *epochs(1, 1, 1), *epochs(0, 0, 1, item="q1"))
    assert _logs.counts(read([path], {})[0]) == {"q0": (3, 3), "q1": (1, 3)}
    path = put(tmp_path, *epochs(1), *epochs(0, item="q1"))
    assert _logs.counts(read([path], {})[0]) == {"q0": (1, 1), "q1": (0, 1)}


def test_samples_with_an_error_are_left_out(tmp_path: Path) -> None:
    path = put(tmp_path, line(), line("q1", None, error="out of memory"))
    (log,) = read([path], {})
    assert _logs.counts(log) == {"q0": (1, 1)}
    assert log.dropped == {"sample with an error": 1}


def test_each_benchmark_and_model_is_a_log(tmp_path: Path) -> None:
    path = put(tmp_path, line(), line(model_id="b"), line(evaluation_name="other"))
    of = {(log.benchmark, log.model) for log in read([path], {})}
    assert of == {("arith", "toy/toy-1B"), ("arith", "b"), ("other", "toy/toy-1B")}


@pytest.mark.parametrize(
    ("summary", "finished"),
    [
        ({"evaluation_timestamp": "2026-01-31T23:59:59Z"}, "2026-01-31T23:59:59Z"),
        ({"evaluation_timestamp": "1795296103"}, ENDED),
        ({"evaluation_timestamp": 1795296103}, ENDED),
        ({"evaluation_timestamp": "1e400"}, "1e400"),
        ({"evaluation_timestamp": "nan"}, "nan"),
        ({}, ""),
        ([], ""),
    ],
)
def test_time_is_in_the_summary(summary: object, finished: str, tmp_path: Path) -> None:
    path = put(tmp_path, line())
    _logs.put(tmp_path / "uuid.json", summary)
    assert read([path], {})[0].finished == finished


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (line("q1", 0.5), "fractional-score"),
        (line("q1", None), "fractional-score"),
        (line("q1", "C"), "fractional-score"),
        (line("q1", -1), "fractional-score"),
        (line("q1", evaluation=[]), "fractional-score"),
        (line("q0", 0), "duplicate-item"),
        (line("q0", 1, "2", sample_hash="another question"), "duplicate-item"),
        (line(None), "bad-item"),
        (line("q1", 1, []), "bad-item"),
        (line(model_id=None), "unknown-layout"),
        (line(evaluation_name=1), "unknown-layout"),
        (7, "not-json"),
    ],
)
def test_bad_line_is_told_by_its_number(row: object, code: str, tmp_path: Path) -> None:
    path = put(tmp_path, line(), row)
    (problem,) = _logs.refused(read, path).problems
    assert (problem.code, problem.row, problem.file) == (code, 2, str(path))


def test_empty_file_is_refused(tmp_path: Path) -> None:
    assert _logs.codes(_logs.refused(read, put(tmp_path))) == ["empty-file"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("source", "select"),
    [(GENERATED, {"filter": "first"}), (CHOICE, {"metric": "acc"}), (INSPECT, {})],
)
def test_mutated_samples_are_read_or_refused(
    source: Path, select: dict[str, str], seed: int, tmp_path: Path
) -> None:
    rng, content = _logs.seeded(seed), _logs.lines(source)[:15]
    accepted = 0
    for _ in range(30):
        changed = _logs.mutated(content, rng)
        path = put(tmp_path, *(changed if isinstance(changed, list) else [changed]))
        accepted += _logs.survives(read, path, select)
        path.write_bytes(_logs.damaged(source.read_bytes()[:20_000], rng))
        _logs.survives(read, path, select)
    assert accepted < 30
    assert accepted > 0 or source == INSPECT
