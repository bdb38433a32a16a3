"""Examples are run as a reader runs them, with a spec of few draws in the place of the shipped."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bayescod.specs import spec_folder

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def short_spec(tmp_path):
    """The end-to-end spec with few draws, which are taken as they come."""
    text = (spec_folder() / "end-to-end.toml").read_text(encoding="utf-8")
    for key, value in {"warmup": 500, "draws": 600, "rerun": "false"}.items():
        text, found = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
        assert found == 1, key
    path = tmp_path / "short.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def run_example():
    """Run an example by its name; gives what it prints."""

    def run(name, *options):
        done = subprocess.run(
            [sys.executable, EXAMPLES / name, *options],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
