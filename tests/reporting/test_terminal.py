from __future__ import annotations

import dataclasses
import io
import math

import pytest

from bayescod.checks import judge, run_checks
from bayescod.convergence import Reason
from bayescod.forecasting.records import BenchmarkForecast, ForecastSet
from bayescod.reporting.terminal import console_for, show_checks, show_forecast, show_hits
from tests._factories import HEALTHY, make_benchmark, make_set


def failed(truth: float | None = None) -> BenchmarkForecast:
    diagnostics = dataclasses.replace(HEALTHY, max_rhat=math.nan)
    status, reasons = judge(diagnostics)
    return make_benchmark(
        "sick", diagnostics=diagnostics, status=status, reasons=reasons, truth=truth
    )


def shown(forecasts: ForecastSet, accept: bool = False) -> str:
    stream = io.StringIO()
    show_forecast(forecasts, console_for(stream), accept)
    return stream.getvalue()


def hits(forecasts: ForecastSet, accept: bool = False) -> str:
    stream = io.StringIO()
    show_hits(forecasts, console_for(stream), accept)
    return " ".join(stream.getvalue().split())


def row(text: str, name: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.startswith(f"│ {name} "))
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_table_states_level_and_kind_of_the_range() -> None:
    text = shown(make_set())
    assert "90 % range, equal-tailed" in text.splitlines()[0]
    assert "20 times the largest ladder LLM" in text.splitlines()[0]
    assert "truth" not in text
    assert row(text, "toy")[1:] == ["cod", "56", "51 to 62", "60%", "1.004", "812", "pass"]


def test_truth_is_set_beside_the_forecast() -> None:
    forecast = make_benchmark("toy", truth=0.58)
    text = shown(make_set(forecast, make_benchmark("miss", truth=0.1), make_benchmark("other")))
    error = 100 * (forecast.summary().median - 0.58)
    assert row(text, "toy")[4:7] == ["58.0", f"{error:+.1f}", "yes"]
    assert row(text, "miss")[6] == "no"
    assert row(text, "other")[4:7] == ["-", "-", "-"]


def test_failed_forecast_is_withheld_unless_accepted() -> None:
    forecasts = make_set(make_benchmark("toy"), failed(truth=0.5))
    text = shown(forecasts)
    assert row(text, "sick")[2:7] == ["withheld", "withheld", "50.0", "-", "-"]
    assert row(text, "sick")[-3:] == ["none", "812", "fail"]
    assert "sick: fail: [BC101] agreement of the chains (R-hat): not a number" in text
    assert "1 of 2 forecasts are withheld" in text
    accepted = shown(forecasts, accept=True)
    assert "withheld" not in accepted
    assert row(accepted, "sick")[3] == "50.5 to 63.3"
    assert row(accepted, "sick")[-1] == "fail"


def test_fallback_and_review_are_explained_below() -> None:
    forecast = make_benchmark(
        "toy",
        reason=Reason("few-trials", "one trial an item"),
        status="review",
        reasons=[Reason("BC104", "divergent transitions: 1")],
    )
    text = shown(make_set(forecast))
    assert "toy: end-to-end: [few-trials] one trial an item\n" in text
    assert "toy: review: [BC104] divergent transitions: 1\n" in text


def test_names_are_neither_markup_nor_escapes() -> None:
    text = shown(make_set(make_benchmark("[red]a[/] :smile:"), make_benchmark("b\x1b[31m\r\n")))
    assert "[red]a[/] :smile:" in text
    assert "\x1b" not in text
    assert "\r" not in text


def test_hits_count_errors_and_ranges() -> None:
    good, bad = make_benchmark("good"), make_benchmark("bad!")
    truths = (good.summary().median - 0.01, bad.summary().high + 0.1)
    pair = [
        dataclasses.replace(item, target=dataclasses.replace(item.target, truth=truth))
        for item, truth in zip((good, bad), truths, strict=True)
    ]
    worst = 100 * (truths[1] - bad.summary().median)
    assert hits(make_set(*pair)) == (
        f"Error of the median: mean {(1 + worst) / 2:.1f}, worst {worst:.1f} percentage points; "
        "1 of 2 equal-tailed 90 % ranges held the truth."
    )


@pytest.mark.parametrize(("accept", "count"), [(False, "1 of 1"), (True, "1 of 2")])
def test_hits_leave_out_what_is_withheld(accept: bool, count: str) -> None:
    truth = make_benchmark("toy").summary().median
    forecasts = make_set(make_benchmark("toy", truth=truth), failed(truth=0.9))
    assert f"; {count} equal-tailed" in hits(forecasts, accept)


def test_hits_without_truth() -> None:
    assert hits(make_set()) == "No stated forecast has a known truth."


def test_checks_show_what_to_do() -> None:
    stream = io.StringIO()
    show_checks(run_checks(make_set(make_benchmark("toy"), failed())), console_for(stream))
    text = stream.getvalue()
    assert "  passed: BC101 BC102" in text
    assert "issue BC101 agreement of the chains (R-hat): nan, wanted < 1.01" in text
    assert "do not use this forecast" in text
    assert text.splitlines()[-1] == "issue: 1, tip: 0, passed: 19, not-applicable: 0"


def test_what_is_said_of_several_benchmarks_is_said_once() -> None:
    lacking, own = Reason("no-items", "no item_id"), Reason("BC104", "divergent transitions: 1")
    one, two = (make_benchmark(name, reason=lacking) for name in ("one", "two"))
    two = dataclasses.replace(two, reasons=(own,))
    text = shown(make_set(one, two))
    assert text.count("[no-items]") == 1
    assert "all benchmarks: end-to-end: [no-items]" in text
    assert "two: pass: [BC104]" in text
    assert "one, two: end-to-end: [no-items]" in shown(make_set(one, two, make_benchmark("toy")))
