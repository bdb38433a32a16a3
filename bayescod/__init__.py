"""Bayesian forecasts of a big language model's benchmark scores from a ladder of small ones.

The names below are loaded when they are first used: ``import bayescod`` itself imports neither
JAX nor pandas, so that the command line answers at once.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bayescod.api import backtest, forecast
    from bayescod.decisions.contests import compare
    from bayescod.decisions.costs import Rates
    from bayescod.decisions.planning import plan
    from bayescod.errors import (
        BayescodError,
        BayescodWarning,
        DataError,
        DependencyError,
        MachineError,
        Problem,
        ResultError,
        SamplingError,
        SpecError,
        UnknownNameError,
    )
    from bayescod.evaluation.comparison import compare_laws
    from bayescod.evaluation.sensitivity import sensitivity
    from bayescod.evaluation.simulation import simulate
    from bayescod.forecasting.records import BenchmarkForecast, ForecastSet
    from bayescod.forecasting.store import load
    from bayescod.reporting.page.page import report
    from bayescod.scores import read_scores
    from bayescod.scores.importers.tools import import_logs
    from bayescod.scores.importers.writing import write_scores
    from bayescod.scores.records import BenchmarkScores, LLMTable, Scores

_MODULE_OF = {
    "BayescodError": "bayescod.errors",
    "BayescodWarning": "bayescod.errors",
    "BenchmarkForecast": "bayescod.forecasting.records",
    "BenchmarkScores": "bayescod.scores.records",
    "DataError": "bayescod.errors",
    "DependencyError": "bayescod.errors",
    "ForecastSet": "bayescod.forecasting.records",
    "LLMTable": "bayescod.scores.records",
    "MachineError": "bayescod.errors",
    "Problem": "bayescod.errors",
    "Rates": "bayescod.decisions.costs",
    "ResultError": "bayescod.errors",
    "SamplingError": "bayescod.errors",
    "Scores": "bayescod.scores.records",
    "SpecError": "bayescod.errors",
    "UnknownNameError": "bayescod.errors",
    "backtest": "bayescod.api",
    "compare": "bayescod.decisions.contests",
    "compare_laws": "bayescod.evaluation.comparison",
    "forecast": "bayescod.api",
    "import_logs": "bayescod.scores.importers.tools",
    "load": "bayescod.forecasting.store",
    "plan": "bayescod.decisions.planning",
    "read_scores": "bayescod.scores",
    "report": "bayescod.reporting.page.page",
    "sensitivity": "bayescod.evaluation.sensitivity",
    "simulate": "bayescod.evaluation.simulation",
    "write_scores": "bayescod.scores.importers.writing",
}

__all__ = [
    "BayescodError",
    "BayescodWarning",
    "BenchmarkForecast",
    "BenchmarkScores",
    "DataError",
    "DependencyError",
    "ForecastSet",
    "LLMTable",
    "MachineError",
    "Problem",
    "Rates",
    "ResultError",
    "SamplingError",
    "Scores",
    "SpecError",
    "UnknownNameError",
    "__version__",
    "backtest",
    "compare",
    "compare_laws",
    "forecast",
    "import_logs",
    "load",
    "plan",
    "read_scores",
    "report",
    "sensitivity",
    "simulate",
    "write_scores",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        msg = f"module 'bayescod' has no attribute {name!r}"
        raise AttributeError(msg)
    value: object = getattr(importlib.import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
