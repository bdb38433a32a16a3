"""The sensitivity table, from a result made by hand."""

from __future__ import annotations

import dataclasses
import io
import math
import re

import pytest

from bayescod.evaluation.power_scaling import PowerScaling, Scaled
from bayescod.evaluation.sensitivity import REFERENCE, Sensitivity, SensitivityRow
from bayescod.reporting.sensitivity_table import (
    headline,
    markdown_sensitivity,
    show_sensitivity,
)
from bayescod.reporting.terminal import console_for

NAN = math.nan


def cell(variant: str, benchmark: str, **settings: object) -> SensitivityRow:
    row = SensitivityRow(
        variant,
        REFERENCE if variant == REFERENCE else "filter",
        benchmark,
        median=0.6,
        change=0.0,
        width=0.08,
        reference_width=0.08,
        predictable_share=0.62,
        method="cod",
        status="pass",
        note="",
    )
    return dataclasses.replace(row, **settings)


def scaled(factor: str, sensitivity: float, verdict: str, pareto_k: float = 0.2) -> Scaled:
    changes = (0.01, -0.01)
    return Scaled(factor, sensitivity, changes, changes, changes, pareto_k, verdict)


def result(*names: str) -> Sensitivity:
    rows = [cell(REFERENCE, name) for name in names]
    for name in names:
        rows.append(cell("a > 0.5", name, change=0.004, median=0.604, width=0.083))
    for name in names:
        rows.append(
            cell("none", name, change=-0.031, median=0.569, method="end-to-end", status="fail")
            if name == names[0]
            else cell(
                "none",
                name,
                **dict.fromkeys(("median", "change", "width", "predictable_share"), NAN),
                method="",
                status="",
                note="no clusters: few trials",
            )
        )
    power = PowerScaling(
        "cod",
        (
            scaled("all priors", 0.21, "conflict"),
            scaled("likelihood", 0.4, "informative"),
            scaled("drift", 0.12, "prior-only", pareto_k=0.9),
            scaled("b_loc", 0.01, "robust"),
        ),
    )
    return Sensitivity(
        tuple(rows), dict.fromkeys(names, power), "big", 1e24, dict.fromkeys(("a", "b"), 1.0)
    )


def shown(found: Sensitivity) -> str:
    stream = io.StringIO()
    show_sensitivity(found, console_for(stream))
    return stream.getvalue()


def line_of(text: str, name: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.lstrip("│| ").startswith(name))
    return line.replace("│", " ").replace("|", " ").replace("/", " ").split()


def test_headline_names_the_largest_change_beside_its_range() -> None:
    assert headline(result("toy")) == (
        "Largest change of a median: -3.1 points on toy, 0.39 of its 90 % range, by the variant "
        "'none'."
    )


def test_variants_are_rows_and_benchmarks_groups_of_columns() -> None:
    text = shown(result("toy", "other"))
    assert "Sensitivity of the forecast for big (10²⁴ FLOP)" in text
    assert line_of(text, "reference") == ["reference", *["60.0", "8.0", "62%"] * 2]
    assert line_of(text, "a > 0.5") == ["a", ">", "0.5", *["+0.4", "8.3", "62%"] * 2]
    assert line_of(text, "none") == ["none", "-3.1", "8.0", "62%", "e!", "–"]
    assert "- other: not run (none): no clusters: few trials" in text
    assert "90 % equal-tailed range" in " ".join(text.split())


def test_power_scaling_says_what_is_worth_a_look_and_what_not_to_trust() -> None:
    text = shown(result("toy"))
    assert line_of(text, "drift") == ["drift", "0.12", "k"]
    assert line_of(text, "b_loc") == ["b_loc", "0.01"]
    assert "- toy: drift (0.12): the forecast depends on it and the ladder says next to" in text
    assert "- toy: b_loc" not in text


def test_benchmarks_that_do_not_fit_go_below() -> None:
    names = [f"benchmark-{i}" for i in range(9)]
    text = shown(result(*names))
    assert max(map(len, (line for line in text.splitlines() if "│" in line))) <= 120
    assert text.count("a > 0.5") == 3
    assert all(name in text for name in names)


def test_markdown_has_a_cell_a_benchmark_and_large_changes_in_bold() -> None:
    text = markdown_sensitivity(result("toy", "other"))
    assert "| variant | toy: change / width / share | other: change / width / share |" in text
    assert "| none | **-3.1** / 8.0 / 62% e! | – |" in text
    assert "| a \\> 0.5 | +0.4 / 8.3 / 62% | +0.4 / 8.3 / 62% |" in text
    assert "| drift | 0.12 k | 0.12 k |" in text
    assert text.endswith("\n")


@pytest.mark.parametrize("name", ["a|b", "<img src=x>", "\x1b[31mred", "[link](x)*"])
def test_hostile_names_stay_text(name: str) -> None:
    found = result(name)
    assert "\x1b" not in shown(found)
    text = markdown_sensitivity(found)
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") == 3 for line in tables)
    assert not re.search(r"(?<!\\)[<\[]", text)


def test_no_change_at_all_is_told_from_a_small_one() -> None:
    found = result("toy")
    rows = [
        cell(REFERENCE, "toy"),
        cell("no bite", "toy"),
        cell("a little", "toy", change=0.0004, median=0.6004),
        cell("width alone", "toy", width=0.081),
    ]
    text = shown(dataclasses.replace(found, rows=tuple(rows)))
    assert line_of(text, "no bite") == ["no", "bite", "same", "8.0", "62%"]
    assert line_of(text, "a little") == ["a", "little", "+0.0", "8.0", "62%"]
    assert line_of(text, "width alone") == ["width", "alone", "+0.0", "8.1", "62%"]


def test_result_without_variants_is_said() -> None:
    found = result("toy")
    alone = dataclasses.replace(found, rows=found.rows[:1])
    assert headline(alone) == "No variant applies."
    assert "No variant applies." in shown(alone)
