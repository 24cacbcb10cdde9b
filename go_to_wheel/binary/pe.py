"""PE, for Windows.

Not parsed by pefile, which needs the whole file in memory; tests compare the two.
Source: Microsoft's "PE Format".
"""

from __future__ import annotations

from collections.abc import Iterator

from go_to_wheel.binary.facts import BinaryFacts, ParsedImage, Span
from go_to_wheel.binary.reader import BoundedReader
from go_to_wheel.errors import BinaryError

#: COFF machine -> architecture as Windows platform tags spell it after "win"
_MACHINES = {0x8664: "amd64", 0xAA64: "arm64", 0x14C: "32", 0x1C0: "arm", 0x1C4: "arm"}
_EXECUTABLE_IMAGE, _DLL = 0x2, 0x2000
_PE32, _PE32_PLUS = 0x10B, 0x20B
_SMALLEST_OPTIONAL_HEADER = 96
_MAX_SECTIONS, _MAX_IMPORTS = 1024, 1024
_DATA_READ_WRITE = 0xC0000040
_ALIGNMENT = 0x00F00000
#: Index of the directory, size of its entries, where in them the name's address is: the
#: usual imports, and the delayed ones.
_IMPORT_TABLES = ((1, 20, 12), (13, 32, 4))
#: Index of the directory of Authenticode's signatures, whose address is an offset.
_SECURITY = 4


def read_pe(reader: BoundedReader) -> ParsedImage:
    """A PE file -> its image."""
    (start,) = reader.unpack_at("<I", 0x3C)
    if reader.read_at(start, 4) != b"PE\0\0":
        raise BinaryError("it is a DOS program, not a Windows one")
    machine, count, size, flags = reader.unpack_at("<HH12xHH", start + 4)
    if size < _SMALLEST_OPTIONAL_HEADER or count > _MAX_SECTIONS:
        sizes = f"{count} sections, an optional header of {size} bytes"
        raise BinaryError(f"it is a Windows object file or broken ({sizes})")
    optional = start + 24
    (magic,) = reader.unpack_at("<H", optional)
    if magic not in (_PE32, _PE32_PLUS):
        raise BinaryError(f"its optional header has the unknown magic {magic:#x}")
    layout, tables = ("<28xI60xI", 96) if magic == _PE32 else ("<24xQ76xI", 112)
    base, number = reader.unpack_at(layout, optional)
    entries = (optional + tables + 8 * index for index in range(min(number, 16)))
    directories = [reader.unpack_at("<II", entry) for entry in entries]
    signature = directories[_SECURITY] if len(directories) > _SECURITY else (0, 0)
    kind = "shared library" if flags & _DLL else "executable"
    spans, data = _read_sections(reader, optional + size, count, base)
    facts = BinaryFacts(
        format="pe",
        goos="windows",
        machine=_MACHINES.get(machine, f"machine {machine:#x}"),
        kind=kind if flags & _EXECUTABLE_IMAGE else "object file",
        libraries=tuple(_read_imports(reader, spans, base, [at for at, _ in directories])),
        signature=Span(0, *signature) if all(signature) else None,
    )
    return facts, data


def _read_sections(
    reader: BoundedReader, start: int, count: int, base: int
) -> tuple[list[Span], Span | None]:
    """Where each section lies, and the first one with plain writable data."""
    spans: list[Span] = []
    data: Span | None = None
    for index in range(count):
        address, size, offset, flags = reader.unpack_at("<12xIII12xI", start + 40 * index)
        reader.require(offset, size)
        spans.append(Span(base + address, offset, size))
        if address and size and flags & ~_ALIGNMENT == _DATA_READ_WRITE:
            data = data or spans[-1]
    return spans, data


def _read_imports(
    reader: BoundedReader, spans: list[Span], base: int, directories: list[int]
) -> Iterator[str]:
    """The library names in the import directories, whose entries hold each name's address."""
    for directory, entry_size, name_at in _IMPORT_TABLES:
        if directory >= len(directories) or not directories[directory]:
            continue
        start = _file_offset(spans, base + directories[directory]) + name_at
        for index in range(_MAX_IMPORTS):
            (name,) = reader.unpack_at("<I", start + entry_size * index)
            if not name:
                break
            text = reader.read_at(_file_offset(spans, base + name), 256)
            yield text.split(b"\0")[0].decode("ascii", "replace")


def _file_offset(spans: list[Span], address: int) -> int:
    """Where in the file the byte at a virtual address lies."""
    for span in spans:
        if span.address <= address < span.address + span.size:
            return span.offset + address - span.address
    raise BinaryError("its table of imports, or a name in it, lies outside the file")
