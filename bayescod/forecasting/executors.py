"""Where posteriors are sampled: here, or past one machine, by joblib and its backends."""

from __future__ import annotations

import queue
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, TypeVar

from joblib import Parallel, delayed

from bayescod.errors import DataError, DependencyError, MachineError, Problem

_T = TypeVar("_T")

_FORMS: Final = "dask://HOST:PORT, ray://HOST:PORT, local or local:N"
_LOCAL: Final = re.compile(r"local(?::([1-9][0-9]{0,3}))?")
_REMOTE: Final = re.compile(r"(dask|ray)://([^\s/:@?#\[\]]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
_NEEDS: Final = {"dask": ("distributed",), "ray": ("ray", "grpc"), "loky": ()}
"""Modules of the extra of each backend; Ray is spoken to by gRPC."""
_CONNECT_SECONDS: Final = 20
_LOOK_SECONDS = 5.0
_WITHOUT_WORKERS_SECONDS = 60.0
"""A cluster whose workers are gone may start others; after so long it is given up."""
_RETRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Executor:
    """An address to sample at.

    Attributes
    ----------
    backend : str
        Of joblib: ``dask``, ``ray`` or ``loky``.
    address : str
        ``HOST:PORT`` of a cluster's scheduler; empty for processes of this machine.
    processes : int
        Of this machine; -1: one a core.
    """

    backend: str
    address: str
    processes: int = -1

    def __str__(self) -> str:
        if self.address:
            return f"{self.backend}://{self.address}"
        return "local" if self.processes < 0 else f"local:{self.processes}"


def parse_executor(url: str | None) -> Executor | None:
    """Read where to sample, and check that it can be spoken to from here.

    Parameters
    ----------
    url : str or None
        ``dask://HOST:PORT`` (a dask scheduler), ``ray://HOST:PORT`` (a Ray head's client server),
        ``local`` or ``local:N`` (processes of this machine).

    Returns
    -------
    Executor or None
        ``None`` for ``None``: in this process.

    Raises
    ------
    DataError
        If the URL has no such form.
    DependencyError
        If the extra of the backend is not installed.

    Examples
    --------
    >>> parse_executor("local:2")
    Executor(backend='loky', address='', processes=2)
    """
    if url is None:
        return None
    if local := _LOCAL.fullmatch(url):
        return Executor("loky", "", int(local[1] or -1))
    remote = _REMOTE.fullmatch(url)
    if remote is None or not 0 < int(remote[3]) < 65536:
        raise DataError([Problem("executor", "no such executor", got=repr(url), wanted=_FORMS)])
    backend = remote[1]
    missing = [name for name in _NEEDS[backend] if find_spec(name) is None]
    if missing:
        msg = f"{backend}:// needs {' and '.join(missing)}: pip install 'bayescod[{backend}]'"
        raise DependencyError(msg)
    return Executor(backend, f"{remote[2]}:{remote[3]}")


class Workers:
    """Workers of an executor that is connected; see :func:`connected`.

    Parameters
    ----------
    executor : Executor
    parallel : joblib.Parallel
        Entered; gives results as they come.
    n_workers : callable
        How many there are now.
    faults : tuple of type
        Errors of the cluster, not of what it ran.
    """

    def __init__(
        self,
        executor: Executor,
        parallel: Any,
        n_workers: Callable[[], int],
        faults: tuple[type[Exception], ...],
    ) -> None:
        self._executor, self._parallel = executor, parallel
        self._n_workers, self._faults = n_workers, faults

    def each(
        self, function: Callable[..., _T], jobs: Sequence[tuple[Any, ...]]
    ) -> Iterator[tuple[int, _T]]:
        """Apply a function to every job, side by side.

        Parameters
        ----------
        function : callable
            Of a module that the workers have.
        jobs : sequence of tuple
            Arguments of the function that can be pickled.

        Yields
        ------
        (int, object)
            Position of a job, and what the function gave: as it comes, in no order.

        Raises
        ------
        MachineError
            If the workers are lost, after all that has come is given.
        Exception
            What the function raises.
        """
        arrivals: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def gather() -> None:
            # One argument each that holds all the others: dask would put arrays of their own on
            # one worker, and lose them with it.
            calls = (delayed(_call)((i, function, job)) for i, job in enumerate(jobs))
            for arrived in self._parallel(calls):
                arrivals.put(arrived)

        # joblib waits for results without end; in a thread, so that this one sees workers vanish.
        pool = ThreadPoolExecutor(1, thread_name_prefix="bayescod-executor")
        try:
            gathering = pool.submit(gather)
            gathering.add_done_callback(arrivals.put)
            while (arrived := self._next(arrivals)) is not gathering:
                yield arrived
            gathering.result()
        except self._faults as error:
            why = str(error) if type(error) is BrokenExecutor else _in_words(error)
            raise self._lost(why) from error
        finally:
            pool.shutdown(wait=False)

    def _next(self, arrivals: queue.SimpleQueue[Any]) -> Any:
        waited = 0.0
        while waited < _WITHOUT_WORKERS_SECONDS:
            try:
                return arrivals.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                waited = 0.0 if self._n_workers() else waited + _LOOK_SECONDS
        raise self._lost(f"no worker for {_WITHOUT_WORKERS_SECONDS:g} seconds")

    def _lost(self, why: str) -> MachineError:
        what = f"{self._executor} does not finish what it was given: {why}"
        return MachineError(f"{what}; mend that, then give the same command again")


@contextmanager
def connected(executor: Executor | None) -> Iterator[Workers | None]:
    """Connect to an executor, and let go of it at the end.

    Parameters
    ----------
    executor : Executor or None

    Yields
    ------
    Workers or None
        ``None`` for ``None``.

    Raises
    ------
    MachineError
        If nobody answers there.
    """
    if executor is None:
        yield None
        return
    opening = {"dask": _dask, "ray": _ray, "loky": _loky}[executor.backend]
    with ExitStack() as stack:
        backend, n_workers, own = stack.enter_context(opening(executor))
        faults: tuple[type[Exception], ...] = (*own, BrokenExecutor, OSError)
        parallel = Parallel(
            n_jobs=executor.processes,
            backend=backend,
            return_as="generator_unordered",
            batch_size=1,
            pre_dispatch="all",
            max_nbytes=None,
        )
        try:
            stack.enter_context(parallel)
        except faults as error:
            raise _no_answer(executor, error) from error
        yield Workers(executor, parallel, n_workers, faults)


_Opened = tuple[Any, Callable[[], int], tuple[type[Exception], ...]]


@contextmanager
def _loky(executor: Executor) -> Iterator[_Opened]:
    # A process that dies breaks the pool, which says so itself.
    yield "loky", lambda: abs(executor.processes), ()


@contextmanager
def _dask(executor: Executor) -> Iterator[_Opened]:
    client_of = import_module("distributed").Client
    try:
        client = client_of(
            f"tcp://{executor.address}", timeout=_CONNECT_SECONDS, set_as_default=False
        )
    except OSError as error:
        raise _no_answer(executor, error) from error

    def n_workers() -> int:
        try:
            return len(client.ncores()) if client.status == "running" else 0
        except OSError:
            return 0

    try:
        yield _dask_backend(client), n_workers, ()
    finally:
        client.close(timeout=_CONNECT_SECONDS)


def _dask_backend(client: Any) -> Any:
    from joblib._dask import DaskDistributedBackend

    class Backend(DaskDistributedBackend):
        """joblib's own, which does not hear of work that dask has given up, and waits for it."""

        def effective_n_jobs(self, n_jobs: int) -> int:
            # For a single worker joblib would do the work itself, here; without any it gives up.
            return max(2, super().effective_n_jobs(n_jobs))

        def submit(self, func: Any, callback: Callable[[Any], None]) -> Any:
            future = super().submit(func, callback)

            def tell(done: Future[Any]) -> None:
                if error := done.exception():
                    callback(error)

            future.add_done_callback(tell)
            return future

        def retrieve_result_callback(self, out: Any) -> Any:
            # What the work itself raises comes in a wrapping; this is of the cluster.
            if isinstance(out, BaseException):
                raise BrokenExecutor(_in_words(out)) from out
            return super().retrieve_result_callback(out)

    return Backend(client=client, wait_for_workers_timeout=0)


@contextmanager
def _ray(executor: Executor) -> Iterator[_Opened]:
    ray = import_module("ray")
    try:
        ray.init(address=str(executor), log_to_driver=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise _no_answer(executor, error) from error
    try:
        yield _ray_backend(ray), lambda: int(ray.is_initialized()), (ray.exceptions.RayError,)
    finally:
        ray.shutdown()


def _ray_backend(ray: Any) -> Any:
    class Backend(import_module("ray.util.joblib.ray_backend").RayBackend):  # type: ignore[misc]
        """Ray's own, which gives results one by one as it gets them, though it does not say so."""

        supports_return_generator = True

        def terminate(self) -> None:
            # Of a Ray that is lost nothing is left to end, and asking it would hide why.
            if ray.is_initialized():
                super().terminate()

    # Ray restarts a worker that died and gives it its work again, as dask does.
    again = {"max_restarts": _RETRIES, "max_task_retries": _RETRIES}
    return Backend(nesting_level=0, ray_remote_args=again)


def _no_answer(executor: Executor, error: Exception) -> MachineError:
    why = f"no answer from {executor}: {_in_words(error)}"
    return MachineError(f"{why}; is it running, and can it be reached from here?")


def _in_words(error: BaseException) -> str:
    text = f"{type(error).__name__}: {error}".partition("\n")[0]
    return text if error.__cause__ is None else f"{text} ({_in_words(error.__cause__)})"


def _call(job: tuple[int, Callable[..., _T], tuple[Any, ...]]) -> tuple[int, _T]:
    number, function, arguments = job
    return number, function(*arguments)
