"""Inspect AI: epochs, values of every kind, runs that failed, both formats and hostile zips."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bayescod.errors import UnknownNameError
from bayescod.scores.importers.inspect_ai import read
from bayescod.scores.importers.merging import merge
from bayescod.scores.importers.records import Log
from tests.scores.importers import _logs

if sys.version_info >= (3, 14):
    import zipfile
else:
    from backports.zstd import zipfile

LOGS = _logs.LOGS / "inspect-ai"
NAN = float("nan")


def sample(
    value: object = "C", item: object = "q0", epoch: object = 1, **keys: object
) -> dict[str, object]:
    content: dict[str, object] = {
        "id": item,
        "epoch": epoch,
        "input": f"what is {item}?",
        "scores": {"match": {"value": value, "answer": "1"}},
        "completed": True,
    }
    return {**content, **keys}


def header(**keys: object) -> dict[str, object]:
    content: dict[str, object] = {
        "version": 2,
        "status": "success",
        "eval": {"task": "arith", "model": "openai/toy", "task_version": 1, "config": {}},
        "stats": {"completed_at": "2026-01-01T10:00:00+00:00"},
    }
    return {**content, **keys}


def log_of(path: Path, *samples: Mapping[str, object], method: int = 93, **keys: object) -> Path:
    """Write a log in the format that its ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".json":
        return _logs.put(path, {**header(**keys), "samples": list(samples)})
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("_journal/start.json", json.dumps({"version": 2, **header()}))
        archive.writestr("summaries.json", json.dumps(samples))
        archive.writestr("header.json", json.dumps(header(**keys)))
    return path


def only(path: Path, **select: str) -> Log:
    (log,) = read([path], select)
    return log


def refusal(path: Path, **select: str) -> tuple[list[str], str]:
    error = _logs.refused(read, path, select)
    return _logs.codes(error), str(error)


@pytest.fixture(params=[".eval", ".json"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"log{request.param}"


@pytest.mark.parametrize("suffix", [".eval", ".json"])
def test_counts_are_as_expected(suffix: str) -> None:
    logs = read(sorted(LOGS.glob(f"*{suffix}")), {})
    found = {log.model: _logs.counts(log) for log in logs}
    assert found == _logs.expected(f"inspect-ai[{suffix}]")
    assert {log.benchmark for log in logs} == {"arith"}


def test_the_newer_of_two_formats_is_taken() -> None:
    imported = merge("inspect", read([LOGS], {}), {})
    assert [one.model for one in imported.taken] == ["mockllm/toy-100M", "mockllm/toy-1B"]
    assert [one.source.rpartition(".")[2] for one in imported.taken] == ["json", "eval"]
    assert ["an older log" in one.reason for one in imported.dropped] == [True]


@pytest.mark.parametrize("method", [8, 93], ids=["deflate", "zstd"])
def test_epochs_are_trials(method: int, tmp_path: Path) -> None:
    samples = [sample("C" if epoch < 3 else "I", epoch=epoch) for epoch in range(1, 5)]
    log = only(log_of(tmp_path / "a.eval", *samples, sample("I", "q1"), method=method))
    assert _logs.counts(log) == {"q0": (2, 4), "q1": (0, 1)}


@pytest.mark.parametrize(
    ("value", "right"),
    [
        *(("C", 1), ("I", 0), ("N", 0), (1, 1), (0, 0), (1.0, 1), (True, 1), (False, 0)),
        *(("yes", 1), ("No", 0), ("true", 1), ("FALSE", 0), ("1", 1), ("0.0", 0)),
        *(({"only": "C"}, 1), ({"only": 0}, 0)),
    ],
)
def test_values_mean_what_they_mean_in_inspect(value: object, right: int, path: Path) -> None:
    assert _logs.counts(only(log_of(path, sample(value)))) == {"q0": (right, 1)}


@pytest.mark.parametrize("value", [NAN, None, "nan", {"only": NAN}])
def test_unscored_samples_are_no_trials(value: object, path: Path) -> None:
    if value == "nan":
        assert refusal(log_of(path, sample(value), sample("C", "q1")))[0] == ["no-verdict"]
        return
    log = only(log_of(path, sample(value), sample("C", epoch=2), sample("I", "q1")))
    assert _logs.counts(log) == {"q0": (1, 1), "q1": (0, 1)}
    assert log.dropped == {"sample that was not scored (NaN)": 1}


@pytest.mark.parametrize("value", ["A", "", 7, -1, 1.5, ["C", "C"], [], float("inf"), "1e999"])
def test_other_values_stop_the_import(value: object, path: Path) -> None:
    codes, text = refusal(log_of(path, sample(value), sample()))
    assert codes == ["no-verdict"]
    assert "row 1, column match" in text


@pytest.mark.parametrize("value", ["P", 0.5, 0.25, "0.5"])
def test_partial_credit_is_what_the_user_says(value: object, path: Path) -> None:
    log_of(path, sample(value), sample("C", epoch=2))
    codes, text = refusal(path)
    assert (codes, "--select partial=wrong" in text) == (["partial-credit"], True)
    ways = {"wrong": (1, 2), "right": (2, 2), "drop": (1, 1)}
    for way, counts in ways.items():
        log = only(path, partial=way)
        assert (_logs.counts(log), log.not_binary) == ({"q0": counts}, 1)
    with pytest.raises(UnknownNameError, match="did you mean wrong"):
        read([path], {"partial": "wrng"})


def test_several_scorers_want_a_choice(path: Path) -> None:
    scores = {"match": {"value": "C"}, "judge": {"value": "I"}}
    log_of(path, sample(scores=scores), sample(item="q1"))
    codes, text = refusal(path)
    assert codes == ["several-scorers"]
    assert "got: judge, match; do: choose one with --select scorer=judge" in text
    assert _logs.counts(only(path, scorer="match")) == {"q0": (1, 1), "q1": (1, 1)}
    log = only(path, scorer="judge")
    assert _logs.counts(log) == {"q0": (0, 1)}
    assert log.dropped == {"sample without a score of judge": 1}
    assert refusal(path, scorer="macth")[0] == ["unknown-scorer"]


def test_a_scorer_that_comes_later_wants_a_choice_too(path: Path) -> None:
    log_of(path, sample(), sample(item="q1", scores={"judge": {"value": "C"}}))
    assert refusal(path)[0] == ["several-scorers"]


def test_several_values_of_a_scorer_want_a_choice(path: Path) -> None:
    log_of(path, sample({"strict": "C", "loose": "I"}))
    assert refusal(path)[0] == ["several-metrics"]
    assert refusal(path, metric="lose")[0] == ["unknown-metric"]
    assert _logs.counts(only(path, metric="loose")) == {"q0": (0, 1)}


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"scores": None, "error": "boom"}, "sample that ended with an error"),
        ({"scores": {}, "error": {"message": "boom"}}, "sample that ended with an error"),
        ({"scores": None}, "sample without a score"),
        ({"completed": False}, "sample that was not completed"),
        ({"invalidation": {"reason": "x"}}, "sample that was invalidated"),
    ],
)
def test_samples_that_went_wrong_are_no_trials(
    keys: Mapping[str, object], reason: str, path: Path
) -> None:
    log = only(log_of(path, {**sample(epoch=2), **keys}, sample()))
    assert (_logs.counts(log), log.dropped) == ({"q0": (1, 1)}, {reason: 1})


