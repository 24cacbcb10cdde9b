"""Changes since the scan before, and databases with the same content."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from datasette import Response

from .. import compat
from ..catalog import Entry
from ..changes import KINDS, Change
from ..duplicates import DuplicateSearch, EqualFiles, FileNotCompared, FilesCompared
from ..text import format_size, visible, visible_path
from .access import SECURITY_HEADERS, Json, View
from .streaming import MARKER, TOO_MANY, Write, is_busy, running, stream, too_many_json

_STEP_SECONDS = 0.25


class ChangesView(View):
    """The part of the catalogue that one request's actor may see."""

    _viewable: frozenset[str] | set[str] = frozenset()

    async def load(self) -> ChangesView:
        """Check permissions. Raises Forbidden."""
        await self.check_permissions()
        self._viewable = await self.viewable_names()
        return self

    def entries(self) -> list[Entry]:
        """The databases that are served."""
        found = self.state.catalog.entries.values()
        return [e for e in found if e.attached and e.name in self._viewable]

    def scans(self) -> list[Json]:
        """Each scan that found something different."""
        shown = []
        for scan in self.state.history.scans:
            rows = [self._change_json(change) for change in scan.changes if self._may_see(change)]
            if rows:
                at = datetime.fromtimestamp(scan.at, UTC).isoformat(timespec="seconds")
                more = scan.more if self.sees_paths else 0
                shown.append({"at": at, "at_ns": scan.at * 1e9, "changes": rows, "more": more})
        return shown

    def _may_see(self, change: Change) -> bool:
        entry = self.state.catalog.entries.get(change.path)
        if entry is None or not entry.attached:  # it was never served, or is gone
            return self.sees_paths
        return entry.name in self._viewable

    def _change_json(self, change: Change) -> Json:
        entry = self.state.catalog.entries.get(change.path)
        served = entry is not None and entry.attached and entry.status != "gone"
        # The names of tables only for those who may search for them.
        words = (
            change.words if self.sees_paths else change.words.partition(";")[0].partition(":")[0]
        )
        return {
            "name": visible(change.name),
            "url": str(self.ds.urls.database(change.name)) if served else None,
            "path": visible_path(change.path) if self.sees_paths else None,
            "kind": change.kind,
            "difference": visible(words),
        }

    def group_json(self, event: EqualFiles) -> Json:
        """Files with the same content."""
        return {
            "size": event.entries[0].size,
            "sha256": event.digest,
            "databases": [self._file_json(entry) for entry in event.entries],
        }

    def uncompared_json(self, event: FileNotCompared) -> Json:
        """A file that could not be compared."""
        return {**self._file_json(event.entry), "reason": event.reason}

    def _file_json(self, entry: Entry) -> Json:
        return {
            "name": entry.name,
            "url": str(self.ds.urls.database(entry.name)),
            "path": entry.shown_path if self.sees_paths else None,
        }


async def changes_page(datasette: Any, request: Any) -> Response:
    """``/-/scan/changes``."""
    view = await ChangesView(datasette, request).load()
    context = {"scans": view.scans(), "kinds": KINDS, "compared": view.state.history.compared}
    html = await datasette.render_template("scan_changes.html", context, request=request)
    return Response.html(html, headers=SECURITY_HEADERS)


async def changes_json(datasette: Any, request: Any) -> Response:
    """``/-/scan/changes.json``."""
    view = await ChangesView(datasette, request).load()
    scans = [{k: v for k, v in scan.items() if k != "at_ns"} for scan in view.scans()]
    body = {"ok": True, "compared": view.state.history.compared, "scans": scans}
    return Response.json(body, headers=SECURITY_HEADERS)


async def duplicates_page(datasette: Any, request: Any) -> Any:
    """``/-/scan/duplicates``: what there is to compare; with ``compare=1`` the comparison."""
    view = await ChangesView(datasette, request).load()
    search = DuplicateSearch(view.entries(), view.state.reader)
    comparing = request.method == "GET" and request.args.get("compare") == "1"
    refused = comparing and is_busy(view.state)
    context = {
        "count": search.count,
        "size": format_size(sum(len(group) * group[0].size for group in search.groups)),
        "comparing": comparing and not refused,
        "error": TOO_MANY if refused else "",
        "marker": MARKER,
    }
    html = await datasette.render_template("scan_duplicates.html", context, request=request)
    if not context["comparing"]:
        return Response.html(html, 503 if refused else 200, SECURITY_HEADERS)
    head, _, tail = str(html).partition(MARKER)

    async def write(send: Write) -> None:
        await send(head)
        async with running(view.state, request, search):
            await _write_duplicates(view, search, send)
        await send(tail)

    return stream(write, "text/html")


async def _write_duplicates(view: ChangesView, search: DuplicateSearch, send: Write) -> None:
    template = compat.get_template(view.ds, "scan_duplicates_found.html")

    async def part(name: str, **context: Any) -> None:
        await send(str(await template.render_async(part=name, **context)))

    uncompared: list[Json] = []
    groups = wasted = 0
    stepped = 0.0
    async for event in search.events():
        if isinstance(event, EqualFiles):
            groups += 1
            wasted += event.entries[0].size * (len(event.entries) - 1)
            await part("same", group=view.group_json(event), number=groups)
        elif isinstance(event, FileNotCompared):
            uncompared.append(view.uncompared_json(event))
        elif isinstance(event, FilesCompared) and time.monotonic() - stepped > _STEP_SECONDS:
            stepped = time.monotonic()
            await part("step", files=event.files, count=search.count)
    size = format_size(wasted)
    end = {"groups": groups, "wasted": size, "complete": search.is_complete}
    await part("end", count=search.count, uncompared=uncompared, **end)


async def duplicates_json(datasette: Any, request: Any) -> Response:
    """``/-/scan/duplicates.json``: compares, and answers when that is done."""
    view = await ChangesView(datasette, request).load()
    if is_busy(view.state):
        return too_many_json()
    search = DuplicateSearch(view.entries(), view.state.reader)
    same, uncompared = [], []
    async with running(view.state, request, search):
        async for event in search.events():
            if isinstance(event, EqualFiles):
                same.append(view.group_json(event))
            elif isinstance(event, FileNotCompared):
                uncompared.append(view.uncompared_json(event))
    body = {"ok": True, "duplicates": same, "uncompared": uncompared}
    return Response.json({**body, "complete": search.is_complete}, headers=SECURITY_HEADERS)
