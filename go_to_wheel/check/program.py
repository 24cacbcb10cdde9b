"""The native files in a wheel, compared with its tags."""

from __future__ import annotations

import posixpath
import re
import stat
from collections.abc import Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import BinaryIO

from go_to_wheel.binary.facts import BinaryFacts, describe
from go_to_wheel.binary.match import contains, level_faults
from go_to_wheel.check.filename import Claim, WheelName, parse_claim
from go_to_wheel.check.paths import is_command
from go_to_wheel.check.report import Findings, fault
from go_to_wheel.platforms import TARGETS, Version2, macos_floor

#: Where programs and their sources lie on the machines that build them. Go's tables hold
#: file names between zero bytes, so a name that starts so is no text of the program's own.
_BUILDER_PATHS = (
    *(b"\0/home/", b"\0/root/", b"\0/Users/", b"\0/tmp/", b"\0/build/", b"\0/builds/"),
    *(b"\0/go/src/", b"\0/usr/local/go/src/", b"\0C:/Users/", b"\0C:/hostedtoolcache/"),
    *(b"\0D:/a/", b"\0C:/Program Files/Go/src/"),
)
#: The libraries that every system with manylinux wheels has (PEP 513, 571, 599).
_PROMISED = re.compile(
    r"lib(c|m)\.so\.6|lib(dl|resolv)\.so\.2|lib(rt|util|nsl|gcc_s|z|expat|atomic|GL)\.so\.1"
    r"|libpthread\.so\.0|libstdc\+\+\.so\.6|lib(X11|Xext|ICE|SM)\.so\.6|libXrender\.so\.1"
    r"|lib(glib|gobject|gthread)-2\.0\.so\.0|ld-linux.*"
)
#: Below this size compression saves nothing worth a warning.
_SMALL = 64 << 10
_LIBRARY_NAME = re.compile(r"\.(dll|dylib|exe|node|pyd|so(\.\d+)*)$")
#: The libraries of compilers that are not Microsoft's.
_MINGW = re.compile(r"(lib(gcc_s|stdc\+\+|winpthread|gomp|ssp)|cyg|msys-).*\.dll", re.IGNORECASE)
#: Contracts of Windows, and the libraries that Python for Windows has beside it.
_API_SET = re.compile(r"(api|ext)-ms-|python3|vcruntime140|.*\.(drv|exe|sys)$")
#: Libraries of package managers; macOS's own are in /usr/lib and /System.
_FOREIGN_DYLIB = re.compile(r"/(?!usr/lib/|System/)")
_RELEASE = re.compile(
    r"v(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?!\d|-0\.|-\d{14}-|-.*\.0\.\d{14}-)", re.ASCII
)
#: 32-bit ARM code by its level, and the levels of CPUs that run it too.
_RUNS_ON = {"arm": ("armv6l", "armv7l"), "armv5l": ("armv6l", "armv7l"), "armv6l": ("armv7l",)}


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
    machines = {facts.machine, *_RUNS_ON.get(facts.machine, ())}
    machines |= {part.machine for part in facts.slices}
    return facts.goos == claim.goos and not machines.isdisjoint(claim.arches)


def check_program(program: Program, name: WheelName, names: Set[str]) -> Findings:
    """Everything that a native file contradicts; `names` are those of all files in the wheel."""
    if not program.is_loadable:
        return
    facts, path = program.facts, program.path
    claims = [claim for tag in name.platforms if (claim := parse_claim(tag))]
    for claim in claims:
        if not fits(facts, claim):
            yield fault("binary-target", path, f"{describe(facts)}, but the tag is '{claim.tag}'")
            return
    # .exe files in wheels for every system are mostly launchers, which are copied, not run
    is_native = facts.kind == "shared library" or (facts.executable and facts.format != "pe")
    if "any" in name.platforms and (program.is_command or is_native):
        code = "binary-target" if program.is_command else "binary-any"
        yield fault(code, path, f"{describe(facts)}, but the tag is 'any'")
    if program.is_command and not facts.executable:
        yield fault("binary-kind", path, f"{describe(facts)}, not an executable")
    executable = stat.S_ISREG(program.mode) and program.mode & 0o111
    if program.is_command and facts.format != "pe" and not executable:
        yield fault("binary-mode", path, f"mode {program.mode:#o}; pip won't make it executable")
    if program.stored and program.size > _SMALL:
        yield fault("binary-stored", path)
    needs = [need for claim in claims for need in _needs_of_tag(program, claim)]
    yield from {need.code: need for need in needs}.values()
    yield from _check_libraries(program, claims, names)
    yield from _check_build(program, claims, name.version.release)


def check_coverage(machines: Set[str], platforms: Sequence[str]) -> Findings:
    """Whether a tag for several architectures has a program for each; `machines` has theirs."""
    for claim in filter(None, map(parse_claim, platforms)):
        missing = [arch for arch in claim.arches if arch not in machines]
        if machines and missing and len(missing) < len(claim.arches):
            yield fault("binary-target", claim.tag, f"no program for {', '.join(missing)}")


