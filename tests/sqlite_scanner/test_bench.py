"""The benchmark's own tools: the same tree each time, and a floor that finds what it should."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from programs import program
from scanner_support import REPOSITORY

BENCH = REPOSITORY / "bench" / "scanner"
Scan = Callable[..., "subprocess.CompletedProcess[bytes]"]
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the benchmark is for Linux")


def make_tree(folder: Path) -> list[str]:
    command = [sys.executable, str(BENCH / "make_tree.py"), str(folder), "--files", "1200"]
    subprocess.run(command, check=True, capture_output=True)
    return Path(f"{folder}.expected").read_text().splitlines()


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@linux_only
def test_the_tree_is_the_same_each_time(tree: Path) -> None:
    make_tree(tree / "one")
    make_tree(tree / "two")
    first = content(tree / "one")
    assert len(first) == 1205
    assert first == content(tree / "two")


@linux_only
def test_everybody_finds_the_same(scan: Scan, tree: Path) -> None:
    expected = make_tree(tree / "home")
    assert len(expected) == 3
    assert scan("--sort", tree / "home").stdout.decode().splitlines() == sorted(expected)
    quick = scan("--quick", "--sort", tree / "home").stdout.decode().splitlines()
    assert quick == [path for path in sorted(expected) if "magic-only" not in path]


@linux_only
def test_the_floor_finds_the_same(tree: Path) -> None:
    compiler = program("a C compiler")
    floor = tree / "floor"
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-pthread"]
    subprocess.run([compiler, *flags, "-o", str(floor), str(BENCH / "floor.c")], check=True)
    expected = make_tree(tree / "home")
    done = subprocess.run([floor, "3", tree / "home"], check=True, capture_output=True, text=True)
    assert sorted(done.stdout.splitlines()) == sorted(expected)
    assert done.stderr.startswith("1205 files, ")
