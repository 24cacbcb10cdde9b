"""What changed since the scan before, and which databases have the same content."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from datasette import Response

from .. import compat, permissions
from ..catalog import Entry
from ..changes import KINDS, Change
from ..duplicates import Compared, DuplicateSearch, Same, Uncompared
from ..state import State, state_of
from ..text import format_size, visible, visible_path
from .listing import SAFETY, Json, check_instance, viewable_names
from .streaming import MARKER, TOO_MANY, Write, is_full, running, stream

_STEP_SECONDS = 0.25


class Seen:
    """What of the catalogue one request's actor may see."""

    def __init__(self, ds: Any, request: Any) -> None:
        self.ds = ds
        self.request = request
        self.state: State = state_of(ds)
        self.full = False
        self._viewable: set[str] = set()

    async def load(self) -> Seen:
        """Check permissions. Raises Forbidden."""
        await check_instance(self.ds, self.request)
        self.full = await compat.is_allowed(self.ds, self.request.actor, permissions.VIEW)
        self._viewable = await viewable_names(self.ds, self.state, self.request.actor)
        return self

    def entries(self) -> list[Entry]:
        """The databases that are served."""
        found = self.state.catalog.entries.values()
        return [e for e in found if e.attached and e.name in self._viewable]

    def scans(self) -> list[Json]:
        """Each scan that found something different."""
        shown = []
        for scan in self.state.history.scans:
            rows = [self._change(change) for change in scan.changes if self._may_see(change)]
            if rows:
                at = datetime.fromtimestamp(scan.at, UTC).isoformat(timespec="seconds")
                more = scan.more if self.full else 0
                shown.append({"at": at, "at_ns": scan.at * 1e9, "changes": rows, "more": more})
        return shown

    def _may_see(self, change: Change) -> bool:
        entry = self.state.catalog.entries.get(change.path)
        if entry is None or not entry.attached:  # it was never served, or is gone
            return self.full
        return entry.name in self._viewable

    def _change(self, change: Change) -> Json:
        entry = self.state.catalog.entries.get(change.path)
        served = entry is not None and entry.attached and entry.status != "gone"
        return {
            "name": visible(change.name),
            "url": str(self.ds.urls.database(change.name)) if served else None,
            "path": visible_path(change.path) if self.full else None,
            "kind": change.kind,
            "difference": visible(self._words(change)),
        }

    def _words(self, change: Change) -> str:
        """The names of tables only for those who may search for them."""
        return change.words if self.full else change.words.partition(";")[0].partition(":")[0]

    def same(self, event: Same) -> Json:
        """Files with the same content."""
        return {
            "size": event.entries[0].size,
            "sha256": event.digest,
            "databases": [self._file(entry) for entry in event.entries],
        }

    def uncompared(self, event: Uncompared) -> Json:
        """A file that could not be compared."""
        return {**self._file(event.entry), "reason": event.reason}

    def _file(self, entry: Entry) -> Json:
        return {
            "name": entry.name,
            "url": str(self.ds.urls.database(entry.name)),
            "path": entry.shown_path if self.full else None,
        }


async def changes_page(datasette: Any, request: Any) -> Response:
    """``/-/scan/changes``."""
    seen = await Seen(datasette, request).load()
    context = {"scans": seen.scans(), "kinds": KINDS, "compared": seen.state.history.compared}
    html = await datasette.render_template("scan_changes.html", context, request=request)
    return Response.html(html, headers=SAFETY)


async def changes_json(datasette: Any, request: Any) -> Response:
    """``/-/scan/changes.json``."""
    seen = await Seen(datasette, request).load()
    scans = [{k: v for k, v in scan.items() if k != "at_ns"} for scan in seen.scans()]
    body = {"ok": True, "compared": seen.state.history.compared, "scans": scans}
    return Response.json(body, headers=SAFETY)


async def duplicates_page(datasette: Any, request: Any) -> Any:
    """``/-/scan/duplicates``: what there is to compare; with ``compare=1`` the comparison."""
    seen = await Seen(datasette, request).load()
    search = DuplicateSearch(seen.entries(), seen.state.reader)
    comparing = request.method == "GET" and request.args.get("compare") == "1"
    refused = comparing and is_full(seen.state)
    context = {
        "count": search.count,
        "size": format_size(sum(len(group) * group[0].size for group in search.groups)),
        "comparing": comparing and not refused,
        "error": TOO_MANY if refused else "",
        "marker": MARKER,
    }
    html = await datasette.render_template("scan_duplicates.html", context, request=request)
    if not context["comparing"]:
        return Response.html(html, 503 if refused else 200, SAFETY)
    head, _, tail = str(html).partition(MARKER)

    async def write(send: Write) -> None:
        await send(head)
        async with running(seen.state, request, search):
            await _write_duplicates(seen, search, send)
        await send(tail)

    return stream(write, "text/html")


async def _write_duplicates(seen: Seen, search: DuplicateSearch, send: Write) -> None:
    template = compat.template(seen.ds, "scan_duplicates_found.html")

    async def part(name: str, **context: Any) -> None:
        await send(str(await template.render_async(part=name, **context)))

    uncompared: list[Json] = []
    groups = wasted = 0
    stepped = 0.0
    async for event in search.events():
        if isinstance(event, Same):
            groups += 1
            wasted += event.entries[0].size * (len(event.entries) - 1)
            await part("same", group=seen.same(event), number=groups)
        elif isinstance(event, Uncompared):
            uncompared.append(seen.uncompared(event))
        elif isinstance(event, Compared) and time.monotonic() - stepped > _STEP_SECONDS:
            stepped = time.monotonic()
            await part("step", files=event.files, count=event.of_files)
    size = format_size(wasted)
    end = {"groups": groups, "wasted": size, "complete": search.is_complete}
    await part("end", count=search.count, uncompared=uncompared, **end)


async def duplicates_json(datasette: Any, request: Any) -> Response:
    """``/-/scan/duplicates.json``: compares, and answers when that is done."""
    seen = await Seen(datasette, request).load()
    if is_full(seen.state):
        headers = {**SAFETY, "retry-after": "2"}
        return Response.json({"ok": False, "error": TOO_MANY}, 503, headers)
    search = DuplicateSearch(seen.entries(), seen.state.reader)
    same, uncompared = [], []
    async with running(seen.state, request, search):
        async for event in search.events():
            if isinstance(event, Same):
                same.append(seen.same(event))
            elif isinstance(event, Uncompared):
                uncompared.append(seen.uncompared(event))
    body = {"ok": True, "duplicates": same, "uncompared": uncompared}
    return Response.json({**body, "complete": search.is_complete}, headers=SAFETY)
