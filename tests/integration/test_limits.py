"""go-to-wheel and the scanner where the system refuses something: one line, or they work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import limits
import pytest
from support import PROJECTS, copy_project, git, run

pytestmark = [limits.only_linux, pytest.mark.slow]

BUILD: limits.Table = {
    "process limit": (1, r"^go-to-wheel: error: .*(Go stopped|can't start new thread|unavailable)"),
    "no home": (1, r"^go-to-wheel: hint: set HOME, or GOCACHE to a folder"),
    "no temporary folder": (1, r"^go-to-wheel: hint: name a folder that can be written to"),
    "read-only file system": (1, r"^go-to-wheel: (hint|error): .*(writ|[Rr]ead-only)"),
    "eight file descriptors": (1, r"^go-to-wheel: hint: allow more open files: ulimit -n"),
    "600 MB of address space": (1, r"^go-to-wheel: hint: Go needs 1.5 GB of address space"),
    "clock in 1970": (0, ""),
}
HELP: limits.Table = dict.fromkeys(limits.SITUATIONS, (0, ""))


@pytest.mark.parametrize("situation", limits.SITUATIONS)
def test_build(situation: str, shared_folder: Path) -> None:
    closed = any(not folder.stat().st_mode & 1 for folder in Path(sys.executable).parents)
    if situation == "process limit" and os.geteuid() == 0 and closed:
        pytest.skip("this checkout lies in a folder closed to other users, who find no Go there")
    source, output = shared_folder / "hello", shared_folder / "out"
    shutil.copytree(PROJECTS / "hello", source)
    output.mkdir()
    output.chmod(0o777)
    command = [sys.executable, "-m", "go_to_wheel", str(source), "--version", "1"]
    options = ["--platforms", "native", "--output-dir", str(output)]
    if situation == "clock in 1970":
        options += ["--go-binary", str(emulated_go(shared_folder))]
    done = limits.run_in(situation, [*command, *options], processes=3)
    limits.check(done, *BUILD[situation])
    assert len(list(output.iterdir())) == (1 if done.returncode == 0 else 0)


def test_few_descriptors(tmp_path: Path) -> None:
    """Whichever file can't be opened: the same wheel and verdict, or how to allow more files."""
    source = copy_project("hello", tmp_path / "hello")
    git(source, "tag", "v1.0.0")
    build = ["--platforms", "native", "--set-version-var", "main.version", "--output-dir"]
    expected: dict[str, bytes] = {}
    for count in (1024, *range(5, 19)):
        output = tmp_path / f"{count}"
        if go_to_wheel_with(count, source, *build, output):
            wheels = {path.name: path.read_bytes() for path in output.iterdir()}
            expected = expected or wheels
            assert wheels == expected, count
        else:
            assert not output.exists(), count
    for command in (["check", "--json"], ["check", "--run"]):
        command += ["--expect", "native", str(tmp_path / "1024")]
        verdict = go_to_wheel_with(1024, *command)
        assert verdict
        for count in range(5, 13):
            assert go_to_wheel_with(count, *command) in ("", verdict), count


def go_to_wheel_with(descriptors: int, *args: str | Path) -> str:
    """What it prints when it succeeds, else "": then it must have named the limit."""
    limited = ["bash", "-c", f'ulimit -n {descriptors} && exec "$@"', "bash"]
    done = run(*limited, sys.executable, "-m", "go_to_wheel", *args, check=False)
    if done.returncode:
        limits.check(done, *BUILD["eight file descriptors"])
        return ""
    return str(done.stdout)


def emulated_go(folder: Path) -> Path:
    """A go command that reads the other clock."""
    path = folder / "go"
    root = subprocess.check_output(["go", "env", "GOROOT"], text=True).strip()
    path.write_text(f'#!/bin/sh\nexec {limits.emulator()} "{root}/bin/go" "$@"\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("situation", limits.SITUATIONS)
def test_help(situation: str) -> None:
    done = limits.run_in(situation, [sys.executable, "-m", "go_to_wheel", "--help"])
    limits.check(done, *HELP[situation])
