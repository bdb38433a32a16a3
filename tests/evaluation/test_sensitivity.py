"""Reruns of a forecast with one thing changed at a time."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jax import Array

from bayescod.batches import Lane
from bayescod.errors import SpecError, UnknownNameError
from bayescod.evaluation.sensitivity import REFERENCE, Sensitivity, SensitivityRow, sensitivity
from bayescod.evaluation.variants import (
    GROUPS,
    VARIANTS,
    Edit,
    Variant,
    edited,
    edited_specs,
    touches,
    variants_of,
)
from bayescod.forecasting import recall
from bayescod.forecasting.recall import _identity
from bayescod.forecasting.spec_sets import specs_of
from bayescod.programs.space import site_shapes
from bayescod.sampling import Posterior
from bayescod.scores.slicing import restrict
from bayescod.specs import Spec, load_spec, parse_spec, spec_folder
from tests._factories import HEALTHY
from tests._ladders import ANCHOR, TARGET, make_scores, rescored

LADDER = tuple(f"llm-{i}" for i in range(7))
OUTLIER = "llm-3"
SAME = Variant("same", "own", (Edit("single_curve", "priors.b.scale", "times", 1.0),))
SAME_CLUSTERS = (
    Edit("clusters", "filter.a_min", "times", 1.0),
    Edit("clusters", "clustering.quantile", "times", 1.0),
    Edit("mapping", "degree", "set", 4),
)
OF_CLUSTERS = ("same clusters", "b > 0.05", "cubic", "without anchors", "no cluster")
EITHER = Edit("clusters", "filter.b_min", "set", 0.2)


def short_specs(folder: Path, warmup: int, draws: int) -> Path:
    """COD and its companions with few draws."""
    for name in ("cod", "end-to-end", "mapping"):
        text = (spec_folder() / f"{name}.toml").read_text(encoding="utf-8")
        for key, value in {"warmup": warmup, "draws": draws}.items():
            text = re.sub(rf"^{key} = \d+", f"{key} = {value}", text, flags=re.MULTILINE)
        companion = r'^(end_to_end|mapping) = "([\w-]+)"'
        text = re.sub(companion, rf'\1 = "{folder.as_posix()}/\2.toml"', text, flags=re.MULTILINE)
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


def made_up(
    keys: Sequence[Array],
    spec: Spec,
    lanes: Sequence[Lane],
    progress: Callable[[Sequence[int]], None],
) -> tuple[list[Posterior], list[tuple[float, float]]]:
    """Posteriors without sampling: functions of key, program, priors and data, as real ones are."""
    found = []
    for key, lane in zip(keys, lanes, strict=True):
        rng = np.random.default_rng(int(_identity(key, spec, lane)[:12], 16))
        sites = {
            name: 0.3 * np.exp(0.1 * rng.standard_normal((4, 100, *shape)))
            for name, shape in site_shapes(spec, lane.data).items()
        }
        if "steps" in sites:
            sites["steps"] /= sites["steps"].sum(axis=-1, keepdims=True)
        stats = {"diverging": np.zeros((4, 100), dtype=bool)}
        found.append(Posterior(sites, stats, replace(HEALTHY, n_draws=400)))
    progress(range(len(lanes)))
    return found, [(0.0, 0.0)] * len(lanes)


@pytest.fixture(scope="module")
def found() -> Sensitivity:
    """One benchmark with clusters, one of a single trial an item; no posterior is sampled."""
    scores = make_scores(0)
    few = replace(make_scores(1, n_trials=1).benchmarks[0], benchmark="few")
    shorter = restrict(few, [name for name in few.llm if name != "llm-6"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recall, "sample_each", made_up)
        return sensitivity(
            replace(scores, benchmarks=(*scores.benchmarks, shorter)),
            target=TARGET,
            model_spec="cod",
            variants=(
                SAME,
                Variant("same clusters", "own", SAME_CLUSTERS),
                "filter",
                Variant("cubic", "mapping", (Edit("mapping", "degree", "set", 3),)),
                Variant("b × 2", "priors", (Edit("single_curve", "priors.b.scale", "times", 2.0),)),
                Variant("without llm-6", "llms", drop=("llm-6",)),
                Variant("without anchors", "llms", anchors=False),
                Variant("no cluster", "filter", (Edit("clusters", "filter.b_min", "set", 9.0),)),
                Variant("no entry", "own", (Edit("clusters", "priors.d.scale", "set", 9.0),)),
                Variant("too few", "llms", drop=LADDER[:4]),
            ),
        )


def row(found: Sensitivity, variant: str, benchmark: str = "toy") -> SensitivityRow:
    (one,) = (r for r in found.rows if (r.variant, r.benchmark) == (variant, benchmark))
    return one


def test_reference_comes_first_and_has_no_change(found: Sensitivity) -> None:
    assert [(r.variant, r.benchmark) for r in found.rows[:2]] == [
        (REFERENCE, "toy"),
        (REFERENCE, "few"),
    ]
    assert [r.method for r in found.rows[:2]] == ["cod", "end-to-end"]
    for first in found.rows[:2]:
        assert (first.group, first.change) == (REFERENCE, 0.0)
        assert first.width == first.reference_width > 0.0


@pytest.mark.parametrize("variant", ["same", "same clusters"])
def test_variant_that_changes_nothing_gives_the_same_bytes(
    found: Sensitivity, variant: str
) -> None:
    same, reference = row(found, variant), row(found, REFERENCE)
    assert (same.change, same.median, same.width) == (0.0, reference.median, reference.width)


@pytest.mark.parametrize("variant", ["cubic", "without llm-6", "without anchors"])
def test_variant_that_changes_something_changes_the_forecast(
    found: Sensitivity, variant: str
) -> None:
    one = row(found, variant)
    assert one.change == one.median - row(found, REFERENCE).median != 0.0
    assert (one.method, one.status, one.note) == ("cod", "pass", "")


def test_prior_of_the_curves_moves_what_rests_on_them(found: Sensitivity) -> None:
    assert row(found, "b × 2", "few").change != 0.0
    # No draw of the clusters' forecast falls back to the curve.
    assert row(found, "b × 2").change == 0.0


def test_filter_that_keeps_nothing_falls_back(found: Sensitivity) -> None:
    one = row(found, "no cluster")
    assert one.method == "end-to-end"
    assert "in clusters that can be extrapolated" in one.note
    assert math.isnan(one.predictable_share)


@pytest.mark.parametrize(
    ("variant", "benchmark", "note"),
    [
        *((name, "few", "no clusters: a median of 1 trials") for name in OF_CLUSTERS),
        ("without llm-6", "few", "not evaluated here"),
        ("no entry", "toy", "no spec of this forecast has such an entry"),
        ("too few", "toy", "3 ladder models remain"),
    ],
)
def test_what_does_not_apply_is_empty_and_says_why(
    found: Sensitivity, variant: str, benchmark: str, note: str
) -> None:
    one = row(found, variant, benchmark)
    assert note in one.note
    assert (one.method, one.status) == ("", "")
    assert all(map(math.isnan, (one.median, one.change, one.width, one.predictable_share)))
    assert one.reference_width > 0.0


def test_frame_has_a_row_a_variant_and_the_time_of_each(found: Sensitivity) -> None:
    frame = found.frame()
    assert list(frame["variant"]) == [r.variant for r in found.rows]
    assert list(found.seconds) == list(frame["variant"])[::2]
    assert list(found.power_scaling) == ["toy", "few"]
    assert {"b_loc", "likelihood"} <= {r.factor for r in found.power_scaling["toy"].rows}
    assert {"b", "likelihood"} <= {r.factor for r in found.power_scaling["few"].rows}
    assert found.target == TARGET


def test_unknown_benchmark_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown benchmark 'toi'; did you mean toy"):
        sensitivity(make_scores(0), target=TARGET, benchmarks=("toi",))


def test_variants_have_names_of_their_own_and_known_groups() -> None:
    every = variants_of(None, LADDER)
    assert len({variant.name for variant in every}) == len(every) == len(VARIANTS) + len(LADDER)
    assert [*dict.fromkeys(variant.group for variant in every)] == list(GROUPS)


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v.edits], ids=lambda v: v.name)
def test_every_edit_changes_the_text_and_the_meaning(variant: Variant) -> None:
    specs = specs_of("auto")
    assert edited_specs(specs, variant.edits) != specs
    for edit in variant.edits:
        mine = [spec for spec in specs.all() if touches(spec, (edit,))]
        assert mine
        for spec in mine:
            new = edited(spec, (edit,))
            # One number on one line, and what the spec means with it.
            lines = zip(spec.text.splitlines(), new.text.splitlines(), strict=True)
            assert sum(a != b for a, b in lines) == 1
            same = {"digest", "text"}
            assert any(
                getattr(new, name) != getattr(spec, name)
                for name in spec.__slots__
                if name not in same
            )


@pytest.mark.parametrize("name", ["exponent b", "ceiling c", "spread", "run scale", "walk scale"])
def test_priors_are_doubled_and_halved(name: str) -> None:
    site = {"exponent b": "b_loc", "ceiling c": "c_scale"}.get(name, name.replace(" ", "_"))
    spec = load_spec("cod")
    medians = []
    for label in ("× 2", "× 0.5"):
        (variant,) = (v for v in VARIANTS if v.name == f"{name} {label}")
        new = edited(spec, variant.edits).priors[site].parameters
        old = spec.priors[site].parameters
        ratio = old["rate"] / new["rate"] if "rate" in old else math.exp(new["loc"] - old["loc"])
        medians.append(ratio)
    np.testing.assert_allclose(medians, [2.0, 0.5])


def test_edit_leaves_comments_and_other_tables_alone() -> None:
    spec = load_spec("cod")
    new = edited(spec, (Edit("clusters", "filter.b_min", "times", 2.0),))
    assert new.filter is not None
    assert new.filter.b_min == 0.2
    edit = Edit("clusters", "clustering.min_cluster_size", "set", 5)
    new = edited(spec, (edit,))
    assert "min_cluster_size = 5       # arXiv 2502.17262, Algorithm 1 (K)" in new.text
    assert new.name == spec.name
    assert new.digest != spec.digest


def test_edit_of_another_program_changes_nothing() -> None:
    spec = load_spec("mapping")
    assert edited(spec, (EITHER, Edit("mapping", "filter.b_min", "set", 0.2))) is spec


def test_entry_that_is_written_otherwise_is_refused() -> None:
    text = load_spec("end-to-end").text.replace(
        "[compute]", "compute = { smallest_over_unit = 40.0 }\n[sampler]", 1
    )
    text = re.sub(r"\nsmallest_over_unit = 40\.0\n\n\[sampler\]", "", text)
    spec = parse_spec(text)
    with pytest.raises(SpecError, match=r"cannot edit compute.smallest_over_unit: write it as"):
        edited(spec, (Edit("single_curve", "compute.smallest_over_unit", "times", 2.0),))


def test_edit_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(SpecError, match="the spec mapping, edited, cannot be used"):
        edited(load_spec("mapping"), (Edit("mapping", "degree", "set", 9),))
    with pytest.raises(UnknownNameError, match="unknown way to edit a spec 'add'"):
        edited(load_spec("mapping"), (Edit("mapping", "degree", "add", 1),))


@pytest.mark.parametrize(
    ("chosen", "error"),
    [(("prior",), "did you mean priors"), ((SAME, SAME), "got twice: same")],
)
def test_choice_that_cannot_be_meant_is_refused(
    chosen: Sequence[Variant | str], error: str
) -> None:
    with pytest.raises((UnknownNameError, SpecError), match=error):
        variants_of(chosen, LADDER)


@pytest.mark.slow
def test_llm_that_stands_out_changes_most(tmp_path: Path) -> None:
    folder = short_specs(tmp_path, 500, 600)
    found = sensitivity(
        rescored(make_scores(0), OUTLIER, 0.05),
        target=TARGET,
        model_spec=str(folder / "end-to-end.toml"),
        variants=[Variant(f"without {name}", "llms", drop=(name,)) for name in LADDER],
    )
    changes = {name: abs(row(found, f"without {name}").change) for name in LADDER}
    # With the outlier the spread is as wide as the scale; without it the width is a tenth.
    assert max(changes, key=changes.__getitem__) == OUTLIER
    assert row(found, f"without {OUTLIER}").width < 0.3 * row(found, REFERENCE).width


@pytest.mark.slow
def test_variants_of_clusters_share_what_was_sampled(tmp_path: Path) -> None:
    folder = short_specs(tmp_path, 400, 300)
    found = sensitivity(
        make_scores(0),
        target=TARGET,
        anchors=(ANCHOR,),
        model_spec=str(folder / "cod.toml"),
        variants=(
            Variant("same", "own", SAME_CLUSTERS),
            "filter",
            Variant("cubic", "mapping", (Edit("mapping", "degree", "set", 3),)),
        ),
    )
    reference = row(found, REFERENCE)
    assert (reference.method, reference.status) == ("cod", "pass")
    assert row(found, "same").width == reference.width
    assert row(found, "same").change == 0.0 != row(found, "cubic").change
    # The degree of the map is a small matter here: 0.1 points when this was written.
    assert abs(row(found, "cubic").change) < 0.25 * reference.width
    # Only maps are sampled for a filter, where its masks are new.
    assert found.seconds["b > 0.05"] < 0.5 * found.seconds[REFERENCE]
