"""lm-evaluation-harness: filters, repeats, votes, pass@k, names, older and newer versions."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from bayescod.scores.importers import lm_eval_lines
from bayescod.scores.importers.lm_eval import read
from bayescod.scores.importers.merging import merge
from bayescod.scores.importers.records import Log
from tests.scores.importers import _logs

LOGS = _logs.LOGS / "lm-eval"
NEWER = _logs.LOGS / "lm-eval-0.5"
DATE = "2026-01-01T00-00-00.000001"


def one(doc_id: object = 0, score: object = 1.0, **keys: object) -> dict[str, object]:
    """Make a line of a task with one answer and one filter."""
    line: dict[str, object] = {
        "doc_id": doc_id,
        "doc": {"question": f"q{doc_id}?"},
        "resps": [["a"]],
        "filtered_resps": ["a"],
        "filter": "none",
        "metrics": ["acc"],
        "doc_hash": f"hash-{doc_id}",
        "acc": score,
    }
    line.update(keys)
    return {key: value for key, value in line.items() if value is not ...}


def kept(score: object, n: int = 4, **keys: object) -> dict[str, object]:
    """Make a line whose filter kept all answers."""
    return one(0, score, resps=[["a"] * n], filtered_resps=[["a"] * n], **keys)


def run(
    folder: Path,
    *lines: Mapping[str, object],
    task: str = "gsm8k",
    results: Mapping[str, object] | None = None,
    date: str = DATE,
) -> Path:
    """Write a run's two files; gives the folder."""
    _logs.put_lines(folder / f"samples_{task}_{date}.jsonl", lines)
    content: dict[str, object] = {
        "model_name": "org/toy",
        "config": {"model_args": {"pretrained": "org/toy"}, "random_seed": 0},
        "configs": {task: {"task": task}},
        "versions": {task: 1.0},
        "n-shot": {task: 5},
    }
    content.update(results or {})
    _logs.put(folder / f"results_{date}.json", content)
    return folder


def only(path: Path, **select: str) -> Log:
    (log,) = read([path], select)
    return log


def refusal(path: Path, **select: str) -> tuple[list[str], str]:
    error = _logs.refused(read, path, select)
    return _logs.codes(error), str(error)


def by_model(logs: list[Log], benchmark: str) -> dict[str, _logs.Counts]:
    return {log.model: _logs.counts(log) for log in logs if log.benchmark == benchmark}


@pytest.mark.parametrize("name", ["all", "first"])
def test_counts_of_a_filter_are_as_expected(name: str) -> None:
    logs = read([LOGS], {"filter": name, "metric": "acc"})
    assert by_model(logs, "local_gen") == _logs.expected(f"lm-eval/local_gen[{name}]")
    assert by_model(logs, "local_mc") == _logs.expected("lm-eval/local_mc[acc]")
    assert {log.finished for log in logs} == {
        "2026-11-21T21-21-18.641570",
        "2026-11-21T21-21-44.932127",
    }


def test_counts_of_single_repeats_are_as_expected_unasked() -> None:
    logs = read([NEWER], {})
    assert by_model(logs, "local_gen") == _logs.expected("lm-eval-0.5.0.dev1/local_gen[all]")
    dropped = {"filter first, not chosen": 5, "filter maj@4, not chosen": 5}
    assert [log.dropped for log in logs] == [dropped, dropped]
    assert [log.not_binary for log in logs] == [0, 0]
    same = read([NEWER], {"metric": "pass@1(exact_match)"})
    assert by_model(same, "local_gen") == by_model(logs, "local_gen")


def test_several_filters_and_metrics_want_a_choice() -> None:
    codes, text = refusal(LOGS)
    assert codes == ["several-filters", "several-metrics"]
    assert "got: all, first, maj@4; do: choose one with --select filter=all" in text
    assert "got: acc, acc_norm; do: choose one with --select metric=acc" in text


def test_a_choice_that_no_log_has_is_told() -> None:
    codes, text = refusal(LOGS, filter="al", metric="acc")
    assert codes == ["unknown-filter"]
    assert "no filter al; got: all, first, maj@4" in text
    codes, _ = refusal(LOGS, filter="all", metric="acc_nrm")
    assert codes == ["unknown-metric"]


