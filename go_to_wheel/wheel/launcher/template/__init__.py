"""Finds and runs the program that was installed together with this package."""

from __future__ import annotations

import os
import sys

from . import _constants, _exec, _find

# Type checkers take this for true; at run time `typing` is never imported.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable
    from typing import Any, NoReturn

__all__ = [
    "ProgramNotExecutable",
    "ProgramNotFound",
    "__version__",
    "get_binary_path",
    "main",
    "run",
]

__version__ = _constants.VERSION

ProgramNotExecutable = _find.ProgramNotExecutable
ProgramNotFound = _find.ProgramNotFound


def get_binary_path(command: str | None = None) -> str:
    """Return the absolute path of the installed program.

    A package with several commands is asked for one by name; the default is
    its first. Raises ProgramNotFound (a FileNotFoundError) that lists every
    place searched, ProgramNotExecutable (a PermissionError) for a program this
    user may not run, and ValueError for a command the package does not have.
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
    was called, otherwise the first. Exit code 127 means that the program is
    missing, 126 that it is there but cannot be run.
    """
    command = _exec.invoked_command(sys.argv[0], _constants.COMMANDS)
    _exec.launch(command, lambda: get_binary_path(command), sys.argv[1:])
