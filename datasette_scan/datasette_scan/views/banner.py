"""The line above the pages of a scanned database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from markupsafe import Markup

from .. import compat, permissions
from ..database import ScannedDatabase


def banner_maker(ds: Any, database: str | None) -> Callable[[Any], Awaitable[Markup]]:
    """A function for templates that makes the banner of the present database."""

    async def make(request: Any) -> Markup:
        return await banner(ds, request, database)() if database else Markup()

    return make


def banner(ds: Any, request: Any, database: str | None) -> Callable[[], Awaitable[Markup]]:
    """The banner of a scanned database; nothing for any other."""

    async def make() -> Markup:
        db = ds.databases.get(database)
        if not isinstance(db, ScannedDatabase):
            return Markup()
        full = await compat.is_allowed(ds, request.actor if request else None, permissions.VIEW)
        return Markup(
            '<p class="scan-banner" role="note" style="border-left:4px solid #3b6ea5;'
            'padding:.3em .7em;margin:.6em 0;overflow-wrap:anywhere">'
            "{path}<strong>{state}</strong>, read-only · "
            '<a href="{back}">all databases found</a></p>'
        ).format(
            path=Markup("<code>{}</code> · ").format(db.entry.shown_path) if full else "",
            state=db.reading_state,
            back=ds.urls.path("/-/scan"),
        )

    return make
