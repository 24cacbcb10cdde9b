"""Reads scanned files: returns a consistent result or raises, and writes nothing."""

from __future__ import annotations

import contextlib
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
    StoppingError,
    TooComplexError,
    UnavailableError,
)
from ..sqlite import sqlite3
from ..text import visible, visible_path
from .attempt import POSIX, Limits, Locked, ReadRequest, begin_read, is_unchanged
from .connection import Connection, Prepare, time_limit
from .fingerprint import Changed, read_at, read_fingerprint
from .modes import ReadInfo
from .open_files import OpenFile, open_file
from .snapshots import SnapshotStore
from .watchdog import watchdog

T = TypeVar("T")

#: On Windows a file that is open can't be renamed, replaced or deleted by its own program.
_KEEPS_OPEN = POSIX
_PAUSE_SECONDS = 0.02
_MIN_TRIES = 5  # on a busy machine a single try can take longer than the limit
# Held while something is retried after a MemoryError. Per process; re-entrant: crossdb nests reads.
_low_memory = threading.RLock()


def retry_alone(run: Callable[[], T]) -> T:
    """Call ``run``; after a MemoryError once more, while nothing else is retried.

    SQLite's memory limit is per process, so another read may have used it up.
    """
    try:
        return run()
    except MemoryError:
        pass  # its traceback keeps what was read
    with _low_memory:
        return run()


