"""The plugin where the system refuses something: one line, or it works."""

from __future__ import annotations

import sys
from pathlib import Path

import limits
import pytest
from sites import make_database

from datasette_scan import compat

pytestmark = limits.only_linux

LIST: limits.Table = {
    "process limit": (1, r"processes|thread|unavailable"),
    "no home": (0, ""),
    "no temporary folder": (0, ""),  # but for Datasette 1.0, which keeps its own database there
    "read-only file system": (0, ""),
    "eight file descriptors": (1, r"[Tt]oo many open files|unable to open"),
    "600 MB of address space": (1, "^Scan failed: .*too little address space; allow 1.5 GB: "),
    "clock in 1970": (0, ""),
}
#: Where Datasette 1.0 needs a temporary folder for its own database.
ON_DISK = ("no temporary folder", "read-only file system")


@pytest.mark.parametrize("situation", limits.SITUATIONS)
def test_list(situation: str, shared_folder: Path) -> None:
    make_database(shared_folder / "x.db")
    command = [sys.executable, "-m", "datasette", "scan", str(shared_folder), "--list"]
    done = limits.run_in(situation, command, processes=8)
    if done.returncode and compat.HAS_CATALOG and situation in ON_DISK:
        limits.check(done, 1, r"^Error: .*No usable temporary directory .*TMPDIR=")
        return
    limits.check(done, *LIST[situation])
    assert ("x.db" in done.stdout) is (done.returncode == 0)
