"""The catalogue's page, and Datasette's own home page beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any

from datasette import Response

from .. import compat
from ..catalog import INTERNALS, NO_APPLICATION, Skip
from ..finder import DEFAULT_EXCLUDES
from ..grouping import FIRST_FOLDERS, Group, common_folder, folders_below
from ..query import AGES, SIZES, link, page_numbers, sort_link
from ..state import state_of
from ..statuses import STATUSES
from ..text import format_count, visible, visible_path
from .access import SECURITY_HEADERS, check_instance
from .icons import icon_of
from .listing import Listing, load_listing

_TABLES_SHOWN = 6
_SIZE = attrgetter("size")
# Column, heading.
_COLUMNS = (("name", "Name"), ("tables", "Tables"), ("size", "Size"), ("modified", "Changed"))
_SHOWN = (
    ("", "All databases", "data"),
    ("attention", "Need attention", "warn"),
    (INTERNALS, "Internals of programs", "gear"),
)


async def page(datasette: Any, request: Any) -> Response:
    """``/-/scan``, and ``/`` under ``datasette scan``."""
    listing = await load_listing(datasette, request, group="application", _sort_desc="modified")
    if isinstance(listing, Response):
        return listing
    skipped_tab = listing.sees_paths and request.args.get("tab") == "skipped"
    args = listing.args
    catalog = listing.state.catalog
    roots = [visible_path(r) for r in listing.state.settings.find.roots]
    root = common_folder(roots)
    where = roots[0] if len(roots) == 1 else format_count(len(roots), "folder")
    context = {
        "listing": listing,
        "query": listing.page.query,
        "progress": listing.progress(),
        "heading": f"Databases in {where}" if listing.sees_paths else "Databases found",
        "root": root,
        "skipped_tab": skipped_tab,
        "skipped": _by_reason(catalog.skipped.values()) if skipped_tab else [],
        "below": lambda path: path.removeprefix(root),
        "total_size": listing.cached("size", lambda: sum(map(_SIZE, listing.viewable))),
        "link": lambda **changes: link(args, **changes),
        "filters": _filters(listing),
        "served": await _served(datasette, request),
        "roots": roots,
        "excludes": () if listing.state.settings.find.include_all else DEFAULT_EXCLUDES,
        "home_url": datasette.urls.path("/-/home"),
        "finished_at": int(catalog.finished_at * 1e9),
        **(_sidebar_context(listing, root) if not skipped_tab else {}),
        **(await _list_context(datasette, listing, root) if not skipped_tab else {}),
    }
    html = await datasette.render_template("scan_catalogue.html", context, request=request)
    return Response.html(html, headers=SECURITY_HEADERS)


def _by_reason(skipped: Iterable[Skip]) -> list[tuple[str, str, list[Skip]]]:
    """Reason, what to do about it, and the files, most first."""
    found: dict[tuple[str, str], list[Skip]] = {}
    for skip in sorted(skipped, key=lambda s: s.path):
        found.setdefault((skip.reason, skip.advice), []).append(skip)
    return sorted(((*key, files) for key, files in found.items()), key=lambda f: -len(f[2]))


_TONES = {
    "live": "live",
    "snapshot": "live",
    "not closed cleanly": "live",
    "checking": "quiet",
    "gone": "bad",
    "unreadable": "bad",
    "needs recovery": "bad",
}


async def _list_context(ds: Any, listing: Listing, root: str) -> dict[str, Any]:
    """The values for the list of this page: its groups, counts and links."""
    groups = listing.groups()
    tables = await _visible_tables(ds, listing, groups)
    page = listing.page
    current = page.offset // page.size + 1 if page.size else 1
    last = -(-listing.lines // page.size) if page.size else 1
    return {
        "groups": [(group, *_title_group(group, page.group, root)) for group in groups],
        "columns": _COLUMNS,
        "sort_link": lambda column: sort_link(listing.args, page, column),
        "largest": max((row.size for g in groups for row in g.lines()), default=0),
        "tone": lambda status: _TONES.get(status, "warn"),
        "table_names": lambda entry: tables.get(entry.name, []),
        "page_numbers": page_numbers(current, last) if last > 1 else [],
        "page_number": current,
        "page_link": lambda number: link(listing.args, _next=str((number - 1) * page.size)),
    }


async def _visible_tables(ds: Any, listing: Listing, groups: list[Group]) -> dict[str, list[str]]:
    """A few tables of each database of a page: those that the search names come first."""
    if not listing.sees_paths:
        return {}
    words = listing.page.query.text.casefold().split()
    wanted = {}
    for entry in (e for g in groups for e in g.rows if e.attached):
        names = [name for name in entry.table_names() if name not in entry.missing]
        names.sort(key=lambda name: not any(word in name.casefold() for word in words))
        wanted[entry.name] = names[:_TABLES_SHOWN]
    return await compat.viewable_tables(ds, listing.request.actor, wanted)


def _title_group(group: Group, by: str, root: str) -> tuple[str, str, dict[str, str]]:
    """A group's title and icon, and the arguments that show it alone."""
    if by == "folder":
        title = (group.key + os.sep).removeprefix(root).rstrip(os.sep)
        return title or group.key, "folder", {"folder": group.key}
    if group.key == INTERNALS:
        return "Internals of programs", "gear", {"show": INTERNALS}
    title = "Your files" if group.key == NO_APPLICATION else group.key
    return title, icon_of(group.key), {"application": group.key}


