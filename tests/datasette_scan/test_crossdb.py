"""``--crossdb``: what is joined, for whom, and what it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sites import Scanned, make_database, photograph, scanned
from datasette_scan.errors import QueryTooComplexError
from datasette_scan.names import alias
from test_permissions import ROOT_ONLY, cookie, unescaped

from datasette_scan import compat, crossdb

MEMORY = "/_memory/-/query.json" if compat.HAS_CATALOG else "/_memory.json"


async def test_joins_do_not_show_paths(root: Path) -> None:
    """``--crossdb``: SQLite knows where each attached file is."""
    make_database(root / "one.db")
    make_database(root / "wal.db", journal="wal")
    extra = make_database(root.parent / "extra.db", rows=5)
    site = await scanned(root, files=[str(extra)], crossdb=True, allow=ROOT_ONLY)

    async def ask(sql: str) -> Any:
        return await site.get(MEMORY, params={"sql": sql, "_shape": "arrays"})

    joined = "select (select count(*) from one.t), (select count(*) from wal.t), count(*)"
    assert (await ask(f"{joined} from extra.t")).json()["rows"] == [[3, 3, 5]]
    queries = [
        "select * from pragma_database_list",
        "SELECT group_concat(file) FROM pragma_database_list()",
        "with x as (select * from pragma_DATABASE_LIST) select * from x",
        "select * from one.nothing",
        "select * from one.t where",
        "select load_extension('x')",
        "attach database '/nowhere/x.db' as y",
        "pragma database_list",
    ]
    for sql in queries:
        text = (await ask(sql)).text
        assert str(root.parent) not in unescaped(text), sql
    extra.unlink()
    assert str(root.parent) not in unescaped((await ask("select 1")).text)
    for page in ("/_memory", MEMORY.replace(".json", "") + "?sql=select+1"):
        assert str(root.parent) not in (await site.get(page)).text
    await site.close()
    site = await scanned(root, crossdb=True)  # everybody on this machine may know
    assert str(root / "one.db") in unescaped((await ask(queries[0])).text)
    await site.close()


async def test_nothing_is_written_through_joins(root: Path) -> None:
    make_database(root / "one.db")
    site = await scanned(root, crossdb=True)
    db = site.ds.databases["_memory"]
    for call in (
        lambda: db.execute_write("CREATE TABLE one.x (y)"),
        lambda: db.execute_write_script("CREATE TABLE one.x (y)"),
        lambda: db.execute_write_fn(lambda c: c.execute("CREATE TABLE one.x (y)")),
    ):
        with pytest.raises(Exception, match="read-only"):
            await call()
    with pytest.raises(Exception, match="read-only"):
        db.connect(write=True)
    await site.close()


async def test_queries_beyond_the_memory(root: Path) -> None:
    """Each runs twice, however many databases are attached, and the next one gets its memory."""
    for name in ("one", "two", "three"):
        make_database(root / f"{name}.db")
    site = await scanned(root, crossdb=True)
    calls = []

    def fn(connection: Any) -> None:
        calls.append(len(connection.execute("PRAGMA database_list").fetchall()))
        raise MemoryError

    with pytest.raises(QueryTooComplexError):
        await site.ds.databases["_memory"].execute_fn(fn)
    assert calls == [4, 4]
    large = ", ".join(["hex(zeroblob(60000000))"] * 3)
    response = await site.get(MEMORY, params={"sql": f"select {large}"})
    assert (response.status_code, "memory" in response.text) == (400, True)
    assert (await site.get(MEMORY, params={"sql": "select 1"})).status_code == 200
    await site.close()


async def test_links_on_the_way_are_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put there for the moment in which SQLite attaches the file."""
    path = make_database(root / "one" / "one.db")
    make_database(root / "two.db")
    make_database(root.parent / "outside" / "one.db", rows=7)
    site = await scanned(root, crossdb=True)
    attach, away = crossdb._attach_file, root / "away"

    def attach_outside(connection: Any, uri: str, name: str) -> None:
        if name != "one":
            return attach(connection, uri, name)
        path.parent.rename(away)
        path.parent.symlink_to(root.parent / "outside")
        try:
            return attach(connection, uri, name)
        finally:
            path.parent.unlink()
            away.rename(path.parent)

    sql = {"sql": "select (select count(*) from two.t), count(*) from one.t"}
    with monkeypatch.context() as swapped:
        swapped.setattr(crossdb, "_attach_file", attach_outside)
        response = await site.get(MEMORY, params=sql)
        assert (response.status_code, "no such table: one.t" in response.text) == (400, True)
    response = await site.get(MEMORY, params={**sql, "_shape": "arrays"})
    assert response.json()["rows"] == [[3, 3]]
    await site.close()


