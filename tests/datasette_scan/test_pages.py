"""What people and programs read, through ``ds.client``, on the installed line of Datasette."""

from __future__ import annotations

import csv
import io
import os
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sites import (
    MAGIC,
    Scanned,
    child_python,
    end,
    make_database,
    make_datasette,
    photograph,
    run_sql,
    scanned,
)
from test_opening import HOLD_OPEN, hot_journal

from datasette_scan import compat
from datasette_scan.finder import Problem
from datasette_scan.opening import attempt
from datasette_scan.settings import absolute_roots

ONE = compat.HAS_CATALOG


async def query(site: Scanned, name: str, sql: str) -> Any:
    """The rows of a query through the JSON API of either line."""
    path = f"/{name}/-/query.json" if ONE else f"/{name}.json"
    body = await site.json(path, params={"sql": sql, "_shape": "arrays"})
    return body["rows"]


async def test_found_databases_are_served(root: Path) -> None:
    make_database(root / "one.db")
    make_database(root / "deep" / "er" / "two.sqlite", rows=5, journal="wal")
    site = await scanned(root)
    assert set(site.names.values()) == {"one", "two"}
    assert await query(site, "one", "select count(*) from t") == [[3]]
    assert await query(site, "two", "select count(*) from t") == [[5]]
    for path in ("/one", "/two", "/one/t", "/two/t", "/one/t/1", "/-/scan", "/-/home", "/"):
        response = await site.get(path)
        assert response.status_code == 200, path
    assert "row 4" in (await site.get("/two/t")).text
    await site.close()


async def test_json(root: Path) -> None:
    make_database(root / "one.db")
    (root / "bad.db").write_bytes(MAGIC + b"?" * 4000)
    site = await scanned(root)
    body = await site.json("/-/scan.json?tab=skipped")
    assert list(body) == [
        "ok",
        "scanning",
        "scans",
        "revision",
        "seconds",
        "files",
        "folders",
        "databases",
        "skipped",
        "error",
        "total",
        "next",
        "rows",
        "skipped_files",
    ]
    assert (body["ok"], body["scanning"], body["scans"]) == (True, False, 1)
    assert (body["files"], body["databases"], body["skipped"]) == (2, 1, 1)
    [row] = body["rows"]
    modified = row.pop("modified")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", modified)
    revision = row.pop("revision")
    assert row == {
        "name": "one",
        "url": "/one",
        "path": str(root / "one.db"),
        "other_paths": [],
        "tables": 1,
        "size": (root / "one.db").stat().st_size,
        "application": None,
        "status": "ready",
        "detail": "ready",
    }
    assert (await site.json(f"/-/scan.json?since={revision}"))["rows"] == []
    assert len((await site.json(f"/-/scan.json?since={revision - 1}"))["rows"]) == 1
    [skip] = body["skipped_files"]
    assert skip["path"] == str(root / "bad.db")
    assert skip["reason"] and skip["advice"]
    await site.close()


async def test_databases_are_counted_before_filters(root: Path) -> None:
    for name in ("one", "two", "three"):
        make_database(root / f"{name}.db")
    site = await scanned(root, top={"databases": {"three": {"allow": {"id": "ann"}}}})
    body = await site.json("/-/scan.json?q=one")
    assert (body["databases"], body["total"]) == (2, 1)
    await site.close()


@pytest.mark.parametrize("seconds", [3 * 10**11, 10**17, -(3 * 10**11), -(10**17)])
async def test_time_outside_of_the_calendar(seconds: int, root: Path) -> None:
    """Some file systems store years past 9999."""
    make_database(root / "one.db")
    site = await scanned(root)
    site.entry("one").mtime_ns = seconds * 10**9
    [row] = (await site.json("/-/scan.json"))["rows"]
    assert row["modified"] is None
    for page in ("/-/scan.csv", "/-/scan", "/-/scan/peek?name=one", "/one"):
        assert (await site.get(page)).status_code == 200, page
    await site.close()


async def test_pages_of_rows(root: Path) -> None:
    for i in range(7):
        make_database(root / f"d{i}.db")
    site = await scanned(root)
    seen, token = [], "0"
    while token:
        body = await site.json(f"/-/scan.json?_size=3&_next={token}&_sort_desc=name")
        seen.append([row["name"] for row in body["rows"]])
        token = body["next"]
        assert body["total"] == 7
    assert seen == [["d6", "d5", "d4"], ["d3", "d2", "d1"], ["d0"]]
    html = (await site.get("/-/scan")).text
    assert "7 databases" in html
    await site.close()