def test_scored_samples_count_whatever_stopped_or_delayed_them(path: Path) -> None:
    late = sample("I", limit="token", retries=3)
    assert _logs.counts(only(log_of(path, late, sample(epoch=2, error="boom")))) == {"q0": (1, 2)}


@pytest.mark.parametrize("status", ["error", "cancelled", "started", None])
def test_runs_that_did_not_succeed_are_listed(status: object, path: Path) -> None:
    log = only(log_of(path, sample(), status=status))
    assert (log.benchmark, log.model, dict(log.n_trials)) == ("arith", "openai/toy", {})
    (reason,) = log.dropped
    assert (log.dropped[reason], "the run did not succeed" in reason) == (0, True)
    log_of(path.with_stem("good"), sample())
    imported = merge("inspect", read([path.parent], {}), {})
    assert [one.source for one in imported.dropped] == [str(path)]


def test_an_invalidated_run_is_listed(path: Path) -> None:
    assert only(log_of(path, sample(), invalidated=True)).dropped == {"the run was invalidated": 0}


def test_a_run_that_was_killed_has_no_header(tmp_path: Path) -> None:
    path = tmp_path / "a.eval"
    with zipfile.ZipFile(path, "w", 93) as archive:
        archive.writestr("_journal/start.json", json.dumps({"eval": header()["eval"]}))
    (reason,) = only(path).dropped
    assert "its status is started" in reason


def test_an_epoch_twice_is_one_trial_if_the_verdicts_agree(path: Path) -> None:
    log = only(log_of(path, sample(), sample(), sample("I", epoch=2)))
    assert _logs.counts(log) == {"q0": (1, 2)}
    assert log.dropped == {"the same epoch of a sample twice": 1}
    assert refusal(log_of(path, sample("C"), sample("I")))[0] == ["same-item-twice"]


