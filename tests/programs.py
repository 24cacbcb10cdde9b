"""Programs that tests need and PyPI doesn't have: found, or the test is left out by name.

`program("git")` in a test, a fixture or a helper returns the path. Where the program is missing
the test is skipped, each run ends with a list of what was left out, and `make test` ends with
the sum. With CI set the test fails instead.

    python tests/programs.py FILE     prints the sum; each line of FILE is a name, a tab, a test
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections import defaultdict
from pathlib import Path
from typing import NoReturn

import pytest

#: Name → commands, of which one is enough, and the Debian packages that bring them.
PROGRAMS: dict[str, tuple[tuple[str, ...], str]] = {
    "git": (("git",), "git"),
    "musl-gcc": (("musl-gcc",), "musl-tools"),
    "a C compiler": (("cc",), "gcc libc6-dev"),
    "Chromium": (("chromium", "chromium-browser"), "chromium"),
    "Firefox": (("firefox-esr", "firefox"), "firefox-esr"),
    "Wine": (("wine", "wine64", "wine-stable"), "wine"),
    "zsh": (("zsh",), "zsh"),
    "fish": (("fish",), "fish"),
    "objdump": (("objdump",), "binutils"),
    "ensurepip": ((), "python3-venv"),
    "unshare": (("unshare",), "util-linux"),
    "setpriv": (("setpriv",), "util-linux"),
    **{
        f"qemu-{processor}": ((f"qemu-{processor}", f"qemu-{processor}-static"), "qemu-user")
        for processor in ("aarch64", "arm", "i386", "ppc64le", "riscv64", "s390x", "x86_64")
    },
}
TERMINAL = "a terminal"
REASON = "needs "
#: The file that collects what several runs left out.
LEFT_OUT = "LEFT_OUT"


def program(name: str) -> str:
    """The path of a program in PROGRAMS; leaves the calling test out when it is missing."""
    path = next(filter(None, map(shutil.which, PROGRAMS[name][0])), None)
    return path or leave_out(name)


def terminal() -> tuple[int, int]:
    """A new pseudo-terminal, as os.openpty() returns it; leaves the test out without /dev/pts."""
    try:
        return os.openpty()
    except (AttributeError, OSError):
        return leave_out(TERMINAL)


def ensurepip() -> None:
    """Leave the test out where `python -m venv` has no pip: Debian has it in a package."""
    if importlib.util.find_spec("ensurepip") is None:
        leave_out("ensurepip")


def leave_out(name: str) -> NoReturn:
    """Skip the calling test because of a missing program; in CI, fail it."""
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        pytest.fail(f"{REASON}{name}, and CI leaves no test out; {install(name)}", pytrace=False)
    pytest.skip(REASON + name)


def install(name: str) -> str:
    """What to do about a missing program."""
    if name not in PROGRAMS:
        return "mount /dev/pts"
    return f"apt-get install {PROGRAMS[name][1]}"


def name_in(reason: str) -> str | None:
    """The program's name in a skipped test's reason, if it was skipped for that."""
    _, found, name = reason.partition(REASON)
    return name if found and (name in PROGRAMS or name == TERMINAL) else None


def format_left_out(tests: dict[str, set[str]]) -> list[str]:
    """A line for each program: how many tests need it, and how to get it."""
    return [
        f"left out: {len(found)} {'test needs' if len(found) == 1 else 'tests need'} {name}"
        f" ({install(name)})"
        for name, found in sorted(tests.items())
    ]


def read_left_out(path: Path) -> dict[str, set[str]]:
    """The tests left out by the runs that shared a file, by program; each test once."""
    tests: dict[str, set[str]] = defaultdict(set)
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            name, test = line.split("\t", 1)
            tests[name].add(test)
    return tests


def main(path: str) -> None:
    """Print the sum of several runs."""
    tests = read_left_out(Path(path))
    print("\n".join(format_left_out(tests)) or "No test was left out for a missing program.")


if __name__ == "__main__":
    main(*sys.argv[1:])
