"""A person at the catalogue, in a real browser. Set SCAN_SCREENSHOT to a folder for pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sites import MAGIC, PATIENCE, Server, child_python, end, make_database, slow_scanner
from programs import program
from test_opening import HOLD_OPEN, hot_journal
from test_pages import VTAB, run_sql

pytestmark = pytest.mark.outside

ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = program("Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium, args=ARGS, timeout=PATIENCE * 1000
        )
        yield started
        started.close()


def home_folder(root: Path) -> None:
    """What a home folder may hold."""
    for project in ("blog", "shop", "wiki"):
        folder = root / "code" / project
        make_database(folder / "db.sqlite3")
        run_sql(
            folder / "db.sqlite3", "CREATE TABLE django_migrations (id)", "CREATE TABLE page (x)"
        )
    profile = root / ".mozilla" / "firefox" / "k3v1x.default"
    profile.mkdir(parents=True)
    run_sql(
        profile / "places.sqlite",
        "CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url, title)",
        "CREATE TABLE moz_historyvisits (id)",
        "INSERT INTO moz_places(url, title) VALUES ('https://example.org/', 'Example page')",
        "CREATE TABLE moz_bookmarks (id)",
    )
    (root / "maps").mkdir()
    run_sql(
        root / "maps" / "city.mbtiles",
        "CREATE TABLE tiles (z)",
        "CREATE TABLE metadata (name, value)",
    )
    run_sql(root / "maps" / "parks.sqlite", *VTAB)
    make_database(root / "Downloads" / "export of 2024.db", rows=40000)
    make_database(root / "notes.db", rows=120, journal="wal")
    hot_journal(root / "code" / "crashed.db")
    (root / "Downloads" / "half.db").write_bytes(MAGIC + b"?" * 9000)
    make_database(root / "evil\u202etxt.db")


def shoot(page: Any, name: str) -> None:
    folder = os.environ.get("SCAN_SCREENSHOT")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


AXE = Path(__file__).parents[2] / ".tools" / "node_modules" / "axe-core" / "axe.min.js"


def faults(page: Any, *rules: str) -> list[str]:
    """What axe-core finds wrong: rule, number of places, and the first of them."""
    if not AXE.exists():
        pytest.fail(f"{AXE.name} is missing; run: make {AXE.relative_to(AXE.parents[3])}")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    violations = page.evaluate(
        "options => axe.run(document, options).then(found => found.violations)", options
    )
    return [
        f"{v['id']} ({len(v['nodes'])}): {v['nodes'][0]['html'][:200]}"
        f" {v['nodes'][0]['failureSummary'][:300]}"
        for v in violations
    ]


def names(page: Any) -> list[str]:
    return page.evaluate("[...document.querySelectorAll('[data-name]')].map(e => e.dataset.name)")


@pytest.fixture
def live(root: Path) -> Iterator[None]:
    home_folder(root)
    path = make_database(root / "Library" / "chat.db", journal="wal")
    child = child_python(HOLD_OPEN, str(path), "INSERT INTO t(name) VALUES ('unsaved')")
    yield
    end(child)


def test_a_visit(browser: Any, root: Path, live: None, serve: Callable[..., Server]) -> None:
    server = serve(str(root))
    server.scanned()
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE * 1000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(server.url)
    assert page.title() == f"Databases in {root}"
    assert len(names(page)) == 11
    assert "evil\\u202etxt.db" in page.content()
    shoot(page, "datasette-scan")

    page.get_by_role("searchbox").fill("moz_book")
    page.wait_for_url("**q=moz_book**")  # by typing alone
    assert names(page) == ["places"]
    page.get_by_text("1 database", exact=True).first.wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/-/scan/search?q=moz_book**")
    page.go_back()
    page.get_by_role("link", name="search moz_book").click()
    page.wait_for_url(lambda url: "q=" not in url)
    page.get_by_role("navigation", name="Narrow the list").get_by_role(
        "link", name="Django"
    ).click()
    page.wait_for_url("**application=Django**")
    assert sorted(names(page)) == ["blog-db", "shop-db", "wiki-db"]
    page.goto(server.url)
    page.get_by_role("link", name="Size").click()
    page.wait_for_url("**_sort_desc=size**")
    assert names(page)[0] == "export of 2024"
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("Size")
    page.get_by_role("link", name="Size").click()
    page.wait_for_url("**_sort=size**")
    page.get_by_role("link", name="Folder", exact=True).click()
    page.wait_for_url("**group=folder**")
    page.get_by_role("heading", name="Downloads").wait_for()
    page.goto(server.url)

    page.get_by_role("link", name="places", exact=True).click()
    page.get_by_text("read-only").wait_for()
    shoot(page, "datasette-scan-database")
    page.get_by_role("link", name="moz_places").first.click()
    page.get_by_text("Example page").first.wait_for()
    page.goto(f"{server.url}/places?sql=select+title+from+moz_places")
    page.get_by_text("Example page").first.wait_for()

    page.goto(server.url)
    page.get_by_role("link", name="Skipped").click()
    page.get_by_text("half.db").wait_for()
    shoot(page, "datasette-scan-skipped")
    assert errors == []
    page.close()


def test_rows_and_progress_appear_while_it_scans(
    browser: Any, root: Path, tmp_path: Path, serve: Callable[..., Server]
) -> None:
    make_database(root / "first.db")
    server = serve(str(root)).wait()
    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(server.url)
    page.get_by_role("link", name="first", exact=True).wait_for()
    make_database(root / "second.db")
    page.get_by_role("button", name="Scan again").click()
    page.get_by_role("link", name="second", exact=True).wait_for()  # without a reload of the page
    page.get_by_text("Scanned", exact=False).first.wait_for()
    assert page.locator("#scan-live").get_attribute("aria-live") == "polite"
    page.close()


def test_page_that_opens_before_anything_is_found(
    browser: Any, root: Path, tmp_path: Path, serve: Callable[..., Server]
) -> None:
    """A scan that takes long: the page is there at once and fills without a reload."""
    env = slow_scanner(tmp_path, '{"event":"progress","files":1234,"folders":56}')
    server = serve(str(root), env=env).wait()
    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(server.url)
    page.get_by_role("heading", name="Databases in").wait_for()
    page.wait_for_function("/1,234 files/.test(document.getElementById('scan-progress').innerText)")
    page.close()


def test_typing_while_it_scans(
    browser: Any, root: Path, tmp_path: Path, serve: Callable[..., Server]
) -> None:
    """The list is loaded again and again then, which ends no search that was typed."""
    env = slow_scanner(tmp_path, '{"event":"progress","files":1234,"folders":56}')
    server = serve(str(root), env=env).wait()
    server.until(lambda: '"files": 1234' in server.request("/-/scan.json")[1])
    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(server.url)
    held: list[Any] = []
    page.route("**/?q=word", lambda route: held.append(route))
    page.get_by_role("searchbox").fill("word")
    while not held:
        page.wait_for_timeout(50)
    for _ in range(3):  # polls, each after what the one before has loaded
        with page.expect_response("**/-/scan.json*"):
            pass
    held[0].continue_()
    page.wait_for_url("**q=word**")
    page.close()


def announced(page: Any, words: str) -> None:
    """Wait until screen readers hear ``words``."""
    page.wait_for_function(
        "words => document.getElementById('scan-live').textContent.includes(words)", arg=words
    )


def test_failed_scan_is_announced_and_shown(
    browser: Any, root: Path, tmp_path: Path, serve: Callable[..., Server]
) -> None:
    env = slow_scanner(tmp_path)
    script, good = Path(env["FAKE_SCANNER"]), '0\n0\n{"event":"progress"}'
    script.write_text(good)
    server = serve(str(root), env=env)
    server.scanned()
    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(server.url)
    script.write_text("2\n0\n")
    page.get_by_role("button", name="Scan again").click()
    announced(page, "The scan failed: sqlite-scanner stopped with exit code 2")
    page.get_by_role("alert").get_by_text("exit code 2").wait_for()
    script.write_text(good)
    page.get_by_role("button", name="Scan again").click()
    announced(page, "The scan is complete")
    page.get_by_role("alert").wait_for(state="detached")
    page.close()


def test_late_answer_ends_no_scan(
    browser: Any, root: Path, tmp_path: Path, serve: Callable[..., Server]
) -> None:
    """An answer about the time before the scan comes after the scan has begun."""
    env = slow_scanner(tmp_path)
    script = Path(env["FAKE_SCANNER"])
    script.write_text('0\n0\n{"event":"progress"}')
    server = serve(str(root), env=env)
    server.scanned()
    script.write_text('0\n100000\n{"event":"progress","files":1234,"folders":56}')
    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    held: list[Any] = []

    def hold_first(route: Any) -> None:
        if held:
            route.continue_()
        else:
            held.append((route, route.fetch()))

    page.route("**/-/scan.json*", hold_first)
    page.goto(server.url)
    while not held:
        page.wait_for_timeout(50)
    page.get_by_role("button", name="Scan again").click()
    announced(page, "1234 files seen")
    held[0][0].fulfill(response=held[0][1])
    for _ in range(2):
        with page.expect_response("**/-/scan.json*"):
            pass
    assert page.locator("#scan-live").inner_text().startswith("1234 files seen")
    page.close()


def test_typing_changes_all_that_filters(
    browser: Any, root: Path, serve: Callable[..., Server]
) -> None:
    make_database(root / "one.db")
    make_database(root / "two.db")
    server = serve(str(root))
    server.scanned()
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{server.url}/?tab=skipped")
    page.get_by_role("link", name="Skipped").hover()
    page.get_by_role("searchbox").fill("one")
    page.wait_for_url(f"{server.url}/?q=one")
    announced(page, "1 database")
    assert names(page) == ["one"]
    for each in page.get_by_role("link").all():
        href = each.get_attribute("href")
        if "tab=" not in href and ("scan.json" in href or "scan.csv" in href or "age=" in href):
            assert "q=one" in href
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert [line.partition(",")[0] for line in download.value.path().read_text().split()] == [
        "name",
        "one",
    ]
    page.close()


def test_without_javascript(browser: Any, root: Path, serve: Callable[..., Server]) -> None:
    make_database(root / "one.db")
    make_database(root / "two.db")
    server = serve(str(root))
    server.scanned()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(server.url + "/?q=one")
    assert names(page) == ["one"]
    make_database(root / "one_more.db")
    page.get_by_role("button", name="Scan again").click()
    server.until(lambda: "one_more" in server.request("/-/scan.json")[1])
    server.scanned()
    page.goto(server.url + "/?q=one")
    assert sorted(names(page)) == ["one", "one_more"]
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_and_dark(
    scheme: str, browser: Any, root: Path, live: None, serve: Callable[..., Server]
) -> None:
    server = serve(str(root))
    server.scanned()
    context = browser.new_context(viewport={"width": 380, "height": 780}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(server.url)
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    shoot(page, f"datasette-scan-narrow-{scheme}")
    page.set_viewport_size({"width": 1280, "height": 800})
    shoot(page, f"datasette-scan-wide-{scheme}")
    colours = page.evaluate(
        "[document.body, document.querySelector('.scan-list td')]"
        ".map(e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor])"
    )
    assert (
        _contrast(colours[0][0], colours[0][1] if scheme == "dark" else "rgb(255, 255, 255)") > 4.5
    )
    # by keyboard, also where rows are cards: what has the focus is on the screen, with a frame
    page.set_viewport_size({"width": 380, "height": 780})
    page.get_by_role("link", name="Size").focus()
    page.keyboard.press("Tab")
    box = page.evaluate(
        "(e => ({...e.getBoundingClientRect().toJSON(), text: e.innerText, "
        "frame: getComputedStyle(e).outlineStyle, colour: getComputedStyle(e).color}))"
        "(document.activeElement)"
    )
    assert box["text"].startswith("Changed") and box["frame"] == "solid"
    assert box["width"] > 20 and box["height"] > 10 and 0 <= box["left"] <= box["right"] <= 380
    behind = colours[0][1] if scheme == "dark" else "rgb(255, 255, 255)"
    assert _contrast(box["colour"], behind) > 4.5
    # from the search field to the first database
    page.get_by_role("searchbox").focus()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.scan-open')"):
            break
    page.keyboard.press("Enter")
    page.get_by_text("read-only").first.wait_for()
    context.close()


def _contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(v) / 255 for v in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        linear = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted([light(one), light(other)], reverse=True)
    return (high + 0.05) / (low + 0.05)


OVERFLOWING = """
() => [...document.querySelectorAll('.scan-list th, .scan-list td')].filter(cell => {
  const edge = cell.getBoundingClientRect().right + 1;
  return [...cell.querySelectorAll('*')].some(x => x.getBoundingClientRect().right > edge
    && !x.closest('.scan-data'));  // what does not fit there is out of sight
}).map(cell => cell.innerText.slice(0, 40))
"""


@pytest.mark.parametrize("width", [360, 1280, 2000])
def test_long_names_push_nothing_off(
    width: int, browser: Any, root: Path, serve: Callable[..., Server]
) -> None:
    make_database(root / ("a-very-long-name-" * 8 + ".db"))
    make_database(root / ("x" * 200) / "short.db")
    server = serve(str(root))
    server.scanned()
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(server.url)
    assert page.evaluate(OVERFLOWING) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto(f"{server.url}/?status=busy&q=short")
    page.get_by_role("link", name="status busy").click()
    page.wait_for_url(lambda url: "status" not in url)
    assert names(page) == ["short"]
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_datasettes_own_pages_are_dark_too(
    scheme: str, browser: Any, root: Path, serve: Callable[..., Server]
) -> None:
    make_database(root / "one.db", rows=40)
    server = serve(str(root))
    server.scanned()
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    for path in (
        "/",
        "/one",
        "/one/t?_facet=name&name__contains=row",
        "/one/t/1",
        "/one?sql=select+1",
        "/-/home",
        "/-/settings",
        "/-/scan/search?q=row",
    ):
        page.goto(server.url + path)
        back = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (back == "rgb(20, 25, 31)") == (scheme == "dark"), path
        if scheme == "dark":
            assert faults(page, "color-contrast") == [], path
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280, 2000])
def test_accessible(
    width: int, scheme: str, browser: Any, root: Path, live: None, serve: Callable[..., Server]
) -> None:
    """Every state of the list, by axe-core's rules; nothing needs scrolling sideways."""
    for i in range(14):
        make_database(root / "shards" / f"shard-{i:02}.db")
    server = serve(str(root))
    server.scanned()
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    for args in (
        "", "?group=folder", "?group=none&_size=5&_next=5", "?q=db&status=busy", "?tab=skipped",
    ):  # fmt: skip
        page.goto(f"{server.url}/{args}")
        assert faults(page) == [], args
        assert page.evaluate("document.documentElement.scrollWidth") <= width, args
    context.close()


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.dataset.name || document.activeElement.name"))


