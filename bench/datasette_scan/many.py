"""Many databases: processor time of each page, memory for each database, file descriptors.

    python bench/datasette_scan/many.py --ours PYTHON [--count 30000] [--folder FOLDER]

Pages are measured by the processor time that the server uses for them, which other programs
on the machine do not change: the first request after a change of the catalogue, and the mean
of ``--rounds`` more. «first 100 rows» is wall time from the start of the scan until the list
has a hundred rows. The databases are made in a temporary folder unless ``--folder`` has some.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench import Limits, Server, line_of

PAGES = {
    "first page": "/",
    "page 3": "/?_next=200",
    "by folder": "/?group=folder",
    "no groups, by size": "/?group=none&_sort_desc=size",
    "search box": "/?q=alpha",
    "search box, one letter": "/?q=a",
    "search box, no match": "/?q=nothinglikethis",
    "application": "/?application=Django",
    "folder": "/?folder={folder}",
    "progress": "/-/scan.json?_size=0",
}
WORDS = ("alpha", "beta", "gamma", "delta", "omega", "sigma", "kappa", "theta", "lambda", "zeta")


def make_kinds() -> list[bytes]:
    """Databases of six schemas, two of them of known applications."""
    kinds = []
    extra = {1: ["moz_places", "moz_historyvisits"], 2: ["django_migrations"]}
    for kind in range(6):
        connection = sqlite3.connect(":memory:")
        tables = [f"table_number_{kind}_{i}" for i in range(3 + kind)] + extra.get(kind, [])
        for table in tables:
            connection.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, name TEXT, n REAL)")
        connection.commit()
        kinds.append(connection.serialize())
        connection.close()
    return kinds


def make_many(folder: Path, count: int) -> None:
    """``count`` databases, fifty to a folder, three folders deep, with names that repeat."""
    kinds, choose = make_kinds(), random.Random(1)
    for i in range(count):
        if i % 50 == 0:
            place = folder / f"{choose.choice(WORDS)}-{i // 1000}" / f"set{i // 50}" / "data"
            place.mkdir(parents=True, exist_ok=True)
        name = f"{choose.choice(WORDS)}-{choose.choice(WORDS)}-{i}.db"
        (place / name).write_bytes(choose.choice(kinds))


@contextlib.contextmanager
def many(count: int, folder: str | None) -> Iterator[Path]:
    if folder:
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory(prefix="scan-many-") as made:
        make_many(Path(made), count)
        yield Path(made)


class Descriptors(threading.Thread):
    """The most file descriptors that a process has open, looked at every few milliseconds."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.most = 0
        self.ended = False
        self._folder = f"/proc/{pid}/fd"

    def run(self) -> None:
        while not self.ended:
            with contextlib.suppress(OSError):
                self.most = max(self.most, len(os.listdir(self._folder)))
            time.sleep(0.01)


def scan(server: Server) -> dict[str, float]:
    """Wait for the whole scan; when a hundred rows were there, and the end."""
    seen: dict[str, float] = {}

    def body() -> dict[str, object]:
        return dict(json.loads(server.get("/-/scan.json?_size=0")))

    began = server.until(lambda: bool(body()["scanning"] or body()["scans"]))
    seen["begun"] = began or 0.0
    hundred = server.until(lambda: int(str(body()["total"])) >= 100, 0.02)
    seen["hundred"] = hundred or 0.0
    end = server.until(lambda: bool(body()["scans"]) and not body()["scanning"], 1.0)
    seen["end"] = end or 0.0
    return seen


def measure(python: str, folder: Path, count: int, rounds: int, limits: Limits) -> None:
    with tempfile.TemporaryDirectory() as none:
        empty = Server(python, Path(none), limits)
        empty.until(lambda: bool(json.loads(empty.get("/-/scan.json?_size=0"))["scans"]))
        for _ in range(3):
            empty.get("/")
        floor = empty.memory()
        empty.stop()
    server = Server(python, folder, limits)
    descriptors = Descriptors(server.process.pid)
    descriptors.start()
    try:
        server.until(lambda: bool(server.get("/")))  # templates are compiled
        times = scan(server)
        print(f"  first 100 rows {times['hundred'] - times['begun']:.2f} s after the scan began")
        print(
            f"  whole scan     {times['end'] - times['begun']:.1f} s, {server.cpu():.1f} s of CPU",
            flush=True,
        )
        each = (server.memory() - floor) / count
        print(f"  memory         {each:,.0f} bytes a database above none, before any page")
        inside = next(str(p.parent) for p in folder.rglob("*.db"))
        for name, path in PAGES.items():
            report(server, name, path.format(folder=inside), rounds)
        html = server.get("/?group=none").decode()
        names = re.findall(r'data-peek="([^"]+)"', html)[:rounds]
        if names:
            before = server.cpu()
            for found in names:
                server.get(f"/-/scan/peek?name={found}&_fragment=1")
            print(f"  {'peek, of others':24} {1000 * (server.cpu() - before) / len(names):8.0f} ms")
        each = (server.memory() - floor) / count
        print(f"  memory         {each:,.0f} bytes a database above none, after these pages")
    finally:
        descriptors.ended = True
        descriptors.join()
        server.stop()
    print(f"  descriptors    {descriptors.most} at most")


def report(server: Server, name: str, path: str, rounds: int) -> None:
    """Milliseconds of processor time: the first request, and the mean of the next."""
    before = server.cpu()
    size = len(server.get(path))
    first = server.cpu() - before
    before = server.cpu()
    for _ in range(rounds):
        server.get(path)
    mean = (server.cpu() - before) / rounds
    print(
        f"  {name:24} {1000 * first:8.0f} ms, then {1000 * mean:5.0f} ms, {size:,} bytes",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--ours", action="append", required=True, metavar="PYTHON")
    parser.add_argument("--count", type=int, default=30000)
    parser.add_argument("--folder")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--patience", type=float, default=1800)
    options = parser.parse_args()
    with many(options.count, options.folder) as folder:
        for python in options.ours:
            print(f"\n== Datasette {line_of(python)}, {options.count:,} databases")
            limits = Limits(1024, options.patience)
            measure(python, folder, options.count, options.rounds, limits)


if __name__ == "__main__":
    main()
