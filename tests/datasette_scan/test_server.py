"""The command as people run it: a real process, a real socket, real signals."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any

import interrupts
import pytest
import trustme
from click.testing import CliRunner
from datasette.app import Datasette
from datasette.cli import cli
from sites import (
    MAGIC,
    PATIENCE,
    Server,
    free_port,
    make_database,
    photograph,
    slow_scanner,
)
from test_pages import VTAB, run_sql

from datasette_scan import compat, scanning
from datasette_scan.cli import _scan_named
from datasette_scan.opening import Limits, Opener, SnapshotStore
from datasette_scan.settings import Settings
from datasette_scan.signals import StopSignals

Serve = Callable[..., Server]


def datasette(*args: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "datasette", *args],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
    )


def test_scan_serves_what_it_finds(root: Path, serve: Serve) -> None:
    make_database(root / "one.db")
    make_database(root / "two" / "wal.db", rows=8, journal="wal")
    run_sql(root / "spatial.db", *VTAB)
    (root / "bad.db").write_bytes(MAGIC + b"?" * 4000)
    extra = make_database(root.parent / "extra.db", rows=4)
    before = photograph(root)
    server = serve(str(root), str(extra))
    body = server.scanned()
    assert {r["name"]: r["status"] for r in body["rows"]} == {
        "one": "ready",
        "spatial": "partly readable",
        "wal": "ready",
    }
    status, html = server.request("/")
    assert status == 200 and "<h1>Databases in" in html and 'href="/extra"' in html
    for page in ("/one/t", "/wal/t", "/spatial/plain", "/extra/t", "/-/home", "/one.json"):
        assert server.request(page)[0] == 200, page
    assert server.request("/one/t", {"Host": "evil.example"})[0] == 403
    assert f"Skipping {root / 'bad.db'}: " in server.text()
    assert "Found 3 databases in " in server.text()
    assert server.stop() == (1 if compat.HAS_CATALOG else 0)  # as Datasette's own serve
    assert "Traceback" not in server.text()
    assert photograph(root) == before


def test_later_files_are_served(root: Path, serve: Serve) -> None:
    make_database(root / "one.db")
    server = serve(str(root), "--scan-interval", "0.2")
    server.scanned()
    make_database(root / "later.db", rows=2)
    server.until(lambda: server.request("/later/t")[0] == 200)
    os.replace(make_database(root.parent / "new.db", rows=9), root / "one.db")
    path = "/one/-/query.json" if compat.HAS_CATALOG else "/one.json"
    _, text = server.request(path + "?sql=select+count(*)+from+t&_shape=arrays")
    assert json.loads(text)["rows"] == [[9]]
    (root / "later.db").unlink()
    server.until(lambda: "gone" in server.request("/-/scan.json?q=later")[1])


def test_the_present_folder_is_the_default(root: Path, serve: Serve) -> None:
    make_database(root / "here.db")
    server = serve(cwd=root)
    assert [r["name"] for r in server.scanned()["rows"]] == ["here"]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_at_once_while_scanning(
    stop: int, root: Path, tmp_path: Path, serve: Serve
) -> None:
    """A scan that never ends, and Ctrl-C: the scanner goes as well, no traceback."""
    server = serve(str(root), env=slow_scanner(tmp_path)).wait()
    scanner = tmp_path / "scanner.pid"
    server.until(lambda: scanner.exists() and bool(scanner.read_text()))
    server.process.send_signal(stop)
    assert server.process.wait(PATIENCE) >= 0 or server.process.returncode == -stop
    assert "Traceback" not in server.text()
    assert not is_running(int(scanner.read_text()))


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("way", [["--list"], ["--get", "/"]], ids=lambda way: way[0])
def test_no_scanner_is_left_behind(
    way: list[str], stop: signal.Signals, root: Path, tmp_path: Path
) -> None:
    """Ctrl-C where a scan is waited for: Datasette itself leaves the loop as it is."""
    command = [sys.executable, "-m", "datasette", "scan", str(root), *way]
    child = subprocess.Popen(
        command, env=slow_scanner(tmp_path), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    scanner = tmp_path / "scanner.pid"
    while not (scanner.exists() and scanner.read_text()):
        assert child.poll() is None
        time.sleep(0.02)
    child.send_signal(stop)
    _, said = child.communicate(timeout=PATIENCE)
    assert child.returncode == (1 if stop == signal.SIGINT else 128 + signal.SIGTERM)
    assert (b"Aborted!" in said) is (stop == signal.SIGINT)
    # Under --get the loop is closed under the task that waits; Python may complain at the end.
    assert b"Traceback" not in said or way[0] == "--get"
    end_at = time.monotonic() + PATIENCE  # it was killed, and nobody awaits it
    while is_running(int(scanner.read_text())):
        assert time.monotonic() < end_at, "the scanner still runs"
        time.sleep(0.05)


def test_ctrl_c_before_a_long_end(root: Path, tmp_path: Path) -> None:
    """The signal is repeated meanwhile: a process of the scanner's holds its pipes open."""
    environment = slow_scanner(tmp_path)
    binary = tmp_path / "slow-scanner"
    binary.write_text(binary.read_text().replace("exec ", "sleep 3 &\nexec "))
    command = [sys.executable, "-m", "datasette", "scan", str(root), "--list"]
    child = subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    scanner = tmp_path / "scanner.pid"
    while not (scanner.exists() and scanner.read_text()):
        assert child.poll() is None
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=PATIENCE)
    assert (child.returncode, said) == (1, b"\nAborted!\n")


