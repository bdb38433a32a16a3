"""One line of an lm-evaluation-harness samples file: what was answered, and what counts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Final

from bayescod.scores.importers.values import MAX_TRIALS, name_of, outcome, whole_count

_OWN_IDS: Final = ("id", "item_id", "question_id", "task_id", "native_id", "problem_id", "uuid")
_REPEATS: Final = "scores_per_repeat"
_HASH: Final = "doc_hash"
_NO_METRIC: Final = {
    *("doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"),
    *("doc_hash", "prompt_hash", "target_hash", _REPEATS),
}
_PASS_AT: Final = re.compile(r"pass@(\d{1,5})")
_PASS_OF: Final = re.compile(r"pass@\d+\((.+)\)")  # of lm-eval 0.5, beside the single scores


@dataclass(frozen=True, slots=True)
class Line:
    """What a line says, without its texts.

    Attributes
    ----------
    number : int
        In the file, from 1.
    filter : str or None
        Name of the filter; ``None`` before 0.4.7.
    index : str
        ``doc_id``.
    own : mapping of str to str
        Names that the data set itself gives the question.
    doc_hash : str
    content : int
        Alike for lines that hold the same answers and scores.
    answers : int
        Of the model to the question.
    kept : int
        Answers that the filter kept; 0 where it is unclear.
    scores : mapping of str to object
        By metric.
    repeats : mapping of str to object
        Single scores by metric, from 0.5 on; empty before.
    """

    number: int
    filter: str | None
    index: str
    own: Mapping[str, str]
    doc_hash: str
    content: int
    answers: int
    kept: int
    scores: Mapping[str, object]
    repeats: Mapping[str, object]

    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics to choose from."""
        return tuple(self.repeats or self.scores)


def parse(number: int, line: Mapping[str, object], item_field: str = "") -> Line | None:
    """Take from a line what counts.

    Parameters
    ----------
    number : int
        Of the line.
    line : mapping
        From the file.
    item_field : str
        Field of the document that names the question; where empty, the usual ones are looked for.

    Returns
    -------
    Line or None
        ``None`` where this is no such line.
    """
    index = name_of(line.get("doc_id"))
    given, filtered = line.get("resps"), line.get("filtered_resps")
    if not index or not isinstance(given, list) or not isinstance(filtered, list):
        return None
    named = line.get("metrics")
    if isinstance(named, list):
        names = [name for name in named if isinstance(name, str)]
    else:
        names = [name for name in line if name not in _NO_METRIC]
    document = line.get("doc")
    fields = document if isinstance(document, dict) else {}
    if item_field == _HASH:
        fields = {_HASH: line.get(_HASH)}
    wanted = (item_field,) if item_field else _OWN_IDS
    answers, kept = _answers(given, filtered)
    repeats = line.get(_REPEATS)
    scores = {name: line.get(name) for name in names}
    filter_name = line.get("filter")
    return Line(
        number=number,
        filter=filter_name if isinstance(filter_name, str) else None,
        index=index,
        own={key: name for key in wanted if (name := name_of(fields.get(key)))},
        doc_hash=name_of(line.get(_HASH)),
        content=hash((repr(given), repr(filtered), repr(scores))),
        answers=answers,
        kept=kept,
        scores=scores,
        repeats=repeats if isinstance(repeats, dict) else {},
    )


def _answers(given: Sequence[object], filtered: Sequence[object]) -> tuple[int, int]:
    """Answers of the model, and how many of them the filter kept."""
    first = given[0] if given else None
    if len(given) != 1 or not isinstance(first, list):
        return 1, 1  # one request a choice: likelihoods make one verdict
    answers = max(1, len(first))
    if first and isinstance(first[0], list):
        return answers, 1  # a likelihood and whether it is the greedy continuation
    kept = filtered[0] if len(filtered) == 1 else None
    if isinstance(kept, list):
        return answers, len(kept) if len(kept) in (1, answers) else 0
    return answers, 1


def inner_metric(name: str) -> str:
    """Metric whose single scores a mean of lm-eval 0.5 is of.

    Examples
    --------
    >>> inner_metric("pass@1(exact_match)"), inner_metric("acc")
    ('exact_match', 'acc')
    """
    found = _PASS_OF.fullmatch(name)
    return found[1] if found else name


def counts(line: Line, metric: str) -> tuple[int, int] | str:
    """Trials of one line.

    Parameters
    ----------
    line : Line
    metric : str
        One of ``line.metrics()``.

    Returns
    -------
    tuple of (int, int) or str
        Correct trials and trials; or why there are none, in words.
    """
    if line.repeats:
        single = line.repeats.get(metric)
        found = [outcome(value) for value in single] if isinstance(single, list) else []
        known = [value for value in found if value is not None]
        if not found or len(known) < len(found) or len(found) > MAX_TRIALS:
            return "the scores of the repeats are not all 0 or 1"
        return sum(known), len(known)
    value = line.scores.get(metric)
    if not isinstance(value, bool | int | float):
        return "the score is no number"
    if not line.kept or line.kept > MAX_TRIALS:
        return f"the filter kept neither one nor all of {line.answers} answers"
    at = _PASS_AT.fullmatch(metric)
    if at and int(at[1]) != 1:
        return _from_pass_at(float(value), int(at[1]), line.kept)
    correct = whole_count(value, line.kept)
    if correct is None:
        kept = "one answer was" if line.kept == 1 else f"{line.kept} answers were"
        return f"the score is no share of the {kept} scored: neither 0 nor 1, nor a part of n"
    return correct, line.kept


def _from_pass_at(value: float, k: int, n: int) -> tuple[int, int] | str:
    """Count behind the unbiased pass@k of n answers: 1 - C(n-c, k) / C(n, k)."""
    if value >= 1:
        return f"pass@{k} is 1, which many counts of {n} answers give"
    for correct in range(n - k + 1):
        if abs(1 - comb(n - correct, k) / comb(n, k) - value) < 1e-9:
            return correct, n
    return f"the score is no pass@{k} of {n} answers"
