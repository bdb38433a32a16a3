"""Statistical model specs: the assumptions as data, read from ``models/*.toml`` and checked."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bayescod.errors import SpecError, UnknownNameError
from bayescod.spec_reading import (
    PROGRAM_SITES,
    Prior,
    Reader,
    is_positive,
    read_priors,
    site_faults,
)


@dataclass(frozen=True, slots=True)
class Sampler:
    """Settings of NUTS: iterations a chain, chains, target acceptance, tree depth, mass matrix.

    ``rerun``: whether a data set that does not pass is sampled once more, by twice as many chains.
    """

    warmup: int
    draws: int
    chains: int
    target_accept: float
    max_tree_depth: int
    dense_mass: bool
    rerun: bool


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
    max_disorder: float
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
        Specs used beside this one by a COD forecast; empty elsewhere. Without a mapping, what is
        outside the clusters is taken to fail.
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
    reader = Reader(raw, faults)
    program = reader.choice("program", tuple(PROGRAM_SITES))
    law = reader.text("law")
    compute = reader.table("compute", required=program != "mapping")
    unit = compute.get("unit_flops")
    over = compute.get("smallest_over_unit", 40.0)
    for key, value in (("unit_flops", unit), ("smallest_over_unit", over)):
        if value is not None and not is_positive(value):
            faults.append(f"compute.{key}: got {value!r}, wanted a number above 0")
    faults.extend(
        f"compute.{key}: unknown, wanted unit_flops or smallest_over_unit"
        for key in compute.keys() - {"unit_flops", "smallest_over_unit"}
    )
    priors = read_priors(raw.get("priors"), faults)
    faults.extend(site_faults(program, law, priors))
    sampler = reader.record("sampler", Sampler)
    if sampler is not None and sampler.rerun and sampler.draws % 2:
        wanted = "an even number: a rerun keeps every second draw of twice as many chains"
        faults.append(f"sampler.draws: got {sampler.draws}, wanted {wanted}")
    clustering = reader.record("clustering", Clustering) if program == "clusters" else None
    thresholds = reader.record("filter", Filter) if program == "clusters" else None
    degree = raw.get("degree")
    if program == "mapping" and degree not in (3, 4, 5):
        faults.append(f"degree: got {degree!r}, wanted 3, 4 or 5")
    known = {"name", "program", "law", "description", "compute", "priors", "sampler"}
    known |= {"clusters": {"clustering", "filter", "end_to_end", "mapping"}}.get(program, set())
    known |= {"degree"} if program == "mapping" else set()
    faults.extend(f"{key}: unknown entry for program {program}" for key in raw.keys() - known)
    if program == "clusters":
        reader.text("end_to_end")
        if "mapping" in raw:
            reader.text("mapping")
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
