"""Names of models as evaluation tools spell them, matched to those of the models table."""

# ruff: noqa: S608 -- the SQL is put together from the package's own fragments

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from bayescod.errors import DataError, Problem
from bayescod.scores.checks import LISTED, capped, listed, missing_column, near, place, shown
from bayescod.scores.database import (
    UnusableFile,
    existing_file,
    literal,
    locked_database,
    unreadable,
)
from bayescod.scores.tables import open_table

COLUMNS: Final = ("model", "aliases")
_SEPARATORS: Final = re.compile(r"[/\\_\-\s:]+")
_PARTS: Final = re.compile(r"/|\\|--|__")
_HUB: Final = "-hf"  # the suffix of weights in the form of one popular library


def read_names(models: str | os.PathLike[str]) -> dict[str, tuple[str, ...]]:
    """Read the names of a models table.

    Parameters
    ----------
    models : str or path-like
        Table with ``model`` and optionally ``aliases``, other names separated by semicolons.

    Returns
    -------
    dict of str to tuple of str
        Aliases by model.

    Raises
    ------
    DataError
        If the table cannot be read or has no models.
    """
    import duckdb

    label = os.fspath(models)
    try:
        path = existing_file(label, "models")
        with locked_database([path]) as connection:
            table = open_table(connection, path, label, COLUMNS)
            if "model" not in table.columns:
                raise DataError([missing_column(label, "model", table.unknown)])
            rows = connection.execute(
                f"SELECT {table.text('model')}, {table.text('aliases')} FROM {table.relation}",
                {"path": literal(path)},
            ).fetchall()
    except UnusableFile as unusable:
        raise DataError([unusable.problem]) from unusable
    except duckdb.Error as error:
        raise DataError([unreadable(label, error)]) from error
    return {
        model: tuple(alias.strip() for alias in (aliases or "").split(";") if alias.strip())
        for model, aliases in rows
        if model is not None
    }


def match(spelt: Iterable[str], known: Mapping[str, Sequence[str]], label: str) -> dict[str, str]:
    """Find the models that names mean.

    A name means the model of exactly that name or alias; else one that differs in case or
    separators only (``org/name``, ``org__name``, ``org--name``, ``org_name``); else one that has
    more or fewer leading parts (``provider/org/name``); else one without ``-hf`` at its end.

    Parameters
    ----------
    spelt : iterable of str
        Names in logs.
    known : mapping of str to sequence of str
        Aliases by model, from :func:`read_names`.
    label : str
        The models table, for messages.

    Returns
    -------
    dict of str to str
        Model by name.

    Raises
    ------
    DataError
        If a name means no model or several; every such name, with near ones.

    Examples
    --------
    >>> match(["openai/Org/Toy-1B", "org--toy-7b"], {"org/toy-1B": (), "toy-7B": ()}, "models.csv")
    {'openai/Org/Toy-1B': 'org/toy-1B', 'org--toy-7b': 'toy-7B'}
    """
    by_name: dict[str, set[str]] = defaultdict(set)
    for model, aliases in known.items():
        for name in (model, *aliases):
            by_name[name].add(model)
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for name in sorted(set(spelt)):
        meant = _meant(name, by_name)
        if len(meant) == 1:
            found[name] = next(iter(meant))
        else:
            told = known if len(problems) < LISTED else {}  # near names of the others are not shown
            problems.append(_problem(name, sorted(meant), told, label))
    if problems:
        raise DataError(capped(problems))
    return found


def _meant(name: str, by_name: Mapping[str, set[str]]) -> set[str]:
    """Models that a name means, by the strictest way of reading it that gives any."""
    if name in by_name:
        return by_name[name]
    # Leading parts may be missing on one side only: two organisations have two models.
    ways = ((_plain, _plain), (_tails, _plain), (_plain, _tails))
    hubless = tuple((_without_hub(of_log), _without_hub(of_table)) for of_log, of_table in ways)
    for of_log, of_table in (*ways, *hubless):
        wanted = of_log(name)
        meant = {
            model
            for other, models in by_name.items()
            if wanted & of_table(other)
            for model in models
        }
        if meant:
            return meant
    return set()


def _plain(name: str) -> set[str]:
    return {_SEPARATORS.sub("-", name.casefold()).strip("-")}


def _tails(name: str) -> set[str]:
    """Plain forms of a name without its leading parts."""
    parts = [part for part in _PARTS.split(name) if part]
    return {form for start in range(len(parts)) for form in _plain("/".join(parts[start:]))}


def _without_hub(forms: Callable[[str], set[str]]) -> Callable[[str], set[str]]:
    return lambda name: {form.removesuffix(_HUB) for form in forms(name)}


def _problem(
    name: str, meant: Sequence[str], known: Mapping[str, Sequence[str]], label: str
) -> Problem:
    if meant:
        return Problem(
            "ambiguous-model",
            "a log's model may be several of the table's",
            file=place(label),
            column="model",
            got=shown(name),
            wanted=listed(meant),
            fix="give the name in the logs as an alias of one (column aliases)",
        )
    hits = near(name, known) or near(_PARTS.split(name)[-1], known)
    return Problem(
        "unknown-model",
        "a log's model is not in the models table",
        file=place(label),
        column="model",
        got=shown(name),
        wanted=listed(sorted(known)),
        fix=(f"did you mean {', '.join(shown(hit) for hit in hits)}? " if hits else "")
        + "give the name as an alias (column aliases, separated by ;), or leave its logs out",
    )
