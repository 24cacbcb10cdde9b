"""The file name: name, version and tags, and whether PyPI takes them.

The accepted platform tags are facts of PyPI's upload code. It grows with each macOS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from go_to_wheel.check.report import Fault, Faults

_EXACT = frozenset(
    {
        *("any", "win32", "win_arm64", "win_amd64", "win_ia64", "linux_armv6l", "linux_armv7l"),
        *("manylinux1_x86_64", "manylinux1_i686", "manylinux2010_x86_64", "manylinux2010_i686"),
        *("manylinux2014_x86_64", "manylinux2014_i686", "manylinux2014_aarch64"),
        *("manylinux2014_armv7l", "manylinux2014_ppc64", "manylinux2014_ppc64le"),
        "manylinux2014_s390x",
    }
)
_LINUX_ARCHES = "x86_64|i686|aarch64|armv7l|ppc64le|s390x|riscv64"
_MACOS_ARCHES = "ppc|ppc64|i386|x86_64|arm64|intel|fat|fat3|fat64|universal|universal2"
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"manylinux_\d+_\d+_({_LINUX_ARCHES}|ppc64)",
        rf"musllinux_\d+_\d+_({_LINUX_ARCHES})",
        rf"macosx_10_\d+_({_MACOS_ARCHES})",
        rf"macosx_(11|12|13|14|15|26)_0_({_MACOS_ARCHES})",
        r"ios_\d+_\d+_(arm64|x86_64)_(iphoneos|iphonesimulator)",
        r"android_\d+_(armeabi_v7a|arm64_v8a|x86|x86_64)",
        r"pyemscripten_\d+_\d+_wasm32",
    )
)


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


def parse_name(filename: str) -> WheelName:
    """The parts of a wheel's file name. Raises ValueError, saying what is wrong with it."""
    try:
        name, version, _, tags = parse_wheel_filename(filename)
    except InvalidWheelFilename as error:
        raise ValueError(str(error)) from error
    return WheelName(str(name), version, tags, "-".join(filename.split("-")[:2]))


def is_accepted(platform: str) -> bool:
    """Whether PyPI takes a wheel with this platform tag."""
    return platform in _EXACT or any(pattern.fullmatch(platform) for pattern in _PATTERNS)


def check_name(name: WheelName) -> Faults:
    """What PyPI would refuse about the file name alone."""
    written = name.stem.split("-")[0]
    normalized = canonicalize_name(name.name).replace("-", "_")
    if written != normalized:
        yield Fault(
            "filename-normalized",
            f"the file name starts with {written!r}, not {normalized!r}",
            f"rename it, and the .dist-info folder in it, to {normalized!r}",
        )
    if name.version.local:
        yield Fault(
            "local-version",
            f"version '{name.version}' has the local part '+{name.version.local}'",
            f"release it as '{name.version.public}'",
        )
    for platform in name.platforms:
        if not is_accepted(platform):
            yield Fault("platform-tag", f"PyPI doesn't take {platform!r}", _hint(platform))


def _hint(platform: str) -> str:
    if platform.startswith("linux_"):
        return "tag a static program manylinux and musllinux; see `go-to-wheel platforms`"
    if platform.startswith("macosx_"):
        return "from macOS 11 on, the minor version in the tag is 0"
    return "`go-to-wheel platforms` lists the tags for each target"
