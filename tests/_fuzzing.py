"""Mutations of files, by kind, and a run that says what came of them.

Every mutation is a function of a generator and the file, so that a seed and a number repeat it.
"""

from __future__ import annotations

import json
import math
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

Mutation = Callable[[np.random.Generator, bytes], bytes]
Row = dict[str, object]

LONGEST = 10.0  # seconds that a file may take
TEXTS = (
    *("", " ", "nan", "NaN", "inf", "-Infinity", "null", "NULL", "None", "true", "-1", "0", "1"),
    *("0.5", "3.5", "1e308", "1e999", "-0.0", "99999999999999999999", "1e-320", "50%", "1,000"),
    *("=1+1", "=cmd|' /C calc'!A0", "@SUM(A1)", "+5", "'; DROP TABLE cell; --", "$path", "../../x"),
    *("<script>alert(1)</script>", "naïve 数学 🙂", "\u202egnp.exe", "a\x00b", "a\tb", "a\nb", '"'),
    *('{"a": 1}', "[[1]]", "x" * 70_000, "\x1b[2J"),
)
TOKENS = (
    *(b"NaN", b"Infinity", b"-1", b"1e999", b"1e308", b"99999999999999999999999", b"null"),
    *(b"true", b'"x"', b"[]", b"{}", b"0", b"-0.5", b"0x10", b"1_0"),
)


def _place(rng: np.random.Generator, content: bytes) -> int:
    return int(rng.integers(len(content) + 1))


def _flipped(rng: np.random.Generator, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 6))):
        if changed:
            changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _inserted(*pieces: bytes) -> Mutation:
    def insert(rng: np.random.Generator, content: bytes) -> bytes:
        at = _place(rng, content)
        return content[:at] + pieces[int(rng.integers(len(pieces)))] + content[at:]

    return insert


def _removed(rng: np.random.Generator, content: bytes) -> bytes:
    begin, end = sorted((_place(rng, content), _place(rng, content)))
    return content[:begin] + content[end:]


def _repeated(rng: np.random.Generator, content: bytes) -> bytes:
    begin, end = sorted((_place(rng, content), _place(rng, content)))
    return content[:end] + content[begin:end] + content[end:]


