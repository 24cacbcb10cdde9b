"""The native files in a wheel: compared with its tags, and are their signatures intact?"""

from __future__ import annotations

import hashlib
import posixpath
import re
import stat
import struct
from collections.abc import Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from go_to_wheel.binary.facts import BinaryFacts, describe
from go_to_wheel.binary.match import contains, find_target, is_system_dll, level_faults, unpromised
from go_to_wheel.check.filename import Claim, WheelName, is_command, parse_claim
from go_to_wheel.check.report import Findings, fault, faults, guarded
from go_to_wheel.platforms import Version2, macos_floor

#: Where programs and their sources lie on the machines that build them. Go's tables hold
#: file names between zero bytes, so a name that starts so is no text of the program's own.
_BUILDER_PATHS = (
    *(f"\0/{top}/".encode() for top in ("home", "root", "Users", "tmp", "build", "builds")),
    *(b"\0/go/src/", b"\0/usr/local/go/src/", b"\0C:/Users/", b"\0C:/hostedtoolcache/"),
    *(b"\0D:/a/", b"\0C:/Program Files/Go/src/"),
)
#: Below this size compression saves nothing worth a warning.
_SMALL = 64 << 10
#: Extension modules and shared libraries that are found by their names, whatever is in them.
_BY_NAME = re.compile(r"\.(cpython-[^/]*|abi3|pypy[^/]*)\.so$|\.pyd$|(^|/)lib[^/]*\.so\.[\d.]+$")
_LIBRARY_NAME = re.compile(r"\.(dll|dylib|exe|node|pyd|so(\.\d+)*)$")
#: The libraries of compilers that are not Microsoft's.
_MINGW = re.compile(r"(lib(gcc_s|stdc\+\+|winpthread|gomp|ssp)|cyg|msys-).*\.dll", re.IGNORECASE)
#: Contracts of Windows, what Python for Windows has beside it, and drivers' parts.
_OTHER_DLL = re.compile(
    r"(api|ext)-ms-|python3|vcruntime(140|\.)|(concrt140|vulkan-1|d3dcompiler_43)\."
    r"|.*\.(drv|exe|sys)(\.dll)?$",
    re.IGNORECASE,
)
#: Libraries of package managers; macOS's own are in /usr/lib and /System.
_FOREIGN_DYLIB = re.compile(r"/(?!usr/lib/|System/)")
_RELEASE = re.compile(
    r"v(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?!\d|-0\.|-\d{14}-|-.*\.0\.\d{14}-)", re.ASCII
)
#: 32-bit ARM code by its level, and the levels of CPUs that run it too.
_RUNS_ON = {"arm": ("armv6l", "armv7l"), "armv5l": ("armv6l", "armv7l"), "armv6l": ("armv7l",)}
#: Signatures, as in Apple's <kern/cs_blobs.h> (big-endian there).
_MAX_BLOBS, _MAX_SIGNATURE, _BLOB_HEAD = 4096, 16 << 20, 8
_SUPER_BLOB, _CODE_DIRECTORY, _CMS = 0xFADE0CC0, 0xFADE0C02, 0xFADE0B01
#: flags, hash offset, code slots, code limit, hash size and type, log2 of the page size.
_DIRECTORY = struct.Struct(">12xII8xIIBBxB")
#: CS_ADHOC; CS_HARD, CS_KILL and CS_RUNTIME, without which Intel Macs ignore changed pages.
_AD_HOC, _ENFORCED = 0x2, 0x10300
_HASHES = {1: "sha1", 2: "sha256", 3: "sha256", 4: "sha384"}


