"""Our program and geometry against other samplers of the same posterior.

Run ``python tests/benchmarks/bench_samplers.py``; the peers come with ``pip install
'bayescod[peers]'``, and those that are not installed are named and left out. The posterior is the
end-to-end spec's on benchmarks of the shipped text ladder without its targets. Peers sample what
the ladder speaks of: ``log_a``, ``b``, ``c``, ``g`` and ``spread``. So does ours; of ``walk_scale``
and ``drift``, which keep their priors there, it draws besides.
Shown before any time: the log density of every implementation at random points, each taken back
from its own coordinates by the Jacobian that JAX finds, against one written with SciPy; and
posterior means and standard deviations against ours.

Everybody gets one core, four chains, and the spec's numbers of warmup steps and draws. Each peer
runs twice: with the spec's target acceptance, tree depth and a dense mass matrix (nutpie: its
low-rank one), and with its own defaults. Ours runs on one benchmark, and on eight in one compiled
call, whose seconds are divided by eight. Every measurement is a fresh process without its imports.
JAX compiles from nothing, but for the row that says so: there a process before has filled the
cache on disk that bayescod keeps by default. PyMC and nutpie always have the caches that they keep
by default. Our seconds include the convergence figures; the others' do not.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
from _peer_samplers import (
    PARAMETERS,
    SAMPLING,
    SPEC,
    Found,
    Problem,
    densities,
    our_points,
    our_sampling,
    problems,
    scipy_density,
)

from bayescod._arviz import summary_statistics
from bayescod.sampling import configure, diagnose

OURS = "bayescod"
N_TOGETHER = 8


def show_densities(peers: list[str], chosen: list[Problem], seed: int, n: int = 200) -> None:
    print(f"Log densities at {n} random points a benchmark, up to a constant:")
    points, ours = zip(*(our_points(problem, n, seed) for problem in chosen), strict=True)
    wanted = [[scipy_density(q, at) for at in own] for q, own in zip(chosen, points, strict=True)]
    worst = {}
    for name in (OURS, *peers):
        found = ours if name == OURS else in_process(densities_each, name, chosen, points)
        off = np.array(found) - wanted
        # Some normalise a density with rounded constants, which no sampler ever sees.
        off = np.abs(off - np.median(off, axis=1, keepdims=True)) / (1.0 + np.abs(wanted))
        worst[name] = float(off.max())
        print(f"  {name:<10} largest relative difference from SciPy's {worst[name]:.1e}")
    print(f"  (values from {np.min(wanted):.4g} to {np.max(wanted):.4g})")
    if not max(worst.values()) < 1e-9:
        raise SystemExit("not one posterior: no times")


def densities_each(peer: str, chosen: list[Problem], points) -> list[np.ndarray]:
    return [densities(peer, q, own) for q, own in zip(chosen, points, strict=True)]


def in_process(function, *arguments, cache: str = ""):
    """The function's value from a fresh process: nothing is compiled there yet."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=prepare, initargs=(cache,)) as pool:
        return pool.submit(function, *arguments).result()


def prepare(cache: str) -> None:
    """64-bit floats; JAX keeps compiled programs nowhere, or in the folder ``cache``."""
    configure(Path(cache))
    jax.config.update("jax_enable_compilation_cache", bool(cache))


def moments(draws: np.ndarray) -> np.ndarray:
    """Mean and standard deviation, and the Monte Carlo error of each."""
    squares = (draws - draws.mean()) ** 2
    sd = np.sqrt(squares.mean())
    statistics = summary_statistics({"mean": draws, "square": squares})
    ess = [float(statistics[name].ess_bulk) for name in ("mean", "square")]
    errors = [np.std(v) / np.sqrt(n) for v, n in zip((draws, squares), ess, strict=True)]
    return np.array([[draws.mean(), sd], [errors[0], errors[1] / (2 * sd)]])


def show_moments(results: dict[str, list[Found]], chosen: list[Problem], ours: str) -> None:
    print("\nPosterior means and standard deviations against ours, in Monte Carlo errors:")
    for label, founds in results.items():
        far, left_out = {}, []
        for problem, mine, found in zip(chosen, results[ours], founds, strict=True):
            if not diagnose(found.draws, found.diverging).max_rhat < 1.05:
                left_out.append(problem.name)
                continue
            for name in PARAMETERS:
                one, two = moments(mine.draws[name]), moments(found.draws[name])
                z = (one[0] - two[0]) / np.hypot(one[1], two[1])
                far |= {(problem.name, name, k): abs(z[i]) for i, k in enumerate(("mean", "sd"))}
        if label != ours and far:
            where = max(far, key=far.get)
            print(
                f"  {label:<26} {len(far)} figures, {sum(v > 2 for v in far.values())} beyond 2, "
                f"largest {far[where]:.1f} ({' '.join(where)})"
            )
        if left_out:
            print(f"  {label:<26} not compared, R-hat >= 1.05: {', '.join(left_out)}")


