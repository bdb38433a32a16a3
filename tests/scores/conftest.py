"""Small tables, written as each test wants them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.scores._tables import Row, write_rows

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a table: ``write(name, rows)``, or ``write(name, text)`` as it stands."""

    def _write(name: str, content: Iterable[Row] | str | bytes) -> Path:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        else:
            write_rows(path, content)
        return path

    return _write


@pytest.fixture
def models(write: Write) -> Path:
    """Six LLMs of one token ratio, m1 to m6, and a target without scores."""
    sizes = [1e7 * 2**i for i in range(6)]
    rows: list[Row] = [
        {"model": f"m{i + 1}", "params": n, "tokens": 20 * n, "compute_flops": 120 * n * n}
        for i, n in enumerate(sizes)
    ]
    return write("models.csv", [*rows, {"model": "big", "compute_flops": 1e21, "role": "target"}])


@pytest.fixture
def counts() -> list[dict[str, object]]:
    """Two benchmarks of three items, six LLMs, ten trials."""
    return [
        {
            "benchmark": b,
            "item_id": f"{b}-{i}",
            "model": f"m{m + 1}",
            "n_trials": 10,
            "n_correct": k,
        }
        for b in ("adding", "sorting")
        for i in range(3)
        for m in range(6)
        for k in [min(10, i + m)]
    ]
