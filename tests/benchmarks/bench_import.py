"""How long logs take to import, and how much memory.

Run by hand: ``python tests/benchmarks/bench_import.py [MILLIONS] [lm-eval|inspect|human-eval]``.
The logs are of 5 models on 5 tasks with 100 answers an item; human-eval logs are of one task.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

import bayescod
from bayescod.scores.importers.writing import write_scores

if sys.version_info >= (3, 14):
    import zipfile
else:
    from backports.zstd import zipfile

N_TASKS, N_MODELS, N_TRIALS = 5, 5, 100
DATE = "2026-01-01T00-00-00.000000"
ANSWER = "the answer to question %d, in words: %d"


def write_lm_eval(folder: Path, n_items: int, rng: random.Random) -> None:
    """One line an item, with all answers, as of a filter that keeps them."""
    for model in range(N_MODELS):
        place = folder / f"org__model-{model}"
        place.mkdir()
        for task in range(N_TASKS):
            with (place / f"samples_task{task}_{DATE}.jsonl").open("w", encoding="utf-8") as log:
                for item in range(n_items):
                    right = [rng.random() < 0.5 for _ in range(N_TRIALS)]
                    answers = [ANSWER % (item, one) for one in right]
                    line = {
                        "doc_id": item,
                        "doc": {"id": f"item-{item}", "question": "what is asked " * 20},
                        "target": "1",
                        "resps": [answers],
                        "filtered_resps": [answers],
                        "filter": "all",
                        "metrics": ["exact_match"],
                        "doc_hash": f"{item:064x}",
                        "exact_match": sum(right) / N_TRIALS,
                    }
                    log.write(json.dumps(line) + "\n")
        results = {
            "model_name": f"org/model-{model}",
            "config": {"model_args": f"pretrained=org/model-{model}"},
            "versions": {f"task{task}": 1.0 for task in range(N_TASKS)},
            "configs": {f"task{task}": {} for task in range(N_TASKS)},
        }
        (place / f"results_{DATE}.json").write_text(json.dumps(results), encoding="utf-8")


def write_inspect(folder: Path, n_items: int, rng: random.Random) -> None:
    """One zip a task and model, of which only header and summaries are there."""
    head = '{"id":"item-%d","epoch":%d,"input":"' + "what is asked " * 10 + '","target":"1",'
    tail = '"scores":{"match":{"value":"%s","answer":"1"}},"uuid":"%022x","completed":true}'
    for model in range(N_MODELS):
        for task in range(N_TASKS):
            path = folder / f"2026-01-01_task{task}_{model}.eval"
            header = {
                "version": 2,
                "status": "success",
                "eval": {"task": f"task{task}", "model": f"org/model-{model}", "task_version": 1},
                "stats": {"completed_at": "2026-01-01T00:00:00+00:00"},
            }
            with zipfile.ZipFile(path, "w", 93) as archive:
                archive.writestr("header.json", json.dumps(header))
                with archive.open("summaries.json", "w", force_zip64=True) as log:
                    sign = b"["
                    for epoch in range(1, N_TRIALS + 1):
                        texts = (
                            (head + tail) % (item, epoch, rng.choice("CI"), rng.getrandbits(88))
                            for item in range(n_items)
                        )
                        log.write(sign + ",\n".join(texts).encode())
                        sign = b",\n"
                    log.write(b"]")


def write_human_eval(folder: Path, n_items: int, rng: random.Random) -> None:
    """One line an answer, as graded; five times the items, since there is one task."""
    for model in range(N_MODELS):
        path = folder / f"model-{model}.jsonl_results.jsonl"
        with path.open("w", encoding="utf-8") as log:
            for item in range(N_TASKS * n_items):
                line = f'{{"task_id":"HumanEval/{item}","completion":"    return {item}",'
                log.writelines(
                    f'{line}"passed":{rng.choice(("true", "false"))}}}\n' for _ in range(N_TRIALS)
                )


WRITERS = {"lm-eval": write_lm_eval, "inspect": write_inspect, "human-eval": write_human_eval}


def write_logs(folder: Path, millions: float, tool: str) -> None:
    """Logs of models that are right half of the time."""
    n_items = max(1, round(millions * 1e6 / (N_TASKS * N_MODELS * N_TRIALS)))
    WRITERS[tool](folder, n_items, random.Random(0))  # noqa: S311


def main() -> None:
    """Write the logs in a process of its own, import them, print seconds and peak memory."""
    millions = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    tool = next((one for one in WRITERS if one in sys.argv), "lm-eval")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "logs"
        folder.mkdir()
        context = multiprocessing.get_context("spawn")
        writer = context.Process(target=write_logs, args=(folder, millions, tool))
        writer.start()
        writer.join()
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
        start = time.perf_counter()
        # human-eval does not say whose answers a file holds, so a model is imported at a time.
        parts = (
            [({"model": path.name}, path) for path in sorted(folder.iterdir())]
            if tool == "human-eval"
            else [({}, folder)]
        )
        found = [bayescod.import_logs(tool, path, select) for select, path in parts]
        seconds = time.perf_counter() - start
        rows = [row for imported in found for row in imported.rows]
        write_scores(rows, Path(name) / "scores.parquet")
        whole = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    trials = sum(row.n_trials for row in rows)
    sys.stdout.write(
        f"{tool}: {trials / 1e6:g} M trials, {len(rows)} rows, {size:.0f} MB: read in "
        f"{seconds:.1f} s, written after {whole:.1f} s, peak {peak:.2f} GB\n"
    )


if __name__ == "__main__":
    main()
