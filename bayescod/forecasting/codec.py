"""``forecast.json``: forecast records to plain JSON values and back, without loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bayescod.convergence import Diagnostics, Reason
from bayescod.errors import ResultError
from bayescod.files import file_stem
from bayescod.forecasting.course import course_from_json, course_to_json
from bayescod.forecasting.json_values import (
    Json,
    as_float,
    number,
    of_kind,
    one_of,
    summary_from_json,
    summary_to_json,
)
from bayescod.forecasting.records import (
    BenchmarkForecast,
    ClusterForecast,
    ForecastSet,
    TargetPoint,
)

if TYPE_CHECKING:
    import xarray as xr

SCHEMA_VERSION = 1
"""Version of ``forecast.json``; raised when a reader of the old one would go wrong."""

_STATUSES = ("pass", "review", "fail")

_SUMMARISED = ("score", "latent_score", "subset_score", "predictable_share")


def _reason_to_json(reason: Reason) -> Json:
    return {"code": reason.code, "message": reason.message}


def _reason_from_json(stored: Json) -> Reason:
    return Reason(of_kind(str, stored["code"]), of_kind(str, stored["message"]))


def _target_to_json(target: TargetPoint) -> Json:
    return {
        "model": target.model,
        "compute_flops": number(target.compute_flops),
        "compute_ratio": number(target.compute_ratio),
        "truth": None if target.truth is None else number(target.truth),
    }


def _target_from_json(stored: Json) -> TargetPoint:
    return TargetPoint(
        model=of_kind(str, stored["model"]),
        compute_flops=as_float(stored["compute_flops"]),
        compute_ratio=as_float(stored["compute_ratio"]),
        truth=None if stored["truth"] is None else as_float(stored["truth"]),
    )


def _cluster_to_json(cluster: ClusterForecast) -> Json:
    return {
        "cluster": int(cluster.cluster),
        "n_items": int(cluster.n_items),
        "p_extrapolatable": number(cluster.p_extrapolatable),
        "parameters": {
            name: summary_to_json(summary) for name, summary in cluster.parameters.items()
        },
    }


def _cluster_from_json(stored: Json) -> ClusterForecast:
    return ClusterForecast(
        cluster=of_kind(int, stored["cluster"]),
        n_items=of_kind(int, stored["n_items"]),
        p_extrapolatable=as_float(stored["p_extrapolatable"]),
        parameters={name: summary_from_json(value) for name, value in stored["parameters"].items()},
    )


def _diagnostics_to_json(diagnostics: Diagnostics) -> Json:
    return {
        "max_rhat": number(diagnostics.max_rhat),
        "min_ess_bulk": number(diagnostics.min_ess_bulk),
        "min_ess_tail": number(diagnostics.min_ess_tail),
        "divergences": int(diagnostics.divergences),
        "n_draws": int(diagnostics.n_draws),
        "reruns": int(diagnostics.reruns),
    }


def _diagnostics_from_json(stored: Json) -> Diagnostics:
    return Diagnostics(
        max_rhat=as_float(stored["max_rhat"]),
        min_ess_bulk=as_float(stored["min_ess_bulk"]),
        min_ess_tail=as_float(stored["min_ess_tail"]),
        divergences=of_kind(int, stored["divergences"]),
        n_draws=of_kind(int, stored["n_draws"]),
        reruns=of_kind(int, stored["reruns"]),
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
        **{name: summary_to_json(forecast.summary(name)) for name in _SUMMARISED},
        "a_unit_flops": number(forecast.a_unit_flops),
        "clusters": [_cluster_to_json(cluster) for cluster in forecast.clusters],
        "diagnostics": _diagnostics_to_json(forecast.diagnostics),
        "status": forecast.status,
        "reasons": [_reason_to_json(reason) for reason in forecast.reasons],
        "seconds": {name: number(value) for name, value in forecast.seconds.items()},
        "posterior": posterior_path(forecast.benchmark),
    }


def _benchmark_from_json(stored: Json, tree: xr.DataTree) -> BenchmarkForecast:
    return BenchmarkForecast(
        benchmark=of_kind(str, stored["benchmark"]),
        n_items=of_kind(int, stored["n_items"]),
        method=of_kind(str, stored["method"]),
        reason=None if stored["reason"] is None else _reason_from_json(stored["reason"]),
        law=of_kind(str, stored["law"]),
        target=_target_from_json(stored["target"]),
        a_unit_flops=as_float(stored["a_unit_flops"]),
        clusters=tuple(_cluster_from_json(one) for one in of_kind(list, stored["clusters"])),
        diagnostics=_diagnostics_from_json(stored["diagnostics"]),
        status=one_of(_STATUSES, stored["status"]),
        reasons=tuple(_reason_from_json(reason) for reason in of_kind(list, stored["reasons"])),
        seconds={name: as_float(value) for name, value in stored["seconds"].items()},
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
        "course": None if forecasts.course is None else course_to_json(forecasts.course),
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
    course = document.get("course")
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
                for stored in of_kind(list, document["benchmarks"])
            ),
            target=_target_from_json(document["target"]),
            seed=of_kind(int, document["seed"]),
            spec=of_kind(str, document["spec"]),
            provenance={
                name: of_kind(str, value)
                for name, value in of_kind(dict, document["provenance"]).items()
            },
            warnings=tuple(
                of_kind(str, warning) for warning in of_kind(list, document["warnings"])
            ),
            course=None if course is None else course_from_json(course),
        )
    except KeyError as error:
        msg = f"forecast.json lacks the field {error}; forecast again"
        raise ResultError(msg) from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        msg = f"forecast.json is not as bayescod writes it: {error}; forecast again"
        raise ResultError(msg) from error
