"""Who may see what: permissions, hosts, cross-site requests."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sites import HANGS, MAGIC, Scanned, make_database, run_sql, scanned, unscanned

from datasette_scan import compat
from datasette_scan.views import access

needs_1_0 = pytest.mark.skipif(not compat.HAS_CATALOG, reason="new in Datasette 1.0")

ROOT_ONLY = {"scan-view": {"id": "root"}, "scan-rescan": {"id": "root"}}


def cookie(site: Scanned, actor: dict[str, Any]) -> dict[str, str]:
    return {"ds_actor": site.ds.sign({"a": actor}, "actor")}


async def test_rows_need_view_database(root: Path) -> None:
    make_database(root / "open.db")
    make_database(root / "closed.db")
    top = {"databases": {"closed": {"allow": {"id": "ann"}}}}
    site = await scanned(root, top=top)
    assert [r["name"] for r in (await site.json("/-/scan.json"))["rows"]] == ["open"]
    for page in ("/-/scan", "/-/scan.csv", "/-/scan?q=closed", "/-/home"):
        text = (await site.get(page)).text
        assert "closed.db" not in text, page
    assert (await site.get("/closed")).status_code == 403
    assert (await site.get("/closed/t")).status_code == 403
    ann = cookie(site, {"id": "ann"})
    body = await site.json("/-/scan.json", cookies=ann)
    assert [r["name"] for r in body["rows"]] == ["closed", "open"]
    assert (await site.get("/closed/t", cookies=ann)).status_code == 200
    await site.close()


async def test_permissions_are_checked_again_after_each_find(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it is found while the question is being answered."""
    make_database(root / "one.db")
    site = await unscanned(root)
    await site.scan()
    ask = compat.viewable_databases
    asked: list[list[str]] = []

    async def meanwhile(ds: Any, actor: Any, names: list[str]) -> set[str]:
        answer = await ask(ds, actor, names)
        asked.append(names)
        if len(asked) == 1:
            make_database(root / "two.db")
            await site.scan()
        return answer

    monkeypatch.setattr(compat, "viewable_databases", meanwhile)
    monkeypatch.setattr(access, "_VIEWABLE_SECONDS", HANGS)
    body = await site.json("/-/scan.json")  # without `two`, and not said to have it
    assert ([row["name"] for row in body["rows"]], body["scans"]) == (["one"], 1)
    body = await site.json("/-/scan.json")
    assert ([row["name"] for row in body["rows"]], body["scans"]) == (["one", "two"], 2)
    assert asked == [["one"], ["two"]]  # what is known is not asked again at once
    await site.close()


async def test_paths_and_skipped_need_scan_view(root: Path) -> None:
    make_database(root / "one.db")
    (root / "bad.db").write_bytes(MAGIC + b"?" * 4000)
    site = await scanned(root, allow=ROOT_ONLY)
    body = await site.json("/-/scan.json?tab=skipped")
    assert body["rows"][0]["path"] is None
    assert (body["skipped"], body["error"]) == (None, None)
    assert "skipped_files" not in body
    for page in ("/-/scan", "/-/scan?tab=skipped", "/-/scan.csv", "/one", "/one/t"):
        response = await site.get(page)
        assert response.status_code == 200
        assert str(root) not in response.text, page
        assert "bad.db" not in response.text
    # nor can a path be guessed letter by letter, by searching, filtering or sorting
    assert (await site.json("/-/scan.json?q=disk"))["total"] == 0
    assert (await site.json("/-/scan.json", params={"folder": "/nowhere"}))["total"] == 1
    assert (await site.get("/-/scan.json?_sort=path")).status_code == 400
    body = await site.json("/-/scan.json?tab=skipped", cookies=cookie(site, {"id": "root"}))
    assert body["rows"][0]["path"] == str(root / "one.db")
    assert len(body["skipped_files"]) == 1
    await site.close()


async def test_an_error_does_not_show_the_path(root: Path) -> None:
    make_database(root / "one.db")
    site = await scanned(root, allow=ROOT_ONLY)
    (root / "one.db").unlink()
    response = await site.get("/one/t")
    assert response.status_code == 410
    assert str(root) not in response.text
    await site.close()


async def test_a_denied_databases_state_is_hidden(root: Path) -> None:
    """Datasette 0.65 reads a table's name before it checks the right to see it."""
    make_database(root / "closed.db")
    site = await scanned(root, top={"databases": {"closed": {"allow": {"id": "ann"}}}})
    (root / "closed.db").unlink()
    for page in ("/closed", "/closed/t", "/closed/t.json", "/closed/t/1"):
        assert (await site.get(page)).status_code == 403, page
    assert (await site.get("/closed/t", cookies=cookie(site, {"id": "ann"}))).status_code == 410
    await site.close()


