"""The search in contents: what it finds, who may see it, what bounds and ends it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile import doubling_views
from sites import (
    HANGS,
    PATIENCE,
    Scanned,
    Server,
    child_python,
    end,
    make_database,
    photograph,
    run_sql,
    scanned,
)
from test_opening import HOLD_OPEN
from test_permissions import cookie

from datasette_scan import compat, searching, text_search
from datasette_scan.text_search import check_text, like_pattern, search_chunk
from datasette_scan.errors import UsageError
from datasette_scan.opening.connection import connect
from datasette_scan.searching import ContentSearch, Searched, TablesFound, Unsearched
from datasette_scan.views.search import glob_pattern

VALUES = [
    "Lakeside Holdings LLC",
    "LAKESIDE holdings",
    "50% off",
    "50 percent off",
    "under_score",
    "underXscore",
    "back\\slash",
    'it\'s "quoted" [brackets] * and ?',
    "Ärger in Łódź",
    "ärger in łódź",
    "line one\nline two",
    "x" * 5000 + "needle" + "y" * 5000,
    "",
]
TEXTS = [
    "lakeside",
    "LLC",
    "50%",
    "r_s",
    "\\",
    "'s \"q",
    "[b",
    "*",
    "Ä",
    "ä",
    "one\nline",
    "NEEDLE",
]


@pytest.fixture(autouse=True)
def whole_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small database is searched in one piece, however busy the machine is."""
    monkeypatch.setattr(text_search, "_CHUNK_SECONDS", HANGS)


def read(path: Path, text: str) -> Any:
    connection = connect(os.fsencode(path), "mode=ro", None)
    try:
        return search_chunk(connection, text, frozenset(), lambda _: None, lambda: False)
    finally:
        connection.close()


def found_in(path: Path, text: str) -> dict[str, dict[str, int]]:
    return {found.table: found.columns for found in read(path, text).found}


def is_in(text: str, value: Any) -> bool:
    """What LIKE does, in other words than the plugin's."""
    table = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
    return isinstance(value, str) and text.translate(table) in value.translate(table)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le"])
