"""Variants of a forecast as data: what is edited in its specs, or left out of its ladder."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from bayescod.errors import SpecError, UnknownNameError
from bayescod.forecasting.spec_sets import Specs
from bayescod.specs import Spec, parse_spec


@dataclass(frozen=True, slots=True)
class Edit:
    """One entry of every spec of a program, changed.

    Attributes
    ----------
    program : str
        ``clusters``, ``single_curve`` or ``mapping``.
    entry : str
        Where in the TOML file, for example ``filter.a_min`` or ``priors.b.scale``. Specs of the
        program that have no such entry stay as they are.
    how : str
        ``set``, ``times`` or ``plus``.
    value : int or float
    """

    program: str
    entry: str
    how: str
    value: int | float


@dataclass(frozen=True, slots=True)
class Variant:
    """One other way to make a forecast.

    Attributes
    ----------
    name : str
        Its row in the table.
    group : str
        ``clustering``, ``filter``, ``mapping``, ``priors`` or ``llms``, or one of your own.
    edits : tuple of Edit
        Of the specs.
    drop : tuple of str
        LLMs to leave out.
    anchors : bool
        Whether anchors are used.
    """

    name: str
    group: str
    edits: tuple[Edit, ...] = ()
    drop: tuple[str, ...] = ()
    anchors: bool = True


def _clusters(name: str, group: str, entry: str, how: str, value: float) -> Variant:
    return Variant(name, group, (Edit("clusters", entry, how, value),))


def _scaled(name: str, *sites: tuple[str, str, str, float]) -> tuple[Variant, Variant]:
    """What a prior expects doubled and halved: program, entry, how and power a site.

    ``plus`` moves the log that a log-normal has for its location, ``times`` a scale (power 1) or
    the rate of a gamma (power -1).
    """

    def one(label: str, factor: float) -> Variant:
        edits = [
            Edit(program, entry, how, math.log(factor) if how == "plus" else factor**power)
            for program, entry, how, power in sites
        ]
        return Variant(f"{name} {label}", "priors", tuple(edits))

    return one("× 2", 2.0), one("× 0.5", 0.5)


# The thresholds are those of arXiv 2502.17262v4, Table A1.
VARIANTS: Final[tuple[Variant, ...]] = (
    _clusters("radius quantile × 0.5", "clustering", "clustering.quantile", "times", 0.5),
    _clusters("radius quantile × 2", "clustering", "clustering.quantile", "times", 2.0),
    _clusters("largest radius × 0.5", "clustering", "clustering.max_radius_fraction", "times", 0.5),
    _clusters("largest radius × 2", "clustering", "clustering.max_radius_fraction", "times", 2.0),
    _clusters("clusters of 5 or more", "clustering", "clustering.min_cluster_size", "set", 5),
    _clusters("clusters of 20 or more", "clustering", "clustering.min_cluster_size", "set", 20),
    _clusters("a > 0.5", "filter", "filter.a_min", "set", 0.5),
    _clusters("b > 0.05", "filter", "filter.b_min", "set", 0.05),
    _clusters("c < 0.5", "filter", "filter.c_max", "set", 0.5),
    Variant(
        "no thresholds on a, b, c",
        "filter",
        (
            Edit("clusters", "filter.a_min", "set", 1e-9),
            Edit("clusters", "filter.b_min", "set", 0.0),
            Edit("clusters", "filter.c_max", "set", 1e9),
        ),
    ),
    _clusters("growth of 1 % or more", "filter", "filter.min_growth", "set", 0.01),
    _clusters("growth of 5 % or more", "filter", "filter.min_growth", "set", 0.05),
    Variant("cubic", "mapping", (Edit("mapping", "degree", "set", 3),)),
    Variant("quintic", "mapping", (Edit("mapping", "degree", "set", 5),)),
    *_scaled(
        "exponent b",
        ("clusters", "priors.b_loc.loc", "plus", 1.0),
        ("single_curve", "priors.b.scale", "times", 1.0),
    ),
    *_scaled(
        "ceiling c",
        ("clusters", "priors.c_scale.loc", "plus", 1.0),
        ("single_curve", "priors.c.scale", "times", 1.0),
    ),
    *_scaled(
        "spread",
        ("clusters", "priors.spread.loc", "plus", 1.0),
        ("single_curve", "priors.spread.loc", "plus", 1.0),
    ),
    *_scaled("run scale", ("clusters", "priors.run_scale.rate", "times", -1.0)),
    *_scaled(
        "walk scale",
        ("clusters", "priors.walk_scale.rate", "times", -1.0),
        ("single_curve", "priors.walk_scale.rate", "times", -1.0),
    ),
    *_scaled(
        "drift",
        ("clusters", "priors.drift.loc", "plus", 1.0),
        ("single_curve", "priors.drift.loc", "plus", 1.0),
    ),
    Variant("without anchors", "llms", anchors=False),
)
"""The variants that ship; :func:`variants_of` adds each ladder LLM left out in turn."""

GROUPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "clustering": "how questions are grouped",
        "filter": "which clusters are extrapolated",
        "mapping": "degree of the map from subset to benchmark",
        "priors": "priors of both programs",
        "llms": "which LLMs speak",
    }
)
"""The groups of the shipped variants, in the table's order."""


