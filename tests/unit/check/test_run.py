"""What a run of a wheel's command says about the wheel."""

from __future__ import annotations

import dataclasses
import os
import platform
import select
import sys
from pathlib import Path

import pytest
from systems import needs_scripts

from go_to_wheel import process
from go_to_wheel.binary.facts import BinaryFacts
from go_to_wheel.check.report import Report, Run
from go_to_wheel.check.run import (
    check_run,
    find_emulator,
    find_versions,
    run_commands,
    run_program,
)

RUN = Run("w.whl", "installed by pip", ("tool", "--version"), 0, "tool 1.2.3")


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ("1.2.3", ["1.2.3"]),
        ("tool version v1.2.3", ["1.2.3"]),
        ("yq (https://example.com/yq/) version v4.44.3", ["4.44.3"]),
        ("tool 1.2.3-rc.1 (commit abcdef1, go1.26.8)", ["1.2.3rc1"]),
        ("built with go1.26.8", []),
        ("tool v1.0.0, library 2.5", ["1.0.0", "2.5"]),
        ("tool: dev", []),
        ("v1.2.3.", ["1.2.3"]),
        ("10.0.0.1-bad-", []),
        ("", []),
    ],
)
def test_versions_in_a_programs_output(text: str, versions: list[str]) -> None:
    assert find_versions(text) == versions


@pytest.mark.parametrize(
    ("changes", "asked", "codes"),
    [
        ({}, False, []),
        ({"output": "tool 1.2.4"}, False, ["run-version"]),
        ({"output": "tool dev"}, False, ["run-version"]),
        ({"output": "tool dev"}, True, []),
        ({"exit_code": 2}, False, ["run-exit"]),
        ({"exit_code": 2}, True, ["run-failed"]),
        ({"exit_code": 126}, False, ["run-failed"]),
        ({"exit_code": 127}, True, ["run-failed"]),
        ({"exit_code": -11}, False, ["run-failed"]),
    ],
)
def test_verdict_on_a_run(changes: dict[str, object], asked: bool, codes: list[str]) -> None:
    run = dataclasses.replace(RUN, **changes)  # type: ignore[arg-type]
    assert [finding.code for finding in check_run(run, "1.2.3", asked)] == codes


def test_what_is_not_run_is_named_once(tmp_path: Path) -> None:
    names = ("tool-1.0-py3-none-any.whl", "odd.whl", "a\tb-1.0-py3-none-any.whl", "tool-1.0.tar.gz")
    for name in names:
        (tmp_path / name).write_text("no archive")
    paths = [tmp_path / name for name in names]
    not_run = run_commands(Report((), ()), paths).not_run
    unread = [f"{name}: it can't be read as a wheel" for name in names[:3]]
    assert list(not_run) == [*unread, "tool-1.0.tar.gz: an sdist"]


def test_messages() -> None:
    crashed = dataclasses.replace(RUN, exit_code=-11, output="first\nIllegal instruction")
    (finding,) = check_run(crashed, "1.2.3", is_custom=False)
    assert finding.message == (
        "`tool --version` installed by pip could not run (signal 11): Illegal instruction"
    )
    (finding,) = check_run(dataclasses.replace(RUN, output="tool v2.0"), "1.2.3", is_custom=False)
    assert finding.message == (
        "`tool --version` installed by pip prints 2.0, but the wheel's version is 1.2.3"
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="qemu-user is Linux's")
def test_programs_that_can_not_be_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setenv("PATH", "")
    windows = BinaryFacts("pe", "windows", "amd64")
    assert find_emulator(windows) == ("", "a Windows amd64 executable doesn't run on Linux")
    foreign = BinaryFacts("elf", "linux", "s390x")
    assert find_emulator(foreign) == (
        "",
        "a statically linked Linux s390x executable needs qemu-s390x, which is not installed",
    )
    dynamic = BinaryFacts("elf", "linux", "aarch64", libraries=("libc.so.6",))
    assert find_emulator(dynamic)[1].endswith("needs libraries that are not installed")
    for machine in ("x86_64", "i686"):
        assert find_emulator(BinaryFacts("elf", "linux", machine)) == ("", "")


@needs_scripts
def test_a_program_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stopped with what it started, and fails the check."""
    program = tmp_path / "hangs"
    alive = tmp_path / "alive"  # a pipe that is open as long as one of the processes lives
    os.mkfifo(alive)
    reader = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    program.write_text(
        f"#!/bin/sh\ntrap '' INT\nexec 9>'{alive}'\necho up >&9\nsleep 600 &\nwait\nwait\n"
    )
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(process, "_STOP_SECONDS", 0.2)
    for seconds in (0.5, 10, 100):  # until the program has come to open the pipe
        monkeypatch.setattr("go_to_wheel.check.run.TIME_LIMIT", seconds)
        run = run_program("by hand", ("hangs", "--version"), [str(program)], os.environ)
        (finding,) = check_run(run, "1.0", is_custom=False)
        assert finding.code == "run-failed"
        assert f"could not run (exit code 124): stopped after {seconds:.0f} s" in finding.message
        if select.select([reader], [], [], 0)[0]:
            break
    assert os.read(reader, 100) == b"up\n"
    assert select.select([reader], [], [], 60)[0], "a process is still running"
    assert os.read(reader, 1) == b""
    os.close(reader)
