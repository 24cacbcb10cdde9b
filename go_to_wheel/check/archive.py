"""The zip archive: is it safe to read, and would every reader see the same entries?

Everything is judged from headers; nothing is unpacked to disk. Sources: PKWARE's
APPNOTE.TXT, and what PyPI accepts as an archive.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from go_to_wheel.check.report import Fault, Faults
from go_to_wheel.errors import WheelError

MIB = 1 << 20
MAX_FILE = 100 * MIB
BOMB_SIZE, BOMB_RATIO = 64 * MIB, 50
#: A directory of this size holds some hundred thousand entries; more is an attack.
MAX_DIRECTORY = 16 * MIB

_END = b"PK\x05\x06"
_END_SIZE, _END_64_SIZE, _LOCATOR_SIZE = 22, 56, 20
_CENTRAL_SIZE = 46
_LOCAL = struct.Struct("<4s2xHHxxxxxxxxIIHH")
_FLAG_ENCRYPTED, _FLAG_DESCRIPTOR, _FLAG_UTF8 = 0x1, 0x8, 0x800
_LARGE = 0xFFFFFFFF
_ZIP64_EXTRA = 1
_MAX_COMMENT = 0xFFFF
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]|^/|^[A-Za-z]:|(^|/)\.\.?(/|$)|//")
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})

#: What makes reading the entries pointless or dangerous.
FATAL = frozenset({"zip-broken", "zip-bomb", "zip-encrypted"})


def open_archive(stream: BinaryIO) -> zipfile.ZipFile:
    """A zip archive for reading. Raises WheelError when it can't be read as one."""
    size = _directory_size(stream)
    if size > MAX_DIRECTORY:
        raise WheelError(f"its central directory claims {size} bytes")
    try:
        return zipfile.ZipFile(stream)
    except Exception as error:  # zipfile raises what broken headers make it stumble over
        raise WheelError(f"it can't be read as a zip archive: {error}") from error


def _directory_size(stream: BinaryIO) -> int:
    """What the end record says of the central directory's size. Raises WheelError."""
    length = stream.seek(0, 2)
    stream.seek(max(0, length - _MAX_COMMENT - _END_SIZE))
    tail = stream.read(_MAX_COMMENT + _END_SIZE)
    position = tail.rfind(_END)
    if position < 0 or position + _END_SIZE > len(tail):
        raise WheelError("it is not a zip archive, or cut short")
    (size,) = struct.unpack_from("<I", tail, position + 12)
    return 0 if size == _LARGE else int(size)


def check_archive(archive: zipfile.ZipFile, stream: BinaryIO) -> Faults:
    """Everything that is wrong with the archive as such."""
    length = stream.seek(0, 2)
    entries = archive.infolist()
    if length > MAX_FILE:
        yield Fault(
            "zip-too-large",
            f"the file has {length / MIB:.0f} MiB, PyPI takes {MAX_FILE // MIB}",
            "strip the program (-ldflags '-s -w'), or ask PyPI for a higher limit",
        )
    total = sum(entry.file_size for entry in entries)
    if total > BOMB_SIZE and total > BOMB_RATIO * length:
        yield Fault(
            "zip-bomb",
            f"it unpacks to {total / MIB:.0f} MiB, {total / length:.0f} times its size",
        )
    if archive.comment or any(entry.comment for entry in entries):
        yield Fault("zip-comment", "it carries a comment", "write the wheel without one")
    yield from _duplicates(entries)
    for entry in entries:
        yield from _check_entry(entry)
    yield from _check_framing(archive, stream, length)


def _duplicates(entries: Iterable[zipfile.ZipInfo]) -> Faults:
    seen: set[str] = set()
    told: set[str] = set()
    for entry in entries:
        name = entry.filename
        if name in seen and name not in told:
            told.add(name)
            yield Fault("zip-duplicate-name", f"{name!r} is there more than once")
        seen.add(name)


