"""Filters of the catalogue's templates, and Datasette 0.65's place for the banner."""

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

_UNCUT = 22  # letters that every column has room for
_TAIL = 7


def prepare_templates(env: Any, with_slots: bool) -> None:
    """The filters; for Datasette 0.65 a base template that has a place for the banner."""
    env.filters["scan_count"] = format_count
    env.filters["scan_size"] = format_size
    env.filters["scan_visible"] = visible
    env.filters["scan_when"] = _when
    env.filters["scan_name"] = _name
    env.filters["scan_path"] = _path
    if not with_slots:
        own = FileSystemLoader(str(Path(__file__).parent.parent / "templates_065"))
        first, *rest = env.loader.loaders
        env.loader = ChoiceLoader([own, first, *rest])


def style_sheets(ds: Any, template: str | None, database: str | None, request: Any) -> list[str]:
    """Our own: for every page under ``datasette scan``; elsewhere for those about a scan."""
    state = state_of(ds)
    if not state.settings.active:
        return []
    path = compat.path_within(ds, request.path) if request else ""
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
    """A name of which the end stays in sight where there is no room for all of it."""
    return _cut(text, len(text) - _TAIL if len(text) > _UNCUT else 0)


def _path(text: str) -> Markup:
    """A path of which the end stays in sight: the file's name, if it is short."""
    file = os.path.basename(text)
    start = len(text) - len(file) - 1
    if len(file) > _UNCUT or start < 0:
        start = len(text) - _UNCUT if len(text) > 2 * _UNCUT else 0
    return _cut(text, start)


def _cut(text: str, at: int) -> Markup:
    """Two parts: the first may be shortened, the second is always shown."""
    if at <= 0:
        return Markup("<span>{}</span>").format(text)
    return Markup("<span>{}</span><span>{}</span>").format(text[:at], text[at:])
