"""Checks a wheel's file name and tags, and the paths of its entries.

Sources: PyPI's upload code for platform tags; for paths, the behaviour of pip, uv and installer
(tests/integration/test_check_installers.py), Microsoft's "Naming Files, Paths, and Namespaces",
and the wheel specification on `.data`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from packaging.tags import Tag
from packaging.utils import BuildTag, parse_wheel_filename
from packaging.version import Version

from go_to_wheel.check.report import Finding, Findings
from go_to_wheel.naming import distribution_name
from go_to_wheel.platforms import MajorMinor, Target

_LINUX = "x86_64|i686|aarch64|armv7l|ppc64le|s390x|riscv64"
_MACOS = "ppc|ppc64|i386|x86_64|arm64|intel|fat|fat3|fat64|universal|universal2"
_X86 = "x86_64|i686"
#: The platform tags of wheels that PyPI takes.
ACCEPTED = re.compile(
    rf"any|win32|win_(arm64|amd64|ia64)|linux_armv[67]l|manylinux(1|2010)_({_X86})"
    rf"|manylinux2014_({_X86}|aarch64|armv7l|ppc64|ppc64le|s390x)"
    rf"|manylinux_\d+_\d+_({_LINUX}|ppc64)|musllinux_\d+_\d+_({_LINUX})"
    rf"|macosx_(10_\d+|(11|12|13|14|15|26)_0)_({_MACOS})"
    r"|ios_\d+_\d+_(arm64|x86_64)_(iphoneos|iphonesimulator)"
    r"|android_\d+_(armeabi_v7a|arm64_v8a|x86|x86_64)|pyemscripten_\d+_\d+_wasm32"
)
_PLATFORM_TAG = re.compile(
    r"(manylinux(?:1|2010|2014)?|musllinux|linux|macosx|ios|android|win)_?"
    r"(?:(\d{1,4})_(?:(\d{1,4})_)?)?(\w+?)(?:_iphoneos|_iphonesimulator)?"
)
_SYSTEMS = {"macosx": "darwin", "win": "windows", "ios": "ios", "android": "android"}
_LEGACY_GLIBC = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_ARCHES = {"armeabi_v7a": ("arm", "armv7l"), "x86": ("i686",), "arm64_v8a": ("aarch64",)}
_ARCHES |= {"universal2": ("x86_64", "arm64"), "intel": ("i386", "x86_64")}
_ARCHES |= {"universal": ("i386", "ppc", "ppc64", "x86_64")}
_UNSAFE_PATH = re.compile(r"\\|^/|^[A-Za-z]:|(^|/)\.\.?(/|$)|//")
_REFUSED_BY_WINDOWS = re.compile(
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
MAX_SHORT = 120
_SCHEMES = ("purelib", "platlib", "headers", "scripts", "data")
#: Folders of an environment that its own files, or other schemes, are installed to.
_ENVIRONMENT_FILES = re.compile(r"(bin|scripts|lib|lib64|include)/|pyvenv\.cfg$", re.IGNORECASE)
#: Commands of every environment.
VENV_COMMANDS = re.compile(r"(pythonw?[\d.]*|(de)?activate)(\.\w+)?", re.IGNORECASE)
_STARTUP = re.compile(r"([^/]+\.(pth|start)|(sitecustomize|usercustomize)(\.[^/]+|/.*)?)")


@dataclass(frozen=True)
class WheelName:
    """A parsed file name; `stem` is "NAME-VERSION" as it is spelled there."""

    name: str
    version: Version
    tags: frozenset[Tag]
    stem: str
    build: BuildTag = ()

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platform tags, sorted."""
        return tuple(sorted({tag.platform for tag in self.tags}))

    @property
    def dist_info(self) -> str:
        """The name that the .dist-info folder should have."""
        return f"{self.stem}.dist-info"

    @property
    def parsed_platforms(self) -> list[PlatformTag]:
        """The platform tags that can be parsed."""
        return [tag for tag in map(parse_platform_tag, self.platforms) if tag]


#: Stands for an invalid file name.
NO_NAME = WheelName("", Version("0"), frozenset(), "")


@dataclass(frozen=True)
class PlatformTag:
    """A parsed platform tag: for `goos` with one of `arches`, from version `floor` on.

    `libc` is "glibc", "musl" or ""; `floor` is a version of the C library on Linux, of the system
    on Apple's, None elsewhere.
    """

    name: str
    goos: str
    arches: tuple[str, ...]
    libc: str = ""
    floor: MajorMinor | None = None


def parse_platform_tag(tag: str) -> PlatformTag | None:
    """Parse a platform tag; None for "any" and for unsupported systems."""
    if not (match := _PLATFORM_TAG.fullmatch(tag)):
        return None
    system, major, minor, arch = match.groups()
    floor = (int(major), int(minor)) if minor else _LEGACY_GLIBC.get(system)
    goos = _SYSTEMS.get(system, "linux")
    libc = ("musl" if system == "musllinux" else "glibc") if goos == "linux" and floor else ""
    return PlatformTag(tag, goos, _ARCHES.get(arch, (arch,)), libc, floor)


def tag_fits(tag: str, target: Target) -> bool:
    """Whether a platform tag is for that target."""
    parsed, arches = parse_platform_tag(tag), {part.arch for part in target.slices}
    if target.tag or parsed is None:
        return tag == target.tag
    fits = parsed.goos == target.goos and arches <= set(parsed.arches)
    return fits and (parsed.goos != "linux" or (parsed.libc == "musl") == (target.libc == "musl"))


