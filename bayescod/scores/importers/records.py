"""What an importer finds in a log, and the account that it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

OLDER: Final = "an older log of the same task and model"  # why a log is left out


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """Trials of one model on one task, as one log holds them.

    A log that may not be used, as of a run that failed, has no items and says why in `dropped`.

    Attributes
    ----------
    benchmark : str
        The task's name.
    model : str
        As the tool spells it.
    source : str
        The file, as shown to the user.
    finished : str
        When the run ended, in a form that sorts by time within a tool (ISO 8601); empty where the
        log does not say.
    n_trials : mapping of str to int
        By item, at least 1.
    n_correct : mapping of str to int
        Of the same items, from 0 to ``n_trials``.
    version : str
        Of the task (its version, hash or configuration), to be alike for all logs of a benchmark;
        empty where the log does not say.
    document : mapping of str to str
        Hash of the question by item, where the log has it: an index means the same question in
        two logs only where these agree.
    dropped : mapping of str to int
        Lines (or samples) that were left out, by reason in words; 0 for the whole log.
    seed : str
        Of the run; runs of one seed are no repeats of each other. Empty where the log does not say.
    not_binary : int
        Scores read that are neither 0 nor 1, as the mean over repeats that a count was made of.
    """

    benchmark: str
    model: str
    source: str
    finished: str
    n_trials: Mapping[str, int]
    n_correct: Mapping[str, int]
    version: str = ""
    document: Mapping[str, str] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    seed: str = ""
    not_binary: int = 0


class Row(NamedTuple):
    """One row of the scores table."""

    benchmark: str
    item_id: str
    model: str
    n_trials: int
    n_correct: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken of one model on one benchmark.

    Attributes
    ----------
    benchmark : str
    model : str
        As the scores table has it.
    spelt : str
        As the log has it.
    source : str
        The log.
    n_items : int
    n_missing : int
        Items that other models have on this benchmark and this one lacks.
    trials : tuple of (int, float, int)
        Smallest, median and largest number of trials an item.
    n_correct : int
        Over all items.
    n_trials : int
        Over all items.
    not_binary : int
        Scores in the log that are neither 0 nor 1 and that became counts.
    """

    benchmark: str
    model: str
    spelt: str
    source: str
    n_items: int
    n_missing: int
    trials: tuple[int, float, int]
    n_correct: int
    n_trials: int
    not_binary: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was left out of one log.

    Attributes
    ----------
    source : str
        The log.
    lines : int
        Lines or samples; 0 for the whole log.
    reason : str
        In words.
    """

    source: str
    lines: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """Counts from the logs of one tool, and the account of how they came about.

    Attributes
    ----------
    tool : str
        Name of the tool.
    rows : tuple of Row
        Sorted by benchmark, item and model; every benchmark, item and model once.
    taken : tuple of Taken
        Sorted by benchmark and model.
    dropped : tuple of Dropped
        Sorted by log.
    files : tuple of str
        The files that were read, sorted.
    renamed : mapping of str to str
        The models table's name by the log's, where they differ.
    """

    tool: str
    rows: tuple[Row, ...]
    taken: tuple[Taken, ...]
    dropped: tuple[Dropped, ...]
    files: tuple[str, ...]
    renamed: Mapping[str, str]
