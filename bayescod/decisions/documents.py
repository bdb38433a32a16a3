"""Plans and comparisons as documents: JSON and CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from bayescod.decisions.contests import Comparison, Match
from bayescod.decisions.costs import Cost
from bayescod.decisions.planning import Answer, Plan, Stop
from bayescod.decisions.predictability import Predictability
from bayescod.forecasting.records import QUANTILES, Summary
from bayescod.scores.tables import escaped_cell

SCHEMA_VERSION = 1
_TEXT = ("benchmark", "first", "first_target", "second", "second_target")
"""Columns that hold names from outside."""


def plan_document(found: Plan) -> dict[str, Any]:
    """A plan as the object of ``plan.json``.

    Parameters
    ----------
    found : Plan

    Returns
    -------
    dict
        ``schema_version``, ``target``, ``compute_flops`` (the axis), ``answers`` (``benchmark`` is
        null for all together; ``compute`` by wanted chance, null where not within the axis) and
        ``stops``. Scores and chances in [0, 1], compute in FLOP.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "target": {"model": found.target, **asdict(found.target_cost)},
        "status": found.status,
        "n_draws": found.n_draws,
        "compute_flops": found.compute_flops.tolist(),
        "answers": [_answer(one) for one in found.answers],
        "stops": [_stop(one) for one in found.stops],
    }


def _answer(one: Answer) -> dict[str, Any]:
    return {
        "benchmark": one.benchmark or None,
        "score": one.score,
        "chance_at_target": one.at_target,
        "compute": {f"{probability:g}": _cost(cost) for probability, cost in one.costs.items()},
        "chance": one.chance.tolist(),
    }


def _cost(cost: Cost | None) -> dict[str, Any] | None:
    return None if cost is None else asdict(cost)


def _stop(one: Stop) -> dict[str, Any]:
    return {
        "benchmark": one.benchmark,
        "part": one.part,
        **asdict(one.cost),
        "score": _summary(one.score),
        "loss": _summary(one.loss),
    }


def _summary(one: Summary) -> dict[str, Any]:
    quantiles = {f"{p:g}": q for p, q in zip(QUANTILES, one.quantiles, strict=True)}
    return {"mean": one.mean, "sd": one.sd, "quantiles": quantiles}


def comparison_csv(found: Comparison, names: Mapping[str, str]) -> str:
    """A comparison as the text of ``compare.csv``.

    Parameters
    ----------
    found : Comparison
    names : mapping of str to str
        What each candidate is called, by its letter; usually its folder.

    Returns
    -------
    str
        Text quoted, names that a spreadsheet would run as formulas with a leading apostrophe, empty
        where there is no finite number. Scores and chances in [0, 1]; ``_q05`` and ``_q95`` bound
        90 % equal-tailed ranges. One forecast: a row a benchmark, the most predictable first, with

        - ``rank``, ``groups`` (letters, a space between), ``benchmark``, ``method``, ``status``,
          ``verdict``, ``reasons`` (codes, a space between)
        - ``score_q05``, ``score_q50``, ``score_q95``, ``width90``, ``expected_error``
        - ``predictable_share`` (median) with its range, ``p_extrapolatable``
        - ``signal_to_noise`` with its range, ``signal_by_noise`` (what a benchmark that does not
          grow stays below with a chance of 95 %)
        - ``record_truths``, ``record_held``, ``record_mean_error``, ``record_farthest`` (compute
          ratio)

        Several: ``first``, ``first_target``, ``second``, ``second_target``, ``pairing``, ``what``
        (``benchmark``, ``mean`` of all scores, ``all-higher``, ``all-lower``), ``benchmark``,
        ``chance`` that the first is higher (for ``all-lower``: lower), ``difference_mean`` (first
        minus second) and its quantiles.
    """
    rows = [_ranked(one) for one in found.ranking]
    rows += [row for match in found.matches for row in _contested(found, match, names)]
    table = pd.DataFrame(rows).replace([np.inf, -np.inf], np.nan)
    text = [name for name in _TEXT if name in table]
    safe = table.assign(**{name: table[name].map(escaped_cell) for name in text})
    return str(safe.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n"))


def _ranked(one: Predictability) -> dict[str, Any]:
    signal, past = one.signal, one.past
    return {
        "rank": one.rank,
        "groups": " ".join(one.groups),
        "benchmark": one.benchmark,
        "method": one.method,
        "status": one.status,
        "verdict": one.verdict,
        "reasons": " ".join(reason.code for reason in one.reasons),
        "score_q05": one.score.low,
        "score_q50": one.score.median,
        "score_q95": one.score.high,
        "width90": one.width,
        "expected_error": one.expected_error,
        "predictable_share": one.share.median,
        "predictable_share_q05": one.share.low,
        "predictable_share_q95": one.share.high,
        "p_extrapolatable": one.p_extrapolatable,
        "signal_to_noise": signal.ratio if signal else None,
        "signal_to_noise_q05": signal.low if signal else None,
        "signal_to_noise_q95": signal.high if signal else None,
        "signal_by_noise": signal.by_noise if signal else None,
        "record_truths": past.truths if past else 0,
        "record_held": past.held if past else 0,
        "record_mean_error": past.mean_error if past else None,
        "record_farthest": past.farthest if past else None,
    }


def _contested(
    found: Comparison, match: Match, names: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    head = {
        "first": names[match.first],
        "first_target": found.candidates[match.first].model,
        "second": names[match.second],
        "second_target": found.candidates[match.second].model,
        "pairing": match.pairing,
    }
    for one in (*match.contests, *([match.mean] if match.mean else [])):
        yield head | {
            "what": "benchmark" if one.benchmark else "mean",
            "benchmark": one.benchmark,
            "chance": one.chance,
            "difference_mean": one.difference.mean,
            "difference_q05": one.difference.low,
            "difference_q50": one.difference.median,
            "difference_q95": one.difference.high,
        }
    for what, chance in (("all-higher", match.all_higher), ("all-lower", match.all_lower)):
        if chance is not None:
            yield head | {"what": what, "benchmark": "", "chance": chance}
