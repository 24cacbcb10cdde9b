"""The rows of the catalogue that one request may see."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from datasette import Forbidden, Response

from .. import compat, permissions
from ..catalog import SHOWN, Entry, Kind, Query, conditions, fitting, kinds_of
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
_ANYTHING = Query()
_LISTS = ("status", "application", "show")  # that something is chosen from


async def load(ds: Any, request: Any, **defaults: str) -> Listing | Response:
    """The rows, or an answer that names the bad argument. Raises Forbidden.

    ``defaults`` are for arguments that the request leaves out.
    """
    try:
        return await Listing(ds, request, defaults).load()
    except UsageError as error:
        return Response.json({"ok": False, "error": str(error)}, status=400)


def _choices_of(kind: Kind, key: str) -> list[str]:
    """Which of a list's choices would show entries of this kind."""
    if key != "show":
        return [getattr(kind, key)]
    return ["", *(name for name, fits in SHOWN.items() if fits(kind))]


async def check_instance(ds: Any, request: Any) -> None:
    """Raise Forbidden for actors without view-instance."""
    if not await compat.is_allowed(ds, request.actor, "view-instance", default=True):
        raise Forbidden("You do not have permission to view this Datasette")


async def viewable_names(ds: Any, state: State, actor: Any) -> set[str]:
    """The scanned databases that an actor may see; the verdicts are cached for a moment."""
    key = json.dumps(actor, sort_keys=True, default=str)
    now = time.monotonic()
    state.viewable = {k: v for k, v in state.viewable.items() if v[0] > now}
    until, known, seen = state.viewable.get(key, (now + _VIEWABLE_SECONDS, set(), set()))
    if len(known) < len(state.catalog.attached):  # from which nothing is taken
        names = set(state.catalog.attached)
        seen = seen | await compat.viewable_databases(ds, actor, list(names - known))
        state.viewable[key] = (until, names, seen)
    return seen


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
        self._memory: dict[Any, Any] = {}
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
        known = self.state.catalog.ordered(query)
        if not self.full or len(viewable) < len(self.state.catalog.attached):
            known = [e for e in known if (e.name in viewable if e.attached else self.full)]
        else:
            self._memory = self.state.catalog.memory() if query.max_age is None else {}
        self.viewable = known
        self.entries = self.remembered("entries", lambda: fitting(self._found(), self._chosen()))
        self.total = len(self.entries)
        return self

    def remembered(self, what: str, make: Callable[[], Any]) -> Any:
        """What ``make`` returns, until the catalogue changes, for those who may see all of it."""
        key = (what, replace(self.page, offset=0, size=0))
        if key not in self._memory:
            self._memory[key] = make()
        return self._memory[key]

    def _found(self) -> list[Entry]:
        """The entries that fit what is asked for, but for what is chosen from lists."""

        def find() -> list[Entry]:
            fits = conditions(replace(self.page.query, status="", application="", show=""))
            if bundle := self.page.bundle:
                fits.append(lambda e: bool(e.noise) and bundle_id(e.noise) == bundle)
            return fitting(self.viewable, fits)

        found: list[Entry] = self.remembered("found", find)
        return found

    def _chosen(self, but: str = "") -> list[Callable[[Any], bool]]:
        """What is chosen from lists, ``but`` from one of them: conditions of a Kind."""
        chosen = {key: getattr(self.page.query, key) for key in _LISTS if key != but}
        return conditions(replace(_ANYTHING, **chosen))

    def choices(self) -> dict[str, Counter[str]]:
        """How many rows each choice would have: it is counted as if nothing were chosen there."""
        return dict(self.remembered("choices", self._count))

    def _count(self) -> dict[str, Counter[str]]:
        kinds = kinds_of(self._found())
        counts: dict[str, Counter[str]] = {key: Counter() for key in _LISTS}
        for key, counter in counts.items():
            fits = self._chosen(key)
            for kind, count in kinds:
                if all(test(kind) for test in fits):
                    for choice in _choices_of(kind, key):
                        counter[choice] += count
        return counts

    def shown(self) -> list[Entry]:
        """The rows of this page."""
        return self.entries[self.page.offset : self.page.offset + self.page.size]

    def groups(self) -> list[Group]:
        """The rows of this page in groups; sets ``lines``, how many all pages have."""
        page = self.page
        narrowed = page.query.folder if page.group == "folder" else page.query.application

        def make() -> list[Group]:
            groups = group(self.entries, page.group, bundled=not page.bundle)
            return groups if narrowed or page.query.show else shorten(groups)

        groups = self.remembered("groups", make)
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