def _sidebar_context(listing: Listing, root: str) -> dict[str, Any]:
    """The choices that narrow the list, each with its number of rows."""
    args, query = listing.args, listing.page.query
    choices = listing.choices()
    shows = choices["show"]
    applications = {name or NO_APPLICATION: n for name, n in choices["application"].items()}
    base = query.folder.rstrip(os.sep) or root.rstrip(os.sep)
    return {
        "shown": [
            (k, w, i, shows[k]) for k, w, i in _SHOWN if not k or shows[k] or query.show == k
        ],
        "applications": _choices(
            applications, query.application, lambda n: (n != NO_APPLICATION, n.casefold())
        ),
        "statuses": _choices(choices["status"], query.status, list(STATUSES).index),
        "folders": _folders(listing, base),
        "ages": _with_chosen(AGES, args.get("age")),
        "sizes": _with_chosen(SIZES, args.get("min_size")),
        "icon_of": icon_of,
    }


def _folders(listing: Listing, base: str) -> list[tuple[str, int]]:
    if not listing.sees_paths:
        return []
    found = listing.cached("folders", lambda: folders_below(listing.entries, base))
    return list(found[:FIRST_FOLDERS])


_FILTERS = {
    "q": "search",
    "show": "show",
    "status": "status",
    "application": "application",
    "folder": "folder",
    "bundle": "only",
    "min_size": "at least",
    "max_size": "at most",
    "age": "changed within",
}


def _filters(listing: Listing) -> list[tuple[str, str, str]]:
    """Each filter: its name, its value, and the link that removes it."""
    args = listing.args
    words = {
        ("application", NO_APPLICATION): "your files",
        ("bundle", args.get("bundle", "")): "files that are alike",
    }
    return [
        (name, words.get((key, args[key]), args[key]), link(args, **{key: None}))
        for key, name in _FILTERS.items()
        if args.get(key) and (key != "folder" or listing.sees_paths)
    ]


def _choices(
    counts: Mapping[str, int], chosen: str | None, key: Callable[[str], Any]
) -> list[tuple[str, int]]:
    """Each choice and how many rows it would show; the chosen one even if it shows none."""
    found = dict(counts)
    known = sorted(found, key=key)
    if chosen and chosen not in found:
        known.append(chosen)
    return [(name, found.get(name, 0)) for name in known]


def _with_chosen(choices: Mapping[str, str], chosen: str | None) -> dict[str, str]:
    return {**choices, **({chosen: chosen} if chosen and chosen not in choices else {})}


async def _served(ds: Any, request: Any) -> list[tuple[str, str]]:
    """Databases that Datasette serves itself."""
    names = state_of(ds).datasette_databases()
    seen = [n for n in names if await compat.may_view_database(ds, request.actor, n)]
    return [(visible(n), ds.urls.database(n)) for n in seen]


async def datasette_home(datasette: Any, request: Any) -> Response:
    """Datasette's own home page."""
    from datasette.views.index import IndexView

    return await IndexView(datasette).dispatch_request(request)


async def statuses_page(datasette: Any, request: Any) -> Response:
    """``/-/scan/states``: each status in words."""
    await check_instance(datasette, request)
    context = {"statuses": STATUSES, "back": datasette.urls.path("/-/scan")}
    html = await datasette.render_template("scan_statuses.html", context, request=request)
    return Response.html(html, headers=SECURITY_HEADERS)
