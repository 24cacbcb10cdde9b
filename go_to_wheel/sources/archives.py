"""A release's files: the programs and texts in archives, and lists of checksums."""

from __future__ import annotations

import gzip
import hashlib
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from io import BufferedReader
from lzma import LZMAError
from operator import attrgetter
from pathlib import Path
from typing import IO, Any, cast

from go_to_wheel.binary.read import is_program
from go_to_wheel.errors import SourceError
from go_to_wheel.sources.files import BINARY_LIMIT, TEXT_LIMIT, open_file, read_file, read_up_to

_TARS = (".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tar")
#: Bytes of an archive, unpacked.
_UNPACKED_LIMIT = 8 << 30
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, LZMAError, RuntimeError)
_CHECKSUM_LIST = re.compile(
    r".*(checksum|sha(256|384|512)?sums?).*|.*\.sha(256|384|512)", re.IGNORECASE
)
#: A line as sha256sum or BSD's tools write it; the name is missing in FILE.sha256.
_CHECKSUM = re.compile(
    r"(?P<hex>[0-9a-f]{64,128})(?:[ \t]+\*?(?:.*/)?(?P<name>[^/]+))?"
    r"|SHA\d+ \((?P<file>.+)\) = (?P<sum>[0-9a-f]{64,128})",
    re.IGNORECASE,
)
_ALGORITHMS = {64: "sha256", 96: "sha384", 128: "sha512"}


@dataclass(frozen=True)
class Origin:
    """The release's file that a program is from; `listed` is the checksums' file, if any."""

    file: str
    sha256: str
    listed: str = ""


def read_members(
    path: Path, project: Path | None, limit_of: Callable[[str, bytes], int]
) -> Iterator[tuple[str, bytes]]:
    """A release's file -> (name, bytes) of the files in it; "" is itself, if it is a program.

    `limit_of` takes a file's name and first bytes, and says how many it may have: 0 for one
    that is not wanted. Raises SourceError for more, and for a broken archive.
    """
    with open_file(path, project, BINARY_LIMIT) as stream:
        try:
            for name, opener in _list_members(path.name.lower(), stream):
                with opener() as member:
                    head = read_up_to(member, 512)
                    if limit := limit_of(name, head):
                        data = head + read_up_to(member, limit + 1 - len(head))
                        if len(data) > limit:
                            place = name or path.name
                            text = f"{place!r} has more than the {limit:,} bytes that are read"
                            raise SourceError(text)
                        yield name, data
        except _BROKEN as error:
            raise SourceError(f"can't read {path}: {error}", "download it again") from None


def _list_members(name: str, stream: IO[bytes]) -> Iterator[tuple[str, Callable[[], Any]]]:
    program = is_program(stream.read(512))
    stream.seek(0)
    if program:
        yield "", partial(nullcontext, stream)
    elif name.endswith(".zip"):
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield info.filename, partial(archive.open, info)
    elif name.endswith(_TARS):
        with tarfile.open(fileobj=stream) as tar:
            for entry in tar:
                if entry.offset_data + entry.size > _UNPACKED_LIMIT:
                    raise EOFError(f"it unpacks to more than {_UNPACKED_LIMIT:,} bytes")
                if entry.isreg():
                    yield entry.name, partial(tar.extractfile, entry)
    elif name.endswith(".gz"):
        yield "", partial(gzip.open, stream)


def read_checksums(folder: Path) -> dict[str, tuple[str, str]]:
    """The checksums in a folder's lists: file name -> (hexadecimal digest, the list's name)."""
    found: dict[str, tuple[str, str]] = {}
    for path in sorted(folder.iterdir(), key=attrgetter("parts")):
        known = _CHECKSUM_LIST.fullmatch(path.name) and path.is_file()
        if known and path.stat().st_size <= TEXT_LIMIT:
            text = read_file(path, folder, TEXT_LIMIT).decode("utf-8", "replace")
            for line in filter(None, map(_CHECKSUM.fullmatch, map(str.strip, text.splitlines()))):
                name = line["name"] or line["file"] or path.stem
                found[name] = ((line["hex"] or line["sum"]).lower(), path.name)
    return found


def verify(path: Path, project: Path | None, sums: Mapping[str, tuple[str, str]]) -> Origin:
    """The origin of what is in a file; raises SourceError when a checksum says otherwise."""
    listed, name = sums.get(path.name, ("", ""))
    algorithm = _ALGORITHMS.get(len(listed), "sha256")
    digests = {}
    for kind in {"sha256", algorithm}:
        with open_file(path, project, BINARY_LIMIT) as stream:
            digests[kind] = hashlib.file_digest(cast("BufferedReader", stream), kind).hexdigest()
    if listed and listed != (found := digests[algorithm]):
        raise SourceError(
            f"{path} is not the file that {name} lists: its checksum is {found}, not {listed}",
            "download it again",
        )
    return Origin(path.name, digests["sha256"], name)
