"""How far a forecast hangs on its priors: what the page says of power scaling."""

from __future__ import annotations

from bayescod.evaluation.power_scaling import (
    LIKELIHOOD,
    POWERS,
    PRIORS,
    THRESHOLD,
    PowerScaling,
    Scaled,
)
from bayescod.forecasting.stacking import MAX_PARETO_K
from bayescod.reporting.page.records import BenchmarkFacts
from bayescod.reporting.page.widths import BY_CLUSTERS
from bayescod.reporting.plan_table import chance
from bayescod.reporting.wording import points, printable

NOT_STORED = (
    "How far the answer hangs on the priors is not part of a forecast: bayescod.sensitivity "
    "measures it."
)
CONDITIONED = (
    "How far the answer hangs on the priors is not told here: the forecast is conditioned on a "
    "checkpoint of its run, and its draws are no longer those of the posterior. The forecast from "
    "the ladder alone, made without the update, tells it."
)
HOW_SCALED = (
    "Power scaling (arXiv 2107.14054): the draws are weighted as if a prior, or the likelihood, "
    f"were raised to the power {POWERS[0]:g} or {POWERS[1]:g}; nothing is sampled anew. "
    "Sensitivity: cumulative Jensen-Shannon distance between forecasts, a doubling of the power; "
    f"from {THRESHOLD:g} on worth a look. A verdict says that a forecast depends on something, the "
    "changes how much. Changes are in percentage points, of the median and, in "
    "brackets, of both ends of the 90 % range. Where Pareto k is above "
    f"{MAX_PARETO_K:g} the weights are not smooth enough to trust the changes. The factors are "
    "those of the posterior that is stored; what else a draw was made from (the step from groups "
    "to the whole benchmark, another law or method) is held as it is."
)
_NAMES = {PRIORS: "all priors together", LIKELIHOOD: "the measured scores (likelihood)"}


def factor_name(row: Scaled) -> str:
    """What was scaled, for readers."""
    return _NAMES.get(row.factor, printable(row.factor, 40))


def shown_rows(found: PowerScaling) -> tuple[Scaled, ...]:
    """All priors together, the likelihood, and each prior that is worth a look."""
    return tuple(row for row in found.rows if row.factor in _NAMES or row.sensitivity >= THRESHOLD)


def quiet_sentence(found: PowerScaling) -> str:
    """The priors that are not; empty where all are."""
    names = [factor_name(row) for row in found.rows if row not in shown_rows(found)]
    return f"Below {THRESHOLD:g}: {', '.join(names)}." if names else ""


def change(row: Scaled, power: float) -> str:
    """Change of the median, and of both ends, in percentage points at one of the powers."""
    at = POWERS.index(power)
    return f"{points(row.median[at])} ({points(row.low[at])}, {points(row.high[at])})"


def verdict(row: Scaled) -> str:
    """What the sensitivity means, and where the changes are not to be trusted."""
    doubt = "" if row.reliable else f" (Pareto k {row.pareto_k:.2f}: do not trust the changes)"
    return f"{row.words}{doubt}"


def hanging_sentences(one: BenchmarkFacts) -> str:
    """How much the forecast would change if the assumptions counted more or less.

    Parameters
    ----------
    one : BenchmarkFacts
        Whose power scaling is known.

    Returns
    -------
    str
        Empty where it is not.
    """
    if one.scaling is None:
        return ""
    still = 1.0 - _moved(one)
    held = (
        f" {chance(still)} of the outcomes are made in another way and held as they are, which "
        "makes all of these figures smaller."
    )
    return hanging_sentence(one.scaling) + (held if still > 0 else "")


def _moved(one: BenchmarkFacts) -> float:
    """The part of the draws that the stored posterior made."""
    voices = one.widths.voices if one.widths is not None else ()
    if one.forecast.method == "cod":
        voices = tuple(voice for voice in voices if voice.name == BY_CLUSTERS)
    return max((voice.part for voice in voices), default=1.0)


def hanging_sentence(found: PowerScaling) -> str:
    """The same of the draws as they are, however few of them the posterior made."""
    row = found[PRIORS]
    asked = "If what was assumed before the data counted a quarter more, or a fifth less,"
    if not row.reliable:
        return f"{asked} the forecast would change by more than these draws can tell."
    median = max(abs(value) for value in row.median)
    ends = max(abs(value) for value in (*row.low, *row.high))
    return (
        f"{asked} the expected score would move by {100 * median:.1f} points at most and the ends "
        f"of its 90 % range by {100 * ends:.1f} points at most."
    )
