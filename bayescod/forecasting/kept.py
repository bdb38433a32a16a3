"""Posteriors kept on disk while a run lasts, so that one that was stopped goes on from there.

A file holds what was sampled together, because draws are a function of the whole batch that a
compiled program takes. Its name says what it is a function of, how many posteriors it holds, and
the digest of its bytes: a file that was cut short or changed is not used.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bayescod.convergence import Diagnostics
from bayescod.errors import ResultError
from bayescod.files import replacing, require_same_run, write_json
from bayescod.sampling import Posterior
from bayescod.versions import code_version

Sampled = tuple[list[Posterior], list[tuple[float, float]]]

_RUN: Final = "run.json"
_NAME: Final = re.compile(r"[0-9a-f]{32}-(\d{1,6})-[0-9a-f]{32}\.npz")


class Kept:
    """Posteriors in a folder, by what they are a function of.

    Parameters
    ----------
    folder : Path
        Made when the first posteriors are kept.
    run : mapping of str to str
        What makes the run that they belong to the same run.

    Attributes
    ----------
    damaged : list of str
        Names of files that were found damaged, and removed.

    Raises
    ------
    ResultError
        If the folder holds posteriors of another run.
    """

    def __init__(self, folder: Path, run: Mapping[str, str]) -> None:
        self.folder, self._run = folder, dict(run)
        self.damaged: list[str] = []
        self._code = code_version()
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            msg = f"{folder} is no folder of kept posteriors; remove it, or give another folder"
            raise ResultError(msg)
        if self.n_posteriors:
            require_same_run(folder.parent, _read_run(folder / _RUN), self._run)

    @property
    def n_posteriors(self) -> int:
        """How many posteriors are kept."""
        return count_kept(self.folder)

    def find(self, names: Sequence[str]) -> Sampled | None:
        """Look for what was sampled together.

        Parameters
        ----------
        names : sequence of str
            Of the posteriors, each all that it is a function of.

        Returns
        -------
        posteriors, seconds
            As :func:`bayescod.sampling.sample_each` gave them; ``None`` where they are not kept.
        """
        for path in self.folder.glob(f"{self._title(names)}-*.npz"):
            try:
                found = _read(path)
            except (OSError, ValueError, KeyError, IndexError, MemoryError, zipfile.BadZipFile):
                found = None
            if found is not None and len(found[0]) == len(names):
                return found
            self.damaged.append(path.name)
            path.unlink(missing_ok=True)
        return None

    def keep(self, names: Sequence[str], found: Sampled) -> None:
        """Write what was sampled together, whole or not at all.

        Parameters
        ----------
        names : sequence of str
        found : posteriors, seconds
        """
        if not self.n_posteriors:
            write_json(self.folder / _RUN, self._run)
        stream = io.BytesIO()
        arrays: dict[str, Any] = dict(_arrays(found))
        np.savez(stream, **arrays)
        content = stream.getvalue()
        digest = hashlib.sha256(content).hexdigest()[:32]
        with replacing(self.folder / f"{self._title(names)}-{len(names)}-{digest}.npz") as path:
            path.write_bytes(content)

    def forget(self) -> None:
        """Remove what is kept: the results are written."""
        if not self.folder.is_dir():
            return
        for match in _matches(self.folder):
            (self.folder / match[0]).unlink(missing_ok=True)
        (self.folder / _RUN).unlink(missing_ok=True)
        for partial in self.folder.glob(".*.partial"):
            partial.unlink(missing_ok=True)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _title(self, names: Sequence[str]) -> str:
        return hashlib.sha256("\n".join([self._code, *names]).encode()).hexdigest()[:32]


def count_kept(folder: Path) -> int:
    """How many posteriors a folder keeps.

    Parameters
    ----------
    folder : Path
        It may be missing.

    Returns
    -------
    int
    """
    return sum(int(match[1]) for match in _matches(folder))


def _matches(folder: Path) -> list[re.Match[str]]:
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return [match for name in names if (match := _NAME.fullmatch(name))]


def _arrays(found: Sampled) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    for i, (posterior, seconds) in enumerate(zip(*found, strict=True)):
        for group in ("sites", "stats"):
            for name, values in getattr(posterior, group).items():
                yield f"{i}/{group}/{name}", np.asarray(values)
        one = posterior.diagnostics
        figures = (one.max_rhat, one.min_ess_bulk, one.min_ess_tail)
        yield f"{i}/figures", np.array([*figures, *seconds])
        yield f"{i}/counts", np.array([one.divergences, one.n_draws, one.reruns])


def _read(path: Path) -> Sampled | None:
    """What a file holds; ``None``, or an error of a broken archive, where it is damaged."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest()[:32] != path.stem.rpartition("-")[2]:
        return None
    posteriors, seconds = [], []
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        names = list(stored)
        for i in range(1 + max(int(name.partition("/")[0]) for name in names)):
            groups: dict[str, dict[str, npt.NDArray[Any]]] = {"sites": {}, "stats": {}}
            for name in names:
                lane, group, *site = name.split("/", 2)
                if lane == str(i) and group in groups:
                    groups[group][site[0]] = stored[name]
            rhat, bulk, tail, compiling, sampling = map(float, stored[f"{i}/figures"])
            divergences, n_draws, reruns = map(int, stored[f"{i}/counts"])
            diagnostics = Diagnostics(rhat, bulk, tail, divergences, n_draws, reruns)
            posteriors.append(Posterior(groups["sites"], groups["stats"], diagnostics))
            seconds.append((compiling, sampling))
    return posteriors, seconds


def _read_run(path: Path) -> dict[str, object]:
    """What run the posteriors are of; nothing where that cannot be read: their names tell too."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
