"""One attempt to read a file: chooses the mode and opens a connection."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import (
    BusyError,
    CorruptError,
    RecoveryError,
    StoppingError,
    TooComplexError,
    UnavailableError,
    is_damage,
)
from ..sqlite import sqlite3
from ..text import visible, visible_path
from . import locks
from .connection import Connection, Prepare, connect, interrupted_when
from .copying import Source
from .fingerprint import Changed, Fingerprint, has_unfinished_journal, read_fingerprint
from .modes import URI_FLAGS, Journal, Mode, is_consistent_when_locked, is_log_mode, plan_mode
from .open_files import Lease, OpenFile
from .snapshots import SnapshotStore
from .watchdog import watchdog

POSIX = os.name == "posix"


class Locked(Exception):
    """Another process holds the file exclusively. The text is its program's name."""


class NeedsCopy(Exception):
    """SQLite would have to write before it could read."""


@dataclass(frozen=True)
class Limits:
    """Limits on the cost of reading.

    ``begin_seconds`` bounds opening one file, copying and recovering included;
    ``use_seconds`` how long one read may go on to prepare further statements.
    """

    connections: int = 12
    busy_seconds: float = 1.0
    begin_seconds: float = 10.0
    use_seconds: float = 5.0
    snapshot_bytes: int = 256 << 20


@dataclass
class ReadRequest:
    """A read to make. It is begun without locks at most ``unlocked_tries`` times."""

    path: bytes
    prepare: Prepare | None
    began: float
    is_late: Callable[[], bool]
    seconds: float | None
    stopping: threading.Event
    limits: Limits
    unlocked_tries: int = 2

    @property
    def may_wait(self) -> bool:
        """Whether to wait for a lock before making a copy: a commit's lock is short."""
        return time.monotonic() < self.began + self.limits.busy_seconds / 4

    def is_over(self) -> bool:
        """Whether beginning takes too long."""
        return self.stopping.is_set() or self.is_late()

    def check_deadline(self) -> None:
        """Raise StoppingError or TooComplexError when beginning takes too long."""
        if self.stopping.is_set():
            raise StoppingError("the server is stopping")
        if self.is_over():
            raise TooComplexError(f"{visible_path(self.path)} takes too long to open")


# -- choosing the mode; called with the file's lock held


def begin_read(file: OpenFile, request: ReadRequest, snapshots: SnapshotStore) -> Lease:
    """A connection in a read transaction, in the first mode that SQLite can read the file in.

    Raises Changed, Locked, UnavailableError and sqlite3.DatabaseError.
    """
    with file.lock:
        if file.retired:
            raise Changed
        unlocked = _begin_unlocked(file, request)
        if unlocked is not None:
            return unlocked
        # Close unlocked connections first: once the lock is held, closing any descriptor of this
        # file would drop it. The others may be used again.
        file.close_idle(lambda lease: lease.mode is not Mode.UNLOCKED)
        # Held until SQLite itself holds it, so that what was just seen beside the file (is there
        # a ``-wal``?) is still so when SQLite looks.
        if not locks.take_shared(file.fd):
            return _begin_locked(file, request, snapshots)
        try:
            lease = _begin_in_place(file, request)
        except NeedsCopy:
            lease = _begin_copy(file, request, snapshots)
        except Locked:
            return _begin_locked(file, request, snapshots)
        finally:
            file.release_shared()
        lease.orphaned_log = _has_orphaned_log(file, lease.fingerprint)
        return lease


