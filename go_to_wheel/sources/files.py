"""Reads what goes into a wheel or a source archive: regular files of the project, nothing else.

`read_file` is the only way in. A link may lead to another file of the project, or of the
repository that holds it (a monorepo's `LICENSE -> ../LICENSE`); whatever leads elsewhere,
is no regular file, or is too large is refused with SourceError, before or after it is
opened, and without ever waiting for it.
"""

from __future__ import annotations

import ntpath
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path, PurePath
from typing import IO

from go_to_wheel.errors import MissingPathError, SourceError
from go_to_wheel.licenses import is_license_name
from go_to_wheel.sources.readme import CONTENT_TYPES, Readme

#: Bytes of a README, a licence, a go.mod or pyproject.toml.
TEXT_LIMIT = 8 << 20
#: Bytes of a Python file, or a member of a source archive; PyPI takes 100 MB by default.
FILE_LIMIT = 512 << 20
#: Bytes of a prebuilt binary: the zip format's own limit without its 64-bit extension.
BINARY_LIMIT = 2**31 - 1
_PIECE = 1 << 20

#: Those that this system has.
_OPEN_FLAGS, _FOLDER_FLAGS = (
    sum(getattr(os, f"O_{name}", 0) for name in names.split())
    for names in (
        "RDONLY BINARY CLOEXEC NOFOLLOW NONBLOCK NOCTTY",
        "PATH CLOEXEC NOFOLLOW DIRECTORY",
    )
)
_HAS_DIR_FD = os.open in os.supports_dir_fd
#: What `ls -l` shows first of it.
_KINDS = {
    "p": "a named pipe",
    "s": "a socket",
    "c": "a device",
    "b": "a device",
    "d": "a folder",
    "l": "a link that leads back to itself",
}
#: A `.github` folder's README is often the project's; other hidden folders hold settings.
_SHOWN_FOLDERS = frozenset((".github",))


def read_text_file(path: Path, project: Path | None, limit: int = TEXT_LIMIT) -> bytes:
    """A text's bytes with LF line ends: a checkout on Windows may have CRLF (core.autocrlf)."""
    return read_file(path, project, limit).replace(b"\r\n", b"\n")


def read_file(path: Path, project: Path | None, limit: int = FILE_LIMIT) -> bytes:
    """A file of `project` (a folder); None for one that the user named, wherever it is.

    Raises SourceError for a link out of the project and its repository or into `.git`,
    anything but a regular file, and more than `limit` bytes.
    """
    with open_file(path, project, limit) as stream:
        data = read_up_to(stream, limit + 1)
    _check_size(path, len(data), limit)  # it grew, or its size is not known, as below /proc
    return data


def read_up_to(stream: IO[bytes], limit: int) -> bytes:
    """At most so many bytes; takes memory for those that are there, as read(limit) does not."""
    pieces = []
    while limit > 0 and (piece := stream.read(min(limit, _PIECE))):
        pieces.append(piece)
        limit -= len(piece)
    return b"".join(pieces)


@contextmanager
def open_file(path: Path, project: Path | None, limit: int = FILE_LIMIT) -> Iterator[IO[bytes]]:
    """The same file opened for reading; an OSError while it is open is a SourceError, too."""
    try:
        with os.fdopen(_open(path, project, limit), "rb") as stream:
            yield stream
    except OSError as error:
        raise SourceError(f"can't read {str(path)!r}: {error.strerror or error}") from None


def _open(path: Path, project: Path | None, limit: int) -> int:
    real = _real(path)
    home = None if project is None else _home_of(path, real, project)
    _check_kind(path, os.lstat(_extended(real)), limit)
    if home is None or not _HAS_DIR_FD:  # Windows, where creating a link takes a privilege
        descriptor = os.open(_extended(real), _OPEN_FLAGS)
    else:
        descriptor = _open_below(home, real)
    try:
        _check_kind(path, os.fstat(descriptor), limit)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _open_below(home: Path, real: Path) -> int:
    """Open a file below a folder, following no link that took a folder's place meanwhile."""
    *folders, name = real.relative_to(home).parts
    above = os.open(home, _FOLDER_FLAGS)
    try:
        for folder in folders:
            below = os.open(folder, _FOLDER_FLAGS, dir_fd=above)
            os.close(above)
            above = below
        return os.open(name, _OPEN_FLAGS, dir_fd=above)
    finally:
        os.close(above)


def _real(path: Path) -> Path:
    """The path with its links resolved, written as usual."""
    real = os.path.realpath(_extended(path))
    if real.startswith("\\\\?\\UNC\\"):
        return Path("\\\\" + real[8:])
    return Path(real.removeprefix("\\\\?\\"))


def _extended(path: PurePath, windows: bool = sys.platform == "win32") -> str:
    """What the system calls take: on Windows the form that leaves names as they are.

    Otherwise "aux.txt" and "COM1" are devices there, and "trail." loses its dot.
    """
    if not windows:
        return os.fspath(path)
    text = ntpath.normpath(path if path.is_absolute() else ntpath.join(os.getcwd(), path))  # noqa: PTH109
    if text.startswith(("\\\\?\\", "\\\\.\\")):
        return text
    return f"\\\\?\\UNC\\{text[2:]}" if text.startswith("\\\\") else f"\\\\?\\{text}"


