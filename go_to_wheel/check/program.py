"""The native files in a wheel, compared with its tags."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from go_to_wheel.binary.facts import BinaryFacts, describe
from go_to_wheel.binary.match import contains, level_faults
from go_to_wheel.check.filename import Claim, WheelName, parse_claim
from go_to_wheel.check.paths import is_command
from go_to_wheel.check.report import Finding, Findings
from go_to_wheel.platforms import TARGETS, Version2, macos_floor, macos_minimum

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
_RELEASE = re.compile(r"v(\d{1,9})\.(\d{1,9})\.(\d{1,9})", re.ASCII)
#: 32-bit ARM code by its level, and the levels of CPUs that run it too.
_RUNS_ON = {"arm": ("armv6l", "armv7l"), "armv5l": ("armv6l", "armv7l"), "armv6l": ("armv7l",)}


@dataclass(frozen=True)
class Program:
    """A native file of a wheel: its zip entry, what was read from it, traces of who built it.

    `mode` is 0 where the archive records none.
    """

    path: str
    facts: BinaryFacts
    mode: int = 0
    size: int = 0
    stored: bool = False
    traces: tuple[str, ...] = ()

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
        return any("ld-musl" in name or name.startswith("libc.musl") for name in names)


def find_traces(facts: BinaryFacts, stream: BinaryIO, more: Iterable[str] = ()) -> tuple[str, ...]:
    """Paths of the machine that built it: those given, and common ones if Go left them in."""
    needles = {path.encode(): path for path in more if path}
    if facts.go and facts.setting("-trimpath") != "true":
        needles |= {needle: needle[1:].decode() for needle in _BUILDER_PATHS}
    found = contains(stream, needles) if needles else set()
    return tuple(sorted({needles[needle] for needle in found}))


def fits(facts: BinaryFacts, claim: Claim) -> bool:
    """Whether it is for the system and an architecture of the tag."""
    machines = (facts.machine, *_RUNS_ON.get(facts.machine, ()))
    return facts.goos == claim.goos and not set(machines).isdisjoint(claim.arches)


def check_program(program: Program, name: WheelName, names: Set[str]) -> Findings:
    """Everything that a native file contradicts; `names` are those of all files in the wheel."""
    if not program.is_loadable:
        return
    facts, path = program.facts, program.path
    claims = [claim for tag in name.platforms if (claim := parse_claim(tag))]
    for claim in claims:
        if not fits(facts, claim):
            text = f"{path!r} is {describe(facts)}, but the tag is '{claim.tag}'"
            yield Finding("binary-target", text)
            return
    if "any" in name.platforms and (program.is_command or facts.kind == "shared library"):
        code = "binary-target" if program.is_command else "binary-any"
        yield Finding(code, f"{path!r} is {describe(facts)}, but the tag is 'any'")
    if program.is_command and not facts.executable:
        yield Finding("binary-kind", f"{path!r} is {describe(facts)}, not an executable")
    executable = stat.S_ISREG(program.mode) and program.mode & 0o111
    if program.is_command and facts.format != "pe" and not executable:
        text = f"{path!r} has mode {program.mode:#o} in the zip; pip will not make it executable"
        yield Finding("binary-mode", text)
    if program.stored and program.size > _SMALL:
        yield Finding("binary-stored", f"{path!r} is stored without compression")
    for code, (text, hint) in dict(_needs(program, claims, names)).items():
        yield Finding(code, f"{path!r} {text}", hint)
    arch = next((arch for claim in claims for arch in claim.arches), "")
    for code, text in _build(program, arch, name.version.release):
        yield Finding(code, f"{path!r} {text}")


def check_coverage(machines: Set[str], platforms: Sequence[str]) -> Findings:
    """Whether a tag for several architectures has a program for each; `machines` has theirs."""
    for claim in filter(None, map(parse_claim, platforms)):
        missing = [arch for arch in claim.arches if arch not in machines]
        if machines and missing and len(missing) < len(claim.arches):
            text = f"the tag is '{claim.tag}', but there is no program for {', '.join(missing)}"
            yield Finding("binary-target", text)


#: A code, what is wrong, what to do.
_Need = tuple[str, tuple[str, str]]


def _needs(program: Program, claims: list[Claim], names: Set[str]) -> Iterator[_Need]:
    """What it needs beyond what the tags promise."""
    facts = program.facts
    for claim in claims:
        yield from (_needs_macos if claim.goos == "darwin" else _needs_libc)(program, claim)
    if folders := [path for path in facts.search_paths if path.startswith("/")]:
        text = f"looks for libraries outside of the wheel: {', '.join(folders)}"
        yield "binary-rpath", (text, "")
    absent = [name for name in facts.libraries if name not in names]
    if foreign := [name for name in absent if _MINGW.fullmatch(name)]:
        yield "binary-library", (f"needs {', '.join(foreign)}, which Windows doesn't have", "")
    is_glibc = any(claim.libc == "glibc" for claim in claims) and not program.is_musl
    if foreign := [name for name in absent if is_glibc and not _PROMISED.fullmatch(name)]:
        text = f"needs {', '.join(foreign)}, which manylinux doesn't promise"
        yield "binary-library", (text, "")


def macos_needed(facts: BinaryFacts) -> tuple[Version2 | None, str]:
    """The oldest macOS for it, and where that is from: its header, or Go's documentation."""
    targets = [t for t in TARGETS if t.goos == "darwin" and t.arch == facts.machine]
    if facts.go and targets:
        try:
            floor = macos_floor(targets[0], facts.go.version, facts.minimum_macos)
        except ValueError:  # a self-made Go states no release
            return facts.minimum_macos, "its header"
        if floor != facts.minimum_macos:
            return floor, f"the documentation of {facts.go.version}"
    return facts.minimum_macos, "its header"