def _begin_unlocked(file: OpenFile, request: ReadRequest) -> Lease | None:
    """Read a file at rest without a lock; None where that is unsafe.

    A lock makes the commits of other programs fail, and some lose what they tried to commit:
    Chromium does not try again to save its cookies.
    """
    if not (request.unlocked_tries and file.reliable_times):
        return None
    fingerprint = read_fingerprint(file.path)
    if fingerprint.identity != file.identity:
        raise Changed
    try:
        if locks.is_exclusive(file.fd) or not fingerprint.is_settled():
            return None
        # After ``is_exclusive``: a writer killed since then has left a hot journal.
        journal = _read_journal_state(file, fingerprint)
        mode = plan_mode(file.read_header(), fingerprint, journal, avoid_log=_is_root())
        if mode is Mode.DIRECT:
            mode = Mode.UNLOCKED
        elif mode is not Mode.IMMUTABLE:
            return None
        request.unlocked_tries -= 1
        if not file.is_idle_in(mode, fingerprint):
            file.close_idle()
        lease = _lease(file, mode, fingerprint, request)
    except (OSError, Locked, NeedsCopy):
        return None
    except (CorruptError, sqlite3.DatabaseError) as error:
        if read_fingerprint(file.path).main != fingerprint.main:
            raise Changed from error
        raise
    # At rest and not locked exclusively: consistent, whatever becomes of this read.
    file.verified = fingerprint.main
    file.active.append(lease)
    return lease


def _begin_in_place(file: OpenFile, request: ReadRequest) -> Lease:
    """Read the file itself, in the mode that ``plan_mode`` gives. Raises NeedsCopy too."""
    fingerprint = read_fingerprint(file.path)
    if fingerprint.identity != file.identity:
        raise Changed
    journal = _read_journal_state(file, fingerprint)
    # A log that no process uses: SQLite may wait ten seconds for frames that it can't explain.
    size = fingerprint.main.size + (fingerprint.wal.size if fingerprint.wal else 0)
    orphaned = _has_orphaned_log(file, fingerprint) and size <= request.limits.snapshot_bytes
    mode = plan_mode(file.read_header(), fingerprint, journal, avoid_log=orphaned or _is_root())
    if mode is Mode.COPY:
        raise NeedsCopy
    if mode is Mode.IMMUTABLE and not fingerprint.is_settled():
        raise Changed
    if not file.is_idle_in(mode, fingerprint):
        file.close_idle()
        raise Changed  # closing them dropped the lock that was just taken
    lease = _lease(file, mode, fingerprint, request)
    try:
        if mode is Mode.DIRECT:
            # Taken again under the lock: no other process may change the file from here on.
            lease.fingerprint = read_fingerprint(file.path)
            if lease.fingerprint.is_settled():
                file.verified = lease.fingerprint.main
    except BaseException:
        lease.connection.close()
        raise
    file.active.append(lease)
    return lease


def _lease(file: OpenFile, mode: Mode, fingerprint: Fingerprint, request: ReadRequest) -> Lease:
    """An idle connection, or a new one, in a read transaction."""
    connection = file.take_idle(request.prepare)
    if connection is None:
        connection = _connect(file.real_path, mode, request)
    else:
        _start_transaction(connection, request)
    return Lease(file.path, connection, mode, fingerprint, request.prepare)


def _begin_locked(file: OpenFile, request: ReadRequest, snapshots: SnapshotStore) -> Lease:
    """Another process holds an exclusive lock: wait, then copy if the file is consistent."""
    fingerprint = read_fingerprint(file.path)
    in_log_mode = is_log_mode(file.read_header())  # where such a lock lasts
    if snapshots.get(file.path, fingerprint) is None and not in_log_mode:
        consistent = is_consistent_when_locked(
            fingerprint, has_unfinished_journal(file.path), file.verified
        )
        if request.may_wait or not consistent:
            raise Locked(_find_user(file) or "")
    return _begin_copy(file, request, snapshots)


def _begin_copy(file: OpenFile, request: ReadRequest, snapshots: SnapshotStore) -> Lease:
    """Read a private copy: the one of this state, or a new one."""
    fingerprint = read_fingerprint(file.path)
    if fingerprint.identity != file.identity:
        raise Changed
    snapshot = snapshots.get(file.path, fingerprint)
    if snapshot is None:
        if not (fingerprint.wal or fingerprint.is_settled()):
            raise Changed
        source = Source(file.path, file.fd, fingerprint)
        max_bytes = request.limits.snapshot_bytes
        if source.size > max_bytes:
            size = f"{source.size:,} bytes; {max_bytes:,} are allowed"
            raise _too_big(file, size, request.may_wait)
        snapshot = snapshots.make(source, max_bytes, request.check_deadline)
    try:
        connection = _connect(snapshot.file, Mode.COPY, request)
    except NeedsCopy as error:
        raise Changed from error  # another copy needed the room just now
    lease = Lease(file.path, connection, Mode.COPY, fingerprint, request.prepare, snapshot.taken_at)
    file.active.append(lease)
    return lease


