"""Rules of the whole package: who imports whom, sizes, docstrings, and what is not allowed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import bayescod

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "bayescod"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Data flows from scores to reports, and imports go the same way: a part may import those before
# it here, and itself.
ORDER = (
    "errors",
    "files",
    "machine",
    "progress",
    "versions",
    "traces",
    "convergence",
    "curves",
    "laws",
    "spec_reading",
    "specs",
    "_arviz",
    "scores",
    "difficulty",
    "programs",
    "compiling",
    "batches",
    "sampling",
    "forecasting",
    "checks",
    "baselines",
    "evaluation",
    "decisions",
    "reporting",
    "datasets",
    "api",
    "cli",
    "__init__",
    "__main__",
)
RANK = {part: rank for rank, part in enumerate(ORDER)}

# A record may draw itself, as a reader expects of a result; nothing is drawn before it is asked.
DRAWS_ITSELF = {("forecasting", "reporting")}

MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 80

HEAVY = (
    "arviz",
    "dask",
    "duckdb",
    "h5py",
    "jax",
    "jinja2",
    "joblib",
    "matplotlib",
    "numpyro",
    "pandas",
    "scipy",
    "sklearn",
    "xarray",
)

FORBIDDEN_IMPORTS = {"cloudpickle", "dill", "marshal", "pickle", "shelve"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def part_of(path: Path) -> str:
    """Name the package's part that a file is of: a sub-package or a module at the top."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Give every imported module, and whether only for the type checker."""

    def walk(node: ast.AST, typing_only: bool) -> Iterator[tuple[str, bool]]:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                yield from walk(child, True)
            for child in node.orelse:
                yield from walk(child, typing_only)
            return
        if isinstance(node, ast.Import):
            yield from ((alias.name, typing_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "bayescod":
                names = [alias.name for alias in node.names if alias.name != "__version__"]
                yield from ((f"bayescod.{name}", typing_only) for name in names)
            else:
                yield node.module, typing_only
        for child in ast.iter_child_nodes(node):
            yield from walk(child, typing_only)

    return walk(tree, False)


def problems_of(source: str, part: str) -> list[str]:
    """List what a file of a part does against the rules of this module."""
    tree = ast.parse(source)
    found = [
        problem for module, typed in imports(tree) for problem in _bad_import(module, part, typed)
    ]
    found += [f"line {node.lineno}: {problem}" for node, problem in _bad_code(tree)]
    found += [f"{name} has no docstring" for name in _undocumented(tree)]
    lines = source.count("\n")
    if lines > MAX_FILE_LINES:
        found.append(f"has {lines} lines")
    return found


def _bad_import(module: str, part: str, typing_only: bool) -> Iterator[str]:
    root, *rest = module.split(".")
    if root in FORBIDDEN_IMPORTS:
        yield f"imports {module}"
    if root == "bayescod" and rest and not typing_only and (part, rest[0]) not in DRAWS_ITSELF:
        other = rest[0]
        if other not in RANK:
            yield f"imports {other}, which has no place in ORDER"
        elif RANK[other] >= RANK[part] and other != part:
            yield f"{part} imports {other}, which comes after it"


def _bad_code(tree: ast.Module) -> Iterator[tuple[ast.expr | ast.stmt | ast.ExceptHandler, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in FORBIDDEN_CALLS:
                yield node, f"calls {name}"
            case ast.ExceptHandler(type=None | ast.Name(id="Exception" | "BaseException")):
                yield node, "catches everything"
            case ast.Name(id="NotImplementedError"):
                yield node, "NotImplementedError"
            case ast.FunctionDef():
                length = (node.end_lineno or 0) - node.lineno + 1 - _docstring_lines(node)
                if length >= MAX_FUNCTION_LINES:
                    yield node, f"{node.name} has {length} lines"


def _docstring_lines(node: ast.FunctionDef) -> int:
    if ast.get_docstring(node) is None:
        return 0
    first = node.body[0]
    return (first.end_lineno or first.lineno) - first.lineno + 1


def _undocumented(tree: ast.Module) -> Iterator[str]:
    if ast.get_docstring(tree) is None:
        yield "the module"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if ast.get_docstring(node) is None:
                yield node.name
            for member in node.body if isinstance(node, ast.ClassDef) else []:
                if (
                    isinstance(member, ast.FunctionDef)
                    and not member.name.startswith("_")
                    and ast.get_docstring(member) is None
                ):
                    yield f"{node.name}.{member.name}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_file_keeps_the_rules(path: Path) -> None:
    assert problems_of(path.read_text(encoding="utf-8"), part_of(path)) == []


@pytest.mark.parametrize(
    ("source", "part", "problem"),
    [
        ("import bayescod.cli", "scores", "scores imports cli, which comes after it"),
        ("def f():\n    from bayescod import cli", "scores", "scores imports cli"),
        ("import bayescod.nowhere", "cli", "no place in ORDER"),
        ("import pickle", "cli", "imports pickle"),
        ("eval('1')", "cli", "line 1: calls eval"),
        ("try:\n    pass\nexcept Exception:\n    pass", "cli", "line 3: catches everything"),
        ("try:\n    pass\nexcept:\n    pass", "cli", "line 3: catches everything"),
        ("def f():\n    raise NotImplementedError", "cli", "line 2: NotImplementedError"),
        ("def f():\n" + "    a = 1\n" * 79, "cli", "line 1: f has 80 lines"),
        ("a = 1\n" * 351, "cli", "has 351 lines"),
        ("class A:\n    def f(self): ...", "cli", "A.f has no docstring"),
    ],
)
def test_rules_catch_what_they_name(source: str, part: str, problem: str) -> None:
    assert any(problem in found for found in problems_of(source, part))


def test_type_checking_imports_are_free() -> None:
    source = '"""Doc."""\nif TYPE_CHECKING:\n    from bayescod.cli import main\n'
    assert problems_of(source, "scores") == []


def test_every_part_has_a_place() -> None:
    assert {part_of(path) for path in MODULES} <= set(RANK)


@pytest.mark.parametrize("name", bayescod.__all__)
def test_exported_name_is_there(name: str) -> None:
    assert getattr(bayescod, name) is not None


def test_exports_agree_with_each_other() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    typed = {
        alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == bayescod._MODULE_OF
    assert set(bayescod.__all__) == {*typed, "__version__"}
    assert set(bayescod.__all__) <= set(dir(bayescod))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'bayescod' has no attribute 'forcast'"):
        bayescod.forcast  # noqa: B018


@pytest.mark.parametrize("module", ["bayescod", "bayescod.errors", "bayescod.cli"])
def test_import_is_light(module: str) -> None:
    code = f"import {module}, sys; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = set(result.stdout.split())
    assert "bayescod" in loaded
    assert sorted(loaded & set(HEAVY)) == []


def test_every_imported_package_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[\[><=;. ]", line)[0] for line in project["dependencies"]}
    imported = {
        module.split(".")[0]
        for path in MODULES
        for module, _ in imports(ast.parse(path.read_text(encoding="utf-8")))
    }
    third_party = imported - {"bayescod", "__future__"} - sys.stdlib_module_names
    renamed = {"sklearn": "scikit-learn", "compression": "backports"}  # the latter from 3.14 on
    assert {renamed.get(name, name) for name in third_party} <= declared


def test_models_folder_holds_no_python() -> None:
    assert list((ROOT / "models").rglob("*.py")) == []
    assert list((ROOT / "models").glob("*.toml"))
