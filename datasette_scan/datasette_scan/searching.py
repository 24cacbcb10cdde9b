"""The search in the contents of many databases: the smallest first, several at a time.

``ContentSearch.events`` starts a task for each thread of the reader that is for searches. They
take databases from one list and put what they find into one queue, until the list is empty
or ``stop`` is called. Whoever iterates ends them by leaving the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .contents import Chunk, Found, StoppedError, Wanted, search_chunk
from .database import ScannedDatabase
from .errors import StoppingError, TooComplexError, UnavailableError
from .reader import Reader
from .sqlite import sqlite3

_WAITING = 100  # events that nobody has fetched yet
_MOST_FAILED = 10  # tables of one database, after which its others are not searched

MayViewTable = Callable[[str, str], Awaitable[bool]]  # (database, table)


@dataclass(frozen=True, slots=True)
class TablesFound:
    """Tables of one database that contain the text; ``continued`` if others came before."""

    database: str
    tables: list[Found]
    continued: bool


@dataclass(frozen=True, slots=True)
class Unsearched:
    """A table, or with "" a whole database, that was not searched to its end."""

    database: str
    table: str
    reason: str


@dataclass(frozen=True, slots=True)
class Searched:
    """One more database is done: so many of so many, and their bytes."""

    databases: int
    of_databases: int
    size: int
    of_size: int


Event = TablesFound | Unsearched | Searched


def size_of(db: Any) -> int:
    """Bytes of a database's file, as far as they are known; opens nothing."""
    with contextlib.suppress(OSError):
        return int(db.size or 0)
    return 0


class ContentSearch:
    """One search. ``stop`` may be called at any time, from any thread."""

    def __init__(
        self, databases: Iterable[Any], wanted: Wanted, may_view_table: MayViewTable, reader: Reader
    ) -> None:
        self._databases = sorted(databases, key=lambda db: (size_of(db), db.name))
        self._wanted = wanted
        self._may_view_table = may_view_table
        self._reader = reader
        self._stopped = threading.Event()
        self._searched = 0
        self._size = 0
        self.of_size = sum(size_of(db) for db in self._databases)

    @property
    def count(self) -> int:
        """How many databases there are to search."""
        return len(self._databases)

    @property
    def is_complete(self) -> bool:
        """Whether every database had its turn."""
        return self._searched == self.count

    def stop(self) -> None:
        """End it as soon as possible."""
        self._stopped.set()

    def _is_over(self) -> bool:
        return self._stopped.is_set() or self._reader.opener.is_stopping

    async def events(self) -> AsyncIterator[Event]:
        """What happens, as it happens."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue(_WAITING)
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
            with contextlib.suppress(StoppedError, StoppingError):
                async for event in self._search(db):
                    await queue.put(event)
                self._searched += 1
                self._size += size_of(db)
                done = Searched(self._searched, self.count, self._size, self.of_size)
                await queue.put(done)
        await queue.put(None)

    async def _search(self, db: Any) -> AsyncIterator[Event]:
        """One database, chunk by chunk. Raises StoppedError and StoppingError."""
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
            if failed >= _MOST_FAILED:
                yield Unsearched(db.name, "", f"{failed} of its tables could not be searched")
                return
            done = chunk.done

    async def _next_chunk(self, db: Any, done: frozenset[str]) -> Chunk:
        """What the next read finds; a failure is a table, or the whole database, unsearched."""
        at: list[str] = []  # the tables of this read; the last may be under way
        try:
            return await self._read(db, done, at)
        except (StoppedError, StoppingError):
            raise
        except TooComplexError as error:
            if at:  # it is left out, and the others before it are searched again
                return Chunk([], [(at[-1], error.word)], done | {at[-1]}, False)
            reason = error.word
        except UnavailableError as error:
            reason = error.word
        except Exception as error:  # noqa: BLE001 (one odd file must not end the search)
            reason = str(error) if isinstance(error, sqlite3.Error) else repr(error)
        return Chunk([], [("", reason)], done, True)

    async def _read(self, db: Any, done: frozenset[str], at: list[str]) -> Chunk:
        missing = frozenset(db.entry.missing if isinstance(db, ScannedDatabase) else ())

        def use(connection: sqlite3.Connection) -> Chunk:
            at.clear()
            return search_chunk(connection, self._wanted, done, at.append, self._is_over, missing)

        if isinstance(db, ScannedDatabase):
            return await db.search(use)
        chunk: Chunk = await db.execute_fn(use)  # one that Datasette serves
        return chunk

    async def _may_see(self, db: Any, table: str) -> bool:
        if isinstance(db, ScannedDatabase):
            try:
                await db.know_derived()
            except UnavailableError:
                return False
        return await self._may_view_table(db.name, table)
