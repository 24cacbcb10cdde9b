"""The search in the contents of all databases: a page and JSON, both sent while it goes on."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

from datasette import Response
from datasette.utils import path_from_row_pks

from .. import compat, permissions
from ..catalog import Query
from ..contents import Found, Quotation, Wanted, parse_text
from ..database import ScannedDatabase
from ..errors import UsageError
from ..searching import ContentSearch, Event, Searched, TablesFound, Unsearched, size_of
from ..state import state_of
from ..text import format_count, format_size, visible, visible_path
from .listing import SAFETY, Json, check_instance, viewable_names
from .streaming import MARKER, TOO_MANY, Write, is_full, running, stream

_STEP_SECONDS = 0.25  # between two lines of progress
_UNSEARCHABLE = ("_internal", "_memory")


class Asked:
    """What one request looks for, and where, as far as its actor may."""

    def __init__(self, ds: Any, request: Any) -> None:
        self.ds = ds
        self.request = request
        self.state = state_of(ds)
        self.text = str(request.args.get("q") or "")
        self.database = str(request.args.get("database") or "")
        self.application = str(request.args.get("application") or "")
        self.folder = ""
        self.full = False
        self.databases: list[Any] = []
        self.wanted = Wanted("")

    async def load(self) -> Asked:
        """Check permissions and find the databases. Raises Forbidden and UsageError."""
        await check_instance(self.ds, self.request)
        actor = self.request.actor
        self.full = await compat.is_allowed(self.ds, actor, permissions.VIEW)
        self.folder = str(self.request.args.get("folder") or "") if self.full else ""
        self.wanted = parse_text(self.text)
        self.databases = [*await self._found(), *await self._served()]
        if self.database:
            self.databases = [db for db in self.databases if db.name == self.database]
            if not self.databases:
                raise UsageError(f"database={self.database!r} is none that can be searched")
        return self

    async def _found(self) -> list[Any]:
        query = Query(application=self.application, folder=self.folder)
        viewable = await viewable_names(self.ds, self.state, self.request.actor)
        known = self.ds.databases
        entries = self.state.catalog.find(query)
        names = [e.name for e in entries if e.attached and e.status != "gone"]
        return [known[name] for name in names if name in viewable and name in known]

    async def _served(self) -> list[Any]:
        """Files that Datasette serves itself."""
        if self.application or self.folder:
            return []
        own = {
            name: db
            for name, db in self.ds.databases.items()
            if db.path and name not in _UNSEARCHABLE and not isinstance(db, ScannedDatabase)
        }
        viewable = await compat.viewable_databases(self.ds, self.request.actor, own)
        return [db for name, db in own.items() if name in viewable]

    @property
    def hidden(self) -> dict[str, str]:
        """The form's other fields."""
        fields = {"database": self.database, "application": self.application, "folder": self.folder}
        return {key: value for key, value in fields.items() if value}

    def search(self) -> ContentSearch:
        """The search, not begun."""

        async def may_view(database: str, table: str) -> bool:
            return await compat.may_view_table(self.ds, self.request.actor, database, table)

        return ContentSearch(self.databases, self.wanted, may_view, self.state.reader)

    # -- what is found, as people and programs read it

    def tables(self, event: TablesFound) -> list[Json]:
        """Each table that contains the text, with links."""
        return [self._table(event.database, found) for found in event.tables]

    def _table(self, database: str, found: Found) -> Json:
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
        """What was not searched to its end, and why."""
        reason = visible(event.reason)
        return {"database": event.database, "table": event.table or None, "reason": reason}


def glob_pattern(text: str) -> str:
    """GLOB's pattern for what contains a text, A to Z and a to z alike.

    GLOB has no escape character, but a class of one or two characters means just those.
    """

    def literal(c: str) -> str:
        if c.isascii() and c.isalpha():
            return f"[{c.upper()}{c.lower()}]"
        return f"[{c}]" if c in "*?[" else c

    return f"*{''.join(map(literal, text))}*"


async def search_page(datasette: Any, request: Any) -> Any:
    """``/-/scan/search``: a form; with ``q`` what is found, sent as it is found."""
    if request.method != "GET":
        return Response.text("GET only", 405, {"allow": "GET"})
    asked = Asked(datasette, request)
    try:
        await asked.load()
    except UsageError as error:
        return await _page(asked, 400, str(error))
    if not asked.text.strip():
        return await _page(asked)
    if is_full(asked.state):
        return await _page(asked, 503, TOO_MANY)
    html = await _render(asked, "")
    head, _, tail = html.partition(MARKER)
    sections = _Sections(asked)

    async def write(send: Write) -> None:
        await send(head)
        async with running(asked.state, request, asked.search()) as search:
            await send(await sections.step(search, 0))
            async for event in search.events():
                text = await sections.section(search, event)
                if text:
                    await send(text)
            await send(await sections.end(search))
        await send(tail)

    return stream(write, "text/html")


