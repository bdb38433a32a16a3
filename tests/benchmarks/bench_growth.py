"""How time and memory of a forecast grow: with items, clusters, LLMs, benchmarks and workers.

Run ``python tests/benchmarks/bench_growth.py [KIND ...] [--figure FILE]``. Tables are simulated
(``bayescod simulate``'s story); each size is the command ``bayescod forecast`` in a fresh process,
with the programs of its shapes compiled by a run before it. The exponent is the slope of log
seconds, less those of the smallest size, against log size, where they are 5 % more at least. How
many clusters are fitted is what the data make of the radius.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import re
import tempfile
import textwrap
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from _commands import Spent, apart, run

from bayescod.evaluation.presets import preset
from bayescod.evaluation.simulation import simulate
from bayescod.evaluation.simulation_files import BENCHMARKS, MODELS, SCORES, write_simulated
from bayescod.evaluation.simulation_settings import LLMSettings, SimulationSettings
from bayescod.specs import load_spec

Rows = list[tuple[float, Spent]]  # a size, and what its run took; by size
PAPER = preset("paper")
GSM8K = next(one for one in PAPER.benchmarks if one.name == "GSM8K")
SIZES = {
    "items": [1000, 10_000, 100_000, 1_000_000],
    "clusters": [0.3, 0.1, 0.06, 0.04, 0.025],  # of the largest distance: the clusters' radius
    "LLMs": [8, 16, 32, 64],
    "benchmarks": [1, 4, 16, 64, 256],
    "workers": [1, 2],
}
SECONDS = [3, 10, 30, 100, 300]  # marks of the figure
TITLES = {
    "items": "items of one benchmark (8 LLMs; COD and end-to-end)",
    "clusters": "fitted clusters of one benchmark (5,000 items, 8 LLMs; COD)",
    "LLMs": "LLMs (one benchmark of 1,000 items; COD and end-to-end)",
    "benchmarks": "benchmarks (100 items each, 8 LLMs; end-to-end)",
    "workers": "processes of this machine (8 benchmarks of 1,000 items, 8 LLMs; COD)",
}


def ladder(n: int) -> tuple[LLMSettings, ...]:
    """So many LLMs over four decades of compute at 20 tokens a parameter, and a target beyond."""
    params = np.sqrt(np.geomspace(4e19, 1.4e23, n) / 120)
    small = [LLMSettings(f"llm-{i}", float(p), float(20 * p)) for i, p in enumerate(params)]
    return (
        *small,
        LLMSettings("target", 3 * float(params[-1]), 60 * float(params[-1]), role="target"),
    )


def settings(kind: str, size: float) -> SimulationSettings:
    """The story of a size."""
    n_items = {"items": int(size), "clusters": 5000, "benchmarks": 100}.get(kind, 1000)
    names = [f"benchmark-{i}" for i in range({"benchmarks": int(size), "workers": 8}.get(kind, 1))]
    every = tuple(replace(GSM8K, name=name, n_items=n_items) for name in names)
    return replace(PAPER, llms=ladder(int(size) if kind == "LLMs" else 8), benchmarks=every)


def simulated(kind: str, size: float, tables: Path) -> None:
    """The tables of a size."""
    write_simulated(simulate(settings(kind, size), 0), tables)


def spec_of(kind: str, size: float, folder: Path) -> str:
    """Name or file of the model spec."""
    if kind != "clusters":
        return {"benchmarks": "end-to-end", "workers": "cod"}.get(kind, "auto")
    text, n = re.subn(
        r"^max_radius_fraction = .*$",
        f"max_radius_fraction = {size}",
        load_spec("cod").text,
        flags=re.MULTILINE,
    )
    if n != 1:
        raise SystemExit("the cod spec has no max_radius_fraction")
    path = folder / "cod.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def measured(kind: str, size: float, cache: Path) -> tuple[float, Spent]:
    """The size (clusters: how many were fitted), and what the run took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables = folder / "tables"
        apart(simulated, kind, size, tables)
        command = ["forecast", str(tables / SCORES), "--models", str(tables / MODELS)]
        command += ["--benchmarks", str(tables / BENCHMARKS), "--target", "target"]
        command += ["--model-spec", spec_of(kind, size, folder), "--quiet", "--accept"]
        command += ["--executor", f"local:{size}"] if kind == "workers" else []
        # More benchmarks have the shapes of one.
        known = kind == "benchmarks" and size != SIZES[kind][0]
        for turn in ("forecast",) if known else ("before", "forecast"):
            spent = run([*command, "--out", str(folder / turn)], cache, folder / "log")
        found = json.loads((folder / "forecast" / "forecast.json").read_text(encoding="utf-8"))
        fitted = [len(one["clusters"] or ()) for one in found["benchmarks"]]
        return (fitted[0] if kind == "clusters" else size), spent


