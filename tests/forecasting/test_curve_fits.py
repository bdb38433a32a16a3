"""Posteriors of one curve: read off at other amounts of compute, and what they need for it."""

from dataclasses import replace
from functools import cache

import jax
import numpy as np
import pytest
from numpyro.infer.util import log_likelihood
from scipy.special import expit

from bayescod.convergence import Diagnostics
from bayescod.curves import accuracy
from bayescod.errors import DataError
from bayescod.forecasting.curve_fits import CurveFit, curve_scores
from bayescod.forecasting.effects import beyond
from bayescod.forecasting.lanes import cluster_lane, curve_lane
from bayescod.forecasting.stacking import pointwise
from bayescod.programs.space import program_of
from bayescod.sampling import Posterior
from bayescod.scores.selection import parse_target
from bayescod.specs import load_spec, spec_names
from tests._ladders import OFF_RATIO, make_ladder, make_llms, planted_labels

ONE_CURVE = [
    name
    for name in spec_names()
    if load_spec(name).program in ("single_curve", "loss_intermediate")
]
RANGES = {
    "log_a": (1.0, 3.0),
    "b": (0.1, 0.5),
    "c": (0.0, 0.3),
    "g": (0.0, 0.3),
    "share": (0.2, 0.8),
    "tilt": (-0.5, 0.5),
    "level": (-1.0, 1.0),
    "slope": (0.2, 1.0),
    "reducible": (0.5, 0.9),
    "b_break": (0.0, 0.3),
    "log_break": (1.0, 5.0),
    "sharpness": (0.3, 1.0),
    "limit": (0.0, 0.2),
    "loss_limit": (0.3, 0.8),
    "loss_exponent": (0.05, 0.3),
    "loss_gain": (-0.05, 0.05),
    "loss_spread": (0.005, 0.02),
    "spread": (0.02, 0.1),
    "walk_scale": (0.05, 0.3),
    "drift": (0.5, 3.0),
}
AT = np.array([4e20, 4e22, 1e24, 1e25])
ZERO = np.zeros(6)


def holed(ladder):
    """The ladder without scores of its third LLM."""
    rate = ladder.scores.pass_rate.copy()
    rate[:, 2] = np.nan
    return replace(ladder, scores=replace(ladder.scores, pass_rate=rate))


@cache
def made_up_fit(name):
    """A fit of two chains of three draws that nobody sampled."""
    spec = load_spec(name)
    ladder = holed(make_ladder(0, spec, tokens_per_param=OFF_RATIO))
    rng = np.random.default_rng(4)
    sites = {site: rng.uniform(*RANGES[site], (2, 3)) for site in sorted(spec.priors)}
    figures = Diagnostics(1.0, 500.0, 500.0, 0, 6)
    return CurveFit(spec, ladder, curve_lane(ladder, spec), Posterior(sites, {}, figures))


def without_departure(fit, **changes):
    """The same draws for a run that is exactly as good as its law."""
    sites = dict(fit.posterior.sites)
    for name in {"spread", "walk_scale", "drift", "loss_spread"} & sites.keys():
        sites[name] = np.zeros((2, 3))
    return replace(fit, posterior=replace(fit.posterior, sites=sites | changes))


def scores_of(fit, compute=AT, target="1e24@20", normals=ZERO, seed=0):
    rng = np.random.default_rng(seed)
    return curve_scores(fit, compute, parse_target(target, make_llms()), normals, rng)


def flat(fit):
    return {name: values.ravel() for name, values in fit.posterior.sites.items()}


@pytest.mark.parametrize("name", ONE_CURVE)
def test_pointwise_densities_are_those_of_the_program(name):
    fit = made_up_fit(name)
    program, data = program_of(fit.spec), dict(fit.lane.data)
    rate = data.pop("pass_rate")

    @jax.jit
    def by_program(sites):
        return log_likelihood(
            program, sites, batch_ndims=2, parallel=True, data=data, pass_rate=rate
        )

    expected = np.asarray(by_program(dict(fit.posterior.sites))["pass_rate"])
    found = pointwise(fit)
    assert found.shape == (2, 3, 6)
    np.testing.assert_allclose(found, expected[..., [0, 1, 3, 4, 5, 6]], rtol=1e-6)
    # What was not seen has no density: the program masks it, and it is not among the points.
    assert (expected[..., [2, 7]] == 0).all()
    assert (found != 0).all()


@pytest.mark.parametrize("name", sorted(set(ONE_CURVE) - {"loss-intermediate"}))
def test_expected_rates_are_those_of_a_target_that_is_as_good_as_its_law(name):
    fit = without_departure(made_up_fit(name))
    expected = fit.expected()
    assert expected.shape == (7, 6)
    for i in range(7):
        llm = parse_target(f"llm-{i}", make_llms(tokens_per_param=OFF_RATIO))
        rng = np.random.default_rng(0)
        found = curve_scores(fit, fit.ladder.compute_flops[[i]], llm, ZERO, rng)
        np.testing.assert_allclose(found[0], expected[i], rtol=1e-9)


def test_expected_rates_through_loss_are_at_the_loss_that_was_measured():
    fit = made_up_fit("loss-intermediate")
    of, own = flat(fit), fit.ladder.log_loss - fit.ladder.log_loss[0]
    np.testing.assert_allclose(fit.expected(), at_loss(of, own, own[:, None]), rtol=1e-9)


