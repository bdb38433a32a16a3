"""Laws compared by PSIS-LOO: figures that add up, and the true law found."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayescod.errors import BayescodWarning, SpecError, UnknownNameError
from bayescod.evaluation import comparison
from bayescod.evaluation.comparison import POOLED, _Compared, compare_laws
from bayescod.forecasting.stacking import Loo
from bayescod.scores.records import Scores
from bayescod.specs import spec_folder
from tests._ladders import OFF_RATIO, TARGET, benchmark_level, make_scores, rescored


def short(folder: Path, name: str) -> str:
    """A spec with few draws, under its own name."""
    text = (spec_folder() / f"{name}.toml").read_text(encoding="utf-8")
    for key, value in {"warmup": 500, "draws": 500}.items():
        text = re.sub(rf"^{key} = \d+", f"{key} = {value}", text, flags=re.MULTILINE)
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def compared(elpd: list[float], k: float = 0.3, status: str = "pass") -> _Compared:
    llms = tuple(f"llm-{i}" for i in range(len(elpd)))
    loo = Loo(np.array(elpd), np.array([k, *[0.1] * (len(elpd) - 1)]))
    return _Compared(llms, loo, status)


@pytest.fixture
def table() -> pd.DataFrame:
    """Three laws on two benchmarks, one of them on one benchmark only."""
    found = {
        ("x", "one"): compared([1.0, 2.0, 3.0]),
        ("y", "one"): compared([2.0, 2.0, 2.0], status="review"),
        ("x", "two"): compared([0.0, 2.0, 2.5], k=0.9),
        ("y", "two"): compared([1.5, 2.5, 1.0]),
        ("y", "three"): compared([0.0, 0.0, 0.0]),
    }
    notes = {("x", "three"): "no loss"}
    return comparison._table(["x", "y"], ["one", "two", "three"], found, notes)


def of(table: pd.DataFrame, benchmark: str, law: str) -> pd.Series:
    (row,) = (
        row for _, row in table.iterrows() if (row["benchmark"], row["law"]) == (benchmark, law)
    )
    return row


def test_differences_are_llm_by_llm(table: pd.DataFrame) -> None:
    best, other = of(table, "x", "one"), of(table, "x", "two")
    assert (best["elpd"], best["elpd_diff"], best["se_diff"]) == (6.0, 0.0, 0.0)
    assert best["se"] == pytest.approx(np.sqrt(3.0))
    assert (other["elpd"], other["elpd_diff"]) == (4.5, -1.5)
    # Differences -1, 0, -0.5 have sd 0.5.
    assert other["se_diff"] == pytest.approx(np.sqrt(3.0) * 0.5)


def test_rows_are_by_benchmark_then_the_best_first(table: pd.DataFrame) -> None:
    assert list(zip(table["benchmark"], table["law"], strict=True)) == [
        *(("x", law) for law in ("one", "two", "three")),
        *(("y", law) for law in ("one", "two", "three")),
        *((POOLED, law) for law in ("one", "two")),
    ]


def test_pooled_errors_sum_an_llm_over_benchmarks_first(table: pd.DataFrame) -> None:
    row = of(table, POOLED, "one")
    assert (row["elpd"], row["n_llms"], row["status"]) == (12.0, 3, "review")
    # One LLM's sums are 3, 4, 5; six apart would have an error of sqrt(6) 0.63.
    assert row["se"] == pytest.approx(np.sqrt(3.0))
    assert of(table, POOLED, "two")["n_high_k"] == 1


def test_weights_sum_to_one_a_benchmark(table: pd.DataFrame) -> None:
    np.testing.assert_allclose(table.groupby("benchmark")["weight"].sum(), 1.0)


def test_law_without_its_covariates_has_a_note_in_the_place_of_figures(
    table: pd.DataFrame,
) -> None:
    row = of(table, "x", "three")
    assert (row["note"], row["n_llms"], row["status"]) == ("no loss", 0, "")
    assert np.isnan(row["elpd"])


def test_influential_llms_are_named(table: pd.DataFrame) -> None:
    assert of(table, "x", "two")["high_k"] == "llm-0"
    assert of(table, "x", "one")["n_high_k"] == 0
    with pytest.warns(BayescodWarning, match=r"two on x: llm-0\. Leave these LLMs out"):
        comparison._warn({("x", "two"): compared([0.0, 1.0, 2.0], k=0.9)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        comparison._warn({("x", "two"): compared([0.0, 1.0, 2.0], k=0.69)})


def test_density_that_cannot_be_told_counts_as_influential() -> None:
    with pytest.warns(BayescodWarning, match="llm-0"):
        comparison._warn({("x", "two"): compared([0.0, 1.0, 2.0], k=np.nan)})


def test_spec_of_clusters_is_refused() -> None:
    with pytest.raises(SpecError, match="cod is of program clusters; wanted a spec of one curve"):
        compare_laws(make_scores(0), laws=("cod",))


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown model spec 'logistics'"):
        compare_laws(make_scores(0), laws=("logistics",))
    with pytest.raises(UnknownNameError, match="unknown benchmark 'toi'"):
        compare_laws(make_scores(0), benchmarks=("toi",))


def test_laws_without_a_place_on_the_ladder_say_so() -> None:
    scores = make_scores(0)
    blind = replace(
        scores,
        llms=replace(scores.llms, **{n: np.full(9, np.nan) for n in ("params", "tokens", "loss")}),
    )
    on_ratio = compare_laws(scores, laws=("params-tokens",))
    assert "one ratio of tokens to parameters" in on_ratio["note"][0]
    table = compare_laws(blind, target=TARGET, laws=("params-tokens", "loss-intermediate"))
    assert list(table["note"]) == [
        "parameters and tokens are not known",
        "the law of loss-intermediate needs loss of every ladder model of 'toy'",
    ]
    assert table["elpd"].isna().all()


def _levels(scores: Scores) -> Scores:
    return replace(scores, benchmarks=tuple(map(benchmark_level, scores.benchmarks)))


@pytest.mark.slow
def test_law_in_tokens_wins_where_the_ladder_is_made_by_it(tmp_path: Path) -> None:
    scores = make_scores(0, tokens_per_param=OFF_RATIO)
    llms = scores.llms
    # Scores by a law that cares for tokens: loss falls with parameters and tokens apart.
    loss = (
        1.2 * (llms.params / llms.params[0]) ** -0.3 + 0.8 * (llms.tokens / llms.tokens[0]) ** -0.3
    )
    one = benchmark_level(scores.benchmarks[0])
    rate = np.exp(-loss)[None, :]
    scores = replace(scores, benchmarks=(replace(one, pass_rate=rate, measured_rate=rate.copy()),))
    laws = [short(tmp_path, name) for name in ("end-to-end", "params-tokens")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayescodWarning)
        table = compare_laws(scores, target=TARGET, laws=laws)
    assert table["law"][0] == "params-tokens"
    assert table["weight"][0] > 0.9
    assert table["elpd_diff"][1] < -2.0 * table["se_diff"][1]
    assert table["n_llms"][0] == 7


@pytest.mark.slow
def test_outlier_is_named_by_its_pareto_k(tmp_path: Path) -> None:
    scores = rescored(make_scores(0), "llm-3", 0.05)
    with pytest.warns(BayescodWarning, match="end-to-end on toy: .*llm-3"):
        table = compare_laws(scores, target=TARGET, laws=[short(tmp_path, "end-to-end")])
    assert table["n_high_k"][0] >= 1
