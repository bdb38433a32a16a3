"""One posterior written for five samplers, and each of them as its users call it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import scipy.stats
from jax.flatten_util import ravel_pytree
from jax.scipy import stats
from numpyro.infer import MCMC, NUTS
from numpyro.infer.util import constrain_fn, potential_energy, unconstrain_fn

from bayescod import read_scores
from bayescod.batches import Lane, batch_size
from bayescod.compiling import Shaped, compiled
from bayescod.datasets import load_text_ladder_paths
from bayescod.forecasting.ladder import fitted, ladder_of
from bayescod.forecasting.lanes import curve_lane
from bayescod.programs.single_curve import VARIANCE_FLOOR
from bayescod.programs.space import space_of
from bayescod.sampling import diagnose, sample
from bayescod.scores.selection import parse_target, select_ladder
from bayescod.specs import load_spec

SPEC = load_spec("end-to-end")
PARAMETERS = ("log_a", "b", "c", "g", "spread")


@dataclass(frozen=True)
class Problem:
    """One benchmark: what the textbook needs, and our lane of the same."""

    name: str
    x: np.ndarray
    rate: np.ndarray
    variance: np.ndarray
    log_low: float
    guess: tuple[float, float]
    lane: Lane


@dataclass(frozen=True)
class Found:
    """Draws (chain, draw), and (wall, CPU) seconds of compiling and of sampling a benchmark."""

    draws: dict[str, np.ndarray]
    diverging: np.ndarray
    compiling: np.ndarray
    sampling: np.ndarray


def problems() -> list[Problem]:
    paths = load_text_ladder_paths()
    scores = read_scores(paths.scores, paths.models)
    selection = select_ladder(scores, parse_target("t201k", scores.llms), ())
    found = []
    for benchmark in scores.benchmarks:
        ladder = ladder_of(benchmark, scores.llms, selection, SPEC)
        n, lane = ladder.n_ladder, curve_lane(ladder, SPEC)
        rate, variance = (values[:n] for values in fitted(ladder.scores))
        guess = (float(lane.data["guess_alpha"]), float(lane.data["guess_beta"]))
        x = ladder.log_compute
        found.append(Problem(benchmark.benchmark, x, rate, variance, float(x.min()), guess, lane))
    return found


def given(site: str) -> dict[str, float]:
    return SPEC.priors[site].parameters


def clock() -> np.ndarray:
    return np.array([time.perf_counter(), time.process_time()])


# One posterior, five times.


def scipy_density(problem: Problem, at: dict[str, float]) -> float:
    log_a, b, c, g, spread = (at[name] for name in PARAMETERS)
    mean = g + (1 - g) * np.exp(-np.exp(log_a - b * problem.x) - c)
    variance = problem.variance + mean * (1 - mean) * spread**2 + VARIANCE_FLOOR
    loc = given("log_a")["loc"] + b * problem.log_low
    return (
        scipy.stats.norm.logpdf(log_a, loc, given("log_a")["scale"])
        + scipy.stats.halfnorm.logpdf(b, scale=given("b")["scale"])
        + scipy.stats.halfnorm.logpdf(c, scale=given("c")["scale"])
        + scipy.stats.beta.logpdf(g, *problem.guess)
        + lognormal(spread, "spread")
        + scipy.stats.norm.logpdf(problem.rate, mean, np.sqrt(variance)).sum()
    )


def lognormal(value: float, site: str) -> float:
    scale = np.exp(given(site)["loc"])
    return scipy.stats.lognorm.logpdf(value, given(site)["scale"], scale=scale)


def textbook(x, variance, log_low, guess, rate):
    """The model as one writes it down in NumPyro."""
    b = numpyro.sample("b", dist.HalfNormal(given("b")["scale"]))
    loc = given("log_a")["loc"] + b * log_low
    log_a = numpyro.sample("log_a", dist.Normal(loc, given("log_a")["scale"]))
    c = numpyro.sample("c", dist.HalfNormal(given("c")["scale"]))
    g = numpyro.sample("g", dist.Beta(*guess))
    spread = numpyro.sample("spread", dist.LogNormal(**given("spread")))
    mean = g + (1 - g) * jnp.exp(-jnp.exp(log_a - b * x) - c)
    deviation = jnp.sqrt(variance + mean * (1 - mean) * spread**2 + VARIANCE_FLOOR)
    numpyro.sample("score", dist.Normal(mean, deviation), obs=rate)


def textbook_arguments(problem: Problem) -> tuple:
    return problem.x, problem.variance, problem.log_low, problem.guess, problem.rate


def pymc_model(problem: Problem):
    import pymc as pm

    with pm.Model() as model:
        b = pm.HalfNormal("b", given("b")["scale"])
        loc = given("log_a")["loc"] + b * problem.log_low
        log_a = pm.Normal("log_a", loc, given("log_a")["scale"])
        c = pm.HalfNormal("c", given("c")["scale"])
        g = pm.Beta("g", *problem.guess)
        spread = pm.LogNormal("spread", given("spread")["loc"], given("spread")["scale"])
        mean = g + (1 - g) * pm.math.exp(-pm.math.exp(log_a - b * problem.x) - c)
        variance = problem.variance + mean * (1 - mean) * spread**2 + VARIANCE_FLOOR
        pm.Normal("score", mean, pm.math.sqrt(variance), observed=problem.rate)
    return model


def constrained(z):
    """Parameters from the usual unconstrained coordinates: logarithms, and a logit."""
    own = {"log_a": z["log_a"], "g": jax.nn.sigmoid(z["g"])}
    return own | {name: jnp.exp(z[name]) for name in ("b", "c", "spread")}


def unconstrained(at):
    own = {"log_a": at["log_a"], "g": jnp.log(at["g"]) - jnp.log1p(-at["g"])}
    return own | {name: jnp.log(at[name]) for name in ("b", "c", "spread")}


def jax_density(problem: Problem, z):
    """Log density in the usual unconstrained coordinates, written out."""
    at = constrained(z)
    log_a, b, c, g, spread = (at[name] for name in PARAMETERS)
    mean = g + (1 - g) * jnp.exp(-jnp.exp(log_a - b * problem.x) - c)
    variance = problem.variance + mean * (1 - mean) * spread**2 + VARIANCE_FLOOR
    loc = given("log_a")["loc"] + b * problem.log_low
    prior = (
        stats.norm.logpdf(log_a, loc, given("log_a")["scale"])
        + 2 * jnp.log(2.0)
        + stats.norm.logpdf(b, scale=given("b")["scale"])
        + stats.norm.logpdf(c, scale=given("c")["scale"])
        + stats.beta.logpdf(g, *problem.guess)
        + stats.norm.logpdf(z["spread"], given("spread")["loc"], given("spread")["scale"])
    )
    likelihood = stats.norm.logpdf(problem.rate, mean, jnp.sqrt(variance)).sum()
    return prior + likelihood + z["b"] + z["c"] + jnp.log(g) + jnp.log1p(-g)


# The same posterior? Each implementation at random points, in the constrained space.


def taken_back(log_density, constrain, z) -> float:
    """Log density of the constrained values, by a Jacobian of its own."""
    flat, unravel = ravel_pytree(z)
    slope = jax.jacfwd(lambda v: ravel_pytree(constrain(unravel(v)))[0])(flat)
    return log_density(z) - jnp.linalg.slogdet(slope)[1]


def our_points(problem: Problem, n: int, seed: int):
    """Random points in our coordinates, and our log density there."""
    space = space_of(SPEC, problem.lane.data)
    centre = space.initial(jax.random.key(seed), problem.lane.start)
    rng = np.random.default_rng(seed)
    scattered = {name: v + rng.normal(size=(n, *np.shape(v))) for name, v in centre.items()}
    sites = jax.device_get(jax.vmap(space.constrain)(scattered))
    back = partial(taken_back, lambda z: -space.potential(z), space.constrain)
    points = [{name: sites[name][i] for name in PARAMETERS} for i in range(n)]
    return points, np.asarray(jax.vmap(back)(scattered))


def densities(peer: str, problem: Problem, points) -> np.ndarray:
    """A peer's log density at constrained points, up to a constant."""
    if peer in ("pymc", "nutpie"):
        density = pymc_model(problem).compile_logp()
        names = {"b": "b_log__", "c": "c_log__", "g": "g_logodds__", "spread": "spread_log__"}

        def at(point):
            z = {names.get(name, name): np.asarray(v) for name, v in unconstrained(point).items()}
            g = point["g"]
            slopes = [point["b"], point["c"], point["spread"], g * (1 - g)]
            return density(z) - np.log(slopes).sum()

        return np.array([at(point) for point in points])
    stacked = {name: np.array([point[name] for point in points]) for name in PARAMETERS}
    if peer == "blackjax":
        back = partial(taken_back, partial(jax_density, problem), constrained)
        return np.asarray(jax.vmap(lambda point: back(unconstrained(point)))(stacked))
    own = (textbook, textbook_arguments(problem), {})
    back = partial(taken_back, lambda z: -potential_energy(*own, z), partial(constrain_fn, *own))
    return np.asarray(jax.vmap(lambda point: back(unconstrain_fn(*own, point)))(stacked))


