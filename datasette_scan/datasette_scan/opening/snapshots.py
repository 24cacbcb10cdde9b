"""Private copies of databases that cannot be read where they are.

They are in a directory that only this user can enter, in the system's temporary directory,
and are removed when their file changes, when newer ones need the space, and at exit. The
process holds a lock on a file in the directory. At the next start ``sweep`` removes
directories whose file is not locked: their process was killed.
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

from ..errors import RecoveryError
from ..system_limits import unavailable
from ..text import visible, visible_path
from .copying import CheckDeadline, Source, copy_database
from .fingerprint import Fingerprint
from .journal import JournalError
from .wal import LogError

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be deleted
    fcntl = None  # type: ignore[assignment]

_PREFIX = "datasette-scan-"
_LOCK = "in-use"
_MAX_SNAPSHOTS = 6


@dataclass(frozen=True)
class Snapshot:
    """A recovered copy, and the fingerprint of its original when it was taken.

    If that was not ``settled``, the file may have changed since with the same fingerprint.
    """

    file: bytes
    fingerprint: Fingerprint
    taken_at: float
    size: int
    settled: bool


class SnapshotStore:
    """The latest copy of each file: at most six, and at most ``total`` bytes."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._lock = threading.Lock()
        self._snapshots: OrderedDict[bytes, Snapshot] = OrderedDict()
        self._numbers = itertools.count(1)
        self._folder: Path | None = None
        self._in_use = -1
        self._end: weakref.finalize[..., SnapshotStore] | None = None

    def get(self, path: bytes, fingerprint: Fingerprint) -> Snapshot | None:
        """The copy of exactly this state, if there is one."""
        with self._lock:
            snapshot = self._snapshots.get(path) if self._folder_exists() else None
            if snapshot is None or not os.path.exists(snapshot.file):
                return None
            is_same = snapshot.fingerprint.without_shm() == fingerprint.without_shm()
            if not (is_same and snapshot.settled):
                return None
            self._snapshots.move_to_end(path)
            return snapshot

    def make(self, source: Source, max_bytes: int, check_deadline: CheckDeadline) -> Snapshot:
        """Copy a database of at most ``max_bytes`` and recover the copy.

        Raises Changed when the file changed meanwhile, RecoveryError when its journal or log
        cannot be applied, UnavailableError when there is no room for it.
        """
        shown = visible_path(source.path)
        taken_at, settled = time.time(), source.fingerprint.is_settled()
        try:
            with contextlib.ExitStack() as on_failure:
                folder = self.new_folder()
                on_failure.callback(shutil.rmtree, folder, ignore_errors=True)
                copy = folder / "copy.db"
                copy_database(source, copy, max_bytes, check_deadline)
                on_failure.pop_all()
        except OSError as error:
            raise unavailable(f"no private copy of {shown} can be made", error) from error
        except (JournalError, LogError) as error:
            part = "journal" if isinstance(error, JournalError) else "wal"
            raise RecoveryError(
                f"{shown} cannot be recovered from {shown}-{part}: {visible(str(error))}",
                "Open it once with the program that owns it.",
            ) from error
        size = copy.stat().st_size
        snapshot = Snapshot(os.fsencode(copy), source.fingerprint, taken_at, size, settled)
        self._add(source.path, snapshot)
        return snapshot

    def new_folder(self) -> Path:
        """An empty folder that only this user can enter; removed at the end at the latest."""
        with self._lock:
            if self._folder is None or not self._folder_exists():
                if self._end is not None:
                    self._end()
                self._folder, self._in_use = _locked_folder()
                self._end = weakref.finalize(self, _remove, self._folder, self._in_use)
            folder = self._folder / str(next(self._numbers))
            folder.mkdir(mode=0o700)
            return folder

    def _folder_exists(self) -> bool:
        """Whether the folder still exists: some systems remove old temporary files."""
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
                len(self._snapshots) > _MAX_SNAPSHOTS
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
        """Remove every copy. May be called again where a signal interrupted it."""
        with self._lock:
            self._snapshots.clear()
            if self._folder is not None and self._end is not None:
                # Before the finalizer, which can be called once. Windows removes no open file.
                shutil.rmtree(self._folder, ignore_errors=True)
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
    """Remove the directories of this user's killed processes; return their number.

    Follows no links. A directory is removed if it belongs to this user, is closed to others,
    and no process has locked its lock file.
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
