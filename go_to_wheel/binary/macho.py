"""Mach-O: macOS.

Parsed here and not by macholib: that loads every section of the file into memory.
Tests compare the two. Source: Apple's <mach-o/loader.h>.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from go_to_wheel.binary.facts import BinaryFacts, Version2
from go_to_wheel.binary.image import Image, Span
from go_to_wheel.binary.reader import MAX_READ, BoundedReader, cut_short
from go_to_wheel.errors import BinaryError

_MACHINES = {
    0x01000007: "x86_64",
    0x0100000C: "arm64",
    7: "i386",
    12: "arm",
    18: "ppc",
    0x01000012: "ppc64",
}
_KINDS = {1: "object file", 2: "executable", 4: "core dump", 6: "shared library"}
_KINDS[8] = "shared library"  # a bundle: a plug-in for dlopen
_PIE = 0x200000
_SEGMENT, _SEGMENT_64 = 0x1, 0x19
_LOAD_DYLINKER, _VERSION_MIN_MACOSX, _BUILD_VERSION = 0xE, 0x24, 0x32
#: LOAD_DYLIB, LOAD_WEAK_DYLIB, REEXPORT_DYLIB, LAZY_LOAD_DYLIB, LOAD_UPWARD_DYLIB
_LOAD_LIBRARY = frozenset({0xC, 0x80000018, 0x8000001F, 0x20, 0x80000023})
_RPATH = 0x8000001C
_READ_WRITE = 3
_SYSTEMS = {1: "darwin", 2: "ios", 3: "tvos", 4: "watchos", 6: "ios", 7: "ios", 11: "visionos"}


@dataclass
class _Commands:
    """What the load commands say, gathered one by one."""

    interpreter: str | None = None
    libraries: list[str] = field(default_factory=list)
    search_paths: list[str] = field(default_factory=list)
    minimum: Version2 | None = None
    system: str = ""
    spans: list[Span] = field(default_factory=list)
    section: Span | None = None
    data: Span | None = None


def read_macho(reader: BoundedReader) -> Image:
    """A Mach-O file for one architecture -> its image."""
    magic = reader.read_at(0, 4)
    order = "<" if magic[1:] == b"\xfa\xed\xfe" else ">"
    wide = 0xCF in (magic[0], magic[3])
    _, cpu, _, kind, count, size, flags = reader.unpack_at(order + "7I", 0)
    found = _Commands()
    for number, body in _load_commands(reader, order, 32 if wide else 28, count, size):
        _gather(found, order, number, body)
    for span in found.spans:
        reader.require(span.offset, span.size)
    facts = BinaryFacts(
        format="macho",
        goos=found.system or "darwin",
        machine=_MACHINES.get(cpu, f"cpu type {cpu:#x}"),
        kind=_KINDS.get(kind, "file of unknown type"),
        pie=bool(flags & _PIE),
        interpreter=found.interpreter,
        libraries=tuple(found.libraries),
        search_paths=tuple(found.search_paths),
        minimum_macos=found.minimum if found.system in ("", "darwin") else None,
    )
    return Image(facts, tuple(found.spans), found.section or found.data, found.system)


def _load_commands(
    reader: BoundedReader, order: str, start: int, count: int, size: int
) -> Iterator[tuple[int, bytes]]:
    """Each load command as its number and its bytes, header included."""
    if size > MAX_READ:
        raise BinaryError(f"its header speaks of {size} bytes of load commands")
    block = reader.read_at(start, size)
    if len(block) < size:
        raise cut_short(start + size, reader.length)
    position = 0
    for _ in range(count):
        if position + 8 > len(block):
            raise BinaryError("its load commands don't fit their own size")
        number, length = struct.unpack_from(order + "II", block, position)
        if length < 8 or position + length > len(block):
            raise BinaryError(f"load command {number:#x} has the impossible size {length}")
        yield number, block[position : position + length]
        position += length


def _gather(found: _Commands, order: str, number: int, body: bytes) -> None:
    if number in (_SEGMENT, _SEGMENT_64):
        _gather_segment(found, order, number == _SEGMENT_64, body)
    elif number in _LOAD_LIBRARY:
        found.libraries.append(_string(order, body))
    elif number == _RPATH:
        found.search_paths.append(_string(order, body))
    elif number == _LOAD_DYLINKER:
        found.interpreter = _string(order, body)
    elif number == _BUILD_VERSION:
        system, version = _numbers(order, body, 2)
        found.system = _SYSTEMS.get(system, f"platform {system}")
        found.minimum = _version(version)
    elif number == _VERSION_MIN_MACOSX and found.minimum is None:
        found.minimum = _version(_numbers(order, body, 1)[0])


def _gather_segment(found: _Commands, order: str, wide: bool, body: bytes) -> None:
    layout = order + ("8x16s4Q4I" if wide else "8x16s4I4I")
    head = struct.calcsize(layout)
    if len(body) < head:
        raise BinaryError(f"a segment command has the impossible size {len(body)}")
    _, address, _, offset, size, most, now, sections, _ = struct.unpack_from(layout, body)
    span = Span(address, offset, size)
    found.spans.append(span)
    if address and size and now == most == _READ_WRITE and found.data is None:
        found.data = span
    section = order + ("16s16x2QI28x" if wide else "16s16x3I24x")
    for position in range(head, len(body), struct.calcsize(section)):
        if sections <= 0 or position + struct.calcsize(section) > len(body):
            break
        sections -= 1
        name, address, size, offset = struct.unpack_from(section, body, position)
        if name.rstrip(b"\0") == b"__go_buildinfo":
            found.section = Span(address, offset, size)


def _numbers(order: str, body: bytes, count: int) -> tuple[int, ...]:
    if len(body) < 8 + 4 * count:
        raise BinaryError(f"a version command has the impossible size {len(body)}")
    return struct.unpack_from(f"{order}{count}I", body, 8)


def _string(order: str, body: bytes) -> str:
    """The path in a load command; it starts where the first number after the head says."""
    (offset,) = _numbers(order, body, 1)
    return body[offset:].split(b"\0")[0].decode("utf-8", "replace")


def _version(packed: int) -> Version2:
    return (packed >> 16, packed >> 8 & 0xFF)


def fat_machines(reader: BoundedReader) -> list[str]:
    """The architectures in a universal file, in its order; empty when it isn't one."""
    magic, count = reader.unpack_at(">II", 0)
    if not 0 < count < 30:  # a Java class has the same magic, and its version here
        return []
    entry = 32 if magic == 0xCAFEBABF else 20
    kinds = (reader.unpack_at(">I", 8 + entry * index)[0] for index in range(count))
    return [_MACHINES.get(kind, f"cpu type {kind:#x}") for kind in kinds]
