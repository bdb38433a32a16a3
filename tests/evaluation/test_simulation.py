"""Simulated ladders: moments, run effects, kinds of items, seeds, files and settings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

import bayescod
from bayescod.curves import accuracy, log_compute_for
from bayescod.errors import DataError, ResultError, UnknownNameError
from bayescod.evaluation.presets import PRESETS, preset, scaled
from bayescod.evaluation.simulation import Simulated, reference, simulate
from bayescod.evaluation.simulation_files import (
    BENCHMARKS,
    COMPUTE_UNIT,
    MODELS,
    SCORES,
    STORY,
    TRUTH,
    truth_rows,
    write_simulated,
)
from bayescod.evaluation.simulation_items import (
    dealt,
    draw_items,
    mean_over_noise,
    noisy_rates,
)
from bayescod.evaluation.simulation_settings import (
    KINDS,
    BenchmarkSettings,
    DifficultyGroup,
    ItemShares,
    LLMSettings,
    SimulationSettings,
    SplitLaw,
)

# Table A2 of arXiv 2502.17262v4, in per cent.
PUBLISHED = {
    "GSM8K": (1319, 88.55),
    "MATH": (5000, 48.02),
    "BBH": (6511, 81.69),
    "TriviaQA": (17_944, 80.66),
    "MBPP": (500, 68.00),
    "AGIEval": (8063, 58.20),
    "DROP": (9536, 76.82),
    "MMLU-pro": (12_032, 57.28),
}
GROUPS = (DifficultyGroup(1.0, 0.0, 0.4, 0.05), DifficultyGroup(3.0, 1.0, 0.5, 0.1))
SCALING_ONLY = ItemShares(1.0, 0.0, 0.0, 0.0, 0.0)
LADDER = tuple(LLMSettings(f"llm-{i}", 1e8 * 2.0**i, 2e9 * 2.0**i) for i in range(6))
CLEAN = {"common_sd": 0.0, "own_sd": 0.0, "family_sd": 0.0, "item_run_sd": 0.0, "loss_sd": 0.0}


def one_benchmark(name: str = "toy", n_items: int = 200, **settings: object) -> BenchmarkSettings:
    made = BenchmarkSettings(name, n_items, GROUPS, 0.2)
    return replace(made, **settings)


def clean(**settings: object) -> SimulationSettings:
    """One benchmark of exact clusters without any noise but that of the trials."""
    benchmark = one_benchmark(shares=SCALING_ONLY, item_sd=0.0)
    return replace(SimulationSettings(LADDER, (benchmark,), **CLEAN), **settings)


def replicates(n: int, benchmarks: tuple[BenchmarkSettings, ...], **noise: float) -> Simulated:
    llms = tuple(LLMSettings(f"r{i}", 1e9, 2e10) for i in range(n))
    return simulate(SimulationSettings(llms, benchmarks, **(CLEAN | noise)), seed=3)


# ---- moments


@pytest.mark.parametrize("seed", range(3))
def test_measured_scores_agree_with_what_is_expected(seed: int) -> None:
    """Without run effects 27 scores are within five standard errors: 2e-5 by chance."""
    quiet = replace(preset("small"), **CLEAN, n_trials=20)
    simulated = simulate(quiet, seed)
    for measured, truth in zip(simulated.scores.benchmarks, simulated.truth, strict=True):
        p = truth.expected_rate
        error = np.sqrt((p * (1.0 - p) / 20.0).sum(axis=0)) / p.shape[0]
        z = (measured.score() - truth.expected_score()) / error
        assert np.abs(z).max() < 5.0
        np.testing.assert_array_equal(truth.rate, p)


def test_noise_by_item_and_run_has_the_mean_that_is_expected() -> None:
    """Four means of 100,000 within five standard errors: 2e-6 by chance."""
    p = np.array([0.01, 0.2, 0.5, 0.95])
    rates = noisy_rates(np.tile(p, (100_000, 1)), 0.8, np.random.default_rng(0))
    z = (rates.mean(axis=0) - mean_over_noise(p, 0.8)) / (rates.std(axis=0) / np.sqrt(1e5))
    assert np.abs(z).max() < 5.0
    # A mean that forgets the noise is found out.
    assert abs(rates.mean(axis=0) - p)[0] > 20 * rates.std(axis=0)[0] / np.sqrt(1e5)


def test_expected_rates_know_no_run_effect() -> None:
    noisy = simulate(clean(common_sd=0.5, own_sd=0.5)).truth[0]
    quiet = simulate(clean()).truth[0]
    np.testing.assert_array_equal(noisy.expected_rate, quiet.rate)
    assert np.abs(noisy.latent_score() - noisy.expected_score()).max() > 0.02


def test_expected_rates_hold_the_noise_by_item_and_run() -> None:
    """Ten means of 4,000 runs within five standard errors: 6e-6 by chance."""
    group = (DifficultyGroup(1.0, 1.5, 0.4, 0.1),)
    (truth,) = replicates(4000, (one_benchmark("a", 10, groups=group),), item_run_sd=1.0).truth
    error = truth.rate.std(axis=1) / np.sqrt(4000) + 1e-9
    assert np.abs((truth.rate.mean(axis=1) - truth.expected_rate[:, 0]) / error).max() < 5.0


def test_noise_keeps_the_ends() -> None:
    ends = np.array([[0.0, 1.0]])
    np.testing.assert_array_equal(noisy_rates(ends, 2.0, np.random.default_rng(0)), ends)
    np.testing.assert_allclose(mean_over_noise(ends, 2.0), ends, atol=1e-15)


def test_clusters_follow_equation_one(tmp_path: Path) -> None:
    simulated = simulate(clean())
    write_simulated(simulated, tmp_path / "out")
    story = json.loads((tmp_path / "out" / STORY).read_text(encoding="utf-8"))
    (told,), (truth,) = story["benchmarks"], simulated.truth
    log_compute = np.log(simulated.scores.llms.compute_flops / COMPUTE_UNIT)
    assert told["items"] == dict.fromkeys(KINDS, 0) | {"scaling": 200}
    assert [group["n_items"] for group in told["groups"]] == [50, 150]
    for index, group in enumerate(told["groups"]):
        curve = accuracy(log_compute, group["log_a"], group["b"], group["c"], told["g"])
        rows = truth.rate[truth.items.group == index]
        np.testing.assert_allclose(rows, np.tile(curve, (len(rows), 1)), rtol=1e-8)


def test_items_depart_from_their_group_by_the_planted_spread() -> None:
    """An sd of 20,000 has an error of sd / 200: five of these, 2e-6 by chance for all three."""
    group = (DifficultyGroup(1.0, 0.7, 0.4, 0.1),)
    drawn = one_benchmark(n_items=20_000, groups=group, shares=SCALING_ONLY, item_sd=0.5)
    items = draw_items(drawn, 3.0, np.random.default_rng(2))
    for values, centre, sd in (
        (items.log_loss, 0.7, 0.5),
        (np.log(items.exponent), np.log(0.4), 0.25),
        (np.log(items.ceiling), np.log(0.1), 0.5),
    ):
        assert abs(values.std() - sd) < 5 * sd / 200
        assert abs(values.mean() - centre) < 5 * sd / np.sqrt(20_000)


# ---- run effects


def test_run_effects_have_the_planted_sd_and_correlation() -> None:
    """Four figures of 4,000 runs within five standard errors: 2e-6 by chance."""
    two = (one_benchmark("a", 10), one_benchmark("b", 10))
    simulated = replicates(4000, two, common_sd=0.3, own_sd=0.2)
    a, b = (truth.run_effect for truth in simulated.truth)
    sd, correlation = np.sqrt(0.09 + 0.04), 0.09 / 0.13
    for effect in (a, b):
        assert abs(effect.std() - sd) < 5 * sd / np.sqrt(2 * 4000)
    found = np.corrcoef(a, b)[0, 1]
    assert abs(found - correlation) < 5 * (1 - correlation**2) / np.sqrt(4000)
    assert abs(simulated.common_effect.std() - 0.3) < 5 * 0.3 / np.sqrt(2 * 4000)
    # What is each benchmark's own is not shared.
    own = np.corrcoef(a - simulated.common_effect, b - simulated.common_effect)[0, 1]
    assert abs(own) < 5 / np.sqrt(4000)


def test_a_run_effect_is_worth_its_compute() -> None:
    simulated = simulate(clean(own_sd=0.5), seed=4)
    (truth,) = simulated.truth
    compute, _, _ = reference(LADDER)
    first = truth.rate[truth.items.group == 0][0]
    worth = log_compute_for(first, 0.0, 0.4, 0.05, 0.2)  # a = 1 at the geometric mean compute
    gained = worth - np.log(simulated.scores.llms.compute_flops / compute)
    np.testing.assert_allclose(gained, truth.run_effect, atol=1e-6)
    assert np.abs(truth.run_effect).max() > 0.2


def spread_of_replicates(**noise: float) -> float:
    """P value of 40 replicates' scores against the noise of their trials alone."""
    simulated = replicates(40, (one_benchmark(n_items=400),), **noise)
    (measured,), (truth,) = simulated.scores.benchmarks, simulated.truth
    p = truth.expected_rate[:, 0]
    variance = (p * (1.0 - p)).sum() / simulated.settings.n_trials / p.size**2
    statistic = ((measured.score() - measured.score().mean()) ** 2).sum() / variance
    return float(chi2.sf(statistic, 39))


