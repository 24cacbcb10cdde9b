"""Reads scanned files so that the answer is right or there is none, and nothing is written."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TypeVar

from ..errors import (
    BusyError,
    ChangingError,
    CorruptError,
    RecoveryError,
    StoppingError,
    TooComplexError,
    UnavailableError,
)
from ..sqlite import sqlite3
from ..text import visible, visible_path
from .attempt import (
    POSIX,
    Limits,
    Locked,
    NeedsCopy,
    Request,
    Retry,
    connect_for_read,
    held_still,
    is_log_left,
    look_at_journal,
    start_transaction,
    user_of,
)
from .connection import Connection, Prepare, allow, watch
from .copying import Moved, Source
from .fingerprint import Fingerprint, journal_begins, read_at, settled, take
from .handles import Handle, Idle, Lease, open_handle
from .modes import Mode, ReadInfo, is_log_mode, is_whole_when_locked, plan_mode
from .snapshots import Snapshot, SnapshotStore

T = TypeVar("T")

#: On Windows a file that is open can't be renamed, replaced or deleted by its own program.
_KEEPS_OPEN = POSIX
_PAUSE = 0.02
_alone = threading.Lock()  # held by a read that needed more memory than was left
_TRIES = 5  # on a busy machine one try can outlast the time there is


class Opener:
    """Connections to scanned files. Any thread may call it; ``close`` ends it.

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
        self._in_use: set[Connection] = set()
        self._reads = 0
        self._stopping = threading.Event()
        watch.take_signal()

    # -- reading

    def read(
        self,
        path: bytes,
        use: Callable[[sqlite3.Connection], T],
        prepare: Prepare | None = None,
        *,
        keep: bool = True,
        seconds: float | None = None,
    ) -> tuple[T, ReadInfo]:
        """Call ``use`` with a connection; return its result only if the file held still.

        ``use`` may be called more than once. Without ``keep`` nothing stays open. Opening
        takes at most ``seconds``, or as long as the limits say. Raises UnavailableError (its
        subclasses say why) when there is no right answer, and whatever ``use`` raises on a
        file that did not change meanwhile.
        """
        return self.lease(
            path, lambda lease: use(lease.connection), prepare, keep=keep, seconds=seconds
        )

    def lease(
        self,
        path: bytes,
        use: Callable[[Lease], T],
        prepare: Prepare | None = None,
        *,
        keep: bool = True,
        seconds: float | None = None,
    ) -> tuple[T, ReadInfo]:
        """The same, with more than the connection."""
        with self._counted():
            try:
                return self._insist(path, use, prepare, keep, seconds)
            except MemoryError:
                pass  # perhaps since another read needed it: memory is the whole process's
            with _alone:
                try:
                    return self._insist(path, use, prepare, keep, seconds)
                except MemoryError as error:
                    raise TooComplexError(f"{visible_path(path)} needs too much memory") from error

    def _insist(
        self,
        path: bytes,
        use: Callable[[Lease], T],
        prepare: Prepare | None,
        keep: bool,
        seconds: float | None,
    ) -> tuple[T, ReadInfo]:
        """Try until it works, or for as long as the limits say."""
        began = time.monotonic()
        is_late = allow(self.limits.begin_seconds if seconds is None else seconds)
        for tries in itertools.count(1):
            # A lock that lasts is worth a copy; one that a commit takes is not.
            patient = time.monotonic() < began + self.limits.busy_seconds / 4
            try:
                return self._attempt(
                    Request(path, prepare, patient, is_late, seconds, self._stopping), use
                )
            except Locked as locked:
                program = f"{locked} has locked it" if str(locked) else ""
                self._wait(tries, began, BusyError, path, program)
            except (Retry, Moved):
                self._wait(tries, began, ChangingError, path)
            finally:
                if not (keep and _KEEPS_OPEN):
                    self.forget_idle(path)
        raise AssertionError("unreachable")  # the count has no end

    def read_start(self, path: bytes, count: int, offset: int = 0) -> bytes:
        """The first bytes of a file, or some after them, by the descriptor its locks depend on.

        Empty while it is replaced; raises UnavailableError as ``read`` does.
        """
        try:
            handle = self._handle(path)
            with handle.lock:
                return b"" if handle.fd < 0 else read_at(handle.fd, count, offset)
        except (Retry, OSError):
            return b""
        finally:
            self.forget_idle(path)

    def _wait(
        self,
        tries: int,
        began: float,
        error: type[UnavailableError],
        path: bytes,
        reason: str = "",
    ) -> None:
        """Pause, or give up: when the time is over, unless the tries were slow and few."""
        if tries >= _TRIES and time.monotonic() >= began + self.limits.busy_seconds:
            shown = f"{visible_path(path)} is {error.word}"
            raise error(f"{shown}: {reason}" if reason else shown)
        time.sleep(_PAUSE)

    def _attempt(self, request: Request, use: Callable[[Lease], T]) -> tuple[T, ReadInfo]:
        try:
            return self._read_once(request, use)
        except UnicodeDecodeError as error:  # of SQLite's message, which quotes the schema
            text = error.object.decode("utf-8", "backslashreplace")
            raise CorruptError(f"{visible_path(request.path)}: {visible(text)}") from error

    def _read_once(self, request: Request, use: Callable[[Lease], T]) -> tuple[T, ReadInfo]:
        handle = self._handle(request.path)
        try:
            lease = self._begin(handle, request)
        except (CorruptError, sqlite3.DatabaseError) as error:
            now = take(request.path)
            if now.identity != handle.identity or not settled(now):
                raise Retry from error  # replaced, or half copied
            raise
        usable = False
        try:
            with self._interruptible(lease.connection, request.seconds):
                result = use(lease)
            usable = held_still(lease)
        except sqlite3.DatabaseError as error:
            if lease.connection.budget.exceeded:
                shown = visible_path(request.path)
                raise TooComplexError(f"{shown} takes too long to look into") from error
            if not held_still(lease):
                raise Retry from error
            raise
        finally:
            self._end(handle, lease, usable)
            self._trim()
        if not usable:
            raise Retry
        taken = lease.snapshot.taken_at if lease.snapshot else None
        return result, ReadInfo(lease.mode, taken, lease.log_left)

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            if self._stopping.is_set():
                raise StoppingError("the server is stopping")
            self._reads += 1
        try:
            yield
        finally:
            with self._lock:
                self._reads -= 1

    @property
    def is_reading(self) -> bool:
        """Whether a read is under way."""
        return self._reads > 0

    @property
    def is_stopping(self) -> bool:
        """Whether ``interrupt`` was called."""
        return self._stopping.is_set()

    @contextlib.contextmanager
    def _interruptible(self, connection: Connection, seconds: float | None) -> Iterator[None]:
        limit = self.limits.use_seconds if seconds is None else seconds
        connection.budget.begin(allow(limit), self._stopping)
        with self._lock:
            if self._stopping.is_set():
                raise StoppingError("the server is stopping")
            self._in_use.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._in_use.discard(connection)

    # -- handles, one for each file, whatever its names

    def _handle(self, path: bytes) -> Handle:
        identity = take(path).identity
        with self._lock:
            handle = self._handles.get(identity)
            if handle is not None and handle.path == path and not handle.retired:
                self._handles.move_to_end(identity)
                return handle
            if handle is not None and not self._release(handle):
                raise Retry  # being read by another name: its locks must stay
            fresh = open_handle(path, self._roots)
            known = self._handles.get(fresh.identity)
            if known is not None:
                known.spare.append(fresh.fd)  # closing it now would drop its locks
                raise Retry
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

    # -- beginning and ending a read, always with the handle's lock held

    def _begin(self, handle: Handle, request: Request) -> Lease:
        with handle.lock:
            if handle.retired:
                raise Retry
            if not handle.share():
                return self._begin_locked(handle, request)
            try:
                lease = self._begin_shared(handle, request)
                lease.log_left = is_log_left(handle, lease.fingerprint)
                return lease
            except NeedsCopy:
                lease = self._begin_copy(handle, request)
                lease.log_left = is_log_left(handle, lease.fingerprint)
                return lease
            except Locked:
                return self._begin_locked(handle, request)
            finally:
                handle.unshare()

    def _begin_shared(self, handle: Handle, request: Request) -> Lease:
        fingerprint = take(handle.path)
        if fingerprint.identity != handle.identity:
            raise Retry
        journal = look_at_journal(handle, fingerprint)
        # A log that nobody uses: SQLite may wait ten seconds for frames that it can't explain.
        left = is_log_left(handle, fingerprint) and self._has_room(fingerprint)
        mode = plan_mode(handle.read_header(), fingerprint, journal, left or _is_root())
        if mode is Mode.COPY:
            raise NeedsCopy
        if handle.mixes(mode) or (mode is Mode.QUIET and not settled(fingerprint)):
            raise Retry
        if any(i.mode is not mode or not _same(i, fingerprint) for i in handle.idle):
            handle.close_idle()
            raise Retry  # closing them dropped the lock that was just taken
        return self._begin_in_place(handle, request, mode, fingerprint)

    def _has_room(self, fingerprint: Fingerprint) -> bool:
        log = fingerprint.wal.size if fingerprint.wal else 0
        return fingerprint.main.size + log <= self.limits.snapshot_bytes

    def _begin_in_place(
        self, handle: Handle, request: Request, mode: Mode, fingerprint: Fingerprint
    ) -> Lease:
        connection = handle.take_idle(request.prepare)
        if connection is None:
            connection = connect_for_read(handle.real_path, handle.path, mode, request)
        else:
            start_transaction(connection, request)
        lease = Lease(handle.path, connection, mode, fingerprint, request.prepare)
        try:
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

    def _begin_locked(self, handle: Handle, request: Request) -> Lease:
        """Another process holds an exclusive lock: first wait, then copy what is whole."""
        fingerprint = take(handle.path)
        in_log_mode = is_log_mode(handle.read_header())  # where such a lock lasts
        if self.snapshots.get(handle.path, fingerprint) is None and not in_log_mode:
            whole = is_whole_when_locked(fingerprint, journal_begins(handle.path), handle.verified)
            if request.patient or not whole:
                raise Locked(user_of(handle))
        return self._begin_copy(handle, request)

    def _begin_copy(self, handle: Handle, request: Request) -> Lease:
        fingerprint = take(handle.path)
        if fingerprint.identity != handle.identity:
            raise Retry
        snapshot = self.snapshots.get(handle.path, fingerprint)
        if snapshot is None and not (fingerprint.wal or settled(fingerprint)):
            raise Retry
        if snapshot is None:
            snapshot = self._copy(handle, request, fingerprint)
        try:
            connection = connect_for_read(snapshot.file, handle.path, Mode.COPY, request)
        except NeedsCopy as error:
            raise Retry from error  # another copy needed the room just now
        lease = Lease(handle.path, connection, Mode.COPY, fingerprint, request.prepare, snapshot)
        handle.active.append(lease)
        return lease

    def _copy(self, handle: Handle, request: Request, fingerprint: Fingerprint) -> Snapshot:
        source = Source(handle.path, handle.fd, fingerprint)
        if source.size > self.limits.snapshot_bytes:
            shown, most = visible_path(handle.path), self.limits.snapshot_bytes
            raise RecoveryError(
                f"{shown} needs recovery in a private copy, which would take {source.size:,} "
                f"bytes; {most:,} are allowed"
            )
        return self.snapshots.make(source, self.limits.snapshot_bytes, request.proceed)

    @staticmethod
    def _end(handle: Handle, lease: Lease, usable: bool) -> None:
        with handle.lock:
            handle.active.remove(lease)
            with contextlib.suppress(sqlite3.Error):
                lease.connection.rollback()
            # A write-ahead log in use is let go at once: an idle connection to it would stop
            # the program that owns it from tidying up.
            if usable and lease.mode in (Mode.DIRECT, Mode.QUIET) and not handle.retired:
                handle.idle.append(
                    Idle(lease.connection, lease.mode, lease.fingerprint, lease.prepare)
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

    def interrupt(self) -> None:
        """End the reads that are under way and refuse new ones. Any thread may call it."""
        with self._lock:
            self._stopping.set()
            for connection in self._in_use:
                connection.interrupt()

    def close(self) -> None:
        """Let go of everything. Nobody may be reading any more."""
        with self._lock:
            for handle in list(self._handles.values()):
                self._release(handle)
        self.snapshots.close()


def _same(item: Idle, fingerprint: Fingerprint) -> bool:
    return item.fingerprint.without_shm() == fingerprint.without_shm()


def _is_root() -> bool:
    return POSIX and os.geteuid() == 0
