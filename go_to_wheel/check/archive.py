"""The zip archive: is it safe to read, and do all readers see the same entries?

Everything is decided from headers; nothing is unpacked to disk. Sources: PKWARE's
APPNOTE.TXT, and what PyPI and uv accept as an archive.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import BinaryIO, cast

from go_to_wheel.check.paths import path_of
from go_to_wheel.check.report import RULES, Finding, Findings, fault
from go_to_wheel.errors import WheelError

MIB = 1 << 20
MAX_FILE = 100 * MIB
BOMB_SIZE, BOMB_RATIO = 64 * MIB, 50
#: The largest wheels have some ten thousand entries.
MAX_DIRECTORY, MAX_ENTRIES = 16 * MIB, 100_000

_CENTRAL, _LOCAL_HEADER = b"PK\x01\x02", b"PK\x03\x04"
_END_SIZE, _END_64_SIZE, _LOCATOR_SIZE = 22, 56, 20
_CENTRAL_SIZE = 46
_END = struct.Struct("<10xHII")
_LOCAL = struct.Struct("<4s2xHHxxxxxxxxIIHH")
_FLAG_ENCRYPTED, _FLAG_DESCRIPTOR, _FLAG_UTF8 = 0x1, 0x8, 0x800
_LARGE = 0xFFFFFFFF
#: Extra fields of one entry: dates, owners and sizes take some hundred bytes.
_MAX_EXTRA = 256
_ZIP64_EXTRA, _UNICODE_PATH_EXTRA = 1, 0x7075
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})

#: What makes reading the entries pointless or dangerous.
FATAL = frozenset({"zip-broken", "zip-bomb", "zip-encrypted"})


class _Guard:
    """The stream while zipfile opens it: what the end records claim stays within limits."""

    def __init__(self, stream: BinaryIO) -> None:
        self.is_open = False
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable
        self._read = stream.read

    def read(self, size: int = -1) -> bytes:
        if self.is_open:
            return self._read(size)
        if size > MAX_DIRECTORY:
            raise WheelError(f"its directory claims {size} bytes; the limit is {MAX_DIRECTORY}")
        data = self._read(size)
        if (count := data.count(_CENTRAL)) > MAX_ENTRIES:
            raise WheelError(f"it has {count} entries; the limit is {MAX_ENTRIES}")
        return data


def open_archive(stream: BinaryIO) -> zipfile.ZipFile:
    """A zip archive for reading. Raises WheelError for what can't be read as one."""
    guard = _Guard(stream)
    with reading("it can't be read as a zip archive"):
        archive = zipfile.ZipFile(cast("BinaryIO", guard))
    guard.is_open = True
    return archive


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn whatever zipfile and zlib raise for broken data into a WheelError."""
    try:
        yield
    except WheelError:
        raise
    except Exception as error:
        raise WheelError(f"{what}: {error}") from error


def check_archive(archive: zipfile.ZipFile, stream: BinaryIO) -> Findings:
    """Everything that is wrong with the archive, apart from its entries' paths."""
    length, entries = stream.seek(0, io.SEEK_END), archive.infolist()
    if length > MAX_FILE:
        yield Finding("zip-too-large", f"it has {length / MIB:.0f} MiB, over {MAX_FILE // MIB}")
    total = sum(entry.file_size for entry in entries)
    if total > BOMB_SIZE and total > BOMB_RATIO * length:
        text = f"it unpacks to {total / MIB:.0f} MiB, {total / length:.0f} times its size"
        yield Finding("zip-bomb", text)
    if archive.comment or any(entry.comment for entry in entries):
        yield Finding("zip-comment", RULES["zip-comment"].title)
    for entry in entries:
        flags, kind = entry.flag_bits, stat.S_IFMT(entry.external_attr >> 16)
        what = "a link" if kind == stat.S_IFLNK else "neither file nor folder"
        wrong = {
            "zip-unsafe-name": not (path_of(entry).isascii() or flags & _FLAG_UTF8),
            "zip-link": kind not in (0, stat.S_IFREG, stat.S_IFDIR) and f"it is {what}",
            "zip-compression": entry.compress_type not in _METHODS
            and f"it is compressed by method {entry.compress_type}",
            "zip-date": _wrong_date(entry.date_time),
            "zip-encrypted": flags & _FLAG_ENCRYPTED,
            "zip-data-descriptor": flags & _FLAG_DESCRIPTOR,
        }
        for code, is_so in wrong.items():
            if is_so:
                yield fault(code, path_of(entry), is_so if isinstance(is_so, str) else "")
    if reason := _find_mismatch(archive, stream, length):
        yield Finding("zip-mismatch", reason)


