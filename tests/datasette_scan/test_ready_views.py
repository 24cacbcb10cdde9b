"""Ready-made views, each with a small database as its program makes it."""

from __future__ import annotations

import html
import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sites import Scanned, run_sql, scanned
from test_permissions import cookie

from datasette_scan.ready_views import ready_views

NOON = 1_700_000_000  # seconds since 1970: 2023-11-14
CHROMIUM = (NOON + 11_644_473_600) * 1_000_000
MADE = {
    "Firefox": [
        "CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url LONGVARCHAR, title LONGVARCHAR, "
        "rev_host LONGVARCHAR, visit_count INTEGER DEFAULT 0, hidden INTEGER, typed INTEGER, "
        "frecency INTEGER, last_visit_date INTEGER, guid TEXT)",
        "CREATE TABLE moz_historyvisits (id INTEGER PRIMARY KEY, from_visit INTEGER, "
        "place_id INTEGER, visit_date INTEGER, visit_type INTEGER, session INTEGER)",
        "CREATE TABLE moz_bookmarks (id INTEGER PRIMARY KEY, type INTEGER, fk INTEGER, "
        "parent INTEGER, position INTEGER, title LONGVARCHAR, dateAdded INTEGER)",
        "CREATE TABLE moz_anno_attributes (id INTEGER PRIMARY KEY, name VARCHAR(32) UNIQUE)",
        "CREATE TABLE moz_annos (id INTEGER PRIMARY KEY, place_id INTEGER, "
        "anno_attribute_id INTEGER, content LONGVARCHAR, flags INTEGER, dateAdded INTEGER)",
        "INSERT INTO moz_places(id, url, title, visit_count, last_visit_date) VALUES "
        f"(1, 'https://example.org/', 'Example', 3, {NOON}000000)",
        f"INSERT INTO moz_historyvisits(place_id, visit_date) VALUES (1, {NOON}000000)",
        f"INSERT INTO moz_bookmarks(fk, title, dateAdded) VALUES (1, 'Saved', {NOON}000000)",
        "INSERT INTO moz_anno_attributes VALUES (7, 'downloads/destinationFileURI')",
        "INSERT INTO moz_annos(place_id, anno_attribute_id, content, dateAdded) VALUES "
        f"(1, 7, 'file:///home/ann/a.pdf', {NOON}000000)",
    ],
    "Chromium": [
        "CREATE TABLE urls (id INTEGER PRIMARY KEY, url LONGVARCHAR, title LONGVARCHAR, "
        "visit_count INTEGER, typed_count INTEGER, last_visit_time INTEGER, hidden INTEGER)",
        "CREATE TABLE visits (id INTEGER PRIMARY KEY, url INTEGER, visit_time INTEGER, "
        "from_visit INTEGER, transition INTEGER)",
        "CREATE TABLE keyword_search_terms (keyword_id INTEGER, url_id INTEGER, term LONGVARCHAR, "
        "normalized_term LONGVARCHAR)",
        "CREATE TABLE downloads (id INTEGER PRIMARY KEY, guid VARCHAR, current_path LONGVARCHAR, "
        "target_path LONGVARCHAR, start_time INTEGER, received_bytes INTEGER, total_bytes INTEGER, "
        "state INTEGER, tab_url VARCHAR, mime_type VARCHAR(255))",
        f"INSERT INTO urls VALUES (1, 'https://example.org/', 'Example', 1, 0, {CHROMIUM}, 0)",
        f"INSERT INTO visits VALUES (1, 1, {CHROMIUM}, 0, 0)",
        "INSERT INTO keyword_search_terms VALUES (2, 1, 'Example', 'example')",
        "INSERT INTO downloads(target_path, start_time, total_bytes, tab_url, mime_type) VALUES "
        f"('/home/ann/a.pdf', {CHROMIUM}, 9, 'https://example.org/', 'application/pdf')",
    ],
    "Anki": [
        "CREATE TABLE notes (id integer primary key, guid text, mid integer, mod integer, "
        "usn integer, tags text, flds text, sfld integer, csum integer, flags integer, data text)",
        "CREATE TABLE cards (id integer primary key, nid integer, did integer, ord integer, "
        "mod integer, usn integer, type integer, queue integer, due integer, ivl integer, "
        "factor integer, reps integer, lapses integer, left integer, odue integer, odid integer)",
        "CREATE TABLE revlog (id integer primary key, cid integer, usn integer, ease integer, "
        "ivl integer, lastIvl integer, factor integer, time integer, type integer)",
        "INSERT INTO notes(id, tags, flds, sfld) VALUES (1, ' a ', 'Haus\x1fhouse', 'Haus')",
        f"INSERT INTO cards(id, nid, type, reps, lapses, ivl) VALUES ({NOON}000, 1, 2, 4, 1, 30)",
        f"INSERT INTO revlog(id, cid, ease, time) VALUES ({NOON}000, 1, 1, 60000)",
    ],
    "MBTiles": [
        "CREATE TABLE metadata (name text, value text)",
        "CREATE TABLE images (id text, data blob)",
        "CREATE TABLE map (z integer, x integer, y integer, id text)",
        "CREATE VIEW tiles AS SELECT z AS zoom_level, x AS tile_column, y AS tile_row, "
        "data AS tile_data FROM map JOIN images ON images.id = map.id",
        "INSERT INTO images VALUES ('a', x'89504e47')",
        "INSERT INTO map VALUES (0, 0, 0, 'a')",
    ],
    "GeoPackage": [
        "CREATE TABLE gpkg_spatial_ref_sys (srs_id INTEGER PRIMARY KEY)",
        "CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT, identifier TEXT, "
        "description TEXT, last_change DATETIME, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, "
        "max_y DOUBLE, srs_id INTEGER)",
        "INSERT INTO gpkg_contents VALUES "
        "('parks', 'features', 'Parks', '', '2023-11-14T12:00:00.000Z', 1, 2, 3, 4, 4326)",
    ],
}
EXPECTED = {
    ("Firefox", "History by day"): {"title": "Example", "day": "2023-11-14"},
    ("Firefox", "Downloads"): {"file": "file:///home/ann/a.pdf", "added": "2023-11-14"},
    ("Firefox", "Most visited pages"): {"visit_count": 3, "last_visit": "2023-11-14"},
    ("Firefox", "Bookmarks"): {"title": "Saved", "url": "https://example.org/"},
    ("Chromium", "History by day"): {"title": "Example", "day": "2023-11-14"},
    ("Chromium", "Downloads"): {"file": "/home/ann/a.pdf", "started": "2023-11-14"},
    ("Chromium", "Searches typed"): {"term": "Example", "last_visit": "2023-11-14"},
    ("Anki", "Cards"): {"front": "Haus", "state": "review", "tags": "a", "created": "2023-11-14"},
    ("Anki", "Reviews by day"): {"day": "2023-11-14", "reviews": 1, "again": 1, "minutes": 1.0},
    ("MBTiles", "Tiles by zoom level"): {"zoom_level": 0, "tiles": 1, "bytes": 4},
    ("MBTiles", "Tiles"): {"zoom_level": 0, "tile_column": 0},
    ("GeoPackage", "Layers"): {"layer": "parks", "last_change": "2023-11-14 12:00:00"},
}


