"""Content search: a page and JSON, both streamed while the search runs."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

from datasette import Response
from datasette.utils import path_from_row_pks

from .. import compat
from ..catalog import Query, conditions, filter_entries
from ..database import datasette_files
from ..errors import UsageError
from ..searching import ContentSearch, Event, Searched, TablesFound, Unsearched, size_of
from ..text import format_count, format_size, visible, visible_path
from ..text_search import Quotation, TableMatches, check_text
from .access import SECURITY_HEADERS, Json, View
from .streaming import MARKER, TOO_MANY, Write, is_busy, running, stream, too_many_json

_STEP_SECONDS = 0.25  # between two lines of progress


class SearchView(View):
    """The text of a request, and the databases in which its actor may search it."""

    def __init__(self, ds: Any, request: Any) -> None:
        super().__init__(ds, request)
        self.text = str(request.args.get("q") or "")
        self.database = str(request.args.get("database") or "")
        self.application = str(request.args.get("application") or "")
        self.folder = ""
        self.databases: list[Any] = []

    async def load(self) -> SearchView:
        """Check permissions and find the databases. Raises Forbidden and UsageError."""
        await self.check_permissions()
        self.folder = str(self.request.args.get("folder") or "") if self.sees_paths else ""
        check_text(self.text)
        self.databases = [*await self._found(), *await self._served()]
        if self.database:
            self.databases = [db for db in self.databases if db.name == self.database]
            if not self.databases:
                raise UsageError(
                    f"database={self.database!r} is not a database that can be searched"
                )
        return self

    async def _found(self) -> list[Any]:
        query = Query(application=self.application, folder=self.folder)
        viewable = await self.viewable_names()
        known = self.ds.databases
        entries = filter_entries(self.state.catalog.ordered(query), conditions(query))
        names = [e.name for e in entries if e.attached and e.status != "gone"]
        return [known[name] for name in names if name in viewable and name in known]

    async def _served(self) -> list[Any]:
        """Databases that Datasette serves itself."""
        if self.application or self.folder:
            return []
        own = datasette_files(self.ds)
        viewable = await compat.viewable_databases(self.ds, self.request.actor, own)
        return [db for name, db in own.items() if name in viewable]

    @property
    def hidden(self) -> dict[str, str]:
        """The other fields of the form."""
        fields = {"database": self.database, "application": self.application, "folder": self.folder}
        return {key: value for key, value in fields.items() if value}

    def search(self) -> ContentSearch:
        """A new search."""

        async def may_view(database: str, table: str) -> bool:
            return await compat.may_view_table(self.ds, self.request.actor, database, table)

        return ContentSearch(self.databases, self.text, may_view, self.state.reader)

    # -- what is found, as JSON

    def tables(self, event: TablesFound) -> list[Json]:
        """Each table that contains the text, with links."""
        return [self._table(event.database, found) for found in event.tables]

    def _table(self, database: str, found: TableMatches) -> Json:
        urls = self.ds.urls
        table_url = str(urls.table(database, found.table))
        return {
            "database": database,
            "database_url": str(urls.database(database)),
            "table": found.table,
            "table_url": table_url,
            "matches": found.matches,
            "complete": found.complete,
            "columns": [
                {"name": name, "matches": matches, "url": self._filtered(table_url, name)}
                for name, matches in found.columns.items()
            ],
            "quotations": [self._quotation(table_url, q) for q in found.quotations],
        }

    def _filtered(self, table_url: str, column: str) -> str:
        """The table's page with only the rows that match in one column."""
        if re.search("[%_]", self.text):  # which Datasette would take for wildcards
            return f"{table_url}?{urlencode({f'{column}__glob': glob_pattern(self.text)})}"
        return f"{table_url}?{urlencode({f'{column}__contains': self.text})}"

    @staticmethod
    def _quotation(table_url: str, quotation: Quotation) -> Json:
        key = quotation.key
        pks = [str(i) for i in range(len(key))]
        row = path_from_row_pks(dict(zip(pks, key, strict=True)), pks, False) if key else ""
        parts = [visible(part) for part in quotation.parts]
        return {
            "column": quotation.column,
            "url": f"{table_url}/{row}" if row else None,
            "row": ", ".join(visible(str(value)) for value in key) or None,
            "text": "".join(parts),
            "parts": parts,
        }

    def unsearched(self, event: Unsearched) -> Json:
        """A database or table that was not searched completely, and the reason."""
        reason = visible(event.reason)
        return {"database": event.database, "table": event.table or None, "reason": reason}


def glob_pattern(text: str) -> str:
    """A GLOB pattern for a substring, ignoring the case of A to Z.

    GLOB has no escape character; character classes take its place.
    """

    def literal(c: str) -> str:
        if c.isascii() and c.isalpha():
            return f"[{c.upper()}{c.lower()}]"
        return f"[{c}]" if c in "*?[" else c

    return f"*{''.join(map(literal, text))}*"


async def search_page(datasette: Any, request: Any) -> Any:
    """``/-/scan/search``: a form; with ``q`` the results too, streamed."""
    if request.method != "GET":
        return Response.text("GET only", 405, {"allow": "GET"})
    view = SearchView(datasette, request)
    try:
        await view.load()
    except UsageError as error:
        return await _page(view, 400, str(error))
    if not view.text.strip():
        return await _page(view)
    if is_busy(view.state):
        return await _page(view, 503, TOO_MANY)
    html = await _render(view, "")
    head, _, tail = html.partition(MARKER)
    writer = _PageWriter(view)

    async def write(send: Write) -> None:
        await send(head)
        async with running(view.state, request, view.search()) as search:
            await send(await writer.render_progress(search, 0))
            async for event in search.events():
                text = await writer.render_event(search, event)
                if text:
                    await send(text)
            await send(await writer.render_summary(search))
        await send(tail)

    return stream(write, "text/html")