@pytest.mark.parametrize(
    ("args", "names"),
    [
        ("q=places", ["places"]),
        ("q=MOZ_plac", ["places"]),  # a table's name
        ("q=firefoxy", ["places"]),  # a folder's name
        ("q=fire+plac", ["places"]),
        ("q=nothing", []),
        ("application=Firefox", ["places"]),
        ("status=ready", ["big", "places", "small"]),
        ("status=gone", []),
        ("min_size=100KB", ["big"]),
        ("max_size=50KB", ["places", "small"]),
        ("age=1d", ["big", "places"]),
        ("_sort_desc=size", ["big", "places", "small"]),
        ("_sort=modified&_size=1", ["small"]),
        ("_sort=application", ["places", "big", "small"]),
        ("_sort_desc=tables&_size=1", ["places"]),
    ],
)
async def test_search_filter_and_sort(args: str, names: list[str], root: Path) -> None:
    make_database(root / "small.db")
    os.utime(root / "small.db", (10**9, 10**9))
    make_database(root / "big.db", rows=20000)
    (root / "firefoxy").mkdir()
    run_sql(
        root / "firefoxy" / "places.sqlite",
        "CREATE TABLE moz_places (id)",
        "CREATE TABLE moz_historyvisits (id, text)",
        "CREATE TABLE a (b)",
    )
    site = await scanned(root)
    body = await site.json("/-/scan.json?" + args)
    assert [row["name"] for row in body["rows"]] == names
    sort = "" if "_sort" in args else "&_sort=name"
    html = (await site.get(f"/-/scan?group=none&{args}{sort}")).text
    shown = re.findall(r'data-name="([^"]*)"', html)
    assert shown == names
    await site.close()


async def test_folder_filter(root: Path) -> None:
    make_database(root / "in" / "a.db")
    make_database(root / "in" / "deeper" / "b.db")
    make_database(root / "in2" / "c.db")
    site = await scanned(root)
    body = await site.json("/-/scan.json", params={"folder": str(root / "in")})
    assert [row["name"] for row in body["rows"]] == ["a", "b"]
    await site.close()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ("_sort=colour", "_sort='colour'"),
        ("_size=-1", "_size='-1'"),
        ("_size=9999", "_size='9999'"),
        ("_next=abc", "_next='abc'"),
        ("age=old", "age='old'"),
        ("min_size=big", "'big'"),
        ("since=x", "since='x'"),
        *((f"{name}={'9' * 4301}", f"{name}='999") for name in ("_size", "_next", "since")),
        *((f"{name}={'9' * 4301}", "is not a size") for name in ("min_size", "max_size")),
        (f"age={'9' * 400}d", "age='999"),
        (f"age={'9' * 4301}d", "age='999"),
    ],
)
async def test_bad_arguments(args: str, said: str, root: Path) -> None:
    site = await scanned(root)
    for page in ("/-/scan", "/-/scan.json", "/-/scan.csv"):
        response = await site.get(f"{page}?{args}")
        assert response.status_code == 400
        assert said in response.json()["error"]
    await site.close()


async def test_csv(root: Path) -> None:
    make_database(root / "one.db")
    make_database(root / "=HYPERLINK(1),\n.db")
    site = await scanned(root)
    response = await site.get("/-/scan.csv")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert list(rows[0]) == [
        "name", "path", "tables", "size", "modified", "application", "status", "detail",
    ]  # fmt: skip
    assert [r["name"] for r in rows] == ["'=HYPERLINK(1),_", "one"]
    await site.close()


async def test_empty_state_says_what_was_scanned(root: Path) -> None:
    site = await scanned(root)
    html = (await site.get("/-/scan")).text
    assert "No SQLite databases were found." in html
    assert f"<code>{root}</code>" in html
    assert "--all" in html
    await site.close()


async def test_names_are_escaped_everywhere(root: Path) -> None:
    make_database(root / "<script>alert(1)<" / "x>.db")
    make_database(root / "evil\u202etxt.db")
    make_database(root / "red\x1b[31m.db")
    site = await scanned(root)
    for page in ("/-/scan", "/-/scan?q=<script>", "/-/home", "/evil_txt", "/evil_txt/t"):
        html = (await site.get(page)).text
        assert "<script>alert" not in html
        assert "\u202e" not in html
        assert "\x1b" not in html
    assert "evil\\u202etxt.db" in (await site.get("/-/scan")).text
    await site.close()


