"""Sampling past one machine: the same numbers, whoever samples, and whoever dies of it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from bayescod.api import backtest, forecast
from bayescod.batches import Lane
from bayescod.convergence import Diagnostics
from bayescod.errors import DataError, DependencyError, MachineError
from bayescod.evaluation.sensitivity import sensitivity
from bayescod.forecasting import executors, recall
from bayescod.forecasting.executors import Executor, connected, parse_executor
from bayescod.forecasting.kept import Kept
from bayescod.forecasting.recall import Recall
from bayescod.sampling import Posterior, unheard
from bayescod.specs import load_spec
from tests._ladders import GROWING, TARGET, make_scores
from tests.cli._quick import quick_command, quick_spec

needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="dask is not installed")
needs_ray = pytest.mark.skipif(
    find_spec("ray") is None or find_spec("grpc") is None, reason="ray[client] is not installed"
)
# Both close sockets late, and say so of each other's event loops and processes.
noisy = pytest.mark.filterwarnings("default")

N = 8
Draws = list[tuple[str, bytes]]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("local", Executor("loky", "")),
        ("local:3", Executor("loky", "", 3)),
        ("dask://node-1.example:8786", Executor("dask", "node-1.example:8786")),
        ("dask://[::1]:8786", Executor("dask", "[::1]:8786")),
        ("ray://10.0.0.7:10001", Executor("ray", "10.0.0.7:10001")),
    ],
)
def test_urls(monkeypatch: pytest.MonkeyPatch, url: str, found: Executor) -> None:
    monkeypatch.setattr(executors, "find_spec", lambda name: name)
    assert parse_executor(url) == found
    assert str(found) == url


@pytest.mark.parametrize(
    "url",
    [
        *("", "dask", "dask://", "dask://host", "dask://host:0", "dask://host:65536"),
        *("dask://host:8786/x", "dask://user@host:8786", "tcp://host:8786", "ray://:10001"),
        *("local:0", "local:-1", "local:x", "local:99999", "LOCAL", "dask://a b:1", "local\n"),
    ],
)
def test_no_such_url(url: str) -> None:
    with pytest.raises(DataError, match="wanted: dask://HOST:PORT, ray://HOST:PORT, local or"):
        parse_executor(url)


def test_nowhere_is_here() -> None:
    assert parse_executor(None) is None
    with connected(None) as workers:
        assert workers is None


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    monkeypatch.setattr(executors, "find_spec", lambda _: None)
    with pytest.raises(DependencyError, match=rf"pip install 'bayescod\[{backend}\]'"):
        parse_executor(f"{backend}://host:1")


@pytest.mark.parametrize("ask", [forecast, sensitivity])
def test_a_bad_url_is_told_before_anything_is_sampled(ask: Callable[..., Any]) -> None:
    with pytest.raises(DataError, match="no such executor"):
        ask(scores_of(1), target=TARGET, executor="nowhere")


def test_a_bad_url_of_a_backtest() -> None:
    with pytest.raises(DataError, match="no such executor"):
        backtest(scores_of(1), holdouts=["llm-6"], methods=["last-value"], executor="nowhere")


@pytest.mark.cli
def test_a_bad_url_is_bad_usage(tmp_path: Path) -> None:
    command = quick_command(tmp_path, "--executor", "dask://", "--out", tmp_path / "out")
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert "wanted: dask://HOST:PORT" in found.stderr
    assert not (tmp_path / "out").exists()


@needs_dask
@noisy
def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "_CONNECT_SECONDS", 1)
    here = f"dask://127.0.0.1:{free_port()}"
    with (
        pytest.raises(MachineError, match=f"no answer from {here}"),
        connected(parse_executor(here)),
    ):
        pass


def test_a_worker_of_other_versions_is_refused() -> None:
    with pytest.raises(MachineError, match=r"would draw other numbers.*here \[0\.0 jax 0\.1\]"):
        recall._sampled_by_worker("0.0 jax 0.1", None, None, ())  # type: ignore[arg-type]


class Backwards:
    """Workers of this process, of which the last is always the first to be done."""

    def each(self, function: Callable[..., Any], jobs: list[Any]) -> Iterator[tuple[int, Any]]:
        for number in reversed(range(len(jobs))):
            yield number, function(*jobs[number])


class Lost:
    """Workers that are lost after some of them are done."""

    def __init__(self, after: int) -> None:
        self._after = after

    def each(self, function: Callable[..., Any], jobs: list[Any]) -> Iterator[tuple[int, Any]]:
        yield from islice(Backwards().each(function, jobs), self._after)
        raise MachineError("the others are lost")


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane's draws are its number; one lane a wave."""

    def sample(keys: Any, _spec: Any, lanes: Any, progress: Any) -> Any:
        progress(range(len(lanes)))
        healthy = Diagnostics(1.0, 900.0, 900.0, 0, 8)
        sites = [{"b": np.full((2, 4), lane.data["x"][0])} for lane in lanes]
        drawn = [Posterior(one, {"diverging": one["b"] > np.inf}, healthy) for one in sites]
        return drawn, [(1.0, 2.0)] * len(keys)

    monkeypatch.setattr(recall, "sample_each", sample)
    monkeypatch.setattr(recall, "batch_size", lambda _: 1)
    monkeypatch.setattr(recall, "_BATCHES_A_CORE", 1)
    monkeypatch.setattr(recall, "cores", lambda: 1)


