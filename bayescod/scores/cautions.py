"""Warnings: what deserves a look but does not stop the run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bayescod.errors import Problem
from bayescod.scores.checks import listed, place, shown
from bayescod.scores.records import BenchmarkScores, LLMTable

LARGE_FILE_BYTES = 2**30
# Eq. 1 knows compute only: it takes the split between parameters and tokens as fixed. A spread of
# half as much again is what rounding of sizes and step counts does to a ladder meant to keep it.
TOKEN_RATIO_SPREAD = 1.5


def llm_warnings(label: str, llms: LLMTable, scored: Collection[str]) -> list[Problem]:
    """Warnings about the models table.

    Parameters
    ----------
    label : str
        The models file.
    llms : LLMTable
        Its rows.
    scored : collection of str
        LLMs that have a score on some benchmark.

    Returns
    -------
    list of Problem
        LLMs without scores (a target normally has none), without compute, and a ladder that is
        off one ratio of tokens to parameters.
    """
    warnings = []
    idle = [
        name
        for name, role in zip(llms.name, llms.role, strict=True)
        if name not in scored and role != "target"
    ]
    if idle:
        warnings.append(
            Problem(
                "no-scores",
                f"{len(idle)} of {len(llms.name)} models have no scores",
                file=place(label),
                column="model",
                got=listed(idle),
                fix="nothing, if they are targets; otherwise check how the scores file spells them",
            )
        )
    unsized = [
        name
        for name, role, compute in zip(llms.name, llms.role, llms.compute_flops, strict=True)
        if np.isnan(compute) and role != "anchor" and name in scored
    ]
    if unsized:
        warnings.append(
            Problem(
                "no-compute",
                f"{len(unsized)} models have neither compute nor role anchor and are left out",
                file=place(label),
                column="compute_flops",
                got=listed(unsized),
                wanted="compute_flops, or params and tokens",
                fix="give their compute, or name them as anchors",
            )
        )
    return warnings + _token_ratio(label, llms, scored)


def benchmark_warnings(label: str, benchmark: BenchmarkScores) -> list[Problem]:
    """Warnings about one benchmark: missing items, and scores that are all 0 or all 1."""
    warnings = []
    missing = np.isnan(benchmark.pass_rate) | np.isnan(benchmark.measured_rate)
    if missing.any():
        n_items, n_llms = missing.shape
        warnings.append(
            Problem(
                "missing-items",
                f"{shown(benchmark.benchmark)}: {int(missing.any(axis=1).sum())} of {n_items} items"
                f" lack a score for some of {n_llms} models ({int(missing.sum())} of"
                f" {missing.size} scores); a model's score is the mean over the items it has",
                file=place(label),
                column="item_id",
                got=listed(_most_missing(benchmark.llm, missing.sum(axis=0))),
                wanted="every item for every model",
                fix="evaluate them, or remove the items from the table",
            )
        )
    for value, code, word in ((0.0, "all-zero", "fails"), (1.0, "all-one", "passes")):
        if np.all(np.isnan(benchmark.pass_rate) | (benchmark.pass_rate == value)):
            warnings.append(
                Problem(
                    code,
                    f"{shown(benchmark.benchmark)}: every model {word} every item",
                    file=place(label),
                    got=f"{value:.0%} everywhere",
                    fix="check the grading; such a benchmark says nothing about growth",
                )
            )
    return warnings


def size_warnings(labels: Sequence[tuple[str, Path]]) -> list[Problem]:
    """Files so large that reading them takes a while."""
    return [
        Problem(
            "large-file",
            f"the file has {size / 2**30:.1f} GiB",
            file=place(label),
            fix="Parquet with one row an item, model and checkpoint (n_trials, n_correct) is "
            "far smaller",
        )
        for label, path in labels
        if (size := path.stat().st_size) >= LARGE_FILE_BYTES
    ]


def last_label_warning(label: str, pairs: Sequence[tuple[str, str]]) -> Problem:
    """Checkpoint labels without ``current``: the last one is what counts as measured."""
    return Problem(
        "no-current-checkpoint",
        "no row is labelled current; the last checkpoint is taken as the measured one",
        file=place(label),
        column="checkpoint",
        got=listed([f"{model} on {benchmark}" for benchmark, model in pairs]),
        wanted="previous, current, next, or steps",
        fix="label the checkpoint to be forecast current",
    )


def _token_ratio(label: str, llms: LLMTable, scored: Collection[str]) -> list[Problem]:
    ladder = np.array(
        [
            name in scored and role == "ladder"
            for name, role in zip(llms.name, llms.role, strict=True)
        ]
    )
    ratio = llms.tokens / llms.params
    known = ladder & ~np.isnan(ratio)
    if not known.any() or ratio[known].max() <= TOKEN_RATIO_SPREAD * ratio[known].min():
        return []
    low, high = ratio[known].min(), ratio[known].max()
    return [
        Problem(
            "token-ratio",
            "the ladder does not keep one ratio of tokens to parameters",
            file=place(label),
            column="tokens",
            got=f"{low:.3g} to {high:.3g} tokens per parameter",
            wanted=f"within a factor {TOKEN_RATIO_SPREAD}",
            fix="forecast for a ratio inside the ladder's; ranges hold less well off one ratio",
        )
    ]


def _most_missing(llms: Sequence[str], counts: npt.NDArray[np.int64]) -> list[str]:
    order = np.argsort(-counts, kind="stable")
    return [f"{llms[index]} {counts[index]}" for index in order if counts[index]]
