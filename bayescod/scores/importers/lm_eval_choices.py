"""Which filter and which metric of an lm-evaluation-harness log count: chosen, or the only one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from bayescod.scores.checks import listed, near_fix, shown
from bayescod.scores.importers.counting import Tally
from bayescod.scores.importers.findings import Findings
from bayescod.scores.importers.lm_eval_lines import Line, inner_metric
from bayescod.scores.importers.lm_eval_results import Run

_VOTE: Final = re.compile(r"maj|vote|consensus|self.?consistency", re.IGNORECASE)


def of_filter(
    lines: Sequence[Line],
    run: Run,
    select: Mapping[str, str],
    tally: Tally,
    found: set[str],
    findings: Findings,
) -> list[Line]:
    """Lines of the filter that was chosen, or that is the only one that can be meant.

    Parameters
    ----------
    lines : sequence of Line
        Of one log.
    run : Run
    select : mapping
        What the user chose.
    tally : Tally
        Gets the lines that are left out.
    found : set of str
        Gets the names of all filters.
    findings : Findings
        Gets what is wrong.

    Returns
    -------
    list of Line
        Empty where there is a problem.
    """
    names = sorted({line.filter or "" for line in lines})
    found.update(names)
    unreduced = sorted({line.filter or "" for line in lines if line.repeats})
    wish = select.get("filter")
    if not lines:
        findings.add(tally.path, "no-trials", "the log has no lines", fix="leave the file out")
        return []
    if wish in names:
        name = wish
    elif len(names) == 1:
        name = names[0]  # another task's filter may have been meant, see `require_known`
    elif wish is None and len(unreduced) == 1:
        name = unreduced[0]
    else:
        findings.add(
            tally.path,
            "several-filters" if wish is None else "unknown-filter",
            "the log has several filters, and each gives other counts"
            if wish is None
            else f"the log has no filter {shown(wish)}",
            got=listed(names, 12),
            fix=f"choose one with --select filter={shown(_best(names, lines))}",
        )
        return []
    others = Counter(line.filter or "" for line in lines if (line.filter or "") != name)
    for other, count in others.items():
        tally.dropped[f"filter {shown(other)}, not chosen"] += count
    votes = run.votes.get(name)
    if votes or (votes is None and _VOTE.search(name)):
        findings.add(
            tally.path,
            "no-trial",
            "the filter votes over the answers, and a vote is no trial",
            column="filter",
            got=name,
            fix="choose a filter that keeps single answers with --select filter=...",
        )
        return []
    return [line for line in lines if (line.filter or "") == name]


def _best(names: Sequence[str], lines: Sequence[Line]) -> str:
    """Filter that keeps the most answers, for a hint."""
    kept = {name: 0 for name in names if not _VOTE.search(name)} or dict.fromkeys(names, 0)
    for line in lines:
        if (line.filter or "") in kept:
            kept[line.filter or ""] = max(kept[line.filter or ""], line.kept)
    return max(kept, key=lambda name: kept[name])


def metric_of(
    lines: Sequence[Line],
    select: Mapping[str, str],
    path: Path,
    found: set[str],
    findings: Findings,
) -> str:
    """Metric that was chosen, or the only one.

    Parameters
    ----------
    lines : sequence of Line
        Of one log and filter.
    select : mapping
        What the user chose.
    path : Path
        Of the log.
    found : set of str
        Gets the names of all metrics.
    findings : Findings
        Gets what is wrong.

    Returns
    -------
    str
        Empty where there is a problem.
    """
    names = list(dict.fromkeys(name for line in lines for name in line.metrics()))
    found.update(names)
    wish = inner_metric(select["metric"]) if "metric" in select else None
    if wish in names:
        return wish
    if len(names) == 1:
        return names[0]
    if not names:
        findings.add(path, "no-metric", "the log has no metric", fix="run the evaluation again")
        return ""
    findings.add(
        path,
        "several-metrics" if wish is None else "unknown-metric",
        "the log has several metrics, and each gives other counts"
        if wish is None
        else f"the log has no metric {shown(wish)}",
        got=listed(names, 12),
        fix=f"choose one with --select metric={shown(names[0])}",
    )
    return ""


def require_known(
    key: str, select: Mapping[str, str], found: Collection[str], path: Path, findings: Findings
) -> None:
    """Require a choice to be there in some log; one with a single filter or metric needs none.

    Parameters
    ----------
    key : str
        ``filter`` or ``metric``.
    select : mapping
        What the user chose.
    found : collection of str
        Names in all logs.
    path : Path
        Of the first log.
    findings : Findings
        Gets what is wrong.
    """
    wish = inner_metric(select[key]) if key in select else None
    if wish is not None and found and wish not in found and not findings:
        findings.add(
            path,
            f"unknown-{key}",
            f"no log has this {key}",
            got=wish,
            wanted=listed(sorted(found), 12),
            fix=near_fix(wish, found) or f"choose another with --select {key}=...",
        )
