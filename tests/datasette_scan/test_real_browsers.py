"""Profiles of real browsers, read while the browsers run, and written by nobody else."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import os
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from programs import program
from sites import PATIENCE, Server, free_port, photograph
from test_browser import ARGS

from datasette_scan import compat

pytestmark = pytest.mark.outside

PREFERENCES = """
user_pref("marionette.port", {port});
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.enabled", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "http://127.0.0.1:9/");
"""


class Pages(http.server.BaseHTTPRequestHandler):
    """A page with a title and a cookie at every address."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("set-cookie", "scan_test=1; Max-Age=86400")
        self.end_headers()
        self.wfile.write(f"<title>Page {self.path}</title>Hello".encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def pages() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Firefox:
    """A headless Firefox with a profile, steered by its Marionette protocol."""

    def __init__(self, command: str, profile: Path, home: Path) -> None:
        port = free_port()
        (profile / "user.js").write_text(PREFERENCES.format(port=port))
        self.process = subprocess.Popen(
            [command, "--headless", "--no-remote", "--marionette", "--profile", str(profile)],
            env={**os.environ, "HOME": str(home), "MOZ_DISABLE_CONTENT_SANDBOX": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._count = 0
        self._socket = self._connect(port)
        self._stream = self._socket.makefile("rb")
        self._receive()
        self._send("WebDriver:NewSession", {})

    @staticmethod
    def _connect(port: int) -> socket.socket:
        end_at = time.monotonic() + PATIENCE
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
            except OSError:
                assert time.monotonic() < end_at, "Firefox does not answer"
                time.sleep(0.1)

    def _receive(self) -> Any:
        length = b""
        while not length.endswith(b":"):
            piece = self._stream.read(1)
            assert piece, "Firefox ended"
            length += piece
        return json.loads(self._stream.read(int(length[:-1])))

    def _send(self, command: str, parameters: dict[str, Any]) -> None:
        self._count += 1
        body = json.dumps([0, self._count, command, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(body), body))
        _, _, error, _ = self._receive()
        assert error is None, error

    def visit(self, url: str) -> None:
        self._send("WebDriver:Navigate", {"url": url})

    def quit(self) -> None:
        self._send("Marionette:Quit", {"flags": ["eForceQuit"]})
        assert self.process.wait(PATIENCE) == 0

    def close(self) -> None:
        self._stream.close()
        self._socket.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def firefox(profile: Path, home: Path) -> Iterator[Any]:
    running = Firefox(program("Firefox"), profile, home)
    try:
        yield running
    finally:
        running.close()


class Chromium:
    """A headless Chromium with a profile, steered by Playwright."""

    def __init__(self, context: Any) -> None:
        self._context = context
        context.set_default_timeout(PATIENCE * 1000)
        self._page = context.new_page()

    def visit(self, url: str) -> None:
        self._page.goto(url)

    def quit(self) -> None:
        self._context.close()


@contextlib.contextmanager
def chromium(profile: Path, home: Path) -> Iterator[Any]:
    command = program("Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield Chromium(
            playwright.chromium.launch_persistent_context(
                str(profile),
                executable_path=command,
                args=ARGS,
                env={**os.environ, "HOME": str(home)},
                timeout=PATIENCE * 1000,
            )
        )


BROWSERS = {
    "Firefox": (
        firefox,
        {
            "places.sqlite": "SELECT url FROM moz_places",
            "cookies.sqlite": "SELECT name FROM moz_cookies",
            "favicons.sqlite": "SELECT count(*) FROM moz_icons",
        },
    ),
    "Chromium": (
        chromium,
        {
            "History": "SELECT url FROM urls",
            "Cookies": "SELECT name FROM cookies",
            "Favicons": "SELECT count(*) FROM favicons",
        },
    ),
}


def locks(paths: list[str], server: Server) -> set[tuple[str, ...]]:
    """The locks of all other processes on these databases."""
    files, own = {os.stat(path).st_ino for path in paths}, str(server.process.pid)
    found = [line.split()[1:] for line in Path("/proc/locks").read_text().splitlines()]
    return {
        tuple(lock)
        for lock in found
        if int(lock[-3].rpartition(":")[2]) in files and lock[-4] != own
    }


def lasting_locks(paths: list[str], server: Server) -> set[tuple[str, ...]]:
    """Those that are not of a transaction which ends meanwhile."""
    held = locks(paths, server)
    for _ in range(4):
        time.sleep(0.5)
        held &= locks(paths, server)
    return held


def photograph_at_rest(folder: Path) -> dict[bytes, tuple[str, int, int, int]]:
    """The folder once nothing is written to it any more, by the browser's last processes."""
    seen: dict[bytes, tuple[str, int, int, int]] = {}
    while True:
        before, seen = seen, {}
        with contextlib.suppress(FileNotFoundError):
            seen = photograph(folder)
        if seen and seen == before:
            return seen
        time.sleep(0.5)


def existing_indexes(paths: list[str]) -> set[str]:
    """The indexes of write-ahead logs; opening a database without care makes them."""
    return {path for path in paths if os.path.exists(f"{path}-shm")}


def wait_for_rows(server: Server, names: set[str]) -> dict[str, Any]:
    """The catalogue by file name, once the browser has made these files and they are read."""
    rows: dict[str, Any] = {}

    def ready() -> bool:
        for row in json.loads(server.request("/-/scan.json?_size=1000")[1])["rows"]:
            if row["url"] and row["status"] in ("live", "snapshot", "ready"):
                rows[os.path.basename(row["path"])] = row
        return names <= set(rows)

    server.until(ready)
    return rows


def first_column(
    server: Server,
    url: str,
    sql: str,
    until: str = "",
    meanwhile: Callable[[], object] = lambda: None,
) -> set[Any]:
    """What a query gives, once ``until`` is in it; ``meanwhile`` is called every 45 seconds."""
    found: set[Any] = set()
    answers: list[tuple[int, str]] = []
    called_at = time.monotonic()
    page = f"{url}{'/-/query' if compat.HAS_CATALOG else ''}.json?_shape=arrays&sql={quote(sql)}"

    def ready() -> bool:
        nonlocal called_at
        status, text = server.request(page)
        answers[:] = [(status, text[:500])]
        if status == 200:
            found.update(row[0] for row in json.loads(text)["rows"])
        if time.monotonic() > called_at + 45:
            meanwhile()
            called_at = time.monotonic()
        return status == 200 and (not until or until in found)

    try:
        server.until(ready)
    except AssertionError:
        print("the last answer:", *answers)
        raise
    return found


@pytest.mark.skipif(not os.path.exists("/proc/locks"), reason="looks at locks in /proc")
@pytest.mark.parametrize("name", BROWSERS)
def test_a_browser_that_runs(
    name: str, tmp_path: Path, pages: str, serve: Callable[..., Server]
) -> None:
    launch, wanted = BROWSERS[name]
    profile, home = tmp_path / "profile", tmp_path / "home"
    profile.mkdir()
    home.mkdir()
    with launch(profile, home) as browser:
        browser.visit(f"{pages}/first")
        server = serve(str(profile), "--all", "--scan-interval", "1").wait()
        rows = wait_for_rows(server, set(wanted))
        history, cookies, icons = wanted
        paths = [rows[file]["path"] for file in wanted]
        for file in wanted:
            assert rows[file]["application"] == name
        held, shared = lasting_locks(paths, server), existing_indexes(paths)
        first_column(server, rows[history]["url"], wanted[history], f"{pages}/first")
        # Chromium saves its cookies half a minute after they were set, and tries that once.
        again = functools.partial(browser.visit, f"{pages}/again")
        first_column(server, rows[cookies]["url"], wanted[cookies], "scan_test", again)
        first_column(server, rows[icons]["url"], wanted[icons])
        assert held <= locks(paths, server)
        assert existing_indexes(paths) == shared
        browser.visit(f"{pages}/second")
        first_column(server, rows[history]["url"], wanted[history], f"{pages}/second")
        browser.visit(f"{pages}/third")
        browser.quit()
    before = photograph_at_rest(profile)
    found = first_column(server, rows[history]["url"], wanted[history], f"{pages}/third")
    assert {f"{pages}/first", f"{pages}/second"} <= found
    assert photograph(profile) == before
    [path] = profile.rglob(history)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