def parse_name(filename: str) -> WheelName:
    """Parse a wheel's file name. Raises ValueError for an invalid one."""
    name, version, build, tags = parse_wheel_filename(filename)
    return WheelName(str(name), version, tags, "-".join(filename.split("-")[:2]), build)


def check_wheel_name(name: WheelName) -> Findings:
    """Findings about the file name alone."""
    written, normalized = name.stem.split("-")[0], distribution_name(name.name)
    if written != normalized:
        yield Finding.about("filename-normalized", written, f"it should be {normalized!r}")
    if name.version.local:
        yield Finding.about("local-version", str(name.version), f"'+{name.version.local}' is local")
    refused = (platform for platform in name.platforms if not ACCEPTED.fullmatch(platform))
    yield from (Finding.about("platform-tag", platform) for platform in refused)


def is_command(path: str) -> bool:
    """Whether an installer puts this file on PATH."""
    return bool(re.fullmatch(r"[^/]+\.data/scripts/[^/]*", path))


def check_paths(paths: Sequence[str], platforms: Sequence[str], stem: str) -> Findings:
    """Findings about the paths in a wheel ("NAME-VERSION" is its `stem`)."""
    on_windows = any(platform == "any" or platform.startswith("win") for platform in platforms)
    for path in paths:
        if not path or _UNSAFE_PATH.search(path.rstrip("/") or "/"):
            yield Finding.about("zip-unsafe-name", path)
            continue
        if hidden := find_hidden(path):  # uv refuses them; some break RECORD's lines
            yield Finding.about("zip-unsafe-name", path, f"it contains {hidden}")
        lengths = [len(part) for part in path.encode("utf-8", "replace").split(b"/")]
        if max(lengths) > _MAX_PART or sum(lengths, len(lengths)) > _MAX_PATH:
            text = f"over {_MAX_PATH} bytes, {_MAX_PART} in a part"
            yield Finding.about("zip-windows-name", path, text)
        elif on_windows and (match := _REFUSED_BY_WINDOWS.search(path)):
            text = f"Windows refuses {match[0].strip('/')!r}"
            yield Finding.about("zip-windows-name", path, text)
        elif on_windows and len(_installed_path(path, stem)) > MAX_SHORT:
            yield Finding.about("path-long", path)
        yield from _check_destination(path, stem)
    ignores_case = any(not tag.startswith(_CASE_SENSITIVE) for tag in platforms)
    yield from _check_clashes([_installed_path(path, stem) for path in paths], ignores_case)


def _installed_path(path: str, stem: str) -> str:
    """The path after installation: `purelib` and `platlib` of .data are the root."""
    return re.sub(rf"^{re.escape(stem)}\.data/(pure|plat)lib/(?=.)", "", path)


def find_hidden(text: str, allowed: str = "") -> str:
    """The first invisible or control character, as in "U+202E (RIGHT-TO-LEFT OVERRIDE)", or ""."""
    invisible = (char for char in text if not char.isprintable() and char not in allowed)
    char = next((char for char in invisible if unicodedata.category(char) != "Zs"), "")
    return char and f"U+{ord(char):04X} ({unicodedata.name(char, '')})".removesuffix(" ()")


def _check_clashes(paths: Sequence[str], ignores_case: bool) -> Findings:
    """Findings about entries with the same installed path, if `ignores_case` in another case too.

    Sorted as here, such paths, and files that are also folders, follow each other.
    """
    for path, count in Counter(paths).items():
        if count > 1:
            yield Finding.about("zip-duplicate-name", path)
    sort_key = fold if ignores_case else str
    ordered = sorted(set(paths), key=lambda path: (sort_key(path).replace("/", "\0"), path))
    for path, following in pairwise(ordered):
        first, second = path.split("/"), following.split("/")
        level = len([*takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))])
        if level == len(first):
            yield Finding.about("zip-duplicate-name", path)
        elif ignores_case and level < len(second) and fold(first[level]) == fold(second[level]):
            clash = ("/".join(parts[: level + 1]) for parts in (first, second))
            text = "{!a} and {!a} are one file on Windows and macOS".format(*clash)
            yield Finding("zip-name-clash", text)


def fold(path: str) -> str:
    """The path as compared by file systems that ignore case and Unicode normalization."""
    if path.isascii():
        return path.lower()
    pairs = [(char, char.casefold()) for char in unicodedata.normalize("NFD", path)]
    return "".join(new if len(new) == 1 else old for old, new in pairs)


def _check_destination(path: str, stem: str) -> Findings:
    """Findings about the place where an installer puts an entry."""
    head, scheme, rest = (*path.split("/", 2), "", "")[:3]
    if not head.endswith(".data"):
        if _STARTUP.fullmatch(path):
            yield Finding.about("startup-code", path)
    elif path in (head, f"{head}/") or (path.endswith("/") and scheme in _SCHEMES):
        return
    elif head != f"{stem}.data" or scheme not in _SCHEMES or not rest:
        yield Finding.about("data-scheme", path)
    elif scheme == "scripts":
        if "/" in rest or VENV_COMMANDS.fullmatch(rest):
            why = "some installers refuse folders" if "/" in rest else "the environment has its own"
            yield Finding.about("data-scheme", path, why)
        elif rest.lower().endswith(".exe.exe"):
            yield Finding.about("command-name", path)
    elif _STARTUP.fullmatch(rest.rpartition("site-packages/")[2]):
        yield Finding.about("startup-code", path)
    elif scheme == "data" and _ENVIRONMENT_FILES.match(rest):
        yield Finding.about("data-outside", path)
