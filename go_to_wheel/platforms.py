"""The table of targets: what Go can build, what PyPI takes, and the tags between.

Sources: the platform compatibility tags specification (PEP 425, 600, 656), the list of
platform tags that PyPI accepts, and the minimum systems in Go's release notes.
Everything here is pure.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from go_to_wheel.errors import InvalidOptionsError

Version2 = tuple[int, int]


@dataclass(frozen=True)
class Target:
    """One system to build for.

    `arch` is the architecture as Python's platform tags spell it; `variant` holds the
    environment variable (GOAMD64, GOARM …) that fixes the instruction set, at its most
    compatible value; `libc` is "musl" where only musllinux is claimed. The `goarch` "all" is
    that of a universal file, which has an image for each of its `slices`. `tag` is the one
    of a local wheel, for a machine that PyPI has no platform tag for.
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
        """The targets that one file for this one is compiled for."""
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

_BY_NAME = {target.name: target for target in TARGETS}
_CHOICES = [*_BY_NAME, "all", "default", "native"]

#: Systems and architectures that Go knows and PyPI has no platform tag for.
_REFUSED_GOOS = frozenset(
    "aix dragonfly freebsd illumos ios js netbsd openbsd plan9 solaris wasip1".split()
)
_REFUSED_GOARCH = frozenset("loong64 mips mipsle mips64 mips64le ppc64 sparc64 wasm".split())

#: First Go minor release -> the oldest macOS it documents, newest first.
_MACOS_MINIMUM = ((27, (13, 0)), (25, (12, 0)), (23, (11, 0)), (21, (10, 15)))
_FIRST_ARM_MACOS: Version2 = (11, 0)
#: The first Android for 64-bit processors, and that of CPython's first release for it.
_FIRST_ANDROID = 21
#: Architectures that PyPI takes with other tags than manylinux2014 and musllinux_1_1.
_LINUX_HEADS = {"armv6l": ("linux",), "riscv64": ("manylinux_2_31", "musllinux_1_2")}


def go_minor(go_version: str) -> int:
    """The minor release in a Go version such as "go1.26.8" or "1.27rc1" (26, 27).

    Raises ValueError when there is none.
    """
    match = re.match(r"(?:go)?1\.(\d+)", go_version)
    if not match:
        raise ValueError(f"not a Go version: {go_version!r}")
    return int(match[1])


def macos_minimum(go_version: str) -> Version2:
    """The oldest macOS that this Go release documents, as (major, minor)."""
    minor = go_minor(go_version)
    return next((least for first, least in _MACOS_MINIMUM if minor >= first), (10, 13))


def macos_floor(target: Target, go_version: str, minos: Version2 | None) -> Version2:
    """The macOS to claim: the newest of what Go documents, the binary and the CPU need."""
    processor = (0, 0) if target.arch == "x86_64" else _FIRST_ARM_MACOS
    major, minor = max(macos_minimum(go_version), processor, minos or (0, 0))
    return (major, minor) if major == 10 or minor == 0 else (major + 1, 0)


