"""How the target's own run does so far: what the page says of its checkpoints."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass

from bayescod.forecasting.course import TAIL, CheckpointCourse, Course, CoursePoint
from bayescod.forecasting.records import BenchmarkForecast, Summary
from bayescod.reporting.page.axes import interval_marks
from bayescod.reporting.page.svg import Scale, Svg, drawing, line
from bayescod.reporting.page.words import listed
from bayescod.reporting.plan_table import chance
from bayescod.reporting.wording import percent_range, printable

NOT_STATED = (
    "The sampler's checks failed: whether the run is on its course is not stated, nor is any "
    "forecast."
)
RANGES = "Medians and 90 % equal-tailed ranges. All that follows is with the last checkpoint."
_EXPLAINED = (
    "Chance of no more (no less): that a run as forecast from the ladder scores no more (no less) "
    f"there, over all benchmarks together. Below {100 * TAIL:g} % the run is behind (ahead). One "
    "look in ten at a run that is on its course calls it behind or ahead; more looks find more."
)
_CAUTIONS = {
    "behind": "The run is behind what was forecast for it: see The run so far. Check the compute "
    "and the evaluation of the checkpoint first, then the run.",
    "ahead": "The run is ahead of what was forecast for it: see The run so far. Look for leaked "
    "questions and for a change of the evaluation before you rejoice; the forecast takes the "
    "checkpoint's scores as they are.",
}


@dataclass(frozen=True, slots=True)
class Change:
    """What the last checkpoint makes of one benchmark.

    Attributes
    ----------
    key : str
        Of the benchmark's section within the page.
    name : str
        Fit to show, not escaped.
    withheld : bool
        Whether no number may be stated.
    point : CoursePoint or None
        Its score at the checkpoint, where it has one.
    before, after : Summary
        The forecast from the ladder alone, and with the checkpoint.
    """

    key: str
    name: str
    withheld: bool
    point: CoursePoint | None
    before: Summary
    after: Summary


@dataclass(frozen=True, slots=True)
class RunSoFar:
    """A run that has started.

    Attributes
    ----------
    sentence : str
        The verdict of the last checkpoint.
    caution : str
        Empty where the run is on its course.
    note : str
        What the chances are, and how to take the verdict.
    checkpoints : tuple of CheckpointCourse
        By increasing compute; none where nothing may be stated.
    changes : tuple of Change
        In the order of the page.
    """

    sentence: str
    caution: str
    note: str
    checkpoints: tuple[CheckpointCourse, ...]
    changes: tuple[Change, ...]

    @property
    def axis(self) -> tuple[float, float]:
        """Whole tens of per cent that hold every stated range."""
        stated = [both for one in self.changes if not one.withheld for both in _both(one)]
        if not stated:
            return 0.0, 1.0
        low = math.floor(10 * min(one.low for one in stated)) / 10
        high = math.ceil(10 * max(one.high for one in stated)) / 10
        return low, max(high, low + 0.1)


def run_so_far(
    course: Course | None,
    ordered: Sequence[tuple[str, BenchmarkForecast]],
    withheld: Container[str],
) -> RunSoFar | None:
    """Whether the run is on its course, and what that makes of its forecast.

    Parameters
    ----------
    course : Course or None
    ordered : sequence of (str, BenchmarkForecast)
        Key within the page and forecast with the checkpoint, as the page orders them.
    withheld : container of str
        Benchmarks of which no number may be stated.

    Returns
    -------
    RunSoFar or None
        ``None`` where nothing is known of the run.
    """
    if course is None:
        return None
    last = course.checkpoints[-1]
    points = {point.benchmark: point for point in last.points}
    changes = tuple(
        Change(
            key=key,
            name=printable(one.benchmark),
            withheld=one.benchmark in withheld,
            point=points.get(one.benchmark),
            before=course.before[one.benchmark],
            after=one.summary(),
        )
        for key, one in ordered
    )
    failed = [one.name for one in changes if one.withheld and one.point is not None]
    if len(failed) == len(points):
        return RunSoFar(NOT_STATED, "", "", (), changes)
    lag = (
        "A checkpoint may lag behind a finished run of its compute, the less the later it is; the "
        "chance of no more allows for that, the chance of no less does not, so that they need not "
        "add to 100 %."
        if course.lags
        else "Checkpoints are taken as the ladder's own, which are of the middle of runs too."
    )
    counted = f" {listed(failed)} counts too, though its checks failed." if failed else ""
    return RunSoFar(
        sentence=verdict_sentence(last),
        caution=_CAUTIONS.get(last.verdict, ""),
        note=f"{_EXPLAINED} {lag}{counted}",
        checkpoints=course.checkpoints,
        changes=changes,
    )


def verdict_sentence(one: CheckpointCourse) -> str:
    """Whether a run is on its course, with the chance that says so."""
    begun = f"At {chance(one.part)} of its compute the run is {one.verdict}: the forecast gave"
    lower, higher = (
        f"{_spelled(one.no_more)} to scores no higher",
        (f"{_spelled(one.no_less)} to scores no lower"),
    )
    said = {"behind": lower, "ahead": higher}.get(one.verdict, f"{lower} and {higher}")
    return f"{begun} {said}."


def change_bar(one: Change, low: float, high: float) -> Svg:
    """The range from the ladder alone, and below it the one with the checkpoint.

    Parameters
    ----------
    one : Change
        Not withheld.
    low, high : float
        Ends of the axis, scores in [0, 1].

    Returns
    -------
    Svg
    """
    x = Scale(low, high, 6, 234)
    parts = [
        line(6, 29, 234, 29, class_="grid"),
        interval_marks(one.before, x, 9, 4, " before"),
        interval_marks(one.after, x, 21, 4),
    ]
    before, after = (percent_range(s.median, s.low, s.high) for s in _both(one))
    return drawing(
        f"{one.key}-run",
        240,
        30,
        f"{one.name}: median {before.median} % from the ladder, {after.median} % with the "
        "checkpoint",
        f"90 % equal-tailed ranges {before} and {after}",
        "".join(parts),
    )


def _both(one: Change) -> tuple[Summary, Summary]:
    return one.before, one.after


def _spelled(value: float) -> str:
    """A chance within a sentence."""
    return chance(value).replace("< ", "less than ").replace("> ", "more than ")
