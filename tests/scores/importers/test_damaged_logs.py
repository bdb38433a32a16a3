"""Logs with random damage: refused with a message, or imported whole, whatever the tool.

What a log means is told by the tests of its importer. Here an import must end soon, with a message
or with a table that keeps the contract, and leave the table and its account, or neither.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bayescod.cli.app import app
from tests._fuzzing import BYTES, Account, mutated_json, snapshot, soon
from tests.scores.importers import _logs

DOCUMENT = "document changed"
KINDS = (*BYTES, DOCUMENT, DOCUMENT, DOCUMENT)


@dataclass(frozen=True)
class Source:
    """Logs of a tool, below the folder of sample logs, and what has to be chosen."""

    tool: str
    pattern: str
    select: dict[str, str] = field(default_factory=dict)
    name: str = ""  # what the one file has to be called

    def put(self, folder: Path) -> list[Path]:
        """Copy the logs; gives their places."""
        found = []
        for path in sorted(_logs.LOGS.glob(self.pattern)):
            target = folder / (self.name or path.name)
            shutil.copy(path, target)
            found.append(target)
        assert found, self
        return found


SOURCES = (
    Source(
        "lm-eval", "lm-eval/toy__toy-1B/*[sn]_2026*", {"filter": "first", "metric": "exact_match"}
    ),
    Source("inspect", "inspect-ai/*"),
    Source("helm", "helm/train_trials/*", {"metric": "exact_match"}),
    Source("opencompass", "opencompass/*.json", {"model": "toy"}),
    Source("evalplus", "evalplus/*"),
    Source("human-eval", "human-eval/*", {"model": "toy"}),
    Source("livecodebench", "livecodebench/*", {"model": "toy"}),
    Source("lighteval", "lighteval/*", {"model": "toy"}, "details_arith_2026-01-01.parquet"),
    Source("olmes", "olmes/*", {"model": "toy", "metric": "acc_raw"}),
    Source("every-eval-ever", "every-eval-ever/8d63*", {"filter": "first"}),
)


def changed(rng: np.random.Generator, path: Path) -> None:
    """Change one node of a JSON document, or of one line of JSON lines."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.suffix == ".jsonl" else []
    if lines:
        at = int(rng.integers(len(lines)))
        lines[at] = json.dumps(mutated_json(rng, json.loads(lines[at])))
        text = "\n".join(lines) + "\n"
    else:
        text = json.dumps(mutated_json(rng, json.loads(path.read_text(encoding="utf-8"))))
    path.write_text(text, encoding="utf-8")


def damage(rng: np.random.Generator, paths: list[Path], kind: str) -> None:
    """Damage one of the files."""
    documents = [path for path in paths if path.suffix in (".json", ".jsonl")]
    if kind == DOCUMENT and documents:
        changed(rng, documents[int(rng.integers(len(documents)))])
    else:
        path = paths[int(rng.integers(len(paths)))]
        kind = "bytes flipped" if kind == DOCUMENT else kind
        path.write_bytes(BYTES[kind](rng, path.read_bytes()))


def imported(source: Source, folder: Path) -> tuple[int, str]:
    """Import a folder to ``scores.csv`` beside it: the exit code, and what was said."""
    give = folder / "logs"
    paths = sorted(give.iterdir()) if source.tool == "opencompass" else [give]
    command = ["import", source.tool, *map(str, paths), "--out", str(folder / "scores.csv")]
    for key, value in source.select.items():
        command += ["--select", f"{key}={value}"]
    result = CliRunner().invoke(app, command)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def rows_of(path: Path) -> Iterator[tuple[str, str, str, int, int]]:
    """Rows of a scores table, if they keep the contract."""
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, strict=True):
            n, k = int(row["n_trials"]), int(row["n_correct"])
            assert n >= 1
            assert 0 <= k <= n
            assert row["benchmark"].strip()
            assert row["item_id"].strip()
            assert row["model"].strip()
            yield row["benchmark"], row["item_id"], row["model"], n, k


def fuzz_logs(seed: int, number: int, folder: Path) -> Account:
    account = Account()
    whole = {}
    for source in SOURCES:
        place = folder / source.tool
        (place / "logs").mkdir(parents=True)
        source.put(place / "logs")
        code, said = imported(source, place)
        assert code == 0, said
        whole[source.tool] = list(rows_of(place / "scores.csv"))
    for i in range(number):
        rng = np.random.default_rng([seed, i])
        source, kind = SOURCES[i % len(SOURCES)], KINDS[int(rng.integers(len(KINDS)))]
        place = folder / str(i)
        (place / "logs").mkdir(parents=True)
        damage(rng, source.put(place / "logs"), kind)
        account.add(kind, judged(account, source, place, whole[source.tool], (i, kind)))
        shutil.rmtree(place)
    return account


def judged(
    account: Account, source: Source, place: Path, whole: list[object], case: tuple[int, str]
) -> str:
    """Import damaged logs and say what came of it."""
    before = snapshot(place)
    with soon(account):
        try:
            code, said = imported(source, place)
        except Exception as error:
            raise AssertionError((case, source.tool)) from error
    assert code in (0, 2), (case, source.tool, said)
    assert len(said) < 50_000, (case, source.tool)
    after = snapshot(place)
    written = after.keys() - before.keys()
    assert {name: after[name] for name in before} == before
    if code == 2:
        assert written == set(), (case, source.tool)
        return "refused"
    assert written == {"scores.csv", "scores.csv.import.json"}, (case, source.tool)
    json.loads(after["scores.csv.import.json"])
    rows = list(rows_of(place / "scores.csv"))
    assert len({row[:3] for row in rows}) == len(rows), (case, source.tool)
    return "imported, same counts" if rows == whole else "imported, other counts"


def test_damaged_logs(tmp_path: Path) -> None:
    assert fuzz_logs(1, 30, tmp_path).outcomes.total() == 30


@pytest.mark.slow
def test_many_damaged_logs(tmp_path: Path) -> None:
    print(fuzz_logs(2, 500, tmp_path))  # noqa: T201 - the figures that are reported
