"""The pictures of datasette-scan in this folder, remade.

    make pictures

FOLDER is made, filled with databases as a home folder has them, and removed. It must not
exist, and its path is in the pictures. Needs Playwright and Chromium, as the browser tests.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TESTS = HERE.parents[1] / "tests"
sys.path[:0] = [str(TESTS / "datasette_scan"), str(TESTS)]

from playwright.sync_api import sync_playwright
from programs import program
from sites import Server, run_sql
from test_browser import ARGS, home_folder
from test_ready_views import MADE

LETTERS = (
    ("Ann", "Dear all, the Lakeside appraisal is attached. The hearing is on Tuesday."),
    ("Lakeside Holdings LLC", "Please find our invoice 2281 below."),
    ("Bob", "Did you see that lakeside is on the agenda again?"),
    ("Carol", "Lunch at noon?"),
)


def fill(folder: Path) -> None:
    """Databases of every kind, with times of change that differ."""
    home_folder(folder)
    places = folder / ".mozilla" / "firefox" / "k3v1x.default" / "places.sqlite"
    places.unlink()
    run_sql(places, *MADE["Firefox"])
    run_sql(
        places,
        "INSERT INTO moz_places(url, title) VALUES "
        "('https://example.org/lakeside', 'Lakeside Holdings: business entity search')",
    )
    (folder / "Anki").mkdir()
    run_sql(folder / "Anki" / "collection.anki2", *MADE["Anki"])
    (folder / "Documents").mkdir()
    run_sql(
        folder / "Documents" / "letters.db",
        "CREATE TABLE letters (id INTEGER PRIMARY KEY, sender TEXT, body TEXT)",
        *(f"INSERT INTO letters(sender, body) VALUES ('{who}', '{text}')" for who, text in LETTERS),
    )
    source = random.Random(1)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            then = time.time() - source.expovariate(1 / (40 * 86400))
            os.utime(path, (then, then))


def shoot(browser: Any, url: str, folder: Path) -> None:
    """All pictures, into ``folder``."""
    for name, width, scheme, path, wait in (
        ("datasette-scan", 1180, "light", "/", ".scan-row"),
        ("datasette-scan-dark", 1180, "dark", "/", ".scan-row"),
        ("datasette-scan-narrow", 380, "light", "/", ".scan-row"),
        ("datasette-scan-database", 1180, "light", "/places", ".scan-banner"),
        ("datasette-scan-inside", 1180, "light", "/?q=letters&peek=letters", ".scan-peek"),
        ("datasette-scan-search", 1180, "light", "/-/scan/search?q=lakeside", ".scan-step-last"),
    ):
        context = browser.new_context(viewport={"width": width, "height": 760}, color_scheme=scheme)
        page = context.new_page()
        page.goto(url + path)
        page.locator(wait).first.wait_for()
        page.screenshot(path=str(folder / f"{name}.png"))
        context.close()


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True)
    try:
        fill(folder)
        with tempfile.TemporaryDirectory() as logs, sync_playwright() as playwright:
            server = Server(Path(logs) / "server.log", str(folder))
            try:
                server.scanned()
                browser = playwright.chromium.launch(executable_path=program("Chromium"), args=ARGS)
                shoot(browser, server.url, HERE)
                browser.close()
            finally:
                server.stop()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
