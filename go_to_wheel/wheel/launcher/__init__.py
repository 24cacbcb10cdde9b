"""The Python package that goes into each wheel, next to the program.

`template` is that package: its modules are copied as they are, and what varies
between wheels is in one constants file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Literal

from go_to_wheel.config.options import Layout

COPIED = ("__init__.py", "__main__.py", "_exec.py", "_find.py", "py.typed")
CONSTANTS = "_constants.py"


@dataclass(frozen=True)
class LauncherConstants:
    """What varies between the launchers of two wheels.

    `native` programs are put by installers into bin or Scripts; `python` ones
    lie in the package's own bin folder. `executable_suffix` is ".exe" in a
    wheel for Windows. `editable_binaries` (command -> absolute path) is for
    editable installs: a command named there is looked for there and nowhere
    else. `nested` is for a launcher that is a folder of the project's own package.
    `private` commands lie in the package's bin folder in either layout.
    """

    distribution: str
    version: str
    commands: tuple[str, ...]
    layout: Layout = "native"
    executable_suffix: Literal["", ".exe"] = ""
    editable_binaries: Mapping[str, str] = field(default_factory=dict)
    nested: bool = False
    private: tuple[str, ...] = ()


def launcher_entries(constants: LauncherConstants) -> dict[str, bytes]:
    """Return the launcher's files: path inside the import package -> content."""
    template = files(__name__) / "template"
    # A checkout on Windows may have CRLF; wheels have the same bytes everywhere.
    entries = {name: (template / name).read_bytes().replace(b"\r\n", b"\n") for name in COPIED}
    return dict(sorted({**entries, CONSTANTS: format_constants(constants).encode()}.items()))


def format_constants(constants: LauncherConstants) -> str:
    """Format the constants module; values are only ever written with `repr`."""
    return f'''\
"""What varies between wheels; written when this one was built."""

from __future__ import annotations

DISTRIBUTION: str = {constants.distribution!r}
VERSION: str = {constants.version!r}
COMMANDS: tuple[str, ...] = {tuple(constants.commands)!r}
LAYOUT: str = {constants.layout!r}
EXECUTABLE_SUFFIX: str = {constants.executable_suffix!r}
EDITABLE_BINARIES: dict[str, str] = {dict(constants.editable_binaries)!r}
NESTED: bool = {constants.nested!r}
PRIVATE: tuple[str, ...] = {tuple(constants.private)!r}
'''
