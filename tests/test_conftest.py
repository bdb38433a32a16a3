"""The guard and the fixtures of conftest.py, seen from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

SUITE = """
import jax, numpy as np, os

def test_x64_is_on():
    assert jax.numpy.zeros(1).dtype == "float64"

def test_keys_differ_by_test(rng_key, request):
    other = jax.random.key(0)
    assert not (jax.random.key_data(rng_key) == jax.random.key_data(other)).all()

def test_data(shared_data):
    pass

def test_harmless():
    np.random.default_rng(0).normal()

def test_changes_jax():
    jax.config.update("jax_debug_nans", True)

def test_draws_from_the_global_generator():
    np.random.normal()

def test_changes_error_state():
    np.seterr(all="ignore")

def test_changes_environment():
    os.environ["XLA_FLAGS"] = ""
"""


def test_guard_fails_exactly_the_tests_that_change_global_state(
    pytester: pytest.Pytester, pytestconfig: pytest.Config
) -> None:
    conftest = Path(__file__).with_name("conftest.py")
    pytester.makeconftest(conftest.read_text().replace('pytest_plugins = ["pytester"]', ""))
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_subprocess("-p", "no:randomly", "-rA", "-p", "no:cacheprovider")
    # A guard's failure is one of tear-down, which pytest counts as an error of a passed test.
    result.assert_outcomes(passed=7, errors=4, skipped=1)
    result.stdout.fnmatch_lines(
        [
            f"E *the test changed {what} for the tests after it"
            for what in ("jax.config", "numpy.random", "numpy.geterr", "os.environ")
        ]
    )
    result.stdout.fnmatch_lines(["SKIPPED*no published evaluation tables at*"])
