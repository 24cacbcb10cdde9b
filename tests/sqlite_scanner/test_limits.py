"""The scanner where the system refuses something: one line, or it works."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path

import limits
import pytest
from programs import program
from scanner_support import REPOSITORY, make_database

from go_to_wheel.platforms import TARGETS

SOURCE = REPOSITORY / "sqlite_scanner"

pytestmark = limits.only_linux

SCAN: limits.Table = {
    "process limit": (0, ""),
    "no home": (0, ""),
    "no temporary folder": (0, ""),
    "read-only file system": (0, ""),
    "eight file descriptors": (0, ""),
    "600 MB of address space": (1, r"^sqlite-scanner: error: too little address space; allow "),
    "clock in 1970": (0, ""),
}


@pytest.mark.parametrize("situation", limits.SITUATIONS)
def test_scan(scanner: str, situation: str, open_folder: Path) -> None:
    folder = open_folder / "limits"
    make_database(folder / "x.db") if not folder.exists() else None
    emulator = [limits.emulator()] if situation == "clock in 1970" else []
    command = [*emulator, scanner, "--count", str(folder)]
    done = limits.run_in(situation, command, [open_folder], 30)
    limits.check(done, *SCAN[situation])
    assert done.stdout == ("1\n" if done.returncode == 0 else "")


@pytest.mark.parametrize("limit", [6, 7])
def test_too_few_processes(scanner: str, open_folder: Path, limit: int) -> None:
    done = limits.run_in("process limit", [scanner, str(open_folder)], processes=limit)
    limits.check(done, 1, r"^sqlite-scanner: error: too few processes: .*ulimit -u")


@pytest.mark.parametrize(
    ("limit", "megabytes", "refusal"),
    [
        *(("-v", size, "address space; allow 1.5 GB") for size in (64, 704, 1200)),
        ("-v", 1536, ""),
        *(("-d", size, "memory; allow 64 MB") for size in (1, 16, 32, 48)),
        ("-d", 64, ""),
    ],
)
def test_memory(scanner: str, open_folder: Path, limit: str, megabytes: int, refusal: str) -> None:
    """Go starts with less than it reserves, and dies later."""
    (open_folder / "space").mkdir(exist_ok=True)
    line = f'ulimit {limit} {megabytes << 10} && exec "$@"'
    done = subprocess.run(
        ["bash", "-c", line, "bash", scanner, "--count", str(open_folder / "space")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    pattern = rf"^sqlite-scanner: error: too little {refusal}" if refusal else ""
    limits.check(done, 1 if refusal else 0, pattern)


@pytest.mark.parametrize("closed", [">&-", "<&- >&-"])
@pytest.mark.parametrize("flag", ["--count", "--version", "--json"])
def test_closed_standard_output(scanner: str, closed: str, flag: str, open_folder: Path) -> None:
    """Go would open /dev/null in its place."""
    command = ["bash", "-c", f'exec "$@" {closed}', "bash", scanner, flag, str(open_folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    limits.check(done, 1, r"^sqlite-scanner: error: standard output is closed; send it somewhere: ")


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-", "2>/dev/full"])
def test_closed_streams_that_are_not_needed(scanner: str, closed: str, open_folder: Path) -> None:
    (open_folder / "space").mkdir(exist_ok=True)
    line = f'exec "$@" {closed}'
    command = ["bash", "-c", line, "bash", scanner, "--count", str(open_folder / "space")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


def test_start_on_arm(scanner: str, tmp_path: Path) -> None:
    emulator, binary = program("qemu-aarch64"), tmp_path / "scanner"
    subprocess.run(
        ["go", "build", "-ldflags", "-E main.start", "-o", binary, "."], cwd=SOURCE, check=True,
        env={**os.environ, "CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": "arm64"},
    )  # fmt: skip
    for options, closed, code, line in (
        (["-R", "1000M"], "", 1, "^sqlite-scanner: error: too little address space"),
        ([], ">&-", 1, "^sqlite-scanner: error: standard output is closed"),
        ([], "", 0, ""),
    ):
        command = [emulator, *options, binary, "--version"]
        shell = ["bash", "-c", f'exec "$@" {closed}', "bash"]
        done = subprocess.run([*shell, *command], capture_output=True, text=True, check=False)
        limits.check(done, code, line)


def test_wheels_begin_with_the_checks() -> None:
    config = tomllib.loads((SOURCE / "pyproject.toml").read_text(encoding="utf-8"))
    flags = config["tool"]["go-to-wheel"]["target"]
    wanted = {t.name for t in TARGETS if t.goos == "linux" and t.goarch in ("amd64", "arm64")}
    assert set(flags) == wanted
    assert all(table == {"ldflags": "-E main.start"} for table in flags.values())
