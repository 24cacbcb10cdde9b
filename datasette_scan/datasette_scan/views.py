"""The catalogue's pages, JSON and CSV; the banner; the page of what cannot be read."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from datasette import Forbidden, NotFound, Response
from jinja2 import ChoiceLoader, FileSystemLoader
from markupsafe import Markup

from . import compat, permissions
from .catalog import SORTS, STATUSES, Entry
from .database import ScannedDatabase
from .errors import ReadOnlyError, StillScanningError, UnavailableError, UsageError
from .finder import DEFAULT_EXCLUDES
from .query import AGES, SIZES, Page, link, parse_page, sort_link
from .request_guard import Asked, is_from_another_site
from .state import State, state_of
from .text import format_count, format_size, is_formula, visible, visible_path

Json = dict[str, Any]
_VIEWABLE_SECONDS = 2.0
_SAFETY = {
    "cache-control": "private, no-store",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
}


def routes(state: State) -> list[tuple[str, Any]]:
    """Where the pages are."""
    if not state.settings.active:
        return []
    found: list[tuple[str, Any]] = [
        (r"/-/scan$", page),
        (r"/-/scan\.json$", page_json),
        (r"/-/scan\.csv$", page_csv),
        (r"/-/scan/rescan$", rescan),
        (r"/-/home(\.(?P<format>jsono?))?$", own_home),
    ]
    if not compat.HAS_CATALOG:
        found.append((r"/-/databases(\.(?P<format>json))?$", compat.list_databases))
    return [*found, (r"/$", page)] if state.settings.home else found


def started(ds: Any, state: State) -> Callable[[], Awaitable[None]]:
    """What the ``startup`` hook has to wait for."""

    async def begin() -> None:
        await compat.prepare_catalog(ds)
        if compat.HAS_CATALOG and not state.settings.complete_first:
            ds.add_background_task(lambda _: state.scan_task.run(), name="datasette-scan")

    return begin


# -- who sees what


async def _check_instance(ds: Any, request: Any) -> None:
    if not await compat.is_allowed(ds, request.actor, "view-instance", default=True):
        raise Forbidden("You do not have permission to view this Datasette")


async def _viewable(ds: Any, state: State, actor: Any) -> set[str]:
    """The scanned databases that an actor may see; each answer is remembered for a moment."""
    key = json.dumps(actor, sort_keys=True, default=str)
    now = time.monotonic()
    state.viewable = {k: v for k, v in state.viewable.items() if v[0] > now}
    until, known = state.viewable.get(key, (now + _VIEWABLE_SECONDS, {}))
    names = [e.name for e in state.catalog.entries.values() if e.attached]
    new = [name for name in names if name not in known]
    if new:
        found = await compat.viewable_databases(ds, actor, new)
        known = {**known, **{name: name in found for name in new}}
        state.viewable[key] = (until, known)
    return {name for name in names if known[name]}


class Listing:
    """The rows that one request may see."""

    def __init__(self, ds: Any, request: Any) -> None:
        self.ds = ds
        self.request = request
        self.args: Mapping[str, str] = {k: request.args[k] for k in request.args}
        self.state = state_of(ds)
        self.full = False
        self.may_rescan = False
        self.page = Page(parse_page({}, True).query)
        self.entries: list[Entry] = []
        self.total = 0
        self._stand: Json = {}

    async def load(self) -> Listing:
        """Check permissions and find the rows. Raises Forbidden and UsageError."""
        ds, actor = self.ds, self.request.actor
        await _check_instance(ds, self.request)
        self.full = await compat.is_allowed(ds, actor, permissions.VIEW)
        self.may_rescan = await compat.is_allowed(ds, actor, permissions.RESCAN)
        self.page = parse_page(self.args, self.full)
        # Before the rows: they may be newer than what is said of the scan, never older.
        self._stand = self._progress()
        viewable = await _viewable(ds, self.state, actor)
        found = self.state.catalog.find(self.page.query)
        self.entries = [e for e in found if (e.name in viewable if e.attached else self.full)]
        self.total = len(self.entries)
        return self

    def shown(self) -> list[Entry]:
        """The rows of this page."""
        return self.entries[self.page.offset : self.page.offset + self.page.size]

    def next(self) -> str | None:
        """The token of the next page."""
        end = self.page.offset + self.page.size
        return str(end) if self.page.size and end < self.total else None

    def row(self, entry: Entry) -> Json:
        """One row as JSON."""
        ds = self.ds
        modified = datetime.fromtimestamp(entry.mtime_ns / 1e9, UTC)
        return {
            "name": entry.address,
            "url": ds.urls.database(entry.name) if entry.attached else None,
            "path": entry.shown_path if self.full else None,
            "tables": entry.table_count,
            "size": entry.size,
            "modified": modified.isoformat(timespec="seconds") if entry.mtime_ns else None,
            "application": entry.application or None,
            "status": entry.status,
            "detail": entry.status_words,
            "revision": entry.revision,
        }

    def progress(self) -> Json:
        """How the scan stood when the rows were looked for."""
        return {**self._stand, "databases": self.total}

    def _progress(self) -> Json:
        catalog = self.state.catalog
        seen = catalog.progress
        return {
            "scanning": catalog.scanning,
            "scans": catalog.scans,
            "revision": catalog.revision,
            "seconds": round(
                time.time() - catalog.started_at if catalog.scanning else catalog.duration, 3
            ),
            "files": seen.files,
            "folders": seen.folders,
            "databases": 0,
            "skipped": len(catalog.skipped) if self.full else None,
            "error": (catalog.error or None) if self.full else None,
        }


async def _loaded(ds: Any, request: Any) -> Listing | Response:
    try:
        return await Listing(ds, request).load()
    except UsageError as error:
        return Response.json({"ok": False, "error": str(error)}, status=400)


# -- pages


async def page_json(datasette: Any, request: Any) -> Response:
    """``/-/scan.json``: rows as ``q``, ``status``, ``since``, ``_size`` and ``_next`` ask."""
    listing = await _loaded(datasette, request)
    if isinstance(listing, Response):
        return listing
    body: Json = {
        "ok": True,
        **listing.progress(),
        "total": listing.total,
        "next": listing.next(),
        "rows": [listing.row(e) for e in listing.shown()],
    }
    if listing.full and request.args.get("tab") == "skipped":
        body["skipped_files"] = [
            {"path": s.shown_path, "reason": s.reason, "advice": s.advice}
            for s in listing.state.catalog.skipped.values()
        ]
    return Response.json(body, headers=_SAFETY)


async def page_csv(datasette: Any, request: Any) -> Response:
    """``/-/scan.csv``: every row that fits."""
    listing = await _loaded(datasette, request)
    if isinstance(listing, Response):
        return listing
    columns = [*SORTS[:1], *(c for c in SORTS[1:] if listing.full or c != "path"), "detail"]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    for entry in listing.entries:
        writer.writerow({k: _cell(v) for k, v in listing.row(entry).items()})
    return Response(
        out.getvalue(),
        headers={**_SAFETY, "content-disposition": 'attachment; filename="databases.csv"'},
        content_type="text/csv; charset=utf-8",
    )


def _cell(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula is marked as text."""
    return f"'{value}" if isinstance(value, str) and is_formula(value) else value


