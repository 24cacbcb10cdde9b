"""Files and queries made to do harm: what they may cost, and what they can reach."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from datasette_scan.errors import UnavailableError
from datasette_scan.finder import Match
from datasette_scan.opening import Limits, Opener, SnapshotStore, attempt, watchdog
from datasette_scan.opening import connection as connections
from datasette_scan.opening import opener as opener_module
from datasette_scan.probe import SKIPPED, probe_file
from datasette_scan.schema import Table
from hostile import add_to_schema, doubling_views, many_constraints, store_as_blob
from sites import Server, make_database, run_sql, scanned
from test_opening import count, hot_journal

from datasette_scan import compat, peek, probe

MEMORY = 64 << 20  # for tests: as if memory_max_mb were 64


def look(path: Path, **kwargs: Any) -> Any:
    opener = Opener(Limits(), SnapshotStore(1 << 20))
    try:
        raw = os.fsencode(path)
        return probe_file(opener, Match(raw, 0, 0, 0, True, "", "", 0), **kwargs)
    finally:
        opener.close()


@pytest.fixture
def query(root: Path) -> Any:
    """Runs SQL on a scanned database as a page does."""
    path = make_database(root / "a.db")
    opener = Opener(Limits(), SnapshotStore(1 << 20))

    def run(sql: str, *setup: str) -> list[tuple[Any, ...]]:
        if setup:
            run_sql(path, *setup)
        raw = os.fsencode(path)
        return opener.read(raw, lambda c: c.execute(sql).fetchall())[0]

    yield run
    opener.close()


# -- what a file may cost


def test_a_view_like_a_virtual_table(root: Path) -> None:
    """Only tables whose SQL begins so are virtual; a view's columns can take for ever."""
    facts = look(doubling_views(root / "a.db"))
    assert (facts.status, facts.missing, facts.table_count) == ("ready", (), 1441)


def test_slow_files_are_skipped_by_name(root: Path) -> None:
    path = make_database(root / "a.db", rows=1)
    run_sql(path, *["BEGIN", *(f"CREATE TABLE x{i} (y)" for i in range(300))])
    facts = look(path, seconds=0.0)
    assert facts.status == "too complex to look into"
    assert facts.status in SKIPPED
    assert "memory_max_mb" in facts.advice


def test_damaged_index_leaves_the_other_tables(root: Path) -> None:
    path = make_database(root / "a.db")
    run_sql(
        path,
        "CREATE VIRTUAL TABLE words USING fts5(a)",
        "UPDATE words_data SET block = x'ffffffffffffffffffff' WHERE id = 10",
    )
    facts = look(path)
    assert (facts.status, facts.missing) == ("partly readable", ("words",))
    assert facts.detail == "needs repair of words"


def test_a_slow_schema_is_given_up(root: Path) -> None:
    """The parser of older SQLite cannot be interrupted, not even within one statement."""
    path = many_constraints(root / "a.db")
    connection = sqlite3.connect(path)
    began = time.thread_time()
    connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    whole = time.thread_time() - began
    connection.close()
    began = time.thread_time()
    assert look(path, seconds=0.1).status == "too complex to look into"
    assert time.thread_time() - began < whole / 2


async def test_hostile_file_holds_nothing_up(root: Path) -> None:
    """The others are served; its pages say what is wrong, and no page is a crash."""
    doubling_views(root / "evil.db")
    make_database(root / "good.db")
    site = await scanned(root, memory_max_mb=64)
    assert await site.count("good") == 3
    for page in ("/evil/VIRTUAL_0", "/evil/VIRTUAL_0.json", "/evil?sql=select+*+from+VIRTUAL_1"):
        response = await site.get(page, follow_redirects=True)
        assert response.status_code in (400, 500), page
        assert "too much time or memory" in response.text, page
    assert (await site.get("/evil/t")).status_code == 200
    await site.close()


VIRTUAL_TABLES = {
    "comment before the module": ("v", 0, "CREATE VIRTUAL TABLE v USING/**/nosuch(a)"),
    "comments between the words": ("v", 2, "CREATE/*\n*/VIRTUAL--\nTABLE v USING nosuch(a)"),
    "a long name": ("n" * 1200, 0, f"CREATE VIRTUAL TABLE {'n' * 1200} USING nosuch(a)"),
    "a module far behind": ("v", 0, f"CREATE VIRTUAL TABLE v {' ' * 5000}USING nosuch(a)"),
    "a long comment": ("v", 0, f"CREATE/*{' ' * 5000}*/VIRTUAL TABLE v USING nosuch(a)"),
}


