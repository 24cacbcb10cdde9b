"""The steps of one attempt to read a file, and what can make it fail."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import CorruptError, StoppingError, TooComplexError, UnavailableError, is_damage
from ..sqlite import sqlite3
from ..text import visible, visible_path
from . import locks
from .connection import Connection, Prepare, connect, interrupted_when, opened_file, watch
from .fingerprint import Fingerprint, journal_begins, take
from .handles import Handle, Lease
from .modes import URI_FLAGS, Journal, Mode

POSIX = os.name == "posix"


class Retry(Exception):
    """The file changed under the read: what was read is thrown away."""


class Locked(Exception):
    """Another process holds the file exclusively. The text is its program's name."""


class NeedsCopy(Exception):
    """SQLite would have to write before it could read."""


@dataclass(frozen=True)
class Limits:
    """What reading may cost.

    ``begin_seconds`` bounds opening one file, copying and recovering included;
    ``use_seconds`` how long one read may go on to prepare further statements.
    """

    connections: int = 12
    busy_seconds: float = 1.0
    begin_seconds: float = 10.0
    use_seconds: float = 5.0
    snapshot_bytes: int = 256 << 20


@dataclass(frozen=True)
class Request:
    """A read to make; while ``patient`` it waits for a lock instead of copying."""

    path: bytes
    prepare: Prepare | None
    patient: bool
    is_late: Callable[[], bool]
    seconds: float | None
    stopping: threading.Event

    def is_over(self) -> bool:
        """Whether beginning takes too long."""
        return self.stopping.is_set() or self.is_late()

    def proceed(self) -> None:
        """Raise StoppingError or TooComplexError when beginning takes too long."""
        if self.stopping.is_set():
            raise StoppingError("the server is stopping")
        if self.is_over():
            raise TooComplexError(f"{visible_path(self.path)} takes too long to open")


def is_log_left(handle: Handle, fingerprint: Fingerprint) -> bool:
    """Whether there is a log and no process that uses it."""
    if fingerprint.wal is None or not fingerprint.wal.size:
        return False
    try:
        return locks.find_user(handle.fd) is None
    except OSError:
        return False


def user_of(handle: Handle) -> str:
    """The name of the program that has locked the file, "" where the system does not say."""
    try:
        user = locks.find_user(handle.fd)
    except OSError:
        return ""
    return visible(locks.program_name(user)) if user is not None else ""


def look_at_journal(handle: Handle, fingerprint: Fingerprint) -> Journal:
    if fingerprint.journal is None or fingerprint.journal.size == 0:
        return Journal.NONE
    try:
        # A writer's journal may begin with zeros until it is written out.
        if locks.find_writer(handle.fd) is not None:
            return Journal.IN_USE
    except OSError:
        if not POSIX:  # Windows, where SQLite itself refuses what needs recovery
            return Journal.IN_USE
    return Journal.HOT if journal_begins(handle.path) else Journal.FINISHED


def connect_for_read(file: bytes, path: bytes, mode: Mode, request: Request) -> Connection:
    """A connection to ``file`` in a read transaction. ``path`` is where it was found."""
    with watch.opening(file):
        try:
            connection = connect(file, URI_FLAGS[mode], request.prepare)
        except sqlite3.DatabaseError as error:
            raise _translated(error) from error
        start_transaction(connection, request)
    if mode is not Mode.COPY and POSIX and opened_file(connection) != file:
        connection.close()
        raise Retry  # a link was put on the way, and SQLite followed it
    return connection


def start_transaction(connection: Connection, request: Request) -> None:
    """Begin a read transaction: SQLite takes its lock and fixes what will be read.

    A failure closes the connection.
    """
    connection.budget.begin(request.is_late, request.stopping)
    try:
        with (
            interrupted_when(connection, request.is_over),
            watch.parsing(connection, request.is_over),
        ):
            connection.execute("BEGIN")
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        request.proceed()
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.DatabaseError):
            request.proceed()
            raise _translated(error) from error
        raise


def held_still(lease: Lease) -> bool:
    """Whether everything read since the lease began was one state of the file."""
    if lease.mode is Mode.COPY:
        return True
    try:
        now = take(lease.path)
    except UnavailableError:
        return False
    if lease.mode is Mode.LIVE:
        return now.identity == lease.fingerprint.identity
    if lease.mode is Mode.DIRECT:
        return now.main == lease.fingerprint.main
    return now.without_shm() == lease.fingerprint.without_shm()


def _translated(error: sqlite3.DatabaseError) -> Exception:
    """SQLite's refusal → what to do about it."""
    said = str(error)
    if "locked" in said:
        return Locked()
    if "readonly" in said or "unable to open" in said or "locking protocol" in said:
        return NeedsCopy()
    if is_damage(error):
        return CorruptError(said)
    return error
