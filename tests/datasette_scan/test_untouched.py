"""Proof that serving changes nothing: contents, times, names, and what the kernel saw."""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path

import pytest
from sites import MAGIC, child_python, end, make_database, photograph, run_sql, scanned
from test_opening import HOLD_OPEN, LEAVE, hot_journal

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


def every_kind(root: Path) -> list[object]:
    """A file in every state that a file can be in; returns the children that hold some."""
    make_database(root / "rollback.db")
    make_database(root / "wal.db", journal="wal")
    make_database(root / "persist.db", journal="persist")
    make_database(root / "c#.db")
    make_database(root / "..%2Fout.db")
    hot_journal(root / "hot.db")
    for name in ("left.db", "left2.db"):
        path = make_database(root / name, journal="wal")
        child = child_python(LEAVE, str(path), "INSERT INTO t(name) VALUES ('x')")
        child.wait()
        end(child)
    (root / "left2.db-shm").unlink()
    (root / "bad.db").write_bytes(b"SQLite format 3\x00" + b"?" * 3000)
    run_sql(root / "sub.db", "CREATE TABLE a (b)")
    live = make_database(root / "live.db", journal="wal")
    locked = make_database(root / "locked.db")
    (root / "readonly").mkdir()
    make_database(root / "readonly" / "ro.db", journal="wal")
    (root / "readonly").chmod(0o555)
    return [
        child_python(HOLD_OPEN, str(live), "INSERT INTO t(name) VALUES ('x')"),
        child_python(HOLD_OPEN, str(locked), "BEGIN EXCLUSIVE"),
    ]


async def use_everything(root: Path) -> int:
    site = await scanned(root)
    answered = 0
    for _ in range(2):
        for name in site.names.values():
            route = site.ds.databases[name].route
            url = str(site.ds.urls.database(route))
            for page in (url, f"{url}/t", f"{url}/t.json", f"{url}/t?_facet=name"):
                answered += (await site.get(page)).status_code == 200
        for page in ("/", "/-/home", "/-/scan", "/-/scan?tab=skipped", "/-/scan.csv"):
            assert (await site.get(page)).status_code == 200
        await site.scan()
    await site.close()
    return answered


async def test_nothing_below_the_roots_changes(root: Path) -> None:
    import inotify_simple

    children = every_kind(root)
    try:
        flags = inotify_simple.flags
        watched = (
            flags.CREATE | flags.DELETE | flags.MODIFY | flags.MOVED_FROM | flags.MOVED_TO
            | flags.CLOSE_WRITE | flags.DELETE_SELF | flags.MOVE_SELF
        )  # fmt: skip
        before, times = photograph(root), status_changes(root)
        with inotify_simple.INotify() as inotify:
            inotify.add_watch(str(root), watched)
            inotify.add_watch(str(root / "readonly"), watched)
            answered = await use_everything(root)
            # -wal is opened for writing by SQLite itself where a log is in use, whatever
            # the mode; it is closed again as it was.
            events = [
                (str(flags.from_mask(e.mask)), e.name)
                for e in inotify.read(timeout=200)
                if not (e.mask & flags.CLOSE_WRITE and e.name.endswith("-wal"))
            ]
        assert events == []
        assert (photograph(root), status_changes(root)) == (before, times)
        assert answered > 60
    finally:
        for child in children:
            end(child)


def status_changes(folder: Path) -> dict[str, int]:
    return {entry.name: entry.stat().st_ctime_ns for entry in os.scandir(folder)}


@pytest.mark.skipif(os.getuid() != 0, reason="only for root does SQLite set owners")
@pytest.mark.parametrize("owner", [0, 1000, 65534])
async def test_not_even_the_times_of_status_change(owner: int, root: Path) -> None:
    """As root, SQLite gives each log and journal that it opens to whom it belongs already."""
    live = make_database(root / "live.db", journal="wal")
    make_database(root / "persist.db", journal="persist")
    child = child_python(HOLD_OPEN, str(live), "INSERT INTO t(name) VALUES ('x')")
    try:
        for entry in list(os.scandir(root)):
            os.chown(entry.path, owner, owner)
            os.chmod(entry.path, 0o600)
        before = status_changes(root)
        assert len(before) == 5
        site = await scanned(root, crossdb=True)
        assert (await site.count("live"), await site.count("persist")) == (4, 3)
        joined = "select (select count(*) from live.t) + (select count(*) from persist.t)"
        assert (await site.ds.databases["_memory"].execute(joined)).first()[0] == 7
        await site.close()
        assert status_changes(root) == before
        plain = sqlite3.connect(f"file:{live}?mode=ro&readonly_shm=1", uri=True)
        plain.execute("SELECT * FROM t").fetchall()
        plain.close()
        assert status_changes(root) != before  # what would be seen
    finally:
        end(child)


async def test_the_proof_detects_a_plain_open(root: Path) -> None:
    """``mode=ro`` alone leaves files beside a database in write-ahead log mode."""
    path = make_database(root / "wal.db", journal="wal")
    before = photograph(root)
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.execute("SELECT * FROM t").fetchall()
    connection.close()
    assert photograph(root) != before


def test_another_user_reads_what_the_owner_lets(shared_folder: Path) -> None:
    """Root ignores rights, so the server's part runs as somebody who has few."""
    root = shared_folder / "disk"
    make_database(root / "open.db", journal="wal")
    make_database(root / "closed.db")
    (root / "closed.db").chmod(0o600)
    (root / "hidden").mkdir()
    make_database(root / "hidden" / "x.db")
    (root / "hidden").chmod(0o700)
    (root / "open.db").chmod(0o644)
    root.chmod(0o755)
    code = f"""
import asyncio, os, shutil, sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
import sqlite_scanner
from sites import unscanned
from pathlib import Path
program = shutil.copy(sqlite_scanner.get_binary_path(), Path(sys.argv[1]).parent)
sqlite_scanner.get_binary_path = lambda: program
async def scan(folder, user):
    site = await unscanned(Path(folder))
    os.setegid(user); os.seteuid(user)
    await site.scan()
    found = [f"{{sorted(site.names.values())}} {{await site.count('open')}}"]
    os.seteuid(0); os.setegid(0)
    body = await site.json("/-/scan.json?tab=skipped")
    for row in sorted(body["skipped_files"], key=lambda r: r["path"]):
        found.append(f"{{os.path.basename(row['path'])}} {{bool(row['reason'])}} {{row['advice']}}")
    await site.close()
    return found
# The environment may be in a folder that others cannot enter: the first scan imports everything,
# and Datasette itself, which looks at its plugins' folders, stays root.
asyncio.run(scan(sys.argv[2], 0))
print("ready", flush=True)
os.setgroups([])
print(*asyncio.run(scan(sys.argv[1], 65534)), sep="\\n")
"""
    if os.getuid() != 0:
        pytest.skip("needs root to become another user; the same files are tested as one user")
    warm = root.parent / "warm"
    make_database(warm / "open.db")
    (warm / "bad.db").write_bytes(MAGIC + bytes(600))
    before = photograph(root)
    child = child_python(code, str(root), str(warm))
    assert child.stdout is not None
    said = child.stdout.read().splitlines()
    end(child)
    assert said[0] == "['open'] 3"
    assert any(line.startswith("closed.db True Give the user") for line in said[1:])
    assert photograph(root) == before
