"""Checks the native files in a wheel against its tags, and their signatures."""

from __future__ import annotations

import hashlib
import io
import posixpath
import re
import stat
import struct
from collections import defaultdict
from collections.abc import Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from typing import BinaryIO

from go_to_wheel.binary import match
from go_to_wheel.binary.facts import BinaryFacts, describe
from go_to_wheel.check.filename import PlatformTag, WheelName, is_command, parse_platform_tag
from go_to_wheel.check.report import Finding, Findings, catch_errors, findings_about
from go_to_wheel.platforms import MajorMinor, macos_floor, tag_version

#: Beginnings of paths on build machines, after the zero byte that precedes file names in Go's
#: tables, unlike the program's own strings.
_BUILDER_PATHS = (
    *(f"\0/{top}/".encode() for top in ("home", "root", "Users", "tmp", "build", "builds")),
    *(b"\0/go/src/", b"\0/usr/local/go/src/", b"\0C:/Users/", b"\0C:/hostedtoolcache/"),
    *(b"\0D:/a/", b"\0C:/Program Files/Go/src/"),
)
#: Below this size compression saves nothing worth a warning.
_SMALL = 64 << 10
#: Names of extension modules and versioned shared libraries.
_BY_NAME = re.compile(r"\.(cpython-[^/]*|abi3|pypy[^/]*)\.so$|\.pyd$|(^|/)lib[^/]*\.so\.[\d.]+$")
LIBRARY_NAME = re.compile(r"\.(dll|dylib|exe|node|pyd|so(\.\d+)*)$")
#: What may lie in a folder of programs; debug symbols have the name of their program.
_BESIDE_PROGRAMS = ("shared library", "debug symbols")
#: The run-time libraries of MinGW, Cygwin and MSYS2.
_MINGW = re.compile(r"(lib(gcc_s|stdc\+\+|winpthread|gomp|ssp)|cyg|msys-).*\.dll", re.IGNORECASE)
#: API sets of Windows, DLLs that Python for Windows installs, and parts of drivers.
_OTHER_DLL = re.compile(
    r"(api|ext)-ms-|python3|vcruntime(140|\.)|(concrt140|vulkan-1|d3dcompiler_43)\."
    r"|.*\.(drv|exe|sys)(\.dll)?$",
    re.IGNORECASE,
)
#: Names of musl and its loader; glibc's end in a number.
_MUSL = re.compile(r".*ld-musl|libc\.(musl|so$)")
#: What musllinux tags promise: musl, and as auditwheel's data has it, zlib.
MUSL_LIBRARY = re.compile(rf"{_MUSL.pattern}|libz\.so\.1$")
#: Libraries of package managers; macOS's own are in /usr/lib and /System.
_FOREIGN_DYLIB = re.compile(r"/(?!usr/lib/|System/)")
_RELEASE = re.compile(
    r"v(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?!\d|-0\.|-\d{14}-|-.*\.0\.\d{14}-)", re.ASCII
)
#: 32-bit ARM code by its level -> newer CPUs that also run it.
_RUNS_ON = {"arm": ("armv6l", "armv7l"), "armv5l": ("armv6l", "armv7l"), "armv6l": ("armv7l",)}
#: Signatures, as in Apple's <kern/cs_blobs.h> (big-endian there).
_MAX_BLOBS, _MAX_SIGNATURE, _BLOB_HEAD, _CHUNK = 4096, 16 << 20, 8, 1 << 20
_SUPER_BLOB, _CODE_DIRECTORY, _CMS = 0xFADE0CC0, 0xFADE0C02, 0xFADE0B01
#: flags, hash offset, code slots, code limit, hash size and type, log2 of the page size.
_DIRECTORY = struct.Struct(">12xII8xIIBBxB")
#: CS_ADHOC; CS_HARD, CS_KILL and CS_RUNTIME, without which Intel Macs ignore changed pages.
_AD_HOC, _ENFORCED = 0x2, 0x10300
_HASHES = {1: "sha1", 2: "sha256", 3: "sha256", 4: "sha384"}


@dataclass(frozen=True)
class Program:
    """A native file of a wheel.

    `mode` is 0 where the archive records none; `signature` is "none", "ad hoc", "Developer ID
    (TEAM)", "Authenticode" …, and empty for Linux.
    """

    path: str
    facts: BinaryFacts
    mode: int = 0
    size: int = 0
    stored: bool = False
    builder_paths: tuple[str, ...] = ()
    signature: str = ""

    @property
    def is_command(self) -> bool:
        """Whether users run it: it is on PATH or a program in a package's bin folder."""
        in_bin = "bin" in self.path.split("/")[:-1] and self.facts.kind not in _BESIDE_PROGRAMS
        return in_bin or is_command(self.path)

    @property
    def is_loadable(self) -> bool:
        """Whether it may be started or loaded, unlike test data and object files."""
        starts = not self.mode or bool(self.mode & 0o111) or self.is_command
        is_named = bool(LIBRARY_NAME.search(self.path.lower()))
        return self.facts.kind != "debug symbols" and (starts or is_named)

    @property
    def is_musl(self) -> bool:
        """Whether it is linked with musl."""
        names = (self.facts.interpreter or "", *self.facts.libraries)
        return any(_MUSL.match(name) for name in names)