def test_a_choice_may_be_another_task_s(tmp_path: Path) -> None:
    run(tmp_path, one(), task="a")
    run(tmp_path, one(filter="x"), one(filter="y", score=0), task="b", date="2026-01-02T00-00-00")
    first, second = read([tmp_path], {"filter": "y"})
    assert (_logs.counts(first), _logs.counts(second)) == ({"0": (1, 1)}, {"0": (0, 1)})
    assert refusal(tmp_path / f"samples_a_{DATE}.jsonl", filter="y")[0] == ["unknown-filter"]


def test_a_vote_is_no_trial(tmp_path: Path) -> None:
    assert refusal(LOGS, filter="maj@4", metric="acc")[0] == ["no-trial"]
    config = {"filter_list": [{"name": "score", "filter": [{"function": "majority_vote"}]}]}
    path = run(tmp_path, one(filter="score"), results={"configs": {"gsm8k": config}})
    assert refusal(path)[0] == ["no-trial"]
    config["filter_list"][0]["filter"] = [{"function": "take_first"}]
    assert _logs.counts(only(run(tmp_path, one(filter="score")))) == {"0": (1, 1)}


def test_answers_that_the_default_filter_throws_away_are_listed(tmp_path: Path) -> None:
    log = only(run(tmp_path, one(resps=[["a", "b", "c", "d"]])))
    assert _logs.counts(log) == {"0": (1, 1)}
    (reason,) = log.dropped
    assert (log.dropped[reason], "take_first_k" in reason) == (3, True)


def test_a_mean_over_kept_answers_is_a_count(tmp_path: Path) -> None:
    log = only(
        run(tmp_path, kept(0.75), one(1, 1 / 3, resps=[["a"] * 3], filtered_resps=[["a"] * 3]))
    )
    assert _logs.counts(log) == {"0": (3, 4), "1": (1, 3)}
    assert log.not_binary == 2
    assert refusal(run(tmp_path, kept(0.7)))[0] == ["not-counts"]


@pytest.mark.parametrize(
    "score", [0.5, -1, 2, float("nan"), float("inf"), "1", None, [1], {"a": 1}]
)
def test_a_score_that_is_no_verdict_is_refused(score: object, tmp_path: Path) -> None:
    codes, text = refusal(run(tmp_path, one(score=score)))
    assert codes == ["not-counts"]
    assert "take_first_k" in text


def test_likelihoods_are_not_repeats(tmp_path: Path) -> None:
    choices = [[["-0.8", "False"]], [["-1.6", "False"]]]
    line = one(resps=choices, filtered_resps=[["-0.8", "False"], ["-1.6", "False"]])
    assert _logs.counts(only(run(tmp_path, line))) == {"0": (1, 1)}
    line = one(resps=choices[:1], filtered_resps=[["-0.8", "False"]], score=0.5)
    assert refusal(run(tmp_path, line))[0] == ["not-counts"]


def test_a_filter_that_keeps_some_answers_is_refused(tmp_path: Path) -> None:
    line = one(resps=[["a"] * 4], filtered_resps=[["a"] * 2])
    assert "neither one nor all of 4" in refusal(run(tmp_path, line))[1]


@pytest.mark.parametrize(
    ("metric", "score", "counts"),
    [("pass@1", 0.25, (1, 4)), ("pass@2", 0.5, (1, 4)), ("pass@2", 0.0, (0, 4))],
)
def test_pass_at_k_gives_the_count_behind_it(
    metric: str, score: float, counts: tuple[int, int], tmp_path: Path
) -> None:
    line = kept(0, metrics=[metric], **{metric: score})
    assert _logs.counts(only(run(tmp_path, line))) == {"0": counts}


def test_pass_at_k_is_inverted_for_every_count() -> None:
    n, k = 16, 4
    for correct in range(n + 1):
        fail = 1.0
        for index in range(k):
            fail *= max(0, n - correct - index) / (n - index)
        found = lm_eval_lines._from_pass_at(1 - fail, k, n)
        assert found == (correct, n) if correct <= n - k else isinstance(found, str)


