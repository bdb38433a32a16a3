"""``bayescod import``: from the logs of an evaluation tool to a scores table."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bayescod.errors import ResultError
from bayescod.files import sha256_of, write_json
from bayescod.reporting.imports import show_import
from bayescod.reporting.progress import progress_reporter
from bayescod.reporting.terminal import console_for
from bayescod.scores.importers.tools import choices, import_logs
from bayescod.scores.importers.writing import account, require_new, write_scores


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the user asked for.

    Attributes
    ----------
    tool : str
    paths : tuple of Path
        Logs, or folders of them.
    select : tuple of str
        Choices as ``KEY=VALUE``.
    models : Path or None
        Models table whose names the models get.
    out : Path
        The scores table to write.
    quiet : bool
        Show no progress.
    """

    tool: str
    paths: tuple[Path, ...]
    select: tuple[str, ...]
    models: Path | None
    out: Path
    quiet: bool


def run_import(options: ImportOptions) -> None:
    """Import logs, write the scores table and the account beside it, and show the account.

    Parameters
    ----------
    options : ImportOptions

    Raises
    ------
    DataError
        With every problem of the logs.
    ResultError
        If a file would be overwritten, or a choice has no value.
    UnknownNameError
        If there is no such tool, choice or kind of table.
    """
    select = _selected(options.tool, options.select)
    beside = options.out.with_name(f"{options.out.name}.import.json")
    require_new(options.out)
    if beside.exists():
        msg = f"{beside} is there already; give another name or remove it"
        raise ResultError(msg)
    with progress_reporter(options.quiet) as progress:
        imported = import_logs(options.tool, options.paths, select, options.models, progress)
    write_scores(imported.rows, options.out)
    told = account(imported, select)
    told["scores"] = {"path": options.out.name, "sha256": sha256_of(options.out)}
    write_json(beside, told)
    console = console_for(sys.stdout)
    show_import(imported, console)
    console.print(
        f"Written: {shlex.quote(str(options.out))}, and this account as {shlex.quote(str(beside))}",
        soft_wrap=True,
    )


def _selected(tool: str, pairs: Sequence[str]) -> dict[str, str]:
    known = choices(tool)
    select: dict[str, str] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not (sign and key and value):
            listed = "; ".join(f"{name}: {what}" for name, what in known.items())
            msg = f"--select {pair} is no KEY=VALUE; keys of {tool}: {listed}"
            raise ResultError(msg)
        if select.setdefault(key, value) != value:
            msg = f"--select {key}=... is given twice"
            raise ResultError(msg)
    return select
