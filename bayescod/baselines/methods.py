"""The methods that a backtest compares, each a spec and what is read of its fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bayescod.baselines.closed_form import last_value_draws, least_squares_draws
from bayescod.errors import UnknownNameError
from bayescod.forecasting.ladder import Ladder

FloatArray = npt.NDArray[np.float64]
ClosedForm = Callable[[Ladder, float, np.random.Generator, int], FloatArray]


@dataclass(frozen=True, slots=True)
class Method:
    """One way to forecast.

    Attributes
    ----------
    spec : str
        Model spec that is fitted, as ``--model-spec``; empty for a closed form.
    cod_only : bool
        Whether benchmarks that take the end-to-end forecast instead are left out.
    anchors : bool
        Whether anchors may calibrate the mapping.
    measured : bool
        Whether the scores of the measured checkpoint alone are fitted, not all trials.
    closed_form : callable or None
        (ladder, log compute, generator, number of draws) -> draws.
    """

    spec: str = ""
    cod_only: bool = False
    anchors: bool = True
    measured: bool = False
    closed_form: ClosedForm | None = None


METHODS: Mapping[str, Method] = {
    "default": Method("auto"),
    "cod": Method("cod", cod_only=True),
    "cod-no-anchor": Method("cod", cod_only=True, anchors=False),
    "cod-params-tokens": Method("cod-params-tokens", cod_only=True),
    "cod-no-mapping": Method("cod-no-mapping", cod_only=True),
    "cod-no-guess": Method("cod-no-guess", cod_only=True),
    "cod-no-ceiling": Method("cod-no-ceiling", cod_only=True),
    "cod-power-law": Method("cod-power-law", cod_only=True),
    "end-to-end": Method("end-to-end"),
    "end-to-end-accuracy": Method("end-to-end", measured=True),
    "params-tokens": Method("params-tokens"),
    "loss-intermediate": Method("loss-intermediate"),
    "broken-power-law": Method("broken-power-law"),
    "logistic": Method("logistic"),
    "least-squares": Method(closed_form=least_squares_draws),
    "last-value": Method(closed_form=last_value_draws),
}
"""By name, COD first; all but ``cod-no-anchor`` are named after their specs."""


def method_of(name: str) -> Method:
    """The method called ``name``.

    Raises
    ------
    UnknownNameError
        If there is none; the message lists near names.
    """
    if name not in METHODS:
        raise UnknownNameError("method", name, METHODS)
    return METHODS[name]
