"""Logs put together: which is taken, what is listed, what is refused."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from bayescod.errors import DataError
from bayescod.scores.importers.merging import merge
from bayescod.scores.importers.records import Dropped, Log, Row

BASE = Log("arith", "toy", "a.json", "2026-01-01", {"q0": 4, "q1": 2}, {"q0": 3, "q1": 0})


def reasons(logs: list[Log], **options: bool) -> list[tuple[str, int, str]]:
    return [(one.source, one.lines, one.reason) for one in merge("t", logs, {}, **options).dropped]


def codes(logs: list[Log], **options: bool) -> list[str]:
    with pytest.raises(DataError) as caught:
        merge("t", logs, {}, **options)
    assert all(problem.fix for problem in caught.value.problems)
    return [problem.code for problem in caught.value.problems]


def test_one_log_gives_its_rows_and_account() -> None:
    log = replace(BASE, dropped={"unscored": 3}, not_binary=1)
    imported = merge("t", [log], {"toy": "org/toy"})
    assert imported.rows == (
        Row("arith", "q0", "org/toy", 4, 3),
        Row("arith", "q1", "org/toy", 2, 0),
    )
    (taken,) = imported.taken
    assert (taken.model, taken.spelt, taken.n_items, taken.n_missing) == ("org/toy", "toy", 2, 0)
    assert (taken.trials, taken.n_trials, taken.n_correct) == ((2, 3.0, 4), 6, 3)
    assert taken.not_binary == 1
    assert imported.dropped == (Dropped("a.json", 3, "unscored"),)
    assert (imported.files, imported.renamed) == (("a.json",), {"toy": "org/toy"})


def test_missing_items_are_counted_by_model() -> None:
    other = replace(BASE, model="big", n_trials={"q0": 1, "q7": 1}, n_correct={"q0": 1, "q7": 1})
    taken = merge("t", [BASE, other, replace(BASE, benchmark="b")], {}).taken
    missing = {(one.benchmark, one.model): one.n_missing for one in taken}
    assert missing == {("arith", "big"): 1, ("arith", "toy"): 1, ("b", "toy"): 0}


@pytest.mark.parametrize("seed", range(3))
def test_the_newest_log_is_taken_in_whatever_order_they_come(seed: int) -> None:
    days = ["2026-01-01", "2026-03-01", "2026-02-01"]
    logs = [
        replace(BASE, source=f"{day}.json", finished=day, n_correct={"q0": 1, "q1": index})
        for index, day in enumerate(days)
    ]
    random.Random(seed).shuffle(logs)  # noqa: S311 - nothing is secret
    imported = merge("t", logs, {})
    assert imported.rows[1].n_correct == 1
    reason = "an older log of the same task and model as 2026-03-01.json"
    assert [(one.source, one.lines, one.reason) for one in imported.dropped] == [
        ("2026-01-01.json", 0, reason),
        ("2026-02-01.json", 0, reason),
    ]


def test_two_spellings_of_one_model_are_one_model() -> None:
    logs = [BASE, replace(BASE, model="org__toy", source="b.json", finished="2026-02-01")]
    imported = merge("t", logs, {"toy": "org/toy", "org__toy": "org/toy"})
    assert [one.spelt for one in imported.taken] == ["org__toy"]
    assert [one.source for one in imported.dropped] == ["a.json"]


def test_a_copy_is_listed_and_not_added() -> None:
    copy = replace(BASE, source="b.json")
    assert reasons([BASE, copy]) == [("a.json", 0, "a copy of b.json")]
    assert reasons([BASE, copy], add_up=True) == [("a.json", 0, "a copy of b.json")]


def test_logs_of_one_time_are_not_chosen_between() -> None:
    assert codes([BASE, replace(BASE, source="b.json", n_correct={"q0": 0, "q1": 0})]) == [
        "several-logs"
    ]


def test_repeats_add_up_only_as_told() -> None:
    again = replace(BASE, source="b.json", finished="2026-02-01", n_correct={"q0": 1, "q1": 2})
    assert [row.n_trials for row in merge("t", [BASE, again], {}).rows] == [4, 2]
    imported = merge("t", [BASE, again], {}, add_up=True)
    assert [(row.n_correct, row.n_trials) for row in imported.rows] == [(4, 8), (2, 4)]
    assert imported.dropped == ()
    seeded = [replace(log, seed="seed 1") for log in (BASE, again)]
    assert reasons(seeded, add_up=True) == [("a.json", 0, "a run with the same seed as b.json")]
    seeded[0] = replace(BASE, seed="seed 2")
    assert merge("t", seeded, {}, add_up=True).rows[0].n_trials == 8


def test_repeats_of_several_versions_are_refused() -> None:
    old = replace(BASE, version="1")
    new = replace(BASE, version="2", source="b.json", finished="2026-02-01")
    assert merge("t", [old, new], {}).rows[0].n_trials == 4
    assert codes([old, new], add_up=True) == ["mixed-versions"]


def test_versions_of_a_benchmark_may_not_mix() -> None:
    logs = [
        replace(BASE, model=f"toy-{index}", source=f"{index}.json", version=version)
        for index, version in enumerate(["1.0", "1.0", "2.0", ""])
    ]
    with pytest.raises(DataError) as caught:
        merge("t", logs, {})
    (problem,) = caught.value.problems
    assert (problem.code, problem.file) == ("mixed-versions", "2.json")
    assert problem.got == "1.0 (2 logs, as 0.json); 2.0 (1 log, as 2.json)"
    assert "--select 'version=1.0'" in problem.fix
    logs[2] = replace(logs[2], benchmark="other")
    assert len(merge("t", logs, {}).taken) == 4


def test_a_number_that_is_another_question_elsewhere_is_refused() -> None:
    first = replace(BASE, document={"q0": "aaaa", "q1": "bbbb"})
    second = replace(first, model="big", source="b.json", document={"q0": "aaaa", "q1": "cccc"})
    with pytest.raises(DataError) as caught:
        merge("t", [first, second], {})
    (problem,) = caught.value.problems
    assert (problem.code, problem.got) == ("other-questions", "item q1")
    assert {problem.file, "a.json" if problem.file == "b.json" else "b.json"} == {
        "a.json",
        "b.json",
    }
    assert len(merge("t", [first, replace(second, document={"q0": "aaaa"})], {}).rows) == 4
    assert len(merge("t", [first, replace(second, benchmark="b")], {}).rows) == 4


def test_logs_that_may_not_be_used_are_listed() -> None:
    failed = Log("arith", "big", "b.json", "", {}, {}, dropped={"status error": 0})
    assert reasons([BASE, failed]) == [("b.json", 0, "status error")]
    with pytest.raises(DataError, match=r"no-usable-log.*1 x status error"):
        merge("t", [failed], {})


def test_rows_are_sorted_whatever_the_order() -> None:
    logs = [
        replace(BASE, model=model, benchmark=benchmark)
        for model in ("b", "a")
        for benchmark in ("y", "x")
    ]
    rows = merge("t", logs, {}).rows
    assert rows == merge("t", logs[::-1], {}).rows
    assert [row[:3] for row in rows] == sorted(row[:3] for row in rows)