# The samplers.


def our_sampling(chosen: list[Problem], sampler, seed: int) -> list[Found]:
    """Our program on all of them in one compiled call."""
    spec, lanes = replace(SPEC, sampler=sampler), [problem.lane for problem in chosen]
    size = batch_size(spec.program) * sampler.chains
    arrays = [
        {name: np.stack([value] * size) for name, value in values.items()}
        for values in (lanes[0].data, lanes[0].start)
    ]
    keys = jax.random.split(jax.random.key(seed), len(lanes))
    # ArviZ compiles at its first figures where Numba is installed, as it is for PyMC's sake.
    diagnose({"g": np.random.default_rng(seed).random((4, 8))}, np.zeros((4, 8), bool))
    began = clock()
    compiled(spec.text, sampler, Shaped.of(jax.random.split(keys[0], size), *arrays))
    ready = clock()
    run = sample(list(keys), spec, lanes)
    seconds = ((ready - began) / len(lanes), (clock() - ready) / len(lanes))
    if run.compile_seconds > 0.05:
        raise SystemExit("compiled for other shapes than those that were sampled")
    return [
        Found({n: p.sites[n] for n in PARAMETERS}, p.stats["diverging"], *seconds)
        for p in run.posteriors
    ]


def numpyro_sampling(problem: Problem, sampler, alike: bool, seed: int) -> Found:
    own = {"dense_mass": sampler.dense_mass, "max_tree_depth": sampler.max_tree_depth}
    own = own | {"target_accept_prob": sampler.target_accept} if alike else {}

    def chain(key):
        kernel = NUTS(textbook, **own)
        mcmc = MCMC(
            kernel, num_warmup=sampler.warmup, num_samples=sampler.draws, progress_bar=False
        )
        mcmc.run(key, *textbook_arguments(problem))
        return mcmc.get_samples(), mcmc.get_extra_fields()["diverging"]

    return compiled_chains(chain, sampler, seed)