def find_builder_paths(facts: BinaryFacts, stream: BinaryIO) -> tuple[str, ...]:
    """The paths of the build machine in a Go program that was built without -trimpath."""
    if facts.go is None or facts.setting("-trimpath") == "true":
        return ()
    return tuple(sorted(path[1:].decode() for path in match.find_bytes(stream, _BUILDER_PATHS)))


def program_fits(facts: BinaryFacts, tag: PlatformTag) -> bool:
    """Whether a binary is for the tag's system and one of its architectures."""
    machines = [part.machine for part in (facts, *facts.slices)]
    machines += _RUNS_ON.get(facts.machine, ())
    return facts.goos == tag.goos and any(machine in tag.arches for machine in machines)


def check_programs(
    programs: Sequence[Program], name: WheelName, names: Set[str], all_inspected: bool
) -> Findings:
    """Findings about the native files; `names` are those of all files in the wheel.

    `all_inspected` is False if some native files were not read.
    """
    tags = name.parsed_platforms
    loadable = [program for program in programs if program.is_loadable]
    matched_tags = {
        tag.name for tag in tags if any(program_fits(program.facts, tag) for program in loadable)
    }
    if len({program.facts.goos for program in loadable}) > 1:
        matched_tags.add("any")
    for program in loadable:
        findings = check_program(program, name, names, matched_tags)
        yield from catch_errors(repr(program.path), findings)
    images: dict[str, list[BinaryFacts]] = defaultdict(list)  # each processor needs one of these
    for program in programs:
        if program.is_command or _BY_NAME.search(program.path):
            file = "program" if program.is_command else program.path.rpartition("/")[2]
            images[file] += program.facts.slices or (program.facts,)
    for tag, (file, parts) in product(tags if all_inspected else (), images.items()):
        missing = [arch for arch in tag.arches if arch not in {part.machine for part in parts}]
        if missing and len(missing) < len(tag.arches):
            yield Finding.about("binary-target", tag.name, f"no {file} for {', '.join(missing)}")


def check_program(
    program: Program, name: WheelName, names: Set[str], matched_tags: Set[str]
) -> Findings:
    """Findings about one native file; `matched_tags` are the tags that some file matches.

    "any" is among them if there are files for several systems.
    """
    facts, path, tags = program.facts, program.path, name.parsed_platforms
    if other := next((tag for tag in tags if not program_fits(facts, tag)), None):
        # a loader that chooses by name; Python and PATH don't
        is_started = program.is_command and facts.goos == other.goos
        is_chosen = other.name in matched_tags and not is_started and not _BY_NAME.search(path)
        code = "binary-foreign" if is_chosen else "binary-target"
        yield Finding.about(code, path, f"{describe(facts)}, but the tag is '{other.name}'")
        return
    # .exe files in wheels for every system are mostly launchers, which are copied, not run
    is_native = facts.kind == "shared library" or (facts.executable and facts.format != "pe")
    if "any" in name.platforms and (program.is_command or is_native):
        is_error = program.is_command and "any" not in matched_tags
        code = "binary-target" if is_error else "binary-any"
        yield Finding.about(code, path, f"{describe(facts)}, but the tag is 'any'")
    findings = (finding for tag in tags for finding in _check_minimum_system(program, tag))
    yield from {finding.code: finding for finding in findings}.values()
    if program.is_command and not facts.executable:
        yield Finding.about("binary-kind", path, f"{describe(facts)}, not an executable")
    mode = program.mode
    starts = facts.format == "pe" or (stat.S_ISREG(mode) and mode & 0o111)
    if program.is_command and not starts:
        yield Finding.about("binary-mode", path, f"mode {mode:#o}; pip won't make it executable")
    if program.stored and program.size > _SMALL:
        yield Finding.about("binary-stored", path)
    problems = _library_problems(program, tags, names) | _build_problems(program, name)
    yield from findings_about(path, problems)