def _wrong_date(parts: tuple[int, int, int, int, int, int]) -> str:
    with suppress(ValueError):
        datetime(*parts)
        return ""
    return "its date is {}-{:02}-{:02} {:02}:{:02}:{:02}".format(*parts)


def _find_mismatch(archive: zipfile.ZipFile, stream: BinaryIO, length: int) -> str:
    """The first disagreement between local headers, central directory and the file's size."""
    entries = archive.infolist()
    expected = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        name = path_of(entry)
        if gap := entry.header_offset - expected:
            what = "entries overlap" if gap < 0 else f"{gap} bytes that belong to no entry lie"
            return f"{what} before {name!r}"
        if name.endswith("/") and entry.file_size:
            return f"the folder {name!r} has data of its own"
        expected, reason = _read_local(stream, entry)
        if reason:
            return f"{name!r} has {reason}"
    if expected != archive.start_dir:
        return "there is other data before the central directory"
    size = sum(len(_raw_name(entry)) + len(entry.extra) + len(entry.comment) for entry in entries)
    size += _CENTRAL_SIZE * len(entries)
    end = length - len(archive.comment) - _END_SIZE
    if end - archive.start_dir - size not in (0, _END_64_SIZE + _LOCATOR_SIZE):
        return "there is other data after the central directory"
    stream.seek(end)
    stated = _END.unpack(stream.read(_END.size))
    limits = (0xFFFF, _LARGE, _LARGE)  # these refer to the ZIP64 record
    real = (len(entries), size, archive.start_dir)
    if any(number not in pair for number, *pair in zip(stated, real, limits, strict=True)):
        return "its end record has another number, size or place of the entries"
    return ""


def _raw_name(entry: zipfile.ZipInfo) -> bytes:
    encoding = "utf-8" if entry.flag_bits & _FLAG_UTF8 else "cp437"
    return entry.orig_filename.encode(encoding, "replace")


def _read_local(stream: BinaryIO, entry: zipfile.ZipInfo) -> tuple[int, str]:
    """Where an entry's data ends, and how its local header differs."""
    stream.seek(entry.header_offset)
    head = stream.read(_LOCAL.size)
    if len(head) < _LOCAL.size or not head.startswith(_LOCAL_HEADER):
        return 0, "no local header"
    _, flags, method, packed, size, name_size, extra_size = _LOCAL.unpack(head)
    name, extra = stream.read(name_size), stream.read(extra_size)
    sizes = entry.file_size, entry.compress_size
    end = entry.header_offset + _LOCAL.size + name_size + extra_size + entry.compress_size
    if max(extra_size, len(entry.extra)) > _MAX_EXTRA:
        return 0, f"over {_MAX_EXTRA} bytes of extra fields"
    kinds = {kind for kind, _ in _extra_fields(extra + entry.extra)}
    differences = {
        f"another name in its local header: {name!r}": name != _raw_name(entry),
        "a second name in a Unicode Path field": _UNICODE_PATH_EXTRA in kinds,
        "another compression method in its local header": method != entry.compress_type,
        "another encryption flag in its local header": (flags ^ entry.flag_bits) & _FLAG_ENCRYPTED,
        "another size in its local header": not flags & _FLAG_DESCRIPTOR
        and sizes not in ((size, packed), _sizes_64(extra, size, packed)),
    }
    end += 16 if flags & _FLAG_DESCRIPTOR else 0
    return end, next((text for text, differs in differences.items() if differs), "")


def _sizes_64(extra: bytes, size: int, packed: int) -> tuple[int, int]:
    """The sizes from a ZIP64 field, for those that are marked as too large."""
    for kind, data in _extra_fields(extra):
        if kind == _ZIP64_EXTRA:
            values = iter(struct.unpack_from(f"<{len(data) // 8}Q", data))
            size = next(values, size) if size == _LARGE else size
            packed = next(values, packed) if packed == _LARGE else packed
    return size, packed


def _extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, position)
        yield kind, extra[position + 4 : position + 4 + size]
        position += 4 + size
