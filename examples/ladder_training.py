"""Train one model of the text ladder: seeded by step, resumable, on one CPU core."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from ladder_corpus import ALPHABET, Codes
from ladder_network import Shape, Weights, count_parameters, initial_weights, mean_loss

WINDOW = 64
HEADS = 2
TOKENS_PER_PARAMETER = 400.0
STAGES = 21
# The weights saved after these stages are 5 % of training apart; `current` is the model.
CHECKPOINT_STAGES = {"previous": 19, "current": 20, "next": 21}

_WARM_UP_STEPS = 50
_MOMENT_1, _MOMENT_2 = 0.9, 0.98
_EPSILON = 1e-8


@dataclass(frozen=True, slots=True)
class Run:
    """One model to train.

    Attributes
    ----------
    name : str
        Name in the data set.
    width, layers, seed : int
        Features of a position, blocks, seed of the weights and of the order of the text.
    role : str
        `ladder`, `anchor` or `target`.
    ratio : float
        Characters trained on, up to the checkpoint `current`, per parameter.
    """

    name: str
    width: int
    layers: int = 2
    seed: int = 1
    role: str = "ladder"
    ratio: float = TOKENS_PER_PARAMETER

    @property
    def shape(self) -> Shape:
        """Shape of the network."""
        return Shape(self.layers, self.width, HEADS, WINDOW, len(ALPHABET))

    @property
    def parameters(self) -> int:
        """Number of trained numbers."""
        # Shapes only: nothing is drawn or compiled.
        key = jax.random.key(self.seed)
        return count_parameters(jax.eval_shape(lambda: initial_weights(key, self.shape)))

    @property
    def rows(self) -> int:
        """Texts a step: 16 for the smallest model, growing with the cube root of the size."""
        return round(16 * math.cbrt(self.parameters / 2_500))

    @property
    def steps_per_stage(self) -> int:
        """Steps in one of the `STAGES` equal parts of training."""
        stages = CHECKPOINT_STAGES["current"]
        return round(self.ratio * self.parameters / (self.rows * WINDOW * stages))

    @property
    def learning_rate(self) -> float:
        """Constant after the warm-up; falls with the width by one rule for all models."""
        return 0.15 * math.pow(self.width, -0.75)

    def tokens(self, stage: int) -> int:
        """Return the characters trained on after a stage."""
        return self.rows * WINDOW * self.steps_per_stage * stage


State = dict[str, dict[str, jax.Array]]


def initial_state(run: Run) -> State:
    """Return weights, their running average and the two moments before the first step."""
    weights = initial_weights(jax.random.key(run.seed), run.shape)
    zeros = {name: jnp.zeros_like(weight) for name, weight in weights.items()}
    return {"weights": weights, "average": weights, "moment1": zeros, "moment2": zeros}


def train_stage(
    run: Run, text: jax.Array, state: State, stage: jax.Array
) -> tuple[State, jax.Array]:
    """Train one stage.

    Parameters
    ----------
    run : Run
        The model.
    text : uint8 array [character]
        Training text.
    state : dict
        State after the stages before.
    stage : int array []
        Number of the stage, from 0; it fixes which texts are read.

    Returns
    -------
    dict, float array []
        State after the stage and mean loss in it, nats a character.
    """
    # The average looks back over one stage, 5 % of training.
    keep = 1.0 - 1.0 / run.steps_per_stage

    def step(state: State, number: jax.Array) -> tuple[State, jax.Array]:
        key = jax.random.fold_in(jax.random.key(1_000 + run.seed), number)
        texts = read_windows(text, key, run.rows)
        loss, slope = jax.value_and_grad(mean_loss)(state["weights"], texts, run.shape)
        count = number.astype(jnp.float32) + 1.0
        rate = run.learning_rate * jnp.minimum(1.0, count / _WARM_UP_STEPS)
        moved = adam_step(state, slope, rate, count)
        moved["average"] = {
            name: keep * state["average"][name] + (1 - keep) * weight
            for name, weight in moved["weights"].items()
        }
        return moved, loss

    first = stage * run.steps_per_stage
    numbers = first + jnp.arange(run.steps_per_stage, dtype=jnp.int32)
    state, losses = jax.lax.scan(step, state, numbers)
    return state, losses.mean()


def adam_step(state: State, slope: Weights, rate: jax.Array, count: jax.Array) -> State:
    """Move the weights by Adam (arXiv 1412.6980), the slope clipped to norm 1."""
    norm = jnp.sqrt(sum(jnp.square(each).sum() for each in slope.values()))
    clip = jnp.minimum(1.0, 1.0 / norm)
    moved: State = {"weights": {}, "moment1": {}, "moment2": {}}
    for name, each in slope.items():
        moment1 = _MOMENT_1 * state["moment1"][name] + (1 - _MOMENT_1) * clip * each
        moment2 = _MOMENT_2 * state["moment2"][name] + (1 - _MOMENT_2) * jnp.square(clip * each)
        mean = moment1 / (1 - _MOMENT_1**count)
        spread = jnp.sqrt(moment2 / (1 - _MOMENT_2**count))
        moved["weights"][name] = state["weights"][name] - rate * mean / (spread + _EPSILON)
        moved["moment1"][name], moved["moment2"][name] = moment1, moment2
    return moved


def read_windows(text: jax.Array, key: jax.Array, rows: int) -> jax.Array:
    """Cut windows of `WINDOW` + 1 characters at random places of a text [character]."""
    places = jax.random.randint(key, (rows,), 0, text.shape[0] - WINDOW, jnp.int32)
    return jax.vmap(lambda place: jax.lax.dynamic_slice(text, (place,), (WINDOW + 1,)))(
        places
    ).astype(jnp.int32)


def train(run: Run, text: Codes, work: Path) -> None:
    """Train one model, or go on with it, and save its averaged weights at three checkpoints.

    Parameters
    ----------
    run : Run
        The model.
    text : uint8 array [character]
        Text to train on.
    work : Path
        Folder of states (`NAME.state.npz`) and weights (`NAME.CHECKPOINT.npz`).
    """
    progress = read_progress(run, work)
    device_text = jnp.asarray(text)
    advance = jax.jit(lambda text, state, stage: train_stage(run, text, state, stage))
    while progress.stages < STAGES:
        start = time.perf_counter()
        stage = jnp.asarray(progress.stages, jnp.int32)
        state, loss = advance(device_text, progress.state, stage)
        progress = Progress(
            state=state,
            losses=(*progress.losses, float(loss)),
            seconds=progress.seconds + time.perf_counter() - start,
        )
        for checkpoint, last in CHECKPOINT_STAGES.items():
            if last == progress.stages:
                write_arrays(work / f"{run.name}.{checkpoint}.npz", state["average"])
        write_progress(run, progress, work)
        print(describe(run, progress), flush=True)


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """How far a run is.

    Attributes
    ----------
    state : dict
        Weights, average and moments after the last stage.
    losses : tuple of float
        Mean training loss of each stage, nats a character.
    seconds : float
        Time spent training.
    """

    state: State
    losses: tuple[float, ...]
    seconds: float

    @property
    def stages(self) -> int:
        """Stages done."""
        return len(self.losses)


def describe(run: Run, progress: Progress) -> str:
    """Return one line about a run's progress."""
    flops = 6 * run.parameters * run.tokens(progress.stages)
    return (
        f"{run.name} {progress.stages}/{STAGES} loss {progress.losses[-1]:.4f} "
        f"{progress.seconds:.0f} s {flops / progress.seconds / 1e9:.1f} GFLOP/s"
    )