def _needs_of_tag(program: Program, claim: Claim) -> Findings:
    """Whether it needs another C library, or a newer system, than the tag promises."""
    facts, path, but = program.facts, program.path, f"but the tag is '{claim.tag}'"
    floor = claim.floor or (99, 0)
    if claim.goos == "darwin":
        (major, minor), source = max(_macos_sources(facts).items(), default=((0, 0), ""))
        if floor < (major, minor):
            text = f"it needs macOS {major}.{minor} according to {source}, {but}"
            hint = f"tag it macosx_{major}_{minor}_{facts.machine}"
            yield replace(fault("binary-macos", path, text), hint=hint)
    elif claim.libc and not facts.static:
        # a plug-in need not name a C library or loader
        has_libc = facts.interpreter or any(name.startswith("libc.") for name in facts.libraries)
        major, minor = facts.glibc_floor or (0, 0)
        if program.is_musl != (claim.libc == "musl") and has_libc:
            yield fault("binary-libc", path, f"{describe(facts)}, {but}")
        elif claim.libc == "glibc" and (major, minor) > floor:
            hint = f"tag it manylinux_{major}_{minor}, or build it on an older system"
            text = f"it needs glibc {major}.{minor}, {but}"
            yield replace(fault("binary-glibc", path, text), hint=hint)


def _macos_sources(facts: BinaryFacts) -> dict[Version2, str]:
    """The oldest macOS for it, as its header and the documentation of its Go say."""
    sources: dict[Version2, str] = {}
    for part in facts.slices:  # an arm64 one is not started before macOS 11
        found = _macos_sources(part).items()
        sources |= {
            least: why for least, why in found if part.machine != "arm64" or least > (11, 0)
        }
    if facts.slices:
        return sources
    for target in TARGETS:
        if facts.go and (target.goos, target.arch) == ("darwin", facts.machine):
            with suppress(ValueError):  # a self-made Go states no release
                needed = macos_floor(target, facts.go.version, facts.minimum_macos)
                sources[needed] = f"the documentation of {facts.go.version}"
    if facts.minimum_macos:
        sources[facts.minimum_macos] = "its header"
    return sources


def _leads_out(folder: str, path: str) -> bool:
    """Whether the loader's search for a library leads out of the wheel that has it at `path`."""
    own, _, below = folder.partition("/")
    if own in ("$ORIGIN", "${ORIGIN}", "@loader_path"):
        if ".data/" in path:  # its place in the environment is another
            return False
        return posixpath.normpath(f"{posixpath.dirname(path)}/{below}").startswith("..")
    return not folder.startswith(("@", "/usr/lib/swift", "/System/"))


def _check_libraries(program: Program, claims: list[Claim], names: Set[str]) -> Findings:
    folders = [path for path in program.facts.search_paths if _leads_out(path, program.path)]
    if folders:
        shown = ", ".join(folder or "the current directory" for folder in folders)
        yield fault("binary-rpath", program.path, f"it looks into {shown}")
    absent = [name for name in program.facts.libraries if name not in names]
    foreign = [name for name in absent if _MINGW.fullmatch(name)]
    if any(claim.libc == "glibc" for claim in claims) and not program.is_musl:
        foreign = [name for name in absent if not _PROMISED.fullmatch(name)]
    elif program.facts.format == "macho":
        foreign = [name for name in program.facts.libraries if _FOREIGN_DYLIB.match(name)]
    elif program.facts.format == "pe":
        known = {*foreign, *filter(_is_system_dll, absent)}
        known |= {name for name in absent if name.lower() in set(map(str.lower, names))}
        if others := [name for name in absent if name not in known]:
            yield fault("binary-dll", program.path, f"it needs {', '.join(others)}")
    if foreign:
        yield fault("binary-library", program.path, f"it needs {', '.join(foreign)}")


@cache
def _is_system_dll(name: str) -> bool:
    """Whether a DLL is Windows's or Python's own."""
    known = files("go_to_wheel").joinpath("data", "windows-dlls.txt").read_text(encoding="utf-8")
    stem = name.lower().removesuffix(".dll")
    return stem in known.split() or bool(_API_SET.match(stem))


def _check_build(program: Program, claims: list[Claim], release: Sequence[int]) -> Findings:
    """What is odd about how it was built."""
    facts, path = program.facts, program.path
    arch = next((arch for claim in claims for arch in claim.arches), "")
    for text in level_faults(facts, arch):
        yield fault("binary-cpu", path, text)
    odd = [flag for flag in ("-race", "-msan", "-asan", "-cover") if facts.setting(flag) == "true"]
    if experiment := facts.setting("GOEXPERIMENT"):
        odd.append(f"GOEXPERIMENT={experiment}")
    if odd:
        yield fault("binary-build", path, f"it was built with {' '.join(odd)}")
    version = facts.go.main.version if facts.go and facts.go.main else ""
    if facts.setting("vcs.modified") == "true" or version.endswith("+dirty"):
        yield fault("binary-dirty", path, f"local changes (version {version or 'unknown'})")
    built = _RELEASE.match(version)  # a wheel's version may have more parts: 0.9.0.2 of v0.9.0
    if built and program.is_command and [*map(int, built.groups())] != [*release, 0, 0][:3]:
        yield fault("binary-version", path, f"Go recorded {version}, not that of the wheel")
    if program.traces:
        yield fault("binary-paths", path, f"it contains {', '.join(program.traces)}")


def explain_tag(tag: str, facts: BinaryFacts | None) -> str:
    """Why a program with these facts has that platform tag, in a few words."""
    claim = parse_claim(tag)
    if claim is None:
        return "any system" if tag == "any" else "a system that isn't inspected"
    if facts is None:
        return "the wheel has no program"
    if not fits(facts, claim):
        return f"but the program is {describe(facts)}"
    if claim.goos == "linux" and facts.static:
        return f"static: it needs no {claim.libc or 'C library'}, so any version will do"
    sources = _macos_sources(facts) if claim.goos == "darwin" else {}
    reasons = [f"macOS {major}.{minor} ({source})" for (major, minor), source in sources.items()]
    return ", ".join(reasons) or describe(facts)
