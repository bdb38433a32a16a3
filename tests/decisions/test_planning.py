"""A plan is what the draws say: checked against brute force, by hand, and in planted worlds."""

import math
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from bayescod.decisions.chances import fans_of, smallest_compute
from bayescod.decisions.costs import Rates, cost_of
from bayescod.decisions.planning import plan
from bayescod.errors import DataError, ResultError, UnknownNameError
from tests._factories import make_benchmark, make_set

MANY = 4000


@pytest.fixture(scope="module")
def forecasts():
    return make_set(
        make_benchmark("toy", level=0.6, n_draws=MANY),
        make_benchmark("other", level=0.5, n_draws=MANY),
    )


def measured_scores(forecasts, name, compute, rng):
    """What an evaluation would measure in each world: brute force, draw by draw."""
    fans = fans_of(forecasts, [name])
    latent = fans.latent[name][np.searchsorted(fans.compute_flops, compute)]
    noise = np.sqrt(fans.evaluation_ratio[name] * latent * (1 - latent))
    return np.clip(latent + noise * rng.standard_normal((200, latent.size)), 0, 1)


def test_chance_is_that_of_brute_force(forecasts):
    rng = np.random.default_rng(1)
    fans = fans_of(forecasts, ["toy", "other"])
    for compute in fans.compute_flops[[5, 20, -1]]:
        at = np.searchsorted(fans.compute_flops, compute)
        scores = {n: measured_scores(forecasts, n, compute, rng) for n in ("toy", "other")}
        for name, values in scores.items():
            wanted = float(np.quantile(values, 0.4))
            brute = (values >= wanted).mean()
            # Given the worlds, 800,000 evaluations: sd below 0.0006; five of them, false alarm
            # 1e-6 a comparison.
            assert fans.reaching(name, wanted)[at].mean() == pytest.approx(brute, abs=0.003)
        wanted = {name: float(np.quantile(values, 0.4)) for name, values in scores.items()}
        brute = np.logical_and(*(scores[n] >= wanted[n] for n in scores)).mean()
        assert fans.reaching_all(wanted)[at].mean() == pytest.approx(brute, abs=0.003)


def test_together_is_not_the_product_of_the_chances(forecasts):
    """Negative control: benchmarks of one run rise and fall together."""
    same = make_set(*(make_benchmark(name, n_draws=MANY) for name in ("toy", "two")))
    same["two"].tree["predictions"] = same["toy"].tree["predictions"].copy()
    median = same["toy"].summary().median
    found = plan(same, {"toy": median, "two": median})
    one, other, both = (answer.at_target for answer in found.answers)
    assert one == pytest.approx(other)
    assert both > one * other + 0.1


def test_every_world_the_same_shift_gives_the_chance_by_hand():
    """Curves ``p = (log10 C - 20) / 5 + z``, z uniform on [0, 0.2], no evaluation noise."""
    one = make_benchmark("toy", n_draws=MANY)
    z = (np.arange(MANY) + 0.5) / MANY * 0.2
    compute = np.geomspace(1e21, 1e24, 31)
    tree = one.tree.copy()
    latent = (np.log10(one.target.compute_flops) - 20) / 5 + z
    tree["predictions"] = xr.DataTree(
        xr.Dataset(
            {
                "fan": (("compute", "draw"), (np.log10(compute)[:, None] - 20) / 5 + z),
                "latent_score": ("draw", latent),
                "score": ("draw", latent),
            },
            coords={"compute": compute},
        )
    )
    tree["constant_data"] = xr.DataTree(xr.Dataset({"evaluation_ratio": 0.0}))
    forecasts = make_set(replace(one, tree=tree))
    found = plan(forecasts, {"toy": 0.6}, probabilities=(0.5, 0.9, 0.999))
    # z >= 0.1 half of the time: p = 0.6 where log10 C = 22.5; z >= 0.02 in nine of ten: 22.9.
    assert math.log10(found.answers[0].costs[0.5].compute_flops) == pytest.approx(22.5, abs=0.01)
    assert math.log10(found.answers[0].costs[0.9].compute_flops) == pytest.approx(22.9, abs=0.01)
    half = next(stop for stop in found.stops if stop.part == 0.5)
    assert half.loss.median == pytest.approx(math.log10(2) / 5, abs=1e-6)
    assert plan(forecasts, {"toy": 0.99}).answers[0].costs[0.5] is None


def test_hours_and_money_by_hand():
    cost = cost_of(3.6e21, Rates(tokens_per_param=20, flops_per_hour=3600 * 4e14, price=2.5))
    assert cost.accelerator_hours == pytest.approx(2500)
    assert cost.money == pytest.approx(6250)
    assert 6 * cost.params * cost.tokens == pytest.approx(3.6e21)
    assert cost.tokens / cost.params == pytest.approx(20)
    assert cost_of(1e20, Rates()).params is None


@pytest.mark.parametrize(
    "rates",
    [
        {"tokens_per_param": 0.0},
        {"flops_per_hour": -1.0},
        {"flops_per_hour": float("inf")},
        {"price": 2.0},
    ],
)
def test_rates_that_mean_nothing_are_refused(rates):
    with pytest.raises(DataError):
        Rates(**rates)


@pytest.mark.parametrize(
    ("wanted", "probabilities", "code"),
    [
        ({}, (0.5,), "no-score"),
        ({"toy": 70.0}, (0.5,), "score-range"),
        ({"toy": float("nan")}, (0.5,), "score-range"),
        ({"toy": 0.7}, (1.0,), "probability"),
    ],
)
def test_questions_that_mean_nothing_are_refused(forecasts, wanted, probabilities, code):
    with pytest.raises(DataError) as caught:
        plan(forecasts, wanted, probabilities=probabilities)
    assert [problem.code for problem in caught.value.problems] == [code]


def test_unknown_benchmark_names_the_near_one(forecasts):
    with pytest.raises(UnknownNameError, match="toy"):
        plan(forecasts, {"tow": 0.5})


def test_forecast_without_its_noise_is_refused(forecasts):
    one = make_benchmark("toy")
    del one.tree["constant_data"]["evaluation_ratio"]
    with pytest.raises(ResultError, match="forecast again"):
        plan(make_set(one), {"toy": 0.5})


@pytest.mark.parametrize(
    ("chance", "wanted"),
    [([0.0, 0.5, 1.0], 10.0**21.5), ([0.9, 0.5, 1.0], 1e20), ([0.0, 0.1, 0.2], None)],
)
def test_least_compute_is_read_off_in_log_compute(chance, wanted):
    found = smallest_compute(np.array([1e20, 1e21, 1e22]), np.array(chance), 0.75)
    assert found == (None if wanted is None else pytest.approx(wanted))


def test_score_of_zero_is_certain_and_chances_fall_with_the_score(forecasts):
    fans = fans_of(forecasts, ["toy"])
    assert (fans.reaching("toy", 0.0) == 1).all()
    chances = [fans.reaching("toy", s).mean(axis=1) for s in (0.2, 0.5, 0.8)]
    assert (np.diff(chances, axis=0) <= 0).all()
