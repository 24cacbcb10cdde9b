"""A wheel's file name with its tags, and the entries' paths: safe, and one file each everywhere.

The accepted platform tags are facts of PyPI's upload code. It grows with each macOS. Of paths:
what pip, uv and installer do with each (tests/integration/test_check_installers.py),
Microsoft's "Naming Files, Paths, and Namespaces", and the wheel specification on `.data`.
"""

from __future__ import annotations

import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from packaging.tags import Tag
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from go_to_wheel.check.report import Finding, Findings, fault
from go_to_wheel.naming import distribution_name
from go_to_wheel.platforms import Target, Version2

_LINUX = "x86_64|i686|aarch64|armv7l|ppc64le|s390x|riscv64"
_MACOS = "ppc|ppc64|i386|x86_64|arm64|intel|fat|fat3|fat64|universal|universal2"
_OLD = "x86_64|i686"
#: The platform tags of wheels that PyPI takes.
ACCEPTED = re.compile(
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
_UNSAFE = re.compile(r"\\|^/|^[A-Za-z]:|(^|/)\.\.?(/|$)|//")
_WINDOWS = re.compile(
    r'[<>:"|?*]|[. ](/|$)|'
    r"(^|/)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.[^/]*)?(/|$)",
    re.IGNORECASE,
)
_CASE_SENSITIVE = ("linux", "manylinux", "musllinux")
#: The longest name of one file or folder: 255 bytes on Linux, 255 UTF-16 units elsewhere.
_MAX_PART = 255
#: A whole path may have 1,024 bytes on macOS, with the folder that it is installed to.
_MAX_PATH = 960
#: Below a Python of the Microsoft Store some 130 of Windows's 260 characters are left.
_MAX_SHORT = 120
_SCHEMES = ("purelib", "platlib", "headers", "scripts", "data")
#: Folders of an environment that its own files, or other schemes, are installed to.
_OWNED = re.compile(r"(bin|scripts|lib|lib64|include)/|pyvenv\.cfg$", re.IGNORECASE)
#: Commands of every environment.
OWN_COMMANDS = re.compile(r"(pythonw?[\d.]*|(de)?activate)(\.\w+)?", re.IGNORECASE)
_STARTUP = re.compile(r"([^/]+\.(pth|start)|(sitecustomize|usercustomize)(\.[^/]+|/.*)?)")


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

    @property
    def claims(self) -> list[Claim]:
        """What its platform tags promise, of those that are understood."""
        return [claim for claim in map(parse_claim, self.platforms) if claim]


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
    if not (match := _PROMISE.fullmatch(tag)):
        return None
    system, major, minor, arch = match.groups()
    floor = (int(major), int(minor)) if minor else _LEGACY_GLIBC.get(system)
    goos = _SYSTEMS.get(system, "linux")
    libc = ("musl" if system == "musllinux" else "glibc") if goos == "linux" and floor else ""
    return Claim(tag, goos, _ARCHES.get(arch, (arch,)), libc, floor)


def serves(tag: str, target: Target) -> bool:
    """Whether a platform tag is one for that target (musllinux alone is for musl alone)."""
    claim, arches = parse_claim(tag), {part.arch for part in target.slices}
    if target.tag or claim is None:
        return tag == target.tag
    fits = claim.goos == target.goos and arches <= set(claim.arches)
    return fits and (claim.goos != "linux" or (claim.libc == "musl") == (target.libc == "musl"))


def parse_name(filename: str) -> WheelName:
    """The parts of a wheel's file name. Raises ValueError, saying what is wrong with it."""
    name, version, _, tags = parse_wheel_filename(filename)
    return WheelName(str(name), version, tags, "-".join(filename.split("-")[:2]))


def check_name(name: WheelName) -> Findings:
    """What PyPI would refuse about the file name alone."""
    written, normalized = name.stem.split("-")[0], distribution_name(name.name)
    if written != normalized:
        yield fault("filename-normalized", written, f"it should be {normalized!r}")
    if name.version.local:
        yield fault("local-version", str(name.version), f"'+{name.version.local}' is local")
    refused = (platform for platform in name.platforms if not ACCEPTED.fullmatch(platform))
    yield from (fault("platform-tag", platform) for platform in refused)


def path_of(entry: zipfile.ZipInfo) -> str:
    """The entry's path as it is in the archive.

    `filename` isn't: it ends at a NUL, and on Windows its backslashes are slashes.
    """
    return entry.orig_filename


def is_command(path: str) -> bool:
    """Whether an installer puts this file on PATH."""
    return bool(re.fullmatch(r"[^/]+\.data/scripts/[^/]*", path))


def check_paths(paths: Sequence[str], platforms: Sequence[str], stem: str) -> Findings:
    """What is wrong with the paths of a wheel ("NAME-VERSION" is its `stem`)."""
    on_windows = any(platform == "any" or platform.startswith("win") for platform in platforms)
    for path in paths:
        if not path or _UNSAFE.search(path.rstrip("/") or "/"):
            yield fault("zip-unsafe-name", path)
            continue
        if hidden := find_hidden(path):  # uv refuses them; some break RECORD's lines
            yield fault("zip-unsafe-name", path, f"it contains {hidden}")
        lengths = [len(part) for part in path.encode("utf-8", "replace").split(b"/")]
        if max(lengths) > _MAX_PART or sum(lengths, len(lengths)) > _MAX_PATH:
            yield fault("zip-windows-name", path, f"over {_MAX_PATH} bytes, {_MAX_PART} in a part")
        elif on_windows and (match := _WINDOWS.search(path)):
            yield fault("zip-windows-name", path, f"Windows refuses {match[0].strip('/')!r}")
        elif on_windows and len(_below_site_packages(path, stem)) > _MAX_SHORT:
            yield fault("path-long", path)
        yield from _check_destination(path, stem)
    places = [_below_site_packages(path, stem) for path in paths]
    yield from _check_repeats(places, any(not tag.startswith(_CASE_SENSITIVE) for tag in platforms))


def _below_site_packages(path: str, stem: str) -> str:
    """The path where installers put it: `.data` has two names for the wheel's own root."""
    head, scheme, rest = _split(path)
    return rest if head == f"{stem}.data" and scheme in ("purelib", "platlib") and rest else path


def _split(path: str) -> tuple[str, ...]:
    """The first folder, the second, and what is below them."""
    return (*path.split("/", 2), "", "")[:3]


def find_hidden(text: str, allowed: str = "") -> str:
    """The first character without a shape of its own, or that could reorder or break the text.

    As in "U+202E (RIGHT-TO-LEFT OVERRIDE)"; "" where there is none.
    """
    odd = (char for char in text if not char.isprintable() and char not in allowed)
    char = next((char for char in odd if unicodedata.category(char) != "Zs"), "")
    return char and f"U+{ord(char):04X} ({unicodedata.name(char, '')})".removesuffix(" ()")


def _check_repeats(paths: Sequence[str], folds: bool) -> Findings:
    """Two entries for one file: everywhere, or (`folds`) on Windows and macOS.

    In this order a path is followed by those below it and those that fold to the same.
    """
    for path, count in Counter(paths).items():
        if count > 1:
            yield fault("zip-duplicate-name", path)
    spell = fold if folds else str
    ordered = sorted(set(paths), key=lambda path: (spell(path).replace("/", "\0"), path))
    for path, following in pairwise(ordered):
        first, second = path.split("/"), following.split("/")
        level = len([*takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))])
        if level == len(first):
            yield fault("zip-duplicate-name", path)
        elif folds and level < len(second) and fold(first[level]) == fold(second[level]):
            clash = ("/".join(parts[: level + 1]) for parts in (first, second))
            yield Finding("zip-name-clash", "{!a} and {!a}: one on Windows or macOS".format(*clash))