def exponent(rows: Rows) -> float:
    """Slope of log seconds beyond those of the smallest size, against log size."""
    sizes, seconds = np.array([(size, spent.wall) for size, spent in rows]).T
    grown = seconds[1:] - seconds[0]
    kept = grown > 0.05 * seconds[0]
    if kept.sum() < 2:
        return math.nan
    return float(np.polyfit(np.log(sizes[1:][kept]), np.log(grown[kept]), 1)[0])


def draw(results: dict[str, Rows], path: Path) -> None:
    """Seconds above, memory below, a column for each kind."""
    figure, axes = plt.subplots(
        2, len(results), figsize=(3.2 * len(results), 5.0), squeeze=False, layout="constrained"
    )
    for column, (kind, rows) in zip(axes.T, results.items(), strict=True):
        x, spent = [size for size, _ in rows], [one for _, one in rows]
        above, below = column
        above.plot(x, [one.wall for one in spent], "o-", label="wall clock")
        above.plot(x, [one.cpu for one in spent], "s:", label="CPU, all cores")
        below.plot(x, [one.memory for one in spent], "^-", color="C2")
        power = exponent(rows)
        grows = "" if math.isnan(power) else f"\nbeyond the first: size$^{{{power:.2f}}}$"
        above.set_title(textwrap.fill(TITLES[kind], 32) + grows, fontsize="medium")
        above.set(xscale="log", yscale="log", ylim=(3, 300))
        above.set_yticks(SECONDS, SECONDS)
        below.set(xscale="log", ylim=(0, 3), yticks=[0, 1, 2, 3], xlabel=kind)
        sizes = sorted(set(x))
        # A number close to the one before would be written over it.
        apart_enough = [True, *(b > 1.3 * a for a, b in itertools.pairwise(sizes))]
        names = [f"{n:,.0f}" if ok else "" for n, ok in zip(sizes, apart_enough, strict=True)]
        for axis in column:
            axis.set_xticks(sizes, names)
            axis.minorticks_off()
            axis.grid(axis="y", alpha=0.4)
    axes[0][0].set_ylabel("seconds")
    axes[1][0].set_ylabel("largest memory (GB)")
    axes[0][0].legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", default=list(SIZES), metavar="KIND")
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    results: dict[str, Rows] = {}
    with tempfile.TemporaryDirectory() as cache:
        for kind in options.kinds:
            print(f"\n{TITLES[kind]}")
            results[kind] = []
            for wanted in SIZES[kind]:
                size, spent = measured(kind, wanted, Path(cache))
                results[kind].append((size, spent))
                print(
                    f"{size:>10,g}{spent.wall:9.1f} s{spent.cpu:9.1f} s CPU{spent.memory:7.2f} GB",
                    flush=True,
                )
            # How many clusters there are is known only now.
            results[kind].sort(key=lambda row: row[0])
            grows = exponent(results[kind])
            if not math.isnan(grows):
                first = results[kind][0][1].wall
                print(f"seconds beyond the first {first:.1f} grow with size^{grows:.2f}")
    if options.figure:
        draw(results, options.figure)


if __name__ == "__main__":
    main()
