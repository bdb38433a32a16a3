"""Eq. 1 in parameters and tokens, walked by the accuracies at the ends of its ladder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.nn import sigmoid

from bayescod.programs.geometry import INNER, CurveParameters, inner

# An end is at least so much of the ladder's span in log compute away from the middle, in both: so
# any exponents have a loss that falls between the ends, on a ladder that has the same tokens
# throughout, or whose largest LLM has fewer parameters than its smallest, as well.
_LEAST_STEP = 0.0005
# Newton's, besides the last. On ladders of seven shapes, under priors half as wide again as the
# specs', the fall is then off by less than 1e-11 in 999 of 1,000 draws, and by 6e-5 at most.
_STEPS = 5
_LEAST = 1e-300  # where b has no density at zero


class Corners(NamedTuple):
    """Log parameters and log tokens at the ends at which curves are described.

    They are as far within the ladder's LLMs of least and of most of both together as
    :func:`bayescod.programs.geometry.inner` says.

    Attributes
    ----------
    log_params, log_tokens : tuple of Array
        Natural logs over their geometric means on the ladder: the lower end, the upper end.
    log_compute : tuple of Array
        At the lower end, the ladder's mean, at the upper end, in the unit of ``a``.
    """

    log_params: tuple[Array, Array]
    log_tokens: tuple[Array, Array]
    log_compute: tuple[Array, Array, Array]


def corners(data: Mapping[str, Array]) -> Corners:
    """The ends of a ladder in parameters and tokens.

    Parameters
    ----------
    data : mapping of str to Array
        ``log_params``, ``log_tokens`` (llm,), of which padding in the middle of the ladder is no
        end; ``log_low``, ``log_middle``, ``log_high``.

    Returns
    -------
    Corners
    """
    both = data["log_params"] + data["log_tokens"]
    low, high = jnp.argmin(both), jnp.argmax(both)
    least = _LEAST_STEP * (data["log_high"] - data["log_low"])

    def ends(logs: Array) -> tuple[Array, Array]:
        return INNER * jnp.minimum(logs[low], -least), INNER * jnp.maximum(logs[high], least)

    lower, upper = inner(data["log_low"], data["log_middle"], data["log_high"])
    return Corners(
        ends(data["log_params"]), ends(data["log_tokens"]), (lower, data["log_middle"], upper)
    )


def through_corners(
    parameters: CurveParameters, share: Array, tilt: Array, ladder: Corners
) -> tuple[CurveParameters, Array]:
    """Eq. 1 in parameters and tokens with the ends of an Eq. 1 in compute.

    Of the law of :func:`bayescod.laws.params_tokens` the data pin down the accuracy at both
    ends. Where ``a`` and ``b`` were Eq. 1's own for whatever ``share`` and ``tilt``, the latter two
    would shift them, to one side or the other: a posterior in the shape of an X. So they are chosen
    such that both ends are met.

    Parameters
    ----------
    parameters : CurveParameters
        Of Eq. 1 in compute.
    share : Array
        In (0, 1).
    tilt : Array
    ladder : Corners

    Returns
    -------
    parameters : CurveParameters
        Of the law in parameters and tokens.
    log_jacobian : Array
        ``log |d(log a, b) / d(log a, b of Eq. 1)|``.
    """
    low, middle, high = ladder.log_compute
    up, down = 2.0 * jnp.exp(tilt), 2.0 * jnp.exp(-tilt)
    parts = _Parts(
        (jnp.log(share), jnp.log1p(-share)),
        *((up * n, down * d) for n, d in zip(ladder.log_params, ladder.log_tokens, strict=True)),
    )
    b = _exponent(parameters.b * (high - low), parts)
    _, slope = _fall(b, parts)
    log_loss_high = parameters.log_a - parameters.b * high
    log_a = log_loss_high + b * middle - jnp.logaddexp(*_logs(b, parts.shares, parts.high))
    return parameters._replace(log_a=log_a, b=b), jnp.log(high - low) - jnp.log(slope)


class _Parts(NamedTuple):
    """The loss's part by parameters and that by tokens: log shares, exponents over ``b``."""

    shares: tuple[Array, Array]
    low: tuple[Array, Array]
    high: tuple[Array, Array]


def _logs(b: Array, shares: tuple[Array, Array], end: tuple[Array, Array]) -> tuple[Array, Array]:
    return shares[0] - b * end[0], shares[1] - b * end[1]


def _fall(b: Array, parts: _Parts) -> tuple[Array, Array]:
    """Fall of the log loss from the lower to the upper end, and its derivative by ``b``."""
    fall, slope = jnp.zeros(()), jnp.zeros(())
    for sign, end in ((1.0, parts.low), (-1.0, parts.high)):
        by_params, by_tokens = _logs(b, parts.shares, end)
        weight = sigmoid(by_params - by_tokens)
        fall += sign * jnp.logaddexp(by_params, by_tokens)
        slope -= sign * (weight * end[0] + (1.0 - weight) * end[1])
    return fall, slope


def _exponent(fall: Array, parts: _Parts) -> Array:
    """The ``b`` of a fall: by Newton's steps, of which gradients see the last alone."""
    known, given = jax.lax.stop_gradient((fall, parts))
    b = known / _fall(jnp.zeros(()), given)[1]
    for _ in range(_STEPS):
        reached, slope = _fall(b, given)
        b = jnp.maximum(b + (known - reached) / slope, 0.1 * b)
    _, slope = _fall(b, given)
    return jnp.maximum(b + (fall - _fall(b, parts)[0]) / slope, _LEAST)
