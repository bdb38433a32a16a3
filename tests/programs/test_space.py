"""The space that NUTS walks: finite everywhere, and padding that costs and changes nothing."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.infer.util import log_density

import bayescod.forecasting.lanes as lanes_module
from bayescod.forecasting.lanes import cluster_lane, curve_lane
from bayescod.programs.geometry import EndPoints
from bayescod.programs.space import curve_coordinates, program_of, site_shapes, space_of
from bayescod.sampling import real_entries
from bayescod.specs import load_spec, spec_names
from tests._ladders import lane_of, make_ladder, mapping_lane, planted_labels

# COD without mapping is COD as a program, priors and all: a test of the specs says so.
NAMES = [name for name in spec_names() if name != "cod-no-mapping"]


def space_and_start(lane, spec):
    space = space_of(spec, {n: jnp.asarray(v) for n, v in lane.data.items()})
    return space, {n: jnp.asarray(v) for n, v in lane.start.items()}


@cache
def evaluated(name):
    """A spec's space at 50 starting points, and at 50 far from them, in one compiled call."""
    spec = load_spec(name)
    space, start = space_and_start(lane_of(spec), spec)

    @jax.jit
    @jax.vmap
    def evaluate(key):
        near = space.initial(key, start)
        keys = dict(zip(near, jax.random.split(key, len(near)), strict=True))
        far = {n: v + 4.0 * jax.random.normal(keys[n], jnp.shape(v)) for n, v in near.items()}
        both = {n: jnp.stack([near[n], far[n]]) for n in near}
        density = jax.vmap(jax.value_and_grad(space.potential))(both)
        return near, space.constrain(near), density

    return jax.device_get(evaluate(jax.random.split(jax.random.key(5), 50)))


@pytest.mark.parametrize("name", NAMES)
def test_density_and_gradient_are_finite_at_the_start_and_far_from_it(name):
    _, _, (value, slope) = evaluated(name)
    assert value.shape == (50, 2)
    assert np.isfinite(value).all()
    assert all(np.isfinite(leaf).all() for leaf in slope.values())
    assert np.unique(value).size == 100


@pytest.mark.parametrize("name", NAMES)
def test_the_way_back_gives_every_site_of_the_program(name):
    spec = load_spec(name)
    _, sites, _ = evaluated(name)
    wanted = site_shapes(spec, lane_of(spec).data)
    free = space_and_start(lane_of(spec), spec)[0].free(jax.random.key(0), 50)
    assert {n: v.shape[1:] for n, v in (sites | free).items()} == wanted
    assert not sites.keys() & free.keys()


