"""Databases whose program brought collations and tokenizers that are not here."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from datasette_scan.compat import HAS_CATALOG
from sites import READS_WITHOUT_TOKENIZER, Scanned, make_database, scanned


async def open_site(root: Path) -> Scanned:
    make_database(root / "other.db")
    connection = sqlite3.connect(root / "one.db")
    connection.create_collation(
        "unicase", lambda a, b: (a.upper() > b.upper()) - (a.upper() < b.upper())
    )
    connection.executescript(
        """
        CREATE TABLE notes (id INTEGER PRIMARY KEY, name TEXT COLLATE unicase, body, more);
        CREATE INDEX names ON notes(name);
        INSERT INTO notes(name) VALUES ('beta'), ('Alpha'), ('gamma');
        CREATE TABLE tags (name TEXT COLLATE unicase PRIMARY KEY, n) WITHOUT ROWID;
        INSERT INTO tags VALUES ('beta', 1), ('Alpha', 2), ('gamma', 3);
        CREATE VIEW of_notes AS SELECT name, id FROM notes;
        CREATE TABLE plain (v);
        INSERT INTO plain VALUES ('here');
        CREATE VIRTUAL TABLE words USING fts5(text);
        PRAGMA writable_schema = on;
        UPDATE sqlite_master SET sql = replace(sql, 'text)', 'text, tokenize=''anki'')')
            WHERE name = 'words';
        """
    )
    connection.commit()
    connection.close()
    return await scanned(root)


@pytest.mark.parametrize("table", ["notes", "tags"])
async def test_table_whose_index_needs_a_missing_collation(root: Path, table: str) -> None:
    """It is shown in the order that it has; what would compare by the collation is refused."""
    site = await open_site(root)
    assert "collation unicase" in site.entry("one").status_words
    page = await site.get(f"/one/{table}")
    assert page.status_code == 200
    assert all(name in page.text for name in ("Alpha", "beta", "gamma"))
    assert "This SQLite does not have the collation unicase" in page.text
    assert "does not have the collation" not in (await site.get("/one/plain")).text
    rows = (await site.get(f"/one/{table}.json?_shape=array")).json()
    assert len(rows) == 3
    for query in ("name=alpha", "name__gt=b"):
        answer = await site.get(f"/one/{table}?{query}")
        assert answer.status_code == 400
        assert "unicase" in answer.text
    assert (await site.get(f"/one/{table}?_facet=name")).status_code == 200
    await site.close()


async def test_no_sort_by_a_missing_collation(root: Path) -> None:
    """None is offered for the column, and one that is asked for says why it is refused."""
    site = await open_site(root)
    page = (await site.get("/one/notes")).text
    assert "can't sort, filter, group or paginate by name" in page
    assert "_sort=name" not in page and ">Sort by name<" not in page
    assert "_sort_desc=id" in page or "_sort=id" in page
    assert "<option>name</option>" not in page and "<option>id</option>" in page
    for query in ("_sort=name", "_sort_desc=name"):
        for ending in ("", ".json"):
            answer = await site.get(f"/one/notes{ending}?{query}")
            assert answer.status_code == 400
            assert "unicase" in answer.text
    other = (await site.get("/one/plain")).text
    assert "_sort=v" in other and "<option>v</option>" in other
    view = (await site.get("/one/of_notes")).text
    assert "paginate by name" in view and "<option>name</option>" not in view
    await site.close()


async def test_rows_are_counted_without_index_in_doubt(root: Path) -> None:
    """An entry that the index lacks is counted all the same."""
    await (await open_site(root)).close()
    damage = sqlite3.connect(root / "one.db")
    damage.executescript(
        """
        PRAGMA writable_schema = on;
        CREATE TABLE few (v);
        CREATE INDEX few_v ON few(v);
        UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master
            WHERE name = 'few_v') WHERE name = 'names';
        """
    )
    damage.close()
    site = await scanned(root)
    assert "3 rows" in (await site.get("/one/notes")).text
    database = site.ds.databases["one"]
    for sql in (
        "select count(*) from notes",
        "select count(*) from (select * from [notes] limit 9)",
    ):
        assert (await database.execute(sql)).rows[0][0] == 3
    looked = (await site.get("/-/scan/peek.json?name=one")).json()
    assert next(t for t in looked["tables"] if t["name"] == "notes")["rows"] == 3
    await site.close()


async def test_a_query_that_compares_is_refused(root: Path) -> None:
    site = await open_site(root)
    for sql in ("select * from notes where name = 'ALPHA'", "select distinct name from notes"):
        address = "/one/-/query.json" if HAS_CATALOG else "/one.json"
        answer = await site.get(f"{address}?_shape=array&sql={sql.replace(' ', '+')}")
        assert answer.status_code == 400, answer.text
        assert "no such collation sequence: unicase" in answer.text
    await site.close()


async def test_table_with_an_unknown_tokenizer_says_so(root: Path) -> None:
    site = await open_site(root)
    page = await site.get("/one/words?_search=x" if READS_WITHOUT_TOKENIZER else "/one/words")
    assert page.status_code == 400
    assert "tokenizer" in page.text and "anki" in page.text
    assert (await site.get("/one/plain")).status_code == 200
    assert (await site.get("/one")).status_code == 200
    assert (await site.get("/other")).status_code == 200
    await site.close()


async def test_missing_modules_and_broken_views(root: Path) -> None:
    connection = sqlite3.connect(root / "one.db")
    connection.executescript(
        """
        CREATE TABLE plain (v);
        CREATE VIRTUAL TABLE items USING fts5(a);
        CREATE VIEW of_items AS SELECT * FROM items;
        CREATE VIEW of_nothing AS SELECT * FROM gone;
        PRAGMA writable_schema = on;
        UPDATE sqlite_master SET sql = replace(sql, 'fts5(a)', 'vec0(a float[4])')
            WHERE name = 'items';
        """
    )
    connection.close()
    site = await scanned(root)
    for address in ("/one", "/one/plain", "/-/scan", "/-/scan/peek?name=one"):
        assert (await site.get(address)).status_code == 200, address
    said = {"items": "extension sqlite-vec", "of_items": "module: vec0", "of_nothing": "gone"}
    for table, reason in said.items():
        for ending in ("", ".json"):
            answer = await site.get(f"/one/{table}{ending}")
            assert answer.status_code == 400, answer.text
            assert reason in answer.text
    await site.close()


async def test_pages_leave_out_what_would_compare(root: Path) -> None:
    """The counts of a row's references, and suggestions; names that need quotes too."""
    connection = sqlite3.connect(root / "one.db")
    for name in ("unicase", "my-order"):
        connection.create_collation(name, lambda a, b: (a > b) - (a < b))
    connection.executescript(
        """
        CREATE TABLE people (name TEXT PRIMARY KEY);
        INSERT INTO people VALUES ('ann'), ('bob');
        CREATE TABLE pets (id INTEGER PRIMARY KEY,
            owner TEXT COLLATE unicase REFERENCES people(name));
        CREATE INDEX owners ON pets(owner);
        INSERT INTO pets(owner) VALUES ('ann'), ('bob');
        CREATE TABLE kinds (code TEXT COLLATE unicase PRIMARY KEY, name TEXT);
        INSERT INTO kinds VALUES ('a', 'A'), ('b', 'B');
        CREATE TABLE odd (id INTEGER PRIMARY KEY, n TEXT COLLATE "my-order");
        CREATE INDEX odds ON odd(n);
        INSERT INTO odd(n) VALUES ('x'), ('y');
        """
    )
    connection.commit()
    connection.close()
    site = await scanned(root)
    assert "collation my-order, collation unicase" in site.entry("one").status_words
    for address in ("/one", "/one/people/ann", "/one/pets/1", "/one/kinds", "/one/odd"):
        assert (await site.get(address)).status_code == 200, address
    for address in ("/one/kinds/a", "/one/odd?n=x"):
        assert (await site.get(address)).status_code == 400, address
    assert (await site.get("/one/kinds/-/autocomplete?q=a")).status_code < 500
    await site.close()


@pytest.mark.parametrize("rule", [{"allow": False}, {"tables": {"words": {"allow": False}}}])
async def test_missing_parts_are_named_to_viewers(root: Path, rule: Any) -> None:
    await (await open_site(root)).close()
    site = await scanned(root, top={"databases": {"one": rule}})
    answer = await site.get("/one/words")
    assert answer.status_code == 403
    assert "anki" not in answer.text
    await site.close()