def _check_minimum_system(program: Program, tag: PlatformTag) -> Findings:
    """A finding if it needs another C library, or a newer system, than the tag promises."""
    facts, path, but = program.facts, program.path, f"but the tag is '{tag.name}'"
    floor = tag.floor or (99, 0)
    if tag.goos == "darwin":
        (major, minor), source = _macos_floor(facts)
        if facts.machine == "arm64" and len(tag.arches) > 1:  # not started before macOS 11
            floor = max(floor, (11, 0))
        if (major, minor) > floor:
            text = f"it needs macOS {major}.{minor} according to {source}, {but}"
            version = "{}_{}".format(*tag_version((major, minor)))
            hint = f"tag it macosx_{version}_{tag.name.split('_', 3)[-1]}"
            yield Finding.about("binary-macos", path, text, hint)
    elif tag.libc and not facts.static:
        # a plug-in need not name a C library or loader
        has_libc = facts.interpreter or any(name.startswith("libc.") for name in facts.libraries)
        major, minor = facts.minimum_glibc or (0, 0)
        if program.is_musl != (tag.libc == "musl") and has_libc:
            yield Finding.about("binary-libc", path, f"{describe(facts)}, {but}")
        elif tag.libc == "glibc" and (major, minor) > floor:
            hint = f"tag it manylinux_{major}_{minor}, or build it on an older system"
            text = f"it needs glibc {major}.{minor}, {but}"
            yield Finding.about("binary-glibc", path, text, hint)


def _macos_floor(facts: BinaryFacts) -> tuple[MajorMinor, str]:
    """The oldest macOS that it runs on, and the source: its header or Go's documentation."""
    if facts.slices:  # an arm64 one is not started before macOS 11
        floors = [(_macos_floor(part), part.machine) for part in facts.slices]
        counted = (floor for floor, machine in floors if machine != "arm64" or floor[0] > (11, 0))
        return max(counted, default=((0, 0), ""))
    header, target = facts.minimum_macos or (0, 0), match.find_target(facts)
    if facts.go and target:
        with suppress(ValueError):  # a development version of Go
            if (needed := macos_floor(target, facts.go.version, None)) > header:
                return needed, f"the documentation of {facts.go.version}"
    return header, "its header"


def _leads_outside(folder: str, path: str) -> bool:
    """Whether a search path of the file at `path` leads out of the wheel."""
    top, _, below = folder.partition("/")
    if top in ("$ORIGIN", "${ORIGIN}", "@loader_path"):
        target = posixpath.normpath(f"{posixpath.dirname(path)}/{below}")
        return ".data/" not in path and target.startswith("..")  # .data is put elsewhere
    return not folder.startswith(("@", "/usr/lib/swift", "/System/"))


def _library_problems(
    program: Program, tags: list[PlatformTag], names: Set[str]
) -> dict[str, object]:
    facts, path = program.facts, program.path
    folders = [f or "the current directory" for f in facts.search_paths if _leads_outside(f, path)]
    floors = [tag.floor for tag in tags if tag.libc == "glibc" and tag.floor]
    foreign: list[str] = []
    unknown_dlls: list[str] = []
    if floors and not program.is_musl:
        foreign = match.unlisted_dependencies(facts, min(floors), names)
    if any(tag.libc == "musl" for tag in tags) and "libc.so.6" not in facts.libraries:
        needed = (name for name in facts.libraries if name not in {*names, *foreign})
        foreign += [name for name in needed if not MUSL_LIBRARY.match(name)]
    elif facts.format == "macho":
        foreign = [name for name in facts.libraries if _FOREIGN_DYLIB.match(name)]
    elif facts.format == "pe":
        bundled = {name.lower() for name in names}
        for name in (name for name in facts.libraries if name.lower() not in bundled):
            if _MINGW.fullmatch(name):
                foreign.append(name)
            elif not (match.is_system_dll(name) or _OTHER_DLL.match(name)):
                unknown_dlls.append(name)
    return {
        "binary-rpath": folders and f"it looks into {', '.join(folders)}",
        "binary-dll": unknown_dlls and f"it needs {', '.join(unknown_dlls)}",
        "binary-library": foreign and f"it needs {', '.join(foreign)}",
    }


def _build_problems(program: Program, name: WheelName) -> dict[str, object]:
    facts, paths = program.facts, program.builder_paths
    arch = next((arch for tag in name.parsed_platforms for arch in tag.arches), "")
    flags = [f for f in ("-race", "-msan", "-asan", "-cover") if facts.setting(f) == "true"]
    experiment = facts.setting("GOEXPERIMENT")
    flags += [f"GOEXPERIMENT={experiment}"] if experiment else []
    version = facts.go.main.version if facts.go and facts.go.main else ""
    is_dirty = facts.setting("vcs.modified") == "true" or version.endswith("+dirty")
    # a wheel's version may have more parts: 0.9.0.2 of v0.9.0
    release = program.is_command and _RELEASE.match(version)
    is_other = release and [*map(int, release.groups())] != [*name.version.release, 0, 0][:3]
    return {
        "binary-cpu": match.cpu_level_problem(facts, arch),
        "binary-build": flags and f"it was built with {' '.join(flags)}",
        "binary-dirty": is_dirty and f"local changes (version {version or 'unknown'})",
        "binary-version": is_other and f"Go recorded {version}, not that of the wheel",
        "binary-paths": paths and f"it contains {', '.join(paths)}",
    }


