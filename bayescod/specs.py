"""Statistical model specs: the assumptions as data, read from ``models/*.toml`` and checked."""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bayescod.errors import SpecError, UnknownNameError

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
LAWS = ("eq1", "no-guess", "no-ceiling", "power-law", "monotone-polynomial")
PROGRAMS = ("clusters", "single_curve", "mapping")


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


@dataclass(frozen=True, slots=True)
class Sampler:
    """Settings of NUTS: iterations a chain, chains, target acceptance, tree depth, mass matrix."""

    warmup: int
    draws: int
    chains: int
    target_accept: float
    max_tree_depth: int
    dense_mass: bool


@dataclass(frozen=True, slots=True)
class Clustering:
    """Settings of difficulty clustering (arXiv 2502.17262, Algorithm 1) and of few trials."""

    method: str
    min_cluster_size: int
    quantile: float
    max_radius_fraction: float
    few_trials: int
    split_below: int


@dataclass(frozen=True, slots=True)
class Filter:
    """Thresholds of extrapolatable clusters (arXiv 2502.17262, section 4.3) and of growth."""

    a_min: float
    b_min: float
    c_max: float
    min_growth: float
    screen_below: float
    min_share: float


@dataclass(frozen=True, slots=True)
class Spec:
    """One statistical model: program, law, priors, sampler and thresholds.

    Attributes
    ----------
    name, program, law, description : str
    priors : mapping of str to Prior
        By site of the program.
    sampler : Sampler
    smallest_over_unit : float
        Smallest fitted compute over the unit of ``a``; used where ``unit_flops`` is ``None``.
    unit_flops : float or None
        Unit of compute [FLOP] of ``a``, where the spec fixes one.
    clustering : Clustering or None
    filter : Filter or None
    end_to_end, mapping : str
        Specs used beside this one by a COD forecast; empty elsewhere.
    degree : int or None
        Of the mapping's polynomial.
    digest : str
        SHA-256 of the text, hexadecimal.
    text : str
        The file as read.
    """

    name: str
    program: str
    law: str
    description: str
    priors: Mapping[str, Prior]
    sampler: Sampler
    smallest_over_unit: float
    unit_flops: float | None
    clustering: Clustering | None
    filter: Filter | None
    end_to_end: str
    mapping: str
    degree: int | None
    digest: str
    text: str


def spec_folder() -> Path:
    """Folder of the specs that ship with bayescod: inside the wheel, or in a checkout."""
    inside = Path(__file__).parent / "_specs"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "models"


def spec_names() -> tuple[str, ...]:
    """Names of the specs that ship with bayescod, sorted."""
    return tuple(sorted(path.stem for path in spec_folder().glob("*.toml")))


def load_spec(name: str | Path) -> Spec:
    """Read and check a spec.

    Parameters
    ----------
    name : str or Path
        A name from :func:`spec_names`, or the path of a TOML file (it has a separator or ends in
        ``.toml``).

    Returns
    -------
    Spec

    Raises
    ------
    UnknownNameError
        If there is no spec of that name.
    SpecError
        If the file cannot be read or says something that cannot be used.
    """
    text = str(name)
    if text.endswith(".toml") or "/" in text or "\\" in text:
        path = Path(name)
    elif text in spec_names():
        path = spec_folder() / f"{text}.toml"
    else:
        raise UnknownNameError("model spec", text, spec_names())
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"cannot read the model spec {path}: {error}; give a TOML file like those in models/"
        raise SpecError(msg) from error
    return parse_spec(content, str(path))


def parse_spec(text: str, origin: str = "spec") -> Spec:
    """Check the text of a spec; see :func:`load_spec`.

    Parameters
    ----------
    text : str
        TOML.
    origin : str
        Named in error messages.

    Returns
    -------
    Spec

    Raises
    ------
    SpecError
        With every fault that was found.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{origin} is not TOML: {error}"
        raise SpecError(msg) from error
    faults: list[str] = []
    reader = _Reader(raw, faults)
    program = reader.choice("program", PROGRAMS)
    law = reader.choice("law", LAWS)
    compute = reader.table("compute", required=program != "mapping")
    unit = compute.get("unit_flops")
    over = compute.get("smallest_over_unit", 40.0)
    for key, value in (("unit_flops", unit), ("smallest_over_unit", over)):
        if value is not None and not _positive(value):
            faults.append(f"compute.{key}: got {value!r}, wanted a number above 0")
    faults.extend(
        f"compute.{key}: unknown, wanted unit_flops or smallest_over_unit"
        for key in compute.keys() - {"unit_flops", "smallest_over_unit"}
    )
    priors = _priors(raw.get("priors"), faults)
    sampler = reader.record("sampler", Sampler)
    clustering = reader.record("clustering", Clustering) if program == "clusters" else None
    thresholds = reader.record("filter", Filter) if program == "clusters" else None
    degree = raw.get("degree")
    if program == "mapping" and degree not in (3, 4, 5):
        faults.append(f"degree: got {degree!r}, wanted 3, 4 or 5")
    known = {"name", "program", "law", "description", "compute", "priors", "sampler"}
    known |= {"clusters": {"clustering", "filter", "end_to_end", "mapping"}}.get(program, set())
    known |= {"degree"} if program == "mapping" else set()
    faults.extend(f"{key}: unknown entry for program {program}" for key in raw.keys() - known)
    companions = ("end_to_end", "mapping") if program == "clusters" else ()
    for key in companions:
        reader.text(key)
    name = reader.text("name")
    description = reader.text("description")
    if faults or sampler is None:
        raise SpecError("\n".join([f"{origin} cannot be used:", *(f"  {f}" for f in faults)]))
    return Spec(
        name=name,
        program=program,
        law=law,
        description=description,
        priors=priors,
        sampler=sampler,
        smallest_over_unit=float(over),
        unit_flops=None if unit is None else float(unit),
        clustering=clustering,
        filter=thresholds,
        end_to_end=raw.get("end_to_end", ""),
        mapping=raw.get("mapping", ""),
        degree=degree,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        text=text,
    )


class _Reader:
    """Reads entries of a parsed spec and collects what is wrong with them."""

    def __init__(self, raw: Mapping[str, Any], faults: list[str]) -> None:
        self._raw, self._faults = raw, faults

    def text(self, key: str) -> str:
        value = self._raw.get(key)
        if not isinstance(value, str) or not value:
            self._faults.append(f"{key}: got {value!r}, wanted text")
            return ""
        return value

    def choice(self, key: str, legal: tuple[str, ...]) -> str:
        value = self.text(key)
        if value and value not in legal:
            self._faults.append(f"{key}: got {value!r}, wanted one of {', '.join(legal)}")
        return value

    def table(self, key: str, *, required: bool) -> Mapping[str, Any]:
        value = self._raw.get(key)
        if isinstance(value, dict):
            return value
        if required or value is not None:
            self._faults.append(f"{key}: wanted a table [{key}]")
        return {}

    def record(self, key: str, kind: type[Any]) -> Any:
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


def _priors(raw: object, faults: list[str]) -> dict[str, Prior]:
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


def _positive(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value > 0  # type: ignore[arg-type, operator]
