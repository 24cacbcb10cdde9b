"""Situations in which a system refuses something, and commands that run in them. Linux.

Each program has a table of situations and the line that it prints in each: a program works or
says in one line what is wrong, and never ends with a traceback or a dump of Go's.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest
from programs import program

#: A user without other processes, which would count: one for each run of the tests.
NOBODY = str(100_000 + os.getpid())
HOMES = (
    "HOME",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "GOCACHE",
    "GOPATH",
    "GOMODCACHE",
    "USERPROFILE",
)
#: What a program of this machine's C library reads instead of the clock: January 2nd, 1970.
_CLOCK = """#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_REALTIME && !failed) now->tv_sec = 86400 + now->tv_sec % 86400;
    return failed;
}
"""

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
SITUATIONS = (
    "process limit",
    "no home",
    "no temporary folder",
    "read-only file system",
    "eight file descriptors",
    "600 MB of address space",
    "clock in 1970",
)


def run_in(
    situation: str, command: Sequence[str], writable: Sequence[Path] = (), processes: int = 12
) -> subprocess.CompletedProcess[str]:
    """Run a command in a situation; only `writable` folders stay so on the read-only system."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    if situation == "no home":
        environment = {name: environment[name] for name in environment if name not in HOMES}
    if situation == "no temporary folder":
        environment["TMPDIR"] = "/proc/nowhere"  # which nobody can make
    if situation == "clock in 1970":
        environment["LD_PRELOAD"] = _old_clock().name
    line = [*_wrapper(situation, writable, processes), *command]
    return subprocess.run(
        line, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, timeout=900
    )


def _wrapper(situation: str, writable: Sequence[Path], processes: int) -> list[str]:
    """The commands in front that make a situation."""
    shell = {
        "eight file descriptors": "ulimit -n 8",
        "600 MB of address space": "ulimit -v 614400",
        "process limit": f"ulimit -u {processes}",
    }.get(situation)
    if situation in ("no temporary folder", "read-only file system"):
        return [*_own_mounts(), "bash", "-c", _mounts(situation, writable), "bash"]
    if shell is None:
        return []
    return [*_as_limited(situation), "bash", "-c", f'{shell} && exec "$@"', "bash"]


def _as_limited(situation: str) -> list[str]:
    """Process limits are for other users than root; this one may read all files all the same."""
    if situation != "process limit":
        return []
    if os.geteuid() != 0:
        pytest.skip("the limit counts all processes of this user; root can be another")
    options = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]
    return [
        program("setpriv"),
        *options,
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
    ]


def _own_mounts() -> list[str]:
    line = [program("unshare"), "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if subprocess.run([*line, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount anything")
    return line


def _mounts(situation: str, writable: Sequence[Path]) -> str:
    if situation == "no temporary folder":
        places = [place for place in ("/tmp", "/var/tmp", "/usr/tmp") if os.path.isdir(place)]
        steps = [
            f"mount -t tmpfs -o ro none {place}" for place in places if not _holds(place, writable)
        ]
        return " && ".join([*steps, 'cd /proc && exec "$@"'])
    keep = " && ".join(f"mount --bind '{folder}' '{folder}'" for folder in writable) or "true"
    remount = (
        "awk '{print $2}' /proc/self/mounts | while read -r place; do"
        " case $place in /proc*|/sys*|/dev*) ;;"
        ' *) mount -o remount,ro,bind "$(printf \'%b\' "$place")" 2>/dev/null ;; esac; done'
    )
    undo = " && ".join(f"mount -o remount,rw,bind '{folder}'" for folder in writable) or "true"
    return f'{keep} && {{ {remount}; true; }} && {undo} && exec "$@"'


def _holds(place: str, folders: Sequence[Path]) -> bool:
    return any(folder.is_relative_to(place) for folder in folders)


@cache
def _old_clock() -> tempfile._TemporaryFileWrapper[bytes]:
    """A library to load before a program, in a file that lasts as long as the tests."""
    compiler = program("a C compiler")  # which skips the test, before there is a file
    file = tempfile.NamedTemporaryFile(suffix=".so")
    command = [compiler, "-shared", "-fPIC", "-x", "c", "-o", file.name, "-"]
    subprocess.run(command, input=_CLOCK.encode(), check=True)
    return file


def emulator() -> str:
    """What gives a static program of this machine the clock of those with a C library."""
    return program(f"qemu-{platform.machine()}")


def check(done: subprocess.CompletedProcess[str], code: int, line: str) -> None:
    """The exit code, and a pattern that a line of standard error (or nothing) must match."""
    said = done.stderr + done.stdout
    assert "Traceback" not in said, said
    assert "goroutine " not in said, said
    assert done.returncode == code, said
    if line:
        assert re.search(line, done.stderr, re.MULTILINE), said


Table = Mapping[str, tuple[int, str]]
