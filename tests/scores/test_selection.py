"""Targets, ladders and anchors, and above all what must not leak."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bayescod.errors import DataError
from bayescod.scores import (
    Scores,
    parse_target,
    read_scores,
    select_backtest,
    select_ladder,
)

MODELS = """model,compute_flops,run,role
s1,1e18,,
s2,1e19,,
s3,1e20,,
s3b,1e20,,
s4-early,2e20,s4,
s4,4e20,s4,
s5,1e21,,ladder
rival,3e20,,target
big-early,1.5e20,big,
big,1e22,big,target
other-lab,,,anchor
other-lab-2,5e22,,anchor
unsized,,,
unscored,1e17,,
"""
SCORED = [line.split(",")[0] for line in MODELS.splitlines()[1:] if "unscored" not in line]


def make(write: Callable[..., Path], text: str = MODELS, scored: Sequence[str] = SCORED) -> Scores:
    rows = "".join(f"b,{name},0.5\n" for name in scored)
    return read_scores(write("s.csv", "benchmark,model,score\n" + rows), write("m.csv", text))


def codes(error: pytest.ExceptionInfo[DataError]) -> list[str]:
    return [problem.code for problem in error.value.problems]


def test_a_named_target_takes_its_run_with_it_and_other_targets_stay_out(
    write: Callable[..., Path],
) -> None:
    scores = make(write)
    found = select_ladder(scores, parse_target("big", scores.llms), [])
    assert found.ladder == ("s1", "s2", "s3", "s3b", "s4-early", "s4", "s5")
    assert found.anchors == ("other-lab", "other-lab-2")
    left_out = dict(found.left_out)
    assert set(left_out) == {"big", "big-early", "rival", "unsized"}
    assert "run" in left_out["big-early"]
    assert "target" in left_out["rival"]
    assert "compute" in left_out["unsized"]
    assert {w.code for w in found.warnings} == {"no-compute"}


def test_a_flops_target_leaves_every_target_out(write: Callable[..., Path]) -> None:
    scores = make(write)
    found = select_ladder(scores, parse_target("1e24", scores.llms), [])
    assert set(found.ladder) == {"s1", "s2", "s3", "s3b", "s4-early", "s4", "big-early", "s5"}
    assert {"big", "rival"} <= set(dict(found.left_out))


def test_naming_a_target_overrides_its_role(write: Callable[..., Path]) -> None:
    scores = make(write)
    found = select_ladder(scores, parse_target("s5", scores.llms), [])
    assert "s5" not in found.ladder
    assert not {"big", "rival"} & set(found.ladder)


def test_named_anchors_replace_those_by_role_and_leave_the_ladder(
    write: Callable[..., Path],
) -> None:
    scores = make(write)
    found = select_ladder(scores, parse_target("big", scores.llms), ["s5", "unsized"])
    assert found.anchors == ("s5", "unsized")
    assert not {"s5", "unsized", "other-lab", "other-lab-2"} & set(found.ladder)
    assert {"other-lab", "other-lab-2"} <= set(dict(found.left_out))
    assert found.warnings == ()


def test_an_anchor_of_the_targets_run_would_leak_and_goes(write: Callable[..., Path]) -> None:
    scores = make(write)
    found = select_ladder(scores, parse_target("big", scores.llms), ["big-early", "other-lab"])
    assert found.anchors == ("other-lab",)
    assert "big-early" not in found.ladder
    assert "anchor-left-out" in {w.code for w in found.warnings}


def test_llms_are_dropped_on_request(write: Callable[..., Path]) -> None:
    scores = make(write)
    found = select_ladder(scores, parse_target("big", scores.llms), [], drop=["s1", "other-lab"])
    assert "s1" not in found.ladder
    assert found.anchors == ("other-lab-2",)


def test_a_target_inside_the_ladder_is_warned_of(write: Callable[..., Path]) -> None:
    scores = make(write)
    found = select_ladder(scores, parse_target("9e20", scores.llms), [])
    assert "target-in-range" in {w.code for w in found.warnings}
    found = select_ladder(scores, parse_target("1.1e21", scores.llms), [])
    assert "target-in-range" not in {w.code for w in found.warnings}


def test_fewer_than_four_ladder_llms_are_an_error(write: Callable[..., Path]) -> None:
    scores = make(write)
    target = parse_target("big", scores.llms)
    drop = ["s1", "s2", "s4", "s4-early"]
    with pytest.raises(DataError) as error:
        select_ladder(scores, target, [], drop=drop)
    assert codes(error) == ["short-ladder"]
    assert len(select_ladder(scores, target, [], drop=drop[1:]).ladder) == 4


def test_every_problem_of_a_task_is_listed(write: Callable[..., Path]) -> None:
    scores = make(write)
    target = parse_target("unsized", scores.llms)
    with pytest.raises(DataError) as error:
        select_ladder(scores, target, ["other-lb", "unscored", "unsized"], drop=SCORED[:6])
    assert set(codes(error)) == {
        "target-without-compute",
        "unknown-anchor",
        "anchor-without-scores",
        "anchor-is-target",
        "short-ladder",
    }
    (unknown,) = [p for p in error.value.problems if p.code == "unknown-anchor"]
    assert "other-lab" in unknown.fix


def test_a_dropped_llm_has_to_exist(write: Callable[..., Path]) -> None:
    scores = make(write)
    with pytest.raises(DataError, match="unknown-model"):
        select_ladder(scores, parse_target("big", scores.llms), [], drop=["s9"])


def test_a_backtest_sees_nothing_of_equal_or_greater_compute(write: Callable[..., Path]) -> None:
    scores = make(write)
    found = select_backtest(scores, "s4", [])
    assert found.target.name == "s4"
    assert found.ladder == ("s1", "s2", "s3", "s3b", "big-early")
    assert found.anchors == ("other-lab", "other-lab-2")
    left_out = dict(found.left_out)
    assert "run" in left_out["s4-early"]
    assert "compute" in left_out["s5"]
    assert "rival" in left_out


def test_replicates_of_a_held_out_llm_go_too(write: Callable[..., Path]) -> None:
    text = MODELS.replace("s1,1e18,,", "s1,1e18,,\ns0,1e17,,\nt0,2e17,,")
    scores = make(write, text, [*SCORED, "s0", "t0"])
    assert select_backtest(scores, "s3b", []).ladder == ("s0", "t0", "s1", "s2")


def test_a_held_out_anchor_is_no_anchor(write: Callable[..., Path]) -> None:
    scores = make(write)
    found = select_backtest(scores, "other-lab-2", ["other-lab-2"])
    assert found.anchors == ()
    assert select_backtest(scores, "other-lab-2", []).anchors == ("other-lab",)
    assert "s5" in found.ladder


def test_a_named_anchor_above_the_held_out_llm_is_kept_in_a_backtest(
    write: Callable[..., Path],
) -> None:
    scores = make(write)
    assert select_backtest(scores, "s4", ["s5"]).anchors == ("s5",)


def test_a_held_out_llm_has_to_exist_and_have_scores(write: Callable[..., Path]) -> None:
    scores = make(write)
    with pytest.raises(DataError) as error:
        select_backtest(scores, "s44", [])
    assert codes(error) == ["unknown-target"]
    assert "s4" in error.value.problems[0].fix
    with pytest.raises(DataError) as error:
        select_backtest(scores, "unscored", [])
    assert codes(error) == ["target-without-scores"]


@pytest.mark.parametrize(
    ("text", "compute", "name"),
    [
        ("1e24", 1e24, "1e24 FLOP"),
        ("3.2e23", 3.2e23, "3.2e23 FLOP"),
        ("320000000000000000000000", 3.2e23, "3.2e23 FLOP"),
        (" 5e21 ", 5e21, "5e21 FLOP"),
    ],
)
def test_a_target_in_flops(
    text: str, compute: float, name: str, write: Callable[..., Path]
) -> None:
    target = parse_target(text, make(write).llms)
    assert (target.compute_flops, target.name) == (compute, name)
    assert math.isnan(target.params)
    assert math.isnan(target.tokens)


def test_a_target_in_flops_at_a_token_ratio(write: Callable[..., Path]) -> None:
    target = parse_target("1e24@20", make(write).llms)
    assert target.tokens / target.params == pytest.approx(20)
    assert 6 * target.params * target.tokens == pytest.approx(1e24)
    assert target.params == pytest.approx(9.1287e10, rel=1e-4)


@pytest.mark.parametrize(
    "text",
    ["bigg", "1e24@", "1e24@-3", "1e24@x", "-1e24", "0", "nan", "inf", "", "@20", "1e24@20@2"],
)
def test_a_target_that_does_not_exist(text: str, write: Callable[..., Path]) -> None:
    with pytest.raises(DataError) as error:
        parse_target(text, make(write).llms)
    assert codes(error) == ["unknown-target"]
    if text == "bigg":
        assert "did you mean big" in error.value.problems[0].fix


def test_a_model_goes_before_a_number_of_the_same_spelling(write: Callable[..., Path]) -> None:
    text = "model,params,tokens\n1e24,1e9,2e10\ns1,1e9,2e10\n"
    target = parse_target("1e24", make(write, text, ["s1"]).llms)
    assert target.compute_flops == 1.2e20
    assert target.name == "1e24"
