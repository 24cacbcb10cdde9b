"""The table of targets that Go builds and PyPI accepts, and their platform tags.

Sources: the platform compatibility tags specification (PEP 425, 600, 656), the list of
platform tags that PyPI accepts, and the minimum systems in Go's release notes.
Pure, but for `this_machine`.
"""

from __future__ import annotations

import difflib
import platform
import re
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from go_to_wheel.errors import InvalidOptionsError

MajorMinor = tuple[int, int]


@dataclass(frozen=True)
class Target:
    """One system to build for.

    `arch` is the architecture as platform tags spell it; `variant` is the environment variable
    (GOAMD64, GOARM …) for the instruction set and its most compatible value; `libc` is "musl"
    for wheels with a musllinux tag only. A universal file has the `goarch` "all" and an image
    for each of its `slices`. `tag` is set for systems that PyPI has no platform tag for.
    """

    name: str
    goos: str
    goarch: str
    arch: str
    variant: tuple[str, str] | None = None
    libc: str = ""
    default: bool = False
    tag: str = ""

    @property
    def exe_suffix(self) -> Literal["", ".exe"]:
        """`.exe` on Windows, empty elsewhere."""
        return ".exe" if self.goos == "windows" else ""

    @property
    def compile_key(self) -> tuple[str, str, tuple[str, str] | None]:
        """Targets with the same key share one compiled binary."""
        return (self.goos, self.goarch, self.variant)

    @property
    def slices(self) -> tuple[Target, ...]:
        """The targets that are compiled for this one: itself, or the images of a universal file."""
        thin = (target for target in TARGETS if target.goos == self.goos)
        return tuple(t for t in thin if t.default) if self.goarch == "all" else (self,)


_AMD64 = ("GOAMD64", "v1")
_ARM64 = ("GOARM64", "v8.0")
_386 = ("GO386", "sse2")

TARGETS: tuple[Target, ...] = (
    Target("linux-amd64", "linux", "amd64", "x86_64", _AMD64, default=True),
    Target("linux-arm64", "linux", "arm64", "aarch64", _ARM64, default=True),
    Target("darwin-amd64", "darwin", "amd64", "x86_64", _AMD64, default=True),
    Target("darwin-arm64", "darwin", "arm64", "arm64", _ARM64, default=True),
    Target("windows-amd64", "windows", "amd64", "amd64", _AMD64, default=True),
    Target("windows-arm64", "windows", "arm64", "arm64", _ARM64, default=True),
    Target("linux-386", "linux", "386", "i686", _386),
    Target("linux-armv7", "linux", "arm", "armv7l", ("GOARM", "7")),
    Target("linux-armv6", "linux", "arm", "armv6l", ("GOARM", "6")),
    Target("linux-ppc64le", "linux", "ppc64le", "ppc64le", ("GOPPC64", "power8")),
    Target("linux-s390x", "linux", "s390x", "s390x"),
    Target("linux-riscv64", "linux", "riscv64", "riscv64", ("GORISCV64", "rva20u64")),
    Target("windows-386", "windows", "386", "32", _386),
    Target("android-arm64", "android", "arm64", "aarch64", _ARM64),
    Target("darwin-universal2", "darwin", "all", "universal2"),
    Target("linux-amd64-musl", "linux", "amd64", "x86_64", _AMD64, libc="musl"),
    Target("linux-arm64-musl", "linux", "arm64", "aarch64", _ARM64, libc="musl"),
)
#: The targets that are built by default.
DEFAULT_TARGETS = tuple(target for target in TARGETS if target.default)
#: Every target that PyPI accepts and Go builds without cgo, each system once.
ALL_TARGETS = tuple(target for target in TARGETS if not target.libc and target.goarch != "all")

_BY_NAME = {target.name: target for target in TARGETS}
_CHOICES = [*_BY_NAME, "all", "default", "native"]

#: Systems and architectures that Go knows and PyPI has no platform tag for.
_REFUSED_GOOS = frozenset(
    "aix dragonfly freebsd illumos ios js netbsd openbsd plan9 solaris wasip1".split()
)
_REFUSED_GOARCH = frozenset("loong64 mips mipsle mips64 mips64le ppc64 sparc64 wasm".split())

