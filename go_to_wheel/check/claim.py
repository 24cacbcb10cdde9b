"""A platform tag's promise, as values to compare with a binary's facts."""

from __future__ import annotations

import re
from dataclasses import dataclass

Version2 = tuple[int, int]

_LEGACY_GLIBC = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_LINUX = re.compile(r"(manylinux|musllinux)_(\d{1,4})_(\d{1,4})_(\w+)")
_LINUX_OLD = re.compile(r"(manylinux1|manylinux2010|manylinux2014|linux)_(\w+)")
_MACOS = re.compile(r"macosx_(\d{1,4})_(\d{1,4})_(\w+)")
_ANDROID = re.compile(r"android_(\d{1,4})_(\w+)")
_IOS = re.compile(r"ios_(\d{1,4})_(\d{1,4})_(\w+)_iphone(?:os|simulator)")
_ANDROID_ARCHES = {
    "armeabi_v7a": ("arm", "armv7l"),
    "arm64_v8a": ("aarch64",),
    "x86": ("i686",),
    "x86_64": ("x86_64",),
}
_MACOS_SEVERAL = {
    "universal2": ("x86_64", "arm64"),
    "intel": ("i386", "x86_64"),
    "universal": ("i386", "ppc", "ppc64", "x86_64"),
}


@dataclass(frozen=True)
class Claim:
    """A tag's promise: it runs on `goos` with one of `arches` from version `floor` on.

    `libc` is "glibc", "musl" or empty where the tag has none; `floor` is the C
    library's on Linux and macOS's own, None where there is none.
    """

    tag: str
    goos: str
    arches: tuple[str, ...]
    libc: str = ""
    floor: Version2 | None = None


def parse_claim(tag: str) -> Claim | None:
    """The promise of a platform tag; None for "any" and for systems that aren't inspected."""
    if match := _LINUX.fullmatch(tag):
        libc = "glibc" if match[1] == "manylinux" else "musl"
        return Claim(tag, "linux", (match[4],), libc, (int(match[2]), int(match[3])))
    if match := _LINUX_OLD.fullmatch(tag):
        floor = _LEGACY_GLIBC.get(match[1])
        return Claim(tag, "linux", (match[2],), "glibc" if floor else "", floor)
    if match := _MACOS.fullmatch(tag):
        arches = _MACOS_SEVERAL.get(match[3], (match[3],))
        return Claim(tag, "darwin", arches, "", (int(match[1]), int(match[2])))
    if match := _ANDROID.fullmatch(tag):
        return Claim(tag, "android", _ANDROID_ARCHES.get(match[2], (match[2],)))
    if match := _IOS.fullmatch(tag):
        return Claim(tag, "ios", (match[3],))
    if tag == "win32":
        return Claim(tag, "windows", ("32",))
    if tag.startswith("win_"):
        return Claim(tag, "windows", (tag.removeprefix("win_"),))
    return None
