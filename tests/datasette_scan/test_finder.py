"""The scanner's lines, from the real program and from one that misbehaves."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import sys
from pathlib import Path

import fake_scanner
import pytest
import sqlite_scanner
from sites import MAGIC, make_database, scanned
from datasette_scan.errors import FinderError, UsageError
from datasette_scan.finder import (
    DEFAULT_EXCLUDES,
    Event,
    FindOptions,
    Match,
    Problem,
    Progress,
    check_globs,
    find,
    parse_event,
    scanner_path,
)


async def collect(options: FindOptions) -> list[Event]:
    return [event async for event in find(options)]


def options(root: Path, **kwargs: object) -> FindOptions:
    return FindOptions((os.fsencode(root),), **kwargs)  # type: ignore[arg-type]


async def test_the_real_program(root: Path) -> None:
    make_database(root / "a.db")
    make_database(root / ".git" / "b.db")
    strange = os.path.join(os.fsencode(root), b"\xff\n.db")
    os.rename(make_database(root / "c.db"), strange)
    (root / "broken").write_bytes(MAGIC + bytes(200))
    events = await collect(options(root))
    found = {e.path: e for e in events if isinstance(e, Match)}
    assert set(found) == {os.fsencode(root / "a.db"), strange, os.fsencode(root / "broken")}
    assert found[strange].valid
    assert not found[os.fsencode(root / "broken")].valid
    assert found[os.fsencode(root / "broken")].reason
    assert found[strange].inode == os.stat(strange).st_ino
    assert found[strange].size == os.stat(strange).st_size
    last = [e for e in events if isinstance(e, Progress)][-1]
    assert (last.files, last.matches, last.errors) == (3, 3, 0)


async def test_a_root_that_is_not_there(root: Path) -> None:
    events = await collect(options(root / "nowhere"))
    [problem] = [e for e in events if isinstance(e, Problem)]
    assert problem.path == os.fsencode(root / "nowhere")
    assert problem.kind == "missing"


def test_command_line() -> None:
    command = FindOptions((b"/d",), exclude=("*.bak",), max_depth=3).command()
    assert command[1:4] == ["--jsonl", "--details", "--events"]
    assert command[-2:] == ["--", b"/d"]
    for glob in (*DEFAULT_EXCLUDES, "*.bak"):
        assert command[command.index(glob) - 1] == "--exclude"
    assert command[command.index("--max-depth") + 1] == "3"
    everything = FindOptions((b"/d",), include_all=True).command()
    assert everything[4:] == ["--", b"/d"]


def test_patterns_that_the_scanner_refuses() -> None:
    check_globs(("*.bak", "to/"))
    with pytest.raises(UsageError) as caught:
        check_globs(("*.bak", "["))
    assert str(caught.value).startswith('--exclude: bad glob "["')
    assert "x0a" not in str(caught.value)


MATCH = {
    "event": "match",
    "path": "/d/a.db",
    "size": 10,
    "device": 1,
    "inode": 2,
    "valid": True,
    "application_id": 0,
}


def test_parse_event() -> None:
    assert parse_event(json.dumps(MATCH).encode()) == Match(b"/d/a.db", 10, 1, 2, True, "", "", 0)
    exact = {**MATCH, "path_base64": base64.b64encode(b"/d/\xff.db").decode()}
    event = parse_event(json.dumps(exact).encode())
    assert isinstance(event, Match) and event.path == b"/d/\xff.db"
    assert parse_event(b'{"event":"progress","files":1,"folders":2,"matches":3,"errors":4}') == (
        Progress(1, 2, 3, 4)
    )
    assert parse_event(b'{"event":"error","path":"/d","kind":"denied","error":"no"}') == (
        Problem(b"/d", "denied", "no")
    )
    assert parse_event(b'{"event":"something-new","path":"/d"}') is None


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A program in the scanner's place; write what it shall do to the path."""
    script = tmp_path / "fake.txt"
    binary = tmp_path / "sqlite-scanner"
    binary.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{fake_scanner.__file__}" "$@"\n')
    binary.chmod(0o755)
    monkeypatch.setattr(sqlite_scanner, "get_binary_path", lambda: str(binary))
    monkeypatch.setenv("FAKE_SCANNER", str(script))
    return script


