"""The native files in a wheel, compared with its tags."""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import BinaryIO

from go_to_wheel.binary.facts import BinaryFacts, describe
from go_to_wheel.binary.match import contains, level_faults
from go_to_wheel.check.claim import Claim, parse_claim
from go_to_wheel.check.contents import is_command
from go_to_wheel.check.filename import WheelName
from go_to_wheel.check.paths import path_of
from go_to_wheel.check.report import Fault, Faults
from go_to_wheel.platforms import TARGETS, Version2, macos_floor

#: Where programs and their sources lie on the machines that build them. Go's tables hold
#: file names between zero bytes, so a name that starts so is no text of the program's own.
_BUILDER_PATHS = (
    *(b"\0/home/", b"\0/root/", b"\0/Users/", b"\0/tmp/", b"\0/build/", b"\0/builds/"),
    *(b"\0/go/src/", b"\0/usr/local/go/src/", b"\0C:/Users/", b"\0C:/hostedtoolcache/"),
    *(b"\0D:/a/", b"\0C:/Program Files/Go/src/"),
)
#: The libraries that every system with manylinux wheels has (PEP 513, 571, 599).
_PROMISED = frozenset(
    {
        *("libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0"),
        *("libutil.so.1", "libnsl.so.1", "libresolv.so.2", "libgcc_s.so.1", "libstdc++.so.6"),
        *("libX11.so.6", "libXext.so.6", "libXrender.so.1", "libICE.so.6", "libSM.so.6"),
        *("libGL.so.1", "libz.so.1", "libexpat.so.1", "libatomic.so.1"),
        *("libglib-2.0.so.0", "libgobject-2.0.so.0", "libgthread-2.0.so.0"),
    }
)
#: Below this size compression saves nothing worth a warning.
_SMALL = 64 << 10
_LIBRARY_NAME = re.compile(r"\.(dll|dylib|exe|node|pyd|so(\.\d+)*)$")
#: The libraries of compilers that are not Microsoft's.
_MINGW = re.compile(r"(lib(gcc_s|stdc\+\+|winpthread|gomp|ssp)|cyg|msys-).*\.dll", re.IGNORECASE)
_INSTRUMENTED = ("-race", "-msan", "-asan", "-cover")


@dataclass(frozen=True)
class Program:
    """A native file of a wheel: its zip entry, facts, and traces of who built it."""

    entry: zipfile.ZipInfo
    facts: BinaryFacts
    traces: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The file's path in the wheel."""
        return path_of(self.entry)

    @property
    def is_command(self) -> bool:
        """Whether it is there to be run: on PATH, or a program in a package's bin folder."""
        in_bin = "bin" in self.path.split("/")[:-1]
        return is_command(self.path) or (in_bin and self.facts.kind != "shared library")

    @property
    def is_loadable(self) -> bool:
        """Whether something may start or load it, unlike test data and object files."""
        mode = self.entry.external_attr >> 16  # 0 where the archive records none
        starts = not mode or bool(mode & 0o111) or self.is_command
        return starts or bool(_LIBRARY_NAME.search(self.path.lower()))


def find_traces(facts: BinaryFacts, stream: BinaryIO, more: Iterable[str] = ()) -> tuple[str, ...]:
    """Paths of the machine that built it: those given, and common ones if Go left them in."""
    needles = {path.encode(): path for path in more if path}
    if facts.go and facts.setting("-trimpath") != "true":
        needles |= {needle: needle[1:].decode() for needle in _BUILDER_PATHS}
    found = contains(stream, needles) if needles else set()
    return tuple(sorted({needles[needle] for needle in found}))


