"""SQLite's locks on a database file, taken and examined outside of SQLite. POSIX.

SQLite locks bytes of the database with POSIX record locks (os_unix.c, "locking"): SHARED is
a read lock on 510 bytes, RESERVED a write lock on the byte before them, EXCLUSIVE a write
lock on the 510. Such locks belong to the process, so what this process holds is never in
its own way, and all of them vanish when it closes any descriptor of the file.

``fcntl.lockf`` can take a lock but not examine one, and taking it as a test would make a
writer fail at that moment. So ``F_GETLK`` is called with a ``struct flock`` packed here. Its
fields have the same types everywhere but two orders: Linux has the short ones first, macOS
and the BSDs have them last. ``test_probe.py`` holds this to locks that SQLite takes.
"""

from __future__ import annotations

import contextlib
import os
import struct
import sys

try:
    import fcntl
except ImportError:  # Windows, where locks belong to a handle and are SQLite's alone
    fcntl = None  # type: ignore[assignment]

_RESERVED = 0x40000001  # sqlite3's os.h: PENDING_BYTE + 1
_SHARED_FIRST = 0x40000002
_SHARED_SIZE = 510
_LINUX = sys.platform.startswith("linux")
_FLOCK = "hhqqi" if _LINUX else "qqihh"


def take_shared(fd: int) -> bool:
    """Take SQLite's SHARED lock for this process: no writer may begin to change the file.

    False when another process holds the file exclusively; True also where the system or the
    file system has no such locks.
    """
    if fcntl is not None:
        try:
            fcntl.lockf(fd, fcntl.LOCK_SH | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
        except (BlockingIOError, PermissionError):  # EAGAIN or EACCES
            return False
        except OSError:
            return True
    return True


def release_shared(fd: int) -> None:
    """Release the SHARED lock, including SQLite's own in this process."""
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.lockf(fd, fcntl.LOCK_UN, _SHARED_SIZE, _SHARED_FIRST)


def find_writer(fd: int) -> int | None:
    """The id of another process that holds RESERVED, 0 for one on another machine.

    Raises OSError where that cannot be found out.
    """
    return _find(fd, _RESERVED, 1)


def find_lock_holder(fd: int) -> int | None:
    """The same for a process that reads, writes, or has a write-ahead log open.

    A program that uses a log holds SHARED for as long as it has the file open. Raises
    OSError where that cannot be found out.
    """
    return _find(fd, _SHARED_FIRST, _SHARED_SIZE)


def is_exclusive(fd: int) -> bool:
    """Whether another process may be changing the file: it holds EXCLUSIVE.

    Raises OSError where that cannot be found out.
    """
    return _find(fd, _SHARED_FIRST, _SHARED_SIZE, to_read=True) is not None


def _find(fd: int, start: int, length: int, to_read: bool = False) -> int | None:
    """The process whose lock is in the way of a write lock, or of a read lock."""
    if fcntl is None:
        raise OSError("this system has no such locks")
    wanted = fcntl.F_RDLCK if to_read else fcntl.F_WRLCK
    if _LINUX:
        query = struct.pack(_FLOCK, wanted, os.SEEK_SET, start, length, 0)
        kind, _, _, _, process = struct.unpack(_FLOCK, fcntl.fcntl(fd, fcntl.F_GETLK, query))
    else:
        query = struct.pack(_FLOCK, start, length, 0, wanted, os.SEEK_SET)
        _, _, process, kind, _ = struct.unpack(_FLOCK, fcntl.fcntl(fd, fcntl.F_GETLK, query))
    return None if kind == fcntl.F_UNLCK else max(0, process)


def program_name(process: int) -> str:
    """The name of a process's program, "" if unknown."""
    if not _LINUX or not process:
        return ""
    try:
        with open(f"/proc/{process}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
