"""datasette-scan beside the released 0.1.1, in one run: start, memory, handles, pages.

    python bench/datasette_scan/bench.py --ours PYTHON --peer PYTHON [--sizes 0,10,500]

PYTHON is the interpreter of an environment with one line of Datasette and the plugin. Each
may be given several times, in pairs. Every server runs under ``ulimit -n 256`` unless
``--handles`` says otherwise; one that is not there after ``--patience`` seconds is stopped and counts as failed. Nothing is written
but a folder of databases in the system's temporary folder, removed at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HANDLES = 256  # what --handles says


@dataclass
class Figures:
    """What one server showed; None: it did not get that far."""

    first: float | None = None
    database: float | None = None
    attached: float | None = None
    home: float | None = None
    page: float | None = None
    memory: int | None = None
    handles: int | None = None
    why: str = ""


def make_databases(folder: Path, count: int) -> None:
    """``count`` small databases, a hundred to a folder, each with a name of its own."""
    template = folder / "template"
    connection = sqlite3.connect(template)
    connection.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")
    connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)")
    rows = [(f"item {i}",) for i in range(20)]
    connection.executemany("INSERT INTO items(name) VALUES (?)", rows)
    connection.commit()
    connection.close()
    content = template.read_bytes()
    template.unlink()
    for i in range(count):
        (folder / f"f{i // 100}").mkdir(exist_ok=True)
        (folder / f"f{i // 100}" / f"data{i}.db").write_bytes(content)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Server:
    """``datasette scan FOLDER`` in one environment."""

    def __init__(self, python: str, folder: Path, patience: float) -> None:
        self.port = free_port()
        self.began = time.monotonic()
        self.end_at = self.began + patience
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [python, "-m", "datasette", "scan", str(folder), "-p", str(self.port)],
            stdout=self.log,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (HANDLES, HANDLES)),
        )

    def get(self, path: str) -> bytes:
        left = max(1.0, self.end_at - time.monotonic())
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=left) as answer:
            return bytes(answer.read())

    def until(self, ready: Callable[[], bool]) -> float | None:
        """Seconds since the start when ``ready`` first held."""
        while time.monotonic() < self.end_at and self.process.poll() is None:
            with contextlib.suppress(OSError, ValueError):
                if ready():
                    return time.monotonic() - self.began
            time.sleep(0.005)
        return None

    def median(self, path: str) -> float | None:
        """Seconds for a page, the median of up to seven."""
        times = []
        with contextlib.suppress(OSError):
            for _ in range(7):
                began = time.monotonic()
                self.get(path)
                times.append(time.monotonic() - began)
                if time.monotonic() > self.end_at:
                    break
        return statistics.median(times) if times else None

    def memory(self) -> int:
        """Resident bytes of the server alone."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        [line] = [text for text in lines if text.startswith("VmRSS")]
        return int(line.split()[1]) * 1024

    def stop(self) -> str:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.seek(0)
        lines = [text for text in self.log.read().decode("utf-8", "replace").splitlines() if text]
        return lines[-1][:100] if lines else ""


def measure(python: str, folder: Path, count: int, ours: bool, patience: float) -> Figures:
    """Start one server, look at it, stop it."""
    figures = Figures()
    server = Server(python, folder, patience)
    try:
        figures.first = server.until(lambda: bool(server.get("/")))
        if figures.first is None:
            raise TimeoutError
        if count:
            figures.database = server.until(lambda: b"items" in server.get("/data0"))
        figures.attached = server.until(lambda: attached(server, ours) >= count)
        figures.memory = server.memory()
        figures.handles = len(os.listdir(f"/proc/{server.process.pid}/fd"))
        figures.home = server.median("/")
        figures.page = server.median(f"/data{count // 2}/items") if count else None
    except (TimeoutError, OSError):
        pass
    finally:
        last = server.stop()
    if figures.first is None or figures.attached is None:
        figures.why = last or "nothing said"
    return figures


def attached(server: Server, ours: bool) -> int:
    """How many databases of the folder are served."""
    if ours:
        body = json.loads(server.get("/-/scan.json?_size=0"))
        return int(body["total"]) if body["scans"] and not body["scanning"] else -1
    body = json.loads(server.get("/-/databases.json"))
    rows = body["databases"] if isinstance(body, dict) else body
    return sum(row["name"].startswith("data") for row in rows)


