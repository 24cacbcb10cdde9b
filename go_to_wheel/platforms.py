"""The table of targets: what Go can build, what PyPI takes, and the tags between.

Sources: the platform compatibility tags specification (PEP 425, 600, 656), the list of
platform tags that PyPI accepts, and the minimum systems in Go's release notes.
Everything here is pure.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from go_to_wheel.errors import InvalidOptionsError

Version2 = tuple[int, int]


@dataclass(frozen=True)
class Target:
    """One system to build for.

    `arch` is the architecture as Python's platform tags spell it; `variant` holds the
    environment variable (GOAMD64, GOARM …) that fixes the instruction set, at its most
    compatible value; `libc` is "musl" where only musllinux is claimed.
    """

    name: str
    goos: str
    goarch: str
    arch: str
    variant: tuple[str, str] | None = None
    libc: str = ""
    default: bool = False

    @property
    def exe_suffix(self) -> Literal["", ".exe"]:
        """`.exe` on Windows, empty elsewhere."""
        return ".exe" if self.goos == "windows" else ""

    @property
    def compile_key(self) -> tuple[str, str, tuple[str, str] | None]:
        """Targets with the same key share one compiled binary."""
        return (self.goos, self.goarch, self.variant)


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
    Target("linux-amd64-musl", "linux", "amd64", "x86_64", _AMD64, libc="musl"),
    Target("linux-arm64-musl", "linux", "arm64", "aarch64", _ARM64, libc="musl"),
)

_BY_NAME = {target.name: target for target in TARGETS}

#: Systems and architectures that Go knows and PyPI has no platform tag for.
_REFUSED_GOOS = frozenset(
    "aix android dragonfly freebsd illumos ios js netbsd openbsd plan9 solaris wasip1".split()
)
_REFUSED_GOARCH = frozenset("loong64 mips mipsle mips64 mips64le ppc64 sparc64 wasm".split())

#: First Go minor release -> the oldest macOS it documents, newest first.
_MACOS_MINIMUM: tuple[tuple[int, Version2], ...] = (
    (27, (13, 0)),
    (25, (12, 0)),
    (23, (11, 0)),
    (21, (10, 15)),
    (17, (10, 13)),
)
_FIRST_ARM_MACOS: Version2 = (11, 0)


def go_minor(go_version: str) -> int:
    """The minor release in a Go version such as "go1.26.8" or "1.27rc1" (26, 27).

    Raises ValueError when there is none.
    """
    text = go_version.removeprefix("go")
    digits = text.split(".")[1] if text.startswith("1.") else ""
    number = ""
    for char in digits:
        if not char.isdigit():
            break
        number += char
    if not number:
        raise ValueError(f"not a Go version: {go_version!r}")
    return int(number)


def macos_minimum(go_version: str) -> Version2:
    """The oldest macOS that this Go release documents, as (major, minor)."""
    minor = go_minor(go_version)
    for first, minimum in _MACOS_MINIMUM:
        if minor >= first:
            return minimum
    return _MACOS_MINIMUM[-1][1]


def macos_floor(target: Target, go_version: str, minos: Version2 | None) -> Version2:
    """The macOS to claim: the newest of what Go documents, the binary and the CPU need."""
    floors = [macos_minimum(go_version)]
    if target.arch == "arm64":
        floors.append(_FIRST_ARM_MACOS)
    if minos is not None:
        floors.append(minos)
    major, minor = max(floors)
    if major == 10 or minor == 0:
        return (major, minor)
    return (major + 1, 0)


def platform_tags(
    target: Target, go_version: str, minos: Version2 | None = None
) -> tuple[str, ...]:
    """The sorted platform tags a static binary for `target` may carry.

    `go_version` is the Go that built it ("go1.26.8"), `minos` the minimum macOS that the
    binary itself states. macOS 11 and later are tagged by major version alone (pip looks
    for `_X_0` there), so a floor of 11.3 becomes 12.0.
    """
    if target.goos == "darwin":
        major, minor = macos_floor(target, go_version, minos)
        return (f"macosx_{major}_{minor}_{target.arch}",)
    if target.goos == "windows":
        return ("win32" if target.goarch == "386" else f"win_{target.arch}",)
    return _linux_tags(target)


def _linux_tags(target: Target) -> tuple[str, ...]:
    arch = target.arch
    if target.libc == "musl":
        return (f"musllinux_1_2_{arch}",)
    if arch == "armv6l":
        return ("linux_armv6l",)
    if arch == "riscv64":
        return ("manylinux_2_31_riscv64", "musllinux_1_2_riscv64")
    heads = ("manylinux2014", "manylinux_2_17", "musllinux_1_1", "musllinux_1_2")
    return tuple(f"{head}_{arch}" for head in heads)


def minimum_system(target: Target, go_version: str) -> str:
    """The oldest system that this Go release documents for the target, in words."""
    minor = go_minor(go_version)
    if target.goos == "darwin":
        major, point = macos_floor(target, go_version, None)
        return f"macOS {major}.{point}" if major == 10 else f"macOS {major}"
    if target.goos == "windows":
        return "Windows 10" if minor >= 21 else "Windows 7"
    return "Linux 3.2" if minor >= 24 else "Linux 2.6.32"


def default_targets() -> tuple[Target, ...]:
    """The six targets that are built when nothing is asked for."""
    return tuple(target for target in TARGETS if target.default)


def all_targets() -> tuple[Target, ...]:
    """Every target that PyPI accepts and Go builds without cgo, each system once."""
    return tuple(target for target in TARGETS if not target.libc)


#: What others call Go's systems and processors.
_OTHER_NAMES = {"macos": "darwin", "macosx": "darwin", "win": "windows", "win32": "windows"}
_OTHER_NAMES |= {"x86_64": "amd64", "x64": "amd64", "aarch64": "arm64"}
_OTHER_NAMES |= {"i386": "386", "i686": "386", "x86": "386"}


def native_target(system: str, machine: str) -> Target | None:
    """The target for `sys.platform` and `platform.machine()` values, if there is one."""
    goos = {"linux": "linux", "darwin": "darwin", "win32": "windows"}.get(system, system)
    machine = machine.lower()
    arch = _OTHER_NAMES.get(machine, machine)
    if arch.startswith("armv") and arch[4:5] in ("6", "7", "8"):
        arch = "armv6" if arch[4] == "6" else "armv7"
    return _BY_NAME.get(f"{goos}-{arch}")


def parse_selection(names: Iterable[str], native: Target | None = None) -> tuple[Target, ...]:
    """Target names -> targets, in the order given.

    "all", "default" and "native" stand for sets. Raises InvalidOptionsError for unknown,
    refused, repeated or no names at all, every fault in one message.
    """
    chosen: list[Target] = []
    faults: list[str] = []
    for name in names:
        try:
            chosen.extend(_expand(name.strip(), native))
        except ValueError as error:
            faults.append(str(error))
    faults.extend(_repeats(chosen))
    if not chosen and not faults:
        faults.append("no platform was named")
    if faults:
        raise InvalidOptionsError(faults, f"choose from: {', '.join(_choices())}")
    return tuple(chosen)


def _expand(name: str, native: Target | None) -> Sequence[Target]:
    if name == "all":
        return all_targets()
    if name == "default":
        return default_targets()
    if name == "native":
        if native is None:
            raise ValueError("platform 'native': this machine is none of the known targets")
        return (native,)
    if name in _BY_NAME:
        return (_BY_NAME[name],)
    raise ValueError(_explain_unknown(name))


def _explain_unknown(name: str) -> str:
    words = [_OTHER_NAMES.get(word, word) for word in name.lower().replace("/", "-").split("-")]
    if words[0] in _REFUSED_GOOS or (len(words) > 1 and words[1] in _REFUSED_GOARCH):
        return f"platform {name!r}: PyPI has no platform tag for it and refuses such wheels"
    close = difflib.get_close_matches("-".join(words), _choices(), n=1, cutoff=0.5)
    return f"unknown platform {name!r}" + (f", did you mean {close[0]!r}?" if close else "")


def _repeats(chosen: Sequence[Target]) -> list[str]:
    names = [target.name for target in chosen]
    repeated = dict.fromkeys(name for name in names if names.count(name) > 1)
    return [f"platform {name!r} is named more than once" for name in repeated]


def _choices() -> list[str]:
    return [*_BY_NAME, "all", "default", "native"]
