"""PE: Windows.

Parsed here and not by pefile: that wants the whole file in memory. Tests compare the two.
Source: Microsoft's "PE Format".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from go_to_wheel.binary.facts import BinaryFacts
from go_to_wheel.binary.image import Image, Span
from go_to_wheel.binary.reader import BoundedReader
from go_to_wheel.errors import BinaryError

#: COFF machine -> architecture as Windows platform tags spell it after "win"
_MACHINES = {0x8664: "amd64", 0xAA64: "arm64", 0x14C: "32", 0x1C0: "arm", 0x1C4: "arm"}
_EXECUTABLE_IMAGE, _DLL = 0x2, 0x2000
_DYNAMIC_BASE = 0x40
_GUI, _CONSOLE = 2, 3
_PE32, _PE32_PLUS = 0x10B, 0x20B
_SMALLEST_OPTIONAL_HEADER = 96
_MAX_SECTIONS, _MAX_IMPORTS = 1024, 1024
_DATA_READ_WRITE = 0xC0000040
_ALIGNMENT = 0x00F00000


@dataclass(frozen=True)
class _ImportTable:
    """Where a kind of import directory is listed, and the shape of its entries."""

    directory: int
    entry_size: int
    name_at: int


_IMPORT_TABLES = (_ImportTable(1, 20, 12), _ImportTable(13, 32, 4))  # usual, delayed


@dataclass(frozen=True)
class _Optional:
    """The parts of the optional header that matter here."""

    image_base: int
    subsystem: int
    characteristics: int
    directories: tuple[tuple[int, int], ...]


def read_pe(reader: BoundedReader) -> Image:
    """A PE file -> its image."""
    (start,) = reader.unpack_at("<I", 0x3C)
    if reader.read_at(start, 4) != b"PE\0\0":
        raise BinaryError("it is a DOS program, not a Windows one")
    machine, count, size, flags = reader.unpack_at("<HH12xHH", start + 4)
    if size < _SMALLEST_OPTIONAL_HEADER or count > _MAX_SECTIONS:
        raise BinaryError(
            f"it is a Windows object file or broken ({count} sections, "
            f"an optional header of {size} bytes)"
        )
    optional = _read_optional(reader, start + 24)
    spans, data = _sections(reader, start + 24 + size, count, optional.image_base)
    image = Image(
        BinaryFacts(
            format="pe",
            goos="windows",
            machine=_MACHINES.get(machine, f"machine {machine:#x}"),
            kind=_kind(flags, optional.subsystem),
            pie=bool(optional.characteristics & _DYNAMIC_BASE),
        ),
        spans,
        data,
        "windows",
    )
    libraries = [
        name for table in _IMPORT_TABLES for name in _imports(reader, image, optional, table)
    ]
    return replace(image, facts=replace(image.facts, libraries=tuple(libraries)))


def _kind(flags: int, subsystem: int) -> str:
    if not flags & _EXECUTABLE_IMAGE:
        return "object file"
    if flags & _DLL:
        return "shared library"
    return "executable" if subsystem in (_GUI, _CONSOLE) else "driver or firmware program"


def _read_optional(reader: BoundedReader, start: int) -> _Optional:
    (magic,) = reader.unpack_at("<H", start)
    if magic == _PE32_PLUS:
        base, subsystem, flags, count = reader.unpack_at("<Q36xHH36xI", start + 24)
        tables = start + 112
    elif magic == _PE32:
        base, subsystem, flags, count = reader.unpack_at("<I36xHH20xI", start + 28)
        tables = start + 96
    else:
        raise BinaryError(f"its optional header has the unknown magic {magic:#x}")
    entries = [reader.unpack_at("<II", tables + 8 * index) for index in range(min(count, 16))]
    return _Optional(base, subsystem, flags, tuple((rva, size) for rva, size in entries))


def _sections(
    reader: BoundedReader, start: int, count: int, base: int
) -> tuple[tuple[Span, ...], Span | None]:
    """Where each section lies, and the first one with plain writable data."""
    spans: list[Span] = []
    data: Span | None = None
    for index in range(count):
        address, size, offset, flags = reader.unpack_at("<12xIII12xI", start + 40 * index)
        span = Span(base + address, offset, size)
        reader.require(offset, size)
        spans.append(span)
        if data is None and address and size and flags & ~_ALIGNMENT == _DATA_READ_WRITE:
            data = span
    return tuple(spans), data


def _imports(
    reader: BoundedReader, image: Image, optional: _Optional, table: _ImportTable
) -> list[str]:
    """The library names in an import directory, whose entries hold each name's address."""
    address = dict(enumerate(optional.directories)).get(table.directory, (0, 0))[0]
    names: list[str] = []
    if not address:
        return names
    start = image.offset_of(optional.image_base + address)
    if start is None:
        raise BinaryError("its table of imports lies outside the file")
    for index in range(_MAX_IMPORTS):
        (address,) = reader.unpack_at("<I", start + table.entry_size * index + table.name_at)
        if not address:
            break
        offset = image.offset_of(optional.image_base + address)
        if offset is None:
            raise BinaryError("the name of an imported library lies outside the file")
        names.append(reader.read_at(offset, 256).split(b"\0")[0].decode("ascii", "replace"))
    return names
