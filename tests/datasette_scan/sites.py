"""Databases of every kind, a Datasette that scanned, a real server process."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasette.app import Datasette
from datasette_scan.state import state_of

from datasette_scan import compat

MAGIC = b"SQLite format 3\x00"
# Seconds: how long a busy machine may take for what is quick on an idle one.
PATIENCE = float(os.environ.get("SCAN_PATIENCE", "180"))
HANGS = 600  # seconds after which a test is not slow but stuck


def make_database(path: Path | bytes | str, rows: int = 3, journal: str = "delete") -> Any:
    """A small database with one table ``t``."""
    os.makedirs(os.path.dirname(os.fsencode(path)), exist_ok=True)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode={journal}")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)")
    connection.executemany("INSERT INTO t(name) VALUES (?)", [(f"row {i}",) for i in range(rows)])
    connection.commit()
    connection.close()
    return path


def _reads_without_tokenizer() -> bool:
    connection = sqlite3.connect(":memory:")
    connection.executescript(
        """
        CREATE VIRTUAL TABLE words USING fts5(a);
        PRAGMA writable_schema = on;
        UPDATE sqlite_master SET sql = replace(sql, '(a)', '(a, tokenize=''none'')')
            WHERE name = 'words';
        """
    )
    copy = sqlite3.connect(":memory:")
    connection.backup(copy)
    try:
        copy.execute("SELECT * FROM words").fetchall()
    except sqlite3.OperationalError:
        return False
    return True


#: Whether FTS5 needs its tokenizer for searches only, as with 3.53 and not with 3.46.
READS_WITHOUT_TOKENIZER = _reads_without_tokenizer()


def run_sql(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def child_python(code: str, *args: str) -> subprocess.Popen[str]:
    """A child process that has said its first line."""
    child = subprocess.Popen(
        [sys.executable, "-c", code, *args],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def end(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.wait()
    for pipe in (child.stdout, child.stdin):
        if pipe:
            pipe.close()


def photograph(folder: Path) -> dict[bytes, tuple[str, int, int, int]]:
    """Every file and folder below: content hash, size, modification time, mode."""
    seen = {}
    for base, folders, files in os.walk(os.fsencode(folder)):
        for name in files + folders + [b"."]:
            path = os.path.join(base, name)
            found = os.lstat(path)
            content = b""
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    content = file.read()
            digest = hashlib.sha256(content).hexdigest()
            seen[path] = (digest, found.st_size, found.st_mtime_ns, found.st_mode)
    return seen


open_sites: list[Scanned] = []


@dataclass
class Scanned:
    """A Datasette whose plugin is configured to scan, and that has scanned."""

    ds: Datasette

    @property
    def state(self) -> Any:
        return state_of(self.ds)

    @property
    def names(self) -> dict[bytes, str]:
        return {e.path: e.name for e in self.state.catalog.entries.values()}

    def entry(self, name: str) -> Any:
        return next(e for e in self.state.catalog.entries.values() if e.name == name)

    async def get(self, path: str, **kwargs: Any) -> Any:
        return await self.ds.client.get(path, **kwargs)

    async def json(self, path: str, **kwargs: Any) -> Any:
        response = await self.get(path, **kwargs)
        assert response.status_code == 200, (path, response.status_code, response.text[:500])
        return response.json()

    async def count(self, name: str, table: str = "t") -> int:
        result = await self.ds.databases[name].execute(f"select count(*) from [{table}]")
        return result.first()[0]

    async def scan(self) -> None:
        await self.state.scan_task.scan()

    async def stop(self) -> None:
        if compat.HAS_CATALOG:  # Datasette 1.0 runs the scan task, and ends it before the plugin
            await self.ds._background_tasks.cancel_all()
        await self.state.stop()

    async def close(self) -> None:
        await self.stop()
        close = getattr(self.ds, "close", None)
        if close:
            close()


def make_datasette(config: dict[str, Any], top: dict[str, Any] | None = None, **kwargs: Any) -> Any:
    """A Datasette with the plugin configured, in the way of its line."""
    full = {**(top or {}), "plugins": {"datasette-scan": config}}
    return Datasette(**{("config" if compat.HAS_CATALOG else "metadata"): full}, **kwargs)


async def scanned(
    *paths: Path,
    top: dict[str, Any] | None = None,
    files: list[str] | None = None,
    crossdb: bool = False,
    **config: Any,
) -> Scanned:
    """A Datasette that has scanned ``paths``."""
    own = {"files": files or [], "memory": crossdb, "crossdb": crossdb}
    ds = make_datasette({"paths": [str(p) for p in paths], **config}, top, **own)
    result = await started(ds)
    await result.scan()
    return result


async def unscanned(*paths: Path, **config: Any) -> Scanned:
    """A Datasette that is about to."""
    return await started(make_datasette({"paths": [str(p) for p in paths], **config}))


async def started(ds: Datasette) -> Scanned:
    await ds.invoke_startup()
    result = Scanned(ds)
    open_sites.append(result)
    return result


# -- a real server


_ports = random.SystemRandom()  # two runs at once never draw the same series


def free_port() -> int:
    """A port below those that the system gives to outgoing connections, so it stays free."""
    while True:
        port = _ports.randrange(12_000, 32_000)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


class Server:
    """``datasette scan ...`` in a process of its own, on a free port of this machine."""

    def __init__(self, log: Path, *args: str, **kwargs: Any) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self._out = log.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "datasette", "scan", *args, "-p", str(self.port)],
            stdout=self._out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **kwargs,
        )

    def text(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def request(
        self, path: str, headers: dict[str, str] | None = None, data: bytes | None = None
    ) -> tuple[int, str]:
        request = urllib.request.Request(self.url + path, data, headers or {})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def wait(self, seconds: float = PATIENCE) -> Server:
        """Until it answers."""
        self.until(lambda: self.request("/-/versions.json")[0] == 200, seconds)
        return self

    def until(self, ready: Callable[[], bool], seconds: float = PATIENCE) -> None:
        end_at = time.monotonic() + seconds
        while time.monotonic() < end_at:
            assert self.process.poll() is None, self.text()
            try:
                if ready():
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not ready after {seconds} s:\n{self.text()[-1500:]}")

    def scanned(self, seconds: float = PATIENCE) -> Any:
        """Until a scan is complete; the catalogue's JSON."""
        import json

        body: dict[str, Any] = {}

        def ready() -> bool:
            body.update(json.loads(self.request("/-/scan.json?_size=1000")[1]))
            return body.get("scans", 0) > 0 and not body["scanning"]

        self.until(ready, seconds)
        return body

    def stop(self, signal_number: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self._out.close()
        return self.process.returncode


def slow_scanner(folder: Path, *events: str) -> dict[str, str]:
    """An environment in which the scanner says ``events`` and then never ends.

    Its process id is in ``folder/scanner.pid`` from then on.
    """
    binary, script = folder / "slow-scanner", folder / "scanner.txt"
    program = Path(__file__).with_name("fake_scanner.py")
    binary.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{program}" "$@"\n')
    binary.chmod(0o755)
    script.write_text("\n".join(["0", "100000", *events]))
    package = folder / "instead" / "sqlite_scanner"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"def get_binary_path():\n    return {str(binary)!r}\n")
    paths = os.pathsep.join(filter(None, [str(package.parent), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": paths, "FAKE_SCANNER": str(script)}