def test_pass_at_k_of_one_is_refused(tmp_path: Path) -> None:
    codes, text = refusal(run(tmp_path, kept(0, metrics=["pass@2"], **{"pass@2": 1.0})))
    assert codes == ["not-counts"]
    assert "which many counts of 4 answers give" in text


@pytest.mark.parametrize("single", [[1, 0.5], [], "1", [1, None], [float("nan")]])
def test_single_scores_that_are_not_verdicts_are_refused(single: object, tmp_path: Path) -> None:
    line = kept(1.0, scores_per_repeat={"acc": single})
    assert refusal(run(tmp_path, line))[0] == ["not-counts"]


def test_documents_are_named_by_their_own_id_where_all_have_one(tmp_path: Path) -> None:
    def named(doc_id: int, **document: object) -> dict[str, object]:
        return one(doc_id, doc=document)

    log = only(run(tmp_path, named(0, id="x"), named(1, id="y")))
    assert (set(log.n_trials), log.document) == ({"x", "y"}, {})
    for lines in (
        (named(0, id="x"), named(1, id="x")),
        (named(0, id="x"), named(1)),
        (named(0, id="x"), named(1, id=["y"])),
    ):
        log = only(run(tmp_path, *lines))
        assert (set(log.n_trials), log.document) == ({"0", "1"}, {"0": "hash-0", "1": "hash-1"})


def test_all_logs_of_a_task_name_their_items_alike(tmp_path: Path) -> None:
    run(tmp_path / "a", one(0, doc={"id": "x"}), one(1, doc={"id": "y"}))
    run(tmp_path / "b", one(0, doc={"id": "x"}), one(1, doc={"id": "x"}))
    assert [set(log.n_trials) for log in read([tmp_path], {})] == [{"0", "1"}] * 2


def test_the_field_that_names_documents_can_be_chosen(tmp_path: Path) -> None:
    path = run(tmp_path, one(0, doc={"id": 1, "nr": "x"}), one(1, doc={"id": 2, "nr": "y"}))
    assert set(only(path, item="nr").n_trials) == {"x", "y"}
    assert refusal(path, item="no")[0] == ["no-item-names"]
    assert set(only(path, item="doc_hash").n_trials) == {"hash-0", "hash-1"}


def test_numbers_of_other_data_do_not_mix(tmp_path: Path) -> None:
    run(tmp_path / "a", one(0), one(1))
    other = {"model_name": "big", "config": {"model_args": "pretrained=big,dtype=auto"}}
    run(tmp_path / "b", one(0), one(1, doc_hash="else"), results=other)
    logs = read([tmp_path], {})
    assert [log.model for log in logs] == ["org/toy", "big"]
    with pytest.raises(ValueError, match="other-questions"):
        merge("lm-eval", logs, {})


def test_the_same_line_twice_is_one_trial(tmp_path: Path) -> None:
    log = only(run(tmp_path, one(0), one(1), one(1)))
    assert _logs.counts(log) == {"0": (1, 1), "1": (1, 1)}
    assert log.dropped == {"the same line twice": 1}


def test_two_runs_in_one_file_are_refused(tmp_path: Path) -> None:
    codes, text = refusal(run(tmp_path, one(0, 1.0), one(0, 0.0)))
    assert codes == ["same-item-twice"]
    assert "row 2" in text


def test_before_0_4_7_one_filter_can_be_read_and_several_not(tmp_path: Path) -> None:
    def old(doc_id: int, score: float) -> dict[str, object]:
        return one(doc_id, score, filter=..., metrics=...)

    assert _logs.counts(only(run(tmp_path, old(0, 1.0), old(1, 0.0)))) == {
        "0": (1, 1),
        "1": (0, 1),
    }
    codes, text = refusal(run(tmp_path, old(0, 1.0), old(0, 0.0)))
    assert codes == ["no-filter-names"]
    assert "0.4.7 or later" in text


def test_the_model_is_named_in_the_results_file_only(tmp_path: Path) -> None:
    path = run(tmp_path, one())
    (tmp_path / f"results_{DATE}.json").unlink()
    codes, text = refusal(path)
    assert (codes, "--select model=NAME" in text) == (["no-results-file"], True)
    assert only(path, model="mine").model == "mine"


