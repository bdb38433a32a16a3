"""EvalPlus: two benchmarks in one file, the model in its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from bayescod.scores.importers.evalplus import model_in, read
from tests.scores.importers import _logs

LOG = _logs.LOGS / "evalplus" / "toy--toy-1B_samples_eval_results.json"
NAME = LOG.name


def sample(base: object = "pass", plus: object = "pass", task: str = "Mbpp/1") -> dict[str, object]:
    return {"task_id": task, "base_status": base, "plus_status": plus}


def test_both_benchmarks_have_the_expected_counts() -> None:
    base, plus = read([LOG.parent], {})
    assert (base.benchmark, plus.benchmark) == ("HumanEval-base", "HumanEval-plus")
    for log, name in ((base, "evalplus[base]"), (plus, "evalplus[plus]")):
        assert {log.model: _logs.counts(log)} == _logs.expected(name)
        assert log.finished == "2026-11-21 21:31"
        assert log.version == "e49d0af7be62d89ab483675441c5eacc"


@pytest.mark.parametrize(
    ("name", "model"),
    [
        (NAME, "toy/toy-1B"),
        ("org--model-7B_vllm_temp_0.8_eval_results.json", "org/model-7B"),
        ("org--model-7B_vllm_temp_0.8.eval_results.json", "org/model-7B"),
        ("org--a--b_hf_temp_0.0-sanitized_eval_results.json", "org/a--b"),
        ("gpt-4_openai_temp_0.0_eval_results.json", "gpt-4"),
        ("samples_eval_results.json", ""),
        ("eval_results.json", ""),
        ("samples.jsonl_results.jsonl", ""),
        ("toy--toy-1B_samples.jsonl_results.jsonl", "toy/toy-1B"),
    ],
)
def test_model_comes_from_the_file_name(name: str, model: str) -> None:
    assert model_in(Path(name)) == model


def test_file_without_a_model_wants_one(tmp_path: Path) -> None:
    path = _logs.put(tmp_path / "samples_eval_results.json", _logs.document(LOG))
    error = _logs.refused(read, path)
    assert _logs.codes(error) == ["no-model"]
    assert "--select model=NAME" in str(error)
    assert {log.model for log in read([path], {"model": "mine"})} == {"mine"}


def test_plus_needs_both_verdicts(tmp_path: Path) -> None:
    samples = [sample("pass", "fail"), sample("fail", "pass"), sample("timeout", "timeout")]
    path = _logs.put(tmp_path / NAME, {"eval": {"Mbpp/1": samples}})
    base, plus = read([path], {})
    assert _logs.counts(base) == {"Mbpp/1": (1, 3)}
    assert _logs.counts(plus) == {"Mbpp/1": (0, 3)}


def test_base_only_run_gives_one_benchmark(tmp_path: Path) -> None:
    path = _logs.put(tmp_path / NAME, {"eval": {"Mbpp/1": [sample(plus=None)] * 2}})
    (base,) = read([path], {})
    assert (base.benchmark, _logs.counts(base)) == ("Mbpp-base", {"Mbpp/1": (2, 2)})


def test_items_may_have_different_numbers_of_samples(tmp_path: Path) -> None:
    tasks = {"Mbpp/1": [sample()], "Mbpp/2": [sample(task="Mbpp/2")] * 3}
    path = _logs.put(tmp_path / NAME, {"eval": tasks})
    assert _logs.counts(read([path], {})[0]) == {"Mbpp/1": (1, 1), "Mbpp/2": (3, 3)}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ([], "unknown-layout"),
        ({}, "unknown-layout"),
        ({"eval": []}, "unknown-layout"),
        ({"eval": {}}, "unknown-layout"),
        ({"eval": None}, "unknown-layout"),
        ({"eval": {"Mbpp/1": []}}, "unknown-layout"),
        ({"eval": {"Mbpp/1": {"nfiles": 2, "base": [["pass", []]]}}}, "unknown-layout"),
        ({"eval": {"Mbpp/1": ["pass"]}}, "unknown-layout"),
        ({"eval": {"Mbpp/1": [sample(task="Mbpp/2")]}}, "unknown-layout"),
        ({"eval": {"": [sample()]}}, "bad-item"),
        ({"eval": {"/1": [sample(task="/1")]}}, "bad-item"),
        ({"eval": {"Mbpp/1": [sample(base="passed")]}}, "bad-verdict"),
        ({"eval": {"Mbpp/1": [sample(base=True)]}}, "bad-verdict"),
        ({"eval": {"Mbpp/1": [{"task_id": "Mbpp/1"}]}}, "bad-verdict"),
        ({"eval": {"Mbpp/1": [sample(), sample(plus=None)]}}, "missing-verdict"),
    ],
)
def test_what_is_no_result_is_refused(content: object, code: str, tmp_path: Path) -> None:
    path = _logs.put(tmp_path / NAME, content)
    assert code in _logs.codes(_logs.refused(read, path))


def test_a_task_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    twice = '{"eval": {"Mbpp/1": [], "Mbpp/1": []}}'
    (tmp_path / NAME).write_text(twice, encoding="utf-8")
    assert "twice" in str(_logs.refused(read, tmp_path / NAME))


def test_one_chosen_name_is_not_given_to_two_logs(tmp_path: Path) -> None:
    _logs.put(tmp_path / "a_eval_results.json", _logs.document(LOG))
    _logs.put(tmp_path / "b_eval_results.json", _logs.document(LOG))
    assert {log.model for log in read([tmp_path], {})} == {"a", "b"}
    error = _logs.refused(read, tmp_path, {"model": "mine"})
    assert _logs.codes(error) == ["one-name-several-logs"]


@pytest.mark.parametrize("seed", range(4))
def test_mutated_results_are_read_or_refused(seed: int, tmp_path: Path) -> None:
    rng, content = _logs.seeded(seed), _logs.document(LOG)
    path = tmp_path / NAME
    accepted = 0
    for _ in range(80):
        accepted += _logs.survives(read, _logs.put(path, _logs.mutated(content, rng)), {})
        path.write_bytes(_logs.damaged(LOG.read_bytes(), rng))
        _logs.survives(read, path, {})
    assert 0 < accepted < 80
