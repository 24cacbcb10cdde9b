"""Opens scanned files so that the answer is right or there is none, and nothing is written.

No single SQLite open flag is right for every file, so the way is chosen for each read:

* rollback journal: ``mode=ro``, a read transaction under SQLite's own locks;
* write-ahead log in use (``-wal`` and ``-shm``): ``mode=ro&readonly_shm=1``. Without
  ``readonly_shm`` SQLite would write read marks into ``-shm``, even in ``mode=ro``;
* write-ahead log mode that nobody has open: ``mode=ro&immutable=1``, the file's fingerprint
  compared before and after the read. Plain ``mode=ro`` would create ``-wal`` and ``-shm``;
* anything that needs recovery, or is locked exclusively: a private copy.

POSIX record locks belong to the process and vanish when *any* descriptor of the file is
closed, also those that protect a SQLite connection in another thread. So each file has one
``Handle``: its descriptor stays open for as long as a connection does, connections with and
without locks never exist together, and all opening and closing happens under its lock.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
import struct
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar
from urllib.parse import quote_from_bytes

from . import owners
from .errors import (
    BusyError,
    ChangingError,
    CorruptError,
    DeniedError,
    GoneError,
    RecoveryError,
    UnavailableError,
    is_damage,
)
from .fingerprint import (
    JOURNAL_MAGIC,
    Fingerprint,
    Mode,
    Stamp,
    consistent_when_locked,
    open_plain,
    plan_mode,
    read_at,
    settled,
    take,
)
from .snapshots import Snapshot, SnapshotStore
from .text import visible_path

try:
    import fcntl
except ImportError:  # Windows, where locks are kept per handle and need no such care
    fcntl = None  # type: ignore[assignment]

T = TypeVar("T")
Prepare = Callable[[sqlite3.Connection], None]

_RESERVED = 0x40000001  # sqlite3's os.h: PENDING_BYTE + 1
_SHARED_FIRST = 0x40000002
_SHARED_SIZE = 510
_PAUSE = 0.02
_TRIES = 5  # on a busy machine one try can outlast the time there is
_URI_FLAGS = {
    Mode.DIRECT: "mode=ro&readonly_shm=1",
    Mode.LIVE: "mode=ro&readonly_shm=1",
    Mode.QUIET: "mode=ro&immutable=1",
    Mode.COPY: "mode=ro&immutable=1",
}


class _Retry(Exception):
    """The file changed under the read: what was read is thrown away."""


class _Locked(Exception):
    """Another process holds the file exclusively."""


class _NeedsCopy(Exception):
    """SQLite would have to write before it could read."""


def file_uri(path: bytes, flags: str) -> str:
    """A SQLite URI that names exactly these bytes: nothing in a name is taken as syntax."""
    absolute = os.path.abspath(path)
    if os.sep == "\\":
        absolute = b"/" + absolute.replace(b"\\", b"/")
    return f"file:{quote_from_bytes(absolute, safe='/')}?{flags}"


@dataclass(frozen=True)
class Limits:
    """What reading may cost."""

    connections: int = 12
    busy_seconds: float = 1.0
    snapshot_bytes: int = 256 << 20


@dataclass(frozen=True)
class _Request:
    """What a read asks for; while ``patient`` it waits for a lock instead of copying."""

    path: bytes
    prepare: Prepare | None
    patient: bool


@dataclass
class Lease:
    """One connection lent for one read."""

    path: bytes
    connection: sqlite3.Connection
    mode: Mode
    fingerprint: Fingerprint
    prepare: Prepare | None = None
    snapshot: Snapshot | None = None

    @property
    def uri(self) -> str:
        """Where another connection reads the same, while this one is lent."""
        return file_uri(self.snapshot.file if self.snapshot else self.path, _URI_FLAGS[self.mode])


@dataclass(frozen=True)
class ReadInfo:
    """How a read was made: what the page says beside the answer."""

    mode: Mode
    taken_at: float | None = None


@dataclass
class _Idle:
    connection: sqlite3.Connection
    mode: Mode
    fingerprint: Fingerprint
    prepare: Prepare | None


@dataclass
class Handle:
    """Everything this process has open on one file. ``lock`` guards all of it."""

    path: bytes
    fd: int
    identity: tuple[int, int]
    lock: threading.Lock = field(default_factory=threading.Lock)
    idle: list[_Idle] = field(default_factory=list)
    active: list[Lease] = field(default_factory=list)
    spare: list[int] = field(default_factory=list)
    verified: Stamp | None = None
    retired: bool = False

    def close_idle(self, keep: Callable[[_Idle], bool] = lambda _: False) -> None:
        """Close the idle connections that ``keep`` does not want. Call with the lock held."""
        for item in [i for i in self.idle if not keep(i)]:
            self.idle.remove(item)
            item.connection.close()
        if not self.idle and not self.active and self.retired and self.fd >= 0:
            for fd in (self.fd, *self.spare):
                os.close(fd)
            self.fd = -1

    def take_idle(self, prepare: Prepare | None) -> sqlite3.Connection | None:
        """An idle connection that was prepared in this way."""
        for item in self.idle:
            if item.prepare == prepare:
                self.idle.remove(item)
                return item.connection
        return None

    def mixes(self, mode: Mode) -> bool:
        """Whether ``mode`` may not begin beside the reads that are under way."""
        if mode is Mode.COPY:
            return False
        lockless = mode is Mode.QUIET
        return any(
            lease.mode is not Mode.COPY and (lease.mode is Mode.QUIET) is not lockless
            for lease in self.active
        )


class Opener:
    """Lends connections to scanned files. Any thread may call it; ``close`` ends it.

    Holds at most ``limits.connections`` idle connections, least recently used ones first
    to go. With ``roots`` nothing is opened that lies outside of them, wherever a folder on
    the way was turned into a symbolic link to.
    """

    def __init__(
        self, limits: Limits, snapshots: SnapshotStore, roots: tuple[bytes, ...] = ()
    ) -> None:
        self.limits = limits
        self._roots = tuple(os.path.realpath(root) for root in roots)
        self.snapshots = snapshots
        self._lock = threading.Lock()
        self._handles: OrderedDict[tuple[int, int], Handle] = OrderedDict()

    # -- reading

    def read(
        self,
        path: bytes,
        use: Callable[[sqlite3.Connection], T],
        prepare: Prepare | None = None,
        *,
        keep: bool = True,
    ) -> tuple[T, ReadInfo]:
        """Call ``use`` with a connection; return its result only if the file held still.

        ``use`` may be called more than once. Without ``keep`` nothing stays open. Raises
        UnavailableError (its subclasses say why) when there is no right answer, and
        whatever ``use`` raises on a file that did not change meanwhile.
        """
        return self.lend(path, lambda lease: use(lease.connection), prepare, keep=keep)

    def lend(
        self,
        path: bytes,
        use: Callable[[Lease], T],
        prepare: Prepare | None = None,
        *,
        keep: bool = True,
    ) -> tuple[T, ReadInfo]:
        """The same, with more than the connection."""
        began = time.monotonic()
        for tries in itertools.count(1):
            # A lock that lasts is worth a copy; one that a commit takes is not.
            patient = time.monotonic() < began + self.limits.busy_seconds / 4
            try:
                return self._attempt(_Request(path, prepare, patient), use)
            except _Locked:
                self._wait(tries, began, BusyError, path)
            except _Retry:
                self._wait(tries, began, ChangingError, path)
            finally:
                if not keep:
                    self.forget_idle(path)
        raise AssertionError("unreachable")  # the count has no end

    def _wait(self, tries: int, began: float, error: type[UnavailableError], path: bytes) -> None:
        """Pause, or give up: when the time is over, unless the tries were slow and few."""
        if tries >= _TRIES and time.monotonic() >= began + self.limits.busy_seconds:
            raise error(f"{visible_path(path)} is {error.word}")
        time.sleep(_PAUSE)

    def _attempt(self, request: _Request, use: Callable[[Lease], T]) -> tuple[T, ReadInfo]:
        handle = self._handle(request.path)
        lease = self._begin(handle, request)
        usable = False
        try:
            result = use(lease)
            usable = self._held_still(handle, lease)
        except sqlite3.DatabaseError as error:
            if not self._held_still(handle, lease):
                raise _Retry from error
            raise
        finally:
            self._end(handle, lease, usable)
            self._trim()
        if not usable:
            raise _Retry
        taken = lease.snapshot.taken_at if lease.snapshot else None
        return result, ReadInfo(lease.mode, taken)

    # -- handles, one for each file, whatever its names

    def _handle(self, path: bytes) -> Handle:
        identity = take(path).identity
        with self._lock:
            handle = self._handles.get(identity)
            if handle is not None and handle.path == path and not handle.retired:
                self._handles.move_to_end(identity)
                return handle
            if handle is not None and not self._release(handle):
                raise _Retry  # being read by another name: its locks must stay
            fresh = self._open(path)
            known = self._handles.get(fresh.identity)
            if known is not None:
                known.spare.append(fresh.fd)  # closing it now would drop its locks
                raise _Retry
            self._handles[fresh.identity] = fresh
            return fresh

    def _release(self, handle: Handle) -> bool:
        """Close what nobody uses; False if somebody does. Call with ``self._lock`` held.

        Until it is closed nobody can open the file anew: closing drops the locks of all.
        """
        if not handle.lock.acquire(blocking=False):
            return False
        try:
            if handle.active:
                return False
            handle.retired = True
            handle.close_idle()
            del self._handles[handle.identity]
            return True
        finally:
            handle.lock.release()

    def _is_inside(self, real: bytes) -> bool:
        return any(real == r or real.startswith(os.path.join(r, b"")) for r in self._roots)

    def _open(self, path: bytes) -> Handle:
        if self._roots and not self._is_inside(os.path.realpath(path)):
            raise GoneError(f"{visible_path(path)} now lies outside of the scanned folders")
        flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            fd = os.open(path, flags | getattr(os, "O_BINARY", 0))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise GoneError(f"{visible_path(path)} is gone") from error
        except PermissionError as error:
            raise DeniedError(f"{visible_path(path)} may not be read: {error.strerror}") from error
        except OSError as error:
            raise UnavailableError(
                f"{visible_path(path)} cannot be opened: {error.strerror}"
            ) from error
        found = os.fstat(fd)
        return Handle(path, fd, (found.st_dev, found.st_ino))

    # -- beginning and ending a read, always with the handle's lock held

    def _begin(self, handle: Handle, request: _Request) -> Lease:
        with handle.lock:
            if handle.retired:
                raise _Retry
            if not _share(handle):
                return self._begin_locked(handle, request)
            try:
                return self._begin_shared(handle, request.prepare)
            except _NeedsCopy:
                return self._begin_copy(handle, request.prepare)
            except _Locked:
                return self._begin_locked(handle, request)
            finally:
                if not any(lease.mode in (Mode.DIRECT, Mode.LIVE) for lease in handle.active):
                    _unshare(handle)

    def _begin_shared(self, handle: Handle, prepare: Prepare | None) -> Lease:
        fingerprint = take(handle.path)
        if fingerprint.identity != handle.identity:
            raise _Retry
        try:
            mode = plan_mode(_header(handle.fd, handle.path), fingerprint)
            if mode is Mode.COPY or (mode is Mode.DIRECT and _is_hot(handle, fingerprint)):
                raise _NeedsCopy
            if handle.mixes(mode) or (mode is Mode.QUIET and not settled(fingerprint)):
                raise _Retry
            return self._connected(handle, prepare, mode, fingerprint)
        except CorruptError:
            if not settled(fingerprint):
                raise _Retry from None  # half copied, most likely
            raise

    def _connected(
        self, handle: Handle, prepare: Prepare | None, mode: Mode, fingerprint: Fingerprint
    ) -> Lease:
        if any(i.mode is not mode or not _same(i, fingerprint) for i in handle.idle):
            handle.close_idle()
            raise _Retry  # closing them dropped the lock that was just taken
        with owners.kept():  # SQLite opens logs and journals at the first read
            return self._opened(handle, prepare, mode, fingerprint)

    def _opened(
        self, handle: Handle, prepare: Prepare | None, mode: Mode, fingerprint: Fingerprint
    ) -> Lease:
        connection = handle.take_idle(prepare)
        if connection is None:
            connection = _connect(file_uri(handle.path, _URI_FLAGS[mode]), prepare)
        lease = Lease(handle.path, connection, mode, fingerprint, prepare)
        try:
            _start_transaction(connection)
            if mode is Mode.DIRECT:
                # Taken again under the lock: nobody may change the file from here on.
                lease.fingerprint = take(handle.path)
                if settled(lease.fingerprint):
                    handle.verified = lease.fingerprint.main
        except BaseException:
            connection.close()
            raise
        handle.active.append(lease)
        return lease

    def _begin_locked(self, handle: Handle, request: _Request) -> Lease:
        """Another process holds an exclusive lock: first wait, then copy what is whole."""
        fingerprint = take(handle.path)
        if self.snapshots.get(handle.path, fingerprint) is None:
            journal_head, _ = _journal_ends(handle.path)
            if request.patient or not consistent_when_locked(
                fingerprint, journal_head, handle.verified
            ):
                raise _Locked
        return self._begin_copy(handle, request.prepare)

    def _begin_copy(self, handle: Handle, prepare: Prepare | None) -> Lease:
        fingerprint = take(handle.path)
        if fingerprint.identity != handle.identity or not settled(fingerprint):
            raise _Retry
        snapshot = self.snapshots.get(handle.path, fingerprint)
        if snapshot is None:
            snapshot = self._copy(handle, fingerprint)
        connection = _connect(file_uri(snapshot.file, _URI_FLAGS[Mode.COPY]), prepare)
        try:
            _start_transaction(connection)
        except BaseException:
            connection.close()
            raise
        lease = Lease(handle.path, connection, Mode.COPY, fingerprint, prepare, snapshot)
        handle.active.append(lease)
        return lease

    def _copy(self, handle: Handle, fingerprint: Fingerprint) -> Snapshot:
        if _journal_ends(handle.path)[1] == JOURNAL_MAGIC:
            # One part of a transaction over several files: it cannot be recovered alone.
            raise RecoveryError(f"{visible_path(handle.path)} needs recovery with its sister files")
        size = sum(s.size for s in fingerprint.without_shm() if s is not None)
        if size > self.limits.snapshot_bytes:
            raise RecoveryError(f"{visible_path(handle.path)} needs recovery")

        def unchanged() -> None:
            if take(handle.path).without_shm() != fingerprint.without_shm():
                raise _Retry

        return self.snapshots.make(handle.path, handle.fd, fingerprint, unchanged)

    @staticmethod
    def _held_still(handle: Handle, lease: Lease) -> bool:
        """Whether everything read since the lease began was one state of the file."""
        if lease.mode is Mode.COPY:
            return True
        try:
            now = take(handle.path)
        except UnavailableError:
            return False
        if lease.mode is Mode.LIVE:
            return now.identity == lease.fingerprint.identity
        if lease.mode is Mode.DIRECT:
            return now.main == lease.fingerprint.main
        return now.without_shm() == lease.fingerprint.without_shm()

    @staticmethod
    def _end(handle: Handle, lease: Lease, usable: bool) -> None:
        with handle.lock:
            handle.active.remove(lease)
            with contextlib.suppress(sqlite3.Error):
                lease.connection.rollback()
            # A live write-ahead log is let go at once: an idle connection to it would keep
            # the program that owns it from tidying up.
            if usable and lease.mode in (Mode.DIRECT, Mode.QUIET) and not handle.retired:
                handle.idle.append(
                    _Idle(lease.connection, lease.mode, lease.fingerprint, lease.prepare)
                )
            else:
                lease.connection.close()
            handle.close_idle(lambda _: not handle.retired)

    # -- bounds

    def _trim(self) -> None:
        """Close the least recently used files beyond the limit."""
        with self._lock:
            for handle in list(self._handles.values()):
                if len(self._handles) <= self.limits.connections:
                    return
                self._release(handle)

    def forget(self, path: bytes) -> None:
        """Let go of a file: its connections and its private copies."""
        self.forget_idle(path)
        self.snapshots.forget(path)

    def forget_idle(self, path: bytes) -> None:
        """Close what is open on a file, unless somebody is reading it."""
        with self._lock:
            for handle in [h for h in self._handles.values() if h.path == path]:
                self._release(handle)

    def close(self) -> None:
        """Let go of everything. Nobody may be reading any more."""
        with self._lock:
            for handle in list(self._handles.values()):
                self._release(handle)
        self.snapshots.close()


def _retry() -> NoReturn:
    raise _Retry


def _same(item: _Idle, fingerprint: Fingerprint) -> bool:
    return item.fingerprint.without_shm() == fingerprint.without_shm()


def _share(handle: Handle) -> bool:
    """Take SQLite's SHARED lock for this process: no writer may begin to change the file.

    It is held only until SQLite itself holds it, so that what was just seen beside the
    file (is there a ``-wal``?) is still so when SQLite looks.
    """
    if fcntl is None or handle.mixes(Mode.DIRECT):
        return True
    try:
        fcntl.lockf(handle.fd, fcntl.LOCK_SH | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks: SQLite will say what it thinks of it
    return True


def _unshare(handle: Handle) -> None:
    if fcntl is not None and handle.fd >= 0:
        with contextlib.suppress(OSError):
            fcntl.lockf(handle.fd, fcntl.LOCK_UN, _SHARED_SIZE, _SHARED_FIRST)


def _is_hot(handle: Handle, fingerprint: Fingerprint) -> bool:
    """Whether the rollback journal was left by a writer that is no more."""
    if fingerprint.journal is None or _journal_ends(handle.path)[0] != JOURNAL_MAGIC:
        return False
    return not _is_reserved(handle.fd) and _journal_ends(handle.path)[0] == JOURNAL_MAGIC


def _is_reserved(fd: int) -> bool:
    """Whether another process means to write. Asks, without taking a lock itself."""
    if fcntl is None:
        return True
    linux = sys.platform.startswith("linux")
    if linux:  # struct flock
        question = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, _RESERVED, 1, 0)
    else:
        question = struct.pack("qqihh", _RESERVED, 1, 0, fcntl.F_WRLCK, os.SEEK_SET)
    try:
        answer = fcntl.fcntl(fd, fcntl.F_GETLK, question)
    except OSError:
        return True
    kind = struct.unpack("hhqqi", answer)[0] if linux else struct.unpack("qqihh", answer)[3]
    return bool(kind != fcntl.F_UNLCK)


def _header(fd: int, path: bytes) -> bytes:
    try:
        header = read_at(fd, 100, 0)
    except OSError as error:
        raise UnavailableError(f"{visible_path(path)} cannot be read: {error.strerror}") from error
    if not header.startswith(b"SQLite format 3\x00"):
        raise CorruptError(f"{visible_path(path)} is not a SQLite database any more")
    return header


def _journal_ends(path: bytes) -> tuple[bytes, bytes]:
    """The first and the last eight bytes of the rollback journal; SQLite never locks it."""
    try:
        with os.fdopen(open_plain(path + b"-journal"), "rb") as journal:
            head = journal.read(8)
            size = journal.seek(0, os.SEEK_END)
            journal.seek(max(0, size - 8))
            return head, journal.read(8) if size > 512 else b""
    except OSError:
        return b"", b""


def _connect(uri: str, prepare: Prepare | None) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=0)
    except sqlite3.OperationalError as error:
        raise _translated(error) from error
    try:
        if prepare is not None:
            prepare(connection)
        connection.execute("PRAGMA query_only=1")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise _translated(error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _start_transaction(connection: sqlite3.Connection) -> None:
    """Begin a read transaction: SQLite takes its lock and fixes what will be read."""
    try:
        connection.execute("BEGIN")
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.DatabaseError as error:
        with contextlib.suppress(sqlite3.Error):
            connection.rollback()
        raise _translated(error) from error


def _translated(error: sqlite3.DatabaseError) -> Exception:
    """SQLite's refusal → what to do about it."""
    said = str(error)
    if "locked" in said:
        return _Locked()
    if "readonly" in said or "unable to open" in said:
        return _NeedsCopy()
    if is_damage(error):
        return CorruptError(said)
    return error