def test_fewer_samples_than_the_header_says_are_refused(path: Path) -> None:
    results = {"results": {"total_samples": 2}}
    assert refusal(log_of(path, sample(), **results))[0] == ["incomplete-log"]
    assert only(log_of(path, sample(), sample(epoch=2), **results)).n_trials == {"q0": 2}
    assert refusal(log_of(path, **results))[0] == ["incomplete-log"]
    assert refusal(log_of(path))[0] == ["no-trials"]


def test_numbered_samples_carry_their_question(path: Path) -> None:
    log_of(path, sample(item=1), sample(item="own"))
    other = path.with_stem("other")
    messages = [{"role": "user", "id": "x", "content": [{"type": "text", "text": "what is 1?"}]}]
    second = {"eval": {"task": "arith", "model": "openai/big", "task_version": 1}}
    log_of(other, sample(item=1, input=messages), **second)
    logs = read([path, other], {})
    assert set(logs[0].document) == {"1"}
    assert logs[0].document == logs[1].document
    assert len(merge("inspect", logs, {}).rows) == 3
    log_of(other, sample(item=1, input="what is 2?"), **second)
    with pytest.raises(ValueError, match="other-questions"):
        merge("inspect", read([path, other], {}), {})


def test_arguments_of_a_task_make_a_version(path: Path) -> None:
    run = {"task": "arith", "model": "m", "task_version": "2-A", "task_args_passed": {"a": 1}}
    run["task_args_passed"] = {"subject": "law", "epochs": 4}
    assert only(log_of(path, sample(), eval=run)).version == "version 2-A, subject=law"


def test_times_of_other_zones_are_compared_as_times(path: Path) -> None:
    stats = {"completed_at": "2026-01-01T10:00:00-05:00"}
    assert only(log_of(path, sample(), stats=stats)).finished == "2026-01-01T15:00:00+00:00"
    assert only(log_of(path, sample(), stats={"completed_at": "?"})).finished == "?"


def test_other_files_of_a_log_folder(tmp_path: Path) -> None:
    log_of(tmp_path / "a.eval", sample())
    for name in ("logs.json", "eval-set.json"):
        _logs.put(tmp_path / name, {})
    assert len(read([tmp_path], {})) == 1
    _logs.put(tmp_path / "mine.json", {"a": 1})
    assert refusal(tmp_path)[0] == ["unknown-layout"]


def test_a_list_or_a_log_without_a_task_is_refused(tmp_path: Path) -> None:
    assert refusal(_logs.put(tmp_path / "a.json", [1]))[0] == ["unknown-layout"]
    path = log_of(tmp_path / "b.json", sample(), eval={"model": "m"})
    assert refusal(path)[0] == ["unknown-layout"]
    path = log_of(tmp_path / "c.json", sample(), eval={"task": "t"})
    assert refusal(path)[0] == ["no-model"]
    assert only(path, model="mine").model == "mine"


@pytest.mark.parametrize("keys", [{"id": None}, {"epoch": 0}, {"epoch": "1"}, {"epoch": 10**9}])
def test_a_sample_without_id_or_epoch_is_refused(keys: Mapping[str, object], path: Path) -> None:
    assert refusal(log_of(path, {**sample(), **keys}))[0] == ["unknown-layout"]


def test_a_log_that_inflates_beyond_measure_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.eval"
    with zipfile.ZipFile(path, "w", 93) as archive:
        archive.writestr("header.json", json.dumps(header()))
        archive.writestr("summaries.json", b"[" + b" " * 50_000_000 + b"]")
    assert path.stat().st_size < 20_000
    assert refusal(path)[0] == ["bad-zip"]


@pytest.mark.parametrize("seed", range(40))
def test_damaged_logs_give_sound_counts_or_an_error(seed: int, tmp_path: Path) -> None:
    rng = _logs.seeded(seed)
    with zipfile.ZipFile(sorted(LOGS.glob("*.eval"))[0]) as archive:
        head = json.loads(archive.read("header.json"))
        samples = json.loads(archive.read("summaries.json"))
    path = tmp_path / f"a.{'eval' if seed % 2 else 'json'}"
    for _ in range(5):
        changed = _logs.mutated({**head, "samples": samples}, rng)
        if path.suffix == ".json":
            _logs.put(path, changed)
        else:
            content = changed if isinstance(changed, dict) else {}
            with zipfile.ZipFile(path, "w", rng.choice([0, 8, 93])) as archive:
                archive.writestr("summaries.json", json.dumps(content.pop("samples", None)))
                archive.writestr("header.json", json.dumps(content))
        if rng.random() < 0.3:
            path.write_bytes(_logs.damaged(path.read_bytes(), rng))
        _logs.survives(read, path, {"partial": "drop"})
