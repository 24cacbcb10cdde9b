"""A preview of one database without leaving the catalogue: a page, a piece of a page, JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from datasette import Response

from .. import compat
from ..errors import UnavailableError
from ..peek import MAX_TABLES, FirstRows, TableSummary, read_preview
from ..schema import read_tables
from ..text import visible
from .access import SECURITY_HEADERS, Json, View, find_database
from .download import may_download
from .facts import facts_of, fitting_views


class PeekView(View):
    """One database as one request may see it."""

    def __init__(self, ds: Any, request: Any) -> None:
        super().__init__(ds, request)
        self.name = str(request.args.get("name") or "")
        self.chosen = str(request.args.get("table") or "")
        self.db: Any = None
        self.tables: list[TableSummary] = []
        self.first: FirstRows | None = None
        self.more_tables = 0
        self.views: list[tuple[str, str]] = []
        self.download = False
        self.error: UnavailableError | None = None

    async def load(self) -> PeekView:
        """Read its tables. Raises Forbidden and NotFound."""
        await self.check_permissions()
        self.db = await find_database(self.ds, self.request.actor, self.name)
        try:
            await self._read()
        except UnavailableError as error:
            self.error = error
        return self

    async def _read(self) -> None:
        await self.state.scan_task.refresh(self.db)
        tables = await self.db.peek(read_tables)
        shown = [t for t in tables if not t.is_shadow and t.name not in self.db.entry.missing]
        names = {self.name: [table.name for table in shown]}
        viewable = await compat.viewable_tables(self.ds, self.request.actor, names)
        allowed = [table for table in shown if table.name in viewable[self.name]]
        self.more_tables = max(0, len(allowed) - MAX_TABLES)
        use_indexes = not self.db.missing_collations
        self.tables, self.first = await self.db.peek(
            lambda connection: read_preview(connection, allowed, self.chosen, use_indexes)
        )
        self.views = await fitting_views(self.ds, self.request.actor, self.db)
        self.download = await may_download(self.ds, self.request.actor, self.db)

    def peek_url(self, table: str) -> str:
        """The preview of another table."""
        query = urlencode({"name": self.name, "table": table})
        return f"{self.ds.urls.path('/-/scan/peek')}?{query}"

    def context(self) -> Json:
        """The values for the template."""
        error = self.error
        most = max((table.rows or 0 for table in self.tables), default=0) or 1
        return {
            "peek": self,
            "facts": facts_of(self.ds, self.db, self.sees_paths, self.download),
            "tables": self.tables,
            "first": self.first,
            "most": most,
            "problem": error.word if error else "",
            "message": visible(str(error)) if error and self.sees_paths else "",
            "advice": error.advice if error else "",
        }

    def json(self) -> Json:
        """The same for programs."""
        entry = self.db.entry
        return {
            "ok": self.error is None,
            "name": self.name,
            "path": entry.shown_path if self.sees_paths else None,
            "status": self.db.reading_status[1],
            "error": self.error.word if self.error else None,
            "tables": [asdict(table) for table in self.tables],
            "more_tables": self.more_tables,
            "first_rows": asdict(self.first) if self.first else None,
            "ready_views": [{"title": title, "url": url} for title, url in self.views],
        }


async def peek_page(datasette: Any, request: Any) -> Response:
    """``/-/scan/peek?name=NAME&table=TABLE``; with ``_fragment=1`` only what goes into a row."""
    peek = await PeekView(datasette, request).load()
    status = peek.error.status if peek.error else 200
    if request.args.get("_fragment"):
        template = compat.get_template(datasette, "scan_peek.html")
        html = str(await template.render_async(urls=datasette.urls, **peek.context()))
        status = 200  # in a page that is there
    else:
        html = await datasette.render_template(
            "scan_peek_page.html", peek.context(), request=request
        )
    return Response.html(html, status, SECURITY_HEADERS)


async def peek_json(datasette: Any, request: Any) -> Response:
    """``/-/scan/peek.json``."""
    peek = await PeekView(datasette, request).load()
    return Response.json(peek.json(), peek.error.status if peek.error else 200, SECURITY_HEADERS)
