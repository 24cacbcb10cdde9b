"""Which program a database belongs to, from schemas as the programs make them."""

from __future__ import annotations

import sqlite3

import pytest
from datasette_scan.applications import SIGNATURES, Signature, _split, identify

# Statements that the programs use themselves, cut to what counts; a file name where it counts.
MADE = [
    (
        "mypy",
        "/p/.mypy_cache/3.12/cache.db",
        "CREATE TABLE files2 (path TEXT UNIQUE NOT NULL, mtime REAL, data TEXT)",
    ),
    (
        "diskcache",
        "/p/cache.db",
        "CREATE TABLE Settings (key TEXT NOT NULL UNIQUE, value);"
        "CREATE TABLE Cache (rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER)",
    ),
    (
        "IPython",
        "/p/history.sqlite",
        "CREATE TABLE sessions (session integer primary key, start timestamp);"
        "CREATE TABLE history (session integer, line integer, source text);"
        "CREATE TABLE output_history (session integer, line integer, output text)",
    ),
    (
        "Jupyter",
        "/p/nbsignatures.db",
        "CREATE TABLE nbsignatures (id integer PRIMARY KEY, algorithm text, signature text)",
    ),
    (
        "Jupyter",
        "/p/file_id_manager.db",
        "CREATE TABLE Files (id TEXT PRIMARY KEY, path TEXT NOT NULL UNIQUE)",
    ),
    (
        "darktable",
        "/p/library.db",
        "CREATE TABLE film_rolls (id INTEGER PRIMARY KEY, folder);"
        "CREATE TABLE images (id INTEGER PRIMARY KEY, filename);"
        "CREATE TABLE selected_images (imgid INTEGER PRIMARY KEY)",
    ),
    (
        "darktable",
        "/p/data.db",
        "CREATE TABLE styles (id INTEGER, name); CREATE TABLE style_items (styleid INTEGER);"
        "CREATE TABLE presets (name, description)",
    ),
    (
        "Home Assistant",
        "/p/home-assistant_v2.db",
        "CREATE TABLE states (state_id INTEGER); CREATE TABLE events (event_id INTEGER);"
        "CREATE TABLE recorder_runs (run_id INTEGER)",
    ),
    (
        "Apple Photos",
        "/p/Photos.sqlite",
        "CREATE TABLE Z_METADATA (Z_VERSION); CREATE TABLE Z_PRIMARYKEY (Z_ENT);"
        "CREATE TABLE ZASSET (Z_PK INTEGER); CREATE TABLE ZGENERICALBUM (Z_PK INTEGER)",
    ),
    (
        "Apple Notes",
        "/p/NoteStore.sqlite",
        "CREATE TABLE Z_METADATA (Z_VERSION); CREATE TABLE Z_PRIMARYKEY (Z_ENT);"
        "CREATE TABLE ZICCLOUDSYNCINGOBJECT (Z_PK); CREATE TABLE ZICNOTEDATA (Z_PK)",
    ),
    (
        "Apple Messages",
        "/p/chat.db",
        "CREATE TABLE _SqliteDatabaseProperties (key TEXT); CREATE TABLE message (ROWID INTEGER);"
        "CREATE TABLE handle (ROWID INTEGER); CREATE TABLE chat (ROWID INTEGER)",
    ),
    (
        "Chromium",
        "/p/Shortcuts",
        "CREATE TABLE meta (key); CREATE TABLE omni_box_shortcuts (id PRIMARY KEY, text VARCHAR)",
    ),
    (
        "Chromium",
        "/p/Network Action Predictor",
        "CREATE TABLE network_action_predictor (id TEXT PRIMARY KEY, user_text TEXT)",
    ),
    ("Chromium", "/p/DIPS", "CREATE TABLE meta (key); CREATE TABLE bounces (site TEXT)"),
    ("Chromium", "/p/Trust Tokens", "CREATE TABLE meta (key); CREATE TABLE issuers (x)"),
    ("Chromium", "/home/a/.config/chromium/Default/Anything", "CREATE TABLE x (y)"),
    ("", "/p/cache.db", "CREATE TABLE cache (x)"),
    ("", "/p/other.db", "CREATE TABLE files2 (x)"),
    ("", "/p/DIPS", "CREATE TABLE bounces (x)"),
    ("", "/p/history.db", "CREATE TABLE history (x)"),
]


@pytest.mark.parametrize(("application", "path", "schema"), MADE)
def test_made_schemas(application: str, path: str, schema: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(schema)
    rows = connection.execute("SELECT name FROM sqlite_master").fetchall()
    connection.close()
    assert identify(path, frozenset(row[0].lower() for row in rows)) == application


@pytest.mark.parametrize("signature", SIGNATURES, ids=str)
def test_no_row_hides_a_later_one(signature: Signature) -> None:
    file = min(_split(signature.files), default="x.db")
    folder = min(_split(signature.folders), default="x")
    assert identify(f"/{folder}/{file}", _split(signature.tables)) == signature.application
    names = signature.tables + signature.files + signature.folders
    assert names == names.lower()


def test_application_id_counts_most() -> None:
    assert identify("/x.db", frozenset({"tiles", "metadata"}), 0x0F055112) == "Fossil"
    assert identify("/x.db", frozenset(), 0, "TeXnicard card database") == "TeXnicard card database"
