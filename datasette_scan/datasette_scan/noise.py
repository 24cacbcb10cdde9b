"""Which files programs keep for themselves, and which are alike: a list shows one line for them.

Pure. Files with the same key belong together; the key's last part is the pattern of their paths.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterable

FEWEST_INTERNALS = 3  # as many make a line of their own
FEWEST_ALIKE = 12
_INTERNAL, _ALIKE = "internal", "alike"

# A folder below which a program manages files alone.
_MANAGED = re.compile(
    r"\.?(?:.*[ ._-])?(?:caches?\d?|cachestorage)|service worker|indexeddb|idb"
    r"|(?:local|session|shared) storage|file system",
    re.IGNORECASE | re.DOTALL,
)
# Firefox has a folder for each site below these: storage/default/https+++example.org/idb
_FOLDER_PER_SITE = frozenset({"default", "permanent", "temporary", "to-be-removed"})
# A name that says nothing: a hash, a UUID, a long number with or without letters after it.
_HASH = re.compile(
    r"(?:[0-9a-f]{16,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{8,}[^\W\d_]*)(?=[._-]|$)",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?:19|20)\d\d[01]\d[0-3]\d(?:\d{4}(?:\d\d)?)?(?!\d)")
_NUMBER = re.compile(r"\d+")
_SEPARATOR = re.compile(r"[/\\]")


def noise_of(folder: str, name: str, application: str, schema: int) -> str:
    """The key of a file: "" where nothing suggests that others are like it.

    ``folder`` is below what was scanned, or "", and ends with a separator; ``schema`` is a
    hash of the file's schema, 0 for unknown.
    """
    managed, pattern = _look_at(folder)
    if managed:
        return sys.intern(f"{_INTERNAL}\t{application}\t{managed}*")
    if is_hash(name):
        return sys.intern(f"{_INTERNAL}\t{application}\t{pattern}*")
    stem, dot, extension = name.rpartition(".")
    general = pattern + (
        _NUMBER.sub("*", stem) + dot + extension if dot else _NUMBER.sub("*", name)
    )
    return sys.intern(f"{_ALIKE}\t{schema:x}\t{general}") if schema and "*" in general else ""


@functools.lru_cache(maxsize=4096)
def _look_at(folder: str) -> tuple[str, str]:
    """The folder that a program manages, or "", and the pattern of the folder's path."""
    pattern, start, before = "", 0, ""
    for separator in _SEPARATOR.finditer(folder):
        end = separator.end()
        part = folder[start : end - 1]
        if (before == "storage" and part in _FOLDER_PER_SITE) or _MANAGED.fullmatch(part):
            return folder[:end], ""
        general = "*" if is_hash(part) else _NUMBER.sub("*", part)
        pattern += general + folder[end - 1]
        start, before = end, part
    return "", pattern


def is_hash(name: str) -> bool:
    """Whether a name is a hash, a UUID or a long number, and no date."""
    return _HASH.match(name) is not None and _DATE.match(name) is None


def is_internal(key: str) -> bool:
    """Whether a key stands for files that a program keeps for itself."""
    return key.startswith(_INTERNAL)


def pattern_of(key: str) -> str:
    """The paths of a key's files below what was scanned, with a star for what differs."""
    return key.rpartition("\t")[2]


def collapsed(counts: Iterable[tuple[str, int]]) -> set[str]:
    """Of keys and how often they occur, those that make a line of their own."""
    return {
        key
        for key, count in counts
        if count >= FEWEST_INTERNALS and key and (count >= FEWEST_ALIKE or is_internal(key))
    }
