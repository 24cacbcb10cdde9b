"""Finds and runs the program that was installed together with this package."""

from __future__ import annotations

import errno
import os
import sys

from . import _constants, _find
from ._find import ProgramNotFound

# Type checkers take this for true; at run time `typing` is never imported.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Sequence
    from typing import Any, NoReturn

__all__ = [
    "ProgramNotFound",
    "__version__",
    "get_binary_path",
    "main",
    "run",
]

__version__ = _constants.VERSION

_CANNOT_RUN = 126  # the shells' own numbers
_NOT_FOUND = 127


def get_binary_path(command: str | None = None) -> str:
    """Return the absolute path of the installed program.

    A package with several commands is asked for one by name; the default is
    its first. Raises ProgramNotFound (a FileNotFoundError) that lists every
    place searched, PermissionError for a program this user may not run, and
    ValueError for a command the package does not have.
    """
    if command is None:
        command = _constants.COMMANDS[0]
    elif command not in _constants.COMMANDS:
        choices = ", ".join(_constants.COMMANDS)
        raise ValueError(f"{_constants.DISTRIBUTION} has no command {command!r}; it has: {choices}")
    package = os.path.dirname(os.path.abspath(__file__))
    if _constants.NESTED:  # in a folder of the package that the project wrote itself
        package = os.path.dirname(package)
    return _find.find_program(command, package)


def run(
    args: Iterable[str | os.PathLike[str]] = (),
    *,
    command: str | None = None,
    check: bool = False,
    **subprocess_options: Any,
) -> subprocess.CompletedProcess[Any]:
    """Run the program with these arguments and wait for it.

    The options are those of subprocess.run, for example capture_output=True.
    """
    import subprocess

    if isinstance(args, (str, bytes)):
        raise TypeError(f"args must be a list of arguments, not the single text {args!r}")
    return subprocess.run([get_binary_path(command), *args], check=check, **subprocess_options)


def main() -> NoReturn:
    """Become the program, with this process's own arguments; never returns.

    A package with several commands starts the one under whose name the script
    was called, or that a link of another name leads to, otherwise the first.
    Exit code 127 means that the program is missing, 126 that it cannot be run.
    """
    commands = _constants.COMMANDS
    known = {f"{name}{end}".casefold(): name for name in commands for end in ("", ".exe")}
    paths = (sys.argv[0], os.path.realpath(sys.argv[0]))
    names = [known.get(os.path.basename(path).casefold()) for path in paths]
    command = names[0] or names[1] or commands[0]
    start = _run_child if os.name == "nt" else _exec_program
    program = ""
    try:
        program = get_binary_path(command)
        code = start(program, sys.argv[1:])
    except OSError as error:
        message = _describe_failure(program, error) if program else str(error)
        print(f"{command}: error: {message}", file=sys.stderr)
        code = _NOT_FOUND if isinstance(error, ProgramNotFound) else _CANNOT_RUN
    sys.exit(code)


def _exec_program(program: str, arguments: Sequence[str]) -> NoReturn:
    """Replace this process by the program, whose argv[0] is its own path."""
    import signal

    # Python ignores these two, and what is ignored stays so across exec; a
    # program in a pipeline must die of a closed pipe like any other.
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    os.execv(program, [program, *arguments])


def _run_child(program: str, arguments: Sequence[str]) -> int:
    """Run the program as a child and return the exit code to leave with.

    Windows has no exec: its C library starts a second process and ends the first,
    so the shell would go on before the program is done and lose its exit code.

    Ctrl-C reaches the child without our help, as it is on the same console. This
    process only has to live on: the program decides what the key means. The
    handler does nothing rather than being SIG_IGN, which a child inherits.
    """
    import signal
    import subprocess

    for name in ("SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: None)
    code = subprocess.Popen([program, *arguments]).wait()
    # sys.exit takes a C long: 0xC000013A, of Ctrl-C, has to leave as the same bits
    return code - 2**32 if code >= 2**31 else code


def _describe_failure(program: str, error: OSError) -> str:
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
