"""Backtests: what is held out, what is compared, and that nothing leaks."""

from dataclasses import replace

import numpy as np
import pytest

from bayescod.api import backtest
from bayescod.baselines.methods import METHODS, Method
from bayescod.errors import DataError, UnknownNameError
from bayescod.evaluation.backtest import tasks_of
from bayescod.scores.selection import select_backtest
from bayescod.specs import spec_folder
from tests._ladders import ANCHOR, GROWING, LEVEL, TARGET, make_scores, rescored

CLOSED = ("least-squares", "last-value")
SCORES = make_scores(0, {"easy": GROWING, "level": LEVEL}, n_ladder=9)


def test_the_largest_third_is_held_out_by_default():
    tasks, skipped = tasks_of(SCORES, (), (), (1.0,))
    held = [name for task in tasks for name in task.held_out]
    # Nine of the ladder and the target; the anchor is none of them.
    assert held == ["llm-6", "llm-7", "llm-8", TARGET]
    assert skipped == ()


def test_nothing_of_at_least_the_held_out_compute_remains():
    for task in tasks_of(SCORES, (), (), (1.0,))[0]:
        compute = dict(zip(SCORES.llms.name, SCORES.llms.compute_flops, strict=True))
        assert all(compute[n] < compute[task.held_out[0]] for n in task.selection.ladder)
        assert task.selection.anchors == (ANCHOR,)


def test_distance_leaves_out_what_is_nearer():
    near = select_backtest(SCORES, "llm-8", ())
    far = select_backtest(SCORES, "llm-8", (), distance=6.0)
    assert near.ladder == tuple(f"llm-{i}" for i in range(8))
    # Steps of 2.5: llm-6 is 6.25 times smaller, llm-7 2.5 times.
    assert far.ladder == tuple(f"llm-{i}" for i in range(7))
    assert dict(far.left_out)["llm-7"] == "more than 1/6 of the compute of the held-out model"


def test_llms_that_leave_one_ladder_share_a_task():
    scores = replace(
        SCORES, llms=replace(SCORES.llms, role=("ladder",) * 7 + ("target",) * 3 + ("anchor",))
    )
    tasks, _ = tasks_of(scores, ("llm-7", TARGET), (), (1.0,))
    assert [task.held_out for task in tasks] == [("llm-7", TARGET)]


def test_a_distance_that_leaves_too_few_is_skipped_and_said():
    tasks, skipped = tasks_of(SCORES, ("llm-5",), (), (1.0, 100.0))
    assert len(tasks) == 1
    assert [why.partition(":")[0] for _, _, why in skipped] == ["llm-5 at 100x"]


def test_a_named_llm_that_cannot_be_held_out_is_an_error():
    with pytest.raises(DataError, match="2 ladder models remain"):
        tasks_of(SCORES, ("llm-2",), (), (1.0,))


def test_rows_are_the_forecasts_of_every_benchmark_llm_and_method():
    found = backtest(SCORES, holdouts=["llm-7", "llm-8"], methods=CLOSED)
    keys = {(row.benchmark, row.model, row.method) for row in found.rows}
    assert keys == {
        (b, m, k) for b in ("easy", "level") for m in ("llm-7", "llm-8") for k in CLOSED
    }
    for row in found.rows:
        one = next(b for b in SCORES.benchmarks if b.benchmark == row.benchmark)
        assert row.truth == pytest.approx(float(one.score()[one.llm.index(row.model)]))
        assert row.compute_ratio == pytest.approx(2.5)
        assert 0 <= row.q05 <= row.q50 <= row.q95 <= 1
    assert found.provenance["holdouts"] == "llm-7, llm-8"
    assert set(found.seconds) == set(CLOSED)


@pytest.mark.parametrize("changed", ["llm-7", "llm-8", TARGET])
def test_scores_of_the_held_out_llm_and_of_larger_ones_do_not_leak(changed):
    before = backtest(SCORES, holdouts=["llm-7"], methods=CLOSED)
    after = backtest(rescored(SCORES, changed, 0.01), holdouts=["llm-7"], methods=CLOSED)
    for old, new in zip(before.rows, after.rows, strict=True):
        assert (old.q05, old.q50, old.q95) == (new.q05, new.q50, new.q95)


def test_a_smaller_llm_does_enter():
    before = backtest(SCORES, holdouts=["llm-7"], methods=CLOSED)
    after = backtest(rescored(SCORES, "llm-6", 0.01), holdouts=["llm-7"], methods=CLOSED)
    assert all(o.q50 != n.q50 for o, n in zip(before.rows, after.rows, strict=True))


def test_other_checkpoints_of_the_held_out_run_go_too():
    llms = replace(
        SCORES.llms, run=("one",) * 2 + SCORES.llms.run[2:7] + ("one",) + SCORES.llms.run[8:]
    )
    selection = select_backtest(replace(SCORES, llms=llms), "llm-7", ())
    assert not {"llm-0", "llm-1"} & set(selection.ladder)


def test_what_does_not_apply_is_said():
    unknown = np.full(len(SCORES.llms.name), np.nan)
    llms = replace(SCORES.llms, params=unknown, tokens=unknown, loss=unknown)
    methods = ["end-to-end-accuracy", "params-tokens", "loss-intermediate", "last-value"]
    found = backtest(replace(SCORES, llms=llms), holdouts=["llm-7"], methods=methods)
    reasons = {method: why for method, _, why in found.skipped}
    assert "the same as end-to-end" in reasons["end-to-end-accuracy"]
    assert "needs parameters and tokens of the target" in reasons["params-tokens"]
    assert "needs loss of every ladder model" in reasons["loss-intermediate"]
    assert {row.method for row in found.rows} == {"last-value"}


@pytest.mark.parametrize("distances", [(0.5,), (float("nan"),), ()])
def test_distances_are_at_least_one(distances):
    with pytest.raises(DataError, match="distance"):
        backtest(SCORES, methods=CLOSED, distances=distances)


def test_unknown_names_are_told():
    with pytest.raises(UnknownNameError, match="unknown method"):
        backtest(SCORES, methods=["cot"])
    with pytest.raises(UnknownNameError, match="unknown benchmark"):
        backtest(SCORES, methods=CLOSED, benchmarks=["eazy"])
    with pytest.raises(DataError, match="llm-77"):
        backtest(SCORES, methods=CLOSED, holdouts=["llm-77"])


@pytest.mark.slow
def test_posteriors_that_methods_share_are_sampled_once(tmp_path, monkeypatch):
    """Two methods of one spec: the second takes no sampling, and the forecasts are equal."""
    text = (spec_folder() / "end-to-end.toml").read_text(encoding="utf-8")
    short = text.replace("warmup = 1000", "warmup = 200").replace("draws = 1000", "draws = 200")
    path = tmp_path / "short.toml"
    path.write_text(short, encoding="utf-8")
    for name in ("first", "second"):
        monkeypatch.setitem(METHODS, name, Method(str(path)))
    found = backtest(SCORES, holdouts=["llm-8"], methods=["first", "second"], benchmarks=["easy"])
    first, second = (replace(row, method="") for row in found.rows)
    assert first == second
    assert found.seconds["second"] < 0.2 * found.seconds["first"]
    assert np.isfinite(first.crps)