def _check_entry(entry: zipfile.ZipInfo) -> Faults:
    name = entry.orig_filename
    if not name or _UNSAFE.search(name.rstrip("/") if name != "/" else name):
        yield Fault("zip-unsafe-name", f"the name {name!r} leads somewhere else")
    elif not name.isascii() and not entry.flag_bits & _FLAG_UTF8:
        yield Fault("zip-unsafe-name", f"the name {name!r} is not marked as UTF-8")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        what = "a symbolic link" if kind == stat.S_IFLNK else "neither file nor folder"
        yield Fault("zip-link", f"{name!r} is {what}")
    if entry.compress_type not in _METHODS:
        yield Fault(
            "zip-compression",
            f"{name!r} is compressed by method {entry.compress_type}",
            "PyPI takes stored and deflated entries only",
        )
    if entry.flag_bits & _FLAG_ENCRYPTED:
        yield Fault("zip-encrypted", f"{name!r} is encrypted")
    if entry.flag_bits & _FLAG_DESCRIPTOR:
        yield Fault(
            "zip-data-descriptor",
            f"the size of {name!r} stands after its data",
            "write the wheel to a seekable file",
        )


def _check_framing(archive: zipfile.ZipFile, stream: BinaryIO, length: int) -> Faults:
    """Whether local headers and central directory tell the same, with no gaps between."""
    expected = 0
    for entry in sorted(archive.infolist(), key=lambda entry: entry.header_offset):
        if entry.header_offset != expected:
            yield Fault("zip-mismatch", f"{_gap(entry, expected)} before {entry.filename!r}")
            return
        end, fault = _read_local(stream, entry)
        if fault:
            yield Fault("zip-mismatch", fault)
            return
        expected = end
    if expected != archive.start_dir:
        yield Fault("zip-mismatch", "there is other data before the central directory")
    directory = sum(_central_size(entry) for entry in archive.infolist())
    rest = length - archive.start_dir - directory
    ends = {_END_SIZE, _END_SIZE + _END_64_SIZE + _LOCATOR_SIZE}
    if rest - len(archive.comment) not in ends:
        yield Fault("zip-mismatch", "there is other data after the central directory")


def _gap(entry: zipfile.ZipInfo, expected: int) -> str:
    if entry.header_offset < expected:
        return "entries overlap"
    return f"{entry.header_offset - expected} bytes that belong to no entry lie"


def _central_size(entry: zipfile.ZipInfo) -> int:
    return _CENTRAL_SIZE + len(_raw_name(entry)) + len(entry.extra) + len(entry.comment)


def _raw_name(entry: zipfile.ZipInfo) -> bytes:
    encoding = "utf-8" if entry.flag_bits & _FLAG_UTF8 else "cp437"
    return entry.orig_filename.encode(encoding, "replace")


def _read_local(stream: BinaryIO, entry: zipfile.ZipInfo) -> tuple[int, str]:
    """Where an entry's data ends, and what its local header says differently."""
    stream.seek(entry.header_offset)
    head = stream.read(_LOCAL.size)
    if len(head) < _LOCAL.size or not head.startswith(b"PK\x03\x04"):
        return 0, f"{entry.filename!r} has no local header"
    _, flags, method, packed, size, name_size, extra_size = _LOCAL.unpack(head)
    name, extra = stream.read(name_size), stream.read(extra_size)
    if name != _raw_name(entry):
        return 0, f"{entry.filename!r} has another name in its local header: {name!r}"
    if method != entry.compress_type:
        return 0, f"{entry.filename!r} has another compression method in its local header"
    end = entry.header_offset + _LOCAL.size + name_size + extra_size + entry.compress_size
    if flags & _FLAG_DESCRIPTOR:
        return end + 16, ""
    if (size, packed) != (entry.file_size, entry.compress_size) and (
        _sizes_64(extra, size, packed) != (entry.file_size, entry.compress_size)
    ):
        return 0, f"{entry.filename!r} has another size in its local header"
    return end, ""


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
