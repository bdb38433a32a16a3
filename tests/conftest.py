"""Settings and fixtures of every test."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    import jax

pytest_plugins = ["pytester"]

os.environ["MPLBACKEND"] = "Agg"

# The first example compiles and the rest do not: a deadline would fail by chance. CI repeats the
# same examples, so that a red run can be repeated.
hypothesis.settings.register_profile("bayescod", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("bayescod")


def pytest_configure(config: pytest.Config) -> None:
    """Set JAX up before any test module imports it."""
    cache: pytest.Cache | None = getattr(config, "cache", None)
    if cache is not None:
        # In the environment, so that the processes that tests start share the cache.
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache.mkdir("jax")))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.0")
    import jax

    # Not in the environment: a command that forgets x64 must fail its own test.
    jax.config.update("jax_enable_x64", True)


@pytest.fixture
def rng_key(request: pytest.FixtureRequest) -> jax.Array:
    """A key of the test's own, the same in whatever order the tests run."""
    import jax

    return jax.random.fold_in(jax.random.key(0), zlib.crc32(request.node.nodeid.encode()))


@pytest.fixture(scope="session")
def shared_data(pytestconfig: pytest.Config) -> Path:
    """Folder of published evaluation tables beside the checkout; skips where there is none."""
    path = pytestconfig.rootpath.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip(f"no published evaluation tables at {path}")
    return path


def _global_state() -> dict[str, Any]:
    """Everything global that a test could change for the tests after it."""
    import jax
    import numpy as np

    numpy_state = np.random.get_state()  # noqa: NPY002 - it is what must not change
    state = {
        "jax.config": dict(jax.config.values),
        "numpy.random": (numpy_state[1].tobytes(), *numpy_state[2:]),
        "numpy.geterr": np.geterr(),
        "numpy.get_printoptions": np.get_printoptions(),
        "os.environ": {k: v for k, v in os.environ.items() if k.startswith(("JAX_", "XLA_"))},
        "working directory": Path.cwd(),
    }
    if "matplotlib" in sys.modules:
        state["matplotlib.rcParams"] = dict(sys.modules["matplotlib"].rcParams)
    return state


@pytest.fixture(autouse=True)
def _global_state_is_kept() -> Iterator[None]:
    before = _global_state()
    yield
    after = _global_state()
    # A module of JAX that is imported for the first time adds its own settings.
    known = before["jax.config"]
    after |= {"jax.config": {k: v for k, v in after["jax.config"].items() if k in known}}
    changed = [name for name, value in before.items() if after[name] != value]
    if changed:
        pytest.fail(f"the test changed {', '.join(changed)} for the tests after it")
