"""Which program a database belongs to, from its application id, file name and tables."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Sign:
    """A program and how its databases are recognised.

    ``tables`` all have to be there; with ``files``, one of these file names too; with
    ``folders``, one of these folder names. Names are in lower case, separated by a comma.
    """

    application: str
    tables: str = ""
    files: str = ""
    folders: str = ""

    def fits(self, tables: frozenset[str], file: str, folders: frozenset[str]) -> bool:
        """Whether a database has everything that is given here."""
        return (
            _split(self.tables) <= tables
            and (not self.files or file in _split(self.files))
            and (not self.folders or bool(_split(self.folders) & folders))
        )


@functools.cache
def _split(names: str) -> frozenset[str]:
    return frozenset(names.split(", ")) - {""}


# The most particular come first: the first that fits is taken. Add a line, and to
# tests/datasette_scan/test_applications.py a database as the program makes it.
SIGNS = (
    Sign("GeoPackage", "gpkg_contents, gpkg_spatial_ref_sys"),
    Sign("SpatiaLite", "spatial_ref_sys, geometry_columns, spatialite_history"),
    Sign("MBTiles", "tiles, metadata"),
    Sign("Fossil", "blob, delta, event, rcvfrom"),
    Sign("Fossil", "vfile, vvar, vmerge"),
    Sign("Firefox", "moz_places, moz_historyvisits"),
    Sign("Firefox", "moz_cookies"),
    Sign("Firefox", "moz_formhistory"),
    Sign("Firefox", "moz_hosts"),
    Sign("Firefox", "moz_perms"),
    Sign("Firefox", "moz_icons"),
    Sign("Firefox", files="webappsstore.sqlite, storage.sqlite, content-prefs.sqlite, key4.db"),
    Sign("Firefox", folders=".mozilla"),
    Sign("Chromium", "urls, visits, keyword_search_terms"),
    Sign("Chromium", "meta, cookies"),
    Sign("Chromium", "meta, logins"),
    Sign("Chromium", "meta, autofill"),
    Sign("Chromium", "meta, token_service"),
    Sign("Chromium", "icon_mapping, favicons"),
    Sign("Chromium", "meta, top_sites"),
    Sign("Chromium", "omni_box_shortcuts"),
    Sign("Chromium", "network_action_predictor"),
    Sign("Chromium", "eq_classes, eq_class_members"),
    Sign("Chromium", "nel_policies, reporting_endpoints"),
    Sign(
        "Chromium",
        "meta",
        "quotamanager, dips, trust tokens, sharedstorage, privateaggregation, interestgroups, "
        "aggregationservice, attributionreporting, conversions, mediadevicesalts, "
        "first_party_sets.db, heavy_ad_intervention_opt_out.db, browsing topics site data",
    ),
    Sign("Chromium", folders="chromium, google-chrome, bravesoftware, microsoft-edge, vivaldi"),
    Sign("Apple Photos", "zasset, zgenericalbum"),
    Sign("Apple Notes", "ziccloudsyncingobject, zicnotedata"),
    Sign("Apple Messages", "message, handle, chat"),
    Sign("Apple", "_sqlitedatabaseproperties"),
    Sign("Apple", "z_metadata, z_primarykey"),
    Sign("Signal", "conversations, messages, identitykeys"),
    Sign("Anki", "cards, notes, revlog"),
    Sign("Calibre", "books, authors, books_authors_link"),
    Sign("Zotero", "itemdata, itemdatavalues, collectionitems"),
    Sign("Lightroom", "adobe_images, aglibraryfile"),
    Sign("darktable", "film_rolls, images, selected_images"),
    Sign("darktable", "styles, style_items, presets"),
    Sign("Home Assistant", "states, events, recorder_runs"),
    Sign("KeePassXC", files="keepassxc.db"),
    Sign("Django", "django_migrations"),
    Sign("Rails", "schema_migrations, ar_internal_metadata"),
    Sign("Alembic", "alembic_version"),
    Sign("WordPress", "wp_posts, wp_options"),
    Sign("Jupyter", "nbsignatures"),
    Sign("Jupyter", "files", "file_id_manager.db"),
    Sign("IPython", "sessions, history, output_history"),
    Sign("mypy", "files2", "cache.db"),
    Sign("diskcache", "settings, cache", "cache.db"),
    Sign("Coverage.py", "coverage_schema"),
    Sign("Twitter archive", "archive_tweets"),
    Sign("GitHub to SQLite", "repos, issues, users, labels"),
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
    """The program's name, or "" when nothing gives it away.

    ``tables`` are in lower case; ``found`` is what the scanner concludes from the header.
    """
    known = _BY_ID.get(application_id)
    if known or found:
        return known or found
    parts = PurePosixPath(path.lower().replace("\\", "/")).parts
    file, folders = (parts[-1], frozenset(parts[:-1])) if parts else ("", frozenset[str]())
    return next((s.application for s in SIGNS if s.fits(tables, file, folders)), "")
