"""The page: what it states, what it withholds, what it must never hold."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import bayescod
from bayescod.convergence import Reason
from bayescod.decisions.predictability import rank_benchmarks
from bayescod.forecasting.records import ForecastSet
from bayescod.reporting.page.cautions import UNCHECKED
from bayescod.reporting.page.facts import page_facts
from bayescod.reporting.page.markdown import markdown
from bayescod.reporting.page.page import render, report
from bayescod.reporting.page.sentences import (
    ASSUMED,
    chance_sentence,
    distance_sentence,
    makeup_sentence,
    outcomes_sentence,
    remarks_on,
)
from bayescod.reporting.page.words import expectation, likelihood
from bayescod.reporting.wording import printable
from tests._backtests import make_backtest, make_rows
from tests._factories import HEALTHY, make_benchmark, make_set

STYLE = Path(bayescod.__file__).parent / "reporting/page/report.css"
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
    "</style></title></svg>",
    "=cmd|' /C calc'!A0",
    "[x](https://evil.example)",
    "a\nb\x1b[31m\u202e",
    "数学 🙂",
    "x" * 400,
)
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Tags, attributes and texts; complains of tags that do not close as they opened."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def names(self) -> set[str]:
        return {tag for tag, _ in self.tags}


def sick(name: str = "sick"):
    bad = dataclasses.replace(HEALTHY, max_rhat=math.nan)
    return make_benchmark(name, status="fail", diagnostics=bad)


def with_draws(forecast, **changes):
    """The forecast with other predictive draws."""
    tree = forecast.tree.copy()
    dataset = tree["predictions"].to_dataset()
    for name, values in changes.items():
        dataset[name] = (("draw",), values)
    tree["predictions"] = type(tree)(dataset)
    return dataclasses.replace(forecast, tree=tree)


@pytest.fixture(scope="module")
def nine() -> ForecastSet:
    levels = np.linspace(0.2, 0.9, 9)
    return make_set(
        *(make_benchmark(f"task {i}", seed=i, level=level) for i, level in enumerate(levels))
    )


@pytest.fixture(scope="module")
def source(nine) -> str:
    return report(nine, make_backtest())


def test_page_is_self_contained(source):
    page = Page(source)
    assert source.startswith("<!doctype html>")
    assert not page.names() & {"script", "link", "iframe", "object", "embed", "img", "base", "form"}
    for outside in ("http://", "https://", "@import", "url(", "javascript:", "xlink", "<?"):
        assert outside not in source.lower()
    attributes = {name for _, found in page.tags for name in found}
    assert not [name for name in attributes if name.startswith("on")]
    assert not attributes & {"src", "style", "srcset", "action"}
    links = [found["href"] for tag, found in page.tags if tag == "a"]
    assert links
    assert all(link.startswith("#") for link in links)
    ids = [found["id"] for _, found in page.tags if "id" in found]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links} <= set(ids)


def test_policy_comes_before_anything_it_rules(source):
    policy = (
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; img-src data:\">"
    )
    assert source.count("Content-Security-Policy") == 1
    assert source.index(policy) < source.index("<style>")


def test_nine_benchmarks_stay_small_and_the_same(nine, source):
    assert 20_000 < len(source.encode()) < 1_000_000
    assert report(nine, make_backtest()) == source
    assert report(nine, make_backtest().frame()) == source


def test_every_drawing_says_what_it_shows(source):
    page = Page(source)
    drawings = [found for tag, found in page.tags if tag == "svg"]
    told = [found for found in drawings if found.get("role") == "img"]
    ids = {found["id"] for tag, found in page.tags if tag in ("title", "desc") and "id" in found}
    assert len(told) == 9 * 4  # in the table; the fan, the outcomes, the chances
    for found in told:
        assert set(found["aria-labelledby"].split()) <= ids
    assert all(found.get("aria-hidden") == "true" for found in drawings if found not in told)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_text(name):
    one = dataclasses.replace(
        make_benchmark(name, truth=0.5, status="review", reasons=[Reason("BC101", name)]), law=name
    )
    other = make_benchmark("toy", seed=1, reason=Reason("small-subset", name))
    forecasts = dataclasses.replace(
        make_set(one, other),
        target=dataclasses.replace(one.target, model=name),
        provenance={"data_digest": name},
        warnings=(name,),
        spec=name,
    )
    kind = make_set(make_benchmark("kind", truth=0.5, status="review"), make_benchmark("toy"))
    rows = [dataclasses.replace(row, benchmark=name, model=name) for row in make_rows(1, 1)]
    page = Page(report(forecasts, make_backtest(rows)))
    assert page.names() == Page(report(kind, make_backtest())).names()
    shown = " ".join(printable(name, 40).replace(" %", "\u00a0%").split())[:30]
    assert page.text.count(shown) >= 5  # as it is: nothing in it was evaluated or taken for markup
    assert not set(page.text) & set("\x1b\u202e")
    pasted = markdown(page_facts(forecasts))
    assert not re.search(r"(?<!\\)<|(?<!\\)\]\(|://", pasted)
    assert all(line.count("|") >= 8 for line in pasted.splitlines() if line.startswith("|"))


def test_texts_of_questions_never_appear():
    forecast = make_benchmark("toy")
    tree = forecast.tree.copy()
    secret = {"item": ["What is the secret?", "Who knows?"]}
    constant = tree["constant_data"].to_dataset().assign_coords(secret)
    tree["constant_data"] = type(tree)(constant.assign(item_cluster=("item", [0, -1])))
    forecasts = make_set(dataclasses.replace(forecast, tree=tree))
    assert "secret" not in report(forecasts) + markdown(page_facts(forecasts))


def test_numbers_are_those_of_the_forecast(nine):
    page = page_facts(nine)
    for one in page.benchmarks:
        forecast = nine[one.forecast.benchmark]
        draws = forecast.draws("score")
        assert one.score == forecast.summary("score")
        assert expectation(one.score) in Page(render(page)).text.replace("\u00a0", " ")
        assert np.allclose(one.outcomes, np.quantile(draws, (np.arange(20) + 0.5) / 20))
        fan = forecast.tree["predictions"]["fan"].values
        assert np.allclose(one.fan.quantiles[2], np.median(fan, axis=1))
        assert one.chance.score == pytest.approx(forecast.summary().median, abs=5e-4)
        # The plan averages over evaluations where the draws hold one each: 200 draws of which those
        # within the evaluation's noise of the score may differ, six sd of a tenth of them.
        assert one.chance.at_parts[1.0] == pytest.approx(
            forecast.probability(one.chance.score), abs=6 * 0.5 * (0.1 / 200) ** 0.5
        )
        assert [part.share for part in one.makeup.parts] == [40 / 120, 60 / 120, 20 / 120]
    inside = [
        (one.forecast.draws() >= one.score.low) & (one.forecast.draws() <= one.score.high)
        for one in page.benchmarks
    ]
    assert f"is {100 * np.all(inside, axis=0).mean():.0f} %" in page.together


def wider(name, factor):
    forecast = make_benchmark(name, seed=3)
    draws = forecast.draws("score")
    return with_draws(forecast, score=np.clip(draws + factor * (draws - draws.mean()), 0, 1))


def test_the_headline_is_of_what_can_be_leant_on():
    flat, wide, vague = make_benchmark("flat"), wider("wide", 1), wider("vague", 3)
    page = page_facts(make_set(vague, sick(), wide, flat))
    assert [one.name for one in page.benchmarks] == ["flat", "wide", "vague", "sick"]
    assert page.headline.startswith(
        "2 of 4 benchmarks can be forecast, 1 of them only with care. The surest is flat"
    )
    assert "least sure is wide" in page.headline
    one = page_facts(make_set(vague, sick(), flat)).headline
    assert one.startswith("1 of 3 benchmarks can be forecast. flat: We expect")
    none = page_facts(make_set(vague, wider("dim", 4))).headline
    assert none.startswith("0 of 2 benchmarks can be forecast. The surest is vague")
    assert page_facts(make_set(flat, wide)).headline.startswith(
        "2 of 2 benchmarks can be forecast, 1 of them only with care. The surest is flat"
    )


def test_ranking_is_that_of_compare(nine):
    """Verdict, order and letters: those of ``bayescod compare``, in the page and for pasting."""
    rows = make_backtest().frame()
    wide = make_benchmark("wide", seed=3)
    wide = with_draws(wide, score=np.linspace(0.2, 0.8, wide.draws().size))
    forecasts = make_set(*nine.benchmarks[:3], wide, sick("bad"))
    ranking = rank_benchmarks(forecasts, rows)
    facts = page_facts(forecasts, rows)
    assert [one.name for one in facts.benchmarks] == [one.benchmark for one in ranking]
    assert {one.verdict for one in ranking} >= {"forecast it", "do not"}
    table = Page(render(facts)).text.replace("\u00a0", " ")
    pasted = markdown(facts)
    for found in ranking:
        assert f"{found.benchmark} {found.verdict} " in table
        assert f"| {found.benchmark} | {found.verdict} |" in pasted
        assert f"Verdict: {found.verdict} ." in table
        if found.groups:
            assert f"points | {' '.join(found.groups)} |" in pasted
    assert any("Do not use" in line and "wide" in line for line in facts.cautions)
    (one,) = (one for one in facts.benchmarks if one.name == "wide")
    assert any("90 % range is" in line and "points wide" in line for line in one.cautions)
    assert "share a letter are tied" in table
    assert "share a letter are tied" in pasted


def test_failed_checks_state_nothing():
    forecast = sick()
    text = Page(report(make_set(forecast))).text.replace("\u00a0", " ")
    assert "We expect" not in text
    assert "chance that it lies" not in text
    assert "no forecast is stated" in text
    shown = forecast.summary()
    for value in (shown.median, shown.low, shown.high):
        assert f"{100 * value:.1f}" not in text
    assert "Predictable share" not in text
    pasted = markdown(page_facts(make_set(forecast, make_benchmark("fine"))))
    assert "| sick | do not | withheld | withheld |" in pasted
    healthy = Page(report(make_set(make_benchmark("fine")))).text
    assert "We expect" in healthy  # or this test would pass on any page
    assert "Predictable share" in healthy


def test_headline_of_a_single_benchmark_is_said_once():
    assert (
        report(make_set(make_benchmark("toy"))).count("We expect a score") == 2
    )  # and the chart's


def checked_rows():
    """A record of the default that the forecasts of these tests lie within."""
    return [
        dataclasses.replace(row, method="default", benchmark="toy")
        for row in make_rows(4, 1, methods={"cod": (0.02, 0.02, 0.0)})
    ]


def test_no_caution_without_cause():
    healthy = make_set(make_benchmark("toy"))
    checked = make_backtest(checked_rows())
    assert page_facts(healthy, checked.frame()).cautions == ()
    assert 'class="caution"' not in report(healthy, checked)
    # What nobody has checked is a cause.
    assert page_facts(healthy).cautions == (UNCHECKED,)


@pytest.mark.parametrize(
    ("forecast", "said"),
    [
        (make_benchmark("far", compute_ratio=300.0), "Far extrapolation: the target has 300 times"),
        (sick(), "checks failed on sick"),
        (
            make_benchmark("x", status="review", reasons=[Reason("mapping-rhat", "m")]),
            "has not settled",
        ),
        (make_benchmark("x", reason=Reason("no-convergence", "m")), "as one curve"),
    ],
)
def test_caution_with_cause(forecast, said):
    facts = page_facts(make_set(forecast))
    assert any(said in line for line in facts.cautions)
    assert render(facts).count('class="caution"') == 1
    several = page_facts(
        make_set(
            forecast, make_benchmark("kind", seed=1, compute_ratio=forecast.target.compute_ratio)
        )
    )
    found = [*several.cautions, *(line for one in several.benchmarks for line in one.cautions)]
    assert any(said in line for line in found)


def test_a_benchmark_that_is_what_it_is_gives_no_caution():
    forecast = make_benchmark("x", reason=Reason("small-subset", "m"))
    assert page_facts(make_set(forecast)).cautions == (UNCHECKED,)
    assert "one curve for the whole benchmark" in report(make_set(forecast))


def test_record_counts_what_the_rows_say():
    rows = checked_rows()
    page = page_facts(make_set(make_benchmark("toy")), make_backtest(rows).frame())
    held = sum(row.q05 <= row.truth <= row.q95 for row in rows)
    assert page.record.overall.startswith(f"90 % ranges held {held} of 4 truths")
    (one,) = page.benchmarks
    assert [past.compute_ratio for past in one.past] == [2.0, 5.0, 10.0, 25.0]
    assert sum(past.held for past in one.past) == held
    assert not page.record.beyond
    far = make_set(make_benchmark("toy", compute_ratio=30.0))
    assert page_facts(far, make_backtest(rows).frame()).record.beyond


def test_record_of_another_method_is_no_record():
    page = page_facts(make_set(make_benchmark("toy")), make_backtest().frame())
    assert page.record is None
    assert "no forecast by the method default" in page.record_note


def test_poor_record_is_a_caution():
    rows = [
        dataclasses.replace(row, method="default")
        for row in make_rows(8, 8, methods={"cod": (0.10, 0.01, 0.0)})
    ]
    page = page_facts(make_set(make_benchmark("toy")), make_backtest(rows).frame())
    assert any(line.startswith("The record on this ladder is poor") for line in page.cautions)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("[a-b] /home/me/my runs/models.csv: 2 columns ignored", "[a-b] models.csv: 2 columns"),
        ("[a-b] /home/me/models.csv, row 3, column x: wrong", "[a-b] models.csv, row 3"),
        ("[a-b] runs/x/scores.parquet: 2 columns ignored", "[a-b] scores.parquet: 2 columns"),
        ("[a-b] C:\\Users\\me\\a.csv: wrong", "[a-b] a.csv: wrong"),
        ("[a-b] /home/me/some/very/long/nam…: 2 columns ignored", "[a-b] …: 2 columns"),
        ("[a-b] wrong; do: look into /home/me/a.toml", "[a-b] wrong; do: look into a.toml"),
        # Not paths: names of models, and what is no remark at all.
        ("[a-b] no scores of org/llama-3.1: left out", "[a-b] no scores of org/llama-3.1: left"),
        ("and/or", "and/or"),
    ],
)
def test_files_are_named_without_their_folders(said, shown):
    forecasts = dataclasses.replace(make_set(make_benchmark("toy")), warnings=(said,))
    facts = page_facts(forecasts)
    assert facts.warnings[0].startswith(shown)
    for text in (render(facts), markdown(facts)):
        assert not re.search(r"/home|Users|\bme\b|runs/", text)


def test_markdown_has_what_the_page_has(nine):
    facts = page_facts(make_set(*nine.benchmarks[:2], sick("bad")), make_backtest().frame())
    pasted = unescape(markdown(facts)).replace("\\", "")
    page = Page(render(facts)).text.replace("\u00a0", " ")
    shared = [facts.headline, *facts.cautions, facts.goals_note, facts.record_note, ASSUMED]
    for one in facts.benchmarks[:2]:
        shared += [one.headline, one.method, distance_sentence(one.widths)]
        shared += [makeup_sentence(one.makeup), chance_sentence(one.chance)]
        shared += [outcomes_sentence(one), *(part.name for part in one.widths.parts)]
    for said in (*shared, *remarks_on(facts.benchmarks), *facts.warnings):
        assert said.replace("`", "") in pasted.replace("`", ""), said
        assert said in page, said


@pytest.mark.parametrize(
    ("value", "word"),
    [(0.0, "almost no"), (0.03, "very unlikely"), (0.5, "about even"), (1.0, "almost certain")],
)
def test_words_of_chance_carry_their_number(value, word):
    assert word in likelihood(value)
    assert "%" in likelihood(value)


def palettes() -> dict[str, dict[str, str]]:
    """The colours of the page: light, dark, printed."""
    found = re.findall(r":root \{(.*?)\}", STYLE.read_text(encoding="utf-8"), re.DOTALL)
    named = [dict(re.findall(r"--([\w]+(?:-\w+)*): (#[0-9a-f]{6})", block)) for block in found]
    return dict(zip(("light", "dark", "print"), named, strict=True))


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2.2: 1 to 21."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_knows_black_and_white():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") < 4.5


@pytest.mark.parametrize("name", ["light", "dark", "print"])
def test_colours_can_be_read(name):
    colours = palettes()[name]
    text = itertools.product(("ink", "muted", "link"), ("paper", "panel"))
    over_bands = itertools.product(("ink", "muted"), ("band90",))
    over_bands = itertools.chain(over_bands, (("ink", "band50"),))
    for one, other in (*text, *over_bands, ("warn-ink", "warn-paper")):
        assert contrast(colours[one], colours[other]) >= 4.5, (one, other)
    for one, other in itertools.product(("line", "target", "ink"), ("paper", "panel", "band90")):
        assert contrast(colours[one], colours[other]) >= 3.0, (one, other)
    assert contrast(colours["line"], colours["quiet"]) >= 3.0  # a part and what it is a part of


def test_style_uses_only_colours_that_it_names():
    style = STYLE.read_text(encoding="utf-8")
    used = set(re.findall(r"var\(--([\w-]+)\)", style))
    for colours in palettes().values():
        assert used <= set(colours)
