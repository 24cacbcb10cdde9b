"""A hostile page in a real browser: whole pages are shown to people, all else is refused.

Every attack sends SQL with a function that writes its argument down. The same attacks against
a server with ``--cors`` show that the browser really sends them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from programs import program
from sites import PATIENCE, Server, make_database
from test_browser import ARGS

from datasette_scan import compat

HOST = "evil.example"
PLUGIN = """
from datasette import hookimpl
from pathlib import Path

LOG = Path(__file__).with_name("log.txt")

@hookimpl
def prepare_connection(conn):
    def mark(word):
        with LOG.open("a") as file:
            file.write(word + "\\n")
        return word
    conn.create_function("mark", 1, mark)
"""

BLIND = """
<img src="{image}"><script src="{script}"></script><link rel="stylesheet" href="{style}">
<iframe src="{iframe}"></iframe><object data="{object}"></object><embed src="{embed}">
<video src="{video}"></video><div style="background: url('{background}')">x</div>
<iframe name="inner"></iframe><form id="get" target="inner" action="{page}">
<input name="sql" value="select mark('form in a frame')"></form>
<iframe sandbox="allow-scripts" srcdoc="<script>fetch('{sandbox}', {{mode: 'no-cors'}})</script>">
</iframe>
<link rel="prefetch" href="{prefetch}">
<script type="speculationrules">
{{"prefetch": [{{"source": "list", "urls": ["{speculation}"], "eagerness": "immediate"}}]}}
</script>
<script>
document.getElementById("get").submit();
new EventSource("{eventsource}");
navigator.sendBeacon("{beacon}", "x");
new WebSocket("{websocket}".replace("http", "ws"));
const frame = document.createElement("iframe");
document.body.append(frame);
frame.contentWindow.location = "{framelocation}";
Promise.allSettled([
  fetch("{nocors}", {{mode: "no-cors"}}), fetch("{cors}"), fetch("{head}", {{method: "HEAD"}}),
  fetch("{preflight}", {{headers: {{"content-type": "application/json"}}}}),
  fetch("{credentials}", {{mode: "no-cors", credentials: "include"}}),
]).then(() => {{ document.title = "done"; }});
</script>
"""
# What the browser is known to send, and --cors to let through.
SENT = {
    "image", "script", "style", "iframe", "object", "embed", "form in a frame", "framelocation",
    "nocors", "cors", "credentials", "eventsource", "sandbox", "speculation", "prefetch",
}  # fmt: skip
NAVIGATIONS = {
    "link": '<a id="go" href="{link}">look</a>',
    "form": '<form action="{page}"><input name="sql" value="select mark(\'form\')">'
    '<button id="go">look</button></form>',
    "location": "<script>location = '{location}'</script>",
    "refresh": '<meta http-equiv="refresh" content="0; url={refresh}">',
}
WORDS = [
    "image", "script", "style", "iframe", "object", "embed", "video", "background", "sandbox",
    "prefetch", "speculation", "eventsource", "beacon", "websocket", "framelocation", "nocors",
    "cors", "head", "preflight", "credentials", *NAVIGATIONS, "post",
]  # fmt: skip


@pytest.fixture
def evil() -> Iterator[Callable[[str], int]]:
    """A web server on another port, and what it shows."""
    shown = {"html": ""}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(shown["html"].encode())

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def show(html: str) -> int:
        shown["html"] = html
        return server.server_port

    yield show
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One in which another name leads to this machine."""
    chromium = program("Chromium")
    from playwright.sync_api import sync_playwright

    resolve = f"--host-resolver-rules=MAP {HOST} 127.0.0.1"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium, args=[*ARGS, resolve], timeout=PATIENCE * 1000
        )
        yield started
        started.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    yield page
    page.close()


class Target:
    """A server, its addresses, and what its SQL wrote down."""

    def __init__(self, root: Path, serve: Callable[..., Server], *options: str) -> None:
        make_database(root / "one.db")
        plugins = root.parent / "plugins"
        plugins.mkdir()
        (plugins / "marks.py").write_text(PLUGIN)
        self.log = plugins / "log.txt"
        self.server = serve(str(root), "--plugins-dir", str(plugins), *options)
        self.server.scanned()
        self.page = self.server.url + ("/one/-/query" if compat.HAS_CATALOG else "/one")

    def fill(self, html: str) -> str:
        urls = {word: self.url(word) for word in WORDS}
        return html.format(page=self.page, **urls)

    def url(self, word: str) -> str:
        return f"{self.page}?sql={quote(f'select mark({word!r})', safe='')}"

    def marks(self) -> set[str]:
        return set(self.log.read_text().split("\n")) - {""} if self.log.exists() else set()


@pytest.mark.parametrize("host", ["127.0.0.1", HOST])
def test_blind_requests(
    host: str, page: Any, evil: Callable[[str], int], root: Path, serve: Callable[..., Server]
) -> None:
    target = Target(root, serve)
    port = evil(target.fill(BLIND))
    page.goto(f"http://{host}:{port}/")
    page.wait_for_function("document.title === 'done'")
    page.goto(target.url("end"))  # typed in by a person, and after everything above
    assert target.marks() == {"end"}


def test_the_browser_sends_blind_requests(
    page: Any, evil: Callable[[str], int], root: Path, serve: Callable[..., Server]
) -> None:
    target = Target(root, serve, "--cors")
    port = evil(target.fill(BLIND))
    page.goto(f"http://{HOST}:{port}/")
    target.server.until(lambda: target.marks() >= SENT)


@pytest.mark.parametrize("host", ["127.0.0.1", HOST])
def test_whole_pages_are_shown(
    host: str, page: Any, evil: Callable[[str], int], root: Path, serve: Callable[..., Server]
) -> None:
    target = Target(root, serve)
    for way, html in NAVIGATIONS.items():
        page.goto(f"http://{host}:{evil(target.fill(html))}/")
        if "id=" in html:
            page.locator("#go").click()
        page.wait_for_url(f"{target.page}**")
        assert way in target.marks()
    assert target.marks() == set(NAVIGATIONS)


@pytest.mark.parametrize("host", ["127.0.0.1", HOST])
def test_forms_that_post(
    host: str, page: Any, evil: Callable[[str], int], root: Path, serve: Callable[..., Server]
) -> None:
    target = Target(root, serve)
    action = f"{target.server.url}/-/scan/rescan"
    form = f'<form method="post" action="{action}"><button id="go">look</button></form>'
    page.goto(f"http://{host}:{evil(form)}/")
    with page.expect_response(action) as response:
        page.locator("#go").click()
    assert response.value.status == 403
    assert target.server.scanned()["scans"] == 1
