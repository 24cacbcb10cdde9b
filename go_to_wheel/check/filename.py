"""The file name: name, version and tags; which tags PyPI takes, and what a tag promises.

The accepted platform tags are facts of PyPI's upload code. It grows with each macOS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from go_to_wheel.check.report import Findings, fault
from go_to_wheel.platforms import Target, Version2

_LINUX = "x86_64|i686|aarch64|armv7l|ppc64le|s390x|riscv64"
_MACOS = "ppc|ppc64|i386|x86_64|arm64|intel|fat|fat3|fat64|universal|universal2"
_OLD = "x86_64|i686"
_ACCEPTED = re.compile(
    rf"any|win32|win_(arm64|amd64|ia64)|linux_armv[67]l|manylinux(1|2010)_({_OLD})"
    rf"|manylinux2014_({_OLD}|aarch64|armv7l|ppc64|ppc64le|s390x)"
    rf"|manylinux_\d+_\d+_({_LINUX}|ppc64)|musllinux_\d+_\d+_({_LINUX})"
    rf"|macosx_(10_\d+|(11|12|13|14|15|26)_0)_({_MACOS})"
    r"|ios_\d+_\d+_(arm64|x86_64)_(iphoneos|iphonesimulator)"
    r"|android_\d+_(armeabi_v7a|arm64_v8a|x86|x86_64)|pyemscripten_\d+_\d+_wasm32"
)
_PROMISE = re.compile(
    r"(manylinux(?:1|2010|2014)?|musllinux|linux|macosx|ios|android|win)_?"
    r"(?:(\d{1,4})_(?:(\d{1,4})_)?)?(\w+?)(?:_iphoneos|_iphonesimulator)?"
)
_SYSTEMS = {"macosx": "darwin", "win": "windows", "ios": "ios", "android": "android"}
_LEGACY_GLIBC = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_ARCHES = {
    "armeabi_v7a": ("arm", "armv7l"),
    "x86": ("i686",),
    "arm64_v8a": ("aarch64",),
    "universal2": ("x86_64", "arm64"),
    "intel": ("i386", "x86_64"),
    "universal": ("i386", "ppc", "ppc64", "x86_64"),
}


@dataclass(frozen=True)
class WheelName:
    """A parsed file name; `stem` is "NAME-VERSION" as it is spelled there."""

    name: str
    version: Version
    tags: frozenset[Tag]
    stem: str

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platform tags, sorted."""
        return tuple(sorted({tag.platform for tag in self.tags}))

    @property
    def info(self) -> str:
        """The folder of the metadata, as it should be."""
        return f"{self.stem}.dist-info"


#: Stands for what isn't the name of a wheel.
NO_NAME = WheelName("", Version("0"), frozenset(), "")


@dataclass(frozen=True)
class Claim:
    """A tag's promise: it runs on `goos` with one of `arches` from version `floor` on.

    `libc` is "glibc", "musl" or empty where the tag has none; `floor` is the C
    library's on Linux and Apple's system's, None where there is none.
    """

    tag: str
    goos: str
    arches: tuple[str, ...]
    libc: str = ""
    floor: Version2 | None = None


def parse_claim(tag: str) -> Claim | None:
    """The promise of a platform tag; None for "any" and for systems that aren't inspected."""
    match = _PROMISE.fullmatch(tag)
    if not match:
        return None
    system, major, minor, arch = match.groups()
    floor = (int(major), int(minor)) if minor else _LEGACY_GLIBC.get(system)
    goos = _SYSTEMS.get(system, "linux")
    libc = ("musl" if system == "musllinux" else "glibc") if goos == "linux" and floor else ""
    return Claim(tag, goos, _ARCHES.get(arch, (arch,)), libc, floor)


def serves(tag: str, target: Target) -> bool:
    """Whether a platform tag is one for that target (musllinux alone is for musl alone)."""
    claim = parse_claim(tag)
    if target.tag:
        return tag == target.tag
    arches = {part.arch for part in target.slices}
    if claim is None or claim.goos != target.goos or not arches <= set(claim.arches):
        return False
    return claim.goos != "linux" or (claim.libc == "musl") == (target.libc == "musl")


def parse_name(filename: str) -> WheelName:
    """The parts of a wheel's file name. Raises ValueError, saying what is wrong with it."""
    try:
        name, version, _, tags = parse_wheel_filename(filename)
    except InvalidWheelFilename as error:
        raise ValueError(str(error)) from error
    return WheelName(str(name), version, tags, "-".join(filename.split("-")[:2]))


def is_accepted(platform: str) -> bool:
    """Whether PyPI takes a wheel with this platform tag."""
    return bool(_ACCEPTED.fullmatch(platform))


def check_name(name: WheelName) -> Findings:
    """What PyPI would refuse about the file name alone."""
    written, normalized = name.stem.split("-")[0], canonicalize_name(name.name).replace("-", "_")
    if written != normalized:
        yield fault("filename-normalized", written, f"it should be {normalized!r}")
    if name.version.local:
        yield fault("local-version", str(name.version), f"'+{name.version.local}' is local")
    for platform in name.platforms:
        if not is_accepted(platform):
            yield fault("platform-tag", platform)
