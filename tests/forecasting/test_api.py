"""The forecast as one function, on ladders simulated in memory."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bayescod import sampling
from bayescod.api import forecast
from bayescod.errors import DataError, SpecError, UnknownNameError
from bayescod.forecasting import cod as forecasting_cod
from bayescod.specs import spec_folder
from tests._ladders import (
    ANCHOR,
    GROWING,
    LEVEL,
    TARGET,
    Curve,
    benchmark_level,
    make_scores,
    rescored,
    with_checkpoints,
)

HARD = (*GROWING[1:], GROWING[2])
UNSOLVED = Curve(1e6, 0.0)


def short(folder, name, **entries):
    """Write a shipped spec with other entries."""
    text = (spec_folder() / f"{name}.toml").read_text(encoding="utf-8")
    for key, value in entries.items():
        text, found = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
        assert found == 1, f"{name}.toml has no {key}"
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def specs(tmp_path_factory):
    """COD and end-to-end with few draws, which are taken as they come.

    So few never pass the convergence checks; that they are then drawn once more, and dropped if
    that fails, is what other tests look at.
    """
    folder = tmp_path_factory.mktemp("specs")
    few = {"warmup": 150, "draws": 100, "chains": 2, "max_tree_depth": 6}
    end_to_end = short(folder, "end-to-end", **few)
    mapping = short(folder, "mapping", warmup=100, draws=100)
    companions = {"end_to_end": f'"{end_to_end}"', "mapping": f'"{mapping}"'}
    cod = short(folder, "cod", **few, **companions)
    no_mapping = short(folder, "cod-no-mapping", **few, end_to_end=companions["end_to_end"])
    with pytest.MonkeyPatch.context() as patch:
        for module in (sampling, forecasting_cod):
            patch.setattr(module, "judge", lambda diagnostics: ("pass", ()))
        yield {"cod": cod, "cod-no-mapping": no_mapping, "end-to-end": end_to_end}


@cache
def two_benchmarks():
    return make_scores(0, {"easy": GROWING, "hard": HARD})


@pytest.fixture(scope="module")
def ask(specs):
    def asked(scores, target=TARGET, *, spec="cod", seed=1, **settings):
        return forecast(scores, target=target, model_spec=specs[spec], seed=seed, **settings)

    return asked


@pytest.fixture(scope="module")
def cod(ask):
    return ask(two_benchmarks())


def draws(found, group="predictions"):
    """All draws of all benchmarks by name."""
    return [
        {str(name): values.to_numpy() for name, values in one.tree[group].items()}
        for one in found.benchmarks
    ]


def equal(first, second, group="predictions"):
    """For each variable, whether it is the same bytes in all benchmarks."""
    pairs = list(zip(draws(first, group), draws(second, group), strict=True))
    return {
        name: all(a[name].tobytes() == b[name].tobytes() for a, b in pairs) for name in pairs[0][0]
    }


def test_items_in_clusters_are_forecast_by_cod(cod):
    assert [one.benchmark for one in cod.benchmarks] == ["easy", "hard"]
    for one in cod.benchmarks:
        assert one.method == "cod"
        assert one.reason is None
        assert one.law == "cod"
        assert one.n_items == 120
        assert len(one.clusters) >= 2
        assert all(cluster.n_items >= 10 for cluster in one.clusters)
        assert one.a_unit_flops == pytest.approx(1e18)


def test_draws_are_scores(cod):
    for found in draws(cod):
        for name in ("score", "latent_score", "end_to_end", "predictable_share", "fan"):
            assert ((found[name] >= 0) & (found[name] <= 1)).all(), name
        assert found["score"].shape == (200,)
        subset = found["subset_score"]
        assert (np.isnan(subset) == (found["predictable_share"] == 0)).all()


def test_latent_score_is_within_what_the_subset_allows(cod):
    for found in draws(cod):
        x, share = np.nan_to_num(found["subset_score"]), found["predictable_share"]
        used = share >= 0.5
        assert used.any()
        assert (found["latent_score"] >= share * x - 1e-9)[used].all()
        assert (found["latent_score"] <= share * x + 1 - share + 1e-9)[used].all()


def test_a_run_without_luck_keeps_its_world(cod):
    """What is left of a world when the luck of its run, then the noise of its map, is taken out."""
    for found in draws(cod):
        drawn, typical, law = (
            found[name] for name in ("latent_score", "typical_score", "law_score")
        )
        assert np.corrcoef(drawn, typical)[0, 1] > 0.5
        assert typical.var() < drawn.var()
        assert np.corrcoef(typical, law)[0, 1] > 0.5
        assert (law != typical).any()


def test_fan_starts_at_the_ladder_and_goes_beyond_the_target(cod):
    for one in cod.benchmarks:
        compute = one.tree["predictions"]["compute"].to_numpy()
        assert compute[0] == pytest.approx(4e19)
        assert compute[-1] > one.target.compute_flops
        assert (np.diff(compute) > 0).all()


def test_fan_follows_the_measured_scores(cod):
    """Within 10 points along the ladder: trials and run effects are far smaller here."""
    scores = two_benchmarks()
    for one, given in zip(cod.benchmarks, scores.benchmarks, strict=True):
        predictions = one.tree["predictions"]
        median = np.median(predictions["fan"].to_numpy(), axis=1)
        at = np.interp(
            np.log(scores.llms.compute_flops[:7]), np.log(predictions["compute"]), median
        )
        np.testing.assert_allclose(at, given.score()[:7], atol=0.1)


def test_target_is_dropped_before_anything_is_learned_and_same_seed_same_bytes(cod, ask):
    """The leakage test: other scores of the target change the truth, and not one bit besides."""
    other = ask(rescored(two_benchmarks(), TARGET, 0.013))
    for group in ("predictions", "posterior", "observed_data", "constant_data"):
        assert all(equal(cod, other, group).values()), group
    assert [one.target.truth for one in other.benchmarks] == pytest.approx([0.013, 0.013])
    assert all(one.target.truth > 0.5 for one in cod.benchmarks)


def test_another_ladder_llm_does_change_the_draws(cod, ask):
    """The negative control of the leakage test; another seed changes them too."""
    changed = equal(cod, ask(rescored(two_benchmarks(), "llm-3", 0.2)))
    assert not changed["score"]
    reseeded = equal(cod, ask(two_benchmarks(), seed=2))
    assert not reseeded["score"]
    assert not reseeded["latent_score"]


def test_anchor_enters_the_mapping_and_not_the_ladder(cod, ask):
    other = ask(rescored(two_benchmarks(), ANCHOR, 0.05))
    assert all(equal(cod, other, "posterior").values())
    predictions = equal(cod, other)
    assert predictions["subset_score"]
    assert predictions["end_to_end"]
    assert not predictions["mapping_steps"]
    assert not predictions["latent_score"]


def test_a_checkpoint_of_the_run_moves_the_forecast_and_nothing_of_the_ladder(cod, ask):
    scores, update = with_checkpoints(two_benchmarks())
    found = ask(scores, update=update)
    assert all(equal(cod, found, "posterior").values())
    assert not equal(cod, found)["latent_score"]
    assert found.course.before == {one.benchmark: one.summary() for one in cod.benchmarks}
    assert [one.model for one in found.course.checkpoints] == ["big-1", "big-2"]
    assert [len(one.points) for one in found.course.checkpoints] == [2, 2]
    for own in draws(found):
        for name in ("score", "latent_score", "fan"):
            assert ((own[name] >= 0) & (own[name] <= 1)).all()
    again = ask(scores, update=update)
    assert all(equal(found, again).values())
    assert again.course == found.course


def test_compute_alone_is_a_target_of_the_same_posterior(cod, ask):
    found = ask(two_benchmarks(), "1.953125e23")
    assert all(equal(cod, found, "posterior").values())
    assert all(equal(cod, found).values())
    assert [one.target.truth for one in found.benchmarks] == [None, None]
    assert found.target.model.endswith("e23 FLOP")


def test_a_table_without_items_is_forecast_end_to_end(ask):
    scores = two_benchmarks()
    level = tuple(benchmark_level(one) for one in scores.benchmarks)
    found = ask(replace(scores, benchmarks=level))
    for one in found.benchmarks:
        assert (one.method, one.reason.code) == ("end-to-end", "no-items")
        assert one.clusters == ()
        assert one.law == "end-to-end"


def test_fewer_trials_of_the_evaluation_widen_the_forecast_by_their_square_root(cod, ask):
    """Same latent draws, same normals: the noise of one trial an item is ten times that of 100."""
    found = ask(two_benchmarks(), eval_trials=1)
    assert equal(cod, found)["latent_score"]
    for own, few in zip(draws(cod), draws(found), strict=True):
        noise = [one["score"] - one["latent_score"] for one in (own, few)]
        np.testing.assert_allclose(noise[1], 10 * noise[0], atol=1e-9)
        assert noise[1].std() > 0.005


def test_a_spec_file_is_used_in_the_place_of_the_shipped(cod, ask, specs):
    found = ask(two_benchmarks(), spec="end-to-end")
    assert [one.method for one in found.benchmarks] == ["end-to-end"] * 2
    assert {one.reason.code for one in found.benchmarks} == {"asked"}
    assert found.spec == specs["end-to-end"]
    assert found.provenance["spec_digest"] != cod.provenance["spec_digest"]


@pytest.mark.slow
def test_cod_without_mapping_is_the_weighted_mean_of_its_clusters(ask):
    """Every cluster of all items, a level one too; items that nobody ever solved count as zero."""
    scores = make_scores(0, {"all": (*GROWING, LEVEL[0]), "some": (*GROWING, UNSOLVED)})
    found = ask(scores, spec="cod-no-mapping")
    for one, predicted, solved in zip(found.benchmarks, draws(found), (1.0, 0.75), strict=True):
        assert (one.method, one.law, one.reason) == ("cod", "cod-no-mapping", None)
        assert sum(cluster.n_items for cluster in one.clusters) == solved * 120
        assert all(cluster.p_extrapolatable == 1.0 for cluster in one.clusters)
        assert predicted["extrapolatable"].all()
        np.testing.assert_allclose(predicted["predictable_share"], solved)
        np.testing.assert_allclose(
            predicted["latent_score"], solved * predicted["subset_score"], rtol=1e-12
        )
        assert not {"mapping_steps", "mapping_spread"} & predicted.keys()
        assert (predicted["latent_score"] != predicted["end_to_end"]).all()
        # 200 draws that nobody checked for convergence: near is all that can be asked.
        assert predicted["latent_score"].mean() == pytest.approx(one.target.truth, abs=0.1)
    assert found.provenance["spec_digest"].count("-") == 1


def lacking(scores, *columns):
    """The same scores, but the models table lacks what is named of one ladder LLM."""
    changed = {}
    for name in columns:
        changed[name] = getattr(scores.llms, name).copy()
        changed[name][3] = np.nan
    return replace(scores, llms=replace(scores.llms, **changed))


@pytest.mark.parametrize(
    ("spec", "columns", "column"),
    [
        ("loss-intermediate", ("loss",), "loss"),
        ("params-tokens", ("tokens",), "tokens"),
        ("cod-params-tokens", ("params", "tokens"), "params, tokens"),
    ],
)
def test_a_law_of_what_the_table_lacks_is_refused(spec, columns, column):
    with pytest.raises(DataError) as caught:
        forecast(lacking(two_benchmarks(), *columns), target=TARGET, model_spec=spec)
    assert {problem.code for problem in caught.value.problems} == {"no-covariate"}
    assert {problem.column for problem in caught.value.problems} == {column}


def test_provenance_names_data_specs_and_versions(cod):
    assert cod.provenance["data_digest"] == "0" * 64
    assert cod.provenance["spec_digest"].count("-") == 2
    assert {"bayescod", "python", "jax", "numpyro"} <= cod.provenance.keys()
    assert cod.seed == 1


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"benchmarks": ("esy",)}, UnknownNameError, "unknown benchmark 'esy'; did you mean easy"),
        ({"smoothing": "diagonal"}, DataError, "unknown smoothing.*'diagonal'"),
        ({"eval_trials": 0}, DataError, "too few trials; got: 0"),
        ({"seed": -1}, DataError, "negative seed"),
        ({"target": "bigger"}, DataError, "unknown-target"),
        ({"model_spec": "cood"}, UnknownNameError, "unknown model spec 'cood'; did you mean cod"),
        ({"model_spec": "nowhere/cod.toml"}, SpecError, "cannot read the model spec"),
        ({"model_spec": "mapping"}, SpecError, "mapping"),
    ],
)
def test_what_cannot_be_used_is_told_before_sampling(settings, error, message):
    with pytest.raises(error, match=re.compile(message, re.DOTALL)):
        forecast(two_benchmarks(), **({"target": TARGET} | settings))


def test_several_bad_settings_are_told_together():
    with pytest.raises(DataError) as caught:
        forecast(two_benchmarks(), target=TARGET, smoothing="", eval_trials=0, seed=-1)
    assert len(caught.value.problems) == 3


def test_specs_that_do_not_draw_alike_are_refused(tmp_path):
    """Draw i is one world over the specs of a forecast, so each has to have one."""
    spec = short(tmp_path, "cod", draws=124)
    with pytest.raises(SpecError, match="chains times draws"):
        forecast(two_benchmarks(), target=TARGET, model_spec=spec)


@pytest.mark.parametrize("companion", ["end_to_end", "mapping"])
def test_companions_of_the_wrong_program_are_refused(tmp_path, companion):
    spec = short(tmp_path, "cod", **{companion: '"cod-power-law"'})
    with pytest.raises(SpecError, match="cod names cod-power-law, of program clusters"):
        forecast(two_benchmarks(), target=TARGET, model_spec=spec)


@pytest.mark.slow
def test_simulated_target_is_within_the_forecast_of_the_shipped_specs():
    """Two growing benchmarks and a level one, within 99.9 % ranges: a false alarm in 300."""
    scores = make_scores(3, {"easy": GROWING, "hard": HARD, "level": LEVEL})
    found = forecast(scores, target=TARGET, seed=3)
    methods = {one.benchmark: one.method for one in found.benchmarks}
    assert methods == {"easy": "cod", "hard": "cod", "level": "end-to-end"}
    for one, predicted in zip(found.benchmarks, draws(found), strict=True):
        assert one.status != "fail"
        low, high = np.quantile(predicted["score"], [0.0005, 0.9995])
        assert low <= one.target.truth <= high
        assert high - low < 0.6
    assert found.benchmarks[2].reason.code == "no-growth"


def test_how_well_the_items_cluster_is_reported(cod):
    for one in cod.benchmarks:
        reported = one.tree["constant_data"]
        assert 0.0 <= float(reported["outlier_rate"]) <= 1.0
        assert 0.0 < float(reported["intra_cluster_distance"]) < float(reported["cluster_radius"])
        assert int(reported["n_zero_items"]) >= 0
