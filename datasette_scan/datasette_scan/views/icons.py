"""Which icon stands for an application: a kind of program, no logo."""

from __future__ import annotations

from ..catalog import NO_APPLICATION

_KINDS = {
    NO_APPLICATION: "file",
    "Firefox": "web",
    "Chromium": "web",
    "Twitter archive": "chat",
    "WordPress": "web",
    "GeoPackage": "map",
    "SpatiaLite": "map",
    "MBTiles": "map",
    "Esri": "map",
    "Apple Photos": "photo",
    "Lightroom": "photo",
    "darktable": "photo",
    "Apple Messages": "chat",
    "Signal": "chat",
    "Apple Notes": "book",
    "Calibre": "book",
    "Zotero": "book",
    "Anki": "cards",
    "Home Assistant": "gear",
    "diskcache": "gear",
    "KeePassXC": "lock",
}
_CODE = (
    "Django", "Rails", "Alembic", "Fossil", "Coverage.py", "mypy", "IPython", "Jupyter",
    "Monotone", "Pijul", "GitHub to SQLite",
)  # fmt: skip
_ICONS = {**_KINDS, **dict.fromkeys(_CODE, "code")}


def icon_of(application: str) -> str:
    """The symbol's name in scan_icons.html."""
    return _ICONS.get(application or NO_APPLICATION, "data")