def test_keys_of_the_list(browser: Any, root: Path, serve: Callable[..., Server]) -> None:
    for name in ("a", "b", "c"):
        make_database(root / f"{name}.db")
    server = serve(str(root))
    server.scanned()
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{server.url}/?group=none&_sort=name")
    page.get_by_role("searchbox").focus()
    for key, name in (
        ("ArrowDown", "a"), ("ArrowDown", "b"), ("End", "c"), ("ArrowDown", "c"),
        ("Home", "a"), ("ArrowUp", "q"), ("ArrowDown", "a"), ("ArrowDown", "b"),
    ):  # fmt: skip
        page.keyboard.press(key)
        assert focused(page) == name, (key, name)
    page.keyboard.press("Control+c")
    page.wait_for_function("navigator.clipboard.readText().then(text => text.endsWith('/b.db'))")
    page.keyboard.press("c")  # single letters do nothing
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    for _ in range(20):  # Datasette's own dialog gives the focus back a moment later
        page.wait_for_timeout(300)
        page.get_by_role("searchbox").focus()
        page.keyboard.press("ArrowDown")
        if focused(page) == "a":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/a")
    context.close()


@pytest.mark.parametrize(
    ("word", "then"), [("row", "row2"), ("row2", "row2"), ("row1", "row1"), ("nothing", "q")]
)
def test_focus_survives_a_new_list(
    word: str, then: str, browser: Any, root: Path, serve: Callable[..., Server]
) -> None:
    """Arrows are pressed before the list for what was typed is there."""
    for name in ("first", "row1", "row2"):
        make_database(root / f"{name}.db")
    server = serve(str(root))
    server.scanned()
    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{server.url}/?group=none&_sort=name")
    held: list[Any] = []
    page.route("**/?*q=*", lambda route: held.append(route))
    page.get_by_role("searchbox").fill(word)
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    assert focused(page) == "row2"
    while not held:
        page.wait_for_timeout(50)
    held[0].continue_()
    page.wait_for_url("**q=**")
    assert focused(page) == then
    page.close()


