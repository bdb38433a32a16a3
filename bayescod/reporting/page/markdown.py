"""The page in short as Markdown, for pasting into a message or a document."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from html import escape

from bayescod.evaluation.power_scaling import LIKELIHOOD, POWERS, PRIORS
from bayescod.forecasting.records import Summary
from bayescod.reporting.page import priors, sentences
from bayescod.reporting.page.records import BenchmarkFacts, PageFacts, Part
from bayescod.reporting.page.run import RANGES, Change
from bayescod.reporting.page.words import likelihood, number, points_wide
from bayescod.reporting.plan_table import chance
from bayescod.reporting.wording import percent_range, printable

_COLUMNS = (
    *("benchmark", "verdict", "expected score", "90 % range", "width", "tie"),
    *("predictable", "record", "measured later"),
)
_DIAGNOSTICS = ("R-hat", "ESS bulk", "ESS tail", "divergences")


def markdown(page: PageFacts) -> str:
    """Facts as Markdown: what the page says, without its drawings and tables of parameters.

    Parameters
    ----------
    page : PageFacts

    Returns
    -------
    str
        Names are escaped, so that they are neither markup nor links; ends with a line end.
    """
    lines = [*_head(page), *_run(page), *_goals(page), *_table(page), *_assumptions(page)]
    for one in page.benchmarks:
        lines += _benchmark(one, only=len(page.benchmarks) == 1)
    return "\n".join([*lines, *_technical(page)]) + "\n"


def _head(page: PageFacts) -> Iterator[str]:
    yield f"# {plain(page.title)}"
    yield ""
    yield f"{plain(page.target)}."
    yield ""
    yield f"**{plain(page.headline)}**"
    for caution in page.cautions:
        yield ""
        yield f"> {plain(caution)}"
    yield ""


def _run(page: PageFacts) -> Iterator[str]:
    if page.run is None:
        return
    yield f"**The run so far.** {plain(page.run.sentence)}"
    yield ""
    if page.run.checkpoints:
        yield from _rows(
            ("checkpoint", "of the run's compute", "no more", "no less", "the run is"),
            [
                [
                    plain(printable(one.model, 40)),
                    chance(one.part),
                    plain(chance(one.no_more)),
                    plain(chance(one.no_less)),
                    one.verdict,
                ]
                for one in page.run.checkpoints
            ],
            numbers=range(1, 4),
        )
    yield from _rows(
        (
            "benchmark",
            "at the last checkpoint",
            "forecast for it",
            "end, from the ladder",
            "with it",
        ),
        [_changed(one) for one in page.run.changes],
        numbers=range(1, 5),
    )
    yield f"{plain(page.run.note)} {plain(RANGES)}".lstrip()
    yield ""


def _changed(one: Change) -> list[str]:
    measured = "–" if one.point is None else f"{100 * one.point.score:.1f} %"
    if one.withheld:
        return [plain(one.name), measured, *["withheld"] * 3]
    expected = "–" if one.point is None else _ranged(one.point.expected)
    return [plain(one.name), measured, expected, _ranged(one.before), _ranged(one.after)]


def _ranged(score: Summary) -> str:
    shown = percent_range(score.median, score.low, score.high)
    return f"{shown.median} % ({shown})"


def _goals(page: PageFacts) -> Iterator[str]:
    if not page.goals:
        yield plain(page.goals_note)
        yield ""
        return
    chances = [f"compute for {100 * p:g} % chance" for p in page.goals[0].needed]
    yield from _rows(
        ("wanted", "chance at the target", *chances),
        [
            [
                plain(goal.wanted),
                "withheld" if goal.chance is None else likelihood(goal.chance),
                *(plain(", ".join(words)) for words in goal.needed.values()),
            ]
            for goal in page.goals
        ],
        numbers=range(2, 2 + len(chances)),
    )


def _table(page: PageFacts) -> Iterator[str]:
    yield from _rows(_COLUMNS, [_row(one) for one in page.benchmarks], numbers={2, 3, 4, 6, 7, 8})
    yield f"{plain(sentences.SORTED)} Ranges are equal-tailed, scores in per cent."
    if page.together:
        yield plain(page.together)
    yield ""


def _assumptions(page: PageFacts) -> Iterator[str]:
    record = page.record
    yield plain(f"{record.overall} {record.at_distance}" if record else page.record_note)
    yield ""
    yield f"Assumed: {plain(sentences.ASSUMED)}"


def _benchmark(one: BenchmarkFacts, *, only: bool) -> Iterator[str]:
    yield ""
    yield f"## {plain(one.name)}"
    if not only:  # else it is said above
        yield ""
        yield plain(one.headline)
        for caution in one.cautions:
            yield ""
            yield f"> {plain(caution)}"
    yield ""
    verdict = f"Verdict: {one.predictability.verdict}. {sentences.truth_sentence(one)}"
    yield f"- {plain(verdict).rstrip()}"
    if not one.withheld:
        yield f"- {plain(sentences.outcomes_sentence(one))}"
    if one.chance is not None:
        yield f"- {plain(sentences.chance_title(one.chance))}: " + plain(
            sentences.chance_sentence(one.chance)
        )
    if one.widths is not None:
        yield f"- Where the width comes from: {_parts(one.widths.parts)}. " + plain(
            sentences.distance_sentence(one.widths)
        )
        for voice in one.widths.voices:
            score = voice.score
            shown = percent_range(score.median, score.low, score.high)
            name = f"{plain(voice.name)}, {chance(voice.part)} of the outcomes"
            yield f"- By {name}: {shown.median} % ({shown})."
    if one.makeup is not None:
        made = f"{_parts(one.makeup.parts)}. {plain(sentences.makeup_sentence(one.makeup))} "
        yield f"- What the benchmark is made of: {made}{plain(one.method)}"
    else:
        yield f"- {plain(one.method)}"
    for past in one.past:
        yield f"- Record: {plain(sentences.past_sentence(past))}"


def _parts(parts: Sequence[Part]) -> str:
    return "; ".join(f"{chance(part.share)} {plain(part.name)}" for part in parts)


def _technical(page: PageFacts) -> Iterator[str]:
    yield ""
    yield "## Technical part"
    yield ""
    yield from _rows(
        ("benchmark", "method", "law", "status", *_DIAGNOSTICS),
        [
            [
                plain(one.name),
                one.forecast.method,
                plain(printable(one.forecast.law)),
                one.forecast.status,
                *_diagnostics(one),
            ]
            for one in page.benchmarks
        ],
        numbers=range(4, 4 + len(_DIAGNOSTICS)),
    )
    for line in sentences.remarks_on(page.benchmarks):
        yield f"- {plain(line)}"
    for line in page.warnings:
        yield f"- {plain(line)}"
    yield ""
    yield from _priors(page)
    said = dict(page.provenance)
    version = said.pop("bayescod", "")
    yield ""
    yield f"Made by bayescod {plain(version)}, model spec {plain(page.spec)}, seed {page.seed}."
    yield "; ".join(f"{plain(key)} {plain(printable(said[key], 20)) or '–'}" for key in said)


def _priors(page: PageFacts) -> Iterator[str]:
    told = [(one, one.scaling) for one in page.benchmarks if one.scaling is not None]
    if told:
        yield from _rows(
            ("benchmark", "factor", "sensitivity", *(f"at power {p:g}" for p in POWERS), "verdict"),
            [
                [
                    plain(one.name),
                    plain(priors.factor_name(row)),
                    f"{row.sensitivity:.2f}",
                    *(priors.change(row, power) for power in POWERS),
                    plain(priors.verdict(row)),
                ]
                for one, found in told
                for row in (found[PRIORS], found[LIKELIHOOD])
            ],
            numbers=range(2, 3 + len(POWERS)),
        )
        for one, _ in told:
            yield f"- {plain(one.name)}: {plain(priors.hanging_sentences(one))}"
        yield ""
        yield plain(priors.HOW_SCALED)
    if page.scaling_note:
        yield plain(page.scaling_note)


def _diagnostics(one: BenchmarkFacts) -> list[str]:
    found = one.forecast.diagnostics
    return [
        number(found.max_rhat, 3),
        number(found.min_ess_bulk, 0),
        number(found.min_ess_tail, 0),
        str(found.divergences),
    ]


def _row(one: BenchmarkFacts) -> list[str]:
    truth = one.forecast.target.truth
    measured = "–" if truth is None else f"{100 * truth:.1f} %"
    share = chance(one.makeup.share.median) if one.makeup else "–"
    held = f"{sum(past.held for past in one.past)} of {len(one.past)}" if one.past else "–"
    if one.withheld:
        stated = ["withheld", "withheld", "–"]
    else:
        score = one.score
        shown = percent_range(score.median, score.low, score.high)
        stated = [f"{shown.median} %", str(shown), points_wide(score.high - score.low)]
    found = one.predictability
    groups = " ".join(found.groups) or "–"
    return [plain(one.name), found.verdict, *stated, groups, share, held, measured]


def _rows(
    names: Sequence[str], rows: Sequence[Sequence[str]], numbers: Container[int]
) -> Iterator[str]:
    """A table, those columns to the right that hold numbers."""
    yield f"| {' | '.join(names)} |"
    yield f"| {' | '.join('---:' if i in numbers else '---' for i in range(len(names)))} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def plain(words: str) -> str:
    r"""Text whose characters mean nothing to Markdown or HTML.

    Examples
    --------
    >>> plain("a|b <i> [x](y)")
    'a\\|b &lt;i&gt; \\[x\\](y)'
    """
    marked = re.sub(r"([\\`*_{}\[\]|#$~!])", r"\\\1", escape(words, quote=False))
    # Sites make links of bare addresses and notify those who are named after an @.
    return re.sub(r"(?i)(://|www\.|@)", lambda found: found[0][0] + "\u200b" + found[0][1:], marked)
