"""Downloading one found database, in one consistent state."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

from datasette import Forbidden
from datasette.utils.asgi import AsgiFileDownload

from .. import compat
from ..database import ScannedDatabase
from ..errors import TooLargeError
from ..sqlite import sqlite3
from ..state import state_of
from ..text import format_size
from .access import SECURITY_HEADERS, check_instance, find_database

# Without the statistics, which Datasette 1.0 shows to nobody: they are of these tables.
_TABLES = (
    "SELECT name FROM sqlite_master "
    "WHERE type IN ('table', 'view') AND name NOT GLOB 'sqlite_stat[1-4]'"
)


class _Download(AsgiFileDownload):  # type: ignore[misc]
    """A file that is removed when it has been sent, or sending it failed."""

    async def asgi_send(self, send: Any) -> None:
        try:
            await super().asgi_send(send)
        finally:
            shutil.rmtree(os.path.dirname(self.filepath), ignore_errors=True)


async def download(datasette: Any, request: Any) -> Any:
    """``/-/scan/download?name=NAME``: the database as its reader sees it, log included.

    Needs view-database-download, and the right to see every table. Raises Forbidden, NotFound
    and what reading the database raises.
    """
    await check_instance(datasette, request)
    name = str(request.args.get("name") or "")
    db = await find_database(datasette, request.actor, name)
    if not await may_download(datasette, request.actor, db):
        raise Forbidden("You do not have permission to download this database")
    tables = await db.execute(_TABLES)
    names = [row[0] for row in tables.rows]
    seen = await compat.viewable_tables(datasette, request.actor, {name: names})
    if len(seen[name]) < len(names):
        raise Forbidden("You do not have permission to see all of this database's tables")
    max_bytes = state_of(datasette).settings.snapshot_bytes
    folder = state_of(datasette).reader.opener.snapshots.new_folder()
    target = folder / "download.db"
    try:
        await db.execute_fn(lambda connection: _copy(connection, target, max_bytes))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    file = re.sub(r"[^A-Za-z0-9._ -]", "_", name) + ".db"
    return _Download(str(target), file, "application/vnd.sqlite3", dict(SECURITY_HEADERS))


async def may_download(ds: Any, actor: Any, db: ScannedDatabase) -> bool:
    """Whether an actor may download a database; the download itself checks the tables."""
    if not ds.setting("allow_download") or db.entry.status == "gone":
        return False
    return await compat.may_download(ds, actor, db.name)


def _copy(connection: sqlite3.Connection, target: Path, max_bytes: int) -> None:
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    size = pages * connection.execute("PRAGMA page_size").fetchone()[0]
    if size > max_bytes:
        raise TooLargeError(
            f"a copy would have {format_size(size)}, more than the {format_size(max_bytes)}"
            " that a private copy may have"
        )
    copy = sqlite3.connect(target)
    try:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE").fetchone()
    finally:
        copy.close()
