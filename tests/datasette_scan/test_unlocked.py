"""Reads of files at rest, without locks: no other program's commit fails because of them."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from sites import child_python, end, make_database
from test_opening import HOLD_OPEN, count, hot_journal, settle

from datasette_scan.errors import BusyError
from datasette_scan.opening import (
    Limits,
    Mode,
    Opener,
    ReadInfo,
    SnapshotStore,
    fingerprint,
    locks,
    open_files,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="known of Linux's file systems")

COMMIT = """
import sqlite3, sys
c = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
try:
    c.execute("INSERT INTO t(name) VALUES ('new')")
    print("committed")
except sqlite3.OperationalError as error:
    print(error)
"""


@pytest.fixture(autouse=True)
def reliable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on ext4, wherever the tests' folder is."""
    monkeypatch.setattr(open_files, "has_reliable_times", lambda _: True)


@pytest.fixture
def path(root: Path) -> Path:
    made = make_database(root / "a.db")
    settle(made)
    return made


@pytest.fixture
def opener() -> Iterator[Opener]:
    made = Opener(Limits(busy_seconds=0.2), SnapshotStore(64 << 20))
    yield made
    made.close()


@pytest.fixture
def just_written(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Undone, files are at rest again."""
    with monkeypatch.context() as clock:
        clock.setattr(fingerprint, "_SETTLED_NS", 10**12)
        yield clock


def commit(path: Path) -> str:
    """What another program meets that does not wait for a lock, as Chromium with its cookies."""
    command = [sys.executable, "-c", COMMIT, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_commit_during_a_read_succeeds(path: Path, opener: Opener) -> None:
    commits = []

    def use(connection: sqlite3.Connection) -> int:
        if not commits:
            commits.append(commit(path))
        return connection.execute("SELECT count(*) FROM t").fetchone()[0]

    assert opener.read(os.fsencode(path), use)[0] == 4
    assert commits == ["committed"]
    settle(path)
    assert count(opener, path) == (4, Mode.UNLOCKED)
    assert commit(path) == "committed", "an idle connection is not in the way either"


@pytest.mark.parametrize(("journal", "mode"), [("delete", Mode.UNLOCKED), ("wal", Mode.IMMUTABLE)])
def test_no_lock_is_taken_at_rest(
    journal: str, mode: Mode, root: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even for the moment in which SQLite opens the file."""
    path = make_database(root / "a.db", journal=journal)
    settle(path)
    monkeypatch.setattr(locks, "take_shared", lambda _: pytest.fail("a lock was taken"))
    assert count(opener, path) == (3, mode)


def test_a_changing_file_is_locked_at_last(path: Path, opener: Opener) -> None:
    commits = []

    def use(connection: sqlite3.Connection) -> int:
        commits.append(commit(path))
        settle(path)
        return connection.execute("SELECT count(*) FROM t").fetchone()[0]

    found, info = opener.read(os.fsencode(path), use)
    assert (found, info.mode) == (5, Mode.DIRECT)
    assert commits == ["committed", "committed", "database is locked"]


def test_just_written_is_read_under_a_lock(
    path: Path, opener: Opener, just_written: pytest.MonkeyPatch
) -> None:
    assert count(opener, path) == (3, Mode.DIRECT)
    just_written.undo()
    assert count(opener, path) == (3, Mode.UNLOCKED)


@pytest.mark.parametrize(
    ("statements", "mode"),
    [
        (["BEGIN"], Mode.UNLOCKED),
        (["BEGIN", "SELECT count(*) FROM t"], Mode.UNLOCKED),
        (["BEGIN IMMEDIATE", "DELETE FROM t"], Mode.UNLOCKED),
        (["PRAGMA journal_mode=PERSIST", "BEGIN IMMEDIATE", "DELETE FROM t"], Mode.UNLOCKED),
        (["PRAGMA journal_mode=MEMORY", "BEGIN IMMEDIATE", "DELETE FROM t"], Mode.UNLOCKED),
        (["PRAGMA journal_mode=MEMORY", "BEGIN EXCLUSIVE", "DELETE FROM t"], None),
    ],
)
def test_beside_another_program(
    statements: list[str], mode: Mode | None, path: Path, opener: Opener
) -> None:
    child = child_python(HOLD_OPEN, str(path), *statements)
    try:
        settle(path)
        if mode is None:
            with pytest.raises(BusyError):
                count(opener, path)
        else:
            assert count(opener, path) == (3, mode)
    finally:
        end(child)


def test_a_crashed_writers_journal_is_played_back(root: Path, opener: Opener) -> None:
    hot_journal(root / "a.db")
    settle(root)
    assert count(opener, root / "a.db") == (2000, Mode.COPY)


def test_a_writer_killed_between_the_looks(
    root: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of its transaction is in the file, and its lock is gone."""
    path = make_database(root / "a.db", rows=2000)
    half = ("PRAGMA cache_size=2", "BEGIN", "UPDATE t SET name = 'half'", "DELETE FROM t")
    child = child_python(HOLD_OPEN, str(path), *half)
    settle(path)
    is_exclusive = locks.is_exclusive

    def killed_before(fd: int) -> bool:
        child.kill()
        child.wait()
        return is_exclusive(fd)

    monkeypatch.setattr(locks, "is_exclusive", killed_before)
    assert count(opener, path) == (2000, Mode.COPY)
    end(child)


def test_seen_whole_without_a_lock(path: Path, opener: Opener) -> None:
    """Locked exclusively afterwards, it is known to be what was read."""
    assert count(opener, path) == (3, Mode.UNLOCKED)
    child = child_python(HOLD_OPEN, str(path), "BEGIN EXCLUSIVE")
    try:
        assert count(opener, path) == (3, Mode.COPY)
    finally:
        end(child)


def test_closing_leaves_the_locks_of_others(path: Path, opener: Opener) -> None:
    """Closing any descriptor of a file would drop all of this process's locks on it."""
    is_read, may_end = threading.Event(), threading.Event()
    said = []

    def under_a_lock(connection: sqlite3.Connection) -> int:
        found = connection.execute("SELECT count(*) FROM t").fetchone()[0]
        is_read.set()
        assert may_end.wait(60)
        said.append(commit(path))
        return found

    def read_locked() -> object:
        with pytest.MonkeyPatch.context() as clock:
            clock.setattr(fingerprint, "_SETTLED_NS", 10**12)
            return opener.read(os.fsencode(path), under_a_lock)[1].mode

    def without(connection: sqlite3.Connection) -> None:
        reads.append(pool.submit(read_locked))
        assert is_read.wait(60)
        raise ValueError("closes the connection")

    reads: list[Future[object]] = []
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(ValueError, match="closes"):
            opener.read(os.fsencode(path), without)
        may_end.set()
        assert reads[0].result() is Mode.DIRECT
    assert said == ["database is locked"]
    assert commit(path) == "committed"
    opener.close()
    names = [os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    assert str(path) not in {os.readlink(name) for name in names if os.path.islink(name)}


def test_reads_with_and_without_locks_at_once(
    path: Path, opener: Opener, just_written: pytest.MonkeyPatch
) -> None:
    def use(_: sqlite3.Connection) -> object:
        just_written.undo()
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(count, opener, path).result()

    assert opener.read(os.fsencode(path), use) == (
        (3, Mode.UNLOCKED),
        ReadInfo(Mode.DIRECT),
    )


@pytest.mark.parametrize(
    ("system", "known"),
    [("ext4", True), ("overlay", True), ("nfs4", False), ("fuse.sshfs", False), ("9p", False)],
)
def test_file_systems_of_this_machine_only(
    system: str, known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info, mounts = tmp_path / "info", tmp_path / "mounts"
    info.write_text("pos:\t0\nflags:\t02100000\nmnt_id:\t27\nino:\t737\n")
    mounts.write_text(
        "2 1 0:4 / /proc rw - proc proc rw\n"
        f"27 1 8:1 / /a\\040-\\040b rw,relatime shared:1 - {system} somewhere rw\n"
        "270 1 8:2 / /other rw - ext2 elsewhere rw\n"
    )
    files = {"/proc/self/fdinfo/5": info, "/proc/self/mountinfo": mounts}
    monkeypatch.setattr(
        fingerprint, "open", lambda name, mode: files[name].open(mode), raising=False
    )
    assert fingerprint.has_reliable_times(5) is known


def test_a_descriptor_that_linux_does_not_know() -> None:
    assert not fingerprint.has_reliable_times(99_999)
