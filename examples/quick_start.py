"""Forecast a held-out model of the shipped ladder in a dozen lines.

Run ``python examples/quick_start.py --out quick-start``; ``--benchmark NAME`` picks benchmarks.
"""

# %% What is asked
import argparse
from pathlib import Path

import bayescod
from bayescod.datasets import load_text_ladder_paths

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("quick-start"))
parser.add_argument("--target", default="t91k")
parser.add_argument("--benchmark", action="append", default=[])
parser.add_argument("--model-spec", default="auto")
arguments = parser.parse_args()

# %% Scores in: counts by question and model, and the compute of every model
paths = load_text_ladder_paths()
scores = bayescod.read_scores(paths.scores, paths.models, paths.benchmarks)

# %% The forecast, from the small models alone
forecasts = bayescod.forecast(
    scores,
    target=arguments.target,
    benchmarks=arguments.benchmark or ["python-2"],
    model_spec=arguments.model_spec,
    seed=0,
)
print(forecasts.summary().round(3).to_string())

# %% One benchmark: chance of a score, and the picture
one = forecasts.benchmarks[0]
score = one.summary()
print(
    f"{one.benchmark}: median {score.median:.1%}, "
    f"90 % range (equal-tailed) {score.low:.1%} to {score.high:.1%}, "
    f"chance of at least 30 %: {one.probability(0.30):.0%}"
)
arguments.out.mkdir(parents=True, exist_ok=True)
one.plot().savefig(arguments.out / "fan.png", dpi=150)
print(f"picture in {arguments.out / 'fan.png'}")
