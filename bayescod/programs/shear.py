"""Coordinates in which curves do not follow the run effects that all of them share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from numpyro.optim import Adam

from bayescod.programs.geometry import EndPoints
from bayescod.programs.space import Sites, Space

RUN = "run_effect"
# A posterior has a width of order one, and the start is a few widths from its mode.
_MODE_STEPS, _FIRST_STEP = 1000, 0.1
# Of curvatures, where that of a standard normal is one: a curve that is level or away from its mode
# may have none, and would be sheared without end.
_LEAST_CURVATURE = 0.5


def sheared(space: Space, start: Sites) -> Space:
    """The same space, the curves walked relative to what the run effects do to them.

    A run effect moves one LLM along every curve at once, and each curve gives way as its data and
    priors allow: the posterior is a thin, slanted sheet, in as many directions as there are run
    effects. At the mode the slope of that sheet is ``-H_kk^-1 H_kr`` of the Hessian ``H`` of curve
    ``k`` and the run effects ``r``. Subtracting it is a shear: it keeps volumes, so the posterior
    is the same whatever the slope, and only the length of NUTS's steps depends on it.

    Parameters
    ----------
    space : Space
        Of a program with run effects, curves in end-point coordinates.
    start : mapping of str to Array
        Starting coordinates of the curves, from which the mode is sought.

    Returns
    -------
    Space
    """
    curves = [name for name in EndPoints._fields if name in start]
    slopes = _slopes(space, _mode(space, start), curves)
    return replace(
        space,
        potential=lambda coordinates: space.potential(_along(coordinates, curves, slopes)),
        constrain=lambda coordinates: space.constrain(_along(coordinates, curves, slopes)),
    )


def _along(coordinates: Sites, curves: list[str], slopes: Array) -> Sites:
    # Not a matrix product, which is not fused with what is around it.
    moves = (slopes * coordinates[RUN][:, None, None]).sum(0)
    return coordinates | {n: coordinates[n] + moves[i] for i, n in enumerate(curves)}


def _mode(space: Space, start: Sites) -> Sites:
    """About the point of highest density; what is left to it costs NUTS a little, nothing else."""

    def step(_: int, state: Any) -> Any:
        return optimizer.update(gradient(optimizer.get_params(state)), state)

    gradient = jax.grad(space.potential)
    optimizer = Adam(lambda i: _FIRST_STEP * (1.0 - i / _MODE_STEPS))
    state = jax.lax.fori_loop(0, _MODE_STEPS, step, optimizer.init(space.centre(start)))
    found: Sites = optimizer.get_params(state)
    return found


def _slopes(space: Space, mode: Sites, curves: list[str]) -> Array:
    """(run, coordinate, curve): how far the curves' coordinates go with each run effect."""
    n_coordinate, n_run = len(curves), mode[RUN].size
    # Curves know of each other by what they share only, so that one direction moves all of them.
    nowhere = {n: jnp.zeros((n_coordinate + n_run, *v.shape)) for n, v in mode.items()}
    by_curve = {name: nowhere[name].at[i].set(1.0) for i, name in enumerate(curves)}
    by_run = {RUN: nowhere[RUN].at[n_coordinate:].set(jnp.eye(n_run))}

    def curvature(direction: Sites) -> Array:
        found = jax.jvp(jax.grad(space.potential), (mode,), (direction,))[1]
        return jnp.stack([found[name] for name in curves])

    curvatures = jax.vmap(curvature)(nowhere | by_curve | by_run)
    own, of_runs = curvatures[:n_coordinate], curvatures[n_coordinate:]
    values, axes = jnp.linalg.eigh(jnp.moveaxis(own, -1, 0))
    stiff = jnp.maximum(jnp.abs(values), _LEAST_CURVATURE)
    return -jnp.einsum("kia,ka,kja,rjk->rik", axes, 1.0 / stiff, axes, of_runs)