async def search_json(datasette: Any, request: Any) -> Any:
    """``/-/scan/search.json``: one document, or with ``_nl=on`` one for each event."""
    if request.method != "GET":
        return Response.json({"ok": False, "error": "GET only"}, 405, {"allow": "GET"})
    asked = Asked(datasette, request)
    try:
        await asked.load()
        if not asked.text.strip():
            raise UsageError("q is empty; give the text to look for: ?q=TEXT")
    except UsageError as error:
        return Response.json({"ok": False, "error": str(error)}, 400, SAFETY)
    if is_full(asked.state):
        headers = {**SAFETY, "retry-after": "2"}
        return Response.json({"ok": False, "error": TOO_MANY}, 503, headers)
    in_lines = request.args.get("_nl") == "on"

    async def write(send: Write) -> None:
        async with running(asked.state, request, asked.search()) as search:
            texts = _lines(asked, search) if in_lines else _document(asked, search)
            async for text in texts:
                await send(text)

    kind = "application/x-ndjson" if in_lines else "application/json"
    return stream(write, kind)


# -- JSON


async def _document(asked: Asked, search: ContentSearch) -> AsyncIterator[str]:
    start = {"ok": True, "q": asked.text, "databases": search.count, "size": search.of_size}
    yield json.dumps(start)[:-1] + ', "results": [\n'
    unsearched, comma = [], ""
    async for event in search.events():
        if isinstance(event, TablesFound):
            for table in asked.tables(event):
                yield comma + json.dumps(table)
                comma = ",\n"
        elif isinstance(event, Unsearched):
            unsearched.append(asked.unsearched(event))
    end = {"unsearched": unsearched, "complete": search.is_complete}
    yield "\n], " + json.dumps(end)[1:] + "\n"


async def _lines(asked: Asked, search: ContentSearch) -> AsyncIterator[str]:
    """Every event as one line of JSON."""
    start = {"type": "start", "q": asked.text, "databases": search.count, "size": search.of_size}
    yield json.dumps(start) + "\n"
    async for event in search.events():
        if isinstance(event, TablesFound):
            for table in asked.tables(event):
                yield json.dumps({"type": "table", **table}) + "\n"
        elif isinstance(event, Unsearched):
            yield json.dumps({"type": "unsearched", **asked.unsearched(event)}) + "\n"
        else:
            counts = {"databases": event.databases, "size": event.size}
            yield json.dumps({"type": "searched", **counts}) + "\n"
    yield json.dumps({"type": "end", "complete": search.is_complete}) + "\n"


# -- the page


async def _page(asked: Asked, status: int = 200, error: str = "") -> Response:
    return Response.html(await _render(asked, error), status, SAFETY)


async def _render(asked: Asked, error: str) -> str:
    catalog = asked.state.catalog
    context = {
        "asked": asked,
        "error": error,
        "marker": MARKER,
        "searching": bool(asked.text.strip()) and not error,
        "scanning": catalog.scanning or not catalog.scans,
        "size": sum(size_of(db) for db in asked.databases),
        "json_query": urlencode({"q": asked.text, **asked.hidden}),
        "roots": [visible_path(root) for root in asked.state.settings.find.roots],
    }
    html = await asked.ds.render_template("scan_search.html", context, request=asked.request)
    return str(html)


class _Sections:
    """Events → pieces of the page."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._template = compat.template(asked.ds, "scan_search_found.html")
        self._began = self._stepped = time.monotonic()
        self._matches = self._tables = 0
        self._databases: set[str] = set()
        self._shown = 0
        self._unsearched: list[Json] = []
        self._more = False

    async def section(self, search: ContentSearch, event: Event) -> str:
        """What the page shows of an event; progress not more often than people can read."""
        if isinstance(event, Searched):
            if time.monotonic() - self._stepped < _STEP_SECONDS:
                return ""
            return await self.step(search, event.databases)
        if isinstance(event, Unsearched):
            self._unsearched.append(self._asked.unsearched(event))
            return ""
        tables = self._asked.tables(event)
        self._matches += sum(table["matches"] for table in tables)
        self._tables += len(tables)
        self._databases.add(event.database)
        self._shown += 1
        self._more = self._more or not all(table["complete"] for table in tables)
        entry = getattr(self._asked.ds.databases.get(event.database), "entry", None)
        return await self._render(
            "found",
            name=visible(event.database),
            number=self._shown,
            url=tables[0]["database_url"],
            path=entry.shown_path if entry and self._asked.full else "",
            application=entry.application if entry else "",
            tables=tables,
            continued=event.continued,
        )

    async def step(self, search: ContentSearch, searched: int) -> str:
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

    async def end(self, search: ContentSearch) -> str:
        """The last words."""
        return await self._render(
            "end",
            count=search.count,
            size=format_size(search.of_size),
            seconds=time.monotonic() - self._began,
            found=self._found() if self._matches else "",
            complete=search.is_complete,
            unsearched=self._unsearched,
            asked=self._asked,
        )

    async def _render(self, part: str, **context: Any) -> str:
        return str(await self._template.render_async(part=part, **context))
