"""``forecast.json``: forecast records to plain JSON values and back, without loss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from bayescod.convergence import Diagnostics, Reason
from bayescod.errors import ResultError
from bayescod.files import file_stem
from bayescod.forecasting.records import (
    QUANTILES,
    BenchmarkForecast,
    ClusterForecast,
    ForecastSet,
    Summary,
    TargetPoint,
)

if TYPE_CHECKING:
    import xarray as xr

SCHEMA_VERSION = 1
"""Version of ``forecast.json``; raised when a reader of the old one would go wrong."""

Json = dict[str, Any]

_T = TypeVar("_T")
_KINDS: Mapping[type, str] = {str: "text", int: "a number", list: "a list", dict: "an object"}
_STATUSES = ("pass", "review", "fail")

_SUMMARISED = ("score", "latent_score", "subset_score", "predictable_share")


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _of(kind: type[_T], value: object) -> _T:
    """A stored value, if it is of the kind that is written there."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        msg = f"{str(value)[:80]!r} where there should be {_KINDS[kind]}"
        raise TypeError(msg)
    return value


def _float(value: object) -> float:
    if value is None:
        return math.nan
    return float(value) if isinstance(value, float) else float(_of(int, value))


def _one_of(choices: tuple[str, ...], value: object) -> str:
    if value not in choices:
        msg = f"{str(value)[:80]!r} where there should be {' or '.join(choices)}"
        raise ValueError(msg)
    return str(value)


def _summary_to_json(summary: Summary) -> Json:
    return {
        "mean": _number(summary.mean),
        "sd": _number(summary.sd),
        "quantiles": {
            f"{probability:g}": _number(value)
            for probability, value in zip(QUANTILES, summary.quantiles, strict=True)
        },
    }


def _summary_from_json(stored: Json) -> Summary:
    return Summary(
        mean=_float(stored["mean"]),
        sd=_float(stored["sd"]),
        quantiles=tuple(_float(stored["quantiles"][f"{p:g}"]) for p in QUANTILES),
    )


def _reason_to_json(reason: Reason) -> Json:
    return {"code": reason.code, "message": reason.message}


def _reason_from_json(stored: Json) -> Reason:
    return Reason(_of(str, stored["code"]), _of(str, stored["message"]))


def _target_to_json(target: TargetPoint) -> Json:
    return {
        "model": target.model,
        "compute_flops": _number(target.compute_flops),
        "compute_ratio": _number(target.compute_ratio),
        "truth": None if target.truth is None else _number(target.truth),
    }


def _target_from_json(stored: Json) -> TargetPoint:
    return TargetPoint(
        model=_of(str, stored["model"]),
        compute_flops=_float(stored["compute_flops"]),
        compute_ratio=_float(stored["compute_ratio"]),
        truth=None if stored["truth"] is None else _float(stored["truth"]),
    )


def _cluster_to_json(cluster: ClusterForecast) -> Json:
    return {
        "cluster": int(cluster.cluster),
        "n_items": int(cluster.n_items),
        "p_extrapolatable": _number(cluster.p_extrapolatable),
        "parameters": {
            name: _summary_to_json(summary) for name, summary in cluster.parameters.items()
        },
    }


def _cluster_from_json(stored: Json) -> ClusterForecast:
    return ClusterForecast(
        cluster=_of(int, stored["cluster"]),
        n_items=_of(int, stored["n_items"]),
        p_extrapolatable=_float(stored["p_extrapolatable"]),
        parameters={
            name: _summary_from_json(value) for name, value in stored["parameters"].items()
        },
    )


def _diagnostics_to_json(diagnostics: Diagnostics) -> Json:
    return {
        "max_rhat": _number(diagnostics.max_rhat),
        "min_ess_bulk": _number(diagnostics.min_ess_bulk),
        "min_ess_tail": _number(diagnostics.min_ess_tail),
        "divergences": int(diagnostics.divergences),
        "n_draws": int(diagnostics.n_draws),
        "reruns": int(diagnostics.reruns),
    }


def _diagnostics_from_json(stored: Json) -> Diagnostics:
    return Diagnostics(
        max_rhat=_float(stored["max_rhat"]),
        min_ess_bulk=_float(stored["min_ess_bulk"]),
        min_ess_tail=_float(stored["min_ess_tail"]),
        divergences=_of(int, stored["divergences"]),
        n_draws=_of(int, stored["n_draws"]),
        reruns=_of(int, stored["reruns"]),
    )


