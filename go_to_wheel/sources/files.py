"""Reads files of the project safely, for a wheel or a source archive.

A link may lead to another file of the project or of its repository (a monorepo's
`LICENSE -> ../LICENSE`). Links that lead elsewhere, files that are not regular, and files that are
too large raise SourceError; none of them is ever waited for.
"""

from __future__ import annotations

import ntpath
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from operator import attrgetter
from pathlib import Path, PurePath
from typing import IO

from go_to_wheel.errors import MissingPathError, SourceError
from go_to_wheel.licenses import is_license_name
from go_to_wheel.process import quote_path
from go_to_wheel.sources.readme import CONTENT_TYPES, README_NAMES, Readme

#: Bytes of a README, a licence, a go.mod or pyproject.toml.
TEXT_LIMIT = 8 << 20
#: Bytes of a Python file, or a member of a source archive; PyPI takes 100 MB by default.
FILE_LIMIT = 512 << 20
#: Bytes of a prebuilt binary: the zip format's own limit without its 64-bit extension.
BINARY_LIMIT = 2**31 - 1
_CHUNK_SIZE = 1 << 20

#: The flags that this system has.
_OPEN_FLAGS, _FOLDER_FLAGS = (
    sum(getattr(os, f"O_{name}", 0) for name in names.split())
    for names in (
        "RDONLY BINARY CLOEXEC NOFOLLOW NONBLOCK NOCTTY",
        "PATH CLOEXEC NOFOLLOW DIRECTORY",
    )
)
_HAS_DIR_FD = os.open in os.supports_dir_fd
#: By the letter that `ls -l` shows first.
_FILE_TYPES = {
    "p": "a named pipe",
    "s": "a socket",
    "c": "a device",
    "b": "a device",
    "d": "a folder",
    "l": "a link that leads back to itself",
}
#: A `.github` folder's README is often the project's; other hidden folders hold settings.
_ALLOWED_HIDDEN = frozenset((".github",))


def read_text_file(path: Path, project: Path | None) -> bytes:
    """Read a text file, with CRLF, as in a checkout on Windows, replaced by LF."""
    return read_file(path, project, TEXT_LIMIT).replace(b"\r\n", b"\n")


def read_file(path: Path, project: Path | None, limit: int = FILE_LIMIT) -> bytes:
    """Read a file of the folder `project`, or with None a file that the user named.

    Raises SourceError for a link out of the project and its repository or into `.git`, for
    files that are not regular or can't be read, and for more than `limit` bytes.
    """
    with open_file(path, project, limit) as stream:
        data = read_up_to(stream, limit + 1)
    _check_size(path, len(data), limit)  # it grew, or its size is not known, as below /proc
    return data


def read_up_to(stream: IO[bytes], limit: int) -> bytes:
    """Read at most `limit` bytes in chunks: read(limit) would allocate all of it first."""
    chunks = []
    while limit > 0 and (chunk := stream.read(min(limit, _CHUNK_SIZE))):
        chunks.append(chunk)
        limit -= len(chunk)
    return b"".join(chunks)


@contextmanager
def open_file(path: Path, project: Path | None, limit: int = FILE_LIMIT) -> Iterator[IO[bytes]]:
    """Open a file as `read_file` does; `limit` is for its size at opening, and it may grow.

    An OSError while it is open becomes a SourceError.
    """
    try:
        top, real = (None, _resolve(path)) if project is None else require_inside(path, project)

        def opener(name: str, _: int) -> int:
            if top is None or not _HAS_DIR_FD:  # Windows, where creating a link takes a privilege
                return os.open(name, _OPEN_FLAGS)
            return _open_below(top, real)

        _check_kind(path, os.lstat(_extended_path(real)), limit)
        with open(_extended_path(real), "rb", opener=opener) as stream:
            _check_kind(path, os.fstat(stream.fileno()), limit)
            yield stream
    except OSError as error:
        hint = f"look at its permissions: ls -l {quote_path(path)}"
        raise SourceError(f"can't read {str(path)!r}: {error.strerror or error}", hint) from None


def require_regular_file(path: Path, project: Path | None) -> None:
    """Raise SourceError for a file that git or Go would read but `read_file` would not."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > FILE_LIMIT:
        with open_file(path, project):
            pass


def _open_below(top: Path, real: Path) -> int:
    """Open a file below a folder, following no link: one may have replaced a folder meanwhile."""
    *folders, name = real.relative_to(top).parts
    parent = os.open(top, _FOLDER_FLAGS)
    try:
        for folder in folders:
            child = os.open(folder, _FOLDER_FLAGS, dir_fd=parent)
            os.close(parent)
            parent = child
        return os.open(name, _OPEN_FLAGS, dir_fd=parent)
    finally:
        os.close(parent)


def _resolve(path: Path) -> Path:
    """The path with its links resolved, without the prefix of Windows's extended form."""
    real = os.path.realpath(_extended_path(path))
    if real.startswith("\\\\?\\UNC\\"):
        return Path("\\\\" + real[8:])
    return Path(real.removeprefix("\\\\?\\"))


