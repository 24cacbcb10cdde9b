"""Writes deterministic wheels and source archives.

Order, dates, modes and the compressor are fixed. libdeflate gives the same bytes on every machine,
unlike Python's zlib, which may be zlib-ng, and smaller ones than zlib's level 9 in a tenth of the
time. zlib is used where `deflate` is not installed. Sources: PEP 376 and 427 (RECORD), PEP 517 and
625 (source archives), RFC 1951, and the SOURCE_DATE_EPOCH specification of reproducible-builds.org.
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
from pathlib import Path
from typing import NamedTuple

from go_to_wheel.errors import InvalidOptionsError, WheelError

_libdeflate: Callable[[bytes, int], bytearray] | None = None
with suppress(ImportError):  # pyproject.toml says where
    from deflate import deflate_compress as _libdeflate

#: 1980-01-01, the earliest time in a zip file.
ZIP_EPOCH = 315532800
#: The latest, in 2107.
_ZIP_END = 4354819199

#: Of libdeflate: a Go program becomes 0.6 % smaller than with zlib's level 9.
_LEVEL = 7
_MADE_ON_UNIX = 3


class Entry(NamedTuple):
    """One file of a wheel: its path in the archive, its bytes, whether it is a program."""

    path: str
    data: bytes
    executable: bool = False


def parse_epoch(text: str | None) -> int:
    """Parse SOURCE_DATE_EPOCH into seconds since 1970, of 1980 at the earliest.

    Raises InvalidOptionsError for anything but a whole number, and for dates after 2107.
    """
    if text is None:
        return ZIP_EPOCH
    if not re.fullmatch(r"-?[0-9]{1,12}", text) or int(text) > _ZIP_END:
        problem = f"SOURCE_DATE_EPOCH {text!r} is not a whole number of seconds"
        raise InvalidOptionsError(
            [f"{problem} before 2108, a zip's last year being 2107"],
            "take the last commit's: export SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)",
        )
    return max(int(text), ZIP_EPOCH)


def compression_note() -> str:
    """The note for an installation without libdeflate, or ""."""
    if _libdeflate:
        return ""
    return (
        f"compressed with zlib {zlib.ZLIB_RUNTIME_VERSION}: on a machine with another zlib, or "
        "with PyPI's deflate, the same source gives other bytes (pip install deflate)"
    )


def write_wheel(path: Path, entries: Iterable[Entry], epoch: int) -> None:
    """Write the entries, then RECORD, to `path` (its name must be a wheel's).

    Sorted by path with the dist-info folder last, as PEP 427 recommends. Raises WheelError for
    two entries with one path.
    """
    last = ".dist-info"
    ordered = sorted(entries, key=lambda e: (e.path.split("/")[0].endswith(last), e.path))
    record_path = f"{'-'.join(path.name.split('-')[:2])}.dist-info/RECORD"
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    taken: set[str] = set()
    for entry in ordered:
        if entry.path.casefold() in taken:  # one file, on a system that ignores case
            raise WheelError(f"two files would have the path {entry.path!r} in the wheel")
        taken.add(entry.path.casefold())
        digest = base64.urlsafe_b64encode(hashlib.sha256(entry.data).digest())
        rows.writerow((entry.path, f"sha256={digest.decode().rstrip('=')}", len(entry.data)))
    rows.writerow((record_path, "", ""))
    with zipfile.ZipFile(path, "w") as archive:
        for entry in [*ordered, Entry(record_path, record.getvalue().encode())]:
            info = zipfile.ZipInfo(entry.path, date_time=time.gmtime(epoch)[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = _MADE_ON_UNIX
            # Without the regular file's bit, pip drops the x bits.
            info.external_attr = (stat.S_IFREG | (0o755 if entry.executable else 0o644)) << 16
            info.file_size = len(entry.data)
            with archive.open(info, "w") as member:
                # zipfile has no public way to another compressor; a test sees this one used.
                member._compressor = _Compressor()  # type: ignore[attr-defined]
                member.write(entry.data)


class _Compressor:
    """zipfile's compressor interface for libdeflate, which compresses all data at once."""

    def __init__(self) -> None:
        self._data = b""

    def compress(self, data: bytes) -> bytes:
        self._data += data
        return b""

    def flush(self) -> bytes:
        if _libdeflate is not None:
            return bytes(_libdeflate(self._data, _LEVEL))
        encoder = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS)
        return encoder.compress(self._data) + encoder.flush()


def write_sdist(
    path: Path, stem: str, entries: Iterable[tuple[str, bytes, bool]], epoch: int
) -> None:
    """Write (path, bytes, whether executable) entries as a .tar.gz, below the folder `stem`.

    Sorted, without owners, all dated `epoch`, modes 0755 and 0644: the same entries give
    the same bytes.
    """
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, data, executable in sorted(entries):
            info = tarfile.TarInfo(f"{stem}/{name}")
            info.size, info.mtime, info.mode = len(data), epoch, 0o755 if executable else 0o644
            archive.addfile(info, io.BytesIO(data))
    path.write_bytes(packed.getvalue())
