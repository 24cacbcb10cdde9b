"""The facts of an executable as values, and their description for messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from go_to_wheel.platforms import MajorMinor

_SYSTEM_NAMES = {"darwin": "macOS", "ios": "iOS", "freebsd": "FreeBSD", "netbsd": "NetBSD"}
_SYSTEM_NAMES |= {"openbsd": "OpenBSD", "dragonfly": "DragonFly BSD", "illumos": "illumos"}


@dataclass(frozen=True)
class GoModule:
    """A module that went into a binary: `sum` is its "h1:" hash, empty for local code."""

    path: str
    version: str = ""
    sum: str = ""
    replace: GoModule | None = None


@dataclass(frozen=True)
class GoBuildInfo:
    """Go's build information: `version` is "go1.26.8", `path` the main package.

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

    `format` is "elf", "macho" or "pe", `goos` Go's name of the system. `machine` is spelled as in
    that system's platform tags, like `platforms.Target.arch` ("arm" where the level is unknown).
    `kind` is "executable", "shared library", "object file", "debug symbols" … `pie`, `interpreter`
    and `versions`, the needed symbol versions as ("libc.so.6", "GLIBC_2.34"), are for ELF files;
    `minimum_glibc` is the newest of these. `minimum_macos` comes from the header. `search_paths`
    are RPATH and RUNPATH. `signature` locates a signature, with the image's offset as the address.
    `slices` are the images of a universal file, whose `machine` is "universal2".
    """

    format: str
    goos: str
    machine: str
    kind: str = "executable"
    pie: bool = False
    interpreter: str | None = None
    libraries: tuple[str, ...] = ()
    search_paths: tuple[str, ...] = ()
    minimum_glibc: MajorMinor | None = None
    versions: tuple[tuple[str, str], ...] = ()
    minimum_macos: MajorMinor | None = None
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


#: A format's facts, with "" for an unknown `goos`, and the section or data to search for Go's
#: build information.
ParsedImage = tuple[BinaryFacts, Span | None]


def system_name(goos: str) -> str:
    """A GOOS as people write it ("darwin" -> "macOS")."""
    return _SYSTEM_NAMES.get(goos, goos.capitalize())


def describe(facts: BinaryFacts) -> str:
    """The facts as a noun phrase.

    "a dynamically linked Linux x86_64 executable (needs libc.so.6, glibc 2.34)".
    """
    machine = "x86" if facts.format == "pe" and facts.machine == "32" else facts.machine
    phrase = f"{system_name(facts.goos)} {machine} {facts.kind}"
    needs: list[str] = []
    if facts.format == "elf":
        if facts.executable:
            phrase = f"{'statically' if facts.static else 'dynamically'} linked {phrase}"
        needs += facts.libraries or ([facts.interpreter] if facts.interpreter else [])
        if facts.minimum_glibc:
            needs.append("glibc {}.{}".format(*facts.minimum_glibc))
    elif facts.minimum_macos:
        needs.append("{} {}.{}".format(system_name(facts.goos), *facts.minimum_macos))
    article = "an" if phrase[0] in "aeiouAEIO" else "a"
    return f"{article} {phrase}" + (f" (needs {', '.join(needs)})" if needs else "")
