"""Go's build information: the block that the linker leaves in every binary.

Source: Go's debug/buildinfo and runtime/debug packages. A 32-byte header is followed by two
strings, each after its length as a varint; Go before 1.18 had another format, not read here.
"""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from types import MappingProxyType

from go_to_wheel.binary.facts import GoBuildInfo, GoModule, Image, Span
from go_to_wheel.binary.reader import MAX_READ, BoundedReader

_MAGIC = b"\xff Go buildinf:"
_ALIGN = 16
_HEADER = 32
_FLAG_INLINE = 2
_FRAME = 16  # random bytes before and after the module text
_MAX_STRING = MAX_READ - 16

_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_BUILD_LINE = re.compile(r'("(?:[^"\\]|\\.)*"|`[^`]*`|[^="`]+)=(.*)', re.DOTALL)


def read_build_info(reader: BoundedReader, image: Image) -> GoBuildInfo | None:
    """What Go recorded in this binary, or None when Go didn't build it."""
    offset = _find(reader, image.build_info)
    header = b"" if offset is None else reader.read_at(offset, _HEADER)
    if offset is None or len(header) < _HEADER or not header[15] & _FLAG_INLINE:
        return None
    version, end = _inline_string(reader, offset + _HEADER)
    modules, _ = _inline_string(reader, end)
    if not version:
        return None
    framed = len(modules) > 2 * _FRAME and modules[-_FRAME - 1 : -_FRAME] == b"\n"
    text = modules[_FRAME:-_FRAME] if framed else b""  # empty for a build without modules
    return parse_build_info(version.decode("utf-8", "replace"), text.decode("utf-8", "replace"))


def _find(reader: BoundedReader, place: Span | None) -> int | None:
    """The offset of the aligned magic in the data where Go's linker puts it."""
    if place is None:
        return None
    skip = -place.address % _ALIGN
    position, end = place.offset + skip, place.offset + place.size
    while position + _HEADER <= end:
        chunk = reader.read_at(position, min(MAX_READ, end - position))
        if not chunk:
            return None
        hits = (found.start() for found in re.finditer(_MAGIC, chunk))
        if (hit := next((at for at in hits if at % _ALIGN == 0), None)) is not None:
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
    """A Go string literal's value; other text as it is. Go's escapes are Python's too."""
    if len(text) > 1 and text[0] == text[-1] == "`":
        return text[1:-1]
    try:
        return str(ast.literal_eval(text)) if _QUOTED.fullmatch(text) else text
    except (ValueError, SyntaxError):  # an escape that stands for no character
        return text
