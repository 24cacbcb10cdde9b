"""The entries' paths: safe for every installer, and one file each on every system.

Sources: what pip, uv and installer do with each (tests/integration/test_check_installers.py),
Microsoft's "Naming Files, Paths, and Namespaces", and the wheel specification on `.data`.
"""

from __future__ import annotations

import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from go_to_wheel.check.report import Finding, Findings

_UNSAFE = re.compile(r"\\|^/|^[A-Za-z]:|(^|/)\.\.?(/|$)|//")
_WINDOWS = re.compile(
    r'[<>:"|?*]|[. ](/|$)|'
    r"(^|/)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.[^/]*)?(/|$)",
    re.IGNORECASE,
)
_HIDDEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_CASE_SENSITIVE = ("linux", "manylinux", "musllinux")
#: The longest name of one file or folder: 255 bytes on Linux, 255 UTF-16 units elsewhere.
_MAX_PART = 255
#: A whole path may have 1,024 bytes on macOS, with the folder that it is installed to.
_MAX_PATH = 960
_SCHEMES = ("purelib", "platlib", "headers", "scripts", "data")
#: Folders of an environment that its own files, or other schemes, are installed to.
_OWNED = re.compile(r"(bin|scripts|lib|lib64|include)/|pyvenv\.cfg$", re.IGNORECASE)
#: Commands of every environment.
OWN_COMMANDS = re.compile(r"(pythonw?[\d.]*|(de)?activate)(\.\w+)?", re.IGNORECASE)
_STARTUP = re.compile(r"([^/]+\.(pth|start)|(sitecustomize|usercustomize)(\.[^/]+|/.*)?)")


def path_of(entry: zipfile.ZipInfo) -> str:
    """The entry's path as it is in the archive.

    `filename` isn't: it ends at a NUL, and on Windows its backslashes are slashes.
    """
    return entry.orig_filename


def is_command(path: str) -> bool:
    """Whether an installer puts this file on PATH."""
    parts = path.split("/")
    return len(parts) == 3 and parts[0].endswith(".data") and parts[1] == "scripts"


def check_paths(paths: Sequence[str], platforms: Sequence[str], stem: str) -> Findings:
    """What is wrong with the paths of a wheel ("NAME-VERSION" is its `stem`)."""
    on_windows = any(platform == "any" or platform.startswith("win") for platform in platforms)
    for path in paths:
        if not path or _UNSAFE.search(path.rstrip("/") or "/"):
            text = f"the path {path!r} is not one below the folder that it is installed to"
            yield Finding("zip-unsafe-name", text)
            continue
        if not path.isascii() or not path.isprintable():
            yield from _check_characters(path)
        if _is_too_long(path):
            text = f"it has over {_MAX_PATH} bytes, or a part of over {_MAX_PART}"
            yield Finding("zip-windows-name", f"the path {path!r} can't be installed: {text}")
        elif on_windows and (match := _WINDOWS.search(path)):
            text = f"Windows refuses or changes {match[0].strip('/')!r} in a name"
            yield Finding("zip-windows-name", f"the path {path!r} can't be installed: {text}")
        yield from _check_destination(path, stem)
    places = [_below_site_packages(path, stem) for path in paths]
    yield from _check_repeats(places, any(not tag.startswith(_CASE_SENSITIVE) for tag in platforms))


def _below_site_packages(path: str, stem: str) -> str:
    """The path where installers put it: `.data` has two names for the wheel's own root."""
    head, _, below = path.partition("/")
    scheme, _, rest = below.partition("/")
    return rest if head == f"{stem}.data" and scheme in ("purelib", "platlib") and rest else path


def _check_characters(path: str) -> Findings:
    """uv refuses names with control, format and unassigned characters; installer's RECORD
    breaks at line and paragraph separators."""
    hidden = [char for char in path if is_hidden(char)]
    if hidden:
        text = f"the path {path!r} contains {describe_character(hidden[0])}"
        yield Finding("zip-unsafe-name", text)


