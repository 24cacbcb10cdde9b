"""The house: which file may import which, what stays pure, how large files and functions are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "go_to_wheel"

#: A file may import its own folder, and what is below; never what is above or beside.
LAYERS = [
    {"cli", "backend", "api"},
    {"builder"},
    {"check", "golang", "wheel"},
    {"config"},
    {"sources"},
    {"licenses", "binary"},
    {"process"},
    {"platforms", "naming"},
    {"errors"},
]
LAYER_OF = {place: depth for depth, layer in enumerate(LAYERS) for place in layer}
#: Nothing here touches a file, a process or the screen.
PURE = {"licenses", "binary", "platforms", "naming", "errors"}
PURE_FILES = {
    "config/merge.py",
    "config/metadata.py",
    "config/request.py",
    "sources/links.py",
    "sources/readme.py",
    "sources/summary.py",
    "wheel/entries.py",
    "wheel/sbom.py",
}
#: The modules with the package's name, which every layer may use.
TOP = {"__init__.py", "__main__.py"}

LONGEST_FILE = 450
LONGEST_FUNCTION = 50
MOST_BRANCHES = 10
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "template" not in path.parts)
NAMES = [path.relative_to(PACKAGE).as_posix() for path in FILES]
TREES = {name: ast.parse((PACKAGE / name).read_text(encoding="utf-8")) for name in NAMES}
_MODULE = re.compile(r"go_to_wheel(\.\w+)+")
#: The name of our build backend, as projects write it.
NOT_AN_IMPORT = ("config/pyproject.py", "backend.py")
every_file = pytest.mark.parametrize("name", NAMES)


def place_of(name: str) -> str:
    """The folder, or the module of the first level, that a file belongs to."""
    return name.split("/")[0].removesuffix(".py")


@cache
def imports(tree: ast.AST) -> frozenset[str]:
    """Every imported module, inside functions and in strings too."""
    return frozenset(_imports(tree))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where they point"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and _MODULE.fullmatch(str(node.value)):
            yield node.value


def own_files(name: str, tree: ast.AST | None = None) -> set[str]:
    """The files of this package that a file imports."""
    found = set()
    for module in imports(tree or TREES[name]):
        head, _, below = module.partition(".")
        path = below.replace(".", "/")
        if head == "go_to_wheel":
            found |= {f"{path}.py", f"{path}/__init__.py".lstrip("/")} & set(NAMES)
    return found - {name} - {other for file, other in [NOT_AN_IMPORT] if file == name}


@every_file
def test_arrows_hold(name: str) -> None:
    place = place_of(name)
    assert name in TOP or place in LAYER_OF, f"{name} has no place in the house"
    if name in TOP:
        return
    for other in own_files(name) - TOP:
        below = LAYER_OF[place_of(other)] > LAYER_OF[place]
        assert below or place_of(other) == place, f"{name} imports {other}"


def test_no_circle_of_files() -> None:
    """Imports for type checkers alone count as well."""
    graph = {name: own_files(name) - TOP for name in NAMES if name not in TOP}
    for name, imported in graph.items():  # a folder's __init__ re-exports its own files
        if not name.endswith("__init__.py"):
            imported.discard(f"{name.rpartition('/')[0]}/__init__.py")
    while leaves := [name for name, imported in graph.items() if not imported & graph.keys()]:
        for name in leaves:
            del graph[name]
    circle = {name: sorted(imported & graph.keys()) for name, imported in graph.items()}
    assert not circle


def test_an_import_in_a_string_is_seen() -> None:
    tree = ast.parse('def f():\n    return import_module("go_to_wheel.builder.plan")\n')
    assert own_files("errors.py", tree) == {"builder/plan.py"}


@every_file
def test_only_process_starts_children(name: str) -> None:
    if name != "process.py":
        assert not {"subprocess", "multiprocessing"} & imports(TREES[name])


@every_file
def test_only_the_command_line_prints(name: str) -> None:
    if place_of(name) != "cli":
        assert not {"click", "rich", "rich.console"} & imports(TREES[name])
        assert "print" not in called(TREES[name])


@pytest.mark.parametrize(
    "name", [name for name in NAMES if place_of(name) in PURE or name in PURE_FILES]
)
def test_pure_modules_touch_no_files(name: str) -> None:
    assert not set(called(TREES[name])) & {"open", "print", "input"}
    outside = {"os", "pathlib", "shutil", "tempfile", "urllib.request"}
    assert not outside & imports(TREES[name])


def test_the_list_of_pure_files_is_true() -> None:
    assert set(NAMES) >= PURE_FILES


@cache
def called(tree: ast.AST) -> list[str]:
    """The plain names of the functions that are called."""
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [function.id for function in calls if isinstance(function, ast.Name)]


def test_a_build_resolves_in_one_place() -> None:
    places = [name for name in NAMES for call in called(TREES[name]) if call == "resolve"]
    assert places == ["api.py", "builder/plan.py"]


@pytest.mark.parametrize("folder", ["go_to_wheel", "datasette_scan", "sqlite_scanner/python"])
def test_files_fit_on_a_few_screens(folder: str) -> None:
    files = list((ROOT / folder).rglob("*.py"))
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert files
    assert not [name for name, length in lengths.items() if length > LONGEST_FILE]


@every_file
def test_functions_are_short_and_plain(name: str) -> None:
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
            assert lines <= LONGEST_FUNCTION, f"{node.name} has {lines} lines"


def test_ruff_limits_branches() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f"max-complexity = {MOST_BRANCHES}\n" in text
    assert '"C90"' in text
    assert "C901" not in text
