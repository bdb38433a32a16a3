"""Make the record of the README: backtests on the shipped ladder, every number and figure of it.

Run ``python examples/record.py --out record --readme README.md``: it forecasts the held-out models
of the shipped ladder as if they had not been trained, by COD, by the default and by what they are
compared with, and puts the tables between the README's two marks. ``--method`` and ``--benchmark``
pick some of it.
"""

# %% What is asked
import argparse
import re
from pathlib import Path

import bayescod
from bayescod.datasets import load_text_ladder_paths
from bayescod.evaluation.store import write_backtest
from bayescod.evaluation.summary import by_ratio, summarise_backtest
from bayescod.reporting.backtest_table import markdown_table
from bayescod.reporting.backtests import coverage_figure, pit_figure, ratio_figure, truth_figure

METHODS = (
    *("default", "cod", "cod-no-anchor", "end-to-end", "loss-intermediate", "logistic"),
    *("least-squares", "last-value"),
)
TELLING = ("default", "cod", "end-to-end", "least-squares")
BEGIN, END = "<!-- record: made by examples/record.py -->\n", "<!-- end of the record -->\n"

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("record"))
parser.add_argument("--readme", type=Path, help="Put the tables into this file.")
parser.add_argument("--figures", type=Path, help="Also draw into this folder.")
parser.add_argument("--method", action="append", default=[])
parser.add_argument("--benchmark", action="append", default=[])
arguments = parser.parse_args()
block = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
if arguments.readme is not None and not block.search(arguments.readme.read_text(encoding="utf-8")):
    raise SystemExit(f"{arguments.readme} has no marks {BEGIN.strip()} and {END.strip()}")

# %% The held-out models of the shipped ladder, each as if it had not been trained
paths = load_text_ladder_paths()
scores = bayescod.read_scores(paths.scores, paths.models, paths.benchmarks)
llms = scores.llms
held_out = [name for name, role in zip(llms.name, llms.role, strict=True) if role == "target"]
record = bayescod.backtest(
    scores,
    holdouts=held_out,
    methods=arguments.method or METHODS,
    benchmarks=arguments.benchmark,
    seed=0,
)
write_backtest(record, arguments.out)

# %% Tables: by method, and by how far beyond the ladder
frame = record.frame()
lines = [
    markdown_table(summarise_backtest(frame)),
    "By distance beyond the ladder (90 % ranges):\n",
]
lines.append("| compute over the ladder's largest | method | held | mean error | CRPS |")
lines.append("| --- | --- | ---: | ---: | ---: |")
for row in by_ratio(frame).to_dict("records"):
    if row["method"] in TELLING:
        lines.append(
            f"| {row['ratio']} | {row['method']} "
            f"| {row['coverage90'] * row['pairs']:.0f} of {row['pairs']} "
            f"| {100 * row['mean_error']:.1f} points | {100 * row['crps']:.2f} |"
        )
text = "\n".join(lines) + "\n"
print(text)

# %% Into the README, between its marks
if arguments.readme is not None:
    old = arguments.readme.read_text(encoding="utf-8")
    new = block.sub(lambda _: f"{BEGIN}\n{text}\n{END}", old)
    arguments.readme.write_text(new, encoding="utf-8")

# %% Pictures
if arguments.figures is not None:
    shown = [name for name in TELLING if name in set(frame["method"])] or list(frame["method"][:1])
    for name, figure in {
        "record-truth": truth_figure(frame, shown[0]),
        "record-coverage": coverage_figure(frame, shown),
        "record-pit": pit_figure(frame, shown),
        "record-ratio": ratio_figure(frame, shown),
    }.items():
        arguments.figures.mkdir(parents=True, exist_ok=True)
        figure.savefig(arguments.figures / f"{name}.png")
