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


@pytest.mark.parametrize(("megabytes", "code"), [(64, 1), (704, 1), (1200, 1), (1536, 0)])
def test_address_space(scanner: str, open_folder: Path, megabytes: int, code: int) -> None:
    """Go starts with less than it reserves, and dies later."""
    (open_folder / "space").mkdir(exist_ok=True)
    line = f'ulimit -v {megabytes << 10} && exec "$@"'
    done = subprocess.run(
        ["bash", "-c", line, "bash", scanner, "--count", str(open_folder / "space")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    limits.check(done, code, r"^sqlite-scanner: error: too little address space" if code else "")


def test_address_space_on_arm(scanner: str, tmp_path: Path) -> None:
    emulator, binary = program("qemu-aarch64"), tmp_path / "scanner"
    subprocess.run(
        ["go", "build", "-ldflags", "-E main.start", "-o", binary, "."], cwd=SOURCE, check=True,
        env={**os.environ, "CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": "arm64"},
    )  # fmt: skip
    for options, code, line in ((["-R", "1000M"], 1, "^sqlite-scanner: error: too"), ([], 0, "")):
        done = subprocess.run(
            [emulator, *options, binary, "--version"], capture_output=True, text=True, check=False
        )
        limits.check(done, code, line)


def test_wheels_begin_with_the_check_of_address_space() -> None:
    config = tomllib.loads((SOURCE / "pyproject.toml").read_text(encoding="utf-8"))
    flags = config["tool"]["go-to-wheel"]["target"]
    wanted = {t.name for t in TARGETS if t.goos == "linux" and t.goarch in ("amd64", "arm64")}
    assert set(flags) == wanted
    assert all(table == {"ldflags": "-E main.start"} for table in flags.values())
