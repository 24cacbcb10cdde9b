"""Finds the installed program.

An installer puts the program into the environment's bin or Scripts folder, and
no two of them agree on where that is. A program counts as ours when it lies in
the same tree as this package or in a place that our own RECORD names, and has
the size written in RECORD. Thus another version elsewhere on this machine, or
another program of the same name, is never run by mistake. In this order:

1. bin next to the package (`pip install --target`, unpacked archives);
2. where the RECORD in the dist-info folder next to the package says;
3. bin in the folders above (an environment, a prefix, the user's own folder);
4. where a RECORD of the same name and version elsewhere on sys.path says.

Whoever repackages the wheel and changes the program (strip, say) should drop
RECORD, as Linux distributions do: without it the tree alone decides.

This runs before each start of the program: it imports nothing heavy, and no
step is taken after the one that succeeds.
"""

from __future__ import annotations

import os
import stat
import sys

from . import _constants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Tuple, Union

    #: A path to look at, and the size in bytes that the program has if known.
    Candidate = Tuple[str, Union[int, None]]


_BELOW_PREFIX = ("site-packages", "dist-packages", "python", "pypy", "lib")


class ProgramNotFound(FileNotFoundError):
    """The program is in none of the places searched; the message lists them."""


def find_program(command: str, package: str) -> str:
    """Return the path of a command's program; `package` is the folder of this package.

    Makes the program executable when it lost that in an unpacked archive;
    raises PermissionError when this user may not change it.
    """
    searched: dict[str, str] = {}
    for path, size in _candidates(command, package):
        reason = _why_unusable(path, size)
        if reason is None:
            path = _absolute_path(path)
            _make_executable(path)
            return path
        searched.setdefault(os.path.normpath(path), reason)
    message = f"cannot find the program {command!r} of {_constants.DISTRIBUTION}"
    lines = [f"{message} {_constants.VERSION}{'; searched:' if searched else ''}"]
    lines += [f"  {path}: {reason}" for path, reason in searched.items()]
    raise ProgramNotFound("\n".join([*lines, f"hint: {_hint(command, package)}"]))


def _candidates(command: str, package: str) -> Iterator[Candidate]:
    file = command + _constants.EXECUTABLE_SUFFIX
    if command in _constants.EDITABLE_BINARIES:
        yield _constants.EDITABLE_BINARIES[command], None
    elif _constants.LAYOUT == "python" or command in _constants.PRIVATE:
        yield os.path.join(package, "bin", file), None
    else:
        yield from _native_candidates(file, _package_parents(package))


def _native_candidates(file: str, sites: list[str]) -> Iterator[Candidate]:
    folders = ("Scripts", "bin") if _constants.EXECUTABLE_SUFFIX else ("bin",)
    size = None
    for site in sites + [entry for entry in sys.path if entry not in sites]:
        recorded = _recorded_candidates(site, file)
        size = size or next((size for _, size in recorded), None)
        beside, *above = _folders_to_prefix(site) if site in sites else [""]
        if beside:
            yield from ((os.path.join(beside, name, file), size) for name in folders)
        yield from recorded
        for folder in above:
            yield from ((os.path.join(folder, name, file), size) for name in folders)


def _package_parents(package: str) -> list[str]:
    """List the folders that hold the package: as imported, then with links resolved."""
    site = os.path.dirname(package)
    if not os.path.isdir(site):
        return []  # inside a zip file
    linked = os.path.dirname(os.path.realpath(package))
    return list(dict.fromkeys((site, linked)))


def _folders_to_prefix(site: str) -> list[str]:
    """List the folder and those above it up to the prefix that it belongs to.

    Goes on above a folder only when its name is one that installers put between
    a prefix and its packages, as in PREFIX/lib64/python3.13/dist-packages.
    """
    folders = [site]
    # without the number in lib64, Python313, python3.14t
    while os.path.basename(folders[-1]).lower().rstrip("0123456789.t") in _BELOW_PREFIX:
        folders.append(os.path.dirname(folders[-1]))
    return folders


