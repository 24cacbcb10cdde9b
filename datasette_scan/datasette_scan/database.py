"""A Datasette database for a scanned file, which is opened only for queries."""

from __future__ import annotations

import contextvars
import functools
import os
import re
import threading
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
from .schema import read_columns
from .sqlite import quote_name, sqlite3
from .statuses import format_status
from .visitor import file_names_hidden, paths_shown

T = TypeVar("T")

# Set on pages that list every database: they must not open any.
listing_databases: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "scan_listing_databases", default=False
)

# Datasette runs this on every database at almost every request, to refresh its catalogue of
# schemas. None equals the version that the catalogue has for scanned databases: no refresh.
_REFRESH_SQL = "PRAGMA schema_version"
_UNCHANGED = Results([(None,)], False, [("schema_version",)])
# In the detail of an entry: the collations that are missing.
_MISSING_COLLATION = re.compile(r"\bcollation ([^,]+)")
# The queries with which Datasette counts the rows of a table.
_COUNT_SQL = re.compile(
    r'\s*select count\(\*\) from (?:\(select \* from )?(?:\[[^\]]+\]|"(?:[^"]|"")+"|\w+)'
    r"(?=\s*$|\s+(?:where|limit)\b)",
    re.IGNORECASE,
)
# ``by``: the missing collation that this thread's query compared texts by, or "".
_compared = threading.local()