async def test_names_that_are_not_utf8(root: Path) -> None:
    path = os.path.join(os.fsencode(root), b"caf\xe9.db")
    made = make_database(root / "made.db", rows=4)
    os.rename(made, path)
    site = await scanned(root)
    assert site.names == {path: "caf_"}
    assert await query(site, "caf_", "select count(*) from t") == [[4]]
    assert "caf\\xe9.db" in (await site.get("/-/scan")).text
    for page in ("/caf_", "/caf_/t", "/-/databases.json", "/-/home", "/-/scan.json", "/-/scan.csv"):
        assert (await site.get(page)).status_code == 200
    await site.close()


async def test_a_name_with_percent_serves_itself(root: Path, tmp_path: Path) -> None:
    """Measured on 0.1.1: this file served the other one."""
    make_database(tmp_path / "priv" / "secret.db", rows=77)
    make_database(root / "..%2Fpriv%2Fsecret.db", rows=2)
    site = await scanned(root)
    [name] = site.names.values()
    assert await site.count(name) == 2
    await site.close()


async def test_names_with_a_hash_create_nothing(root: Path) -> None:
    """Measured on 0.1.1: an empty file ``c`` appeared beside ``c#.db``."""
    make_database(root / "c#.db")
    before = photograph(root)
    site = await scanned(root)
    assert (await site.get("/c~23/t")).status_code == 200
    assert photograph(root) == before
    await site.close()


async def test_corrupt_files_are_skipped_and_stay_skipped(root: Path) -> None:
    """Measured on 0.1.1: a rescan attached the bad file and the home page was 500."""
    make_database(root / "good.db")
    bad = make_database(root / "bad.db", rows=5000)
    with bad.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3000)
    (root / "header.db").write_bytes(MAGIC + bytes(100))
    site = await scanned(root)
    for _ in range(2):
        assert set(site.names.values()) == {"good"}
        for page in ("/", "/-/scan", "/-/home", "/-/databases.json", "/.json", "/good"):
            assert (await site.get(page)).status_code == 200
        await site.scan()
    html = (await site.get("/-/scan?tab=skipped")).text
    assert str(bad) in html and "header.db" in html
    await site.close()


async def test_damage_in_the_middle_is_said(root: Path) -> None:
    path = make_database(root / "one.db", rows=5000)
    run_sql(path, "CREATE TABLE well AS SELECT 1 AS x")
    with path.open("r+b") as file:
        file.seek(4096 * 10)
        file.write(b"\xff" * 4096 * 3)
    site = await scanned(root, allow={"scan-view": {"id": "root"}})
    assert [r["name"] for r in (await site.json("/-/scan.json"))["rows"]] == ["one"]
    for page in ("/one", "/one/well", "/-/home", "/", "/-/databases.json", "/.json"):
        assert (await site.get(page)).status_code == 200, page
    response = await site.get("/one/t?_sort_desc=name")
    assert response.status_code == 500
    assert "This database is corrupt" in response.text and ".recover" in response.text
    assert str(root) not in response.text
    body = (await site.get("/one/t.json?_sort_desc=name")).json()
    assert (body["ok"], body["title"]) == (False, "corrupt")
    sql = "/one/-/query.json" if ONE else "/one.json"
    response = await site.get(sql, params={"sql": "select count(name) from t"})
    assert response.status_code in (400, 500) and "malformed" in response.text
    await site.close()


VTAB = (
    "CREATE TABLE plain (id INTEGER PRIMARY KEY, name TEXT)",
    "INSERT INTO plain(name) VALUES ('readable')",
    "PRAGMA writable_schema=ON",
    "INSERT INTO sqlite_master VALUES ('table', 'SpatialIndex', 'SpatialIndex', 0, "
    "'CREATE VIRTUAL TABLE SpatialIndex USING VirtualSpatialIndex()')",
)


