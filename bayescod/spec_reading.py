"""Reading the entries of a spec: which are legal, and what is wrong with those that are not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from bayescod.laws import LAWS

_FAMILIES: dict[str, tuple[str, ...]] = {
    "normal": ("loc", "scale"),
    "half-normal": ("scale",),
    "log-normal": ("loc", "scale"),
    "gamma": ("concentration", "rate"),
    "beta": ("alpha", "beta"),
    "dirichlet": ("concentration", "end_concentration"),
    "truncated-normal": (),
    "normal-given-b": ("loc", "scale"),
}
_POSITIVE = {"scale", "concentration", "rate", "alpha", "beta", "end_concentration"}
_POSITIVE |= {"mean", "chance_concentration"}
# Sites whose family needs what the program itself supplies: a guess floor is centred on the
# benchmark's chance level, and a pooled ceiling constant takes its scale from another site.
_SPECIAL = {
    ("g", "beta"): ("mean", "concentration", "chance_concentration"),
    ("c", "half-normal", "pooled"): (),
}
_NOTES = ("dist", "unit", "reason", "source")
# The programs, and the sites that each has besides its law's.
PROGRAM_SITES: Mapping[str, tuple[str, ...]] = {
    "clusters": ("b_loc", "b_scale", "run_scale", "walk_scale", "drift", "spread"),
    "single_curve": ("walk_scale", "drift", "spread"),
    "loss_intermediate": (
        "loss_limit",
        "loss_gain",
        "loss_spread",
        "walk_scale",
        "drift",
        "spread",
    ),
    "mapping": ("spread",),
}
# The laws of programs that have but one, by their sites.
_OWN_LAWS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "mapping": {"monotone-polynomial": ("steps",)},
    "loss_intermediate": {"logistic-in-loss": ("loss_exponent", "level", "slope", "c", "g")},
}
CLUSTER_LAWS = ("eq1", "no-guess", "no-ceiling", "power-law", "params-tokens")
# Sites that the programs read in a way of their own: one family each.
_ONLY = {"log_a": "normal-given-b", "g": "beta", "steps": "dirichlet"}


@dataclass(frozen=True, slots=True)
class Prior:
    """The prior of one site.

    Attributes
    ----------
    dist : str
        Family.
    parameters : mapping of str to float
    unit, reason, source : str
        Why this prior, for the reader and the report.
    """

    dist: str
    parameters: Mapping[str, float]
    unit: str
    reason: str
    source: str


def laws_of(program: str) -> Mapping[str, tuple[str, ...]]:
    """Laws that go with a program, each with its sites."""
    if program in _OWN_LAWS:
        return _OWN_LAWS[program]
    names = CLUSTER_LAWS if program == "clusters" else tuple(LAWS)
    return {name: LAWS[name].sites for name in names}


def wanted_sites(program: str, law: str) -> set[str]:
    """Sites of a program that need a prior.

    Parameters
    ----------
    program, law : str
        As in a spec, and of each other.

    Returns
    -------
    set of str
    """
    sites = {*laws_of(program)[law], *PROGRAM_SITES[program]}
    return sites | {"c_scale"} if program == "clusters" and "c" in sites else sites


def site_faults(program: str, law: str, priors: Mapping[str, Prior]) -> list[str]:
    """What is missing, superfluous or of the wrong family among the priors of a spec.

    Parameters
    ----------
    program, law : str
        As in the spec.
    priors : mapping of str to Prior

    Returns
    -------
    list of str
        Empty where all is well, or where program or law are themselves unknown.
    """
    if program not in PROGRAM_SITES or not law:
        return []
    if law not in laws_of(program):
        known = ", ".join(laws_of(program))
        return [f"law: got {law!r}, wanted one of program {program}: {known}"]
    wanted = wanted_sites(program, law)
    faults = [f"priors.{site}: missing" for site in sorted(wanted - priors.keys())]
    faults += [
        f"priors.{site}: no such site in program {program} under law {law}"
        for site in sorted(priors.keys() - wanted)
    ]
    only = _ONLY | ({"b": "truncated-normal", "c": "half-normal"} if program == "clusters" else {})
    special = set(only.values()) - {"beta", "half-normal"}
    for site in sorted(wanted & priors.keys()):
        family = priors[site].dist
        if site in only and family != only[site]:
            faults.append(f"priors.{site}.dist: got {family}, wanted {only[site]}")
        elif site not in only and family in special:
            faults.append(f"priors.{site}.dist: {family} is not for this site")
    return faults


class Reader:
    """Reads entries of a parsed spec and collects what is wrong with them."""

    def __init__(self, raw: Mapping[str, Any], faults: list[str]) -> None:
        self._raw, self._faults = raw, faults

    def text(self, key: str) -> str:
        """A required entry of text."""
        value = self._raw.get(key)
        if not isinstance(value, str) or not value:
            self._faults.append(f"{key}: got {value!r}, wanted text")
            return ""
        return value

    def choice(self, key: str, legal: tuple[str, ...]) -> str:
        """A required entry of text with a few legal values."""
        value = self.text(key)
        if value and value not in legal:
            self._faults.append(f"{key}: got {value!r}, wanted one of {', '.join(legal)}")
        return value

    def table(self, key: str, *, required: bool) -> Mapping[str, Any]:
        """A table; empty where it is not there."""
        value = self._raw.get(key)
        if isinstance(value, dict):
            return value
        if required or value is not None:
            self._faults.append(f"{key}: wanted a table [{key}]")
        return {}

    def record(self, key: str, kind: type[Any]) -> Any:
        """A table as a record of settings; ``None`` where anything is wrong with it."""
        given = self.table(key, required=True)
        names = {field.name: field.type for field in fields(kind)}
        before = len(self._faults)
        self._faults.extend(f"{key}.{name}: missing" for name in names if name not in given)
        self._faults.extend(f"{key}.{name}: unknown" for name in given if name not in names)
        for name in names.keys() & given.keys():
            fault = _setting_fault(str(names[name]), given[name])
            if fault:
                self._faults.append(f"{key}.{name}: got {given[name]!r}, wanted {fault}")
        if len(self._faults) > before:
            return None
        return kind(**{n: float(v) if names[n] == "float" else v for n, v in given.items()})


def _setting_fault(kind: str, value: object) -> str:
    if kind == "bool":
        return "" if isinstance(value, bool) else "true or false"
    if kind == "str":
        return "" if isinstance(value, str) and value else "text"
    if kind == "int":
        good = isinstance(value, int) and not isinstance(value, bool) and value > 0
        return "" if good else "a whole number above 0"
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return "" if good and float(value) >= 0 else "a number of at least 0"  # type: ignore[arg-type]


def read_priors(raw: object, faults: list[str]) -> dict[str, Prior]:
    """Priors by site, as far as they can be read; what is wrong is added to ``faults``."""
    if not isinstance(raw, dict) or not raw:
        faults.append("priors: wanted a table [priors.SITE] for every site of the program")
        return {}
    found: dict[str, Prior] = {}
    for site, entry in raw.items():
        where = f"priors.{site}"
        if not isinstance(entry, dict) or entry.get("dist") not in _FAMILIES:
            faults.append(f"{where}.dist: wanted one of {', '.join(sorted(_FAMILIES))}")
            continue
        dist = entry["dist"]
        wanted = _SPECIAL.get((site, dist), _FAMILIES[dist])
        if site == "c" and "c_scale" in raw:
            wanted = _SPECIAL[("c", "half-normal", "pooled")]
        faults.extend(f"{where}.{key}: wanted text" for key in _NOTES if not entry.get(key))
        values = {key: value for key, value in entry.items() if key not in _NOTES}
        faults.extend(f"{where}.{key}: missing" for key in wanted if key not in values)
        faults.extend(f"{where}.{key}: unknown to {dist}" for key in values if key not in wanted)
        for key, value in values.items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not math.isfinite(value):
                faults.append(f"{where}.{key}: got {value!r}, wanted a finite number")
            elif key in _POSITIVE and value <= 0:
                faults.append(f"{where}.{key}: got {value!r}, wanted a number above 0")
        numbers = {k: float(v) for k, v in values.items() if isinstance(v, int | float)}
        notes = {key: str(entry.get(key, "")) for key in ("unit", "reason", "source")}
        found[site] = Prior(dist=dist, parameters=numbers, **notes)
    return found


def is_positive(value: object) -> bool:
    """Whether a value is a finite number above zero."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value > 0  # type: ignore[arg-type, operator]