@pytest.mark.parametrize("name", ["cod", "end-to-end", "loss-intermediate"])
def test_nothing_depends_on_the_free_sites(name):
    """The density moves with them as their prior does, by no datum and no other site's."""
    spec = load_spec(name)
    lane = lane_of(spec)
    data = {n: jnp.asarray(v) for n, v in lane.data.items()}
    space, start = space_and_start(lane, spec)
    program = program_of(spec)
    rate = data.pop("pass_rate")

    def rest(point, key):
        free = {n: v[0] for n, v in space.free(key, 1).items()}
        sites = space.constrain(point) | free
        joint, trace = log_density(program, (), {"data": data, "pass_rate": rate}, sites)
        return float(joint - sum(trace[n]["fn"].log_prob(free[n]) for n in free))

    here, there = (space.initial(key, start) for key in jax.random.split(jax.random.key(2)))
    drawn = jax.random.split(jax.random.key(3))
    assert rest(here, drawn[0]) == pytest.approx(rest(here, drawn[1]), abs=1e-9)
    assert rest(here, drawn[0]) != pytest.approx(rest(there, drawn[0]), abs=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_chains_start_apart(name):
    points, _, _ = evaluated(name)
    assert all((np.asarray(v).std(axis=0) > 0.1).all() for v in points.values())


def test_coordinates_are_those_of_the_law():
    assert curve_coordinates(load_spec("cod")) == EndPoints._fields
    assert curve_coordinates(load_spec("cod-no-guess")) == ("upper", "lower", "ceiling")
    assert curve_coordinates(load_spec("cod-no-ceiling")) == ("upper", "lower", "floor")
    assert curve_coordinates(load_spec("cod-power-law")) == ("upper", "lower")
    assert curve_coordinates(load_spec("params-tokens")) == EndPoints._fields
    assert curve_coordinates(load_spec("logistic")) == EndPoints._fields
    for name in ("mapping", "broken-power-law", "loss-intermediate"):
        assert curve_coordinates(load_spec(name)) == ()


def padded_lane(name, size, monkeypatch):
    """The same data set, padded to at least `size` LLMs and clusters."""
    spec = load_spec(name)
    if name == "mapping":
        return mapping_lane(size)
    monkeypatch.setattr(
        lanes_module, "padded_size", lambda n, smallest: max(size, 1 << (n - 1).bit_length())
    )
    ladder = make_ladder(0, spec)
    if spec.program == "clusters":
        return cluster_lane(ladder, planted_labels(ladder), spec)
    return curve_lane(ladder, spec)


def widened(narrow, wide):
    """Put the coordinates of a narrow lane into the shapes of a wide one; padding at zero."""
    return {
        n: jnp.zeros(jnp.shape(wide[n])).at[: v.size].set(v) if v.shape != wide[n].shape else v
        for n, v in narrow.items()
    }


@pytest.mark.parametrize(
    "name", ["cod", "end-to-end", "params-tokens", "loss-intermediate", "mapping"]
)
def test_padding_changes_no_difference_of_density(name, monkeypatch):
    spec = load_spec(name)
    lanes = [padded_lane(name, size, monkeypatch) for size in (16, 32)]
    (small, start), (large, large_start) = (space_and_start(lane, spec) for lane in lanes)

    @jax.jit
    @jax.vmap
    def evaluate(key):
        point = small.initial(key, start)
        same = widened(point, large.initial(key, large_start))
        both = ((small, point), (large, same))
        return [(space.potential(at), space.constrain(at)) for space, at in both]

    (narrow, sites), (wide, same) = jax.device_get(evaluate(jax.random.split(jax.random.key(7), 6)))
    np.testing.assert_allclose(np.diff(narrow), np.diff(wide), rtol=1e-8, atol=1e-7)
    sites, same = (
        real_entries(lane, {n: v[None] for n, v in values.items()})
        for lane, values in zip(lanes, (sites, same), strict=True)
    )
    assert sites.keys() == same.keys()
    for n, value in sites.items():
        np.testing.assert_allclose(same[n], value, rtol=1e-9, err_msg=n)


def test_padding_is_standard_normal_in_its_coordinates():
    spec = load_spec("cod")
    lane = lane_of(spec)
    space, start = space_and_start(lane, spec)
    unused = int(np.flatnonzero(~lane.data["cluster_used"])[0])

    @jax.jit
    def changes(key):
        point = space.initial(key, start)

        def at(name, value):
            return space.potential(point | {name: point[name].at[unused].set(value)})

        return jnp.stack([at(n, 1.5) - at(n, 0.0) for n in ("upper", "floor")])

    np.testing.assert_allclose(changes(jax.random.key(8)), 1.5**2 / 2, atol=1e-8)


def eq1_by_hand(sites, data):
    loss = jnp.exp(sites["log_a"] - sites["b"] * data["log_compute"]) + sites["c"]
    return sites["g"] + (1 - sites["g"]) * jnp.exp(-loss)


def params_tokens_by_hand(sites, data):
    """Eq. 2 of arXiv 2203.15556 as the loss, parameters and tokens over their geometric means."""
    half = sites["b"] * jnp.exp(jnp.stack([sites["tilt"], -sites["tilt"]])) * 2
    scale = jnp.exp(sites["log_a"] - sites["b"] * data["log_middle"])
    params, tokens = jnp.exp(data["log_params"]), jnp.exp(data["log_tokens"])
    loss = scale * sites["share"] * params ** -half[0]
    loss += scale * (1 - sites["share"]) * tokens ** -half[1]
    return sites["g"] + (1 - sites["g"]) * jnp.exp(-loss - sites["c"])


def through_loss_by_hand(sites, data):
    steps = (data["log_loss"] - data["loss_middle"]) / data["loss_unit"]
    reached = 1 / (1 + jnp.exp(-sites["level"] + sites["slope"] * steps))
    return sites["g"] + (1 - sites["g"]) * jnp.exp(-sites["c"]) * reached


def loss_by_hand(sites, data):
    """Log density of the losses, which only one program knows."""
    if "loss_gain" not in sites:
        return 0.0
    over = jnp.exp(data["log_compute"] - data["log_low"])
    limit = sites["loss_limit"]
    law = jnp.log(limit + (1 - limit) * over ** -sites["loss_exponent"]) + sites["loss_gain"]
    each = dist.Normal(law, sites["loss_spread"]).log_prob(data["log_loss"])
    return jnp.where(data["observed"], each, 0.0).sum()


FAMILIES = {
    "half-normal": lambda p: dist.HalfNormal(p["scale"]),
    "normal": lambda p: dist.Normal(p["loc"], p["scale"]),
    "log-normal": lambda p: dist.LogNormal(p["loc"], p["scale"]),
    "gamma": lambda p: dist.Gamma(p["concentration"], p["rate"]),
}


def priors_by_hand(sites, data, priors):
    total = 0.0
    for name, prior in priors.items():
        if name not in sites:
            continue  # a free site
        p = prior.parameters
        if name == "log_a":
            family = dist.Normal(p["loc"] + sites["b"] * data["log_low"], p["scale"])
        elif name == "g":
            family = dist.Beta(data["guess_alpha"], data["guess_beta"])
        elif prior.dist == "beta":
            family = dist.Beta(p["alpha"], p["beta"])
        else:
            family = FAMILIES[prior.dist](p)
        total += family.log_prob(sites[name])
    return total


@pytest.mark.parametrize(
    ("name", "mean_by_hand"),
    [
        ("end-to-end", eq1_by_hand),
        ("params-tokens", params_tokens_by_hand),
        ("loss-intermediate", through_loss_by_hand),
    ],
)
def test_density_of_one_curve_is_the_prior_times_the_likelihood(name, mean_by_hand):
    """Five points by hand: NumPyro's own densities, without the space and its Jacobian.

    Up to what the free sites add, which is the same at every point.
    """
    spec = load_spec(name)
    lane = lane_of(spec)
    data = lane.data
    space, start = space_and_start(lane, spec)
    names = sorted(jax.eval_shape(space.initial, jax.random.key(0), start))

    def by_hand(sites):
        mean = mean_by_hand(sites, data)
        scale = jnp.sqrt(data["variance"] + sites["spread"] ** 2 * mean * (1 - mean) + 1e-8)
        each = dist.Normal(mean, scale).log_prob(data["pass_rate"])
        likelihood = jnp.where(data["observed"], each, 0.0).sum() + loss_by_hand(sites, data)
        return priors_by_hand(sites, data, spec.priors) + likelihood

    def sites_of(vector):
        sites = space.constrain(dict(zip(names, vector, strict=True)))
        return jnp.stack([sites[n] for n in sorted(sites)])

    @jax.jit
    @jax.vmap
    def evaluate(key):
        point = space.initial(key, start)
        vector = jnp.stack([point[n] for n in names])
        log_jacobian = jnp.linalg.slogdet(jax.jacfwd(sites_of)(vector))[1]
        return -space.potential(point), by_hand(space.constrain(point)) + log_jacobian

    found, expected = evaluate(jax.random.split(jax.random.key(9), 5))
    np.testing.assert_allclose(np.diff(found), np.diff(expected), rtol=1e-7)
