"""The modes of reading a file, and the choice by its current state. Pure.

The choice follows SQLite's own rules: https://www.sqlite.org/wal.html (read-only
databases), https://www.sqlite.org/lockingv3.html (hot journals) and
https://www.sqlite.org/uri.html (immutable).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .fingerprint import Fingerprint, Stamp


class Mode(enum.Enum):
    """How a file is read."""

    UNLOCKED = "unlocked"  # rollback journal, at rest: no locks, its times compared
    DIRECT = "direct"  # rollback journal: SQLite's own locks
    LIVE = "live"  # write-ahead log with its index: SQLite reads both
    IMMUTABLE = "immutable"  # nothing but the file itself: no locks, its fingerprint compared
    COPY = "copy"  # a private copy, recovered there


class Journal(enum.Enum):
    """The state of the rollback journal."""

    NONE = "none"  # there is none, or an empty one
    FINISHED = "finished"  # of a transaction that is over
    IN_USE = "in use"  # its writer is at work
    HOT = "hot"  # left by a writer that has ended


URI_FLAGS = {
    Mode.UNLOCKED: "mode=ro&immutable=1",
    Mode.DIRECT: "mode=ro&readonly_shm=1",
    Mode.LIVE: "mode=ro&readonly_shm=1",
    Mode.IMMUTABLE: "mode=ro&immutable=1",
    Mode.COPY: "mode=ro&immutable=1",
}


@dataclass(frozen=True)
class ReadInfo:
    """How a read was made; ``taken_at`` is the time of the private copy.

    ``orphaned_log`` means that there is a write-ahead log whose writer has ended.
    """

    mode: Mode
    taken_at: float | None = None
    orphaned_log: bool = False


def is_log_mode(header: bytes) -> bool:
    """Whether a database's first 100 bytes say that it is in write-ahead log mode."""
    return 2 in header[18:20]


def plan_mode(
    header: bytes,
    fingerprint: Fingerprint,
    journal: Journal = Journal.NONE,
    avoid_log: bool = False,
) -> Mode:
    """The first mode to try; in place of DIRECT perhaps UNLOCKED.

    With ``avoid_log`` SQLite must not open a log or a finished journal: as root it sets their
    owner, which changes their ctime.
    """
    wal = fingerprint.wal
    if journal is Journal.HOT:
        return Mode.COPY
    if wal is not None and wal.size > 0:
        return Mode.LIVE if fingerprint.shm and not avoid_log else Mode.COPY
    if not is_log_mode(header):
        return Mode.IMMUTABLE if avoid_log and journal is Journal.FINISHED else Mode.DIRECT
    if wal is not None and fingerprint.shm and not avoid_log:
        return Mode.LIVE
    return Mode.IMMUTABLE


def is_consistent_when_locked(
    fingerprint: Fingerprint, has_unfinished_journal: bool, verified: Stamp | None
) -> bool:
    """Whether the bytes of an exclusively locked file are known to be a consistent state.

    They are if a rollback journal can undo changes (``has_unfinished_journal``), if the
    journal was finished after the last write, or if the file has not changed since it was
    read whole (``verified``). Otherwise a writer may have its journal in memory.
    """
    if has_unfinished_journal:
        return True
    journal = fingerprint.journal
    if journal is not None and journal.mtime_ns >= fingerprint.main.mtime_ns:
        return True
    return fingerprint.main == verified
