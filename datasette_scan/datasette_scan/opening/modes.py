"""The ways to read one file, and which is right for its present state. Pure.

The choice follows SQLite's own rules: https://www.sqlite.org/wal.html (read-only
databases), https://www.sqlite.org/lockingv3.html (hot journals) and
https://www.sqlite.org/uri.html (immutable).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .fingerprint import Fingerprint, Stamp


class Mode(enum.Enum):
    """How one file is read at one moment."""

    DIRECT = "direct"  # rollback journal: SQLite's own locks
    LIVE = "live"  # write-ahead log with its index: SQLite reads both
    QUIET = "quiet"  # nothing but the file itself: no locks, its fingerprint compared
    COPY = "copy"  # a private copy, recovered there


class Journal(enum.Enum):
    """The state of the rollback journal."""

    NONE = "none"  # there is none, or an empty one
    FINISHED = "finished"  # of a transaction that is over
    IN_USE = "in use"  # its writer is at work
    HOT = "hot"  # left by a writer that is no more


URI_FLAGS = {
    Mode.DIRECT: "mode=ro&readonly_shm=1",
    Mode.LIVE: "mode=ro&readonly_shm=1",
    Mode.QUIET: "mode=ro&immutable=1",
    Mode.COPY: "mode=ro&immutable=1",
}


@dataclass(frozen=True)
class ReadInfo:
    """How a read was made; ``taken_at`` is the time of the private copy.

    ``log_left`` means that there is a write-ahead log whose writer is no more.
    """

    mode: Mode
    taken_at: float | None = None
    log_left: bool = False


def is_log_mode(header: bytes) -> bool:
    """Whether a database's first 100 bytes say that it is in write-ahead log mode."""
    return 2 in header[18:20]


def plan_mode(
    header: bytes, fingerprint: Fingerprint, journal: Journal = Journal.NONE, apart: bool = False
) -> Mode:
    """The first way to try.

    ``apart`` means that SQLite may open no log and no finished journal. As root it sets their
    owner, which changes the time of the last status change.
    """
    wal = fingerprint.wal
    if journal is Journal.HOT:
        return Mode.COPY
    if wal is not None and wal.size > 0:
        return Mode.LIVE if fingerprint.shm and not apart else Mode.COPY
    if not is_log_mode(header):
        return Mode.QUIET if apart and journal is Journal.FINISHED else Mode.DIRECT
    if wal is not None and fingerprint.shm and not apart:
        return Mode.LIVE
    return Mode.QUIET


def is_whole_when_locked(
    fingerprint: Fingerprint, journal_begins: bool, verified: Stamp | None
) -> bool:
    """Whether the bytes of an exclusively locked file are known to be a whole state.

    They are when a rollback journal can take them back (``journal_begins``), when the
    journal was finished after the last write, or when nothing changed since they were last
    read under a lock. A writer that has its journal in memory leaves no sign, so everything
    else is not.
    """
    if journal_begins:
        return True
    journal = fingerprint.journal
    if journal is not None and journal.mtime_ns >= fingerprint.main.mtime_ns:
        return True
    return fingerprint.main == verified
