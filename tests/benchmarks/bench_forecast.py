"""A whole forecast as a user runs it: seconds and memory from table to ``forecast.json``.

Run ``python tests/benchmarks/bench_forecast.py`` for the paper preset (8 benchmarks, 60,905 items,
8 LLMs, 100 trials), or give tables: ``--scores F --models F --target NAME [--benchmarks F]``. The
command runs twice, each a fresh process: with nothing compiled, and with the cache that the first
run left. ``--copies`` asks besides what one more benchmark costs: the tables with every benchmark
once and twice, the cache kept, the difference of the seconds over the benchmarks added.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path

import duckdb
from _commands import Spent, apart, run

from bayescod.evaluation.presets import preset
from bayescod.evaluation.simulation import simulate
from bayescod.evaluation.simulation_files import BENCHMARKS, MODELS, SCORES, write_simulated


def paper(folder: Path) -> None:
    """The paper preset's tables."""
    write_simulated(simulate(preset("paper"), 0), folder)


def simulated(folder: Path) -> list[str]:
    """The paper preset's tables, as arguments of the command."""
    apart(paper, folder)
    tables = ["--models", str(folder / MODELS), "--benchmarks", str(folder / BENCHMARKS)]
    return [str(folder / SCORES), *tables, "--target", "70B"]


def twice(table: str, path: Path) -> str:
    """The same table with every benchmark a second time, under another name."""
    with duckdb.connect() as connection:
        every = f"SELECT * FROM '{table}'"  # noqa: S608
        again = f"SELECT * REPLACE (benchmark || ' again' AS benchmark) FROM '{table}'"  # noqa: S608
        connection.execute(f"COPY ({every} UNION ALL {again}) TO '{path}'")
    return str(path)


def show(label: str, spent: Spent, out: Path) -> int:
    """One line of the table; the number of benchmarks."""
    found = json.loads((out / "forecast.json").read_text(encoding="utf-8"))["benchmarks"]
    figures = [one["diagnostics"] for one in found]
    ess = min(min(one["min_ess_bulk"], one["min_ess_tail"]) for one in figures)
    statuses = Counter(one["status"] for one in found)
    methods = Counter(one["method"] for one in found)
    print(
        f"{label:<28}{spent.wall:7.1f} s{spent.cpu:8.1f} s CPU{spent.memory:7.2f} GB; "
        f"{len(found)} benchmarks: {dict(methods)}, {dict(statuses)}; worst R-hat "
        f"{max(one['max_rhat'] for one in figures):.3f}, least ESS {ess:.0f}, divergences "
        f"{sum(one['divergences'] for one in figures)}, sampled again "
        f"{sum(one['reruns'] for one in figures)}",
        flush=True,
    )
    return len(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("scores", "models", "target", "benchmarks", "model-spec"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--copies", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.scores is None:
            arguments = simulated(folder / "paper")
        else:
            arguments = [options.scores, "--models", options.models, "--target", options.target]
            arguments += ["--benchmarks", options.benchmarks] if options.benchmarks else []
        arguments += ["--model-spec", options.model_spec] if options.model_spec else []
        spent, counts = [], []
        for label in ("nothing compiled", "programs kept"):
            out = folder / label
            command = ["forecast", *arguments, "--quiet", "--accept", "--out", str(out)]
            spent.append(run(command, folder / "cache", folder / "log"))
            counts.append(show(label, spent[-1], out))
        if options.copies:
            doubled = [twice(arguments[0], folder / "twice.parquet"), *arguments[1:]]
            if "--benchmarks" in doubled:
                at = doubled.index("--benchmarks") + 1
                doubled[at] = twice(doubled[at], folder / "benchmarks.parquet")
            command = ["forecast", *doubled, "--quiet", "--accept", "--out", str(folder / "twice")]
            more = run(command, folder / "cache", folder / "log")
            added = show("every benchmark twice", more, folder / "twice") - counts[-1]
            wall, cpu = more.wall - spent[-1].wall, more.cpu - spent[-1].cpu
            print(f"one more benchmark: {wall / added:.2f} s, {cpu / added:.2f} s CPU")


if __name__ == "__main__":
    main()