def show_times(results: dict[str, list[Found]], ours: list[str]) -> None:
    head = f"{'':<26}{'compile s':>15}{'sampling s':>15}{'min ESS':>9}{'min ESS/CPU s':>17}"
    print(f"\nMedians over the benchmarks\n{head}{'min ESS/s':>15}{'max':>8}{'diver-':>8}")
    print(
        f"{'':<26}{'wall':>8}{'CPU':>7}{'wall':>8}{'CPU':>7}{'':>9}"
        f"{'sampling':>10}{'all':>7}{'sampling':>9}{'all':>6}{'R-hat':>8}{'gences':>8}"
    )
    speed = {}
    for label, founds in results.items():
        figures = [diagnose(found.draws, found.diverging) for found in founds]
        ess = np.array([figure.min_ess_bulk for figure in figures])
        compiling = np.array([found.compiling for found in founds])
        sampling = np.array([found.sampling for found in founds])
        rate = np.median(ess[:, None] / sampling, axis=0)
        overall = np.median(ess[:, None] / (compiling + sampling), axis=0)
        speed[label] = np.array([rate[1], overall[1], rate[0], overall[0]])
        c, s = np.median(compiling, axis=0), np.median(sampling, axis=0)
        print(
            f"{label:<26}{c[0]:8.2f}{c[1]:7.2f}{s[0]:8.2f}{s[1]:7.2f}{np.median(ess):9.0f}"
            f"{rate[1]:10.0f}{overall[1]:7.0f}{rate[0]:9.0f}{overall[0]:6.0f}"
            f"{max(figure.max_rhat for figure in figures):8.3f}"
            f"{sum(figure.divergences for figure in figures):8d}"
        )
    for mine in ours:
        print(f"\n{mine}, times as many effective draws a second as")
        for label in (label for label in speed if label not in ours):
            ratio = speed[mine] / speed[label]
            print(
                f"  {label:<26} CPU: sampling {ratio[0]:6.1f}, in all {ratio[1]:6.1f}; "
                f"wall: {ratio[2]:6.1f}, {ratio[3]:6.1f}"
            )


def our_results(
    chosen: list[Problem], together: list[Problem], sampler, seed: int
) -> dict[str, list[Found]]:
    """Ours: with nothing compiled, with the cache of a run before, and many at once."""
    first, again = [], []
    for i, problem in enumerate(chosen):
        with tempfile.TemporaryDirectory() as cache:
            for kept, own in ((first, seed + i), (again, seed + 100 + i)):
                kept.extend(in_process(our_sampling, [problem], sampler, own, cache=cache))
    at_once = in_process(our_sampling, together, sampler, seed + 200)
    return {
        f"{OURS}, one": first,
        f"{OURS}, one, kept cache": again,
        f"{OURS}, {len(together)} at once": at_once[: len(chosen)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ["dictionary-4", "manual-word", "python-2"]
    parser.add_argument("benchmarks", nargs="*", default=names)
    parser.add_argument("--warmup", type=int, default=SPEC.sampler.warmup)
    parser.add_argument("--draws", type=int, default=SPEC.sampler.draws)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # the processes inherit it
    prepare("")
    sampler = replace(SPEC.sampler, warmup=options.warmup, draws=options.draws, rerun=False)
    needed = {"nutpie": ("pymc", "nutpie")}
    missing = {p for p in SAMPLING if not all(map(importlib.util.find_spec, needed.get(p, (p,))))}
    for peer in sorted(missing):
        print(f"{peer}: left out, not installed (pip install 'bayescod[peers]')")
    peers = [peer for peer in SAMPLING if peer not in missing]
    every = {problem.name: problem for problem in problems()}
    chosen = [every[name] for name in options.benchmarks]
    together = (chosen + [p for p in every.values() if p not in chosen])[:N_TOGETHER]
    show_densities(peers, chosen, options.seed)

    results = our_results(chosen, together, sampler, options.seed)
    ours = list(results)
    for peer in peers:
        for alike, settings in ((True, "spec's settings"), (False, "own settings")):
            results[f"{peer}, {settings}"] = [
                in_process(SAMPLING[peer], problem, sampler, alike, options.seed + i)
                for i, problem in enumerate(chosen)
            ]
    print(f"\n{', '.join(options.benchmarks)}: {sampler.chains} chains, {sampler.warmup} warmup")
    print(f"steps and {sampler.draws} draws a chain; load {os.getloadavg()[0]:.1f}")
    show_moments(results, chosen, ours[0])
    show_times(results, ours)


if __name__ == "__main__":
    main()
