"""Weights of rival laws, from known densities and from ladders whose law is known."""

import itertools
from dataclasses import replace

import jax
import numpy as np
import pytest
from scipy.stats import beta, gamma, halfnorm, lognorm, norm

from bayescod.convergence import Diagnostics, judge
from bayescod.forecasting import fitting
from bayescod.forecasting.fitting import fit
from bayescod.forecasting.forecasts import forecasts_for
from bayescod.forecasting.recall import Recall
from bayescod.forecasting.spec_sets import Specs, specs_of
from bayescod.forecasting.stacking import leads, loo_of, stacking_weights
from bayescod.laws import LAWS
from bayescod.reporting.progress import Silence
from bayescod.sampling import Posterior
from bayescod.scores.records import BenchmarkScores
from bayescod.specs import load_spec
from tests._ladders import OFF_RATIO, ONE_RATIO, TARGET, make_scores, select

N_TRIALS, N_DRAWS = 400, 400


def score_of(weights, densities):
    """What the weights maximise: the mean log density of the mixture."""
    return np.log(np.asarray(weights) @ np.exp(np.stack(densities))).mean()


def test_a_law_that_is_worse_everywhere_has_no_weight():
    good = np.random.default_rng(0).normal(size=12)
    weights = stacking_weights([good - 1.0, good])
    assert weights[0] < 1e-6
    assert weights.sum() == pytest.approx(1.0)


def test_laws_that_say_the_same_share():
    same = np.random.default_rng(1).normal(size=12)
    np.testing.assert_allclose(stacking_weights([same, same, same]), 1 / 3)


def test_one_law_has_all_the_weight():
    assert stacking_weights([np.array([-3.0, -700.0])]).tolist() == [1.0]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_planted_mixture_is_recovered(share):
    """5,000 points of two normals three apart, within 5 standard errors (6e-7)."""
    rng = np.random.default_rng(2)
    n = 5_000
    y = rng.normal(np.where(rng.random(n) < share, 0.0, 3.0), 1.0)
    first, second = norm.logpdf(y, 0.0), norm.logpdf(y, 3.0)
    weights = stacking_weights([first, second])
    one, other = np.exp(first), np.exp(second)
    # Fisher information of the share, from the points themselves.
    information = (((one - other) / (share * one + (1 - share) * other)) ** 2).sum()
    assert weights[0] == pytest.approx(share, abs=5 / np.sqrt(information))
    assert 5 / np.sqrt(information) < 0.06


@pytest.mark.parametrize("seed", range(5))
def test_no_other_weights_of_a_grid_are_better(seed):
    rng = np.random.default_rng(seed)
    densities = list(rng.normal(0.0, 1.5, (3, 9)))
    best = score_of(stacking_weights(densities), densities)
    steps = np.linspace(0.0, 1.0, 41)
    grid = [
        score_of((a, b, max(0.0, 1.0 - a - b)), densities)
        for a, b in itertools.product(steps, steps)
        if a + b <= 1.0 + 1e-9
    ]
    assert best >= max(grid) - 1e-6
    # Not every point of the grid is as good: the search is for something.
    assert best > min(grid) + 0.1


def test_how_hard_a_point_is_for_all_does_not_matter():
    rng = np.random.default_rng(3)
    densities, level = rng.normal(size=(2, 10)), rng.normal(-500.0, 300.0, 10)
    np.testing.assert_allclose(
        stacking_weights(list(densities + level)), stacking_weights(list(densities)), atol=1e-9
    )


@pytest.mark.parametrize(
    ("lead", "expected"),
    [
        (np.full(40, 0.05), False),  # two nats
        (np.full(40, 0.25), True),  # ten of them, each alike
        (np.full(40, -0.25), False),
        (np.where(np.arange(40) < 20, 4.5, -4.0), False),  # ten, with an error of 27
    ],
)
def test_only_a_lead_that_can_be_told_counts(lead, expected):
    densities = np.linspace(-3.0, 2.0, 40)
    assert leads(densities + lead, densities) is expected


