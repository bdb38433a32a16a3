"""Power scaling against a conjugate model whose scaled posteriors are known exactly."""

from __future__ import annotations

import math
import re
import zlib

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from bayescod import _arviz
from bayescod.batches import Lane
from bayescod.evaluation.power_scaling import (
    LIKELIHOOD,
    POWERS,
    PRIORS,
    STEP,
    THRESHOLD,
    Scaled,
    cumulative_distance,
    power_scaling,
    scaled_rows,
)
from bayescod.forecasting.lanes import curve_lane
from bayescod.forecasting.predictive import flatten
from bayescod.forecasting.streams import CURVE, stream
from bayescod.sampling import Posterior, sample
from bayescod.specs import Spec, load_spec, parse_spec
from tests._ladders import make_ladder

FloatArray = npt.NDArray[np.float64]
CHAINS, DRAWS = 4, 1000


class Conjugate:
    """A normal mean of known variance under a normal prior; draws are independent."""

    def __init__(self, prior_sd: float, data_sd: float, mean: float, seed: int = 0) -> None:
        self.prior_sd, self.data_sd, self.mean = prior_sd, data_sd, mean
        rng = np.random.default_rng(seed)
        exact = self.posterior()
        self.draws = exact.mean() + exact.std() * rng.standard_normal((CHAINS, DRAWS))

    def posterior(self, prior: float = 1.0, data: float = 1.0) -> stats.rv_continuous:
        """The posterior with prior and likelihood raised to powers."""
        weights = np.array([prior / self.prior_sd**2, data / self.data_sd**2])
        variance = 1.0 / weights.sum()
        return stats.norm(variance * weights[1] * self.mean, math.sqrt(variance))

    def rows(self) -> dict[str, Scaled]:
        prior = stats.norm.logpdf(self.draws, 0.0, self.prior_sd)
        data = stats.norm.logpdf(self.mean, self.draws, self.data_sd)
        found = scaled_rows({"mean": prior}, data, self.draws.ravel(), {"mean": 1.0})
        return {row.factor: row for row in found}


MODELS = {"vague": Conjugate(10.0, 1.0, 1.0), "strong": Conjugate(0.5, 1.0, 3.0)}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("factor", ["mean", LIKELIHOOD])
def test_changes_are_those_of_the_scaled_posterior(name: str, factor: str) -> None:
    model = MODELS[name]
    row = model.rows()[factor]
    exact = model.posterior()
    for i, power in enumerate(POWERS):
        scaled = model.posterior(**{"prior" if factor == "mean" else "data": power})
        for q, change in ((0.05, row.low), (0.5, row.median), (0.95, row.high)):
            wanted = scaled.ppf(q) - exact.ppf(q)
            # Error of the difference of two quantiles, were they of different draws; over twenty
            # other seeds the sd was 0.54 of it: at 3 of it a false alarm is below 1e-6.
            error = math.sqrt(2 * q * (1 - q) / model.draws.size) / exact.pdf(exact.ppf(q))
            assert change[i] == pytest.approx(wanted, abs=3 * error)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("factor", ["mean", LIKELIHOOD])
def test_sensitivity_is_the_slope_of_the_distance(name: str, factor: str) -> None:
    model = MODELS[name]
    exact = model.posterior()
    # Over the range of the draws: the bound of the distance is a function of it.
    x = np.linspace(model.draws.min(), model.draws.max(), 20_001)

    def distance(power: float) -> float:
        scaled = model.posterior(**{"prior" if factor == "mean" else "data": power})
        sides = []
        for base, other in (
            (exact.cdf(x), scaled.cdf(x)),
            (exact.sf(x), scaled.sf(x)),
        ):
            middle = (base + other) / 2
            total = base * np.log2(base / middle) + other * np.log2(other / middle)
            sides.append(math.sqrt(total.sum() / (base + other).sum()))
        return max(sides)

    wanted = (distance(1 / STEP) + distance(STEP)) / (2 * math.log2(STEP))
    # Over twenty other seeds the relative sd was 6 % where the data decide nearly all (they are
    # raised in a tail of weights), 3 % elsewhere: 6 sd.
    rel = 0.36 if (name, factor) == ("vague", LIKELIHOOD) else 0.18
    assert model.rows()[factor].sensitivity == pytest.approx(wanted, rel=rel)


