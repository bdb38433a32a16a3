"""The result folder of a backtest: tables to read, and a manifest that says they are whole."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np
import pandas as pd

from bayescod.errors import ResultError
from bayescod.evaluation.records import COLUMNS, Backtest
from bayescod.evaluation.summary import by_ratio, summarise_backtest
from bayescod.files import KEPT_FOLDER, require_same_run, write_json, write_manifest, write_text
from bayescod.scores.tables import escaped_cell, plain_cell

_TABLE: Final = "backtest.csv"
_SUMMARY: Final = "summary.json"
_MANIFEST: Final = "manifest.json"
_TEXT: Final = ("benchmark", "model", "method", "status")
# What makes two runs the same: a newer NumPy does not make another run, other data does.
_RUN_PROVENANCE: Final = (
    *("data_digest", "spec_digest", "seed", "methods", "holdouts", "distances"),
    *("anchors", "benchmarks", "smoothing", "eval_trials"),
)
# NaN where a forecast has no numbers; truth and compute are always known.
_MAY_BE_MISSING: Final = set(COLUMNS) - {*_TEXT, "truth", "compute_flops", "compute_ratio"}
_WITHIN_UNIT: Final = (
    *("truth", "mean", "q05", "q10", "q25", "q50", "q75", "q90", "q95"),
    *("crps", "pit"),
)
_STATUSES: Final = ("pass", "review", "fail")
_ROUNDING: Final = 1e-6  # single-precision draws may lie so far outside [0, 1]


def write_backtest(backtest: Backtest, directory: Path, figures: Sequence[str] = ()) -> Path:
    """Write a backtest to its folder; ``manifest.json`` comes last.

    ``backtest.csv`` has one row a (benchmark, held-out LLM, method); ``summary.csv`` and
    ``by_ratio.csv`` are made of it; ``summary.json`` holds both, what was skipped, the warnings
    and the provenance. Names are data: text is quoted (RFC 4180) and never changed.

    Parameters
    ----------
    backtest : Backtest
        What to write.
    directory : Path
        The folder; made where missing. It may be empty or hold the same run.
    figures : sequence of str
        Paths within the folder, with ``/``, of figures that were drawn there just before; the
        manifest lists them too.

    Returns
    -------
    Path
        ``directory``.

    Raises
    ------
    ResultError
        If the folder holds another run or files that are no backtest.
    """
    frame = backtest.frame()
    summary, ratios = summarise_backtest(frame), by_ratio(frame)
    require_free(directory, run_identity(backtest.provenance), figures)
    (directory / _MANIFEST).unlink(missing_ok=True)
    # First, because it tells whose folder this is if the rest is never written.
    write_json(directory / _SUMMARY, _document(backtest, summary, ratios))
    tables = {_TABLE: frame, "summary.csv": summary, "by_ratio.csv": ratios}
    for name, table in tables.items():
        write_text(directory / name, to_csv(table))
    write_manifest(directory, _MANIFEST, [_SUMMARY, *tables, *figures])
    return directory


def read_backtest(path: str | Path) -> pd.DataFrame:
    """Read the rows of a backtest back.

    Parameters
    ----------
    path : str or Path
        A folder that :func:`write_backtest` has written, or a table like its ``backtest.csv``.

    Returns
    -------
    pandas.DataFrame
        The columns of ``backtest.csv`` in its order, then what else the table has, as text.

    Raises
    ------
    ResultError
        If there is no such file, if the run did not finish, if columns are missing, or if a value
        is not what its column wants; all of it is told at once.
    """
    table = Path(path)
    if table.is_dir():
        if not (table / _MANIFEST).is_file():
            msg = f"{table} has no {_MANIFEST}: the backtest did not finish; run it again"
            raise ResultError(msg)
        table = table / _TABLE
    try:
        text = pd.read_csv(table, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        msg = f"{table} cannot be read as CSV ({error}); give the folder of a finished backtest"
        raise ResultError(msg) from error
    names = [name for name in _TEXT if name in text]
    text = text.assign(**{name: text[name].map(plain_cell) for name in names})
    missing = [name for name in COLUMNS if name not in text]
    if missing:
        msg = (
            f"{table} lacks the columns {', '.join(missing)}; got {', '.join(text.columns)}; "
            "give a table that `bayescod backtest` has written"
        )
        raise ResultError(msg)
    numbers = {name: text[name].map(_number).astype(float) for name in COLUMNS if name not in _TEXT}
    problems = [f"  {problem}" for problem in _problems(text, numbers)]
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise ResultError("\n".join([f"{table} has {count}:", *problems]))
    rest = [name for name in text if name not in COLUMNS]
    return text.assign(**numbers)[[*COLUMNS, *rest]]


def to_csv(table: pd.DataFrame) -> str:
    """A table as CSV text: quoted text, numbers without loss, empty where there is no number.

    Parameters
    ----------
    table : pandas.DataFrame

    Returns
    -------
    str
        With Unix line ends. Names that a spreadsheet would run as formulas get a leading
        apostrophe, which :func:`read_backtest` takes off again.
    """
    text = [name for name in _TEXT if name in table]
    safe = table.assign(**{name: table[name].map(escaped_cell) for name in text})
    return str(safe.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n"))


def run_identity(provenance: Mapping[str, str]) -> dict[str, str]:
    """What makes two backtests the same run: digests and options, not versions of packages.

    Parameters
    ----------
    provenance : mapping of str to str
        As in :class:`bayescod.evaluation.records.Backtest`.

    Returns
    -------
    dict
        Only what the provenance states.
    """
    return {key: provenance[key] for key in _RUN_PROVENANCE if key in provenance}


def require_free(directory: Path, run: Mapping[str, str], figures: Sequence[str] = ()) -> None:
    """Make sure that a backtest may write to a folder, before hours are spent on it.

    Parameters
    ----------
    directory : Path
        The folder; it may be missing.
    run : mapping of str to str
        What is known of the run, as in :func:`run_identity`; keys left out are not compared.
    figures : sequence of str
        Paths within the folder that may be there already.

    Raises
    ------
    ResultError
        If the folder holds another run or files that are no backtest.
    """
    if directory.exists() and not directory.is_dir():
        msg = f"{directory} is a file; give another folder"
        raise ResultError(msg)
    ours = {PurePosixPath(path).parts[0] for path in figures}
    entries = list(directory.iterdir()) if directory.is_dir() else []
    if all(
        entry.name.endswith(".partial") or entry.name in {*ours, KEPT_FOLDER} for entry in entries
    ):
        return
    if not (directory / _SUMMARY).is_file():
        msg = f"{directory} holds files that are no backtest; give an empty or a new folder"
        raise ResultError(msg)
    require_same_run(directory, run_identity(_provenance_in(directory / _SUMMARY)), run)


def _provenance_in(path: Path) -> dict[str, str]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read as JSON ({error}); run the backtest into another folder"
        raise ResultError(msg) from error
    provenance = document.get("provenance") if isinstance(document, dict) else None
    if not isinstance(provenance, dict):
        msg = f"{path} has no provenance of a backtest; run the backtest into another folder"
        raise ResultError(msg)
    return provenance


def _number(cell: str) -> float:
    """The number in a cell; NaN where it is empty or holds something else."""
    try:
        return float(cell or "nan")
    except ValueError:
        return math.nan


def _problems(text: pd.DataFrame, numbers: Mapping[str, pd.Series]) -> Iterator[str]:
    """The first wrong value of each column: row, got, wanted."""
    for name, values in numbers.items():
        wanted, wrong = "a finite number", ~np.isfinite(values)
        if name in _WITHIN_UNIT:
            wanted = "a score in [0, 1]"
            wrong |= (values < -_ROUNDING) | (values > 1.0 + _ROUNDING)
        elif name.startswith("compute"):
            wanted, wrong = "a positive number", wrong | (values <= 0.0)
        if name in _MAY_BE_MISSING:
            wanted, wrong = f"{wanted}, or nothing", wrong & (text[name] != "")
        yield from _first(text[name], wrong, wanted)
    yield from _first(text["status"], ~text["status"].isin(_STATUSES), " or ".join(_STATUSES))


def _first(cells: pd.Series, wrong: pd.Series, wanted: str) -> Iterator[str]:
    if wrong.any():
        row = int(np.argmax(wrong))
        yield f"column {cells.name}, row {row + 1}: got {cells.iloc[row]!r}; wanted {wanted}"


def _document(backtest: Backtest, summary: pd.DataFrame, ratios: pd.DataFrame) -> dict[str, object]:
    return {
        "schema_version": 1,
        "intervals": "90 %, equal-tailed; forecasts of one held-out LLM taken as alike",
        "provenance": dict(backtest.provenance),
        "warnings": list(backtest.warnings),
        "skipped": [
            {"method": method, "benchmark": benchmark, "reason": reason}
            for method, benchmark, reason in backtest.skipped
        ],
        "seconds": dict(backtest.seconds),
        "summary": _records(summary),
        "by_ratio": _records(ratios),
    }


def _records(table: pd.DataFrame) -> list[dict[str, object]]:
    """Rows as JSON knows them: ``None`` for what is not finite."""
    return [
        {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in record.items()
        }
        for record in table.to_dict("records")
    ]
