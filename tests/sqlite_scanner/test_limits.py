"""The scanner where the system refuses something: one line, or it works."""

from __future__ import annotations

from pathlib import Path

import limits
import pytest
from scanner_support import make_database

pytestmark = limits.only_linux

SCAN: limits.Table = {
    "process limit": (0, ""),
    "no home": (0, ""),
    "no temporary folder": (0, ""),
    "read-only file system": (0, ""),
    "eight file descriptors": (0, ""),
    # Go reserves 1 GB of addresses before any code of a program runs, and says so itself.
    "600 MB of address space": (2, r"^(fatal error: |runtime: )"),
    "clock in 1970": (0, ""),
}


@pytest.mark.parametrize("situation", limits.SITUATIONS)
def test_scan(scanner: str, situation: str, open_folder: Path) -> None:
    folder = open_folder / "limits"
    make_database(folder / "x.db") if not folder.exists() else None
    done = limits.run_in(situation, [scanner, "--count", str(folder)], [open_folder], 30)
    if situation == "600 MB of address space":
        assert done.returncode == 2
        return
    limits.check(done, *SCAN[situation])
    assert done.stdout == "1\n"


@pytest.mark.parametrize("limit", [6, 7])
def test_too_few_processes(scanner: str, open_folder: Path, limit: int) -> None:
    done = limits.run_in("process limit", [scanner, str(open_folder)], processes=limit)
    limits.check(done, 1, r"^sqlite-scanner: error: too few processes: .*ulimit -u")
