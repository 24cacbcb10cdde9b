"""What stands above the pages of a scanned database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from markupsafe import Markup

from .. import compat, permissions
from ..database import ScannedDatabase
from .download import may_download
from .facts import facts_of, fitting_views, neighbours


def banner_maker(
    ds: Any, database: str | None, is_database_page: bool, table: str | None
) -> Callable[[Any], Awaitable[Markup]]:
    """A function for templates that makes the banner of the present database."""

    async def make(request: Any) -> Markup:
        if not database:
            return Markup()
        whole = is_database_page and not (request and request.args.get("sql"))
        return await banner(ds, request, database, whole, table)()

    return make


def banner(
    ds: Any, request: Any, database: str | None, whole: bool = False, table: str | None = None
) -> Callable[[], Awaitable[Markup]]:
    """The banner of a scanned database, ``whole`` on its own page; nothing for any other.

    On the page of a ``table`` it names the collations that the table needs and that are missing.
    """

    async def make() -> Markup:
        db = ds.databases.get(database)
        if not isinstance(db, ScannedDatabase):
            return Markup()
        actor = request.actor if request else None
        full = await compat.is_allowed(ds, actor, permissions.VIEW)
        token = request.scope.get("csrftoken") if request else None
        template = compat.template(ds, "scan_banner.html")
        html = await template.render_async(
            urls=ds.urls,
            facts=facts_of(ds, db, full, whole and await may_download(ds, actor, db)),
            whole=whole,
            collations=await db.missing_collations(table) if table else [],
            views=await fitting_views(ds, actor, db) if whole else [],
            near=await neighbours(ds, actor, db) if whole and full else [],
            csrftoken=token() if callable(token) else "",
        )
        return Markup(html)  # noqa: S704 (the template escapes what it is given)

    return make
