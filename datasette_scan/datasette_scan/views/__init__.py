"""The plugin's pages, their JSON and CSV, and what it adds to Datasette's own pages."""

from __future__ import annotations

from typing import Any

from .. import compat
from ..state import State
from .actions import refresh, rescan
from .catalogue import datasette_home, page, statuses_page
from .changes import changes_json, changes_page, duplicates_json, duplicates_page
from .download import download
from .export import page_csv, page_json
from .peek import peek_json, peek_page
from .search import search_json, search_page


def routes(state: State) -> list[tuple[str, Any]]:
    """Paths as regular expressions, and their functions; none where nothing is scanned."""
    if not state.settings.active:
        return []
    found: list[tuple[str, Any]] = [
        (r"/-/scan$", page),
        (r"/-/scan\.json$", page_json),
        (r"/-/scan\.csv$", page_csv),
        (r"/-/scan/rescan$", rescan),
        (r"/-/scan/changes$", changes_page),
        (r"/-/scan/changes\.json$", changes_json),
        (r"/-/scan/duplicates$", duplicates_page),
        (r"/-/scan/duplicates\.json$", duplicates_json),
        (r"/-/scan/download$", download),
        (r"/-/scan/peek$", peek_page),
        (r"/-/scan/peek\.json$", peek_json),
        (r"/-/scan/states$", statuses_page),
        (r"/-/scan/refresh$", refresh),
        (r"/-/scan/search$", search_page),
        (r"/-/scan/search\.json$", search_json),
        (r"/-/home(\.(?P<format>jsono?))?$", datasette_home),
    ]
    if not compat.HAS_CATALOG:
        found.append((r"/-/databases(\.(?P<format>json))?$", compat.list_databases))
    return [*found, (r"/$", page)] if state.settings.home else found
