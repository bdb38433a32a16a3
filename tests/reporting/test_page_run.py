"""The run so far: what the page says of checkpoints, and what it withholds."""

from __future__ import annotations

import dataclasses
import re
from html import unescape

import pytest

from bayescod.forecasting.course import CheckpointCourse
from bayescod.reporting.page.cautions import UNCHECKED
from bayescod.reporting.page.facts import page_facts
from bayescod.reporting.page.markdown import markdown
from bayescod.reporting.page.page import render, report
from bayescod.reporting.page.run import RANGES, change_bar, verdict_sentence
from tests._factories import HEALTHY, make_benchmark, make_course, make_set

SICK = dataclasses.replace(HEALTHY, max_rhat=float("nan"))


def started(*benchmarks, names=(), verdict="behind", **changes):
    """A forecast with a run of two checkpoints; the last is as asked."""
    found = make_set(*benchmarks)
    course = make_course(*(names or [one.benchmark for one in found.benchmarks]))
    last = dataclasses.replace(course.checkpoints[-1], verdict=verdict, **changes)
    # Every benchmark has a forecast from before; only those named have a score at the checkpoint.
    before = {one.benchmark: one.summary() for one in found.benchmarks} | dict(course.before)
    course = dataclasses.replace(
        course, checkpoints=(*course.checkpoints[:-1], last), before=before
    )
    return dataclasses.replace(found, course=course)


def text_of(source: str) -> str:
    visible = re.sub(r"<(style|title|desc).*?</\1>", " ", source, flags=re.DOTALL)
    words = unescape(re.sub(r"<[^>]+>", " ", visible)).replace("\u00a0", " ")
    return " ".join(words.split())


@pytest.mark.parametrize(
    ("verdict", "no_more", "no_less", "said"),
    [
        ("behind", 0.03, 0.99, "is behind: the forecast gave 3 % to scores no higher."),
        ("behind", 0.001, 1.0, "is behind: the forecast gave less than 1 % to scores no higher."),
        ("ahead", 0.999, 0.02, "is ahead: the forecast gave 2 % to scores no lower."),
        (
            "on course",
            0.4,
            0.55,
            "is on course: the forecast gave 40 % to scores no higher and 55 % to scores no lower.",
        ),
    ],
)
def test_one_sentence_says_how_the_run_does(verdict, no_more, no_less, said):
    one = CheckpointCourse("big-2", 5e21, 0.5, no_more, no_less, verdict, ())
    assert verdict_sentence(one) == f"At 50 % of its compute the run {said}"


def test_page_shows_every_checkpoint_and_what_the_last_one_changes():
    forecasts = started()
    facts = page_facts(forecasts)
    page, pasted = text_of(render(facts)), unescape(markdown(facts)).replace("\\", "")
    for shown in (page, pasted):
        assert "At 50 % of its compute the run is behind: the forecast gave 1 % to" in shown
        for said in ("big-1", "big-2", "on course", "35.0 %", facts.run.note, RANGES):
            assert said in shown
    assert "big-1 25 %: 2.5 × 10²¹ FLOP 2 40 % 60 % on course" in page
    assert "| big-2 | 50 % | 1 % | 99 % | behind |" in pasted
    for one in facts.run.changes:
        assert one.before == forecasts.course.before[one.name]
        assert one.after == forecasts[one.name].summary()
        assert f"{100 * one.after.median:.0f} %" in page
    # Near the top: before the table of all benchmarks.
    assert page.index("The run so far") < page.index("All benchmarks")


@pytest.mark.parametrize(
    ("verdict", "said"),
    [("behind", "is behind what was"), ("ahead", "leaked questions"), ("on course", "")],
)
def test_caution_unless_on_course(verdict, said):
    facts = page_facts(started(make_benchmark("toy"), verdict=verdict))
    assert len(facts.cautions) == 1 + bool(said)
    assert facts.cautions[-1] == UNCHECKED
    if said:
        assert said in facts.cautions[0]
        assert text_of(render(facts)).index(said) < text_of(render(facts)).index("The run so far ")


def test_forecast_without_a_run_says_nothing_of_one():
    forecasts = make_set()
    assert page_facts(forecasts).run is None
    assert "The run so far" not in report(forecasts)
    assert "The run so far" not in markdown(page_facts(forecasts))


def test_benchmark_without_a_score_at_the_checkpoint():
    facts = page_facts(started(names=["toy"]))
    found = {one.name: one.point for one in facts.run.changes}
    assert found["toy"] is not None
    assert found["other"] is None
    assert "| other | – | – |" in markdown(facts)
    render(facts)


def test_failed_checks_are_withheld_here_too():
    sick = make_benchmark("sick", status="fail", diagnostics=SICK)
    facts = page_facts(started(sick, make_benchmark("fine", seed=1)))
    assert "sick counts too, though its checks failed" in facts.run.note
    assert "| sick | 35.0 % | withheld | withheld | withheld |" in markdown(facts)
    page = text_of(render(facts))
    assert "sick 35.0 % withheld withheld withheld" in page
    alone = page_facts(started(sick))
    shown = text_of(render(alone))
    assert "whether the run is on its course is not stated" in shown
    assert "the run is behind" not in shown
    assert not alone.run.checkpoints
    assert "the run is behind" not in markdown(alone)


def test_bar_has_both_ranges_on_the_shared_axis():
    facts = page_facts(started())
    low, high = facts.run.axis
    for one in facts.run.changes:
        assert low <= min(one.before.low, one.after.low)
        assert high >= max(one.before.high, one.after.high)
        bar = change_bar(one, low, high).markup
        assert bar.count("range90 before") == bar.count('class="range90"') == 1
        centres = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', bar)]
        wanted = [6 + 228 * (s.median - low) / (high - low) for s in (one.before, one.after)]
        assert centres == pytest.approx(wanted, abs=0.06)


def test_hostile_name_of_a_checkpoint_is_only_text():
    name = '"><script>alert(1)</script>|[x](https://evil.example)'
    forecasts = started(model=name)
    source = report(forecasts)
    assert "<script" not in source
    assert "&lt;script&gt;" in source
    row = next(line for line in markdown(page_facts(forecasts)).splitlines() if "alert" in line)
    assert "<script" not in row
    assert "://" not in row
