"""What is different on Windows, by injected values; tests/windows runs there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from datasette_scan.catalog import Catalog
from datasette_scan.finder import Problem
from datasette_scan.opening import opener as opener_module
from datasette_scan.opening import windows
from datasette_scan.opening.fingerprint import identity_of
from datasette_scan.opening.opener import Limits, Opener
from datasette_scan.opening.snapshots import SnapshotStore
from sites import make_database, run_sql
from windows_paths import EXTENDED


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        (rb"C:\x\a.db", "file:/C%3A/x/a.db?mode=ro"),
        (rb"C:\100% #1?.db", "file:/C%3A/100%25%20%231%3F.db?mode=ro"),
        (rb"\\server\share\x.db", "file:////server/share/x.db?mode=ro"),
        (
            rb"\\?\C:\x.db",
            "file:%5C%5C%3F%5CC%3A%5Cx.db?mode=ro&vfs=win32-longpath",
        ),
        (
            rb"\\?\UNC\server\share\x.db",
            "file:%5C%5C%3F%5CUNC%5Cserver%5Cshare%5Cx.db?mode=ro&vfs=win32-longpath",
        ),
        (rb"C:\trail.", "file:%5C%5C%3F%5CC%3A%5Ctrail.?mode=ro&vfs=win32-longpath"),
    ],
)
def test_uris(path: bytes, uri: str) -> None:
    assert windows.format_uri(path, "mode=ro") == uri


@pytest.mark.parametrize("path", EXTENDED)
def test_paths_that_windows_would_change(path: str) -> None:
    extended = windows.extended_path(path.encode())
    assert extended == EXTENDED[path].encode()
    assert windows.plain_path(extended) == windows.plain_path(path.encode())


@pytest.mark.parametrize("path", [rb"C:\x\a.db", rb"C:\comma\a.db"])
def test_ordinary_paths_stay(path: bytes) -> None:
    assert windows.extended_path(path) == path


def test_identity_is_the_scanner_s() -> None:
    """Python 3.12 has longer numbers there, whose lower bits are the same."""
    long = os.stat_result((0, 5 << 64 | 7, 9 << 32 | 3, 1, 0, 0, 0, 0, 0, 0))
    assert identity_of(long, windows=True) == (3, 7)
    assert identity_of(long, windows=False) == (9 << 32 | 3, 5 << 64 | 7)


def test_nothing_stays_open_between_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_database(tmp_path / "x.db")
    opener = Opener(Limits(), SnapshotStore(64 << 20))

    def count() -> int:
        rows, _ = opener.read(os.fsencode(path), lambda c: c.execute("select * from t").fetchall())
        return len(rows)

    try:
        assert count() == 3
        assert opener._open_files  # here an idle connection is reused
        monkeypatch.setattr(opener_module, "_KEEPS_OPEN", False)
        assert count() == 3
        assert not opener._open_files
        path.rename(tmp_path / "y.db")
        make_database(path, rows=5)
        assert count() == 5
        run_sql(path, "insert into t(name) values ('more')")
        assert count() == 6
    finally:
        opener.close()


def test_file_in_use_has_its_own_advice() -> None:
    catalog = Catalog()
    catalog.record_problem(Problem(b"C:\\NTUSER.DAT", "in_use", "locked"))
    (skip,) = catalog.skipped.values()
    assert skip.advice == "Another program has locked it. Close that program, then scan again."