def _needs_macos(program: Program, claim: Claim) -> Iterator[_Need]:
    needed, source = macos_needed(program.facts)
    if needed and claim.floor and claim.floor < needed:
        version = "{}.{}".format(*needed)
        text = f"needs macOS {version} according to {source}, but the tag is '{claim.tag}'"
        hint = f"tag it macosx_{needed[0]}_{needed[1]}_{program.facts.machine}"
        yield "binary-macos", (text, hint)


def _needs_libc(program: Program, claim: Claim) -> Iterator[_Need]:
    facts = program.facts
    if facts.static or not claim.libc:
        return
    # a plug-in need not name a C library or loader
    has_libc = facts.interpreter or any(name.startswith("libc.") for name in facts.libraries)
    if program.is_musl != (claim.libc == "musl") and has_libc:
        yield "binary-libc", (f"is {describe(facts)}, but the tag is '{claim.tag}'", "")
    elif claim.libc == "glibc" and claim.floor and (facts.glibc_floor or (0, 0)) > claim.floor:
        major, minor = facts.glibc_floor or (0, 0)
        text = f"needs glibc {major}.{minor}, but the tag is '{claim.tag}'"
        hint = f"tag it manylinux_{major}_{minor}, or build it on an older system"
        yield "binary-glibc", (text, hint)


def _build(program: Program, arch: str, release: Sequence[int]) -> Iterator[tuple[str, str]]:
    """What is odd about how it was built, as code and text."""
    facts = program.facts
    for text in level_faults(facts, arch):
        yield "binary-cpu", text.removeprefix("it ")
    odd = [flag for flag in ("-race", "-msan", "-asan", "-cover") if facts.setting(flag) == "true"]
    if experiment := facts.setting("GOEXPERIMENT"):
        odd.append(f"GOEXPERIMENT={experiment}")
    if odd:
        yield "binary-build", f"was built with {' '.join(odd)}"
    version = facts.go.main.version if facts.go and facts.go.main else ""
    if facts.setting("vcs.modified") == "true" or version.endswith("+dirty"):
        stamp = f" (its version is {version})" if version else ""
        yield "binary-dirty", f"was built from a source tree with local changes{stamp}"
    built = _RELEASE.fullmatch(version)  # a wheel's version may have more parts: 0.9.0.2 of v0.9.0
    if built and program.is_command and [*map(int, built.groups())] != [*release, 0, 0][:3]:
        own = ".".join(map(str, release))
        yield "binary-version", f"was built as {version}, but the wheel's version is {own}"
    if program.traces:
        traces = ", ".join(program.traces)
        yield "binary-paths", f"contains paths of the machine that built it: {traces}"


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
    if claim.goos != "darwin":
        return describe(facts)
    reasons = []
    if facts.minimum_macos:
        reasons.append("its header says macOS {}.{}".format(*facts.minimum_macos))
    if facts.go:
        with suppress(ValueError):  # a self-made Go states no release
            documented = macos_minimum(facts.go.version)
            reasons.append("{} documents macOS {}.{}".format(facts.go.version, *documented))
    return ", ".join(reasons) or "it states no version"
