"""How each kind of file is opened, and that nothing below the scanned folder changes."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sites import child_python, end, make_database, photograph, run_sql
from datasette_scan.errors import (
    BusyError,
    ChangingError,
    CorruptError,
    DeniedError,
    GoneError,
    RecoveryError,
    UnavailableError,
)
from datasette_scan.opening import (
    Limits,
    Mode,
    Opener,
    SnapshotStore,
    attempt,
    copying,
    file_uri,
    open_files,
)
from datasette_scan.opening.fingerprint import Fingerprint, Stamp, open_regular, read_fingerprint
from datasette_scan.opening.modes import Journal, is_consistent_when_locked, plan_mode
from datasette_scan.reader import connection_limit

HOLD_OPEN = """
import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    c.execute(statement)
print("ready", flush=True)
sys.stdin.readline()
"""
LEAVE = HOLD_OPEN.replace("sys.stdin.readline()", "import os; os._exit(0)")


@pytest.fixture(autouse=True)
def anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The modes are those of any user on any file system; root and test_unlocked.py differ."""
    monkeypatch.setattr(attempt, "_is_root", lambda: False)
    monkeypatch.setattr(open_files, "has_reliable_times", lambda _: False)


@pytest.fixture
def opener() -> Iterator[Opener]:
    made = Opener(Limits(busy_seconds=4), SnapshotStore(64 << 20))
    yield made
    made.close()


@pytest.fixture
def hasty() -> Iterator[Opener]:
    made = Opener(Limits(busy_seconds=0.2), SnapshotStore(64 << 20))
    yield made
    made.close()


def settle(path: Path) -> None:
    """Let the file's times be older than the kernel's step."""
    import time

    time.sleep(0.08)


def count(opener: Opener, path: Path | bytes) -> tuple[int, Mode]:
    raw = os.fsencode(path)
    found, info = opener.read(raw, lambda c: c.execute("SELECT count(*) FROM t").fetchone()[0])
    return found, info.mode


