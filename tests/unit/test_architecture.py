"""The house: who may import whom, what stays pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "go_to_wheel"

#: Left may import right, never the other way; neighbours don't import each other.
LAYERS = [
    {"cli", "backend", "api"},
    {"builder"},
    {"check", "wheel", "golang"},
    {"config"},
    {"sources"},
    {"licenses", "binary"},
    {"process"},
    {"platforms", "naming"},
    {"errors"},
]
LAYER_OF = {module: depth for depth, layer in enumerate(LAYERS) for module in layer}
PURE = {"licenses", "binary", "platforms", "naming", "errors"}


def modules() -> list[tuple[str, Path]]:
    """(module of the first level, file) for each Python file but the launcher's template."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        below = path.relative_to(PACKAGE)
        if "template" not in below.parts and len(below.parts) + (below.stem != "__init__") > 1:
            found.append((below.parts[0].removesuffix(".py"), path))
    return [(module, path) for module, path in found if module not in ("__init__", "__main__")]


def imports(path: Path) -> Iterator[str]:
    """Every imported module's name, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where they point"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: str(value)[-40:])
def test_arrows_hold(module: str, path: Path) -> None:
    assert module in LAYER_OF, f"{module} has no place in the house"
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "go_to_wheel" and len(parts) > 1 and parts[1] in LAYER_OF:
            other = parts[1]
            same = other == module
            assert same or LAYER_OF[other] > LAYER_OF[module]


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: str(value)[-40:])
def test_only_process_starts_children(module: str, path: Path) -> None:
    if module != "process":
        assert not {"subprocess", "multiprocessing"} & set(imports(path))


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: str(value)[-40:])
def test_pure_modules_touch_no_files(module: str, path: Path) -> None:
    if module not in PURE and path.stem not in ("metadata", "sbom", "entries"):
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & {"open", "print", "input"}
    assert not {"os", "pathlib", "shutil", "tempfile", "urllib.request"} & set(imports(path))


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: str(value)[-40:])
def test_only_the_command_line_prints(module: str, path: Path) -> None:
    if module != "cli":
        names = set(imports(path))
        assert not {"click", "rich", "rich.console"} & names
