"""Copies a database and recovers the copy to its last committed state."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from . import journal, wal
from .fingerprint import (
    Changed,
    Fingerprint,
    has_unfinished_journal,
    open_regular,
    read_at,
    read_fingerprint,
)

_CHUNK = 1 << 20
CheckDeadline = Callable[[], object]


@dataclass(frozen=True)
class Source:
    """The database to copy: ``fd`` is open on it and stays open."""

    path: bytes
    fd: int
    fingerprint: Fingerprint

    @property
    def size(self) -> int:
        """Bytes that a copy takes: the database and what may have to be applied to it."""
        log, journal_file = self.fingerprint.wal, self.fingerprint.journal
        begun = journal_file is not None and has_unfinished_journal(self.path)
        return (
            self.fingerprint.main.size
            + (log.size if log else 0)
            + (journal_file.size if journal_file and begun else 0)
        )


def copy_database(
    source: Source, target: Path, max_bytes: int, check_deadline: CheckDeadline
) -> None:
    """Copy ``source`` to ``target`` and apply its journal and log to the copy.

    Raises Changed, JournalError, LogError, OSError, and what ``check_deadline`` raises, which is
    called from time to time.

    The database is copied first and its log after it, so the copy is consistent while a writer
    continues: a checkpoint only changes pages that the log contains, and until the log is
    restarted (which changes the salts in its header) it contains every page changed since.
    Without a log, the files must not change during the copy.
    """
    settled = source.fingerprint.is_settled()
    found = source.fingerprint.wal
    has_log = found is not None and found.size >= wal.HEADER_SIZE
    with contextlib.ExitStack() as stack:
        log = _open_beside(stack, source.path + b"-wal") if has_log else None
        salts = log.read(wal.HEADER_SIZE) if log else b""
        _copy_fd(source.fd, target, max_bytes, check_deadline)
        if log:
            _copy_fd(log.fileno(), target.with_name("log"), max_bytes, check_deadline)
        journal_file = _open_beside(stack, source.path + b"-journal")
        if journal_file and journal_file.read(1) not in (b"", b"\0"):
            _copy_fd(journal_file.fileno(), target.with_name("journal"), max_bytes, check_deadline)
        same_log = log is not None and read_at(log.fileno(), wal.HEADER_SIZE, 0) == salts
        now = read_fingerprint(source.path)
    replayed = _recover(source.path, target, max_bytes, check_deadline)
    if replayed and same_log and _same_files(now, source.fingerprint):
        return
    if not settled or now.without_shm() != source.fingerprint.without_shm():
        raise Changed


def _open_beside(stack: contextlib.ExitStack, path: bytes) -> BinaryIO | None:
    try:
        return stack.enter_context(os.fdopen(open_regular(path), "rb", buffering=0))
    except FileNotFoundError:
        return None


def _copy_fd(fd: int, target: Path, max_bytes: int, check_deadline: CheckDeadline) -> None:
    # The descriptor is not closed here: that would drop this process's locks on the file.
    with target.open("xb") as out:
        offset = 0
        while chunk := read_at(fd, _CHUNK, offset):
            offset += len(chunk)
            if offset > max_bytes:
                raise Changed  # it has grown since its size was checked
            out.write(chunk)
            check_deadline()


def _same_files(now: Fingerprint, then: Fingerprint) -> bool:
    """Whether the database, log and journal are the same files, written to or not."""
    logs = now.wal is not None and then.wal is not None and now.wal[:2] == then.wal[:2]
    return logs and now.identity == then.identity and now.journal == then.journal


def _recover(path: bytes, target: Path, max_bytes: int, check_deadline: CheckDeadline) -> bool:
    """Roll back, then replay, in SQLite's order; whether there was anything to replay."""
    replayed = False
    journal_copy, log_copy = target.with_name("journal"), target.with_name("log")
    with target.open("r+b") as database:
        if journal_copy.exists():
            with journal_copy.open("rb") as journal_file:
                if _is_hot(path, journal_file):
                    journal.roll_back(journal_file, database, max_bytes, check_deadline)
            journal_copy.unlink()
        if log_copy.exists():
            with log_copy.open("rb") as log:
                replayed = wal.apply_log(log, database, max_bytes, check_deadline)
            log_copy.unlink()
    return replayed


def _is_hot(path: bytes, journal_file: BinaryIO) -> bool:
    """Whether a copied journal is to be played back; it may be finished in two ways."""
    if journal_file.read(1) in (b"", b"\0"):
        return False
    name = journal.super_journal(journal_file)
    if not name:
        return True
    if journal.super_journal_exists(name, path):
        shown = name.decode("utf-8", "backslashreplace")
        raise journal.JournalError(f"it is part of a transaction over several files: {shown}")
    return False  # that transaction was committed, which is done by deleting the name