def _recorded_candidates(site: str, file: str) -> list[Candidate]:
    """Read where the RECORD of this distribution and version says the program is."""
    words = _constants.DISTRIBUTION.lower().replace("-", "_").replace(".", "_").split("_")
    info = f"{'_'.join(filter(None, words))}-{_constants.VERSION}.dist-info"
    path = os.path.join(site, info, "RECORD")
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as record:
            rows = [parse_row(line) for line in record]
    except OSError:
        return []  # Debian, for one, removes it
    return [
        (os.path.join(site, path), size)
        for path, size in rows
        # a shell completion may have the same name, in another folder
        if os.path.basename(path) == file
        and os.path.basename(os.path.dirname(path)).lower() in ("bin", "scripts")
    ]


def parse_row(line: str) -> tuple[str, int | None]:
    """Parse a line of RECORD into its path and size, None where there is none.

    By hand, since importing `csv` would take longer than all the rest.
    """
    start, _, size = line.rstrip("\r\n").rpartition(",")
    path, size = _unquote(start.rpartition(",")[0]), _unquote(size)
    return path, int(size) if size.isascii() and size.isdigit() else None


def _unquote(field: str) -> str:
    if len(field) > 1 and field[0] == field[-1] == '"':
        return field[1:-1].replace('""', '"')
    return field


def _why_unusable(path: str, size: int | None) -> str | None:
    """Say why the file at this place is not the program, None when it is."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return "no such file"
    except OSError as error:
        return (error.strerror or str(error)).lower()
    if not stat.S_ISREG(found.st_mode):
        return "not a file"
    if size is not None and found.st_size != size:
        return f"another program: it has {found.st_size} bytes, RECORD says {size}"
    return None


def _absolute_path(path: str) -> str:
    """Return an absolute path without `..`, which links can make mean something else."""
    plain = os.path.abspath(path)
    if os.path.realpath(plain) == os.path.realpath(path):
        return plain
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)


def _make_executable(path: str) -> None:
    # the rights with which it will run: a wrapper may have raised them
    effective = os.access in os.supports_effective_ids
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if os.name == "nt" or mode & 0o111 == 0o111:
        return
    try:
        if not os.access(path, os.X_OK, effective_ids=effective):
            os.chmod(path, mode | (mode & 0o444) >> 2)
    except OSError as error:
        raise PermissionError(
            f"cannot run {path!r}: its mode is {mode:04o}, and changing that failed:"
            f" {error.strerror or error}; as its owner run `chmod a+rx` on it"
        ) from error


def _hint(command: str, package: str) -> str:
    file = package  # or the file, a zip most likely, in which it lies
    while not os.path.exists(file) and os.path.dirname(file) != file:
        file = os.path.dirname(file)
    if os.path.isfile(file):
        return (
            f"{package!r} is inside the file {file!r}, from where no program can be"
            " started; install the wheel, or bundle it with a tool that unpacks it"
        )
    if getattr(sys, "frozen", False):
        program = command + _constants.EXECUTABLE_SUFFIX
        option = f"--add-binary PATH/TO/{program}:bin"
        if _constants.LAYOUT == "python":
            option = f"--collect-all {os.path.basename(package)}"
        return f"this bundle lacks the program; with PyInstaller, add it: {option}"
    if command in _constants.EDITABLE_BINARIES:
        return "this is an editable install; build the program again with `pip install -e`"
    requirement = f"{_constants.DISTRIBUTION}=={_constants.VERSION}"
    site = os.path.dirname(package)
    if _constants.LAYOUT == "native" and len(_folders_to_prefix(site)) == 1:
        return (
            "`pip install --target` leaves the program out when the folder already has a bin;"
            f" use `uv pip install --target {site!r} {requirement}`"
        )
    return (
        f"install it again: `pip install --force-reinstall {requirement}`"
        f" or `uv pip install --reinstall {requirement}`"
    )
