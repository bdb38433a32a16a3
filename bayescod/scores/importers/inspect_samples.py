"""One sample of an Inspect log: its verdict, and the epochs of an item put together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bayescod.scores.checks import listed, shown
from bayescod.scores.importers.counting import Tally
from bayescod.scores.importers.findings import Findings
from bayescod.scores.importers.values import MAX_TRIALS, digest_of, name_of

PARTIAL: Final = ("wrong", "right", "drop")
_LETTERS: Final = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
_WORDS: Final = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_HASHED: Final = 500  # characters of a question; summaries cut longer texts


@dataclass(frozen=True, slots=True)
class Sample:
    """One epoch of one item.

    Attributes
    ----------
    item : str
    numbered : bool
        Whether the id is a number, which the tool may have made up.
    epoch : int
        From 1.
    scores : mapping of str to object
        Values by scorer.
    no_trial : str
        Why this is no trial; empty where it is one.
    question : str
        Beginning of what was asked.
    """

    item: str
    numbered: bool
    epoch: int
    scores: Mapping[str, object]
    no_trial: str
    question: str


def sample_of(content: object) -> Sample | None:
    """Take from a sample, or its summary, what counts.

    Parameters
    ----------
    content : object
        From the log.

    Returns
    -------
    Sample or None
        ``None`` where this is no sample.
    """
    if not isinstance(content, dict):
        return None
    item, epoch = name_of(content.get("id")), content.get("epoch")
    if not item or isinstance(epoch, bool) or not isinstance(epoch, int):
        return None
    scores = content.get("scores") or {}
    if not 1 <= epoch <= MAX_TRIALS or not isinstance(scores, dict):
        return None
    values = {name: score.get("value") for name, score in scores.items() if isinstance(score, dict)}
    why = ""
    if not values:
        failed = content.get("error") is not None
        why = "sample that ended with an error" if failed else "sample without a score"
    elif content.get("invalidation") is not None:
        why = "sample that was invalidated"
    elif content.get("completed") is False:
        why = "sample that was not completed"
    return Sample(
        item=item,
        numbered=not isinstance(content["id"], str),
        epoch=epoch,
        scores=values,
        no_trial=why,
        question=_question(content.get("input")),
    )


def _question(asked: object) -> str:
    """Beginning of the text of a question, alike in a sample and in its summary."""
    texts: list[str] = []
    for message in asked if isinstance(asked, list) else [asked]:
        content = message.get("content") if isinstance(message, dict) else message
        for part in content if isinstance(content, list) else [content]:
            text = part.get("text") if isinstance(part, dict) else part
            if isinstance(text, str):
                texts.append(text[:_HASHED])
    return "\n".join(texts)


def number_of(value: object) -> float | None:
    """Number that a value stands for in Inspect.

    Parameters
    ----------
    value : object

    Returns
    -------
    float or None
        NaN where the sample is unscored; ``None`` where the value stands for no number.

    Examples
    --------
    >>> number_of("C"), number_of("P"), number_of("No"), number_of(True), number_of("0.25")
    (1.0, 0.5, 0.0, 1.0, 0.25)
    >>> number_of("A") is None
    True
    """
    if value is None:
        return math.nan
    if isinstance(value, bool | int | float):
        return float(value) if abs(value) < MAX_TRIALS or value != value else None
    if not isinstance(value, str):
        return None
    if value in _LETTERS:
        return _LETTERS[value]
    if value.lower() in _WORDS:
        return _WORDS[value.lower()]
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


class Epochs:
    """Verdicts by item and epoch, a bit each."""

    def __init__(self) -> None:
        self._asked: dict[str, int] = {}
        self._right: dict[str, int] = {}
        self._document: dict[str, str] = {}

    def add(self, sample: Sample, right: bool) -> str:
        """Note a verdict.

        Parameters
        ----------
        sample : Sample
        right : bool

        Returns
        -------
        str
            ``new``; ``same`` where this epoch was there with the same verdict; ``other`` where it
            was there with another one.
        """
        item, bit = sample.item, 1 << sample.epoch
        asked = self._asked.get(item, 0)
        if asked & bit:
            return "same" if bool(self._right[item] & bit) is right else "other"
        self._asked[item] = asked | bit
        self._right[item] = self._right.get(item, 0) | (bit if right else 0)
        if sample.numbered and item not in self._document:
            self._document[item] = digest_of(sample.question)
        return "new"

    def counts(self) -> list[tuple[str, int, int, str]]:
        """Item, right epochs, epochs and hash of the question where the item is a number."""
        return [
            (item, self._right[item].bit_count(), asked.bit_count(), self._document.get(item, ""))
            for item, asked in self._asked.items()
        ]


class Reader:
    """Verdicts of one log's samples, by the scorer and metric chosen or the only ones there are.

    Parameters
    ----------
    path : Path
        Of the log.
    select : mapping
        What the user chose: ``scorer``, ``metric``, ``partial``.
    findings : Findings
        Gets what is wrong.

    Attributes
    ----------
    stopped : bool
        Whether a choice is missing, so that there is no use in reading on.
    """

    def __init__(self, path: Path, select: Mapping[str, str], findings: Findings) -> None:
        self.stopped = False
        self._path = path
        self._scorer = select.get("scorer")
        self._metric = select.get("metric")
        self._partial = select.get("partial")
        self._findings = findings
        self._seen: set[str] = set()
        self._used = False

    def verdict(self, sample: Sample, row: int, tally: Tally) -> bool | str | None:
        """Verdict of a sample.

        Parameters
        ----------
        sample : Sample
        row : int
            Of the sample in the log, from 1.
        tally : Tally
            Counts partial credit.

        Returns
        -------
        bool or str or None
            Text says why the sample is no trial, ``None`` that a problem was found.
        """
        self._seen.update(sample.scores)
        scorer = self._scorer
        if scorer is None:
            if len(self._seen) > 1:
                self._stop("scorer", self._seen)
                return None
            scorer = next(iter(sample.scores))
        if scorer not in sample.scores:
            return f"sample without a score of {shown(scorer)}"
        self._used = True
        value = sample.scores[scorer]
        if isinstance(value, dict):
            if self._metric is not None and self._metric in value:
                value = value[self._metric]
            elif self._metric is None and len(value) == 1:
                value = next(iter(value.values()))
            else:
                self._stop("metric", value)
                return None
        number = number_of(value)
        if number is None or not (math.isnan(number) or 0 <= number <= 1):
            self._findings.add(
                self._path,
                "no-verdict",
                "a value says neither right nor wrong",
                row=row,
                column=scorer,
                got=value,
                wanted="C, I, P, N, a bool or a number from 0 to 1",
                fix="choose another scorer or metric, or score again with letters of Inspect's own",
            )
            return None
        if math.isnan(number):
            return "sample that was not scored (NaN)"
        if number in (0, 1):
            return number == 1
        tally.not_binary += 1
        return self._of_partial(number, row, scorer)

    def _of_partial(self, number: float, row: int, scorer: str) -> bool | str | None:
        if self._partial is None:
            self._findings.add(
                self._path,
                "partial-credit",
                "a sample has partial credit, which no count can hold",
                row=row,
                column=scorer,
                got=number,
                wanted="0 or 1",
                fix="say what it is with --select partial=wrong, partial=right or partial=drop",
            )
            return None
        return "partial credit" if self._partial == "drop" else self._partial == "right"

    def _stop(self, key: str, names: Iterable[str]) -> None:
        self.stopped = True
        wish = self._scorer if key == "scorer" else self._metric
        known = sorted(names)
        self._findings.add(
            self._path,
            f"several-{key}s" if wish is None else f"unknown-{key}",
            f"the log has several {key}s, and each gives other counts"
            if wish is None
            else f"the log has no {key} {shown(wish)}",
            got=listed(known, 12),
            fix=f"choose one with --select {key}={shown(known[0]) if known else '...'}",
        )

    def settle(self) -> None:
        """Note a chosen scorer that no sample has."""
        if self._scorer is not None and self._seen and not self._used:
            self._stop("scorer", self._seen)
