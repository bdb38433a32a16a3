"""Coordinates in which curves do not follow the run effects that all of them share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree
from numpyro.optim import Adam

from bayescod.programs.geometry import EndPoints
from bayescod.programs.space import Sites, Space

RUN = "run_effect"
# A posterior has a width of order one, and the start is a few widths from its mode.
_MODE_STEPS, _FIRST_STEP = 1000, 0.1
# Half the distance of two gradients whose difference tells a curvature to nine digits or so.
_PROBE = 1e-4
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
    slopes = _slopes(_mode(space, start, curves)[1])
    return replace(
        space,
        potential=lambda coordinates: space.potential(_along(coordinates, curves, slopes)),
        constrain=lambda coordinates: space.constrain(_along(coordinates, curves, slopes)),
    )


def _along(coordinates: Sites, curves: list[str], slopes: Array) -> Sites:
    # Not a matrix product, which is not fused with what is around it.
    moves = (slopes * coordinates[RUN][:, None, None]).sum(0)
    return coordinates | {n: coordinates[n] + moves[i] for i, n in enumerate(curves)}


def _mode(space: Space, start: Sites, curves: list[str]) -> tuple[Sites, Array]:
    """About the point of highest density, and the curvatures there.

    What is left to the mode costs NUTS a little, nothing else. Curvatures are differences of
    gradients, taken in the loop that seeks the mode: what there is to compile is mostly the
    gradient, and so there is one of it.

    Parameters
    ----------
    space : Space
    start : mapping of str to Array
    curves : list of str
        The coordinates of the curves.

    Returns
    -------
    mode : dict of str to Array
    curvatures : Array
        (direction, coordinate, curve): how the gradient of the curves' coordinates goes with each
        coordinate of its own curve, then with each run effect.
    """
    first, sites_at = ravel_pytree(space.centre(start))
    directions = _directions(sites_at(jnp.zeros_like(first)), curves)
    gradient = jax.grad(lambda vector: space.potential(sites_at(vector)))
    optimizer = Adam(lambda i: _FIRST_STEP * (1.0 - i / _MODE_STEPS))

    def step(i: Array, state: Any) -> Any:
        search, gradients = state
        seeking, probe = i < _MODE_STEPS, jnp.maximum(i - _MODE_STEPS, 0)
        side = jnp.where(seeking, 0.0, jnp.where(probe % 2 == 0, _PROBE, -_PROBE))
        found = gradient(optimizer.get_params(search) + side * directions[probe // 2])
        moved = optimizer.update(found, search)
        search = jax.tree.map(lambda new, old: jnp.where(seeking, new, old), moved, search)
        # While the mode is sought, the first probe's place is written to, which it takes later.
        return search, gradients.at[probe].set(found)

    n_probe = 2 * len(directions)
    begin = (optimizer.init(first), jnp.zeros((n_probe, first.size)))
    search, gradients = jax.lax.fori_loop(0, _MODE_STEPS + n_probe, step, begin)
    differences = jax.vmap(sites_at)((gradients[::2] - gradients[1::2]) / (2.0 * _PROBE))
    mode: Sites = sites_at(optimizer.get_params(search))
    return mode, jnp.stack([differences[name] for name in curves], axis=1)


def _directions(nowhere: Sites, curves: list[str]) -> Array:
    """(direction, vector): a coordinate of all curves at once, each in its turn; each run effect.

    Curves know of each other by what they share only, so that one direction moves all of them.
    """
    by_curve = [nowhere | {name: jnp.ones_like(nowhere[name])} for name in curves]
    by_run = [nowhere | {RUN: one} for one in jnp.eye(nowhere[RUN].size)]
    return jnp.stack([ravel_pytree(direction)[0] for direction in (*by_curve, *by_run)])


def _slopes(curvatures: Array) -> Array:
    """(run, coordinate, curve): how far the curves' coordinates go with each run effect."""
    n_coordinate = curvatures.shape[1]
    own, of_runs = curvatures[:n_coordinate], curvatures[n_coordinate:]
    values, axes = jnp.linalg.eigh(jnp.moveaxis(own, -1, 0))
    stiff = jnp.maximum(jnp.abs(values), _LEAST_CURVATURE)
    return -jnp.einsum("kia,ka,kja,rjk->rik", axes, 1.0 / stiff, axes, of_runs)
