"""The unconstrained space in which a program is sampled: its log density and the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpyro
from jax import Array
from numpyro.distributions import biject_to, constraints
from numpyro.infer.util import log_density

from bayescod.laws import LAWS, Law
from bayescod.programs.clusters import clusters
from bayescod.programs.corners import Corners, corners, through_corners
from bayescod.programs.geometry import (
    CurveParameters,
    EndPoints,
    LogisticParameters,
    from_end_points,
    inner,
    logistic_from_end_points,
)
from bayescod.programs.loss_intermediate import loss_intermediate
from bayescod.programs.mapping import mapping
from bayescod.programs.polynomial import polynomial_values
from bayescod.programs.priors import distribution
from bayescod.programs.single_curve import single_curve
from bayescod.specs import Spec

Sites = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Space:
    """A program on its data, in unconstrained coordinates.

    Attributes
    ----------
    potential : callable
        Coordinates -> minus the log joint density, up to a constant.
    constrain : callable
        Coordinates -> values of all sites of the program but the free ones.
    centre : callable
        Starting coordinates of the curves -> starting coordinates of everything.
    initial : callable
        (rng_key, starting coordinates of the curves) -> the centre, moved at random.
    free : callable
        (rng_key, number of draws) -> draws of the free sites: of those that no score and no other
        site depends on. Their posterior is their prior, from which draws are independent, and to
        walk them as well would make every step of the others shorter.
    """

    potential: Callable[[Sites], Array]
    constrain: Callable[[Sites], Sites]
    centre: Callable[[Sites], Sites]
    initial: Callable[[Array, Sites], Sites]
    free: Callable[[Array, int], Sites]


_FREE: Mapping[str, tuple[str, ...]] = {
    "clusters": ("drift",),
    "single_curve": ("walk_scale", "drift"),
    "loss_intermediate": ("walk_scale", "drift"),
    "mapping": (),
}


def program_of(spec: Spec) -> Callable[..., None]:
    """The NumPyro program of a spec, its priors and law filled in.

    Parameters
    ----------
    spec : Spec

    Returns
    -------
    callable
        ``program(data, pass_rate=None)``.
    """
    if spec.program == "mapping":
        return partial(mapping, priors=spec.priors, degree=spec.degree or 4)
    if spec.program == "loss_intermediate":
        return partial(loss_intermediate, priors=spec.priors)
    program = {"clusters": clusters, "single_curve": single_curve}[spec.program]
    return partial(program, priors=spec.priors, law=spec.law)


def space_of(spec: Spec, data: Mapping[str, Array]) -> Space:
    """Unconstrained space of a spec's program on one data set.

    Sites of Eq. 1 are walked in the coordinates of :mod:`bayescod.programs.geometry`, steps of a
    polynomial in those of :mod:`bayescod.programs.polynomial`, all others in NumPyro's own. Padding
    has a standard normal density in its coordinates, so that it costs the sampler nothing there.

    Parameters
    ----------
    spec : Spec
    data : mapping of str to Array
        What the program asks for, and ``pass_rate`` (obs,); with curves also ``log_low``,
        ``log_middle`` and ``log_high``: smallest, mean and largest log compute of the ladder.

    Returns
    -------
    Space
    """
    given = dict(data)
    rate = given.pop("pass_rate")
    program = program_of(spec)
    seeded = numpyro.handlers.seed(program, jax.random.key(0))
    trace = numpyro.handlers.trace(seeded).get_trace(data=given, pass_rate=rate)
    law = _end_point_law(spec)
    transforms = {
        name: _coordinates_of(site["fn"], given)
        for name, site in trace.items()
        if site["type"] == "sample"
        and not site["is_observed"]
        and not (law is not None and name in law.end_points)
        and name not in _FREE[spec.program]
    }
    # Wherever they are, they change the density by a constant.
    elsewhere = {name: trace[name]["value"] for name in _FREE[spec.program]}
    ladder = corners(given) if law is not None and "log_tokens" in law.covariates else None
    padding = {"run_effect": given["run_used"]} if "run_used" in given else {}
    used = given.get("cluster_used", jnp.ones((), bool))

    def walk(coordinates: Sites) -> tuple[Sites, Array]:
        sites: Sites = {}
        total = jnp.zeros(())
        for name, transform in transforms.items():
            sites[name] = transform(coordinates[name])
            log_jacobian = transform.log_abs_det_jacobian(coordinates[name], sites[name])
            total += jnp.sum(log_jacobian)
            if name in padding:
                total += _standard_normal(coordinates[name], padding[name])
        if law is not None:
            ends = {name: coordinates.get(name, jnp.zeros(())) for name in EndPoints._fields}
            parameters, log_jacobian = _curves(law, EndPoints(**ends), sites, given, ladder)
            sites |= {n: v for n, v in parameters._asdict().items() if n in trace}
            total += jnp.where(used, log_jacobian, 0.0).sum()
            total += sum(
                _standard_normal(coordinates[name], used)
                for name in EndPoints._fields
                if name in coordinates
            )
        return sites, total

    def potential(coordinates: Sites) -> Array:
        sites, log_jacobian = walk(coordinates)
        known = {"data": given, "pass_rate": rate}
        joint, _ = log_density(program, (), known, sites | elsewhere)
        return -(joint + log_jacobian)

    def centre(start: Sites) -> Sites:
        point = dict(start)
        for name, transform in transforms.items():
            shape = jnp.shape(trace[name]["value"])
            point[name] = transform.inv(jnp.broadcast_to(trace[name]["fn"].mean, shape))
        return point

    return Space(
        potential,
        constrain=lambda coordinates: walk(coordinates)[0],
        centre=centre,
        initial=lambda rng_key, start: _scattered(rng_key, centre(start)),
        free=partial(_free, spec),
    )


def _curves(
    law: Law, ends: EndPoints, sites: Sites, data: Mapping[str, Array], ladder: Corners | None
) -> tuple[CurveParameters | LogisticParameters, Array]:
    low, high = inner(data["log_low"], data["log_middle"], data["log_high"])
    if "slope" in law.sites:
        return logistic_from_end_points(ends, low, data["log_middle"], high)
    terms = {"has_floor": "g" in law.sites, "has_ceiling": "c" in law.sites}
    parameters, log_jacobian = from_end_points(ends, low, high, **terms)
    if ladder is None:
        return parameters, log_jacobian
    moved, own = through_corners(parameters, sites["share"], sites["tilt"], ladder)
    return moved, log_jacobian + own


def _coordinates_of(prior: Any, data: Mapping[str, Array]) -> Any:
    if prior.support is constraints.simplex:
        return polynomial_values(data["subset_rate"], data["observed"], prior)
    return biject_to(prior.support)


# Chains start this far apart, in coordinates whose posterior has a width of order one: R-hat can
# only tell chains apart that had a chance to disagree.
_START_SPREAD = 0.3


def _scattered(rng_key: Array, point: Sites) -> Sites:
    keys = jax.random.split(rng_key, len(point))
    return {
        name: value + _START_SPREAD * jax.random.normal(key, jnp.shape(value))
        for key, (name, value) in zip(keys, sorted(point.items()), strict=True)
    }


def _free(spec: Spec, rng_key: Array, n_draws: int) -> Sites:
    names = _FREE[spec.program]
    keys = jax.random.split(rng_key, max(1, len(names)))
    return {
        name: distribution(spec.priors[name]).sample(key, (n_draws,))
        for name, key in zip(names, keys, strict=False)
    }


def _standard_normal(coordinates: Array, used: Array) -> Array:
    return jnp.where(used, 0.0, -0.5 * coordinates**2).sum()


def curve_coordinates(spec: Spec) -> tuple[str, ...]:
    """Coordinates of the curves that the spec's law uses; none where it is walked in its own."""
    law = _end_point_law(spec)
    if law is None:
        return ()
    unused = {name for name, site in (("floor", "g"), ("ceiling", "c")) if site not in law.sites}
    return tuple(name for name in EndPoints._fields if name not in unused)


def _end_point_law(spec: Spec) -> Law | None:
    """The spec's law, where it is walked in end-point coordinates."""
    law = LAWS.get(spec.law)
    return law if law is not None and law.end_points else None


def site_shapes(spec: Spec, data: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Shapes of the latent sites of a spec's program on some data, for tables and checks."""
    given = {name: value for name, value in data.items() if name != "pass_rate"}
    seeded = numpyro.handlers.seed(program_of(spec), jax.random.key(0))
    trace = numpyro.handlers.trace(seeded).get_trace(data=given)
    return {
        name: jnp.shape(site["value"])
        for name, site in trace.items()
        if site["type"] == "sample" and not site["is_observed"] and name != "pass_rate"
    }