def _check_kind(path: Path, found: os.stat_result, limit: int) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.filemode(found.st_mode)[0], "no regular file")
        raise SourceError(
            f"{str(path)!r} is {kind}, not a regular file",
            "put a regular file there, or remove it",
        )
    _check_size(path, found.st_size, limit)


def _check_size(path: Path, size: int, limit: int) -> None:
    if size > limit:
        raise SourceError(
            f"{str(path)!r} has {size:,} bytes; at most {limit:,} are read",
            "put a smaller file there, or remove it",
        )


def refuse_outside(path: Path, project: Path) -> None:
    """Raise SourceError for a path, a folder's for example, that leads out of the project."""
    _home_of(path, _real(path), project)


def _home_of(path: Path, real: Path, project: Path) -> Path:
    """The project's or repository's folder that holds a real path, links resolved."""
    own = _real(project)
    for home, allowed in ((own, None), (repository_root(own) or own, _SHOWN_FOLDERS)):
        if real.is_relative_to(home):  # `.GIT` is `.git` where letters' case does not count
            parts = [part.casefold() for part in real.relative_to(home).parts]
            hidden = {part for part in parts if part.startswith(".")}
            if (".git" not in hidden) if allowed is None else hidden <= allowed:
                return home
    raise SourceError(
        f"{str(path)!r} leads to {str(real)!r}, which is not part of the project",
        "copy the file into the project, or remove the link",
    )


def repository_root(folder: Path) -> Path | None:
    """The git checkout that holds this folder, None when there is none.

    A `.git` of somebody who owns neither the folder nor this process does not count: whoever
    can write to /tmp could place one there (git's own "dubious ownership").
    """
    try:
        owners = {folder.stat().st_uid, *([os.getuid()] if hasattr(os, "getuid") else [])}
    except OSError:
        owners = set()
    for candidate in (folder, *folder.parents):
        try:
            owner = (candidate / ".git").stat().st_uid
        except OSError:
            continue
        return candidate if not owners or owner in owners else None
    return None


def refuse_odd_name(path: str) -> None:
    """Raise SourceError for a file name that is not UTF-8, or has control characters."""
    if not path.isprintable():
        raise SourceError(
            f"the file name {path!r} has characters that archives can't hold", "rename the file"
        )


def find_readme(folders: Iterable[Path]) -> Path | None:
    """The first README in these folders, whatever its letters' case."""
    for folder in filter(Path.is_dir, folders):
        names = sorted((path.name for path in folder.iterdir()), reverse=True)
        by_name = {name.lower(): folder / name for name in names}
        paths = (by_name.get(f"readme{suffix}") for suffix in CONTENT_TYPES)
        if found := next((path for path in paths if path and not path.is_dir()), None):
            return found
    return None


def read_readme(path: Path, project: Path | None = None, content_type: str | None = None) -> Readme:
    """A README of the project; None for one that the user named.

    Raises MissingPathError when there is none, SourceError when it can't be read.
    """
    if not os.path.lexists(path):
        raise MissingPathError(f"README file not found: {path}", "name an existing file")
    content_type = content_type or CONTENT_TYPES.get(path.suffix.lower())
    if content_type is None:
        raise SourceError(
            f"README {path}: PyPI does not know files ending in {path.suffix!r}",
            "use .md, .rst or .txt",
        )
    try:
        return Readme(read_text_file(path, project).decode("utf-8-sig"), content_type)
    except UnicodeDecodeError:
        raise SourceError(f"README {path} is not UTF-8 text", "save it as UTF-8") from None


def read_license_files(home: Path, repository: Path | None) -> tuple[tuple[str, bytes], ...]:
    """A project's licence and notice files as (name, bytes), sorted by name.

    Without one of its own, the LICENSE of the `repository` that holds it counts, as it does
    for Go's module proxy.
    """
    texts = read_license_texts(home, [home])
    if not texts and repository and (repository / "LICENSE").exists():
        texts = (("LICENSE", read_file(repository / "LICENSE", home, TEXT_LIMIT)),)
    return tuple((name, data.replace(b"\r\n", b"\n")) for name, data in texts)


def read_license_texts(root: Path, folders: Iterable[Path]) -> tuple[tuple[str, bytes], ...]:
    """The licences and notices, by their names, in these folders of a module.

    By path below its `root`, sorted.
    """
    found = (path for folder in folders if folder.is_dir() for path in folder.iterdir())
    files = (path for path in found if is_license_name(path.name) and not path.is_dir())
    texts = sorted(files, key=attrgetter("parts"))  # Windows would ignore case
    for path in texts:
        refuse_odd_name(path.name)
    return tuple(
        (path.relative_to(root).as_posix(), read_file(path, root, TEXT_LIMIT)) for path in texts
    )