def test_weights_follow_the_order_of_the_laws():
    densities = list(np.random.default_rng(4).normal(size=(3, 10)))
    np.testing.assert_allclose(
        stacking_weights(densities[::-1]), stacking_weights(densities)[::-1], atol=1e-6
    )


def by_law(law, tokens_per_param=OFF_RATIO, seed=0):
    """Three benchmarks of 400 trials, on an off-ratio ladder, by a law."""
    scores = make_scores(tokens_per_param=tokens_per_param)
    llms, names = scores.llms, scores.benchmarks[0].llm
    chosen = slice(0, 7)
    centred = {
        f"log_{name}": np.log(values) - np.log(values[chosen]).mean()
        for name, values in (("params", llms.params), ("tokens", llms.tokens))
    }
    log_compute = np.log(llms.compute_flops / 1e18)
    at = centred | {"log_compute": log_compute, "log_middle": log_compute[chosen].mean()}
    rng = np.random.default_rng(seed)
    made = []
    for i, log_a in enumerate((1.6, 2.2, 2.8)):
        of = {"log_a": log_a, "b": 0.35, "c": 0.05, "g": 0.1, "share": 0.8, "tilt": 0.2}
        rate = rng.binomial(N_TRIALS, np.asarray(LAWS[law].mean(at, of))) / N_TRIALS
        one = BenchmarkScores(
            f"toy {i}", None, names, *(np.stack([v]) for v in trials_of(rate)), None, soft=False
        )
        made.append(one)
    return replace(scores, benchmarks=tuple(made))


def trials_of(rate):
    trials = np.full(rate.shape, float(N_TRIALS))
    return rate, trials, rate.copy(), trials.copy()


FAMILIES = {
    "half-normal": lambda p: halfnorm(scale=p["scale"]),
    "normal": lambda p: norm(p["loc"], p["scale"]),
    "log-normal": lambda p: lognorm(p["scale"], scale=np.exp(p["loc"])),
    "gamma": lambda p: gamma(p["concentration"], scale=1 / p["rate"]),
    "beta": lambda p: beta(p["alpha"], p["beta"]),
    "normal-given-b": lambda p: norm(p["loc"], p["scale"]),
}