def show(value: float | None, unit: str, width: int = 9) -> str:
    if value is None:
        return "-".rjust(width)
    scaled = {"s": f"{value:.2f} s", "ms": f"{value * 1000:.0f} ms", "MB": f"{value / 1e6:.0f} MB"}
    return scaled.get(unit, f"{value:.0f}").rjust(width)


COLUMNS = ("first /", "db page", "all", "memory", "handles", "home", "table")


def report(title: str, figures: Figures) -> None:
    cells = [
        show(figures.first, "s"),
        show(figures.database, "s"),
        show(figures.attached, "s"),
        show(figures.memory, "MB"),
        show(figures.handles, ""),
        show(figures.home, "ms"),
        show(figures.page, "ms"),
    ]
    print(title.ljust(34), *cells, f"  failed: {figures.why}" if figures.why else "", flush=True)


def line_of(python: str) -> str:
    said = subprocess.run(
        [python, "-m", "datasette", "--version"], capture_output=True, text=True, check=True
    )
    return said.stdout.split()[-1]


def compare(ours: str, peer: str | None, sizes: list[int], patience: float) -> None:
    line = line_of(ours)
    print(f"\nDatasette {line}, ulimit -n {HANDLES}")
    print(" " * 34, *(name.rjust(9) for name in COLUMNS))
    floor: Figures | None = None
    for count in sizes:
        folder = Path(tempfile.mkdtemp(prefix="scan-bench-"))
        try:
            make_databases(folder, count)
            figures = measure(ours, folder, count, True, patience)
            report(f"{count:>6,} databases  this", figures)
            floor = floor or figures
            if peer:
                theirs = measure(peer, folder, count, False, patience)
                report(" " * 18 + "0.1.1", theirs)
                ratios(figures, theirs)
            if count and floor is not figures:
                against_floor(figures, floor, count)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def compare_starts(python: str, count: int, rounds: int, patience: float) -> None:
    """The first page with none and with many, by turns: single starts differ too much."""
    with tempfile.TemporaryDirectory() as none, tempfile.TemporaryDirectory() as many:
        make_databases(Path(many), count)
        times: dict[str, list[float]] = {none: [], many: []}
        for _ in range(rounds):
            for folder, seen in times.items():
                server = Server(python, Path(folder), patience)
                first = server.until(lambda server=server: bool(server.get("/")))  # type: ignore[misc]
                server.stop()
                seen += [first] if first else []
    floor, full = (statistics.median(seen) for seen in times.values())
    words = (
        f"none {floor:.2f} s, {count:,} databases {full:.2f} s: {100 * (full / floor - 1):+.0f} %"
    )
    print(f"first page, median of {rounds} starts by turns: {words}", flush=True)


def ratios(ours: Figures, theirs: Figures) -> None:
    words = []
    for name, mine, other in (
        ("first page", ours.first, theirs.first),
        ("home page", ours.home, theirs.home),
        ("memory", ours.memory, theirs.memory),
    ):
        if mine and other:
            words.append(f"{name} {other / mine:.1f} times")
    if words:
        print(" " * 18 + "0.1.1 takes " + ", ".join(words))


def against_floor(ours: Figures, floor: Figures, count: int) -> None:
    if ours.memory and floor.memory:
        each = (ours.memory - floor.memory) / count
        print(" " * 18 + f"against none: {each:,.0f} bytes a database")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--ours", action="append", required=True, metavar="PYTHON")
    parser.add_argument("--peer", action="append", default=[], metavar="PYTHON")
    parser.add_argument("--sizes", default="0,10,500,3000,10000")
    parser.add_argument("--handles", type=int, default=HANDLES)
    parser.add_argument("--starts", type=int, default=5, help="0 leaves this part out")
    parser.add_argument("--patience", type=float, default=60)
    options = parser.parse_args()
    globals()["HANDLES"] = options.handles
    sizes = [int(text) for text in options.sizes.split(",")]
    peers = [*options.peer, *[None] * len(options.ours)]
    for ours, peer in zip(options.ours, peers, strict=False):
        compare(ours, peer, sizes, options.patience)
        if options.starts:
            compare_starts(ours, sizes[-1], options.starts, options.patience)


if __name__ == "__main__":
    main()
