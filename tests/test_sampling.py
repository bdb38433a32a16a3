"""NUTS over many lanes: known answers, reproducible draws, and figures that tell of failure."""

import dataclasses
import math
from functools import cache

import jax
import numpy as np
import pytest

from bayescod import sampling
from bayescod._arviz import summary_statistics
from bayescod.batches import Lane, in_batches
from bayescod.convergence import Diagnostics, judge
from bayescod.forecasting.ladder import fitted
from bayescod.forecasting.lanes import curve_lane
from bayescod.forecasting.predictive import curve_draws
from bayescod.sampling import Posterior, configure, diagnose, real_entries, sample
from bayescod.specs import load_spec
from tests._ladders import GROWING, make_ladder, mapping_lane

MAPPING = load_spec("mapping")
END_TO_END = load_spec("end-to-end")


def with_sampler(spec, **settings):
    return dataclasses.replace(spec, sampler=dataclasses.replace(spec.sampler, **settings))


SHORT_MAPPING = with_sampler(MAPPING, warmup=60, draws=50)
CURVE = with_sampler(END_TO_END, warmup=400, draws=500)


def unseen(lane):
    data = dict(lane.data)
    data["observed"] = np.zeros_like(data["observed"])
    return Lane(data, lane.start, lane.used)


@cache
def curve_run():
    """Three simulated benchmarks, and a lane in which nothing was observed."""
    ladders = [make_ladder(seed, END_TO_END, curves=GROWING[seed : seed + 1]) for seed in range(3)]
    lanes = [curve_lane(ladder, END_TO_END) for ladder in ladders]
    keys = jax.random.split(jax.random.key(11), 4)
    return ladders, lanes, sample(list(keys), CURVE, [*lanes, unseen(lanes[0])])


def agrees(draws, expected):
    """Within 4 Monte-Carlo standard errors of the mean: a false alarm in 16,000.

    The smaller of both sample sizes counts, since means of long tails move with the tail.
    """
    figures = summary_statistics({"x": draws})["x"]
    error = draws.std() / math.sqrt(min(float(figures.ess_bulk), float(figures.ess_tail)))
    assert draws.mean() == pytest.approx(expected, abs=4 * error)


def test_with_nothing_observed_the_posterior_is_the_prior():
    """Analytic means of the prior: 8 figures at 6e-5, so a false alarm in 2,000."""
    _, lanes, run = curve_run()
    sites = run.posteriors[-1].sites
    priors = {n: END_TO_END.priors[n].parameters for n in END_TO_END.priors}
    alpha, beta = float(lanes[0].data["guess_alpha"]), float(lanes[0].data["guess_beta"])
    half_normal = math.sqrt(2 / math.pi)
    agrees(sites["b"], priors["b"]["scale"] * half_normal)
    agrees(sites["b"] ** 2, priors["b"]["scale"] ** 2)
    agrees(sites["c"], priors["c"]["scale"] * half_normal)
    agrees(sites["g"], alpha / (alpha + beta))
    agrees(np.log(sites["spread"]), priors["spread"]["loc"])
    log_loss = sites["log_a"] - sites["b"] * lanes[0].data["log_low"]
    agrees(log_loss, priors["log_a"]["loc"])
    agrees((log_loss - priors["log_a"]["loc"]) ** 2, priors["log_a"]["scale"] ** 2)
    agrees((sites["c"] > priors["c"]["scale"]).astype(float), 2 * (1 - 0.8413447460685429))


def test_how_the_law_goes_wrong_beyond_the_ladder_keeps_its_prior():
    """With data and without: 8 figures at 6e-5, so a false alarm in 2,000."""
    _, _, run = curve_run()
    walk, drift = (END_TO_END.priors[n].parameters for n in ("walk_scale", "drift"))
    for posterior in run.posteriors:
        agrees(posterior.sites["walk_scale"], walk["concentration"] / walk["rate"])
        agrees(np.log(posterior.sites["drift"]), drift["loc"])
    # The negative control: of the spread the data do speak.
    with pytest.raises(AssertionError):
        agrees(
            np.log(run.posteriors[0].sites["spread"]), END_TO_END.priors["spread"].parameters["loc"]
        )


def test_a_wrong_prior_would_be_noticed():
    """The negative control of the test above: a tenth off, in scale or level."""
    _, _, run = curve_run()
    sites = run.posteriors[-1].sites
    with pytest.raises(AssertionError):
        agrees(sites["b"] ** 2, (1.3 * END_TO_END.priors["b"].parameters["scale"]) ** 2)
    with pytest.raises(AssertionError):
        agrees(np.log(sites["spread"]), END_TO_END.priors["spread"].parameters["loc"] + 0.5)


