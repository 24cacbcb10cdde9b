"""Reads the facts of an executable: format, system, Go's build information.

Sources: Go's debug/buildinfo and runtime/debug packages. The build information is a 32-byte
header and two strings, each after its length as a varint. Go before 1.18 is not supported.
"""

from __future__ import annotations

import ast
import re
import struct
from dataclasses import replace
from types import MappingProxyType
from typing import BinaryIO

from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo, GoModule, ParsedImage, Span
from go_to_wheel.binary.macho import MAGICS, is_universal, join_slices, read_macho, read_slices
from go_to_wheel.binary.pe import read_pe
from go_to_wheel.binary.reader import MAX_READ, BoundedReader
from go_to_wheel.errors import BinaryError

_MACHO = (b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf")

#: First bytes of other kinds of files.
_OTHER_FORMATS: dict[str, bytes | tuple[bytes, ...]] = {
    "a zip archive": b"PK\x03\x04",
    "gzip-compressed data": b"\x1f\x8b",
    "xz-compressed data": b"\xfd7zXZ\0",
    "zstd-compressed data": b"\x28\xb5\x2f\xfd",
    "a WebAssembly module": b"\0asm",
    "a static library": b"!<arch>\n",
    "a Java class": MAGICS,
    "a pointer of Git LFS": b"version https://git-lfs",
    "a web page": (b"<!DOCTYPE html", b"<!doctype html", b"<html"),
}
#: Control characters that no text file contains, whatever its encoding.
_CONTROLS = frozenset({*range(9), *range(14, 27), *range(28, 32), 127})

_MAGIC = b"\xff Go buildinf:"
_ALIGNMENT = 16
_HEADER_SIZE = 32
_FLAG_INLINE = 2
_FRAME_SIZE = 16  # random bytes before and after the module text
_MAX_STRING = MAX_READ - 16

_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_BUILD_LINE = re.compile(r'("(?:[^"\\]|\\.)*"|`[^`]*`|[^="`]+)=(.*)', re.DOTALL)


def is_program(head: bytes) -> bool:
    """Whether a file with this head is an ELF, Mach-O (universal ones included) or PE file."""
    return is_universal(head) or head.startswith((b"\x7fELF", b"MZ", *_MACHO))


def read_facts(stream: BinaryIO) -> BinaryFacts:
    """The facts of the executable in an open, seekable stream.

    Raises BinaryError, naming the kind of file, for anything but an intact ELF, Mach-O or PE file.
    """
    reader = BoundedReader(stream)
    try:
        if not is_universal(reader.read_at(0, 8)):
            return _read_image(reader)
        images = [BoundedReader(stream, offset, size) for offset, size in read_slices(reader)]
        return join_slices([_read_image(image) for image in images])
    except BinaryError:
        raise
    except struct.error as error:
        raise BinaryError("its headers end too early", "copy or download it again") from error
    except Exception as error:  # pyelftools raises anything on broken input
        problem = f"its headers are broken ({type(error).__name__}: {error})"
        raise BinaryError(problem, "copy or download it again") from error


def _read_image(reader: BoundedReader) -> BinaryFacts:
    """The facts of one image, completed from Go's build information."""
    facts, data = _read_headers(reader)
    facts = replace(facts, go=read_build_info(reader, data))
    goos, machine, goarm = facts.setting("GOOS"), facts.machine, facts.setting("GOARM")[:1]
    if facts.goos and (facts.goos, goos) != ("solaris", "illumos"):  # they have the same OSABI
        goos = facts.goos
    if facts.format == "elf" and machine == "arm" and goarm in ("5", "6", "7"):
        machine = f"armv{goarm}l"
    return replace(facts, goos=goos or "linux", machine=machine)


def _read_headers(reader: BoundedReader) -> ParsedImage:
    head = reader.read_at(0, 512)
    if head.startswith(b"\x7fELF"):
        from go_to_wheel.binary.elf import read_elf  # pyelftools takes long to load

        return read_elf(reader)
    if head[:4] in _MACHO:
        return read_macho(reader)
    if head.startswith(b"MZ"):
        return read_pe(reader)
    name, hint = describe_content(head), ""
    if head.startswith(b"!<arch>\n") and b"__.PKGDEF" in head:
        name = "an archive of a Go package that is not 'main'"
        hint = "name a 'main' package; list them: go list -f '{{.Name}} {{.ImportPath}}' ./..."
    raise BinaryError(f"it is {name}, not an executable", hint)


def describe_content(head: bytes) -> str:
    """The kind of file with this head: "text", "a script for /bin/sh", "a zip archive" …"""
    if not head:
        return "an empty file"
    if head.startswith(b"#!"):
        line = head[2:].split(b"\n")[0].strip().decode("utf-8", "replace")
        return f"a script for {line}" if line else "a script"
    for name, start in _OTHER_FORMATS.items():
        if head.startswith(start):
            return name
    if _CONTROLS.isdisjoint(head):
        return "text"
    return f"data of an unknown kind (it starts with {head[:8]!r})"


def read_build_info(reader: BoundedReader, data: Span | None) -> GoBuildInfo | None:
    """The Go build information in the data, or None when Go didn't build it."""
    offset = _find_build_info(reader, data) if data else None
    header = b"" if offset is None else reader.read_at(offset, _HEADER_SIZE)
    if offset is None or len(header) < _HEADER_SIZE or not header[15] & _FLAG_INLINE:
        return None
    version, end = _read_string(reader, offset + _HEADER_SIZE)
    modules, _ = _read_string(reader, end)
    if not version:
        return None
    framed = len(modules) > 2 * _FRAME_SIZE and modules[-_FRAME_SIZE - 1 : -_FRAME_SIZE] == b"\n"
    text = modules[_FRAME_SIZE:-_FRAME_SIZE] if framed else b""  # empty for a build without modules
    return parse_build_info(version.decode("utf-8", "replace"), text.decode("utf-8", "replace"))


def _find_build_info(reader: BoundedReader, data: Span) -> int | None:
    """The offset of the aligned magic in the data where Go's linker puts it."""
    start, end = data.offset + -data.address % _ALIGNMENT, data.offset + data.size
    for position in range(start, min(end, reader.length), MAX_READ):
        chunk = reader.read_at(position, min(MAX_READ, end - position))
        for match in re.finditer(_MAGIC, chunk):
            if match.start() % _ALIGNMENT == 0:
                return position + match.start()
    return None


def _read_string(reader: BoundedReader, offset: int) -> tuple[bytes, int]:
    """A string after its length, and where it ends; empty when the length is impossible."""
    length = shift = 0
    for start, byte in enumerate(reader.read_at(offset, 10), offset + 1):
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80 and length <= min(_MAX_STRING, reader.length - start):
            return reader.read_at(start, length), start + length
    return b"", offset


def parse_build_info(version: str, text: str) -> GoBuildInfo:
    """The text that `go version -m` prints, as values. Lines of unknown kind are skipped."""
    path = ""
    modules: list[tuple[str, GoModule]] = []
    settings: dict[str, str] = {}
    for line in text.split("\n"):
        kind, _, rest = line.partition("\t")
        name, release, digest, *_ = [*rest.split("\t"), "", ""]
        module = GoModule(name, release, digest)
        if kind == "path":
            path = rest
        elif kind in ("mod", "dep"):
            modules.append((kind, module))
        elif kind == "=>" and modules:
            kind, replaced = modules.pop()
            modules.append((kind, replace(replaced, replace=module)))
        elif kind == "build" and (match := _BUILD_LINE.fullmatch(rest)):
            settings[_unquote(match[1])] = _unquote(match[2])
    main = next((module for kind, module in modules if kind == "mod"), None)
    deps = tuple(module for kind, module in modules if kind == "dep")
    return GoBuildInfo(version, path, main, deps, MappingProxyType(settings))


def _unquote(text: str) -> str:
    """A Go string literal's value; other text as it is. Go's escapes are Python's too."""
    if len(text) > 1 and text[0] == text[-1] == "`":
        return text[1:-1]
    try:
        return str(ast.literal_eval(text)) if _QUOTED.fullmatch(text) else text
    except (ValueError, SyntaxError):  # an escape that stands for no character
        return text