def test_replicates_agree_within_the_noise_of_trials() -> None:
    """Two-sided, 2e-5 by chance."""
    assert 1e-5 < spread_of_replicates() < 1.0 - 1e-5


@pytest.mark.parametrize(
    "noise", [{"common_sd": 0.1}, {"own_sd": 0.1}, {"item_run_sd": 1.5}], ids=str
)
def test_replicates_with_effects_do_not_agree(noise: dict[str, float]) -> None:
    assert spread_of_replicates(**noise) < 1e-5


def test_another_family_is_worth_another_compute_on_each_item() -> None:
    others = tuple(
        LLMSettings(f"other-{i}", 1e9, 2e10, role="anchor", family="other") for i in range(2)
    )
    twin = LLMSettings("twin", 1e9, 2e10)
    (truth,) = simulate(clean(llms=(*LADDER, twin, *others), family_sd=0.5)).truth
    own, first, second = truth.rate[:, -3:].T
    np.testing.assert_array_equal(first, second)
    # Each item departs, and not all alike: half of them are better in expectation.
    assert np.unique(first).size == 200
    assert 10 < (first > own).sum() < 190
    (plain,) = simulate(clean(llms=(*LADDER, twin, *others), family_sd=0.0)).truth
    np.testing.assert_array_equal(plain.rate[:, -3], plain.rate[:, -1])


