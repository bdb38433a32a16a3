"""What is remembered, in memory and on disk; and how much is sampled in one wave."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest

from bayescod.batches import Lane
from bayescod.convergence import Diagnostics
from bayescod.errors import MachineError
from bayescod.forecasting import recall as recall_module
from bayescod.forecasting.kept import Kept
from bayescod.forecasting.recall import Recall
from bayescod.sampling import Posterior
from bayescod.specs import load_spec

SPEC = load_spec("end-to-end")
CLUSTERS = load_spec("cod")
Calls = list[list[int]]


def lanes_of(values: list[int], size: int = 3) -> list[Lane]:
    return [Lane({"x": np.full(size, value)}, {}, {}) for value in values]


def keys_of(n: int) -> list[jax.Array]:
    return list(jax.random.split(jax.random.key(3), n))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Which lanes each call of the sampler gets; a lane's draws are its number."""
    seen: Calls = []

    def made_up(keys, spec, lanes, progress):
        numbers = [int(lane.data["x"][0]) for lane in lanes]
        seen.append(numbers)
        progress(range(len(lanes)))
        draws = [np.full((2, 4), float(number)) for number in numbers]
        healthy = Diagnostics(1.0, 900.0, 900.0, 0, 8)
        found = [Posterior({"b": d}, {"diverging": d > np.inf}, healthy) for d in draws]
        return found, [(1.0, 2.0)] * len(lanes)

    monkeypatch.setattr(recall_module, "sample_each", made_up)
    monkeypatch.setattr(recall_module, "cores", lambda: 2)
    return seen


def told() -> tuple[list[int], object]:
    """Which lanes were said to be done, in the order of saying."""
    done: list[int] = []
    return done, done.extend


@pytest.mark.parametrize(
    ("spec", "n", "sizes"),
    [
        (SPEC, 1, [1]),
        (SPEC, 32, [32]),
        (SPEC, 33, [32, 1]),
        (SPEC, 80, [32, 32, 16]),
        (CLUSTERS, 8, [8]),
        (CLUSTERS, 19, [8, 8, 3]),
    ],
)
def test_a_wave_is_four_calls_a_core(calls: Calls, spec: object, n: int, sizes: list[int]) -> None:
    done, progress = told()
    found, _ = Recall()(keys_of(n), spec, lanes_of(list(range(n))), progress)
    assert [len(call) for call in calls] == sizes
    assert [int(one.sites["b"][0, 0]) for one in found] == list(range(n))
    assert sorted(done) == list(range(n))


def test_lanes_of_one_chain_are_four_to_a_lane_of_four(calls: Calls) -> None:
    lanes = [Lane(one.data, {}, {}, most_chains=1) for one in lanes_of(list(range(130)))]
    Recall()(keys_of(130), SPEC, lanes, lambda _: None)
    assert [len(call) for call in calls] == [128, 2]


def test_number_of_chains_is_part_of_what_is_known(calls: Calls) -> None:
    recall, keys, (lane,) = Recall(), keys_of(1), lanes_of([0])
    for most in (None, 1, None, 1):
        recall(keys, SPEC, [Lane(lane.data, {}, {}, most)], lambda _: None)
    assert calls == [[0], [0]]


@pytest.mark.parametrize("way", ["new", "after a wave", "branch", "kept", "anew"])
def test_programs_are_prepared_unless_something_was_known_from_the_beginning(
    calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    prepared = []
    monkeypatch.setattr(recall_module, "prepare", lambda *arguments: prepared.append(arguments))
    lanes = lanes_of([0])
    recall = Recall(Kept(tmp_path / "kept", {}))
    if way != "new":
        recall(keys_of(1), SPEC, lanes, lambda _: None)
    if way == "kept":
        recall = Recall(Kept(tmp_path / "kept", {}))
    if way == "anew":
        recall = recall.anew()
    if way == "branch":
        recall = recall.branch()
    recall.prepare(SPEC, lanes)
    assert len(prepared) == (way in {"new", "after a wave"})


def test_lanes_of_different_shapes_are_different_waves(calls: Calls) -> None:
    lanes = [*lanes_of([0, 1]), *lanes_of([2], size=5), *lanes_of([3])]
    found, _ = Recall()(keys_of(4), SPEC, lanes, lambda _: None)
    assert calls == [[0, 1, 3], [2]]
    assert [int(one.sites["b"][0, 0]) for one in found] == [0, 1, 2, 3]


def test_what_is_known_is_not_sampled_again(calls: Calls) -> None:
    recall, keys = Recall(), keys_of(3)
    recall(keys[:2], SPEC, lanes_of([0, 1]), lambda _: None)
    done, progress = told()
    _, seconds = recall(keys, SPEC, lanes_of([0, 1, 2]), progress)
    assert calls == [[0, 1], [2]]
    assert seconds == [(0.0, 0.0), (0.0, 0.0), (1.0, 2.0)]
    assert done == [0, 1, 2]
    recall.branch()(keys[:1], CLUSTERS, lanes_of([0]), lambda _: None)
    assert calls[-1] == [0]  # another program is another posterior


def test_a_second_process_goes_on(calls: Calls, tmp_path: Path) -> None:
    keys, lanes = keys_of(64), lanes_of(list(range(64)))
    undisturbed, spent = Recall()(keys, SPEC, lanes, lambda _: None)
    sampler, calls[:] = recall_module.sample_each, []

    def killed_in_the_second_wave(keys, spec, lanes, progress):
        if calls:
            raise KeyboardInterrupt
        return sampler(keys, spec, lanes, progress)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recall_module, "sample_each", killed_in_the_second_wave)
        with pytest.raises(KeyboardInterrupt):
            Recall(Kept(tmp_path / "kept", {}))(keys, SPEC, lanes, lambda _: None)
    assert Kept(tmp_path / "kept", {}).n_posteriors == 32
    calls.clear()
    done, progress = told()
    found, seconds = Recall(Kept(tmp_path / "kept", {}))(keys, SPEC, lanes, progress)
    assert calls == [list(range(32, 64))]
    assert sorted(done) == list(range(64))
    assert seconds == spent
    for one, other in zip(found, undisturbed, strict=True):
        assert one.sites["b"].tobytes() == other.sites["b"].tobytes()


@pytest.mark.parametrize(
    ("text", "told_as"),
    [
        ("RESOURCE_EXHAUSTED: Out of memory allocating 8000000 bytes", "memory does not suffice"),
        ("INTERNAL: a worker died", "the sampler stopped: INTERNAL"),
    ],
)
def test_faults_of_the_machine(monkeypatch: pytest.MonkeyPatch, text: str, told_as: str) -> None:
    def dies(*_: object) -> None:
        raise jax.errors.JaxRuntimeError(text)

    monkeypatch.setattr(recall_module, "sample_each", dies)
    with pytest.raises(MachineError, match=told_as):
        Recall()(keys_of(1), SPEC, lanes_of([0]), lambda _: None)
