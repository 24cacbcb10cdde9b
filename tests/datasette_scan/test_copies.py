"""Private copies: where they are, who sweeps them, and what happens when they are gone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from datasette_scan.opening import Limits, Opener, SnapshotStore, snapshots, sweep
from sites import run_sql
from test_opening import hot_journal, settle


def test_no_room_for_a_private_copy(root: Path, tmp_path: Path) -> None:
    """The disk is full: one clear error, and nothing half-written is left."""
    if sys.platform == "win32":
        pytest.skip("limits of a process are POSIX")
    hot_journal(root / "a.db")
    settle(root)
    code = """
import os, resource, signal, sys, tempfile
from datasette_scan.opening import Limits, Opener, SnapshotStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
print("ready", flush=True)
opener = Opener(Limits(), SnapshotStore(1 << 30))
try:
    opener.read(os.fsencode(sys.argv[1]), lambda c: None)
except Exception as error:
    print(type(error).__name__, error)
print(sum(len(files) for _, _, files in os.walk(tempfile.gettempdir())))
opener.close()
print(os.listdir(tempfile.gettempdir()))
"""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code, root / "a.db"],
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=True,
    )
    _, said, files, left = done.stdout.splitlines()
    assert said.startswith("UnavailableError no private copy of")
    assert said.endswith("File too large")
    assert (files, left) == ("1", "[]")  # the lock; nothing


@pytest.mark.skipif(sys.platform == "win32", reason="users and links are POSIX")
def test_sweep_removes_only_our_dead_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(snapshots.tempfile, "tempdir", str(tmp_path))
    alive, _lock = snapshots._locked_folder()
    dead = tmp_path / "datasette-scan-dead"
    precious = tmp_path / "precious"
    for folder in (dead, precious):
        folder.mkdir(mode=0o700)
        (folder / "in-use").touch()
        (folder / "copy.db").touch()
    (dead / "link").symlink_to(precious)
    (tmp_path / "datasette-scan-link").symlink_to(precious)
    for name in ("unlocked", "open", "others", "linked"):
        folder = tmp_path / f"datasette-scan-{name}"
        folder.mkdir(mode=0o700)
        (folder / "in-use").touch()
    (tmp_path / "datasette-scan-unlocked" / "in-use").unlink()
    (tmp_path / "datasette-scan-open").chmod(0o777)
    (tmp_path / "datasette-scan-linked" / "in-use").unlink()
    (tmp_path / "datasette-scan-linked" / "in-use").symlink_to(precious / "copy.db")
    left = {"unlocked", "open", "link", "linked"}
    if os.geteuid() == 0:
        os.chown(tmp_path / "datasette-scan-others", 1000, 1000)
        left.add("others")
    sweep()
    assert not dead.exists()
    assert (precious / "copy.db").exists()
    assert alive.exists()
    assert {p.name.removeprefix("datasette-scan-") for p in tmp_path.glob("datasette-scan-*")} == {
        *left,
        alive.name.removeprefix("datasette-scan-"),
    }


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
def test_sweep_leaves_a_server_that_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One server sweeps while another has made its lock and does not hold it yet."""
    monkeypatch.setattr(snapshots.tempfile, "tempdir", str(tmp_path))
    flock = snapshots.fcntl.flock
    swept = []

    def sweep_first(fd: int, how: int) -> None:
        if not swept and not how & snapshots.fcntl.LOCK_NB:
            swept.append(sweep())
        flock(fd, how)

    monkeypatch.setattr(snapshots.fcntl, "flock", sweep_first)
    folder, lock = snapshots._locked_folder()
    assert swept == [1]
    assert folder.exists()
    snapshots._remove(folder, lock)


@pytest.mark.skipif(sys.platform == "win32", reason="links are POSIX")
def test_sweep_locks_what_it_removes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots.tempfile, "tempdir", str(tmp_path))
    (tmp_path / "datasette-scan-dead").mkdir(mode=0o700)
    (tmp_path / "datasette-scan-dead" / "in-use").touch()
    held = []

    def look(path: str, ignore_errors: bool) -> None:
        with Path(path, "in-use").open() as lock, pytest.raises(BlockingIOError):
            snapshots.fcntl.flock(lock, snapshots.fcntl.LOCK_EX | snapshots.fcntl.LOCK_NB)
        held.append(path)

    monkeypatch.setattr(snapshots.shutil, "rmtree", look)
    assert sweep() == len(held) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
@pytest.mark.parametrize("planted", [False, True])
def test_private_copies_that_the_system_removed(planted: bool, root: Path, tmp_path: Path) -> None:
    """They are made anew, whatever somebody has put in their place."""
    path = os.fsencode(root / "a.db")
    hot_journal(root / "a.db")
    settle(root)
    opener = Opener(Limits(), SnapshotStore(1 << 30))
    where: list[str] = []
    read = "SELECT count(*), (SELECT file FROM pragma_database_list) FROM t"
    for _ in range(2):
        opener.read(path, lambda c: where.append(c.execute(read).fetchone()))
        folder = Path(where[-1][1]).parent.parent
        shutil.rmtree(folder)
        if planted:
            Path(where[-1][1]).parent.mkdir(parents=True)
            run_sql(Path(where[-1][1]), "CREATE TABLE t (a)")
    opener.close()
    assert where[0][0] == where[1][0]


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
def test_copy_that_made_room_for_another(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file may go between the choice and the open."""
    path = os.fsencode(root / "a.db")
    hot_journal(root / "a.db")
    settle(root)
    opener = Opener(Limits(), SnapshotStore(1 << 30))
    opener.read(path, lambda _: None)
    get, given = opener.snapshots.get, []

    def get_and_lose(*args: Any) -> Any:
        snapshot = get(*args)
        if snapshot and not given:
            given.append(snapshot)
            os.unlink(snapshot.file)
        return snapshot

    monkeypatch.setattr(opener.snapshots, "get", get_and_lose)
    assert opener.read(path, lambda c: c.execute("SELECT 1").fetchone())[0] == (1,)
    assert given
    opener.close()


def test_closing_again_after_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal raises SystemExit wherever the main thread is, in the removal too."""

    def interrupt(*_: object, **__: object) -> None:
        raise SystemExit(143)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    store = SnapshotStore(1 << 30)
    store.new_folder()
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", interrupt)
        with pytest.raises(SystemExit):
            store.close()
    store.close()
    assert list(tmp_path.iterdir()) == []
