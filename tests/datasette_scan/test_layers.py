"""The house of datasette_scan: which module may import which, file by file."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
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
    {"probe", "text_search", "peek", "names", "settings", "visitor"},
    {"finder", "reader"},
    {"signals"},
    {"opening"},
    {
        "permissions",
        "request_guard",
        "applications",
        "diagnosis",
        "schema",
        "system_limits",
        "bundle_keys",
        "ready_views",
    },
    {"compat", "errors", "statuses", "text"},
    {"sqlite"},
]
DEPTH = {module: depth for depth, layer in enumerate(LAYERS) for module in layer}
FILES = sorted(PACKAGE.rglob("*.py"))
EXTERNAL = {
    "sqlite_scanner": {"finder"},
    "click": {"__init__", "cli", "cli_search", "terminal", "state"},
    "subprocess": {"finder"},
    "sqlite3": {"sqlite"},
    "sqlite": {
        "compat",
        "text_search",
        "crossdb",
        "database",
        "diagnosis",
        "errors",
        "opening",
        "peek",
        "probe",
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
        used = name in own - {module} or name in others
        assert not used or module in modules, f"{module} imports {name}"


def test_every_connection_is_of_datasettes_library(tmp_path: Path) -> None:
    """Two SQLite libraries in one process would drop each other's locks on a file."""
    other = tmp_path / "pysqlite3"
    other.mkdir()
    (other / "__init__.py").write_text(
        "from sqlite3 import *\n"
        "import sqlite3\n"
        "class Connection(sqlite3.Connection):\n"
        "    pass\n"
        "def connect(*args, factory=Connection, **options):\n"
        "    assert issubclass(factory, Connection), factory\n"
        "    return sqlite3.connect(*args, factory=factory, **options)\n"
    )
    code = (
        "import sys, pysqlite3, datasette_scan\n"
        "from datasette_scan.opening import connection\n"
        "from datasette_scan.opening.connection import limit_memory\n"
        "limit_memory()\n"
        "opened = connection.connect(b'one.db', 'mode=rwc', None)\n"
        "assert isinstance(opened, pysqlite3.Connection), type(opened)\n"
        "wrong = [n for n, m in sys.modules.items() if n.startswith('datasette_scan')\n"
        "         and getattr(m, 'sqlite3', pysqlite3) is not pysqlite3]\n"
        "assert not wrong, wrong\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment)
