"""The script that makes the text ladder: exact probabilities, resuming, items, both commands."""

from __future__ import annotations

import gzip
import importlib
import itertools
import os
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import duckdb
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from bayescod.datasets import load_text_ladder_paths

EXAMPLES = Path(__file__).parents[2] / "examples"
MODULES = ("corpus", "items", "network", "scores", "training")

pytestmark = pytest.mark.examples


@pytest.fixture(scope="module")
def ladder() -> Iterator[SimpleNamespace]:
    """The script's modules, which live beside it and not in a package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES)
        modules = {name: importlib.import_module(f"ladder_{name}") for name in MODULES}
        yield SimpleNamespace(script=importlib.import_module("train_ladder"), **modules)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few kilobytes of invented text, laid out as in the Debian packages."""
    folder = tmp_path_factory.mktemp("packages")
    rng = np.random.default_rng(7)
    letters = list(string.ascii_lowercase[:6])
    words = ["".join(rng.choice(letters, size)) for size in rng.integers(5, 9, 240)]
    text = " ".join(rng.choice(words, 12_000).tolist())
    for file in ("usr/share/dictd/gcide.dict.dz", "usr/share/man/man1/tool.1.gz"):
        path = folder / file
        path.parent.mkdir(parents=True)
        with gzip.open(path, "wt") as stream:
            stream.write(text)
    page = folder / "usr/share/doc/python3.11/html/library/tool.html"
    page.parent.mkdir(parents=True)
    page.write_text(f"<html><head><title>no</title></head><p>{text}</p></html>", "utf-8")
    return folder


def run_script(*arguments: str | Path) -> None:
    """Run the command line in a process of its own, in single precision as it is meant to."""
    command = [sys.executable, EXAMPLES / "train_ladder.py", *arguments, "--tiny"]
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    subprocess.run(command, check=True, capture_output=True, env=environment)


