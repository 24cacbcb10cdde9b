"""What changed from scan to scan, and which databases have the same content."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from sites import MAGIC, child_python, end, make_database, photograph, run_sql, scanned
from test_opening import HOLD_OPEN
from test_permissions import cookie, unescaped

from datasette_scan import changes, duplicates
from datasette_scan.catalog import Entry
from datasette_scan.changes import History
from datasette_scan.errors import ChangingError, StoppingError
from datasette_scan.opening import Limits, Opener, SnapshotStore
from datasette_scan.opening.fingerprint import Fingerprint


def entry(path: str, **values: Any) -> Entry:
    return Entry(
        path.encode(), 1, 1, **{"address": path, "fingerprint": 1, "status": "ready", **values}
    )


def test_scans_are_compared() -> None:
    history = History()
    same, grown, gone = (
        entry("/a"),
        entry("/b", size=100, tables="t\nold", table_count=2),
        entry("/c"),
    )
    history.record_scan([same, grown, gone], complete=True)
    assert (history.compared, list(history.scans)) == (0, [])
    grown.size, grown.fingerprint, grown.tables = 2148, 2, "t\nfresh"
    gone.status = "gone"
    history.record_scan([same, grown, gone, entry("/d", size=5)], complete=True)
    [scan] = history.scans
    assert {(c.path, c.kind, c.words) for c in scan.changes} == {
        (b"/b", "grown", "+2.0 KB; 1 new table: fresh; 1 gone table: old"),
        (b"/c", "gone", "0 bytes"),
        (b"/d", "new", "5 bytes"),
    }
    assert [history.kind_of(p) for p in (b"/a", b"/b", b"/d")] == ["", "grown", "new"]
    history.record_scan([same, grown, entry("/d", size=5)], complete=True)
    assert len(history.scans) == 1  # nothing happened since
    assert history.kind_of(b"/b") == ""


@pytest.mark.parametrize(
    ("tables", "count"), [("a\nb", 3), ("a\nb\nc", 2)], ids=["more tables", "a name of two lines"]
)
def test_tables_whose_names_are_unknown(tables: str, count: int) -> None:
    """Where only the first names are known, the next moves up when a table is dropped."""
    history = History()
    known = entry("/a", tables=tables, table_count=count)
    for tables_then, count_then in (("b\nc", 2), (tables, count)):
        history.record_scan([known], complete=True)
        known.fingerprint += 1
        known.tables, known.table_count = tables_then, count_then
    history.record_scan([known], complete=True)
    assert [scan.changes[0].words for scan in history.scans] == ["", ""]


def test_a_failed_scan_is_not_compared() -> None:
    history = History()
    history.record_scan([entry("/a"), entry("/b")], complete=True)
    history.record_scan([entry("/a")], complete=False)
    assert list(history.scans) == []
    history.record_scan([entry("/a", fingerprint=9, size=0)], complete=True)
    assert [c.kind for c in history.scans[0].changes] == ["changed", "gone"]


def test_history_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_MAX_CHANGES", 3)
    history = History()
    history.record_scan([], complete=True)
    for i in range(30):
        history.record_scan([entry(f"/{i}-{j}") for j in range(5)], complete=True)
    assert len(history.scans) == 20
    assert (len(history.scans[0].changes), history.scans[0].more) == (3, 7)


async def test_what_changed_is_shown(root: Path) -> None:
    make_database(root / "grows.db")
    make_database(root / "goes.db")
    live = make_database(root / "live.db", journal="wal")
    site = await scanned(root)
    assert "There has been only one scan." in (await site.get("/-/scan/changes")).text
    make_database(root / "<new>.db")
    run_sql(root / "grows.db", "CREATE TABLE fresh (a)")
    (root / "goes.db").unlink()
    child = child_python(HOLD_OPEN, str(live), "INSERT INTO t(name) VALUES ('in the log')")
    try:
        await site.scan()
    finally:
        end(child)
    body = await site.json("/-/scan/changes.json")
    [scan] = body["scans"]
    assert {(c["name"], c["kind"], c["url"]) for c in scan["changes"]} == {
        ("<new>", "new", "/~3Cnew~3E"),
        ("grows", "grown", "/grows"),
        ("live", "changed", "/live"),
        ("goes", "gone", None),
    }
    page = (await site.get("/-/scan/changes")).text
    assert "1 new table: fresh" in page and "&lt;new&gt;" in page and "<new>" not in page
    assert ">grown</span>" in (await site.get("/-/scan")).text
    await site.close()


async def test_what_changed_obeys_rights(root: Path) -> None:
    make_database(root / "open.db")
    make_database(root / "closed.db")
    top = {"databases": {"closed": {"allow": {"id": "ann"}}}}
    site = await scanned(root, top=top, allow={"scan-view": {"id": "ann"}})
    for name in ("open", "closed"):
        run_sql(root / f"{name}.db", "CREATE TABLE secret (a)")
    make_database(root / "never.db")
    await site.scan()
    (root / "never.db").unlink()
    (root / "closed.db").unlink()
    await site.scan()
    for page in ("/-/scan/changes", "/-/scan/changes.json"):
        text = unescaped((await site.get(page)).text)
        assert "open" in text, page
        for hidden in ("closed", "secret", str(root)):
            assert hidden not in text, (page, hidden)
        whole = unescaped((await site.get(page, cookies=cookie(site, {"id": "ann"}))).text)
        for shown in ("closed", "secret", str(root)):
            assert shown in whole, (page, shown)
    await site.close()
    site = await scanned(root, top={"allow": {"id": "ann"}})
    for page in ("changes", "changes.json", "duplicates", "duplicates.json"):
        assert (await site.get(f"/-/scan/{page}")).status_code == 403
    await site.close()


# -- duplicates


def opener() -> Opener:
    return Opener(Limits(), SnapshotStore(total=1 << 20))


def test_digest_is_of_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    monkeypatch.setattr(duplicates, "_CHUNK_SIZE", 1000)
    path = make_database(tmp_path / "one.db", rows=500)
    found = duplicates.read_digest(opener(), os.fsencode(path))
    assert found == hashlib.sha256(path.read_bytes()).hexdigest()


def test_digest_drops_no_lock(tmp_path: Path) -> None:
    """Closing any descriptor of a file would: another process could then write meanwhile."""
    path = make_database(tmp_path / "one.db", rows=500)
    shared = opener()

    def use(_: sqlite3.Connection) -> None:
        duplicates.read_digest(shared, os.fsencode(path))
        writer = child_python(
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0)\n"
            "try: c.execute('DELETE FROM t'); c.commit(); print('written')\n"
            "except sqlite3.OperationalError as e: print('ready')",
            str(path),
        )
        end(writer)

    shared.read(os.fsencode(path), use)
    shared.close()


def test_digest_of_what_does_not_hold_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_database(tmp_path / "one.db", rows=500)
    with pytest.raises(StoppingError):
        duplicates.read_digest(opener(), os.fsencode(path), lambda: True)
    monkeypatch.setattr(duplicates, "_CHUNK_SIZE", 1000)
    once = iter([True])

    def write_once() -> bool:
        if next(once, False):
            run_sql(path, "INSERT INTO t(name) VALUES ('more')")
        return False

    with pytest.raises(ChangingError):
        duplicates.read_digest(opener(), os.fsencode(path), write_once)


def test_no_digest_right_after_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within one step of the file system's clock a second change would not show."""
    path = os.fsencode(make_database(tmp_path / "one.db"))
    monkeypatch.setattr(Fingerprint, "is_settled", lambda *_: False)
    with pytest.raises(ChangingError):
        duplicates.read_digest(opener(), path)


