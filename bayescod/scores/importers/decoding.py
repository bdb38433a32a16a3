"""Strict JSON from hostile files: whole, or element by element in bounded memory."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from bayescod.errors import DataError, Problem
from bayescod.scores.checks import shown
from bayescod.scores.database import unreadable
from bayescod.scores.importers.values import shown_path

MAX_JSON_BYTES: Final = 256 * 2**20  # of a file that is read whole
MAX_JSON_VALUES: Final = 20_000_000  # brackets and commas, before anything is built in memory
MAX_ELEMENT_CHARACTERS: Final = 32 * 2**20  # one line, or one element of a list that is streamed
_CHUNK: Final = 2**20
_BLANKS: Final = re.compile(r"[ \t\n\r]*")
_AFTER: Final = frozenset(",:]} \t\n\r")


class Source(Protocol):
    """Text that is read piece by piece."""

    def read(self, size: int, /) -> str:
        """Return at most `size` characters, none at the end."""


class BadJSONError(ValueError):
    """Text that is not the JSON wanted here. Never leaves the importers."""


def decoder(nan: bool) -> json.JSONDecoder:
    """Decoder that refuses what Python's own lets pass.

    Parameters
    ----------
    nan : bool
        Whether ``NaN`` and ``Infinity`` are numbers here.

    Returns
    -------
    json.JSONDecoder
        It raises :class:`BadJSONError` at a key that an object holds twice, at a number beyond
        the double range and, unless `nan`, at one that is not finite.
    """

    def constant(name: str) -> float:
        if not nan:
            msg = f"{name} is no number of JSON"
            raise BadJSONError(msg)
        return float(name)

    return json.JSONDecoder(
        object_pairs_hook=_distinct, parse_float=_finite, parse_constant=constant
    )


def whole_json(content: bytes, strict: json.JSONDecoder, max_bytes: int = MAX_JSON_BYTES) -> object:
    """Decode bytes that are one JSON value.

    Parameters
    ----------
    content : bytes
        All of it; one byte more than `max_bytes` where there is more.
    strict : json.JSONDecoder
        From :func:`decoder`.
    max_bytes : int

    Returns
    -------
    object

    Raises
    ------
    BadJSONError, UnicodeDecodeError
        Which :func:`told` turns into a problem.
    """
    if len(content) > max_bytes:
        msg = f"more than {max_bytes:,} bytes"
        raise BadJSONError(msg)
    if len(content) > MAX_JSON_VALUES and (
        sum(content.count(sign) for sign in (b"[", b"{", b",")) > MAX_JSON_VALUES
    ):
        msg = f"more than {MAX_JSON_VALUES:,} values"
        raise BadJSONError(msg)
    text = content.decode("utf-8-sig")
    try:
        value: object = strict.decode(text)
    except RecursionError as error:
        msg = "nested too deeply"
        raise BadJSONError(msg) from error
    except BadJSONError:
        raise
    except ValueError as error:  # a syntax error, or a whole number of thousands of digits
        msg = str(error).partition("; use sys.set")[0]
        raise BadJSONError(msg) from error
    return value


def parts(source: Source, inside: str, strict: json.JSONDecoder) -> Iterator[tuple[str, object]]:
    """Elements of a large document, one after the other.

    Parameters
    ----------
    source : Source
        Text of one JSON object or list.
    inside : str
        Key of the object whose own elements are wanted singly.
    strict : json.JSONDecoder
        From :func:`decoder`.

    Yields
    ------
    key : str
        Of the object; empty where the document is a list.
    value : object
        What it holds. For the key `inside`: one element if it holds a list, and a pair (key,
        value) if it holds an object, again and again.

    Raises
    ------
    BadJSONError
        Where the text is not JSON, or one element is beyond bounds.
    """
    text = _Text(source, strict)
    if text.peek() == "[":
        for element in text.elements():
            yield "", element
    elif text.peek() == "{":
        seen: set[str] = set()
        for key in text.object_keys():
            _note(seen, key)
            if key != inside or text.peek() not in ("[", "{"):
                yield key, text.value()
            elif text.peek() == "[":
                for element in text.elements():
                    yield key, element
            else:
                within: set[str] = set()
                for name in text.object_keys():
                    _note(within, name)
                    yield key, (name, text.value())
    else:
        msg = "neither an object nor a list"
        raise BadJSONError(msg)
    if text.peek():
        msg = f"more text after the end: {text.peek()!r}"
        raise BadJSONError(msg)


def _note(seen: set[str], key: str) -> None:
    if key in seen:
        msg = f"the key {key[:80]!r} occurs twice"
        raise BadJSONError(msg)
    seen.add(key)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what a reader of JSON stumbles on into a problem of the file.

    Parameters
    ----------
    path : Path

    Yields
    ------
    None

    Raises
    ------
    DataError
    """
    try:
        yield
    except BadJSONError as error:
        raise DataError([damaged(path, None, str(error))]) from error
    except UnicodeDecodeError as error:
        raise DataError([damaged(path, None, f"not UTF-8: {error.reason}")]) from error
    except OSError as error:
        raise DataError([replace(unreadable(str(path), error), file=shown_path(path))]) from error