def check_program(program: Program, name: WheelName, names: Set[str]) -> Faults:
    """Everything that a native file contradicts; `names` are those of all files in the wheel."""
    platforms = name.platforms
    if not program.is_loadable:
        return
    claims = [claim for tag in platforms if (claim := parse_claim(tag))]
    for claim in claims:
        if fault := _wrong_target(program, claim):
            yield fault
            return
    if "any" in platforms:
        yield from _check_any(program)
    if program.is_command:
        yield from _check_command(program)
    if program.entry.compress_type == zipfile.ZIP_STORED and program.entry.file_size > _SMALL:
        yield Fault("binary-stored", f"{program.path!r} is stored without compression")
    yield from _check_needs(program, claims, names)
    yield from _check_build(program, claims, name.version.release)


def _wrong_target(program: Program, claim: Claim) -> Fault | None:
    facts = program.facts
    if facts.goos == claim.goos and (
        facts.machine in claim.arches or _is_older_arm(facts.machine, claim)
    ):
        return None
    return Fault(
        "binary-target", f"{program.path!r} is {describe(facts)}, but the tag is '{claim.tag}'"
    )


def check_coverage(machines: Set[str], platforms: Sequence[str]) -> Faults:
    """Whether a tag for several architectures has a program for each; `machines` has theirs."""
    for claim in filter(None, map(parse_claim, platforms)):
        missing = [arch for arch in claim.arches if arch not in machines]
        if machines and missing and len(missing) < len(claim.arches):
            yield Fault(
                "binary-target",
                f"the tag is '{claim.tag}', but there is no program for {', '.join(missing)}",
            )


def _is_older_arm(machine: str, claim: Claim) -> bool:
    """Whether it is 32-bit ARM code that a CPU of the claimed level runs too."""
    runs_on = {"arm": ("armv6l", "armv7l"), "armv5l": ("armv6l", "armv7l"), "armv6l": ("armv7l",)}
    return any(arch in runs_on.get(machine, ()) for arch in claim.arches)


def _check_any(program: Program) -> Faults:
    """Native code in a wheel for every system; helpers with a name for each are common."""
    text = f"{program.path!r} is {describe(program.facts)}, but the tag is 'any'"
    if program.is_command:
        yield Fault("binary-target", text)
    elif program.facts.kind == "shared library":
        yield Fault("binary-any", text)


def _check_command(program: Program) -> Faults:
    facts, mode = program.facts, program.entry.external_attr >> 16
    if not facts.executable:
        yield Fault("binary-kind", f"{program.path!r} is {describe(facts)}, not an executable")
    if facts.format != "pe" and not (stat.S_ISREG(mode) and mode & 0o111):
        yield Fault(
            "binary-mode",
            f"{program.path!r} has mode {mode:#o} in the zip; pip will not make it executable",
        )


def _check_needs(program: Program, claims: list[Claim], names: Set[str]) -> Faults:
    seen = set()
    for claim in claims:
        check = _check_macos if claim.goos == "darwin" else _check_libc
        for fault in check(program, claim):
            if fault.code not in seen:
                seen.add(fault.code)
                yield fault
    folders = [path for path in program.facts.search_paths if path.startswith("/")]
    if folders:
        text = f"{program.path!r} looks for libraries outside of the wheel: {', '.join(folders)}"
        yield Fault("binary-rpath", text)
    foreign = [name for name in program.facts.libraries if _MINGW.fullmatch(name)]
    if missing := [name for name in foreign if name not in names]:
        text = f"{program.path!r} needs {', '.join(missing)}, which Windows doesn't have"
        yield Fault("binary-library", text)
    if any(claim.libc == "glibc" for claim in claims):
        missing = [name for name in program.facts.libraries if not _is_promised(name, names)]
        if missing and not _is_musl(program.facts):
            yield Fault(
                "binary-library",
                f"{program.path!r} needs {', '.join(missing)}, which manylinux doesn't promise",
            )


def _is_promised(library: str, names: Set[str]) -> bool:
    return library in _PROMISED or library in names or library.startswith("ld-linux")


