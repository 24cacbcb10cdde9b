"""Finds databases with the same content, by size and then by hash."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

from .catalog import Entry
from .errors import ChangingError, StoppingError, UnavailableError
from .opening import Opener
from .opening.fingerprint import Fingerprint, read_fingerprint
from .reader import Reader
from .text import visible_path

_CHUNK_SIZE = 4 << 20
_TRIES = 10
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class EqualFiles:
    """Files with the same bytes, by path."""

    entries: list[Entry]
    digest: str


@dataclass(frozen=True, slots=True)
class FileNotCompared:
    """A file that could not be compared, and why."""

    entry: Entry
    reason: str


@dataclass(frozen=True, slots=True)
class FilesCompared:
    """The number of files compared so far."""

    files: int


def group_by_size(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Groups of different files of one size, the largest first."""
    by_size: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.size and entry.status not in ("gone", "checking"):
            by_size[entry.size].append(entry)
    groups = [sorted(g, key=lambda e: e.path) for g in by_size.values() if len(g) > 1]
    return sorted(groups, key=lambda group: -group[0].size)


class DuplicateSearch:
    """One comparison. ``stop`` may be called at any time, from any thread."""

    def __init__(self, entries: Iterable[Entry], reader: Reader) -> None:
        self.groups = group_by_size(entries)
        self._reader = reader
        self._stopped = threading.Event()
        self._files = 0
        self.count = sum(len(group) for group in self.groups)

    @property
    def is_complete(self) -> bool:
        """Whether every file was compared."""
        return self._files == self.count

    def stop(self) -> None:
        """Stop as soon as possible."""
        self._stopped.set()

    async def events(self) -> AsyncIterator[EqualFiles | FileNotCompared | FilesCompared]:
        """Yield groups as they are found; leaving the loop ends the search."""
        try:
            for group in self.groups:
                by_digest: dict[str, list[Entry]] = defaultdict(list)
                results = await asyncio.gather(*(self._digest(entry) for entry in group))
                if self._stopped.is_set():
                    return
                for entry, (digest, reason) in zip(group, results, strict=True):
                    if reason:
                        yield FileNotCompared(entry, reason)
                    else:
                        by_digest[digest].append(entry)
                for digest, entries in by_digest.items():
                    if len(entries) > 1:
                        yield EqualFiles(entries, digest)
                self._files += len(group)
                yield FilesCompared(self._files)
        finally:
            self.stop()

    async def _digest(self, entry: Entry) -> tuple[str, str]:
        """(hash, why there is none)."""
        try:
            reader = self._reader
            read = functools.partial(read_digest, reader.opener, entry.path, self._stopped.is_set)
            return await reader.searches.run(read), ""
        except UnavailableError as error:
            return "", error.word
        except OSError as error:
            return "", error.strerror or "it cannot be read"


def read_digest(opener: Opener, path: bytes, is_stopped: Callable[[], bool] = lambda: False) -> str:
    """SHA-256 of a file that holds still, in hexadecimal digits.

    The opener reads it, so that no lock on the file is lost.

    Raises StoppingError; ChangingError for one that changes, or whose newest rows are in a
    write-ahead log; and what ``Opener.read`` raises.
    """
    before = _read_settled_fingerprint(path)
    if before.wal is not None and before.wal.size:
        raise ChangingError(f"{visible_path(path)} has a write-ahead log")
    found = hashlib.sha256()
    for offset in range(0, before.main.size, _CHUNK_SIZE):
        if is_stopped() or opener.is_stopping:
            raise StoppingError("the comparison was stopped")
        chunk = opener.read_bytes(path, min(_CHUNK_SIZE, before.main.size - offset), offset)
        if not chunk:  # an error, or another name of the file is being read
            raise ChangingError(f"{visible_path(path)} could not be read to its end")
        found.update(chunk)
    if read_fingerprint(path).main != before.main:
        raise ChangingError(f"{visible_path(path)} is being written to")
    return found.hexdigest()


def _read_settled_fingerprint(path: bytes) -> Fingerprint:
    """Wait until a second change would show, and return the fingerprint."""
    for _ in range(_TRIES):
        fingerprint = read_fingerprint(path)
        if fingerprint.is_settled():
            return fingerprint
        time.sleep(_PAUSE_SECONDS)
    raise ChangingError(f"{visible_path(path)} is being written to")
