"""Keys for programs' internal files and for similar files, which share a line in lists.

Pure. Files with the same key share a line; the last part of the key is their path pattern.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterable

MIN_INTERNALS = 3  # that share a line
MIN_ALIKE = 12
_INTERNAL, _ALIKE = "internal", "alike"

# A folder below which a program manages files alone.
_MANAGED = re.compile(
    r"\.?(?:.*[ ._-])?(?:caches?\d?|cachestorage)|service worker|indexeddb|idb"
    r"|(?:local|session|shared) storage|file system",
    re.IGNORECASE | re.DOTALL,
)
# Firefox has a folder for each site below these: storage/default/https+++example.org/idb
_FOLDER_PER_SITE = frozenset({"default", "permanent", "temporary", "to-be-removed"})
# A meaningless name: a hash, a UUID, a long number with or without letters after it.
_HASH = re.compile(
    r"(?:[0-9a-f]{16,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{8,}[^\W\d_]*)(?=[._-]|$)",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?:19|20)\d\d[01]\d[0-3]\d(?:\d{4}(?:\d\d)?)?(?!\d)")
_NUMBER = re.compile(r"\d+")
_SEPARATOR = re.compile(r"[/\\]")


def make_bundle_key(folder: str, name: str, application: str, schema: int) -> str:
    """The key of a file, "" for one that never shares a line.

    ``folder`` is below what was scanned, or "", and ends with a separator; ``schema`` is a
    hash of the file's schema, 0 for unknown.
    """
    managed, pattern = _parse_folder(folder)
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
def _parse_folder(folder: str) -> tuple[str, str]:
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


def find_collapsed(counts: Iterable[tuple[str, int]]) -> set[str]:
    """The keys that occur often enough to share a line."""
    return {
        key
        for key, count in counts
        if count >= MIN_INTERNALS and key and (count >= MIN_ALIKE or is_internal(key))
    }