#: First Go minor release -> the oldest macOS it documents, newest first.
_MACOS_MINIMUM = ((27, (13, 0)), (25, (12, 0)), (23, (11, 0)), (21, (10, 15)))
_FIRST_ARM_MACOS: MajorMinor = (11, 0)
#: The first Android for 64-bit processors, and that of CPython's first release for it.
_FIRST_ANDROID = 21
#: Architectures that PyPI takes with other tags than manylinux2014 and musllinux_1_1.
_LINUX_PREFIXES = {"armv6l": ("linux",), "riscv64": ("manylinux_2_31", "musllinux_1_2")}


def go_minor(go_version: str) -> int:
    """The minor release in a Go version such as "go1.26.8" or "1.27rc1" (26, 27).

    Raises ValueError when there is none.
    """
    match = re.match(r"(?:go)?1\.(\d{1,4})", go_version)
    if not match:
        raise ValueError(f"not a Go version: {go_version!r}")
    return int(match[1])


def macos_floor(target: Target, go_version: str, minos: MajorMinor | None) -> MajorMinor:
    """The macOS version for the tag: the newest that Go, the binary or the CPU requires."""
    processor = (0, 0) if target.arch == "x86_64" else _FIRST_ARM_MACOS
    release = go_minor(go_version)
    documented = next((least for first, least in _MACOS_MINIMUM if release >= first), (10, 13))
    return tag_version(max(documented, processor, minos or (0, 0)))


def tag_version(least: MajorMinor) -> MajorMinor:
    """The oldest macOS from `least` on that a tag can name; after macOS 15 came 26."""
    major = least[0] + (least[1] > 0)
    return least if least < (11, 0) else (26 if 15 < major < 26 else major, 0)


def platform_tags(
    target: Target, go_version: str, minos: MajorMinor | None = None
) -> tuple[str, ...]:
    """The sorted platform tags of a static binary for `target`.

    `go_version` is the Go that built it ("go1.26.8"), `minos` the minimum macOS that the
    binary itself states. From macOS 11 on tags have a major version only (`_X_0`), so 11.3
    becomes 12.0.
    """
    arch = target.arch
    if target.goos == "darwin":
        return ("macosx_{}_{}_{}".format(*macos_floor(target, go_version, minos), arch),)
    if target.tag:
        return (target.tag,)
    if target.goos == "android":
        return (f"android_{_FIRST_ANDROID}_arm64_v8a",)
    if target.goos == "windows":
        return ("win32" if arch == "32" else f"win_{arch}",)
    usual = ("manylinux2014", "manylinux_2_17", "musllinux_1_1", "musllinux_1_2")
    prefixes = ("musllinux_1_2",) if target.libc == "musl" else _LINUX_PREFIXES.get(arch, usual)
    return tuple(f"{prefix}_{arch}" for prefix in prefixes)


def glibc_tags(target: Target, floor: MajorMinor) -> tuple[str, ...]:
    """The sorted tags of a program that needs a glibc from `floor` on (PEP 600)."""
    if floor <= (2, 17):
        return tuple(f"{prefix}_{target.arch}" for prefix in ("manylinux2014", "manylinux_2_17"))
    return (f"manylinux_{floor[0]}_{floor[1]}_{target.arch}",)


def minimum_system(target: Target, go_version: str) -> str:
    """The oldest system that Go releases from 1.24 on document for the target, in words."""
    if target.goos == "darwin":
        major, point = macos_floor(target, go_version, None)
        return f"macOS {major}.{point}" if major == 10 else f"macOS {major}"
    return {"windows": "Windows 10", "android": "Android 5"}.get(target.goos, "Linux 3.2")


#: Other names of Go's systems and processors.
_ALIASES = {"macos": "darwin", "macosx": "darwin", "win": "windows", "win32": "windows"}
_ALIASES |= {"x86_64": "amd64", "x64": "amd64", "aarch64": "arm64"}
_ALIASES |= {"loongarch64": "loong64", "i386": "386", "i686": "386", "x86": "386"}


