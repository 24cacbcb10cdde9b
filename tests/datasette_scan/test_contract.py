"""What of Datasette is overridden or relied on, on the installed line: a change shows here."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from sites import make_database, scanned
from datasette import cli
from datasette.app import Datasette
from datasette.database import Database
from datasette.views.index import IndexView
from datasette_scan.database import ScannedDatabase

from datasette_scan import compat

PACKAGE = Path(inspect.getfile(compat)).parent


def test_which_line_it_is() -> None:
    assert compat.HAS_CATALOG is hasattr(Datasette, "add_background_task")
    assert compat.HAS_CATALOG is hasattr(Datasette, "allowed")


@pytest.mark.parametrize(
    "name",
    [
        "execute",
        "execute_fn",
        "execute_write_fn",
        "connect",
        "table_names",
        "hidden_table_names",
        "table_counts",
        "table_columns",
        "primary_keys",
        "fts_table",
        "get_all_foreign_keys",
        "close",
        "size",
        "hash",
        "mtime_ns",
    ],
)
def test_what_is_overridden_exists(name: str) -> None:
    assert name in vars(Database), f"Database.{name} is no more"
    assert overrides(name)


def overrides(name: str) -> bool:
    classes = ScannedDatabase.__mro__[: ScannedDatabase.__mro__.index(Database)]
    return any(name in vars(each) for each in classes)


@pytest.mark.skipif(not compat.HAS_CATALOG, reason="these are new in 1.0")
@pytest.mark.parametrize(
    "name",
    ["_execute_fn", "_execute_write_fn", "execute_isolated_fn", "derived_table_dependencies"],
)
def test_what_is_overridden_exists_in_1_0(name: str) -> None:
    assert name in vars(Database)
    assert overrides(name)


def test_no_other_method_opens_a_connection() -> None:
    """Everything that touches a connection goes through what is overridden."""
    own = {name for name in dir(ScannedDatabase) if overrides(name)} - {"__init__"}
    opening = re.compile(r"\.connect\(|sqlite3\.connect|ds\.executor|_send_to_write_thread\(")
    found = {
        name
        for name, member in vars(Database).items()
        if inspect.isfunction(member) and opening.search(inspect.getsource(member))
    }
    allowed = {"_execute_writes", "_send_to_write_thread"}  # reached from overridden ones only
    assert found - own <= allowed
    assert {"connect", "execute_fn"} & (found | {"execute_fn"})


def test_the_refresh_asks_what_is_answered() -> None:
    source = inspect.getsource(Datasette._refresh_schemas)
    assert 'db.execute("PRAGMA schema_version")).first()[0]' in source
    assert "if schema_version == current_schema_versions.get(database_name):" in source


@pytest.mark.skipif(not compat.HAS_CATALOG, reason="0.65 has no such catalogue")
async def test_catalogue_tables_have_the_written_columns(root: Path) -> None:
    make_database(root / "one.db")
    site = await scanned(root)
    await site.get("/one")
    internal = site.ds.get_internal_database()
    columns = {
        table: [r["name"] for r in (await internal.execute(f"PRAGMA table_info({table})")).rows]
        for table in compat._CATALOG_TABLES
    }
    assert columns == {
        "catalog_columns": [
            "database_name", "table_name", "cid", "name", "type", "notnull", "default_value",
            "is_pk", "hidden",
        ],
        "catalog_foreign_keys": [
            "database_name", "table_name", "id", "seq", "table", "from", "to", "on_update",
            "on_delete", "match",
        ],
        "catalog_indexes": [
            "database_name", "table_name", "seq", "name", "unique", "origin", "partial",
        ],
        "catalog_views": ["database_name", "view_name", "rootpage", "sql"],
        "catalog_tables": ["database_name", "table_name", "rootpage", "sql"],
    }  # fmt: skip
    rows = (await internal.execute("select * from catalog_columns order by cid")).rows
    assert [tuple(r)[:4] for r in rows if r["database_name"] == "one"] == [
        ("one", "t", 0, "id"),
        ("one", "t", 1, "name"),
    ]
    await site.close()


def test_the_opened_page_is_requested_by_name() -> None:
    """``-o`` is led to the catalogue by way of this name in the module of ``serve``."""
    source = inspect.getsource(cli)
    assert "initial_path_for_datasette(ds)" in source
    assert inspect.iscoroutinefunction(cli.initial_path_for_datasette)


def test_own_home_is_a_view_with_dispatch() -> None:
    assert inspect.iscoroutinefunction(IndexView.dispatch_request)


async def test_nothing_is_opened_that_nobody_asked_for(root: Path) -> None:
    for i in range(30):
        make_database(root / f"d{i}.db")
    site = await scanned(root)
    opened = []
    read = site.state.reader.opener.read
    site.state.reader.opener.read = lambda path, *a, **k: opened.append(path) or read(path, *a, **k)
    for page in ("/-/home", "/-/databases.json", "/-/scan", "/.json", "/-/plugins.json"):
        assert (await site.get(page)).status_code == 200
    if compat.HAS_CATALOG:
        assert (await site.get("/-/jump.json?q=d1")).status_code == 200
    assert opened == []
    assert (await site.get("/d7/t")).status_code == 200
    assert {p.rpartition(b"/")[2] for p in opened} == {b"d7.db"}
    await site.close()
