"""The search in contents: bytes a second, over many databases that lie in the page cache.

    python bench/datasette_scan/search_bench.py --python PYTHON [--databases 300] [--size 2000000]

Three kinds of databases, as many of each: long texts (messages, pages), medium rows (tables
that are exported), short rows with numbers and dates. A server with the plugin is asked for a
text that none of them contains, so that every byte is looked at. Wall time is of no use on a
busy machine; the server's own CPU time is, and what two free cores would do follows from it.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path

from bench import Limits, Server, attached

ABSENT = "zzqqxx"  # no letter pair of it is in the words below
KINDS = {"long texts": 4000, "medium rows": 600, "short rows": 60}


def make_database(path: Path, size: int, letters: int) -> None:
    """About ``size`` bytes in rows of two texts, a number and a time."""
    source = random.Random(path.name)
    words = ["".join(source.choices("abcdefghijklmnoprstuvw", k=7)) for _ in range(500)]
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, title TEXT, body TEXT, n INTEGER, at DATETIME)"
    )
    text = " ".join(source.choices(words, k=letters // 8 + 1))
    row = (text[: letters // 4], text, 12345, "2026-01-01 10:00:00")
    count = size // (letters * 5 // 4 + 30)
    rows = (row for _ in range(count))
    connection.executemany("INSERT INTO items(title, body, n, at) VALUES (?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()


def measure(python: str, folder: Path, count: int, limits: Limits) -> tuple[float, float, int]:
    """(wall seconds, CPU seconds, bytes) of the best of five searches."""
    server = Server(python, folder, limits)
    try:
        if server.until(lambda: attached(server, True) >= count, 0.25) is None:
            raise SystemExit(f"the server is not ready: {server.stop()}")
        best = (1e9, 1e9, 0)
        for _ in range(5):
            wall, cpu = time.monotonic(), server.cpu()
            body = json.loads(server.get(f"/-/scan/search.json?q={ABSENT}"))
            wall, cpu = time.monotonic() - wall, server.cpu() - cpu
            if not body["complete"] or body["results"] or body["unsearched"]:
                raise SystemExit(f"not everything was searched: {str(body)[:500]}")
            best = min(best, (wall, cpu, body["size"]), key=lambda each: each[1])
        return best
    finally:
        server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", action="append", required=True)
    parser.add_argument("--databases", type=int, default=300)
    parser.add_argument("--size", type=int, default=2_000_000)
    parser.add_argument("--patience", type=float, default=300)
    options = parser.parse_args()
    print("databases".ljust(24), "size", "wall", "CPU", "a CPU second", "two cores", sep="\t")
    for kind, letters in KINDS.items():
        folder = Path(tempfile.mkdtemp(prefix="scan-bench-"))
        try:
            for i in range(options.databases):
                make_database(folder / f"data{i}.db", options.size, letters)
            for python in options.python:
                limits = Limits(256, options.patience)
                wall, cpu, size = measure(python, folder, options.databases, limits)
                each = size / cpu / 1e6
                cells = [f"{size / 1e6:.0f} MB", f"{wall:.2f} s", f"{cpu:.2f} s"]
                cells += [f"{each:.0f} MB", f"{2 * each:.0f} MB/s"]
                print(f"{options.databases} of {kind}".ljust(24), *cells, sep="\t", flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
