"""Data sets drawn from a program's own prior and likelihood, on a given design."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax
import numpy as np
import numpy.typing as npt
from jax import Array
from numpyro import handlers
from numpyro.distributions import Distribution
from numpyro.infer import Predictive

from bayescod.batches import Lane
from bayescod.errors import SamplingError
from bayescod.forecasting.ladder import Ladder, ladder_of
from bayescod.forecasting.stages import growth_of
from bayescod.programs.geometry import initial_end_points
from bayescod.programs.space import curve_coordinates, program_of
from bayescod.scores.records import FLOPS_PER_PARAM_TOKEN, BenchmarkScores, LLMTable
from bayescod.scores.selection import Selection, parse_target
from bayescod.specs import Spec

FloatArray = npt.NDArray[np.float64]
Data = Mapping[str, npt.NDArray[np.generic]]

# Data sets drawn for each one that is kept, at most: a design whose clusters hardly ever all grow
# says nothing of those that do.
_MAX_PROPOSALS = 50


@dataclass(frozen=True, slots=True, eq=False)
class Simulations:
    """Data sets drawn from a program's prior predictive, with the sites behind them.

    Attributes
    ----------
    sites : mapping of str to ndarray
        (simulation, ...) in the program's own parameters, padding included.
    lanes : tuple of Lane
        One a data set.
    n_proposed : int
        Data sets drawn for these.
    """

    sites: Data
    lanes: tuple[Lane, ...]
    n_proposed: int


def simulate(rng_key: Array, spec: Spec, lane: Lane, n: int, *, fitted: Spec) -> Simulations:
    """Draw parameters from a spec's prior and data from its likelihood.

    Rates below 0 or above 1 stay as the normal likelihood draws them, for that is the model. Data
    sets of clusters are drawn anew until every cluster passes the screen that comes before sampling
    (:func:`bayescod.forecasting.stages.growth_of`): the posterior of a level cluster has
    several modes, and no forecast ever asks for it. The rule looks at data alone, so the posterior
    of a kept data set is what it was, and ranks stay uniform.

    Parameters
    ----------
    rng_key : Array
    spec : Spec
    lane : Lane
        The design: everything but its ``pass_rate`` is kept.
    n : int
        Data sets.
    fitted : Spec
        Spec that the lanes are for, of the same program: it says which coordinates have a start.

    Returns
    -------
    Simulations
        The chains start where the simulated data point to, never where the truth is.

    Raises
    ------
    SamplingError
        If hardly any data set passes the screen, or the program observes more than rates.
    """
    given = {name: value for name, value in lane.data.items() if name != "pass_rate"}
    _refuse_other_observations(spec, given)
    predictive = Predictive(program_of(spec), num_samples=n)
    # Compiled once, for a design may need many rounds.
    draw = jax.jit(lambda key, data: predictive(key, data=data))
    kept: list[dict[str, npt.NDArray[np.generic]]] = []
    n_kept = n_proposed = 0
    while n_kept < n:
        if n_proposed >= _MAX_PROPOSALS * n:
            msg = (
                f"only {n_kept} of {n_proposed} data sets drawn from the spec {spec.name} pass the "
                "growth screen; simulate fewer clusters, or a ladder of a wider range"
            )
            raise SamplingError(msg)
        rng_key, own = jax.random.split(rng_key)
        drawn = {name: np.asarray(values) for name, values in draw(own, given).items()}
        passes = np.array([_passes(spec, given, rate) for rate in drawn["pass_rate"]])
        kept.append({name: values[passes] for name, values in drawn.items()})
        n_kept += int(passes.sum())
        n_proposed += n
    sites = {name: np.concatenate([some[name] for some in kept])[:n] for name in kept[0]}
    rates = np.where(np.asarray(given["observed"], dtype=bool), sites.pop("pass_rate"), 0.5)
    lanes = tuple(
        Lane(dict(given) | {"pass_rate": rate}, _start(fitted, lane, rate), lane.used)
        for rate in rates
    )
    return Simulations(sites, lanes, n_proposed)


def observation(
    program: Callable[..., None],
    sites: Mapping[str, Array],
    data: Mapping[str, Array],
    rate: Array | None = None,
) -> Distribution:
    """Distribution of the pass rates at given parameters.

    Parameters
    ----------
    program : callable
        From :func:`bayescod.programs.space.program_of`.
    sites : mapping of str to Array
        Values of all its latent sites.
    data : mapping of str to Array
        The design.
    rate : Array or None
        (obs,) what was observed; drawn where ``None``.

    Returns
    -------
    numpyro.distributions.Distribution
        Over (obs,); the log density of what is not observed is zero.
    """
    fixed = handlers.seed(handlers.substitute(program, sites), jax.random.key(0))
    return handlers.trace(fixed).get_trace(data=data, pass_rate=rate)["pass_rate"]["fn"]


def _refuse_other_observations(spec: Spec, given: Data) -> None:
    """Refuse a program whose design would hold measurements that no prior draw explains."""
    seeded = handlers.seed(program_of(spec), jax.random.key(0))
    trace = handlers.trace(seeded).get_trace(data=given)
    held = [n for n, site in trace.items() if site["type"] == "sample" and site["is_observed"]]
    if held:
        msg = (
            f"the program {spec.program} of the spec {spec.name} also observes {', '.join(held)}, "
            "which simulation-based calibration would have to draw; calibrate a program that "
            "observes pass rates alone"
        )
        raise SamplingError(msg)


def _passes(spec: Spec, data: Data, rate: FloatArray) -> bool:
    """Whether all clusters of a data set are ones that a forecast would fit."""
    limits = spec.filter
    if limits is None:
        return True
    # Each cluster as one item of a benchmark, for the rule that screens them.
    rates = _grid(data, rate)[np.asarray(data["cluster_used"], dtype=bool)]
    rates = rates[:, ~np.isnan(rates).all(axis=0)]
    # Compute is parameters times tokens up to a factor, which a slope does not see.
    covariates = [
        data[name] for name in ("log_compute", "log_params", "log_tokens") if name in data
    ]
    llms = llm_table(np.exp(np.sum(covariates, axis=0)[: rates.shape[1]]))
    ladder = ladder_of_all(benchmark("", rates, np.full(rates.shape, np.nan), llms), llms, spec)
    rows = np.arange(len(rates))
    return all(growth_of(ladder, rows == row, limits) >= limits.screen_below for row in rows)


def llm_table(compute_flops: FloatArray) -> LLMTable:
    """A models table of LLMs at 20 tokens a parameter, each a run of its own; the last is a target.

    Parameters
    ----------
    compute_flops : FloatArray
        [llm] in FLOP.

    Returns
    -------
    LLMTable
    """
    n = compute_flops.size
    names = tuple(f"llm {i}" for i in range(n))
    params = np.sqrt(compute_flops / (FLOPS_PER_PARAM_TOKEN * 20.0))
    roles = (*("ladder",) * (n - 1), "target")
    unknown = np.full(n, np.nan)
    return LLMTable(names, compute_flops, params, 20.0 * params, unknown, ("",) * n, names, roles)


def benchmark(
    name: str, rates: FloatArray, n_trials: FloatArray, llms: LLMTable
) -> BenchmarkScores:
    """A benchmark of these pass rates.

    Parameters
    ----------
    name : str
    rates, n_trials : FloatArray
        [item, llm]; trials NaN for rates of unknown n.
    llms : LLMTable

    Returns
    -------
    BenchmarkScores
    """
    ids = tuple(f"item {i:05d}" for i in range(len(rates)))
    soft = bool(np.isnan(n_trials).any())
    return BenchmarkScores(
        name, ids, llms.name, rates, n_trials, rates.copy(), n_trials.copy(), None, soft=soft
    )


def ladder_of_all(scores: BenchmarkScores, llms: LLMTable, spec: Spec) -> Ladder:
    """The ladder of all LLMs of a table, the target too.

    Parameters
    ----------
    scores : BenchmarkScores
    llms : LLMTable
    spec : Spec
        Says the unit of compute.

    Returns
    -------
    Ladder
    """
    everyone = Selection(llms.name, (), parse_target(llms.name[-1], llms), (), ())
    return ladder_of(scores, llms, everyone, spec)


def _grid(data: Data, rate: FloatArray) -> FloatArray:
    """[cluster, llm] rates, padding included; NaN where nothing is observed."""
    seen = np.where(np.asarray(data["observed"], dtype=bool), rate, np.nan)
    return seen.reshape(np.size(data.get("cluster_used", 1)), -1)


def _start(spec: Spec, lane: Lane, rate: FloatArray) -> dict[str, FloatArray]:
    """Coordinates of curves through the means of the lowest and highest quarter of the LLMs."""
    names = curve_coordinates(spec)
    if not names:
        return {}
    rates = _grid(lane.data, rate)
    columns = np.flatnonzero(~np.isnan(rates).all(axis=0))
    quarter = max(2, columns.size // 4)
    low = _mean(rates[:, columns[:quarter]], otherwise=0.1)
    high = _mean(rates[:, columns[-quarter:]], otherwise=0.5)
    if "cluster_used" not in lane.data:
        low, high = low[0], high[0]
    ends = initial_end_points(low, high)._asdict()
    return {name: np.asarray(ends.get(name, lane.start.get(name))) for name in names}


def _mean(rates: FloatArray, otherwise: float) -> FloatArray:
    seen = ~np.isnan(rates)
    total = np.where(seen, rates, 0.0).sum(axis=1)
    return np.where(seen.any(axis=1), total / np.maximum(seen.sum(axis=1), 1), otherwise)
