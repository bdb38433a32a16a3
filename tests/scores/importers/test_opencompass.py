"""OpenCompass: verdicts over replicas, older details by index, and files without details."""

from __future__ import annotations

from pathlib import Path

import pytest

from bayescod.scores.importers.opencompass import read
from tests.scores.importers import _logs

LOG = _logs.LOGS / "opencompass" / "toy_arith.json"
FOLDER = Path("20250131_235959") / "results" / "toy-1B"


def entry(name: object = "gsm8k_0", **keys: object) -> dict[str, object]:
    return {"example_abbr": name, **(keys or {"correct": [True, False]})}


def details(*entries: object, **keys: object) -> dict[str, object]:
    return {"accuracy": 50.0, "details": list(entries), **keys}


def test_counts_are_as_expected(tmp_path: Path) -> None:
    _logs.put(tmp_path / FOLDER / LOG.name, _logs.document(LOG))
    (log,) = read([tmp_path], {})
    assert (log.benchmark, log.model) == ("toy_arith", "toy-1B")
    assert log.finished == "20250131_235959"
    assert {"(from the folder)": _logs.counts(log)} == _logs.expected("opencompass")


def test_file_elsewhere_wants_a_model() -> None:
    error = _logs.refused(read, LOG)
    assert _logs.codes(error) == ["no-model"]
    assert "--select model=NAME" in str(error)
    assert read([LOG], {"model": "mine"})[0].model == "mine"


def test_only_results_of_a_work_folder_are_read(tmp_path: Path) -> None:
    _logs.put(tmp_path / FOLDER / "gsm8k.json", details(entry()))
    _logs.put(tmp_path / "20250131_235959" / "predictions" / "toy-1B" / "gsm8k.json", {"0": {}})
    _logs.put(tmp_path / "20250131_235959" / "configs" / "run.json", {})
    assert [log.source for log in read([tmp_path], {})] == [str(tmp_path / FOLDER / "gsm8k.json")]
    assert [log.model for log in read([tmp_path / FOLDER], {})] == ["toy-1B"]


def test_folder_without_results_is_refused(tmp_path: Path) -> None:
    _logs.put(tmp_path / "predictions" / "toy-1B" / "gsm8k.json", {"0": {}})
    assert _logs.codes(_logs.refused(read, tmp_path)) == ["no-logs"]


def test_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    for name in (FOLDER / "gsm\udcff8k.json", FOLDER.parent / "toy\udcff" / "gsm8k.json"):
        path = _logs.put(tmp_path / name, details(entry()))
        (problem,) = _logs.refused(read, path).problems
        assert problem.code in ("no-benchmark", "no-model")
        assert problem.file.isprintable()


def test_older_details_are_one_trial_an_index(tmp_path: Path) -> None:
    content = {
        "accuracy": 50.0,
        "details": {"type": "GEN", "0": {"pred": "1", "correct": True}, "7": {"correct": False}},
    }
    path = _logs.put(tmp_path / FOLDER / "gsm8k.json", content)
    assert _logs.counts(read([path], {})[0]) == {"gsm8k_0": (1, 1), "gsm8k_7": (0, 1)}


def test_older_and_newer_details_name_items_alike(tmp_path: Path) -> None:
    _logs.put(tmp_path / "results" / "a" / "gsm8k.json", {"details": {"0": {"correct": True}}})
    _logs.put(tmp_path / "results" / "b" / "gsm8k.json", details(entry()))
    first, second = read([tmp_path], {})
    assert first.n_trials.keys() == second.n_trials.keys()


@pytest.mark.parametrize(
    "content",
    [
        {"accuracy (4 runs average)": 75.0},
        {"accuracy": 75.0},
        {"accuracy (4 runs average)": 75.0, "details": []},
        {"accuracy (4 runs average)": 75.0, "details": {"0": {"correct": True}}},
        {"accuracy": 75.0, "details": {"0": {"pred": "1"}}},
        {"accuracy": 75.0, "details": [{"example_abbr": "gsm8k_0", "pred": ["1"]}]},
    ],
)
def test_without_verdicts_it_says_how_to_get_them(content: object, tmp_path: Path) -> None:
    path = _logs.put(tmp_path / FOLDER / "gsm8k.json", content)
    error = _logs.refused(read, path)
    assert _logs.codes(error) == ["no-details"]
    assert "AccwithDetailsEvaluator" in str(error)


def test_other_names_of_the_verdict(tmp_path: Path) -> None:
    for key in ("is_correct", "cascade_correct"):
        path = _logs.put(tmp_path / FOLDER / "a.json", details(entry(**{key: [True, False]})))
        assert _logs.counts(read([path], {})[0]) == {"gsm8k_0": (1, 2)}


def test_several_verdicts_want_a_choice(tmp_path: Path) -> None:
    both = details(entry(correct=[False], cascade_correct=[True]))
    path = _logs.put(tmp_path / FOLDER / "a.json", both)
    error = _logs.refused(read, path)
    assert _logs.codes(error) == ["several-metrics"]
    assert "--select metric=correct" in str(error)
    assert _logs.counts(read([path], {"metric": "cascade_correct"})[0]) == {"gsm8k_0": (1, 1)}
    assert "did you mean cascade_correct" in str(_logs.refused(read, path, {"metric": "cascade"}))


def test_failed_run_is_dropped_and_told(tmp_path: Path) -> None:
    _logs.put(tmp_path / FOLDER / "a.json", {"error": "no predictions"})
    _logs.put(tmp_path / FOLDER / "b.json", details(entry()))
    failed, fine = read([tmp_path], {})
    assert not failed.n_trials
    assert failed.dropped == {"the evaluation failed: no predictions": 0}
    assert fine.n_trials == {"gsm8k_0": 2}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ([1], "unknown-layout"),
        ({"details": "none"}, "no-details"),
        ({"error": None}, "no-details"),
        (details(entry(), entry()), "duplicate-item"),
        (details(entry(correct=[])), "bad-verdict"),
        (details(entry(correct=[True, "False"])), "bad-verdict"),
        (details(entry(correct=[True, None])), "bad-verdict"),
        (details(entry(correct=0.5)), "bad-verdict"),
        (details(entry(correct=[[True]])), "bad-verdict"),
        (details(entry(correct=[True] * 100_001)), "bad-verdict"),
        (details(entry(), entry("gsm8k_1", pred=["1"])), "bad-verdict"),
        (details(entry(), "gsm8k_1"), "bad-item"),
        (details(entry(None, correct=[True])), "bad-item"),
        (details(entry(), **{"accuracy (4 runs average)": 1.0}), "missing-verdict"),
        ({"details": {"zero": {"correct": True}}}, "bad-item"),
    ],
)
def test_what_is_no_result_is_refused(content: object, code: str, tmp_path: Path) -> None:
    path = _logs.put(tmp_path / FOLDER / "gsm8k.json", content)
    assert _logs.codes(_logs.refused(read, path)) == [code]


@pytest.mark.parametrize("seed", range(4))
def test_mutated_results_are_read_or_refused(seed: int, tmp_path: Path) -> None:
    rng, content = _logs.seeded(seed), _logs.document(LOG)
    path = tmp_path / FOLDER / "toy_arith.json"
    accepted = 0
    for _ in range(60):
        accepted += _logs.survives(read, _logs.put(path, _logs.mutated(content, rng)), {})
        path.write_bytes(_logs.damaged(LOG.read_bytes(), rng))
        _logs.survives(read, path, {})
    assert 0 < accepted < 60