def test_rollback_journal(root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db")
    before = photograph(root)
    assert count(opener, path) == (3, Mode.DIRECT)
    run_sql(path, "INSERT INTO t(name) VALUES ('new')")
    assert count(opener, path) == (4, Mode.DIRECT)
    assert set(photograph(root)) == set(before)


def test_an_unused_wal_gets_no_files(root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db", journal="wal")
    settle(path)
    before = photograph(root)
    assert count(opener, path) == (3, Mode.IMMUTABLE)
    assert count(opener, path) == (3, Mode.IMMUTABLE)
    assert photograph(root) == before


def test_a_wal_in_use_is_read_whole(root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db", journal="wal")
    child = child_python(HOLD_OPEN, str(path), "INSERT INTO t(name) VALUES ('in the log')")
    try:
        before = photograph(root)
        assert count(opener, path) == (4, Mode.LIVE)
        assert photograph(root) == before  # also not one byte of -shm
    finally:
        end(child)


def test_the_owner_can_checkpoint_while_served(root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db", journal="wal")
    run = sqlite3.connect(path)
    run.execute("INSERT INTO t(name) VALUES ('x')")
    run.commit()
    child = child_python(HOLD_OPEN, str(path), "INSERT INTO t(name) VALUES ('y')")
    assert count(opener, path) == (5, Mode.LIVE)
    end(child)
    run.close()
    assert not (root / "a.db-wal").exists()
    settle(path)
    assert count(opener, path) == (5, Mode.IMMUTABLE)


def test_wal_left_behind_without_its_index(root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db", journal="wal")
    child = child_python(LEAVE, str(path), "INSERT INTO t(name) VALUES ('only in the log')")
    child.wait()
    end(child)
    (root / "a.db-shm").unlink()
    settle(path)
    before = photograph(root)
    assert count(opener, path) == (4, Mode.COPY)
    assert photograph(root) == before


def test_wal_left_behind_with_its_index(root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db", journal="wal")
    child = child_python(LEAVE, str(path), "INSERT INTO t(name) VALUES ('only in the log')")
    child.wait()
    end(child)
    assert (root / "a.db-shm").exists()
    before = photograph(root)
    assert count(opener, path) == (4, Mode.COPY)
    assert photograph(root) == before
    small = Opener(Limits(snapshot_bytes=0), SnapshotStore(0))
    assert count(small, path) == (4, Mode.LIVE), "too large for a copy: SQLite reads it in place"
    small.close()


def test_log_that_sqlite_waits_for(root: Path, opener: Opener) -> None:
    """Frames that an empty index does not explain: SQLite tries again for ten seconds."""
    path = make_database(root / "a.db", journal="wal")
    child = child_python(LEAVE, str(path), "INSERT INTO t(name) VALUES ('only in the log')")
    child.wait()
    end(child)
    for length in (0, 100, 32768):
        (root / "a.db-shm").write_bytes(bytes(length))
        settle(path)
        assert count(opener, path) == (4, Mode.COPY)


def hot_journal(path: Path) -> None:
    """A writer that died when half of its transaction was in the file."""
    make_database(path, rows=2000)
    child = child_python(
        LEAVE,
        str(path),
        "PRAGMA cache_size=2",
        "BEGIN",
        "UPDATE t SET name = 'half' || id",
        "DELETE FROM t WHERE id > 3",
    )
    child.wait()
    end(child)
    assert path.with_name(path.name + "-journal").stat().st_size > 0


def test_hot_journal_is_rolled_back_in_copy(root: Path, opener: Opener) -> None:
    hot_journal(root / "a.db")
    settle(root)
    before = photograph(root)
    assert count(opener, root / "a.db") == (2000, Mode.COPY)
    halves, _ = opener.read(
        os.fsencode(root / "a.db"),
        lambda c: c.execute("SELECT count(*) FROM t WHERE name LIKE 'half%'").fetchone()[0],
    )
    assert halves == 0
    assert photograph(root) == before


def test_a_copy_of_changed_files_is_dropped(
    root: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The half that was copied before and the half that was copied after are no whole."""
    path = root / "a.db"
    hot_journal(path)
    settle(root)
    copied = []
    copy = copying._copy_fd

    def disturbed(fd: int, target: Path, *rest: Any) -> None:
        copy(fd, target, *rest)
        copied.append(target)
        if len(copied) == 1:
            with path.open("r+b") as file:
                file.write(b"SQLite")

    monkeypatch.setattr(copying, "_copy_fd", disturbed)
    assert count(opener, path) == (2000, Mode.COPY)
    assert [c.name for c in copied] == ["copy.db", "journal"] * 2
    assert not copied[0].exists()


def test_too_big_for_a_copy_says_so(root: Path) -> None:
    hot_journal(root / "a.db")
    settle(root)
    small = Opener(Limits(busy_seconds=0.3, snapshot_bytes=1000), SnapshotStore(1000))
    with pytest.raises(RecoveryError, match="needs recovery"):
        count(small, root / "a.db")
    small.close()


@pytest.mark.skipif(not attempt.POSIX, reason="Windows does not say who has a lock")
@pytest.mark.parametrize("as_root", [False, True])
def test_too_big_and_in_use(as_root: bool, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Firefox's exclusive logs are, and as root every log that is in use."""
    path = make_database(root / "a.db", journal="wal")
    first = [] if as_root else ["PRAGMA locking_mode=EXCLUSIVE"]
    monkeypatch.setattr(attempt, "_is_root", lambda: as_root)
    child = child_python(HOLD_OPEN, str(path), *first, "INSERT INTO t(name) VALUES ('x')")
    small = Opener(Limits(busy_seconds=0.3, snapshot_bytes=1000), SnapshotStore(1000))
    try:
        with pytest.raises(BusyError, match=r"is in use by .* 1,000 are allowed") as caught:
            count(small, path)
        assert "Close that program" in caught.value.advice
    finally:
        small.close()
        end(child)


@pytest.mark.skipif(not attempt.POSIX, reason="Windows does not say who has a lock")
def test_a_big_log_unreadable_for_a_moment(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a writer SQLite finds no mark in the log's index now and then."""
    monkeypatch.setattr(attempt, "_is_root", lambda: False)
    path = make_database(root / "a.db", journal="wal")
    child = child_python(HOLD_OPEN, str(path), "INSERT INTO t(name) VALUES ('x')")
    small = Opener(Limits(busy_seconds=20, snapshot_bytes=1000), SnapshotStore(1000))
    attempts = []

    def begin(*args: Any) -> Any:
        attempts.append(args)
        if len(attempts) == 1:
            raise attempt.NeedsCopy
        return original(*args)

    original = attempt._begin_in_place
    monkeypatch.setattr(attempt, "_begin_in_place", begin)
    try:
        assert count(small, path)[1] is Mode.LIVE
        assert len(attempts) == 2
    finally:
        small.close()
        end(child)


def test_exclusive_lock_at_rest_is_copied(root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db")
    settle(path)
    assert count(opener, path) == (3, Mode.DIRECT)  # seen whole, under a lock
    child = child_python(HOLD_OPEN, str(path), "BEGIN EXCLUSIVE")
    try:
        assert count(opener, path) == (3, Mode.COPY)
    finally:
        end(child)
    assert count(opener, path) == (3, Mode.DIRECT)


def test_exclusive_lock_without_a_reason_is_busy(root: Path, hasty: Opener) -> None:
    path = make_database(root / "a.db")
    child = child_python(HOLD_OPEN, str(path), "BEGIN EXCLUSIVE")
    try:
        with pytest.raises(BusyError):
            count(hasty, path)
    finally:
        end(child)


def test_exclusive_mode_with_finished_journal_is_copied(root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db")
    statements = ["PRAGMA locking_mode=EXCLUSIVE", "INSERT INTO t(name) VALUES ('x')"]
    child = child_python(HOLD_OPEN, str(path), *statements)
    try:
        assert count(opener, path) == (4, Mode.COPY)
    finally:
        end(child)


def test_uncommitted_writes_are_not_seen(root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db")
    child = child_python(HOLD_OPEN, str(path), "BEGIN IMMEDIATE", "DELETE FROM t")
    try:
        assert count(opener, path) == (3, Mode.DIRECT)
    finally:
        end(child)


def test_replaced_file(root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db")
    assert count(opener, path)[0] == 3
    os.replace(make_database(root / "b.db", rows=7), path)
    assert count(opener, path)[0] == 7


def test_overwritten_in_place(root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db")
    assert count(opener, path)[0] == 3
    other = make_database(root / "b.db", rows=50)
    shutil.copyfile(other, path)  # the same inode
    assert count(opener, path)[0] == 50


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_changing_without_locks_is_never_answered(journal: str, root: Path, hasty: Opener) -> None:
    """Something writes in place during every read: every read is thrown away."""
    path = make_database(root / "a.db", journal=journal, rows=500)
    settle(path)
    content = path.read_bytes()
    tries = []

    def use(connection: sqlite3.Connection) -> int:
        found = connection.execute("SELECT count(*) FROM t").fetchone()[0]
        with path.open("r+b") as file:
            file.write(content)
        tries.append(found)
        return found

    with pytest.raises(ChangingError):
        hasty.read(os.fsencode(path), use)
    assert tries


CONVERT = """
import sqlite3, sys
try:
    print(sqlite3.connect(sys.argv[1], timeout=0).execute("PRAGMA journal_mode=WAL").fetchone()[0])
except sqlite3.OperationalError as error:
    print(error)
"""


def test_no_conversion_between_look_and_open(
    root: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was seen to have no log must have none when SQLite opens it."""
    path = make_database(root / "a.db")
    said = []
    connect = attempt.connect

    def later(*args: Any) -> sqlite3.Connection:
        command = [sys.executable, "-c", CONVERT, str(path)]
        said.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        return connect(*args)

    monkeypatch.setattr(attempt, "connect", later)
    assert count(opener, path) == (3, Mode.DIRECT)
    assert said == ["database is locked\n"]
    assert photograph_names(root) == {"a.db"}


@pytest.mark.parametrize("kind", ["log at rest", "crashed writer"])
def test_what_moved_just_now_is_not_trusted(
    kind: str, root: Path, hasty: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within one step of the file system's clock a second change would not show."""
    path = root / "a.db"
    if kind == "log at rest":
        make_database(path, journal="wal")
    else:
        hot_journal(path)
    settle(path)
    with monkeypatch.context() as just_now:
        just_now.setattr(Fingerprint, "is_settled", lambda *_: False)
        with pytest.raises(ChangingError):
            count(hasty, path)
    assert count(hasty, path)[0] in (3, 2000)


def test_a_copy_within_one_clock_step(
    root: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit right after it may leave the file's size and times as they were."""
    path, log = root / "a.db", root / "a.db-wal"
    program = sqlite3.connect(make_database(root / "own.db", journal="wal"))
    program.execute("INSERT INTO t(name) VALUES ('one')")
    program.commit()
    shutil.copy(root / "own.db", path)
    shutil.copy(root / "own.db-wal", log)
    seen = read_fingerprint(os.fsencode(path))
    monkeypatch.setattr(attempt, "read_fingerprint", lambda _: seen)
    monkeypatch.setattr(Fingerprint, "is_settled", lambda *_: False)
    assert count(opener, path) == (4, Mode.COPY)
    program.execute("INSERT INTO t(name) VALUES ('two')")
    program.commit()
    log.write_bytes((root / "own.db-wal").read_bytes())
    assert count(opener, path) == (5, Mode.COPY)
    program.close()


def test_reads_with_locks_beside_reads_without(root: Path, hasty: Opener) -> None:
    path = make_database(root / "a.db", journal="wal")
    settle(path)
    children = []

    def use(connection: sqlite3.Connection) -> int:
        if not children:  # meanwhile the file's owner comes
            statement = "INSERT INTO t(name) VALUES ('x')"
            children.append(child_python(HOLD_OPEN, str(path), statement))
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(count, hasty, path).result() == (4, Mode.LIVE)
        return connection.execute("SELECT count(*) FROM t").fetchone()[0]

    try:
        found, info = hasty.read(os.fsencode(path), use)
        assert (found, info.mode) == (4, Mode.LIVE)
    finally:
        end(children[0])


def test_slow_attempts_are_not_few(root: Path) -> None:
    """Time alone does not run out: a file that changed during one long query is read again."""
    path = make_database(root / "a.db")
    opener = Opener(Limits(busy_seconds=0), SnapshotStore(1))
    tries = []

    def use(connection: sqlite3.Connection) -> int:
        tries.append(connection.execute("SELECT count(*) FROM t").fetchone()[0])
        if len(tries) == 1:
            with path.open("r+b") as file:
                file.write(b"SQLite")
        return tries[-1]

    assert opener.read(os.fsencode(path), use)[0] == 3
    assert tries == [3, 3]
    opener.close()


def test_half_copied_file_is_not_called_corrupt(
    root: Path, hasty: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_database(root / "a.db", rows=500)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with monkeypatch.context() as just_now:
        just_now.setattr(Fingerprint, "is_settled", lambda *_: False)
        with pytest.raises(ChangingError):
            count(hasty, path)
    settle(path)
    with pytest.raises((CorruptError, sqlite3.DatabaseError)):
        count(hasty, path)
    path.write_bytes(whole)
    assert count(hasty, path) == (500, Mode.DIRECT)


def test_gone(root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db")
    count(opener, path)
    path.unlink()
    with pytest.raises(GoneError):
        count(opener, path)
    path.mkdir()
    with pytest.raises(GoneError, match="no longer a file"):
        count(opener, path)


def test_no_longer_a_database(root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db")
    count(opener, path)
    path.write_bytes(b"something else entirely" * 100)
    settle(path)
    with pytest.raises(CorruptError):
        count(opener, path)


@pytest.mark.skipif(sys.platform == "win32", reason="users and their rights are POSIX")
def test_denied_to_another_user(shared_folder: Path) -> None:
    """Rights mean nothing to root, so the reader is a child with another user's."""
    path = make_database(shared_folder / "a.db")
    path.chmod(0o600)
    code = """
import os, sys
from datasette_scan.opening import Opener, Limits, SnapshotStore
from datasette_scan.errors import DeniedError
path = os.fsencode(sys.argv[1])
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
else:
    os.chmod(path, 0)
print("ready", flush=True)
try:
    Opener(Limits(), SnapshotStore(1)).read(path, lambda c: None)
except DeniedError as error:
    print("denied", error)
"""
    child = child_python(code, str(path))
    assert child.stdout is not None
    assert child.stdout.read().startswith("denied")
    end(child)
    assert DeniedError.status == 403


@pytest.mark.skipif(sys.platform == "win32", reason="such files are POSIX")
@pytest.mark.parametrize("kind", ["pipe", "folder", "link", "link to nothing"])
@pytest.mark.parametrize("suffix", ["-wal", "-journal", "-shm"])
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_what_lies_beside_is_a_file(
    journal: str, suffix: str, kind: str, root: Path, hasty: Opener
) -> None:
    """SQLite waits at a pipe for ever, makes a file where a link leads to, and reads it."""
    path = make_database(root / "a.db", journal=journal)
    other = root / "other"
    other.write_bytes(b"another's" * 100)
    if suffix == "-shm":
        (root / "a.db-wal").write_bytes(b"")
    beside = root / f"a.db{suffix}"
    if kind == "pipe":
        os.mkfifo(beside)
    elif kind == "folder":
        beside.mkdir()
    else:
        beside.symlink_to(other if kind == "link" else root / "nothing")
    settle(path)
    before = photograph_names(root)
    with pytest.raises(UnavailableError, match=f"a.db{suffix} is not a file"):
        count(hasty, path)
    assert photograph_names(root) == before
    if kind != "folder":  # put there after the look
        with pytest.raises(OSError, match=r"not a file|symbolic"):
            open_regular(os.fsencode(beside))


def photograph_names(root: Path) -> set[str]:
    return set(os.listdir(root))


NAMES = [
    b"plain.db",
    b"c#.db",
    b"what?.db",
    b"..%2Fpriv%2Fsecret.db",
    b"a b&c=d.db",
    b"%00.db",
    b"\xff\xfe.db",
    b"new\nline.db",
    b"file:x?mode=rwc.db",
    b"-rf.db",
    b"[x];--.db",
    b"'quote\".db",
    "日本.db".encode(),
]


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_names_are_names(name: bytes, root: Path, opener: Opener) -> None:
    folder = os.fsencode(root)
    make_database(os.path.join(folder, b"priv", b"secret.db"), rows=99)
    path = os.path.join(folder, b"inner", name)
    make_database(root / "made.db", rows=5)
    (root / "inner").mkdir()
    os.rename(root / "made.db", path)
    before = photograph(root)
    assert count(opener, path)[0] == 5
    assert photograph(root) == before


def test_uri() -> None:
    assert file_uri(b"/d/c#.db", "mode=ro") == "file:/d/c%23.db?mode=ro"
    assert file_uri(b"/d/..%2Fx?y.db", "mode=ro") == "file:/d/..%252Fx%3Fy.db?mode=ro"


def test_a_connection_is_reused_only_as_prepared(root: Path, opener: Opener) -> None:
    raw = os.fsencode(make_database(root / "a.db"))

    def as_rows(connection: sqlite3.Connection) -> None:
        connection.row_factory = sqlite3.Row

    for prepare, kind in [(None, tuple), (as_rows, sqlite3.Row)] * 3:
        row, _ = opener.read(raw, lambda c: c.execute("SELECT * FROM t").fetchone(), prepare)
        assert type(row) is kind


def test_open_files_are_bounded(root: Path) -> None:
    paths = [make_database(root / f"{i}.db") for i in range(40)]
    opener = Opener(Limits(connections=5), SnapshotStore(1))
    for path in paths:
        assert count(opener, path)[0] == 3
    held = [
        os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if _is_open(fd)
    ]
    assert sum(target.startswith(str(root)) for target in held) <= 10
    opener.close()
    held = [
        os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if _is_open(fd)
    ]
    assert not any(target.startswith(str(root)) for target in held)


def _is_open(fd: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{fd}")


def test_private_copies_are_private_and_removed(root: Path, opener: Opener) -> None:
    hot_journal(root / "a.db")
    settle(root)
    where = []
    opener.read(
        os.fsencode(root / "a.db"),
        lambda c: where.append(c.execute("PRAGMA database_list").fetchone()[2]),
    )
    folder = Path(where[0]).parent.parent
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.is_relative_to(root)
    opener.close()
    assert not folder.exists()


def test_writes_are_refused(root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db")
    before = photograph(root)
    for sql in ("DELETE FROM t", "CREATE TABLE x (y)", "PRAGMA journal_mode=WAL"):
        try:
            opener.read(os.fsencode(path), lambda c, sql=sql: c.execute(sql).fetchall())
        except sqlite3.DatabaseError as error:
            assert "readonly" in str(error) or "not authorized" in str(error)
    assert photograph(root) == before
    assert count(opener, path) == (3, Mode.DIRECT)


# -- the pure rules

OLD = Stamp(1, 2, 4096, 10**18, 10**18)
LATER = OLD._replace(mtime_ns=OLD.mtime_ns + 10**9)
ROLLBACK_HEADER = bytes(18) + b"\x01\x01" + bytes(80)
WAL_HEADER = bytes(18) + b"\x02\x02" + bytes(80)


EMPTY = OLD._replace(size=0)


@pytest.mark.parametrize(
    ("header", "wal", "shm", "journal", "mode", "mode_as_root"),
    [
        (ROLLBACK_HEADER, None, False, Journal.NONE, Mode.DIRECT, Mode.DIRECT),
        (ROLLBACK_HEADER, None, False, Journal.IN_USE, Mode.DIRECT, Mode.DIRECT),
        (ROLLBACK_HEADER, None, False, Journal.FINISHED, Mode.DIRECT, Mode.IMMUTABLE),
        (ROLLBACK_HEADER, None, False, Journal.HOT, Mode.COPY, Mode.COPY),
        (ROLLBACK_HEADER, OLD, False, Journal.NONE, Mode.COPY, Mode.COPY),  # SQLite reads that log
        (WAL_HEADER, None, False, Journal.NONE, Mode.IMMUTABLE, Mode.IMMUTABLE),
        (WAL_HEADER, None, False, Journal.HOT, Mode.COPY, Mode.COPY),
        (WAL_HEADER, None, True, Journal.NONE, Mode.IMMUTABLE, Mode.IMMUTABLE),
        (WAL_HEADER, EMPTY, False, Journal.NONE, Mode.IMMUTABLE, Mode.IMMUTABLE),
        (WAL_HEADER, EMPTY, True, Journal.NONE, Mode.LIVE, Mode.IMMUTABLE),
        (WAL_HEADER, OLD, True, Journal.NONE, Mode.LIVE, Mode.COPY),
        (WAL_HEADER, OLD, True, Journal.HOT, Mode.COPY, Mode.COPY),
        (WAL_HEADER, OLD, False, Journal.NONE, Mode.COPY, Mode.COPY),
    ],
)
def test_plan_mode(
    header: bytes, wal: Stamp | None, shm: bool, journal: Journal, mode: Mode, mode_as_root: Mode
) -> None:
    fingerprint = Fingerprint(OLD, wal, None, shm)
    assert plan_mode(header, fingerprint, journal) is mode
    assert plan_mode(header, fingerprint, journal, avoid_log=True) is mode_as_root


@pytest.mark.parametrize(
    ("journal", "begins", "verified", "whole"),
    [
        (OLD, True, None, True),  # can be rolled back
        (OLD, False, None, True),  # finished at the time of the last write
        (LATER, False, None, True),  # cut to nothing after the last write
        (OLD._replace(mtime_ns=1), False, None, False),  # finished long before it
        (None, False, None, False),  # nothing known: perhaps a journal in memory
        (None, False, OLD, True),  # as it was when it was read under a lock
        (None, False, LATER, False),
    ],
)
def test_is_consistent_when_locked(
    journal: Stamp | None, begins: bool, verified: Stamp | None, whole: bool
) -> None:
    assert (
        is_consistent_when_locked(Fingerprint(OLD, None, journal, False), begins, verified) is whole
    )


def test_unsettled_files_are_not_trusted() -> None:
    fingerprint = Fingerprint(OLD._replace(ctime_ns=10**18 + 5), None, None, False)
    assert not fingerprint.is_settled(10**18 + 1_000_000)
    assert fingerprint.is_settled(10**18 + 100_000_000)
    coarse = Fingerprint(OLD, None, None, False)
    assert not coarse.is_settled(10**18 + 1_000_000_000)
    assert coarse.is_settled(10**18 + 3_000_000_000)


@pytest.mark.parametrize(("handles", "files"), [(64, 2), (256, 12), (128, 8), (1 << 20, 12)])
def test_connection_limit(handles: int, files: int) -> None:
    assert connection_limit(handles) == files
