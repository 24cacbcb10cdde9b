"""Downloads: one consistent state of a database, for those who may have it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sites import (
    child_python,
    end,
    make_database,
    make_datasette,
    photograph,
    scanned,
    started,
)
from test_opening import HOLD_OPEN, hot_journal
from test_pages import run_sql

from datasette_scan import compat


def rows_in(content: bytes, folder: Path, table: str = "t") -> int:
    path = folder / "downloaded.db"
    path.write_bytes(content)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    count = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    connection.close()
    return int(count)


def copies(site: Any) -> list[str]:
    folder = site.state.reader.opener.snapshots._folder
    return [] if folder is None else [n for n in os.listdir(folder) if n != "in-use"]


async def test_a_database_and_its_headers(root: Path, tmp_path: Path) -> None:
    make_database(root / 'odd "name".db', rows=5)
    site = await scanned(root)
    before = photograph(root)
    response = await site.get("/-/scan/download", params={"name": 'odd "name"'})
    assert response.status_code == 200
    assert response.headers["content-disposition"] == 'attachment; filename="odd _name_.db"'
    assert response.headers["content-type"] == "application/vnd.sqlite3"
    assert response.headers["cache-control"] == "private, no-store"
    assert rows_in(response.content, tmp_path) == 5
    assert photograph(root) == before
    assert copies(site) == []
    await site.close()


async def test_it_has_what_only_the_log_has(root: Path, tmp_path: Path) -> None:
    path = make_database(root / "wal.db", rows=3, journal="wal")
    child = child_python(HOLD_OPEN, str(path), "INSERT INTO t(name) VALUES ('unsaved')")
    try:
        site = await scanned(root)
        response = await site.get("/-/scan/download?name=wal")
        assert rows_in(response.content, tmp_path) == 4
        await site.close()
    finally:
        end(child)


async def test_the_state_before_an_interrupted_write(root: Path, tmp_path: Path) -> None:
    hot_journal(root / "hot.db")
    site = await scanned(root)
    response = await site.get("/-/scan/download?name=hot")
    assert rows_in(response.content, tmp_path) == await site.count("hot")
    await site.close()


@pytest.mark.parametrize(
    "rule",
    [
        {"allow": {"id": "ann"}},
        {"tables": {"closed": {"allow": {"id": "ann"}}}},
        {"permissions": {"view-database-download": {"id": "ann"}}},
    ],
)
async def test_who_may_download(rule: dict[str, Any], root: Path) -> None:
    if "permissions" in rule and not compat.HAS_CATALOG:
        pytest.skip("Datasette 0.65 has no permissions block")
    run_sql(root / "one.db", "CREATE TABLE open (x)", "CREATE TABLE closed (x)")
    site = await scanned(root, top={"databases": {"one": rule}})
    response = await site.get("/-/scan/download?name=one")
    assert response.status_code == (404 if "allow" in rule else 403)
    cookies = {"ds_actor": site.ds.sign({"a": {"id": "ann"}}, "actor")}
    assert (await site.get("/-/scan/download?name=one", cookies=cookies)).status_code == 200
    assert (await site.get("/-/scan/download?name=other", cookies=cookies)).status_code == 404
    assert (await site.get("/-/scan/download", cookies=cookies)).status_code == 404
    await site.close()


async def test_an_analyzed_database(root: Path, tmp_path: Path) -> None:
    """Nobody may view the statistics on Datasette 1.0 once it knows the tables."""
    path = make_database(root / "one.db")
    run_sql(
        path,
        "CREATE INDEX i ON t(name)",
        "CREATE VIRTUAL TABLE words USING fts5(a)",
        "CREATE VIRTUAL TABLE terms USING fts5vocab(words, row)",
        "ANALYZE",
    )
    site = await scanned(root)
    assert (await site.get("/one")).status_code == 200
    response = await site.get("/-/scan/download?name=one")
    assert response.status_code == 200
    assert rows_in(response.content, tmp_path, "sqlite_stat1") > 0
    await site.close()


async def test_a_database_too_large_for_a_copy(root: Path) -> None:
    make_database(root / "big.db", rows=40000)
    site = await scanned(root, snapshot_max_mb=0.1)
    response = await site.get("/-/scan/download?name=big", headers={"accept": "application/json"})
    assert response.status_code == 413 and "snapshot_max_mb" in response.json()["advice"]
    assert copies(site) == []
    await site.close()


async def test_a_gone_one(root: Path) -> None:
    path = make_database(root / "one.db")
    site = await scanned(root)
    path.unlink()
    assert (await site.get("/-/scan/download?name=one")).status_code == 410
    await site.close()


async def test_links_to_it(root: Path) -> None:
    make_database(root / "one.db")
    link = "/-/scan/download?name=one"
    site = await scanned(root)
    for page in ("/one", "/-/scan/peek?name=one"):
        assert link in (await site.get(page)).text, page
    await site.close()
    rule = {"allow_download": False}
    site = await started(make_datasette({"paths": [str(root)]}, settings=rule))
    await site.scan()
    for page in ("/one", "/-/scan/peek?name=one"):
        assert link not in (await site.get(page)).text, page
    assert (await site.get(link)).status_code == 403
    await site.close()
