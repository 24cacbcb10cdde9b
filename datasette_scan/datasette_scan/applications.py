"""Which program a database belongs to, from its application id, file name and tables."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Signature:
    """A program and how its databases are recognised.

    A database matches if it has all ``tables``, one of the file names in ``files``, and one of
    the folder names in ``folders``, as far as given. Names are in lower case, comma-separated.
    """

    application: str
    tables: str = ""
    files: str = ""
    folders: str = ""

    def matches(self, tables: frozenset[str], file: str, folders: frozenset[str]) -> bool:
        """Whether a database matches."""
        return (
            _split(self.tables) <= tables
            and (not self.files or file in _split(self.files))
            and (not self.folders or bool(_split(self.folders) & folders))
        )


@functools.cache
def _split(names: str) -> frozenset[str]:
    return frozenset(names.split(", ")) - {""}


# The most specific come first: the first match is taken. Add a line, and to
# tests/datasette_scan/test_applications.py a database as the program makes it.
SIGNATURES = (
    Signature("GeoPackage", "gpkg_contents, gpkg_spatial_ref_sys"),
    Signature("SpatiaLite", "spatial_ref_sys, geometry_columns, spatialite_history"),
    Signature("MBTiles", "tiles, metadata"),
    Signature("Fossil", "blob, delta, event, rcvfrom"),
    Signature("Fossil", "vfile, vvar, vmerge"),
    Signature("Firefox", "moz_places, moz_historyvisits"),
    Signature("Firefox", "moz_cookies"),
    Signature("Firefox", "moz_formhistory"),
    Signature("Firefox", "moz_hosts"),
    Signature("Firefox", "moz_perms"),
    Signature("Firefox", "moz_icons"),
    Signature(
        "Firefox", files="webappsstore.sqlite, storage.sqlite, content-prefs.sqlite, key4.db"
    ),
    Signature("Firefox", folders=".mozilla"),
    Signature("Chromium", "urls, visits, keyword_search_terms"),
    Signature("Chromium", "meta, cookies"),
    Signature("Chromium", "meta, logins"),
    Signature("Chromium", "meta, autofill"),
    Signature("Chromium", "meta, token_service"),
    Signature("Chromium", "icon_mapping, favicons"),
    Signature("Chromium", "meta, top_sites"),
    Signature("Chromium", "omni_box_shortcuts"),
    Signature("Chromium", "network_action_predictor"),
    Signature("Chromium", "eq_classes, eq_class_members"),
    Signature("Chromium", "nel_policies, reporting_endpoints"),
    Signature(
        "Chromium",
        "meta",
        "quotamanager, dips, trust tokens, sharedstorage, privateaggregation, interestgroups, "
        "aggregationservice, attributionreporting, conversions, mediadevicesalts, "
        "first_party_sets.db, heavy_ad_intervention_opt_out.db, browsing topics site data",
    ),
    Signature(
        "Chromium", folders="chromium, google-chrome, bravesoftware, microsoft-edge, vivaldi"
    ),
    Signature("Apple Photos", "zasset, zgenericalbum"),
    Signature("Apple Notes", "ziccloudsyncingobject, zicnotedata"),
    Signature("Apple Messages", "message, handle, chat"),
    Signature("Apple", "_sqlitedatabaseproperties"),
    Signature("Apple", "z_metadata, z_primarykey"),
    Signature("Signal", "conversations, messages, identitykeys"),
    Signature("Anki", "cards, notes, revlog"),
    Signature("Calibre", "books, authors, books_authors_link"),
    Signature("Zotero", "itemdata, itemdatavalues, collectionitems"),
    Signature("Lightroom", "adobe_images, aglibraryfile"),
    Signature("darktable", "film_rolls, images, selected_images"),
    Signature("darktable", "styles, style_items, presets"),
    Signature("Home Assistant", "states, events, recorder_runs"),
    Signature("KeePassXC", files="keepassxc.db"),
    Signature("Django", "django_migrations"),
    Signature("Rails", "schema_migrations, ar_internal_metadata"),
    Signature("Alembic", "alembic_version"),
    Signature("WordPress", "wp_posts, wp_options"),
    Signature("Jupyter", "nbsignatures"),
    Signature("Jupyter", "files", "file_id_manager.db"),
    Signature("IPython", "sessions, history, output_history"),
    Signature("mypy", "files2", "cache.db"),
    Signature("diskcache", "settings, cache", "cache.db"),
    Signature("Coverage.py", "coverage_schema"),
    Signature("Twitter archive", "archive_tweets"),
    Signature("GitHub to SQLite", "repos, issues, users, labels"),
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


def identify(path: str, tables: frozenset[str], application_id: int = 0, found: str = "") -> str:
    """The program's name, or "" for an unknown one.

    ``tables`` are in lower case; ``found`` is what the scanner concludes from the header.
    """
    known = _BY_ID.get(application_id)
    if known or found:
        return known or found
    parts = PurePosixPath(path.lower().replace("\\", "/")).parts
    file, folders = (parts[-1], frozenset(parts[:-1])) if parts else ("", frozenset[str]())
    return next((s.application for s in SIGNATURES if s.matches(tables, file, folders)), "")
