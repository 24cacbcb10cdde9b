"""Databases with the same content: first those of the same size, of these the same hash."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from .catalog import Entry
from .errors import UnavailableError
from .reader import Reader


@dataclass(frozen=True, slots=True)
class Same:
    """Files with the same bytes, by path."""

    entries: list[Entry]
    digest: str


@dataclass(frozen=True, slots=True)
class Uncompared:
    """A file that could not be compared, and why."""

    entry: Entry
    reason: str


@dataclass(frozen=True, slots=True)
class Compared:
    """So many files of so many are done."""

    files: int
    of_files: int


def same_sizes(entries: Iterable[Entry]) -> list[list[Entry]]:
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
        self.groups = same_sizes(entries)
        self._reader = reader
        self._stopped = threading.Event()
        self._files = 0
        self.count = sum(len(group) for group in self.groups)

    @property
    def is_complete(self) -> bool:
        """Whether every file had its turn."""
        return self._files == self.count

    def stop(self) -> None:
        """End it as soon as possible."""
        self._stopped.set()

    async def events(self) -> AsyncIterator[Same | Uncompared | Compared]:
        """What is found, as it is found; whoever leaves the loop ends it."""
        try:
            for group in self.groups:
                by_digest: dict[str, list[Entry]] = defaultdict(list)
                results = await asyncio.gather(*(self._digest(entry) for entry in group))
                if self._stopped.is_set():
                    return
                for entry, (digest, reason) in zip(group, results, strict=True):
                    if reason:
                        yield Uncompared(entry, reason)
                    else:
                        by_digest[digest].append(entry)
                for digest, entries in by_digest.items():
                    if len(entries) > 1:
                        yield Same(entries, digest)
                self._files += len(group)
                yield Compared(self._files, self.count)
        finally:
            self.stop()

    async def _digest(self, entry: Entry) -> tuple[str, str]:
        """(hash, why there is none)."""
        try:
            return await self._reader.digest(entry.path, self._stopped.is_set), ""
        except UnavailableError as error:
            return "", error.word
        except OSError as error:
            return "", error.strerror or "it cannot be read"