def test_loss_falls_with_size_and_sees_the_common_effect() -> None:
    other = LLMSettings("other", 1e9, 2e10, role="anchor", family="other")
    quiet = simulate(clean(llms=(*LADDER, other)))
    assert (np.diff(quiet.scores.llms.loss[:-1]) < 0).all()
    assert np.isnan(quiet.scores.llms.loss[-1])
    moved = simulate(clean(llms=(*LADDER, other), common_sd=0.5))
    better = moved.common_effect[:-1] > 0
    assert 0 < better.sum() < 6
    assert ((moved.scores.llms.loss < quiet.scores.llms.loss)[:-1] == better).all()


# ---- items


@given(
    st.integers(0, 500),
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6).filter(lambda x: sum(x) > 0.01),
)
def test_items_are_dealt_in_proportion(n: int, shares: list[float]) -> None:
    counts = dealt(n, shares)
    assert counts.sum() == n
    np.testing.assert_array_less(np.abs(counts - n * np.array(shares) / sum(shares)), 1.0 + 1e-9)


def test_each_kind_of_item_does_what_it_says() -> None:
    shares = ItemShares(0.5, 0.2, 0.1, 0.1, 0.1)
    wide = tuple(LLMSettings(f"l{i}", 10.0**i, 20 * 10.0**i) for i in range(2, 13))
    settings = clean(llms=wide, benchmarks=(one_benchmark(n_items=400, shares=shares),))
    (truth,) = simulate(settings).truth
    kinds = {name: truth.rate[truth.items.kind == i] for i, name in enumerate(KINDS)}
    assert [len(rows) for rows in kinds.values()] == [200, 80, 40, 40, 40]
    assert truth.items.scaling_share() == 0.5
    assert (np.diff(kinds["scaling"], axis=1) >= 0).all()
    assert (kinds["scaling"] >= 0.2).all()
    np.testing.assert_allclose(kinds["scaling"][:, 0], 0.2, atol=1e-6)
    for name in ("level", "saturated", "floor"):
        assert (kinds[name] == kinds[name][:, :1]).all()
    assert kinds["level"].min() > 0.2
    assert np.ptp(kinds["level"][:, 0]) > 0.5
    assert kinds["saturated"].min() >= 0.95
    assert (kinds["floor"] == 0.2).all()
    steps = np.diff(kinds["odd"], axis=1)
    falls = (steps < 0).all(axis=1)
    turns = (steps < 0).any(axis=1) & (steps > 0).any(axis=1)
    assert (falls | turns).all()
    assert 0 < falls.sum() < 40


