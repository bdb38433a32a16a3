"""How long one-row-a-trial tables take to read, and how much memory.

Run by hand: ``python tests/benchmarks/bench_trials.py [MILLIONS] [csv|parquet] [shuffle] [text]``.
``text`` names the trials ``t17`` instead of 17, so that doubles need an exact search.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from bayescod.scores import read_scores

N_BENCHMARKS, N_LLMS, N_TRIALS = 5, 20, 100


def write_tables(folder: Path, millions: float, suffix: str, shuffled: bool, text: bool) -> None:
    """Trials of synthetic LLMs: right with probability 1/2."""
    n_items = max(1, round(millions * 1e6 / (N_BENCHMARKS * N_LLMS * N_TRIALS)))
    trial = "'t' || t" if text else "t"
    path = folder / f"trials.{suffix}"
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute("SET memory_limit = '4GB'")
        connection.execute(f"SET temp_directory = '{folder}/spill'")
        connection.execute(
            f"""COPY (SELECT 'benchmark-' || b AS benchmark, 'item-' || b || '#' || i AS item_id,
                'llm-' || m AS model, {trial} AS trial, (hash(b, i, m, t) % 2)::INTEGER AS correct
            FROM range({N_BENCHMARKS}) AS x(b), range({n_items}) AS y(i), range({N_LLMS}) AS z(m),
                range({N_TRIALS}) AS w(t) {"ORDER BY hash(b, i, m, t, 1)" if shuffled else ""})
            TO '{path}'"""  # noqa: S608
        )
    rows = [f"llm-{index},{10.0 ** (18 + index / 4)}" for index in range(N_LLMS)]
    models = "\n".join(["model,compute_flops", *rows])
    (folder / "models.csv").write_text(models, encoding="utf-8")


def main() -> None:
    """Write the tables in a process of its own, read them, print seconds and peak memory."""
    millions = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    suffix = "csv" if "csv" in sys.argv else "parquet"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        context = multiprocessing.get_context("spawn")
        options = (folder, millions, suffix, "shuffle" in sys.argv, "text" in sys.argv)
        writer = context.Process(target=write_tables, args=options)
        writer.start()
        writer.join()
        path = folder / f"trials.{suffix}"
        size = path.stat().st_size / 1e6
        start = time.perf_counter()
        scores = read_scores(path, folder / "models.csv")
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    cells = sum(benchmark.pass_rate.size for benchmark in scores.benchmarks)
    sys.stdout.write(
        f"{millions:g} M trials, {cells} scores, {size:.0f} MB: {seconds:.1f} s, "
        f"peak {peak:.2f} GB\n"
    )


if __name__ == "__main__":
    main()
