"""The facts of one executable, as values, and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

Version2 = tuple[int, int]

_SYSTEM_NAMES = {
    "darwin": "macOS",
    "ios": "iOS",
    "freebsd": "FreeBSD",
    "netbsd": "NetBSD",
    "openbsd": "OpenBSD",
    "dragonfly": "DragonFly BSD",
    "illumos": "illumos",
}


@dataclass(frozen=True)
class GoModule:
    """A module that went into a binary: `sum` is its "h1:" hash, empty for local code."""

    path: str
    version: str = ""
    sum: str = ""
    replace: GoModule | None = None


@dataclass(frozen=True)
class GoBuildInfo:
    """What Go's linker recorded: `version` is "go1.26.8", `path` the main package.

    `main` is None for a build outside any module; `settings` maps "CGO_ENABLED",
    "GOARCH", "-ldflags", "vcs.modified" and the like to their text.
    """

    version: str
    path: str = ""
    main: GoModule | None = None
    deps: tuple[GoModule, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BinaryFacts:
    """One executable (or library, or object file) for one system and architecture.

    `format` is "elf", "macho" or "pe". `goos` is spelled as Go spells it. `machine` is
    spelled as the platform tags of that system spell it, so that it equals a matching
    `platforms.Target.arch`: "x86_64", "aarch64", "i686", "armv7l", "armv6l", "armv5l",
    "ppc64le", "s390x", "riscv64" … on Linux ("arm" where the level is unknown);
    "x86_64", "arm64" on macOS; "amd64", "arm64", "32" on Windows. `kind` is
    "executable", "shared library", "object file" or "core dump". `pie`, `interpreter` and
    `versions` are only in ELF files. `glibc_floor` is the
    newest glibc symbol version asked for, `versions` are all of them with their libraries
    ("libc.so.6", "GLIBC_2.34"); `minimum_macos` is what the header states;
    `search_paths` are the folders (RPATH, RUNPATH) where the loader looks for libraries.
    `signature` is where a Mach-O image's or PE file's own lies, and the image's start in the
    file for its address. `slices` are the images of a universal file, whose `machine` is
    "universal2".
    """

    format: str
    goos: str
    machine: str
    kind: str = "executable"
    pie: bool = False
    interpreter: str | None = None
    libraries: tuple[str, ...] = ()
    search_paths: tuple[str, ...] = ()
    glibc_floor: Version2 | None = None
    versions: tuple[tuple[str, str], ...] = ()
    minimum_macos: Version2 | None = None
    signature: Span | None = None
    slices: tuple[BinaryFacts, ...] = ()
    go: GoBuildInfo | None = None

    @property
    def executable(self) -> bool:
        """Whether the system can start it, as opposed to load or link it."""
        return self.kind == "executable"

    @property
    def static(self) -> bool:
        """Whether it runs without a dynamic loader and without libraries."""
        return self.interpreter is None and not self.libraries

    def setting(self, key: str) -> str:
        """A setting that Go recorded, or the empty string."""
        return self.go.settings.get(key, "") if self.go else ""


class Span(NamedTuple):
    """A range of the file that is mapped at a virtual address."""

    address: int
    offset: int
    size: int


#: What the reader of a format returns: facts so far, their `goos` "" where the format doesn't
#: state it, and where Go's linker puts its build information: a section, or data to search.
Image = tuple[BinaryFacts, Span | None]


def system_name(goos: str) -> str:
    """A GOOS as people write it ("darwin" -> "macOS")."""
    return _SYSTEM_NAMES.get(goos, goos.capitalize())


def describe(facts: BinaryFacts) -> str:
    """The facts as a noun phrase.

    "a dynamically linked Linux x86_64 executable (needs libc.so.6, glibc 2.34)".
    """
    machine = "x86" if facts.format == "pe" and facts.machine == "32" else facts.machine
    phrase = f"{system_name(facts.goos)} {machine} {facts.kind}"
    if facts.format == "elf" and facts.executable:
        phrase = f"{'statically' if facts.static else 'dynamically'} linked {phrase}"
    article = "an" if phrase[0] in "aeiouAEIO" else "a"
    needs = _needs(facts)
    return f"{article} {phrase}" + (f" (needs {', '.join(needs)})" if needs else "")


def _needs(facts: BinaryFacts) -> list[str]:
    if facts.format == "macho" and (minimum := facts.minimum_macos):
        return [f"{system_name(facts.goos)} {minimum[0]}.{minimum[1]}"]
    if facts.format != "elf":
        return []
    needs = list(facts.libraries) or ([facts.interpreter] if facts.interpreter else [])
    if facts.glibc_floor:
        needs.append(f"glibc {facts.glibc_floor[0]}.{facts.glibc_floor[1]}")
    return needs