def is_hidden(char: str) -> bool:
    """Whether a character has no shape of its own, or could reorder or break the text."""
    return unicodedata.category(char) in _HIDDEN


def describe_character(char: str) -> str:
    """ "U+202E (RIGHT-TO-LEFT OVERRIDE)"."""
    name = unicodedata.name(char, "")
    return f"U+{ord(char):04X}" + (f" ({name})" if name else "")


def _is_too_long(path: str) -> bool:
    if len(path) * 4 <= _MAX_PART:
        return False
    parts = path.encode("utf-8", "replace").split(b"/")
    return max(map(len, parts)) > _MAX_PART or sum(map(len, parts), len(parts)) > _MAX_PATH


def _check_repeats(paths: Sequence[str], folds: bool) -> Findings:
    """Two entries for one file: everywhere, or (`folds`) on Windows and macOS.

    In this order a path is followed by those below it and those that fold to the same.
    """
    for path, count in Counter(paths).items():
        if count > 1:
            yield Finding("zip-duplicate-name", f"{count} entries are installed as {path!r}")
    spell = fold if folds else str
    ordered = sorted(set(paths), key=lambda path: (spell(path).replace("/", "\0"), path))
    for path, following in pairwise(ordered):
        if not path.endswith("/") and following.startswith(f"{path}/"):
            text = f"{path!r} is both a file and a folder, so it can't be installed"
            yield Finding("zip-duplicate-name", text)
        elif folds and (clash := _find_clash(path.split("/"), following.split("/"))):
            text = "{!a} and {!a} are one file on Windows or macOS".format(*clash)
            yield Finding("zip-name-clash", text)


def _find_clash(parts: list[str], others: list[str]) -> tuple[str, str] | None:
    """The beginnings of two paths up to the first part that differs, if only by folding."""
    level = next((n for n, (a, b) in enumerate(zip(parts, others, strict=False)) if a != b), None)
    if level is None or fold(parts[level]) != fold(others[level]):
        return None
    return "/".join(parts[: level + 1]), "/".join(others[: level + 1])


def fold(path: str) -> str:
    """The path as file systems compare it that ignore case and Unicode form."""
    if path.isascii():
        return path.lower()
    decomposed = unicodedata.normalize("NFD", path)
    folded = (char.casefold() for char in decomposed)
    return "".join(
        new if len(new) == 1 else old for old, new in zip(decomposed, folded, strict=True)
    )


def _check_destination(path: str, stem: str) -> Findings:
    """Where an installer puts it: `.data` has a folder for each scheme."""
    head, _, below = path.partition("/")
    if not head.endswith(".data"):
        if _STARTUP.fullmatch(path):
            yield _startup(path)
        return
    scheme, _, rest = below.partition("/")
    if not below or (path.endswith("/") and scheme in _SCHEMES):
        return
    if head != f"{stem}.data" or scheme not in _SCHEMES or not rest:
        known = f"'{stem}.data/SCHEME/', where SCHEME is one of {', '.join(_SCHEMES)}"
        yield Finding("data-scheme", f"installers don't install {path!r}", f"move it to {known}")
    elif scheme == "scripts":
        yield from _check_script(path, rest)
    elif _STARTUP.fullmatch(rest.rpartition("site-packages/")[2]):
        yield _startup(path)
    elif scheme == "data" and _OWNED.match(rest):
        text = f"{path!r} is installed into the environment's own {rest.split('/')[0]!r}"
        yield Finding("data-outside", text)


def _check_script(path: str, name: str) -> Findings:
    if "/" in name:
        text = f"{path!r} is in a folder below scripts/, which some installers refuse"
        yield Finding("data-scheme", text)
    elif OWN_COMMANDS.fullmatch(name):
        text = f"{path!r} replaces the environment's own {name!r}"
        yield Finding("data-scheme", text, "give the command another name")
    elif name.lower().endswith(".exe.exe"):
        yield Finding("command-name", f"the command {path!r} ends in .exe twice")


def _startup(path: str) -> Finding:
    text = f"{path!r} makes code run whenever Python starts, imported or not"
    return Finding("startup-code", text)
