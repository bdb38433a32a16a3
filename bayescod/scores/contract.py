"""The column contract of the scores table: legal forms, and columns typed for checks."""

from __future__ import annotations

from collections.abc import Sequence

from bayescod.errors import Problem
from bayescod.scores.checks import missing_column, near, place
from bayescod.scores.tables import Table

COLUMNS = (
    "benchmark",
    "item_id",
    "model",
    "checkpoint",
    "n_trials",
    "n_correct",
    "trial",
    "correct",
    "score",
    "chance",
)
_KEYS = "benchmark, item_id, model, checkpoint"
_WHOLE = "a whole number"
_SHARE = "a share in [0, 1]"
_NUMBERS = ("n_trials", "n_correct", "correct", "score", "chance")


def column_problems(table: Table) -> list[Problem]:
    """Columns that are missing or contradict each other.

    Parameters
    ----------
    table : Table
        The scores table, opened with `COLUMNS`.

    Returns
    -------
    list of Problem
        Empty if the table has one of the legal forms: counts, one row a trial, or soft scores.
    """
    has, label = set(table.columns), table.label
    absent = [name for name in ("benchmark", "model") if name not in has]
    if "item_id" not in has and near("item_id", table.unknown, 0.7):
        absent.append("item_id")  # a misspelling would silently make a benchmark-level table
    absent += [
        needed
        for given, needed in (("n_correct", "n_trials"), ("correct", "trial"), ("trial", "correct"))
        if given in has and needed not in has
    ]
    problems = [
        missing_column(label, name, table.unknown, "number the trials" * (name == "trial"))
        for name in absent
    ]
    if not has & {"n_correct", "correct", "trial", "score"}:
        problems.append(
            missing_column(
                label,
                "n_correct",
                table.unknown,
                "give n_trials and n_correct, or trial and correct (0/1), or score",
            )
        )
    if "correct" in has and has & {"n_correct", "n_trials", "score"}:
        clash = sorted(has & {"n_correct", "n_trials", "score"})
        problems.append(
            Problem(
                "ambiguous-columns",
                "the file has single trials (correct) and counts or scores as well",
                file=place(label),
                column="correct",
                got=f"correct and {', '.join(clash)}",
                wanted="one form",
                fix="keep either correct or the other columns",
            )
        )
    return problems


def typed(table: Table, columns: Sequence[str] = COLUMNS) -> str:
    """SQL columns on which the checks look.

    Parameters
    ----------
    table : Table
        Any table opened with names of `COLUMNS`.
    columns : sequence of str
        The columns wanted; NULL where the table lacks one.

    Returns
    -------
    str
        Names as text (NULL where blank), numbers as doubles, and ``raw_`` texts of the numbers.
    """
    parts: list[str] = []
    for name in columns:
        if name not in _NUMBERS:
            parts.append(f"{table.text(name)} AS {name}")
            continue
        number = table.number(name)
        if name == "correct" and name in table.columns and name not in table.numeric:
            number = (
                "CASE lower(trim(correct)) WHEN 'true' THEN 1 WHEN 'false' THEN 0 "
                f"ELSE {number} END"
            )
        parts += [f"{number} AS {name}", f"{table.text(name)} AS raw_{name}"]
    if "trial" in columns:
        parts.append(f"{table.number('trial')} AS trial_number")
    return ", ".join(parts)
