"""Mach-O, for macOS, and universal (fat) files with an image for each processor.

Not parsed by macholib, which loads every section into memory; tests compare the two.
Sources: Apple's <mach-o/loader.h> and <mach-o/fat.h>.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo, ParsedImage, Span
from go_to_wheel.binary.reader import MAX_READ, BoundedReader
from go_to_wheel.errors import BinaryError
from go_to_wheel.platforms import MajorMinor

_MACHINES = {7: "i386", 12: "arm", 18: "ppc"}
_MACHINES |= {0x01000007: "x86_64", 0x0100000C: "arm64", 0x01000012: "ppc64"}
#: 8 is a bundle, a plug-in for dlopen.
_KINDS = {1: "object file", 2: "executable", 4: "core dump"}
_KINDS |= {6: "shared library", 8: "shared library", 10: "debug symbols"}
_SEGMENT, _SEGMENT_64 = 0x1, 0x19
_VERSION_MIN_MACOSX, _BUILD_VERSION = 0x24, 0x32
#: LOAD_DYLIB, LOAD_WEAK_DYLIB, REEXPORT_DYLIB, LAZY_LOAD_DYLIB, LOAD_UPWARD_DYLIB
_LOAD_LIBRARY = frozenset({0xC, 0x80000018, 0x8000001F, 0x20, 0x80000023})
_RPATH, _CODE_SIGNATURE = 0x8000001C, 0x1D
_SYSTEMS = {1: "darwin", 2: "ios", 3: "tvos", 4: "watchos", 6: "ios", 7: "ios", 11: "visionos"}
MAGICS = (b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")
#: A Java class has the same magic, and its version where the number of images is.
_MAX_IMAGES = 30
#: The page size of the newer processor, as a power of two.
_ALIGNMENT_BITS = 14

_Commands = list[tuple[int, bytes]]


def read_macho(reader: BoundedReader) -> ParsedImage:
    """A Mach-O file for one architecture -> its image."""
    magic = reader.read_at(0, 4)
    order = "<" if magic[1:] == b"\xfa\xed\xfe" else ">"
    wide = 0xCF in (magic[0], magic[3])
    _, cpu, _, kind, count, size = reader.unpack_at(order + "6I", 0)
    commands = list(_read_commands(reader, order, 32 if wide else 28, count, size))
    system, minimum = _parse_platform(order, commands)
    signatures = [_unpack_numbers(order, body, 2) for n, body in commands if n == _CODE_SIGNATURE]
    facts = BinaryFacts(
        format="macho",
        goos=system or "darwin",
        machine=_MACHINES.get(cpu, f"cpu type {cpu:#x}"),
        kind=_KINDS.get(kind, "file of unknown type"),
        libraries=tuple(_parse_strings(order, commands, _LOAD_LIBRARY)),
        search_paths=tuple(_parse_strings(order, commands, {_RPATH})),
        minimum_macos=minimum if system in ("", "darwin") else None,
        signature=next((Span(reader.start, reader.start + at, n) for at, n in signatures), None),
    )
    return facts, _locate_build_info(reader, order, commands)


def _read_commands(
    reader: BoundedReader, order: str, start: int, count: int, size: int
) -> Iterator[tuple[int, bytes]]:
    """Each load command as its number and its bytes, header included."""
    if size > MAX_READ:
        raise BinaryError(f"its header claims {size} bytes of load commands")
    reader.require(start, size)
    block = reader.read_at(start, size)
    position = 0
    for _ in range(count):
        number, length = struct.unpack_from(order + "II", block, position)
        if not 8 <= length <= len(block) - position:
            raise BinaryError(f"load command {number:#x} has the impossible size {length}")
        yield number, block[position : position + length]
        position += length


def _parse_platform(order: str, commands: _Commands) -> tuple[str, MajorMinor | None]:
    """The system, or "", and its minimum version."""
    for number, count in ((_BUILD_VERSION, 2), (_VERSION_MIN_MACOSX, 1)):
        for body in (body for kind, body in commands if kind == number):
            *platform, packed = _unpack_numbers(order, body, count)
            system = _SYSTEMS.get(platform[0], f"platform {platform[0]}") if platform else ""
            return system, (packed >> 16, packed >> 8 & 0xFF)
    return "", None


def _locate_build_info(reader: BoundedReader, order: str, commands: _Commands) -> Span | None:
    """The section that Go has written since 1.13."""
    build_info = None
    for number, body in commands:
        if number in (_SEGMENT, _SEGMENT_64):
            wide = number == _SEGMENT_64
            layout = order + ("24x4Q8xI4x" if wide else "24x4I8xI4x")
            section = order + ("16s16x2QI28x" if wide else "16s16x3I24x")
            head = struct.calcsize(layout)
            _, _, offset, size, count = struct.unpack_from(layout, body)
            reader.require(offset, size)
            sections = body[head : head + count * struct.calcsize(section)]
            for name, address, length, start in struct.iter_unpack(section, sections):
                if name.rstrip(b"\0") == b"__go_buildinfo":
                    build_info = Span(address, start, length)
    return build_info


def _unpack_numbers(order: str, body: bytes, count: int) -> tuple[int, ...]:
    return struct.unpack_from(f"{order}{count}I", body, 8)


def _parse_strings(order: str, commands: _Commands, numbers: Collection[int]) -> Iterator[str]:
    """The paths in load commands; the first number after the header is a path's offset."""
    for number, body in commands:
        if number in numbers:
            (offset,) = _unpack_numbers(order, body, 1)
            yield body[offset:].split(b"\0")[0].decode("utf-8", "replace")


