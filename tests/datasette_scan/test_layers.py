"""The house of datasette_scan: which module may import which, file by file."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from datasette_scan import compat

PACKAGE = Path(compat.__file__).parent

#: A module imports from layers below its own, and a folder's modules each other.
LAYERS = [
    {"__init__"},
    {"cli", "views", "asgi"},
    {"cli_search"},
    {"state"},
    {"scanning", "searching", "duplicates", "crossdb"},
    {"database", "query", "terminal"},
    {"grouping", "changes"},
    {"catalog", "read_only"},
    {"probe", "contents", "peek", "names", "settings", "visitor"},
    {"finder", "reader"},
    {"ending", "digests"},
    {"opening"},
    {
        "permissions",
        "request_guard",
        "applications",
        "diagnosis",
        "schema",
        "noise",
        "ready_views",
    },
    {"compat", "errors", "states", "text"},
]
DEPTH = {module: depth for depth, layer in enumerate(LAYERS) for module in layer}
FILES = sorted(PACKAGE.rglob("*.py"))
EXTERNAL = {
    "sqlite_scanner": {"finder"},
    "click": {"__init__", "cli", "cli_search", "terminal", "state"},
    "subprocess": set(),
    "sqlite3": {
        "contents",
        "crossdb",
        "database",
        "diagnosis",
        "errors",
        "opening",
        "peek",
        "probe",
        "reader",
        "schema",
        "searching",
        "state",
        "views",
    },
    "jinja2": {"views"},
}


def module_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path: Path) -> tuple[set[str], set[str]]:
    """Modules of the package, by their first name, and of others; also inside functions."""
    own: set[str] = set()
    others: set[str] = set()
    folder = path.relative_to(PACKAGE).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            others |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".") if node.module else []
            if not node.level:
                others.add(module[0])
                continue
            base = [*folder[: len(folder) - node.level + 1], *module]
            own |= {base[0]} if base else {alias.name for alias in node.names}
    return own, others


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    module = module_of(path)
    assert module in DEPTH, f"{module} has no place in the house"
    own, others = imports(path)
    for other in own - {module}:
        assert DEPTH[other] > DEPTH[module], f"{module} imports {other}"
    for name, modules in EXTERNAL.items():
        assert name not in others or module in modules, f"{module} imports {name}"