async def test_view_instance_is_needed(root: Path) -> None:
    make_database(root / "one.db")
    site = await scanned(root, top={"allow": {"id": "ann"}})
    for page in ("/-/scan", "/-/scan.json", "/-/scan.csv", "/-/home", "/one", "/one/t"):
        assert (await site.get(page)).status_code == 403, page
    assert (await site.get("/-/scan", cookies=cookie(site, {"id": "ann"}))).status_code == 200
    await site.close()


async def post(site: Scanned, path: str, **kwargs: Any) -> Any:
    return await site.ds.client.post(path, **kwargs)


async def token(site: Scanned) -> tuple[dict[str, str], dict[str, str]]:
    """What a browser sends with the form: a field, and on 0.65 a cookie."""
    page = await site.get("/-/scan")
    value = page.text.partition('name="csrftoken" value="')[2].partition('"')[0]
    return {"csrftoken": value}, dict(page.cookies)


async def test_rescan(root: Path) -> None:
    site = await scanned(root)
    fields, cookies = await token(site)
    headers = {"accept": "application/json"}
    response = await post(site, "/-/scan/rescan", data=fields, cookies=cookies, headers=headers)
    assert response.json() == {"ok": True, "started": True}
    response = await post(site, "/-/scan/rescan", data=fields, cookies=cookies)
    assert (response.status_code, response.headers["location"]) == (303, "/-/scan")
    assert (await site.get("/-/scan/rescan")).status_code == 405
    await site.close()


async def test_rescan_needs_scan_rescan(root: Path) -> None:
    site = await scanned(root, allow={"scan-rescan": {"id": "root"}})
    assert "Scan again" not in (await site.get("/-/scan")).text
    headers = {} if compat.HAS_CATALOG else {"authorization": "Bearer none"}
    response = await post(site, "/-/scan/rescan", headers=headers)
    assert response.status_code == 403
    await site.close()


async def test_rescan_from_another_site_is_refused(root: Path) -> None:
    site = await scanned(root)
    fields, cookies = await token(site)
    headers = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    wrong = {"csrftoken": "guessed"}
    data = fields if compat.HAS_CATALOG else wrong
    response = await post(site, "/-/scan/rescan", data=data, cookies=cookies, headers=headers)
    assert response.status_code == 403
    await site.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),  # another program's port on this machine
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost"}, 303),
        ({"sec-fetch-site": "same-origin", "origin": "http://localhost"}, 303),
        ({}, 303),  # no browser
    ],
)
async def test_rescan_from_another_site_without_cookies(
    headers: dict[str, str], status: int, root: Path
) -> None:
    """A browser that was never here sends no cookie, and with none 0.65 asks for no token."""
    site = await scanned(root)
    headers = {"host": "localhost", **headers}
    assert (await post(site, "/-/scan/rescan", headers=headers)).status_code == status
    await site.close()


QUERY = "/one/-/query.json" if compat.HAS_CATALOG else "/one.json"
LIST_FILES = f"{QUERY}?sql=select+*+from+pragma_database_list&_shape=arrays"
WITH_PATHS = ("/-/databases.json", "/-/databases", LIST_FILES)


@pytest.mark.parametrize("way", ["allow", pytest.param("permissions", marks=needs_1_0)])
async def test_datasettes_pages_show_paths_with_scan_view(way: str, root: Path) -> None:
    make_database(root / "one.db")
    who = {"scan-view": {"id": "ann"}}
    site = await (
        scanned(root, allow=who) if way == "allow" else scanned(root, top={"permissions": who})
    )
    ann = cookie(site, {"id": "ann"})
    bob = cookie(site, {"id": "bob"})
    for page in (*WITH_PATHS, "/one", "/one/t", "/-/scan.json"):
        for cookies in ({}, bob):
            response = await site.get(page, cookies=cookies)
            assert (response.status_code, str(root) in unescaped(response.text)) == (200, False)
    for page in (*WITH_PATHS, "/-/scan.json"):
        response = await site.get(page, cookies=ann)
        assert str(root) in unescaped(response.text), page
    # whoever may know them: what is remembered of one request is not shown in the next
    assert str(root) not in unescaped((await site.get(LIST_FILES)).text)
    await site.close()


def unescaped(text: str) -> str:
    """A JSON text with the escapes of slashes and of letters like ö undone."""
    plain = text.replace("\\/", "/")
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), plain)


async def test_everybody_on_this_machine_may_see_paths(root: Path) -> None:
    path = str(make_database(root / "one.db"))
    site = await scanned(root)
    assert [d["path"] for d in _databases(await site.json("/-/databases.json"))] == [path]
    assert path in unescaped((await site.get(LIST_FILES)).text)
    await site.close()


@needs_1_0
async def test_permissions_block_grants_on_the_network(root: Path) -> None:
    """By default nobody there may see paths: that is no opinion, which others can change."""
    make_database(root / "one.db")
    who = {"id": "ann"}
    site = await scanned(root, top={"permissions": {"scan-view": who, "scan-rescan": who}})
    site.state.settings = replace(site.state.settings, host="0.0.0.0")
    ann = cookie(site, {"id": "ann"})
    for cookies, path, status in (({}, None, 403), (ann, str(root / "one.db"), 303)):
        assert (await site.json("/-/scan.json", cookies=cookies))["rows"][0]["path"] == path
        assert (await post(site, "/-/scan/rescan", cookies=cookies)).status_code == status
    await site.close()


