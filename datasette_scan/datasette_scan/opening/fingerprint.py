"""The state of a file and of its log and journal, from the file system. Changes nothing."""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from typing import NamedTuple

from ..errors import DeniedError, GoneError, UnavailableError
from ..system_limits import unavailable
from ..text import visible_path

# File times have a granularity, within which a second write does not show. A fingerprint is
# settled when the last change is older than this.
_SETTLED_NS = 60_000_000
_SETTLED_COARSE_NS = 2_500_000_000  # file systems that keep whole seconds only
# File systems of Linux that set a file's times first and then write, and that are local.
_RELIABLE_TIMES = frozenset("btrfs ext2 ext3 ext4 f2fs overlay tmpfs xfs".split())


class Changed(Exception):
    """The file changed while it was read or copied: the result is discarded."""


class Stamp(NamedTuple):
    """Values that change when a file does."""

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

    def is_settled(self, now_ns: int | None = None) -> bool:
        """Whether the last change is old enough for another one to show in the times."""
        now = time.time_ns() if now_ns is None else now_ns
        return all(
            _is_settled(s, now) for s in (self.main, self.wal, self.journal) if s is not None
        )

    def without_shm(self) -> tuple[Stamp, Stamp | None, Stamp | None]:
        """The parts that hold data."""
        return self.main, self.wal, self.journal


def _is_settled(stamp: Stamp, now_ns: int) -> bool:
    # st_ctime is the kernel's own time of the last change; on Windows it is the creation.
    changed = stamp.mtime_ns if sys.platform == "win32" else stamp.ctime_ns
    coarse = changed % 1_000_000_000 == 0
    # The clock may have been set back: a time in the future counts too.
    return abs(now_ns - changed) >= (_SETTLED_COARSE_NS if coarse else _SETTLED_NS)


def read_fingerprint(path: bytes) -> Fingerprint:
    """The file's present fingerprint. Raises GoneError, DeniedError or UnavailableError."""
    try:
        main = os.lstat(path)  # the scan follows no symbolic links, so neither does this
    except (FileNotFoundError, NotADirectoryError) as error:
        raise GoneError(f"{visible_path(path)} is gone") from error
    except PermissionError as error:
        raise DeniedError(f"{visible_path(path)} may not be read: {error.strerror}") from error
    except OSError as error:
        raise unavailable(f"{visible_path(path)} cannot be read", error) from error
    if not stat.S_ISREG(main.st_mode):
        raise GoneError(f"{visible_path(path)} is no longer a file")
    shm = _beside(path, b"-shm") is not None
    return Fingerprint(_stamp(main), _beside(path, b"-wal"), _beside(path, b"-journal"), shm)


def has_reliable_times(fd: int) -> bool:
    """Whether no byte of a write can be read before the file's times show that write.

    False where it is not known: on other systems than Linux, and where other machines write.
    """
    try:
        with open(f"/proc/self/fdinfo/{fd}", "rb") as info:
            number = info.read().partition(b"mnt_id:")[2].split()[0]
        with open("/proc/self/mountinfo", "rb") as mounts:
            mount = next(line for line in mounts if line.startswith(number + b" "))
    except (OSError, IndexError, StopIteration):
        return False
    return os.fsdecode(mount.partition(b" - ")[2].split()[0]) in _RELIABLE_TIMES


def _stamp(found: os.stat_result) -> Stamp:
    return Stamp(*identity_of(found), found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def identity_of(found: os.stat_result, windows: bool = sys.platform == "win32") -> tuple[int, int]:
    """Device and inode. From Python 3.12 on Windows gives longer numbers than the scanner has.

    Their lower 32 and 64 bits are the scanner's: the volume's serial number and the index of
    the file (GetFileInformationByHandle).
    """
    if windows:
        return found.st_dev & (2**32 - 1), found.st_ino & (2**64 - 1)
    return found.st_dev, found.st_ino


def _beside(path: bytes, suffix: bytes) -> Stamp | None:
    """A log or journal; refuses pipes, which block SQLite, and links, which it follows."""
    try:
        found = os.lstat(path + suffix)
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise UnavailableError(f"{visible_path(path + suffix)} is not a file")
    return _stamp(found)


def has_unfinished_journal(path: bytes) -> bool:
    """Whether there is a rollback journal that SQLite would play back.

    SQLite reads its first byte, which is zero in one that is finished. It never locks a
    journal, so this drops no lock.
    """
    try:
        with os.fdopen(open_regular(path + b"-journal"), "rb") as journal:
            return journal.read(1) not in (b"", b"\0")
    except FileNotFoundError:
        return False
    except OSError:
        return True  # SQLite treats an unreadable journal as one to play back, too


def read_at(fd: int, count: int, offset: int) -> bytes:
    """Bytes from a descriptor that stays open, at a place."""
    if sys.platform != "win32":
        return os.pread(fd, count, offset)
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, count)


def open_regular(path: bytes) -> int:
    """Open a regular file for reading; never waits. Raises OSError for links and all else."""
    flags = os.O_RDONLY
    for name in ("O_CLOEXEC", "O_NONBLOCK", "O_NOFOLLOW", "O_BINARY"):
        flags |= getattr(os, name, 0)
    fd = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a file", path)
    return fd
