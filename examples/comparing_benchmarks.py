"""Which benchmarks can be forecast, and which of two plans ends with the higher scores.

Run ``python examples/comparing_benchmarks.py``: three benchmarks of the shipped ladder, by the
end-to-end model, and a backtest of that. ``bayescod compare`` does the same with finished folders.
"""

# %% What is asked
import argparse

import bayescod
from bayescod.datasets import load_text_ladder_paths

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--benchmark", action="append", default=[])
parser.add_argument("--model-spec", default="end-to-end")
arguments = parser.parse_args()
benchmarks = arguments.benchmark or ["dictionary-4", "python-2", "manual-word"]
paths = load_text_ladder_paths()
scores = bayescod.read_scores(paths.scores, paths.models, paths.benchmarks)

# %% Two plans on one ladder
plans = {
    target: bayescod.forecast(
        scores,
        target=target,
        benchmarks=benchmarks,
        model_spec=arguments.model_spec,
        seed=0,
    )
    for target in ("t144k", "t201k")
}

# %% The record: models that are measured already, forecast as if they were not
record = None
if arguments.model_spec == "end-to-end":  # a record is of a method, named after its spec
    record = bayescod.backtest(scores, methods=["end-to-end"], benchmarks=benchmarks)

# %% One forecast: its benchmarks ranked by the error that is expected of the median
found = bayescod.compare(plans["t201k"], record=record)
for one in found.ranking:
    print(
        f"{one.rank} {one.benchmark} [{' '.join(one.groups)}]: {one.verdict}; off by "
        f"{100 * one.expected_error:.1f} points as a rule, 90 % range (equal-tailed) "
        f"{100 * one.width:.0f} points wide"
    )
    if one.past:
        print(f"  record: 90 % ranges held {one.past.held} of {one.past.truths} truths")
    if one.signal:
        print(
            f"  signal to noise {one.signal.ratio:.0f}; noise alone makes {one.signal.by_noise:.0f}"
        )
    for reason in one.reasons:
        print(f"  [{reason.code}] {reason.message}")
print("Benchmarks that share a letter cannot be told apart: their ranks mean nothing.")

# %% Two forecasts: the chance that the larger plan ends higher, and by how much
(match,) = bayescod.compare(plans["t201k"], plans["t144k"]).matches
print(f"t201k against t144k, {match.pairing}:")
for contest in match.contests:
    gap = contest.difference
    print(
        f"  {contest.benchmark}: higher with {contest.chance:.0%}, by {100 * gap.mean:+.1f} points "
        f"(90 % range, equal-tailed: {100 * gap.low:+.1f} to {100 * gap.high:+.1f})"
    )
if match.all_higher is not None:
    print(f"  on all of them at once: {match.all_higher:.0%}")
