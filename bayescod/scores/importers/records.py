"""What an importer finds in a log, and the account that it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """Trials of one model on one task, as one log holds them.

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
        Lines (or samples) that were left out, by reason in words.
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