@pytest.mark.parametrize("seed", range(3))
def test_simulated_curve_is_recovered(seed):
    """The curve at the ladder's middle and end, within 5 standard deviations (6e-7 each).

    The standard deviation is the posterior's, and nothing narrower than what trials leave open.
    """
    ladders, _, run = curve_run()
    draws = curve_draws("eq1", run.posteriors[seed].sites)
    ladder, variance = ladders[seed], fitted(ladders[seed].scores)[1]
    for i in (3, 6):
        found = draws.accuracy({"log_compute": ladder.log_compute[i]})
        error = math.hypot(found.std(), math.sqrt(variance[i] / 7))
        truth = GROWING[seed].at(ladder.compute_flops[i])
        assert found.mean() == pytest.approx(float(truth), abs=5 * error)
        assert found.std() < 0.05


def test_posteriors_are_of_the_shape_asked_for():
    _, _, run = curve_run()
    for posterior in run.posteriors:
        shape = posterior.sites["b"].shape
        # Where a rerun was better: twice as many chains, thinned.
        assert shape == (4, 500) or (posterior.diagnostics.reruns and shape == (8, 250))
        assert {n: v.shape for n, v in posterior.stats.items()} == dict.fromkeys(
            ("diverging", "n_steps", "lp", "acceptance_rate"), shape
        )
        assert posterior.diagnostics.n_draws == 2000
        assert np.isfinite(posterior.stats["lp"]).all()
        assert posterior.sites["b"].dtype == np.float64


def draws_of(keys, lanes, spec=SHORT_MAPPING):
    return [p.sites["steps"] for p in sample(keys, spec, lanes).posteriors]


def test_same_key_gives_the_same_bytes_and_another_key_others():
    lane, keys = mapping_lane(), jax.random.split(jax.random.key(1), 2)
    first, again, other = (draws_of([key], [lane])[0] for key in (keys[0], keys[0], keys[1]))
    assert first.tobytes() == again.tobytes()
    assert not np.isclose(first, other).any(axis=(0, 1)).all()
    assert (first[0] != first[1]).any()


def test_draws_of_a_lane_do_not_depend_on_its_company():
    keys = jax.random.split(jax.random.key(2), 4)
    mine = mapping_lane(seed=1)
    alone = draws_of([keys[0]], [mine])[0]
    last = draws_of([keys[1], keys[2], keys[0]], [mapping_lane(seed=s) for s in (2, 3)] + [mine])
    assert last[2].tobytes() == alone.tobytes()
    assert last[0].tobytes() != last[1].tobytes()


def test_draws_of_a_lane_do_not_depend_on_its_batch():
    """Lane 4 of 5 is in a second batch, with copies of itself; lane 0 moves behind another."""
    keys = list(jax.random.split(jax.random.key(3), 5))
    lanes = [mapping_lane(seed=s) for s in range(5)]
    many = draws_of(keys, lanes)
    few = draws_of([keys[4], *keys[:2]], [lanes[4], *lanes[:2]])
    assert many[4].tobytes() == few[0].tobytes()
    assert many[0].tobytes() == few[1].tobytes()


def test_a_lane_may_take_fewer_chains_and_keeps_its_own():
    """Lanes of one and of four chains fill two batches: each the first chains of its own key."""
    keys = list(jax.random.split(jax.random.key(6), 7))
    whole = [mapping_lane(seed=s) for s in range(7)]
    mixed = [
        dataclasses.replace(lane, most_chains=1) if i % 3 else lane for i, lane in enumerate(whole)
    ]
    for i, (all_chains, own) in enumerate(
        zip(draws_of(keys, whole), draws_of(keys, mixed), strict=True)
    ):
        assert own.shape[0] == (1 if i % 3 else 4)
        assert own.tobytes() == all_chains[: len(own)].tobytes()


def test_batches_hold_whole_lanes_in_order():
    def batches(chains, size):
        lanes = [Lane({}, {}, {}, most) for most in chains]
        return in_batches(lanes, 4, size)

    assert batches([None, 1, 1, 9, 4, 1, 1], 2) == [[0, 1, 2], [3, 4], [5, 6]]
    assert batches([None] * 3, 1) == [[0], [1], [2]]
    assert batches([1] * 5, 2) == [[0, 1, 2, 3, 4]]


def test_progress_is_told_of_every_lane():
    told = []
    keys = list(jax.random.split(jax.random.key(4), 3))
    sample(keys, SHORT_MAPPING, [mapping_lane(seed=s) for s in range(3)], told.append)
    assert sorted(i for done in told for i in done) == [0, 1, 2]


def test_absurdly_short_warm_up_is_run_again_and_said_so():
    hasty = with_sampler(END_TO_END, warmup=2, draws=10, chains=2, max_tree_depth=3)
    lane = curve_lane(make_ladder(0, END_TO_END), END_TO_END)
    (posterior,) = sample([jax.random.key(5)], hasty, [lane]).posteriors
    assert posterior.diagnostics.reruns == 1
    assert posterior.diagnostics.n_draws == 20
    assert posterior.sites["b"].shape in {(2, 10), (4, 5)}  # the rerun's twice as many chains
    assert judge(posterior.diagnostics)[0] == "fail"


