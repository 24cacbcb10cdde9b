"""Scanning again: new, changed, replaced, half-copied, deleted, and what a name may do."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sites import (
    HANGS,
    PATIENCE,
    Server,
    child_python,
    end,
    make_database,
    run_sql,
    scanned,
    unscanned,
)
from test_opening import HOLD_OPEN

from datasette_scan import scanning
from datasette_scan.catalog import Catalog, Skip
from datasette_scan.errors import DeniedError
from datasette_scan.finder import Match
from datasette_scan.scanning import ScanTask


async def test_new_files_are_attached(root: Path) -> None:
    site = await scanned(root)
    assert site.names == {}
    make_database(root / "new.db")
    await site.scan()
    assert set(site.names.values()) == {"new"}
    assert (await site.get("/new/t")).status_code == 200
    await site.close()


async def test_a_name_never_moves(root: Path) -> None:
    first = make_database(root / "one" / "db.sqlite3", rows=1)
    site = await scanned(root)
    make_database(root / "two" / "db.sqlite3", rows=2)
    await site.scan()
    assert site.names == {
        os.fsencode(first): "db",
        os.fsencode(root / "two" / "db.sqlite3"): "two-db",
    }
    first.unlink()
    await site.scan()
    make_database(root / "db.sqlite3", rows=9)
    await site.scan()
    assert site.names[os.fsencode(root / "db.sqlite3")] == "disk-db"
    assert site.entry("db").status == "gone"
    assert (await site.get("/db/t")).status_code == 410
    await site.close()


async def test_unchanged_files_are_not_looked_into_again(root: Path) -> None:
    for i in range(5):
        make_database(root / f"d{i}.db")
    site = await scanned(root)
    looked = []
    read = site.state.reader.opener.read
    site.state.reader.opener.read = lambda path, *a, **k: looked.append(path) or read(path, *a, **k)
    run_sql(root / "d3.db", "CREATE TABLE more (x)")
    await site.scan()
    assert looked == [os.fsencode(root / "d3.db")]
    assert site.entry("d3").table_count == 2
    await site.close()


async def test_half_copied_then_whole(root: Path) -> None:
    whole = make_database(root.parent / "whole.db", rows=3000).read_bytes()
    (root / "copy.db").write_bytes(whole[:5000])
    await asyncio.sleep(0.1)
    site = await scanned(root)
    [skip] = (await site.json("/-/scan.json?tab=skipped"))["skipped_files"]
    assert skip["path"] == str(root / "copy.db")
    (root / "copy.db").write_bytes(whole)
    await site.scan()
    assert (await site.json("/-/scan.json?tab=skipped"))["skipped_files"] == []
    assert await site.count("copy") == 3000
    await site.close()


async def test_a_removed_file_is_no_longer_skipped(root: Path) -> None:
    (root / "bad.db").write_bytes(b"SQLite format 3\x00" + b"?" * 4000)
    site = await scanned(root, root.parent / "nowhere")
    paths = [s["path"] for s in (await site.json("/-/scan.json?tab=skipped"))["skipped_files"]]
    assert sorted(paths) == [str(root / "bad.db"), str(root.parent / "nowhere")]
    (root / "bad.db").unlink()
    (root.parent / "nowhere").mkdir()
    await site.scan()
    assert (await site.json("/-/scan.json?tab=skipped"))["skipped_files"] == []
    await site.close()


async def test_served_file_that_breaks_keeps_its_row(root: Path) -> None:
    path = make_database(root / "one.db", rows=100)
    site = await scanned(root)
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 5000)
    await asyncio.sleep(0.1)
    await site.scan()
    [row] = (await site.json("/-/scan.json"))["rows"]
    assert (row["name"], row["status"]) == ("one", "unreadable")
    assert (await site.get("/one/t")).status_code == 503
    await site.scan()  # the reason stays, though the file has not changed
    [skip] = (await site.json("/-/scan.json?tab=skipped"))["skipped_files"]
    assert skip["path"] == str(path)
    for page in ("/", "/-/home", "/-/scan", "/-/databases.json"):
        assert (await site.get(page)).status_code == 200
    await site.close()


async def test_vanished_root_keeps_rows_as_gone(root: Path) -> None:
    make_database(root / "sub" / "one.db")
    site = await scanned(root)
    root.rename(root.parent / "moved")
    await site.scan()
    assert site.entry("one").status == "gone"
    (root.parent / "moved").rename(root)
    await site.scan()
    assert site.entry("one").status == "ready"
    await site.close()


async def test_a_skipped_file_readable_again(root: Path) -> None:
    """Also one whose rights, not content, had changed; and a page finds it before the next scan."""
    path = make_database(root / "one.db")
    site = await scanned(root)
    entry = site.entry("one")
    for again in (site.scan, lambda: site.get("/one")):
        site.state.catalog.remove(entry, Skip(os.fsencode(path), "denied", "", "denied"))
        assert entry.status == "unreadable"
        await again()
        assert entry.status == "ready"
        assert (await site.json("/-/scan.json?tab=skipped"))["skipped_files"] == []
    await site.close()


async def test_unreachable_files_are_not_gone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder whose rights were taken away: deleted and denied are two things."""
    make_database(root / "sub" / "one.db")
    site = await scanned(root)
    (root / "sub").rename(root.parent / "elsewhere")

    def denied(path: bytes) -> None:
        raise DeniedError(f"{os.fsdecode(path)} may not be read: Permission denied")

    monkeypatch.setattr(scanning, "read_fingerprint", denied)
    await site.scan()
    [row] = (await site.json("/-/scan.json?tab=skipped"))["rows"]
    assert (row["name"], row["status"]) == ("one", "unreadable")
    [skip] = (await site.json("/-/scan.json?tab=skipped"))["skipped_files"]
    assert "Permission denied" in skip["reason"]
    monkeypatch.undo()
    await site.scan()
    assert site.entry("one").status == "gone"
    (root.parent / "elsewhere").rename(root / "sub")
    await site.scan()
    assert site.entry("one").status == "ready"
    await site.close()


