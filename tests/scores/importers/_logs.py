"""Real logs of small runs, and what to do to a log so that an importer must notice."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from bayescod.errors import DataError, Problem
from bayescod.scores.importers.records import Log

LOGS = Path(__file__).parent / "logs"
Read = Callable[[Sequence[Path], Mapping[str, str]], list[Log]]
Counts = dict[str, tuple[int, int]]  # (k, n) by item

# What stands where something else should; json.dumps writes NaN as the tools' own writers do.
ODD: tuple[object, ...] = (
    *(None, True, -1, 0, 2, 0.5, 1e308, float("nan"), float("-inf"), 10**30, -0.0),
    *("", " ", "x" * 2000, "\ud800", "a\0b", "../../etc/passwd", "=cmd|' /C calc'!A0", "1"),
    *([], {}, [[]], [None], {"a": 1}, ["pass"] * 3, [True, "C"]),
)


def expected(log: str) -> dict[str, Counts]:
    """Counts by model that a plain script of its own found in a log."""
    found = json.loads((LOGS / "expected_counts.json").read_text(encoding="utf-8"))[log]
    return {
        model: {item: (k, n) for item, (k, n) in items.items()} for model, items in found.items()
    }


def counts(log: Log) -> Counts:
    """Counts of a log."""
    assert log.n_trials.keys() == log.n_correct.keys()
    return {item: (log.n_correct[item], n) for item, n in log.n_trials.items()}


def document(path: Path) -> object:
    """Content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def lines(path: Path) -> list[dict[str, object]]:
    """Lines of a JSON lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def put(path: Path, content: object) -> Path:
    """Write a document as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def put_lines(path: Path, content: Iterable[object]) -> Path:
    """Write documents as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in content), encoding="utf-8")
    return path


def refused(read: Read, path: Path, select: Mapping[str, str] | None = None) -> DataError:
    """Error that a log gives; every problem says where it is."""
    with pytest.raises(DataError) as caught:
        read([path], select or {})
    assert caught.value.problems
    assert all(problem.file and problem.message for problem in caught.value.problems)
    return caught.value


def codes(error: DataError) -> list[str]:
    """Codes of its problems, each once, in order."""
    return list(dict.fromkeys(problem.code for problem in error.problems))


def seeded(seed: int) -> random.Random:
    """Generator of damage, the same whenever a test runs."""
    return random.Random(seed)  # noqa: S311 - nothing is secret


def mutated(content: object, rng: random.Random) -> object:
    """Copy with one to three places that are odd, missing, emptied or doubled."""
    result: list[object] = [copy.deepcopy(content)]
    for _ in range(rng.randint(1, 3)):
        container, key = rng.choice(list(_places(result)))
        kind = rng.randrange(5)
        if kind <= 1:
            container[key] = copy.deepcopy(rng.choice(ODD))
        elif kind == 2 and container is not result:
            del container[key]
        elif kind == 3 and isinstance(container, list) and container is not result:
            container.insert(key, copy.deepcopy(container[key]))
        elif isinstance(container[key], list | dict):
            container[key].clear()
    return result[0]


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Copy that ends early, or has bytes changed, doubled or put in between."""
    at, to = sorted(rng.randrange(len(content)) for _ in range(2))
    kinds = (
        content[:at],
        content[:at] + content[to:],
        content[:to] + content[at:],
        content[:at] + rng.randbytes(rng.randint(1, 9)) + content[at + 1 :],
        content[:at] + rng.choice([b'"', b"{", b"]", b",", b"\xff", b"NaN", b"\n"]) + content[at:],
    )
    return rng.choice(kinds)


def survives(read: Read, path: Path, select: Mapping[str, str]) -> bool:
    """Whether a damaged log is accepted; it gives sound counts or tells, and nothing else."""
    try:
        logs = read([path], select)
        problems: tuple[Problem, ...] = ()
    except DataError as error:
        logs, problems = [], error.problems
    assert logs or problems
    for problem in problems:
        assert problem.file, problem
        assert problem.message, problem
        assert str(problem).isprintable(), problem
    for log in logs:
        assert log.benchmark, log
        assert log.model, log
        assert log.n_trials or 0 in log.dropped.values(), log
        for item, (k, n) in counts(log).items():
            assert item.strip(), log
            assert item.encode(), log
            assert 0 <= k <= n, log
            assert n >= 1, log
    return bool(logs)


def _places(content: object) -> Iterator[tuple[list[object] | dict[str, object], object]]:
    pairs: Iterable[tuple[object, object]] = ()
    if isinstance(content, dict):
        pairs = content.items()
    elif isinstance(content, list):
        pairs = enumerate(content)
    for key, value in pairs:
        yield content, key
        yield from _places(value)
