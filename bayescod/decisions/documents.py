"""Plans as JSON documents."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bayescod.decisions.costs import Cost
from bayescod.decisions.planning import Answer, Plan, Stop
from bayescod.forecasting.records import QUANTILES, Summary

SCHEMA_VERSION = 1


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
