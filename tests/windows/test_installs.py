"""Wheels of a Go program, installed by pip and run as people do."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import Environment
from support import EXE, check, interrupt, pip, run, start_in_console, wheel

ARGUMENTS = [
    *(
        "plain",
        "two words",
        "",
        "é ü 日本 👩",
        "trailing\\",
        "two trailing\\\\",
        "a\\b",
        'say "hi"',
    ),
    *(
        '"',
        '\\"',
        "%PATH%",
        "%",
        "^&|<>",
        "a'b",
        "*.db",
        "?",
        "--",
        "-x",
        "a=b",
        "tab\there",
        "!x!",
    ),
]


def module(probe: Environment, *arguments: str) -> list[object]:
    return [probe.python, "-m", "probe", *arguments]


def command(probe: Environment, *arguments: str) -> list[object]:
    return [probe.command("probe"), *arguments]


def called(probe: Environment, *arguments: str) -> list[object]:
    """By way of run(), from a script."""
    code = "import probe, sys; sys.exit(probe.run(sys.argv[1:]).returncode)"
    return [probe.python, "-c", code, *arguments]


WAYS = pytest.mark.parametrize("way", [command, module, called], ids=lambda way: way.__name__)


@WAYS
def test_version(probe: Environment, way) -> None:
    assert check(*way(probe, "--version")) == "probe 1.2.3\n"


@WAYS
def test_arguments_arrive_unchanged(probe: Environment, way) -> None:
    assert json.loads(check(*way(probe, *ARGUMENTS))) == ARGUMENTS


@WAYS
def test_c_of_the_program(probe: Environment, way) -> None:
    wanted = "C counts 4 bytes: wé " if "cgo" in probe.folder.name else "no C"
    assert check(*way(probe, "--c", "wé ")) == f"{wanted}\n"


@WAYS
@pytest.mark.parametrize("code", [0, 7, 255])
def test_exit_codes(probe: Environment, way, code: int) -> None:
    assert run(*way(probe, "--exit", str(code))).returncode == code


def test_path_of_the_program(probe: Environment) -> None:
    path = check(probe.python, "-c", "import probe; print(probe.get_binary_path())").strip()
    assert Path(path).name == f"probe{EXE}"
    assert probe.folder in Path(path).parents
    assert check(path, "--version") == "probe 1.2.3\n"


@pytest.mark.parametrize("way", [command, module], ids=lambda way: way.__name__)
def test_interrupt_reaches_the_program(probe: Environment, way) -> None:
    """The program decides: it prints a line and exits with a code of its own."""
    assert interrupted(way(probe, "--wait")) == 130


def interrupted(command: Sequence[object]) -> int:
    """The exit code of the probe after Ctrl-C, which it has seen."""
    with start_in_console(*command) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        interrupt(child)
        assert child.stdout.read() == "interrupted\n"
        return child.wait(60)


@pytest.mark.parametrize("launcher", ["native", "python"])
def test_target_folder(tmp_path: Path, launcher: str) -> None:
    folder = tmp_path / "t a r g e t é"
    pip("--target", folder, wheel(launcher))
    environment = {"PYTHONPATH": os.fspath(folder)}
    assert check(sys.executable, "-m", "probe", "--version", env=environment) == "probe 1.2.3\n"
    path = check(
        sys.executable, "-c", "import probe; print(probe.get_binary_path())", env=environment
    )
    assert folder in Path(path.strip()).parents


@pytest.mark.parametrize("launcher", ["native", "python"])
def test_user_installation(tmp_path: Path, launcher: str) -> None:
    """The user's own folder, as `pip install --user` has it, in another place for the test."""
    environment = {
        "PYTHONUSERBASE": os.fspath(tmp_path / "u s e r é"),
        "PIP_BREAK_SYSTEM_PACKAGES": "1",
    }
    pip("--user", "--ignore-installed", wheel(launcher), env=environment)
    assert check(sys.executable, "-m", "probe", "--version", env=environment) == "probe 1.2.3\n"
    code = "import sysconfig as s; print(s.get_path('scripts', s.get_preferred_scheme('user')))"
    scripts = Path(check(sys.executable, "-c", code, env=environment).strip())
    assert check(scripts / f"probe{EXE}", "--version", env=environment) == "probe 1.2.3\n"


def test_command_without_its_program(tmp_path: Path) -> None:
    """One line and exit code 127, not a traceback."""
    folder = tmp_path / "target"
    pip("--target", folder, wheel("native"))
    for program in folder.rglob(f"probe{EXE}"):
        if program.is_file():
            program.unlink()
    done = run(sys.executable, "-m", "probe", "--version", env={"PYTHONPATH": os.fspath(folder)})
    assert done.returncode == 127, done
    assert done.stderr.startswith("probe: error: ")
    assert "Traceback" not in done.stderr
