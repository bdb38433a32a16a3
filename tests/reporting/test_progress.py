from __future__ import annotations

import io

import pytest

from bayescod.progress import Progress
from bayescod.reporting.progress import Bars, Lines, Pace, progress_reporter


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def report(progress: Progress) -> None:
    progress.phase("sample", 2)
    progress.advance("toy\x1b[31m")
    progress.advance()
    progress.phase("map", 1)
    progress.advance("toy")


def test_lines_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    with progress_reporter(quiet=False, stream=stream) as progress:
        report(progress)
    assert stream.getvalue() == "sample 1/2 toy�[31m\nsample 2/2\nmap 1/1 toy\n"


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_quiet_says_nothing(stream: io.StringIO) -> None:
    with progress_reporter(quiet=True, stream=stream) as progress:
        report(progress)
    assert stream.getvalue() == ""


def test_bars_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with progress_reporter(quiet=False, stream=stream) as progress:
        report(progress)
    assert "sample" in stream.getvalue()
    assert "2/2" in stream.getvalue()


def test_nothing_before_the_first_phase() -> None:
    with progress_reporter(quiet=False, stream=Terminal()) as progress:
        progress.advance("early")


@pytest.mark.parametrize(
    ("spent", "done", "left"),
    [
        (0.2, 1, ""),  # less than a second is left
        (4.0, 1, "about 0:12 left"),
        (4.0, 2, "about 0:04 left"),
        (90.0, 3, "about 0:30 left"),
        (3000.0, 1, "about 2:30:00 left"),
        (5.0, 4, ""),
        (5.0, 5, ""),  # more steps than were announced
    ],
)
def test_time_left_at_the_pace_so_far(spent: float, done: int, left: str) -> None:
    now = [100.0]
    pace = Pace(lambda: now[0])
    now[0] = 900.0  # before the phase; does not count
    pace.phase(4)
    now[0] += spent
    assert [pace.advance() for _ in range(done)][-1] == left


def test_lines_tell_the_time_left() -> None:
    times = iter([0.0, 0.0, 10.0, 30.0])
    stream = io.StringIO()
    lines = Lines(stream, lambda: next(times))
    lines.phase("sample", 2)
    lines.advance("toy")
    lines.advance()
    assert stream.getvalue() == "sample 1/2 toy about 0:10 left\nsample 2/2\n"


def test_bars_tell_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    times = iter([0.0, 0.0, 75.0])
    monkeypatch.setattr(Bars.__init__, "__defaults__", (lambda: next(times),))
    stream = Terminal()
    with progress_reporter(quiet=False, stream=stream) as progress:
        progress.phase("sample", 3)
        progress.advance("toy")
    assert "about 2:30 left" in stream.getvalue()
