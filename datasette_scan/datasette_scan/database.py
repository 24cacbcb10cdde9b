"""A Datasette database for one scanned file: attached at once, opened when it is queried."""

from __future__ import annotations

import contextvars
import functools
import os
import re
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from datasette.database import QueryInterrupted, Results

from . import compat
from .catalog import Entry
from .errors import (
    DamagedError,
    MissingCollationError,
    MissingPartError,
    QueryTooComplexError,
    TooComplexError,
    is_damage,
)
from .opening import Mode, ReadInfo
from .opening.connection import guard
from .peek import SECONDS
from .read_only import ReadOnlyDatabase
from .reader import Reader
from .schema import quoted, read_columns
from .sqlite import sqlite3
from .visitor import file_names_hidden, paths_shown

T = TypeVar("T")

# Set while a page that lists every database is made: it must open none of them.
listing: contextvars.ContextVar[bool] = contextvars.ContextVar("scan_listing", default=False)

# Datasette asks this of every database at almost every request, to keep its catalogue of
# schemas. The answer "nothing known" equals what its catalogue says of ours, so it goes on.
_REFRESH_SQL = "PRAGMA schema_version"
_NOTHING_KNOWN = Results([(None,)], False, [("schema_version",)])
# In what a database needs: the collations that are not here.
_MISSING_COLLATION = re.compile(r"\bcollation ([^,]+)")
# How Datasette counts the rows of a table.
_COUNT = re.compile(
    r'\s*select count\(\*\) from (?:\(select \* from )?(?:\[[^\]]+\]|"(?:[^"]|"")+"|\w+)'
    r"(?=\s*$|\s+(?:where|limit)\b)",
    re.IGNORECASE,
)
# The one that this thread's query compared texts by.
_compared = threading.local()


