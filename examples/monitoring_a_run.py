"""Is a run that has started on its course? A sound run, and one worth a quarter of its compute.

Run ``python examples/monitoring_a_run.py --out run``. Ladder and run are simulated: both runs are
the same simulated LLM, but the second is said to have had four times the compute.
"""

# %% What is asked
import argparse
from dataclasses import replace
from pathlib import Path

import pandas as pd

import bayescod
from bayescod.evaluation.presets import preset
from bayescod.evaluation.simulation_files import score_rows, write_simulated
from bayescod.evaluation.simulation_settings import LLMSettings

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("monitored-run"))
parser.add_argument("--model-spec", default="end-to-end")
arguments = parser.parse_args()

# %% A ladder of eight LLMs, and checkpoints of a run of four times the largest one's compute
settings = preset("small")
ladder = tuple(llm for llm in settings.llms if llm.role == "ladder")
parts = {"run-25": 0.25, "run-50": 0.50, "run-75": 0.75, "run": 1.00}
run = tuple(LLMSettings(n, 2e9, part * 40e9, role="target") for n, part in parts.items())
simulated = bayescod.simulate(replace(settings, llms=(*ladder, *run)), seed=2)
write_simulated(simulated, arguments.out / "simulated")

# %% Tables as an organisation has them: the run's checkpoints are models of one `run`
table = score_rows(simulated)
models = pd.read_csv(arguments.out / "simulated" / "models.csv")
models["run"] = [name.split("-")[0] if name in parts else name for name in models["model"]]
table[table["model"].isin([llm.name for llm in ladder])].to_csv(
    arguments.out / "scores.csv", index=False
)
table[table["model"].isin(["run-25", "run-50", "run-75"])].to_csv(
    arguments.out / "checkpoints.csv", index=False
)

# %% Each run: the forecast from the ladder, its checkpoints against it, the forecast with the last
for what, times in (("sound", 1.0), ("worth a quarter of its compute", 4.0)):
    of_run = models["run"] == "run"
    said = models.assign(
        compute_flops=models["compute_flops"] * of_run.map({True: times, False: 1.0})
    )
    said.to_csv(arguments.out / "models.csv", index=False)
    ladder_scores, checkpoints = (
        bayescod.read_scores(arguments.out / f"{name}.csv", arguments.out / "models.csv")
        for name in ("scores", "checkpoints")
    )
    forecasts = bayescod.forecast(
        ladder_scores,
        target="run",
        update=checkpoints,
        model_spec=arguments.model_spec,
        seed=0,
    )
    print(f"A run that is {what}:")
    for one in forecasts.course.checkpoints:
        print(
            f"  at {one.part:.0%}: {one.verdict}; the forecast gave {one.no_more:.1%} to no more, "
            f"{one.no_less:.1%} to no less"
        )
    for truth in simulated.truth:
        end = float(truth.latent_score()[simulated.scores.llms.index("run")])
        before = forecasts.course.before[truth.benchmark]
        after = forecasts[truth.benchmark].summary()
        print(
            f"  {truth.benchmark}: 90 % range (equal-tailed) {before.low:.1%} to {before.high:.1%} "
            f"from the ladder, {after.low:.1%} to {after.high:.1%} with the last checkpoint; it "
            f"ended at {end:.1%}"
        )
