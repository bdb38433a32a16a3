"""The shipped text ladder is whole, and its parts agree with each other."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from bayescod.datasets import load_text_ladder_paths
from bayescod.scores import read_scores

CHECKPOINTS = {"previous", "current", "next"}


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    return duckdb.read_parquet(str(load_text_ladder_paths().scores)).df()


@pytest.fixture(scope="module")
def models() -> pd.DataFrame:
    return pd.read_csv(load_text_ladder_paths().models).set_index("model")


@pytest.fixture(scope="module")
def benchmarks() -> pd.DataFrame:
    return pd.read_csv(load_text_ladder_paths().benchmarks).set_index("benchmark")


@pytest.fixture(scope="module")
def statistics() -> pd.DataFrame:
    file = load_text_ladder_paths().scores.with_name("token_statistics.parquet")
    return duckdb.read_parquet(str(file)).df()


@pytest.fixture(scope="module")
def mean_score(scores: pd.DataFrame) -> pd.DataFrame:
    """Score of every model (row) on every benchmark (column), checkpoint `current`."""
    current = scores[scores.checkpoint == "current"]
    rate = current.n_correct / current.n_trials
    return rate.groupby([current.model, current.benchmark]).mean().unstack()


def test_counts_are_in_range(scores: pd.DataFrame):
    assert (scores.n_trials == 100).all()
    assert scores.n_correct.between(0, scores.n_trials).all()
    assert not scores.duplicated(["benchmark", "item_id", "model", "checkpoint"]).any()
    assert not scores.isna().any(axis=None)


def test_every_scored_model_has_every_item_at_three_checkpoints(
    scores: pd.DataFrame, models: pd.DataFrame, benchmarks: pd.DataFrame
):
    assert set(scores.model) == set(models.index)
    assert len(benchmarks) >= 6
    assert (benchmarks.n_items >= 800).all()
    assert (benchmarks.chance == 0.25).sum() == 1
    rows = scores.groupby(["model", "benchmark", "checkpoint"]).item_id.nunique()
    expected = pd.MultiIndex.from_product([set(scores.model), benchmarks.index, CHECKPOINTS])
    assert set(rows.index) == set(expected)
    for (_, benchmark, _), n_items in rows.items():
        assert n_items == benchmarks.n_items[benchmark]


def test_sizes_are_those_of_the_design(models: pd.DataFrame):
    ladder = models[models.role == "ladder"]
    assert ladder.params.nunique() >= 8
    assert (ladder.params.value_counts() == 2).sum() >= 3, "second seeds"
    ratio = ladder.tokens / ladder.params
    assert ratio.max() / ratio.min() < 1.05
    held_out = models[models.role == "target"].compute_flops / ladder.compute_flops.max()
    np.testing.assert_allclose(sorted(held_out), [4, 10, 20], rtol=0.05)
    anchor = models[models.role == "anchor"].iloc[0]
    assert anchor.layers != ladder.layers.iloc[0]
    assert anchor.tokens / anchor.params > 1.2 * ratio.max()
    np.testing.assert_allclose(models.compute_flops, 6 * models.params * models.tokens)


def test_loss_falls_with_compute(models: pd.DataFrame):
    one_seed = models[(models.role == "ladder") & (models.seed == 1)].sort_values("compute_flops")
    for loss in (one_seed.loss, one_seed.train_loss):
        assert (np.diff(loss) < 0).all()


def test_every_benchmark_gains_over_the_ladder(
    mean_score: pd.DataFrame, models: pd.DataFrame, benchmarks: pd.DataFrame
):
    ladder = models[models.role == "ladder"].sort_values("compute_flops").index
    small, large = mean_score.loc[ladder[0]], mean_score.loc[ladder[-1]]
    # The standard error of a difference is below .5 / sqrt(1000 * 100) * sqrt(2) = .0022 with the
    # items fixed: five of them are .011.
    assert (large > small + 0.011).all()
    assert (small > benchmarks.chance.reindex(small.index) - 0.011).all()


def test_second_seeds_are_alike_but_not_the_same(scores: pd.DataFrame, mean_score: pd.DataFrame):
    pairs = [name for name in mean_score.index if name.endswith("-s2")]
    assert len(pairs) >= 3
    for second in pairs:
        first = second.removesuffix("-s2")
        gap = (mean_score.loc[second] - mean_score.loc[first]).abs()
        assert 0 < gap.max() < 0.03
        counts = [scores[scores.model == name].n_correct.to_numpy() for name in (first, second)]
        assert not np.array_equal(*counts)


def test_counts_are_samples_at_the_rate_of_the_token_statistics(
    scores: pd.DataFrame, statistics: pd.DataFrame
):
    keys = ["benchmark", "item_id", "model"]
    current = scores[scores.checkpoint == "current"].set_index(keys)
    both = statistics.set_index(keys).join(current, how="outer")
    assert not both.isna().any(axis=None), "statistics and counts cover the same items"
    # Endings of one character: the answer's loss is all there is to the pass rate.
    single = both.loc[["dictionary-1", "manual-1"]]
    rate = np.exp(-single.answer_loss.astype(float))
    for _, part in single.assign(rate=rate).groupby(level=["benchmark", "model"]):
        expected = (part.rate * part.n_trials).sum()
        variance = (part.rate * (1 - part.rate) * part.n_trials).sum()
        # Five standard errors: one false alarm in 60,000 over all pairs. Losses are rounded to
        # .001, which moves a sum by less than .0005 of it.
        assert abs(part.n_correct.sum() - expected) < 5 * np.sqrt(variance) + 0.0005 * expected


def test_statistics_are_in_range(statistics: pd.DataFrame):
    assert statistics[["top1", "top5"]].stack().between(0, 1).all()
    assert (statistics.top1 <= statistics.top5).all()
    assert (statistics[["answer_loss", "entropy", "rank"]] >= 0).all(axis=None)
    assert statistics.entropy.max() < np.log(68)


def test_items_are_named_without_their_text(scores: pd.DataFrame):
    assert scores.item_id.str.fullmatch(r"[a-z]+-([124]|word|choice)-\d{4}").all()


def test_data_set_is_small_and_described():
    folder = load_text_ladder_paths().scores.parent
    size = sum(file.stat().st_size for file in Path(folder).iterdir())
    assert size < 5_000_000
    datasheet = (folder / "README.md").read_text("utf-8")
    for heading in ("Motivation", "Composition", "Collection", "Licences", "Uses", "Limits"):
        assert f"## {heading}" in datasheet


def test_package_reads_it():
    paths = load_text_ladder_paths()
    read = read_scores(paths.scores, paths.models, paths.benchmarks)
    assert {benchmark.chance for benchmark in read.benchmarks} == {0.0, 0.25}
