"""Traced programs on disk: found again, never used damaged, never in the way."""

import warnings
from contextlib import contextmanager

import jax
import jax.numpy as jnp
import pytest
from jax.export import export

from bayescod import traces
from bayescod.batches import arguments_of
from bayescod.compiling import Shaped, _program
from bayescod.specs import load_spec
from bayescod.traces import kept_trace
from tests._ladders import lane_of


@contextmanager
def settings(**values):
    """JAX's settings for a while; its own cache has looked up its folder before."""
    before = {name: jax.config.values[name] for name in values}
    for name, value in values.items():
        jax.config.update(name, value)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture
def folder(tmp_path):
    """Where traces are kept."""
    with settings(jax_compilation_cache_dir=str(tmp_path)):
        yield tmp_path / "traces"


class Tracing:
    """Traces a small program and counts how often."""

    def __init__(self, added=1.0):
        self.added, self.times = added, 0

    def __call__(self):
        self.times += 1
        program = jax.jit(lambda x: jnp.sin(x) + self.added)
        return export(program)(jax.ShapeDtypeStruct((), jnp.float64))


def value(exported):
    return float(jax.jit(exported.call)(jnp.float64(0.5)))


def test_a_program_is_traced_once_and_computes_the_same(folder):
    tracing = Tracing()
    first, second = kept_trace("sine", tracing), kept_trace("sine", tracing)
    assert tracing.times == 1
    assert value(first) == value(second) == pytest.approx(1.479425538604203)
    assert len(list(folder.iterdir())) == 1


def test_another_name_or_other_code_is_another_program(folder, monkeypatch):
    kept_trace("sine", Tracing())
    assert value(kept_trace("sine and two", Tracing(2.0))) > 2.0
    monkeypatch.setattr(traces, "code_version", lambda: "of tomorrow")
    tomorrow = Tracing(3.0)
    assert value(kept_trace("sine", tomorrow)) > 3.0
    assert tomorrow.times == 1
    assert len(list(folder.iterdir())) == 3


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b[:40] + b"?" + b[41:], lambda _: b""]
)
def test_a_damaged_file_is_traced_anew_and_replaced(folder, damage):
    kept_trace("sine", Tracing())
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    tracing = Tracing()
    kept_trace("sine", tracing)
    kept_trace("sine", tracing)
    assert tracing.times == 1
    assert list(folder.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_told_and_stops_nothing(folder):
    folder.write_text("a file where the folder should be")
    tracing = Tracing()
    with pytest.warns(UserWarning, match="cannot be kept, and will be traced again"):
        assert value(kept_trace("sine", tracing)) > 1.0
    assert tracing.times == 1


@pytest.mark.parametrize(
    "setting",
    [
        {"jax_compilation_cache_dir": None},
        {"jax_compilation_cache_dir": "gs://bucket/cache"},
        {"jax_enable_compilation_cache": False},
    ],
)
def test_where_nothing_is_cached_nothing_is_kept(folder, setting):
    tracing = Tracing()
    with settings(**setting), warnings.catch_warnings(action="error"):
        kept_trace("sine", tracing)
        kept_trace("sine", tracing)
    assert tracing.times == 2
    assert not folder.exists()


@pytest.mark.parametrize("name", ["cod", "params-tokens", "logistic", "mapping"])
def test_every_kind_of_program_can_be_kept(name, folder):
    """What they call is among what JAX promises to keep: export refuses anything else."""
    spec = load_spec(name)
    lane = lane_of(spec)
    keys = jax.random.split(jax.random.key(0), (1, spec.sampler.chains))
    arguments = arguments_of(keys, [lane], [0], 1)
    structs = Shaped.of(*arguments).structs()
    program = jax.jit(_program(spec.text, spec.sampler))
    found = [kept_trace(name, lambda: export(program)(*structs)) for _ in range(2)]
    assert found[0].mlir_module() == found[1].mlir_module()
    assert found[1].in_avals == found[0].in_avals