async def test_a_spatialite_file_is_partly_readable(root: Path) -> None:
    """Measured on 0.1.1: one such file stopped the command."""
    run_sql(root / "places.db", *VTAB)
    make_database(root / "other.db")
    site = await scanned(root)
    [row] = (await site.json("/-/scan.json?q=places"))["rows"]
    assert row["status"] == "partly readable"
    assert row["detail"] == "partly readable: needs extension spatialite"
    for page in ("/places", "/places/plain", "/places.json", "/-/home", "/.json", "/"):
        assert (await site.get(page)).status_code == 200, page
    assert "readable" in (await site.get("/places/plain")).text
    assert await query(site, "places", "select name from plain") == [["readable"]]
    await site.close()


async def test_applications(root: Path) -> None:
    run_sql(root / "a.db", "PRAGMA application_id=1196444487", "CREATE TABLE x (y)")
    run_sql(root / "b.db", "CREATE TABLE tiles (z)", "CREATE TABLE metadata (name, value)")
    run_sql(root / "c.db", "CREATE TABLE meta (k)", "CREATE TABLE cookies (host)")
    run_sql(
        root / "d.db", *(f"CREATE TABLE {t} (x)" for t in ("blob", "delta", "event", "rcvfrom"))
    )
    run_sql(root / "e.db", "CREATE TABLE Z_METADATA (x)", "CREATE TABLE Z_PRIMARYKEY (x)")
    site = await scanned(root)
    body = await site.json("/-/scan.json")
    assert {row["name"]: row["application"] for row in body["rows"]} == {
        "a": "GeoPackage",
        "b": "MBTiles",
        "c": "Chromium",
        "d": "Fossil",
        "e": "Apple",
    }
    await site.close()


async def test_live_and_snapshot_are_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "_is_root", lambda: False)  # which reads logs in copies
    wal = make_database(root / "wal.db", journal="wal")
    hot_journal(root / "hot.db")
    child = child_python(HOLD_OPEN, str(wal), "INSERT INTO t(name) VALUES ('log')")
    try:
        site = await scanned(root)
        rows = {r["name"]: r for r in (await site.json("/-/scan.json"))["rows"]}
        assert rows["wal"]["status"] == "live"
        assert rows["hot"]["status"] == "snapshot"
        assert re.fullmatch(r"snapshot \d\d:\d\d:\d\d", rows["hot"]["detail"])
        assert await query(site, "wal", "select count(*) from t") == [[4]]
        assert "<strong>live</strong>" in (await site.get("/wal/t")).text
        assert (await site.get("/wal/t.json")).headers["datasette-scan"] == "live"
        assert (await site.get("/hot/t.json")).headers["datasette-scan"].startswith("snapshot ")
        assert re.search(
            r"<strong>snapshot \d\d:\d\d:\d\d</strong>", (await site.get("/hot/t")).text
        )
        await site.close()
    finally:
        end(child)


async def test_banner(root: Path) -> None:
    make_database(root / "one.db")
    site = await scanned(root)
    for page in ("/one", "/one/t", "/one/t/1"):
        html = (await site.get(page)).text
        assert f"<code>{root / 'one.db'}</code>" in html, page
        assert "<strong>ready</strong>, read-only" in html
        assert '<a href="/-/scan">all databases found</a>' in html
    assert "scan-banner" not in (await site.get("/-/scan")).text
    await site.close()


async def test_gone(root: Path) -> None:
    path = make_database(root / "one.db")
    site = await scanned(root)
    path.unlink()
    for _ in range(2):  # before and after a scan has seen it
        for page, kind in (("/one", "html"), ("/one/t", "html"), ("/one/t.json", "json")):
            response = await site.get(page)
            assert response.status_code == 410, page
            assert "gone" in response.text
            assert kind in response.headers["content-type"]
        assert (await site.get("/-/home")).status_code == 200
        await site.scan()
    [row] = (await site.json("/-/scan.json"))["rows"]
    assert (row["name"], row["status"]) == ("one", "gone")
    make_database(path, rows=9)
    await site.scan()
    [row] = (await site.json("/-/scan.json"))["rows"]
    assert (row["name"], row["status"]) == ("one", "ready")
    assert await site.count("one") == 9
    await site.close()


async def test_busy_is_said(root: Path) -> None:
    path = make_database(root / "one.db")
    child = child_python(HOLD_OPEN, str(path), "BEGIN EXCLUSIVE")
    try:
        site = await scanned(root)
        [row] = (await site.json("/-/scan.json"))["rows"]
        assert (row["name"], row["status"]) == ("one", "busy")
        response = await site.get("/one")
        assert response.status_code == 503
        assert "busy" in response.text
        assert response.headers["retry-after"] == "2"
    finally:
        end(child)
    assert (await site.get("/one/t")).status_code == 200
    [row] = (await site.json("/-/scan.json"))["rows"]
    assert row["status"] == "ready"
    await site.close()


