"""Whether a run is on its course: its checkpoints against what was forecast for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bayescod.forecasting.json_values import (
    Json,
    as_float,
    number,
    of_kind,
    one_of,
    summary_from_json,
    summary_to_json,
)
from bayescod.forecasting.records import Summary

TAIL = 0.05
"""A run is behind (ahead) where no more (no less) was forecast with less than this chance."""
VERDICTS = ("behind", "on course", "ahead")


@dataclass(frozen=True, slots=True)
class CoursePoint:
    """One benchmark at one checkpoint.

    Attributes
    ----------
    benchmark : str
    score : float
        Measured, in [0, 1].
    expected : Summary
        Of the measured score, forecast from the ladder alone.
    tail : float
        Chance, by that forecast, of no more than ``score``.
    """

    benchmark: str
    score: float
    expected: Summary
    tail: float


@dataclass(frozen=True, slots=True)
class CheckpointCourse:
    """One checkpoint, all benchmarks together.

    Attributes
    ----------
    model : str
    compute_flops : float
        So far [FLOP].
    part : float
        Of the target's compute.
    no_more, no_less : float
        Chance, by the forecast from the ladder alone, that the mean over the benchmarks of (score -
        expected) / standard deviation is no more (no less) than it is; draw i is one world in all
        of them. ``no_more`` allows a lag, ``no_less`` none: a checkpoint that lags is not behind,
        and one that does not is not ahead.
    verdict : str
        One of :data:`VERDICTS`. At most one look in ten at a run on its course is called something
        else.
    points : tuple of CoursePoint
    """

    model: str
    compute_flops: float
    part: float
    no_more: float
    no_less: float
    verdict: str
    points: tuple[CoursePoint, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """A run so far, and how its last checkpoint entered the forecast.

    Attributes
    ----------
    checkpoints : tuple of CheckpointCourse
        By increasing compute. The forecast is conditioned on the last.
    lags : bool
        Whether checkpoints were allowed to lag behind finished runs of their compute.
    before : mapping of str to Summary
        By benchmark: the score that was forecast from the ladder alone.
    effective_draws : mapping of str to float
        By benchmark with a score at the last checkpoint: effective number of posterior draws that
        the update rests on.
    """

    checkpoints: tuple[CheckpointCourse, ...]
    lags: bool
    before: Mapping[str, Summary]
    effective_draws: Mapping[str, float]


def course_to_json(course: Course) -> Json:
    """A course as the object ``course`` of ``forecast.json``."""
    return {
        "lags": course.lags,
        "checkpoints": [_checkpoint_to_json(one) for one in course.checkpoints],
        "before": {name: summary_to_json(one) for name, one in course.before.items()},
        "effective_draws": {n: number(value) for n, value in course.effective_draws.items()},
    }


def course_from_json(stored: Json) -> Course:
    """The inverse of :func:`course_to_json`; wrong kinds raise what the reader reports."""
    return Course(
        checkpoints=tuple(
            _checkpoint_from_json(one) for one in of_kind(list, stored["checkpoints"])
        ),
        lags=of_kind(bool, stored["lags"]),
        before={n: summary_from_json(one) for n, one in of_kind(dict, stored["before"]).items()},
        effective_draws={
            name: as_float(value)
            for name, value in of_kind(dict, stored["effective_draws"]).items()
        },
    )


def _checkpoint_to_json(one: CheckpointCourse) -> Json:
    return {
        "model": one.model,
        "compute_flops": number(one.compute_flops),
        "part": number(one.part),
        "no_more": number(one.no_more),
        "no_less": number(one.no_less),
        "verdict": one.verdict,
        "benchmarks": [
            {
                "benchmark": point.benchmark,
                "score": number(point.score),
                "expected": summary_to_json(point.expected),
                "tail": number(point.tail),
            }
            for point in one.points
        ],
    }


def _checkpoint_from_json(stored: Json) -> CheckpointCourse:
    return CheckpointCourse(
        model=of_kind(str, stored["model"]),
        compute_flops=as_float(stored["compute_flops"]),
        part=as_float(stored["part"]),
        no_more=as_float(stored["no_more"]),
        no_less=as_float(stored["no_less"]),
        verdict=one_of(VERDICTS, stored["verdict"]),
        points=tuple(
            CoursePoint(
                benchmark=of_kind(str, point["benchmark"]),
                score=as_float(point["score"]),
                expected=summary_from_json(point["expected"]),
                tail=as_float(point["tail"]),
            )
            for point in of_kind(list, stored["benchmarks"])
        ),
    )
