"""The catalogue's page, and Datasette's own home page beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from datasette import Response

from .. import compat
from ..catalog import SORTS, STATUSES
from ..database import ScannedDatabase
from ..finder import DEFAULT_EXCLUDES
from ..query import AGES, SIZES, link, sort_link
from ..text import visible, visible_path
from .listing import SAFETY, load


async def page(datasette: Any, request: Any) -> Response:
    """``/-/scan``, and ``/`` under ``datasette scan``."""
    listing = await load(datasette, request)
    if isinstance(listing, Response):
        return listing
    skipped_tab = listing.full and request.args.get("tab") == "skipped"
    catalog = listing.state.catalog
    args = listing.args
    filters = {key: args[key] for key in _FILTERS if args.get(key)}
    context = {
        "listing": listing,
        "rows": listing.shown(),
        "state": listing.state,
        "progress": listing.progress(),
        "skipped_tab": skipped_tab,
        "skipped": sorted(catalog.skipped.values(), key=lambda s: s.path) if skipped_tab else [],
        "statuses": _choices(listing.statuses, args.get("status"), STATUSES.index),
        "applications": _choices(listing.applications, args.get("application"), str.casefold),
        "ages": _with(AGES, args.get("age")),
        "sizes": _with(SIZES, args.get("min_size")),
        "columns": [c for c in SORTS if c != "path" or listing.full],
        "link": lambda **changes: link(args, **changes),
        "without": lambda key: link(args, **{key: None}),
        "sort_link": lambda column: sort_link(args, column),
        "sorted_by": listing.page.query.sort,
        "filters": [(_FILTERS[key], value, key) for key, value in filters.items()],
        "served": await _served(datasette, request),
        "roots": [visible_path(r) for r in listing.state.settings.find.roots],
        "excludes": () if listing.state.settings.find.include_all else DEFAULT_EXCLUDES,
        "home_url": datasette.urls.path("/-/home"),
    }
    html = await datasette.render_template("scan_catalogue.html", context, request=request)
    return Response.html(html, headers=SAFETY)


_FILTERS = {
    "q": "search",
    "status": "status",
    "application": "application",
    "folder": "folder",
    "min_size": "at least",
    "max_size": "at most",
    "age": "changed within",
}


def _choices(
    counts: Mapping[str, int], chosen: str | None, key: Callable[[str], Any]
) -> list[tuple[str, int]]:
    """What can be chosen and how many it would show; what is chosen even if that is none."""
    found = dict(counts)
    known = sorted(found, key=key)
    if chosen and chosen not in found:
        known.append(chosen)
    return [(name, found.get(name, 0)) for name in known]


def _with(choices: Mapping[str, str], chosen: str | None) -> dict[str, str]:
    return {**choices, **({chosen: chosen} if chosen and chosen not in choices else {})}


async def _served(ds: Any, request: Any) -> list[tuple[str, str]]:
    """Databases that Datasette serves itself."""
    names = [
        n
        for n, d in ds.databases.items()
        if not isinstance(d, ScannedDatabase) and n != "_internal"
    ]
    seen = [n for n in names if await compat.may_view_database(ds, request.actor, n)]
    return [(visible(n), ds.urls.database(n)) for n in seen]


async def own_home(datasette: Any, request: Any) -> Response:
    """Datasette's own home page."""
    from datasette.views.index import IndexView

    return await IndexView(datasette).dispatch_request(request)
