"""Entries -> a deterministic wheel archive.

`wheel`'s own WheelFile writes the zip and RECORD; this module fixes what it leaves open:
order, dates, modes, and the encoder. That is libdeflate instead of the zlib that Python
happens to be linked with: the same bytes whatever zlib that is (zlib-ng writes others), and
smaller ones than zlib's level 9 in a tenth of its time. Where `deflate` has no wheel, zlib
stands in. Sources: PEP 427, PEP 491, RFC 1951 and the reproducible-builds SOURCE_DATE_EPOCH
specification.
"""

from __future__ import annotations

import re
import stat
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Literal

from wheel.wheelfile import WheelFile

from go_to_wheel.errors import WheelError

_libdeflate: Callable[[bytes, int], bytearray] | None = None
with suppress(ImportError):  # pyproject.toml says where
    from deflate import deflate_compress as _libdeflate

#: 1980-01-01, the first moment that a zip file can state.
ZIP_EPOCH = 315532800
#: The last one is in 2107.
_ZIP_END = 4354819199

#: libdeflate's: of a Go program 0.6 % smaller than zlib's level 9. Small files cost nothing.
LEVEL = 7
_LEVEL_SMALL = 12
_SMALL = 1 << 16
_UNIX = 3


@dataclass(frozen=True)
class Entry:
    """One file of a wheel: its path in the archive, its bytes, whether it is a program."""

    path: str
    data: bytes
    executable: bool = False

    @property
    def mode(self) -> int:
        """Unix mode with the regular-file bit, without which pip drops the x bits."""
        return stat.S_IFREG | (0o755 if self.executable else 0o644)


def parse_epoch(text: str | None) -> int:
    """SOURCE_DATE_EPOCH's value -> seconds that a zip file can state.

    None and moments before 1980 give 1980-01-01. Raises ValueError for anything but a
    whole number, or one after 2107.
    """
    if text is None:
        return ZIP_EPOCH
    if not re.fullmatch(r"-?[0-9]+", text):
        raise ValueError(f"SOURCE_DATE_EPOCH {text!r} is not a whole number of seconds")
    seconds = int(text)
    if seconds > _ZIP_END:
        raise ValueError(f"SOURCE_DATE_EPOCH {text!r} is after 2107, a zip file's last year")
    return max(seconds, ZIP_EPOCH)


def deflate_data(data: bytes) -> bytes:
    """Data as a raw deflate stream (RFC 1951), the same on every machine."""
    return _deflate_small(data) if len(data) < _SMALL else _deflate(data, LEVEL)


@lru_cache(maxsize=256)
def _deflate_small(data: bytes) -> bytes:
    """Remembered: most small files are the same in every wheel of a release."""
    return _deflate(data, _LEVEL_SMALL)


def _deflate(data: bytes, level: int) -> bytes:
    if _libdeflate is None:
        encoder = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS)
        return encoder.compress(data) + encoder.flush()
    return bytes(_libdeflate(data, level))


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
    ordered = sorted(entries, key=lambda entry: (_in_dist_info(entry.path), entry.path))
    _refuse_repeats(ordered)
    with _Archive(path, epoch, pack) as archive:
        for entry in ordered:
            archive.writestr(archive.member(entry.path, entry.mode), entry.data)


def _in_dist_info(path: str) -> bool:
    return path.split("/", 1)[0].endswith(".dist-info")


def _refuse_repeats(ordered: list[Entry]) -> None:
    """No two paths may be one file, on a system that ignores case either."""
    seen: set[str] = set()
    for entry in ordered:
        folded = entry.path.casefold()
        if folded in seen:
            raise WheelError(f"two files would have the path {entry.path!r} in the wheel")
        seen.add(folded)


class _Encoder:
    """What zipfile expects of a compressor, around libdeflate, which wants all data at once."""

    def __init__(self, pack: Callable[[bytes], bytes]) -> None:
        self._pack = pack
        self._data = bytearray()

    def compress(self, data: bytes) -> bytes:
        self._data += data
        return b""

    def flush(self) -> bytes:
        return self._pack(bytes(self._data))


class _Archive(WheelFile):  # type: ignore[misc]  # wheel has no types
    """WheelFile with every member, RECORD too, at a fixed date and mode, by one encoder."""

    def __init__(self, path: Path, epoch: int, pack: Callable[[bytes], bytes]) -> None:
        super().__init__(path, "w")
        self._pack = pack
        self._date_time = time.gmtime(epoch)[:6]

    def member(self, path: str, mode: int) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(path, date_time=self._date_time)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.create_system = _UNIX
        info.external_attr = mode << 16
        return info

    def open(
        self,
        name_or_info: str | zipfile.ZipInfo,
        mode: Literal["r", "w"] = "r",
        pwd: bytes | None = None,
    ) -> IO[bytes]:
        handle: IO[bytes] = super().open(name_or_info, mode, pwd)
        # zipfile has no public door for another encoder; a test sees that this one is used.
        handle._compressor = _Encoder(self._pack)  # type: ignore[attr-defined]
        return handle

    def writestr(
        self,
        zinfo_or_arcname: str | zipfile.ZipInfo,
        data: bytes | str,
        compress_type: int | None = None,
    ) -> None:
        if isinstance(zinfo_or_arcname, str):
            zinfo_or_arcname = self.member(zinfo_or_arcname, stat.S_IFREG | 0o644)
        if isinstance(data, str):
            data = data.encode()
        super().writestr(zinfo_or_arcname, data, compress_type)
