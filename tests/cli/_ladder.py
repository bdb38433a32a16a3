"""A ladder of five small LLMs, one target and one anchor, written as tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_ladder(
    folder: Path, n_items: int = 60, n_trials: int = 60, benchmarks: int = 2
) -> tuple[Path, Path]:
    """Write ``scores.csv`` and ``models.csv``; benchmarks whose items follow clean curves."""
    rng = np.random.default_rng(20)
    compute = {f"llm-{i}": 4e19 * 3.0**i for i in range(6)} | {"big": 4e22, "anchor": 2e22}
    roles = {"big": "target", "anchor": "anchor"}
    models = ["model,compute_flops,role"] + [
        f"{name},{flops:g},{roles.get(name, 'ladder')}" for name, flops in compute.items()
    ]
    rows = ["benchmark,item_id,model,n_trials,n_correct"]
    paces = {"easy": 2.0, "hard": 6.0} | {f"more-{i}": 4.0 for i in range(benchmarks - 2)}
    for benchmark, pace in paces.items():
        scale = pace * rng.choice([0.6, 1.0, 1.8], size=n_items)
        for name, flops in compute.items():
            rate = 0.1 + 0.9 * np.exp(-scale * (flops / 1e18) ** -0.35)
            right = rng.binomial(n_trials, rate)
            rows += [f"{benchmark},i{i},{name},{n_trials},{right[i]}" for i in range(n_items)]
    scores_path, models_path = folder / "scores.csv", folder / "models.csv"
    scores_path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    models_path.write_text("\n".join(models) + "\n", encoding="utf-8")
    return scores_path, models_path