def compiled_chains(chain, sampler, seed: int) -> Found:
    """Chains side by side in one program; so that compiling and sampling have each their time."""
    keys = jax.random.split(jax.random.key(seed), sampler.chains)
    began = clock()
    program = jax.jit(jax.vmap(chain)).lower(keys).compile()
    ready = clock()
    draws, diverging = jax.device_get(program(keys))
    return Found(draws, diverging, ready - began, clock() - ready)


def blackjax_sampling(problem: Problem, sampler, alike: bool, seed: int) -> Found:
    import blackjax

    density = partial(jax_density, problem)
    own = {"target_acceptance_rate": sampler.target_accept}
    own |= {"is_mass_matrix_diagonal": not sampler.dense_mass}
    own |= {"max_num_doublings": sampler.max_tree_depth}
    own = own if alike else {}

    def chain(key):
        start, adapt, draw = jax.random.split(key, 3)
        values = jax.random.uniform(start, (len(PARAMETERS),), minval=-2.0, maxval=2.0)
        position = dict(zip(PARAMETERS, values, strict=True))
        warmup = blackjax.window_adaptation(blackjax.nuts, density, **own)
        (state, tuned), _ = warmup.run(adapt, position, num_steps=sampler.warmup)
        kernel = blackjax.nuts(density, **tuned)

        def step(state, key):
            state, info = kernel.step(key, state)
            return state, (constrained(state.position), info.is_divergent)

        return jax.lax.scan(step, state, jax.random.split(draw, sampler.draws))[1]

    return compiled_chains(chain, sampler, seed)


def pymc_sampling(problem: Problem, sampler, alike: bool, seed: int) -> Found:
    import pymc as pm

    own = {"init": "jitter+adapt_full", "max_treedepth": sampler.max_tree_depth}
    own = own | {"target_accept": sampler.target_accept} if alike else {}
    ready: list[np.ndarray] = []
    began = clock()
    with pymc_model(problem):
        trace = pm.sample(
            sampler.draws,
            tune=sampler.warmup,
            chains=sampler.chains,
            cores=1,
            random_seed=seed,
            progressbar=False,
            quiet=True,
            compute_convergence_checks=False,
            return_inferencedata=False,
            callback=lambda **_: ready or ready.append(clock()),  # the first step: all is compiled
            **own,
        )
    done = clock()
    draws = {name: np.stack(trace.get_values(name, combine=False)) for name in PARAMETERS}
    diverging = np.stack(trace.get_sampler_stats("diverging", combine=False))
    return Found(draws, diverging, ready[0] - began, done - ready[0])


def nutpie_sampling(problem: Problem, sampler, alike: bool, seed: int) -> Found:
    import nutpie

    own = {"target_accept": sampler.target_accept, "maxdepth": sampler.max_tree_depth}
    own = own | {"low_rank_modified_mass_matrix": sampler.dense_mass} if alike else {}
    began = clock()
    model = nutpie.compile_pymc_model(pymc_model(problem))
    ready = clock()
    trace = nutpie.sample(
        model,
        draws=sampler.draws,
        tune=sampler.warmup,
        chains=sampler.chains,
        cores=1,
        seed=seed,
        progress_bar=False,
        **own,
    )
    seconds = (ready - began, clock() - ready)
    draws = {name: trace.posterior[name].to_numpy() for name in PARAMETERS}
    return Found(draws, trace.sample_stats["diverging"].to_numpy(), *seconds)


SAMPLING = {
    "pymc": pymc_sampling,
    "nutpie": nutpie_sampling,
    "blackjax": blackjax_sampling,
    "numpyro": numpyro_sampling,
}
