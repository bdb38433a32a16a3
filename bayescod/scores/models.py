"""The models table: one row an LLM, with its training compute."""

# ruff: noqa: S608 -- values travel as parameters, the SQL is put together from own fragments

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayescod.errors import Problem
from bayescod.scores.checks import capped, listed, missing_column, near_fix, place, shown
from bayescod.scores.database import literal
from bayescod.scores.records import FLOPS_PER_PARAM_TOKEN, LLMTable
from bayescod.scores.tables import Table

if TYPE_CHECKING:
    import duckdb

_READ = ("model", "compute_flops", "params", "tokens", "loss", "family", "run", "role")
COLUMNS = (*_READ, "aliases")
"""What the table may have; ``aliases`` is read where logs are imported."""
ROLES = ("ladder", "anchor", "target")
_NUMBERS = ("compute_flops", "params", "tokens", "loss")


@dataclass(frozen=True, slots=True)
class ModelsFile:
    """What the models table says.

    Attributes
    ----------
    llms : LLMTable
        Its rows; rows with problems hold NaN.
    problems : tuple of Problem
        What is wrong.
    filled : tuple of str
        LLMs whose compute is 6ND.
    """

    llms: LLMTable
    problems: tuple[Problem, ...]
    filled: tuple[str, ...]


def read_models(connection: duckdb.DuckDBPyConnection, table: Table) -> ModelsFile:
    """Read and check the models table.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        From `locked_database`.
    table : Table
        Opened with `COLUMNS`.

    Returns
    -------
    ModelsFile
        Every problem of the file is in it; nothing is raised.
    """
    picked = ", ".join(f"{table.text(name)} AS {name}" for name in _READ)
    rows = connection.execute(
        f"SELECT row_id, {picked} FROM {table.numbered} ORDER BY row_id",
        {"path": literal(table.path)},
    ).fetchall()
    fields = {name: [row[i + 1] for row in rows] for i, name in enumerate(_READ)}
    ids = [row[0] for row in rows]
    problems = _column_problems(table)
    problems += capped(_name_problems(table, ids, fields["model"]) if rows else ())
    numbers: dict[str, list[float]] = {}
    for name in _NUMBERS:
        numbers[name], wrong = _positive_numbers(table, name, ids, fields[name])
        problems += capped(wrong)
    roles = [(role or "ladder").strip().lower() for role in fields["role"]]
    problems += capped(_role_problems(table, ids, roles, fields["role"]))
    names = tuple(name or "" for name in fields["model"])
    given = np.array(numbers["compute_flops"], dtype=np.float64)
    params = np.array(numbers["params"], dtype=np.float64)
    tokens = np.array(numbers["tokens"], dtype=np.float64)
    estimate = FLOPS_PER_PARAM_TOKEN * params * tokens
    fill = np.isnan(given) & ~np.isnan(estimate)
    llms = LLMTable(
        name=names,
        compute_flops=np.where(fill, estimate, given),
        params=params,
        tokens=tokens,
        loss=np.array(numbers["loss"], dtype=np.float64),
        family=tuple(family or "" for family in fields["family"]),
        run=tuple(run or name for run, name in zip(fields["run"], names, strict=True)),
        role=tuple(roles),
    )
    filled = tuple(name for name, is_filled in zip(names, fill, strict=True) if is_filled)
    return ModelsFile(llms, tuple(problems), filled)


def filled_warning(table: Table, filled: Sequence[str]) -> Problem:
    """Warning that compute was computed and not given."""
    return Problem(
        "compute-filled",
        f"compute of {len(filled)} model{'s' if len(filled) != 1 else ''} is 6 x params x tokens",
        file=place(table.label),
        column="compute_flops",
        got=listed(filled),
        fix="give compute_flops where it is known",
    )


def _column_problems(table: Table) -> list[Problem]:
    has = set(table.columns)
    problems = []
    if "model" not in has:
        problems.append(missing_column(table.label, "model", table.unknown))
    if "compute_flops" not in has and not {"params", "tokens"} <= has:
        fix = "give compute_flops (training FLOPs), or both params and tokens"
        problems.append(missing_column(table.label, "compute_flops", table.unknown, fix))
    return problems


def _name_problems(table: Table, ids: Sequence[int], names: Sequence[str | None]) -> list[Problem]:
    if "model" not in table.columns:
        return []
    problems = [
        Problem(
            "missing-value",
            "a row has no model",
            file=place(table.label),
            row=row,
            column="model",
            got="nothing",
            wanted="a name",
            fix="fill it in or remove the row",
        )
        for row, name in zip(ids, names, strict=True)
        if name is None
    ]
    twice = {name: n for name, n in Counter(names).items() if name is not None and n > 1}
    return problems + [
        Problem(
            "duplicate-model",
            f"a model has {count} rows",
            file=place(table.label),
            row=[row for row, other in zip(ids, names, strict=True) if other == name][1],
            column="model",
            got=shown(name),
            wanted="one row a model",
            fix="keep one row; checkpoints of one training run share `run`, not `model`",
        )
        for name, count in twice.items()
    ]


def _positive_numbers(
    table: Table, column: str, ids: Sequence[int], texts: Sequence[str | None]
) -> tuple[list[float], list[Problem]]:
    """Parse a column of positive finite numbers; NaN where blank or wrong."""
    unit = " FLOP" if column == "compute_flops" else ""
    values: list[float] = []
    problems: list[Problem] = []
    for row, text in zip(ids, texts, strict=True):
        value, code, what = _positive_number(text)
        values.append(value)
        if code:
            problems.append(
                Problem(
                    code,
                    f"{column} is {what}",
                    file=place(table.label),
                    row=row,
                    column=column,
                    got=shown(text),
                    wanted=f"a finite number{unit} above 0, as 3.2e23",
                    fix="leave it empty where it is unknown",
                )
            )
    return values, problems


def _positive_number(text: str | None) -> tuple[float, str, str]:
    if text is None:
        return math.nan, "", ""
    try:
        value = float(text)
    except ValueError:
        return math.nan, "not-a-number", "not a number"
    if not math.isfinite(value):
        return math.nan, "not-finite", "NaN or infinite"
    if value <= 0:
        return math.nan, "not-positive", "zero or negative"
    return value, "", ""


def _role_problems(
    table: Table, ids: Sequence[int], roles: Sequence[str], texts: Sequence[str | None]
) -> list[Problem]:
    return [
        Problem(
            "unknown-role",
            "a role does not exist",
            file=place(table.label),
            row=row,
            column="role",
            got=shown(text),
            wanted=", ".join(ROLES),
            fix=near_fix(role, ROLES) or "leave it empty for ladder",
        )
        for row, role, text in zip(ids, roles, texts, strict=True)
        if role not in ROLES
    ]
