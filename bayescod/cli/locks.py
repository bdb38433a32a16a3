"""One run at a time in a folder: a lock file that names who holds it."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bayescod.cli.exits import complain
from bayescod.errors import ResultError

LOCK: Final = ".lock.partial"
"""Ends as unfinished files do: a folder that holds no more than these is free."""

_NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ELOOP, errno.EISDIR)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_LONGEST = 10_000  # characters that are read of a lock


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
    """Sign the lock file, unless somebody has signed it who may still be there."""
    while True:
        handle = os.open(path, os.O_CREAT | os.O_RDWR | _NO_LINK, 0o644)
        with os.fdopen(handle, "r+", encoding="utf-8", errors="replace") as stream:
            _alone(handle)
            if not _is_at(path, handle):
                continue  # its holder has let go and removed it meanwhile
            text = stream.read(_LONGEST)
            holder = _holder(text)
            if holder is not None and not holder.is_gone():
                who = f"process {holder.pid} on {holder.host} since {holder.since}"
                msg = (
                    f"{path.parent} is in use by another run: {who}; wait for it, or give "
                    f"another folder; if there is no such run any more, remove {path}"
                )
                raise ResultError(msg)
            try:
                stream.seek(0)
                stream.truncate()
                stream.write(json.dumps(asdict(Holder.this())))
                stream.flush()
            except OSError:
                path.unlink(missing_ok=True)
                raise
        if text:
            who = "a run that ended" if holder is None else f"process {holder.pid}, which has ended"
            complain("warning", f"{path} was left behind by {who}; this run takes the folder over")
        return


def _is_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _alone(handle: int) -> None:
    """Wait until no other process reads and signs the file; some systems cannot tell."""
    if sys.platform == "win32":
        return
    import fcntl

    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX)


def _holder(text: str) -> Holder | None:
    """Who has signed; nobody where the run died while it signed."""
    try:
        found = json.loads(text)
        host, born, since = (str(found[name]) for name in ("host", "born", "since"))
        return Holder(int(found["pid"]), host, born, since)
    except (ValueError, TypeError, KeyError):
        return None


def _born(pid: int) -> str:
    try:
        # After the name in brackets, which may hold anything; see proc(5).
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return fields[19]
    except (OSError, IndexError):
        return ""