@needs_1_0
async def test_datasettes_analysis_leaves_paths_hidden(root: Path) -> None:
    """Datasette 1.0 sets an authorizer of its own on a connection, and removes all."""
    make_database(root / "one.db")
    site = await scanned(root, allow=ROOT_ONLY)
    await site.ds.databases["one"].analyze_sql("select * from t")
    assert (await site.json(LIST_FILES))["rows"] == []
    await site.close()


def _databases(body: Any) -> list[dict[str, Any]]:
    rows = body["databases"] if isinstance(body, dict) else body
    return [row for row in rows if row["name"] == "one"]


@needs_1_0
async def test_rules_grow_with_the_databases_requested(root: Path) -> None:
    """Datasette's own has four rows for each database: pages would be too slow with many."""
    from datasette.utils.actions_sql import build_permission_rules_sql

    for i in range(20):
        make_database(root / f"d{i}.db")
    run_sql(root / "d0.db", "CREATE INDEX names ON t(name)", "ANALYZE")
    site = await scanned(root)

    async def count() -> int:
        sql, params, _ = await build_permission_rules_sql(site.ds, None, "view-table")
        database = site.ds.get_internal_database()
        return (await database.execute(f"SELECT count(*) FROM ({sql})", params)).single_value()

    before = await count()
    assert before < 20
    assert (await site.get("/d0/t")).status_code == 200
    assert (await site.get("/d0/sqlite_stat1")).status_code == 403  # as Datasette has it
    assert [table["name"] for table in (await site.json("/d0.json"))["tables"]] == ["t"]
    run_sql(root / "d1.db", "CREATE INDEX names ON t(name)", "ANALYZE")
    assert (await site.get("/d1/sqlite_stat1")).status_code == 403
    assert await count() - before == 8
    await site.close()


@needs_1_0
async def test_not_even_root_writes(root: Path) -> None:
    path = make_database(root / "one.db")
    site = await scanned(root)
    before = path.read_bytes()
    site.ds.root_enabled = True
    actor = cookie(site, {"id": "root"})
    headers = {"content-type": "application/json"}
    for page, body in (
        ("/one/t/-/insert", {"rows": [{"name": "x"}]}),
        ("/one/-/create", {"table": "new", "rows": [{"a": 1}]}),
        ("/one/t/1/-/delete", {}),
        ("/one/t/1/-/update", {"update": {"name": "x"}}),
        ("/one/t/-/drop", {"confirm": True}),
    ):
        response = await post(site, page, content=json.dumps(body), headers=headers, cookies=actor)
        assert response.status_code == 403, (page, response.text)
    from datasette.resources import DatabaseResource, TableResource

    for action in ("insert-row", "update-row", "delete-row", "drop-table", "alter-table"):
        resource = TableResource("one", "t")
        assert not await site.ds.allowed(action=action, resource=resource, actor={"id": "root"})
    resource = DatabaseResource("one")
    assert not await site.ds.allowed(action="create-table", resource=resource, actor={"id": "root"})
    assert (await site.get("/one.db", cookies=actor)).status_code == 403  # a copy is at /-/scan
    assert await site.ds.allowed(
        action="execute-sql", resource=DatabaseResource("one"), actor={"id": "root"}
    )
    html = (await site.get("/one", cookies=actor)).text
    assert "Create table" not in html
    assert path.read_bytes() == before
    await site.close()


@pytest.mark.skipif(not compat.HAS_CATALOG, reason="new in Datasette 1.0")
@pytest.mark.parametrize(
    "actor",
    [
        None,
        {"id": "ann"},
        {"id": "ann", "_r": {"d": {"one": ["view-database", "view-table"]}}},
        {"id": "ann", "_r": {"r": {"two": {"t": ["view-table"]}}}},
        {"id": "root", "_r": {"a": ["view-database"]}},
    ],
)
async def test_verdicts_for_many_are_those_for_each(actor: Any, root: Path) -> None:
    for name in ("one", "two", "three"):
        make_database(root / f"{name}.db")
    rules = {"two": {"allow": {"id": "ann"}}, "three": {"tables": {"t": {"allow": False}}}}
    site = await scanned(root, top={"databases": rules})
    names = ["one", "two", "three"]
    found = await compat.viewable_databases(site.ds, actor, names)
    tables = await compat.viewable_tables(site.ds, actor, {name: ["t", "T"] for name in names})
    for name in names:
        assert (name in found) == await compat.may_view_database(site.ds, actor, name), name
        each = [t for t in ("t", "T") if await compat.may_view_table(site.ds, actor, name, t)]
        assert tables[name] == each, name
    await site.close()
