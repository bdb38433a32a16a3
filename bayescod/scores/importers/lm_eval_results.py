"""The results file of an lm-evaluation-harness run: the model, the task's version, its filters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bayescod.scores.checks import shown
from bayescod.scores.importers.findings import Findings
from bayescod.scores.importers.reading import read_json
from bayescod.scores.importers.values import name_of

_VOTES = "majority_vote"
_MAIN = ("", "main", "master", "None")


@dataclass(frozen=True, slots=True)
class Run:
    """What a results file says of one of its tasks.

    Attributes
    ----------
    task : str
        Its own name; file names have a simplified one.
    model : str
        With the revision, if there is one; empty where the log has none.
    version : str
        Of the task and its number of shots; empty where unknown.
    seed : str
        All seeds; empty where unknown.
    votes : mapping of str to bool
        Whether a filter votes, by name.
    effective : int
        Documents that were asked; 0 where unknown.
    withheld : int
        Documents of the data set that were not.
    """

    task: str
    model: str = ""
    version: str = ""
    seed: str = ""
    votes: Mapping[str, bool] = field(default_factory=dict)
    effective: int = 0
    withheld: int = 0


def read_run(path: Path, label: str, date: str, named: bool, findings: Findings) -> Run:
    """Read what belongs to a samples file.

    Parameters
    ----------
    path : Path
        The samples file.
    label, date : str
        Task and date as its name says them.
    named : bool
        Whether the user names the model, so that the log need not.
    findings : Findings
        Gets what is wrong.

    Returns
    -------
    Run
    """
    beside = sorted(path.parent.glob(f"*_{date}.json"))
    results = next((one for one in beside if one.name == f"results_{date}.json"), None)
    results = results or (beside[0] if len(beside) == 1 else None)
    if results is None:
        if not named:
            findings.add(
                path,
                "no-results-file",
                "the results file of this run is not beside it, and only that names the model",
                wanted=f"results_{date}.json",
                fix="copy it there, or name the model with --select model=NAME",
            )
        return Run(name_of(label), "?")
    content = read_json(results, nan=True)
    if not isinstance(content, dict):
        findings.add(results, "unknown-layout", "the results file is no JSON object")
        return Run(name_of(label), "?")
    configs = _within(content, "configs")
    tasks = [name for name in configs if re.sub(r"\W", "_", name) == label or name == label]
    task = name_of(tasks[0]) if len(tasks) == 1 else name_of(label)
    shots = _within(content, "n-shot").get(task)
    version = _within(content, "versions").get(task)
    size = _within(content, "n-samples", task)
    effective, original = _count(size.get("effective")), _count(size.get("original"))
    return Run(
        task=task,
        model=_model(content, results, named, findings),
        version="" if version is None else f"version {shown(version)}, {shown(shots)} shots",
        seed=_seed(_within(content, "config")),
        votes=_votes(_within(configs, task).get("filter_list")),
        effective=effective,
        withheld=max(0, original - effective),
    )


def _model(content: Mapping[str, object], results: Path, named: bool, findings: Findings) -> str:
    name = name_of(content.get("model_name"))
    arguments = _within(content, "config").get("model_args")
    if isinstance(arguments, dict):
        values = {str(key): str(value) for key, value in arguments.items()}
    else:
        pairs = (part.partition("=") for part in str(arguments or "").split(","))
        values = {key.strip(): value for key, _, value in pairs}
    if name and name not in values.values() and name not in str(arguments):
        if not named:
            findings.add(
                results,
                "random-model-name",
                "the model's arguments do not name it, and lm-eval made a name up",
                column="model_name",
                got=name,
                fix="name the model with --select model=NAME",
            )
        return "?"
    revision = values.get("revision", "")
    return name if revision in _MAIN or not name else name_of(f"{name}@{revision}")


def _votes(filters: object) -> dict[str, bool]:
    votes: dict[str, bool] = {}
    for one in filters if isinstance(filters, list) else []:
        if isinstance(one, dict) and isinstance(one.get("name"), str):
            steps = one.get("filter")
            votes[one["name"]] = any(
                isinstance(step, dict) and step.get("function") == _VOTES
                for step in (steps if isinstance(steps, list) else [])
            )
    return votes


def _seed(config: Mapping[str, object]) -> str:
    seeds = {key: value for key, value in config.items() if key.endswith("_seed")}
    return ", ".join(f"{key} {value}" for key, value in sorted(seeds.items()))


def _within(content: Mapping[str, object], *keys: str) -> dict[str, object]:
    """Object at a path of keys; empty where there is none."""
    found: object = content
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
