"""Signatures: is a program signed, by whom, and do its pages still have the hashes signed for?

Sources: Apple's <kern/cs_blobs.h> (numbers are big-endian there), Microsoft's "PE Format".
"""

from __future__ import annotations

import hashlib
import struct
from typing import BinaryIO

from go_to_wheel.binary.facts import BinaryFacts
from go_to_wheel.binary.macho import list_slices
from go_to_wheel.binary.reader import BoundedReader

_CODE_SIGNATURE = 0x1D
_MAX_COMMANDS, _MAX_SIGNATURE = 4096, 16 << 20
_SUPER_BLOB, _CODE_DIRECTORY, _CMS = 0xFADE0CC0, 0xFADE0C02, 0xFADE0B01
#: flags, hash offset, code slots, code limit, hash size and type, log2 of the page size.
_DIRECTORY = struct.Struct(">12xII8xIIBBxB")
_TEAM_AT = 48
_AD_HOC = 0x2
_HASHES = {1: "sha1", 2: "sha256", 3: "sha256", 4: "sha384"}
_AUTHENTICODE_ENTRY = 4


def read_signature(stream: BinaryIO, facts: BinaryFacts) -> tuple[str, str]:
    """Who signed a Mach-O or PE file ("ad hoc", "Developer ID (TEAM)", "none" …), what is wrong.

    Both are empty for other formats.
    """
    if facts.format == "pe":
        return ("Authenticode" if _has_authenticode(BoundedReader(stream)) else "none"), ""
    if facts.format != "macho":
        return "", ""
    reader = BoundedReader(stream)
    starts = [place.offset for place in list_slices(reader)] if facts.slices else [0]
    parts = zip(starts, facts.slices or (facts,), strict=False)
    found = [_read_image(stream, reader, start, part) for start, part in parts]
    return ", ".join(dict.fromkeys(who for who, _ in found)), next((w for _, w in found if w), "")


def _read_image(
    stream: BinaryIO, reader: BoundedReader, start: int, facts: BinaryFacts
) -> tuple[str, str]:
    """The same for the image that begins at `start`."""
    offset, size = _find(reader, start)
    if not size:
        needs = facts.goos == "darwin" and facts.machine == "arm64" and facts.kind != "object file"
        return "none", "it has no signature" if needs else ""
    stream.seek(start + offset)
    try:
        return _read_blob(stream, start, stream.read(min(size, _MAX_SIGNATURE)))
    except (struct.error, IndexError, ValueError):
        return "unreadable", "its signature can't be read"


def _has_authenticode(reader: BoundedReader) -> bool:
    (start,) = reader.unpack_at("<I", 0x3C)
    (magic,) = reader.unpack_at("<H", start + 24)
    tables = start + 24 + (112 if magic == 0x20B else 96)
    (count,) = reader.unpack_at("<I", tables - 4)
    at = tables + 8 * _AUTHENTICODE_ENTRY
    return count > _AUTHENTICODE_ENTRY and all(reader.unpack_at("<II", at))


def _find(reader: BoundedReader, start: int) -> tuple[int, int]:
    """Where the signature of an image lies in it: offset and size, zeros without one."""
    magic = reader.read_at(start, 4)
    order = "<" if magic[1:] == b"\xfa\xed\xfe" else ">"
    (count,) = reader.unpack_at(f"{order}I", start + 16)
    position = start + (32 if 0xCF in (magic[0], magic[3]) else 28)
    for _ in range(min(count, _MAX_COMMANDS)):
        number, length = reader.unpack_at(f"{order}II", position)
        if number == _CODE_SIGNATURE:
            offset, size = reader.unpack_at(f"{order}II", position + 8)
            return offset, size
        position += length
    return 0, 0


def _read_blob(stream: BinaryIO, base: int, blob: bytes) -> tuple[str, str]:
    magic, _, count = struct.unpack_from(">III", blob)
    if magic != _SUPER_BLOB or count > _MAX_COMMANDS:
        raise ValueError("not a signature")
    starts = [struct.unpack_from(">II", blob, 12 + 8 * index)[1] for index in range(count)]
    kinds = {start: struct.unpack_from(">II", blob, start) for start in starts}
    directories = [start for start, (kind, _) in kinds.items() if kind == _CODE_DIRECTORY]
    certificates = [start for start, (kind, size) in kinds.items() if kind == _CMS and size > 8]
    pages = (_check_pages(stream, base, blob[start:]) for start in directories[:2])
    why = next(filter(None, pages), "")
    if not directories:
        raise ValueError("no code directory")
    if not certificates or struct.unpack_from(">12xI", blob, directories[0])[0] & _AD_HOC:
        return "ad hoc", why
    (team_at,) = struct.unpack_from(">I", blob, directories[0] + _TEAM_AT)
    team = blob[directories[0] + team_at :].split(b"\0")[0].decode("ascii", "replace")
    kind = "Developer ID" if b"Developer ID Application" in blob else "another certificate"
    return f"{kind} ({team})" if team_at else kind, why


def _check_pages(stream: BinaryIO, base: int, directory: bytes) -> str:
    """The first page whose hash is not the signed one."""
    _, hashes, slots, limit, size, kind, page_bits = _DIRECTORY.unpack_from(directory)
    page = 1 << page_bits if page_bits else limit
    if kind not in _HASHES or not 4096 <= page <= max(limit, 1 << 20) or slots > limit // 4096 + 1:
        return ""
    stream.seek(base)
    for slot in range(slots):
        data = stream.read(max(0, min(page, limit - slot * page)))
        if not data:
            return "its signature is broken: it is for a longer file"
        found = hashlib.new(_HASHES[kind], data, usedforsecurity=False).digest()[:size]
        at = hashes + slot * size
        if found != directory[at : at + size]:
            return f"its signature is broken: the page at {slot * page:#x} has changed"
    return ""