def explain_tag(tag: str, facts: BinaryFacts | None) -> str:
    """A phrase that explains the platform tag by the program's facts."""
    if (parsed := parse_platform_tag(tag)) is None:
        return "any system" if tag == "any" else "a system that isn't inspected"
    if facts is None:
        return "the wheel has no program"
    if not program_fits(facts, parsed):
        return f"but the program is {describe(facts)}"
    if parsed.goos == "linux" and facts.static:
        return f"static: it needs no {parsed.libc or 'C library'}, so any version will do"
    if parsed.goos == "darwin":
        (major, minor), source = _macos_floor(facts)
        return f"macOS {major}.{minor} ({source})" if major else describe(facts)
    return describe(facts)


def read_signature(stream: BinaryIO, facts: BinaryFacts) -> tuple[str, str]:
    """The kind of signature, as in `Program`, and the problem with it, or ""."""
    if facts.slices:
        parts = [read_signature(stream, part) for part in facts.slices]
        signers = ", ".join(dict.fromkeys(signer for signer, _ in parts))
        return signers, next((problem for _, problem in parts if problem), "")
    if facts.format == "elf":
        return "", ""
    if facts.format == "pe":
        return "Authenticode" if facts.signature else "none", ""
    is_apple_silicon = facts.goos == "darwin" and facts.machine == "arm64"
    if not facts.signature:
        is_refused = is_apple_silicon and facts.kind != "object file"
        return "none", "it has no signature" if is_refused else ""
    start, offset, size = facts.signature
    stream.seek(offset)
    try:
        blobs = _parse_blobs(stream.read(min(size, _MAX_SIGNATURE)))
        directory, certificates = blobs[_CODE_DIRECTORY], bytes(blobs.get(_CMS, b""))
        flags, team_at = struct.unpack_from(">12xI32xI", directory)
        is_enforced = is_apple_silicon or flags & _ENFORCED
        problem = _check_pages(stream, start, directory) if is_enforced else ""
    except (struct.error, LookupError, ValueError):
        return "unreadable", "its signature can't be read"
    if len(certificates) <= _BLOB_HEAD or flags & _AD_HOC:
        return "ad hoc", problem
    team = bytes(directory[team_at:]).split(b"\0")[0].decode("ascii", "replace")
    is_developer_id = b"Developer ID Application" in certificates
    signer = "Developer ID" if is_developer_id else "another certificate"
    return signer + (f" ({team})" if team_at else ""), problem


def _parse_blobs(signature: bytes) -> dict[int, memoryview]:
    """Kind -> the first part of the signature of that kind."""
    magic, _, count = struct.unpack_from(">III", signature)
    if magic != _SUPER_BLOB or count > _MAX_BLOBS:
        raise ValueError("not a signature")
    blobs: dict[int, memoryview] = {}
    for index in range(count):
        (offset,) = struct.unpack_from(">I", signature, 16 + 8 * index)
        kind, size = struct.unpack_from(">II", signature, offset)
        blobs.setdefault(kind, memoryview(signature)[offset : offset + size])
    return blobs


def _check_pages(stream: BinaryIO, base: int, directory: memoryview) -> str:
    """The first page that does not match its signed hash, as a problem, or ""."""
    _, hashes, slots, limit, size, kind, page_bits = _DIRECTORY.unpack_from(directory)
    page = 1 << page_bits if page_bits else limit
    if kind not in _HASHES or not 4096 <= page <= max(limit, 1 << 20) or slots > limit // 4096 + 1:
        return ""
    if stream.seek(0, io.SEEK_END) < base + limit:
        return "its signature is broken: it is for a longer file"
    stream.seek(base)
    for slot, start in enumerate(range(0, slots * page, page)):
        hasher = hashlib.new(_HASHES[kind], usedforsecurity=False)
        for at in range(start, min(start + page, limit), _CHUNK):  # a page may be the whole file
            hasher.update(stream.read(min(_CHUNK, page, limit - at)))
        offset = hashes + slot * size
        if hasher.digest()[:size] != directory[offset : offset + size]:
            return f"its signature is broken: the page at {start:#x} has changed"
    return ""
