"""What the system refuses the process is an error of the scan, never a shorter list."""

from __future__ import annotations

import errno
import gc
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from datasette.cli import cli
from sites import MAGIC, make_database, run_sql, scanned
from test_opening import hot_journal, settle

from datasette_scan import finder, system_limits
from datasette_scan.catalog import Catalog
from datasette_scan.errors import RefusedError, UnavailableError
from datasette_scan.opening import attempt, fingerprint, open_files, snapshots, watchdog


def refuse(number: int) -> Any:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


async def test_descriptor_that_is_refused_during_a_look(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_database(root / "a.db")
    make_database(root / "b.db")

    def open_regular(path: bytes) -> int:
        return refuse(errno.EMFILE)() if path.endswith(b"b.db") else fingerprint.open_regular(path)

    monkeypatch.setattr(open_files, "open_regular", open_regular)
    site = await scanned(root)
    catalog = site.state.catalog
    assert catalog.error.startswith(f"{root}/b.db cannot be opened: Too many open files. ")
    assert "ulimit -n " in catalog.error
    assert not catalog.skipped
    monkeypatch.undo()
    await site.scan()
    assert not catalog.error
    assert await site.count("a") == await site.count("b") == 3


async def test_page_while_descriptors_are_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = root / "a.db"
    make_database(path)
    site = await scanned(root)
    run_sql(path, "CREATE TABLE later (id INTEGER)")
    site.state.reader.opener.forget_idle(os.fsencode(path))
    monkeypatch.setattr(open_files, "open_regular", refuse(errno.EMFILE))
    for url in ("/a", "/a.json", "/a/t", "/-/scan/peek?name=a"):
        response = await site.ds.client.get(url)
        assert response.status_code == 503, url
        assert "ulimit -n " in response.text
    monkeypatch.undo()
    response = await site.ds.client.get("/a")
    assert response.status_code == 200
    assert "later" in response.text


async def test_thread_that_is_refused_during_a_look(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_database(root / "a.db")

    begin = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name == "scan-watchdog":
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(attempt, "watchdog", watchdog.Watchdog())
    monkeypatch.setattr(threading.Thread, "start", start)
    site = await scanned(root)
    monkeypatch.undo()
    catalog = site.state.catalog
    assert catalog.error.startswith("the system refuses: can't start new thread; raise the limits")
    assert not catalog.skipped


async def test_descriptor_that_the_scanner_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_database(root / "a.db")
    path = os.fsencode(root / "closed")
    decode = finder.parse_event
    problem = finder.Problem(path, "handles", "too many open files")
    monkeypatch.setattr(
        finder, "parse_event", lambda line: problem if b'"progress"' in line else decode(line)
    )
    site = await scanned(root)
    assert site.state.catalog.error.startswith(f"{root}/closed: too many open files. Raise the ")
    assert site.names == {os.fsencode(root / "a.db"): "a"}


@pytest.mark.parametrize(("output", "failed"), [(["--list"], 1), (["--search", "row"], 2)])
def test_full_disk_leaves_a_scan_incomplete(
    root: Path, monkeypatch: pytest.MonkeyPatch, output: list[str], failed: int
) -> None:
    make_database(root / "one.db")
    (root / "damaged.db").write_bytes(MAGIC + b"?" * 4000)
    assert CliRunner().invoke(cli, ["scan", str(root), *output]).exit_code == 0
    hot_journal(root / "hot.db")
    settle(root)
    monkeypatch.setattr(snapshots, "copy_database", refuse(errno.ENOSPC))
    result = CliRunner().invoke(cli, ["scan", str(root), *output])
    assert result.exit_code == failed
    assert "No space left on device. Free some space, or use another disk (TM" in result.output
    assert f"{root / 'one.db'}" in result.output


@pytest.mark.parametrize(
    ("path", "kind", "complete"),
    [
        (b"/disk/x", "denied", True),
        (b"/disk/x", "in_use", True),
        (b"/disk/x", "placeholder", True),
        (b"/disk/x", "vanished", True),
        (b"/disk/x", "io", False),
        (b"/disk", "denied", False),
        (b"/disk", "missing", False),
    ],
)
def test_problem_that_leaves_a_scan_incomplete(path: bytes, kind: str, complete: bool) -> None:
    catalog = Catalog((b"/disk",))
    catalog.record_problem(finder.Problem(path, kind, "why"))
    assert catalog.is_complete is complete


@pytest.mark.parametrize(
    ("number", "kind", "advice"),
    [
        (errno.EMFILE, RefusedError, "Raise the limit of open files: ulimit -n "),
        (errno.ENFILE, RefusedError, "End some programs."),
        (errno.ENOMEM, RefusedError, "Raise the limits of memory: ulimit -v"),
        (errno.ENOSPC, UnavailableError, "Free some space, or use another disk"),
        (errno.EIO, UnavailableError, UnavailableError.advice),
    ],
)
def test_advice(number: int, kind: type[UnavailableError], advice: str) -> None:
    error = system_limits.unavailable("/x cannot be read", OSError(number, os.strerror(number)))
    assert type(error) is kind
    assert str(error) == f"/x cannot be read: {os.strerror(number)}"
    assert error.advice.startswith(advice)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError(), "the system refuses: out of memory; raise the limits of memory"),
        (RuntimeError("can't start new thread"), "the system refuses: can't start new thread; "),
        (RuntimeError("a fault of ours"), ""),
        (ValueError("another"), ""),
        (OSError(errno.EIO, "Input/output error"), "the system refuses: [Errno 5] "),
    ],
)
def test_describe(error: Exception, line: str) -> None:
    assert system_limits.describe(error).startswith(line)
    assert bool(system_limits.describe(error)) is bool(line)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES])
def test_journal_that_cannot_be_opened_counts(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = os.fsencode(make_database(root / "a.db"))
    (root / "a.db-journal").write_bytes(bytes(512))
    assert not fingerprint.has_unfinished_journal(path)
    monkeypatch.setattr(fingerprint, "open_regular", refuse(number))
    assert fingerprint.has_unfinished_journal(path)


def test_room_is_given_back() -> None:
    gc.collect()  # what earlier tests left is not closed meanwhile
    before = system_limits.count_free_descriptors()
    system_limits.check_resources()
    assert system_limits.count_free_descriptors() == before


def test_no_memory_for_a_thread_to_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_limits, "_BEGIN_SECONDS", 0.01)
    monkeypatch.setattr("_thread.start_new_thread", lambda *_: 0)
    with pytest.raises(MemoryError):
        system_limits.check_resources()
