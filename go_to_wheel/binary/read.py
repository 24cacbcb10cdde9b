"""From an open stream to facts: format, system, what Go recorded."""

from __future__ import annotations

from codecs import getincrementaldecoder
from dataclasses import replace
from typing import BinaryIO

from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo, Image
from go_to_wheel.binary.goinfo import read_build_info
from go_to_wheel.binary.macho import MAGICS, is_fat, join_facts, list_slices, read_macho
from go_to_wheel.binary.pe import read_pe
from go_to_wheel.binary.reader import BoundedReader
from go_to_wheel.errors import BinaryError

_MACHO = (b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf")

#: How other things start, and what they are.
_OTHERS = (
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "gzip-compressed data"),
    (b"\xfd7zXZ\0", "xz-compressed data"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed data"),
    (b"BZh", "bzip2-compressed data"),
    (b"\0asm", "a WebAssembly module"),
    (b"BC\xc0\xde", "LLVM bitcode"),
    (b"go object ", "a Go object file"),
    (b"\x01\xdf", "an AIX program"),
    (b"\x01\xf7", "an AIX program"),
    (b"\x00\x00\x8a\x97", "a Plan 9 program"),
    (b"\x00\x00\x01\xeb", "a Plan 9 program"),
    (b"\x00\x00\x06\x47", "a Plan 9 program"),
    (b"%PDF", "a PDF document"),
    (b"!<arch>\n", "a static library"),
    *((magic, "a Java class") for magic in MAGICS),
)
#: Systems that share a format's marks: what Go states is the closer one.
_NEAR = frozenset({("solaris", "illumos"), ("darwin", "ios")})


def is_program(head: bytes) -> bool:
    """Whether a file that starts so is an ELF, Mach-O (universal ones included) or PE file."""
    return is_fat(head) or head.startswith((b"\x7fELF", b"MZ", *_MACHO))


def read_facts(stream: BinaryIO) -> BinaryFacts:
    """The facts of the executable in an open, seekable stream.

    Raises BinaryError, saying what it is instead, when it isn't an ELF, Mach-O or PE file,
    or is cut short or broken.
    """
    reader = BoundedReader(stream)
    try:
        if not is_fat(reader.read_at(0, 8)):
            return _read_one(reader)
        places = list_slices(reader)
        return join_facts([_read_one(BoundedReader(stream, at, size)) for _, at, size in places])
    except BinaryError:
        raise
    except Exception as error:  # pyelftools raises what its input makes it stumble over
        raise BinaryError(
            f"its headers are broken ({type(error).__name__}: {error})",
            "copy or download it again",
        ) from error


def _read_one(reader: BoundedReader) -> BinaryFacts:
    image = _read_image(reader)
    return _join(image, read_build_info(reader, image))


def _read_image(reader: BoundedReader) -> Image:
    head = reader.read_at(0, 512)
    if head.startswith(b"\x7fELF"):
        from go_to_wheel.binary.elf import read_elf  # pyelftools takes long to load

        return read_elf(reader)
    if head[:4] in _MACHO:
        return read_macho(reader)
    if head.startswith(b"MZ"):
        return read_pe(reader)
    name, hint = _name_of(head), ""
    if head.startswith(b"!<arch>\n") and b"__.PKGDEF" in head:
        name = "an archive of a Go package that is not 'main'"
        hint = "name a 'main' package; list them: go list -f '{{.Name}} {{.ImportPath}}' ./..."
    raise BinaryError(f"it is {name}, not an executable", hint)


def _name_of(head: bytes) -> str:
    if not head:
        return "an empty file"
    if head.startswith(b"#!"):
        line = head[2:].split(b"\n")[0].strip().decode("utf-8", "replace")
        return f"a script for {line}" if line else "a script"
    for start, name in _OTHERS:
        if head.startswith(start):
            return name
    try:  # the last letter may be cut in two
        text = getincrementaldecoder("utf-8")().decode(head)
        if all(char.isprintable() or char.isspace() for char in text):
            return "text"
    except UnicodeDecodeError:
        pass
    return f"data of an unknown kind (it starts with {head[:8]!r})"


def _join(image: Image, info: GoBuildInfo | None) -> BinaryFacts:
    """The format's facts, with what is only in Go's build information."""
    settings = info.settings if info else {}
    facts, hint, stated = image.facts, image.system_hint, settings.get("GOOS", "")
    if facts.goos in ("darwin", "windows") or (hint and (hint, stated) not in _NEAR):
        stated = ""
    machine = facts.machine
    level = settings.get("GOARM", "")[:1]
    if facts.format == "elf" and machine == "arm" and level in ("5", "6", "7"):
        machine = f"armv{level}l"
    return replace(facts, goos=stated or hint or facts.goos, machine=machine, go=info)
