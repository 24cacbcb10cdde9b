"""One private copy of a database, brought to its last committed state."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from . import journal, wal
from .fingerprint import Fingerprint, journal_begins, open_plain, read_at, settled, take

_CHUNK = 1 << 20
Proceed = Callable[[], object]


class Moved(Exception):
    """The file changed while it was copied: what was copied is of no use."""


@dataclass(frozen=True)
class Source:
    """The database to copy: ``fd`` is open on it and stays open."""

    path: bytes
    fd: int
    fingerprint: Fingerprint

    @property
    def size(self) -> int:
        """Bytes that a copy takes: the database and what may have to be applied to it."""
        log, old = self.fingerprint.wal, self.fingerprint.journal
        begun = old is not None and journal_begins(self.path)
        return (
            self.fingerprint.main.size
            + (log.size if log else 0)
            + (old.size if old and begun else 0)
        )

    @property
    def has_log(self) -> bool:
        """Whether there is a write-ahead log with anything in it."""
        log = self.fingerprint.wal
        return log is not None and log.size >= wal.HEADER_SIZE


def copy_database(source: Source, target: Path, largest: int, proceed: Proceed) -> None:
    """Copy ``source`` to ``target`` and apply its journal and log to the copy.

    Raises Moved, JournalError, LogError, OSError, and what ``proceed`` raises, which is
    called from time to time.

    With a log the order makes the copy whole while its writer goes on: the database first,
    the log after it. A checkpoint changes nothing in the database but pages that the log
    holds, and as long as the log was not begun anew (its header has the salts that it had)
    it holds every page that was changed since. Everything else must have been at rest.
    """
    at_rest = settled(source.fingerprint)
    with contextlib.ExitStack() as stack:
        log = _open_beside(stack, source.path + b"-wal") if source.has_log else None
        salts = log.read(wal.HEADER_SIZE) if log else b""
        _copy_fd(source.fd, target, largest, proceed)
        if log:
            _copy_fd(log.fileno(), target.with_name("log"), largest, proceed)
        old = _open_beside(stack, source.path + b"-journal")
        if old and old.read(1) not in (b"", b"\0"):
            _copy_fd(old.fileno(), target.with_name("journal"), largest, proceed)
        same_log = log is not None and read_at(log.fileno(), wal.HEADER_SIZE, 0) == salts
        now = take(source.path)
    replayed = _recover(source.path, target, largest, proceed)
    if replayed and same_log and _same_files(now, source.fingerprint):
        return
    if not at_rest or now.without_shm() != source.fingerprint.without_shm():
        raise Moved


def _open_beside(stack: contextlib.ExitStack, path: bytes) -> BinaryIO | None:
    try:
        return stack.enter_context(os.fdopen(open_plain(path), "rb", buffering=0))
    except FileNotFoundError:
        return None


def _copy_fd(fd: int, target: Path, largest: int, proceed: Proceed) -> None:
    # The descriptor is not closed here: that would drop this process's locks on the file.
    with target.open("xb") as out:
        offset = 0
        while chunk := read_at(fd, _CHUNK, offset):
            offset += len(chunk)
            if offset > largest:
                raise Moved  # it has grown since its size was judged
            out.write(chunk)
            proceed()


def _same_files(now: Fingerprint, then: Fingerprint) -> bool:
    """Whether these are the files that they were, whatever was written to them."""
    logs = now.wal is not None and then.wal is not None and now.wal[:2] == then.wal[:2]
    return logs and now.identity == then.identity and now.journal == then.journal


def _recover(path: bytes, target: Path, largest: int, proceed: Proceed) -> bool:
    """Roll back, then replay, in SQLite's order; whether there was anything to replay."""
    replayed = False
    old_copy, log_copy = target.with_name("journal"), target.with_name("log")
    with target.open("r+b") as database:
        if old_copy.exists():
            with old_copy.open("rb") as old:
                if _counts(path, old):
                    journal.roll_back(old, database, largest, proceed)
            old_copy.unlink()
        if log_copy.exists():
            with log_copy.open("rb") as log:
                replayed = wal.apply_log(log, database, largest, proceed)
            log_copy.unlink()
    return replayed


def _counts(path: bytes, old: BinaryIO) -> bool:
    """Whether a copied journal is to be played back; it may be finished in two ways."""
    if old.read(1) in (b"", b"\0"):
        return False
    name = journal.super_journal(old)
    if not name:
        return True
    if journal.check_super_journal(name, path):
        shown = name.decode("utf-8", "backslashreplace")
        raise journal.JournalError(f"it is part of a transaction over several files: {shown}")
    return False  # that transaction was committed, which is done by deleting the name
