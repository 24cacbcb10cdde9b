"""What is answered while a scan is under way: names that may yet be found, and under load."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from datasette.app import Datasette
from datasette_scan.finder import FindOptions
from datasette_scan.settings import Settings
from datasette_scan.state import set_command_settings
from sites import Scanned, Server, make_database, run_sql, scanned, slow_scanner, started
from test_pages import VTAB
from test_server import datasette

from datasette_scan import compat

JSON = {"accept": "application/json"}


@pytest.mark.parametrize("page", ["/later", "/later/t", "/later/t/1", "/later-0123abcd"])
async def test_unknown_names_are_not_found_yet(page: str, root: Path) -> None:
    make_database(root / "one.db")
    site = await scanned(root)
    assert (await site.get(page)).status_code == 404
    site.state.catalog.begin()
    response = await site.get(page)
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert '<meta http-equiv="refresh" content="2">' in response.text
    assert "A scan is under way" in response.text
    for wanted in ({"path": f"{page}.json"}, {"path": page, "headers": JSON}):
        response = await site.get(**wanted)
        assert (response.status_code, response.headers["retry-after"]) == (503, "2")
        body = response.json()
        assert (body["ok"], body["title"]) == (False, "not found yet")
    site.state.catalog.finish()
    assert (await site.get(page)).status_code == 404
    await site.close()


async def test_what_is_known_is_answered_as_ever(root: Path) -> None:
    make_database(root / "one.db")
    site = await scanned(root)
    site.state.catalog.begin()
    for page, status in (("/one/t", 200), ("/one/nothing", 404), ("/-/nothing", 404), ("/", 200)):
        response = await site.get(page)
        assert response.status_code == status, page
        assert "retry-after" not in response.headers
    await site.close()


async def test_names_below_a_base_url(root: Path) -> None:
    site = await scanned(root)
    site.ds._settings["base_url"] = "/sub/"
    site.state.catalog.begin()
    assert (await site.ds.client.get("/later/t")).status_code == 503
    assert (await site.ds.client.get("/-/nothing")).status_code == 404
    await site.close()


def test_page_appears_when_its_database_is_found(
    root: Path, tmp_path: Path, serve: Callable[..., Server]
) -> None:
    """Before anything is found, while a scan never ends."""
    make_database(root / "one.db")
    server = serve(str(root), env=slow_scanner(tmp_path)).wait()
    for path in ("/one", "/one/t.json"):
        status, _ = server.request(path)
        assert status == 503, path
    status, text = server.request("/one", JSON)
    assert json.loads(text)["status"] == status == 503


def test_get_where_an_extension_is_missing(root: Path) -> None:
    """Datasette 0.65 checks every database at its start, and ends where one can't be read."""
    run_sql(root / "spatial.db", *VTAB)
    make_database(root / "one.db")
    result = datasette("scan", str(root), "--get", "/one/t.json?_shape=array")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)[0]["name"] == "row 0"
    result = datasette("scan", str(root), "--get", "/spatial/plain.json")
    assert result.returncode == 0, result.stderr
    result = datasette("scan", str(root), "--get", "/-/scan.json")
    body = json.loads(result.stdout)
    assert (body["scanning"], body["total"]) == (False, 2)
    assert datasette("scan", str(root), "--get", "/nowhere.json").returncode == 1


async def _site_of_the_command(root: Path) -> Scanned:
    """As ``datasette scan`` makes it: without ``_memory``."""
    roots = (bytes(root),)
    set_command_settings(Settings(find=FindOptions(roots), memory=False, home=True))
    try:
        return await started(Datasette())
    finally:
        set_command_settings(None)


async def test_memory_is_in_no_list(root: Path) -> None:
    """Datasette 1.0 looks up what its catalogue of schemas names; a name too many is an error."""
    site = await _site_of_the_command(root)
    assert "_memory" not in site.ds.databases
    if compat.HAS_CATALOG:
        internal = site.ds.get_internal_database()
        rows = await internal.execute("select database_name from catalog_databases")
        assert "_memory" not in [row[0] for row in rows.rows]
    await site.close()


PAGES = ("/-/home", "/-/home.json", "/", "/-/scan.json", "/-/databases.json", "/.json")


async def test_first_requests_at_once(root: Path) -> None:
    for i in range(60):
        make_database(root / f"d{i}.db")
    site = await _site_of_the_command(root)
    scan = asyncio.create_task(site.scan())
    while not scan.done():
        answers = await asyncio.gather(*[site.get(page) for page in PAGES * 4])
        assert {answer.status_code for answer in answers} == {200}
    await scan
    await site.close()


def test_load_during_a_scan(root: Path, serve: Callable[..., Server]) -> None:
    """A real server, from its first moment on."""
    for i in range(120):
        make_database(root / f"d{i}.db")
    server = serve(str(root), "--scan-interval", "0.01")
    server.until(lambda: server.request("/-/actor.json")[0] == 200)
    failures: list[object] = []

    def ask(pages: tuple[str, ...]) -> None:
        for page in pages:
            status, text = server.request(page)
            if status not in (200, 503):
                failures.append((page, status, text[-300:]))

    pages = (*PAGES, "/d7/t", "/d8", "/d119.json", "/d5/t/1")
    threads = [threading.Thread(target=ask, args=(pages * 2,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert "Traceback" not in server.text() and "KeyError" not in server.text()
