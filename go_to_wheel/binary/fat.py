"""Universal (fat) macOS files: a header and one image for each processor, aligned.

Source: Apple's <mach-o/fat.h>.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo
from go_to_wheel.binary.reader import BoundedReader
from go_to_wheel.errors import BinaryError

MAGICS = (b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")
#: A Java class has the same magic, and its version where the number of images is.
MOST_IMAGES = 30
#: The page size of the newer processor, as a power of two.
_ALIGNMENT = 14


class Slice(NamedTuple):
    """Where one image is in a universal file; `cpu` is Apple's number."""

    cpu: int
    offset: int
    size: int


def is_fat(head: bytes) -> bool:
    """Whether a file that starts so is a universal one."""
    return head[:4] in MAGICS and 0 < int.from_bytes(head[4:8], "big") < MOST_IMAGES


def list_slices(reader: BoundedReader) -> Iterator[Slice]:
    """The images of a universal file, in its order; raises BinaryError where it is cut short."""
    magic, count = reader.unpack_at(">II", 0)
    layout = ">2I2Q2I" if magic == 0xCAFEBABF else ">5I"
    for index in range(count):
        cpu, _, offset, size, *_ = reader.unpack_at(layout, 8 + index * struct.calcsize(layout))
        yield Slice(cpu, offset, size)


def join_images(images: Sequence[bytes]) -> bytes:
    """Mach-O images for different processors -> one universal file."""
    head, body = struct.pack(">II", 0xCAFEBABE, len(images)), b""
    start = _aligned(len(head) + 20 * len(images))
    for image in images:
        cpu, subtype = struct.unpack_from("<II", image, 4)
        offset = start + len(body)
        head += struct.pack(">5I", cpu, subtype, offset, len(image), _ALIGNMENT)
        body += image + bytes(_aligned(len(image)) - len(image))
    return head.ljust(start, b"\0") + body


def _aligned(size: int) -> int:
    return -(-size >> _ALIGNMENT << _ALIGNMENT)


def join_facts(slices: Sequence[BinaryFacts]) -> BinaryFacts:
    """The facts of a universal file with an image for each processor of universal2.

    Raises BinaryError for images of two programs, or for other processors.
    """
    first = slices[0]
    machines = [part.machine for part in slices]
    if sorted(machines) != ["arm64", "x86_64"]:
        raise BinaryError(
            f"it is a universal (fat) macOS file with {' and '.join(machines)}, not with arm64 and "
            "x86_64",
            "split it with `lipo -thin ARCH` and make one wheel for each architecture",
        )
    programs = {
        (part.kind, part.go and (part.go.version, part.go.path, part.go.main)) for part in slices
    }
    if len(programs) > 1:
        raise BinaryError(
            "its images for arm64 and x86_64 are of different programs", "join those of one build"
        )
    return replace(
        first,
        machine="universal2",
        libraries=tuple(dict.fromkeys(name for part in slices for name in part.libraries)),
        search_paths=tuple(dict.fromkeys(path for part in slices for path in part.search_paths)),
        minimum_macos=max((p.minimum_macos for p in slices if p.minimum_macos), default=None),
        go=_join_info([part.go for part in slices if part.go]),
        slices=tuple(slices),
    )


def _join_info(infos: Sequence[GoBuildInfo]) -> GoBuildInfo | None:
    """What Go recorded in all images; a setting that differs has all values."""
    if not infos:
        return None
    names = dict.fromkeys(name for info in infos for name in info.settings)
    values = {
        name: dict.fromkeys(filter(None, (info.settings.get(name) for info in infos)))
        for name in names
    }
    return replace(
        infos[0],
        deps=tuple(dict.fromkeys(module for info in infos for module in info.deps)),
        settings={name: ",".join(found) for name, found in values.items()},
    )
