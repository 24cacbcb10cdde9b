"""File paths → database names: readable, stable, the same whatever the order of finding.

A name is the file's stem. Files whose stems collide (without regard to case, since SQLite
schema names have none, and to how accents are encoded, which is invisible) all get as many
parent folder names in front as it takes; what is still equal then gets a short hash of its
path. A name once given stays with its file.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from .text import fold, is_plain

_MAX_LENGTH = 80
_BRACKETS = str.maketrans("[]/\\", "____")
_ALIAS = re.compile(r"-([0-9a-f]{8})$")


def path_hash(path: bytes) -> str:
    """Eight hexadecimal digits that depend on the path alone."""
    return hashlib.sha256(path).hexdigest()[:8]


def safe_part(text: str) -> str:
    """A path component as part of a name: printable, without brackets, not too long."""
    cleaned = text.translate(_BRACKETS)
    if not (text.isascii() and text.isprintable()):
        cleaned = "".join(c if is_plain(c) else "_" for c in cleaned)
    return " ".join(cleaned.split())[:_MAX_LENGTH]


def name_parts(path: bytes) -> list[str]:
    """The stem first, then the parent folders' names from the inside out."""
    folder, file = os.path.split(os.fsdecode(path))
    stem = os.path.splitext(file)[0] or file
    return [safe_part(stem) or "database", *_parents(folder)]


@functools.lru_cache(maxsize=4096)
def _parents(folder: str) -> list[str]:
    return [safe_part(p) for p in reversed(folder.replace(os.sep, "/").split("/")) if p]


def alias(path: bytes) -> str:
    """The name under which a file can always be requested, whatever else is found."""
    return f"{name_parts(path)[0]}-{path_hash(path)}"


def alias_hash(name: str) -> str | None:
    """The path hash at the end of an alias, or None."""
    found = _ALIAS.search(name)
    return found.group(1) if found else None


def assign_names(
    paths: Iterable[bytes], given: Mapping[bytes, str], reserved: Iterable[str]
) -> dict[bytes, str]:
    """Names for ``paths`` that have none in ``given``; never a given or reserved one."""
    taken = {fold(n) for n in reserved} | {fold(n) for n in given.values()}
    waiting = {p: name_parts(p) for p in paths if p not in given}
    names: dict[bytes, str] = {}
    depth = 1
    while waiting:
        groups: dict[str, list[bytes]] = defaultdict(list)
        for path, parts in waiting.items():
            groups[fold(_join(parts, depth))].append(path)
        for key, group in groups.items():
            alone = len(group) == 1 and key not in taken
            for path in sorted(group):
                if alone:
                    names[path] = _join(waiting.pop(path), depth)
                    taken.add(key)
                elif len(waiting[path]) <= depth:
                    names[path] = _hashed(path, waiting.pop(path), taken)
        depth += 1
    return names


def _join(parts: list[str], depth: int) -> str:
    return "-".join(reversed(parts[:depth]))[-_MAX_LENGTH:]


def _hashed(path: bytes, parts: list[str], taken: set[str]) -> str:
    name = f"{parts[0]}-{path_hash(path)}"
    if fold(name) in taken:
        name = f"{parts[0]}-{hashlib.sha256(path).hexdigest()}"
    taken.add(fold(name))
    return name
