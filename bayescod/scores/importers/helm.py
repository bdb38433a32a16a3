"""HELM: a run's folder with ``run_spec.json`` and ``per_instance_stats.json``.

A trial is one instance in one training trial (``num_train_trials``: other examples in the prompt),
whose verdict is the chosen metric; statistics of perturbed instances are left out. With
``num_outputs`` above 1 HELM writes the verdict of the likeliest output and of the best of all,
from which k of n cannot be had: the outputs in ``scenario_state.json`` are graded again, for
``exact_match`` only, and only if that gives both of HELM's own verdicts of every instance. The
benchmark is the run's name without the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from bayescod.progress import SILENCE, Progress
from bayescod.scores.importers.counting import MODEL_HELP, Tally, chosen, model_of, read_each
from bayescod.scores.importers.findings import Findings
from bayescod.scores.importers.helm_outputs import Verdicts, count_outputs
from bayescod.scores.importers.reading import log_files, read_json, read_parts
from bayescod.scores.importers.records import Log
from bayescod.scores.importers.values import MAX_TRIALS, digest_of, name_of, outcome, text_of

SELECT: Final[Mapping[str, str]] = {
    "model": f"{MODEL_HELP}: instead of that in run_spec.json",
    "metric": "such as exact_match",
    "split": "such as test",
}
_PATTERNS: Final = ("per_instance_stats.json",)
_MAX_INDEX: Final = 10_000  # of training trials
_RERUN: Final = "run HELM again"
_OF_MODEL: Final = ("model", "model_deployment")


def read(
    paths: Sequence[Path], select: Mapping[str, str], progress: Progress = SILENCE
) -> list[Log]:
    """Read runs of HELM; see :meth:`bayescod.scores.importers.tools.Importer.read`.

    One log a run.
    """
    files = log_files(paths, _PATTERNS, "statistics of HELM")
    return read_each(files, select, lambda *of: filter(None, [_tally(*of)]), progress)


def _tally(path: Path, select: Mapping[str, str], findings: Findings) -> Tally | None:
    spec = read_json(path.with_name("run_spec.json"))
    adapter = spec.get("adapter_spec") if isinstance(spec, dict) else None
    name = name_of(spec.get("name")) if isinstance(spec, dict) else ""
    outputs = adapter.get("num_outputs", 1) if isinstance(adapter, dict) else None
    if not isinstance(spec, dict) or not isinstance(adapter, dict) or not name:
        findings.add(
            path.with_name("run_spec.json"),
            "unknown-layout",
            "the file is no run specification",
            wanted="an object with name and adapter_spec",
            fix=_RERUN,
        )
        return None
    if not isinstance(outputs, int) or not 1 <= outputs <= MAX_TRIALS:
        findings.add(
            path.with_name("run_spec.json"),
            "bad-count",
            "the number of outputs is unusable",
            column="adapter_spec.num_outputs",
            got=outputs,
            wanted=f"1 to {MAX_TRIALS:,}",
            fix=_RERUN,
        )
        return None
    model = model_of(select, text_of(adapter.get("model")), path, findings)
    tally = Tally(_benchmark(name), model, path, version=_version(spec.get("scenario_spec")))
    metric = _metric(spec, path, select, findings)
    if metric and outputs == 1:
        for item, _, correct, trials in _verdicts(path, metric, select, tally, findings):
            tally.add(item, correct, trials)
    elif metric == "exact_match":
        first = _pairs(_verdicts(path, metric, select, tally, findings))
        best = _pairs(_verdicts(path, f"{metric}@{outputs}", select, tally, Findings()))
        state = path.with_name("scenario_state.json")
        count_outputs(state, outputs, first, best, tally, findings)
    elif metric:
        findings.add(
            path,
            "not-countable",
            f"{metric} is of the likeliest and of the best of {outputs} outputs, not of each",
            column=metric,
            fix="choose --select metric=exact_match, or run HELM with num_outputs=1",
        )
    return tally


def _benchmark(name: str) -> str:
    """Name of a run without what names its model."""
    scenario, _, rest = name.partition(":")
    kept = [part for part in rest.split(",") if part.partition("=")[0] not in (*_OF_MODEL, "")]
    return f"{scenario}:{','.join(kept)}" if kept else scenario


def _version(spec: object) -> str:
    """Hash of the scenario and its plain arguments: a changed scenario renumbers its instances."""
    if not isinstance(spec, dict):
        return ""
    args = spec.get("args")
    plain = sorted(
        (key, str(value))
        for key, value in (args if isinstance(args, dict) else {}).items()
        if isinstance(value, str | int | float)
    )
    return digest_of(repr([name_of(spec.get("class_name")), *plain]))


def _metric(
    spec: Mapping[str, object], path: Path, select: Mapping[str, str], findings: Findings
) -> str:
    """Choose among the metrics that the first instance has and, unasked, the run was for."""
    first = next((entry for _, entry in read_parts(path)), None)
    stats = first.get("stats") if isinstance(first, dict) else None
    names = [_stat_name(stat) for stat in stats] if isinstance(stats, list) else []
    there = list(dict.fromkeys(text_of(name.get("name")) for name in names))
    if "metric" in select:
        return chosen(select, "metric", there, path, findings)
    specs = spec.get("metric_specs")
    declared: list[str] = []
    for each in specs if isinstance(specs, list) else []:
        args = each.get("args") if isinstance(each, dict) else None
        wanted = args.get("names") if isinstance(args, dict) else None
        declared += [text_of(one) for one in wanted] if isinstance(wanted, list) else []
    found = [one for one in dict.fromkeys(declared) if one and one in there]
    return chosen(select, "metric", found, path, findings)


def _stat_name(stat: object) -> Mapping[str, object]:
    name = stat.get("name") if isinstance(stat, dict) else None
    return name if isinstance(name, dict) else {}


def _pairs(verdicts: Iterator[tuple[str, int, int, int]]) -> Verdicts:
    return {(item, index): correct for item, index, correct, _ in verdicts}


def _verdicts(
    path: Path, metric: str, select: Mapping[str, str], tally: Tally, findings: Findings
) -> Iterator[tuple[str, int, int, int]]:
    """Item, training trial, k and n of each entry."""
    seen: dict[str, int] = {}  # training trials as bits
    splits: dict[str, None] = {}
    for number, (_, entry) in enumerate(read_parts(path), start=1):
        known = entry if isinstance(entry, dict) else {}
        item, index, stats = (known.get(k) for k in ("instance_id", "train_trial_index", "stats"))
        name, index = name_of(item), 0 if index is None else index
        odd = not isinstance(index, int) or not 0 <= index < _MAX_INDEX
        if not name or odd or not isinstance(stats, list):
            findings.add(
                path,
                "unknown-layout",
                "the entry is no instance with statistics",
                row=number,
                column="train_trial_index" if name and odd else "instance_id",
                got=index if name and odd else item,
                wanted="instance_id, train_trial_index and a list stats",
                fix=_RERUN,
            )
            continue
        if known.get("perturbation") is not None:
            tally.dropped["perturbed instance"] += 1
            continue
        found = [
            stat
            for stat in stats
            if _stat_name(stat).get("name") == metric and not _stat_name(stat).get("perturbation")
        ]
        if "split" in select:
            found = [one for one in found if _stat_name(one).get("split") == select["split"]]
        if not found:
            tally.dropped[f"instance without {metric} (unperturbed, of the split)"] += 1
            continue
        if len(found) > 1 or seen.get(name, 0) >> index & 1:
            findings.add(
                path,
                "duplicate-item",
                f"an instance and training trial have {metric} twice",
                row=number,
                column="instance_id",
                got=name,
                fix=_RERUN,
            )
            continue
        seen[name] = seen.get(name, 0) | 1 << index
        splits[text_of(_stat_name(found[0]).get("split"))] = None
        if counts := _counts(number, found[0], metric, path, findings):
            yield name, index, *counts
    if len(splits) > 1:
        chosen(select, "split", list(splits), path, findings)


def _counts(
    number: int, stat: Mapping[str, object], metric: str, path: Path, findings: Findings
) -> tuple[int, int] | None:
    """Correct and all trials of a statistic of verdicts that are each 0 or 1."""
    trials, total, squares = (stat.get(key) for key in ("count", "sum", "sum_squared"))
    whole = isinstance(trials, int) and 0 < trials <= MAX_TRIALS
    if isinstance(trials, int) and whole and isinstance(total, int | float):
        # Among numbers in [0, 1] only 0 and 1 are their own squares.
        binary = squares == total if trials > 1 else outcome(total) is not None
        if binary and 0 <= total <= trials and total == int(total):
            return int(total), trials
    findings.add(
        path,
        "fractional-score" if whole else "bad-count",
        f"{metric} is no count of verdicts that are 0 or 1",
        row=number,
        column=metric,
        got=total if whole else trials,
        wanted="0 or 1" if whole else f"a count of 1 to {MAX_TRIALS:,}",
        fix="choose another with --select metric=...",
    )
    return None