def numbered(n: int) -> tuple[list[jax.Array], Any, list[Lane]]:
    keys = list(jax.random.split(jax.random.key(3), n))
    lanes = [Lane({"x": np.full(3, float(i))}, {}, {}) for i in range(n)]
    return keys, load_spec("end-to-end"), lanes


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize("of", [lambda one: one, Recall.branch, Recall.anew])
def test_what_comes_out_of_order_is_put_in_order(of: Callable[[Recall], Recall]) -> None:
    told: list[int] = []
    found, seconds = of(Recall(workers=Backwards()))(*numbered(3), told.extend)  # type: ignore[arg-type]
    assert [float(one.sites["b"][0, 0]) for one in found] == [0.0, 1.0, 2.0]
    assert seconds == [(1.0, 2.0)] * 3
    assert told == [2, 1, 0]


@pytest.mark.usefixtures("made_up")
def test_what_came_before_a_loss_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    with pytest.raises(MachineError, match="the others are lost"):
        Recall(Kept(folder, {}), Lost(after=1))(*numbered(3), unheard)  # type: ignore[arg-type]
    assert Kept(folder, {}).n_posteriors == 1
    found, _ = Recall(Kept(folder, {}))(*numbered(3), unheard)
    assert [float(one.sites["b"][0, 0]) for one in found] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("ask", "settings"),
    [
        (forecast, {"target": TARGET}),
        (sensitivity, {"target": TARGET}),
        (backtest, {"holdouts": ["llm-6"], "methods": ["end-to-end"]}),
    ],
)
def test_every_way_to_sample_asks_its_executor(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[..., Any], settings: dict[str, Any]
) -> None:
    seen = []

    @contextmanager
    def opened(executor: Executor) -> Iterator[Any]:
        seen.append(executor)
        yield Lost(after=0)

    monkeypatch.setattr(recall, "connected", opened)
    with pytest.raises(MachineError, match="the others are lost"):
        ask(scores_of(2), executor="local:5", **settings)
    assert seen == [Executor("loky", "", 5)]


# What follows samples: one posterior a wave, so that there is something to distribute.