class ScannedDatabase(ReadOnlyDatabase):
    """Reads in the plugin's own threads and refuses writes."""

    def __init__(self, ds: Any, entry: Entry, reader: Reader) -> None:
        self.entry = entry
        super().__init__(ds, path=self.path, is_mutable=True)
        self.name = self.route = entry.name
        self.last_read: ReadInfo | None = None
        self._reader = reader
        self._derived: dict[str, str] | None = None  # until they are known
        # Table → each column → the collation that it needs and that is missing, or "".
        self.column_collations: dict[str, dict[str, str]] = {}

    @property
    def path(self) -> str:
        """The path on Datasette's own pages, or the file name without scan-view."""
        shown = self.entry.shown_path
        return shown if paths_shown.get() else os.path.basename(shown)

    @path.setter
    def path(self, value: str) -> None:
        pass  # set by Database.__init__

    # -- reading

    async def execute_fn(self, fn: Callable[[Any], Any]) -> Any:
        """Call ``fn`` with a connection, in one of the plugin's threads."""
        return await self._read(fn, None)

    async def peek(self, fn: Callable[[Any], T]) -> T:
        """The same within a short time. Raises UnavailableError when it takes longer."""
        found: T = await self._read(fn, SECONDS)
        return found

    async def _read(self, fn: Callable[[Any], Any], seconds: float | None) -> Any:
        hidden = file_names_hidden()

        def use(connection: Any) -> Any:
            # Each time: Datasette 1.0 sets and removes authorizers of its own.
            guard(connection, hidden)
            return _refuse_comparisons(fn, connection)

        try:
            result, self.last_read = await self._reader.pages.run(
                self._reader.opener.read, self.entry.path, use, self._prepare, seconds=seconds
            )
        except TooComplexError as error:
            raise QueryTooComplexError("the query needs too much time or memory") from error
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            raise DamagedError(str(error)) from error
        return result

    def _prepare(self, connection: Any) -> None:
        self.ds._prepare_connection(connection, self.name)
        for name in self.missing_collations:
            connection.create_collation(name, functools.partial(_note_comparison, name))

    @property
    def missing_collations(self) -> list[str]:
        """The names of the collations that are missing; placeholders are registered for them."""
        return _MISSING_COLLATION.findall(self.entry.detail)

    async def read_column_collations(self, table: str) -> None:
        """Fill ``column_collations`` for a table or view."""
        names = {name[:18]: name for name in self.missing_collations}  # as EXPLAIN cuts them
        if not names:
            self.column_collations.clear()
            return

        def read(connection: Any) -> dict[str, str]:
            found = {}
            for column in read_columns(connection, table):
                sql = f"EXPLAIN SELECT {quote_name(column.name)} < '' FROM {quote_name(table)}"
                used = {str(row[5]).rpartition("-")[0].lower() for row in connection.execute(sql)}
                found[column.name] = next((names[name] for name in names if name in used), "")
            return found

        self.column_collations[table] = await self.execute_fn(read)

    def incomparable_columns(self, table: str) -> dict[str, str]:
        """A table's columns whose collation is missing, each with the collation's name."""
        return {c: name for c, name in self.column_collations.get(table, {}).items() if name}

    async def execute(self, sql: str, *args: Any, **kwargs: Any) -> Any:
        """Run a query; answer Datasette's schema check without opening the file."""
        if sql == _REFRESH_SQL:
            return _UNCHANGED
        if listing_databases.get():
            return Results([], False, [])
        if self.missing_collations:  # whose indexes may be wrong
            counted = _COUNT_SQL.match(sql)
            if counted:
                sql = f"{counted[0]} NOT INDEXED{sql[counted.end() :]}"
        try:
            return await super().execute(sql, *args, **kwargs)
        except MissingCollationError as error:
            if kwargs.get("truncate"):
                raise
            # Of counts, labels and facets, which Datasette leaves out after a time-out.
            raise QueryInterrupted(error, sql, args) from error

    @property
    def reading_status(self) -> tuple[str, str]:
        """The status of the last read, and the text to show for it."""
        info, entry = self.last_read, self.entry
        if info is not None and info.mode is Mode.COPY:
            return "snapshot", format_status("snapshot", taken_at=info.taken_at)
        if info is not None and info.mode is Mode.LIVE:
            status = "not closed cleanly" if info.orphaned_log else "live"
        elif entry.status == "snapshot":
            status = "ready"
        else:
            return entry.status, entry.status_words
        return status, status

    async def search(self, fn: Callable[[Any], T]) -> T:
        """Call ``fn`` in a thread for searches. Raises what Opener.read raises."""
        prepare = functools.partial(compat.load_extensions, self.ds)
        read = functools.partial(self._reader.opener.read, self.entry.path, fn, prepare, keep=False)
        return (await self._reader.searches.run(read))[0]

    # -- facts that need no opening

    @property
    def size(self) -> int:
        """Bytes, when it was probed last."""
        return self.entry.size

    @property
    def mtime_ns(self) -> int:
        """Time of the last change, when it was probed last."""
        return self.entry.mtime_ns

    @property
    def hash(self) -> None:
        """None: the content may change."""
        return

    # -- for lists of databases, from the catalogue

    async def table_names(self) -> list[str]:
        """The tables that can be read."""
        if listing_databases.get():
            return [] if self.entry.missing else self.entry.table_names()
        hidden = set(self.entry.missing)
        return [name for name in await super().table_names() if name not in hidden]

    async def hidden_table_names(self) -> list[str]:
        """Tables that belong to indexes and extensions."""
        return [] if listing_databases.get() else list(await super().hidden_table_names())

    async def table_counts(self, limit: int = 10) -> dict[str, int | None]:
        """Rows in each table, where counting takes less than ``limit`` milliseconds."""
        return {} if listing_databases.get() else dict(await super().table_counts(limit))

    async def table_columns(self, table: str) -> list[str]:
        """A table's columns."""
        return [] if listing_databases.get() else list(await super().table_columns(table))

    async def primary_keys(self, table: str) -> list[str]:
        """A table's primary key columns, which its page reads once the visitor may see it.

        Raises MissingPartError for a table or view that can't be read here.
        """
        if table in self.entry.missing and not listing_databases.get():
            raise MissingPartError(f"{table!r} can't be read here: it {self.entry.detail}")
        try:
            return [] if listing_databases.get() else list(await super().primary_keys(table))
        except sqlite3.OperationalError as error:  # of a view, whatever it leads to
            raise MissingPartError(f"{table!r} can't be read here: {error}") from error

    async def fts_table(self, table: str) -> str | None:
        """A table's full-text index."""
        return None if listing_databases.get() else await super().fts_table(table)

    async def get_all_foreign_keys(self) -> dict[str, Any]:
        """Every table's relationships."""
        if listing_databases.get():
            return {}
        found = dict(await super().get_all_foreign_keys())
        return {table: keys for table, keys in found.items() if table not in self.entry.missing}

    async def derived_table_dependencies(self) -> dict[str, str]:
        """Datasette 1.0: implementation tables and what they belong to, once published.

        Lists of tables call this for every database. One whose tables have not been
        published is not in those lists, so it need not be opened.
        """
        return self._derived or {}

    async def ensure_derived_tables(self) -> None:
        """Read them unless they are known: their permissions are those of their owners."""
        if compat.HAS_CATALOG and self._derived is None:
            await self.read_derived_tables()
            self._reader.opener.forget_idle(self.entry.path)

    async def read_derived_tables(self) -> None:
        """Read them again, when the schema is published."""
        self._cached_derived_table_dependencies = None
        self._derived = dict(await super().derived_table_dependencies())

    def close(self) -> None:
        """Release the file."""
        self._reader.opener.forget(self.entry.path)
        super().close()


def datasette_files(ds: Any) -> dict[str, Any]:
    """The database files that Datasette serves itself, by name."""
    return {
        name: db
        for name, db in ds.databases.items()
        if db.path and not db.is_memory and not isinstance(db, ScannedDatabase)
    }


def sortable_columns(ds: Any, database: str, table: str) -> list[str] | None:
    """The columns of a table that can be compared here; None where all can."""
    db = ds.databases.get(database)
    if not isinstance(db, ScannedDatabase) or not db.incomparable_columns(table):
        return None
    return [column for column, missing in db.column_collations[table].items() if not missing]


def _note_comparison(name: str, first: str, second: str) -> int:
    """A placeholder for a missing collation, with which SQLite can prepare queries.

    A query that calls it to compare two texts is refused, since its result could be wrong.
    """
    _compared.by = name
    return 0


def _refuse_comparisons(fn: Callable[[Any], T], connection: Any) -> T:
    """The result of ``fn``. Raises MissingCollationError if it compared by one."""
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
