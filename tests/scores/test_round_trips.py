"""The same data in any form, file format and order give the same arrays."""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bayescod.scores import BenchmarkScores, read_scores
from tests.scores._tables import Row, write_rows

FEW = settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])

# Anything a name can be, but a NUL (no CSV holds it) or white space only (a blank, hence an error);
# nor an apostrophe before a formula, which reading a CSV takes off and reading Parquet does not.
names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=6
).filter(lambda text: text.strip() != "" and not re.match(r"'[=+\-@\t\r]", text))


@dataclass(frozen=True)
class Cell:
    benchmark: str
    item_id: str
    model: str
    checkpoint: str
    n: int
    k: int

    def names(self) -> dict[str, object]:
        label = {"checkpoint": self.checkpoint} if self.checkpoint else {}
        return {
            "benchmark": self.benchmark,
            "item_id": self.item_id,
            "model": self.model,
            **label,
        }

    def as_counts(self) -> list[Row]:
        return [{**self.names(), "n_trials": self.n, "n_correct": self.k}]

    def as_trials(self) -> list[Row]:
        return [
            {**self.names(), "trial": trial, "correct": int(trial < self.k)}
            for trial in range(self.n)
        ]

    def as_scores(self) -> list[Row]:
        return [{**self.names(), "score": self.k / self.n, "n_trials": self.n}]


@st.composite
def cells(draw: st.DrawFn) -> list[Cell]:
    """Cells of up to two benchmarks, three items, three LLMs and three checkpoints."""
    labels = draw(st.sampled_from([[""], ["previous", "current", "next"], ["80", "900", "1000"]]))
    keys = st.tuples(
        st.sampled_from(draw(st.lists(names, min_size=1, max_size=2, unique=True))),
        st.sampled_from(draw(st.lists(names, min_size=1, max_size=3, unique=True))),
        st.sampled_from(["m1", "m2", "m3"]),
        st.sampled_from(labels),
    )
    chosen = draw(st.lists(keys, min_size=1, max_size=20, unique=True))
    found = []
    for key in chosen:
        n = draw(st.integers(1, 6))
        found.append(Cell(*key, n=n, k=draw(st.integers(0, n))))
    return found


def read_back(rows: Sequence[Row], suffix: str) -> tuple[BenchmarkScores, ...]:
    llms = [{"model": f"m{i}", "compute_flops": 10.0**i} for i in (2, 1, 3)]
    with tempfile.TemporaryDirectory() as folder:
        scores = write_rows(Path(folder) / f"scores{suffix}", rows)
        models = write_rows(Path(folder) / "models.csv", llms)
        return read_scores(scores, models).benchmarks


def assert_same(
    one: Sequence[BenchmarkScores], two: Sequence[BenchmarkScores], rtol: float
) -> None:
    assert [b.benchmark for b in one] == [b.benchmark for b in two]
    for a, b in zip(one, two, strict=True):
        assert (a.item_id, a.llm) == (b.item_id, b.llm)
        for name in ("pass_rate", "n_trials", "measured_rate", "measured_trials"):
            np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=rtol, atol=0)


suffixes = st.sampled_from([".csv", ".parquet", ".jsonl"])


@FEW
@given(cells(), suffixes, suffixes, suffixes)
def test_three_forms_give_the_same_arrays(data: list[Cell], one: str, two: str, three: str) -> None:
    counts = read_back([row for cell in data for row in cell.as_counts()], one)
    trials = read_back([row for cell in data for row in cell.as_trials()], two)
    scores = read_back([row for cell in data for row in cell.as_scores()], three)
    assert_same(counts, trials, rtol=0)
    assert_same(counts, scores, rtol=1e-12)
    assert not any(b.soft for b in (*counts, *trials))
    assert all(b.soft for b in scores)


@FEW
@given(cells(), suffixes, suffixes, st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_rows_and_columns_does_not_matter(
    data: list[Cell], one: str, two: str, order: random.Random, soft: bool
) -> None:
    rows = [row for cell in data for row in (cell.as_scores() if soft else cell.as_trials())]
    columns = list(rows[0])
    order.shuffle(columns)
    shuffled = [{name: row[name] for name in columns} for row in rows]
    order.shuffle(shuffled)
    assert_same(read_back(rows, one), read_back(shuffled, two), rtol=0)


@FEW
@given(cells())
def test_arrays_hold_what_was_written(data: list[Cell]) -> None:
    read = {b.benchmark: b for b in read_back([r for c in data for r in c.as_counts()], ".csv")}
    assert set(read) == {cell.benchmark for cell in data}
    for name, benchmark in read.items():
        assert benchmark.item_id is not None
        mine = [cell for cell in data if cell.benchmark == name]
        assert benchmark.item_id == tuple(sorted({cell.item_id for cell in mine}))
        assert benchmark.llm == tuple(
            m for m in ("m2", "m1", "m3") if any(c.model == m for c in mine)
        )
        for row, item in enumerate(benchmark.item_id):
            for column, llm in enumerate(benchmark.llm):
                own = [c for c in mine if (c.item_id, c.model) == (item, llm)]
                n, k = sum(c.n for c in own), sum(c.k for c in own)
                assert benchmark.n_trials[row, column] == n
                np.testing.assert_equal(benchmark.pass_rate[row, column], k / n if n else np.nan)
