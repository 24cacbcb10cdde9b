"""What tells whether a database changed, and how it may therefore be opened. Only looks.

The choice follows SQLite's own rules: https://www.sqlite.org/wal.html (read-only
databases), https://www.sqlite.org/lockingv3.html (hot journals) and
https://www.sqlite.org/uri.html (immutable).
"""

from __future__ import annotations

import enum
import errno
import os
import stat
import sys
import time
from typing import NamedTuple

from .errors import DeniedError, GoneError, UnavailableError
from .text import visible_path

# The kernel's clock for file times moves in steps; within one step a second write does not
# show. A file is trusted to have been at rest only when its last change is older than this.
_SETTLED_NS = 60_000_000
_SETTLED_COARSE_NS = 2_500_000_000  # file systems that keep whole seconds only

JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")


class Mode(enum.Enum):
    """How one file is read at one moment."""

    DIRECT = "direct"  # rollback journal: SQLite's own locks
    LIVE = "live"  # write-ahead log in use by a running program
    QUIET = "quiet"  # write-ahead log mode, nobody has it open
    COPY = "copy"  # a private copy, recovered there


class Stamp(NamedTuple):
    """What changes when a file does."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


class Fingerprint(NamedTuple):
    """A database file and the files beside it that belong to it."""

    main: Stamp
    wal: Stamp | None
    journal: Stamp | None
    shm: bool

    @property
    def identity(self) -> tuple[int, int]:
        """The file itself, whatever its name."""
        return self.main.device, self.main.inode

    def settled(self, now_ns: int) -> bool:
        """Whether every file has been at rest long enough for its times to be trusted."""
        stamps = [s for s in (self.main, self.wal, self.journal) if s is not None]
        return all(_at_rest(s, now_ns) for s in stamps)

    def without_shm(self) -> tuple[Stamp, Stamp | None, Stamp | None]:
        """The parts that hold data."""
        return self.main, self.wal, self.journal


def _at_rest(stamp: Stamp, now_ns: int) -> bool:
    # st_ctime is the kernel's own time of the last change; on Windows it is the creation.
    changed = stamp.mtime_ns if sys.platform == "win32" else stamp.ctime_ns
    coarse = changed % 1_000_000_000 == 0
    return abs(now_ns - changed) >= (_SETTLED_COARSE_NS if coarse else _SETTLED_NS)


def take(path: bytes) -> Fingerprint:
    """The file's present fingerprint. Raises GoneError, DeniedError or UnavailableError."""
    try:
        main = os.lstat(path)  # the scan follows no symbolic links, so neither does this
    except (FileNotFoundError, NotADirectoryError) as error:
        raise GoneError(f"{visible_path(path)} is gone") from error
    except PermissionError as error:
        raise DeniedError(f"{visible_path(path)} may not be read: {error.strerror}") from error
    except OSError as error:
        raise UnavailableError(f"{visible_path(path)} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(main.st_mode):
        raise GoneError(f"{visible_path(path)} is no longer a file")
    shm = _beside(path, b"-shm") is not None
    return Fingerprint(_stamp(main), _beside(path, b"-wal"), _beside(path, b"-journal"), shm)


def _stamp(found: os.stat_result) -> Stamp:
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _beside(path: bytes, suffix: bytes) -> Stamp | None:
    """A log or journal. SQLite would wait at a pipe for ever, and follow a link anywhere."""
    try:
        found = os.lstat(path + suffix)
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise UnavailableError(f"{visible_path(path + suffix)} is not a file")
    return _stamp(found)


def settled(fingerprint: Fingerprint) -> bool:
    """Whether the file is at rest by the system's clock."""
    return fingerprint.settled(time.time_ns())


def read_at(fd: int, count: int, offset: int) -> bytes:
    """Bytes from a descriptor that stays open, at a place."""
    if sys.platform != "win32":
        return os.pread(fd, count, offset)
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, count)


def open_plain(path: bytes) -> int:
    """A descriptor of a file, whatever was put in its place. Raises OSError for all else."""
    flags = os.O_RDONLY
    for name in ("O_CLOEXEC", "O_NONBLOCK", "O_NOFOLLOW", "O_BINARY"):
        flags |= getattr(os, name, 0)
    fd = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a file", path)
    return fd


def plan_mode(header: bytes, fingerprint: Fingerprint) -> Mode:
    """The first way to try, from the file's first 100 bytes and what lies beside it."""
    wal = fingerprint.wal
    if wal is not None and wal.size > 0:
        return Mode.LIVE if fingerprint.shm else Mode.COPY
    if 2 not in header[18:20]:
        return Mode.DIRECT
    if wal is not None and fingerprint.shm:
        return Mode.LIVE
    return Mode.QUIET


def consistent_when_locked(
    fingerprint: Fingerprint, journal_head: bytes, verified: Stamp | None
) -> bool:
    """Whether the bytes of an exclusively locked file are known to be a whole state.

    They are when a rollback journal can take them back, when the journal was finished
    after the last write, or when nothing changed since they were last read under a lock.
    A writer that keeps its journal in memory leaves no sign, so everything else is not.
    """
    journal = fingerprint.journal
    if journal is not None and journal_head.startswith(JOURNAL_MAGIC):
        return True
    if journal is not None and journal.mtime_ns >= fingerprint.main.mtime_ns:
        return True
    return fingerprint.main == verified