def _extended_path(path: PurePath, windows: bool = sys.platform == "win32") -> str:
    """The path for system calls: on Windows the extended form, which keeps every name.

    Otherwise "aux.txt" and "COM1" are devices there, and "trail." loses its dot.
    """
    if not windows:
        return os.fspath(path)
    text = ntpath.normpath(path if path.is_absolute() else ntpath.join(os.getcwd(), path))  # noqa: PTH109
    if text.startswith(("\\\\?\\", "\\\\.\\")):
        return text
    return f"\\\\?\\UNC\\{text[2:]}" if text.startswith("\\\\") else f"\\\\?\\{text}"


def _check_kind(path: Path, status: os.stat_result, limit: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = _FILE_TYPES.get(stat.filemode(status.st_mode)[0], "no regular file")
        raise SourceError(
            f"{str(path)!r} is {kind}, not a regular file", "put a regular file there, or remove it"
        )
    _check_size(path, status.st_size, limit)


def _check_size(path: Path, size: int, limit: int) -> None:
    if size > limit:
        raise SourceError(
            f"{str(path)!r} has {size:,} bytes; at most {limit:,} are read",
            "put a smaller file there, or remove it",
        )


def require_inside(path: Path, project: Path) -> tuple[Path, Path]:
    """The folder, the project's or its repository's, that contains a path; and the resolved path.

    Raises SourceError for a path that leads out of both.
    """
    real, root = _resolve(path), _resolve(project)
    for top, allowed in ((root, None), (find_repository_root(root) or root, _ALLOWED_HIDDEN)):
        if real.is_relative_to(top):  # `.GIT` is `.git` on file systems that ignore case
            parts = [part.casefold() for part in real.relative_to(top).parts]
            hidden = {part for part in parts if part.startswith(".")}
            if (".git" not in hidden) if allowed is None else hidden <= allowed:
                return top, real
    raise SourceError(
        f"{str(path)!r} leads to {str(real)!r}, which is not part of the project",
        "copy the file into the project, or remove the link",
    )


def find_repository_root(folder: Path) -> Path | None:
    """The root of the git checkout that contains this folder, if any.

    A `.git` whose owner is neither the folder's nor this process's is ignored: anybody could
    create one in /tmp (git's "dubious ownership").
    """
    owners = {os.getuid()} if hasattr(os, "getuid") else {0}  # 0 for every file on Windows
    with suppress(OSError):  # the folder need not exist yet
        owners.add(folder.stat().st_uid)
    for candidate in (folder, *folder.parents):
        with suppress(OSError):
            return candidate if (candidate / ".git").stat().st_uid in owners else None
    return None


def require_printable_name(path: str) -> None:
    """Raise SourceError for a file name that is not UTF-8, or has control characters."""
    if not path.isprintable():
        raise SourceError(
            f"the file name {path!r} has characters that archives can't hold", "rename the file"
        )


def find_readme(folders: Iterable[Path]) -> Path | None:
    """The first README in these folders, in upper or lower case."""
    for folder in filter(Path.is_dir, folders):
        by_name = {path.name.lower(): path for path in sorted(folder.iterdir(), reverse=True)}
        for name in README_NAMES:
            if name in by_name and not by_name[name].is_dir():
                return by_name[name]
    return None


def read_readme(path: Path, project: Path | None = None, content_type: str | None = None) -> Readme:
    """Read a README of the project, or with None one that the user named.

    Raises MissingPathError when there is none, SourceError when it can't be read.
    """
    if not os.path.lexists(path):
        raise MissingPathError(f"README file not found: {path}", "name another: --readme README.md")
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


def read_license_texts(root: Path, folders: Iterable[Path]) -> tuple[tuple[str, bytes], ...]:
    """Read the licence and notice files in these folders of a module.

    Gives (path below `root`, bytes with LF line ends), sorted.
    """
    paths = (path for folder in folders if folder.is_dir() for path in folder.iterdir())
    files = (path for path in paths if is_license_name(path.name) and not path.is_dir())
    texts = sorted(files, key=attrgetter("parts"))  # Windows would ignore case
    for path in texts:
        require_printable_name(path.name)
    return tuple((path.relative_to(root).as_posix(), read_text_file(path, root)) for path in texts)
