"""The connections and descriptors that this process has open on each file.

POSIX record locks belong to the process and vanish when *any* descriptor of the file is
closed, also those that protect a SQLite connection in another thread. So each file has one
``OpenFile``: its descriptor stays open for as long as a connection does, and all opening and
closing happens under its lock. SQLite sees to its own descriptors, with ``immutable=1`` too: it
closes none while another connection of this process holds a lock on the file (os_unix.c).

``crossdb`` attaches and detaches without that lock. Where no SQLite connection holds one, that
can drop the SHARED lock which ``begin_read`` takes just before SQLite does.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import CorruptError, DeniedError, GoneError
from ..sqlite import sqlite3
from ..system_limits import unavailable
from ..text import visible_path
from . import locks, windows
from .connection import Connection, Prepare
from .fingerprint import Fingerprint, Stamp, has_reliable_times, identity_of, open_regular, read_at
from .modes import Mode

_CAN_BE_IDLE = frozenset({Mode.UNLOCKED, Mode.DIRECT, Mode.IMMUTABLE})


@dataclass
class Lease:
    """A connection that a read uses, or that is idle until the next read of the same state."""

    path: bytes
    connection: Connection
    mode: Mode
    fingerprint: Fingerprint
    prepare: Prepare | None = None
    taken_at: float | None = None  # of a private copy
    orphaned_log: bool = False


@dataclass
class OpenFile:
    """Everything this process has open on one file. ``lock`` guards all of it."""

    path: bytes
    real_path: bytes
    fd: int
    identity: tuple[int, int]
    lock: threading.Lock = field(default_factory=threading.Lock)
    idle: list[Lease] = field(default_factory=list)
    active: list[Lease] = field(default_factory=list)
    extra_fds: list[int] = field(default_factory=list)
    reliable_times: bool = False
    verified: Stamp | None = None
    retired: bool = False

    def close_idle(self, keep: Callable[[Lease], bool] = lambda _: False) -> None:
        """Close the idle connections for which ``keep`` is false. Call with the lock held.

        With the last connection to a retired file, its descriptors are closed too.
        """
        for item in [i for i in self.idle if not keep(i)]:
            self.idle.remove(item)
            item.connection.close()
        if not self.idle and not self.active and self.retired and self.fd >= 0:
            for fd in (self.fd, *self.extra_fds):
                os.close(fd)
            self.fd = -1

    def is_idle_in(self, mode: Mode, fingerprint: Fingerprint) -> bool:
        """Whether all idle connections read this state of the file in this mode."""
        state = (mode, fingerprint.without_shm())
        return all((i.mode, i.fingerprint.without_shm()) == state for i in self.idle)

    def take_idle(self, prepare: Prepare | None) -> Connection | None:
        """An idle connection that was prepared in this way."""
        for item in self.idle:
            if item.prepare == prepare:
                self.idle.remove(item)
                return item.connection
        return None

    def release_shared(self) -> None:
        """Release SQLite's SHARED lock, unless a read under SQLite's locks needs it."""
        is_needed = any(lease.mode in (Mode.DIRECT, Mode.LIVE) for lease in self.active)
        if self.fd >= 0 and not is_needed:
            locks.release_shared(self.fd)

    def end(self, lease: Lease, usable: bool) -> None:
        """End a read; what is ``usable`` stays open for the next one."""
        with self.lock:
            self.active.remove(lease)
            with contextlib.suppress(sqlite3.Error):
                lease.connection.rollback()
            # A connection to a write-ahead log is closed at once: an idle one would stop the
            # program that owns the log from removing it.
            if usable and lease.mode in _CAN_BE_IDLE and not self.retired:
                self.idle.append(lease)
            else:
                lease.connection.close()
            self.close_idle(lambda _: not self.retired)

    def read_header(self) -> bytes:
        """The first 100 bytes. Raises CorruptError when they are not a database's."""
        try:
            header = read_at(self.fd, 100, 0)
        except OSError as error:
            raise unavailable(f"{visible_path(self.path)} cannot be read", error) from error
        if not header.startswith(b"SQLite format 3\x00"):
            raise CorruptError(f"{visible_path(self.path)} is not a SQLite database any more")
        return header


def open_file(path: bytes, roots: tuple[bytes, ...]) -> OpenFile:
    """Open a file. With ``roots`` (real paths) it must lie below one of them.

    Raises GoneError, DeniedError or UnavailableError.
    """
    outside = GoneError(f"{visible_path(path)} now lies outside of the scanned folders")
    below = tuple(os.path.join(windows.plain_path(root), b"") for root in roots)
    try:
        real_path = os.path.realpath(path)
        if roots and not os.path.join(windows.plain_path(real_path), b"").startswith(below):
            raise outside
        fd = open_regular(real_path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise GoneError(f"{visible_path(path)} is gone") from error
    except PermissionError as error:
        raise DeniedError(f"{visible_path(path)} may not be read: {error.strerror}") from error
    except OSError as error:
        raise unavailable(f"{visible_path(path)} cannot be opened", error) from error
    if _path_of(fd, real_path) != real_path:
        os.close(fd)  # a file that nothing else in this process has open
        raise outside
    identity = identity_of(os.fstat(fd))
    return OpenFile(path, real_path, fd, identity, reliable_times=has_reliable_times(fd))


def _path_of(fd: int, default: bytes) -> bytes:
    """The real path of an open file: a folder on the way may have become a link."""
    try:
        return os.readlink(b"/proc/self/fd/%d" % fd)
    except OSError:
        return default  # not Linux
