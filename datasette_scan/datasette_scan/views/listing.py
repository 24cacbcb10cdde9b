"""The rows of the catalogue that one request may see."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from datasette import Forbidden, Response

from .. import compat, permissions
from ..catalog import SHOWN, Entry, Query, conditions, fitting, ordered
from ..errors import UsageError
from ..grouping import Group, bundle_id, cut, group, lines_of, shorten
from ..query import Page, parse_page
from ..state import State, state_of

Json = dict[str, Any]
SAFETY = {
    "cache-control": "private, no-store",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
}
_VIEWABLE_SECONDS = 2.0
_STATUS = attrgetter("status")
_APPLICATION = attrgetter("application")


async def load(ds: Any, request: Any, **defaults: str) -> Listing | Response:
    """The rows, or an answer that names the bad argument. Raises Forbidden.

    ``defaults`` are for arguments that the request leaves out.
    """
    try:
        return await Listing(ds, request, defaults).load()
    except UsageError as error:
        return Response.json({"ok": False, "error": str(error)}, status=400)


async def check_instance(ds: Any, request: Any) -> None:
    """Raise Forbidden for actors without view-instance."""
    if not await compat.is_allowed(ds, request.actor, "view-instance", default=True):
        raise Forbidden("You do not have permission to view this Datasette")


async def viewable_names(ds: Any, state: State, actor: Any) -> set[str]:
    """The scanned databases that an actor may see; the verdicts are cached for a moment."""
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
    """What one request selects, as far as its actor may see it."""

    def __init__(self, ds: Any, request: Any, defaults: Mapping[str, str]) -> None:
        self.ds = ds
        self.request = request
        self.args: dict[str, str] = {k: request.args[k] for k in request.args}
        self._defaults = defaults
        self.state = state_of(ds)
        self.full = False
        self.may_rescan = False
        self.page = Page(parse_page({}, True).query)
        self.viewable: list[Entry] = []  # all that the actor may see, whatever is asked for
        self.entries: list[Entry] = []
        self.total = 0
        self.statuses: Counter[str] = Counter()
        self.applications: Counter[str] = Counter()
        self.shows: dict[str, int] = {}
        self.lines = self.group_count = 0
        self._stand: Json = {}

    async def load(self) -> Listing:
        """Check permissions and find the rows. Raises Forbidden and UsageError."""
        ds, actor = self.ds, self.request.actor
        await check_instance(ds, self.request)
        self.full = await compat.is_allowed(ds, actor, permissions.VIEW)
        self.may_rescan = await compat.is_allowed(ds, actor, permissions.RESCAN)
        defaults = dict(self._defaults)
        if "_sort" in self.args or "_sort_desc" in self.args:
            defaults.pop("_sort_desc", None)
        self.page = parse_page({**defaults, **self.args}, self.full)
        # Before the rows: they may be newer than the state of the scan, never older.
        self._stand = self._progress()
        viewable = await viewable_names(ds, self.state, actor)
        query = self.page.query
        known = self.state.catalog.by_name()
        self.viewable = [e for e in known if (e.name in viewable if e.attached else self.full)]
        fits = conditions(replace(query, status="", application="", show=""))
        seen = ordered(fitting(self.viewable, fits), query)
        if self.page.bundle:
            seen = [e for e in seen if e.noise and bundle_id(e.noise) == self.page.bundle]
        self._choose(seen)
        self.total = len(self.entries)
        return self

    def _choose(self, seen: list[Entry]) -> None:
        """Apply what is chosen from lists.

        Each choice is counted as if nothing were chosen there: it can be changed in one step.
        """
        query = self.page.query
        status = conditions(Query(status=query.status))
        application = conditions(Query(application=query.application))
        show = conditions(Query(show=query.show))
        shown = fitting(seen, show)
        self.statuses = Counter(map(_STATUS, fitting(shown, application)))
        self.applications = Counter(map(_APPLICATION, fitting(shown, status)))
        self.entries = fitting(fitting(shown, status), application)
        others = fitting(fitting(seen, status), application) if query.show else self.entries
        self.shows = {key: sum(map(fits, others)) for key, fits in SHOWN.items()}
        self.shows[""] = len(others)

    def shown(self) -> list[Entry]:
        """The rows of this page."""
        return self.entries[self.page.offset : self.page.offset + self.page.size]

    def groups(self) -> list[Group]:
        """The rows of this page in groups; sets ``lines``, how many all pages have."""
        page = self.page
        narrowed = page.query.folder if page.group == "folder" else page.query.application
        groups = group(self.entries, page.group, bundled=not page.bundle)
        if not (narrowed or page.query.show):
            groups = shorten(groups)
        self.lines, self.group_count = lines_of(groups), len(groups)
        return cut(groups, page.offset, page.size)

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
            "other_paths": entry.shown_other_paths if self.full else [],
            "tables": entry.known_tables,
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