def platform_tags(
    target: Target, go_version: str, minos: Version2 | None = None
) -> tuple[str, ...]:
    """The sorted platform tags a static binary for `target` may carry.

    `go_version` is the Go that built it ("go1.26.8"), `minos` the minimum macOS that the
    binary itself states. macOS 11 and later are tagged by major version alone (pip looks
    for `_X_0` there), so a floor of 11.3 becomes 12.0.
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
    heads = ("musllinux_1_2",) if target.libc == "musl" else _LINUX_HEADS.get(arch, usual)
    return tuple(f"{head}_{arch}" for head in heads)


def glibc_tags(target: Target, floor: Version2) -> tuple[str, ...]:
    """The sorted tags of a program that needs a glibc from `floor` on (PEP 600)."""
    if floor <= (2, 17):
        return tuple(f"{head}_{target.arch}" for head in ("manylinux2014", "manylinux_2_17"))
    return (f"manylinux_{floor[0]}_{floor[1]}_{target.arch}",)


def minimum_system(target: Target, go_version: str) -> str:
    """The oldest system that Go releases from 1.24 on document for the target, in words."""
    if target.goos == "darwin":
        major, point = macos_floor(target, go_version, None)
        return f"macOS {major}.{point}" if major == 10 else f"macOS {major}"
    return {"windows": "Windows 10", "android": "Android 5"}.get(target.goos, "Linux 3.2")


def default_targets() -> tuple[Target, ...]:
    """The six targets that are built when nothing is asked for."""
    return tuple(target for target in TARGETS if target.default)


def all_targets() -> tuple[Target, ...]:
    """Every target that PyPI accepts and Go builds without cgo, each system once."""
    return tuple(target for target in TARGETS if not target.libc and target.goarch != "all")


#: What others call Go's systems and processors.
_OTHER_NAMES = {"macos": "darwin", "macosx": "darwin", "win": "windows", "win32": "windows"}
_OTHER_NAMES |= {"x86_64": "amd64", "x64": "amd64", "aarch64": "arm64"}
_OTHER_NAMES |= {"loongarch64": "loong64", "i386": "386", "i686": "386", "x86": "386"}


#: Processors as Go names them -> as ELF files do; these have local wheels on other systems.
_ELF_NAMES = {"amd64": "x86_64", "arm64": "aarch64", "386": "i686", "loong64": "loongarch64"}
_ELF_NAMES |= {name: name for name in ("ppc64le", "riscv64", "s390x")}


def native_target(
    system: str, machine: str, platform: str = "", narrow: bool = False
) -> Target | None:
    """The target of an interpreter, if there is one.

    `system`, `machine` and `platform` are what `sys.platform`, `platform.machine()` and
    `sysconfig.get_platform()` say; `narrow` is whether the interpreter is a 32-bit one, perhaps
    under a 64-bit kernel. Where PyPI has no tag, the target has the tag of a local wheel.
    """
    goos = {"win32": "windows"}.get(system, system.rstrip("0123456789."))
    if goos == "windows" and platform:  # under emulation `machine` is the computer's own
        machine = {"win32": "x86"}.get(platform, platform.removeprefix("win-"))
    machine = machine.lower()
    arch = _OTHER_NAMES.get(machine, machine)
    if narrow:
        arch = {"amd64": "386", "arm64": "armv7"}.get(arch, arch)
    if arch.startswith("armv") and arch[4:5] in ("6", "7", "8"):
        arch = "armv6" if arch[4] == "6" else "armv7"
    name, tag = f"{goos}-{arch}", re.sub(r"[-. ]", "_", platform.lower())
    known = goos in {"linux", *_REFUSED_GOOS} and arch in _ELF_NAMES and platform
    local = Target(name, goos, arch, _ELF_NAMES[arch], tag=tag) if known else None
    return _BY_NAME.get(name, local)


def parse_selection(names: Iterable[str], native: Target | None = None) -> tuple[Target, ...]:
    """Target names -> targets, in the order given.

    "all", "default" and "native" stand for sets. Raises InvalidOptionsError for unknown,
    refused, repeated or no names at all, every fault in one message.
    """
    sets = {"all": all_targets(), "default": default_targets()}
    sets |= {"native": (native,), native.name: (native,)} if native else {}
    sets |= {name: (target,) for name, target in _BY_NAME.items()}
    asked = [name.strip() for name in names]
    chosen = [target for name in asked for target in sets.get(name, ())]
    faults = [_explain_unknown(name) for name in asked if name not in sets]
    repeated = dict.fromkeys(target.name for target in chosen if chosen.count(target) > 1)
    faults += [f"platform {name!r} is named more than once" for name in repeated]
    if not asked:
        faults.append("no platform was named")
    if faults:
        raise InvalidOptionsError(faults, f"choose from: {', '.join(_CHOICES)}")
    return tuple(chosen)


def _explain_unknown(name: str) -> str:
    words = [_OTHER_NAMES.get(word, word) for word in name.lower().replace("/", "-").split("-")]
    if name == "native":
        return "platform 'native': this machine is none of the known targets"
    if words[0] == "android":
        fault = "Go needs the linker of Android's NDK for it; choose android-arm64"
        return f"platform {name!r}: {fault}"
    if words[0] in _REFUSED_GOOS or (len(words) > 1 and words[1] in _REFUSED_GOARCH):
        return f"platform {name!r}: PyPI has no platform tag for it and refuses such wheels"
    close = difflib.get_close_matches("-".join(words), _CHOICES, n=1, cutoff=0.5)
    return f"unknown platform {name!r}" + (f", did you mean {close[0]!r}?" if close else "")
