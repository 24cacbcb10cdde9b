"""Names and versions: Go's mapped to Python's, or refused with a suggestion.

Sources: the name normalisation and version specifiers specifications (PEP 503, PEP 440),
the binary distribution format (PEP 427), and Go's module version numbering
(pseudo-versions). Everything here is pure.
"""

from __future__ import annotations

import keyword
import re
import sys

from packaging.utils import InvalidName, canonicalize_name
from packaging.version import Version

#: Go's standard library and run time, as if they were a module.
STANDARD_LIBRARY = "std"

#: Modules that newer Pythons added; older ones don't list them.
_NEWER_STDLIB = frozenset({"annotationlib", "compression"})
_COMMAND = re.compile(r"[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?", re.ASCII)
_LONGEST_COMMAND = 200
#: So that a wheel's file name has at most the 255 bytes that every file system takes.
_LONGEST_NAME, _LONGEST_VERSION = 100, 40
_WINDOWS_DEVICE = re.compile(r"(?:CON|PRN|AUX|NUL|(?:COM|LPT)[1-9])(?:\..*)?", re.IGNORECASE)
_PSEUDO = re.compile(r"(?P<base>.+?)(?:-(?:0\.)?|(?P<pre>\.0\.))(?P<stamp>\d{14})-[0-9a-f]{12}$")


def distribution_name(name: str) -> str:
    """The name as file names, and the launcher's package, spell it ("My-Tool" -> my_tool)."""
    return str(canonicalize_name(name)).replace("-", "_")


def name_from_path(path: str) -> str:
    """The last element of a Go module or package path that is a name.

    "example.com/tool/v2", "example.com/tool.git" and "gopkg.in/tool.v2" all give "tool".
    """
    parts = [part for part in path.split("/") if part] or [path]
    if len(parts) > 1 and re.fullmatch(r"v[0-9]+", parts[-1]):
        parts.pop()
    last = parts[-1].removesuffix(".git") or parts[-1]
    return re.sub(r"\.v[0-9]+$", "", last) if path.startswith("gopkg.in/") else last


def check_name(name: str) -> str | None:
    """Why `name` can't be a distribution with an importable package, or None."""
    try:
        canonicalize_name(name, validate=True)
    except InvalidName:
        rule = "ASCII letters, digits, '-', '_', '.'; a letter or digit at both ends"
        return f"name {name!r} is not a valid distribution name ({rule})"
    if len(name) > _LONGEST_NAME:
        return f"name {name!r} is too long: {len(name)} characters; {_LONGEST_NAME} at most"
    package = distribution_name(name)
    if not package.isidentifier():
        return f"name {name!r} can't be imported as {package!r}; try 'go-{name}'"
    if keyword.iskeyword(package):
        return f"name {name!r} is a Python keyword and can't be imported; try '{name}-cli'"
    if package in sys.stdlib_module_names or package in _NEWER_STDLIB:
        module = f"the standard library's module {package!r}"
        return f"name {name!r} would shadow {module}; try '{name}-cli'"
    return None


def check_command(command: str) -> str | None:
    """Why `command` can't be a command's file name on every system, or None."""
    if not _COMMAND.fullmatch(command):
        rule = "ASCII letters, digits, '-', '_', '.'; a letter, digit or '_' at both ends"
        return f"command name {command!r} can't be used ({rule})"
    if len(command) > _LONGEST_COMMAND:
        return f"command name {command!r} is longer than {_LONGEST_COMMAND} characters"
    if _WINDOWS_DEVICE.fullmatch(command):
        return f"command name {command!r} is a device on Windows and can't be a file there"
    if command.lower().endswith(".exe"):
        return f"command name {command!r} must not end in '.exe': Windows wheels add it"
    return None


def parse_version(text: str) -> str:
    """A Go, git or Python version -> its normalised PEP 440 form.

    "v1.2.3" -> "1.2.3", "1.2.3-rc.1" -> "1.2.3rc1", pseudo-versions
    "v1.2.4-0.20240102030405-abcdef012345" -> "1.2.4.dev20240102030405" and
    "v1.2.3-rc.1.0.20240102030405-abcdef012345" -> "1.2.3rc2.dev20240102030405".
    Raises ValueError, with the way out, for local versions and what has no mapping.
    """
    bare = text.strip()
    if re.fullmatch(r"v?\d+\.\d+\.\d+-\d+", bare):
        base, number = bare.rsplit("-", 1)
        problem = f"version {text!r} is a pre-release to Go and a post-release to Python"
        raise ValueError(f"{problem}; write '{base}rc{number}' or '{base}.post{number}'")
    bare = bare.removesuffix("+incompatible")
    try:
        if pseudo := _PSEUDO.match(bare):
            base = str(Version(pseudo["base"]))
            bare = f"{next_version(base) if pseudo['pre'] else base}.dev{pseudo['stamp']}"
        version = Version(bare)
    except ValueError:  # or thousands of digits
        examples = "'1.2.3', '1.2.3rc1' or '1.2.3.dev0'"
        problem = f"version {text!r} has no PEP 440 form; write something like {examples}"
        raise ValueError(problem) from None
    if len(str(version)) > _LONGEST_VERSION:
        raise ValueError(f"version {text!r} is longer than {_LONGEST_VERSION} characters")
    if version.local:
        problem = f"version {text!r} has the local part '+{version.local}', which PyPI refuses"
        raise ValueError(f"{problem}; write '{version.public}'")
    return str(version)


def next_version(version: str) -> str:
    """What development after this version leads to: "1.2" -> "1.3", "1.2rc1" -> "1.2rc2"."""
    base, is_dev, _ = version.partition(".dev")
    match = re.match(r"v?([\d.!]*(?:a|b|rc|))(?<!\d)(\d+)", base)
    return f"{match[1]}{int(match[2]) + 1}" if match and not is_dev else base