def variants_of(
    chosen: Sequence[Variant | str] | None, ladder: Sequence[str]
) -> tuple[Variant, ...]:
    """The variants that a choice stands for.

    Parameters
    ----------
    chosen : sequence of Variant or str, or None
        Own variants, and names of :data:`GROUPS` for the shipped ones; all shipped where ``None``.
    ladder : sequence of str
        LLMs to be left out in turn, group ``llms``.

    Returns
    -------
    tuple of Variant

    Raises
    ------
    UnknownNameError
        If a group does not exist.
    SpecError
        If two variants have one name.
    """
    shipped = (*VARIANTS, *(Variant(f"without {name}", "llms", drop=(name,)) for name in ladder))
    found: list[Variant] = []
    for one in GROUPS if chosen is None else chosen:
        if isinstance(one, Variant):
            found.append(one)
        elif one in GROUPS:
            found += [variant for variant in shipped if variant.group == one]
        else:
            raise UnknownNameError("group of variants", one, GROUPS)
    names = [variant.name for variant in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"variants need names of their own; got twice: {', '.join(twice)}"
        raise SpecError(msg)
    return tuple(found)


def edited(spec: Spec, edits: Sequence[Edit]) -> Spec:
    """A spec with entries changed in its text.

    Parameters
    ----------
    spec : Spec
    edits : sequence of Edit
        Those of other programs, and of entries that the spec does not have, change nothing.

    Returns
    -------
    Spec
        ``spec`` itself where nothing was edited.

    Raises
    ------
    SpecError
        If the edited text cannot be used.
    """
    text = spec.text
    for edit in edits:
        value = _entry(text, edit.entry)
        if edit.program == spec.program and value is not None:
            text = _with_entry(text, edit.entry, _changed(value, edit))
    return spec if text == spec.text else parse_spec(text, f"the spec {spec.name}, edited,")


def edited_specs(specs: Specs, edits: Sequence[Edit]) -> Specs:
    """All specs of a forecast with entries changed; see :func:`edited`."""
    return replace(
        specs,
        end_to_end=edited(specs.end_to_end, edits),
        cod=None if specs.cod is None else edited(specs.cod, edits),
        mapping=None if specs.mapping is None else edited(specs.mapping, edits),
        by_tokens=None if specs.by_tokens is None else edited_specs(specs.by_tokens, edits),
    )


def touches(spec: Spec, edits: Sequence[Edit]) -> bool:
    """Whether a spec has an entry that is edited."""
    mine = (edit for edit in edits if edit.program == spec.program)
    return any(_entry(spec.text, edit.entry) is not None for edit in mine)


def _entry(text: str, entry: str) -> int | float | None:
    found: Any = tomllib.loads(text)
    for key in entry.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    number = isinstance(found, int | float) and not isinstance(found, bool)
    return found if number else None


def _changed(value: float, edit: Edit) -> float:
    if edit.how == "set":
        return edit.value
    if edit.how == "times":
        return value * edit.value
    if edit.how == "plus":
        return value + edit.value
    raise UnknownNameError("way to edit a spec", edit.how, ("set", "times", "plus"))


def _with_entry(text: str, entry: str, value: float) -> str:
    """The text with one number replaced; what else is on its line, a comment say, stays."""
    *table, key = entry.split(".")
    wanted, current = ".".join(table), ""
    lines = text.splitlines(keepends=True)
    for i, line in enumerate(lines):
        header = re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line)
        if header:
            current = header[1]
        number = re.match(rf"(\s*{re.escape(key)}\s*=\s*)[^\s#]+", line)
        if current == wanted and number:
            lines[i] = f"{number[1]}{value!r}{line[number.end() :]}"
            return "".join(lines)
    msg = f"cannot edit {entry}: write it as `{key} = ...` on a line of its own under [{wanted}]"
    raise SpecError(msg)
