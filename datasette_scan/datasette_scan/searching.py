"""Searches the contents of many databases: the smallest first, several at a time.

``ContentSearch.events`` starts a task for each of the reader's search threads. The tasks take
databases from one iterator and put events into one queue, until the iterator is exhausted or
``stop`` is called. Leaving the loop cancels them.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .database import ScannedDatabase
from .errors import StoppingError, TooComplexError, UnavailableError
from .reader import Reader
from .sqlite import sqlite3
from .text_search import Chunk, SearchStoppedError, TableMatches, search_chunk

_MAX_QUEUED = 100  # events not fetched yet
_MAX_FAILED = 10  # tables of one database, after which its others are not searched

MayViewTable = Callable[[str, str], Awaitable[bool]]  # (database, table)


@dataclass(frozen=True, slots=True)
class TablesFound:
    """Tables of one database that contain the text; ``continued`` if others came before."""

    database: str
    tables: list[TableMatches]
    continued: bool


@dataclass(frozen=True, slots=True)
class Unsearched:
    """A table, or with "" a whole database, that was not searched to its end."""

    database: str
    table: str
    reason: str


@dataclass(frozen=True, slots=True)
class Searched:
    """The number and size of the databases searched so far."""

    databases: int
    size: int


Event = TablesFound | Unsearched | Searched


def size_of(db: Any) -> int:
    """The size of a database in bytes, 0 if unknown; opens nothing."""
    with contextlib.suppress(OSError):
        return int(db.size or 0)
    return 0


class ContentSearch:
    """One search. ``stop`` may be called at any time, from any thread."""

    def __init__(
        self, databases: Iterable[Any], text: str, may_view_table: MayViewTable, reader: Reader
    ) -> None:
        self._databases = sorted(databases, key=lambda db: (size_of(db), db.name))
        self._text = text
        self._may_view_table = may_view_table
        self._reader = reader
        self._stopped = threading.Event()
        self._searched = self._searched_size = 0
        self.count = len(self._databases)
        self.size = sum(size_of(db) for db in self._databases)

    @property
    def is_complete(self) -> bool:
        """Whether every database was searched."""
        return self._searched == self.count

    def stop(self) -> None:
        """Stop as soon as possible."""
        self._stopped.set()

    def _is_over(self) -> bool:
        return self._stopped.is_set() or self._reader.opener.is_stopping

    async def events(self) -> AsyncIterator[Event]:
        """Yield events as they happen."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue(_MAX_QUEUED)
        waiting = iter(self._databases)
        tasks = [
            asyncio.create_task(self._work(waiting, queue))
            for _ in range(self._reader.search_threads)
        ]
        working = len(tasks)
        try:
            while working:
                event = await queue.get()
                if event is None:
                    working -= 1
                else:
                    yield event
        finally:
            self.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, waiting: Iterator[Any], queue: asyncio.Queue[Event | None]) -> None:
        for db in waiting:
            if self._is_over():
                break
            try:
                async for event in self._search(db):
                    await queue.put(event)
            except (SearchStoppedError, StoppingError):
                continue
            except Exception as error:  # noqa: BLE001 (of a permission plugin, or of an odd file)
                await queue.put(Unsearched(db.name, "", repr(error)))
            self._searched += 1
            self._searched_size += size_of(db)
            await queue.put(Searched(self._searched, self._searched_size))
        await queue.put(None)

    async def _search(self, db: Any) -> AsyncIterator[Event]:
        """One database, chunk by chunk. Raises SearchStoppedError and StoppingError."""
        done: frozenset[str] = frozenset()
        continued = False
        failed = 0
        while True:
            chunk = await self._next_chunk(db, done)
            tables = [f for f in chunk.found if await self._may_see(db, f.table)]
            if tables:
                yield TablesFound(db.name, tables, continued)
                continued = True
            for table, reason in chunk.unsearched:
                failed += 1
                if not table or await self._may_see(db, table):
                    yield Unsearched(db.name, table, reason)
            if chunk.is_last:
                return
            if failed >= _MAX_FAILED:
                yield Unsearched(db.name, "", f"{failed} of its tables could not be searched")
                return
            done = chunk.done

    async def _next_chunk(self, db: Any, done: frozenset[str]) -> Chunk:
        """Search the next chunk. A table or database that fails counts as unsearched."""
        begun: list[str] = []  # the tables of this read; the last may be under way
        missing = frozenset(db.entry.missing if isinstance(db, ScannedDatabase) else ())

        def use(connection: sqlite3.Connection) -> Chunk:
            begun.clear()
            return search_chunk(connection, self._text, done, begun.append, self._is_over, missing)

        try:
            # Datasette's own databases are read in Datasette's threads.
            return await (db.search if isinstance(db, ScannedDatabase) else db.execute_fn)(use)
        except (SearchStoppedError, StoppingError):
            raise
        except TooComplexError as error:
            if begun:  # skip it, and search the tables before it again
                return Chunk([], [(begun[-1], error.word)], done | {begun[-1]}, False)
            reason = error.word
        except UnavailableError as error:
            reason = error.word
        except Exception as error:  # noqa: BLE001 (one odd file must not end the search)
            reason = str(error) if isinstance(error, sqlite3.Error) else repr(error)
        return Chunk([], [("", reason)], done, True)

    async def _may_see(self, db: Any, table: str) -> bool:
        if isinstance(db, ScannedDatabase):
            try:
                await db.ensure_derived_tables()
            except UnavailableError:
                return False
        return await self._may_view_table(db.name, table)
