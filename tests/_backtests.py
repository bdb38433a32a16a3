"""Made-up backtests, calibrated or not, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bayescod.evaluation.records import Backtest, BacktestRow
from bayescod.evaluation.scoring import score_row

METHODS: Mapping[str, tuple[float, float, float]] = {
    "end-to-end": (0.04, 0.04, 0.0),
    "cod": (0.02, 0.02, 0.0),
    "least-squares": (0.05, 0.02, 0.03),
}
"""By method: sd of the errors, sd that is stated, bias; the first two are calibrated."""


def make_rows(
    n_llms: int = 4,
    n_benchmarks: int = 6,
    *,
    methods: Mapping[str, tuple[float, float, float]] = METHODS,
    correlation: float = 0.4,
    ratios: Sequence[float] = (2.0, 5.0, 10.0, 25.0),
    n_draws: int = 400,
    seed: int = 0,
) -> list[BacktestRow]:
    """One row a benchmark, LLM and method; errors of one LLM have the correlation given."""
    rng = np.random.default_rng(seed)
    truths = rng.uniform(0.3, 0.75, (n_llms, n_benchmarks))
    rows = []
    for method, (sd, stated, bias) in methods.items():
        shared = rng.standard_normal((n_llms, 1))
        own = rng.standard_normal((n_llms, n_benchmarks))
        error = sd * (np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own) + bias
        for llm in range(n_llms):
            ratio = ratios[llm % len(ratios)]
            for benchmark in range(n_benchmarks):
                truth = truths[llm, benchmark]
                centre = truth + error[llm, benchmark]
                draws = rng.normal(centre, stated, n_draws).clip(0, 1)
                rows.append(
                    score_row(
                        f"task {benchmark}",
                        f"llm {llm}",
                        1e21 * ratio,
                        ratio,
                        method,
                        "review" if benchmark == 0 else "pass",
                        truth,
                        draws,
                    )
                )
    return rows


def make_backtest(rows: Sequence[BacktestRow] | None = None) -> Backtest:
    return Backtest(
        rows=tuple(make_rows() if rows is None else rows),
        skipped=(("loss-intermediate", "", "the models table has no losses"),),
        seconds={"cod": 12.5, "end-to-end": 3.25},
        provenance={"data_digest": "d" * 64, "seed": "7", "bayescod": "0.1.0"},
        warnings=("compute of `m` filled in from 6ND",),
    )
