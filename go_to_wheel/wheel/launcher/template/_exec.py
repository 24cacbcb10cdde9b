"""Starts the program: in place of this process, or as a child on Windows.

Windows has no exec: its C library starts a second process and ends the first,
so the shell would go on before the program is done and lose its exit code.
"""

from __future__ import annotations

import errno
import os
import sys

from ._find import ProgramNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

CANNOT_RUN = 126  # the shells' own numbers
NOT_FOUND = 127


def invoked_command(argv0: str, commands: Sequence[str]) -> str:
    """Return the command whose name the started script has, else the first."""
    name = os.path.basename(argv0)
    stem = name[:-4] if name.lower().endswith(".exe") else name
    return stem if stem in commands else commands[0]


def launch(command: str, find: Callable[[], str], arguments: Sequence[str]) -> NoReturn:
    """Find the program and become it; print one error and exit when that fails."""
    start = run_child if os.name == "nt" else exec_program
    program = ""
    try:
        program = find()
        code = start(program, arguments)
    except OSError as error:
        message = describe_failure(program, error) if program else str(error)
        print(f"{command}: error: {message}", file=sys.stderr)
        code = NOT_FOUND if isinstance(error, ProgramNotFound) else CANNOT_RUN
    sys.exit(code)


def exec_program(program: str, arguments: Sequence[str]) -> NoReturn:
    """Replace this process by the program, whose argv[0] is its own path."""
    import signal

    # Python ignores these two, and what is ignored stays so across exec; a
    # program in a pipeline must die of a closed pipe like any other.
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    os.execv(program, [program, *arguments])


def run_child(program: str, arguments: Sequence[str]) -> int:
    """Run the program as a child and return the exit code to leave with.

    Ctrl-C reaches the child without our help, as it is on the same console. This
    process only has to live on: the program decides what the key means. The
    handler does nothing rather than being SIG_IGN, which a child inherits.
    """
    import signal
    import subprocess

    for name in ("SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: None)
    return exit_code(subprocess.Popen([program, *arguments]).wait())


def exit_code(code: int) -> int:
    """Fold an unsigned Windows exit code so that sys.exit leaves with the same bits.

    STATUS_CONTROL_C_EXIT, for example, is 0xC000013A, too large for its C long.
    """
    return code - 2**32 if code >= 2**31 else code


def describe_failure(program: str, error: OSError) -> str:
    """Say in one line why a program that is there could not be started."""
    advice = ""
    if error.errno == errno.ENOEXEC:
        machine = f"{sys.platform} {os.uname().machine}" if hasattr(os, "uname") else sys.platform
        advice = (
            f" (it is damaged, or made for another system or processor than {machine};"
            " install the wheel for this machine)"
        )
    elif error.errno == errno.ENOENT:
        advice = " (the loader or interpreter that it asks for is missing on this system)"
    elif error.errno in (errno.EACCES, errno.EPERM):
        advice = " (the file system may forbid programs, as `mount -o noexec` does)"
    return f"cannot run {program!r}: {error.strerror or error}{advice}"
