"""Go's build information: the block that the linker leaves in every binary.

Source: Go's debug/buildinfo and runtime/debug packages. Since Go 1.18 a 32-byte header is
followed by two strings, each after its length as a varint; before, the header points to
two Go strings in memory.
"""

from __future__ import annotations

import re
from dataclasses import replace
from types import MappingProxyType

from go_to_wheel.binary.facts import GoBuildInfo, GoModule
from go_to_wheel.binary.image import Image
from go_to_wheel.binary.reader import MAX_READ, BoundedReader

_MAGIC = b"\xff Go buildinf:"
_ALIGN = 16
_HEADER = 32
_FLAG_BIG_ENDIAN, _FLAG_INLINE = 1, 2
_FRAME = 16  # random bytes before and after the module text
_MAX_STRING = MAX_READ - 16

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_PLAIN_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_BUILD_LINE = re.compile(r'("(?:[^"\\]|\\.)*"|`[^`]*`|[^="`]+)=(.*)', re.DOTALL)


def read_build_info(reader: BoundedReader, image: Image) -> GoBuildInfo | None:
    """What Go recorded in this binary, or None when Go didn't build it."""
    offset = _find(reader, image)
    if offset is None:
        return None
    header = reader.read_at(offset, _HEADER)
    if len(header) < _HEADER:
        return None
    if header[15] & _FLAG_INLINE:
        version, end = _inline_string(reader, offset + _HEADER)
        modules, _ = _inline_string(reader, end)
    else:
        version, modules = _pointed_strings(reader, image, header)
    if not version:
        return None
    return parse_build_info(version.decode("utf-8", "replace"), _unframe(modules))


def _find(reader: BoundedReader, image: Image) -> int | None:
    """The offset of the aligned magic in the data where Go's linker puts it."""
    place = image.build_info
    if place is None:
        return None
    skip = -place.address % _ALIGN
    position, end = place.offset + skip, place.offset + place.size
    while position + _HEADER <= end:
        chunk = reader.read_at(position, min(MAX_READ, end - position))
        if not chunk:
            return None
        hit = chunk.find(_MAGIC)
        while hit >= 0 and hit % _ALIGN:
            hit = chunk.find(_MAGIC, hit + 1)
        if hit >= 0:
            return position + hit
        position += MAX_READ
    return None


def _inline_string(reader: BoundedReader, offset: int) -> tuple[bytes, int]:
    """A string after its length, and where it ends; empty when the length is impossible."""
    length = shift = 0
    for used, byte in enumerate(reader.read_at(offset, 10), 1):
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            offset += used
            if length > _MAX_STRING or offset + length > reader.length:
                return b"", offset
            return reader.read_at(offset, length), offset + length
    return b"", offset


def _pointed_strings(reader: BoundedReader, image: Image, header: bytes) -> tuple[bytes, bytes]:
    """The two strings of the format before Go 1.18."""
    size = header[14]
    order = "big" if header[15] & _FLAG_BIG_ENDIAN else "little"
    if size not in (4, 8):
        return b"", b""

    def number(data: bytes) -> int:
        return int.from_bytes(data, "big" if order == "big" else "little")

    def string(address: int) -> bytes:
        place = image.offset_of(address)
        if place is None:
            return b""
        pair = reader.read_at(place, 2 * size)
        start, length = image.offset_of(number(pair[:size])), number(pair[size:])
        return reader.read_at(start, length) if start and length <= _MAX_STRING else b""

    version, modules = header[16 : 16 + size], header[16 + size : 16 + 2 * size]
    return string(number(version)), string(number(modules))


def _unframe(modules: bytes) -> str:
    """The module text without the marks around it; empty for a build without modules."""
    if len(modules) < 2 * _FRAME + 1 or modules[-_FRAME - 1 : -_FRAME] != b"\n":
        return ""
    return modules[_FRAME:-_FRAME].decode("utf-8", "replace")


def parse_build_info(version: str, text: str) -> GoBuildInfo:
    """The text that `go version -m` prints, as values. Lines of unknown kind are skipped."""
    path = ""
    main: GoModule | None = None
    deps: list[GoModule] = []
    settings: dict[str, str] = {}
    for line in text.split("\n"):
        kind, _, rest = line.partition("\t")
        if kind == "path":
            path = rest
        elif kind == "mod":
            main = _module(rest)
        elif kind == "dep":
            deps.append(_module(rest))
        elif kind == "=>" and deps:
            deps[-1] = replace(deps[-1], replace=_module(rest))
        elif kind == "=>" and main:
            main = replace(main, replace=_module(rest))
        elif kind == "build" and (match := _BUILD_LINE.fullmatch(rest)):
            settings[_unquote(match[1])] = _unquote(match[2])
    return GoBuildInfo(version, path, main, tuple(deps), MappingProxyType(settings))


def _module(columns: str) -> GoModule:
    path, version, total, *_ = [*columns.split("\t"), "", ""]
    return GoModule(path, version, total)


def _unquote(text: str) -> str:
    """A Go string literal's value; other text as it is."""
    if len(text) < 2 or text[0] != text[-1] or text[0] not in '"`':
        return text
    return _ESCAPE.sub(_unescape, text[1:-1]) if text[0] == '"' else text[1:-1]


def _unescape(match: re.Match[str]) -> str:
    digits = match[1] or match[2] or match[3]
    if digits:
        code = int(digits, 16)
        return chr(code) if code < 0x110000 else "\ufffd"
    return _PLAIN_ESCAPES.get(match[4], match[4])