def importance_posterior(key, spec, lane, n_prior=100_000):
    """Draws of the prior, taken anew by their likelihood: no NUTS, and nothing to compile."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    data, seen = lane.data, lane.data["observed"]
    sites = {}
    for name, prior in sorted(spec.priors.items()):
        family = prior.dist if name != "g" else "beta"
        known = {"alpha": data["guess_alpha"], "beta": data["guess_beta"]}
        values = FAMILIES[family](known if name == "g" else prior.parameters)
        sites[name] = values.rvs(n_prior, random_state=rng)
    sites["log_a"] += sites["b"] * data["log_low"]
    at = {n: data[n][seen][:, None] for n in LAWS[spec.law].covariates}
    mean = np.asarray(LAWS[spec.law].mean(at | {"log_middle": data["log_middle"]}, sites))
    scale = np.sqrt(data["variance"][seen][:, None] + sites["spread"] ** 2 * mean * (1 - mean))
    log_density = norm.logpdf(data["pass_rate"][seen][:, None], mean, scale + 1e-9).sum(axis=0)
    weight = np.exp(log_density - log_density.max())
    pick = rng.choice(n_prior, size=(2, N_DRAWS // 2), p=weight / weight.sum())
    figures = Diagnostics(1.0, 500.0, 500.0, 0, N_DRAWS)
    return Posterior({name: values[pick] for name, values in sites.items()}, {}, figures)


class ImportanceSampling(Recall):
    def prepare(self, spec, lanes):
        """Nothing is compiled."""

    def __call__(self, keys, spec, lanes, progress):
        both = zip(keys, lanes, strict=True)
        found = [importance_posterior(key, spec, lane) for key, lane in both]
        return found, [(0.0, 0.0)] * len(lanes)


def fitted_to(scores, target=TARGET, recall=None):
    laws = Specs(load_spec("end-to-end"), by_tokens=Specs(load_spec("params-tokens")))
    recall = recall or ImportanceSampling()
    return fit(scores, select(scores, target), laws, "none", None, 1, Silence(), recall)


@pytest.fixture(scope="module")
def off_ratio():
    """Fits to an off-ratio ladder by the law that planted it."""
    return {law: fitted_to(by_law(law)) for law in ("params-tokens", "eq1")}


def test_the_law_that_made_the_data_has_the_larger_weight(off_ratio):
    for law, favoured in (("params-tokens", 1), ("eq1", 0)):
        for one in off_ratio[law]:
            assert [curve.spec.law for curve in one.curves] == ["eq1", "params-tokens"]
            assert sum(one.weights) == pytest.approx(1.0)
            assert one.weights[favoured] > 0.5
            assert one.curve is one.curves[favoured]


@pytest.mark.slow
@pytest.mark.parametrize(("law", "favoured"), [("params-tokens", 1), ("eq1", 0)])
def test_the_law_that_made_the_data_has_the_larger_weight_by_nuts(law, favoured):
    for one in fitted_to(by_law(law), recall=Recall()):
        assert judge(one.curve.posterior.diagnostics)[0] != "fail"
        assert one.weights[favoured] > 0.5


def test_one_weight_for_all_benchmarks_is_that_of_all_their_points(off_ratio):
    found = off_ratio["params-tokens"]
    assert len({one.weights for one in found}) == 1
    densities = [np.concatenate([loo_of(one.curves[i]).elpd for one in found]) for i in (0, 1)]
    assert densities[0].size == 21
    np.testing.assert_allclose(found[0].weights, stacking_weights(densities), atol=1e-9)
    # Not by a hair: 27 nats over the 21 scores.
    assert densities[1].sum() - densities[0].sum() > 5


def test_weights_are_told_to_the_reader(off_ratio):
    (remark,) = off_ratio["params-tokens"][0].remarks
    assert remark.code == "law-weights"
    weight = off_ratio["params-tokens"][0].weights[1]
    assert f"{weight:.2f} for params-tokens" in remark.message
    assert f"{1 - weight:.2f} for end-to-end" in remark.message


def test_each_draw_is_by_one_law_with_its_weight(off_ratio):
    """400 draws: the share of a law is within 5 standard errors of its weight."""
    scores = by_law("params-tokens")
    found = forecasts_for(off_ratio["params-tokens"], select(scores), 1)
    for one, fitted in zip(found, off_ratio["params-tokens"], strict=True):
        law = one.tree["predictions"]["law"].to_numpy()
        weight = fitted.weights[1]
        assert law.size == N_DRAWS
        assert abs(law.mean() - weight) <= 5 * np.sqrt(weight * (1 - weight) / N_DRAWS) + 1e-9
        assert one.law == "params-tokens"
        assert "law-weights" in {reason.code for reason in one.reasons}


@pytest.mark.parametrize(
    ("ratio", "target"),
    [(ONE_RATIO, TARGET), (OFF_RATIO, "1e24")],
    ids=["one ratio", "a target without tokens"],
)
def test_no_rival_where_ladder_or_target_gives_no_cause(ratio, target):
    for one in fitted_to(by_law("eq1", ratio), target):
        assert [curve.spec.law for curve in one.curves] == ["eq1"]
        assert one.weights == (1.0,)
        assert one.remarks == ()


@pytest.mark.parametrize(("lead", "law"), [(False, "eq1"), (True, "params-tokens")])
def test_cod_is_by_the_rival_law_only_where_that_leads(lead, law, monkeypatch):
    asked = []

    def fit_clusters(names, groupings, spec, *_):
        asked.append((names, spec.law))
        return {}, {}, {}

    monkeypatch.setattr(fitting, "fit_clusters", fit_clusters)
    curves = [(object(),), (object(), object())]
    laws = fitting._Laws(curves, [(0.0, 0.0)] * 2, 0.9, lead, ())
    fitting._fit_cod(["one", "two"], [None] * 2, specs_of("auto"), laws, 0, Silence(), None)
    assert asked == [(["one"], "eq1"), (["two"], law)]
