"""The preview, the banner, and the meaning of statuses."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile import doubling_views
from sites import Scanned, make_database, photograph, run_sql, scanned
from test_opening import hot_journal
from test_permissions import cookie

from datasette_scan import peek
from datasette_scan.errors import UnavailableError
from datasette_scan.probe import SKIPPED
from datasette_scan.schema import Table
from datasette_scan.statuses import STATUSES, format_status

KINDS = (
    "CREATE TABLE letter (id INTEGER PRIMARY KEY, sender TEXT, body TEXT, photo BLOB, weight REAL)",
    "INSERT INTO letter(sender, body, photo, weight) VALUES ('Ann', NULL, x'0102', 1.5)",
    "INSERT INTO letter(sender, body) VALUES ('<b>Bob</b>', 'x' || char(8238) || 'y')",
    "CREATE VIEW senders AS SELECT sender FROM letter",
    "CREATE VIRTUAL TABLE letter_fts USING fts5(body, content=letter)",
    "CREATE VIRTUAL TABLE box USING rtree(id, a, b)",
)


async def look(site: Scanned, name: str, **params: str) -> Any:
    return await site.json("/-/scan/peek.json", params={"name": name, **params})


async def test_tables_counts_columns_and_first_rows(root: Path) -> None:
    run_sql(root / "post.db", *KINDS)
    site = await scanned(root)
    body = await look(site, "post")
    kinds = {t["name"]: (t["kind"], t["rows"], t["is_exact"]) for t in body["tables"]}
    assert kinds == {
        "letter": ("table", 2, True),
        "senders": ("view", None, True),
        "letter_fts": ("full-text", 2, True),
        "box": ("virtual", 0, True),
    }
    assert body["tables"][0]["columns"] == ["id", "sender", "body", "photo", "weight"]
    first = body["first_rows"]
    assert first["table"] == "letter"
    assert [cell["type"] for cell in first["rows"][0]] == [
        "integer",
        "text",
        "null",
        "blob",
        "real",
    ]
    assert [cell["text"] for cell in first["rows"][0]] == ["1", "Ann", "", "2", "1.5"]
    assert (await look(site, "post", table="senders"))["first_rows"]["columns"] == ["sender"]
    assert (await look(site, "post", table="none"))["first_rows"]["table"] == "letter"
    await site.close()


async def test_page_and_fragment(root: Path) -> None:
    run_sql(root / "post.db", *KINDS)
    site = await scanned(root)
    for page in ("/-/scan/peek?name=post", "/-/scan/peek?name=post&_fragment=1"):
        html = (await site.get(page)).text
        assert "&lt;b&gt;Bob&lt;/b&gt;" in html and "<b>Bob" not in html
        assert "\u202e" not in html
        assert "<small>full-text</small>" in html
        assert "blob, 2 bytes" in html
        assert str(root / "post.db") in html
        assert 'href="/post/letter"' in html
    assert "<html" not in (await site.get("/-/scan/peek?name=post&_fragment=1")).text
    await site.close()


async def test_nothing_changes_on_disk(root: Path) -> None:
    make_database(root / "quiet.db", journal="wal")
    hot_journal(root / "crashed.db")
    site = await scanned(root)
    before = photograph(root)
    for name in ("quiet", "crashed"):
        assert (await look(site, name))["tables"][0]["name"] == "t"
    assert photograph(root) == before
    await site.close()


async def test_big_tables_are_estimated(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_database(root / "one.db", rows=30_000)
    run_sql(
        root / "one.db",
        "CREATE TABLE keyed (k TEXT PRIMARY KEY) WITHOUT ROWID",
        "INSERT INTO keyed SELECT name || id FROM t",
        "CREATE TABLE unknown (k TEXT PRIMARY KEY) WITHOUT ROWID",
        "ANALYZE keyed",
        "INSERT INTO unknown SELECT name || id FROM t",
    )
    monkeypatch.setattr(peek, "_COUNT_SECONDS", 0)
    site = await scanned(root)
    rows = {t["name"]: (t["rows"], t["is_exact"]) for t in (await look(site, "one"))["tables"]}
    assert rows == {"t": (30_000, False), "keyed": (30_000, False), "unknown": (None, False)}
    html = (await site.get("/-/scan/peek?name=one")).text
    assert "about 30,000" in html and "unknown</b>" in html
    await site.close()


async def test_hostile_and_huge_contents(root: Path) -> None:
    doubling_views(root / "views.db", families=10)
    run_sql(
        root / "wide.db",
        f"CREATE TABLE t ({', '.join(f'c{i}' for i in range(200))})",
        f"INSERT INTO t(c0) VALUES ('{'x' * 100_000}')",
        "CREATE VIEW slow AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) "
        "SELECT max(i) AS most FROM c",
        "CREATE VIEW broken AS SELECT * FROM missing_table",
        *(f"CREATE TABLE t{i} (a)" for i in range(250)),
    )
    site = await scanned(root)
    assert (await look(site, "views"))["first_rows"]["table"] == "t"
    body = await look(site, "wide")
    assert len(body["tables"]) == peek.MAX_TABLES
    assert body["more_tables"] == 253 - peek.MAX_TABLES
    assert len(body["first_rows"]["rows"][0][0]["text"]) < 300
    assert body["first_rows"]["more_columns"] == 170
    assert (await look(site, "wide", table="slow"))["first_rows"]["error"] == "it takes too long"
    assert "missing_table" in (await look(site, "wide", table="broken"))["first_rows"]["error"]
    await site.close()


async def test_rights_are_asked_table_by_table(root: Path) -> None:
    for name in ("open", "closed", "partly"):
        make_database(root / f"{name}.db")
        run_sql(root / f"{name}.db", "CREATE TABLE secret (word)", "INSERT INTO secret VALUES (1)")
    ann = {"allow": {"id": "ann"}}
    top = {"databases": {"closed": ann, "partly": {"tables": {"secret": ann}}}}
    site = await scanned(root, top=top, allow={"scan-view": {"id": "ann"}})
    assert [t["name"] for t in (await look(site, "partly"))["tables"]] == ["t"]
    assert (await look(site, "partly", table="secret"))["first_rows"]["table"] == "t"
    page = (await site.get("/-/scan/peek?name=partly&table=secret")).text
    assert "word" not in page and str(root) not in page
    for name in ("closed", "none", ""):
        assert (await site.get(f"/-/scan/peek.json?name={name}")).status_code == 404
    cookies = cookie(site, {"id": "ann"})
    found = await site.json("/-/scan/peek.json?name=closed&table=secret", cookies=cookies)
    assert found["first_rows"]["table"] == "secret"
    assert found["path"] == str(root / "closed.db")
    await site.close()
    site = await scanned(root, top={"allow": {"id": "ann"}})
    assert (await site.get("/-/scan/peek?name=open")).status_code == 403
    await site.close()


async def test_what_cannot_be_read_says_why(root: Path) -> None:
    make_database(root / "one.db")
    site = await scanned(root)
    (root / "one.db").unlink()
    response = await site.get("/-/scan/peek?name=one")
    assert response.status_code == 410
    assert "It is gone." in response.text
    fragment = await site.get("/-/scan/peek?name=one&_fragment=1")
    assert (fragment.status_code, "Try again" in fragment.text) == (200, True)
    body = (await site.get("/-/scan/peek.json?name=one")).json()
    assert (body["ok"], body["error"], body["tables"]) == (False, "gone", [])
    await site.close()


async def test_new_table_shows_without_a_new_scan(root: Path) -> None:
    make_database(root / "one.db")
    site = await scanned(root)
    assert [t["name"] for t in (await look(site, "one"))["tables"]] == ["t"]
    run_sql(root / "one.db", "CREATE TABLE fresh (a)")
    assert [t["name"] for t in (await look(site, "one"))["tables"]] == ["t", "fresh"]
    await site.close()


# -- statuses


def kinds(error: type[UnavailableError]) -> Iterator[type[UnavailableError]]:
    yield error
    for kind in error.__subclasses__():
        yield from kinds(kind)


def test_every_status_has_a_meaning() -> None:
    given = {kind.word for kind in kinds(UnavailableError)}
    elsewhere = SKIPPED | {"stopping", "not found yet", "too complex", "too large to download"}
    assert given - elsewhere <= set(STATUSES)
    assert format_status("snapshot", taken_at=time.time()).startswith("snapshot ")
    assert format_status("partly readable", "needs x") == "partly readable: needs x"
    assert STATUSES["ready"][0] == "read in place"
    docs = Path(__file__).parents[2] / "docs" / "reference" / "datasette-scan.md"
    for word in STATUSES:
        assert f"| {word}" in docs.read_text(encoding="utf-8")


async def test_statuses_page(root: Path) -> None:
    make_database(root / "one.db")
    site = await scanned(root)
    html = (await site.get("/-/scan/states")).text
    for word in STATUSES:
        assert f'<dt id="{word.replace(" ", "-")}">{word}</dt>' in html
    await site.close()


# -- the banner


async def test_the_banner_describes_the_database(root: Path) -> None:
    for name in ("one", "two", "three"):
        make_database(root / "near" / f"{name}.db")
    make_database(root / "far.db")
    make_database(root / "near" / "below" / "deep.db")
    run_sql(root / "near" / "one.db", "CREATE TABLE django_migrations (id)")
    top = {"databases": {"three": {"allow": {"id": "ann"}}}}
    site = await scanned(root, top=top)
    html = (await site.get("/one")).text.partition("scan-banner")[2].partition("</form>")[0]
    for text in (
        f"<code>{root / 'near' / 'one.db'}</code>",
        f'data-copy-text="{root / "near" / "one.db"}"',
        "<strong>Django</strong>",
        "12.0 KB",
        "changed <time",
        "It is read in place.",
        'href="/-/scan/states#ready"',
        'action="/-/scan/refresh"',
        '<a href="/two">two</a>',
    ):
        assert text in html, text
    for absent in ("/three", "/far", "/deep"):
        assert absent not in html
    short = (await site.get("/one/t")).text.partition("scan-banner")[2].partition("</div>")[0]
    assert str(root / "near" / "one.db") in short and "all databases found" in short
    assert "Read again" not in short and "In the same folder" not in short
    await site.close()


async def test_banner_hides_where_files_are(root: Path) -> None:
    make_database(root / "one.db")
    make_database(root / "two.db")
    site = await scanned(root, allow={"scan-view": {"id": "ann"}})
    html = (await site.get("/one")).text
    assert str(root) not in html and "In the same folder" not in html
    assert "It is read in place." in html
    await site.close()


async def test_read_again(root: Path) -> None:
    hot_journal(root / "crashed.db")
    top = {"databases": {"crashed": {"allow": {"id": "ann"}}}}
    site = await scanned(root, top=top)
    ann = cookie(site, {"id": "ann"})
    page = await site.get("/crashed", cookies=ann)
    assert "It is read from a private copy." in page.text
    value = page.text.partition('name="csrftoken" value="')[2].partition('"')[0]
    fields = {"name": "crashed", "csrftoken": value}
    cookies = {**ann, **dict(page.cookies)}
    before = site.ds.databases["crashed"].last_read
    response = await site.ds.client.post("/-/scan/refresh", data=fields, cookies=cookies)
    assert (response.status_code, response.headers["location"]) == (303, "/crashed")
    await site.get("/crashed", cookies=ann)
    assert site.ds.databases["crashed"].last_read.taken_at > before.taken_at
    assert (await site.get("/-/scan/refresh")).status_code == 405
    anonymous = {**fields, "csrftoken": value}
    page_cookies = dict(page.cookies)
    response = await site.ds.client.post("/-/scan/refresh", data=anonymous, cookies=page_cookies)
    assert response.status_code == 404
    headers = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    response = await site.ds.client.post(
        "/-/scan/refresh", data=fields, cookies=cookies, headers=headers
    )
    assert response.status_code == 403
    await site.close()


def test_estimate_with_a_partial_index(tmp_path: Path) -> None:
    """Its statistics count its own rows, whichever come first."""
    connection = sqlite3.connect(make_database(tmp_path / "one.db", rows=1000))
    connection.execute("DELETE FROM t WHERE id <= 100")
    connection.executescript("CREATE INDEX part ON t(id) WHERE id > 990; ANALYZE")
    for order in ("DESC", "ASC"):
        rows = connection.execute(f"SELECT * FROM sqlite_stat1 ORDER BY stat {order}").fetchall()
        connection.execute("DELETE FROM sqlite_stat1")
        connection.executemany("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", rows)
        assert peek._estimate(connection, Table("t")) == 900, rows
    connection.close()


def test_estimate_survives_odd_statistics(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "one.db")
    connection.execute("CREATE TABLE t (a)")
    connection.execute("INSERT INTO t VALUES (1), (2)")
    connection.execute("ANALYZE")
    connection.execute("UPDATE sqlite_stat1 SET stat = 'nonsense'")
    assert peek._estimate(connection, Table("t")) == 2
    connection.close()


async def test_every_link_is_below_base_url(root: Path) -> None:
    make_database(root / "one.db")
    make_database(root / "two.db")
    site = await scanned(root)
    site.ds._settings["base_url"] = "/below/"
    for page in (
        "/-/scan",
        "/-/scan/peek?name=one",
        "/-/scan/search?q=row",
        "/-/scan/states",
        "/-/scan/changes",
        "/-/scan/duplicates?compare=1",
        "/one",
    ):
        response = await site.ds.client.get(page)
        assert response.status_code == 200, page
        for url in re.findall(r'(?:href|src|action|formaction)="(/[^"]*)"', response.text):
            assert url.startswith("/below/") and "/below/below" not in url, (page, url)
    await site.close()
