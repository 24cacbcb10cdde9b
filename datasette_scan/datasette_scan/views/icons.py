"""Which icon stands for an application: a kind of program, no logo."""

from __future__ import annotations

from ..catalog import NO_APPLICATION

# A symbol of scan_icons.html → applications.
_APPLICATIONS = {
    "file": (NO_APPLICATION,),
    "web": ("Firefox", "Chromium", "WordPress"),
    "chat": ("Twitter archive", "Apple Messages", "Signal"),
    "map": ("GeoPackage", "SpatiaLite", "MBTiles", "Esri"),
    "photo": ("Apple Photos", "Lightroom", "darktable"),
    "book": ("Apple Notes", "Calibre", "Zotero"),
    "cards": ("Anki",),
    "gear": ("Home Assistant", "diskcache"),
    "lock": ("KeePassXC",),
    "code": (
        "Django", "Rails", "Alembic", "Fossil", "Coverage.py", "mypy", "IPython", "Jupyter",
        "Monotone", "Pijul", "GitHub to SQLite",
    ),
}  # fmt: skip
_ICONS = {name: icon for icon, names in _APPLICATIONS.items() for name in names}


def icon_of(application: str) -> str:
    """The symbol's name in scan_icons.html."""
    return _ICONS.get(application or NO_APPLICATION, "data")
