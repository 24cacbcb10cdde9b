"""The catalogue's page, and Datasette's own home page beside it."""

from __future__ import annotations

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
    return Response.html(html, headers=SAFETY)


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


async def own_home(datasette: Any, request: Any) -> Response:
    """Datasette's own home page."""
    from datasette.views.index import IndexView

    return await IndexView(datasette).dispatch_request(request)
