"""datasette-scan beside the released 0.1.1, in one run: start, memory, handles, pages.

    python bench/datasette_scan/bench.py --ours PYTHON --peer PYTHON [--sizes 0,10,500]

PYTHON is the interpreter of an environment with one line of Datasette and the plugin. Each
may be given several times, in pairs. For each pair there are three parts, and ``--parts``
chooses among them:

* ``sizes``: one start for each of ``--sizes``, under ``ulimit -n 256`` (``--handles``);
* ``roomy``: 0.1.1 again for each of ``--roomy``, with as many handles as it may have, since
  it needs several for each database;
* ``starts``: the first page with no databases and with the most of ``--sizes``, by turns,
  ``--starts`` times: single starts differ too much to be compared. Wall time, and the
  server's own CPU time, which a busy machine does not change.

A server that is not there after ``--patience`` seconds is stopped and counts as failed.
``--quick`` is for a look: small sizes, three starts, no long waits. Nothing is written but
folders of databases in the system's temporary folder, removed at the end.
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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

MOST_HANDLES = 65536  # for 0.1.1, which is short of them otherwise
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Limits:
    """What a server may use before it counts as failed."""

    handles: int
    patience: float


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

    def __init__(self, python: str, folder: Path, limits: Limits) -> None:
        self.port = free_port()
        self.began = time.monotonic()
        self.end_at = self.began + limits.patience
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [python, "-m", "datasette", "scan", str(folder), "-p", str(self.port)],
            stdout=self.log,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limits.handles,) * 2),
        )

    def get(self, path: str) -> bytes:
        left = max(1.0, self.end_at - time.monotonic())
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=left) as answer:
            return bytes(answer.read())

    def until(self, ready: Callable[[], bool], pause: float = 0.005) -> float | None:
        """Seconds since the start when ``ready`` first held, asked every ``pause`` seconds."""
        while time.monotonic() < self.end_at and self.process.poll() is None:
            with contextlib.suppress(OSError, ValueError):
                if ready():
                    return time.monotonic() - self.began
            time.sleep(pause)
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

    def cpu(self) -> float:
        """Seconds of processor time that the server itself has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stop(self) -> str:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.seek(0)
        lines = [text for text in self.log.read().decode("utf-8", "replace").splitlines() if text]
        return lines[-1][:100] if lines else ""


#: Between questions that would slow down the scan which they ask about.
_REST = 0.25


def measure(python: str, folder: Path, count: int, ours: bool, limits: Limits) -> Figures:
    """Start one server, look at it, stop it."""
    figures = Figures()
    server = Server(python, folder, limits)
    try:
        figures.first = server.until(lambda: bool(server.get("/")))
        if figures.first is None:
            raise TimeoutError
        if count:
            figures.database = server.until(lambda: b"items" in server.get("/data0"), _REST)
        figures.attached = server.until(lambda: attached(server, ours) >= count, _REST)
        figures.memory = server.memory()
        figures.handles = len(os.listdir(f"/proc/{server.process.pid}/fd"))
        figures.home = server.median("/")
        figures.page = server.median(f"/data{count // 2}/items") if count else None
    except (TimeoutError, OSError):
        pass
    finally:
        last = server.stop()
    if figures.first is None or figures.attached is None:
        late = time.monotonic() > server.end_at
        figures.why = f"not after {limits.patience:.0f} s" if late else last or "nothing said"
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


def compare(ours: str, peer: str | None, sizes: list[int], limits: Limits) -> None:
    """One start for each size, ours and theirs."""
    print(f"\nulimit -n {limits.handles}".ljust(35), *(name.rjust(9) for name in COLUMNS))
    floor: Figures | None = None
    for count in sizes:
        with databases(count) as folder:
            figures = measure(ours, folder, count, True, limits)
            report(f"{count:>6,} databases  this", figures)
            floor = floor or figures
            if peer:
                theirs = measure(peer, folder, count, False, limits)
                report(" " * 18 + "0.1.1", theirs)
                ratios(figures, theirs)
            if count and floor is not figures:
                against_floor(figures, floor, count)


def compare_roomy(peer: str, sizes: list[int], limits: Limits) -> None:
    """0.1.1 with all the handles that it may have."""
    print(f"\nulimit -n {limits.handles}".ljust(35), *(name.rjust(9) for name in COLUMNS))
    for count in sizes:
        with databases(count) as folder:
            report(f"{count:>6,} databases  0.1.1", measure(peer, folder, count, False, limits))


@contextlib.contextmanager
def databases(count: int) -> Iterator[Path]:
    """A folder of that many, for as long as it is looked at."""
    folder = Path(tempfile.mkdtemp(prefix="scan-bench-"))
    try:
        make_databases(folder, count)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def compare_starts(python: str, count: int, rounds: int, limits: Limits) -> None:
    """The first page with none and with many, by turns; the first of each is not counted."""
    with databases(0) as none, databases(count) as many:
        walls: dict[Path, list[float]] = {none: [], many: []}
        cpus: dict[Path, list[float]] = {none: [], many: []}
        for turn in range(rounds + 1):
            for folder in (none, many) if turn % 2 else (many, none):
                server = Server(python, folder, limits)
                first = server.until(lambda server=server: bool(server.get("/")))  # type: ignore[misc]
                cpu = server.cpu() if first else 0.0
                server.stop()
                if first and turn:
                    walls[folder].append(first)
                    cpus[folder].append(cpu)
    print(f"\nfirst page, median of {rounds} starts by turns, none and {count:,} databases:")
    for name, times in (("wall time", walls), ("CPU time", cpus)):
        if not (times[none] and times[many]):
            print(f"  {name}: failed")
            continue
        floor, full = statistics.median(times[none]), statistics.median(times[many])
        print(
            f"  {name}: {floor:.2f} s ({spread(times[none])}), {full:.2f} s"
            f" ({spread(times[many])}): {100 * (full / floor - 1):+.0f} %",
            flush=True,
        )


def spread(times: list[float]) -> str:
    return f"{min(times):.2f} to {max(times):.2f}"


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
    parser.add_argument("--parts", default="sizes,roomy,starts")
    parser.add_argument("--sizes", default="0,10,500,3000,10000")
    parser.add_argument("--roomy", default="500,3000")
    parser.add_argument("--handles", type=int, default=256)
    parser.add_argument("--starts", type=int, default=9)
    parser.add_argument("--patience", type=float, default=80)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.sizes, options.roomy, options.starts, options.patience = "0,500", "100", 3, 20
    sizes = [int(text) for text in options.sizes.split(",")]
    limits = Limits(options.handles, options.patience)
    most = min(MOST_HANDLES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    peers = [*options.peer, *[None] * len(options.ours)]
    for ours, peer in zip(options.ours, peers, strict=False):
        print(f"\n== Datasette {line_of(ours)}")
        if "sizes" in options.parts:
            compare(ours, peer, sizes, limits)
        if "roomy" in options.parts and peer:
            roomy = [int(text) for text in options.roomy.split(",")]
            compare_roomy(peer, roomy, Limits(most, options.patience))
        if "starts" in options.parts:
            compare_starts(ours, max(sizes), options.starts, limits)


if __name__ == "__main__":
    main()