def made(root: Path, application: str) -> Path:
    path = root / f"{application.lower()}.db"
    run_sql(path, *MADE[application])
    return path


def shown(text: str) -> dict[str, str]:
    """title → address, of a page's ready-made views."""
    line = text.partition("<strong>Ready-made</strong>")[2].partition("</p>")[0]
    return {
        title: html.unescape(url) for url, title in re.findall(r'<a href="([^"]*)">([^<]*)', line)
    }


async def rows_of(site: Scanned, url: str) -> Any:
    parts = urlsplit(url)
    return (await site.json(f"{parts.path}.json?{parts.query}&_shape=objects"))["rows"]


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The time zone, also of a C library that has read another."""
    with monkeypatch.context() as during:
        during.setenv("TZ", "UTC")
        _read_time_zone()
        yield
    _read_time_zone()


def _read_time_zone() -> None:
    if hasattr(time, "tzset"):
        time.tzset()


@pytest.mark.parametrize("application", list(MADE))
async def test_each_view_is_offered_and_works(application: str, root: Path, utc: None) -> None:
    made(root, application)
    site = await scanned(root)
    name = application.lower()
    found = shown((await site.get(f"/{name}")).text)
    titles = [view.title for view in ready_views() if view.application == application]
    assert list(found) == titles
    assert shown((await site.get(f"/-/scan/peek?name={name}")).text) == found
    body = await site.json(f"/-/scan/peek.json?name={name}")
    assert {v["title"]: v["url"] for v in body["ready_views"]} == found
    for title, url in found.items():
        assert (await site.get(url)).status_code == 200
        [row] = await rows_of(site, url)
        for column, value in EXPECTED[application, title].items():
            assert row[column] == value or str(row[column]).startswith(str(value)), (title, row)
    await site.close()


def test_every_view_is_tested() -> None:
    assert {(view.application, view.title) for view in ready_views()} == set(EXPECTED)


async def test_a_view_without_its_column(root: Path) -> None:
    path = made(root, "Anki")
    run_sql(path, "ALTER TABLE cards RENAME COLUMN lapses TO fallen")
    site = await scanned(root)
    assert list(shown((await site.get("/anki")).text)) == ["Reviews by day"]
    await site.close()


async def test_views_need_execute_sql(root: Path) -> None:
    made(root, "Anki")
    denied = {"allow_sql": {"id": "ann"}}
    site = await scanned(root, top={"databases": {"anki": denied}})
    assert shown((await site.get("/anki")).text) == {}
    assert len(shown((await site.get("/anki", cookies=cookie(site, {"id": "ann"}))).text)) == 2
    await site.close()


def test_the_queries_are_short() -> None:
    for view in ready_views():
        assert len(view.sql.splitlines()) <= 8, view.title
        assert sqlite3.complete_statement(view.sql + ";")
