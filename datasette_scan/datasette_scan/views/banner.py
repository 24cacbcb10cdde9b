"""The banner above the pages of a scanned database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from datasette.filters import FilterArguments
from datasette.utils.asgi import BadRequest
from markupsafe import Markup

from .. import compat, permissions
from ..database import ScannedDatabase
from .download import may_download
from .facts import facts_of, fitting_views, neighbours


def bind_banner(
    ds: Any, database: str | None, is_database_page: bool, table: str | None
) -> Callable[[Any], Awaitable[Markup]]:
    """A function for templates that makes the banner of the current database."""

    async def make(request: Any) -> Markup:
        if not database:
            return Markup()
        whole = is_database_page and not (request and request.args.get("sql"))
        return await banner(ds, request, database, whole, table)

    return make


async def banner(
    ds: Any, request: Any, database: str | None, whole: bool = False, table: str | None = None
) -> Markup:
    """The banner of a scanned database, ``whole`` on its own page; nothing for any other.

    On the page of a ``table`` it names the columns whose collations are missing.
    """
    db = ds.databases.get(database)
    if not isinstance(db, ScannedDatabase):
        return Markup()
    actor = request.actor if request else None
    sees_paths = await compat.is_allowed(ds, actor, permissions.VIEW)
    token = request.scope.get("csrftoken") if request else None
    template = compat.get_template(ds, "scan_banner.html")
    html = await template.render_async(
        urls=ds.urls,
        facts=facts_of(ds, db, sees_paths, whole and await may_download(ds, actor, db)),
        whole=whole,
        incomparable=db.incomparable_columns(table or ""),
        views=await fitting_views(ds, actor, db) if whole else [],
        near=await neighbours(ds, actor, db) if whole and sees_paths else [],
        csrftoken=token() if callable(token) else "",
    )
    return Markup(html)  # noqa: S704 (the template escapes what it is given)


async def refuse_sorting(ds: Any, request: Any, database: str, table: str) -> FilterArguments:
    """Nothing to filter. Raises BadRequest for a sort by a column whose collation is missing."""
    db = ds.databases.get(database)
    if isinstance(db, ScannedDatabase):
        await db.read_column_collations(table)
        column = request.args.get("_sort") or request.args.get("_sort_desc")
        missing = db.incomparable_columns(table).get(column)
        if missing:
            raise BadRequest(f"{column} can't be sorted by: collation {missing} is missing here")
    return FilterArguments([])


def filter_columns(db: Any, table: str, columns: list[str]) -> dict[str, Any]:
    """The filters of a table's page, without the columns that can't be compared."""
    incomparable = db.incomparable_columns(table) if isinstance(db, ScannedDatabase) else {}
    return {"filter_columns": [c for c in columns if c not in incomparable]} if incomparable else {}
