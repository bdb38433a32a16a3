from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayescod.reporting.wording import flops, percent_range, points, printable, times


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted))
def test_range_shown_holds_the_range_meant(values: list[float]) -> None:
    low, median, high = values
    shown = percent_range(median, low, high)
    assert 0 <= float(shown.low) <= 100 * low + 1e-6
    assert 100 * high - 1e-6 <= float(shown.high) <= 100
    assert 100 * low - float(shown.low) < 1
    assert float(shown.high) - 100 * high < 1


@pytest.mark.parametrize(
    ("median", "low", "high", "text"),
    [
        (0.6, 0.55, 0.65, "55 to 65 %"),  # 100 * 0.55 is above 55 in floating point
        (0.6, 0.551, 0.649, "55 to 65 %"),
        (0.6, 0.5949, 0.6051, "59.4 to 60.6 %"),
        (0.5, 0.0, 1.0, "0 to 100 %"),
        (math.nan, math.nan, math.nan, "– to – %"),
    ],
)
def test_range_in_words(median: float, low: float, high: float, text: str) -> None:
    assert str(percent_range(median, low, high)) == text


def test_numbers_in_words() -> None:
    assert (points(-0.0123), points(math.nan)) == ("-1.2", "–")
    assert (flops(9.96e21), flops(math.nan)) == ("10²² FLOP", "unknown compute")
    assert (times(1.04), times(31.2), times(math.nan)) == ("1.0", "31", "–")


@given(st.text())
def test_printable_has_no_control_characters(text: str) -> None:
    shown = printable(text)
    assert len(shown) <= 60
    assert all(ord(char) >= 32 and char not in "\x7f\u202e" for char in shown)
