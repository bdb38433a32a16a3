import runpy
from pathlib import Path

import pytest

_REFERENCE = runpy.run_path(str(Path(__file__).with_name("reference.py")))


@pytest.fixture(scope="session")
def simulate_profiles():
    return _REFERENCE["simulate_profiles"]


@pytest.fixture(scope="session")
def reference_labels():
    return _REFERENCE["reference_labels"]