def test_ignored_signals_stay_ignored() -> None:
    """Ctrl-C in a shell reaches its background jobs, too."""
    opener = Opener(Limits(), SnapshotStore(1))
    signals = StopSignals(opener)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        signals.install()
        signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) == signals._handler
        assert not opener.is_stopping
    finally:
        signals.uninstall()
        signal.signal(signal.SIGINT, before)
        opener.close()


def is_running(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not yet reaped does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # it ended just now, or the system has no such files
        return not os.path.exists("/proc/self/stat")
    return state not in "ZX"


def test_root_option(root: Path, serve: Serve) -> None:
    make_database(root / "one.db")
    server = serve(str(root), "--root", "--scan-interval", "5")
    server.until(lambda: "auth-token" in server.text())
    token = re.search(r"http://127.0.0.1:\d+(/-/auth-token\?token=\w+)", server.text())
    assert token
    server.scanned()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    opener.open(server.url + token.group(1)).read()
    actor = json.loads(opener.open(server.url + "/-/actor.json").read())
    assert actor["actor"]["id"] == "root"
    assert opener.open(server.url + "/one/t").status == 200


@pytest.mark.parametrize("named", ["none", "beside a folder", "alone"])
def test_open_option_opens_the_catalogue(
    named: str, root: Path, serve: Serve, tmp_path: Path
) -> None:
    """Beside a folder; a file that is named alone opens its page, as Datasette does it."""
    make_database(root / "one.db")
    extra = str(make_database(tmp_path / "extra.db"))
    paths = {"none": [str(root)], "beside a folder": [str(root), extra], "alone": [extra]}[named]
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {quote(str(opened))}\n')
    browser.chmod(0o755)
    server = serve(
        *paths,
        "-o",
        "--scan-interval",
        "5",
        env={**os.environ, "BROWSER": f"{quote(str(browser))} %s"},
    )
    server.until(lambda: opened.exists() and bool(opened.read_text()))
    page = "/extra/t" if named == "alone" else "/"
    assert opened.read_text().strip() == server.url + page


def test_unix_socket(root: Path, serve: Serve, tmp_path: Path) -> None:
    make_database(root / "one.db")
    path = tmp_path / "s"
    server = serve(str(root), "--uds", str(path))
    server.until(path.exists)

    def answer() -> bytes:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET /-/scan.json HTTP/1.0\r\nHost: anything\r\n\r\n")
            data = b""
            while chunk := client.recv(65536):
                data += chunk
            return data

    server.until(lambda: b'"name": "one"' in answer() or b'"name":"one"' in answer())


def test_tls(root: Path, serve: Serve, tmp_path: Path) -> None:
    make_database(root / "one.db")
    authority = trustme.CA()
    pair = tmp_path / "pair.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(pair))
    server = serve(str(root), "--ssl-keyfile", str(pair), "--ssl-certfile", str(pair))
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    url = f"https://127.0.0.1:{server.port}/-/scan.json"
    server.until(
        lambda: b"one" in urllib.request.urlopen(url, context=trust, timeout=PATIENCE).read()
    )


def test_reload(root: Path, serve: Serve, tmp_path: Path) -> None:
    make_database(root / "one.db")
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    server = serve(str(root), "--reload", "--plugins-dir", str(plugins))
    assert server.scanned()["rows"][0]["name"] == "one"


def test_settings_and_crossdb(root: Path, serve: Serve) -> None:
    make_database(root / "one.db")
    extra = make_database(root.parent / "extra.db", rows=4)
    setting = ["--setting", "sql_time_limit_ms", "1234", "--setting", "base_url", "/sub/"]
    server = serve(str(root), str(extra), "--crossdb", *setting)
    server.until(lambda: '"one"' in server.request("/sub/-/scan.json")[1])
    status, text = server.request("/sub/-/settings.json")
    assert json.loads(text).get("settings", json.loads(text))["sql_time_limit_ms"] == 1234
    path = "/_memory/-/query.json" if compat.HAS_CATALOG else "/_memory.json"
    for _ in range(5):  # whichever thread answers
        sql = "select+count(*)+from+[extra].t"
        status, text = server.request(f"/sub{path}?sql={sql}&_shape=arrays")
        assert (status, json.loads(text)["rows"]) == (200, [[4]])
        status, text = server.request(f"/sub{path}?sql=select+count(*)+from+[one].t&_shape=arrays")
        assert (status, json.loads(text)["rows"]) == (200, [[3]]), text
    assert server.request("/sub/one/t")[0] == 200
    assert 'href="/sub/one"' in server.request("/sub/")[1]


def test_without_threads(root: Path, serve: Serve) -> None:
    make_database(root / "one.db")
    server = serve(str(root), "--setting", "num_sql_threads", "0")
    server.scanned()
    assert server.request("/one/t")[0] == 200


def test_few_handles(root: Path, serve: Serve) -> None:
    """Measured on 0.1.1: it broke near 350 databases at 1,024 handles."""
    for i in range(400):
        make_database(root / f"d{i:03}.db", journal="wal" if i % 2 else "delete")
    limit = (256, 256)
    server = serve(str(root), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit))
    body = server.scanned()
    assert body["total"] == 400
    for i in range(0, 400, 9):
        assert server.request(f"/d{i:03}/t")[0] == 200
    handles = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    assert handles <= 80
    assert server.request("/-/home")[0] == 200


