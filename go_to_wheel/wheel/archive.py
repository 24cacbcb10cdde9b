"""Entries -> a deterministic wheel, or source archive.

Order, dates, modes and the encoder are fixed. That is libdeflate instead of the zlib that
Python happens to be linked with: the same bytes whatever zlib that is (zlib-ng writes
others), and smaller ones than zlib's level 9 in a tenth of its time. Where `deflate` has no
wheel, zlib stands in. Sources: PEP 376 and 427 (RECORD), PEP 517 and 625 (source archives),
RFC 1951 and the reproducible-builds SOURCE_DATE_EPOCH specification.
"""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import io
import re
import stat
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from go_to_wheel.errors import InvalidOptionsError, WheelError

_libdeflate: Callable[[bytes, int], bytearray] | None = None
with suppress(ImportError):  # pyproject.toml says where
    from deflate import deflate_compress as _libdeflate

#: 1980-01-01, the first moment that a zip file can state.
ZIP_EPOCH = 315532800
#: The last one is in 2107.
_ZIP_END = 4354819199

#: libdeflate's: of a Go program 0.6 % smaller than zlib's level 9.
LEVEL = 7
_UNIX = 3


class Entry(NamedTuple):
    """One file of a wheel: its path in the archive, its bytes, whether it is a program."""

    path: str
    data: bytes
    executable: bool = False


def parse_epoch(text: str | None) -> int:
    """SOURCE_DATE_EPOCH's value -> seconds that a zip file can state.

    None and moments before 1980 give 1980-01-01. Raises InvalidOptionsError for anything
    but a whole number, or one after 2107.
    """
    if text is None:
        return ZIP_EPOCH
    if not re.fullmatch(r"-?[0-9]{1,12}", text) or int(text) > _ZIP_END:
        problem = f"SOURCE_DATE_EPOCH {text!r} is not a whole number of seconds"
        raise InvalidOptionsError([f"{problem} before 2108, a zip's last year being 2107"])
    return max(int(text), ZIP_EPOCH)


def deflate_data(data: bytes) -> bytes:
    """Data as a raw deflate stream (RFC 1951), the same on every machine."""
    if _libdeflate is None:
        encoder = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS)
        return encoder.compress(data) + encoder.flush()
    return bytes(_libdeflate(data, LEVEL))


def encoder_note() -> str | None:
    """What differs where libdeflate is missing; None where it is used."""
    if _libdeflate is not None:
        return None
    return (
        f"compressed with zlib {zlib.ZLIB_RUNTIME_VERSION}: on a machine with another zlib, or "
        "with PyPI's deflate, the same source gives other bytes (pip install deflate)"
    )


def write_wheel(
    path: Path,
    entries: Iterable[Entry],
    epoch: int = ZIP_EPOCH,
    pack: Callable[[bytes], bytes] = deflate_data,
) -> None:
    """Write the entries, then RECORD, to `path` (its name must be a wheel's).

    `pack` is `deflate_data` or what gives the same. Entries are sorted by path with the
    dist-info folder last, as PEP 427 recommends. Raises WheelError for two entries with one path.
    """
    last = ".dist-info"
    ordered = sorted(entries, key=lambda e: (e.path.split("/")[0].endswith(last), e.path))
    taken: set[str] = set()
    for entry in ordered:  # one file, on a system that ignores case
        if entry.path.casefold() in taken:
            raise WheelError(f"two files would have the path {entry.path!r} in the wheel")
        taken.add(entry.path.casefold())
    with zipfile.ZipFile(path, "w") as archive:
        for entry in [*ordered, _record("-".join(path.name.split("-")[:2]), ordered)]:
            info = zipfile.ZipInfo(entry.path, date_time=time.gmtime(epoch)[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = _UNIX
            # Without the regular file's bit, pip drops the x bits.
            info.external_attr = (stat.S_IFREG | (0o755 if entry.executable else 0o644)) << 16
            info.file_size = len(entry.data)
            with archive.open(info, "w") as member:
                # zipfile has no public door for another encoder; a test sees this one used.
                member._compressor = _Encoder(pack)  # type: ignore[attr-defined]
                member.write(entry.data)


def _record(stem: str, entries: Iterable[Entry]) -> Entry:
    """The path, hash and size of every file, itself last and without them."""
    path = f"{stem}.dist-info/RECORD"
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for entry in entries:
        digest = base64.urlsafe_b64encode(hashlib.sha256(entry.data).digest())
        rows.writerow((entry.path, f"sha256={digest.decode().rstrip('=')}", len(entry.data)))
    rows.writerow((path, "", ""))
    return Entry(path, text.getvalue().encode())


class _Encoder:
    """What zipfile expects of a compressor, around libdeflate, which wants all data at once."""

    def __init__(self, pack: Callable[[bytes], bytes]) -> None:
        self._pack = pack
        self._data = b""

    def compress(self, data: bytes) -> bytes:
        self._data += data
        return b""

    def flush(self) -> bytes:
        return self._pack(self._data)


def write_sdist(
    path: Path, stem: str, entries: Iterable[tuple[str, bytes, bool]], epoch: int
) -> None:
    """Write (path, bytes, whether executable) entries as a .tar.gz, below the folder `stem`.

    Sorted, owned by nobody, all dated `epoch`, modes 0755 and 0644: the same entries give
    the same bytes. Raises WheelError for paths that leave the folder.
    """
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, data, executable in sorted(entries):
            parts = PurePosixPath(name)
            if parts.is_absolute() or ".." in parts.parts:
                raise WheelError(f"{name!r} would lie outside the source archive's folder")
            info = tarfile.TarInfo(f"{stem}/{name}")
            info.size, info.mtime, info.mode = len(data), epoch, 0o755 if executable else 0o644
            archive.addfile(info, io.BytesIO(data))
    path.write_bytes(packed.getvalue())
