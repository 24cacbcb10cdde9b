"""Private copies of databases that cannot be read where they are.

They live in a folder that only this user can enter, in the system's temporary folder, and
are removed when their file changes, when newer ones need the room, and at the end.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import sqlite3
import tempfile
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .errors import CorruptError, UnavailableError
from .fingerprint import Fingerprint, open_plain, read_at
from .text import visible_path

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Snapshot:
    """One recovered copy: where it is, of what state, and when it was taken."""

    file: bytes
    fingerprint: Fingerprint
    taken_at: float
    size: int


class SnapshotStore:
    """Keeps the latest copy of each file, at most ``count`` of them and ``total`` bytes."""

    def __init__(self, total: int, count: int = 6) -> None:
        self._total = total
        self._count = count
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, Snapshot] = OrderedDict()
        self._numbers = itertools.count(1)
        self._folder: Path | None = None
        self._end: weakref.finalize[..., SnapshotStore] | None = None

    def get(self, path: bytes, fingerprint: Fingerprint) -> Snapshot | None:
        """The copy of exactly this state, if there is one."""
        with self._lock:
            snapshot = self._kept.get(path)
            if snapshot is None or snapshot.fingerprint.without_shm() != fingerprint.without_shm():
                return None
            self._kept.move_to_end(path)
            return snapshot

    def make(
        self, path: bytes, fd: int, fingerprint: Fingerprint, unchanged: Callable[[], object]
    ) -> Snapshot:
        """Copy the file behind ``fd`` and the journal beside ``path``, and recover the copy.

        ``unchanged`` is called when the copy is complete and raises when the file moved
        meanwhile. Raises UnavailableError when there is no room for it.
        """
        folder = self._new_folder()
        taken_at = time.time()
        copy = folder / "copy.db"
        try:
            _copy_fd(fd, copy)
            for suffix in ("-wal", "-journal"):
                _copy_beside(path, copy, suffix)
            unchanged()
            _recover(copy)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise UnavailableError(
                f"no private copy of {visible_path(path)} can be made: {error.strerror}"
            ) from error
        except sqlite3.DatabaseError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise CorruptError(f"{visible_path(path)}: {error}") from error
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        snapshot = Snapshot(os.fsencode(copy), fingerprint, taken_at, copy.stat().st_size)
        self._keep(path, snapshot)
        return snapshot

    def _new_folder(self) -> Path:
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="datasette-scan-"))
                self._end = weakref.finalize(self, shutil.rmtree, self._folder, True)
            folder = self._folder / str(next(self._numbers))
            folder.mkdir(mode=0o700)
            return folder

    def _keep(self, path: bytes, snapshot: Snapshot) -> None:
        with self._lock:
            old = self._kept.pop(path, None)
            self._kept[path] = snapshot
            victims = [old] if old else []
            while len(self._kept) > 1 and (
                len(self._kept) > self._count
                or sum(s.size for s in self._kept.values()) > self._total
            ):
                victims.append(self._kept.popitem(last=False)[1])
        for victim in victims:
            # A connection that still reads it keeps its data until it is closed.
            shutil.rmtree(os.path.dirname(victim.file), ignore_errors=True)

    def forget(self, path: bytes) -> None:
        """Remove the copy of a file."""
        with self._lock:
            snapshot = self._kept.pop(path, None)
        if snapshot:
            shutil.rmtree(os.path.dirname(snapshot.file), ignore_errors=True)

    def close(self) -> None:
        """Remove every copy."""
        with self._lock:
            self._kept.clear()
            if self._end is not None:
                self._end()
            self._folder = None


def _copy_fd(fd: int, target: Path) -> None:
    # The descriptor is not closed here: that would drop this process's locks on the file.
    with target.open("xb") as out:
        offset = 0
        while chunk := read_at(fd, _CHUNK, offset):
            out.write(chunk)
            offset += len(chunk)


def _copy_beside(path: bytes, copy: Path, suffix: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        fd = open_plain(path + suffix.encode())
        with os.fdopen(fd, "rb") as source, Path(f"{copy}{suffix}").open("xb") as out:
            shutil.copyfileobj(source, out, _CHUNK)


def _recover(copy: Path) -> None:
    """Roll back or replay what the last writer left, in the copy alone."""
    connection = sqlite3.connect(copy, timeout=5)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.close()
    for suffix in ("-wal", "-shm", "-journal"):
        Path(f"{copy}{suffix}").unlink(missing_ok=True)
