"""Simulation-based calibration of the programs: whether the sampler finds what the model says.

Parameters are drawn from a program's prior and data from its likelihood, every data set is fitted
like a real one, and each true value is ranked among the draws of its posterior; over many data sets
the ranks are uniform if program, coordinates and sampler are right (S. Talts et al., arXiv
1804.06788). Beside the parameters, quantities are ranked that depend on parameters and data
together, the log likelihood first: they show faults that no parameter shows alone (M. Modrák et
al., Simulation-based calibration checking for Bayesian computation, arXiv 2211.02383).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import Array

from bayescod.batches import Lane
from bayescod.convergence import judge
from bayescod.errors import ResultError
from bayescod.evaluation.prior_data import Simulations, observation, simulate
from bayescod.evaluation.ranks import FAMILY_LEVEL, RankVerdict, judge_ranks, ranks_among
from bayescod.laws import further
from bayescod.programs.space import program_of
from bayescod.sampling import Posterior, sample
from bayescod.specs import Spec

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
_Draws = Mapping[str, npt.NDArray[np.generic]]

LOG_LIKELIHOOD = "log likelihood"
BEYOND = 10.0
"""The accuracy beyond the ladder is taken at this many times its largest compute."""

_COVARIATES = ("log_compute", "log_params", "log_tokens")


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """True values and posterior draws of many simulated data sets, and the verdicts on them.

    Attributes
    ----------
    simulated_by, fitted_by : str
        Specs: the same, unless a wrong one was to be caught.
    quantities : tuple of str
        Every scalar of every site, padding left out, and the derived quantities.
    truth : FloatArray
        [simulation, quantity].
    draws : FloatArray
        [simulation, draw, quantity], thinned to be nearly independent.
    ranks : IntArray
        [simulation, quantity] from 0 to the number of draws.
    verdicts : tuple of RankVerdict
        One a quantity.
    statuses : tuple of str
        [simulation] ``pass``, ``review`` or ``fail`` by the convergence checks. Nothing is dropped:
        fits that fail are ranked like the others.
    max_rhat, min_ess : FloatArray
        [simulation] worst over the sites.
    n_proposed : int
        Data sets that were drawn to have this many that pass the screen.
    seconds : mapping of str to float
        ``simulate``, ``compile``, ``sample``, ``rank``.
    """

    simulated_by: str
    fitted_by: str
    quantities: tuple[str, ...]
    truth: FloatArray
    draws: FloatArray
    ranks: IntArray
    verdicts: tuple[RankVerdict, ...]
    statuses: tuple[str, ...]
    max_rhat: FloatArray
    min_ess: FloatArray
    n_proposed: int
    seconds: Mapping[str, float]

    @property
    def n_draws(self) -> int:
        """Draws that each truth is ranked among."""
        return self.draws.shape[1]

    @property
    def n_correlated(self) -> int:
        """Data sets with fewer effective draws than are ranked among: their ranks are too rough."""
        return int((~(self.min_ess >= self.n_draws)).sum())

    @property
    def passes(self) -> bool:
        """Whether every quantity's ranks may be uniform."""
        return all(verdict.passes for verdict in self.verdicts)


def calibrate(
    spec: Spec,
    lane: Lane,
    n_simulations: int,
    seed: int,
    *,
    n_draws: int = 63,
    fitted: Spec | None = None,
    level: float = FAMILY_LEVEL,
) -> Calibration:
    """Simulation-based calibration of a spec on one design.

    Parameters
    ----------
    spec : Spec
        Of any program; parameters and data are drawn from it.
    lane : Lane
        The design: everything but its ``pass_rate`` is kept.
    n_simulations : int
        Data sets, all of the design's shape, sampled together; 200 tell a posterior that is a
        third too narrow.
    seed : int
        At least 0.
    n_draws : int
        Draws that each truth is ranked among, evenly spaced over all chains.
    fitted : Spec or None
        What is fitted instead, to see whether a wrong spec is caught: of the same program. Only
        sites of both are ranked.
    level : float
        Chance of a false alarm over all quantities.

    Returns
    -------
    Calibration

    Raises
    ------
    ResultError
        If fewer draws are sampled than are to be ranked among.
    SamplingError
        If the design hardly ever gives data that pass the screen, or cannot be simulated.

    Notes
    -----
    64-bit floats are for the caller to switch on: :func:`bayescod.sampling.configure`.
    """
    simulate_key, fit_key = jax.random.split(jax.random.key(seed))
    fitted = fitted or spec
    total = fitted.sampler.chains * fitted.sampler.draws
    if not 1 <= n_draws <= total:
        msg = (
            f"draws to rank among: got {n_draws}, wanted 1 to the {total} that {fitted.name} keeps"
        )
        raise ResultError(msg)
    began = time.perf_counter()
    simulations = simulate(simulate_key, spec, lane, n_simulations, fitted=fitted)
    simulated = time.perf_counter()
    run = sample(list(jax.random.split(fit_key, n_simulations)), fitted, simulations.lanes)
    sampled = time.perf_counter()
    truth, draws = tabulated(spec, fitted, simulations, run.posteriors, n_draws)
    names, columns = list(truth), list(truth.values())
    true_values, drawn = np.stack(columns, axis=-1), np.stack([draws[n] for n in names], axis=-1)
    ranks = ranks_among(np.random.default_rng(seed), true_values, drawn)
    verdicts = judge_ranks(dict(zip(names, ranks.T, strict=True)), n_draws, level)
    diagnostics = [posterior.diagnostics for posterior in run.posteriors]
    return Calibration(
        simulated_by=spec.name,
        fitted_by=fitted.name,
        quantities=tuple(names),
        truth=true_values,
        draws=drawn,
        ranks=ranks,
        verdicts=verdicts,
        statuses=tuple(judge(one)[0] for one in diagnostics),
        max_rhat=np.array([one.max_rhat for one in diagnostics]),
        min_ess=np.array([min(one.min_ess_bulk, one.min_ess_tail) for one in diagnostics]),
        n_proposed=simulations.n_proposed,
        seconds={
            "simulate": simulated - began,
            "compile": run.compile_seconds,
            "sample": run.sample_seconds,
            "rank": time.perf_counter() - sampled,
        },
    )


