"""human-eval: one line a sample, the model in the file's name or chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from bayescod.scores.importers.human_eval import read
from tests.scores.importers import _logs

LOG = _logs.LOGS / "human-eval" / "samples.jsonl_results.jsonl"
MINE = {"model": "mine"}
NAME = "toy--toy-1B_samples.jsonl_results.jsonl"


def test_counts_are_as_expected() -> None:
    (log,) = read([LOG.parent], MINE)
    assert (log.benchmark, log.model) == ("HumanEval", "mine")
    assert {"(from the file name)": _logs.counts(log)} == _logs.expected("human-eval")


def test_model_comes_from_the_file_name(tmp_path: Path) -> None:
    _logs.put_lines(tmp_path / NAME, _logs.lines(LOG))
    assert [log.model for log in read([tmp_path], {})] == ["toy/toy-1B"]


def test_name_without_a_model_wants_one() -> None:
    error = _logs.refused(read, LOG)
    assert _logs.codes(error) == ["no-model"]
    assert "--select model=NAME" in str(error)


def test_one_name_is_for_several_logs_only_as_repeats(tmp_path: Path) -> None:
    for run in ("run1", "run2"):
        _logs.put_lines(tmp_path / f"{run}.jsonl_results.jsonl", _logs.lines(LOG))
    assert {log.model for log in read([tmp_path], {})} == {"run1", "run2"}
    error = _logs.refused(read, tmp_path, MINE)
    assert _logs.codes(error) == ["one-name-several-logs"]
    assert "--select repeats=all" in str(error)
    assert [log.model for log in read([tmp_path], {**MINE, "repeats": "all"})] == ["mine"] * 2


def test_each_prefix_is_a_benchmark(tmp_path: Path) -> None:
    tasks = ["HumanEval/0", "MBPP/3", "bare"]
    path = _logs.put_lines(tmp_path / NAME, ({"task_id": t, "passed": True} for t in tasks))
    assert {log.benchmark: _logs.counts(log) for log in read([path], {})} == {
        "HumanEval": {"HumanEval/0": (1, 1)},
        "MBPP": {"MBPP/3": (1, 1)},
        "human-eval": {"bare": (1, 1)},
    }


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ({"task_id": "a/1", "completion": "x"}, "bad-verdict"),
        ({"task_id": "a/1", "passed": "true"}, "bad-verdict"),
        ({"task_id": "a/1", "passed": 1}, "bad-verdict"),
        ({"task_id": "a/1", "passed": None}, "bad-verdict"),
        ({"passed": True}, "bad-item"),
        ({"task_id": "", "passed": True}, "bad-item"),
        ({"task_id": "\ud800", "passed": True}, "bad-item"),
        ({"task_id": ["a"], "passed": True}, "bad-item"),
        ([], "not-json"),
    ],
)
def test_bad_line_is_told_by_its_number(line: object, code: str, tmp_path: Path) -> None:
    path = _logs.put_lines(tmp_path / NAME, [*_logs.lines(LOG), line])
    (problem,) = _logs.refused(read, path).problems
    assert (problem.code, problem.row, problem.file) == (code, 4, str(path))


def test_many_bad_lines_are_counted(tmp_path: Path) -> None:
    path = _logs.put_lines(tmp_path / NAME, [{"task_id": "a/1"}] * 1000)
    problems = _logs.refused(read, path).problems
    assert [problem.row for problem in problems] == [1, 2, 3, 4, 5, None]
    assert "995 more" in problems[-1].message


def test_problems_of_all_files_come_together(tmp_path: Path) -> None:
    _logs.put_lines(tmp_path / "a_results.jsonl", [{"task_id": "a/1"}])
    _logs.put_lines(tmp_path / "b_results.jsonl", [])
    (tmp_path / "c_results.jsonl").write_bytes(b"{")
    codes = _logs.codes(_logs.refused(read, tmp_path))
    assert codes == ["bad-verdict", "empty-file", "not-json"]


def test_many_bad_files_are_counted(tmp_path: Path) -> None:
    for number in range(23):
        path = tmp_path / f"{number:02}_results.jsonl"
        _logs.put_lines(path, [{"task_id": "a/1"}] * 2 + [[]] * 7)
    problems = _logs.refused(read, tmp_path).problems
    verdicts = [p for p in problems if p.code == "bad-verdict"]
    damaged = [p for p in problems if p.code == "not-json"]
    assert len({p.file for p in verdicts}) == len({p.file for p in damaged}) == 21
    assert len(verdicts) == 20 * 2 + 1
    assert len(damaged) == 20 * 6 + 1  # five lines and the number of the others
    assert "so in 3 more files" in verdicts[-1].message
    assert sum("2 more like this" in p.message for p in damaged) == 20


@pytest.mark.parametrize("seed", range(4))
def test_mutated_lines_are_read_or_refused(seed: int, tmp_path: Path) -> None:
    rng, content = _logs.seeded(seed), _logs.lines(LOG)
    path = tmp_path / NAME
    accepted = 0
    for _ in range(80):
        changed = _logs.mutated(content, rng)
        if isinstance(changed, list):
            accepted += _logs.survives(read, _logs.put_lines(path, changed), {})
        path.write_bytes(_logs.damaged(LOG.read_bytes(), rng))
        _logs.survives(read, path, {})
    assert 0 < accepted < 80