def fold(path: str) -> str:
    """The path as file systems compare it that ignore case and Unicode form."""
    if path.isascii():
        return path.lower()
    pairs = [(char, char.casefold()) for char in unicodedata.normalize("NFD", path)]
    return "".join(new if len(new) == 1 else old for old, new in pairs)


def _check_destination(path: str, stem: str) -> Findings:
    """Where an installer puts it: `.data` has a folder for each scheme."""
    head, scheme, rest = _split(path)
    if not head.endswith(".data"):
        if _STARTUP.fullmatch(path):
            yield fault("startup-code", path)
    elif path in (head, f"{head}/") or (path.endswith("/") and scheme in _SCHEMES):
        return
    elif head != f"{stem}.data" or scheme not in _SCHEMES or not rest:
        yield fault("data-scheme", path)
    elif scheme == "scripts":
        if "/" in rest or OWN_COMMANDS.fullmatch(rest):
            why = "some installers refuse folders" if "/" in rest else "the environment has its own"
            yield fault("data-scheme", path, why)
        elif rest.lower().endswith(".exe.exe"):
            yield fault("command-name", path)
    elif _STARTUP.fullmatch(rest.rpartition("site-packages/")[2]):
        yield fault("startup-code", path)
    elif scheme == "data" and _OWNED.match(rest):
        yield fault("data-outside", path)
