"""Every promised check of the models table and of the benchmarks table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bayescod.errors import DataError, Problem
from bayescod.scores import read_scores

SCORES = "benchmark,item_id,model,score\nb,i,m1,0.5\nb,j,m1,0.25\n"


def problems_of(*files: Path) -> tuple[Problem, ...]:
    with pytest.raises(DataError) as caught:
        read_scores(*files)
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "code", "row", "column"),
    [
        ("model,compute_flops\nm1,0\n", "not-positive", 1, "compute_flops"),
        ("model,compute_flops\nm1,1e20\nm2,-1e20\n", "not-positive", 2, "compute_flops"),
        ("model,compute_flops\nm1,nan\n", "not-finite", 1, "compute_flops"),
        ("model,compute_flops\nm1,inf\n", "not-finite", 1, "compute_flops"),
        ("model,compute_flops\nm1,1e20 FLOP\n", "not-a-number", 1, "compute_flops"),
        ("model,params,tokens\nm1,7B,1e12\n", "not-a-number", 1, "params"),
        ("model,params,tokens\nm1,7e9,-1\n", "not-positive", 1, "tokens"),
        ("model,compute_flops,loss\nm1,1e20,NaN\n", "not-finite", 1, "loss"),
        ("model,compute_flops\nm1,1e20\nm1,1e21\n", "duplicate-model", 2, "model"),
        ("model,compute_flops\nm1,1e20\n,1e21\n", "missing-value", 2, "model"),
        ("model,compute_flops,role\nm1,1e20,anchors\n", "unknown-role", 1, "role"),
        ("model,params\nm1,1e9\n", "missing-column", None, "compute_flops"),
        ("model,family\nm1,x\n", "missing-column", None, "compute_flops"),
    ],
)
def test_a_broken_models_table_is_named(
    text: str, code: str, row: int | None, column: str, write: Callable[..., Path]
) -> None:
    models = write("models.csv", text)
    found = problems_of(write("scores.csv", SCORES), models)
    assert [(p.code, p.row, p.column) for p in found] == [(code, row, column)]
    assert found[0].file == str(models)


def test_a_models_table_without_names_or_rows(write: Callable[..., Path]) -> None:
    scores = write("scores.csv", SCORES)
    found = problems_of(scores, write("a.csv", "name,compute_flops\nm1,1e20\n"))
    assert ("missing-column", "model") in {(p.code, p.column) for p in found}
    found = problems_of(scores, write("b.csv", "model,compute_flops\n"))
    assert "empty-file" in {p.code for p in found}


def test_a_misspelt_column_and_role_get_near_names(write: Callable[..., Path]) -> None:
    scores = write("scores.csv", SCORES)
    found = problems_of(scores, write("m.csv", "model,compute_flop,role\nm1,1e20,ancor\n"))
    fixes = {p.code: p.fix for p in found}
    assert fixes["missing-column"] == "rename column compute_flop to compute_flops"
    assert fixes["unknown-role"] == "did you mean anchor?"


@pytest.mark.parametrize(
    ("text", "code", "row", "column"),
    [
        ("benchmark,chance\nb,1\n", "chance-range", 1, "chance"),
        ("benchmark,chance\nb,-0.1\n", "chance-range", 1, "chance"),
        ("benchmark,chance\nb,nan\n", "not-finite", 1, "chance"),
        ("benchmark,chance\nb,quarter\n", "not-a-number", 1, "chance"),
        ("benchmark,chance\nb,0.1\nb,0.2\n", "duplicate-row", 2, ""),
        ("benchmark,chance\n,0.1\n", "missing-value", 1, "benchmark"),
        ("benchmark,chanse\nb,0.1\n", "missing-column", None, "chance"),
        ("chance,x\n0.1,1\n", "missing-column", None, "benchmark"),
        ("benchmark,chance\n", "empty-file", None, ""),
    ],
)
def test_a_broken_benchmarks_table_is_named(
    text: str,
    code: str,
    row: int | None,
    column: str,
    write: Callable[..., Path],
    models: Path,
) -> None:
    found = problems_of(write("scores.csv", SCORES), models, write("benchmarks.csv", text))
    assert [(p.code, p.row, p.column) for p in found] == [(code, row, column)]


@pytest.mark.parametrize(
    ("text", "chance"),
    [
        ("benchmark,chance\nb,0.25\n", 0.25),
        ("benchmark,item_id,chance\nb,i,0.25\nb,j,0.5\nb,unused,0.9\n", 0.375),
        ("item_id,chance\ni,0.25\nj,0.5\n", 0.375),
        ("benchmark,item_id,chance\nb,i,0.25\nb,j,\n", 0.25),
        ("benchmark,chance\nother,0.25\n", None),
    ],
)
def test_chance_comes_from_benchmarks_or_items(
    text: str, chance: float | None, write: Callable[..., Path], models: Path
) -> None:
    read = read_scores(write("s.csv", SCORES), models, write("b.csv", text))
    assert read.benchmarks[0].chance == chance
    assert ("chance-missing" in {w.code for w in read.warnings}) == (chance is None)


def test_chance_in_the_scores_table_yields_to_the_benchmarks_table(
    write: Callable[..., Path], models: Path
) -> None:
    text = "benchmark,item_id,model,score,chance\nb,i,m1,0.5,0.25\nb,j,m1,0.5,0.5\n"
    scores = write("s.csv", text)
    assert read_scores(scores, models).benchmarks[0].chance == 0.375
    benchmarks = write("b.csv", "benchmark,chance\nb,0.1\nbb,0.1\n")
    read = read_scores(scores, models, benchmarks)
    assert read.benchmarks[0].chance == 0.1
    (unused,) = [w for w in read.warnings if w.code == "chance-unused"]
    assert unused.got == "bb"
    assert unused.fix == "did you mean b?" or unused.fix == ""


def test_compute_is_filled_in_and_said_so(write: Callable[..., Path]) -> None:
    text = "model,compute_flops,params,tokens\nm1,,1e9,2e10\nm2,7e20,1e9,2e10\nm3,,1e9,\n"
    read = read_scores(write("s.csv", SCORES), write("m.csv", text))
    np.testing.assert_array_equal(read.llms.compute_flops, [1.2e20, 7e20, np.nan])
    np.testing.assert_array_equal(read.llms.params, [1e9, 1e9, 1e9])
    (warning,) = [w for w in read.warnings if w.code == "compute-filled"]
    assert warning.got == "m1"


def test_models_keep_their_order_and_their_defaults(write: Callable[..., Path]) -> None:
    text = "role,model,compute_flops,run\n,m9,1e20,\nAnchor,m1,,r\ntarget,m2,1e22,\n"
    llms = read_scores(write("s.csv", SCORES), write("m.csv", text)).llms
    assert llms.name == ("m9", "m1", "m2")
    assert llms.role == ("ladder", "anchor", "target")
    assert llms.run == ("m9", "r", "m2")
    assert llms.index("m2") == 2