def test_kinds_are_shuffled_over_the_items() -> None:
    kind = simulate("small").truth[0].items.kind
    assert (np.diff(kind) != 0).sum() > 50


def test_parameters_and_tokens_act_apart(tmp_path: Path) -> None:
    law = SplitLaw(tokens_part=0.3, params_factor=2.2, tokens_factor=1.6)
    llms = tuple(LLMSettings(f"{n:g}-{r}", n, n * r) for n in (1e8, 4e8, 2e9) for r in (5, 20, 200))
    simulated = simulate(clean(llms=llms, split=law))
    write_simulated(simulated, tmp_path / "out")
    story = json.loads((tmp_path / "out" / STORY).read_text(encoding="utf-8"))
    (told,), (truth,) = story["benchmarks"], simulated.truth
    n, d = simulated.scores.llms.params, simulated.scores.llms.tokens
    for index, group in enumerate(told["groups"]):
        loss = np.exp(group["log_A"]) * n ** -group["alpha"] + group["c"]
        loss += np.exp(group["log_B"]) * d ** -group["beta"]
        rows = truth.rate[truth.items.group == index]
        curve = 0.2 + 0.8 * np.exp(-loss)
        np.testing.assert_allclose(rows, np.tile(curve, (len(rows), 1)), rtol=1e-8)


def test_at_one_token_ratio_the_laws_agree() -> None:
    """At any other they do not."""
    by_compute, by_both = (
        simulate(clean(split=law, own_sd=0.3)).truth[0] for law in (None, SplitLaw())
    )
    np.testing.assert_allclose(by_both.rate, by_compute.rate, rtol=1e-10)
    starved = (*LADDER[:-1], LLMSettings("starved", 6e10, 1e8, compute_flops=LADDER[-1].flops))
    by_compute, by_both = (
        simulate(clean(llms=starved, split=law)).truth[0] for law in (None, SplitLaw())
    )
    assert (by_both.rate < by_compute.rate - 0.05)[:, -1].all()


# ---- seeds


def test_same_seed_same_numbers() -> None:
    first, second, other = (simulate("small", seed) for seed in (1, 1, 2))
    for a, b, c in zip(first.truth, second.truth, other.truth, strict=True):
        np.testing.assert_array_equal(a.rate, b.rate)
        assert (a.rate != c.rate).any()
        counts = (one.n_correct[a.benchmark] for one in (first, second, other))
        a_counts, b_counts, c_counts = counts
        np.testing.assert_array_equal(a_counts, b_counts)
        assert (a_counts != c_counts).any()
    assert first.scores.digest == second.scores.digest != other.scores.digest


def test_a_benchmark_does_not_depend_on_the_others() -> None:
    settings = preset("small")
    alone = simulate(replace(settings, benchmarks=settings.benchmarks[1:2]))
    among = simulate(settings)
    assert among.truth[2].benchmark == alone.truth[0].benchmark == "middling"
    np.testing.assert_array_equal(among.truth[2].rate, alone.truth[0].rate)
    np.testing.assert_array_equal(among.n_correct["middling"], alone.n_correct["middling"])
    assert (among.truth[0].items.log_loss[:300] != among.truth[1].items.log_loss[:300]).all()


def test_negative_seed_is_refused() -> None:
    with pytest.raises(DataError, match="negative seed; got: -1"):
        simulate("small", -1)


# ---- files


