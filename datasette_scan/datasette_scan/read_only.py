"""Datasette reads a database of this plugin, and never writes to it.

What is overridden of ``datasette.database.Database``, on both lines of Datasette, is held by
``tests/datasette_scan/test_contract.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datasette.database import Database

from .errors import ReadOnlyError
from .visitor import current_visitor, paths_shown


class ReadOnlyDatabase(Database):  # type: ignore[misc]
    """A Datasette database whose subclass reads in ``execute_fn``."""

    async def execute(self, sql: str, *args: Any, **kwargs: Any) -> Any:
        """Run a query. One about file names gets them where its sender has scan-view."""
        if paths_shown.get() or "database_list" not in sql.lower():
            return await super().execute(sql, *args, **kwargs)
        token = paths_shown.set(await _may_see_paths())
        try:
            return await super().execute(sql, *args, **kwargs)
        finally:
            paths_shown.reset(token)

    async def attached_databases(self) -> list[Any]:
        """The databases of this connection; their files only for actors with scan-view."""
        may_see_paths = await _may_see_paths()
        token = paths_shown.set(True)
        try:
            found = await super().attached_databases()
        finally:
            paths_shown.reset(token)
        return found if may_see_paths else [row._replace(file="") for row in found]

    async def _execute_fn(self, fn: Callable[[Any], Any]) -> Any:
        # Datasette 1.0: what execute() and execute_fn() come down to.
        return await self.execute_fn(fn)

    async def execute_isolated_fn(self, fn: Callable[[Any], Any]) -> Any:
        """Call ``fn`` with a connection of its own, which all of ours are."""
        return await self.execute_fn(fn)

    def connect(self, write: bool = False) -> Any:
        """Refused: a connection outside of a read could not be watched."""
        raise ReadOnlyError(self.name)

    async def execute_write_fn(self, *args: Any, **kwargs: Any) -> Any:
        """Refused."""
        raise ReadOnlyError(self.name)

    async def _execute_write_fn(self, *args: Any, **kwargs: Any) -> Any:
        raise ReadOnlyError(self.name)


async def _may_see_paths() -> bool:
    visitor = current_visitor.get()
    return visitor is None or await visitor.may_see_paths()
