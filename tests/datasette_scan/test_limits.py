"""The plugin where the system refuses something: one line, or it works."""

from __future__ import annotations

import os
import subprocess
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


@pytest.mark.parametrize(
    "limit",
    [
        *(f"-n {n}" for n in (5, 6, 8, 10, 11, 12, 13, 16)),
        *(f"-d {m}000" for m in (64, 72, 90, 150)),
    ],
)
def test_list_under_a_limit(limit: str, shared_folder: Path) -> None:
    """All or one error with a limit to raise, whichever call is refused."""
    names = [f"{number}.db" for number in range(20)]
    for name in names:
        make_database(shared_folder / name)
    line = f'ulimit {limit} && exec "$@"'
    command = [sys.executable, "-m", "datasette", "scan", str(shared_folder), "--list"]
    done = subprocess.run(
        ["bash", "-c", line, "bash", *command], capture_output=True, text=True, timeout=240
    )
    limits.check(done, done.returncode, "ulimit" if done.returncode else "")
    if done.returncode == 0:
        assert [name for name in names if f"/{name}\n" in done.stdout] == names
    else:
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("output", [["--list"], ["--list", "--json"], ["--search", "row"]])
def test_closed_standard_output(output: list[str], shared_folder: Path) -> None:
    make_database(shared_folder / "x.db")
    command = [sys.executable, "-m", "datasette", "scan", str(shared_folder), *output]
    done = subprocess.run(
        ["bash", "-c", 'exec "$@" >&-', "bash", *command], capture_output=True, text=True
    )
    limits.check(done, 1, "^Error: standard output is closed; send it somewhere: ")


@pytest.mark.parametrize("output", [["--list"], ["--list", "--json"], ["--search", "row"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_full_disk(output: list[str], unbuffered: str, shared_folder: Path) -> None:
    make_database(shared_folder / "x.db")
    command = [sys.executable, "-m", "datasette", "scan", str(shared_folder), *output]
    env = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=env)
    assert done.returncode == 1
    assert "Error: the system refuses: [Errno 28] No space left on device; free some" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
