"""LiveCodeBench: verdicts in graded_list, the model in the folder's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from bayescod.scores.importers.livecodebench import read
from tests.scores.importers import _logs

LOG = _logs.LOGS / "livecodebench" / "livecodebench_eval_all.json"
NAME = "Scenario.codegeneration_10_0.2_eval_all.json"


def question(name: object = "abc301_a", graded: object = (True,)) -> dict[str, object]:
    return {"question_id": name, "graded_list": graded}


def test_counts_are_as_expected() -> None:
    (log,) = read([LOG], {})
    assert (log.benchmark, log.model) == ("livecodebench", "livecodebench")
    assert {"(from the folder)": _logs.counts(log)} == _logs.expected("livecodebench")


def test_model_is_the_folder_or_chosen(tmp_path: Path) -> None:
    path = _logs.put(tmp_path / "Toy-1B" / NAME, [question()])
    (log,) = read([tmp_path], {})
    assert (log.benchmark, log.model) == ("livecodebench-codegeneration", "Toy-1B")
    assert read([path], {"model": "mine"})[0].model == "mine"


def test_items_may_have_different_numbers_of_answers(tmp_path: Path) -> None:
    rows = [question("a", [True, False]), question(7, [False]), question("b", [1, 0, 1.0])]
    path = _logs.put(tmp_path / NAME, rows)
    assert _logs.counts(read([path], {})[0]) == {"a": (1, 2), "7": (0, 1), "b": (2, 3)}


def test_tests_of_one_question_are_items(tmp_path: Path) -> None:
    rows = [{**question(), "test_id": number} for number in (0, 1)]
    path = _logs.put(tmp_path / NAME, rows)
    assert list(_logs.counts(read([path], {})[0])) == ["abc301_a/0", "abc301_a/1"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ([], "no-trials"),
        ({"a": 1}, "unknown-layout"),
        ("text", "not-json"),
        ([1], "unknown-layout"),
        ([question(graded=[])], "unknown-layout"),
        ([question(graded={})], "unknown-layout"),
        ([{"question_id": "a"}], "unknown-layout"),
        ([question(graded=[True] * 100_001)], "unknown-layout"),
        ([question(graded=[True, None])], "bad-verdict"),
        ([question(graded=[0.5])], "bad-verdict"),
        ([question(graded=["True"])], "bad-verdict"),
        ([question(graded=[-2])], "bad-verdict"),  # LiveCodeBench's code of a compile error
        ([question(None)], "bad-item"),
        ([{**question(), "test_id": []}], "bad-item"),
        ([question(), question()], "duplicate-item"),
    ],
)
def test_what_is_no_grading_is_refused(content: object, code: str, tmp_path: Path) -> None:
    path = _logs.put(tmp_path / NAME, content)
    assert _logs.codes(_logs.refused(read, path)) == [code]


@pytest.mark.parametrize("seed", range(4))
def test_mutated_gradings_are_read_or_refused(seed: int, tmp_path: Path) -> None:
    rng, content = _logs.seeded(seed), _logs.document(LOG)
    path = tmp_path / NAME
    accepted = 0
    for _ in range(80):
        accepted += _logs.survives(read, _logs.put(path, _logs.mutated(content, rng)), {})
        path.write_bytes(_logs.damaged(LOG.read_bytes(), rng))
        _logs.survives(read, path, {})
    assert 0 < accepted < 80
