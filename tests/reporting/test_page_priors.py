"""How far the answer hangs on the priors: from stored densities, against a conjugate model."""

from __future__ import annotations

import dataclasses
import re
from html import unescape

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from bayescod.evaluation.power_scaling import LIKELIHOOD, POWERS, PRIORS, Scaled
from bayescod.reporting.page.facts import page_facts
from bayescod.reporting.page.markdown import markdown
from bayescod.reporting.page.page import render, report
from bayescod.reporting.page.priors import (
    CONDITIONED,
    HOW_SCALED,
    NOT_STORED,
    change,
    hanging_sentence,
    hanging_sentences,
    quiet_sentence,
    shown_rows,
    verdict,
)
from tests._factories import HEALTHY, make_benchmark, make_course, make_set

N = 4000
PRIOR_SD, DATA_SD, MEAN, UNIT = 0.5, 1.0, 3.0, 0.04


def posterior(prior: float = 1.0) -> stats.rv_continuous:
    """A normal mean under a normal prior that is raised to a power."""
    weights = np.array([prior / PRIOR_SD**2, 1.0 / DATA_SD**2])
    return stats.norm(weights[1] * MEAN / weights.sum(), weights.sum() ** -0.5)


def with_densities(name: str = "toy", **settings):
    """A forecast whose score follows a parameter that has a known posterior."""
    forecast = make_benchmark(name, n_draws=N, **settings)
    rng = np.random.default_rng(4)
    draws = posterior().mean() + posterior().std() * rng.standard_normal((4, N // 4))
    idle = rng.standard_normal((4, N // 4))
    over = ("chain", "draw")
    data = stats.norm.logpdf(MEAN, draws, DATA_SD)
    tree = forecast.tree.copy()
    tree["posterior"] = xr.DataTree(xr.Dataset({"slope": (over, draws), "idle": (over, idle)}))
    tree["log_prior"] = xr.DataTree(
        xr.Dataset(
            {
                "slope": (over, stats.norm.logpdf(draws, 0.0, PRIOR_SD)),
                "idle": (over, stats.norm.logpdf(idle)),
            }
        )
    )
    points = np.stack([data / 2, data / 2], axis=-1)
    tree["log_likelihood"] = xr.DataTree(xr.Dataset({"fitted_rate": ((*over, "obs_id"), points)}))
    predictions = tree["predictions"].to_dataset()
    score = 0.5 + UNIT * (draws.ravel() - draws.mean())
    tree["predictions"] = xr.DataTree(predictions.assign(score=("draw", score)))
    return dataclasses.replace(forecast, tree=tree)


def text_of(source: str) -> str:
    words = re.sub(r"<[^>]+>", " ", source.split("</style>")[1])
    return " ".join(unescape(words).replace("\u00a0", " ").split())


@pytest.fixture(scope="module")
def facts():
    return page_facts(make_set(with_densities()))


def test_changes_are_those_of_the_scaled_posterior(facts):
    # The error is that of the difference of two medians, were they of different draws: these are
    # the same draws, whose difference varies by half of it. At 3 of it a false alarm is below 1e-6.
    row = facts.benchmarks[0].scaling["slope"]
    for i, power in enumerate(POWERS):
        wanted = UNIT * (posterior(power).ppf(0.5) - posterior().ppf(0.5))
        error = UNIT * (2 * 0.25 / N) ** 0.5 / posterior().pdf(posterior().ppf(0.5))
        assert row.median[i] == pytest.approx(wanted, abs=3 * error)
    assert row.verdict == "conflict"


def test_page_and_markdown_say_so(facts):
    found = facts.benchmarks[0].scaling
    page, pasted = text_of(render(facts)), unescape(markdown(facts)).replace("\\", "")
    for shown in (page, pasted):
        for said in (hanging_sentence(found), HOW_SCALED, "all priors together"):
            assert said in shown
        for row in (found[PRIORS], found[LIKELIHOOD]):
            for text in (f"{row.sensitivity:.2f}", verdict(row), *(change(row, p) for p in POWERS)):
                assert text in shown
        assert NOT_STORED not in shown
    assert [row.factor for row in shown_rows(found)] == [PRIORS, LIKELIHOOD, "slope"]
    assert quiet_sentence(found) == "Below 0.05: idle."
    assert "Below 0.05: idle." in page


def test_layman_is_told_the_largest_change():
    row = Scaled(PRIORS, 0.1, (-0.012, 0.01), (-0.02, 0.03), (0.0, 0.001), 0.2, "conflict")
    found = dataclasses.replace(page_facts(make_set(with_densities())).benchmarks[0].scaling)
    told = dataclasses.replace(found, rows=(row, *found.rows[1:]))
    assert "a quarter more, or a fifth less, the expected score would move by 1.2 points at" in (
        hanging_sentence(told)
    )
    assert "range by 3.0 points at most" in hanging_sentence(told)
    rough = dataclasses.replace(row, pareto_k=0.9)
    told = dataclasses.replace(found, rows=(rough, *found.rows[1:]))
    assert "points" not in hanging_sentence(told)
    assert "more than these draws can tell" in hanging_sentence(told)
    assert verdict(rough).endswith("(Pareto k 0.90: do not trust the changes)")
    assert "Pareto" not in verdict(row)


def test_outcomes_that_no_prior_moves_are_told():
    """A quarter of the draws come from another way of forecasting, and stay where they are."""
    forecast = with_densities()
    predictions = forecast.tree["predictions"].to_dataset()
    latent = predictions["latent_score"].values
    other = np.where(np.arange(N) < N // 4, latent, latent + 0.01)
    forecast.tree["predictions"] = xr.DataTree(predictions.assign(end_to_end=("draw", other)))
    (one,) = page_facts(make_set(forecast)).benchmarks
    assert "25 % of the outcomes are made in another way" in hanging_sentences(one)
    (alone,) = page_facts(make_set(with_densities())).benchmarks
    assert hanging_sentences(alone) == hanging_sentence(alone.scaling)


def test_folder_of_an_earlier_version_says_where_to_ask():
    forecasts = make_set(make_benchmark("toy"))
    shown = text_of(report(forecasts))
    assert NOT_STORED in shown
    assert NOT_STORED in markdown(page_facts(forecasts))
    assert "all priors together" not in shown


def test_forecast_that_a_checkpoint_has_moved_has_no_such_table():
    forecasts = dataclasses.replace(make_set(with_densities()), course=make_course("toy"))
    facts = page_facts(forecasts)
    assert facts.benchmarks[0].scaling is None
    assert CONDITIONED in text_of(render(facts))
    assert CONDITIONED in markdown(facts)
    assert "all priors together" not in render(facts)


def test_failed_checks_state_no_change():
    bad = dataclasses.replace(HEALTHY, max_rhat=float("nan"))
    sick = with_densities("sick", status="fail", diagnostics=bad)
    facts = page_facts(make_set(sick, with_densities("fine", seed=1)))
    told = {one.name: one.scaling is not None for one in facts.benchmarks}
    assert told == {"sick": False, "fine": True}
