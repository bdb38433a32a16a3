"""Where the width comes from: parts of planted variances, by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bayescod.convergence import Reason
from bayescod.reporting.page.facts import page_facts
from bayescod.reporting.page.page import render
from bayescod.reporting.page.widths import widths_of
from tests._factories import LADDER_FLOPS, make_benchmark, make_set

LAST = float(LADDER_FLOPS[-1])
N = 200
ONE_CURVE = Reason("small-subset", "m")


def with_draws(forecast, **changes):
    """The forecast with other predictive draws; ``None`` takes a field away."""
    tree = forecast.tree.copy()
    dataset = tree["predictions"].to_dataset()
    for name, values in changes.items():
        if values is None:
            dataset = dataset.drop_vars(name, errors="ignore")
        else:
            dataset[name] = (("draw",), values)
    tree["predictions"] = type(tree)(dataset)
    return dataclasses.replace(forecast, tree=tree)


def older(forecast, **changes):
    """As an earlier version wrote it."""
    return with_draws(forecast, typical_score=None, law_score=None, **changes)


def parts_of(forecast):
    return {part.key: part.share for part in widths_of(forecast, LAST).parts}


def contrasts(*sds: float) -> list[np.ndarray]:
    """Draws with exactly these standard deviations, mean 0 and no correlation."""
    basis = np.linalg.qr(
        np.column_stack([np.ones(N), np.random.default_rng(5).normal(size=(N, 9))])
    )
    return [sd * N**0.5 * basis.Q[:, i + 1] for i, sd in enumerate(sds)]


def test_parts_of_a_curve_are_the_planted_variances():
    law, run = contrasts(0.03, 0.04)
    latent = 0.5 + law + run
    forecast = with_draws(
        make_benchmark("toy", reason=ONE_CURVE), latent_score=latent, typical_score=0.5 + law
    )
    forecast = with_draws(forecast, law_score=None)
    noise = np.mean(latent * (1 - latent)) / 2000
    total = 0.03**2 + 0.04**2 + noise
    assert parts_of(forecast) == pytest.approx(
        {"law": 0.03**2 / total, "run": 0.04**2 / total, "evaluation": noise / total}
    )


def test_parts_of_pooled_groups_are_the_planted_variances():
    """Two voices 6 points apart, each with a law, a map and a run of its own."""
    law, step, run = contrasts(0.01, 0.02, 0.03)
    by_groups = np.arange(N) % 4 == 0
    law = law - np.where(by_groups, law[by_groups].mean(), law[~by_groups].mean())
    centre = np.where(by_groups, 0.56, 0.50)
    found = {"law_score": centre + law}
    found["typical_score"] = found["law_score"] + step
    found["latent_score"] = found["typical_score"] + run
    direct = np.where(by_groups, 0.3, found["latent_score"])
    parts = parts_of(with_draws(make_benchmark("toy"), end_to_end=direct, **found))
    latent = found["latent_score"]
    noise = np.mean(latent * (1 - latent)) / 2000
    total = latent.var() + noise
    assert parts == pytest.approx(
        {
            "law": law.var() / total,
            "voices": 0.06**2 * 0.25 * 0.75 / total,
            "mapping": (found["typical_score"].var() - found["law_score"].var()) / total,
            "run": (latent.var() - found["typical_score"].var()) / total,
            "evaluation": noise / total,
        }
    )
    assert list(parts) == ["law", "voices", "mapping", "run", "evaluation"]


@pytest.mark.parametrize(("sign", "run"), [(1, 1 - 0.02**2 / 0.03**2), (-1, 0.0)])
def test_a_covariance_counts_with_what_is_taken_out_first(sign, run):
    """A run that adds to the law's departures, and one that takes from them."""
    (law,) = contrasts(0.02)
    latent = 0.5 + (1 + 0.5 * sign) * law
    forecast = make_benchmark("toy", reason=ONE_CURVE)
    parts = parts_of(with_draws(forecast, latent_score=latent, typical_score=0.5 + law))
    rest = 1 - parts["evaluation"]
    assert parts["run"] == pytest.approx(run * rest)
    assert parts["law"] == pytest.approx((1 - run) * rest)


def test_no_part_is_negative_whatever_rises():
    rng = np.random.default_rng(0)
    for _ in range(50):
        scales = rng.uniform(0.001, 0.1, 3)
        names = ("latent_score", "typical_score", "law_score")
        draws = {
            name: 0.5 + scale * rng.standard_normal(N).clip(-4, 4)
            for name, scale in zip(names, scales, strict=True)
        }
        parts = parts_of(with_draws(make_benchmark("toy"), **draws))
        assert min(parts.values()) >= 0
        assert sum(parts.values()) == pytest.approx(1.0)


def test_an_older_forecast_tells_what_it_can():
    rng = np.random.default_rng(3)
    direct = np.clip(rng.normal(0.5, 0.02, N), 0, 1)
    latent = np.where(np.arange(N) < 80, direct, np.clip(rng.normal(0.6, 0.03, N), 0, 1))
    forecast = older(make_benchmark("toy"), latent_score=latent, end_to_end=direct)
    found = widths_of(forecast, LAST)
    noise = np.mean(latent * (1 - latent)) / 2000
    total = latent.var() + noise
    within = (80 * latent[:80].var() + 120 * latent[80:].var()) / N
    assert not found.split
    assert parts_of(forecast) == pytest.approx(
        {
            "untold": within / total,
            "voices": 1 - (within + noise) / total,
            "evaluation": noise / total,
        }
    )
    assert {voice.name: voice.part for voice in found.voices} == {
        "groups of questions (COD)": 0.6,
        "one curve in compute": 0.4,
    }
    assert found.at_data_end < found.at_target


def test_laws_are_voices_and_one_law_is_none():
    forecast = make_benchmark("toy", reason=ONE_CURVE)
    assert widths_of(forecast, LAST).voices == ()
    law = (np.arange(N) % 4 == 0).astype(int)
    voices = widths_of(with_draws(forecast, law=law), LAST).voices
    assert sorted(voice.part for voice in voices) == [0.25, 0.75]
    assert sum(voice.part for voice in voices if "tokens" in voice.name) == 0.25


def test_the_technical_part_says_how_it_is_split():
    new, old = make_benchmark("new"), older(make_benchmark("old"))
    told, untold = "taken out from the outside in", "written by an earlier version"
    assert told in render(page_facts(make_set(new)))
    assert untold not in render(page_facts(make_set(new)))
    assert untold in render(page_facts(make_set(old)))
    assert told not in render(page_facts(make_set(old)))
