"""Facts about one found database that several pages show."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any
from urllib.parse import urlencode

from .. import compat
from ..database import ScannedDatabase
from ..errors import UnavailableError
from ..ready_views import candidates
from ..schema import read_columns
from ..sqlite import sqlite3
from ..state import state_of
from ..states import describe, state_key
from ..text import format_size
from .download import download_url
from .listing import Json


def facts_of(ds: Any, db: ScannedDatabase, full: bool, download: bool = False) -> Json:
    """Path, size, application and so on; paths only with ``full``, a link with ``download``."""
    entry = db.entry
    state = db.reading_state
    return {
        "name": db.name,
        "url": str(ds.urls.database(db.name)),
        "path": entry.shown_path if full else "",
        "other_paths": entry.shown_other_paths if full else [],
        "size": format_size(entry.size),
        "application": entry.application,
        "modified_ns": entry.mtime_ns,
        "state": state,
        "how": describe(state),
        "meaning_url": f"{ds.urls.path('/-/scan/states')}#{state_key(state).replace(' ', '-')}",
        "detail": entry.detail if entry.status == "partly readable" else "",
        "search_url": f"{ds.urls.path('/-/scan/search')}?{urlencode({'database': db.name})}",
        "download_url": download_url(ds, db.name) if download else "",
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
    return [(v.title, compat.query_url(ds, db.name, v.sql)) for v in possible if v.fits(known)]


async def neighbours(ds: Any, actor: Any, db: ScannedDatabase, most: int = 8) -> list[Json]:
    """Other databases in the same folder that an actor may see."""
    folder = os.path.dirname(db.entry.path)
    start = os.path.join(folder, b"")
    found = state_of(ds).catalog.entries
    near = [e for path, e in found.items() if path.startswith(start) and e.attached]
    near = [e for e in near if os.path.dirname(e.path) == folder and e.name != db.name]
    names = sorted(e.name for e in near)[: most * 4]
    viewable = await compat.viewable_databases(ds, actor, names)
    return [
        {"name": name, "url": str(ds.urls.database(name))} for name in names if name in viewable
    ][:most]


def when(mtime_ns: int) -> str:
    """The exact time of a change, of this machine."""
    with contextlib.suppress(OverflowError, ValueError, OSError):
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(mtime_ns / 1e9))
    return ""
