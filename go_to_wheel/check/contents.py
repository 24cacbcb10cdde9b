"""The entries' contents, one at a time and straight from the archive."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from go_to_wheel.check.record import Digest, algorithms_in, spell_hash
from go_to_wheel.errors import WheelError

_CHUNK = 1 << 20
#: Larger files are hashed and not looked into: their content would fill the memory.
MAX_LOOKED_INTO = 512 << 20
#: Larger texts are not parsed; the largest METADATA that PyPI takes is far below.
MAX_TEXT = 4 << 20
_MAGICS = (
    b"\x7fELF",
    b"MZ",
    b"!<arch>\n",
    *(bytes.fromhex(text) for text in ("cffaedfe", "cefaedfe", "feedface", "feedfacf")),
    *(bytes.fromhex(text) for text in ("cafebabe", "cafebabf")),
)


@dataclass(frozen=True)
class Content:
    """A file in the wheel; `data` is empty unless it is a text of .dist-info or native."""

    entry: zipfile.ZipInfo
    digest: Digest
    data: bytes
    is_native: bool

    @property
    def path(self) -> str:
        """The file's path in the wheel."""
        return self.entry.filename


def read_contents(archive: zipfile.ZipFile, dist_info: str) -> Iterator[Content]:
    """Each file of the wheel, folders left out. Raises WheelError for one that is broken."""
    algorithms = algorithms_in(_record_text(archive, dist_info)) or ("sha256",)
    for entry in archive.infolist():
        if entry.filename.endswith("/"):  # is_dir() fails on an empty name before Python 3.11
            continue
        try:
            yield _read(archive, entry, algorithms, entry.filename.startswith(f"{dist_info}/"))
        except WheelError:
            raise
        except Exception as error:  # zlib and zipfile raise what broken data makes them
            raise WheelError(f"{entry.filename!r} can't be read: {error}") from error


def _record_text(archive: zipfile.ZipFile, dist_info: str) -> bytes:
    try:
        with archive.open(f"{dist_info}/RECORD") as file:
            return file.read(MAX_TEXT)
    except Exception:  # noqa: BLE001 (missing or broken: reported when its turn comes)
        return b""


def _read(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, algorithms: tuple[str, ...], is_text: bool
) -> Content:
    hashers = {name: hashlib.new(name) for name in algorithms}
    size, kept, keep, native = 0, [], True, False
    with archive.open(entry) as file:
        while chunk := file.read(_CHUNK):
            if not size:
                native = chunk.startswith(_MAGICS) or _is_command(entry.filename)
                keep = native or is_text
            limit = MAX_LOOKED_INTO if native else MAX_TEXT
            size += len(chunk)
            if keep and size <= limit:
                kept.append(chunk)
            for hasher in hashers.values():
                hasher.update(chunk)
    if size != entry.file_size:
        raise WheelError(f"{entry.filename!r} is not as long as its header says")
    hashes = {name: spell_hash(hasher.digest()) for name, hasher in hashers.items()}
    return Content(entry, Digest(size, hashes), b"".join(kept), native)


def _is_command(path: str) -> bool:
    """Whether an installer puts this file on PATH."""
    parts = path.split("/")
    return len(parts) == 3 and parts[0].endswith(".data") and parts[1] == "scripts"