def is_universal(head: bytes) -> bool:
    """Whether a file with this head is a universal file."""
    return head[:4] in MAGICS and 0 < int.from_bytes(head[4:8], "big") < _MAX_IMAGES


def read_slices(reader: BoundedReader) -> Iterator[tuple[int, int]]:
    """Offset and size of each image in a universal file; raises BinaryError if it is truncated."""
    magic, count = reader.unpack_at(">II", 0)
    layout = ">2I2Q2I" if magic == 0xCAFEBABF else ">5I"
    for index in range(count):
        _, _, offset, size, *_ = reader.unpack_at(layout, 8 + index * struct.calcsize(layout))
        yield offset, size


def join_images(images: Sequence[bytes]) -> bytes:
    """Mach-O images for different processors -> one universal file."""
    head, body = struct.pack(">II", 0xCAFEBABE, len(images)), b""
    start = page = 1 << _ALIGNMENT_BITS  # the table of images takes less
    for image in images:
        cpu, subtype = struct.unpack_from("<II", image, 4)
        offset = start + len(body)
        head += struct.pack(">5I", cpu, subtype, offset, len(image), _ALIGNMENT_BITS)
        body += image + bytes(-len(image) % page)
    return head.ljust(start, b"\0") + body


def join_slices(slices: Sequence[BinaryFacts]) -> BinaryFacts:
    """The facts of a universal file with an image for each processor of universal2.

    Raises BinaryError for images of two programs, or for other processors.
    """
    machines = [part.machine for part in slices]
    if sorted(machines) != ["arm64", "x86_64"]:
        problem = f"it is a universal file with {' and '.join(machines)}, not with arm64 and x86_64"
        hint = "split it with `lipo -thin ARCH` and make one wheel for each architecture"
        raise BinaryError(problem, hint)
    infos = [part.go and (part.go.version, part.go.path, part.go.main) for part in slices]
    if slices[0].kind != slices[1].kind or infos[0] != infos[1]:
        problem = "its images for arm64 and x86_64 are different programs"
        raise BinaryError(problem, "join images of one build")
    return replace(
        slices[0],
        machine="universal2",
        libraries=tuple(dict.fromkeys(name for part in slices for name in part.libraries)),
        search_paths=tuple(dict.fromkeys(path for part in slices for path in part.search_paths)),
        minimum_macos=max((p.minimum_macos for p in slices if p.minimum_macos), default=None),
        go=_join_info([part.go for part in slices if part.go]),
        slices=tuple(slices),
    )


def _join_info(infos: Sequence[GoBuildInfo]) -> GoBuildInfo | None:
    """The Go build information of all images; the values of settings that differ are joined."""
    if not infos:
        return None
    settings = dict(infos[0].settings)
    for name, value in (pair for info in infos[1:] for pair in info.settings.items()):
        if value != settings.setdefault(name, value):
            settings[name] += f",{value}"
    deps = tuple(dict.fromkeys(module for info in infos for module in info.deps))
    return replace(infos[0], deps=deps, settings=settings)