async def test_next_scan_waits_five_times_the_last(root: Path) -> None:
    site = await scanned(root, interval=1)
    scan_task: ScanTask = site.state.scan_task
    site.state.catalog.duration = 0.1
    assert scan_task._interval() == 1
    site.state.catalog.duration = 3
    assert scan_task._interval() == 15
    scan_task._settings = replace(scan_task._settings, interval=None)
    assert scan_task._interval() is None
    await site.close()


async def test_first_page_goes_before_the_first_scan(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "_HEAD_START_SECONDS", 0.01)
    monkeypatch.setattr(scanning, "_FIRST_PAGE_SECONDS", HANGS)
    make_database(root / "one.db")
    site = await unscanned(root)
    with site.state.scan_task.serving_page():
        task = asyncio.create_task(site.state.scan_task.run())
        await asyncio.sleep(0.3)
        assert not site.state.catalog.scanning and not site.state.catalog.scans
    while not site.state.catalog.scans:
        await asyncio.sleep(0.01)
    task.cancel()
    monkeypatch.setattr(
        scanning, "_FIRST_PAGE_SECONDS", 0.01
    )  # one that takes long does not hold it up
    slow = await unscanned(root)
    with slow.state.scan_task.serving_page():
        task = asyncio.create_task(slow.state.scan_task.run())
        while not slow.state.catalog.scans:
            await asyncio.sleep(0.01)
    task.cancel()


async def test_asking_while_scanning_starts_no_second(root: Path) -> None:
    site = await scanned(root)
    site.state.catalog.scanning = True
    assert site.state.scan_task.request_scan() is False
    site.state.catalog.scanning = False
    assert site.state.scan_task.request_scan() is True
    await site.close()


def match(path: bytes, inode: int) -> Match:
    return Match(path, 4096, 1, inode, True, "", "", 0)


def test_twins_differ_by_path_not_by_order() -> None:
    for order in ([b"/b", b"/a"], [b"/a", b"/b"]):
        catalog = Catalog()
        for path in order:
            catalog.add_match(match(path, 7))
        catalog.merge_hard_links()
        assert list(catalog.entries) == [b"/a"]
        assert catalog.entries[b"/a"].other_paths == (b"/b",)
        assert catalog.skipped == {}


@pytest.mark.parametrize("steps", range(4))
async def test_stopping_as_the_first_scan_begins(
    steps: int, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.11's ``wait_for`` drops a cancellation that comes together with the event."""
    monkeypatch.setattr(scanning, "_HEAD_START_SECONDS", 0)
    site = await unscanned(root)
    scan_task: ScanTask = site.state.scan_task
    with scan_task.serving_page():
        scan_task.start()
        for _ in range(5):
            await asyncio.sleep(0)
    for _ in range(steps):  # of the event loop, since nobody asks any more
        await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        await scan_task.stop()
    await site.close()


def test_a_busy_file_is_served_once_free(root: Path, serve: Callable[..., Server]) -> None:
    """Nobody has to scan again or open it."""
    path = make_database(root / "one.db")
    child = child_python(HOLD_OPEN, str(path), "BEGIN EXCLUSIVE")
    try:
        server = serve(str(root))
        [row] = server.scanned()["rows"]
        assert (row["status"], row["tables"]) == ("busy", None)
    finally:
        end(child)
    server.until(lambda: json.loads(server.request("/-/scan.json")[1])["rows"][0]["tables"] == 1)
    body = json.loads(server.request("/-/scan.json")[1])
    assert (body["scans"], body["rows"][0]["status"]) == (1, "ready")
