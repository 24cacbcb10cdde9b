"""Filters of the catalogue's templates, and Datasette 0.65's place for the banner."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, FileSystemLoader

from ..text import format_count, format_size, visible


def prepare_templates(env: Any, with_slots: bool) -> None:
    """The filters; for Datasette 0.65 a base template that has a place for the banner."""
    env.filters["scan_count"] = format_count
    env.filters["scan_size"] = format_size
    env.filters["scan_visible"] = visible
    env.filters["scan_when"] = _when
    if not with_slots:
        own = FileSystemLoader(str(Path(__file__).parent.parent / "templates_065"))
        first, *rest = env.loader.loaders
        env.loader = ChoiceLoader([own, first, *rest])


def _when(mtime_ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(mtime_ns / 1e9)) if mtime_ns else ""
