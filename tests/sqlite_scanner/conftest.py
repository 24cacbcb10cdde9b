"""The scanner, built once from this repository, and things to scan."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from scanner_support import REPOSITORY

#: With the entry of the wheels for this machine, where it has one.
LINKER_FLAGS = "-s -w -X main.version=1.2.3"
if sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64"):
    LINKER_FLAGS += " -E main.start"


# Other users, as which some tests run, enter the folders and run the program.
if os.name == "posix":
    os.umask(0o022)


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that every user of this machine may enter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="session")
def scanner(open_folder: Path) -> str:
    go = shutil.which("go")
    assert go, "these tests need Go on PATH"
    binary = open_folder / "sqlite-scanner"
    subprocess.run(
        [
            go,
            "build",
            "-trimpath",
            "-ldflags",
            LINKER_FLAGS,
            "-o",
            str(binary),
            ".",
        ],
        cwd=REPOSITORY / "sqlite_scanner",
        env={**os.environ, "CGO_ENABLED": "0"},
        check=True,
    )
    return str(binary)


@pytest.fixture
def scan(scanner: str) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run the scanner and return what it did."""

    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[bytes]:
        command = [
            scanner,
            *(os.fspath(a) if isinstance(a, os.PathLike) else str(a) for a in arguments),
        ]
        return subprocess.run(command, capture_output=True, timeout=240, **options)  # type: ignore[call-overload,no-any-return]

    return run


@pytest.fixture
def tree(open_folder: Path) -> Iterator[Path]:
    """An empty folder that every user may enter."""
    with tempfile.TemporaryDirectory(dir=open_folder) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for sub, folders, _ in os.walk(folder):  # so that it can be removed
            for each in folders:
                os.chmod(os.path.join(sub, each), 0o755)
