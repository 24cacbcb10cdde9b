"""``--crossdb``: joins over databases, the scanned ones included, read as safely as alone.

Datasette attaches files by their paths, once for each thread: whatever is there at the time,
for everybody, by URIs that are wrong for scanned files. ``replace_memory`` turns that off.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from . import compat
from .database import ScannedDatabase
from .errors import BusyError, UnavailableError
from .opening import Lease, file_uri
from .opening.connection import Connection, guard, restrict, unguard, watch
from .read_only import ReadOnlyDatabase
from .reader import Reader
from .sqlite import sqlite3
from .visitor import current_visitor, file_names_hidden

_MOST_ATTACHED = 10  # SQLite's own limit, unless it was built with another
_READABLE = ("ready", "live", "not closed cleanly", "snapshot", "partly readable")


def replace_memory(ds: Any, reader: Reader, wanted: bool) -> None:
    """Make Datasette's ``_memory`` safe, or remove it where nobody asked for it.

    To be called before Datasette enters its databases into its own catalogue of schemas: a
    name that is there and not in ``ds.databases`` is a KeyError for the pages that look it up.
    """
    if not wanted:
        ds.databases = {name: db for name, db in ds.databases.items() if name != "_memory"}
    elif ds.crossdb:
        ds.crossdb = False
        cross = CrossDatabase(ds, reader)
        cross.name = cross.route = "_memory"
        compat.attach(ds, [cross])


class CrossDatabase(ReadOnlyDatabase):
    """Datasette's ``_memory``, made anew for each read.

    Attached are as many databases as SQLite allows for which the sender of the request has
    view-database and execute-sql: first those that Datasette serves itself, then scanned
    ones by name, each while it is held by a lease.
    """

    def __init__(self, ds: Any, reader: Reader) -> None:
        super().__init__(ds, is_memory=True, is_mutable=False)
        self._reader = reader

    async def execute_fn(self, fn: Callable[[Any], Any]) -> Any:
        """Call ``fn`` with a connection to which databases are attached."""
        found = await self._permitted()
        return await self._reader.call(lambda: self._read(fn, found))

    async def _permitted(self) -> list[Any]:
        databases = dict(self.ds.databases)
        own = [name for name, db in databases.items() if _is_own_file(db)]
        scanned = sorted(
            name
            for name, db in databases.items()
            if isinstance(db, ScannedDatabase) and db.entry.status in _READABLE
        )
        visitor = current_visitor.get()
        names = [*own, *scanned]
        if visitor is not None:
            names = await visitor.may_query(names, _MOST_ATTACHED)
        return [databases[name] for name in names[:_MOST_ATTACHED]]

    def _read(self, fn: Callable[[Any], Any], databases: list[Any]) -> Any:
        connection = sqlite3.connect(
            ":memory:", uri=True, check_same_thread=False, factory=Connection
        )
        try:
            self.ds._prepare_connection(connection, "_memory")
            restrict(connection, _MOST_ATTACHED)
            scanned = [db for db in databases if isinstance(db, ScannedDatabase)]
            for db in databases:
                if db not in scanned:
                    self._attach_own(connection, db)
            return self._attach(connection, scanned, fn)
        finally:
            connection.close()

    def _attach_own(self, connection: Connection, db: Any) -> None:
        """Attach a file that Datasette serves itself, as Datasette opens it."""
        flags = "mode=ro" if db.is_mutable else "immutable=1"
        if self.ds.nolock:
            flags += "&nolock=1"
        uri = file_uri(os.fsencode(db.path), flags)
        try:
            connection.execute(f"ATTACH DATABASE ? AS {_quoted(db.name)}", [uri])
        except sqlite3.Error:  # gone, or not a database: the query says that it has no such table
            _detach(connection, db.name)

    def _attach(
        self, connection: Connection, scanned: list[ScannedDatabase], fn: Callable[..., Any]
    ) -> Any:
        if not scanned:
            guard(connection, file_names_hidden())
            try:
                return fn(connection)
            finally:
                unguard(connection)
        first, *rest = scanned

        def use(lease: Lease) -> Any:
            _detach(connection, first.name)
            try:
                with watch.opening(lease.path):
                    connection.execute(f"ATTACH DATABASE ? AS {_quoted(first.name)}", [lease.uri])
            except sqlite3.Error:  # whose text contains the path
                raise BusyError(f"{first.name} cannot be attached") from None
            return self._attach(connection, rest, fn)

        try:
            return self._reader.opener.lease(first.entry.path, use, first._prepare)[0]
        except UnavailableError:
            _detach(connection, first.name)  # nothing holds it still any more
            return self._attach(connection, rest, fn)


def _is_own_file(db: Any) -> bool:
    return bool(db.path) and not db.is_memory and not isinstance(db, ScannedDatabase)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _detach(connection: Connection, name: str) -> None:
    rows = connection.execute("PRAGMA database_list").fetchall()
    if name in {row[1] for row in rows} - {"main", "temp"}:
        connection.execute(f"DETACH DATABASE {_quoted(name)}")