@dataclass(frozen=True)
class Program:
    """A native file of a wheel: its zip entry, what was read from it, traces of who built it.

    `mode` is 0 where the archive records none; `signature` says who signed it ("none", "ad
    hoc", "Developer ID (TEAM)", "Authenticode"), and is empty for Linux.
    """

    path: str
    facts: BinaryFacts
    mode: int = 0
    size: int = 0
    stored: bool = False
    traces: tuple[str, ...] = ()
    signature: str = ""

    @property
    def is_command(self) -> bool:
        """Whether it is there to be run: on PATH, or a program in a package's bin folder."""
        in_bin = "bin" in self.path.split("/")[:-1]
        return is_command(self.path) or (in_bin and self.facts.kind != "shared library")

    @property
    def is_loadable(self) -> bool:
        """Whether something may start or load it, unlike test data and object files."""
        starts = not self.mode or bool(self.mode & 0o111) or self.is_command
        return starts or bool(_LIBRARY_NAME.search(self.path.lower()))

    @property
    def is_musl(self) -> bool:
        """Whether it is linked with musl."""
        names = (self.facts.interpreter or "", *self.facts.libraries)
        return any("ld-musl" in name or name.startswith("libc.musl") for name in names) or (
            "libc.so" in names  # musl's own name; glibc's ends in a number
        )


def find_traces(facts: BinaryFacts, stream: BinaryIO) -> tuple[str, ...]:
    """Common paths of machines that build programs, if Go left them in."""
    if facts.go is None or facts.setting("-trimpath") == "true":
        return ()
    return tuple(sorted(found[1:].decode() for found in contains(stream, _BUILDER_PATHS)))


def fits(facts: BinaryFacts, claim: Claim) -> bool:
    """Whether it is for the system and an architecture of the tag."""
    machines = {part.machine for part in (facts, *facts.slices)}
    machines |= {*_RUNS_ON.get(facts.machine, ())}
    return facts.goos == claim.goos and not machines.isdisjoint(claim.arches)


def check_programs(
    programs: Sequence[Program], name: WheelName, names: Set[str], is_all: bool
) -> Findings:
    """Everything that native files contradict; `names` are those of all files in the wheel.

    `is_all` is whether no native file was left out.
    """
    claims = name.claims
    loadable = [program for program in programs if program.is_loadable]
    served = {c.tag for c in claims if any(fits(program.facts, c) for program in loadable)}
    if len({program.facts.goos for program in loadable}) > 1:
        served.add("any")
    for program in loadable:
        found = check_program(program, name, names, served)
        yield from guarded(repr(program.path), found)
    commands = (program.facts for program in programs if program.is_command)
    machines = {part.machine for facts in commands for part in facts.slices or (facts,)}
    for claim in claims if machines and is_all else ():
        missing = [arch for arch in claim.arches if arch not in machines]
        if missing and len(missing) < len(claim.arches):
            yield fault("binary-target", claim.tag, f"no program for {', '.join(missing)}")


def check_program(
    program: Program, name: WheelName, names: Set[str], served: Set[str] = frozenset()
) -> Findings:
    """The same for one of them; `served` has the tags that programs of the wheel fit.

    "any" is among them where there are programs for several systems.
    """
    facts, path, is_command = program.facts, program.path, program.is_command
    if other := next((claim for claim in name.claims if not fits(facts, claim)), None):
        # something chooses by name; Python and PATH don't
        is_started = is_command and facts.goos == other.goos
        is_chosen = other.tag in served and not is_started and not _BY_NAME.search(path)
        code = "binary-foreign" if is_chosen else "binary-target"
        yield fault(code, path, f"{describe(facts)}, but the tag is '{other.tag}'")
        return
    # .exe files in wheels for every system are mostly launchers, which are copied, not run
    is_native = facts.kind == "shared library" or (facts.executable and facts.format != "pe")
    if "any" in name.platforms and (is_command or is_native):
        code = "binary-target" if is_command and "any" not in served else "binary-any"
        yield fault(code, path, f"{describe(facts)}, but the tag is 'any'")
    needs = [need for claim in name.claims for need in _needs_of_tag(program, claim)]
    yield from {need.code: need for need in needs}.values()
    mode = program.mode
    starts = facts.format == "pe" or (stat.S_ISREG(mode) and mode & 0o111)
    wrong = {
        "binary-kind": not facts.executable and f"{describe(facts)}, not an executable",
        "binary-mode": not starts and f"mode {mode:#o}; pip won't make it executable",
    }
    yield from faults(path, wrong if is_command else {})
    yield from faults(path, {"binary-stored": program.stored and program.size > _SMALL})
    yield from faults(path, _wrong_libraries(program, name.claims, names))
    yield from faults(path, _wrong_build(program, name))


