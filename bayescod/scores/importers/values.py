"""Values from logs, taken without trust."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

MAX_TRIALS: Final = 100_000  # of one item in one log; a larger number is damage, not patience
MAX_NAME: Final = 1000  # characters of an item, a model or a benchmark
_SHOWN_PATH: Final = 400


def name_of(value: object) -> str:
    """Name or number from a log as text.

    Parameters
    ----------
    value : object

    Returns
    -------
    str
        Empty where it is no name: neither text nor a whole number, blank, longer than `MAX_NAME`,
        or not text that UTF-8 can hold (half a surrogate pair, NUL).
    """
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return str(value)
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_NAME or "\0" in value:
        return ""
    return "" if any("\ud800" <= character <= "\udfff" for character in value) else value


def text_of(value: object) -> str:
    """Text from a log; empty where it is none."""
    return value if isinstance(value, str) and name_of(value) else ""


def outcome(value: object) -> int | None:
    """Verdict of one trial: 0 or 1, ``None`` where the value is neither."""
    if isinstance(value, bool | int | float) and value in (0, 1):
        return int(value)
    return None


def whole_count(score: object, trials: int) -> int | None:
    """Number of correct trials behind a mean.

    Parameters
    ----------
    score : object
        Mean of `trials` verdicts of 0 or 1.
    trials : int
        1 to `MAX_TRIALS`.

    Returns
    -------
    int or None
        ``None`` where `score` is no such mean, up to single precision.
    """
    if not isinstance(score, bool | int | float) or not 0 <= score <= 1:
        return None
    count = round(score * trials)
    return count if abs(score * trials - count) <= max(1e-6, 1e-7 * trials) else None


def digest_of(text: str) -> str:
    """Short hash of a question's text, 16 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def shown_path(path: Path) -> str:
    """Path as one printable line; of a long one the end, which tells files apart."""
    text = str(path)
    if not text.isprintable():
        text = text.encode("unicode_escape", "surrogatepass").decode("ascii")
    return text if len(text) <= _SHOWN_PATH else f"…{text[1 - _SHOWN_PATH :]}"
