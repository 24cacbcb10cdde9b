"""``--crossdb``: joins across databases, including scanned ones.

Datasette attaches files by path, once for each thread and for every actor, with URIs that are
wrong for scanned files. ``replace_memory`` replaces that.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from . import compat
from .database import ScannedDatabase, datasette_files
from .errors import BusyError, QueryTooComplexError, UnavailableError
from .opening import file_uri
from .opening.connection import Connection, guard, opened_files, restrict, unguard
from .opening.opener import retry_alone
from .opening.watchdog import watchdog
from .read_only import ReadOnlyDatabase
from .reader import Reader
from .sqlite import quote_name, sqlite3
from .statuses import READABLE
from .visitor import current_visitor, file_names_hidden

_MAX_ATTACHED = 10  # SQLite's own limit, unless it was built with another


def replace_memory(ds: Any, reader: Reader, wanted: bool) -> None:
    """Make Datasette's ``_memory`` safe, or remove it where it is not wanted.

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
    """Datasette's ``_memory``, created for each read.

    It attaches the databases for which the actor has view-database and execute-sql, as many as
    SQLite allows: first Datasette's own, then scanned ones by name, each inside a read.
    """

    def __init__(self, ds: Any, reader: Reader) -> None:
        super().__init__(ds, is_memory=True, is_mutable=False)
        self._reader = reader

    async def execute_fn(self, fn: Callable[[Any], Any]) -> Any:
        """Call ``fn`` with a connection to which databases are attached."""
        found = await self._permitted()
        return await self._reader.pages.run(self._read, fn, found)

    async def _permitted(self) -> list[Any]:
        databases = dict(self.ds.databases)
        scanned = sorted(
            name
            for name, db in databases.items()
            if isinstance(db, ScannedDatabase) and db.entry.status in READABLE
        )
        visitor = current_visitor.get()
        names = [*datasette_files(self.ds), *scanned]
        if visitor is not None:
            names = await visitor.may_query(names, _MAX_ATTACHED)
        return [databases[name] for name in names[:_MAX_ATTACHED]]

    def _read(self, fn: Callable[[Any], Any], databases: list[Any]) -> Any:
        connection = sqlite3.connect(
            ":memory:", uri=True, check_same_thread=False, factory=Connection
        )
        try:
            self.ds._prepare_connection(connection, "_memory")
            restrict(connection, _MAX_ATTACHED)
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
            _attach_file(connection, uri, db.name)
        except sqlite3.Error:  # gone, or not a database: the query says that it has no such table
            _detach(connection, db.name)

    def _attach(
        self, connection: Connection, scanned: list[ScannedDatabase], fn: Callable[..., Any]
    ) -> Any:
        if not scanned:
            guard(connection, file_names_hidden())
            try:
                return retry_alone(lambda: fn(connection))
            except MemoryError as error:
                raise QueryTooComplexError("the query needs too much time or memory") from error
            finally:
                unguard(connection)
        first, *rest = scanned
        path = first.entry.path

        def use(held: Connection) -> Any:
            _detach(connection, first.name)
            try:
                with watchdog.opening(path):
                    _attach_file(connection, held.uri, first.name)
            except sqlite3.Error:  # whose text contains the path
                raise BusyError(f"{first.name} cannot be attached") from None
            if opened_files(connection)[os.fsencode(first.name)] != held.file:
                raise BusyError(f"{first.name} cannot be attached")  # SQLite followed a new link
            return self._attach(connection, rest, fn)

        try:
            return self._reader.opener.read(path, use, first._prepare)[0]
        except QueryTooComplexError:
            raise  # of the query, which would need as much without this database
        except UnavailableError:
            _detach(connection, first.name)  # its read has ended
            return self._attach(connection, rest, fn)


def _attach_file(connection: Connection, uri: str, name: str) -> None:
    connection.execute(f"ATTACH DATABASE ? AS {quote_name(name)}", [uri])


def _detach(connection: Connection, name: str) -> None:
    if os.fsencode(name) in opened_files(connection).keys() - {b"main", b"temp"}:
        connection.execute(f"DETACH DATABASE {quote_name(name)}")
