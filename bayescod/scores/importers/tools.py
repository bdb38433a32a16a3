"""The tools whose logs can be imported, and the import."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol, cast

from bayescod.errors import DataError, Problem, UnknownNameError
from bayescod.progress import SILENCE, Progress
from bayescod.scores.checks import listed, near_fix
from bayescod.scores.importers.merging import merge
from bayescod.scores.importers.names import match, read_names
from bayescod.scores.importers.records import Imported, Log

TOOLS: Final[Mapping[str, str]] = {
    "lm-eval": "lm_eval",
    "inspect": "inspect_ai",
    "helm": "helm",
    "opencompass": "opencompass",
    "evalplus": "evalplus",
    "human-eval": "human_eval",
    "livecodebench": "livecodebench",
    "lighteval": "lighteval",
    "olmes": "olmes",
    "every-eval-ever": "every_eval_ever",
}
COMMON: Final[Mapping[str, str]] = {
    "version": "of the task, where the logs are of several",
    "repeats": "newest: take the newest log of a task and model; all: add their trials up",
}
REPEATS: Final = ("newest", "all")


class Importer(Protocol):
    """A module that reads the logs of one tool."""

    SELECT: Mapping[str, str]

    def read(
        self, paths: Sequence[Path], select: Mapping[str, str], progress: Progress = SILENCE
    ) -> list[Log]:
        """Read logs.

        Parameters
        ----------
        paths : sequence of Path
            Files, or folders that hold them.
        select : mapping of str to str
            Keys of ``SELECT``.
        progress : Progress
            Told of each file.

        Returns
        -------
        list of Log
            In the order of the files.

        Raises
        ------
        DataError
            With every problem found.
        UnknownNameError
            If a choice has no such value.
        """


def importer(tool: str) -> Importer:
    """Module of a tool.

    Parameters
    ----------
    tool : str
        One of `TOOLS`.

    Returns
    -------
    Importer

    Raises
    ------
    UnknownNameError
        If there is no such tool.
    """
    if tool not in TOOLS:
        raise UnknownNameError("tool", tool, TOOLS)
    return cast(Importer, importlib.import_module(f"{__package__}.{TOOLS[tool]}"))


def choices(tool: str) -> dict[str, str]:
    """What can be selected in the logs of a tool: help by key."""
    return {**importer(tool).SELECT, **COMMON}


def import_logs(
    tool: str,
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    select: Mapping[str, str] | None = None,
    models: str | os.PathLike[str] | None = None,
    progress: Progress = SILENCE,
) -> Imported:
    """Read what an evaluation tool wrote, as counts an item and model.

    Nothing is guessed: where a log can be read in several ways, the error names the choice.

    Parameters
    ----------
    tool : str
        ``lm-eval``, ``inspect``, ``helm``, ``opencompass``, ``evalplus``, ``human-eval``,
        ``livecodebench``, ``lighteval``, ``olmes`` or ``every-eval-ever``.
    paths : path or sequence of paths
        Files, or folders that hold them.
    select : mapping of str to str, optional
        Choices, such as ``{"filter": "strict-match"}``; the keys are those of the tool, and
        ``version`` (of the task) and ``repeats`` (``newest`` log of a task and model, the default,
        or ``all`` added up).
    models : str or path-like, optional
        Models table, whose names the models get; its column ``aliases`` has other names,
        separated by semicolons.
    progress : Progress
        Told of each file.

    Returns
    -------
    Imported
        Rows of the scores table, and the account of what was taken and left out.

    Raises
    ------
    DataError
        With every problem of the logs.
    UnknownNameError
        If there is no such tool or choice.
    """
    chosen = dict(select or {})
    known = choices(tool)
    for key in chosen:
        if key not in known:
            raise UnknownNameError("key of --select", key, known)
    version, repeats = chosen.pop("version", None), chosen.get("repeats", REPEATS[0])
    if repeats not in REPEATS:
        raise UnknownNameError("way to treat repeats", repeats, REPEATS)
    several = [paths] if isinstance(paths, str | os.PathLike) else paths
    names = None if models is None else read_names(models)
    logs = importer(tool).read([Path(path) for path in several], chosen, progress)
    if version is not None:
        logs = _of_version(logs, version)
    spelt = {log.model for log in logs if log.n_trials}
    meant = {} if names is None or models is None else match(spelt, names, os.fspath(models))
    return merge(tool, logs, meant, add_up=repeats == "all")


def _of_version(logs: Sequence[Log], version: str) -> list[Log]:
    """The logs with those of other versions of their task emptied."""
    found = sorted({log.version for log in logs if log.version})
    if version not in found:
        raise DataError(
            [
                Problem(
                    "unknown-version",
                    "no log is of this version of its task",
                    got=version,
                    wanted=listed(found) or "logs that say their version",
                    fix=near_fix(version, found) or "leave --select version=... out",
                )
            ]
        )
    of_task = {log.benchmark for log in logs if log.version == version}
    reason = f"not of version {version}"
    return [
        log
        if log.version in ("", version) or log.benchmark not in of_task
        else replace(log, n_trials={}, n_correct={}, document={}, dropped={reason: 0})
        for log in logs
    ]