async def test_failure_is_shown(fake: Path, root: Path) -> None:
    fake.write_text("2\n0\n")
    with pytest.raises(FinderError, match="exit code 2") as caught:
        await collect(options(root))
    assert "\\x1b[31mit broke" in str(caught.value)


async def test_exit_code_one_is_no_failure(fake: Path, root: Path) -> None:
    fake.write_text("1\n0\n" + json.dumps(MATCH))
    assert len(await collect(options(root))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        '{"event":"match"}',
        '{"event":"match","path":3}',
        '{"event":"match","path":"/a","size":1e999}',
        "[]",
    ],
)
async def test_another_format_is_named(line: str, fake: Path, root: Path) -> None:
    fake.write_text(f"0\n0\n{line}")
    with pytest.raises(FinderError, match="not its format"):
        await collect(options(root))


async def test_the_process_ends_with_the_reader(fake: Path, root: Path) -> None:
    fake.write_text("0\n300\n" + json.dumps(MATCH))

    async def read_one() -> None:
        async with contextlib.aclosing(find(options(root))) as events:
            async for _ in events:
                await asyncio.sleep(300)

    task = asyncio.ensure_future(read_one())
    pid = fake.with_suffix(".pid")
    while not (pid.exists() and pid.read_text()):
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):  # it was waited for
        os.kill(int(fake.with_suffix(".pid").read_text()), 0)


@pytest.mark.parametrize("turns", range(8))
async def test_cancelled_while_the_process_starts(turns: int, fake: Path, root: Path) -> None:
    """Whatever had been done by then, the end comes."""
    fake.write_text("0\n300\n")
    task = asyncio.ensure_future(collect(options(root)))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_rows_come_before_the_scan_ends(fake: Path, root: Path) -> None:
    path = make_database(root / "a.db")
    found = {**MATCH, "path": str(path), "inode": path.stat().st_ino}
    found["device"] = path.stat().st_dev
    fake.write_text("0\n0\n")
    site = await scanned()
    fake.write_text("0\n300\n" + json.dumps(found) + '\n{"event":"progress","files":7}')
    from dataclasses import replace

    scan_task = site.state.scan_task
    scan_task._settings = replace(scan_task._settings, find=options(root))
    task = asyncio.ensure_future(scan_task.scan())
    while True:
        entries = list(site.state.catalog.entries.values())
        if entries and entries[0].status == "ready" and site.state.catalog.progress.files:
            break
        await asyncio.sleep(0.02)
    assert [e.status for e in entries] == ["ready"]
    assert site.state.catalog.scanning
    assert site.state.catalog.progress.files == 7
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not site.state.catalog.scanning
    await site.close()


async def test_a_failed_scan_keeps_what_was_there(root: Path, fake: Path) -> None:
    path = make_database(root / "a.db")
    found = {**MATCH, "path": str(path), "inode": path.stat().st_ino}
    found["device"] = path.stat().st_dev
    fake.write_text("0\n0\n" + json.dumps(found))
    site = await scanned(root)
    assert await site.count("a") == 3
    fake.write_text("2\n0\n")
    await site.scan()
    body = await site.json("/-/scan.json")
    assert "exit code 2" in body["error"]
    assert [r["status"] for r in body["rows"]] == ["ready"]
    assert "The last scan failed" in (await site.get("/-/scan")).text
    assert await site.count("a") == 3
    await site.close()


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_scanner, "get_binary_path", lambda: "/nowhere/sqlite-scanner")
    with pytest.raises(FinderError, match="/nowhere/sqlite-scanner"):
        scanner_path()
