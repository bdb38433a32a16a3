"""Files of a simulated ladder: the tables that every verb reads, and the truth beside them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from bayescod.errors import ResultError
from bayescod.evaluation.simulation import (
    CHECKPOINTS,
    BenchmarkTruth,
    Simulated,
    reference,
)
from bayescod.evaluation.simulation_settings import KINDS, BenchmarkSettings
from bayescod.files import replacing, write_text

if TYPE_CHECKING:
    import pandas as pd

SCORES: Final = "scores.parquet"
MODELS: Final = "models.csv"
BENCHMARKS: Final = "benchmarks.csv"
TRUTH: Final = "truth.csv"
STORY: Final = "truth.json"
COMPUTE_UNIT: Final = 1e18  # FLOP, that of ``a`` in arXiv 2502.17262


def write_simulated(simulated: Simulated, out: Path) -> tuple[str, ...]:
    """Write a simulated ladder to a folder; the same ladder gives the same bytes.

    Parameters
    ----------
    simulated : Simulated
    out : Path
        Made where missing. It may be empty or hold the same simulation.

    Returns
    -------
    tuple of str
        Names of the files: scores, models and benchmarks tables as
        :func:`bayescod.read_scores` takes them, then the truth as a table and as JSON.

    Raises
    ------
    ResultError
        If the folder holds another simulation or other files.
    """
    story = _story(simulated)
    require_own_folder(out, simulated)
    # First, because it tells whose folder this is if the rest is never written.
    write_text(out / STORY, json.dumps(story, indent=1, allow_nan=False) + "\n")
    _write_parquet(score_rows(simulated), out / SCORES)
    tables = {
        MODELS: _model_rows(simulated),
        BENCHMARKS: _benchmark_rows(simulated),
        TRUTH: truth_rows(simulated),
    }
    for name, frame in tables.items():
        write_text(out / name, frame.to_csv(index=False, lineterminator="\n"))
    return (SCORES, MODELS, BENCHMARKS, TRUTH, STORY)


def require_own_folder(out: Path, simulated: Simulated) -> None:
    """Make sure that nothing but the same simulation is overwritten.

    Parameters
    ----------
    out : Path
        May be missing.
    simulated : Simulated

    Raises
    ------
    ResultError
        If the folder is a file, or holds another simulation or other files.
    """
    if out.exists() and not out.is_dir():
        msg = f"{out} is a file; give another folder"
        raise ResultError(msg)
    if not out.is_dir() or all(entry.name.endswith(".partial") for entry in out.iterdir()):
        return
    path = out / STORY
    if not path.is_file():
        msg = f"{out} holds files that are no simulation; give an empty or a new folder"
        raise ResultError(msg)
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        there = None
    if not isinstance(there, dict) or there.get("digest") != simulated.scores.digest:
        msg = f"{out} holds another simulation; give another folder or remove that one"
        raise ResultError(msg)


def score_rows(simulated: Simulated) -> pd.DataFrame:
    """The scores table as counts.

    Parameters
    ----------
    simulated : Simulated

    Returns
    -------
    pandas.DataFrame
        ``benchmark``, ``item_id``, ``model``, ``checkpoint`` where there are several,
        ``n_trials``, ``n_correct``; one row an item, LLM and checkpoint.
    """
    import pandas as pd

    frames = []
    for one in simulated.scores.benchmarks:
        counts = simulated.n_correct[one.benchmark]
        checkpoint, item, llm = (index.ravel() for index in np.indices(counts.shape))
        columns = {
            "benchmark": pd.Categorical.from_codes(np.zeros(item.size, int), [one.benchmark]),
            "item_id": pd.Categorical.from_codes(item, list(one.item_id or ())),
            "model": pd.Categorical.from_codes(llm, list(one.llm)),
            "checkpoint": pd.Categorical.from_codes(checkpoint, list(CHECKPOINTS)),
            "n_trials": simulated.settings.n_trials,
            "n_correct": counts.ravel(),
        }
        frame = pd.DataFrame(columns)
        frames.append(frame if simulated.settings.checkpoints else frame.drop(columns="checkpoint"))
    return pd.concat(frames, ignore_index=True)


def truth_rows(simulated: Simulated) -> pd.DataFrame:
    """What each LLM would score, beside what no forecast knows.

    Parameters
    ----------
    simulated : Simulated

    Returns
    -------
    pandas.DataFrame
        One row a benchmark and LLM: ``benchmark``, ``model``, ``role``, ``latent_score`` (on
        infinitely many trials, run effect included), ``expected_score`` (without run effect),
        ``run_effect`` (natural log of compute) and ``scaling_share`` (of the items).
    """
    import pandas as pd

    llms = simulated.scores.llms
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "benchmark": truth.benchmark,
                    "model": llms.name,
                    "role": llms.role,
                    "latent_score": truth.latent_score(),
                    "expected_score": truth.expected_score(),
                    "run_effect": truth.run_effect,
                    "scaling_share": truth.items.scaling_share(),
                }
            )
            for truth in simulated.truth
        ],
        ignore_index=True,
    )


def _model_rows(simulated: Simulated) -> pd.DataFrame:
    import pandas as pd

    llms = simulated.scores.llms
    return pd.DataFrame(
        {
            "model": llms.name,
            "compute_flops": llms.compute_flops,
            "params": llms.params,
            "tokens": llms.tokens,
            "loss": llms.loss,
            "family": llms.family,
            "role": llms.role,
        }
    )


def _benchmark_rows(simulated: Simulated) -> pd.DataFrame:
    import pandas as pd

    benchmarks = simulated.scores.benchmarks
    return pd.DataFrame(
        {
            "benchmark": [one.benchmark for one in benchmarks],
            "chance": [one.chance for one in benchmarks],
        }
    )


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    import duckdb

    # One thread: rows keep their order, and the file its bytes.
    with replacing(path) as temporary, duckdb.connect(config={"threads": 1}) as connection:
        connection.register("score_rows", frame)
        connection.table("score_rows").write_parquet(str(temporary))


def _story(simulated: Simulated) -> dict[str, object]:
    """Content of ``truth.json``."""
    settings, llms = simulated.settings, simulated.scores.llms
    compute, params, tokens = reference(settings.llms)
    by_name = {one.name: one for one in settings.benchmarks}
    return {
        "schema_version": 1,
        "preset": simulated.name,
        "seed": simulated.seed,
        "digest": simulated.scores.digest,
        "compute_unit_flops": COMPUTE_UNIT,
        "reference": {"compute_flops": compute, "params": params, "tokens": tokens},
        "models": [
            {"model": name, "common_effect": effect}
            for name, effect in zip(llms.name, simulated.common_effect.tolist(), strict=True)
        ],
        "benchmarks": [
            _benchmark_story(truth, by_name[truth.benchmark], simulated)
            for truth in simulated.truth
        ],
        "settings": asdict(settings),
    }


def _benchmark_story(
    truth: BenchmarkTruth, one: BenchmarkSettings, simulated: Simulated
) -> dict[str, object]:
    """Counts of items by kind, and Eq. 1 at the centre of each difficulty group."""
    items = truth.items
    compute, params, tokens = np.log(reference(simulated.settings.llms))
    split = simulated.settings.split
    groups = []
    for index, group in enumerate(one.groups):
        told = {"n_items": int((items.group == index).sum()), "c": group.ceiling}
        if split is None:
            b = group.exponent
            told |= {"log_a": group.log_loss + b * (compute - np.log(COMPUTE_UNIT)), "b": b}
        else:
            alpha = split.params_factor * group.exponent
            beta = split.tokens_factor * group.exponent
            told |= {
                "log_A": group.log_loss + np.log1p(-split.tokens_part) + alpha * params,
                "alpha": alpha,
                "log_B": group.log_loss + np.log(split.tokens_part) + beta * tokens,
                "beta": beta,
            }
        groups.append({name: round(value, 12) for name, value in told.items()})
    return {
        "benchmark": truth.benchmark,
        "g": items.chance,
        "items": {name: int((items.kind == index).sum()) for index, name in enumerate(KINDS)},
        "groups": groups,
    }