async def test_changing_databases_are_not_joined(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that changes during the query: asked again without it, not with it unwatched."""
    path = make_database(root / "one.db", journal="wal")
    make_database(root / "two.db")
    site = await scanned(root, crossdb=True)
    content = path.read_bytes()
    asked = []

    def fn(connection: Any) -> list[str]:
        with path.open("r+b") as file:
            file.write(content)
        asked.append([row[1] for row in connection.execute("PRAGMA database_list")])
        return asked[-1]

    assert await site.ds.databases["_memory"].execute_fn(fn) == ["main", "two"]
    assert "one" in asked[0]
    await site.close()


ANN = {"allow": {"id": "ann"}}
DENIED = {
    "database": {"databases": {"closed": ANN, "own": ANN}},
    "sql": {"databases": {name: {"allow_sql": {"id": "ann"}} for name in ("closed", "own")}},
}


async def joined_site(root: Path, top: Any) -> Scanned:
    make_database(root / "closed.db", journal="wal")
    make_database(root / "open.db")
    own = make_database(root.parent / "own.db")
    return await scanned(root, files=[str(own)], crossdb=True, top=top)


@pytest.mark.parametrize("denied", list(DENIED))
async def test_joins_obey_rights(denied: str, root: Path) -> None:
    """Those of the databases that are joined, also of Datasette's own."""
    site = await joined_site(root, DENIED[denied])

    async def rows(sql: str, **kwargs: Any) -> Any:
        response = await site.get(MEMORY, params={"sql": sql, "_shape": "arrays"}, **kwargs)
        return response.json().get("rows", response.status_code)

    ann = {"cookies": cookie(site, {"id": "ann"})}
    for name in ("closed", "own"):
        sql = f"select count(*) from {name}.t"
        assert await rows(sql) in (400, [])
        assert await rows(sql, **ann) == [[3]], name
        assert await rows(sql) in (400, [])  # not even after somebody who may
    assert await rows("select count(*) from open.t") == [[3]]
    names = "select name from pragma_database_list where seq > 1 order by seq"
    assert await rows(names) == [["open"]]
    assert await rows(names, **ann) == [["own"], ["closed"], ["open"]]
    assert "closed" not in (await site.get("/_memory")).text
    await site.close()


NAMES = [
    "/-/versions", "/-/versions.json", "/-/databases", "/-/databases.json", "/-/home", "/.json",
    "/-/plugins.json", "/-/settings.json", "/-/actor.json", "/-/scan",
    "/-/scan.json", "/-/scan.csv", "/_memory", "/_memory.json", "/", f"{MEMORY}?sql=select+1",
    f"{MEMORY}?sql=select+*+from+pragma_database_list",
]  # fmt: skip
MORE_NAMES = [
    "/-/threads.json",
    "/-/jump.json?q=clo", "/-/jump.json", "/-/allowed.json?action=view-database",
    "/-/allowed.json?action=view-table", "/-/tables.json?q=t", "/-/schema.json", "/-/queries.json",
]  # fmt: skip


async def test_no_page_names_a_denied_database(root: Path) -> None:
    site = await joined_site(root, DENIED["database"])
    before = photograph(root)
    for page in NAMES + MORE_NAMES:
        response = await site.get(page)
        assert response.status_code == 200 or page in MORE_NAMES, page  # new in 1.0, or for root
        assert "closed" not in response.text, page
    assert photograph(root) == before  # no -wal and -shm beside the quiet database
    ann = cookie(site, {"id": "ann"})
    assert "closed" in (await site.get("/-/databases.json", cookies=ann)).text
    await site.close()


async def test_aliases_do_not_name_a_denied_database(root: Path) -> None:
    site = await joined_site(root, DENIED["database"])
    found = alias(str(root / "closed.db").encode())
    assert (await site.get(f"/{found}")).status_code == 404
    moved = await site.get(f"/{found}", cookies=cookie(site, {"id": "ann"}))
    assert (moved.status_code, moved.headers["location"]) == (302, "/closed")
    response = await site.get("/closed")
    assert response.status_code == 403
    assert "datasette-scan" not in response.headers  # nor whether it is being written
    await site.close()


async def test_versions_open_no_database(root: Path) -> None:
    """Datasette attaches by path there: beside a quiet database in WAL mode it makes files."""
    make_database(root / "wal.db", journal="wal")
    own = make_database(root.parent / "own" / "quiet.db", journal="wal")
    before = photograph(root.parent)
    site = await scanned(root, files=[str(own)], crossdb=True, allow=ROOT_ONLY)
    for page in ("/-/versions", "/-/versions.json"):
        assert (await site.get(page)).status_code == 200
    assert {path: seen for path, seen in photograph(root.parent).items() if b"disk" in path} == {
        path: seen for path, seen in before.items() if b"disk" in path
    }
    await site.close()


async def test_ten_databases_are_joined(root: Path) -> None:
    """SQLite's limit; those that may be queried come before those that may not count."""
    for i in range(14):
        make_database(root / f"d{i:02}.db")
    site = await scanned(root, crossdb=True, top={"databases": {"d03": ANN}})
    db = site.ds.databases["_memory"]
    assert len(await db.attached_databases()) == 10
    response = await site.get(MEMORY, params={"sql": "select count(*) from d10.t"})
    assert response.status_code == 200
    await site.close()


async def test_attached_files_are_named_to_viewers(root: Path) -> None:
    make_database(root / "one.db")
    site = await scanned(root, crossdb=True, allow=ROOT_ONLY)
    [found] = await site.ds.databases["_memory"].attached_databases()
    assert found.name == "one" and str(root) in found.file  # outside of any request
    page = (await site.get("/_memory")).text
    assert "<strong>one</strong>" in page and str(root) not in page
    assert str(root) not in unescaped((await site.get("/_memory.json")).text)
    await site.close()