def test_conflict_is_told_from_a_vague_prior() -> None:
    vague, strong = MODELS["vague"].rows(), MODELS["strong"].rows()
    assert vague["mean"].sensitivity < THRESHOLD / 2
    assert vague["mean"].verdict == "robust"
    assert strong["mean"].sensitivity > 3 * THRESHOLD
    assert strong["mean"].verdict == strong[PRIORS].verdict == "conflict"
    assert vague[LIKELIHOOD].verdict == strong[LIKELIHOOD].verdict == "informative"


def test_data_that_say_nothing_are_a_weak_likelihood() -> None:
    rows = Conjugate(1.0, 100.0, 3.0).rows()
    assert rows[LIKELIHOOD].verdict == "weak"
    assert rows["mean"].verdict == "weak-likelihood"


def test_forecast_that_ignores_the_parameter_is_robust() -> None:
    model = MODELS["strong"]
    prior = stats.norm.logpdf(model.draws, 0.0, model.prior_sd)
    data = stats.norm.logpdf(model.mean, model.draws, model.data_sd)
    other = np.random.default_rng(5).standard_normal(model.draws.size)
    rows = scaled_rows({"mean": prior}, data, other, {"mean": 1.0})
    # Independent draws leave a distance of their own: 0.007 on average over thirty seeds.
    assert all(row.sensitivity < THRESHOLD for row in rows)


def test_distance_is_nought_for_equal_weights_and_grows_with_the_shift() -> None:
    draws = np.random.default_rng(3).standard_normal(4000)
    even = np.full(draws.size, 1 / draws.size)
    assert cumulative_distance(draws, even) < 1e-7
    tilted = [np.exp(shift * draws) / np.exp(shift * draws).sum() for shift in (0.1, 0.3, 1.0)]
    found = [cumulative_distance(draws, weights) for weights in tilted]
    assert found == sorted(found)
    # The paper's reading of the threshold: a shift of about 0.3 standard deviations.
    assert found[1] == pytest.approx(THRESHOLD, rel=0.5)
    np.testing.assert_allclose(found, [cumulative_distance(-draws, w) for w in tilted])


def test_smoothed_weights_follow_the_density_and_sum_to_one() -> None:
    log_weights = np.random.default_rng(2).normal(size=(CHAINS, DRAWS)) * 0.3
    weights, pareto_k = _arviz.pareto_smoothed_weights(log_weights)
    assert weights.sum() == pytest.approx(1.0)
    # Only the tail is smoothed, and it keeps its order.
    raw = np.exp(log_weights.ravel())
    body = raw < np.quantile(raw, 0.8)
    np.testing.assert_allclose(weights[body] / raw[body], weights[body][0] / raw[body][0])
    np.testing.assert_array_equal(np.argsort(weights), np.argsort(raw))
    assert pareto_k < 0.7


def test_heavy_tailed_weights_have_a_large_pareto_k() -> None:
    heavy = np.log(np.random.default_rng(2).pareto(1.0, size=(CHAINS, DRAWS)) + 1.0)
    # The tail's shape is 1; over a hundred other seeds the estimate had an sd of 0.13: 4.5 sd.
    assert _arviz.pareto_smoothed_weights(heavy)[1] == pytest.approx(1.0, abs=0.6)


def _fit(spec: Spec, name: str) -> tuple[Lane, Posterior]:
    ladder = make_ladder(spec=spec, n_ladder=14, n_items=300)
    lane = curve_lane(ladder, spec)
    (posterior,) = sample([stream(zlib.crc32(name.encode()), name, CURVE)], spec, [lane]).posteriors
    return lane, posterior


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "verdict"), [(0.5, "robust"), (0.03, "conflict")])
def test_planted_strong_prior_is_flagged_and_the_shipped_one_is_not(
    scale: float, verdict: str
) -> None:
    text = load_spec("end-to-end").text
    start = text.index("[priors.b]")
    edited = text[:start] + re.sub(r"scale = 0\.5", f"scale = {scale}", text[start:], count=1)
    spec = parse_spec(edited)
    lane, posterior = _fit(spec, "planted")
    # The exponent itself is what the prior is of: about 0.4 in truth.
    found = power_scaling(spec, lane, posterior, flatten(posterior.sites["b"]))
    assert found["b"].verdict == verdict
    # Nothing in the ladder speaks of how the law goes on beyond it, and nothing here asks.
    assert found["drift"].verdict == "robust"


@pytest.mark.slow
def test_prior_that_the_ladder_says_nothing_of_is_told_apart() -> None:
    spec = load_spec("end-to-end")
    lane, posterior = _fit(spec, "planted")
    draws = flatten(posterior.sites["drift"])
    found = power_scaling(spec, lane, posterior, draws)
    assert found["drift"].verdict == "prior-only"
    assert found["b"].verdict == "robust"
