"""``--crossdb``: joins over databases, the scanned ones included, read as safely as alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from datasette.database import Database

from . import owners
from .database import ScannedDatabase, crossing, hide_file_names
from .errors import BusyError, ReadOnlyError, UnavailableError
from .opening import Lease
from .reader import Reader


class CrossDatabase(Database):  # type: ignore[misc]
    """Datasette's ``_memory``, made anew for each read.

    Datasette attaches what is there when a thread first asks, by URIs that are wrong for
    scanned files. Here its own databases are attached by it, and of the scanned ones as
    many more as SQLite allows, each while it is held by a lease.
    """

    def __init__(self, ds: Any, reader: Reader, hide_paths: bool = False) -> None:
        super().__init__(ds, is_memory=True, is_mutable=False)
        self._reader = reader
        self._hide_paths = hide_paths

    async def execute_fn(self, fn: Callable[[Any], Any]) -> Any:
        """Call ``fn`` with a connection to which databases are attached."""
        found = (db for db in self.ds.databases.values() if isinstance(db, ScannedDatabase))
        ready = sorted((db for db in found if db.entry.status in _READABLE), key=_name)
        return await self._reader.call(lambda: self._read(fn, ready))

    async def _execute_fn(self, fn: Callable[[Any], Any]) -> Any:
        return await self.execute_fn(fn)

    # A connection that Datasette made would have the scanned files attached in its own way.

    def connect(self, write: bool = False) -> Any:
        """Refused."""
        raise ReadOnlyError(self.name)

    async def execute_write_fn(self, *args: Any, **kwargs: Any) -> Any:
        """Refused."""
        raise ReadOnlyError(self.name)

    async def _execute_write_fn(self, *args: Any, **kwargs: Any) -> Any:
        raise ReadOnlyError(self.name)

    async def execute_isolated_fn(self, fn: Callable[[Any], Any]) -> Any:
        """Call ``fn`` with a connection that nobody else is using, which all of these are."""
        return await self.execute_fn(fn)

    def _read(self, fn: Callable[[Any], Any], scanned: list[ScannedDatabase]) -> Any:
        connection = sqlite3.connect(":memory:", uri=True, check_same_thread=False)
        try:
            token = crossing.set(True)
            try:
                self.ds._prepare_connection(connection, "_memory")
            except sqlite3.OperationalError as error:
                if not self._hide_paths:
                    raise
                raise sqlite3.OperationalError("a database cannot be attached") from error
            finally:
                crossing.reset(token)
            room = _MOST_ATTACHED - len(_attached(connection))
            with owners.kept():
                return self._attach(connection, scanned[: max(0, room)], fn)
        finally:
            connection.close()

    def _attach(
        self, connection: sqlite3.Connection, scanned: list[ScannedDatabase], fn: Callable[..., Any]
    ) -> Any:
        if not scanned:
            return self._ask(connection, fn)
        first, *rest = scanned

        def use(lease: Lease) -> Any:
            _detach(connection, first.name)
            try:
                connection.execute(f"ATTACH DATABASE ? AS {_quoted(first.name)}", [lease.uri])
            except sqlite3.Error:  # whose text would tell the path
                raise BusyError(f"{first.name} cannot be attached") from None
            return self._attach(connection, rest, fn)

        try:
            return self._reader.opener.lend(first.entry.path, use, first._prepare)[0]
        except UnavailableError:
            _detach(connection, first.name)  # nothing holds it still any more
            return self._attach(connection, rest, fn)

    def _ask(self, connection: sqlite3.Connection, fn: Callable[..., Any]) -> Any:
        hide_file_names(connection, self._hide_paths)
        try:
            return fn(connection)
        finally:
            hide_file_names(connection, False)


_MOST_ATTACHED = 10  # SQLite's own limit, unless it was built with another
_READABLE = ("ready", "live", "snapshot", "partly readable")


def _name(db: ScannedDatabase) -> str:
    return str(db.name)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _detach(connection: sqlite3.Connection, name: str) -> None:
    if name in _attached(connection):
        connection.execute(f"DETACH DATABASE {_quoted(name)}")


def _attached(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute("PRAGMA database_list").fetchall()
    return {row[1] for row in rows} - {"main", "temp"}