def posterior_path(benchmark: str) -> str:
    """Where a benchmark's draws lie, relative to the result folder."""
    return f"posterior/{file_stem(benchmark)}.nc"


def _benchmark_to_json(forecast: BenchmarkForecast) -> Json:
    return {
        "benchmark": forecast.benchmark,
        "n_items": int(forecast.n_items),
        "method": forecast.method,
        "reason": None if forecast.reason is None else _reason_to_json(forecast.reason),
        "law": forecast.law,
        "target": _target_to_json(forecast.target),
        **{name: _summary_to_json(forecast.summary(name)) for name in _SUMMARISED},
        "a_unit_flops": _number(forecast.a_unit_flops),
        "clusters": [_cluster_to_json(cluster) for cluster in forecast.clusters],
        "diagnostics": _diagnostics_to_json(forecast.diagnostics),
        "status": forecast.status,
        "reasons": [_reason_to_json(reason) for reason in forecast.reasons],
        "seconds": {name: _number(value) for name, value in forecast.seconds.items()},
        "posterior": posterior_path(forecast.benchmark),
    }


def _benchmark_from_json(stored: Json, tree: xr.DataTree) -> BenchmarkForecast:
    return BenchmarkForecast(
        benchmark=_of(str, stored["benchmark"]),
        n_items=_of(int, stored["n_items"]),
        method=_of(str, stored["method"]),
        reason=None if stored["reason"] is None else _reason_from_json(stored["reason"]),
        law=_of(str, stored["law"]),
        target=_target_from_json(stored["target"]),
        a_unit_flops=_float(stored["a_unit_flops"]),
        clusters=tuple(_cluster_from_json(one) for one in _of(list, stored["clusters"])),
        diagnostics=_diagnostics_from_json(stored["diagnostics"]),
        status=_one_of(_STATUSES, stored["status"]),
        reasons=tuple(_reason_from_json(reason) for reason in _of(list, stored["reasons"])),
        seconds={name: _float(value) for name, value in stored["seconds"].items()},
        tree=tree,
    )


def to_json(forecasts: ForecastSet) -> Json:
    """Plain JSON values of a forecast, without the draws.

    Parameters
    ----------
    forecasts : ForecastSet
        The forecasts of one run.

    Returns
    -------
    dict
        The object of ``forecast.json``: ``schema_version`` first, numbers in full precision,
        ``None`` for every number that is not finite.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "seed": int(forecasts.seed),
        "spec": forecasts.spec,
        "target": _target_to_json(forecasts.target),
        "provenance": dict(forecasts.provenance),
        "warnings": list(forecasts.warnings),
        "benchmarks": [_benchmark_to_json(forecast) for forecast in forecasts.benchmarks],
    }


def from_json(document: Json, trees: Mapping[str, xr.DataTree]) -> ForecastSet:
    """Put a forecast together again; the inverse of :func:`to_json`.

    Parameters
    ----------
    document : dict
        The object of ``forecast.json``.
    trees : mapping of str to xarray.DataTree
        The draws by benchmark.

    Returns
    -------
    ForecastSet
        Equal to what was written, but that infinities have become NaN.

    Raises
    ------
    ResultError
        If the document is of another schema version, lacks a field, or holds a value of another
        kind.
    """
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        msg = (
            f"forecast.json has schema_version {version!r}, this bayescod reads {SCHEMA_VERSION}; "
            "read it with the version of bayescod that wrote it, or forecast again"
        )
        raise ResultError(msg)
    try:
        return ForecastSet(
            benchmarks=tuple(
                _benchmark_from_json(stored, trees[stored["benchmark"]])
                for stored in _of(list, document["benchmarks"])
            ),
            target=_target_from_json(document["target"]),
            seed=_of(int, document["seed"]),
            spec=_of(str, document["spec"]),
            provenance={
                name: _of(str, value) for name, value in _of(dict, document["provenance"]).items()
            },
            warnings=tuple(_of(str, warning) for warning in _of(list, document["warnings"])),
        )
    except KeyError as error:
        msg = f"forecast.json lacks the field {error}; forecast again"
        raise ResultError(msg) from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        msg = f"forecast.json is not as bayescod writes it: {error}; forecast again"
        raise ResultError(msg) from error
