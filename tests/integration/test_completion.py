"""`go-to-wheel completion`, in the shells themselves."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from programs import program, terminal
from support import go_to_wheel, run

BIN = Path(sys.executable).parent
#: What is typed before Tab, and the line after it.
LINES = {
    "go-to-wheel check --str": "go-to-wheel check --strict",
    "go-to-wheel compl": "go-to-wheel completion",
    "go-to-wheel completion f": "go-to-wheel completion fish",
    "go-to-wheel --plat": "go-to-wheel --platforms",
}
#: Each shell's set-up: Ctrl-G appends the line to the file `lines` and empties it.
INTERACTIVE = {
    "bash": (
        ("--norc", "-i"),
        'source ./script; save() { echo "$READLINE_LINE" >>lines; READLINE_LINE=; }; '
        "bind -x '\"\\C-g\": save'",
    ),
    "zsh": (
        ("-f", "-i"),
        "autoload -Uz compinit && compinit -u -D; source ./script; "
        "save() { print -r -- $BUFFER >>lines; BUFFER=; }; zle -N save; bindkey '^G' save",
    ),
}


def on_path() -> str:
    return os.pathsep.join([str(BIN), os.environ["PATH"]])


def type_into(shell: str, folder: Path) -> list[str]:
    """The lines after Tab, typed into an interactive shell."""
    path = program(shell) if shell != "bash" else "bash"
    options, set_up = INTERACTIVE[shell]
    main, other = terminal()
    env = {**os.environ, "PATH": on_path(), "TERM": "xterm", "HOME": str(folder), "HISTFILE": ""}
    child = subprocess.Popen(
        [path, *options], stdin=other, stdout=other, stderr=other, cwd=folder, env=env,
        start_new_session=True,
    )  # fmt: skip
    result = folder / "lines"
    try:
        os.write(main, f"{set_up}; touch lines\r".encode())
        read_until(main, result.exists)
        for number, typed in enumerate(LINES, 1):
            os.write(main, f"{typed}\t\x07".encode())
            read_until(main, lambda: len(result.read_text().splitlines()) >= number)  # noqa: B023
    finally:
        child.kill()
        child.wait()
        os.close(main)
        os.close(other)
    return [line.strip() for line in result.read_text().splitlines()]


def read_until(main: int, done: object) -> None:
    """Read what the shell writes, so that it never waits for a reader."""
    deadline = time.monotonic() + 120
    while not done():  # type: ignore[operator]
        assert time.monotonic() < deadline, "the shell did not complete the line"
        if select.select([main], [], [], 0.05)[0]:
            os.read(main, 65536)


@pytest.mark.parametrize("shell", INTERACTIVE)
def test_tab_in_a_shell(shell: str, tmp_path: Path) -> None:
    (tmp_path / "script").write_text(go_to_wheel("completion", shell).stdout)
    assert type_into(shell, tmp_path) == list(LINES.values())


def test_fish(tmp_path: Path) -> None:
    fish = program("fish")
    (tmp_path / "script").write_text(go_to_wheel("completion", "fish").stdout)
    for typed, completed in LINES.items():
        script = "source ./script; complete -C $argv[1]"
        args = [fish, "--no-config", "-c", script, typed]
        result = run(*args, cwd=tmp_path, env={"PATH": on_path(), "HOME": str(tmp_path)})
        words = [line.split("\t")[0] for line in result.stdout.splitlines()]
        assert words == [completed.split(" ")[-1]]


def test_another_shell_is_refused() -> None:
    result = go_to_wheel("completion", "tcsh", check=False)
    assert result.returncode == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in result.stderr
