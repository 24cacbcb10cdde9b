"""The plugin where the system refuses something: one line, or it works."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import limits
import pytest
from sites import make_database

from datasette_scan import compat

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")

LIST: limits.Table = {
    "process limit": (1, r"processes|thread|unavailable"),
    "no home": (0, ""),
    "no temporary folder": (0, ""),  # but for Datasette 1.0, which keeps its own database there
    "read-only file system": (0, ""),
    "eight file descriptors": (1, r"[Tt]oo many open files|unable to open"),
    "600 MB of address space": (1, r"no memory or processes \(.*\): ulimit"),
    "clock in 1970": (0, ""),
}
#: Where Datasette 1.0 needs a temporary folder for its own database.
ON_DISK = ("no temporary folder", "read-only file system")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for every user, not below /tmp."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("situation", limits.SITUATIONS)
def test_list(situation: str, folder: Path) -> None:
    make_database(folder / "x.db")
    command = [sys.executable, "-m", "datasette", "scan", str(folder), "--list"]
    done = limits.run_in(situation, command, processes=8)
    if done.returncode and compat.HAS_CATALOG and situation in ON_DISK:
        limits.check(done, 1, r"^Error: .*No usable temporary directory .*TMPDIR=")
        return
    limits.check(done, *LIST[situation])
    assert ("x.db" in done.stdout) is (done.returncode == 0)