def _needs_of_tag(program: Program, claim: Claim) -> Findings:
    """Whether it needs another C library, or a newer system, than the tag promises."""
    facts, path, but = program.facts, program.path, f"but the tag is '{claim.tag}'"
    floor = claim.floor or (99, 0)
    if claim.goos == "darwin":
        (major, minor), source = _macos_floor(facts)
        if floor < (major, minor):
            text = f"it needs macOS {major}.{minor} according to {source}, {but}"
            hint = f"tag it macosx_{major}_{minor}_{facts.machine}"
            yield fault("binary-macos", path, text, hint)
    elif claim.libc and not facts.static:
        # a plug-in need not name a C library or loader
        has_libc = facts.interpreter or any(name.startswith("libc.") for name in facts.libraries)
        major, minor = facts.glibc_floor or (0, 0)
        if program.is_musl != (claim.libc == "musl") and has_libc:
            yield fault("binary-libc", path, f"{describe(facts)}, {but}")
        elif claim.libc == "glibc" and (major, minor) > floor:
            hint = f"tag it manylinux_{major}_{minor}, or build it on an older system"
            text = f"it needs glibc {major}.{minor}, {but}"
            yield fault("binary-glibc", path, text, hint)


def _macos_floor(facts: BinaryFacts) -> tuple[Version2, str]:
    """The oldest macOS for it, and what says so: its header, or the documentation of its Go."""
    if facts.slices:  # an arm64 one is not started before macOS 11
        found = [(_macos_floor(part), part.machine) for part in facts.slices]
        counted = (need for need, machine in found if machine != "arm64" or need[0] > (11, 0))
        return max(counted, default=((0, 0), ""))
    header, target = facts.minimum_macos or (0, 0), find_target(facts)
    if facts.go and target:
        with suppress(ValueError):  # a self-made Go states no release
            if (needed := macos_floor(target, facts.go.version, header)) > header:
                return needed, f"the documentation of {facts.go.version}"
    return header, "its header"


def _leads_out(folder: str, path: str) -> bool:
    """Whether the loader's search for a library leads out of the wheel that has it at `path`."""
    own, _, below = folder.partition("/")
    if own in ("$ORIGIN", "${ORIGIN}", "@loader_path"):
        place = posixpath.normpath(f"{posixpath.dirname(path)}/{below}")
        return ".data/" not in path and place.startswith("..")  # .data is put elsewhere
    return not folder.startswith(("@", "/usr/lib/swift", "/System/"))


def _wrong_libraries(program: Program, claims: list[Claim], names: Set[str]) -> dict[str, str]:
    facts = program.facts
    folders = [folder for folder in facts.search_paths if _leads_out(folder, program.path)]
    absent = [name for name in facts.libraries if name not in names]
    foreign, others = [name for name in absent if _MINGW.fullmatch(name)], []
    floors = [claim.floor for claim in claims if claim.libc == "glibc" and claim.floor]
    if floors and not program.is_musl:
        foreign = unpromised(facts, min(floors), names)
    elif facts.format == "macho":
        foreign = [name for name in facts.libraries if _FOREIGN_DYLIB.match(name)]
    elif facts.format == "pe":
        known = {*foreign, *filter(is_system_dll, absent), *filter(_OTHER_DLL.match, absent)}
        lower = set(map(str.lower, names))
        others = [name for name in absent if name not in known and name.lower() not in lower]
    found = {
        "binary-rpath": ("looks into", [folder or "the current directory" for folder in folders]),
        "binary-dll": ("needs", others),
        "binary-library": ("needs", foreign),
    }
    return {code: f"it {what} {', '.join(rows)}" for code, (what, rows) in found.items() if rows}