#: Processors as Go names them -> as ELF files do; these have local wheels on other systems.
_ELF_NAMES = {"amd64": "x86_64", "arm64": "aarch64", "386": "i686", "loong64": "loongarch64"}
_ELF_NAMES |= {name: name for name in ("ppc64le", "riscv64", "s390x")}


def native_target(
    system: str, machine: str, platform_name: str = "", is_32_bit: bool = False
) -> Target | None:
    """The target of an interpreter, if there is one.

    `system`, `machine` and `platform_name` are what `sys.platform`, `platform.machine()` and
    `sysconfig.get_platform()` say; `is_32_bit` is whether the interpreter is a 32-bit one,
    perhaps under a 64-bit kernel. Where PyPI has no tag, the target has the tag of a local wheel.
    """
    goos = {"win32": "windows"}.get(system, system.rstrip("0123456789."))
    if goos == "windows" and platform_name:  # under emulation `machine` is the computer's own
        machine = {"win32": "x86"}.get(platform_name, platform_name.removeprefix("win-"))
    machine = machine.lower()
    arch = _ALIASES.get(machine, machine)
    if is_32_bit:
        arch = {"amd64": "386", "arm64": "armv7"}.get(arch, arch)
    if arch.startswith("armv") and arch[4:5] in ("6", "7", "8"):
        arch = "armv6" if arch[4] == "6" else "armv7"
    name, tag = f"{goos}-{arch}", re.sub(r"[-. ]", "_", platform_name.lower())
    has_local_tag = goos in {"linux", *_REFUSED_GOOS} and arch in _ELF_NAMES and platform_name
    local = Target(name, goos, arch, _ELF_NAMES[arch], tag=tag) if has_local_tag else None
    return _BY_NAME.get(name, local)


def this_machine() -> Target | None:
    """The target of this interpreter, if there is one."""
    is_32_bit = sys.maxsize <= 2**32
    return native_target(sys.platform, platform.machine(), sysconfig.get_platform(), is_32_bit)


def parse_selection(names: str | Iterable[str], native: Target | None = None) -> tuple[Target, ...]:
    """Parse target names, a sequence or one comma-separated string, into targets in that order.

    "all", "default" and "native" name sets. Raises InvalidOptionsError with every problem.
    """
    sets = {"all": ALL_TARGETS, "default": DEFAULT_TARGETS}
    sets |= {"native": (native,), native.name: (native,)} if native else {}
    sets |= {name: (target,) for name, target in _BY_NAME.items()}
    requested = [name.strip() for name in (names.split(",") if isinstance(names, str) else names)]
    chosen = [target for name in requested for target in sets.get(name, ())]
    problems = [_explain_unknown(name) for name in requested if name not in sets]
    repeated = dict.fromkeys(target.name for target in chosen if chosen.count(target) > 1)
    problems += [f"platform {name!r} is named more than once" for name in repeated]
    if not requested:
        problems.append("no platform was named")
    if problems:
        hint = f"choose from: {', '.join(_CHOICES)}"
        if len(problems) == len(repeated):
            once = dict.fromkeys(target.name for target in chosen)
            hint = f"name each once: --platforms {','.join(once)}"
        raise InvalidOptionsError(problems, hint)
    return tuple(chosen)


def _explain_unknown(name: str) -> str:
    words = [_ALIASES.get(word, word) for word in name.lower().replace("/", "-").split("-")]
    if name == "native":
        return "platform 'native': this machine matches no known platform"
    if words[0] == "android":
        return f"platform {name!r} needs the linker of Android's NDK; choose android-arm64"
    if words[0] in _REFUSED_GOOS or (len(words) > 1 and words[1] in _REFUSED_GOARCH):
        return f"platform {name!r}: PyPI accepts no wheels for it"
    close = difflib.get_close_matches("-".join(words), _CHOICES, n=1, cutoff=0.5)
    return f"unknown platform {name!r}" + (f", did you mean {close[0]!r}?" if close else "")