@pytest.mark.parametrize("case", VIRTUAL_TABLES)
async def test_virtual_tables_in_disguise(case: str, root: Path) -> None:
    """Only their own pages are refused."""
    name, page, sql = VIRTUAL_TABLES[case]
    add_to_schema(make_database(root / "evil.db"), name, page, sql)
    site = await scanned(root)
    entry = site.entry("evil")
    assert (entry.status, entry.detail) == ("partly readable", "needs extension nosuch")
    assert entry.missing == (name,)
    for shown in ("/evil", "/evil.json", "/evil/t", "/evil/t/1", "/-/scan/peek?name=evil"):
        assert (await site.get(shown)).status_code == 200, shown
    response = await site.get(f"/evil/{name}.json")
    assert response.status_code == 400
    assert "it needs extension nosuch" in response.json()["error"]
    await site.close()


async def test_schema_that_fails_on_a_page(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the probe overlooks, the page says it and is not a crash."""
    add_to_schema(make_database(root / "evil.db"), *VIRTUAL_TABLES["comment before the module"])
    monkeypatch.setattr(probe, "_find_need", lambda *_: "")
    site = await scanned(root)
    assert site.entry("evil").status == "ready"
    for shown in ("/evil.json", "/evil/v.json", "/-/scan/peek.json?name=evil"):
        response = await site.get(shown)
        assert response.status_code in (200, 400, 404), shown
        assert response.json()["ok"] is (response.status_code == 200)
    await site.close()


def test_name_with_a_null_character(root: Path) -> None:
    sql = "CREATE VIRTUAL TABLE v USING fts5(a)"
    facts = look(add_to_schema(make_database(root / "a.db"), "v\0x", 0, sql))
    assert facts.status in SKIPPED
    assert "the table v\\x00x has a null character" in facts.detail


@pytest.mark.parametrize("kind", ["table", "index"])
@pytest.mark.parametrize("column", ["type", "name", "tbl_name", "sql"])
def test_schema_that_is_not_text(column: str, kind: str, root: Path) -> None:
    path = make_database(root / "a.db")
    run_sql(path, "CREATE INDEX i ON t(name)")
    facts = look(store_as_blob(path, column, kind))
    assert facts.status in SKIPPED
    assert facts.detail == "its schema has a name or SQL that is not text"


@pytest.mark.parametrize("column", ["name", "sql"])
async def test_schema_that_becomes_odd(
    column: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the probe overlooks, Datasette answers, and a search ends."""
    monkeypatch.setattr(probe, "_NOT_TEXT", "SELECT 1 WHERE 0")
    store_as_blob(make_database(root / "evil.db"), column, "table")
    make_database(root / "good.db")
    site = await scanned(root)
    for page in ("/evil", "/evil/t", "/-/scan/peek?name=evil"):
        assert (await site.get(page)).status_code in (200, 404, 500), page
    body = await site.json("/-/scan/search.json?q=row")
    assert "good" in {found["database"] for found in body["results"]}
    assert body["complete"] and site.state.searches == 0
    if compat.HAS_CATALOG:
        [unsearched] = body["unsearched"]
        assert (unsearched["database"], unsearched["table"]) == ("evil", None)
        assert "TypeError" in unsearched["reason"]
    await site.close()


def test_blank_statistics(root: Path) -> None:
    """Of ANALYZE, which the preview falls back to."""
    connection = sqlite3.connect(make_database(root / "a.db"))
    connection.executescript("CREATE INDEX i ON t(name); ANALYZE")
    connection.execute("UPDATE sqlite_stat1 SET stat = ' '")
    assert peek._estimate(connection, Table("t")) == 3
    connection.close()


async def test_memory_is_bounded(root: Path) -> None:
    make_database(root / "a.db")
    run_sql(root / "a.db", "CREATE VIEW big AS SELECT hex(zeroblob(400000000)) AS x")
    site = await scanned(root, memory_max_mb=64)
    for sql in ("printf('%.*c', 100000000, 'x')", "hex(zeroblob(100000000))", "x from big"):
        query = {"sql": f"select {sql}"}
        response = await site.get("/a.json", params=query, follow_redirects=True)
        assert response.status_code in (400, 500), sql
        assert "too big" in response.text or "too much time or memory" in response.text, sql
    assert await site.count("a") == 3
    await site.close()


def test_memory_that_another_needs_is_waited_for(root: Path) -> None:
    """A read that meets the limit since another read is at it is made again, alone."""
    opener = Opener(Limits(), SnapshotStore(1 << 20))
    path = os.fsencode(make_database(root / "a.db"))
    tries = []

    def use(connection: sqlite3.Connection) -> int:
        tries.append(1)
        if len(tries) == 1:
            raise MemoryError
        return connection.execute("SELECT count(*) FROM t").fetchone()[0]

    assert opener.read(path, use)[0] == 3
    with pytest.raises(UnavailableError, match="too much memory"):
        opener.read(path, lambda _: [][0] if False else _raise(MemoryError()))
    opener.close()


def _raise(error: BaseException) -> Any:
    raise error


# -- functions, pragmas and statements with power


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT fts3_tokenizer('simple')",
        "SELECT fts3_tokenizer('simple', x'4141414141414141')",
        "SELECT FTS3_Tokenizer('simple')",
        "SELECT load_extension('x')",
        "ATTACH DATABASE ':memory:' AS x",
        "SELECT 1 UNION SELECT fts3_tokenizer('simple')",
    ],
)
def test_powerful_sql_is_refused(sql: str, query: Any) -> None:
    with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        query(sql)