def made_up(rhat):
    figures = Diagnostics(rhat, 900.0, 900.0, 0, 1000)
    return Posterior({"x": np.full((2, 5), rhat)}, {}, figures)


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [(1.5, 1.005, 1.005), (1.015, 1.5, 1.015), (math.nan, 1.5, 1.5), (1.5, math.nan, 1.5)],
)
def test_longer_run_is_kept_only_where_it_is_no_worse(monkeypatch, first, second, kept):
    answers = iter([made_up(first), made_up(second)])
    asked = []

    def batches(keys, spec, target_accept, lanes, progress):
        asked.append((len(keys), target_accept))
        own = next(answers)
        return [own] * len(lanes), 1.0, 2.0

    monkeypatch.setattr(sampling, "_batches", batches)
    monkeypatch.setattr(sampling, "_joined", lambda lane, runs: runs[0])
    run = sample([jax.random.key(0)], END_TO_END, [mapping_lane()])
    target = END_TO_END.sampler.target_accept
    assert asked == [(1, target), (2, (1 + target) / 2)]
    assert run.posteriors[0].diagnostics.max_rhat == kept
    assert run.posteriors[0].diagnostics.reruns == 1
    assert (run.compile_seconds, run.sample_seconds) == (2.0, 4.0)


def test_a_rerun_is_two_runs_side_by_side_thinned():
    """Every second draw of both, so that there are as many as of one; judged as such."""
    drawn = np.random.default_rng(5).standard_normal((2, 4, 500))
    stats = {"diverging": np.zeros((4, 500), bool)}
    runs = [Posterior({"b": own}, stats, diagnose({"b": own}, stats["diverging"])) for own in drawn]
    joined = sampling._joined(mapping_lane(), runs)
    np.testing.assert_array_equal(joined.sites["b"], drawn.reshape(8, 500)[:, 1::2])
    assert joined.stats["diverging"].shape == (8, 250)
    assert joined.diagnostics == diagnose(joined.sites, joined.stats["diverging"])
    assert joined.diagnostics.n_draws == runs[0].diagnostics.n_draws
    # The negative control: a second run that is somewhere else is heard of.
    apart = [runs[0], Posterior({"b": drawn[1] + 3}, stats, runs[1].diagnostics)]
    assert sampling._joined(mapping_lane(), apart).diagnostics.max_rhat > 1.5


def test_a_run_that_passes_is_not_repeated(monkeypatch):
    calls = []

    def batches(*arguments):
        calls.append(arguments)
        return [made_up(1.001)], 1.0, 2.0

    monkeypatch.setattr(sampling, "_batches", batches)
    run = sample([jax.random.key(0)], END_TO_END, [mapping_lane()])
    assert len(calls) == 1
    assert run.posteriors[0].diagnostics.reruns == 0


def chains(n_draws=500):
    return np.random.default_rng(0).standard_normal((4, n_draws))


def test_healthy_chains_pass():
    diagnostics = diagnose({"x": chains(), "y": chains()[..., None]}, np.zeros((4, 500), bool))
    assert judge(diagnostics)[0] == "pass"
    assert diagnostics.n_draws == 2000


def test_chains_that_disagree_fail():
    apart = chains() + 3.0 * np.arange(4)[:, None]
    diagnostics = diagnose({"x": apart, "y": chains()}, np.zeros((4, 500), bool))
    assert diagnostics.max_rhat > 1.5
    assert judge(diagnostics)[0] == "fail"


def test_the_worst_scalar_counts():
    both = np.stack([chains(), chains() + 3.0 * np.arange(4)[:, None]], axis=-1)
    alone = diagnose({"x": both[..., 1]}, np.zeros((4, 500), bool))
    assert diagnose({"x": both}, np.zeros((4, 500), bool)) == alone


@pytest.mark.parametrize("value", [math.nan, 1.0])
def test_a_figure_that_is_not_defined_is_a_failure(value):
    broken = {"x": np.full((4, 500), value), "y": chains()}
    diagnostics = diagnose(broken, np.zeros((4, 500), bool))
    assert math.isnan(diagnostics.max_rhat)
    assert judge(diagnostics)[0] == "fail"


def test_divergences_are_counted():
    diverging = np.zeros((4, 500), bool)
    diverging[1, :7] = True
    diagnostics = diagnose({"x": chains()}, diverging)
    assert diagnostics.divergences == 7
    assert judge(diagnostics)[0] == "fail"


def test_padding_is_left_out():
    lane = Lane({}, {}, {"b": np.array([True, False, True])})
    sites = {"b": np.arange(12.0).reshape(2, 2, 3), "spread": np.ones((2, 2))}
    found = real_entries(lane, sites)
    np.testing.assert_array_equal(found["b"], sites["b"][..., [0, 2]])
    assert found["spread"] is sites["spread"]


def test_configure_keeps_the_cache_folder_of_the_environment():
    before = jax.config.jax_compilation_cache_dir
    configure()
    assert jax.config.jax_enable_x64
    assert jax.config.jax_compilation_cache_dir == before
