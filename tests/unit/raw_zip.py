"""Zip archives byte by byte, with the lies that `zipfile` refuses to write."""

from __future__ import annotations

import base64
import hashlib
import stat
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

UTF8, ENCRYPTED, DESCRIPTOR = 0x800, 0x1, 0x8
_LOCAL, _CENTRAL, _END = "<4s5H3I2H", "<4s6H3I5H2I", "<4s4H2IH"


@dataclass
class RawEntry:
    """One entry; `local` overrides what its local header says: name, flags, method, size …"""

    name: str | bytes
    data: bytes = b""
    mode: int = stat.S_IFREG | 0o644
    method: int = 8
    flags: int = UTF8
    extra: bytes = b""
    comment: bytes = b""
    size: int | None = None
    packed_size: int | None = None
    system: int = 3
    local: dict[str, object] = field(default_factory=dict)
    #: Bytes that stand between this entry's data and the next one.
    gap: bytes = b""
    date: int = 33
    #: Where the central directory says that the entry starts, when it isn't there.
    offset: int | None = None

    @property
    def raw_name(self) -> bytes:
        """The name's bytes."""
        return self.name if isinstance(self.name, bytes) else self.name.encode("utf-8")

    @property
    def packed(self) -> bytes:
        """The data as it is stored."""
        if self.method != 8:
            return self.data
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(self.data) + packer.flush()


def write_zip(
    entries: Iterable[RawEntry], *, before: bytes = b"", after: bytes = b"", comment: bytes = b""
) -> bytes:
    """The archive's bytes, with other data `before` the first entry and `after` the end."""
    body, directory, count = bytearray(before), bytearray(), 0
    for entry in entries:
        packed, place = entry.packed, len(body)
        sizes = _sizes(entry, packed)
        shape = {
            "name": entry.raw_name, "flags": entry.flags, "method": entry.method,
            "packed": sizes[0], "size": sizes[1], "extra": entry.extra, **entry.local,
        }  # fmt: skip
        name, extra = shape["name"], shape["extra"]
        head = (20, shape["flags"], shape["method"], 0, entry.date, zlib.crc32(entry.data))
        lengths = (shape["packed"], shape["size"], len(name), len(extra))  # type: ignore[arg-type]
        body += struct.pack(_LOCAL, b"PK\3\4", *head, *lengths)
        body += name + extra + packed + entry.gap  # type: ignore[operator]
        head = (20, entry.flags, entry.method, 0, entry.date, zlib.crc32(entry.data), *sizes)
        names = (entry.raw_name, entry.extra, entry.comment)
        offset = place if entry.offset is None else entry.offset
        rest = (*map(len, names), 0, 0, entry.mode << 16, offset)
        directory += struct.pack(_CENTRAL, b"PK\1\2", entry.system << 8 | 20, *head, *rest)
        directory += b"".join(names)
        count += 1
    end = struct.pack(
        _END, b"PK\5\6", 0, 0, count & 0xFFFF, count & 0xFFFF, len(directory), len(body),
        len(comment),
    )  # fmt: skip
    return bytes(body + directory + end + comment + after)


def _sizes(entry: RawEntry, packed: bytes) -> tuple[int, int]:
    stated = len(packed) if entry.packed_size is None else entry.packed_size
    return stated, len(entry.data) if entry.size is None else entry.size


def wheel_entries(*more: RawEntry, name: str = "thing", record: bool = True) -> list[RawEntry]:
    """A pure wheel of version 1.0, good but for `more`, with a RECORD that lists them all."""
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    entries = [
        RawEntry(f"{name}/__init__.py", b"x = 1\n"),
        *more,
        RawEntry(f"{info}/METADATA", metadata.encode()),
        RawEntry(f"{info}/WHEEL", wheel.encode()),
        RawEntry(f"{info}/licenses/LICENSE", b"Do what you like.\n"),
    ]
    rows = [_row(entry) for entry in entries if record and not entry.raw_name.endswith(b"/")]
    text = b"".join(rows) + f"{info}/RECORD,,\n".encode()
    return [*entries, RawEntry(f"{info}/RECORD", text)]


def _row(entry: RawEntry) -> bytes:
    digest = base64.urlsafe_b64encode(hashlib.sha256(entry.data).digest()).rstrip(b"=")
    name = entry.raw_name.decode("utf-8" if entry.flags & UTF8 else "cp437", "replace")
    quoted = name.replace('"', '""')
    spelled = f'"{quoted}"' if any(char in name for char in '",\r\n') else name
    return f"{spelled},sha256={digest.decode()},{len(entry.data)}\n".encode()
