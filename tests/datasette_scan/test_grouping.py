"""The list in groups, one line for files that are alike, pages with numbers."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from sites import make_database, scanned
from test_pages import run_sql

from datasette_scan.catalog import INTERNALS, Entry
from datasette_scan.grouping import cut_page, folders_below, group, count_lines, shorten_groups
from datasette_scan.bundle_keys import is_internal, make_bundle_key
from datasette_scan.query import page_numbers
from datasette_scan.text import format_ago


def entry(path: str, application: str = "", schema: int = 1, size: int = 10) -> Entry:
    folder, slash, name = path[3:].rpartition("/")
    bundle_key = make_bundle_key(folder + slash, name, application, schema)
    found = Entry(
        path.encode(), 1, 1, path, size=size, application=application, bundle_key=bundle_key
    )
    found.application_group = INTERNALS if is_internal(bundle_key) else application or "none"
    return found


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("notes.db", ""),
        ("a/Cache/x.db", "internal\t\ta/Cache/*"),
        ("a/.mypy_cache/3.11/cache.db", "internal\t\ta/.mypy_cache/*"),
        ("geocache/parks.db", ""),
        ("a/00ab12cd00ab12cd.db", "internal\t\ta/*"),
        ("a/550e8400-e29b-41d4-a716-446655440000.sqlite", "internal\t\ta/*"),
        ("p/storage/default/https+++a.org/idb/38rs.sqlite", "internal\t\tp/storage/default/*"),
        ("Default/IndexedDB/x.db", "internal\t\tDefault/IndexedDB/*"),
        ("deadbeef.db", ""),
        ("20240501.db", "alike\t1\t*.db"),
        ("20240501123000-backup.db", "alike\t1\t*-backup.db"),
        ("shards/shard-017.db", "alike\t1\tshards/shard-*.db"),
        ("sites/site12/db.sqlite3", "alike\t1\tsites/site*/db.sqlite3"),
    ],
)
def test_what_is_noise(path: str, key: str) -> None:
    assert entry("/d/" + path).bundle_key == key


def test_nothing_is_alike_without_a_schema() -> None:
    assert entry("/d/shard-1.db", schema=0).bundle_key == ""


def test_groups_by_application() -> None:
    entries = [
        entry("/d/p/places.sqlite", "Firefox"),
        entry("/d/mine.db", size=30),
        *[entry(f"/d/p/storage/default/s{i}/idb/{i}.sqlite", "Firefox") for i in range(4)],
        *[entry(f"/d/shard-{i}.db") for i in range(12)],
        entry("/d/other.db"),
    ]
    groups = group(entries, "application")
    assert [(g.key, g.count, g.size) for g in groups] == [
        ("none", 14, 160),
        ("Firefox", 1, 10),
        (INTERNALS, 4, 40),
    ]
    assert [e.shown_path for e in groups[0].rows] == ["/d/mine.db", "/d/other.db"]
    [shards] = groups[0].bundles
    assert (shards.title, shards.pattern) == ("12 databases with the same tables", "shard-*.db")
    [internals] = groups[2].bundles
    assert internals.title == "4 internal files of Firefox"
    assert not groups[2].rows
    assert [len(g.rows) for g in group(entries, "application", bundled=False)] == [14, 1, 4]


def test_too_few_alike_have_a_row_each() -> None:
    [found] = group([entry(f"/d/shard-{i}.db") for i in range(11)], "application")
    assert (len(found.rows), found.bundles) == (11, [])
    [found] = group([entry(f"/d/Cache/{i}.db") for i in range(2)], "application")
    assert (found.key, len(found.rows)) == (INTERNALS, 2)


@pytest.mark.parametrize(
    ("paths", "groups"),
    [
        (["/d/a/x.db", "/d/a/deep/y.db", "/d/b/z.db"], {"/d/a": 2, "/d/b": 1}),
        (["/d/a/x.db", "/d/top.db"], {"/d/a": 1, "/d": 1}),
        (["/d/a/x.db"], {"/d/a": 1}),
        (["/d/a/b/x.db", "/d/a/b/y.db"], {"/d/a/b": 2}),
        (["/x.db", "/d/y.db"], {"/": 1, "/d": 1}),
        (["/d/ab/x.db", "/d/abc/y.db"], {"/d/ab": 1, "/d/abc": 1}),
    ],
)
def test_groups_by_folder_begin_where_paths_differ(
    paths: list[str], groups: dict[str, int]
) -> None:
    assert {g.key: g.count for g in group([entry(p) for p in paths], "folder")} == groups


def test_no_groups() -> None:
    [found] = group([entry("/d/a.db"), entry("/d/b.db", "Anki")], "none")
    assert (found.key, found.count) == ("", 2)
    assert group([], "folder") == group([], "application") == []


def test_many_rows_show_each_groups_first() -> None:
    entries = [entry(f"/d/{name}{i}/x.db", name) for name in ("A", "B") for i in range(40)]
    entries = [e for e in entries if e.bundle_key]
    groups = shorten_groups(group(entries, "application", bundled=False))
    assert [(g.key, g.count, len(g.rows), g.rest) for g in groups] == [
        ("A", 40, 5, 35),
        ("B", 40, 5, 35),
    ]
    assert count_lines(shorten_groups(group(entries[:40], "application", bundled=False))) == 40


def test_pages_cut_groups() -> None:
    entries = [entry(f"/d/{name}/{c}.db", name) for name in ("A", "B") for c in "abcd"]
    groups = group(entries, "application")
    seen = []
    for start in (0, 3, 6):
        page = cut_page(groups, start, 3)
        seen.append([(g.key, len(g.rows), g.continued) for g in page])
    assert seen == [
        [("A", 3, False)],
        [("A", 1, True), ("B", 2, False)],
        [("B", 2, True)],
    ]
    assert cut_page(groups, 8, 3) == []


@pytest.mark.parametrize(
    ("current", "last", "numbers"),
    [
        (1, 1, [1]),
        (1, 5, [1, 2, 3, 4, 5]),
        (4, 5, [1, 2, 3, 4, 5]),
        (7, 20, [1, None, 5, 6, 7, 8, 9, None, 20]),
        (20, 20, [1, None, 18, 19, 20]),
        (99, 3, [1, 2, 3]),
    ],
)
def test_page_numbers(current: int, last: int, numbers: list[int | None]) -> None:
    assert page_numbers(current, last) == numbers


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"),
        (8, "8 s ago"),
        (60, "1 minute ago"),
        (7200, "2 hours ago"),
        (90000, "yesterday"),
        (86400 * 3, "3 days ago"),
        (86400 * 15, "2 weeks ago"),
        (86400 * 100, "3 months ago"),
        (86400 * 3000, "8 years ago"),
    ],
)
def test_relative_times(seconds: float, words: str) -> None:
    assert format_ago(seconds) == words


def test_folders_below() -> None:
    entries = [entry(p) for p in ("/d/a/x.db", "/d/a/b/y.db", "/d/z.db", "/d/c/x.db")]
    assert folders_below(entries, "/d") == [("/d/a", 2), ("/d/c", 1)]
    assert folders_below(entries, "/d/a") == [("/d/a/b", 1)]


# -- pages


async def test_the_page_in_groups(root: Path) -> None:
    make_database(root / "notes.db")
    for i in range(12):
        make_database(root / "shards" / f"shard-{i:02}.db")
    run_sql(root / "city.mbtiles", "CREATE TABLE tiles (z)", "CREATE TABLE metadata (n, v)")
    for i in range(3):
        make_database(root / "mypy_cache" / f"{i}.db")
    site = await scanned(root)
    html = (await site.get("/-/scan")).text
    assert f"<h1>Databases in {root}</h1>" in html
    assert html.count(str(root) + "</h1>") == 1
    titles = re.findall(r'<h2 id="scan-group-\d+"><a href="([^"]*)">([^<]*)</a>', html)
    assert titles == [
        ("?application=none", "Your files"),
        ("?application=MBTiles", "MBTiles"),
        ("?show=internals", "Internals of programs"),
    ]
    assert re.findall(r'data-name="([^"]*)"', html) == ["notes", "city"]
    assert "12 databases with the same tables" in html and "shards/shard-*.db" in html
    assert "ready" not in re.findall(r"scan-tag[^>]*>([^<]*)<", html)
    link = re.search(r'href="(\?bundle=[0-9a-f]{8}&amp;application=none)"', html)
    assert link is not None
    opened = (await site.get("/-/scan" + link[1].replace("&amp;", "&"))).text
    assert len(re.findall(r'data-name="shard-', opened)) == 12
    found = (await site.get("/-/scan?q=shard-07")).text
    assert re.findall(r'data-name="([^"]*)"', found) == ["shard-07"]
    folders = (await site.get("/-/scan?group=folder&_sort=name")).text
    assert re.findall(r'<h2 id="scan-group-\d+"><a href="[^"]*">([^<]*)</a>', folders) == [
        "mypy_cache", str(root), "shards",
    ]  # fmt: skip
    await site.close()


async def test_numbered_pages(root: Path) -> None:
    for name in "abcdefg":
        make_database(root / f"{name}.db")
    site = await scanned(root)
    html = (await site.get("/-/scan?_size=3&_sort=name")).text
    assert re.findall(r'data-name="([^"]*)"', html) == ["a", "b", "c"]
    assert re.findall(r'aria-label="Page (\d)"( aria-current="page")?', html) == [
        ("1", ' aria-current="page"'), ("2", ""), ("3", ""),
    ]  # fmt: skip
    last = (await site.get("/-/scan?_size=3&_sort=name&_next=6")).text
    assert re.findall(r'data-name="([^"]*)"', last) == ["g"]
    assert 'rel="prev"' in last and 'rel="next"' not in last
    assert "There is no such page" in (await site.get("/-/scan?_size=3&_next=60")).text
    await site.close()


async def test_exact_times_on_hover(root: Path) -> None:
    make_database(root / "one.db")
    site = await scanned(root)
    html = (await site.get("/-/scan")).text
    assert re.search(
        rf'<time datetime="[^"]+" title="{time.localtime().tm_year}-\d\d-\d\d \d\d:\d\d:\d\d">'
        r"(just now|\d+ s ago)</time>",
        html,
    )
    await site.close()


async def test_unknown_groupings_are_named(root: Path) -> None:
    site = await scanned(root)
    for args, said in (("group=size", "group='size'"), ("show=all", "show='all'")):
        response = await site.get(f"/-/scan?{args}")
        assert response.status_code == 400 and said in response.json()["error"]
    await site.close()


async def test_groups_without_the_right_to_see_paths(root: Path) -> None:
    for i in range(12):
        make_database(root / "secret-folder" / f"shard-{i:02}.db")
    site = await scanned(root, allow={"scan-view": {"id": "root"}})
    html = (await site.get("/-/scan")).text
    assert "12 databases with the same tables" in html
    assert "secret-folder" not in html and "Folder" not in html
    assert (await site.get("/-/scan?group=folder&_sort=name")).status_code == 400
    await site.close()


async def test_table_names_obey_the_rights(root: Path) -> None:
    run_sql(root / "one.db", "CREATE TABLE open_table (x)", "CREATE TABLE closed_table (x)")
    closed = {"tables": {"closed_table": {"allow": {"id": "ann"}}}}
    site = await scanned(root, top={"databases": {"one": closed}})
    html = (await site.get("/-/scan")).text
    assert "open_table" in html and "closed_table" not in html
    cookies = {"ds_actor": site.ds.sign({"a": {"id": "ann"}}, "actor")}
    assert "closed_table" in (await site.get("/-/scan", cookies=cookies)).text
    await site.close()
