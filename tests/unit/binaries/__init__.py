"""Real executables with everything zero that `read_facts` does not look at; see make.py."""

from __future__ import annotations

import hashlib
import lzma
import struct
from functools import cache
from pathlib import Path

from go_to_wheel.binary.macho import join_images

_HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in _HERE.glob("*.xz"))


@cache
def load(name: str) -> bytes:
    """One of the executables, at its full size; "darwin-universal2" is made of two."""
    if name == "darwin-universal2":
        return join_images([load("darwin-amd64"), load("darwin-arm64")])
    data = lzma.decompress((_HERE / f"{name}.xz").read_bytes())
    return sign(data) if name == "darwin-arm64" else data


def sign(data: bytes, flags: int = 2, cms: bytes = b"", team: bytes = b"") -> bytes:
    """A Mach-O file with an ad-hoc signature (or another), where Go's linker left room for it."""
    (count,) = struct.unpack_from("<I", data, 16)
    position = 32
    for _ in range(count):
        number, length, start, room = struct.unpack_from("<4I", data, position)
        if number == 0x1D:
            break
        position += length
    else:
        raise ValueError("there is no room for a signature")
    if cms:  # a certificate takes more room than Go's linker left
        data = bytearray(data)
        struct.pack_into("<I", data, position + 12, room + 100)
        data = bytes(data + bytes(100))
    pages = [data[at : min(at + 4096, start)] for at in range(0, start, 4096)]
    hashes = b"".join(hashlib.sha256(page).digest() for page in pages)
    name = b"a.out\0" + (team + b"\0" if team else b"")
    head = 56 + len(name)
    fields = (0xFADE0C02, head + len(hashes), 0x20400, flags, head, 56, 0, len(pages), start)
    directory = struct.pack(">9I4BI", *fields, 32, 2, 0, 12, 0)
    directory += struct.pack(">II", 0, 62 if team else 0) + bytes(4) + name + hashes
    blobs = [directory]
    if cms:
        blobs.append(struct.pack(">II", 0xFADE0B01, 8 + len(cms)) + cms)
    offset, index = 12 + 8 * len(blobs), b""
    for kind, blob in zip((0, 0x10000), blobs, strict=False):
        index += struct.pack(">II", kind, offset)
        offset += len(blob)
    whole = struct.pack(">III", 0xFADE0CC0, offset, len(blobs)) + index + b"".join(blobs)
    return data[:start] + whole + data[start + len(whole) :]