@cache
def scores_of(n: int) -> Any:
    return make_scores(0, {f"benchmark-{i}": GROWING for i in range(n)}, n_items=6)


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Half a second a posterior: a kill comes while others are sampled."""
    path = quick_spec(tmp_path_factory.mktemp("specs"))
    text, found = re.subn("^warmup = 20$", "warmup = 600", path.read_text(), flags=re.MULTILINE)
    assert found == 1
    path.write_text(text)
    return str(path)


@pytest.fixture
def ask(spec: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Draws]:
    """Forecast, and give all draws."""
    monkeypatch.setattr(recall, "batch_size", lambda _: 1)
    monkeypatch.setattr(recall, "_BATCHES_A_CORE", 1)
    monkeypatch.setattr(recall, "cores", lambda: 1)

    def asked(seed: int = 1, **settings: Any) -> Draws:
        found = forecast(scores_of(N), target=TARGET, model_spec=spec, seed=seed, **settings)
        return [
            (str(name), values.to_numpy().tobytes())
            for one in found.benchmarks
            for group in ("posterior", "sample_stats", "predictions")
            for name, values in one.tree[group].items()
        ]

    return asked


class AtFirst:
    """Progress that does something when the first posterior is there."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act, self.done, self._phase = act, 0, ""

    def phase(self, name: str, total: int) -> None:
        self._phase = name

    def advance(self, what: str) -> None:
        if self._phase == "sampling curves":
            self.done += 1
            if self.done == 1:
                self._act()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(port: int) -> None:
    """Wait until somebody listens there."""
    for _ in range(300):
        with socket.socket() as found:
            if found.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail(f"nobody listens at port {port}")


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Two worker processes on loopback, each with a nurse that starts another when it dies."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as running:
        yield running


def url_of(cluster: Any) -> str:
    return str(cluster.scheduler_address).replace("tcp://", "dask://")


def processes_of(cluster: Any) -> dict[str, int]:
    """Process of each worker that has work, by its address."""
    busy = {str(one.address): len(one.processing) for one in cluster.scheduler.workers.values()}
    assert all(busy.values()), f"the work is not distributed: {busy}"
    return {nanny.worker_address: nanny.pid for nanny in cluster.workers.values()}


@pytest.mark.slow
@needs_dask
@noisy
def test_dask_gives_the_same_numbers(ask: Callable[..., Draws], cluster: Any) -> None:
    here = ask()
    assert ask(executor=url_of(cluster)) == here
    assert ask(executor=url_of(cluster), seed=2) != here


@pytest.mark.slow
@needs_dask
@noisy
def test_a_worker_killed_in_the_middle_changes_nothing(
    ask: Callable[..., Draws], cluster: Any
) -> None:
    killed: list[int] = []

    def kill() -> None:
        killed.append(next(iter(processes_of(cluster).values())))
        os.kill(killed[0], signal.SIGKILL)

    progress = AtFirst(kill)
    found = ask(executor=url_of(cluster), progress=progress)
    assert progress.done == N
    assert killed
    assert killed[0] not in {nanny.pid for nanny in cluster.workers.values()}
    assert found == ask()


