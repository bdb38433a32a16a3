"""What is shipped: the wheel's content, its metadata, and that it works away from the checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

import bayescod

ROOT = Path(__file__).parents[1]


def _run(command: Sequence[str | Path], **env: str) -> str:
    result = subprocess.run(
        [sys.executable, *command],
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    _run(["-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT])
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("installed")
    _run(["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target, wheel])
    return target


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def _files_below(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.packaging
def test_wheel_holds_the_package_and_the_specs_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}
    package = {f"bayescod/{name}" for name in _files_below(ROOT / "bayescod")}
    specs = {f"bayescod/_specs/{name}" for name in _files_below(ROOT / "models")}
    assert shipped == package | specs
    assert "bayescod/py.typed" in shipped
    assert any(name.endswith(".toml") for name in specs)
    assert [n for n in shipped if n.startswith("bayescod/datasets/") and not n.endswith(".py")]


@pytest.mark.packaging
def test_metadata_names_version_license_and_command(wheel: Path, metadata: Message) -> None:
    assert metadata["Version"] == bayescod.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("/entry_points.txt"))
        assert "bayescod = bayescod.cli:main" in archive.read(name).decode()
        assert any(n.endswith("/licenses/LICENSE") for n in archive.namelist())


@pytest.mark.packaging
def test_dependencies_have_lower_bounds_only(metadata: Message) -> None:
    required = [str(line).split(";")[0].strip() for line in metadata.get_all("Requires-Dist", [])]
    assert required
    bounded = re.compile(r"[\w.-]+(\[[\w,-]+\])?>=[\d.]+")
    assert [line for line in required if not bounded.fullmatch(line)] == []


@pytest.mark.packaging
def test_installed_wheel_finds_its_specs_without_the_checkout(
    installed: Path, tmp_path: Path
) -> None:
    code = (
        "import bayescod, bayescod.specs as s\n"
        "print(bayescod.__file__)\n"
        "print(s.spec_folder())\n"
        "print(*(s.load_spec(name).name for name in s.spec_names()))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    module, folder, names = result.stdout.splitlines()
    assert Path(module).is_relative_to(installed)
    assert Path(folder).is_relative_to(installed)
    assert set(names.split()) == {path.stem for path in (ROOT / "models").glob("*.toml")}


@pytest.mark.packaging
def test_installed_command_answers(installed: Path) -> None:
    out = _run([installed / "bin" / "bayescod", "--version"], PYTHONPATH=str(installed))
    assert bayescod.__version__ in out


def test_readme_gives_the_command_that_ci_runs() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^<!-- test-command -->\n```\w*\n(.*?)\n```$", text, re.M | re.S)
    assert command.endswith("-m pytest")
    assert "<!-- test-command -->" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
