"""What a forecast owes to its settings, on the shipped ladder.

Run ``python examples/sensitivity.py``. ``--group NAME`` picks groups of variants (clustering,
filter, mapping, priors, llms); all of them on one benchmark take some ten minutes, ``filter`` and
``mapping`` one or two.
"""

# %% What is asked
import argparse
import sys
import time

import bayescod
from bayescod.datasets import load_text_ladder_paths
from bayescod.evaluation.variants import GROUPS
from bayescod.reporting.progress import progress_reporter
from bayescod.reporting.sensitivity_table import markdown_sensitivity, show_sensitivity
from bayescod.reporting.terminal import console_for

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--target", default="t91k")
parser.add_argument("--benchmark", action="append", default=[])
parser.add_argument("--group", action="append", default=[], choices=list(GROUPS))
parser.add_argument("--model-spec", default="auto")
parser.add_argument("--markdown", action="store_true", help="print Markdown")
arguments = parser.parse_args()
benchmarks = arguments.benchmark or ["python-2"]

# %% Scores in
paths = load_text_ladder_paths()
scores = bayescod.read_scores(paths.scores, paths.models, paths.benchmarks)

# %% The same forecast again and again, one thing changed at a time
began = time.perf_counter()
with progress_reporter(quiet=False) as progress:
    found = bayescod.sensitivity(
        scores,
        target=arguments.target,
        benchmarks=benchmarks,
        variants=arguments.group or None,
        model_spec=arguments.model_spec,
        progress=progress,
    )
if arguments.markdown:
    print(markdown_sensitivity(found))
else:
    show_sensitivity(found, console_for(sys.stdout))
print(f"{len(found.seconds)} forecasts in {time.perf_counter() - began:.0f} s")

# %% Which law predicts each model of the ladder from the others
laws = bayescod.compare_laws(scores, target=arguments.target, benchmarks=benchmarks)
print(laws.drop(columns=["max_pareto_k", "note"]).round(2).to_string(index=False))
