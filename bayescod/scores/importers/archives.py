"""JSON members of zips that strangers wrote; nothing is ever extracted to disk."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from bayescod.errors import DataError, Problem
from bayescod.scores.checks import shown
from bayescod.scores.importers.decoding import MAX_JSON_BYTES, decoder, parts, told, whole_json
from bayescod.scores.importers.values import shown_path

if sys.version_info >= (3, 14):
    import zipfile

    from compression.zstd import ZstdError
else:
    from backports.zstd import ZstdError, zipfile

MAX_DIRECTORY_BYTES: Final = 64 * 2**20  # of a zip's list of members: about 600,000 of them
MAX_MEMBER_BYTES: Final = 4 * 2**30
MAX_RATIO: Final = 200  # of a member's size to what it takes in the zip
_RATIO_FROM: Final = 2**20  # a small member may be as repetitive as it likes
_METHODS: Final = (0, 8, 93)  # stored, deflate, Zstandard
_ENCRYPTED: Final = 0x1
_END: Final = struct.Struct("<4s4H2LH")  # the end record of a zip and its 64-bit form
_LOCATOR: Final = struct.Struct("<4sLQL")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_LONGEST_COMMENT: Final = 2**16
_IN_64: Final = 0xFFFFFFFF


def zip_member_json(path: Path, names: Sequence[str], nan: bool = False) -> dict[str, object]:
    """Read small JSON members of a zip; nothing is ever extracted to disk.

    Parameters
    ----------
    path : Path
    names : sequence of str
        Of the members.
    nan : bool
        Whether ``NaN`` and ``Infinity`` are numbers here.

    Returns
    -------
    dict
        By name; members that the zip lacks are missing.

    Raises
    ------
    DataError
        If the zip is damaged, hostile or encrypted, or a member is not JSON.
    """
    found: dict[str, object] = {}
    with _told(path), _opened(path) as archive:
        for name in names:
            if (info := _member(archive, name)) is not None:
                # No more is asked for than is declared, since it is inflated before it is cut.
                with archive.open(info) as stream:
                    content = stream.read(min(info.file_size, MAX_JSON_BYTES) + 1)
                found[name] = whole_json(content, decoder(nan))
    return found


def zip_member_parts(
    path: Path, name: str, inside: str = "", nan: bool = False
) -> Iterator[tuple[str, object]]:
    """Read a large JSON member of a zip element by element, in bounded memory.

    Parameters
    ----------
    path : Path
    name : str
        Of the member; nothing is yielded where the zip lacks it.
    inside, nan
        As in :func:`read_parts`.

    Yields
    ------
    key, value
        As :func:`read_parts`.

    Raises
    ------
    DataError
        If the zip is damaged, hostile or encrypted, or the member is not JSON.
    """
    with _told(path), _opened(path) as archive:
        if (info := _member(archive, name)) is not None:
            with archive.open(info) as stream, io.TextIOWrapper(stream, "utf-8") as text:
                yield from parts(text, inside, decoder(nan))


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what a zip's reader stumbles on into a problem of the file."""
    try:
        with told(path):
            yield
    # A version or method from the future is a RuntimeError of the reader.
    except (
        *(zipfile.BadZipFile, zlib.error, ZstdError, EOFError, struct.error),
        *(RuntimeError, OverflowError),
    ) as error:
        raise DataError([_bad(path, str(error) or "it ends too early")]) from error


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The zip, once its list of members is known to be small enough to hold."""
    with path.open("rb") as stream:
        size = _directory_bytes(stream)
        if size > MAX_DIRECTORY_BYTES:
            msg = f"its list of members takes {size:,} bytes, more than {MAX_DIRECTORY_BYTES:,}"
            raise zipfile.BadZipFile(msg)
        with zipfile.ZipFile(stream) as archive:
            yield archive


def _directory_bytes(stream: io.BufferedReader) -> int:
    """Size of the list of members, as the end of the zip says; 0 where it has no end."""
    end = stream.seek(0, io.SEEK_END)
    start = stream.seek(max(0, end - _LONGEST_COMMENT - _END.size))
    tail = stream.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        return 0
    size = int(_END.unpack_from(tail, at)[5])
    place = start + at - _LOCATOR.size
    if size < _IN_64 or place < 0:
        return size
    stream.seek(place)
    signature, _, offset, _ = _LOCATOR.unpack(stream.read(_LOCATOR.size))
    if signature != b"PK\6\7" or offset + _END_64.size > end:
        return size
    stream.seek(offset)
    return int(_END_64.unpack(stream.read(_END_64.size))[8])


def _member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo | None:
    """A member by its name, if it is safe to read."""
    members = archive.infolist()
    infos = [info for info in members if info.filename == name]
    odd = [info.filename for info in members if not _is_plain(info.filename)]
    why = ""
    if odd:
        why = f"a member is named {shown(odd[0])}, outside the zip"
    elif len(infos) > 1:
        why = f"it holds {shown(name)} twice"
    elif infos:
        why = _unsafe(infos[0])
    if why:
        raise zipfile.BadZipFile(why)
    return infos[0] if infos else None


def _is_plain(name: str) -> bool:
    return not (name.startswith(("/", "\\")) or name[1:2] == ":") and (
        ".." not in PurePosixPath(name.replace("\\", "/")).parts
    )


def _unsafe(info: zipfile.ZipInfo) -> str:
    """Why a member may not be read; empty if it may."""
    name = shown(info.filename)
    if info.flag_bits & _ENCRYPTED:
        return f"{name} is encrypted"
    if info.compress_type not in _METHODS:
        return f"{name} is compressed by method {info.compress_type}, neither deflate nor Zstandard"
    if info.file_size > MAX_MEMBER_BYTES:
        return f"{name} has {info.file_size:,} bytes, more than {MAX_MEMBER_BYTES:,}"
    if info.file_size > max(_RATIO_FROM, MAX_RATIO * info.compress_size):
        return f"{name} is {info.file_size // max(1, info.compress_size)} times its compressed size"
    return ""


def _bad(path: Path, why: str) -> Problem:
    return Problem(
        "bad-zip",
        "the zip is damaged or hostile",
        file=shown_path(path),
        got=shown(why),
        wanted="a zip of JSON files",
        fix="copy the log again from where it was written, or leave it out",
    )
