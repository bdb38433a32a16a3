"""Log densities of a posterior's factors: their values, where they are stored, who reads them."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import jax
import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from bayescod import _arviz
from bayescod.api import forecast
from bayescod.batches import Lane
from bayescod.evaluation.power_scaling import (
    LIKELIHOOD,
    PRIORS,
    THRESHOLD,
    power_scaling,
    stored_power_scaling,
)
from bayescod.forecasting import assembly, densities, lanes, recall
from bayescod.forecasting.curve_fits import CurveFit
from bayescod.forecasting.densities import Densities, log_densities
from bayescod.forecasting.lanes import cluster_lane, curve_lane, padded_size
from bayescod.forecasting.recall import Recall
from bayescod.forecasting.records import ForecastSet
from bayescod.forecasting.stacking import pointwise
from bayescod.forecasting.store import load, write_forecast
from bayescod.laws import LAWS
from bayescod.programs.single_curve import VARIANCE_FLOOR
from bayescod.programs.space import program_of, site_shapes
from bayescod.sampling import Posterior, unheard
from bayescod.specs import Spec, load_spec, parse_spec
from tests._factories import HEALTHY
from tests._ladders import TARGET, make_ladder, make_scores, planted_labels

FloatArray = npt.NDArray[np.float64]
# Sums over two chains of three draws, by the function that these densities were first read off.
KNOWN = {
    "cod": {
        "b_loc": -3.0368899776,
        "b_scale": -20.206760533,
        "c_scale": -4.9732441185,
        "drift": -7.862854848,
        "g": -120.20702502,
        "log_a": -52.43675677,
        "run_scale": -13.084740486,
        "spread": -0.22725014402,
        "walk_scale": -4.9809590154,
        LIKELIHOOD: -10193.232699,
    },
    "end-to-end": {
        "b": -0.70473815189,
        "c": -3.3325852021,
        "drift": -16.528385433,
        "g": -44.068028388,
        "log_a": -16.585491662,
        "spread": -19.336722932,
        "walk_scale": -21.350806638,
        LIKELIHOOD: -99.847748089,
    },
    "loss-intermediate": {
        "c": -2.7406353848,
        "drift": -26.115989237,
        "g": -36.813972347,
        "level": -9.8266141043,
        "loss_exponent": 0.55242546183,
        "loss_gain": -465.97645212,
        "loss_limit": -2.4711057596,
        "loss_spread": -68.059711714,
        "slope": -4.1178356179,
        "spread": -11.903474675,
        "walk_scale": -10.754412682,
        LIKELIHOOD: -62.067336693,
    },
}


def values(spec: Spec, lane: Lane) -> Posterior:
    """Values of all sites that every prior allows: densities can be asked of them."""
    rng = np.random.default_rng(0)
    shapes = site_shapes(spec, lane.data)
    sites = {name: rng.uniform(0.1, 0.9, size=(2, 3, *shape)) for name, shape in shapes.items()}
    return Posterior(sites, {}, diagnostics=HEALTHY)


def made_up(name: str) -> tuple[Spec, Lane, Posterior, Densities]:
    spec = load_spec(name)
    ladder = make_ladder(spec=spec)
    # The padding that they were read off with: the made-up values are drawn in its shapes.
    with patch.object(lanes, "padded_size", lambda n, _: padded_size(n, 16)):
        if spec.program == "clusters":
            lane = cluster_lane(ladder, planted_labels(ladder), spec)
        else:
            lane = curve_lane(ladder, spec)
    posterior = values(spec, lane)
    return spec, lane, posterior, log_densities(spec, lane, posterior)


@pytest.mark.parametrize("name", KNOWN)
def test_densities_are_those_known(name: str) -> None:
    _, _, _, found = made_up(name)
    # Members of a population and the run effects are no priors of the spec.
    summed = {site: float(value.sum()) for site, value in found.prior.items()}
    summed[LIKELIHOOD] = float(found.likelihood.sum())
    assert summed == pytest.approx(KNOWN[name], rel=1e-9)
    assert all(value.shape == (2, 3) for value in found.prior.values())


def test_priors_are_those_of_the_spec_and_leave_padding_out() -> None:
    spec, lane, posterior, found = made_up("cod")
    drift = spec.priors["drift"].parameters
    exact = stats.lognorm.logpdf(
        posterior.sites["drift"], drift["scale"], scale=math.exp(drift["loc"])
    )
    np.testing.assert_allclose(found.prior["drift"], exact)
    used = lane.used["g"]
    alpha, beta = (float(lane.data[name]) for name in ("guess_alpha", "guess_beta"))
    floors = posterior.sites["g"][..., used]
    exact = stats.beta.logpdf(floors, alpha, beta).sum(axis=-1)
    np.testing.assert_allclose(found.prior["g"], exact)
    assert used.sum() == 3
    assert used.size > 3


def test_points_of_a_curve_are_the_observed_scores() -> None:
    spec, lane, posterior, found = made_up("end-to-end")
    fit = CurveFit(spec, make_ladder(spec=spec), lane, posterior)
    np.testing.assert_allclose(found.likelihood, pointwise(fit), rtol=1e-6)
    assert found.likelihood.shape == (2, 3, 7)
    assert lane.data["observed"].size > 7


def test_points_of_clusters_are_clusters_by_llms() -> None:
    """By hand: the second of three clusters at the fifth of seven LLMs, under the last draw."""
    spec, lane, posterior, found = made_up("cod")
    data = {name: np.asarray(value) for name, value in lane.data.items()}
    draw = {name: value[1, 2] for name, value in posterior.sites.items()}
    k, llm = 1, 4
    delta = data["run_basis"] @ np.where(data["run_used"], draw["run_effect"], 0.0)
    at = {name: value for name, value in data.items() if name.startswith("log_")}
    at |= {"log_compute": data["log_compute"][llm] + delta[llm]}
    own = {site: draw[site][k] for site in ("log_a", "b", "c", "g")}
    mean = float(LAWS[spec.law].mean(at, own))
    size = data["log_compute"].size
    items = data["cluster_items"][k]
    variance = data["variance"][k * size + llm] + mean * (1 - mean) * draw["spread"] ** 2 / items
    exact = stats.norm.logpdf(
        data["pass_rate"][k * size + llm], mean, math.sqrt(variance + VARIANCE_FLOOR)
    )
    assert found.likelihood.shape == (2, 3, 3 * 7)
    assert found.likelihood[1, 2, k * 7 + llm] == pytest.approx(exact, rel=1e-9)


def test_data_of_one_shape_are_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = []

    def counting(spec: Spec) -> object:
        program = program_of(spec)

        def told(**arguments: object) -> None:
            traced.append(spec.name)
            program(**arguments)

        return told

    monkeypatch.setattr(densities, "program_of", counting)
    densities._program.cache_clear()
    spec = load_spec("end-to-end")
    # Half the scale of two priors: other numbers are no other program.
    other = parse_spec(re.sub(r"^scale = 0\.5", "scale = 0.25", spec.text, flags=re.MULTILINE))
    found = []
    for seed, one in enumerate((spec, spec, other)):
        lane = curve_lane(make_ladder(seed % 2, one), one)
        found.append(log_densities(one, lane, values(one, lane)))
    assert len(traced) == 1
    assert not np.allclose(found[0].likelihood, found[1].likelihood)
    np.testing.assert_array_equal(found[0].likelihood, found[2].likelihood)
    changed = {
        site for site in found[0].prior if (found[0].prior[site] != found[2].prior[site]).any()
    }
    assert changed == {"b", "drift"}
    longer = curve_lane(make_ladder(0, spec, n_ladder=20), spec)
    assert log_densities(spec, longer, values(spec, longer)).likelihood.shape[-1] == 20
    assert len(traced) == 2


def drawn(
    keys: Sequence[jax.Array], spec: Spec, lanes: Sequence[Lane], progress: object = unheard
) -> tuple[list[Posterior], list[tuple[float, float]]]:
    """Posteriors that nobody sampled."""
    found = []
    for i, lane in enumerate(lanes):
        rng = np.random.default_rng(i)
        sites = {
            name: 0.3 * np.exp(0.1 * rng.standard_normal((4, 100, *shape)))
            for name, shape in site_shapes(spec, lane.data).items()
        }
        if "steps" in sites:
            sites["steps"] /= sites["steps"].sum(axis=-1, keepdims=True)
        stats_ = {"diverging": np.zeros((4, 100), dtype=bool)}
        found.append(Posterior(sites, stats_, replace(HEALTHY, n_draws=400)))
    return found, [(0.0, 0.0)] * len(lanes)


@pytest.fixture(scope="module", params=["cod", "end-to-end"])
def made(request: pytest.FixtureRequest) -> ForecastSet:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recall, "sample_each", drawn)
        found = forecast(make_scores(0), target=TARGET, model_spec=request.param, recall=Recall())
    assert found.benchmarks[0].method == request.param
    return found


def test_groups_are_of_the_posterior_that_is_stored(made: ForecastSet) -> None:
    tree = made.benchmarks[0].tree
    spec = load_spec(made.spec)
    priors = {site for site, prior in spec.priors.items() if prior.parameters}
    assert set(tree["log_prior"].data_vars) == priors
    drift = spec.priors["drift"].parameters
    exact = stats.lognorm.logpdf(
        tree["posterior"]["drift"], drift["scale"], scale=math.exp(drift["loc"])
    )
    np.testing.assert_allclose(tree["log_prior"]["drift"], exact)
    points = tree["log_likelihood"]["fitted_rate"]
    assert points.dims == ("chain", "draw", "obs_id")
    assert points.shape == (4, 100, tree["observed_data"]["fitted_rate"].size)
    assert points.dtype == np.float64


def test_many_points_are_stored_in_single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recall, "sample_each", drawn)
    monkeypatch.setattr(assembly, "_MOST_DOUBLES", 1000)
    (one,) = forecast(make_scores(0), target=TARGET, model_spec="end-to-end").benchmarks
    assert one.tree["log_likelihood"]["fitted_rate"].dtype == np.float32
    assert one.tree["log_prior"]["drift"].dtype == np.float64
    assert stored_power_scaling(one) is not None


def test_stored_sensitivity_is_that_of_the_fit(made: ForecastSet) -> None:
    (one,) = made.benchmarks
    spec = load_spec(made.spec)
    found = stored_power_scaling(one)
    assert found is not None
    if one.method == "end-to-end":
        ladder = make_ladder(spec=spec)
        lane = curve_lane(ladder, spec)
        sites = {str(n): v.to_numpy() for n, v in one.tree["posterior"].data_vars.items()}
        again = power_scaling(spec, lane, Posterior(sites, {}, HEALTHY), one.draws())
        assert again == found
    assert [row.factor for row in found.rows[:2]] == [PRIORS, LIKELIHOOD]
    assert {row.factor for row in found.rows[2:]} == set(one.tree["log_prior"].data_vars)


def test_folder_of_an_earlier_version_has_no_sensitivity(made: ForecastSet) -> None:
    (one,) = made.benchmarks
    tree = one.tree.copy()
    del tree["log_prior"]
    assert stored_power_scaling(replace(one, tree=tree)) is None


def test_arviz_works_on_the_stored_file(made: ForecastSet, tmp_path: Path) -> None:
    """Leave-one-out and power scaling by ArviZ itself, of either major version."""
    arviz = _arviz._load_arviz()
    write_forecast(made, tmp_path / "out", figures=False)
    (path,) = (tmp_path / "out/posterior").iterdir()
    stored = arviz.from_netcdf(path, engine="h5netcdf")
    points = load(tmp_path / "out").benchmarks[0].tree["log_likelihood"]["fitted_rate"].values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of Pareto k: nobody sampled these draws
        loo = arviz.loo(stored, pointwise=True)
    elpd, _ = _arviz.pareto_smoothed_loo(points.astype(np.float64))
    by_arviz = np.ravel(loo.loo_i if "loo_i" in dir(loo) else loo.elpd_i)
    # The tail that is smoothed is as long as the draws are independent, which each judges by others
    # of them: 2 % here.
    np.testing.assert_allclose(by_arviz, elpd, rtol=0.1)
    if hasattr(arviz, "psens"):
        slopes = arviz.psens(stored, component="prior", component_var_names=["drift"])
    else:
        slopes = arviz.psense(stored, group="prior", group_var_names=["drift"])
    # The prior of one site moves that site, and no other: the draws are independent.
    assert float(slopes["drift"]) > 2 * THRESHOLD
    assert float(slopes["walk_scale"]) < THRESHOLD
