"""Traced programs that outlive the process, beside those that JAX keeps compiled.

NumPyro and JAX take one to three seconds to write down a program before it is compiled, or before
it is found that it has been: longer than to load what was compiled. What they wrote is kept as
StableHLO, under a name that says all that it is a function of.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import jax
from jax.export import Exported, deserialize

from bayescod.versions import code_version

_DIGEST_BYTES = hashlib.sha256().digest_size


def kept_trace(name: str, trace: Callable[[], Exported]) -> Exported:
    """A traced program: as an earlier process has kept it, or else traced and kept.

    Parameters
    ----------
    name : str
        All that the program is a function of, but for code and versions.
    trace : callable
        Traces it.

    Returns
    -------
    Exported
    """
    folder = _folder()
    if folder is None:
        return trace()
    path = folder / hashlib.sha256(f"{code_version()} {name}".encode()).hexdigest()
    known = _read(path)
    if known is not None:
        return deserialize(known)
    exported = trace()
    try:
        _write(path, exported.serialize())
    except OSError as error:
        what = f"a traced program cannot be kept, and will be traced again next time: {error}"
        warnings.warn(what, stacklevel=2)
    return exported


def _folder() -> Path | None:
    """In the cache of compiled programs, where there is one on a disk of this machine."""
    folder = jax.config.values["jax_compilation_cache_dir"]
    local = folder and "://" not in folder and jax.config.values["jax_enable_compilation_cache"]
    return Path(folder) / "traces" if local else None


def _read(path: Path) -> bytearray | None:
    """What was kept, if it is there whole."""
    try:
        content = path.read_bytes()
    except OSError:  # not there, or as good as
        return None
    digest, payload = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return bytearray(payload) if hashlib.sha256(payload).digest() == digest else None


def _write(path: Path, payload: bytes | bytearray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not by `files.replacing`: several processes may trace the same program at once, and there one
    # would remove what another has begun.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(hashlib.sha256(payload).digest() + payload)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
