from __future__ import annotations

import io

import pytest

from bayescod.progress import Progress
from bayescod.reporting.progress import progress_reporter


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
