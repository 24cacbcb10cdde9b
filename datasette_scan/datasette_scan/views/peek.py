"""A look into one database without leaving the catalogue: a page, a piece of a page, JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from datasette import NotFound, Response

from .. import compat, permissions
from ..database import ScannedDatabase
from ..errors import UnavailableError
from ..peek import MOST_TABLES, Look, look
from ..schema import Table, read_tables
from ..state import state_of
from ..text import visible
from .download import may_download
from .facts import facts_of, fitting_views
from .listing import SAFETY, Json, check_instance


class Peek:
    """What one request may see of one database."""

    def __init__(self, ds: Any, request: Any) -> None:
        self.ds = ds
        self.request = request
        self.name = str(request.args.get("name") or "")
        self.chosen = str(request.args.get("table") or "")
        self.db: Any = None
        self.full = False
        self.look = Look([], None)
        self.more_tables = 0
        self.views: list[tuple[str, str]] = []
        self.download = False
        self.error: UnavailableError | None = None

    async def load(self) -> Peek:
        """Look inside. Raises Forbidden and NotFound."""
        await check_instance(self.ds, self.request)
        db = self.ds.databases.get(self.name)
        actor = self.request.actor
        if not isinstance(db, ScannedDatabase) or not await compat.may_view_database(
            self.ds, actor, self.name
        ):
            raise NotFound(f"No database {self.name!r} was found")
        self.db = db
        self.full = await compat.is_allowed(self.ds, actor, permissions.VIEW)
        try:
            await self._look()
        except UnavailableError as error:
            self.error = error
        return self

    async def _look(self) -> None:
        await state_of(self.ds).scan_task.wake(self.db)
        tables = await self.db.peek(read_tables)
        shown = [t for t in tables if not t.is_shadow and t.name not in self.db.entry.missing]
        allowed = await self._allowed(shown)
        self.more_tables = max(0, len(allowed) - MOST_TABLES)
        by = "NOT INDEXED" if self.db.stand_ins else ""
        self.look = await self.db.peek(lambda c: look(c, allowed, self.chosen, by))
        self.views = await fitting_views(self.ds, self.request.actor, self.db)
        self.download = await may_download(self.ds, self.request.actor, self.db)

    async def _allowed(self, tables: list[Table]) -> list[Table]:
        names = [table.name for table in tables]
        allowed = await compat.tables_to_view(self.ds, self.request.actor, self.name, names)
        return [table for table in tables if table.name in allowed]

    def peek_url(self, table: str) -> str:
        """The same look, at another table."""
        query = urlencode({"name": self.name, "table": table})
        return f"{self.ds.urls.path('/-/scan/peek')}?{query}"

    def context(self) -> Json:
        """What the template shows."""
        error = self.error
        most = max((each.rows or 0 for each in self.look.tables), default=0) or 1
        return {
            "peek": self,
            "facts": facts_of(self.ds, self.db, self.full, self.download),
            "tables": self.look.tables,
            "first": self.look.first,
            "most": most,
            "problem": error.word if error else "",
            "message": visible(str(error)) if error and self.full else "",
            "advice": error.advice if error else "",
        }

    def json(self) -> Json:
        """The same for programs."""
        entry = self.db.entry
        return {
            "ok": self.error is None,
            "name": self.name,
            "path": entry.shown_path if self.full else None,
            "status": self.db.reading_state,
            "error": self.error.word if self.error else None,
            "tables": [asdict(each) for each in self.look.tables],
            "more_tables": self.more_tables,
            "first_rows": asdict(self.look.first) if self.look.first else None,
            "ready_views": [{"title": title, "url": url} for title, url in self.views],
        }


async def peek_page(datasette: Any, request: Any) -> Response:
    """``/-/scan/peek?name=NAME&table=TABLE``; with ``_fragment=1`` only what goes into a row."""
    peek = await Peek(datasette, request).load()
    status = peek.error.status if peek.error else 200
    if request.args.get("_fragment"):
        template = compat.template(datasette, "scan_peek.html")
        html = str(await template.render_async(urls=datasette.urls, **peek.context()))
        status = 200  # in a page that is there
    else:
        html = await datasette.render_template(
            "scan_peek_page.html", peek.context(), request=request
        )
    return Response.html(html, status, SAFETY)


async def peek_json(datasette: Any, request: Any) -> Response:
    """``/-/scan/peek.json``."""
    peek = await Peek(datasette, request).load()
    return Response.json(peek.json(), peek.error.status if peek.error else 200, SAFETY)