@pytest.mark.slow
@needs_dask
@noisy
def test_all_workers_lost_and_what_was_sampled_is_kept(
    ask: Callable[..., Draws], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without a nurse nobody comes back; then the same call goes on here."""
    from distributed import LocalCluster

    monkeypatch.setattr(executors, "_LOOK_SECONDS", 0.5)
    monkeypatch.setattr(executors, "_WITHOUT_WORKERS_SECONDS", 3.0)
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None) as cluster:
        program = "from distributed.cli.dask_worker import main; main()"
        alone = ("--no-nanny", "--nthreads", "1", "--no-dashboard")
        worker = subprocess.Popen(
            [sys.executable, "-c", program, cluster.scheduler_address, *alone],
            stderr=subprocess.DEVNULL,
        )
        try:
            with connected(parse_executor(url_of(cluster))) as workers:
                remembering = Recall(Kept(tmp_path / "kept", {}), workers)
                with pytest.raises(MachineError, match=r"dask://.*no worker for 3 seconds"):
                    ask(recall=remembering, progress=AtFirst(worker.kill))
        finally:
            worker.kill()
            worker.wait()
    kept = Kept(tmp_path / "kept", {})
    assert 1 <= kept.n_posteriors < N
    assert ask(recall=Recall(kept)) == ask()


@pytest.mark.slow
@needs_dask
@noisy
def test_a_lost_scheduler_is_told(ask: Callable[..., Draws]) -> None:
    port = free_port()
    start = "from distributed.cli.dask_{0} import main; main()"
    at = f"tcp://127.0.0.1:{port}"
    quiet = {"stderr": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    scheduler = subprocess.Popen(
        [sys.executable, "-c", start.format("scheduler"), "--host", at, "--no-dashboard"], **quiet
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", start.format("worker"), at, "--nthreads", "1", "--no-nanny"], **quiet
    )
    try:
        with pytest.raises(MachineError, match=r"dask://.*does not finish.*[cC]ancelled"):
            ask(executor=f"dask://127.0.0.1:{port}", progress=AtFirst(scheduler.kill))
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()


@pytest.mark.slow
@noisy
def test_processes_of_this_machine_give_the_same_numbers(ask: Callable[..., Draws]) -> None:
    here = ask()
    assert ask(executor="local:2") == here
    assert ask(executor="local:2", seed=2) != here


@pytest.mark.slow
@noisy
def test_an_error_of_a_worker_comes_back_as_it_is() -> None:
    with connected(parse_executor("local:2")) as workers:
        assert workers is not None
        arriving = workers.each(recall._sampled_by_worker, [("0.0", None, None, ())] * 2)
        with pytest.raises(MachineError, match="would draw other numbers"):
            list(arriving)


@pytest.mark.slow
@noisy
def test_a_process_of_this_machine_that_dies_is_told() -> None:
    with connected(parse_executor("local:2")) as workers:
        assert workers is not None
        arriving = workers.each(os._exit, [(1,)] * 2)
        with pytest.raises(MachineError, match=r"local:2 does not finish.*TerminatedWorker"):
            list(arriving)


@pytest.fixture
def ray_head() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A real Ray of two workers on loopback and its client server: URL, and process."""
    port = free_port()
    settings = {
        "--node-ip-address": "127.0.0.1",
        "--port": free_port(),
        "--ray-client-server-port": port,
        # The range of its workers' ports would hold one of those above.
        "--min-worker-port": 0,
        "--max-worker-port": 0,
        "--num-cpus": 2,
        "--include-dashboard": "false",
        "--object-store-memory": 200_000_000,
    }
    arguments = [str(word) for pair in settings.items() for word in pair]
    program = "from ray.scripts.scripts import main; main()"
    head = subprocess.Popen(
        [sys.executable, "-c", program, "start", "--head", "--block", *arguments],
        env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port)
        yield f"ray://127.0.0.1:{port}", head
    finally:
        head.terminate()
        head.wait()


@pytest.mark.slow
@needs_ray
@noisy
def test_ray_gives_the_same_numbers_also_when_a_worker_dies(
    ask: Callable[..., Draws], ray_head: tuple[str, subprocess.Popen[bytes]]
) -> None:
    here, (url, _) = ask(), ray_head
    assert ask(executor=url) == here
    killed: list[int] = []

    def kill() -> None:
        import psutil

        actors = [p for p in psutil.process_iter(["name"]) if "PoolActor" in p.info["name"]]
        killed.append(actors[0].pid)
        actors[0].kill()

    assert ask(executor=url, progress=AtFirst(kill)) == here
    assert killed


@pytest.mark.slow
@needs_ray
@pytest.mark.filterwarnings("ignore")  # its threads die of what is asked here
def test_a_lost_ray_is_told(
    ask: Callable[..., Draws],
    monkeypatch: pytest.MonkeyPatch,
    ray_head: tuple[str, subprocess.Popen[bytes]],
) -> None:
    monkeypatch.setattr(executors, "_LOOK_SECONDS", 0.5)
    monkeypatch.setattr(executors, "_WITHOUT_WORKERS_SECONDS", 3.0)
    url, head = ray_head

    def kill() -> None:
        import psutil

        for process in psutil.Process(head.pid).children(recursive=True):
            process.kill()

    with pytest.raises(MachineError, match=r"ray://.*does not finish.*no worker"):
        ask(executor=url, progress=AtFirst(kill))
