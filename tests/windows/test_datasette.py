"""datasette-scan on both Datasette lines: list, serve, live writers, odd names."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import MADE, WINDOWS, check, pip, wheel

PATIENCE = 400.0  # seconds: how long a busy machine may take


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both wheels, installed in one folder."""
    folder = tmp_path_factory.mktemp("plugin") / "p l u g i n é"
    pip(
        "--target", folder, wheel("wheels", "sqlite_scanner-*"), wheel("wheels", "datasette_scan-*")
    )
    return folder


@pytest.fixture(scope="session", params=["0.65", "1.0"])
def environment(request: pytest.FixtureRequest, plugin: Path) -> dict[str, str]:
    """What a process needs to import one Datasette line and the plugin."""
    paths = [os.fspath(plugin), os.fspath(MADE / f"site-{request.param}")]
    return {"PYTHONPATH": os.pathsep.join(paths)}


def make_database(path: Path, rows: int = 3, journal: str = "delete") -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"pragma journal_mode={journal}")
        connection.execute("create table t(id integer primary key, name text)")
        connection.executemany(
            "insert into t(name) values (?)", [(f"row {n}",) for n in range(rows)]
        )
        connection.commit()
    return path


@dataclass
class Server:
    """`datasette scan` in a process of its own, on a free port of this machine."""

    process: subprocess.Popen[str]
    url: str
    printed: list[str]

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def json(self, path: str) -> Any:
        status, text = self.get(path)
        assert status == 200, (path, status, text[:500])
        return json.loads(text)

    def until(self, ready: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            assert self.process.poll() is None, "".join(self.printed)
            try:
                if ready():
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"not ready after {PATIENCE} s: {''.join(self.printed)[:2000]}")

    def scanned(self) -> list[dict[str, Any]]:
        """The databases of the catalogue, once a scan is complete."""
        found: dict[str, Any] = {}

        def complete() -> bool:
            found.update(json.loads(self.get("/-/scan.json?_size=1000")[1]))
            return bool(found.get("scans")) and not found["scanning"]

        self.until(complete)
        return found["rows"]

    def rows(self, url: str) -> int:
        """How many rows a database has now, by the URL that the catalogue gives."""
        query = urllib.parse.quote("select count(*) as n from t")
        for path in (
            f"{url}/-/query.json?sql={query}&_shape=array",
            f"{url}.json?sql={query}&_shape=array",
        ):
            status, text = self.get(path)  # the first is for Datasette 1.0, the second for 0.65
            if status == 200:
                return json.loads(text)[0]["n"]
        raise AssertionError((url, status, text[:500]))


@contextmanager
def serving(environment: dict[str, str], *arguments: object) -> Iterator[Server]:
    """A server that answers; it is ended in any case."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "datasette", "scan", *map(str, arguments), "-p", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PYTHONUTF8": "1", **environment},
    ) as process:
        server = Server(process, f"http://127.0.0.1:{port}", [])
        output = process.stdout or ()
        threading.Thread(target=lambda: server.printed.extend(output), daemon=True).start()
        try:
            server.until(lambda: server.get("/-/versions.json")[0] == 200)
            yield server
        finally:
            process.kill()


NAMES = ["plain.db", "b l a n k.db", "é ü 日本.db", "100% #1.db", "a&b=c.db", "no extension"]


@dataclass
class Disk:
    """A folder with databases of every kind, and the server that scanned it."""

    folder: Path
    writer: sqlite3.Connection  # of wal.db, whose last row is in the log alone
    crashed: tuple[bytes, bytes]  # crash.db and its journal
    server: Server
    found: dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def disk(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    folder = tmp_path_factory.mktemp("disk").resolve() / "d a t a é"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        make_database(folder / name, rows=number + 1)
    (folder / "cut.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 300)
    crashed = crash(folder / "crash.db")
    with closing(sqlite3.connect(make_database(folder / "wal.db", journal="wal"))) as writer:
        writer.execute("pragma wal_autocheckpoint=0")
        writer.execute("insert into t(name) values ('in the log')")
        writer.commit()
        with serving(environment, folder) as server:
            found = {Path(row["path"]).name: row for row in server.scanned()}
            yield Disk(folder, writer, crashed, server, found)


def crash(path: Path) -> tuple[bytes, bytes]:
    """Leave a database and a hot journal, as a program that crashed in a transaction does."""
    origin = make_database(path.with_name("origin.tmp"), rows=500)
    with closing(sqlite3.connect(origin, isolation_level=None)) as writer:
        writer.execute("pragma cache_size=1")
        writer.execute("begin")
        writer.execute("update t set name = name || ?", ["x" * 200])
        content = origin.read_bytes(), Path(f"{origin}-journal").read_bytes()
        writer.execute("rollback")
    origin.unlink()
    path.write_bytes(content[0])
    Path(f"{path}-journal").write_bytes(content[1])
    return content


def test_all_are_found(disk: Disk) -> None:
    assert set(disk.found) >= {*NAMES, "wal.db"}
    assert disk.server.get("/")[0] == 200
    assert disk.server.get("/-/scan")[0] == 200


@pytest.mark.parametrize(("number", "name"), list(enumerate(NAMES)))
def test_odd_names_are_served(disk: Disk, number: int, name: str) -> None:
    assert disk.server.rows(disk.found[name]["url"]) == number + 1


def test_live_wal(disk: Disk) -> None:
    """Rows that are in the log alone are served, and new ones as they are committed."""
    url = disk.found["wal.db"]["url"]
    before = disk.server.rows(url)
    assert before >= 4
    disk.writer.execute("insert into t(name) values ('later')")
    disk.writer.commit()
    disk.server.until(lambda: disk.server.rows(url) == before + 1)


def test_hot_journal_is_not_rolled_back(disk: Disk) -> None:
    """What a crashed program left stays on the disk as it is, also when it is viewed."""
    for row in disk.found.values():
        disk.server.get(row["url"] or "/")
    path = disk.folder / "crash.db"
    assert (path.read_bytes(), Path(f"{path}-journal").read_bytes()) == disk.crashed


def test_files_stay_free(disk: Disk) -> None:
    """A served file can be renamed, replaced and deleted by its own program."""
    path, other = disk.folder / "plain.db", disk.folder / "other.tmp"
    assert disk.server.rows(disk.found["plain.db"]["url"]) == 1
    disk.server.until(lambda: free(path.rename, other))
    disk.server.until(lambda: free(other.replace, path))
    disk.server.until(lambda: free(path.unlink))


def free(action: Callable[..., object], *arguments: Path) -> bool:
    """False while a read of the server's own is running."""
    try:
        action(*arguments)
    except PermissionError:
        return False
    return True


def test_list(environment: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    paths = [make_database(folder / name) for name in ("a.db", "é ü.db", "100% #1.db")]
    line = [sys.executable, "-m", "datasette", "scan", folder, "--list", "--json"]
    rows = json.loads(check(*line, env=environment))
    assert sorted(row["path"] for row in rows) == sorted(map(os.fspath, paths))
    assert {row["tables"] for row in rows} == {1}


@pytest.mark.skipif(not WINDOWS, reason="about Windows")
def test_extended_root(environment: dict[str, str], tmp_path: Path) -> None:
    path = make_database(tmp_path.resolve() / "x.db")
    root = f"\\\\?\\{path.parent}"
    line = [sys.executable, "-m", "datasette", "scan", root, "--list", "--json"]
    (row,) = json.loads(check(*line, env=environment))
    assert (row["path"], row["tables"]) == (f"\\\\?\\{path}", 1)
