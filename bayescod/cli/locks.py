"""One run at a time in a folder: a lock file that names who holds it."""

from __future__ import annotations

import errno
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bayescod.cli.exits import complain
from bayescod.errors import ResultError

LOCK: Final = ".lock.partial"
"""Ends as unfinished files do: a folder that holds no more than these is free."""

_NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT)
_PATIENCE = 0.2  # seconds in which a lock that was just made is filled


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock.

    Attributes
    ----------
    pid : int
    host : str
    born : str
        When the process began, as the kernel counts; empty where that is not known. It tells a
        process from a later one of the same number.
    since : str
        For readers.
    """

    pid: int
    host: str
    born: str
    since: str

    @classmethod
    def this(cls) -> Holder:
        """The process that asks."""
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        return cls(os.getpid(), socket.gethostname(), _born(os.getpid()), now)

    def is_gone(self) -> bool:
        """Whether it is known to have ended; never of another machine."""
        if self.host != socket.gethostname() or os.name == "nt":
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return self.born != "" and _born(self.pid) != self.born


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run's folder; nobody else writes there meanwhile.

    Parameters
    ----------
    folder : Path
        Made where missing, and removed again if the run leaves nothing in it.

    Yields
    ------
    None

    Raises
    ------
    ResultError
        If another run holds it, or if it cannot be written to.
    """
    is_new = not folder.exists()
    path = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _take(path)
    except OSError as error:
        if error.errno not in _NOT_OURS:
            raise
        msg = f"{folder} cannot be written to ({error.strerror}); give another folder"
        raise ResultError(msg) from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        if is_new and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _take(path: Path) -> None:
    while not _made(path):
        text, holder = _held(path)
        if holder is not None and not holder.is_gone():
            who = f"process {holder.pid} on {holder.host} since {holder.since}"
            msg = (
                f"{path.parent} is in use by another run: {who}; wait for it, or give another "
                f"folder; if there is no such run any more, remove {path}"
            )
            raise ResultError(msg)
        who = "a run that ended" if holder is None else f"process {holder.pid}, which has ended"
        if _set_aside(path, text):
            complain("warning", f"{path} was left behind by {who}; this run takes the folder over")


def _made(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(Holder.this())))
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return True


def _held(path: Path) -> tuple[str, Holder | None]:
    """A lock's text and its holder; none where its maker died before it could sign."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return "", None
        try:
            found = json.loads(text)
            host, born, since = (str(found[name]) for name in ("host", "born", "since"))
            return text, Holder(int(found["pid"]), host, born, since)
        except (ValueError, TypeError, KeyError):
            if time.monotonic() > end:
                return text, None
        time.sleep(_PATIENCE / 10)


def _set_aside(path: Path, text: str) -> bool:
    """Remove a lock unless another run has taken it over since it was read."""
    aside = path.with_name(f".lock-{os.getpid()}.partial")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return False
    if aside.read_text(encoding="utf-8", errors="replace") == text:
        aside.unlink()
        return True
    aside.rename(path)
    return False


def _born(pid: int) -> str:
    try:
        # After the name in brackets, which may hold anything; see proc(5).
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return fields[19]
    except (OSError, IndexError):
        return ""