async def page(datasette: Any, request: Any) -> Response:
    """``/-/scan``, and ``/`` under ``datasette scan``."""
    listing = await _loaded(datasette, request)
    if isinstance(listing, Response):
        return listing
    skipped_tab = listing.full and request.args.get("tab") == "skipped"
    catalog = listing.state.catalog
    statuses, applications = catalog.counts(listing.entries)
    context = {
        "listing": listing,
        "rows": listing.shown(),
        "state": listing.state,
        "progress": listing.progress(),
        "skipped_tab": skipped_tab,
        "skipped": sorted(catalog.skipped.values(), key=lambda s: s.path) if skipped_tab else [],
        "statuses": [(s, statuses[s]) for s in STATUSES if statuses[s]],
        "applications": sorted(applications.items(), key=lambda item: item[0].casefold()),
        "ages": AGES,
        "sizes": SIZES,
        "columns": [c for c in SORTS if c != "path" or listing.full],
        "link": lambda **changes: link(listing.args, **changes),
        "sort_link": lambda column: sort_link(listing.args, column),
        "sorted_by": listing.page.query.sort,
        "filtered": any(listing.args.get(k) for k in _FILTERS),
        "served": await _served(datasette, request),
        "roots": [visible_path(r) for r in listing.state.settings.find.roots],
        "excludes": () if listing.state.settings.find.include_all else DEFAULT_EXCLUDES,
        "home_url": datasette.urls.path("/-/home"),
    }
    html = await datasette.render_template("scan_catalogue.html", context, request=request)
    return Response.html(html, headers=_SAFETY)