def test_get_waits_for_the_scan(root: Path) -> None:
    make_database(root / "one.db")
    result = datasette("scan", str(root), "--get", "/one/t.json?_shape=array")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)[0]["name"] == "row 0"
    assert datasette("scan", str(root), "--get", "/nowhere").returncode == 1


def test_list(root: Path) -> None:
    make_database(root / "one.db")
    make_database(root / "a\x1b[31m\nb.db")
    (root / "bad\x1b[2J.db").write_bytes(MAGIC + b"?" * 4000)
    result = datasette("scan", str(root), "--list")
    assert result.returncode == 0
    assert f"Skipping {root}/bad\\x1b[2J.db: a text that begins" in result.stderr
    assert "\x1b" not in result.stderr
    size = "8.0 KB"
    assert result.stdout.splitlines() == [
        f"a__31m_b\tready\t1 table\t{size}\t-\t{root}/a\\x1b[31m\\x0ab.db",
        f"one\tready\t1 table\t{size}\t-\t{root}/one.db",
    ]
    result = datasette("scan", str(root), "--list", "--json")
    assert [row["name"] for row in json.loads(result.stdout)] == ["a__31m_b", "one"]
    assert "\x1b" not in result.stdout + result.stderr


def test_list_names_every_skipped_file(root: Path) -> None:
    """There is no server whose Skipped tab could list the others."""
    for number in range(25):
        (root / f"bad{number}.db").write_bytes(MAGIC + b"?" * 4000)
    said = datasette("scan", str(root), "--list").stderr
    assert said.count("Skipping ") == 25
    assert "Skipped tab" not in said