def test_newer_list_has_the_focus(browser: Any, root: Path, serve: Callable[..., Server]) -> None:
    make_database(root / "b.db")
    server = serve(str(root))
    server.scanned()
    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{server.url}/?group=none&_sort=name")
    page.locator("[data-name=b]").focus()
    make_database(root / "a.db")
    server.request("/-/scan/rescan", data=b"", headers={"authorization": "Bearer none"})
    page.get_by_role("button", name="The list has changed").press("Enter")
    page.locator("[data-name=a]").wait_for()
    page.wait_for_function("document.activeElement.dataset.name === 'a'")
    page.close()


def test_closed_groups_stay_closed(browser: Any, root: Path, serve: Callable[..., Server]) -> None:
    make_database(root / "mine.db")
    run_sql(root / "city.mbtiles", "CREATE TABLE tiles (z)", "CREATE TABLE metadata (n, v)")
    server = serve(str(root))
    server.scanned()
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(server.url)
    mine, city = page.locator("[data-name=mine]"), page.locator("[data-name=city]")
    page.get_by_role("button", name="MBTiles").click()
    assert mine.is_visible() and not city.is_visible()
    page.reload()
    page.get_by_role("button", name="MBTiles").wait_for()
    assert mine.is_visible() and not city.is_visible()
    page.get_by_role("button", name="Close all").click()
    assert not mine.is_visible()
    page.get_by_role("button", name="Open all").click()
    assert mine.is_visible() and city.is_visible()
    context.close()