def _lines(rng: np.random.Generator, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    rng.shuffle(lines)
    return b"".join(lines[: max(1, int(rng.integers(2 * len(lines) + 1)))] if lines else lines)


def _line_again(rng: np.random.Generator, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    if lines:
        lines.insert(int(rng.integers(len(lines))), lines[int(rng.integers(len(lines)))])
    return b"".join(lines)


def _token(rng: np.random.Generator, content: bytes) -> bytes:
    found = list(re.finditer(rb"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", content))
    if not found:
        return content
    one = found[int(rng.integers(len(found)))]
    return content[: one.start()] + TOKENS[int(rng.integers(len(TOKENS)))] + content[one.end() :]


def _word(rng: np.random.Generator, content: bytes) -> bytes:
    found = list(re.finditer(rb"[A-Za-z_][A-Za-z0-9_]*", content))
    if not found:
        return content
    one = found[int(rng.integers(len(found)))]
    text = TEXTS[int(rng.integers(len(TEXTS)))].encode()
    return content[: one.start()] + text + content[one.end() :]


BYTES: Mapping[str, Mutation] = {
    "bytes flipped": _flipped,
    "truncated": lambda rng, content: content[: _place(rng, content)],
    "piece removed": _removed,
    "piece repeated": _repeated,
    "lines shuffled and lost": _lines,
    "line repeated": _line_again,
    "noise inserted": lambda rng, content: _inserted(rng.bytes(16))(rng, content),
    "NUL, not UTF-8, quotes": _inserted(b"\x00", b"\xff\xfe", b"\xc3", b'"', b"\r", b"\n\n"),
    "huge line": _inserted(b"x" * 3_000_000, b"9" * 3_000_000, b" " * 3_000_000),
    "nested JSON": _inserted(b"[" * 100_000, b'{"a":' * 50_000, b"[[[[[]]]]]"),
    "number replaced": _token,
    "word replaced": _word,
    "emptied or recoded": lambda rng, content: (
        b"",
        b"\n",
        content.decode("latin-1").encode("utf-16"),
    )[int(rng.integers(3))],
}
"""Mutations of any file."""


def hostile(rng: np.random.Generator) -> object:
    """A value that a JSON document does not want."""
    values: tuple[object, ...] = (
        *(None, True, -1, 0, 0.5, 1e308, math.nan, math.inf, 10**30, [], {}, [[1]], {"a": [None]}),
        *TEXTS,
    )
    return values[int(rng.integers(len(values)))]


def mutated_json(rng: np.random.Generator, document: object) -> object:
    """A document with one node replaced, dropped, renamed or repeated."""
    copy = json.loads(json.dumps(document))
    node, parents = copy, []
    while isinstance(node, dict | list) and node and (not parents or rng.random() < 0.75):
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = keys[int(rng.integers(len(keys)))]
        parents.append((node, key))
        node = node[key]
    if not parents:
        return hostile(rng)
    parent, key = parents[-1]
    what = int(rng.integers(4))
    if what == 0:
        del parent[key]
    elif what == 1 and isinstance(parent, dict):
        parent[str(hostile(rng))[:50]] = parent.pop(key)
    elif what == 1:
        parent.append(parent[key])
    else:
        parent[key] = hostile(rng)
    return copy


def _columns(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _column_dropped(rng: np.random.Generator, rows: list[Row]) -> list[Row]:
    columns = _columns(rows)
    gone = columns[int(rng.integers(len(columns)))]
    return [{name: value for name, value in row.items() if name != gone} for row in rows]


def _column_renamed(rng: np.random.Generator, rows: list[Row]) -> list[Row]:
    columns = _columns(rows)
    old = columns[int(rng.integers(len(columns)))]
    new = ("", old.upper(), old[:-1], "x", " " + old, *columns)[int(rng.integers(5 + len(columns)))]
    return [{(new if name == old else name): value for name, value in row.items()} for row in rows]


def _value_replaced(rng: np.random.Generator, rows: list[Row]) -> list[Row]:
    changed = [dict(row) for row in rows]
    for _ in range(int(rng.integers(1, 4))):
        row = changed[int(rng.integers(len(changed)))]
        name = list(row)[int(rng.integers(len(row)))]
        row[name] = TEXTS[int(rng.integers(len(TEXTS)))]
    return changed


def _rows_repeated(rng: np.random.Generator, rows: list[Row]) -> list[Row]:
    return [*rows, *(rows[int(i)] for i in rng.integers(len(rows), size=int(rng.integers(1, 5))))]


def _rows_shuffled(rng: np.random.Generator, rows: list[Row]) -> list[Row]:
    return [rows[int(i)] for i in rng.permutation(len(rows))]


def _rows_lost(rng: np.random.Generator, rows: list[Row]) -> list[Row]:
    return [row for row in rows if rng.random() < 0.7]


ROWS: Mapping[str, Callable[[np.random.Generator, list[Row]], list[Row]]] = {
    "column dropped": _column_dropped,
    "column renamed": _column_renamed,
    "value replaced": _value_replaced,
    "rows repeated": _rows_repeated,
    "rows shuffled": _rows_shuffled,
    "rows lost": _rows_lost,
}
"""Mutations of a table, before it is written."""


@dataclass
class Account:
    """What came of the mutations, by kind."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    slowest: float = 0.0

    def add(self, kind: str, outcome: str) -> None:
        self.outcomes[kind, outcome] += 1

    def __str__(self) -> str:
        kinds = sorted({kind for kind, _ in self.outcomes})
        columns = sorted({outcome for _, outcome in self.outcomes})
        lines = [" | ".join(["kind", *columns])]
        for kind in kinds:
            lines.append(" | ".join([kind, *(str(self.outcomes[kind, c]) for c in columns)]))
        total = [str(sum(self.outcomes[kind, c] for kind in kinds)) for c in columns]
        return "\n".join([*lines, " | ".join(["all", *total]), f"slowest {self.slowest:.1f} s"])


@contextmanager
def soon(account: Account) -> Iterator[None]:
    """Stop what takes longer than it may."""

    def stop(*_: object) -> None:
        msg = f"took more than {LONGEST} s"
        raise TimeoutError(msg)

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    began = time.monotonic()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        account.slowest = max(account.slowest, time.monotonic() - began)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, and what it holds."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
