"""The page in short as Markdown, for pasting into a message or a document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from bayescod.reporting.page.records import BenchmarkFacts, PageFacts
from bayescod.reporting.page.words import points_wide
from bayescod.reporting.plan_table import chance
from bayescod.reporting.wording import percent_range

_COLUMNS = (
    *("benchmark", "expected score", "90 % range", "width"),
    *("predictable", "measured since", "checks"),
)


def markdown(page: PageFacts) -> str:
    """Facts as Markdown: headline, cautions, one table, the record, what is assumed.

    Parameters
    ----------
    page : PageFacts

    Returns
    -------
    str
        Names are escaped, so that they are neither markup nor links; ends with a line end.
    """
    return "\n".join(_lines(page)) + "\n"


def _lines(page: PageFacts) -> Iterator[str]:
    yield f"# {plain(page.title)}"
    yield ""
    yield f"{plain(page.target)}."
    yield ""
    yield f"**{plain(page.headline)}**"
    for caution in page.cautions:
        yield ""
        yield f"> {plain(caution)}"
    yield ""
    yield f"| {' | '.join(_COLUMNS)} |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | --- |"
    for one in page.benchmarks:
        yield f"| {' | '.join(_row(one))} |"
    yield ""
    yield "Sorted by the width of the 90 % range; ranges are equal-tailed, scores in per cent."
    if page.together:
        yield f"{plain(page.together)}"
    yield ""
    record = page.record
    yield plain(f"{record.overall} {record.at_distance}" if record else page.record_note)
    for one in page.benchmarks:
        for caution in one.cautions:
            yield ""
            yield f"{plain(one.name)}: {plain(caution)}"
    yield ""
    yield (
        "Assumed: the same recipe, the same kind of data and the same evaluation as for the "
        "measured LLMs."
    )
    version = dict(page.provenance).get("bayescod", "")
    yield f"Made by bayescod {plain(version)}, model spec {plain(page.spec)}, seed {page.seed}."


def _row(one: BenchmarkFacts) -> list[str]:
    truth = one.forecast.target.truth
    measured = "–" if truth is None else f"{100 * truth:.1f} %"
    share = chance(one.makeup.share.median) if one.makeup else "–"
    if one.withheld:
        stated = ["withheld", "withheld", "–"]
    else:
        score = one.score
        shown = percent_range(score.median, score.low, score.high)
        stated = [f"{shown.median} %", str(shown), points_wide(score.high - score.low)]
    return [plain(one.name), *stated, share, measured, one.forecast.status]


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