class Opener:
    """Connections to scanned files. Any thread may call it; ``close`` ends it.

    Keeps the ``limits.connections`` most recently used files open. With ``roots`` it opens
    nothing outside of them, even if a folder was replaced by a symbolic link.
    """

    def __init__(
        self, limits: Limits, snapshots: SnapshotStore, roots: tuple[bytes, ...] = ()
    ) -> None:
        self.limits = limits
        self._roots = tuple(os.path.realpath(root) for root in roots)
        self.snapshots = snapshots
        self._lock = threading.Lock()
        self._open_files: OrderedDict[tuple[int, int], OpenFile] = OrderedDict()
        self._in_use: set[Connection] = set()
        self._reads = 0
        self._stopping = threading.Event()
        watchdog.install_signal_handler()

    # -- reading

    def read(
        self,
        path: bytes,
        use: Callable[[Connection], T],
        prepare: Prepare | None = None,
        *,
        keep: bool = True,
        seconds: float | None = None,
    ) -> tuple[T, ReadInfo]:
        """Call ``use`` with a connection; return its result only if the file did not change.

        ``use`` may be called more than once. Without ``keep`` nothing stays open. Opening
        takes at most ``seconds``, by default what the limits say. Raises a subclass of
        UnavailableError when the file cannot be read consistently, and whatever ``use`` raises
        on a file that did not change.
        """
        with self._counted():
            try:
                return retry_alone(
                    lambda: self._read_with_retries(path, use, prepare, keep, seconds)
                )
            except MemoryError as error:
                raise TooComplexError(f"{visible_path(path)} needs too much memory") from error

    def _read_with_retries(
        self,
        path: bytes,
        use: Callable[[Connection], T],
        prepare: Prepare | None,
        keep: bool,
        seconds: float | None,
    ) -> tuple[T, ReadInfo]:
        """Try until it works, or both the time and ``_MIN_TRIES`` are used up."""
        shown = visible_path(path)
        began = time.monotonic()
        is_late = time_limit(self.limits.begin_seconds if seconds is None else seconds)
        request = ReadRequest(path, prepare, began, is_late, seconds, self._stopping, self.limits)
        tries = 0
        while True:
            refusal: UnavailableError
            try:
                return self._read_once(request, use)
            except UnicodeDecodeError as error:  # of SQLite's message, which quotes the schema
                text = error.object.decode("utf-8", "backslashreplace")
                raise CorruptError(f"{shown}: {visible(text)}") from error
            except Locked as locked:
                program = f": {locked} has locked it" if str(locked) else ""
                refusal = BusyError(f"{shown} is busy{program}")
            except Changed:
                refusal = ChangingError(f"{shown} is changing")
            finally:
                if not (keep and _KEEPS_OPEN):
                    self.forget_idle(path)
            tries += 1
            if tries >= _MIN_TRIES and time.monotonic() >= began + self.limits.busy_seconds:
                raise refusal
            time.sleep(_PAUSE_SECONDS)

    def read_bytes(self, path: bytes, count: int, offset: int = 0) -> bytes:
        """Read bytes through the descriptor that the file's locks depend on.

        Returns b"" while the file is replaced. Raises UnavailableError as ``read`` does.
        """
        try:
            file = self._find_or_open(path)
            with file.lock:
                return b"" if file.fd < 0 else read_at(file.fd, count, offset)
        except (Changed, OSError):
            return b""
        finally:
            self.forget_idle(path)

    def _read_once(
        self, request: ReadRequest, use: Callable[[Connection], T]
    ) -> tuple[T, ReadInfo]:
        file = self._find_or_open(request.path)
        try:
            lease = begin_read(file, request, self.snapshots)
        except (CorruptError, sqlite3.DatabaseError) as error:
            now = read_fingerprint(request.path)
            if now.identity != file.identity or not now.is_settled():
                raise Changed from error  # replaced, or half copied
            raise
        usable = False
        try:
            with self._interruptible(lease.connection, request.seconds):
                result = use(lease.connection)
            usable = is_unchanged(lease)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if lease.connection.budget.exceeded:
                shown = visible_path(request.path)
                raise TooComplexError(f"{shown} takes too long to look into") from error
            if not is_unchanged(lease):
                raise Changed from error
            raise
        finally:
            file.end(lease, usable)
            self._trim()
        if not usable:
            raise Changed
        return result, ReadInfo(lease.mode, lease.taken_at, lease.orphaned_log)

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
        connection.budget.begin(time_limit(limit), self._stopping)
        with self._lock:
            if self._stopping.is_set():
                raise StoppingError("the server is stopping")
            self._in_use.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._in_use.discard(connection)

    # -- open files, each once, whatever its names

    def _find_or_open(self, path: bytes) -> OpenFile:
        identity = read_fingerprint(path).identity
        with self._lock:
            file = self._open_files.get(identity)
            if file is not None and file.path == path and not file.retired:
                self._open_files.move_to_end(identity)
                return file
            if file is not None and not self._release(file):
                raise Changed  # being read by another name: its locks must stay
            fresh = open_file(path, self._roots)
            known = self._open_files.get(fresh.identity)
            if known is not None:
                known.extra_fds.append(fresh.fd)  # closing it now would drop its locks
                raise Changed
            self._open_files[fresh.identity] = fresh
            return fresh

    def _release(self, file: OpenFile) -> bool:
        """Close an unused file; False if it is in use. Call with ``self._lock`` held.

        The lock stops others from opening it meanwhile: closing drops the locks of all.
        """
        if not file.lock.acquire(blocking=False):
            return False
        try:
            if file.active:
                return False
            file.retired = True
            file.close_idle()
            del self._open_files[file.identity]
            return True
        finally:
            file.lock.release()

    # -- bounds

    def _trim(self) -> None:
        """Close the least recently used files beyond the limit."""
        with self._lock:
            for file in list(self._open_files.values()):
                if len(self._open_files) <= self.limits.connections:
                    return
                self._release(file)

    def forget(self, path: bytes) -> None:
        """Release a file: its connections and its private copies."""
        self.forget_idle(path)
        self.snapshots.forget(path)

    def forget_idle(self, path: bytes) -> None:
        """Close what is open on a file, unless somebody is reading it."""
        with self._lock:
            for file in [f for f in self._open_files.values() if f.path == path]:
                self._release(file)

    def interrupt(self) -> None:
        """End the reads that are under way and refuse new ones. Any thread may call it."""
        with self._lock:
            self._stopping.set()
            for connection in self._in_use:
                connection.interrupt()

    def close(self) -> None:
        """Release everything. No read may be under way."""
        with self._lock:
            for file in list(self._open_files.values()):
                self._release(file)
        self.snapshots.close()
