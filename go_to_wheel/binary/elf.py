"""ELF: Linux, the BSDs, Solaris. pyelftools parses, through a reader with a budget.

Sources: the System V ABI, the GNU symbol versioning extension, and for the systems'
marks the ABI notes of Linux, FreeBSD, NetBSD, OpenBSD, DragonFly and Android.
"""

from __future__ import annotations

import re
from typing import Any, BinaryIO, cast

from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from elftools.elf.sections import Section
from elftools.elf.segments import InterpSegment

from go_to_wheel.binary.facts import BinaryFacts, Image, Span, Version2
from go_to_wheel.binary.reader import BoundedReader
from go_to_wheel.errors import BinaryError

_MAX_SEGMENTS = 1024
_DF_1_PIE = 0x08000000
_PF_X, _PF_W = 1, 2
_GLIBC = re.compile(r"GLIBC_(\d{1,4})\.(\d{1,4})")

#: (machine, bits, little endian) -> architecture as Linux platform tags spell it; others have
#: no tag, and keep the name that ELF gives them.
_MACHINES = {
    ("EM_X86_64", 64, True): "x86_64",
    ("EM_X86_64", 32, True): "x32",
    ("EM_AARCH64", 64, True): "aarch64",
    ("EM_386", 32, True): "i686",
    ("EM_ARM", 32, True): "arm",
    ("EM_PPC64", 64, True): "ppc64le",
    ("EM_S390", 64, False): "s390x",
    ("EM_RISCV", 64, True): "riscv64",
    ("EM_LOONGARCH", 64, True): "loongarch64",
}
#: As the header and notes spell them, in lower case.
_SYSTEMS = ("netbsd", "solaris", "freebsd", "openbsd", "dragonfly", "android")


class _WithoutHashes(ELFFile):
    """pyelftools reads every number of a symbol hash table, each time it passes by one.

    Large programs have a hundred thousand of them; nothing here looks a symbol up.
    """

    def _make_elf_hash_section(self, section_header: Any, name: str) -> Any:
        return Section(section_header, name, self)

    _make_gnu_hash_section = _make_elf_hash_section


def read_elf(reader: BoundedReader) -> Image:
    """An ELF file -> its image. Raises BinaryError, or what pyelftools raises."""
    elf = _WithoutHashes(cast("BinaryIO", reader))
    if (count := elf.num_segments()) > _MAX_SEGMENTS:
        raise BinaryError(f"its header speaks of {count} segments")
    segments = [elf.get_segment(index) for index in range(count)]
    for segment in segments:
        reader.require(segment["p_offset"], segment["p_filesz"])
    machine = str(elf["e_machine"])
    loaders = [part.get_interp_name() for part in segments if isinstance(part, InterpSegment)]
    interpreter = str(loaders[0]) if loaders else None
    libraries, search_paths, flags = _dynamic(segments)
    versions = _versions(elf)
    facts = BinaryFacts(
        format="elf",
        goos=_system(elf, segments),
        machine=_MACHINES.get(
            (machine, elf.elfclass, elf.little_endian), machine.removeprefix("EM_").lower()
        ),
        kind=_kind(elf, interpreter, flags),
        pie=elf["e_type"] == "ET_DYN" and bool(interpreter or flags & _DF_1_PIE),
        interpreter=interpreter,
        libraries=libraries,
        search_paths=search_paths,
        glibc_floor=_glibc_floor({name for _, name in versions}),
        versions=versions,
    )
    return facts, _build_info(elf, segments)


def _kind(elf: ELFFile, interpreter: str | None, flags: int) -> str:
    """A shared object that has an entry and a loader, or says so, can be started."""
    kind = elf["e_type"]
    if kind == "ET_DYN":
        startable = elf["e_entry"] and (interpreter or flags & _DF_1_PIE)
        return "executable" if startable else "shared library"
    names = {"ET_EXEC": "executable", "ET_REL": "object file", "ET_CORE": "core dump"}
    return names.get(str(kind), "file of unknown type")


def _dynamic(segments: list[Any]) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """The needed libraries, the folders to look in, and DT_FLAGS_1."""
    libraries: list[str] = []
    folders: list[str] = []
    flags = 0
    dynamic = (part for part in segments if isinstance(part, DynamicSegment))
    for tag in (tag for part in dynamic for tag in part.iter_tags()):
        name = tag.entry.d_tag
        if name == "DT_NEEDED":
            libraries.append(str(getattr(tag, "needed")))  # noqa: B009 (set at run time)
        elif name in ("DT_RPATH", "DT_RUNPATH"):
            folders += str(getattr(tag, name[3:].lower())).split(":")
        elif name == "DT_FLAGS_1":
            flags |= tag.entry.d_val
    return tuple(libraries), tuple(folders), flags


def _versions(elf: ELFFile) -> tuple[tuple[str, str], ...]:
    """The symbol versions that it needs, each with its library, sorted."""
    needs = (part for part in elf.iter_sections() if isinstance(part, GNUVerNeedSection))
    pairs = ((need.name, v.name) for part in needs for need, vs in part.iter_versions() for v in vs)
    return tuple(sorted({(str(library), str(name)) for library, name in pairs}))


def _glibc_floor(names: set[str]) -> Version2 | None:
    floors = [(int(m[1]), int(m[2])) for m in map(_GLIBC.match, names) if m]
    # A marker for packed relocations; glibc 2.36 is the first that has it.
    return max([*floors, *([(2, 36)] if "GLIBC_ABI_DT_RELR" in names else [])], default=None)


def _build_info(elf: ELFFile, segments: list[Any]) -> Span | None:
    section = elf.get_section_by_name(".go.buildinfo")
    if section is not None:
        return Span(section["sh_addr"], section["sh_offset"], section["sh_size"])
    for load in segments:
        if load["p_type"] == "PT_LOAD" and load["p_flags"] & (_PF_X | _PF_W) == _PF_W:
            return Span(load["p_vaddr"], load["p_offset"], load["p_filesz"])
    return None


def _system(elf: ELFFile, segments: list[Any]) -> str:
    """The system that the header or a note names; "" for most, Linux's among them."""
    notes = (note for s in segments if s["p_type"] == "PT_NOTE" for note in s.iter_notes())
    marks = (str(note["n_name"]).lower() for note in notes)
    stated = str(elf["e_ident"]["EI_OSABI"]).removeprefix("ELFOSABI_").lower()
    return stated if stated in _SYSTEMS else next((m for m in marks if m in _SYSTEMS), "")