@pytest.mark.parametrize("name", ["hard_heap_limit", "soft_heap_limit", "threads"])
def test_pragmas_that_set_something_do_nothing(name: str, query: Any) -> None:
    before = sqlite3.connect(":memory:").execute(f"PRAGMA {name}").fetchone()
    assert query(f"PRAGMA {name}=1000000") == []
    assert query(f"SELECT * FROM pragma_{name}") == []
    assert sqlite3.connect(":memory:").execute(f"PRAGMA {name}").fetchone() == before


def test_a_schema_is_not_trusted(query: Any) -> None:
    """Views and generated columns of a file call no functions but harmless ones."""
    query("SELECT 1", "CREATE VIEW v AS SELECT * FROM pragma_hard_heap_limit")
    with pytest.raises(sqlite3.OperationalError, match="unsafe use"):
        query("SELECT * FROM v")
    query("SELECT 1", "CREATE VIEW w AS SELECT fts3_tokenizer('simple') AS x")
    with pytest.raises(sqlite3.DatabaseError, match=r"unsafe use|not authorized|prohibited"):
        query("SELECT * FROM w")


def test_limits_of_a_connection(query: Any, tmp_path: Path) -> None:
    assert query("PRAGMA trusted_schema") == []
    opener = Opener(Limits(), SnapshotStore(1))
    raw = os.fsencode(make_database(tmp_path / "limits.db"))
    expected = {**connections._LIMITS, "SQLITE_LIMIT_ATTACHED": 0}
    found, _ = opener.read(
        raw, lambda c: {name: c.getlimit(getattr(sqlite3, name)) for name in expected}
    )
    assert found == expected
    opener.close()


@pytest.mark.skipif(not hasattr(sqlite3.Connection, "getconfig"), reason="new in Python 3.12")
def test_defensive(root: Path) -> None:
    opener = Opener(Limits(), SnapshotStore(1))
    raw = os.fsencode(make_database(root / "a.db"))
    found, _ = opener.read(
        raw, lambda c: {n: c.getconfig(getattr(sqlite3, n)) for n in connections._CONFIG}
    )
    assert found == connections._CONFIG
    opener.close()


# -- what is put in a file's place between the look and the open