def test_list_has_the_files_that_are_named(root: Path) -> None:
    """They are served as well; and looking at them leaves nothing beside them."""
    make_database(root / "one.db")
    make_database(root.parent / "own" / "one.db", rows=9)
    wal = make_database(root.parent / "own" / "wal.db", journal="wal")
    link = root.parent / "own" / "link.db"
    link.symlink_to(wal)
    before = photograph(root.parent)
    named = [str(root.parent / "own" / "one.db"), str(link), str(root / ".." / "disk" / "one.db")]
    result = datasette("scan", str(root), *named[:2], "--list", "--json")
    assert result.returncode == 0, result.stderr
    rows = {(r["name"], r["path"]): (r["status"], r["tables"]) for r in json.loads(result.stdout)}
    assert rows == {
        ("one", named[0]): ("ready", 1),
        ("link", str(link)): ("ready", 1),
        ("disk-one", str(root / "one.db")): ("ready", 1),
    }
    result = datasette("scan", named[2], "--list")  # no folder at all
    assert result.stdout == f"one\tready\t1 table\t8.0 KB\t-\t{root}/one.db\n"
    assert photograph(root.parent) == before


def test_list_of_two_named_hard_links(root: Path) -> None:
    first = make_database(root / "a.db")
    (root / "b.db").hardlink_to(first)
    for names in (("a", "b"), ("b", "a")):
        paths = [str(root / f"{name}.db") for name in names]
        result = datasette("scan", *paths, "--list", "--json")
        assert (result.returncode, result.stderr) == (0, "")
        [row] = json.loads(result.stdout)
        assert (row["name"], row["path"]) == (names[0], paths[0])