async def test_replaced_file_shows_its_new_tables(root: Path) -> None:
    """Measured on 0.1.1: the old file went on being served."""
    path = make_database(root / "one.db")
    site = await scanned(root)
    assert await query(site, "one", "select count(*) from t") == [[3]]
    run_sql(
        root / "new.db",
        "CREATE TABLE fresh (id INTEGER PRIMARY KEY)",
        "INSERT INTO fresh VALUES (1)",
    )
    os.replace(root / "new.db", path)
    assert await query(site, "one", "select count(*) from fresh") == [[1]]
    html = (await site.get("/one")).text
    assert "fresh" in html
    assert (await site.get("/one/fresh")).status_code == 200
    assert (await site.get("/one/t")).status_code == 404
    await site.close()


async def test_schema_change_is_seen(root: Path) -> None:
    path = make_database(root / "one.db")
    site = await scanned(root)
    assert (await site.get("/one")).status_code == 200
    run_sql(path, "CREATE TABLE added (id)", "CREATE VIEW seen AS SELECT * FROM t")
    html = (await site.get("/one")).text
    assert "added" in html and "seen" in html
    assert (await site.get("/one/seen")).status_code == 200
    await site.close()


async def test_the_same_names_at_every_start(root: Path) -> None:
    """Measured on 0.1.1: six db.sqlite3 had different URLs at every start."""
    for name in "abcdef":
        make_database(root / name / "db.sqlite3")
    (root / "g").mkdir()
    (root / "g" / "db.sqlite3").write_bytes(MAGIC + bytes(50))
    maps = []
    for _ in range(4):
        site = await scanned(root)
        maps.append(site.names)
        await site.close()
    assert maps[0] == maps[1] == maps[2] == maps[3]
    assert set(maps[0].values()) == {f"{name}-db" for name in "abcdef"}


async def test_alias_leads_to_the_name(root: Path) -> None:
    make_database(root / "one.db")
    site = await scanned(root)
    from datasette_scan.names import alias

    response = await site.get(f"/{alias(os.fsencode(root / 'one.db'))}/t.json?_size=1")
    assert response.status_code == 302
    assert response.headers["location"] == "/one/t.json?_size=1"
    assert (await site.get("/one-00000000")).status_code == 404
    await site.close()


async def test_hard_links_are_one_database(root: Path) -> None:
    path = make_database(root / "one.db")
    os.link(path, root / "two.db")
    site = await scanned(root)
    assert set(site.names.values()) == {"one"}
    body = await site.json("/-/scan.json?tab=skipped&q=two.db")
    assert body["skipped_files"] == []
    assert [row["other_paths"] for row in body["rows"]] == [[str(root / "two.db")]]
    assert "hard link: two.db" in (await site.get("/-/scan")).text
    (root / "two.db").unlink()
    await site.scan()
    assert (await site.json("/-/scan.json"))["rows"][0]["other_paths"] == []
    await site.close()
    site = await scanned(root, allow={"scan-view": {"id": "root"}})
    assert (await site.json("/-/scan.json"))["rows"][0]["other_paths"] == []
    await site.close()


async def test_filters_that_match_nothing_stay_in_sight(root: Path) -> None:
    run_sql(root / "a.db", "CREATE TABLE tiles (z)", "CREATE TABLE metadata (name, value)")
    make_database(root / "b.db")
    site = await scanned(root)
    page = (await site.get("/-/scan?q=a&status=busy&application=MBTiles&min_size=5MB&age=9d")).text
    assert "No database matches" in page
    chosen = re.findall(
        r'aria-current="true"[^>]*>(?:<svg.*?</svg>)?<span>(.*?)</span>(.*?)</a>', page
    )
    assert ("MBTiles", " <b>0</b>") in chosen and ("Busy", " <b>0</b>") in chosen
    assert ("5mb", "") in chosen and ("Changed within 9d", "") in chosen
    for key, rest in (
        ("status", "?q=a&amp;application=MBTiles&amp;min_size=5MB&amp;age=9d"),
        ("q", "?status=busy&amp;application=MBTiles&amp;min_size=5MB&amp;age=9d"),
    ):
        assert f'href="{rest}" title="Remove this filter">' in page, key
    page = (await site.get("/-/scan?application=MBTiles")).text  # and the others are one step away
    assert "<strong>1 database</strong>" in page
    assert '?application=none"><svg' in page and "<span>Your files</span> <b>1</b>" in page
    page = (await site.get("/-/scan?status=ready")).text
    assert "<span>MBTiles</span> <b>1</b>" in page
    await site.close()