def at_loss(of, own, loss):
    """Logistic in log loss, in units of its standard deviation over the ladder."""
    reached = expit(of["level"] - of["slope"] * (loss - own.mean()) / own.std())
    return of["g"] + (1 - of["g"]) * np.exp(-of["c"]) * reached


def test_end_to_end_scores_follow_eq_1():
    fit = without_departure(made_up_fit("end-to-end"))
    of = flat(fit)
    u = np.log(AT / fit.ladder.unit_flops)[:, None]
    expected = accuracy(u, of["log_a"], of["b"], of["c"], of["g"])
    np.testing.assert_allclose(scores_of(fit), expected, rtol=1e-9)


@pytest.mark.parametrize("ratio", [5.0, 20.0, 300.0])
def test_scores_in_parameters_and_tokens_follow_the_targets_ratio(ratio):
    fit = without_departure(made_up_fit("params-tokens"))
    of, ladder = flat(fit), fit.ladder
    params = np.sqrt(AT / (6 * ratio))[:, None]
    n = params / np.exp(ladder.log_params.mean())
    d = ratio * params / np.exp(ladder.log_tokens.mean())
    middle = np.exp(of["log_a"] - of["b"] * ladder.log_compute.mean())
    loss = middle * of["share"] * n ** (-2 * of["b"] * np.exp(of["tilt"])) + of["c"]
    loss += middle * (1 - of["share"]) * d ** (-2 * of["b"] * np.exp(-of["tilt"]))
    expected = of["g"] + (1 - of["g"]) * np.exp(-loss)
    np.testing.assert_allclose(scores_of(fit, target=f"1e24@{ratio}"), expected, rtol=1e-9)


def test_scores_through_loss_follow_both_laws():
    fit = without_departure(made_up_fit("loss-intermediate"))
    of, ladder = flat(fit), fit.ladder
    over = (AT / ladder.compute_flops.min())[:, None]
    limit = of["loss_limit"]
    loss = of["loss_gain"] + np.log(limit + (1 - limit) * over ** -of["loss_exponent"])
    own = ladder.log_loss - ladder.log_loss[0]
    np.testing.assert_allclose(scores_of(fit), at_loss(of, own, loss), rtol=1e-9)


def test_loss_of_the_targets_run_departs_from_its_law():
    """A run's loss is as uncertain as the ladder's: the same draw at every compute."""
    still = without_departure(made_up_fit("loss-intermediate"))
    moved = without_departure(still, loss_spread=np.full((2, 3), 0.02))
    change = scores_of(moved) - scores_of(still)
    assert (change != 0).all()
    assert (np.sign(change) == np.sign(change[0])).all()
    assert (scores_of(moved) != scores_of(moved, seed=1)).all()


@pytest.mark.parametrize("name", ONE_CURVE)
def test_walk_and_drift_matter_beyond_the_ladder_only(name):
    still = without_departure(made_up_fit(name), spread=np.full((2, 3), 0.05))
    wide = {"walk_scale": np.full((2, 3), 0.3), "drift": np.full((2, 3), 2.0)}
    moved = without_departure(still, spread=np.full((2, 3), 0.05), **wide)
    normals = np.linspace(-1.5, 1.5, 6)
    plain, walked = (scores_of(fit, normals=normals) for fit in (still, moved))
    inside = beyond(np.log(AT), np.log(still.ladder.compute_flops)) == 0
    assert 0 < inside.sum() < AT.size
    np.testing.assert_array_equal(walked[inside], plain[inside])
    assert (walked[~inside] != plain[~inside]).any()


def test_a_law_in_tokens_says_which_target_lacks_them():
    with pytest.raises(DataError, match="the law of params-tokens needs parameters") as caught:
        scores_of(made_up_fit("params-tokens"), target="1e24")
    (problem,) = caught.value.problems
    assert problem.code == "target-without-tokens"
    assert problem.got == "1e24 FLOP"
    for name in set(ONE_CURVE) - {"params-tokens"}:
        assert np.isfinite(scores_of(made_up_fit(name), target="1e24")).all(), name


def lacking(*columns):
    """A ladder whose second LLM lacks what is named."""
    ladder = make_ladder()
    for name in columns:
        values = getattr(ladder, name).copy()
        values[1] = np.nan
        ladder = replace(ladder, **{name: values})
    return ladder


@pytest.mark.parametrize(
    ("name", "columns", "told"),
    [
        ("params-tokens", ("log_params",), "params"),
        ("params-tokens", ("log_params", "log_tokens"), "params, tokens"),
        ("cod-params-tokens", ("log_tokens",), "tokens"),
        ("loss-intermediate", ("log_loss",), "loss"),
    ],
)
def test_what_the_models_table_lacks_is_told_before_sampling(name, columns, told):
    spec, ladder = load_spec(name), lacking(*columns)

    def lane():
        if spec.program == "clusters":
            return cluster_lane(ladder, planted_labels(ladder), spec)
        return curve_lane(ladder, spec)

    with pytest.raises(DataError, match=f"the law of {name} needs {told} of every") as caught:
        lane()
    (problem,) = caught.value.problems
    assert (problem.code, problem.column) == ("no-covariate", told)


@pytest.mark.parametrize("name", ["end-to-end", "logistic", "broken-power-law"])
def test_laws_in_compute_do_without_the_rest(name):
    """The negative control; no lane has a NaN in what its program reads."""
    ladder = lacking("log_params", "log_tokens", "log_loss")
    lane = curve_lane(ladder, load_spec(name))
    assert all(np.isfinite(values).all() for values in lane.data.values())
