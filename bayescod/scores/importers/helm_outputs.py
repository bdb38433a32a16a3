"""Grading HELM's outputs again where it wrote only the verdicts of the likeliest and the best."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from bayescod.scores.importers.counting import Tally
from bayescod.scores.importers.findings import Findings
from bayescod.scores.importers.reading import read_parts
from bayescod.scores.importers.values import digest_of, name_of

Verdicts: TypeAlias = Mapping[tuple[str, int], int]  # by instance and training trial


def count_outputs(
    path: Path, outputs: int, first: Verdicts, best: Verdicts, tally: Tally, findings: Findings
) -> None:
    """Count the outputs that match a correct reference exactly.

    Parameters
    ----------
    path : Path
        ``scenario_state.json``.
    outputs : int
        Outputs an instance.
    first, best : mapping
        HELM's verdict of the likeliest output and of the best of all; what is counted here must
        agree with both.
    tally : Tally
        Gets the counts.
    findings : Findings
    """
    left = dict(first)
    for key, state in read_parts(path, inside="request_states"):
        if key != "request_states":
            continue
        graded = _graded(state, outputs)
        if isinstance(graded, str):
            _refuse(path, graded, state, findings)
            continue
        if graded is None:
            continue
        item, index, hits, question = graded
        place = item, index
        if left.get(place) != hits[0] or best.get(place) != max(hits):
            why = "grading the outputs again does not give HELM's own verdicts"
            _refuse(path, why, state, findings)
            continue
        del left[place]
        tally.add(item, sum(hits), len(hits), digest_of(question))
    if left and not findings.about(path):
        _refuse(path, f"{len(left)} instances have no outputs", None, findings)


def _refuse(path: Path, why: str, state: object, findings: Findings) -> None:
    instance = state.get("instance") if isinstance(state, dict) else None
    findings.add(
        path,
        "not-countable",
        why,
        column="request_states",
        got=instance.get("id") if isinstance(instance, dict) else state,
        fix="run HELM with num_outputs=1, and num_train_trials for repeats",
    )


def _graded(state: object, outputs: int) -> tuple[str, int, list[int], str] | str | None:
    """Instance, training trial, verdicts (likeliest first) and question; or what is wrong.

    ``None`` stands for a perturbed instance.
    """
    instance = state.get("instance") if isinstance(state, dict) else None
    if not isinstance(state, dict) or not isinstance(instance, dict):
        return "a request has no instance"
    if instance.get("perturbation") is not None:
        return None
    item, index = name_of(instance.get("id")), state.get("train_trial_index", 0)
    asked, result = instance.get("input"), state.get("result")
    question = asked.get("text") if isinstance(asked, dict) else None
    gold = _gold(instance.get("references"))
    if not item or not isinstance(index, int) or not isinstance(question, str):
        return "a request has no name, training trial or question"
    if state.get("request_mode") is not None or state.get("reference_index") is not None:
        return "the answers are choices, each with a request of its own"
    if not gold:
        return "an instance has no correct reference"
    if not isinstance(result, dict) or result.get("success") is not True:
        return "a request failed"
    texts = _texts(result.get("completions"), state.get("output_mapping"))
    if texts is None or len(texts) != outputs:
        return f"a request has not {outputs} outputs with text and logprob"
    return item, index, [int(bool(text) and text in gold) for text in texts], question


def _gold(references: object) -> set[str]:
    gold: set[str] = set()
    for reference in references if isinstance(references, list) else []:
        output = reference.get("output") if isinstance(reference, dict) else None
        text = output.get("text") if isinstance(output, dict) else None
        tags = reference.get("tags") if isinstance(reference, dict) else None
        if isinstance(text, str) and isinstance(tags, list) and "correct" in tags:
            gold.add(text.strip())
    return gold


def _texts(completions: object, mapping: object) -> list[str] | None:
    """Outputs as HELM compares them, likeliest first; ``None`` where one is damaged."""
    found: list[tuple[float, str]] = []
    for completion in completions if isinstance(completions, list) else []:
        text = completion.get("text") if isinstance(completion, dict) else None
        logprob = completion.get("logprob") if isinstance(completion, dict) else None
        if not isinstance(text, str) or not isinstance(logprob, int | float):
            return None
        text = text.strip()
        if isinstance(mapping, dict):
            meant = mapping.get(text)
            text = meant.strip() if isinstance(meant, str) else ""
        found.append((-logprob, text))
    found.sort(key=lambda pair: pair[0])  # stable, as HELM's own
    return [text for _, text in found]
