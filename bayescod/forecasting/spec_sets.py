"""The specs that a forecast uses together."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bayescod.errors import SpecError
from bayescod.specs import Spec, load_spec

POOLED = 0.5
"""COD errs where hard items have yet to rise, the one curve where items differ most; a ladder's own
scores do not tell which errs more beyond it, and a pool in equal parts is hard to beat then
(R. T. Clemen, International Journal of Forecasting 5, 1989)."""


@dataclass(frozen=True, slots=True)
class Specs:
    """The specs of one forecast.

    Attributes
    ----------
    end_to_end : Spec
    cod, mapping : Spec or None
        ``None`` for end-to-end alone; no mapping where the spec of COD names none.
    by_tokens : Specs or None
        The same in parameters and tokens: a rival on ladders that are not on one ratio of both.
    cod_weight : float
        Share of the draws that COD gives where it applies; the others are end-to-end.
    """

    end_to_end: Spec
    cod: Spec | None = None
    mapping: Spec | None = None
    by_tokens: Specs | None = None
    cod_weight: float = 1.0

    def all(self) -> tuple[Spec, ...]:
        """Every spec that a forecast may use."""
        own = tuple(s for s in (self.cod, self.end_to_end, self.mapping) if s is not None)
        return own if self.by_tokens is None else (*own, *self.by_tokens.all())


def specs_of(name: str) -> Specs:
    """The specs that a choice of model spec stands for.

    Parameters
    ----------
    name : str
        ``auto``, a spec's name, or the path of a spec file.

    Returns
    -------
    Specs

    Raises
    ------
    SpecError, UnknownNameError
        If a spec cannot be used as the main one.
    """
    if name == "auto":
        rival = replace(specs_of("cod-params-tokens"), cod_weight=POOLED)
        return replace(specs_of("cod"), by_tokens=rival, cod_weight=POOLED)
    main = load_spec(name)
    if main.program == "clusters":
        end_to_end = load_spec(main.end_to_end)
        mapping = load_spec(main.mapping) if main.mapping else None
        _check_companions(main, end_to_end, mapping)
        return Specs(end_to_end, main, mapping)
    if main.program == "mapping":
        msg = f"the spec {main.name} is of program mapping, wanted one of clusters or of one curve"
        raise SpecError(msg)
    return Specs(main)


def _check_companions(main: Spec, end_to_end: Spec, mapping: Spec | None) -> None:
    if end_to_end.program != "single_curve":
        got = f"{end_to_end.name}, of program {end_to_end.program}"
        msg = f"{main.name} names {got}, wanted single_curve"
        raise SpecError(msg)
    if mapping is not None and mapping.program != "mapping":
        msg = f"{main.name} names {mapping.name}, of program {mapping.program}, wanted mapping"
        raise SpecError(msg)
    # Draw i is one world: where a draw has no subset, it takes the end-to-end draw beside it.
    own, other = (spec.sampler.chains * spec.sampler.draws for spec in (main, end_to_end))
    if own != other:
        msg = (
            f"{main.name} has {own} draws (chains times draws) and {end_to_end.name} has {other}; "
            "give both as many, in a copy of either spec"
        )
        raise SpecError(msg)
