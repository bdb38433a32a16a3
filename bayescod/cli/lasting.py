"""What long verbs share: a folder held, work that can be stopped, and what is kept of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from bayescod.cli.exits import complain
from bayescod.cli.locks import locked
from bayescod.errors import ResultError
from bayescod.files import KEPT_FOLDER
from bayescod.forecasting.executors import Executor, connected
from bayescod.forecasting.kept import Kept, count_kept
from bayescod.forecasting.recall import Recall

_T = TypeVar("_T")


def apart(work: Callable[[], _T]) -> _T:
    """Do the work in a thread of its own, so that this one hears a signal at once.

    Parameters
    ----------
    work : callable
        Without arguments.

    Returns
    -------
    object
        What ``work`` returns; what it raises is raised. After a signal it is not waited for.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="bayescod")
    try:
        return pool.submit(work).result()
    finally:
        pool.shutdown(wait=False)


@contextmanager
def resumable(
    out: Path, run: Mapping[str, str], quiet: bool, executor: Executor | None = None
) -> Iterator[Recall]:
    """Hold a run's folder, and keep there what is sampled until the run is done.

    Parameters
    ----------
    out : Path
    run : mapping of str to str
        What makes two runs the same, as far as it is known before the run.
    quiet : bool
        Do not say that a run goes on.
    executor : Executor or None
        Where to sample; in this process where ``None``.

    Yields
    ------
    Recall
        That knows what a stopped run has left. If the block raises, the error gets a note that
        says what is kept; if it does not, nothing is kept any longer.

    Raises
    ------
    ResultError
        If another run holds the folder, or has left its posteriors there.
    MachineError
        If the executor does not answer.
    """
    with connected(executor) as workers, locked(out), _telling_what_is_kept(out / KEPT_FOLDER):
        kept = Kept(out / KEPT_FOLDER, run)
        if kept.n_posteriors and not quiet:
            text = f"goes on from what a stopped run has left in {kept.folder}"
            complain("note", f"{text} (posteriors: {kept.n_posteriors})")
        yield Recall(kept, workers)
        if kept.damaged:
            text = f"{len(kept.damaged)} files of kept posteriors were damaged and made anew: "
            complain("warning", text + ", ".join(kept.damaged))
        kept.forget()


@contextmanager
def _telling_what_is_kept(folder: Path) -> Iterator[None]:
    try:
        yield
    finally:
        error, count = sys.exception(), count_kept(folder)
        # A folder that was refused is not this run's to go on with.
        if error is not None and count and not isinstance(error, ResultError):
            note = f"posteriors kept in {folder}: {count}; the same command goes on from there"
            error.add_note(note)