def test_a_name_that_lm_eval_made_up_is_refused(tmp_path: Path) -> None:
    made_up = {"model_name": "i82qcls7", "config": {"model_args": {"skill": 1}}}
    path = run(tmp_path, one(), results=made_up)
    assert refusal(path)[0] == ["random-model-name"]
    assert only(path, model="mine").model == "mine"


@pytest.mark.parametrize(
    ("arguments", "model"),
    [
        ({"pretrained": "org/toy", "revision": "step1000"}, "org/toy@step1000"),
        ("pretrained=org/toy,revision=step1000,dtype=auto", "org/toy@step1000"),
        ({"pretrained": "org/toy", "revision": "main"}, "org/toy"),
        ({"pretrained": "org/toy", "revision": None}, "org/toy"),
        ("pretrained=org/toy", "org/toy"),
    ],
)
def test_a_revision_is_a_model_of_its_own(arguments: object, model: str, tmp_path: Path) -> None:
    path = run(tmp_path, one(), results={"config": {"model_args": arguments}})
    assert only(path).model == model


def test_results_beside_may_have_another_stem_and_the_task_its_full_name(tmp_path: Path) -> None:
    path = run(tmp_path, one(), task="mmlu_pro", results={"configs": {"mmlu-pro": {}}})
    (path / f"results_{DATE}.json").rename(path / f"mine_{DATE}.json")
    assert only(path).benchmark == "mmlu-pro"


def test_left_out_documents_are_counted_and_missing_ones_refused(tmp_path: Path) -> None:
    def sizes(effective: int) -> dict[str, object]:
        return {"n-samples": {"gsm8k": {"original": 100, "effective": effective}}}

    log = only(run(tmp_path, one(0), one(1), results=sizes(2)))
    assert log.dropped == {"questions that --limit or --samples left out": 98}
    codes, text = refusal(run(tmp_path, one(0), one(1), results=sizes(3)))
    assert (codes, "got: 2; wanted: 3" in text) == (["incomplete-log"], True)


def test_versions_and_seeds_are_told(tmp_path: Path) -> None:
    log = only(run(tmp_path, one()))
    assert (log.version, log.seed) == ("version 1.0, 5 shots", "random_seed 0")


def test_a_renamed_file_is_refused(tmp_path: Path) -> None:
    run(tmp_path, one())
    path = tmp_path / f"samples_gsm8k_{DATE}.jsonl"
    assert refusal(path.rename(tmp_path / "samples_gsm8k.jsonl"))[0] == ["renamed-log"]
    assert refusal(tmp_path / f"results_{DATE}.json")[0] == ["other-file"]


@pytest.mark.parametrize(
    "results",
    [
        {"model_name": "\ud800"},
        {"config": {"model_args": {"pretrained": "org/toy", "revision": "\ud800"}}},
        {"model_name": ["org/toy"]},
    ],
)
def test_a_name_that_no_table_can_hold_is_refused(
    results: Mapping[str, object], tmp_path: Path
) -> None:
    assert refusal(run(tmp_path, one(), results=results))[0] == ["no-model"]


def test_one_name_is_not_given_to_several_logs(tmp_path: Path) -> None:
    for name in ("a", "b"):
        run(tmp_path / name, one())
    assert refusal(tmp_path, model="mine")[0] == ["one-name-several-logs"]


@pytest.mark.parametrize("seed", range(40))
def test_damaged_logs_give_sound_counts_or_an_error(seed: int, tmp_path: Path) -> None:
    rng = _logs.seeded(seed)
    folder = tmp_path / "logs"
    shutil.copytree((LOGS if seed % 2 else NEWER) / "toy__toy-1B", folder)
    for _ in range(5):
        path = rng.choice(sorted(folder.iterdir()))
        sound = path.read_bytes()
        if rng.random() < 0.3:
            path.write_bytes(_logs.damaged(sound, rng))
        elif path.suffix == ".json":
            _logs.put(path, _logs.mutated(_logs.document(path), rng))
        else:
            _logs.put_lines(path, _logs.mutated(_logs.lines(path), rng))  # type: ignore[arg-type]
        _logs.survives(read, folder, {"filter": "all", "metric": "exact_match"})
        path.write_bytes(sound)
