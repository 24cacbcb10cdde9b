"""Filters and style sheet of the catalogue's templates; the banner's slot on Datasette 0.65."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, FileSystemLoader
from markupsafe import Markup

from .. import compat
from ..database import ScannedDatabase
from ..state import state_of
from ..text import format_ago, format_count, format_size, visible

_FITTING_LENGTH = 22  # characters that fit into every column
_TAIL_LENGTH = 7


def prepare_templates(env: Any) -> None:
    """Add the filters, and on Datasette 0.65 a base template with a slot for the banner."""
    env.filters["scan_count"] = format_count
    env.filters["scan_size"] = format_size
    env.filters["scan_visible"] = visible
    env.filters["scan_when"] = _when
    env.filters["scan_name"] = _name
    env.filters["scan_path"] = _path
    if not compat.HAS_CATALOG:
        own = FileSystemLoader(str(Path(__file__).parent.parent / "templates_065"))
        first, *rest = env.loader.loaders
        env.loader = ChoiceLoader([own, first, *rest])


def style_sheets(ds: Any, template: str | None, database: str | None, request: Any) -> list[str]:
    """Our style sheet: on every page under ``datasette scan``, else on this plugin's pages."""
    state = state_of(ds)
    if not state.settings.active:
        return []
    path = compat.strip_base_url(ds, request.path) if request else ""
    ours = (template or "").startswith("scan_") or path.startswith("/-/scan")
    if not (ours or state.settings.home or isinstance(ds.databases.get(database), ScannedDatabase)):
        return []
    # str() would lose its prefix mark
    return [ds.urls.static_plugins("datasette-scan", "scan.css")]


def _when(mtime_ns: int) -> Markup:
    """How long ago, with the exact time on hover."""
    if not mtime_ns:
        return Markup()
    seconds = mtime_ns / 1e9
    try:
        then = time.localtime(seconds)
    except (OverflowError, ValueError, OSError):  # a year that the system has no calendar for
        return Markup("unknown")
    exact = time.strftime("%Y-%m-%d %H:%M:%S", then)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        time.strftime("%Y-%m-%dT%H:%M:%S%z", then), exact, format_ago(time.time() - seconds)
    )


def _name(text: str) -> Markup:
    """A name that is truncated before its last characters."""
    return _cut(text, len(text) - _TAIL_LENGTH if len(text) > _FITTING_LENGTH else 0)


def _path(text: str) -> Markup:
    """A path that is truncated before its file name, or its last characters."""
    file = os.path.basename(text)
    start = len(text) - len(file) - 1
    if len(file) > _FITTING_LENGTH or start < 0:
        start = len(text) - _FITTING_LENGTH if len(text) > 2 * _FITTING_LENGTH else 0
    return _cut(text, start)


def _cut(text: str, at: int) -> Markup:
    """Two parts: the browser truncates the first and always shows the second."""
    if at <= 0:
        return Markup("<span>{}</span>").format(text)
    return Markup("<span>{}</span><span>{}</span>").format(text[:at], text[at:])
