"""A person who looks inside and searches, in a real browser. SCAN_SCREENSHOT as in test_browser."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sites import PATIENCE, Server, make_database, run_sql
from test_browser import browser, faults, home_folder, shoot

pytestmark = pytest.mark.outside

__all__ = ["browser"]  # the fixture


@pytest.fixture
def server(root: Path, serve: Callable[..., Server]) -> Server:
    home_folder(root)
    run_sql(
        root / "notes.db",
        "CREATE TABLE letters (id INTEGER PRIMARY KEY, sender TEXT, body TEXT)",
        "INSERT INTO letters(sender, body) VALUES ('Example Ltd', 'Dear all, an EXAMPLE page is "
        "attached.' || char(10) || 'Yours, E. Xample'), ('Ann', 'see https://example.org/')",
    )
    make_database(root / ("long-" * 30 + "name.db"))
    run_sql(root / ("long-" * 30 + "name.db"), f"INSERT INTO t(name) VALUES ('example{'x' * 900}')")
    started = serve(str(root))
    started.scanned()
    return started


def test_from_the_list_to_the_row(browser: Any, server: Server) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE * 1000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(server.url)
    page.get_by_role("searchbox").fill("example")
    page.get_by_role("button", name="Search contents").click()
    page.locator(".scan-step-last").wait_for()
    assert page.title() == "“example” in all databases"
    assert page.locator(".scan-step:visible").count() == 1
    assert page.locator("#scan-stop").is_hidden()
    assert page.locator("#scan-status").inner_text().strip().startswith("6 matches in 3 tables")
    shoot(page, "datasette-scan-search")
    assert set(page.locator("mark").all_inner_texts()) == {"example", "Example", "EXAMPLE"}
    page.get_by_role("link", name="body").click()
    page.get_by_text("an EXAMPLE page").wait_for()
    assert page.locator("tbody tr").count() == 2
    page.go_back()
    page.get_by_role("link", name="Row 2").first.click()
    page.get_by_text("see https://example.org/").first.wait_for()
    assert errors == []
    page.close()


def test_search_without_javascript(browser: Any, server: Server) -> None:
    width = 360
    context = browser.new_context(
        viewport={"width": width, "height": 800}, java_script_enabled=False
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{server.url}/-/scan/search?q=example")
    page.locator(".scan-step-last").wait_for()
    assert page.locator(".scan-step:visible").count() == 1  # progress goes away without a script
    assert page.locator("#scan-stop").is_hidden()
    for element in page.locator(".scan-found *").all():
        box = element.bounding_box()
        assert box is None or box["x"] + box["width"] <= width + 1
    context.close()


class _Slow(BaseHTTPRequestHandler):
    """A server between, which holds the end of the search page back."""

    behind: Server
    left = threading.Event()

    def do_GET(self) -> None:
        text = self.behind.request(self.path)[1]
        is_search = "/search?" in self.path
        kind = (
            "text/html" if is_search else "text/css" if ".css" in self.path else "text/javascript"
        )
        self.send_response(200)
        self.send_header("content-type", f"{kind}; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.partition('<p class="scan-step scan-step-last">')[0].encode())
        self.wfile.flush()
        if is_search:
            self.rfile.read(1)  # until the browser leaves
            self.left.set()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def slow(server: Server) -> Iterator[str]:
    _Slow.behind = server
    _Slow.left.clear()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}/-/scan/search?q=example"
    http.shutdown()
    http.server_close()


def test_results_show_early_and_stop_works(browser: Any, slow: str) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(slow, wait_until="commit")
    page.locator("mark").first.wait_for()
    assert "of 11 databases searched" in page.locator(".scan-step:visible").inner_text()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped.").first.wait_for()
    assert page.locator(".scan-step:visible").inner_text() == "Stopped."
    assert page.get_by_role("searchbox").evaluate("e => e === document.activeElement")
    assert _Slow.left.wait(PATIENCE)
    page.close()


# -- the preview


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    opened.set_default_timeout(PATIENCE * 1000)
    yield opened
    opened.close()


def test_a_row_opens_in_place(page: Any, server: Server) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(server.url)
    turn = page.get_by_role("link", name="Preview notes", exact=True)
    assert turn.get_attribute("aria-expanded") == "false"
    turn.click()
    inside = page.locator(".scan-peek")
    inside.get_by_text("row 0").wait_for()
    assert turn.get_attribute("aria-expanded") == "true"
    assert page.locator(f"#{turn.get_attribute('aria-controls')}").count() == 1
    assert "peek=notes" in page.url
    inside.get_by_role("link", name="letters").click()
    inside.get_by_text("Example Ltd").wait_for()
    assert inside.locator("a[aria-current]").get_attribute("data-table") == "letters"
    assert page.evaluate("document.activeElement.dataset.table") == "letters"
    shoot(page, "datasette-scan-inside")
    page.reload()
    inside.get_by_text("Example Ltd").wait_for()
    inside.get_by_role("link", name="letters").nth(1).click()
    page.wait_for_url("**/notes/letters")
    assert errors == []


def test_a_row_opens_by_keyboard(page: Any, server: Server) -> None:
    page.goto(server.url)
    name = page.locator(".scan-open[data-name=notes]")
    name.focus()
    page.keyboard.press("ArrowRight")
    page.locator(".scan-peek").get_by_text("row 0").wait_for()
    page.keyboard.press("ArrowLeft")
    page.locator(".scan-peek").wait_for(state="detached")
    assert name.evaluate("e => e === document.activeElement")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.locator(".scan-peek").get_by_text("row 0").wait_for()
    page.locator(".scan-peek a").first.focus()
    page.keyboard.press("Escape")
    page.locator(".scan-peek").wait_for(state="detached")
    assert page.evaluate("document.activeElement.dataset.peek") == "notes"
    assert "peek" not in page.url


def test_an_open_row_stays_open_after_updates(page: Any, root: Path, server: Server) -> None:
    page.goto(server.url)
    page.get_by_role("link", name="Preview notes", exact=True).click()
    page.locator(".scan-peek").get_by_text("row 0").wait_for()
    page.get_by_role("searchbox").focus()
    page.mouse.move(0, 0)
    make_database(root / "later.db")
    page.get_by_role("button", name="Scan again").click()
    page.locator(".scan-open[data-name=later]").wait_for()
    page.locator(".scan-peek").get_by_text("row 0").wait_for()


def test_late_preview_replaces_no_newer(page: Any, server: Server) -> None:
    page.goto(server.url)
    page.get_by_role("link", name="Preview notes", exact=True).click()
    inside = page.locator(".scan-peek")
    inside.get_by_text("row 0").wait_for()
    held: list[Any] = []
    page.route("**/-/scan/peek?*table=t&*", lambda route: held.append(route))
    links = inside.locator("a[data-table]")
    page.evaluate(
        "() => ['t', 'letters'].forEach(name =>"
        " document.querySelector(`a[data-table=${name}]`).click())"
    )
    assert links.count() == 2
    inside.get_by_text("Example Ltd").wait_for()
    while not held:
        page.wait_for_timeout(50)
    with page.expect_event("requestfinished", lambda request: "table=t&" in request.url):
        held[0].continue_()
    page.evaluate("() => new Promise(done => setTimeout(done))")  # what is shown, is shown by now
    assert inside.locator("a[aria-current]").get_attribute("data-table") == "letters"
    assert "table=letters" in page.url


def test_focus_survives_another_try(page: Any, server: Server) -> None:
    page.route("**/-/scan/peek?*", lambda route: route.abort(), times=1)
    page.goto(server.url)
    page.get_by_role("link", name="Preview notes", exact=True).click()
    page.get_by_role("link", name="Try again").press("Enter")
    page.locator(".scan-peek").get_by_text("row 0").wait_for()
    assert page.evaluate("document.activeElement.dataset.peek") == "notes"


def test_address_names_an_open_preview(page: Any, server: Server) -> None:
    page.goto(server.url)
    for name in ("notes", "places"):
        page.get_by_role("link", name=f"Preview {name}", exact=True).click()
        page.wait_for_url(f"**peek={name}**")
    page.get_by_role("link", name="Preview notes", exact=True).click()
    page.wait_for_url("**peek=places**")
    page.get_by_role("searchbox").fill("places")
    page.wait_for_url("**q=places&peek=places")
    page.get_by_role("searchbox").fill("notes")
    page.wait_for_url("**?q=notes")
    page.get_by_role("searchbox").fill("")
    page.wait_for_url("**?peek=places")
    page.get_by_role("link", name="Preview places", exact=True).click()
    page.wait_for_url(lambda url: "peek" not in url)


PAGES = (
    "/?peek=notes&table=letters",
    "/-/scan/search",
    "/-/scan/search?q=example",
    "/-/scan/search?q=nowhere",
    "/-/scan/peek?name=places",
    "/-/scan/states",
    "/-/scan/changes",
    "/-/scan/duplicates",
    "/-/scan/duplicates?compare=1",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280, 2000])
def test_accessible(width: int, scheme: str, browser: Any, root: Path, server: Server) -> None:
    """Every page by axe-core's rules; nothing needs scrolling sideways."""
    shutil.copy(root / "notes.db", root / "copy of notes.db")
    make_database(root / "later.db")
    server.request("/-/scan/rescan", data=b"", headers={"authorization": "Bearer none"})
    server.until(lambda: '"later"' in server.request("/-/scan/changes.json")[1])
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    found = {}
    for path in PAGES:
        page.goto(server.url + path)
        if "peek=" in path:
            page.locator(".scan-peek").get_by_text("Example Ltd").wait_for()
        shoot(page, f"{path.rpartition('/')[2].replace('?', '-')}-{width}-{scheme}")
        found[path] = faults(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    page.goto(f"{server.url}/places")
    page.get_by_role("button", name="Read again").wait_for()
    found["the banner"] = [fault for fault in faults(page) if "scan" in fault]
    assert {path: wrong for path, wrong in found.items() if wrong} == {}
    context.close()


def test_looks_and_banner_without_javascript(browser: Any, server: Server) -> None:
    width, scheme = 360, "light"
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=False
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(server.url)
    page.get_by_role("link", name="Preview places").click()
    page.get_by_text("Example page").wait_for()
    assert page.url.endswith("/-/scan/peek?name=places")
    shoot(page, f"datasette-scan-inside-{width}-{scheme}")
    assert page.locator("html").bounding_box()["width"] <= width
    page.get_by_role("link", name="What does that mean?").click()
    page.get_by_role("heading", name="How databases are read").wait_for()
    shoot(page, f"datasette-scan-states-{width}-{scheme}")
    page.goto(f"{server.url}/places")
    page.get_by_role("button", name="Read again").wait_for()
    shoot(page, f"datasette-scan-banner-{width}-{scheme}")
    assert page.locator("html").bounding_box()["width"] <= width
    page.get_by_role("button", name="Read again").click()
    page.wait_for_url("**/places")
    context.close()


def test_the_path_is_copied(browser: Any, root: Path, server: Server) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{server.url}/notes")
    page.get_by_role("button", name="Copy path").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == str(root / "notes.db")
    context.close()


CLICK_TWICE = """
() => new Promise(done => {
  const button = document.querySelector('[data-copy-text]');
  let changes = 0;
  new MutationObserver(records => {
    if (!changes) { button.click(); }
    changes += records.length;
    if (changes === 4) { done(button.textContent); }  // copied twice, and back twice
  }).observe(button, {childList: true});
  button.click();
})
"""


def test_button_keeps_its_label(browser: Any, server: Server) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{server.url}/notes")
    page.get_by_role("button", name="Copy path").wait_for()
    assert page.evaluate(CLICK_TWICE) == "Copy path"
    context.close()
