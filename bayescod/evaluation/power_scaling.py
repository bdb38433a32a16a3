"""How much of a forecast is prior: its draws reweighted as if a prior counted more or less.

Raising one factor of the posterior to a power near one costs no new sampling: the draws that are
there are weighted by ``p(theta)^(power - 1)`` (N. Kallioinen, T. Paananen, P.-C. Bürkner,
A. Vehtari, 2024, Detecting and diagnosing prior and likelihood sensitivity with power-scaling,
Statistics and Computing 34, arXiv 2107.14054). As there, the priors scaled are those at the top: a
population's distribution of its members is a part of the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from bayescod._arviz import pareto_smoothed_weights
from bayescod.batches import Lane
from bayescod.forecasting.densities import log_densities
from bayescod.forecasting.predictive import flatten
from bayescod.forecasting.records import BenchmarkForecast
from bayescod.forecasting.stacking import MAX_PARETO_K
from bayescod.sampling import Posterior, real_entries
from bayescod.specs import Spec

if TYPE_CHECKING:
    import pandas as pd

FloatArray = npt.NDArray[np.float64]

POWERS: Final = (0.8, 1.25)
"""Powers at which changes of the forecast are given."""
STEP: Final = 1.01
"""The sensitivity is a slope at power one, by this factor up and down, as in the paper."""
THRESHOLD: Final = 0.05
"""From here on a sensitivity is worth a look (the paper): a normal moves by about 0.3 of its
standard deviation for a doubled power."""
PRIORS, LIKELIHOOD = "all priors", "likelihood"

_WORDS: Final[Mapping[str, str]] = {
    "robust": "the forecast hardly depends on it",
    "prior-only": "the forecast depends on it and the ladder says next to nothing of it",
    "weak-likelihood": "strong prior or weak likelihood: it decides more than the ladder does",
    "conflict": "prior and ladder both move the forecast: they may be in conflict",
    "informative": "the ladder moves the forecast",
    "weak": "the ladder hardly moves the forecast",
}


@dataclass(frozen=True, slots=True)
class Scaled:
    """What a forecast does when one factor of the posterior counts less or more.

    Attributes
    ----------
    factor : str
        A site of the program (its prior), ``all priors`` or ``likelihood``.
    sensitivity : float
        Cumulative Jensen-Shannon distance between forecasts, a doubling of the power; from 0.05 on
        worth a look.
    median, low, high : tuple of float
        Change of the median and of the ends of the 90 % equal-tailed range, in the unit of the
        draws, at each of :data:`POWERS`.
    pareto_k : float
        The worst tail shape of the weights; above 0.7 the changes are not reliable.
    verdict : str
        ``robust``, ``prior-only``, ``weak-likelihood`` or ``conflict`` for priors; ``informative``
        or ``weak`` for the likelihood.
    """

    factor: str
    sensitivity: float
    median: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    pareto_k: float
    verdict: str

    @property
    def reliable(self) -> bool:
        """Whether the weights are smooth enough for the changes to be trusted."""
        return self.pareto_k <= MAX_PARETO_K

    @property
    def words(self) -> str:
        """The verdict for people."""
        return _WORDS[self.verdict]


@dataclass(frozen=True, slots=True)
class PowerScaling:
    """Power-scaling sensitivity of one forecast.

    Attributes
    ----------
    spec : str
        Whose priors were scaled.
    rows : tuple of Scaled
        All priors together, the likelihood, then each prior, the most sensitive first.
    """

    spec: str
    rows: tuple[Scaled, ...]

    def __getitem__(self, factor: str) -> Scaled:
        return next(row for row in self.rows if row.factor == factor)

    def frame(self) -> pd.DataFrame:
        """The rows as a table; changes in [0, 1], one column a power.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        rows = []
        for row in self.rows:
            entry: dict[str, object] = {"factor": row.factor, "sensitivity": row.sensitivity}
            for i, power in enumerate(POWERS):
                names = ("median", "low", "high")
                entry |= {f"{name}_at_{power:g}": getattr(row, name)[i] for name in names}
            rows.append(entry | {"pareto_k": row.pareto_k, "verdict": row.verdict})
        return pd.DataFrame(rows)


def power_scaling(spec: Spec, lane: Lane, posterior: Posterior, draws: FloatArray) -> PowerScaling:
    """Sensitivity of predictive draws to the priors and to the likelihood of their posterior.

    Parameters
    ----------
    spec : Spec
        Of a program of one curve, or of the clusters.
    lane : Lane
        What was fitted.
    posterior : Posterior
    draws : FloatArray
        (chain * draw,): draw i was made from flattened posterior draw i, as in the ``predictions``
        of a forecast. What else it was made from (a mapping, another law) is held as it is.

    Returns
    -------
    PowerScaling
    """
    found = log_densities(spec, lane, posterior)
    sites = real_entries(lane, posterior.sites)
    return _of(spec.name, found.prior, found.likelihood, sites, draws)


