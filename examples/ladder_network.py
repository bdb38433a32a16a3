"""A small causal character transformer and the exact probability that it writes a given ending.

Pre-norm blocks (RMS norm), squared-ReLU layers four times the width, tied embeddings and, instead
of position embeddings, a learned bias for every head and distance (T5, arXiv 1910.10683), so that
the same few parameters serve every position.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

Weights = dict[str, jax.Array]

_MASKED = -1e9
_EPSILON = 1e-6
_BATCH = 250


@dataclass(frozen=True, slots=True)
class Shape:
    """Shape of a transformer.

    Attributes
    ----------
    layers, width, heads : int
        Number of blocks, features of a position (a multiple of `heads`), attention heads.
    window : int
        Longest input, in characters.
    characters : int
        Size of the alphabet.
    """

    layers: int
    width: int
    heads: int
    window: int
    characters: int


def initial_weights(key: jax.Array, shape: Shape) -> Weights:
    """Draw the weights that training starts from.

    Parameters
    ----------
    key : jax.Array
        Random key.
    shape : Shape
        Shape of the network.

    Returns
    -------
    dict of str to float32 array
        Weights by name.
    """
    width, hidden = shape.width, 4 * shape.width
    # Blocks add to the residual stream 2 * layers times: this keeps its variance near one.
    residual = (2 * shape.layers) ** -0.5
    scales = {"embedding": ((shape.characters, width), width**-0.5)}
    for block in range(shape.layers):
        scales[f"{block}/attend_in"] = ((width, 3 * width), width**-0.5)
        scales[f"{block}/attend_out"] = ((width, width), residual * width**-0.5)
        scales[f"{block}/think_in"] = ((width, hidden), width**-0.5)
        scales[f"{block}/think_out"] = ((hidden, width), residual * hidden**-0.5)
    keys = jax.random.split(key, len(scales))
    weights = {
        name: scale * jax.random.normal(each, size, jnp.float32)
        for each, (name, (size, scale)) in zip(keys, scales.items(), strict=True)
    }
    for block in range(shape.layers):
        weights[f"{block}/distance_bias"] = jnp.zeros((shape.heads, shape.window), jnp.float32)
        weights[f"{block}/attend_gain"] = jnp.ones(width, jnp.float32)
        weights[f"{block}/think_gain"] = jnp.ones(width, jnp.float32)
    weights["gain"] = jnp.ones(width, jnp.float32)
    return weights


def count_parameters(weights: Weights) -> int:
    """Return the number of trained numbers, embeddings and biases included."""
    return sum(weight.size for weight in weights.values())


def logits(weights: Weights, codes: jax.Array, shape: Shape) -> jax.Array:
    """Return the unnormalised log probability of every next character.

    Parameters
    ----------
    weights : dict of str to array
        Weights by name.
    codes : int array [text, position]
        Characters so far, at most `shape.window` of them.
    shape : Shape
        Shape of the network.

    Returns
    -------
    float32 array [text, position, character]
        Row `p` is about the character that follows position `p`.
    """
    stream = weights["embedding"][codes]
    for block in range(shape.layers):
        normed = _normalise(stream, weights[f"{block}/attend_gain"])
        stream = stream + _attend(normed, weights, block, shape)
        normed = _normalise(stream, weights[f"{block}/think_gain"])
        hidden = jnp.square(jax.nn.relu(normed @ weights[f"{block}/think_in"]))
        stream = stream + hidden @ weights[f"{block}/think_out"]
    return _normalise(stream, weights["gain"]) @ weights["embedding"].T


def _normalise(stream: jax.Array, gain: jax.Array) -> jax.Array:
    mean_square = jnp.square(stream).mean(axis=-1, keepdims=True)
    return stream * jax.lax.rsqrt(mean_square + _EPSILON) * gain


def _attend(stream: jax.Array, weights: Weights, block: int, shape: Shape) -> jax.Array:
    texts, positions, width = stream.shape
    head_width = width // shape.heads
    queries, keys, values = (
        part.reshape(texts, positions, shape.heads, head_width)
        for part in jnp.split(stream @ weights[f"{block}/attend_in"], 3, axis=-1)
    )
    match = jnp.einsum("tqhc,tkhc->thqk", queries, keys) * head_width**-0.5
    bias = _causal_bias(weights[f"{block}/distance_bias"], positions)
    attention = jax.nn.softmax(match + bias, axis=-1)
    mixed = jnp.einsum("thqk,tkhc->tqhc", attention, values).reshape(texts, positions, width)
    return mixed @ weights[f"{block}/attend_out"]


def _causal_bias(by_distance: jax.Array, positions: int) -> jax.Array:
    """Spread a bias by distance [head, distance] over [head, query, key]; the future is masked."""
    heads = by_distance.shape[0]
    # A band matrix by repeating one row of length 2P in rows of length 2P - 1: each row is then
    # the one above shifted by one. Unlike a gather it has a fast gradient on a CPU.
    past = by_distance[:, :positions][:, ::-1]
    row = jnp.concatenate([past, jnp.full_like(past, _MASKED)], axis=1)
    repeated = jnp.tile(row, (1, positions))[:, : positions * (2 * positions - 1)]
    return repeated.reshape(heads, positions, 2 * positions - 1)[:, :, positions - 1 :]


def mean_loss(weights: Weights, texts: jax.Array, shape: Shape) -> jax.Array:
    """Return the mean cross entropy of texts [text, position], in nats a character."""
    scores = logits(weights, texts[:, :-1], shape)
    written = jnp.take_along_axis(scores, texts[:, 1:, None], axis=-1)[..., 0]
    return jnp.mean(jax.nn.logsumexp(scores, axis=-1) - written)


@dataclass(frozen=True, slots=True, eq=False)
class Endings:
    """How a network takes given endings; every array is [item], means are over an ending.

    Attributes
    ----------
    log_probability : float array
        Log of the exact probability of sampling the whole ending at temperature 1.
    entropy : float array
        Mean entropy of the next character, in nats.
    top1, top5 : float array
        Share of characters that are the likeliest, or among the five likeliest, in [0, 1].
    rank : float array
        Mean rank of the right character, 0 is the likeliest.
    """

    log_probability: npt.NDArray[np.float64]
    entropy: npt.NDArray[np.float64]
    top1: npt.NDArray[np.float64]
    top5: npt.NDArray[np.float64]
    rank: npt.NDArray[np.float64]


def score_endings(
    weights: Weights,
    contexts: npt.NDArray[np.uint8],
    endings: npt.NDArray[np.uint8],
    lengths: npt.NDArray[np.int64],
    shape: Shape,
) -> Endings:
    """Score endings by the chain rule, each character given the context and the ones before it.

    Parameters
    ----------
    weights : dict of str to array
        Weights by name.
    contexts : uint8 array [item, context character]
        What stands before.
    endings : uint8 array [item, ending character]
        Endings, padded at the right by any code.
    lengths : int array [item]
        Length of every ending, at least 1, in characters.
    shape : Shape
        Shape of the network; context and ending must fit into `shape.window` + 1.

    Returns
    -------
    Endings
        Exact probabilities and character statistics.
    """

    texts = np.concatenate([contexts, endings], axis=1)
    place = np.arange(1, texts.shape[1])[None, :] - contexts.shape[1]
    in_ending = (place >= 0) & (place < lengths[:, None])
    parts = [
        np.asarray(
            _sum_statistics(weights, texts[i : i + _BATCH], in_ending[i : i + _BATCH], shape)
        )
        for i in range(0, len(texts), _BATCH)
    ]
    total = np.concatenate(parts, axis=1).astype(np.float64)
    return Endings(total[0], *(total[1:] / lengths))


@partial(jax.jit, static_argnames="shape")
def _sum_statistics(
    weights: Weights, texts: jax.Array, in_ending: jax.Array, shape: Shape
) -> jax.Array:
    """Sum [log probability, entropy, top 1, top 5, rank] of the right character over endings."""
    log_share = jax.nn.log_softmax(logits(weights, texts[:, :-1], shape), axis=-1)
    right = jnp.take_along_axis(log_share, texts[:, 1:, None], axis=-1)
    rank = (log_share > right).sum(axis=-1)
    entropy = -(jnp.exp(log_share) * log_share).sum(axis=-1)
    columns = jnp.stack([right[..., 0], entropy, rank == 0, rank < 5, rank])
    return jnp.where(in_ending, columns, 0.0).sum(axis=-1)