async def test_search_finds_applications_and_accents(root: Path) -> None:
    run_sql(root / "a.db", "CREATE TABLE tiles (z)", "CREATE TABLE metadata (name, value)")
    make_database(root / "caf\u00e9.db")
    make_database(root / "Cafe\u0301 noir.db")
    site = await scanned(root)
    for query, names in (
        ("mbtiles", ["a"]),
        ("CAF\u00c9", ["Cafe\u0301 noir", "caf\u00e9"]),
        ("cafe\u0301", ["Cafe\u0301 noir", "caf\u00e9"]),
    ):
        rows = (await site.json("/-/scan.json", params={"q": query}))["rows"]
        assert [row["name"] for row in rows] == names, query
    await site.close()


async def test_symbolic_links_do_not_lead_out(root: Path, tmp_path: Path) -> None:
    make_database(tmp_path / "outside" / "secret.db")
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "file.db").symlink_to(tmp_path / "outside" / "secret.db")
    make_database(root / "mine.db")
    site = await scanned(root)
    assert set(site.names.values()) == {"mine"}
    # and a file that turns into such a link later is not followed either
    (root / "mine.db").unlink()
    (root / "mine.db").symlink_to(tmp_path / "outside" / "secret.db")
    assert (await site.get("/mine/t")).status_code == 410
    await site.scan()
    assert (await site.get("/mine/t")).status_code == 410
    await site.close()


async def test_root_that_is_a_link(root: Path, tmp_path: Path) -> None:
    """The scanner prints resolved paths: the others are compared with these."""
    make_database(root / "sub" / "one.db")
    (tmp_path / "link").symlink_to(root)
    site = await scanned(tmp_path / "link", root)
    assert site.state.catalog.roots == (os.fsencode(root),)
    assert [entry.path for entry in site.state.catalog.entries.values()] == [
        os.fsencode(root / "sub" / "one.db")
    ]
    site.state.catalog.record_problem(Problem(os.fsencode(root), "denied", "permission denied"))
    assert [skip.status for skip in site.state.catalog.skipped.values()] == ["unreadable"]
    await site.close()