@pytest.mark.parametrize(
    ("settings", "warnings"),
    [
        (scaled(preset("small"), 0.1), ()),
        (replace(scaled(preset("greedy"), 0.1), checkpoints=True), ()),
        (replace(preset("small"), benchmarks=(one_benchmark('=1+1, "x"\n<b>', 12),)), ()),
        (scaled(preset("off-ratio"), 0.05), ("token-ratio",)),
        (scaled(preset("paper"), 0.004), ("token-ratio",)),
    ],
    ids=["small", "checkpoints", "one, hostile name", "off-ratio", "paper"],
)
def test_files_read_back_as_they_were(
    settings: SimulationSettings, warnings: tuple[str, ...], tmp_path: Path
) -> None:
    simulated = simulate(settings, 5)
    names = write_simulated(simulated, tmp_path / "out")
    assert sorted(names) == sorted(path.name for path in (tmp_path / "out").iterdir())
    read = bayescod.read_scores(*(tmp_path / "out" / name for name in (SCORES, MODELS, BENCHMARKS)))
    made = simulated.scores
    assert tuple(warning.code for warning in read.warnings) == warnings
    for field in ("name", "family", "run", "role"):
        assert getattr(read.llms, field) == getattr(made.llms, field)
    for field in ("compute_flops", "params", "tokens", "loss"):
        np.testing.assert_array_equal(getattr(read.llms, field), getattr(made.llms, field))
    for a, b in zip(read.benchmarks, made.benchmarks, strict=True):
        for field in ("benchmark", "item_id", "llm", "soft"):
            assert getattr(a, field) == getattr(b, field)
        assert a.chance == pytest.approx(b.chance)
        for field in ("pass_rate", "n_trials", "measured_rate", "measured_trials"):
            np.testing.assert_allclose(getattr(a, field), getattr(b, field), rtol=1e-15)


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for folder in "ab":
        write_simulated(simulate("small", 7), tmp_path / folder)
    write_simulated(simulate("small", 8), tmp_path / "c")
    for name in (SCORES, MODELS, BENCHMARKS, TRUTH, STORY):
        a, b, c = ((tmp_path / folder / name).read_bytes() for folder in "abc")
        assert a == b
        assert (a == c) == (name == BENCHMARKS)


def test_truth_is_told_of_every_llm() -> None:
    simulated = simulate("small", 1)
    frame = truth_rows(simulated).set_index(["benchmark", "model"])
    assert len(frame) == 3 * 9
    truth = simulated.truth[0]
    target = frame.loc[(truth.benchmark, "4.2B")]
    assert target["role"] == "target"
    assert target["latent_score"] == pytest.approx(truth.rate[:, 8].mean(), rel=1e-12)
    assert target["expected_score"] == pytest.approx(truth.expected_rate[:, 8].mean(), rel=1e-12)
    assert target["run_effect"] == truth.run_effect[8] != simulated.common_effect[8]
    assert target["scaling_share"] == 0.8


def test_settings_and_effects_are_told(tmp_path: Path) -> None:
    simulated = simulate(scaled(preset("small"), 0.1), 11)
    write_simulated(simulated, tmp_path)
    story = json.loads((tmp_path / STORY).read_text(encoding="utf-8"))
    assert (story["schema_version"], story["preset"], story["seed"]) == (1, "custom", 11)
    assert story["settings"]["common_sd"] == simulated.settings.common_sd
    effects = [model["common_effect"] for model in story["models"]]
    np.testing.assert_array_equal(effects, simulated.common_effect)


