"""References whose predictive distribution is known without sampling: least squares, last value."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from bayescod.forecasting.ladder import Ladder, fitted

FloatArray = npt.NDArray[np.float64]

_N_PARAMETERS = 4


def least_squares_draws(
    ladder: Ladder, log_compute: float, rng: np.random.Generator, n_draws: int
) -> FloatArray:
    """Eq. 1 by least squares, and a t distribution with the residuals' scale around it.

    The naive reference: the interval that one reads off a fitted curve. It knows of noise, and of
    neither the uncertainty of the curve nor of the law.

    Parameters
    ----------
    ladder : Ladder
    log_compute : float
        Of the target, in the unit of ``a``.
    rng : numpy.random.Generator
    n_draws : int

    Returns
    -------
    FloatArray
        (draw,) scores in [0, 1]; degrees of freedom are the LLMs less the four parameters, at
        least one.
    """
    x, y = _seen(ladder)
    middle = float(x.mean())

    def curve(p: FloatArray, at: FloatArray | float) -> FloatArray:
        loss = np.exp(p[0] - p[1] * (at - middle)) + p[2]
        return np.asarray(p[3] + (1.0 - p[3]) * np.exp(-loss))

    # The cost has several minima: slow and steep starts, with and without a floor.
    starts = [[0.0, b, 0.05, g] for b in (0.1, 0.4, 1.0) for g in (0.0, 0.9 * float(y.min()))]
    fits = [
        least_squares(
            lambda p: curve(p, x) - y, start, bounds=([-10, 0, 0, 0], [10, 5, 5, 1 - 1e-9])
        )
        for start in starts
    ]
    best = min(fits, key=lambda found: found.cost)
    degrees = max(y.size - _N_PARAMETERS, 1)
    scale = np.sqrt(2.0 * best.cost / degrees)
    noise = scale * rng.standard_t(degrees, n_draws)
    return np.clip(curve(best.x, log_compute) + noise, 0.0, 1.0)


def last_value_draws(
    ladder: Ladder, log_compute: float, rng: np.random.Generator, n_draws: int
) -> FloatArray:
    """The largest LLMs' score, and a random walk in log compute from there.

    Parameters
    ----------
    ladder, log_compute, rng, n_draws
        As in :func:`least_squares_draws`.

    Returns
    -------
    FloatArray
        (draw,) scores in [0, 1]: t distributed, with the scale of the ladder's own steps for each
        square root of a natural log of compute.
    """
    x, y = _seen(ladder)
    places = np.unique(x)
    level = np.array([y[x == place].mean() for place in places])
    steps = np.diff(level) / np.sqrt(np.diff(places))
    scale = np.sqrt((steps**2).mean() * max(log_compute - float(places[-1]), 0.0))
    return np.clip(level[-1] + scale * rng.standard_t(steps.size, n_draws), 0.0, 1.0)


def _seen(ladder: Ladder) -> tuple[FloatArray, FloatArray]:
    rate = fitted(ladder.scores)[0][: ladder.n_ladder]
    seen = ~np.isnan(rate)
    return ladder.log_compute[seen], rate[seen]
