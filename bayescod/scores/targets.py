"""The LLM to be forecast, from what the user typed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bayescod.errors import DataError, Problem
from bayescod.scores.checks import listed, near_fix, shown
from bayescod.scores.records import FLOPS_PER_PARAM_TOKEN, LLMTable


@dataclass(frozen=True, slots=True)
class Target:
    """The LLM to be forecast.

    Attributes
    ----------
    name : str
        A model, or for example ``1e24 FLOP``.
    compute_flops : float
        Training compute in FLOP; NaN where unknown.
    params, tokens : float
        Parameters and training tokens; NaN where unknown.
    """

    name: str
    compute_flops: float
    params: float
    tokens: float


def parse_target(text: str, llms: LLMTable) -> Target:
    """Target from ``NAME`` or ``FLOPS[@TOKENS_PER_PARAM]``.

    Parameters
    ----------
    text : str
        A model of the models table; or training compute in FLOP (``1e24``), with ``@20`` at 20
        tokens per parameter. A model of that very name goes first.
    llms : LLMTable
        The models table.

    Returns
    -------
    Target
        For compute C at R tokens per parameter, ``params = sqrt(C / (6 R))`` and
        ``tokens = R params`` (C = 6 N D); without R both are NaN.

    Raises
    ------
    DataError
        If it is neither (code ``unknown-target``, with near names).
    """
    if text in llms.name:
        index = llms.index(text)
        return Target(
            text,
            float(llms.compute_flops[index]),
            float(llms.params[index]),
            float(llms.tokens[index]),
        )
    flops, at, ratio = text.partition("@")
    compute = _positive(flops)
    tokens_per_param = _positive(ratio) if at else math.nan
    if compute is None or tokens_per_param is None:
        raise DataError([unknown_name("target", text, llms.name)])
    name = f"{compute:.6g} FLOP".replace("e+", "e")
    if not at:
        return Target(name, compute, math.nan, math.nan)
    params = math.sqrt(compute / (FLOPS_PER_PARAM_TOKEN * tokens_per_param))
    return Target(f"{name} @ {tokens_per_param:g}", compute, params, tokens_per_param * params)


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def unknown_name(what: str, name: str, known: Sequence[str]) -> Problem:
    """Problem of a target or an anchor that does not exist."""
    return Problem(
        f"unknown-{what}",
        f"the {what} does not exist",
        got=shown(name),
        wanted="a model of the models table"
        + (", or training FLOPs above 0: 1e24, or 1e24@20" if what == "target" else ""),
        fix=near_fix(name, known) or f"known: {listed(known, 12)}",
    )