def test_another_run_is_not_overwritten(tmp_path: Path) -> None:
    tiny = scaled(preset("small"), 0.02)
    out = tmp_path / "out"
    write_simulated(simulate(tiny, 1), out)
    write_simulated(simulate(tiny, 1), out)
    before = (out / SCORES).read_bytes()
    with pytest.raises(ResultError, match="holds another simulation"):
        write_simulated(simulate(tiny, 2), out)
    with pytest.raises(ResultError, match="is a file"):
        write_simulated(simulate(tiny, 1), out / SCORES)
    (tmp_path / "mine.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(ResultError, match="files that are no simulation"):
        write_simulated(simulate(tiny, 1), tmp_path)
    (out / STORY).write_text("{", encoding="utf-8")
    with pytest.raises(ResultError, match="holds another simulation"):
        write_simulated(simulate(tiny, 1), out)
    assert (out / SCORES).read_bytes() == before


# ---- presets and settings


def test_paper_preset_has_the_published_sizes_and_scores() -> None:
    """Expected scores within five standard errors of the draw of items, and half a point."""
    simulated = simulate("paper")
    assert [llm.name for llm in simulated.settings.llms if llm.role == "target"] == ["70B"]
    assert sum(llm.role == "ladder" for llm in simulated.settings.llms) == 8
    assert {one.benchmark: one.items.kind.size for one in simulated.truth} == {
        name: n_items for name, (n_items, _) in PUBLISHED.items()
    }
    for truth in simulated.truth:
        n_items, score = PUBLISHED[truth.benchmark]
        target, anchor = truth.expected_rate[:, 8], truth.expected_rate[:, 9]
        error = 5 * target.std() / np.sqrt(n_items)
        assert abs(target.mean() - score / 100) < error + 0.005
        assert abs(anchor.mean() - target.mean()) < 0.1
        # Odd items may outweigh the growth of LLMs near chance.
        assert (np.diff(truth.expected_score()[:9]) > -0.002).all()


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_simulate(name: str) -> None:
    settings = scaled(preset(name), 0.05)
    assert sum(llm.role == "target" for llm in settings.llms) == 1
    scores = simulate(settings).scores
    assert all(0.0 < one.score().min() < one.score().max() < 1.0 for one in scores.benchmarks)


def test_off_ratio_preset_is_off_ratio() -> None:
    ladder = [llm for llm in preset("off-ratio").llms if llm.role == "ladder"]
    ratio = np.array([llm.tokens / llm.params for llm in ladder])
    compute = np.array([llm.flops for llm in ladder])
    assert ratio.max() / ratio.min() == pytest.approx(16.0)
    assert abs(np.corrcoef(np.log(compute), np.log(ratio))[0, 1]) < 0.7


def test_greedy_is_small_with_one_trial() -> None:
    assert replace(preset("greedy"), n_trials=100) == preset("small")
    assert set(np.unique(simulate("greedy").scores.benchmarks[0].pass_rate)) == {0.0, 1.0}


def test_unknown_preset_names_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="unknown preset 'papr'; did you mean paper"):
        simulate("papr")


def test_scaled_keeps_ten_items_and_all_else() -> None:
    settings = replace(preset("small"), benchmarks=(one_benchmark("a", 4), one_benchmark("b", 50)))
    assert [one.n_items for one in scaled(settings, 0.01).benchmarks] == [4, 10]
    assert [one.n_items for one in scaled(settings, 3.0).benchmarks] == [12, 150]
    assert scaled(settings, 1.0) == settings
    with pytest.raises(DataError, match=r"items; got: 0\.0; wanted: a finite factor above 0"):
        scaled(settings, 0.0)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: LLMSettings(" ", 1, 1), "name of a model; got: ' '; wanted: a name"),
        (lambda: LLMSettings("x", 0, 1), "params of LLMSettings 'x'; got: 0; wanted: .* above 0"),
        (lambda: LLMSettings("x", 1, 1, role="boss"), "role .* 'boss'; wanted: ladder, anchor"),
        (lambda: DifficultyGroup(1, 0, 0.0, 0), "exponent of DifficultyGroup; got: 0.0"),
        (lambda: DifficultyGroup(1, float("nan"), 1, 0), "log_loss of DifficultyGroup; got: nan"),
        (lambda: ItemShares(0.5, 0.1, 0, 0, 0), "got: a sum of 0.6; wanted: a sum of 1"),
        (lambda: one_benchmark(chance=1.0), "wanted: a finite number at least 0 and below 1"),
        (lambda: one_benchmark(n_items=2.5), "n_items .* 'toy'; got: 2.5; wanted: a whole number"),
        (lambda: one_benchmark(groups=()), "at least one difficulty group"),
        (lambda: SplitLaw(tokens_part=1.0), "tokens_part of SplitLaw"),
        (lambda: clean(n_trials=0), "n_trials of SimulationSettings; got: 0"),
        (lambda: clean(own_sd=-1.0), "own_sd of SimulationSettings; got: -1.0"),
        (lambda: clean(llms=LADDER + LADDER[:1]), "got: llm-0 twice; wanted: one of each name"),
        (lambda: clean(benchmarks=()), "benchmarks of SimulationSettings; got: none"),
        (
            lambda: clean(llms=(LLMSettings("t", 1, 1, role="target"),)),
            "none of role ladder; wanted: at least one",
        ),
    ],
)
def test_bad_settings_are_named(build: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        build()


def test_all_faults_of_a_record_are_told_at_once() -> None:
    with pytest.raises(DataError) as caught:
        clean(own_sd=-1.0, n_trials=0, benchmarks=())
    assert len(caught.value.problems) == 3
