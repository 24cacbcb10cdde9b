"""Facts about one found database that several pages show."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlencode

from .. import compat
from ..database import ScannedDatabase
from ..errors import UnavailableError
from ..ready_views import candidates
from ..schema import read_columns
from ..sqlite import sqlite3
from ..state import state_of
from ..statuses import STATUSES
from ..text import format_size
from .access import Json

_MAX_NEIGHBOURS = 8


def facts_of(ds: Any, db: ScannedDatabase, sees_paths: bool, download: bool = False) -> Json:
    """Path, size and so on; paths only if ``sees_paths``, a download link if ``download``."""
    entry = db.entry
    status, words = db.reading_status
    name = urlencode({"name": db.name})
    return {
        "name": db.name,
        "url": str(ds.urls.database(db.name)),
        "path": entry.shown_path if sees_paths else "",
        "other_paths": entry.shown_other_paths if sees_paths else [],
        "size": format_size(entry.size),
        "application": entry.application,
        "modified_ns": entry.mtime_ns,
        "state": words,
        "how": STATUSES.get(status, (status, ""))[0],
        "meaning_url": f"{ds.urls.path('/-/scan/states')}#{status.replace(' ', '-')}",
        "detail": entry.detail if entry.status == "partly readable" else "",
        "search_url": f"{ds.urls.path('/-/scan/search')}?{urlencode({'database': db.name})}",
        "download_url": f"{ds.urls.path('/-/scan/download')}?{name}" if download else "",
        "back": ds.urls.path("/-/scan"),
    }


async def fitting_views(ds: Any, actor: Any, db: ScannedDatabase) -> list[tuple[str, str]]:
    """(title, address) of the ready-made views that fit, for those who may query."""
    possible = candidates(db.entry.table_names())
    if not possible or not await compat.may_execute_sql(ds, actor, db.name):
        return []
    needed = sorted({table for view in possible for table in view.needs})

    def columns(connection: sqlite3.Connection) -> dict[str, list[str]]:
        return {t: [c.name.lower() for c in read_columns(connection, t)] for t in needed}

    try:
        known = await db.peek(columns)
    except (UnavailableError, sqlite3.Error):
        return []
    return [(v.title, compat.query_url(ds, db.name, v.sql)) for v in possible if v.matches(known)]


async def neighbours(ds: Any, actor: Any, db: ScannedDatabase) -> list[Json]:
    """The first databases in the same folder that an actor may see."""
    folder = os.path.dirname(db.entry.path)
    start = os.path.join(folder, b"")
    found = state_of(ds).catalog.entries
    near = [e for path, e in found.items() if path.startswith(start) and e.attached]
    near = [e for e in near if os.path.dirname(e.path) == folder and e.name != db.name]
    names = sorted(e.name for e in near)[: 4 * _MAX_NEIGHBOURS]
    viewable = await compat.viewable_databases(ds, actor, names)
    return [
        {"name": name, "url": str(ds.urls.database(name))} for name in names if name in viewable
    ][:_MAX_NEIGHBOURS]