@pytest.mark.skipif(sys.platform == "win32", reason="such files are POSIX")
@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_swapped_between_look_and_open(
    kind: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite opens by name: a pipe must not hold it, a link lead nowhere."""
    monkeypatch.setattr(watchdog, "_OPENING_SECONDS", 0.1)
    path = make_database(root / "a.db")
    secret = make_database(tmp_path / "secret.db", rows=77)
    opener = Opener(Limits(busy_seconds=0.3), SnapshotStore(1 << 20), (os.fsencode(root),))
    connect = attempt.connect
    aside = root / "aside"

    def swapped(*args: Any) -> sqlite3.Connection:
        path.rename(aside)
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "link":
            path.symlink_to(secret)
        else:
            path.mkdir()
        try:
            return connect(*args)
        finally:
            path.rmdir() if kind == "folder" else path.unlink()
            aside.rename(path)

    with monkeypatch.context() as during:
        during.setattr(attempt, "connect", swapped)
        with pytest.raises((UnavailableError, sqlite3.DatabaseError)):
            count(opener, path)
    assert count(opener, path)[0] == 3
    opener.close()


@pytest.mark.skipif(sys.platform == "win32", reason="such files are POSIX")
def test_thousand_pipes_and_links_swapped_in(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "_OPENING_SECONDS", 0.1)
    path = make_database(root / "a.db")
    secret = make_database(tmp_path / "secret.db", rows=77)
    spare = make_database(tmp_path / "spare.db")
    monkeypatch.setattr(opener_module, "_MIN_TRIES", 1)
    opener = Opener(Limits(busy_seconds=0), SnapshotStore(1 << 20), (os.fsencode(root),))
    swaps = 0

    def swap() -> None:
        nonlocal swaps
        fresh, odd, journal = root / "fresh", root / "odd", root / "a.db-journal"
        while swaps < 1000:
            os.mkfifo(odd) if swaps % 2 else odd.symlink_to(secret)
            shutil.copyfile(spare, fresh)
            odd.replace(path if swaps % 3 else journal)
            time.sleep(0.0005)
            fresh.replace(path)
            journal.unlink(missing_ok=True)
            time.sleep(0.002)
            swaps += 1

    thread = threading.Thread(target=swap)
    thread.start()
    answers = {3: 0, "refused": 0}
    while thread.is_alive():
        try:
            answers[count(opener, path)[0]] += 1  # KeyError for anything else
        except (UnavailableError, sqlite3.DatabaseError):
            answers["refused"] += 1
        opener.forget(os.fsencode(path))
    opener.close()
    assert swaps == 1000
    assert answers[3]
    assert answers["refused"]


# -- the end


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM is POSIX")
@pytest.mark.parametrize("where", ["probe", "table page", "query"])
def test_sigterm_ends_it_whatever_sqlite_does(where: str, root: Path, tmp_path: Path) -> None:
    """Nothing is left: no process, no private copy, no thread that waits."""
    doubling_views(root / "evil.db")
    hot_journal(root / "hot.db")
    if where == "probe":
        connection = sqlite3.connect(root / "evil.db")
        connection.execute("CREATE VIRTUAL TABLE f USING fts4(content='VIRTUAL_0', a)")
        connection.close()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    env = {**os.environ, "TMPDIR": str(temporary)}
    server = Server(tmp_path / "log", str(root), env=env)
    try:
        server.wait()
        if where != "probe":
            server.scanned()
            endless = (
                "with recursive n(i) as (select 1 union all select i+1 from n) select sum(i) from n"
            )
            pages = {"table page": "/evil/VIRTUAL_0", "query": f"/evil.json?sql={endless}"}
            page = pages[where].replace(" ", "+").replace("+from", "%20from")
            threading.Thread(target=_get, args=[server, page], daemon=True).start()
        time.sleep(0.3)
    finally:
        code = server.stop(signal.SIGTERM)
    assert code in (0, -signal.SIGTERM, 143)
    assert "Traceback" not in server.text()
    assert list(temporary.iterdir()) == []


def _get(server: Server, page: str) -> None:
    try:
        server.request(page)
    except OSError:
        pass


@pytest.mark.parametrize("columns", ["name, file", "a"])
async def test_tables_named_as_a_pragma(columns: str, root: Path) -> None:
    path = make_database(root / "a.db")
    run_sql(path, f"CREATE TABLE pragma_database_list({columns})")
    site = await scanned(root)
    assert (site.entry("a").status, await site.count("a")) == ("ready", 3)
    await site.close()
