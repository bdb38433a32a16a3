"""How much compute buys two scores, alone and together, with what risk and for what money.

Run ``python examples/planning_under_risk.py``; ``--forecast DIR`` reads a finished forecast, such
as that of ``bayescod demo --out DIR``, instead of making one of the wanted benchmarks.
"""

# %% What is asked
import argparse
from pathlib import Path

import numpy as np

import bayescod
from bayescod.datasets import load_text_ladder_paths

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--forecast", type=Path)
parser.add_argument("--want", action="append", default=[], metavar="BENCHMARK=SCORE")
parser.add_argument("--model-spec", default="auto")
arguments = parser.parse_args()
wanted = {}
for text in arguments.want or ["python-2=0.35", "manual-word=0.45"]:
    benchmark, _, score = text.rpartition("=")
    wanted[benchmark] = float(score)

# %% The forecast: one that lies there, or one of the shipped ladder
if arguments.forecast:
    forecasts = bayescod.load(arguments.forecast)
else:
    paths = load_text_ladder_paths()
    forecasts = bayescod.forecast(
        bayescod.read_scores(paths.scores, paths.models, paths.benchmarks),
        target="t201k",
        benchmarks=list(wanted),
        model_spec=arguments.model_spec,
        seed=0,
    )

# %% The plan. The rates are of one core of an old laptop: 10 GFLOP/s, 0.05 an hour; give yours
rates = bayescod.Rates(tokens_per_param=20, flops_per_hour=3.6e13, price=0.05)
plan = bayescod.plan(forecasts, wanted, rates=rates)
for answer in plan.answers:
    what = f"{answer.benchmark} >= {answer.score:.0%}" if answer.benchmark else "all of them"
    print(f"{what}: chance {answer.at_target:.0%} at {plan.target}")
    for probability, cost in answer.costs.items():
        if cost is None:
            print(f"  {probability:.0%} chance: not within {plan.compute_flops[-1]:.1e} FLOP")
        else:
            print(
                f"  {probability:.0%} chance: {cost.compute_flops:.1e} FLOP, "
                f"{cost.params:,.0f} parameters, {cost.accelerator_hours:.2g} hours, "
                f"money {cost.money:.2g}"
            )

# %% All at once: chances multiplied would give every benchmark a run of its own. The more scores
# are wanted, and the more the runs' luck is shared, the further the two part.
if len(wanted) > 1:
    together = plan.answers[-1].at_target
    multiplied = np.prod([answer.at_target for answer in plan.answers[:-1]])
    worlds = forecasts[next(iter(wanted))].tree["predictions"]
    print(f"All at {plan.target}: {together:.1%}; chances multiplied (wrong): {multiplied:.1%}")
    if "run_correlation" in worlds:
        shared = np.median(worlds["run_correlation"])
        print(f"Benchmarks share the luck of their run by a correlation of about {shared:.1f}.")

# %% What stopping at half the compute costs, and what it saves
for stop in plan.stops:
    if stop.part == 0.5:
        print(
            f"{stop.benchmark} at half the compute: {100 * stop.loss.mean:.1f} points less, "
            f"90 % range (equal-tailed) {100 * stop.loss.low:.1f} to {100 * stop.loss.high:.1f}; "
            f"money saved {plan.target_cost.money - stop.cost.money:.2g}"
        )
if plan.status != "pass":
    print(f"The forecast behind this plan has status {plan.status}: see `bayescod check`.")