def test_finds_what_like_finds(text: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA encoding='{encoding}'")
    connection.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b, n INTEGER, r REAL, d DATETIME, x BLOB)"
    )
    rows = [(v, v[::-1], v, v, v, v) for v in VALUES]
    connection.executemany("INSERT INTO t(a, b, n, r, d, x) VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.commit()
    stored = connection.execute("SELECT a, b, n, r, d, x FROM t").fetchall()
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    [like] = connection.execute(
        "SELECT count(*) FROM t WHERE a LIKE ? ESCAPE '\\'", [f"%{escaped}%"]
    ).fetchone()
    connection.close()
    expected = {name: sum(is_in(text, row[i]) for row in stored) for i, name in enumerate("abnrdx")}
    assert expected["a"] == like
    assert found_in(path, text) == {"t": {k: n for k, n in expected.items() if n}}


def test_numbers_and_blobs_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    run_sql(
        path,
        "CREATE TABLE t (n INTEGER, r REAL, any, x BLOB, words TEXT)",
        "INSERT INTO t VALUES (4711, 47.11, 4711, x'34373131', '4711')",
    )
    assert found_in(path, "47") == {"t": {"words": 1}}


def test_a_blob_is_quoted_as_text(tmp_path: Path) -> None:
    """Where LIKE matches blobs: some builds of SQLite compile that out."""
    path = tmp_path / "one.db"
    run_sql(path, "CREATE TABLE t (words TEXT)", "INSERT INTO t VALUES (CAST('żółw here' AS BLOB))")
    connection = connect(os.fsencode(path), "mode=ro", None)

    def like(pattern: str, value: bytes) -> bool:
        return pattern.strip("%") in value.decode()

    connection.create_function("like", 2, like)
    chunk = search_chunk(connection, "here", frozenset(), lambda _: None, lambda: False)
    assert chunk.found[0].quotations[0].parts == ("żółw ", "here", "")
    connection.close()


def test_each_text_is_found_once(tmp_path: Path) -> None:
    """Not again in views, in indexes, or in the tables that full-text search stores them in."""
    path = tmp_path / "one.db"
    run_sql(
        path,
        "CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT COLLATE NOCASE)",
        "CREATE INDEX by_body ON note(body)",
        "CREATE VIEW notes AS SELECT * FROM note",
        "INSERT INTO note(body) VALUES ('a needle')",
        "CREATE VIRTUAL TABLE note_fts USING fts5(body, content=note)",
        "CREATE VIRTUAL TABLE own USING fts5(body)",
        "CREATE VIRTUAL TABLE old USING fts4(body)",
        "INSERT INTO own VALUES ('a needle')",
        "INSERT INTO old VALUES ('a needle')",
        "CREATE VIRTUAL TABLE bare USING fts5(body, content='')",
        "INSERT INTO bare(rowid, body) VALUES (1, 'a needle')",
        "CREATE VIRTUAL TABLE pages USING dbstat",
    )
    assert found_in(path, "need") == {"note": {"body": 1}, "own": {"body": 1}, "old": {"body": 1}}


def test_odd_tables(tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    columns = ", ".join(f"c{i} TEXT" for i in range(170))
    run_sql(
        path,
        'CREATE TABLE "a ""b"" %s" (k TEXT PRIMARY KEY, "v ""w""" TEXT) WITHOUT ROWID',
        'INSERT INTO "a ""b"" %s" VALUES (\'x/y\', \'needle\')',
        "CREATE TABLE rowids (rowid TEXT, v TEXT)",
        "INSERT INTO rowids VALUES ('z', 'needle')",
        f"CREATE TABLE wide ({columns})",
        "INSERT INTO wide(c0, c60, c169) VALUES ('needle', 'needle', 'needle')",
        "CREATE TABLE made (a TEXT, b TEXT, c TEXT AS (a || ' ' || b))",
        "INSERT INTO made VALUES ('nee', 'dle')",
        "CREATE TABLE missing_collation (v TEXT)",
        "INSERT INTO missing_collation VALUES ('needle')",
        "CREATE INDEX i ON missing_collation(v)",
        "PRAGMA writable_schema=ON",
        "UPDATE sqlite_master SET sql = replace(sql, 'v TEXT', 'v TEXT COLLATE unicase') "
        "WHERE name = 'missing_collation'",
    )
    chunk = read(path, "needle")
    assert chunk.unsearched == []
    keys = {found.table: found.quotations[0].key for found in chunk.found}
    assert keys == {
        'a "b" %s': ("x/y",),
        "rowids": (),
        "wide": (1,),
        "missing_collation": (1,),
    }
    assert found_in(path, "needle")["wide"] == {"c0": 1, "c60": 1, "c169": 1}
    assert found_in(path, "nee dle") == {"made": {"c": 1}}


def test_many_rows_are_counted_to_a_limit(tmp_path: Path) -> None:
    path = make_database(tmp_path / "one.db", rows=text_search.MAX_ROWS + 10)
    [found] = read(path, "row").found
    assert (found.matches, found.complete) == (text_search.MAX_ROWS, False)
    assert len(found.quotations) == text_search.MAX_QUOTATIONS


def test_a_quotation_is_what_surrounds_the_match(tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    run_sql(
        path, "CREATE TABLE t (v)", f"INSERT INTO t VALUES ('{'a ' * 9000}Needle{' b' * 9000}')"
    )
    [found] = read(path, "nEEDLE").found
    before, match, after = found.quotations[0].parts
    assert match == "Needle"
    assert 20 < len(before) < 200 and 20 < len(after) < 300


@pytest.mark.parametrize("text", ["x" * 1001, "a\0b", "\udc80"])
def test_texts_that_sqlite_cannot_look_for(text: str) -> None:
    with pytest.raises(UsageError):
        check_text(text)


@pytest.mark.parametrize("text", ["50%", "r_s", "a_[b]*?", "Ä%x"])
def test_glob_pattern_means_the_same(text: str) -> None:
    connection = sqlite3.connect(":memory:")
    like = like_pattern(text)
    for value in [*VALUES, f"x{text}y", text.upper(), text.lower()]:
        [same] = connection.execute(
            "SELECT (?1 LIKE ?2 ESCAPE '\\') = (?1 GLOB ?3)", [value, like, glob_pattern(text)]
        ).fetchone()
        assert same, value
    connection.close()


def test_a_slow_table_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_search, "TABLE_SECONDS", 0)
    path = make_database(tmp_path / "one.db", rows=20_000)
    run_sql(path, "CREATE TABLE small (v)", "INSERT INTO small VALUES ('row')")
    chunk = read(path, "nowhere")
    assert chunk.unsearched == [("t", "it takes more than 0 s")]
    assert chunk.is_last


# -- many databases


async def collect(search: ContentSearch) -> list[Any]:
    return [event async for event in search.events()]


async def allow_all(_database: str, _table: str) -> bool:
    return True


def of(site: Scanned, text: str, threads: int = 1) -> ContentSearch:
    databases = [db for name, db in site.ds.databases.items() if name in site.names.values()]
    site.state.reader.search_threads = threads
    return ContentSearch(databases, text, allow_all, site.state.reader)


async def test_the_smallest_come_first(root: Path) -> None:
    for name, rows in (("big", 9000), ("small", 1), ("middle", 900)):
        make_database(root / f"{name}.db", rows=rows)
    site = await scanned(root)
    events = await collect(of(site, "row 0"))
    assert [e.database for e in events if isinstance(e, TablesFound)] == ["small", "middle", "big"]
    assert [e.databases for e in events if isinstance(e, Searched)] == [1, 2, 3]
    await site.close()


async def test_big_database_is_shown_table_by_table(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file is let go of between them: whoever writes to it does not wait for the end."""
    make_database(root / "one.db")
    run_sql(root / "one.db", *(f"CREATE TABLE t{i} AS SELECT * FROM t" for i in range(4)))
    monkeypatch.setattr(text_search, "_CHUNK_SECONDS", -1)
    site = await scanned(root)
    events = [e for e in await collect(of(site, "row")) if isinstance(e, TablesFound)]
    assert [[t.table for t in e.tables] for e in events] == [["t"], ["t0"], ["t1"], ["t2"], ["t3"]]
    assert [e.continued for e in events] == [False, True, True, True, True]
    await site.close()


async def test_nothing_changes_on_disk(root: Path) -> None:
    make_database(root / "quiet.db", journal="wal")
    make_database(root / "plain.db")
    live = make_database(root / "live.db", journal="wal")
    child = child_python(HOLD_OPEN, str(live), "INSERT INTO t(name) VALUES ('row of the log')")
    try:
        site = await scanned(root)
        before = photograph(root)
        body = await site.json("/-/scan/search.json?q=row")
        assert {r["database"]: r["matches"] for r in body["results"]} == {
            "quiet": 3,
            "plain": 3,
            "live": 4,
        }
        assert photograph(root) == before
        assert not site.state.reader.opener._open_files  # nothing stays open
    finally:
        end(child)
    await site.close()


async def test_unreadable_databases_are_named_others_searched(root: Path) -> None:
    make_database(root / "good.db")
    make_database(root / "gone.db")
    doubling_views(root / "views.db")
    run_sql(
        root / "hungry.db",
        "CREATE TABLE t (v TEXT)",
        "INSERT INTO t(v) VALUES ('row')",
        "ALTER TABLE t ADD COLUMN w TEXT AS (hex(zeroblob(300000000)))",
        "CREATE TABLE u (v)",
        "INSERT INTO u VALUES ('row')",
    )
    site = await scanned(root)
    (root / "gone.db").unlink()
    body = await site.json("/-/scan/search.json?q=row")
    assert {(r["database"], r["table"]) for r in body["results"]} == {
        ("good", "t"),
        ("hungry", "u"),
    }
    reasons = {(u["database"], u["table"]): u["reason"] for u in body["unsearched"]}
    assert reasons.pop(("hungry", "t"))
    assert reasons == {("gone", None): "gone"}
    assert body["complete"] is True
    await site.close()


# -- who may see what


async def test_rights_are_asked_table_by_table(root: Path) -> None:
    for name in ("open", "closed", "partly"):
        make_database(root / f"{name}.db")
        run_sql(root / f"{name}.db", "CREATE TABLE secret (v)", "INSERT INTO secret VALUES ('row')")
    ann = {"allow": {"id": "ann"}}
    top = {"databases": {"closed": ann, "partly": {"tables": {"secret": ann}}}}
    site = await scanned(root, top=top)

    async def seen(**kwargs: Any) -> set[tuple[str, str]]:
        body = await site.json("/-/scan/search.json?q=row", **kwargs)
        return {(r["database"], r["table"]) for r in body["results"]}

    everybody = {("open", "t"), ("open", "secret"), ("partly", "t")}
    assert await seen() == everybody
    for page in ("/-/scan/search?q=row", "/-/scan/search.json?q=row&_nl=on"):
        text = (await site.get(page)).text
        assert "partly/secret" not in text and "closed" not in text, page
    more = {("partly", "secret"), ("closed", "t"), ("closed", "secret")}
    assert await seen(cookies=cookie(site, {"id": "ann"})) == everybody | more
    assert (await site.get("/-/scan/search.json?q=row&database=closed")).status_code == 400
    await site.close()


async def test_slow_denied_tables_are_not_named(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_database(root / "one.db", rows=20_000)
    monkeypatch.setattr(text_search, "TABLE_SECONDS", 0)
    top = {"databases": {"one": {"tables": {"t": {"allow": {"id": "ann"}}}}}}
    site = await scanned(root, top=top)
    assert (await site.json("/-/scan/search.json?q=no"))["unsearched"] == []
    ann = cookie(site, {"id": "ann"})
    [unsearched] = (await site.json("/-/scan/search.json?q=no", cookies=ann))["unsearched"]
    assert unsearched["table"] == "t"
    await site.close()


@pytest.mark.skipif(not compat.HAS_CATALOG, reason="new in Datasette 1.0")
async def test_shadow_tables_are_denied_with_their_owner(root: Path) -> None:
    make_database(root / "one.db")
    run_sql(
        root / "one.db",
        "CREATE VIRTUAL TABLE own USING fts5(body)",
        "INSERT INTO own VALUES ('a row')",
    )
    top = {"databases": {"one": {"tables": {"own": {"allow": False}}}}}
    site = await scanned(root, top=top)
    body = await site.json("/-/scan/search.json?q=row")
    assert [r["table"] for r in body["results"]] == ["t"]
    await site.close()


async def test_paths_and_view_instance(root: Path) -> None:
    make_database(root / "one.db")
    site = await scanned(root, allow={"scan-view": {"id": "root"}})
    assert str(root) not in (await site.get("/-/scan/search?q=row")).text
    body = await site.json("/-/scan/search.json", params={"q": "row", "folder": "/nowhere"})
    assert len(body["results"]) == 1  # where a file is cannot be guessed
    await site.close()
    site = await scanned(root, top={"allow": {"id": "ann"}})
    for page in ("/-/scan/search", "/-/scan/search?q=row", "/-/scan/search.json?q=row"):
        assert (await site.get(page)).status_code == 403, page
    await site.close()


# -- the page and the JSON


@pytest.mark.parametrize("text", ["lakeside", "50%", "r_s", "Ä", "it's"])
async def test_links_lead_to_the_rows_that_match(text: str, root: Path) -> None:
    run_sql(
        root / "one.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, w TEXT)",
        *(
            f"INSERT INTO t(v, w) VALUES ('{v.replace(chr(39), chr(39) * 2)}', 'it''s') "
            for v in VALUES
        ),
    )
    site = await scanned(root)
    body = await site.json("/-/scan/search.json", params={"q": text})
    [table] = body["results"]
    for column in table["columns"]:
        path, _, query = column["url"].partition("?")
        rows = (await site.json(f"{path}.json?{query}&_shape=objects"))["rows"]
        assert len(rows) == column["matches"]
        assert all(is_in(text, row[column["name"]]) for row in rows)
    for quotation in table["quotations"]:
        assert (await site.get(quotation["url"])).status_code == 200
        assert is_in(text, quotation["text"])
    await site.close()


async def test_links_of_odd_names(root: Path) -> None:
    columns = ["_x", "a__b", "a b", "_size", "x__exact", "_where", "sql", "_search", "é", '"', "]"]
    names = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
    values = ", ".join("'needle'" for _ in columns)
    run_sql(
        root / "one.db",
        f'CREATE TABLE "b c/d%?#é" ({names})',
        f'INSERT INTO "b c/d%?#é" VALUES ({values})',
        'INSERT INTO "b c/d%?#é" DEFAULT VALUES',
    )
    site = await scanned(root)
    [table] = (await site.json("/-/scan/search.json?q=NEEDLE"))["results"]
    assert [column["name"] for column in table["columns"]] == columns
    for column in table["columns"]:
        path, _, query = column["url"].partition("?")
        rows = (await site.json(f"{path}.json?{query}&_shape=objects"))["rows"]
        assert len(rows) == 1, column
    assert (await site.get(table["quotations"][0]["url"])).status_code == 200
    await site.close()


async def test_the_page_shows_what_the_json_has(root: Path) -> None:
    make_database(root / "<b>.db")
    run_sql(root / "<b>.db", "INSERT INTO t(name) VALUES ('<script>alert(1)</script>\u202erow')")
    site = await scanned(root)
    page = (await site.get("/-/scan/search?q=ROW")).text
    assert page.count("<mark>row</mark>") == 3
    assert "<script>alert" not in page and "\u202e" not in page
    assert "4 matches in 1 table of 1 database." in page
    assert page.rstrip().endswith("</html>")
    nothing = (await site.get("/-/scan/search?q=nowhere")).text
    assert "Nothing found" in nothing
    assert "<form" in (await site.get("/-/scan/search")).text
    await site.close()


async def test_json_document_and_json_lines(root: Path) -> None:
    make_database(root / "one.db")
    make_database(root / "two.db")
    site = await scanned(root)
    lines = (await site.get("/-/scan/search.json?q=row&_nl=on")).text.splitlines()
    events = [json.loads(line) for line in lines]
    assert [e["type"] for e in events].count("table") == 2
    assert (events[0]["type"], events[0]["databases"]) == ("start", 2)
    assert events[-1] == {"type": "end", "complete": True}
    body = await site.json("/-/scan/search.json?q=row&database=two")
    assert [r["database"] for r in body["results"]] == ["two"]
    assert (body["ok"], body["databases"], body["complete"]) == (True, 1, True)
    await site.close()


async def test_bad_requests(root: Path) -> None:
    make_database(root / "one.db")
    site = await scanned(root)
    for query in ("", "?q=", "?q=+", f"?q={'x' * 1001}", "?q=a%00b", "?q=row&database=none"):
        response = await site.get(f"/-/scan/search.json{query}")
        assert response.status_code == 400, query
        assert response.json()["ok"] is False
    assert (await site.get("/-/scan/search?q=row&database=none")).status_code == 400
    site.state.searches = 99
    assert (await site.get("/-/scan/search.json?q=row")).status_code == 503
    assert (await site.get("/-/scan/search?q=row")).status_code == 503
    await site.close()


async def test_files_that_datasette_serves_are_searched(root: Path, tmp_path: Path) -> None:
    make_database(root / "one.db")
    named = make_database(tmp_path / "named.db")
    site = await scanned(root, files=[str(named)])
    body = await site.json("/-/scan/search.json?q=row")
    assert {r["database"] for r in body["results"]} == {"one", "named"}
    await site.close()


# -- its end, and others meanwhile


class Hold:
    """Holds a search up in its first table."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.began, self.go_on = threading.Event(), threading.Event()
        search_table = text_search._search_table

        def held(*args: Any) -> str:
            self.began.set()
            is_stopped = args[-1]
            while not (self.go_on.wait(0.01) or is_stopped()):
                pass
            return search_table(*args)

        monkeypatch.setattr(text_search, "_search_table", held)

    async def begun(self) -> None:
        await asyncio.to_thread(self.began.wait)


async def test_other_pages_are_answered_meanwhile(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(9):
        make_database(root / f"db{i}.db")
    site = await scanned(root)
    hold = Hold(monkeypatch)
    searches = [asyncio.ensure_future(site.get("/-/scan/search.json?q=row")) for _ in range(3)]
    await hold.begun()
    for page in ("/-/scan", "/db1/t", "/db2/t.json", "/-/scan/search"):
        assert (await site.get(page)).status_code == 200
    assert not any(search.done() for search in searches)
    hold.go_on.set()
    for search in searches:
        assert len((await search).json()["results"]) == 9
    await site.close()


async def test_it_ends_when_the_client_leaves(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(5):
        make_database(root / f"db{i}.db")
    site = await scanned(root)
    hold = Hold(monkeypatch)
    sent: list[dict[str, Any]] = []
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        for message in messages:
            return message
        await hold.begun()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/-/scan/search.json",
        "raw_path": b"/-/scan/search.json",
        "query_string": b"q=row",
        "headers": [(b"host", b"localhost")],
    }
    await site.ds.app()(scope, receive, send)  # which would never return otherwise
    text = b"".join(message.get("body", b"") for message in sent).decode()
    assert json.loads(text)["complete"] is False
    assert site.state.searches == 0
    await site.close()


async def test_rights_that_fail_end_no_search(root: Path) -> None:
    """A plugin's error about one database leaves the others, and no reader waits."""
    for name in ("bad", "good"):
        make_database(root / f"{name}.db")
    site = await scanned(root)

    async def may_view(database: str, _table: str) -> bool:
        if database == "bad":
            raise KeyError(database)
        return True

    search = ContentSearch(site.ds.databases.values(), "row", may_view, site.state.reader)
    events = [event async for event in search.events()]
    assert [e.database for e in events if isinstance(e, TablesFound)] == ["good"]
    assert [e for e in events if isinstance(e, Unsearched)] == [
        Unsearched("bad", "", "KeyError('bad')")
    ]
    assert search.is_complete
    await site.close()


async def test_it_ends_when_nobody_iterates(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(9):
        make_database(root / f"db{i}.db")
    site = await scanned(root)
    monkeypatch.setattr(searching, "_MAX_QUEUED", 1)

    events = of(site, "row", threads=2).events()
    assert isinstance(await anext(events), TablesFound)
    await events.aclose()
    await site.close()


def test_sigterm_ends_a_search(root: Path, tmp_path: Path, serve: Callable[..., Server]) -> None:
    """Of found databases, and of those that Datasette serves itself."""
    for path in (root / "slow.db", tmp_path / "named.db"):
        run_sql(
            path,
            "CREATE TABLE t0 (v, w TEXT AS (printf('%.*c', 9000000, 'x')))",
            "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 5000) "
            "INSERT INTO t0(v) SELECT i FROM c",
            *(f"CREATE TABLE t{i} AS SELECT v FROM t0" for i in range(1, 9)),
            *(
                f"ALTER TABLE t{i} ADD COLUMN w TEXT AS (printf('%.*c', 9000000, 'x'))"
                for i in range(1, 9)
            ),
        )
    server = serve(str(root), str(tmp_path / "named.db"))
    server.scanned()
    began = threading.Event()

    def search() -> None:
        with contextlib.suppress(OSError):
            url = f"{server.url}/-/scan/search.json?q=nowhere&_nl=on"
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                answer.readline()
                began.set()
                answer.read()

    thread = threading.Thread(target=search)
    thread.start()
    assert began.wait(PATIENCE)
    assert server.stop(signal.SIGTERM) in (0, -signal.SIGTERM, 128 + signal.SIGTERM)
    thread.join()
    assert "Traceback" not in server.text()


# -- the command


def test_the_command(root: Path) -> None:
    make_database(root / "one.db")
    make_database(root / "two.db", rows=0)

    def run(*args: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "datasette", "scan", str(root), *args]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    code, out, err = run("--search", "ROW 1")
    assert (code, out) == (0, f"{root / 'one.db'}: t (name 1)\n    row 1\n")
    assert "Searched 2 databases" in err
    code, out, _ = run("--search", "nowhere")
    assert (code, out) == (1, "")
    code, out, _ = run("--search", "row", "--json")
    [line] = [json.loads(text) for text in out.splitlines()]
    assert (line["path"], line["columns"]) == (str(root / "one.db"), {"name": 3})
    for wrong in (["--search", " "], ["--search", "x", "--list"], ["--search", "x" * 1001]):
        assert run(*wrong)[0] != 0
