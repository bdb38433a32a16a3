"""A forecast given checkpoints of its own run: against brute force, and what must not move it."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.stats import kstest

from bayescod.convergence import Diagnostics, Reason
from bayescod.errors import DataError
from bayescod.forecasting.checkpoint_scores import (
    LAG,
    checkpoint_course,
    lags_of,
    replicated,
)
from bayescod.forecasting.coupling import coupled_normals
from bayescod.forecasting.curve_fits import CurveFit
from bayescod.forecasting.effects import beyond
from bayescod.forecasting.fitting import BenchmarkFit
from bayescod.forecasting.lanes import curve_lane
from bayescod.forecasting.stages import Grouping
from bayescod.forecasting.streams import PREDICT, generator
from bayescod.forecasting.updating import conditioned
from bayescod.forecasting.worlds import worlds_at
from bayescod.sampling import Posterior
from bayescod.scores.checkpoints import Checkpoint, Measured, Update, update_of
from bayescod.scores.selection import Target, parse_target
from bayescod.specs import load_spec
from tests._ladders import (
    GROWING,
    TARGET,
    make_ladder,
    make_llms,
    make_scores,
    select,
    with_checkpoints,
)

N_DRAWS, SEED = 800, 3
RANGES = {
    "log_a": (1.5, 2.0),
    "b": (0.35, 0.45),
    "c": (0.0, 0.1),
    "g": (0.0, 0.1),
    "spread": (0.04, 0.08),
    "walk_scale": (0.02, 0.08),
    "drift": (0.5, 2.0),
}
GOAL = parse_target(TARGET, make_llms())
UNTOLD = np.array([[1.0, -1.0], [-1.0, 1.0]])  # two runs say nothing of how runs go together


@cache
def fits():
    """Two benchmarks with posteriors that nobody sampled."""
    spec = load_spec("end-to-end")
    found = []
    for number, name in enumerate(("easy", "hard")):
        ladder = make_ladder(number, spec, benchmarks={name: GROWING[number : number + 2]})
        rng = np.random.default_rng(number)
        sites = {n: rng.uniform(*limits, (2, N_DRAWS // 2)) for n, limits in RANGES.items()}
        posterior = Posterior(sites, {}, Diagnostics(1.0, 900.0, 900.0, 0, N_DRAWS))
        curve = CurveFit(spec, ladder, curve_lane(ladder, spec), posterior)
        none = Grouping(ladder, None, None, np.zeros(0), Reason("asked", ""), ())
        found.append(BenchmarkFit(none, ladder, (curve,), (1.0,), None, 1.0, (), {}))
    return tuple(found)


def coupled(rho, n_run=400):
    """Run effects of a ladder that say how benchmarks go together."""
    rng = np.random.default_rng(9)
    common, own = rng.standard_normal((n_run, 1)), rng.standard_normal((n_run, 2))
    return np.sqrt(rho) * common + np.sqrt(1.0 - rho) * own


def ahead(effects):
    """The forecast from the ladder alone, and the luck of the run in it."""
    normals, _ = coupled_normals(np.random.default_rng(1), effects, N_DRAWS)
    at = np.array([GOAL.compute_flops])
    worlds = [
        worlds_at(one, generator(SEED, one.benchmark, PREDICT), at, GOAL, luck)
        for one, luck in zip(fits(), normals, strict=True)
    ]
    return worlds, normals


def checkpoint(part, **measured):
    point = Target(f"at-{part}", part * GOAL.compute_flops, GOAL.params, part * GOAL.tokens)
    return Checkpoint(point, part, {n: Measured(*both) for n, both in measured.items()})


def updated(effects, *checkpoints, lags=False):
    worlds, normals = ahead(effects)
    update = Update(checkpoints, lags)
    return conditioned(fits(), worlds, effects, normals, GOAL, update, SEED)


def worlds_of(one, point, luck):
    at = np.array([point.compute_flops])
    return worlds_at(one, generator(SEED, one.benchmark, PREDICT), at, point, luck).latent[0]


def test_worlds_are_those_of_brute_force():
    """One benchmark, alone: prior draws of law and luck, weighted by the checkpoint.

    Both are averages over draws; 5 standard errors of their difference, a false alarm in a million.
    """
    worlds, _ = ahead(UNTOLD)
    middle, spread = np.median(worlds[0].latent[-1]), worlds[0].latent[-1].std()
    seen = checkpoint(0.8, easy=(float(middle + 0.5 * spread), 0.01**2))
    found = updated(UNTOLD, seen)
    rng = np.random.default_rng(5)
    one, log_weight, ends = fits()[0], [], []
    drift = one.curve.posterior.sites["drift"].ravel()
    far = np.log(GOAL.compute_flops / one.whole.unit_flops)
    now, end = beyond(far + np.log([0.8, 1.0]), one.whole.log_compute)
    stays = np.sqrt((1 + drift * now) / (1 + drift * end))
    for _ in range(200):
        luck, replaced, later = rng.standard_normal((3, N_DRAWS))
        keeps = rng.random(N_DRAWS)
        away = seen.measured["easy"].score - worlds_of(one, seen.point, luck)
        log_weight.append(-0.5 * (away / 0.01) ** 2)
        kept = keeps * luck + np.sqrt(1 - keeps**2) * replaced
        ends.append(worlds_of(one, GOAL, stays * kept + np.sqrt(1 - stays**2) * later))
    weight = np.exp(np.concatenate(log_weight))
    weight /= weight.sum()
    ends = np.concatenate(ends)
    mean = weight @ ends
    sd = np.sqrt(weight @ (ends - mean) ** 2)
    latent = found.worlds[0].latent[-1]
    error = sd * np.sqrt(1 / found.effective["easy"] + (weight**2).sum())
    assert latent.mean() == pytest.approx(mean, abs=5 * error)
    assert latent.std() == pytest.approx(sd, abs=5 * error)
    # The control: what the ladder alone says is elsewhere, and wider.
    assert abs(worlds[0].latent[-1].mean() - mean) > 5 * error
    assert worlds[0].latent[-1].std() > sd + 5 * error


def test_a_checkpoint_that_says_nothing_changes_nothing():
    """Kolmogorov-Smirnov at 1e-4 over independent draws; its control is a checkpoint that tells."""
    worlds, _ = ahead(UNTOLD)
    blank = updated(UNTOLD, checkpoint(0.8, easy=(0.3, 1e6)))
    telling = updated(UNTOLD, checkpoint(0.8, easy=(0.3, 1e-4)))
    before = worlds[0].latent[-1]
    assert kstest(blank.worlds[0].latent[-1], before).pvalue > 1e-4
    assert kstest(telling.worlds[0].latent[-1], before).pvalue < 1e-4
    assert blank.effective["easy"] > 0.9 * N_DRAWS


@pytest.mark.parametrize(("rho", "moves"), [(0.9, True), (0.0, False)])
def test_a_benchmark_without_a_score_learns_of_the_run_as_runs_go_together(rho, moves):
    """The mean of 800 draws moves by more than 5 standard errors, or by less."""
    effects = coupled(rho)
    worlds, _ = ahead(effects)
    low = float(np.quantile(worlds[0].latent[-1], 0.02))
    found = updated(effects, checkpoint(0.9, easy=(low, 0.005**2)))
    before, after = worlds[1].latent[-1], found.worlds[1].latent[-1]
    error = np.sqrt((before.var() + after.var()) / N_DRAWS)
    assert (before.mean() - after.mean() > 5 * error) == moves
    assert set(found.effective) == {"easy"}


def test_same_seed_same_bytes():
    seen = checkpoint(0.5, easy=(0.6, 1e-4), hard=(0.5, 1e-4))
    one, other = (updated(coupled(0.5), seen, lags=True) for _ in range(2))
    for a, b in zip(one.worlds, other.worlds, strict=True):
        assert a.latent.tobytes() == b.latent.tobytes()
    assert one.course == other.course


def course_of(shift, n_runs=150):
    """Tails of runs drawn from the forecast itself, each worth ``exp(shift)`` of its compute."""
    effects = coupled(0.5)
    rng = np.random.default_rng(6)
    normals, _ = coupled_normals(rng, effects, N_DRAWS)
    place = rng.choice(N_DRAWS, n_runs, replace=False)
    at = checkpoint(0.5).point
    short = replace(at, compute_flops=at.compute_flops * np.exp(shift))
    scores = [worlds_of(one, short, luck) for one, luck in zip(fits(), normals, strict=True)]
    found = []
    for i in place:
        noisy = {
            one.benchmark: (float(score[i] + 0.002 * rng.standard_normal()), 0.002**2)
            for one, score in zip(fits(), scores, strict=True)
        }
        seen = checkpoint(0.5, **noisy)
        drawn = replicated(fits(), seen, normals, SEED, np.zeros(1))
        found.append(checkpoint_course(seen, drawn, drawn))
    return found


def test_tails_of_runs_on_their_course_are_uniform():
    """150 runs, Kolmogorov-Smirnov at 1e-4; runs of an eighth of their compute are the control."""
    runs = course_of(0.0)
    assert kstest([one.no_more for one in runs], "uniform").pvalue > 1e-4
    assert all(one.no_more + one.no_less == pytest.approx(1.0) for one in runs)
    assert np.mean([one.verdict == "on course" for one in runs]) > 0.8
    slow = course_of(-np.log(8.0), n_runs=40)
    assert kstest([one.no_more for one in slow], "uniform").pvalue < 1e-4
    assert np.mean([one.verdict == "behind" for one in slow]) > 0.5


def test_a_lag_excuses_and_never_flatters():
    empty = checkpoint(0.2)
    low = {
        one.benchmark: float(np.quantile(worlds_of(one, empty.point, np.zeros(N_DRAWS)), 0.1))
        for one in fits()
    }
    seen = checkpoint(0.2, **{name: (score, 1e-4) for name, score in low.items()})
    (plain,), (lagging,) = (updated(coupled(0.5), seen, lags=lags).course for lags in (False, True))
    assert lagging.no_more > plain.no_more
    assert lagging.no_less == plain.no_less


def test_lags_shrink_to_nothing_at_the_end():
    assert lags_of(checkpoint(0.5), Update((), lags=False)).tolist() == [0.0]
    early, late = (lags_of(checkpoint(part), Update((), lags=True)) for part in (0.1, 0.9))
    np.testing.assert_allclose(early, 9.0 * late)
    assert 0.0 < early.mean() < LAG


def test_checkpoints_are_those_of_the_targets_run():
    scores, update = with_checkpoints(make_scores(0))
    found = update_of(update, scores, GOAL, select(scores).ladder)
    assert [one.point.name for one in found.checkpoints] == ["big-1", "big-2"]
    assert [one.part for one in found.checkpoints] == pytest.approx([0.25, 0.5])
    assert found.lags
    measured = found.checkpoints[1].measured["toy"]
    rate = update.benchmarks[0].measured_rate[:, 1]
    assert measured.score == pytest.approx(rate.mean())
    assert measured.variance == pytest.approx((rate * (1 - rate) / 100).sum() / rate.size**2)


def test_a_ladder_of_checkpoints_has_no_lag():
    scores, update = with_checkpoints(make_scores(0))
    run = ("llm-1", *scores.llms.run[1:])
    scores = replace(scores, llms=replace(scores.llms, run=run))
    assert not update_of(update, scores, GOAL, select(scores).ladder).lags


def renamed(update, name):
    return replace(update, benchmarks=(replace(update.benchmarks[0], benchmark=name),))


def without_items(update):
    return replace(update, benchmarks=(replace(update.benchmarks[0], item_id=("other",)),))


def of_others(update):
    return replace(update, benchmarks=(replace(update.benchmarks[0], llm=("llm-0", "llm-1")),))


def of_itself(update):
    return replace(update, benchmarks=(replace(update.benchmarks[0], llm=("big-1", TARGET)),))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda update: renamed(update, "another"), "update-benchmarks"),
        (without_items, "update-items"),
        (of_others, "update-without-checkpoint"),
        (of_itself, "update-is-target"),
    ],
)
def test_an_update_that_cannot_be_used_is_refused(change, code):
    scores, update = with_checkpoints(make_scores(0))
    with pytest.raises(DataError) as refused:
        update_of(change(update), scores, GOAL, select(scores).ladder)
    assert code in {problem.code for problem in refused.value.problems}


def test_a_checkpoint_beyond_its_end_is_refused():
    scores, update = with_checkpoints(make_scores(0))
    compute = update.llms.compute_flops.copy()
    compute[-1] = 2.0 * GOAL.compute_flops
    wrong = replace(update, llms=replace(update.llms, compute_flops=compute))
    with pytest.raises(DataError, match="not less than its run's end"):
        update_of(wrong, scores, GOAL, select(scores).ladder)


def test_compute_alone_has_no_run():
    scores, update = with_checkpoints(make_scores(0))
    target = parse_target("1e24", scores.llms)
    with pytest.raises(DataError, match="models of the same `run`"):
        update_of(update, scores, target, select(scores).ladder)
