"""Which program a database belongs to, from its application id, file name and tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Sign:
    """A program and what gives its databases away: all of ``tables``, or one file name."""

    application: str
    tables: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()


def _sign(application: str, tables: str = "", files: str = "", folders: str = "") -> Sign:
    split = [frozenset(words.lower().split()) for words in (tables, files, folders)]
    return Sign(application, *split)


# Most particular first: the first sign that fits is taken.
SIGNS = (
    _sign("GeoPackage", "gpkg_contents gpkg_spatial_ref_sys"),
    _sign("SpatiaLite", "spatial_ref_sys geometry_columns spatialite_history"),
    _sign("MBTiles", "tiles metadata"),
    _sign("Fossil", "blob delta event rcvfrom"),
    _sign("Fossil", "vfile vvar vmerge"),
    _sign("Firefox", "moz_places moz_historyvisits"),
    _sign("Firefox", "moz_cookies"),
    _sign("Firefox", "moz_formhistory"),
    _sign("Firefox", "moz_hosts"),
    _sign("Firefox", "moz_perms"),
    _sign("Firefox", "moz_icons"),
    _sign("Firefox", "", "webappsstore.sqlite storage.sqlite content-prefs.sqlite key4.db"),
    _sign("Firefox", "", "", ".mozilla"),
    _sign("Chromium", "urls visits keyword_search_terms"),
    _sign("Chromium", "meta cookies"),
    _sign("Chromium", "meta logins"),
    _sign("Chromium", "meta autofill"),
    _sign("Chromium", "icon_mapping favicons"),
    _sign("Chromium", "meta top_sites"),
    _sign("Chromium", "", "", "google-chrome bravesoftware"),
    _sign("Apple", "_sqlitedatabaseproperties"),
    _sign("Apple", "z_metadata z_primarykey"),
    _sign("Apple", "message handle chat"),
    _sign("Signal", "conversations messages identitykeys"),
    _sign("Anki", "cards notes revlog"),
    _sign("Calibre", "books authors books_authors_link"),
    _sign("Zotero", "itemdata itemdatavalues collectionitems"),
    _sign("Lightroom", "adobe_images aglibraryfile"),
    _sign("KeePassXC", "", "keepassxc.db"),
    _sign("Django", "django_migrations"),
    _sign("Rails", "schema_migrations ar_internal_metadata"),
    _sign("Alembic", "alembic_version"),
    _sign("WordPress", "wp_posts wp_options"),
    _sign("Jupyter", "nbsignatures"),
    _sign("Coverage.py", "coverage_schema"),
    _sign("Twitter archive", "archive_tweets"),
    _sign("GitHub to SQLite", "repos issues users labels"),
)

_BY_ID = {
    0x47504B47: "GeoPackage",
    0x47503130: "GeoPackage",
    0x47503131: "GeoPackage",
    0x4D504258: "MBTiles",
    0x0F055111: "Fossil",
    0x0F055112: "Fossil",
    0x0F055113: "Fossil",
    0x42654462: "Bentley BeSQLite",
    0x42654C6E: "Bentley Localization",
    0x45737269: "Esri",
    0x5F4D544E: "Monotone",
    0x53514C61: "Pijul",
}


def identify(path: str, tables: frozenset[str], application_id: int = 0, said: str = "") -> str:
    """The program's name, or "" when nothing gives it away. ``tables`` in lower case."""
    known = _BY_ID.get(application_id)
    if known or said:
        return known or said
    parts = PurePosixPath(path.lower().replace("\\", "/")).parts
    file, folders = (parts[-1], frozenset(parts[:-1])) if parts else ("", frozenset[str]())
    for sign in SIGNS:
        if sign.tables and sign.tables <= tables:
            return sign.application
        if file in sign.files or sign.folders & folders:
            return sign.application
    return ""