class ScannedDatabase(ReadOnlyDatabase):
    """Reads through the plugin's own threads and opener; cannot be written to."""

    def __init__(self, ds: Any, entry: Entry, reader: Reader) -> None:
        self.entry = entry
        super().__init__(ds, path=self.path, is_mutable=True)
        self.last_read: ReadInfo | None = None
        self._reader = reader
        self._derived: dict[str, str] | None = None  # until they are known
        # Table → each column → the collation that it needs and that is missing, or "".
        self.missing_collations: dict[str, dict[str, str]] = {}

    @property
    def path(self) -> str:
        """What Datasette's own pages show; nothing is opened by it."""
        shown = self.entry.shown_path
        return shown if paths_shown.get() else os.path.basename(shown)

    @path.setter
    def path(self, value: str) -> None:
        pass  # Database.__init__ sets what it was given

    # -- reading

    async def execute_fn(self, fn: Callable[[Any], Any]) -> Any:
        """Call ``fn`` with a connection, in one of the plugin's threads."""
        return await self._read(fn, None)

    async def peek(self, fn: Callable[[Any], T]) -> T:
        """The same in little time. Raises UnavailableError when it takes longer."""
        found: T = await self._read(fn, SECONDS)
        return found

    async def _read(self, fn: Callable[[Any], Any], seconds: float | None) -> Any:
        hidden = file_names_hidden()

        def use(connection: Any) -> Any:
            # Each time: Datasette 1.0 sets and removes authorizers of its own.
            guard(connection, hidden)
            return _refuse_comparisons(fn, connection)

        path = self.entry.path
        try:
            result, self.last_read = await self._reader.read(path, use, self._prepare, seconds)
        except TooComplexError as error:
            raise QueryTooComplexError("the query needs too much time or memory") from error
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            raise DamagedError(str(error)) from error
        return result

    def _prepare(self, connection: Any) -> None:
        self.ds._prepare_connection(connection, self.name)
        for name in self.stand_ins:
            connection.create_collation(name, functools.partial(_note_comparison, name))

    @property
    def stand_ins(self) -> list[str]:
        """The collations that are missing, for which others stand in."""
        return _MISSING_COLLATION.findall(self.entry.detail)

    async def look_for_collations(self, table: str) -> None:
        """Fill ``missing_collations`` for a table or view."""
        names = {name[:18]: name for name in self.stand_ins}  # as EXPLAIN cuts them
        if not names:
            self.missing_collations.clear()
            return

        def look(connection: Any) -> dict[str, str]:
            found = {}
            for column in read_columns(connection, table):
                sql = f"EXPLAIN SELECT {quoted(column.name)} < '' FROM {quoted(table)}"
                used = {str(row[5]).rpartition("-")[0].lower() for row in connection.execute(sql)}
                found[column.name] = next((names[name] for name in names if name in used), "")
            return found

        self.missing_collations[table] = await self.execute_fn(look)

    def uncompared(self, table: str) -> dict[str, str]:
        """A table's columns whose collation is missing, and its name."""
        return {c: name for c, name in self.missing_collations.get(table, {}).items() if name}

    async def execute(self, sql: str, *args: Any, **kwargs: Any) -> Any:
        """Run a query; Datasette's question whether the schema changed opens nothing."""
        if sql == _REFRESH_SQL:
            return _NOTHING_KNOWN
        if listing.get():
            return Results([], False, [])
        if self.stand_ins:  # whose indexes nobody here can vouch for
            counted = _COUNT.match(sql)
            if counted:
                sql = f"{counted[0]} NOT INDEXED{sql[counted.end() :]}"
        try:
            return await super().execute(sql, *args, **kwargs)
        except MissingCollationError as error:
            if kwargs.get("truncate"):
                raise
            # Counts, labels and facets, which Datasette does without when time is short.
            raise QueryInterrupted(error, sql, args) from error

    @property
    def reading_state(self) -> str:
        """How it was read last, in the catalogue's words."""
        info = self.last_read
        if info is not None and info.mode is Mode.COPY and info.taken_at is not None:
            return f"snapshot {time.strftime('%H:%M:%S', time.localtime(info.taken_at))}"
        if info is not None and info.mode is Mode.LIVE:
            return "not closed cleanly" if info.log_left else "live"
        return self.entry.status_words if self.entry.status != "snapshot" else "ready"

    async def search(self, fn: Callable[[Any], T]) -> T:
        """Call ``fn`` in a thread for searches. Raises what Opener.read raises."""
        prepare = functools.partial(compat.load_extensions, self.ds)
        return await self._reader.search(self.entry.path, fn, prepare)

    # -- facts that need no opening

    @property
    def size(self) -> int:
        """Bytes, as of the last look."""
        return self.entry.size

    @property
    def mtime_ns(self) -> int:
        """Time of the last change, as of the last look."""
        return self.entry.mtime_ns

    @property
    def hash(self) -> None:
        """None: the content may change."""
        return

    # -- what lists of databases ask, answered from the catalogue

    async def table_names(self) -> list[str]:
        """The tables that can be read."""
        if listing.get():
            return [] if self.entry.missing else self.entry.table_names()
        hidden = set(self.entry.missing)
        return [name for name in await super().table_names() if name not in hidden]

    async def view_names(self) -> list[str]:
        """The views."""
        return [] if listing.get() else list(await super().view_names())

    async def hidden_table_names(self) -> list[str]:
        """Tables that belong to indexes and extensions."""
        return [] if listing.get() else list(await super().hidden_table_names())

    async def table_counts(self, limit: int = 10) -> dict[str, int | None]:
        """Rows in each table, where counting takes less than ``limit`` milliseconds."""
        return {} if listing.get() else dict(await super().table_counts(limit))

    async def table_columns(self, table: str) -> list[str]:
        """A table's columns."""
        return [] if listing.get() else list(await super().table_columns(table))

    async def primary_keys(self, table: str) -> list[str]:
        """A table's primary key columns, which its page asks for once the visitor may see it.

        Raises MissingPartError for a table or view that can't be read here.
        """
        if table in self.entry.missing and not listing.get():
            raise MissingPartError(f"{table!r} can't be read here: it {self.entry.detail}")
        try:
            return [] if listing.get() else list(await super().primary_keys(table))
        except sqlite3.OperationalError as error:  # of a view, whatever it leads to
            raise MissingPartError(f"{table!r} can't be read here: {error}") from error

    async def fts_table(self, table: str) -> str | None:
        """A table's full-text index."""
        return None if listing.get() else await super().fts_table(table)

    async def get_all_foreign_keys(self) -> dict[str, Any]:
        """Every table's relationships."""
        if listing.get():
            return {}
        found = dict(await super().get_all_foreign_keys())
        return {table: keys for table, keys in found.items() if table not in self.entry.missing}

    async def derived_table_dependencies(self) -> dict[str, str]:
        """Datasette 1.0: implementation tables and what they belong to, once published.

        Lists of tables ask this of every database. One whose tables have not been
        published is not in those lists, so it need not be opened.
        """
        return self._derived or {}

    async def know_derived(self) -> None:
        """Find them out unless they are known: rights to them depend on what they belong to."""
        if compat.HAS_CATALOG and self._derived is None:
            await self.learn_derived()
            self._reader.opener.forget_idle(self.entry.path)

    async def learn_derived(self) -> None:
        """Find them out anew, when the schema is published."""
        self._cached_derived_table_dependencies = None
        self._derived = dict(await super().derived_table_dependencies())

    def close(self) -> None:
        """Let go of the file."""
        self._reader.forget(self.entry.path)
        super().close()


def sortable_columns(ds: Any, database: str, table: str) -> list[str] | None:
    """The columns of a table that can be compared here; None where all can."""
    db = ds.databases.get(database)
    if not isinstance(db, ScannedDatabase) or not db.uncompared(table):
        return None
    return [column for column, missing in db.missing_collations[table].items() if not missing]


def _note_comparison(name: str, first: str, second: str) -> int:
    """Stands in for a collation whose order nobody here knows.

    SQLite prepares queries with it, and goes through tables and indexes in the order that they
    have. A query that compares two texts by it is refused, since its answer could be wrong.
    """
    _compared.by = name
    return 0


def _refuse_comparisons(fn: Callable[[Any], T], connection: Any) -> T:
    """What ``fn`` returns. Raises MissingCollationError if it compared by one."""
    _compared.by = ""
    try:
        result = fn(connection)
    except Exception as error:
        if _compared.by:
            raise MissingCollationError(_compared.by) from error
        raise
    if _compared.by:
        raise MissingCollationError(_compared.by)
    return result
