"""ELF: Linux, the BSDs, Solaris; parsed by pyelftools through a `BoundedReader`.

Sources: the System V ABI, the GNU symbol versioning extension, and for the system's
name the ABI notes of Linux, FreeBSD, NetBSD, OpenBSD, DragonFly and Android.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import Any, BinaryIO, cast

from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from elftools.elf.sections import Section
from elftools.elf.segments import InterpSegment

from go_to_wheel.binary.facts import BinaryFacts, ParsedImage, Span
from go_to_wheel.binary.reader import BoundedReader
from go_to_wheel.errors import BinaryError
from go_to_wheel.platforms import MajorMinor

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
_KINDS = {"ET_EXEC": "executable", "ET_DYN": "shared library", "ET_REL": "object file"}
_KINDS |= {"ET_CORE": "core dump"}
#: As the header and notes spell them, in lower case.
_SYSTEMS = ("netbsd", "solaris", "freebsd", "openbsd", "dragonfly", "android")


class _ELFWithoutHashTables(ELFFile):
    """Skips symbol hash tables, all of whose numbers pyelftools would read several times."""

    def _make_elf_hash_section(self, section_header: Any, name: str) -> Any:
        return Section(section_header, name, self)

    _make_gnu_hash_section = _make_elf_hash_section


def read_elf(reader: BoundedReader) -> ParsedImage:
    """An ELF file -> its image. Raises BinaryError, or what pyelftools raises."""
    elf = _ELFWithoutHashTables(cast("BinaryIO", reader))
    if (count := elf.num_segments()) > _MAX_SEGMENTS:
        raise BinaryError(f"its header claims {count} segments")
    segments = [elf.get_segment(index) for index in range(count)]
    for segment in segments:
        reader.require(segment["p_offset"], segment["p_filesz"])
    loaders = (str(s.get_interp_name()) for s in segments if isinstance(s, InterpSegment))
    interpreter = next(loaders, None)
    libraries, search_paths, flags = _read_dynamic(segments)
    versions, minimum_glibc = _read_versions(elf)
    machine = (str(elf["e_machine"]), elf.elfclass, elf.little_endian)
    pie = elf["e_type"] == "ET_DYN" and bool(interpreter or flags & _DF_1_PIE)
    kind = _KINDS.get(str(elf["e_type"]), "file of unknown type")
    if pie and elf["e_entry"]:  # most executables are shared objects by their type
        kind = "executable"
    facts = BinaryFacts(
        format="elf",
        goos=_detect_system(elf, segments),
        machine=_MACHINES.get(machine, machine[0].removeprefix("EM_").lower()),
        kind=kind,
        pie=pie,
        interpreter=interpreter,
        libraries=libraries,
        search_paths=search_paths,
        minimum_glibc=minimum_glibc,
        versions=versions,
    )
    return facts, _locate_build_info(elf, segments)


def _read_dynamic(segments: list[Any]) -> tuple[tuple[str, ...], tuple[str, ...], int]:
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


def _read_versions(elf: ELFFile) -> tuple[tuple[tuple[str, str], ...], MajorMinor | None]:
    """The needed symbol versions as sorted (library, version) pairs, and the newest of glibc."""
    needs = (s for s in elf.iter_sections() if isinstance(s, GNUVerNeedSection))
    pairs = ((need.name, v.name) for part in needs for need, vs in part.iter_versions() for v in vs)
    versions = tuple(sorted({(str(library), str(name)) for library, name in pairs}))
    glibcs = [(int(m[1]), int(m[2])) for _, name in versions if (m := _GLIBC.match(name))]
    if any(name == "GLIBC_ABI_DT_RELR" for _, name in versions):
        glibcs.append((2, 36))  # the first that supports packed relocations
    return versions, max(glibcs, default=None)


def _locate_build_info(elf: ELFFile, segments: list[Any]) -> Span | None:
    section = elf.get_section_by_name(".go.buildinfo")
    if section is not None:
        return Span(section["sh_addr"], section["sh_offset"], section["sh_size"])
    for load in segments:
        if load["p_type"] == "PT_LOAD" and load["p_flags"] & (_PF_X | _PF_W) == _PF_W:
            return Span(load["p_vaddr"], load["p_offset"], load["p_filesz"])
    return None


def _detect_system(elf: ELFFile, segments: list[Any]) -> str:
    """The system that the header or a note names; "" for most files, those for Linux included."""
    notes = (note for s in segments if s["p_type"] == "PT_NOTE" for note in s.iter_notes())
    names = (str(note["n_name"]).lower() for note in notes)
    header = str(elf["e_ident"]["EI_OSABI"]).removeprefix("ELFOSABI_").lower()
    return next((name for name in chain([header], names) if name in _SYSTEMS), "")
