"""Writes bcryptprimitives.dll for wine 8, which lacks it; every Go program loads it at start.

    python make_dll.py FILE

The DLL has no code: its only export, ProcessPrng, is a forwarder to SystemFunction036 of
advapi32 (RtlGenRandom), which takes the same arguments. Layout: Microsoft's PE format, "The
.edata Section" and "Optional Header (Image Only)".
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

SECTION = 0x1000  # address of the export section; also the alignment of sections in memory
FILE_UNIT = 0x200  # alignment of sections in the file
DIRECTORY = 40  # bytes of the export directory


def export_section() -> bytes:
    """The export directory, its three tables of one entry, and the strings."""
    address, name, ordinal, strings = (SECTION + DIRECTORY + n for n in (0, 4, 8, 12))
    texts = [b"bcryptprimitives.dll\0", b"ProcessPrng\0", b"advapi32.SystemFunction036\0"]
    library = strings
    export = library + len(texts[0])
    forwarder = export + len(texts[1])
    directory = struct.pack("<IIHHIIIIIII", 0, 0, 0, 0, library, 1, 1, 1, address, name, ordinal)
    return directory + struct.pack("<IIHH", forwarder, export, 0, 0) + b"".join(texts)


def image(section: bytes) -> bytes:
    """A 64-bit DLL that consists of that section."""
    size = -(-len(section) // FILE_UNIT) * FILE_UNIT
    coff = struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 112 + 16 * 8, 0x2022)
    optional = struct.pack("<HBBIIIII", 0x20B, 14, 0, 0, size, 0, 0, SECTION)
    optional += struct.pack("<QII", 0x1_8000_0000, SECTION, FILE_UNIT)
    optional += struct.pack("<HHHHHHI", 6, 0, 0, 0, 6, 0, 0)
    optional += struct.pack("<IIIHH", 2 * SECTION, FILE_UNIT, 0, 3, 0x100)
    optional += struct.pack("<QQQQII", 1 << 20, 1 << 12, 1 << 20, 1 << 12, 0, 16)
    optional += struct.pack("<II", SECTION, len(section)) + bytes(15 * 8)
    header = struct.pack(
        "<8sIIIIIIHHI", b".edata", size, SECTION, size, FILE_UNIT, 0, 0, 0, 0, 0x4000_0040
    )
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    front = dos + b"PE\0\0" + coff + optional + header
    return front.ljust(FILE_UNIT, b"\0") + section.ljust(size, b"\0")


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(image(export_section()))
