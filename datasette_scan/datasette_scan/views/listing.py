"""The rows of the catalogue that one request may see."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from datasette import Response

from .. import compat, permissions
from ..catalog import SHOW_FILTERS, Entry, Facets, Query, conditions, count_facets, filter_entries
from ..errors import UsageError
from ..grouping import Group, bundle_id, count_lines, cut_page, group, shorten_groups
from ..query import Page, parse_page
from .access import Json, View

_ANYTHING = Query()
_COUNTED = ("status", "application", "show")  # filters with counts


async def load_listing(ds: Any, request: Any, **defaults: str) -> Listing | Response:
    """The rows, or a response that names the bad argument. Raises Forbidden.

    ``defaults`` are for arguments that the request leaves out.
    """
    try:
        return await Listing(ds, request, defaults).load()
    except UsageError as error:
        return Response.json({"ok": False, "error": str(error)}, status=400)


def _choices_of(facets: Facets, key: str) -> list[str]:
    """The values of a filter that match these facets."""
    if key != "show":
        return [getattr(facets, key)]
    return ["", *(name for name, fits in SHOW_FILTERS.items() if fits(facets))]


def _format_time(ns: int) -> str | None:
    """A file's time in ISO 8601; None if unknown, or in a year that Python has no calendar for."""
    try:
        return datetime.fromtimestamp(ns / 1e9, UTC).isoformat(timespec="seconds") if ns else None
    except (ValueError, OverflowError, OSError):
        return None


class Listing(View):
    """The rows that a request selects and its actor may see."""

    def __init__(self, ds: Any, request: Any, defaults: Mapping[str, str]) -> None:
        super().__init__(ds, request)
        self.args: dict[str, str] = {k: request.args[k] for k in request.args}
        self._defaults = defaults
        self.may_rescan = False
        self.page = Page(_ANYTHING)
        self.viewable: list[Entry] = []  # all that the actor may see, whatever the query
        self.entries: list[Entry] = []
        self.total = 0
        self._cache: dict[Any, Any] = {}
        self.lines = self.group_count = 0
        self._scan_state: Json = {}

    async def load(self) -> Listing:
        """Check permissions and find the rows. Raises Forbidden and UsageError."""
        await self.check_permissions()
        actor = self.request.actor
        self.may_rescan = await compat.is_allowed(self.ds, actor, permissions.RESCAN)
        defaults = dict(self._defaults)
        if "_sort" in self.args or "_sort_desc" in self.args:
            defaults.pop("_sort_desc", None)
        self.page = parse_page({**defaults, **self.args}, self.sees_paths)
        # Before the rows: they may be newer than the state of the scan, never older.
        self._scan_state = self._progress()
        viewable = await self.viewable_names()
        query = self.page.query
        known = self.state.catalog.ordered(query)
        if not self.sees_paths or len(viewable) < len(self.state.catalog.attached):
            known = [e for e in known if (e.name in viewable if e.attached else self.sees_paths)]
        else:
            self._cache = self.state.catalog.cache() if query.max_age is None else {}
        self.viewable = known
        self.entries = self.cached("entries", lambda: filter_entries(self._found(), self._chosen()))
        self.total = len(self.entries)
        return self

    def cached(self, what: str, make: Callable[[], Any]) -> Any:
        """The result of ``make``, until the catalogue changes, for actors who may see all of it."""
        key = (what, replace(self.page, offset=0, size=0))
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]

    def _found(self) -> list[Entry]:
        """The entries that match the query without the filters that have counts."""

        def find() -> list[Entry]:
            fits = conditions(replace(self.page.query, status="", application="", show=""))
            if bundle := self.page.bundle:
                fits.append(lambda e: bool(e.bundle_key) and bundle_id(e.bundle_key) == bundle)
            return filter_entries(self.viewable, fits)

        found: list[Entry] = self.cached("found", find)
        return found

    def _chosen(self, except_for: str = "") -> list[Callable[[Any], bool]]:
        """The conditions of the filters that have counts, ``except_for`` one."""
        chosen = {key: getattr(self.page.query, key) for key in _COUNTED if key != except_for}
        return conditions(replace(_ANYTHING, **chosen))

    def choices(self) -> dict[str, Counter[str]]:
        """The number of rows for each value of a filter, with the other filters applied."""
        return dict(self.cached("choices", self._count))

    def _count(self) -> dict[str, Counter[str]]:
        counted = count_facets(self._found())
        counts: dict[str, Counter[str]] = {key: Counter() for key in _COUNTED}
        for key, counter in counts.items():
            fits = self._chosen(key)
            for facets, count in counted:
                if all(test(facets) for test in fits):
                    for choice in _choices_of(facets, key):
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
            return groups if narrowed or page.query.show else shorten_groups(groups)

        groups = self.cached("groups", make)
        self.lines, self.group_count = count_lines(groups), len(groups)
        return cut_page(groups, page.offset, page.size)

    def next_token(self) -> str | None:
        """The token of the next page."""
        end = self.page.offset + self.page.size
        return str(end) if self.page.size and end < self.total else None

    def row(self, entry: Entry) -> Json:
        """One row as JSON."""
        ds = self.ds
        return {
            "name": entry.address,
            "url": ds.urls.database(entry.name) if entry.attached else None,
            "path": entry.shown_path if self.sees_paths else None,
            "other_paths": entry.shown_other_paths if self.sees_paths else [],
            "tables": entry.known_tables,
            "size": entry.size,
            "modified": _format_time(entry.mtime_ns),
            "application": entry.application or None,
            "status": entry.status,
            "detail": entry.status_words,
            "revision": entry.revision,
        }

    def progress(self) -> Json:
        """The state of the scan when the rows were selected."""
        return {**self._scan_state, "databases": len(self.viewable)}

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
            "skipped": len(catalog.skipped) if self.sees_paths else None,
            "error": (catalog.error or None) if self.sees_paths else None,
        }