def test_no_digest_of_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files of which nothing can be read are not equal."""
    path = os.fsencode(make_database(tmp_path / "one.db"))
    shared = opener()
    monkeypatch.setattr(shared, "read_bytes", lambda *_: b"")
    with pytest.raises(ChangingError):
        duplicates.read_digest(shared, path)


async def test_duplicates(root: Path) -> None:
    for name, rows in (("first", 900), ("second", 900), ("other", 3), ("alone", 4000)):
        make_database(root / f"{name}.db", rows=rows)
    shutil.copy(root / "first.db", root / "copy of first.db")
    shutil.copy(root / "other.db", root / "<copy>.db")
    run_sql(root / "second.db", "UPDATE t SET name = 'ROW 0' WHERE id = 1")
    (root / "bad.db").write_bytes(MAGIC + b"?" * 4000)
    os.link(root / "alone.db", root / "linked.db")  # the same file, not a copy
    live = make_database(root / "live.db", rows=3, journal="wal")
    child = child_python(HOLD_OPEN, str(live), "INSERT INTO t(name) VALUES ('in the log')")
    try:
        site = await scanned(root)
        before = photograph(root)
        body = await site.json("/-/scan/duplicates.json")
        assert photograph(root) == before
    finally:
        end(child)
    groups = [[file["name"] for file in group["databases"]] for group in body["duplicates"]]
    assert groups == [["copy of first", "first"], ["<copy>", "other"]]
    assert [(u["name"], u["reason"]) for u in body["uncompared"]] == [("live", "changing")]
    assert body["complete"] is True
    page = (await site.get("/-/scan/duplicates")).text
    assert "Compare them" in page and "scan-found-head" not in page
    page = (await site.get("/-/scan/duplicates?compare=1")).text
    assert "2 groups of identical databases." in page and "&lt;copy&gt;" in page
    assert page.rstrip().endswith("</html>")
    await site.close()


async def test_duplicates_obey_rights(root: Path) -> None:
    make_database(root / "one.db")
    shutil.copy(root / "one.db", root / "two.db")
    top = {"databases": {"two": {"allow": {"id": "ann"}}}}
    site = await scanned(root, top=top, allow={"scan-view": {"id": "ann"}})
    assert (await site.json("/-/scan/duplicates.json"))["duplicates"] == []
    body = await site.json("/-/scan/duplicates.json", cookies=cookie(site, {"id": "ann"}))
    assert len(body["duplicates"][0]["databases"]) == 2
    assert "No two databases" in (await site.get("/-/scan/duplicates")).text
    site.state.searches = 99
    assert (await site.get("/-/scan/duplicates.json")).status_code == 503
    await site.close()


async def test_a_comparison_ends_when_it_is_stopped(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datasette_scan.duplicates import DuplicateSearch

    make_database(root / "one.db")
    shutil.copy(root / "one.db", root / "two.db")
    site = await scanned(root)
    began = threading.Event()
    read = duplicates.read_fingerprint

    def slow(path: bytes) -> Any:
        began.set()
        return read(path)

    monkeypatch.setattr(duplicates, "read_fingerprint", slow)
    search = DuplicateSearch(site.state.catalog.entries.values(), site.state.reader)
    search.stop()
    assert [event async for event in search.events()] == []
    await asyncio.to_thread(began.wait)
    assert not search.is_complete
    await site.close()
