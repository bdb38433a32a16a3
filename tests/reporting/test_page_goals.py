"""Wanted scores on the page: what a plan asks, and plans that are not of the forecast."""

from __future__ import annotations

import dataclasses
import json
import math
import re

import numpy as np
import pytest

from bayescod.decisions.costs import Rates
from bayescod.decisions.documents import plan_document
from bayescod.decisions.planning import plan
from bayescod.errors import ResultError, UnknownNameError
from bayescod.files import write_json
from bayescod.reporting.page.facts import page_facts
from bayescod.reporting.page.goals import read_plan
from bayescod.reporting.page.markdown import markdown
from bayescod.reporting.page.page import render, report
from tests._factories import HEALTHY, make_benchmark, make_set
from tests.reporting.test_page import HOSTILE, Page

RATES = Rates(tokens_per_param=20.0, flops_per_hour=1e18, price=2.5)


@pytest.fixture(scope="module")
def forecasts():
    return make_set(
        make_benchmark("toy", level=0.6, n_draws=2000),
        make_benchmark("<other>", level=0.5, n_draws=2000),
        make_benchmark("third", level=0.4, n_draws=2000),
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "plan.json"


def median(forecasts, name):
    return round(forecasts[name].summary().median, 2)


def text_of(facts) -> str:
    return Page(render(facts)).text.replace("\u00a0", " ")


def test_a_plan_is_read_back(forecasts, path):
    asked = plan(forecasts, {"toy": 0.6, "<other>": 0.5}, probabilities=(0.5, 0.95), rates=RATES)
    write_json(path, plan_document(asked))
    found = read_plan(path, forecasts)
    assert [(one.benchmark, one.score) for one in found.answers] == [
        (one.benchmark, one.score) for one in asked.answers
    ]
    for one, other in zip(found.answers, asked.answers, strict=True):
        assert one.at_target == other.at_target
        assert np.array_equal(one.chance, other.chance)
        assert set(one.costs) == {0.5, 0.95}
    assert found.target_cost.money == pytest.approx(asked.target_cost.money)
    assert found.target_cost.tokens == pytest.approx(asked.target_cost.tokens)


def test_numbers_come_from_the_draws_and_not_from_the_file(forecasts, path):
    """Negative control: chances that somebody has written into the file are not shown."""
    document = plan_document(plan(forecasts, {"toy": 0.6}))
    honest = plan(forecasts, {"toy": 0.6}).answers[0].at_target
    document["answers"][0]["chance_at_target"] = 0.999
    document["answers"][0]["chance"] = [0.999] * len(document["compute_flops"])
    write_json(path, document)
    assert read_plan(path, forecasts).answers[0].at_target == honest


def test_one_wanted_score_is_on_the_page(forecasts):
    score = median(forecasts, "toy")
    found = plan(forecasts, {"toy": score}, rates=RATES)
    facts = page_facts(forecasts, wanted=found)
    at = found.answers[0].at_target
    said = f"The chance of reaching {100 * score:.0f} % on toy is {100 * at:.0f} %"
    assert said in facts.headline
    one = next(b for b in facts.benchmarks if b.name == "toy")
    end = f"The chance of reaching {100 * score:.0f} % is {100 * at:.0f} %"
    assert end in one.headline
    count = sum(value >= score for value in one.outcomes)
    reach = f"About {count} of 20 equally likely outcomes reach the wanted {100 * score:.0f} %"
    page, pasted = text_of(facts), markdown(facts)
    for text in (page, pasted):
        for words in (said, end, reach, "accelerator-hours", "costs", "compute for 80 % chance"):
            assert words in text, words
    assert f"wanted: {100 * score:.0f} %" in page
    html = render(facts)
    assert html.count('class="goal"') == 2  # in the fan and beside the outcomes
    assert html.count('class="outcome above"') >= count
    assert "No score is asked for" not in page + pasted
    assert [b.chance.wanted for b in facts.benchmarks].count(True) == 1


def test_filled_outcomes_are_those_that_reach_it(forecasts):
    only = make_set(forecasts["toy"])
    for quantile in (0.0, 0.3, 0.71, 1.0):
        score = float(np.quantile(forecasts["toy"].draws(), quantile))
        facts = page_facts(only, wanted=plan(only, {"toy": score}))
        filled = render(facts).count('class="outcome above"')
        assert filled == sum(value >= score for value in facts.benchmarks[0].outcomes)


def test_several_wanted_scores_are_of_one_run(forecasts):
    wanted = {name: median(forecasts, name) for name in ("toy", "<other>")}
    found = plan(forecasts, wanted)
    facts = page_facts(forecasts, wanted=found)
    assert [goal.wanted for goal in facts.goals][-1] == "all of them"
    both = found.answers[-1].at_target
    assert f"in one run is {100 * both:.0f} %" in facts.headline
    assert f"in one run is {100 * both:.0f} %" in text_of(facts)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_in_a_plan_are_only_text(name, path):
    hostile, kind = (
        make_set(make_benchmark(one, seed=1), make_benchmark("toy")) for one in (name, "kind")
    )
    pages = []
    for forecasts, benchmark in ((hostile, name), (kind, "kind")):
        write_json(path, plan_document(plan(forecasts, {benchmark: 0.5, "toy": 0.6})))
        facts = page_facts(forecasts, wanted=read_plan(path, forecasts))
        pages.append(Page(render(facts)))
        lines = [line for line in markdown(facts).splitlines() if line.startswith("| 50 % on")]
        assert len(lines) == 1
        assert len(re.findall(r"(?<!\\)\|", lines[0])) == 6
    assert pages[0].names() == pages[1].names()
    document = json.loads(path.read_text())
    document["answers"][0]["benchmark"] = name
    write_json(path, document)
    with pytest.raises(ResultError) as caught:
        read_plan(path, kind)
    assert not set(str(caught.value)) & set("\x1b\u202e")


def test_without_a_plan_the_page_says_how_to_ask(forecasts):
    facts = page_facts(forecasts)
    assert facts.goals == ()
    assert "reaching" not in facts.headline
    for text in (text_of(facts), markdown(facts)):
        assert "(bayescod plan asks for it)" in text
    assert "goal" not in {
        c for t, a in Page(render(facts)).tags for c in (a.get("class") or "").split()
    }


def test_nothing_is_said_of_a_wanted_score_whose_forecast_failed():
    bad = dataclasses.replace(HEALTHY, max_rhat=math.nan)
    sick = make_benchmark("sick", status="fail", diagnostics=bad)
    forecasts = make_set(sick, make_benchmark("fine", seed=2), make_benchmark("well", seed=3))
    facts = page_facts(forecasts, wanted=plan(forecasts, {"sick": 0.5, "fine": 0.5}))
    chances = {goal.wanted: goal.chance for goal in facts.goals}
    assert chances["50 % on sick"] is None
    assert chances["all of them"] is None
    assert chances["50 % on fine"] is not None
    assert "in one run" not in facts.headline
    for goal in facts.goals:
        if goal.chance is None:
            assert set(goal.needed.values()) == {("withheld",)}
    assert "| 50 % on sick | withheld | withheld |" in markdown(facts)


def test_far_scores_are_drawn_all_the_same(forecasts):
    for score in (0.0, 1.0):
        facts = page_facts(forecasts, wanted=plan(forecasts, {"toy": score}))
        html = render(facts)
        assert not re.search(r"\bnan\b", html)
        arrow = f"wanted: {100 * score:.0f} %"
        assert f"{arrow} →".replace(" %", "\u00a0%") in html or "← wanted" in html


def test_a_plan_of_another_forecast_is_refused(forecasts, path):
    other = make_set(make_benchmark("toy", compute_ratio=7.0))
    with pytest.raises(ResultError, match="forecast of big"):
        report(forecasts, plan=plan(other, {"toy": 0.5}))
    stranger = make_set(make_benchmark("stranger"))
    with pytest.raises(UnknownNameError, match="stranger"):
        report(forecasts, plan=plan(stranger, {"stranger": 0.5}))


def of_another_target(document):
    document["target"]["model"] = "smaller"


def of_another_compute(document):
    document["target"]["compute_flops"] *= 2


def of_a_stranger(document):
    document["answers"][0]["benchmark"] = "nobody"


def out_of_range(document):
    document["answers"][0]["score"] = 60.0


def of_text(document):
    document["answers"][0]["score"] = "0.6"


def of_no_number(document):
    document["answers"][0]["score"] = None


def twice(document):
    document["answers"].append(document["answers"][0])


def of_nothing(document):
    document["answers"] = []


def without_answers(document):
    del document["answers"]


def of_a_later_version(document):
    document["schema_version"] = 2


def of_impossible_chances(document):
    document["answers"][0]["compute"] = {"1.5": None}


def of_words(document):
    document["answers"][0]["compute"] = {"often": None}


def of_no_hours(document):
    document["target"]["accelerator_hours"] = 0.0


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (of_another_target, "is of the target smaller"),
        (of_another_compute, "is of the target big"),
        (of_a_stranger, "asks for nobody"),
        (out_of_range, "divide per cent by 100"),
        (of_text, "damaged"),
        (of_no_number, "damaged"),
        (twice, "damaged"),
        (of_nothing, "no score is wanted"),
        (without_answers, "damaged"),
        (of_a_later_version, "no plan of this version"),
        (of_impossible_chances, "cannot be answered"),
        (of_words, "damaged"),
        (of_no_hours, "damaged"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused_with_what_to_do(forecasts, path, spoil, said):
    document = json.loads(json.dumps(plan_document(plan(forecasts, {"toy": 0.6}, rates=RATES))))
    write_json(path, document)
    assert read_plan(path, forecasts).answers  # or this test would pass on any file
    spoil(document)
    write_json(path, document)
    with pytest.raises(ResultError, match=said) as caught:
        read_plan(path, forecasts)
    assert "run bayescod plan again, or delete the file" in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", "[" * 100_000, '{"schema_version": 1}', "\xff"]
)
def test_a_damaged_file_is_refused(forecasts, path, text):
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ResultError, match="run bayescod plan again"):
        read_plan(path, forecasts)
