"""Finds the installed program.

An installer puts the program into the environment's bin or Scripts folder, and
no two of them agree on where that is. A program counts as ours when it lies in
the same tree as this package or in a place that our own RECORD names, and has
the size written in RECORD. Thus another version elsewhere on this machine, or
another program of the same name, is never run by mistake. In this order:

1. bin next to the package (`pip install --target`, unpacked archives);
2. where the RECORD in the dist-info folder next to the package says;
3. bin in the folders above (an environment, a prefix, the user's own folder);
4. where a RECORD of the same name and version elsewhere on sys.path says;
5. the script folders of this Python's installation schemes.

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
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Tuple, Union

    #: A path to look at, and the size in bytes that the program has if known.
    Place = Tuple[str, Union[int, None]]


_BETWEEN = ("site-packages", "dist-packages", "python", "pypy", "lib")


class ProgramNotFound(FileNotFoundError):
    """The program is in none of the places searched; the message lists them."""


class ProgramNotExecutable(PermissionError):
    """The program is there, but this user may not run it."""


def find_program(command: str, package: str) -> str:
    """Return the path of a command's program; `package` is the folder of this package.

    Makes the program executable when it lost that in an unpacked archive and
    this user may change it.
    """
    searched: dict[str, str] = {}
    for path, size in _places(command, package):
        fault = _fault(path, size)
        if fault is None:
            path = _tidy_path(path)
            _make_executable(path)
            return path
        searched.setdefault(os.path.normpath(path), fault)
    raise ProgramNotFound(_not_found_message(command, package, searched))


def _places(command: str, package: str) -> Iterator[Place]:
    file = command + _constants.EXECUTABLE_SUFFIX
    if command in _constants.EDITABLE_BINARIES:
        yield _constants.EDITABLE_BINARIES[command], None
    elif _constants.LAYOUT == "python" or command in _constants.PRIVATE:
        yield os.path.join(package, "bin", file), None
    else:
        yield from _native_places(file, _sites(package))


def _native_places(file: str, sites: list[str]) -> Iterator[Place]:
    folders = ("Scripts", "bin") if _constants.EXECUTABLE_SUFFIX else ("bin",)
    size = None
    for site in sites + [entry for entry in sys.path if entry not in sites]:
        recorded = _recorded_places(site, file)
        size = size or next((size for _, size in recorded), None)
        beside, *above = _climb(site) if site in sites else [""]
        if beside:
            yield from ((os.path.join(beside, name, file), size) for name in folders)
        yield from recorded
        for folder in above:
            yield from ((os.path.join(folder, name, file), size) for name in folders)
    yield from _scheme_places(file, size, sites)


def _sites(package: str) -> list[str]:
    """List the folders that hold the package: as imported, then with links resolved."""
    site = os.path.dirname(package)
    if not os.path.isdir(site):
        return []  # inside a zip file
    linked = os.path.dirname(os.path.realpath(package))
    return list(dict.fromkeys((site, linked)))


def _climb(site: str) -> list[str]:
    """List the folder and those above it up to the prefix that it belongs to.

    Goes on above a folder only when its name is one that installers put between
    a prefix and its packages, as in PREFIX/lib64/python3.13/dist-packages.
    """
    folders = [site]
    # without the number in lib64, Python313, python3.14t
    while os.path.basename(folders[-1]).lower().rstrip("0123456789.t") in _BETWEEN:
        folders.append(os.path.dirname(folders[-1]))
    return folders


def _recorded_places(site: str, file: str) -> list[Place]:
    """Read where the RECORD of this distribution and version says the program is."""
    words = _constants.DISTRIBUTION.lower().replace("-", "_").replace(".", "_").split("_")
    info = f"{'_'.join(filter(None, words))}-{_constants.VERSION}.dist-info"
    path = os.path.join(site, info, "RECORD")
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as record:
            rows = [parse_row(line) for line in record]
    except OSError:
        return []  # Debian, for one, removes it
    return [(os.path.join(site, path), size) for path, size in rows if _is_program(path, file)]


def _is_program(path: str, file: str) -> bool:
    """Whether it is the program, and not a namesake such as its own shell completion."""
    folder, name = os.path.split(path)
    return name == file and os.path.basename(folder).lower() in ("bin", "scripts")


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


def _scheme_places(file: str, size: int | None, sites: Iterable[str]) -> Iterator[Place]:
    """Look into this Python's script folders.

    They need not belong to the same tree as this package, so one counts only if
    the size is known or the scheme puts packages where this one is.
    """
    import sysconfig

    ours = {os.path.realpath(site) for site in sites}
    for scheme in sysconfig.get_scheme_names():
        if scheme.startswith("nt") != (os.name == "nt"):
            continue
        paths = sysconfig.get_paths(scheme)
        libraries = {os.path.realpath(paths["purelib"]), os.path.realpath(paths["platlib"])}
        if size is not None or ours & libraries:
            yield os.path.join(paths["scripts"], file), size


def _fault(path: str, size: int | None) -> str | None:
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


def _tidy_path(path: str) -> str:
    """Return an absolute path without `..`, which links can make mean something else."""
    plain = os.path.abspath(path)
    if os.path.realpath(plain) == os.path.realpath(path):
        return plain
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)


def _make_executable(path: str) -> None:
    # the rights with which it will run: a wrapper may have raised them
    effective = os.access in os.supports_effective_ids
    if os.name == "nt" or os.access(path, os.X_OK, effective_ids=effective):
        return
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if mode & 0o111 == 0o111:
        raise ProgramNotExecutable(
            f"cannot run {path!r}: its mode is {mode:04o}, but the system refuses;"
            " the file system may forbid programs, as `mount -o noexec` does"
        )
    try:
        os.chmod(path, mode | (mode & 0o444) >> 2)
    except OSError as error:
        raise ProgramNotExecutable(
            f"cannot run {path!r}: its mode is {mode:04o}, and changing that failed:"
            f" {error.strerror or error}; as its owner run `chmod a+rx` on it"
        ) from error


def _not_found_message(command: str, package: str, searched: Mapping[str, str]) -> str:
    requirement = f"{_constants.DISTRIBUTION}=={_constants.VERSION}"
    lines = [f"cannot find the program {command!r} of {requirement.replace('==', ' ')}"]
    lines[0] += "; searched:" if searched else ""
    lines += [f"  {path}: {fault}" for path, fault in searched.items()]
    return "\n".join([*lines, f"hint: {_hint(command, package, requirement)}"])


def _hint(command: str, package: str, requirement: str) -> str:
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
    site = os.path.dirname(package)
    if _constants.LAYOUT == "native" and len(_climb(site)) == 1:
        return (
            "`pip install --target` leaves the program out when the folder already has a bin;"
            f" use `uv pip install --target {site!r} {requirement}`"
        )
    return (
        f"install it again: `pip install --force-reinstall {requirement}`"
        f" or `uv pip install --reinstall {requirement}`"
    )
