"""Train the character transformers of the text ladder and score them item by item.

Use::

    python examples/train_ladder.py train --packages packages --work work
    python examples/train_ladder.py score --work work --output bayescod/datasets/text_ladder

`ladder_corpus` says how to get the packages. Training runs on one CPU core, is seeded by step and
resumable: started again it goes on where it stopped and writes the same bytes. `score` leaves the
held-out models (role `target`) out unless `--held-out` is given; every model's samples have seeds
of their own, so the others' do not change when these are added.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ladder_corpus import Corpus, read_sources, split
from ladder_items import ITEMS, make_items
from ladder_scores import is_trained, write_data_set
from ladder_training import Run, read_arrays, train, write_arrays

# In the order of training.
RUNS = (
    Run("t2.4k", 8),
    Run("t3.4k", 10),
    Run("t4.6k", 12),
    Run("t7.6k", 16),
    Run("t11k", 20),
    Run("t16k", 24),
    Run("t21k", 28),
    Run("t30k", 34),
    Run("t46k", 42),
    Run("t7.6k-s2", 16, seed=2),
    Run("t21k-s2", 28, seed=2),
    Run("t46k-s2", 42, seed=2),
    Run("t91k", 60, role="target"),
    Run("t144k", 76, role="target"),
    Run("deep4-134k", 52, layers=4, role="anchor", ratio=600.0),
    Run("t201k", 90, role="target"),
)
# Toy models for a test of every step.
TINY_ITEMS = 30
TINY_RUNS = (Run("tiny-a", 4, ratio=60.0), Run("tiny-b", 6, role="target", ratio=60.0))


def load_corpus(work: Path, packages: Path | None) -> Corpus:
    """Return the corpus of a work folder, made from the packages the first time."""
    work.mkdir(parents=True, exist_ok=True)
    file = work / "corpus.npz"
    if not file.exists():
        if packages is None:
            msg = f"{file} does not exist: say where the packages are with --packages"
            raise FileNotFoundError(msg)
        write_arrays(file, read_sources(packages))
    return split(read_arrays(file))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    given = _read_arguments(arguments)
    runs = TINY_RUNS if given.tiny else RUNS
    corpus = load_corpus(given.work, given.packages)
    if given.command == "train":
        text = np.concatenate(list(corpus.train.values()))
        for run in runs:
            if given.models is None or run.name in given.models:
                train(run, text, given.work)
        return
    items = make_items(corpus.held_out, TINY_ITEMS if given.tiny else ITEMS)
    scored = [
        run
        for run in runs
        if is_trained(run, given.work) and (given.held_out or run.role != "target")
    ]
    write_data_set(runs, scored, corpus, items, given.work, given.output)


def _read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train models, or go on with them")
    training.add_argument("--models", nargs="+", help="names of the models; all by default")
    scoring = commands.add_parser("score", help="score trained models, write the data set")
    scoring.add_argument("--output", type=Path, required=True, help="folder of the data set")
    scoring.add_argument("--held-out", action="store_true", help="score role `target` as well")
    for command in (training, scoring):
        command.add_argument("--work", type=Path, required=True, help="folder of the weights")
        command.add_argument("--packages", type=Path, help="unpacked packages, first time only")
        command.add_argument("--tiny", action="store_true", help="two toy models, for a test")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    # One core: the ladder must not depend on how a machine splits sums between threads. JAX reads
    # this when it first computes, which is later than its import.
    os.environ.setdefault(
        "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    )
    main()