_FILTERS = ("q", "status", "application", "folder", "min_size", "max_size", "age")


async def _served(ds: Any, request: Any) -> list[tuple[str, str]]:
    """Databases that Datasette serves itself."""
    names = [
        n
        for n, d in ds.databases.items()
        if not isinstance(d, ScannedDatabase) and n != "_internal"
    ]
    seen = [n for n in names if await compat.may_view_database(ds, request.actor, n)]
    return [(visible(n), ds.urls.database(n)) for n in seen]


async def rescan(datasette: Any, request: Any) -> Response:
    """``POST /-/scan/rescan``: scan again now."""
    if request.method != "POST":
        return Response.json({"ok": False, "error": "POST only"}, 405, {"allow": "POST"})
    asked = Asked.from_headers("POST", request.scheme, request.scope["headers"])
    if is_from_another_site(asked):  # also under --cors; 0.65 asks for a token only with cookies
        raise Forbidden("A scan is started from this server's own pages only")
    await _check_instance(datasette, request)
    if not await compat.is_allowed(datasette, request.actor, permissions.RESCAN):
        raise Forbidden("You do not have permission to start a scan")
    started = state_of(datasette).scan_task.ask()
    if "application/json" in request.headers.get("accept", ""):
        return Response.json({"ok": True, "started": started})
    return Response.redirect(datasette.urls.path("/-/scan"), status=303)


async def own_home(datasette: Any, request: Any) -> Response:
    """Datasette's own home page."""
    from datasette.views.index import IndexView

    return await IndexView(datasette).dispatch_request(request)


# -- templates


def prepare_templates(env: Any, with_slots: bool) -> None:
    """The filters; for Datasette 0.65 a base template that has a place for the banner."""
    env.filters["scan_count"] = format_count
    env.filters["scan_size"] = format_size
    env.filters["scan_visible"] = visible
    env.filters["scan_when"] = _when
    if not with_slots:
        own = FileSystemLoader(str(Path(__file__).parent / "templates_065"))
        first, *rest = env.loader.loaders
        env.loader = ChoiceLoader([own, first, *rest])


def _when(mtime_ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(mtime_ns / 1e9)) if mtime_ns else ""


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


def explain(ds: Any, request: Any, exception: Exception) -> Any:
    """An answer for this plugin's errors, and for names that may yet be found; else None."""
    if isinstance(exception, NotFound):
        name = _may_be_found(ds, request)
        if name:
            return _answer(ds, request, StillScanningError(f"{visible(name)} is not found yet"))
    if isinstance(exception, (UnavailableError, ReadOnlyError)):
        return _answer(ds, request, exception)
    return None


def _may_be_found(ds: Any, request: Any) -> str | None:
    """The database that a request names, if there is none yet and a scan is under way."""
    catalog = state_of(ds).catalog
    if not state_of(ds).settings.active or (catalog.scans and not catalog.scanning):
        return None
    name = compat.database_name(compat.path_within(ds, request.path))
    return None if name in ("", "-") or name in ds.databases else name


def _wants_json(request: Any) -> bool:
    accepted = request.headers.get("accept", "")
    return (
        request.path.endswith(".json")
        or "format=json" in request.query_string
        or ("application/json" in accepted and "text/html" not in accepted)
    )


def _answer(ds: Any, request: Any, exception: UnavailableError | ReadOnlyError) -> Any:
    async def answer() -> Response:
        status, word, advice = exception.status, exception.word, exception.advice
        full = await compat.is_allowed(ds, request.actor, permissions.VIEW)
        message = visible(str(exception)) if full else f"This database is {word}"
        retry = exception.retry_seconds
        headers = {"retry-after": str(retry)} if retry else {}
        if _wants_json(request):
            body = {"ok": False, "error": message, "status": status, "title": word}
            return Response.json({**body, "advice": advice}, status, headers)
        html = await ds.render_template(
            "scan_unavailable.html",
            {
                "word": word,
                "message": message,
                "advice": advice,
                "retry": retry,
                "back": ds.urls.path("/-/scan"),
            },
            request=request,
        )
        return Response.html(html, status, headers)

    return answer()