def _wrong_build(program: Program, name: WheelName) -> dict[str, object]:
    facts = program.facts
    arch = next((arch for claim in name.claims for arch in claim.arches), "")
    odd = [flag for flag in ("-race", "-msan", "-asan", "-cover") if facts.setting(flag) == "true"]
    if experiment := facts.setting("GOEXPERIMENT"):
        odd.append(f"GOEXPERIMENT={experiment}")
    version = facts.go.main.version if facts.go and facts.go.main else ""
    is_dirty = facts.setting("vcs.modified") == "true" or version.endswith("+dirty")
    built = _RELEASE.match(version)  # a wheel's version may have more parts: 0.9.0.2 of v0.9.0
    is_other = built and [*map(int, built.groups())] != [*name.version.release, 0, 0][:3]
    return {
        "binary-cpu": "; ".join(level_faults(facts, arch)),
        "binary-build": odd and f"it was built with {' '.join(odd)}",
        "binary-dirty": is_dirty and f"local changes (version {version or 'unknown'})",
        "binary-version": is_other
        and program.is_command
        and f"Go recorded {version}, not that of the wheel",
        "binary-paths": program.traces and f"it contains {', '.join(program.traces)}",
    }


def explain_tag(tag: str, facts: BinaryFacts | None) -> str:
    """Why a program with these facts has that platform tag, in a few words."""
    if (claim := parse_claim(tag)) is None:
        return "any system" if tag == "any" else "a system that isn't inspected"
    if facts is None:
        return "the wheel has no program"
    if not fits(facts, claim):
        return f"but the program is {describe(facts)}"
    if claim.goos == "linux" and facts.static:
        return f"static: it needs no {claim.libc or 'C library'}, so any version will do"
    if claim.goos == "darwin":
        (major, minor), source = _macos_floor(facts)
        return f"macOS {major}.{minor} ({source})" if major else describe(facts)
    return describe(facts)


def read_signature(stream: BinaryIO, facts: BinaryFacts) -> tuple[str, str]:
    """Who signed a Mach-O or PE file ("ad hoc", "Developer ID (TEAM)", "none" …), what is wrong.

    Both are empty for other formats.
    """
    if facts.slices:
        parts = [read_signature(stream, part) for part in facts.slices]
        who = ", ".join(dict.fromkeys(signer for signer, _ in parts))
        return who, next((wrong for _, wrong in parts if wrong), "")
    is_silicon = facts.goos == "darwin" and facts.machine == "arm64"
    if not facts.signature or facts.format == "pe":
        who = "Authenticode" if facts.signature else "none"
        wrong = "it has no signature" if is_silicon and facts.kind != "object file" else ""
        return "" if facts.format == "elf" else who, wrong
    start, offset, size = facts.signature
    stream.seek(offset)
    try:
        blobs = _list_blobs(stream.read(min(size, _MAX_SIGNATURE)))
        directory, certificates = blobs[_CODE_DIRECTORY], bytes(blobs.get(_CMS, b""))
        flags, team_at = struct.unpack_from(">12xI32xI", directory)
        wrong = _check_pages(stream, start, directory) if is_silicon or flags & _ENFORCED else ""
    except (struct.error, LookupError, ValueError):
        return "unreadable", "its signature can't be read"
    if len(certificates) <= _BLOB_HEAD or flags & _AD_HOC:
        return "ad hoc", wrong
    team = bytes(directory[team_at:]).split(b"\0")[0].decode("ascii", "replace")
    who = "Developer ID" if b"Developer ID Application" in certificates else "another certificate"
    return who + (f" ({team})" if team_at else ""), wrong


def _list_blobs(signature: bytes) -> dict[int, memoryview]:
    """The parts of a signature by their kind, the first of each."""
    magic, _, count = struct.unpack_from(">III", signature)
    if magic != _SUPER_BLOB or count > _MAX_BLOBS:
        raise ValueError("not a signature")
    found: dict[int, memoryview] = {}
    for index in range(count):
        (place,) = struct.unpack_from(">I", signature, 16 + 8 * index)
        kind, size = struct.unpack_from(">II", signature, place)
        found.setdefault(kind, memoryview(signature)[place : place + size])
    return found


def _check_pages(stream: BinaryIO, base: int, directory: memoryview) -> str:
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