def _too_big(file: OpenFile, size: str, may_wait: bool) -> Exception:
    shown, copy = visible_path(file.path), f"a private copy, which would take {size}"
    program = _find_user(file)
    if program is None:
        return RecoveryError(f"{shown} needs recovery in {copy}")
    if may_wait:  # a log in use can be unreadable for a moment, while its index changes
        return Locked(program)
    return BusyError(
        f"{shown} is in use by {program or 'another program'} and can be read only from {copy}",
        "Close that program, or raise snapshot_max_mb.",
    )


# -- the log, the journal and their users


def _has_orphaned_log(file: OpenFile, fingerprint: Fingerprint) -> bool:
    """Whether there is a log and no process that uses it."""
    if fingerprint.wal is None or not fingerprint.wal.size:
        return False
    try:
        return locks.find_lock_holder(file.fd) is None
    except OSError:
        return False


def _find_user(file: OpenFile) -> str | None:
    """The program that has locked the file, "" where its name is unknown; None without one."""
    try:
        user = locks.find_lock_holder(file.fd)
    except OSError:
        return None
    return None if user is None else visible(locks.program_name(user))


def _read_journal_state(file: OpenFile, fingerprint: Fingerprint) -> Journal:
    """What SQLite would do about the rollback journal."""
    if fingerprint.journal is None or fingerprint.journal.size == 0:
        return Journal.NONE
    try:
        # A writer's journal may begin with zeros until it is written out.
        if locks.find_writer(file.fd) is not None:
            return Journal.IN_USE
    except OSError:
        if not POSIX:  # Windows, where SQLite itself refuses what needs recovery
            return Journal.IN_USE
    return Journal.HOT if has_unfinished_journal(file.path) else Journal.FINISHED


def _is_root() -> bool:
    return POSIX and os.geteuid() == 0


# -- connecting


def _connect(file: bytes, mode: Mode, request: ReadRequest) -> Connection:
    """A connection to ``file`` in a read transaction."""
    with watchdog.opening(file):
        try:
            connection = connect(file, URI_FLAGS[mode], request.prepare)
        except sqlite3.DatabaseError as error:
            raise _classify_error(error) from error
        _start_transaction(connection, request)
    if mode is not Mode.COPY and POSIX and connection.file != file:
        connection.close()
        raise Changed  # a link was put on the way, and SQLite followed it
    return connection


def _start_transaction(connection: Connection, request: ReadRequest) -> None:
    """Begin a read transaction: SQLite takes its lock and fixes what will be read.

    A failure closes the connection.
    """
    connection.budget.begin(request.is_late, request.stopping)
    try:
        with (
            interrupted_when(connection, request.is_over),
            watchdog.parsing(connection, request.is_over),
        ):
            connection.execute("BEGIN")
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        request.check_deadline()
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.DatabaseError):
            request.check_deadline()
            raise _classify_error(error) from error
        raise


def is_unchanged(lease: Lease) -> bool:
    """Whether everything read since the lease began was one state of the file."""
    if lease.mode is Mode.COPY:
        return True
    try:
        now = read_fingerprint(lease.path)
    except UnavailableError:
        return False
    if lease.mode is Mode.LIVE:
        return now.identity == lease.fingerprint.identity
    if lease.mode in (Mode.DIRECT, Mode.UNLOCKED):
        return now.main == lease.fingerprint.main
    return now.without_shm() == lease.fingerprint.without_shm()


def _classify_error(error: sqlite3.DatabaseError) -> Exception:
    """SQLite's error → the exception that says how to go on."""
    message = str(error)
    if "locked" in message:
        return Locked()
    if any(text in message for text in ("readonly", "unable to open", "locking protocol")):
        return NeedsCopy()
    if is_damage(error):
        return CorruptError(message)
    return error