def _check_macos(program: Program, claim: Claim) -> Faults:
    needed = _macos_needed(program.facts)
    if needed and claim.floor and claim.floor < needed:
        header = program.facts.minimum_macos
        go = program.facts.go.version if program.facts.go else ""
        source = "its header" if header == needed or not go else f"the documentation of {go}"
        yield Fault(
            "binary-macos",
            f"{program.path!r} needs macOS {needed[0]}.{needed[1]} according to {source}, "
            f"but the tag is '{claim.tag}'",
            f"tag it macosx_{needed[0]}_{needed[1]}_{program.facts.machine}",
        )


def _macos_needed(facts: BinaryFacts) -> Version2 | None:
    """The newest of the header's version and the one that Go documents for the release."""
    targets = [t for t in TARGETS if t.goos == "darwin" and t.arch == facts.machine]
    if facts.go and targets:
        try:
            return macos_floor(targets[0], facts.go.version, facts.minimum_macos)
        except ValueError:  # a self-made Go states no release
            pass
    return facts.minimum_macos


def _check_libc(program: Program, claim: Claim) -> Faults:
    facts = program.facts
    if claim.goos != "linux" or facts.static or not claim.libc:
        return
    if _is_musl(facts) != (claim.libc == "musl") and _has_libc(facts):
        yield Fault(
            "binary-libc", f"{program.path!r} is {describe(facts)}, but the tag is '{claim.tag}'"
        )
    elif claim.libc == "glibc" and claim.floor and (facts.glibc_floor or (0, 0)) > claim.floor:
        major, minor = facts.glibc_floor or (0, 0)
        yield Fault(
            "binary-glibc",
            f"{program.path!r} needs glibc {major}.{minor}, but the tag is '{claim.tag}'",
            f"tag it manylinux_{major}_{minor}, or build it on an older system",
        )


def _is_musl(facts: BinaryFacts) -> bool:
    names = (facts.interpreter or "", *facts.libraries)
    return any("ld-musl" in name or name.startswith("libc.musl") for name in names)


def _has_libc(facts: BinaryFacts) -> bool:
    """Whether it names a C library or loader, as a plug-in need not."""
    return bool(facts.interpreter) or any(name.startswith("libc.") for name in facts.libraries)


def _check_version(program: Program, release: Sequence[int]) -> Faults:
    """A wheel's version may have more parts than the program's: 0.9.0.2 wraps v0.9.0."""
    main = program.facts.go.main if program.facts.go else None
    match = _RELEASE.fullmatch(main.version if main else "")
    if match and program.is_command and list(map(int, match.groups())) != [*release, 0, 0][:3]:
        version = ".".join(map(str, release))
        text = f"{program.path!r} was built as {match[0]}, but the wheel's version is {version}"
        yield Fault("binary-version", text)


_RELEASE = re.compile(r"v(\d{1,9})\.(\d{1,9})\.(\d{1,9})", re.ASCII)


def _check_build(program: Program, claims: list[Claim], release: Sequence[int]) -> Faults:
    facts, path = program.facts, program.path
    arch = next((arch for claim in claims for arch in claim.arches), "")
    for fault in level_faults(facts, arch):
        yield Fault("binary-cpu", f"{path!r}: {fault}")
    odd = [flag for flag in _INSTRUMENTED if facts.setting(flag) == "true"]
    if experiment := facts.setting("GOEXPERIMENT"):
        odd.append(f"GOEXPERIMENT={experiment}")
    if odd:
        yield Fault("binary-build", f"{path!r} was built with {' '.join(odd)}")
    version = facts.go.main.version if facts.go and facts.go.main else ""
    if facts.setting("vcs.modified") == "true" or version.endswith("+dirty"):
        stamp = f" (its version is {version})" if version else ""
        yield Fault(
            "binary-dirty", f"{path!r} was built from a source tree with local changes{stamp}"
        )
    yield from _check_version(program, release)
    if program.traces:
        yield Fault(
            "binary-paths",
            f"{path!r} contains paths of the machine that built it: {', '.join(program.traces)}",
        )
