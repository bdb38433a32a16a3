"""The laws that a score curve can follow: their parameters, what they are functions of, their mean.

Eq. 1 of arXiv 2502.17262 and its three ablations are the laws of COD. The others are what it is
compared with, and Eq. 1 in parameters and tokens for ladders that are not on one ratio of both. A
law is a pure function, so that programs, forecasts and figures share it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.nn import sigmoid
from jax.typing import ArrayLike

from bayescod.curves import LAWS as EQ1_FAMILY
from bayescod.curves import accuracy

Values = Mapping[str, Any]
"""Arrays or numbers by name."""


@dataclass(frozen=True, slots=True)
class Law:
    """A law of one score curve.

    Attributes
    ----------
    sites : tuple of str
        Its parameters; each is a site of the program, with a prior in the spec.
    covariates : tuple of str
        What it is a function of: ``log_compute`` (natural log, in the unit of ``a``), or
        ``log_params`` and ``log_tokens`` (natural logs over their geometric means on the ladder).
    mean : callable
        (covariates, parameters) -> accuracy in [0, 1]; both broadcast. Besides the covariates it
        may read ``log_low`` and ``log_middle``: smallest and mean log compute of the ladder.
    end_points : tuple of str
        Those of its parameters that NUTS walks in the coordinates of
        :mod:`bayescod.programs.geometry`.
    """

    sites: tuple[str, ...]
    covariates: tuple[str, ...]
    mean: Callable[[Values, Values], Array]
    end_points: tuple[str, ...]


def eq1(at: Values, of: Values) -> Array:
    """Eq. 1 in compute; a term that the law lacks is zero."""
    return accuracy(at["log_compute"], of["log_a"], of["b"], of.get("c", 0.0), of.get("g", 0.0))


def params_tokens(at: Values, of: Values) -> Array:
    """Eq. 1 in parameters N and tokens D: ``g + (1-g) exp(-A N^-alpha - B D^-beta - c)``.

    The shape of the loss is that of Hoffmann et al. (arXiv 2203.15556, Eq. 2). ``share`` is the
    parameters' part of the reducible loss in the middle of the ladder; ``alpha = 2 b exp(tilt)``
    and ``beta = 2 b exp(-tilt)``. On a ladder of one ratio of tokens to parameters, where compute
    goes with the square of both, this is Eq. 1 in compute for ``tilt = 0`` and any ``share``.
    """
    b, tilt = 2.0 * jnp.asarray(of["b"]), jnp.asarray(of["tilt"])
    share = jnp.asarray(of["share"])
    middle = jnp.exp(of["log_a"] - jnp.asarray(of["b"]) * at["log_middle"])
    by_params = share * jnp.exp(jnp.minimum(-b * jnp.exp(tilt) * at["log_params"], _ENDLESS))
    by_tokens = jnp.exp(jnp.minimum(-b * jnp.exp(-tilt) * at["log_tokens"], _ENDLESS))
    loss = middle * (by_params + (1.0 - share) * by_tokens) + of["c"]
    g = jnp.asarray(of["g"])
    return g + (1.0 - g) * jnp.exp(-loss)


# So many times the loss leave nothing but the floor. More would overflow, and the gradient with it,
# where a sampler tries exponents that the prior excludes.
_ENDLESS = 300.0


def logistic(at: Values, of: Values) -> Array:
    """Logistic curve in log compute, between a floor and a ceiling (Owen, arXiv 2401.04757)."""
    g = jnp.asarray(of["g"])
    steps = jnp.asarray(at["log_compute"]) - at["log_middle"]
    reached = sigmoid(of["level"] + of["slope"] * steps)
    return g + (1.0 - g) * jnp.exp(-jnp.asarray(of["c"])) * reached


def broken_power_law(at: Values, of: Values) -> Array:
    """One minus an error by a broken neural scaling law with one break (arXiv 2210.14891, Eq. 1).

    ``error = limit + (1 - limit) reducible x^-b ((1 + (x/d)^(1/f)) / (1 + d^(-1/f)))^(-b_break f)``
    with ``x`` compute over the smallest LLM's, ``log d = log_break`` and ``f = sharpness``. The
    denominator makes ``reducible`` the smallest LLM's own error. Kept in [0, 1], since nothing in
    the law does.
    """
    x = jnp.asarray(at["log_compute"]) - at["log_low"]
    width = jnp.asarray(of["sharpness"])
    passed = jnp.logaddexp(0.0, (x - of["log_break"]) / width)
    passed -= jnp.logaddexp(0.0, -jnp.asarray(of["log_break"]) / width)
    decay = jnp.exp(-of["b"] * x - of["b_break"] * width * passed)
    limit = jnp.asarray(of["limit"])
    return jnp.clip(1.0 - limit - (1.0 - limit) * of["reducible"] * decay, 0.0, 1.0)


def _eq1_law(has_floor: bool, has_ceiling: bool) -> Law:
    terms = (("c",) if has_ceiling else ()) + (("g",) if has_floor else ())
    sites = ("log_a", "b", *terms)
    return Law(sites, ("log_compute",), eq1, end_points=sites)


LAWS: Mapping[str, Law] = {
    **{name: _eq1_law(*terms) for name, terms in EQ1_FAMILY.items()},
    "params-tokens": Law(
        ("log_a", "b", "c", "g", "share", "tilt"),
        ("log_params", "log_tokens"),
        params_tokens,
        end_points=("log_a", "b", "c", "g"),
    ),
    "logistic": Law(
        ("level", "slope", "c", "g"),
        ("log_compute",),
        logistic,
        end_points=("level", "slope", "c", "g"),
    ),
    "broken-power-law": Law(
        ("reducible", "b", "b_break", "log_break", "sharpness", "limit"),
        ("log_compute",),
        broken_power_law,
        end_points=(),
    ),
}
"""By the name that specs use."""


def further(at: Values, log_compute: ArrayLike) -> dict[str, Any]:
    """The same points with so much more log compute, the ratio of tokens to parameters kept.

    Parameters
    ----------
    at : mapping of str to array
        Covariates and ``log_low``, ``log_middle``.
    log_compute : array_like
        Natural log of the factor in compute; half of it goes to parameters, half to tokens.

    Returns
    -------
    dict of str to array
        Covariates broadcast against ``log_compute``.
    """
    half = 0.5 * jnp.asarray(log_compute)
    part = {"log_compute": 2.0 * half, "log_params": half, "log_tokens": half}
    return {name: value + part[name] if name in part else value for name, value in at.items()}


def against_draws(at: Values, axes: int = 1) -> dict[str, Any]:
    """Covariates along their first axis, so that they broadcast against parameters' draws.

    Parameters
    ----------
    at : mapping of str to array
        (point,), and numbers.
    axes : int
        Axes of the parameters: 1 for (draw,), 2 for (draw, cluster).

    Returns
    -------
    dict of str to array
        (point, 1) or (point, 1, 1); numbers as they are.
    """
    return {
        name: jnp.reshape(value, (-1, *(1,) * axes)) if jnp.ndim(value) else value
        for name, value in at.items()
    }
