"""The entries' contents, one at a time and straight from the archive.

Nothing is held in memory but one megabyte and the few texts that are parsed; a native
file goes to a temporary file, because its headers point anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from go_to_wheel.check.paths import is_command, path_of
from go_to_wheel.errors import WheelError

_CHUNK = 1 << 20
_IN_MEMORY = 8 << 20
#: Larger files are hashed, not inspected.
MAX_INSPECTED = 512 << 20
#: So are all native files after so many.
MAX_PROGRAMS = 2_000
_MAGICS = (
    b"\x7fELF",
    b"MZ",
    b"!<arch>\n",
    *map(bytes.fromhex, ("cffaedfe", "cefaedfe", "feedface", "feedfacf", "cafebabe", "cafebabf")),
)


@dataclass(frozen=True)
class Content:
    """A file in the wheel.

    `digest` is spelled as RECORD does. `program` is open until the next file is read, and
    None unless the file is native and within the limits.
    """

    entry: zipfile.ZipInfo
    size: int
    digest: str
    is_native: bool
    program: BinaryIO | None

    @property
    def path(self) -> str:
        """The file's path in the wheel."""
        return path_of(self.entry)


def read_contents(
    archive: zipfile.ZipFile, algorithm_of: Callable[[str], str] = lambda path: "sha256"
) -> Iterator[Content]:
    """Each file of the wheel, folders left out. Raises WheelError for one that is broken."""
    programs = 0
    for entry in archive.infolist():
        path = path_of(entry)
        if path.endswith("/"):
            continue
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
            store = cast("BinaryIO", spool) if programs < MAX_PROGRAMS else None
            try:
                content = _read(archive, entry, algorithm_of(path), store)
            except WheelError:
                raise
            except Exception as error:  # zlib and zipfile raise anything for broken data
                raise WheelError(f"{path!r} can't be read: {error}") from error
            programs += content.is_native
            yield content


def _read(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, algorithm: str, store: BinaryIO | None
) -> Content:
    hasher, size = hashlib.new(algorithm), 0
    with archive.open(entry) as file:
        chunk = file.read(_CHUNK)
        is_native = chunk.startswith(_MAGICS) or (
            is_command(path_of(entry)) and not chunk.startswith(b"#!")
        )
        if not is_native or entry.file_size > MAX_INSPECTED:
            store = None
        while chunk:
            size += len(chunk)
            hasher.update(chunk)
            if store:
                store.write(chunk)
            chunk = file.read(_CHUNK)
    if size != entry.file_size:
        raise WheelError(f"{path_of(entry)!r} is not as long as its header says")
    encoded = base64.urlsafe_b64encode(hasher.digest()).rstrip(b"=").decode("ascii")
    return Content(entry, size, f"{algorithm}={encoded}", is_native, store)


class LimitError(WheelError):
    """A text of a wheel is larger than what is parsed."""


def read_text(archive: zipfile.ZipFile, path: str, limit: int) -> bytes | None:
    """The bytes of a text, None where there is none.

    Raises LimitError when it is over `limit`, WheelError when it can't be read.
    """
    try:
        entry = archive.getinfo(path)
    except KeyError:
        return None
    if entry.file_size > limit:
        raise LimitError(f"{path!r} has {entry.file_size} bytes; the limit is {limit}")
    try:
        return archive.read(entry)
    except Exception as error:  # zlib and zipfile raise anything for broken data
        raise WheelError(f"{path!r} can't be read: {error}") from error