def stored_power_scaling(forecast: BenchmarkForecast) -> PowerScaling | None:
    """Sensitivity of a forecast to its priors and its likelihood, from what is stored of it.

    Parameters
    ----------
    forecast : BenchmarkForecast
        Not conditioned on a checkpoint: then its draws are no longer those of the posterior.

    Returns
    -------
    PowerScaling or None
        Of the posterior that is stored: with COD, that of the clusters. ``None`` for a forecast
        without the groups ``log_prior`` and ``log_likelihood``, as earlier versions wrote them.
    """
    if not {"log_prior", "log_likelihood"} <= set(forecast.tree.children):
        return None
    priors, likelihood, posterior = (
        {
            str(name): values.transpose("chain", "draw", ...).values.astype(np.float64)
            for name, values in forecast.tree[group].to_dataset().data_vars.items()
        }
        for group in ("log_prior", "log_likelihood", "posterior")
    )
    (points,) = likelihood.values()
    return _of(forecast.law, priors, points, posterior, forecast.draws())


def _of(
    spec: str,
    priors: Mapping[str, FloatArray],
    points: FloatArray,
    sites: Mapping[str, FloatArray],
    draws: FloatArray,
) -> PowerScaling:
    """Scale what is known of (chain, draw) sites and their densities, point by point."""
    likelihood = points.sum(axis=-1)
    up_down = [_weights(likelihood, power)[0] for power in (1.0 / STEP, STEP)]
    informed = {
        site: max(
            _slope(values, up_down) for values in flatten(sites[site]).reshape(draws.size, -1).T
        )
        for site in priors
    }
    return PowerScaling(spec, scaled_rows(priors, likelihood, draws, informed))


def scaled_rows(
    priors: Mapping[str, FloatArray],
    likelihood: FloatArray,
    draws: FloatArray,
    informed: Mapping[str, float],
) -> tuple[Scaled, ...]:
    """Power-scaling of draws by the log densities of the posterior's factors.

    Parameters
    ----------
    priors : mapping of str to FloatArray
        (chain, draw) log prior density, by site.
    likelihood : FloatArray
        (chain, draw) log likelihood.
    draws : FloatArray
        (chain * draw,).
    informed : mapping of str to float
        By site: sensitivity of the site itself to the likelihood.

    Returns
    -------
    tuple of Scaled
    """
    data = _scaled(likelihood, draws)
    data_verdict = "informative" if data[0] >= THRESHOLD else "weak"
    rows = [Scaled(LIKELIHOOD, *data, data_verdict)]
    together = np.sum(list(priors.values()), axis=0)
    for name, density in {PRIORS: together, **priors}.items():
        found = _scaled(density, draws)
        verdict = _verdict(found[0], data[0], informed.get(name, np.inf))
        rows.append(Scaled(name, *found, verdict))
    first = {PRIORS: 0, LIKELIHOOD: 1}
    rows.sort(key=lambda row: (first.get(row.factor, 2), -row.sensitivity))
    return tuple(rows)


def cumulative_distance(draws: FloatArray, weights: FloatArray) -> float:
    """Cumulative Jensen-Shannon distance between draws and the same draws reweighted.

    Parameters
    ----------
    draws : FloatArray
        (draw,).
    weights : FloatArray
        (draw,) summing to one.

    Returns
    -------
    float
        In [0, 1]: the square root of the symmetric divergence of the distribution functions over
        its upper bound, the larger of that of the draws and of their negatives (H.-V. Nguyen,
        J. Vreeken, 2015, Non-parametric Jensen-Shannon divergence; arXiv 2107.14054, appendix).
    """
    return max(_one_sided(draws, weights), _one_sided(-draws, weights))


def _one_sided(draws: FloatArray, weights: FloatArray) -> float:
    order = np.argsort(draws, kind="stable")
    width = np.diff(draws[order])
    base = np.arange(1, draws.size) / draws.size
    other = np.minimum(np.cumsum(weights[order])[:-1], 1.0)
    middle = 0.5 * (base + other)
    # Both divergences together: their linear terms cancel.
    total = base * np.log2(base / middle) + other * np.log2(np.maximum(other, 1e-300) / middle)
    bound = width @ (base + other)
    return float(np.sqrt(max(width @ total, 0.0) / bound)) if bound > 0 else 0.0


def _scaled(
    density: FloatArray, draws: FloatArray
) -> tuple[float, tuple[float, ...], tuple[float, ...], tuple[float, ...], float]:
    sensitivity = _slope(draws, [_weights(density, power)[0] for power in (1.0 / STEP, STEP)])
    even = np.full(draws.size, 1.0 / draws.size)
    reference = _ends(draws, even)
    changes, worst = [], -np.inf
    for power in POWERS:
        weights, pareto_k = _weights(density, power)
        changes.append(_ends(draws, weights) - reference)
        worst = max(worst, pareto_k)
    low, median, high = (tuple(map(float, values)) for values in zip(*changes, strict=True))
    return sensitivity, median, low, high, worst


def _weights(density: FloatArray, power: float) -> tuple[FloatArray, float]:
    return pareto_smoothed_weights((power - 1.0) * density)


def _slope(draws: FloatArray, up_down: list[FloatArray]) -> float:
    return sum(cumulative_distance(draws, w) for w in up_down) / (2.0 * float(np.log2(STEP)))


def _ends(draws: FloatArray, weights: FloatArray) -> FloatArray:
    """The 5 %, 50 % and 95 % quantiles of weighted draws."""
    return np.asarray(np.quantile(draws, (0.05, 0.5, 0.95), weights=weights, method="inverted_cdf"))


def _verdict(prior: float, data: float, informed: float) -> str:
    if prior < THRESHOLD:
        return "robust"
    if informed < THRESHOLD:
        return "prior-only"
    return "conflict" if data >= THRESHOLD else "weak-likelihood"
