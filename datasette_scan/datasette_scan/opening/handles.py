"""What this process has open on each file.

POSIX record locks belong to the process and vanish when *any* descriptor of the file is
closed, also those that protect a SQLite connection in another thread. So each file has one
``Handle``: its descriptor stays open for as long as a connection does, connections with and
without locks never exist together, and all opening and closing happens under its lock.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import CorruptError, DeniedError, GoneError, UnavailableError
from ..text import visible_path
from . import locks, windows
from .connection import Connection, Prepare, file_uri
from .fingerprint import Fingerprint, Stamp, identity_of, open_plain, read_at
from .modes import URI_FLAGS, Mode
from .snapshots import Snapshot


@dataclass
class Lease:
    """One connection in use by one read."""

    path: bytes
    connection: Connection
    mode: Mode
    fingerprint: Fingerprint
    prepare: Prepare | None = None
    snapshot: Snapshot | None = None
    log_left: bool = False

    @property
    def uri(self) -> str:
        """Where another connection reads the same, during this lease."""
        return file_uri(self.snapshot.file if self.snapshot else self.path, URI_FLAGS[self.mode])


@dataclass
class Idle:
    """A connection that waits for the next read of the same state."""

    connection: Connection
    mode: Mode
    fingerprint: Fingerprint
    prepare: Prepare | None


@dataclass
class Handle:
    """Everything this process has open on one file. ``lock`` guards all of it."""

    path: bytes
    real_path: bytes
    fd: int
    identity: tuple[int, int]
    lock: threading.Lock = field(default_factory=threading.Lock)
    idle: list[Idle] = field(default_factory=list)
    active: list[Lease] = field(default_factory=list)
    spare: list[int] = field(default_factory=list)
    verified: Stamp | None = None
    retired: bool = False

    def close_idle(self, keep: Callable[[Idle], bool] = lambda _: False) -> None:
        """Close the idle connections that ``keep`` does not want. Call with the lock held."""
        for item in [i for i in self.idle if not keep(i)]:
            self.idle.remove(item)
            item.connection.close()
        if not self.idle and not self.active and self.retired and self.fd >= 0:
            for fd in (self.fd, *self.spare):
                os.close(fd)
            self.fd = -1

    def take_idle(self, prepare: Prepare | None) -> Connection | None:
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

    @property
    def holds_locks(self) -> bool:
        """Whether a read under SQLite's locks is under way."""
        return any(lease.mode in (Mode.DIRECT, Mode.LIVE) for lease in self.active)

    def share(self) -> bool:
        """Take SQLite's SHARED lock; False when another process holds the file exclusively.

        It is held only until SQLite itself holds it, so that what was just seen beside the
        file (is there a ``-wal``?) is still so when SQLite looks.
        """
        return self.mixes(Mode.DIRECT) or locks.take_shared(self.fd) is not locks.Shared.REFUSED

    def unshare(self) -> None:
        """Give it up, unless a read needs it."""
        if self.fd >= 0 and not self.holds_locks:
            locks.release_shared(self.fd)

    def read_header(self) -> bytes:
        """The first 100 bytes. Raises CorruptError when they are not a database's."""
        try:
            header = read_at(self.fd, 100, 0)
        except OSError as error:
            raise UnavailableError(
                f"{visible_path(self.path)} cannot be read: {error.strerror}"
            ) from error
        if not header.startswith(b"SQLite format 3\x00"):
            raise CorruptError(f"{visible_path(self.path)} is not a SQLite database any more")
        return header


def open_handle(path: bytes, roots: tuple[bytes, ...]) -> Handle:
    """Open a file. With ``roots`` (real paths) it must lie below one of them.

    Raises GoneError, DeniedError or UnavailableError.
    """
    outside = GoneError(f"{visible_path(path)} now lies outside of the scanned folders")
    below = tuple(os.path.join(windows.shorten(root), b"") for root in roots)
    try:
        real_path = os.path.realpath(path)
        if roots and not os.path.join(windows.shorten(real_path), b"").startswith(below):
            raise outside
        fd = open_plain(real_path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise GoneError(f"{visible_path(path)} is gone") from error
    except PermissionError as error:
        raise DeniedError(f"{visible_path(path)} may not be read: {error.strerror}") from error
    except OSError as error:
        raise UnavailableError(
            f"{visible_path(path)} cannot be opened: {error.strerror}"
        ) from error
    if _path_of(fd, real_path) != real_path:
        os.close(fd)  # a file that nothing else in this process has open
        raise outside
    return Handle(path, real_path, fd, identity_of(os.fstat(fd)))


def _path_of(fd: int, default: bytes) -> bytes:
    """Where an open file really lies: a folder may become a link while a path is followed."""
    try:
        return os.readlink(b"/proc/self/fd/%d" % fd)
    except OSError:
        return default  # not Linux
