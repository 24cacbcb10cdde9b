"""Private copies of databases that cannot be read where they are.

They live in a directory that only this user can enter, in the system's temporary directory,
and are removed when their file changes, when newer ones need the room, and at the end. The
directory has a locked file in it for as long as its process lives; what a killed process
left is found by that, and removed at the next start.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import stat
import tempfile
import threading
import time
import weakref
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from ..errors import RecoveryError, UnavailableError
from ..text import visible, visible_path
from .copying import Proceed, Source, copy_database
from .fingerprint import Fingerprint
from .journal import JournalError
from .wal import LogError

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be deleted
    fcntl = None  # type: ignore[assignment]

_PREFIX = "datasette-scan-"
_LOCK = "in-use"


@dataclass(frozen=True)
class Snapshot:
    """One recovered copy: where it is, of what state, and when it was taken."""

    file: bytes
    fingerprint: Fingerprint
    taken_at: float
    size: int


class SnapshotStore:
    """The latest copy of each file, at most ``count`` of them and ``total`` bytes."""

    def __init__(self, total: int, count: int = 6) -> None:
        self._total = total
        self._count = count
        self._lock = threading.Lock()
        self._snapshots: OrderedDict[bytes, Snapshot] = OrderedDict()
        self._numbers = itertools.count(1)
        self._folder: Path | None = None
        self._in_use = -1
        self._end: weakref.finalize[..., SnapshotStore] | None = None

    def get(self, path: bytes, fingerprint: Fingerprint) -> Snapshot | None:
        """The copy of exactly this state, if there is one."""
        with self._lock:
            snapshot = self._snapshots.get(path) if self._is_there() else None
            if snapshot is None or not os.path.exists(snapshot.file):
                return None
            if snapshot.fingerprint.without_shm() != fingerprint.without_shm():
                return None
            self._snapshots.move_to_end(path)
            return snapshot

    def make(self, source: Source, largest: int, proceed: Proceed) -> Snapshot:
        """Copy a database of at most ``largest`` bytes and recover the copy.

        Raises Moved when the file changed meanwhile, RecoveryError when its journal or log
        cannot be applied, UnavailableError when there is no room for it.
        """
        shown = visible_path(source.path)
        taken_at = time.time()
        try:
            folder = self.new_folder()
        except OSError as error:
            raise UnavailableError(
                f"no private copy of {shown} can be made: {error.strerror}"
            ) from error
        copy = folder / "copy.db"
        try:
            copy_database(source, copy, largest, proceed)
        except BaseException as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, OSError):
                raise UnavailableError(
                    f"no private copy of {shown} can be made: {error.strerror}"
                ) from error
            if isinstance(error, (JournalError, LogError)):
                part = "journal" if isinstance(error, JournalError) else "wal"
                raise RecoveryError(
                    f"{shown} cannot be recovered from {shown}-{part}: {visible(str(error))}",
                    "Open it once with the program that owns it.",
                ) from error
            raise
        snapshot = Snapshot(os.fsencode(copy), source.fingerprint, taken_at, copy.stat().st_size)
        self._add(source.path, snapshot)
        return snapshot

    def new_folder(self) -> Path:
        """An empty folder that only this user can enter; removed at the end at the latest."""
        with self._lock:
            if self._folder is None or not self._is_there():
                if self._end is not None:
                    self._end()
                self._folder, self._in_use = _locked_folder()
                self._end = weakref.finalize(self, _remove, self._folder, self._in_use)
            folder = self._folder / str(next(self._numbers))
            folder.mkdir(mode=0o700)
            return folder

    def _is_there(self) -> bool:
        """Whether the folder is still ours: some systems remove what has lain there for days."""
        if self._folder is None:
            return False
        try:
            return os.path.samestat(os.lstat(self._folder / _LOCK), os.fstat(self._in_use))
        except OSError:
            return False

    def _add(self, path: bytes, snapshot: Snapshot) -> None:
        with self._lock:
            old = self._snapshots.pop(path, None)
            self._snapshots[path] = snapshot
            victims = [old] if old else []
            while len(self._snapshots) > 1 and (
                len(self._snapshots) > self._count
                or sum(s.size for s in self._snapshots.values()) > self._total
            ):
                victims.append(self._snapshots.popitem(last=False)[1])
        for victim in victims:
            # A connection that still reads it keeps its data until it is closed.
            shutil.rmtree(os.path.dirname(victim.file), ignore_errors=True)

    def forget(self, path: bytes) -> None:
        """Remove the copy of a file."""
        with self._lock:
            snapshot = self._snapshots.pop(path, None)
        if snapshot:
            shutil.rmtree(os.path.dirname(snapshot.file), ignore_errors=True)

    def close(self) -> None:
        """Remove every copy."""
        with self._lock:
            self._snapshots.clear()
            if self._end is not None:
                self._end()
            self._folder = None


def _locked_folder() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        if fcntl is not None:
            # Not fcntl.lockf: such a lock would vanish with any descriptor of the file.
            fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / _LOCK).exists():
            return folder, lock
        os.close(lock)  # another server was sweeping, and had the lock first


def _remove(folder: Path, lock: int) -> None:
    if fcntl is None:
        os.close(lock)
    shutil.rmtree(folder, ignore_errors=True)
    if fcntl is not None:
        os.close(lock)


def sweep() -> int:
    """Remove what killed processes of this user left in the temporary directory; how many.

    Follows no links: a directory counts that belongs to this user, is closed to others, and
    has a lock file that nobody has locked.
    """
    removed = 0
    with contextlib.suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX):
                removed += _remove_dead(entry)
    return removed


def _remove_dead(entry: os.DirEntry[str]) -> bool:
    try:
        found = entry.stat(follow_symlinks=False)
        if not stat.S_ISDIR(found.st_mode):
            return False
        if fcntl is None:
            os.unlink(os.path.join(entry.path, _LOCK))  # fails while it is open
            shutil.rmtree(entry.path, ignore_errors=True)
            return True
        if found.st_uid != os.geteuid() or found.st_mode & 0o077:
            return False
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        lock = os.open(os.path.join(entry.path, _LOCK), flags)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(entry.path, ignore_errors=True)
        finally:
            os.close(lock)
    except OSError:
        return False
    return True