def damaged(path: Path, number: int | None, why: str) -> Problem:
    """Problem of a file, or of its line `number` from 1, that is not the JSON wanted here."""
    what = "the file is" if number is None else "a line is"
    return Problem(
        "not-json",
        f"{what} not the JSON that the tool writes",
        file=shown_path(path),
        row=number,
        got=shown(why),
        wanted="one JSON object" if number else "JSON in UTF-8",
        fix="write the log again, or leave the file out"
        if number is None
        else "write the log again, or remove the line",
    )


class _Text:
    """A window on text that moves on with what is consumed."""

    def __init__(self, source: Source, strict: json.JSONDecoder) -> None:
        self._source = source
        self._strict = strict
        self._window = ""
        self._at = 0
        self._ended = False

    def peek(self) -> str:
        """Next character that is not blank; empty at the end."""
        while True:
            blanks = _BLANKS.match(self._window, self._at)
            self._at = blanks.end() if blanks else self._at
            if self._at < len(self._window):
                return self._window[self._at]
            if self._ended:
                return ""
            self._more(_CHUNK)

    def elements(self) -> Iterator[object]:
        """Elements of the list that begins here."""
        self._take("[")
        if self.peek() == "]":
            self._take("]")
            return
        while True:
            yield self.value()
            if self.peek() != ",":
                break
            self._take(",")
        self._take("]")

    def object_keys(self) -> Iterator[str]:
        """Keys of the object that begins here; the value is to be taken after each."""
        self._take("{")
        if self.peek() == "}":
            self._take("}")
            return
        while True:
            if self.peek() != '"':
                self._fail('"')
            yield str(self.value(":"))
            if self.peek() != ",":
                break
            self._take(",")
        self._take("}")

    def value(self, then: str = "") -> object:
        """Value that begins here, and the sign after it."""
        self.peek()
        while True:
            try:
                found, end = self._strict.raw_decode(self._window, self._at)
            except RecursionError as error:
                msg = "nested too deeply"
                raise BadJSONError(msg) from error
            except json.JSONDecodeError as error:
                if self._ended:
                    raise BadJSONError(error.msg) from error
            except BadJSONError:
                raise
            except ValueError as error:
                msg = "a whole number has too many digits"
                raise BadJSONError(msg) from error
            else:
                # The digits of a number may go on behind the window, or behind what is decoded.
                if self._window[end : end + 1] in _AFTER or self._ended:
                    self._at = end
                    break
            self._more(max(_CHUNK, len(self._window) - self._at))
        if then:
            self._take(then)
        return found

    def _take(self, sign: str) -> None:
        if self.peek() != sign:
            self._fail(sign)
        self._at += 1

    def _fail(self, wanted: str) -> None:
        got = self.peek()
        msg = f"expected {wanted!r} and found {repr(got) if got else 'the end'}"
        raise BadJSONError(msg)

    def _more(self, size: int) -> None:
        self._window = self._window[self._at :]
        self._at = 0
        if len(self._window) > MAX_ELEMENT_CHARACTERS:
            msg = f"one element has more than {MAX_ELEMENT_CHARACTERS:,} characters"
            raise BadJSONError(msg)
        text = self._source.read(min(size, MAX_ELEMENT_CHARACTERS + 1 - len(self._window)))
        self._ended = not text
        self._window += text


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            _note(seen, key)
    return found


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        msg = f"the number {text[:40]} is beyond the double range"
        raise BadJSONError(msg)
    return value
