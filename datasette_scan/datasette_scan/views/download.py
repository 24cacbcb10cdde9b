"""A copy of one found database to download, as it is at one moment."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from datasette import Forbidden, NotFound
from datasette.utils.asgi import AsgiFileDownload

from .. import compat
from ..database import ScannedDatabase
from ..errors import TooLargeError
from ..sqlite import sqlite3
from ..state import state_of
from ..text import format_size, visible
from .listing import SAFETY, check_instance, viewable_names


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
    db = datasette.databases.get(name)
    known = await viewable_names(datasette, state_of(datasette), request.actor)
    if not isinstance(db, ScannedDatabase) or name not in known:
        raise NotFound(f"Database not found: {visible(name)}")
    if not await may_download(datasette, request.actor, db):
        raise Forbidden("You do not have permission to download this database")
    tables = await db.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
    names = [row[0] for row in tables.rows]
    seen = await compat.viewable_tables(datasette, request.actor, {name: names})
    if len(seen[name]) < len(names):
        raise Forbidden("You do not have permission to see all of this database's tables")
    most = state_of(datasette).settings.snapshot_bytes
    folder = state_of(datasette).reader.opener.snapshots.new_folder()
    target = folder / "download.db"
    try:
        await db.execute_fn(lambda connection: _copy(connection, target, most))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    file = re.sub(r"[^A-Za-z0-9._ -]", "_", name) + ".db"
    return _Download(str(target), file, "application/vnd.sqlite3", dict(SAFETY))


async def may_download(ds: Any, actor: Any, db: ScannedDatabase) -> bool:
    """Whether an actor may download a database; the tables are looked at when it is asked for."""
    if not ds.setting("allow_download") or db.entry.status == "gone":
        return False
    return await compat.may_download(ds, actor, db.name)


def download_url(ds: Any, name: str) -> str:
    """Where a database is downloaded."""
    return f"{ds.urls.path('/-/scan/download')}?{urlencode({'name': name})}"


def _copy(connection: sqlite3.Connection, target: Path, most: int) -> None:
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    size = pages * connection.execute("PRAGMA page_size").fetchone()[0]
    if size > most:
        raise TooLargeError(
            f"a copy would have {format_size(size)}, more than the {format_size(most)}"
            " that a private copy may have"
        )
    copy = sqlite3.connect(target)
    try:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE").fetchone()
    finally:
        copy.close()