@pytest.fixture(scope="module")
def trained(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Work folder of the tiny ladder."""
    work = tmp_path_factory.mktemp("work")
    run_script("train", "--packages", packages, "--work", work)
    return work


@pytest.fixture(scope="module")
def toy(ladder: SimpleNamespace) -> SimpleNamespace:
    """An untrained network with lively weights over an alphabet of three characters."""
    shape = ladder.network.Shape(layers=2, width=4, heads=2, window=8, characters=3)
    weights = ladder.network.initial_weights(jax.random.key(3), shape)
    noise = np.random.default_rng(5)
    lively = {
        name: weight + jnp.asarray(noise.normal(size=weight.shape), jnp.float32)
        for name, weight in weights.items()
    }
    return SimpleNamespace(shape=shape, weights=lively)


def all_endings(length: int) -> np.ndarray:
    return np.array(list(itertools.product(range(3), repeat=length)), np.uint8)


def test_probabilities_of_all_endings_sum_to_one(ladder: SimpleNamespace, toy: SimpleNamespace):
    endings = all_endings(4)
    contexts = np.tile(np.array([2, 0, 1], np.uint8), (len(endings), 1))
    lengths = np.full(len(endings), 4)
    taken = ladder.network.score_endings(toy.weights, contexts, endings, lengths, toy.shape)
    rates = np.exp(taken.log_probability)
    # 81 single-precision exponentials of sums of four logarithms.
    assert rates.sum() == pytest.approx(1.0, abs=1e-5)
    assert rates.max() > 5 / len(rates), "a uniform network would pass any test of order"


def test_probability_is_the_product_over_single_characters(
    ladder: SimpleNamespace, toy: SimpleNamespace
):
    endings, context = all_endings(3), [1, 1, 2, 0]
    contexts = np.tile(np.array(context, np.uint8), (len(endings), 1))
    lengths = np.full(len(endings), 3)
    taken = ladder.network.score_endings(toy.weights, contexts, endings, lengths, toy.shape)
    forward = jax.jit(lambda written: ladder.network.logits(toy.weights, written, toy.shape))
    for ending, log_probability, rank in zip(
        endings.tolist(), taken.log_probability, taken.rank, strict=True
    ):
        written, expected, ranks = list(context), 0.0, []
        for character in ending:
            scores = forward(jnp.asarray([written]))
            shares = np.exp(np.asarray(scores)[0, -1].astype(np.float64))
            shares /= shares.sum()
            expected += np.log(shares[character])
            ranks.append((shares > shares[character]).sum())
            written.append(character)
        assert log_probability == pytest.approx(expected, abs=1e-4)
        assert rank == pytest.approx(np.mean(ranks))


def test_what_follows_an_ending_does_not_matter(ladder: SimpleNamespace, toy: SimpleNamespace):
    endings, lengths = all_endings(4), np.full(81, 2)
    contexts = np.zeros((81, 2), np.uint8)
    taken = ladder.network.score_endings(toy.weights, contexts, endings, lengths, toy.shape)
    by_start = taken.log_probability.reshape(9, 9)
    np.testing.assert_allclose(by_start, by_start[:, :1].repeat(9, axis=1), atol=1e-6)
    assert len(np.unique(by_start[:, 0].round(4))) == 9


def test_bias_is_that_of_the_distance_and_masks_the_future(ladder: SimpleNamespace):
    by_distance = jnp.asarray(np.random.default_rng(0).normal(size=(2, 7)), jnp.float32)
    bias = np.asarray(ladder.network._causal_bias(by_distance, 5))
    for query, key in itertools.product(range(5), repeat=2):
        if key > query:
            assert (bias[:, query, key] < -1e8).all()
        else:
            np.testing.assert_array_equal(bias[:, query, key], by_distance[:, query - key])


def test_rates_over_candidates_sum_to_one(ladder: SimpleNamespace, toy: SimpleNamespace):
    candidates = np.array([[0, 1, 2], [1, 1, 0], [2, 2, 2], [0, 0, 1]], np.uint8)
    rates = []
    for right in range(4):
        items = ladder.items.Items(
            item_id=("only",),
            contexts=np.array([[1, 0, 2]], np.uint8),
            endings=np.roll(candidates, -right, axis=0)[None],
            lengths=np.array([3]),
        )
        rates.append(ladder.scores.pass_rates(toy.weights, items, toy.shape)[0][0])
    assert sum(rates) == pytest.approx(1.0, abs=1e-6)
    assert max(rates) > 0.3


def test_a_stopped_run_ends_in_the_same_bytes(
    ladder: SimpleNamespace, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = ladder.script.TINY_RUNS[0]
    corpus = ladder.script.load_corpus(trained, None)
    text = np.concatenate(list(corpus.train.values()))
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    for folder in (whole, halves):
        folder.mkdir()
    ladder.training.train(run, text, whole)
    with monkeypatch.context() as patch:
        patch.setattr(ladder.training, "STAGES", 8)
        ladder.training.train(run, text, halves)
    assert ladder.training.read_progress(run, halves).stages == 8
    ladder.training.train(run, text, halves)
    for checkpoint in ladder.training.CHECKPOINT_STAGES:
        name = f"{run.name}.{checkpoint}.npz"
        assert (whole / name).read_bytes() == (halves / name).read_bytes()
    losses = ladder.training.read_progress(run, whole).losses
    assert losses[-1] < losses[0] - 0.3, "nothing was learned"


def test_seeds_give_different_weights_and_texts(ladder: SimpleNamespace):
    one, two = (ladder.training.Run("r", 4, seed=seed) for seed in (1, 2))
    weights = [ladder.training.initial_state(run)["weights"]["embedding"] for run in (one, two)]
    assert not np.array_equal(*weights)


def test_text_is_cleaned(ladder: SimpleNamespace):
    assert ladder.corpus.decode(ladder.corpus.encode("A  Bé\tc\n9")) == "a b c\n9"
    page = "<head><title>x</title></head><p>a &lt; b</p><script>no()</script>"
    assert ladder.corpus._visible_text(page) == "a < b"


def test_missing_packages_are_named(ladder: SimpleNamespace, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="unpack the four packages"):
        ladder.corpus.read_sources(tmp_path)
    with pytest.raises(FileNotFoundError, match="--packages"):
        ladder.script.load_corpus(tmp_path, None)


def test_items_are_fixed_and_lie_in_the_held_out_text(ladder: SimpleNamespace, packages: Path):
    codes = ladder.corpus.read_sources(packages)
    held_out = ladder.corpus.split(codes).held_out
    items, again = (ladder.items.make_items(held_out, 20) for _ in range(2))
    for benchmark in ladder.items.BENCHMARKS:
        each, other = items[benchmark.name], again[benchmark.name]
        assert each.item_id == other.item_id
        assert each.item_id[3] == f"{benchmark.name}-0003"
        np.testing.assert_array_equal(each.endings, other.endings)
        text = ladder.corpus.decode(held_out[benchmark.source])
        for context, endings, length in zip(each.contexts, each.endings, each.lengths, strict=True):
            before = ladder.corpus.decode(context)
            candidates = [ladder.corpus.decode(ending[:length]) for ending in endings]
            assert before + candidates[0] in text
            assert before[-1].isalpha()
            assert candidates[0][0].isalpha()
            assert len(set(candidates)) == benchmark.candidates


def test_too_little_text_is_refused(ladder: SimpleNamespace):
    short = {source: ladder.corpus.encode("word " * 30) for source in ladder.corpus.SOURCES}
    with pytest.raises(ValueError, match="wanted 1000 items"):
        ladder.items.make_items(short)


def test_tiny_ladder_is_scored(trained: Path, tmp_path: Path):
    run_script("score", "--work", trained, "--output", tmp_path / "open")
    run_script("score", "--work", trained, "--output", tmp_path / "all", "--held-out")
    models = pd.read_csv(tmp_path / "open" / "models.csv").set_index("model")
    assert models.role.to_dict() == {"tiny-a": "ladder", "tiny-b": "target"}
    np.testing.assert_allclose(models.compute_flops, 6 * models.params * models.tokens)
    assert (models.loss < np.log(66)).all()
    benchmarks = pd.read_csv(tmp_path / "open" / "benchmarks.csv").set_index("benchmark")
    assert benchmarks.chance["manual-choice"] == 0.25
    open_scores, all_scores = (
        duckdb.read_parquet(str(tmp_path / name / "scores.parquet")).df()
        for name in ("open", "all")
    )
    assert set(open_scores.model) == {"tiny-a"}, "a held-out model was scored unasked"
    assert len(open_scores) == 30 * 3 * len(benchmarks)
    assert (open_scores.n_trials == 100).all()
    assert open_scores.n_correct.between(0, 100).all()
    kept = all_scores[all_scores.model == "tiny-a"].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, open_scores)
    assert set(all_scores.model) == {"tiny-a", "tiny-b"}


def test_shipped_models_are_those_of_the_script(ladder: SimpleNamespace):
    models = pd.read_csv(load_text_ladder_paths().models)
    runs = ladder.script.RUNS
    assert models.model.tolist() == [run.name for run in runs]
    assert models.role.tolist() == [run.role for run in runs]
    assert models.params.tolist() == [run.parameters for run in runs]
    current = ladder.training.CHECKPOINT_STAGES["current"]
    assert models.tokens.tolist() == [run.tokens(current) for run in runs]