async def test_list_of_paths_spelled_differently(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS with other letters' case, and on Windows with long paths."""
    path, bad = make_database(root / "one.db"), root / "bad.db"
    bad.write_bytes(MAGIC + b"?" * 4000)
    find = scanning.find

    async def find_respelled(options: Any) -> AsyncIterator[Any]:
        async for event in find(options):
            found = getattr(event, "path", None)
            yield replace(event, path=b"/" + found) if found else event

    monkeypatch.setattr(scanning, "find", find_respelled)
    ds = Datasette([str(path), str(bad)])
    entries, refused = await _scan_named(ds, Settings(serve=False))
    assert [(e.name, e.path) for e in entries] == [("one", os.fsencode(path))]
    assert list(refused) == [os.fsencode(bad)]
    assert "begins" in refused[os.fsencode(bad)]


def test_list_says_which_named_file_is_bad(root: Path) -> None:
    make_database(root / "one.db")
    bad, empty = root.parent / "bad.db", root.parent / "empty.db"
    bad.write_bytes(MAGIC + b"?" * 4000)
    empty.touch()
    result = datasette("scan", str(root), str(bad), str(empty), "--list")
    assert result.returncode == 1
    assert [line.partition("\t")[0] for line in result.stdout.splitlines()] == ["one"]
    assert f"{bad} cannot be served: a text that begins" in result.stderr
    assert f"{empty} cannot be served: it does not begin" in result.stderr
    assert "Traceback" not in result.stderr
    result = datasette("scan", str(root), str(root / "nowhere.db"), "--list")
    assert result.returncode == 1 and "does not exist" in result.stderr


def test_plugins_lists_it() -> None:
    listed = {p["name"]: p for p in json.loads(CliRunner().invoke(cli, ["plugins"]).stdout)}
    assert listed["datasette-scan"]["static"] and listed["datasette-scan"]["templates"]


def test_a_pysqlite3_that_nothing_ends_is_refused(root: Path, tmp_path: Path) -> None:
    """Datasette prefers pysqlite3, which has no `setlimit`; new SQLite has nothing else either."""
    (tmp_path / "pysqlite3.py").write_text(
        "from sqlite3 import *\n"
        "sqlite_version, sqlite_version_info = '3.51.1', (3, 51, 1)\n"
        "class Connection:\n"
        "    pass\n"
    )
    make_database(root / "x.db")
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"plugins": {"datasette-scan": {"paths": [str(root)]}}}))
    option = "--config" if compat.HAS_CATALOG else "--metadata"
    paths = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    for arguments in (["scan", str(root), "--list"], [option, str(config), "--get", "/"]):
        done = subprocess.run(
            [sys.executable, "-m", "datasette", *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
        )
        assert done.returncode == 1
        assert done.stderr.endswith("remove it: pip uninstall pysqlite3 pysqlite3-binary\n")
        assert "Traceback" not in done.stderr


def test_every_option_of_serve() -> None:
    def options(command: str) -> set[str]:
        text = CliRunner().invoke(cli, [command, "--help"]).stdout
        return set(re.findall(r"(?<!\S)(--?[a-z][a-z-]*)", text.partition("Options:")[2]))

    own = {"--scan-interval", "--exclude", "--max-depth", "--all", "--list", "--json"}
    assert options("scan") >= options("serve") | own


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--json"], "--json goes with --list"),
        (["--scan-interval", "0"], "0"),
        (["--scan-interval", "soon"], "'soon'"),
        (["--scan-interval", "nan"], "not nan"),
        (["--scan-interval", "inf", "--list"], "not inf"),
        (["--max-depth", "-1"], "-1"),
        (["/nowhere/at/all.db"], "/nowhere/at/all.db"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_misuse(args: list[str], said: str, root: Path) -> None:
    result = CliRunner().invoke(cli, ["scan", str(root), *args, "-p", str(free_port())])
    assert isinstance(result.exception, SystemExit)  # an error that was shown, not a traceback
    assert result.exit_code != 0
    assert said in result.output


def test_serving_everybody_warns(root: Path) -> None:
    make_database(root / "one.db")
    result = datasette("scan", str(root), "-h", "0.0.0.0", "--get", "/-/scan")
    assert result.returncode == 0
    assert "WARNING: everybody who can reach 0.0.0.0 can read every database" in result.stderr
    assert 'href="/one"' in result.stdout
    assert str(root) not in result.stdout and "Scan again" not in result.stdout


def test_two_names_of_one_explicit_file(root: Path, serve: Serve) -> None:
    path = make_database(root / "one.db")
    server = serve(str(root), str(path), f"{root}/./one.db").wait()
    assert server.scanned()["total"] == 0
    assert server.request("/one/t")[0] == 200


def test_a_file_that_is_a_whole_scan(root: Path, serve: Serve) -> None:
    """Names with URI characters: Datasette itself would open another file, or make one."""
    path = make_database(root / "c#.db", rows=6)
    before = photograph(root)
    server = serve(str(path)).wait()
    server.until(lambda: server.request("/c~23/t")[0] == 200)
    assert photograph(root) == before


def test_scans_that_are_ended_leave_nothing() -> None:
    """A few of what ``interrupts.py 200`` does by the hundred."""
    outcomes = interrupts.run(9, seed=7)
    assert [str(outcome) for outcome in outcomes if outcome.left] == []
