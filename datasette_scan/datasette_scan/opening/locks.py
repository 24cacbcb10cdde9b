"""SQLite's locks on a database file, taken and looked at from outside of SQLite. POSIX.

SQLite locks bytes of the database with POSIX record locks (os_unix.c, "locking"): SHARED is
a read lock on 510 bytes, RESERVED a write lock on the byte before them, EXCLUSIVE a write
lock on the 510. Such locks belong to the process, so what this process holds is never in
its own way, and all of them vanish when it closes any descriptor of the file.

``fcntl.lockf`` can take a lock but not look for one, and taking it to find out would make a
writer fail at that moment. So ``F_GETLK`` is called with a ``struct flock`` packed here. Its
fields have the same types everywhere but two orders: Linux has the short ones first, macOS
and the BSDs have them last. ``test_probe.py`` holds this to locks that SQLite takes.
"""

from __future__ import annotations

import contextlib
import enum
import os
import struct
import sys
from typing import NamedTuple

try:
    import fcntl
except ImportError:  # Windows, where locks belong to a handle and are SQLite's alone
    fcntl = None  # type: ignore[assignment]

_RESERVED = 0x40000001  # sqlite3's os.h: PENDING_BYTE + 1
_SHARED_FIRST = 0x40000002
_SHARED_SIZE = 510
_LINUX = sys.platform.startswith("linux")
_FLOCK = "hhqqi" if _LINUX else "qqihh"


class Shared(enum.Enum):
    """The outcome of taking the SHARED lock."""

    TAKEN = "taken"
    REFUSED = "refused"  # another process holds the file exclusively
    UNKNOWN = "unknown"  # no such locks on this system or file system


class Holder(NamedTuple):
    """A lock of another process; ``process`` is 0 when it is on another machine."""

    process: int


def take_shared(fd: int) -> Shared:
    """Take SQLite's SHARED lock for this process: no writer may begin to change the file."""
    if fcntl is None:
        return Shared.UNKNOWN
    try:
        fcntl.lockf(fd, fcntl.LOCK_SH | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
    except (BlockingIOError, PermissionError):  # EAGAIN or EACCES
        return Shared.REFUSED
    except OSError:
        return Shared.UNKNOWN
    return Shared.TAKEN


def release_shared(fd: int) -> None:
    """Give the SHARED lock up, also SQLite's own in this process."""
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.lockf(fd, fcntl.LOCK_UN, _SHARED_SIZE, _SHARED_FIRST)


def find_writer(fd: int) -> Holder | None:
    """Another process that means to write. Raises OSError where that cannot be found out."""
    return _find(fd, _RESERVED, 1)


def find_user(fd: int) -> Holder | None:
    """Another process that reads or writes at this moment, or has a write-ahead log in use.

    A program that uses a log holds SHARED for as long as it has the file open. Raises
    OSError where that cannot be found out.
    """
    return _find(fd, _SHARED_FIRST, _SHARED_SIZE)


def _find(fd: int, start: int, length: int) -> Holder | None:
    if fcntl is None:
        raise OSError("this system has no such locks")
    if _LINUX:
        query = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, start, length, 0)
        kind, _, _, _, process = struct.unpack(_FLOCK, fcntl.fcntl(fd, fcntl.F_GETLK, query))
    else:
        query = struct.pack(_FLOCK, start, length, 0, fcntl.F_WRLCK, os.SEEK_SET)
        _, _, process, kind, _ = struct.unpack(_FLOCK, fcntl.fcntl(fd, fcntl.F_GETLK, query))
    return None if kind == fcntl.F_UNLCK else Holder(max(0, process))


def program_name(holder: Holder) -> str:
    """The name of the program, "" when the system does not give it."""
    if not _LINUX or not holder.process:
        return ""
    try:
        with open(f"/proc/{holder.process}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