def read_progress(run: Run, work: Path) -> Progress:
    """Read how far a run is; a run that was never started is at its initial state."""
    file = work / f"{run.name}.state.npz"
    if not file.exists():
        return Progress(initial_state(run), (), 0.0)
    stored = read_arrays(file)
    state: State = {}
    for key in stored.keys() - {"losses", "seconds"}:
        part, name = key.split(":")
        state.setdefault(part, {})[name] = jnp.asarray(stored[key])
    return Progress(state, tuple(stored["losses"].tolist()), float(stored["seconds"]))


def write_progress(run: Run, progress: Progress, work: Path) -> None:
    """Replace a run's state file in one move, so that a stopped run never leaves half a file."""
    arrays: dict[str, npt.ArrayLike] = {
        f"{part}:{name}": array
        for part, arrays in progress.state.items()
        for name, array in arrays.items()
    }
    arrays |= {"losses": progress.losses, "seconds": progress.seconds}
    write_arrays(work / f"{run.name}.state.npz", arrays)


def write_arrays(file: Path, arrays: Mapping[str, npt.ArrayLike]) -> None:
    """Write named arrays to an .npz file in one move."""
    temporary = file.with_suffix(".tmp")
    named: dict[str, Any] = dict(arrays)
    with temporary.open("wb") as stream:
        np.savez(stream, **named)
    temporary.replace(file)


def read_arrays(file: Path) -> dict[str, npt.NDArray[Any]]:
    """Read named arrays from an .npz file."""
    with np.load(file, allow_pickle=False) as stored:
        return dict(stored)