async def search_json(datasette: Any, request: Any) -> Any:
    """``/-/scan/search.json``: one document, or with ``_nl=on`` one for each event."""
    if request.method != "GET":
        return Response.json({"ok": False, "error": "GET only"}, 405, {"allow": "GET"})
    view = SearchView(datasette, request)
    try:
        await view.load()
        if not view.text.strip():
            raise UsageError("q is empty; give the text to look for: ?q=TEXT")
    except UsageError as error:
        return Response.json({"ok": False, "error": str(error)}, 400, SECURITY_HEADERS)
    if is_busy(view.state):
        return too_many_json()
    in_lines = request.args.get("_nl") == "on"

    async def write(send: Write) -> None:
        async with running(view.state, request, view.search()) as search:
            texts = _lines(view, search) if in_lines else _document(view, search)
            async for text in texts:
                await send(text)

    kind = "application/x-ndjson" if in_lines else "application/json"
    return stream(write, kind)


# -- JSON


async def _document(view: SearchView, search: ContentSearch) -> AsyncIterator[str]:
    start = {"ok": True, "q": view.text, "databases": search.count, "size": search.size}
    yield json.dumps(start)[:-1] + ', "results": [\n'
    unsearched, comma = [], ""
    async for event in search.events():
        if isinstance(event, TablesFound):
            for table in view.tables(event):
                yield comma + json.dumps(table)
                comma = ",\n"
        elif isinstance(event, Unsearched):
            unsearched.append(view.unsearched(event))
    end = {"unsearched": unsearched, "complete": search.is_complete}
    yield "\n], " + json.dumps(end)[1:] + "\n"


async def _lines(view: SearchView, search: ContentSearch) -> AsyncIterator[str]:
    """Every event as one line of JSON."""
    start = {"type": "start", "q": view.text, "databases": search.count, "size": search.size}
    yield json.dumps(start) + "\n"
    async for event in search.events():
        if isinstance(event, TablesFound):
            for table in view.tables(event):
                yield json.dumps({"type": "table", **table}) + "\n"
        elif isinstance(event, Unsearched):
            yield json.dumps({"type": "unsearched", **view.unsearched(event)}) + "\n"
        else:
            counts = {"databases": event.databases, "size": event.size}
            yield json.dumps({"type": "searched", **counts}) + "\n"
    yield json.dumps({"type": "end", "complete": search.is_complete}) + "\n"


# -- the page


async def _page(view: SearchView, status: int = 200, error: str = "") -> Response:
    return Response.html(await _render(view, error), status, SECURITY_HEADERS)


async def _render(view: SearchView, error: str) -> str:
    catalog = view.state.catalog
    context = {
        "form": view,
        "error": error,
        "marker": MARKER,
        "searching": bool(view.text.strip()) and not error,
        "scanning": catalog.scanning or not catalog.scans,
        "size": sum(size_of(db) for db in view.databases),
        "json_query": urlencode({"q": view.text, **view.hidden}),
        "roots": [visible_path(root) for root in view.state.settings.find.roots],
    }
    html = await view.ds.render_template("scan_search.html", context, request=view.request)
    return str(html)


class _PageWriter:
    """Renders events as parts of the page."""

    def __init__(self, view: SearchView) -> None:
        self._view = view
        self._template = compat.get_template(view.ds, "scan_search_found.html")
        self._began = self._stepped = time.monotonic()
        self._matches = self._tables = 0
        self._databases: set[str] = set()
        self._shown = 0
        self._unsearched: list[Json] = []
        self._more = False

    async def render_event(self, search: ContentSearch, event: Event) -> str:
        """The HTML for an event; progress at most four times a second."""
        if isinstance(event, Searched):
            if time.monotonic() - self._stepped < _STEP_SECONDS:
                return ""
            return await self.render_progress(search, event.databases)
        if isinstance(event, Unsearched):
            self._unsearched.append(self._view.unsearched(event))
            return ""
        tables = self._view.tables(event)
        self._matches += sum(table["matches"] for table in tables)
        self._tables += len(tables)
        self._databases.add(event.database)
        self._shown += 1
        self._more = self._more or not all(table["complete"] for table in tables)
        entry = getattr(self._view.ds.databases.get(event.database), "entry", None)
        return await self._render(
            "found",
            name=visible(event.database),
            number=self._shown,
            url=tables[0]["database_url"],
            path=entry.shown_path if entry and self._view.sees_paths else "",
            application=entry.application if entry else "",
            tables=tables,
            continued=event.continued,
        )

    async def render_progress(self, search: ContentSearch, searched: int) -> str:
        """«212 of 1,284 databases searched»."""
        self._stepped = time.monotonic()
        return await self._render(
            "step", searched=searched, count=search.count, found=self._found()
        )

    def _found(self) -> str:
        plus = "+" if self._more else ""
        matches = format_count(self._matches, "match", "matches").replace(" ", f"{plus} ", 1)
        tables = format_count(self._tables, "table")
        return f"{matches} in {tables} of {format_count(len(self._databases), 'database')}"

    async def render_summary(self, search: ContentSearch) -> str:
        """The last line, with the totals."""
        return await self._render(
            "end",
            count=search.count,
            size=format_size(search.size),
            seconds=time.monotonic() - self._began,
            found=self._found() if self._matches else "",
            complete=search.is_complete,
            unsearched=self._unsearched,
            form=self._view,
        )

    async def _render(self, part: str, **context: Any) -> str:
        return str(await self._template.render_async(part=part, **context))
