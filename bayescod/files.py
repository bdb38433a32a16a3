"""Writing results: safe names, and files that are there whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bayescod.errors import ResultError

KEPT_FOLDER = ".resume"
"""Within the folder of a run: what an unfinished run can go on from. No result."""

_LONGEST_SLUG = 40


def slug(name: str) -> str:
    """Reduce any text to a readable piece of a file name.

    Parameters
    ----------
    name : str
        Any text, hostile ones included.

    Returns
    -------
    str
        Only ``a-z``, ``0-9`` and ``-``, 1 to 40 characters. Not unique: see :func:`file_stem`.

    Examples
    --------
    >>> slug("../MMLU (5-shot)")
    'mmlu-5-shot'
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_SLUG].strip("-") or "unnamed"


def file_stem(name: str) -> str:
    """File name without suffix for a benchmark: its slug and eight digits of its SHA-256.

    Parameters
    ----------
    name : str
        Any text.

    Returns
    -------
    str
        Different for different names, also where their slugs agree.

    Examples
    --------
    >>> file_stem("MMLU") == file_stem("mmlu")
    False
    """
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{slug(name)}-{digest[:8]}"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file under a temporary name and rename it when it is complete.

    Parameters
    ----------
    path : Path
        Where the file shall be; its folder is made where it is missing.

    Yields
    ------
    Path
        The temporary file to write, in the same folder. If the block raises, it is removed and
        what was at ``path`` before stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    # What a killed run has left, or a link that somebody has put there, is not written through.
    temporary.unlink(missing_ok=True)
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def require_room(path: Path, size: int) -> None:
    """Find out whether the disk has room for a file, before somebody writes it who cannot fail.

    Parameters
    ----------
    path : Path
        Of the file; left empty.
    size : int
        In bytes.

    Raises
    ------
    OSError
        If there is no room; systems that cannot tell raise nothing.
    """
    with path.open("wb") as stream:
        if not hasattr(os, "posix_fallocate"):
            return
        try:
            os.posix_fallocate(stream.fileno(), 0, size)
        except OSError as error:
            if error.errno in (errno.EOPNOTSUPP, errno.EINVAL):
                return
            raise OSError(error.errno, error.strerror, str(path)) from error
        stream.truncate(0)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends, whole or not at all.

    Parameters
    ----------
    path : Path
        Where to write.
    text : str
        What to write.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def write_json(path: Path, document: Mapping[str, object]) -> None:
    """Write a document as JSON, whole or not at all.

    Parameters
    ----------
    path : Path
    document : mapping
        Without numbers that are not finite.
    """
    write_text(path, json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_manifest(directory: Path, path: str, written: Iterable[str]) -> None:
    """List the files of a finished run with their digests; comes last.

    Parameters
    ----------
    directory : Path
    path : str
        Of the manifest within it.
    written : iterable of str
        Paths of the files within it.
    """
    files = [
        {
            "path": name,
            "sha256": sha256_of(directory / name),
            "bytes": (directory / name).stat().st_size,
        }
        for name in sorted(written)
    ]
    write_json(directory / path, {"schema_version": 1, "files": files})


def require_same_run(
    directory: Path, there: Mapping[str, object], run: Mapping[str, object]
) -> None:
    """Refuse a folder that holds another run.

    Parameters
    ----------
    directory : Path
    there : mapping
        What the folder says of its run.
    run : mapping
        What is known of the run that wants to write there; keys that either lacks are not compared.

    Raises
    ------
    ResultError
        If they differ, with the first difference.
    """
    for key, value in run.items():
        if key in there and there[key] != value:
            msg = (
                f"{directory} holds another run: its {key.replace('_', ' ')} is {there[key]!r}, "
                f"this one's is {value!r}; give another folder or remove that one"
            )
            raise ResultError(msg)