def tabulated(
    spec: Spec,
    fitted: Spec,
    simulations: Simulations,
    posteriors: Sequence[Posterior],
    n_draws: int,
) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Every scalar that is ranked: true values, and thinned posterior draws.

    Parameters
    ----------
    spec, fitted : Spec
        Behind the data, and behind the posteriors.
    simulations : Simulations
    posteriors : sequence of Posterior
        One a data set.
    n_draws : int
        To be kept of each posterior, evenly spaced.

    Returns
    -------
    truth : dict of str to FloatArray
        (simulation,) by quantity.
    draws : dict of str to FloatArray
        (simulation, draw) by quantity.
    """
    thinned = [_thinned(posterior.sites, n_draws) for posterior in posteriors]
    drawn = {name: np.stack([one[name] for one in thinned]) for name in thinned[0]}
    true = {name: np.asarray(values)[:, None] for name, values in simulations.sites.items()}
    lane = simulations.lanes[0]
    rates = np.stack([one.data["pass_rate"] for one in simulations.lanes])
    shared = [name for name in true if name in drawn]
    truth = _scalars(lane, {name: true[name] for name in shared})
    draws = _scalars(lane, {name: drawn[name] for name in shared})
    truth |= _derived(spec, lane, true, rates)
    draws |= _derived(fitted, lane, drawn, rates)
    return {name: values[:, 0] for name, values in truth.items()}, draws


def _thinned(sites: _Draws, n_draws: int) -> dict[str, npt.NDArray[np.generic]]:
    """(chain, draw, ...) -> (draw, ...), evenly spaced over all chains."""
    flat = {name: np.asarray(v).reshape(-1, *v.shape[2:]) for name, v in sites.items()}
    total = len(next(iter(flat.values())))
    pick = ((np.arange(n_draws) + 0.5) * total / n_draws).astype(np.int64)
    return {name: values[pick] for name, values in flat.items()}


def _scalars(lane: Lane, sites: _Draws) -> dict[str, FloatArray]:
    """(simulation, draw, ...) by site -> (simulation, draw) by scalar, without padding."""
    found: dict[str, FloatArray] = {}
    for name, values in sites.items():
        if values.ndim == 2:
            found[name] = np.asarray(values, dtype=np.float64)
            continue
        used = np.flatnonzero(lane.used.get(name, np.ones(values.shape[-1], dtype=bool)))
        found |= {f"{name}[{i}]": np.asarray(values[..., i], dtype=np.float64) for i in used}
    return found


def _derived(spec: Spec, lane: Lane, sites: _Draws, rates: FloatArray) -> dict[str, FloatArray]:
    """(simulation, draw) quantities of parameters and data together."""
    data = {name: jnp.asarray(v) for name, v in lane.data.items() if name != "pass_rate"}
    program, observed = program_of(spec), data["observed"]
    elsewhere = _elsewhere(data)

    def one(values: Mapping[str, Array], rate: Array) -> dict[str, Array]:
        found = {LOG_LIKELIHOOD: observation(program, values, data, rate).log_prob(rate).sum()}
        for name, given in elsewhere.items():
            mean = observation(program, values, given, rate).mean
            found[name] = jnp.where(observed, mean, 0.0).sum() / observed.sum()
        return found

    every: Callable[..., dict[str, Array]] = jax.jit(jax.vmap(jax.vmap(one, (0, None))))
    arrays = {name: jnp.asarray(values) for name, values in sites.items()}
    return {name: np.asarray(v) for name, v in every(arrays, jnp.asarray(rates)).items()}


def _elsewhere(data: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
    """The design moved to where a forecast is asked for."""
    if "subset_rate" in data:
        one = jnp.ones_like(data["subset_rate"])
        end = jnp.where(data["observed"], data["subset_rate"], 0.0).max()
        return {
            "rest at the end": dict(data) | {"subset_rate": end * one},
            "rest halfway to one": dict(data) | {"subset_rate": 0.5 * (1.0 + end) * one},
        }
    # The LLMs are in the order of compute, and padding follows them.
    rows = jnp.size(data.get("cluster_used", 1))
    last = data["observed"].reshape(rows, -1).any(axis=0).sum() - 1
    top = {
        name: jnp.full_like(data[name], data[name][last]) for name in _COVARIATES if name in data
    }
    return {
        "accuracy at the end": dict(data) | top,
        f"accuracy at {BEYOND:g} times": dict(data) | further(top, np.log(BEYOND)),
    }
