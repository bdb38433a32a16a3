"""Score trained models of the text ladder on its items and write the data set's tables."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import pandas as pd
from ladder_corpus import Codes, Corpus
from ladder_items import BENCHMARKS, SEED, Items
from ladder_network import Endings, Shape, Weights, mean_loss, score_endings
from ladder_training import CHECKPOINT_STAGES, WINDOW, Run, read_arrays

TRIALS = 100

_LOSS_WINDOWS = 4_000
_LOSS_BATCH = 250


def is_trained(run: Run, work: Path) -> bool:
    """Return whether all checkpoints of a run are in the work folder."""
    return all(_weights_file(run, name, work).exists() for name in CHECKPOINT_STAGES)


def pass_rates(
    weights: Weights, items: Items, shape: Shape
) -> tuple[npt.NDArray[np.float64], Endings]:
    """Return exact pass rates and how the right endings were taken.

    Parameters
    ----------
    weights : dict of str to array
        Averaged weights of one checkpoint.
    items : Items
        Items of one benchmark.
    shape : Shape
        Shape of the network.

    Returns
    -------
    float array [item], Endings
        Probability of sampling the right ending at temperature 1, in [0, 1], renormalised over the
        candidates where there are several; statistics of the right endings.
    """
    candidates = items.endings.shape[1]
    taken = [
        score_endings(weights, items.contexts, items.endings[:, place], items.lengths, shape)
        for place in range(candidates)
    ]
    rates = np.exp(taken[0].log_probability)
    if candidates > 1:
        rates = rates / sum(np.exp(each.log_probability) for each in taken)
    return np.minimum(rates, 1.0), taken[0]


def score_table(run: Run, items: Mapping[str, Items], work: Path) -> pd.DataFrame:
    """Return counts of `TRIALS` samples for every item and checkpoint of one model.

    The samples of an item are binomial draws at its exact pass rate, seeded by model, checkpoint
    and benchmark.
    """
    tables = []
    for checkpoint in CHECKPOINT_STAGES:
        weights = _read_weights(run, checkpoint, work)
        for benchmark, each in items.items():
            rates, _ = pass_rates(weights, each, run.shape)
            names = (run.name, checkpoint, benchmark)
            rng = np.random.default_rng([SEED, *(zlib.crc32(name.encode()) for name in names)])
            columns = {
                "benchmark": benchmark,
                "item_id": each.item_id,
                "model": run.name,
                "checkpoint": checkpoint,
                "n_trials": np.uint8(TRIALS),
                "n_correct": rng.binomial(TRIALS, rates).astype(np.uint8),
            }
            tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def statistics_table(run: Run, items: Mapping[str, Items], work: Path) -> pd.DataFrame:
    """Return how the checkpoint `current` takes the right endings, means over their characters."""
    weights = _read_weights(run, "current", work)
    tables = []
    for benchmark, each in items.items():
        taken = pass_rates(weights, each, run.shape)[1]
        columns = {
            "benchmark": benchmark,
            "item_id": each.item_id,
            "model": run.name,
            "answer_loss": _rounded(-taken.log_probability / each.lengths),
            "entropy": _rounded(taken.entropy),
            "top1": _rounded(taken.top1),
            "top5": _rounded(taken.top5),
            "rank": _rounded(taken.rank),
        }
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def _rounded(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    # Three decimals are more than anyone needs and halve the file.
    return np.round(values, 3).astype(np.float32)


def models_table(runs: Sequence[Run], corpus: Corpus, work: Path) -> pd.DataFrame:
    """Return one row a model: size, text, compute 6ND and losses of the checkpoint `current`.

    Losses are in nats a character, of the averaged weights, on the same windows for all models;
    a model that is still training has none.
    """
    windows = {
        "loss": _windows(list(corpus.held_out.values())),
        "train_loss": _windows(list(corpus.train.values())),
    }
    rows = []
    for run in runs:
        tokens = run.tokens(CHECKPOINT_STAGES["current"])
        row = {
            "model": run.name,
            "family": f"text-{run.layers}-layers",
            "role": run.role,
            "run": run.name,
            "params": run.parameters,
            "tokens": tokens,
            "compute_flops": 6.0 * run.parameters * tokens,
        }
        for name, texts in windows.items():
            row[name] = _loss(run, texts, work) if is_trained(run, work) else np.nan
        rows.append(row | {"layers": run.layers, "width": run.width, "seed": run.seed})
    return pd.DataFrame(rows)


def _windows(texts: Sequence[Codes]) -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng(SEED)
    text = np.concatenate(texts)
    places = rng.integers(len(text) - WINDOW, size=_LOSS_WINDOWS)
    windows: npt.NDArray[np.uint8] = text[places[:, None] + np.arange(WINDOW + 1)]
    return windows


def _loss(run: Run, texts: npt.NDArray[np.uint8], work: Path) -> float:
    weights = _read_weights(run, "current", work)
    loss = jax.jit(lambda weights, texts: mean_loss(weights, texts, run.shape))
    parts = [
        float(loss(weights, texts[i : i + _LOSS_BATCH])) for i in range(0, len(texts), _LOSS_BATCH)
    ]
    return round(float(np.mean(parts)), 5)


def benchmarks_table(items: Mapping[str, Items]) -> pd.DataFrame:
    """Return one row a benchmark: chance, number of items, source and description."""
    return pd.DataFrame(
        {
            "benchmark": benchmark.name,
            "chance": benchmark.chance,
            "n_items": len(items[benchmark.name].item_id),
            "source": benchmark.source,
            "description": benchmark.description,
        }
        for benchmark in BENCHMARKS
    )


def write_data_set(
    runs: Sequence[Run],
    scored: Sequence[Run],
    corpus: Corpus,
    items: Mapping[str, Items],
    work: Path,
    output: Path,
) -> None:
    """Score models and write the tables of the data set.

    Parameters
    ----------
    runs : sequence of Run
        Models of the models table.
    scored : sequence of Run
        Models to score; all must be trained.
    corpus : Corpus
        Text the losses are measured on.
    items : mapping of str to Items
        Items by benchmark.
    work : Path
        Folder of the weights.
    output : Path
        Folder of the tables, made if absent.
    """
    output.mkdir(parents=True, exist_ok=True)
    models_table(runs, corpus, work).to_csv(output / "models.csv", index=False)
    benchmarks_table(items).to_csv(output / "benchmarks.csv", index=False)
    for name, make in (("scores", score_table), ("token_statistics", statistics_table)):
        tables: Iterator[pd.DataFrame] = (make(run, items, work) for run in scored)
        _write_parquet(pd.concat(list(tables), ignore_index=True), output / f"{name}.parquet")


def _write_parquet(table: pd.DataFrame, file: Path) -> None:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.from_df(table).write_parquet(str(file), compression="zstd")


def _weights_file(run: Run, checkpoint: str, work: Path) -> Path:
    return work / f"{run.name}.{checkpoint}.npz"


def _read_weights(run: Run, checkpoint: str, work: Path) -> Weights:
    stored = read_arrays(_weights_file(run, checkpoint, work))
    return {name: jnp.asarray(weight) for name, weight in stored.items()}
