"""HELM: training trials as repeats, outputs graded again only where HELM's verdicts come out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bayescod.scores.importers.helm import read
from tests.scores.importers import _logs

LOG = _logs.LOGS / "helm"
EXACT = {"metric": "exact_match"}


def stat(
    value: object = 1, name: str = "exact_match", count: object = 1, **keys: object
) -> dict[str, object]:
    named = {"name": name, "split": "test", **keys}
    return {"name": named, "count": count, "sum": value, "sum_squared": value, "mean": value}


def entry(item: object = "id0", trial: object = 0, *stats: object, **keys: object) -> object:
    stats = stats or (stat(),)
    return {"instance_id": item, "train_trial_index": trial, "stats": list(stats), **keys}


def run(folder: Path, *entries: object, **spec: Any) -> Path:
    adapter = {"model": "toy/model", "num_outputs": 1, **spec.pop("adapter", {})}
    metric = {"class_name": "m", "args": {"names": ["exact_match", "f1_score"]}}
    about = {"name": "toy:model=toy_model", "adapter_spec": adapter, "metric_specs": [metric]}
    _logs.put(folder / "run_spec.json", {**about, **spec})
    _logs.put(folder / "per_instance_stats.json", list(entries))
    return folder


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """The real run with four outputs an instance, to be changed."""
    return Path(shutil.copytree(LOG / "outputs", tmp_path / "outputs"))


def test_training_trials_are_trials() -> None:
    (log,) = read([LOG / "train_trials"], EXACT)
    assert log.benchmark == "toy_arith:num_train_trials=3"
    assert {log.model: _logs.counts(log)} == _logs.expected("helm[train_trial_index]")


def test_outputs_are_graded_again() -> None:
    (log,) = read([LOG / "outputs"], EXACT)
    assert log.benchmark == "toy_arith:num_outputs=4"
    assert {log.model: _logs.counts(log)} == _logs.expected("helm[num_outputs, regraded]")
    assert len(set(log.document.values())) == 5


def test_runs_of_one_scenario_share_their_version() -> None:
    first, second = read([LOG], EXACT)
    assert first.version == second.version != ""


def test_several_metrics_want_a_choice() -> None:
    error = _logs.refused(read, LOG / "train_trials")
    (problem,) = error.problems
    assert problem.code == "several-metrics"
    assert problem.got.startswith("exact_match, quasi_exact_match")
    assert "logprob" not in problem.got


def test_misspelt_metric_is_told() -> None:
    error = _logs.refused(read, LOG / "train_trials", {"metric": "exactmatch"})
    assert "did you mean exact_match" in str(error)


def test_outputs_of_another_metric_are_refused() -> None:
    error = _logs.refused(read, LOG / "outputs", {"metric": "quasi_exact_match"})
    assert _logs.codes(error) == ["not-countable"]
    assert "num_outputs=1" in str(error)


@pytest.mark.parametrize("verdict", ["exact_match", "exact_match@4"])
def test_outputs_must_give_both_of_helms_verdicts(verdict: str, outputs: Path) -> None:
    path = outputs / "per_instance_stats.json"
    entries: Any = _logs.document(path)
    for one in entries[0]["stats"]:
        if one["name"]["name"] == verdict:
            one["sum"] = one["sum_squared"] = 1 - one["sum"]
    _logs.put(path, entries)
    (problem,) = _logs.refused(read, outputs, EXACT).problems
    assert (problem.code, problem.got) == ("not-countable", "id0")


def test_outputs_are_ordered_by_their_probability(outputs: Path) -> None:
    path = outputs / "scenario_state.json"
    state: Any = _logs.document(path)
    first = state["request_states"][0]["result"]["completions"]
    assert [completion["text"] for completion in first] == ["1", "2", "2", "1"]
    first[1]["logprob"] = 1.0  # now a wrong output is the likeliest, and HELM said right
    _logs.put(path, state)
    assert _logs.codes(_logs.refused(read, outputs, EXACT)) == ["not-countable"]


def test_outputs_may_stand_for_choices(outputs: Path) -> None:
    path = outputs / "scenario_state.json"
    state: Any = _logs.document(path)
    for request in state["request_states"]:
        for reference in request["instance"]["references"]:
            reference["output"]["text"] = f"answer {reference['output']['text']}"
        request["output_mapping"] = {str(i): f"answer {i}" for i in range(10)}
    _logs.put(path, state)
    (log,) = read([outputs], EXACT)
    assert {log.model: _logs.counts(log)} == _logs.expected("helm[num_outputs, regraded]")


def _lose_result(request: dict[str, Any]) -> None:
    request["result"]["success"] = False


def _lose_output(request: dict[str, Any]) -> None:
    del request["result"]["completions"][0]


def _lose_answer(request: dict[str, Any]) -> None:
    request["instance"]["references"][0]["tags"] = []


def _ask_apart(request: dict[str, Any]) -> None:
    request["reference_index"] = 0


def _lose_instance(request: dict[str, Any]) -> None:
    request["instance"]["id"] = "id9"


@pytest.mark.parametrize(
    "harm", [_lose_result, _lose_output, _lose_answer, _ask_apart, _lose_instance]
)
def test_outputs_that_cannot_be_graded_are_refused(harm: Any, outputs: Path) -> None:
    path = outputs / "scenario_state.json"
    state: Any = _logs.document(path)
    harm(state["request_states"][2])
    _logs.put(path, state)
    error = _logs.refused(read, outputs, EXACT)
    assert _logs.codes(error) == ["not-countable"]
    assert "num_train_trials" in str(error)


def test_missing_outputs_are_refused(outputs: Path) -> None:
    path = outputs / "scenario_state.json"
    state: Any = _logs.document(path)
    del state["request_states"][1]
    _logs.put(path, state)
    assert "1 instances have no outputs" in str(_logs.refused(read, outputs, EXACT))
    path.unlink()
    assert "scenario_state.json" in str(_logs.refused(read, outputs, EXACT))


def test_perturbed_instances_and_statistics_are_left_out(tmp_path: Path) -> None:
    typos = {"name": "typos"}
    run(
        tmp_path,
        entry("id0", 0, stat(0, perturbation=typos), stat(1)),
        entry("id1", 0, stat(1, perturbation=typos)),
        entry("id0", 0, stat(0, perturbation=typos), perturbation=typos),
    )
    (log,) = read([tmp_path], EXACT)
    assert _logs.counts(log) == {"id0": (1, 1)}
    assert sorted(log.dropped.values()) == [1, 1]
    assert log.dropped["perturbed instance"] == 1


def test_several_splits_want_a_choice(tmp_path: Path) -> None:
    run(tmp_path, entry("id0"), entry("id1", 0, stat(0, split="valid")))
    error = _logs.refused(read, tmp_path, EXACT)
    assert _logs.codes(error) == ["several-splits"]
    assert _logs.counts(read([tmp_path], {**EXACT, "split": "valid"})[0]) == {"id1": (0, 1)}


def test_counts_of_several_trials_are_kept(tmp_path: Path) -> None:
    run(tmp_path, entry("id0", 0, stat(3, count=4)))
    assert _logs.counts(read([tmp_path], EXACT)[0]) == {"id0": (3, 4)}


def test_counts_that_hide_fractions_are_refused(tmp_path: Path) -> None:
    halves = {**stat(2, count=4), "sum_squared": 1.0}  # four times one half
    run(tmp_path, entry("id0", 0, halves))
    assert _logs.codes(_logs.refused(read, tmp_path, EXACT)) == ["fractional-score"]


@pytest.mark.parametrize(
    ("name", "benchmark"),
    [
        ("mmlu:subject=anatomy,model=org_a,model_deployment=x", "mmlu:subject=anatomy"),
        ("mmlu:model=org_a", "mmlu"),
        ("mmlu", "mmlu"),
    ],
)
def test_benchmark_is_the_run_without_the_model(name: str, benchmark: str, tmp_path: Path) -> None:
    run(tmp_path, entry(), name=name)
    assert read([tmp_path], EXACT)[0].benchmark == benchmark


def test_only_metric_of_the_run_needs_no_choice(tmp_path: Path) -> None:
    only = [{"class_name": "m", "args": {"names": ["exact_match"]}}]
    run(tmp_path, entry("id0", 0, stat(), stat(3, "num_references")), metric_specs=only)
    assert _logs.counts(read([tmp_path], {})[0]) == {"id0": (1, 1)}


def test_changed_scenario_is_another_version(tmp_path: Path) -> None:
    versions = [
        read([run(tmp_path, entry(), scenario_spec=spec)], EXACT)[0].version
        for spec in ({"class_name": "a"}, {"class_name": "a", "args": {"subject": "x"}})
    ]
    assert len(set(versions)) == 2


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "unknown-metric"),
        ([entry(), "entry"], "unknown-layout"),
        ([entry(), {"instance_id": "id1"}], "unknown-layout"),
        ([entry(), entry(None)], "unknown-layout"),
        ([entry(), entry("id1", -1)], "unknown-layout"),
        ([entry(), entry("id1", 10**9)], "unknown-layout"),
        ([entry(), entry()], "duplicate-item"),
        ([entry(), entry("id1", 0, stat(), stat(sub_split="easy"))], "duplicate-item"),
        ([entry(), entry("id1", 0, stat(0.5))], "fractional-score"),
        ([entry(), entry("id1", 0, stat("1"))], "fractional-score"),
        ([entry(), entry("id1", 0, stat(None))], "fractional-score"),
        ([entry(), entry("id1", 0, stat(5, count=4))], "fractional-score"),
        ([entry(), entry("id1", 0, stat(count=0))], "bad-count"),
        ([entry(), entry("id1", 0, stat(count=10**9))], "bad-count"),
    ],
)
def test_what_is_no_statistic_is_refused(entries: list[object], code: str, tmp_path: Path) -> None:
    run(tmp_path, *entries)
    assert _logs.codes(_logs.refused(read, tmp_path, EXACT)) == [code]


@pytest.mark.parametrize(
    "spec",
    [[], {}, {"name": "a"}, {"name": 1.5, "adapter_spec": {}}, {"name": "a", "adapter_spec": []}],
)
def test_what_is_no_run_is_refused(spec: object, tmp_path: Path) -> None:
    run(tmp_path, entry())
    _logs.put(tmp_path / "run_spec.json", spec)
    assert "run_spec.json" in str(_logs.refused(read, tmp_path, EXACT))


def test_run_without_a_model_wants_one(tmp_path: Path) -> None:
    run(tmp_path, entry(), adapter={"model": None})
    assert _logs.codes(_logs.refused(read, tmp_path, EXACT)) == ["no-model"]
    assert read([tmp_path], {**EXACT, "model": "mine"})[0].model == "mine"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["outputs", "train_trials"])
def test_mutated_runs_are_read_or_refused(kind: str, seed: int, tmp_path: Path) -> None:
    rng = _logs.seeded(seed)
    folder = Path(shutil.copytree(LOG / kind, tmp_path / kind))
    accepted = tried = 0
    for _ in range(15):
        for path in sorted(folder.iterdir()):
            content = path.read_bytes()
            _logs.put(path, _logs.mutated(json.loads(content), rng))
            accepted += _logs.survives(read, folder, EXACT)
            path.write_bytes(_logs.damaged(content, rng))
            _logs.survives(read, folder, EXACT)
            path.write_bytes(content)
            tried += 1
    assert 0 < accepted < tried
