"""From the logs of an evaluation tool to a forecast and its page.

Run ``python examples/own_logs_to_forecast.py --out own-logs``. The logs are simulated, by the code
below: a small ladder that never was trained, in the files that lm-eval writes. With your own logs
and models table, start at the import.
"""

# %% What is asked
import argparse
import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np

import bayescod

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("own-logs"))
parser.add_argument("--model-spec", default="auto")
arguments = parser.parse_args()
out = arguments.out
out.mkdir(parents=True)

# %% The simulated ladder: each question has a difficulty, in log10 FLOP; one greedy answer each
rng = np.random.default_rng(11)
ladder = {"100m": 1e8, "200m": 2e8, "400m": 4e8, "800m": 8e8, "1.5b": 1.5e9, "3b": 3e9}
params_of = ladder | {"13b": 1.3e10}
difficulty = {"sums": rng.normal(20.4, 2.0, 500), "word-problems": rng.normal(22.0, 1.8, 400)}


def chance_of_right(task: str, size: str) -> np.ndarray:
    compute = 6 * params_of[size] * 20 * params_of[size]
    return 1 / (1 + np.exp(2.0 * (difficulty[task] - np.log10(compute))))


# %% Logs as lm-eval lays them out: two filters read every answer, one strictly and one not
def write_log(folder: Path, model: str, task: str, right: np.ndarray, date: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    results = {"model_name": model, "config": {"model_args": f"pretrained={model}"}}
    results |= {"versions": {task: 1.0}, "n-shot": {task: 5}, "configs": {task: {}}}
    (folder / f"results_{date}.json").write_text(json.dumps(results), encoding="utf-8")
    with (folder / f"samples_{task}_{date}.jsonl").open("w", encoding="utf-8") as stream:
        for number, is_right in enumerate(right):
            for name in ("strict-match", "flexible-extract"):
                line = {"doc_id": number, "doc": {"id": f"{task}-{number:03}"}, "filter": name}
                line |= {"resps": [["..."]], "filtered_resps": ["..."]}
                line |= {"metrics": ["exact_match"], "exact_match": float(is_right)}
                stream.write(json.dumps(line) + "\n")


logs = out / "logs"
for day, size in enumerate(ladder, start=10):
    # The tool writes the name that it was given: of a hub here, of a folder there.
    name = "./runs/3b-final" if size == "3b" else f"acme/acme-{size}"
    for hour, task in enumerate(difficulty, start=10):
        chance = chance_of_right(task, size)
        right = rng.random(chance.size) < chance
        write_log(logs / size, name, task, right, f"2026-03-{day}T{hour}-00-00")
# An evaluation that was given up and repeated: its log still lies there.
write_log(logs / "100m", "acme/acme-100m", "sums", np.zeros(500), "2026-02-01T09-00-00")

# %% The models table: what every model cost to train, and how else the logs spell it
models = out / "models.csv"
with models.open("w", encoding="utf-8", newline="") as stream:
    table = csv.writer(stream)
    table.writerow(["model", "params", "tokens", "role", "aliases"])
    for size, params in params_of.items():
        role = "ladder" if size in ladder else "target"
        aliases = "./runs/3b-final" if size == "3b" else ""  # several: separated by semicolons
        table.writerow([f"acme-{size}", params, 20 * params, role, aliases])

# %% The import: nothing is guessed, so the first try ends with a question
try:
    bayescod.import_logs("lm-eval", logs, models=models)
except bayescod.DataError as error:
    print(f"The import asks, for each of {len(error.problems)} logs:\n  {error.problems[0]}\n")
imported = bayescod.import_logs("lm-eval", logs, {"filter": "strict-match"}, models)

# %% The account: what was taken of whom, what was left out and why, which name became which
for taken in imported.taken:
    print(
        f"{taken.benchmark:14} {taken.model:10} {taken.n_items} questions, "
        f"{taken.n_missing} missing, {taken.n_correct / taken.n_trials:.1%} right"
    )
for reason, count in Counter(one.reason for one in imported.dropped).items():
    print(f"left out, {count} times: {reason}")
print("renamed:", ", ".join(f"{old} to {new}" for old, new in imported.renamed.items()))

# %% Scores in: the same checks as for any table, and every remark on them
bayescod.write_scores(imported.rows, out / "scores.csv")
scores = bayescod.read_scores(out / "scores.csv", models)
for warning in scores.warnings:
    print("remark:", warning)

# %% The forecast, beside what the simulation would give
forecasts = bayescod.forecast(scores, target="acme-13b", model_spec=arguments.model_spec, seed=0)
for one in forecasts.benchmarks:
    score = one.summary()
    why = f" [{one.reason.code}]" if one.reason else ""
    print(
        f"{one.benchmark}: median {score.median:.1%}, 90 % range (equal-tailed) {score.low:.1%} "
        f"to {score.high:.1%}; by {one.method}{why}, {one.status}; "
        f"simulated truth {chance_of_right(one.benchmark, '13b').mean():.1%}"
    )

# %% The page for whoever decides
(out / "report.html").write_text(bayescod.report(forecasts), encoding="utf-8")
print(f"page in {out / 'report.html'}")
