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

This runs before each start of the program: it imports nothing heavy, and the
no step is taken after the one that succeeds.
"""

from __future__ import annotations

import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Protocol

    class Constants(Protocol):
        """What the finder reads of `_constants`."""

        @property
        def DISTRIBUTION(self) -> str: ...
        @property
        def VERSION(self) -> str: ...
        @property
        def LAYOUT(self) -> str: ...
        @property
        def EXECUTABLE_SUFFIX(self) -> str: ...
        @property
        def EDITABLE_BINARIES(self) -> Mapping[str, str]: ...


class ProgramNotFound(FileNotFoundError):
    """The program is in none of the places searched; the message lists them."""


class ProgramNotExecutable(PermissionError):
    """The program is there, but this user may not run it."""


class _Place:
    """A path to look at, and the size in bytes that the program has if known."""

    def __init__(self, path: str, size: int | None) -> None:
        self.path = path
        self.size = size


def find_program(command: str, package: str, constants: Constants) -> str:
    """Return the path of a command's program; `package` is the folder of this package.

    Makes the program executable when it lost that in an unpacked archive and
    this user may change it.
    """
    searched: dict[str, str] = {}
    for place in _places(command, package, constants):
        fault = _fault(place)
        if fault is None:
            path = _tidy_path(place.path)
            _make_executable(path)
            return path
        searched.setdefault(os.path.normpath(place.path), fault)
    raise ProgramNotFound(_not_found_message(command, package, constants, searched))


def _places(command: str, package: str, constants: Constants) -> Iterator[_Place]:
    if command in constants.EDITABLE_BINARIES:
        yield _Place(constants.EDITABLE_BINARIES[command], None)
        return
    file = command + constants.EXECUTABLE_SUFFIX
    if constants.LAYOUT == "python":
        yield _Place(os.path.join(package, "bin", file), None)
        return
    yield from _native_places(file, package, constants)


def _native_places(file: str, package: str, constants: Constants) -> Iterator[_Place]:
    folders = _script_folders(constants)
    size = None
    sites = _sites(package)
    for site in sites:
        recorded = _recorded_places(site, file, constants)
        size = size or next((place.size for place in recorded), None)
        beside, *above = _climb(site)
        yield from (_Place(os.path.join(beside, name, file), size) for name in folders)
        yield from recorded
        for folder in above:
            yield from (_Place(os.path.join(folder, name, file), size) for name in folders)
    for entry in sys.path:
        if entry not in sites:
            recorded = _recorded_places(entry, file, constants)
            size = size or next((place.size for place in recorded), None)
            yield from recorded
    yield from _scheme_places(file, size, sites)


def _script_folders(constants: Constants) -> tuple[str, ...]:
    return ("Scripts", "bin") if constants.EXECUTABLE_SUFFIX else ("bin",)


def _sites(package: str) -> list[str]:
    """List the folders that hold the package: as imported, then with links resolved."""
    if not os.path.isdir(package):
        return []  # inside a zip file
    site = os.path.dirname(package)
    linked = os.path.dirname(os.path.realpath(package))
    return list(dict.fromkeys((site, linked)))


def _climb(site: str) -> list[str]:
    """List the folder and those above it up to the prefix that it belongs to.

    Goes on above a folder only when its name is one that installers put between
    a prefix and its packages, as in PREFIX/lib64/python3.13/dist-packages.
    """
    folders = [site]
    while _is_between(os.path.basename(folders[-1])):
        folders.append(os.path.dirname(folders[-1]))
    return folders


def _is_between(name: str) -> bool:
    unnumbered = name.lower().rstrip("0123456789.t")  # lib64, Python313, python3.14t
    return unnumbered in ("site-packages", "dist-packages", "python", "pypy", "lib")


def _recorded_places(site: str, file: str, constants: Constants) -> list[_Place]:
    """Read where the RECORD of this distribution and version says the program is."""
    for folder in _dist_infos(site, constants):
        try:
            with open(
                os.path.join(site, folder, "RECORD"), encoding="utf-8", errors="surrogateescape"
            ) as record:
                rows = [parse_row(line) for line in record]
        except OSError:
            continue  # Debian, for one, removes it
        places = [
            _Place(os.path.join(site, path), size) for path, size in rows if _is_program(path, file)
        ]
        if places:
            return places
    return []


def _is_program(path: str, file: str) -> bool:
    """Whether it is the program, and not a namesake such as its own shell completion."""
    folder, name = os.path.split(path)
    return name == file and os.path.basename(folder).lower() in ("bin", "scripts")


def _dist_infos(site: str, constants: Constants) -> list[str]:
    wanted = (_normal_name(constants.DISTRIBUTION), _normal_version(constants.VERSION))
    try:
        names = os.listdir(site)
    except OSError:
        return []
    return sorted(name for name in names if _name_and_version(name) == wanted)


def _name_and_version(folder: str) -> tuple[str, str] | None:
    stem, suffix = os.path.splitext(folder)
    if suffix != ".dist-info":
        return None
    name, _, version = stem.rpartition("-")
    return _normal_name(name), _normal_version(version)


def _normal_name(name: str) -> str:
    """Compare names as PEP 503 says, without importing `re` for it."""
    return "-".join(filter(None, name.lower().replace("_", "-").replace(".", "-").split("-")))


def _normal_version(version: str) -> str:
    return version.lower().replace("_", "-")


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


def _scheme_places(file: str, size: int | None, sites: Iterable[str]) -> Iterator[_Place]:
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
            yield _Place(os.path.join(paths["scripts"], file), size)


def _fault(place: _Place) -> str | None:
    """Say why the file at this place is not the program, None when it is."""
    try:
        found = os.stat(place.path)
    except (FileNotFoundError, NotADirectoryError):
        return "no such file"
    except OSError as error:
        return (error.strerror or str(error)).lower()
    if not stat.S_ISREG(found.st_mode):
        return "not a file"
    if place.size is not None and found.st_size != place.size:
        return f"another program: it has {found.st_size} bytes, RECORD says {place.size}"
    return None


def _tidy_path(path: str) -> str:
    """Return an absolute path without `..`, which links can make mean something else."""
    plain = os.path.abspath(path)
    try:
        if os.path.samefile(plain, path):
            return plain
    except OSError:
        pass
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)


def _make_executable(path: str) -> None:
    if os.name == "nt" or os.access(path, os.X_OK):
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


def _not_found_message(
    command: str, package: str, constants: Constants, searched: Mapping[str, str]
) -> str:
    name = f"{constants.DISTRIBUTION} {constants.VERSION}"
    lines = [f"cannot find the program {command!r} of {name}; searched:"]
    lines += [f"  {path}: {fault}" for path, fault in searched.items()]
    if not searched:
        lines[0] = f"cannot find the program {command!r} of {name}"
    return "\n".join([*lines, f"hint: {_hint(command, package, constants)}"])


def _hint(command: str, package: str, constants: Constants) -> str:
    archive = _archive(package)
    if archive is not None:
        return (
            f"{package!r} is inside the file {archive!r}, from where no program can be"
            " started; install the wheel, or bundle it with a tool that unpacks it"
        )
    if command in constants.EDITABLE_BINARIES:
        return "this is an editable install; build the program again with `pip install -e`"
    requirement = f"{constants.DISTRIBUTION}=={constants.VERSION}"
    site = os.path.dirname(package)
    if constants.LAYOUT == "native" and len(_climb(site)) == 1:
        return (
            "`pip install --target` leaves the program out when the folder already has a bin;"
            f" use `uv pip install --target {site!r} {requirement}`"
        )
    return (
        f"install it again: `pip install --force-reinstall {requirement}`"
        f" or `uv pip install --reinstall {requirement}`"
    )


def _archive(package: str) -> str | None:
    """Return the file, a zip most likely, in which the package lies, if any."""
    path = package
    while not os.path.exists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path if os.path.isfile(path) else None
