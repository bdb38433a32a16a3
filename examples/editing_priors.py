"""Edit one prior of a model spec and see what a forecast owes to it.

Run ``python examples/editing_priors.py --out editing-priors``; it forecasts one benchmark of the
shipped ladder twice. ``--spec FILE`` starts from a spec of your own.
"""

# %% What is asked
import argparse
import difflib
from pathlib import Path

import bayescod
from bayescod.datasets import load_text_ladder_paths
from bayescod.specs import spec_folder

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("editing-priors"))
parser.add_argument("--benchmark", default="python-2")
parser.add_argument("--target", default="t201k")
parser.add_argument("--spec", type=Path, default=spec_folder() / "end-to-end.toml")
arguments = parser.parse_args()
arguments.out.mkdir(parents=True, exist_ok=True)

# %% A copy of the spec, edited as in an editor: four times the drift beyond the ladder
before = arguments.spec.read_text(encoding="utf-8")
prior = '[priors.drift]\ndist = "log-normal"\nloc = 0.4\n'
if prior not in before:
    parser.error(f"{arguments.spec} has no such prior of drift:\n{prior}")
# The median of a log-normal prior is exp(loc): 1.5 becomes 6.
after = before.replace(prior, prior.replace("loc = 0.4", "loc = 1.8"))
edited = arguments.out / "more-drift.toml"
edited.write_text(after, encoding="utf-8")
names = (str(arguments.spec), str(edited))
print(
    *difflib.unified_diff(before.splitlines(), after.splitlines(), *names, n=2, lineterm=""),
    sep="\n",
)

# %% The same data and seed under both; in an earnest edit, `reason` and `source` change too
paths = load_text_ladder_paths()
scores = bayescod.read_scores(paths.scores, paths.models, paths.benchmarks)
found = {}
for spec in names:
    forecasts = bayescod.forecast(
        scores,
        target=arguments.target,
        benchmarks=[arguments.benchmark],
        model_spec=spec,
        seed=0,
    )
    found[spec] = forecasts[arguments.benchmark].summary()
    print(
        f"{Path(spec).name}: median {found[spec].median:.1%}, 90 % range (equal-tailed) "
        f"{found[spec].low:.1%} to {found[spec].high:.1%}"
    )

# %% What the edit did, in the unit that matters: the width of the range that one has anyway
one, other = (found[spec] for spec in names)
width, change = one.high - one.low, (other.high - other.low) - (one.high - one.low)
print(
    f"The median moves by {100 * (other.median - one.median):+.1f} points, the width of the 90 % "
    f"range by {100 * change:+.1f}; it is {100 * width:.1f} points wide."
)

# %% A slip in a spec is refused before anything is sampled, with every fault named
wrong = arguments.out / "slip.toml"
wrong.write_text(
    after.replace("loc = 1.8\nscale = 0.5\n", "loc = 1.8\nscael = 0.5\n"), encoding="utf-8"
)
try:
    bayescod.forecast(scores, target=arguments.target, model_spec=str(wrong))
except bayescod.SpecError as error:
    print(f"Refused: {error}")