def test_roots_are_spelled_as_macos_does(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(fcntl, "F_GETPATH", 50, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", lambda fd, command, buffer: b"/Users/Ann" + buffer[10:])
    missing = tmp_path / "missing"
    assert absolute_roots([str(root), str(missing)]) == (b"/Users/Ann", os.fsencode(missing))


@pytest.mark.parametrize("what", ["file", "folder"])
@pytest.mark.parametrize("where", ["inside", "outside"])
async def test_what_becomes_a_link_is_gone(
    what: str, where: str, root: Path, tmp_path: Path
) -> None:
    """Between the scan and the look: a link in place of a file, or of a folder above it."""
    make_database(root / "sub" / "one.db")
    to = {"inside": root / "to", "outside": tmp_path / "to"}[where]
    make_database(to / "one.db", rows=7)
    site = await scanned(root, exclude=["to/"])
    assert set(site.names.values()) == {"one"}
    (root / "sub").rename(root / "was")
    if what == "folder":
        (root / "sub").symlink_to(to)
    else:
        (root / "sub").mkdir()
        (root / "sub" / "one.db").symlink_to(to / "one.db")
    # A folder that leads elsewhere below the roots is as good as a mount there.
    expected = 200 if (what, where) == ("folder", "inside") else 410
    assert (await site.get("/one/t.json")).status_code == expected
    await site.close()


async def test_explicit_file_that_is_also_found(root: Path) -> None:
    """Measured on 0.1.1: "Duplicate database file" ended 1.0."""
    path = make_database(root / "one.db")
    make_database(root / "two.db")
    site = await scanned(root, files=[str(path)])
    assert set(site.names.values()) == {"two"}
    assert [n for n in site.ds.databases if not n.startswith("_")] == ["one", "two"]
    html = (await site.get("/-/scan")).text
    assert 'Also served: <a href="/one">one</a>' in html
    await site.close()


async def test_default_excludes_and_all(root: Path) -> None:
    for folder in (".git", "node_modules", ".cache", "src"):
        make_database(root / folder / "x.db")
    site = await scanned(root)
    assert {os.path.dirname(p) for p in site.names} == {os.fsencode(root / "src")}
    await site.close()
    site = await scanned(root, all=True)
    assert len(site.names) == 4
    await site.close()
    site = await scanned(root, all=True, exclude=["src/", ".git/"], max_depth=2)
    assert len(site.names) == 2
    await site.close()


async def test_configuration_makes_a_plain_datasette_scan(root: Path) -> None:
    make_database(root / "one.db")
    ds = make_datasette({"paths": [str(root)], "interval": 0.2})
    site = Scanned(ds)
    await ds.invoke_startup()
    import asyncio

    while True:
        body = await site.json("/-/scan.json")
        if body["total"] == 1 and not body["scanning"]:
            break
        if ONE:
            await ds.start_background_tasks()
        await asyncio.sleep(0.05)
    assert (await site.json("/-/scan.json"))["rows"][0]["name"] == "one"
    assert "<h1>Databases in" not in (await site.get("/")).text  # the home page stays
    make_database(root / "later.db")
    while True:
        rows = (await site.json("/-/scan.json"))["rows"]
        if [r["url"] for r in rows] == ["/later", "/one"]:
            break
        await asyncio.sleep(0.05)
    assert (await site.json("/later/t.json?_shape=array"))[0]["name"] == "row 0"
    if ONE:
        await ds._background_tasks.cancel_all()
    await site.close()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"path": ["x"]}, "unknown setting 'path'"),
        *(
            ({key: value}, f"{key} must be a number")
            for key in ("interval", "max_depth", "snapshot_max_mb", "memory_max_mb")
            for value in (float("inf"), float("nan"), 10**400)
        ),
        ({"paths": 3}, "paths must be a list of strings"),
        ({"paths": ["/x"], "interval": "often"}, "interval must be a number"),
        ({"paths": ["/x"], "max_depth": -1}, "max_depth must be a number of at least 0"),
    ],
)
async def test_bad_configuration(config: dict[str, Any], said: str) -> None:
    from datasette.utils import StartupError

    with pytest.raises(StartupError, match=said):
        await make_datasette(config).invoke_startup()


def test_a_datasette_without_configuration_is_left_alone() -> None:
    from datasette.app import Datasette
    from datasette_scan.state import state_of

    ds = Datasette(memory=True)
    assert not state_of(ds).settings.active
    assert "_memory" in ds.databases


async def test_no_write_through_any_door(root: Path) -> None:
    path = make_database(root / "one.db")
    before = photograph(root)
    site = await scanned(root)
    db = site.ds.databases["one"]
    for call in (
        lambda: db.execute_write("DELETE FROM t"),
        lambda: db.execute_write_script("DELETE FROM t"),
        lambda: db.execute_write_many("INSERT INTO t(name) VALUES (?)", [("x",)]),
        lambda: db.execute_write_fn(lambda c: c.execute("DELETE FROM t")),
    ):
        with pytest.raises(Exception, match="read-only"):
            await call()
    with pytest.raises(Exception, match="read-only"):
        db.connect(write=True)
    with pytest.raises(sqlite3.OperationalError):
        await db.execute("DELETE FROM t")
    assert photograph(root) == before
    assert await site.count("one") == 3
    assert path.exists()
    await site.close()


async def test_one_style_sheet_where_scans_show(root: Path) -> None:
    """It has the dark mode. A plain Datasette keeps its other pages as they are."""
    make_database(root / "one.db")
    site = await scanned(root)
    (root / "one.db").rename(root / "gone.db")
    assert (await site.get("/one/t")).text.count("scan.css") == 1
    (root / "gone.db").rename(root / "one.db")
    for path, ours in (
        ("/", False), ("/-/settings", False), ("/one", True), ("/one/t", True),
        ("/one?sql=select+1", True), ("/-/scan", True), ("/-/scan/search", True),
    ):  # fmt: skip
        text = (await site.get(path, follow_redirects=True)).text
        assert re.findall(r"datasette-scan/(\w+)\.css", text) == ["scan"] * ours, path
    await site.close()
