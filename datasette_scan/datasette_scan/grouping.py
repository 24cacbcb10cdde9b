"""Rows of the catalogue → groups, with one line for files that are alike. Pure."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

from .catalog import INTERNALS, NO_APPLICATION, Entry
from .noise import collapsed, is_internal, pattern_of

GROUPINGS = ("application", "folder", "none")
ALL_SHOWN = 60  # with more rows than that, each of several groups shows the first few
FIRST_ROWS = 5
FIRST_BUNDLES = 3
FIRST_FOLDERS = 12
_FOLDER, _SHELF = attrgetter("shown_folder"), attrgetter("shelf")
_NOISE, _SIZE, _MODIFIED = attrgetter("noise"), attrgetter("size"), attrgetter("mtime_ns")


@dataclass
class Bundle:
    """Files that are alike, shown as one line."""

    key: str
    application: str
    count: int
    size: int
    mtime_ns: int

    @property
    def id(self) -> str:
        """What stands for the key in a link."""
        return bundle_id(self.key)

    @property
    def pattern(self) -> str:
        """Their paths, with a star for what differs."""
        return pattern_of(self.key)

    @property
    def title(self) -> str:
        """What they are."""
        if not is_internal(self.key):
            return f"{self.count:,} databases with the same tables"
        return f"{self.count:,} internal files of {self.application or 'a program'}"


@dataclass
class Group:
    """Rows that belong together; ``key`` is an application, a folder or INTERNALS."""

    key: str
    rows: list[Entry] = field(default_factory=list)
    bundles: list[Bundle] = field(default_factory=list)
    count: int = 0
    size: int = 0
    continued: bool = False  # on an earlier page
    rest: int = 0  # databases that are left out
    rest_size: int = 0

    def lines(self) -> list[Entry | Bundle]:
        """What has a line of its own."""
        return [*self.rows, *self.bundles]


def bundle_id(key: str) -> str:
    """Eight hexadecimal digits: a key contains a path."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _folder_keys(entries: Sequence[Entry]) -> list[str]:
    """Each entry's group: the folder in which the paths first differ."""
    folders = set(map(_FOLDER, entries))
    start = len(common_folder(list(folders)))

    def key(folder: str) -> str:
        end = folder.find(os.sep, start)
        return folder[:end] if end >= 0 else folder

    keys = {folder: key(folder) for folder in folders}
    return [keys[folder] for folder in map(_FOLDER, entries)]


def _keys(entries: Sequence[Entry], by: str) -> list[str]:
    if by == "folder":
        return _folder_keys(entries)
    return list(map(_SHELF, entries)) if by == "application" else [""] * len(entries)


def common_folder(paths: Sequence[str]) -> str:
    """The folder that contains all of ``paths``, with a separator at its end; "" for none."""
    try:
        return os.path.commonpath(paths).rstrip(os.sep) + os.sep
    except ValueError:  # on several drives
        return ""


def group(entries: Sequence[Entry], by: str, bundled: bool = True) -> list[Group]:
    """Groups in the order of their first rows; unknown applications first, internals last.

    ``bundled`` False gives every file a row of its own.
    """
    members: defaultdict[str, list[Entry]] = defaultdict(list)
    for key, entry in zip(_keys(entries, by), entries, strict=True):
        members[key].append(entry)
    groups = [_group(key, found, bundled) for key, found in members.items()]
    places = {NO_APPLICATION: 0, INTERNALS: 2} if by == "application" else {}
    return sorted(groups, key=lambda g: places.get(g.key, 1))


def _group(key: str, entries: list[Entry], bundled: bool) -> Group:
    if not bundled:
        return Group(key, entries, [], len(entries), sum(map(_SIZE, entries)))
    alike: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        alike[entry.noise].append(entry)
    shared = collapsed((noise, len(found)) for noise, found in alike.items())
    bundles = [_bundle(noise, found) for noise, found in alike.items() if noise in shared]
    rows = [e for e in entries if e.noise not in shared] if shared else entries
    size = sum(map(_SIZE, rows)) + sum(bundle.size for bundle in bundles)
    return Group(key, rows, bundles, len(entries), size)


def _bundle(noise: str, entries: list[Entry]) -> Bundle:
    size, newest = sum(map(_SIZE, entries)), max(map(_MODIFIED, entries))
    return Bundle(noise, entries[0].application, len(entries), size, newest)


def shorten(groups: list[Group]) -> list[Group]:
    """With many rows: the first few of each group, and how many more there are."""
    return (
        [_shortened(g) for g in groups]
        if lines_of(groups) > ALL_SHOWN and len(groups) > 1
        else groups
    )


def _shortened(group: Group) -> Group:
    if len(group.lines()) <= FIRST_ROWS + 1:
        return group
    rows, bundles = group.rows[:FIRST_ROWS], group.bundles[:FIRST_BUNDLES]
    shown = len(rows) + sum(b.count for b in bundles)
    size = sum(e.size for e in rows) + sum(b.size for b in bundles)
    rest, rest_size = group.count - shown, group.size - size
    return replace(group, rows=rows, bundles=bundles, rest=rest, rest_size=rest_size)


def lines_of(groups: Iterable[Group]) -> int:
    """How many rows and lines groups have."""
    return sum(len(g.lines()) for g in groups)


def cut(groups: Iterable[Group], start: int, size: int) -> list[Group]:
    """The groups of one page: ``size`` lines from ``start`` on."""
    page: list[Group] = []
    for group in groups:
        lines = len(group.lines())
        first, last = max(0, start), min(lines, start + size)
        if first < last:
            rows = group.rows[first:last]
            offset = len(group.rows)
            bundles = group.bundles[max(0, first - offset) : max(0, last - offset)]
            rest = group.rest if last == lines else 0
            part = replace(group, rows=rows, bundles=bundles, rest=rest, continued=first > 0)
            page.append(part)
        start -= lines
    return page


def folders_below(entries: Sequence[Entry], base: str) -> list[tuple[str, int]]:
    """The folders directly below ``base`` and how many databases are in them, most first."""
    above = base.rstrip(os.sep) + os.sep
    counts: Counter[str] = Counter()
    for folder, count in Counter(map(_FOLDER, entries)).items():
        if folder.startswith(above):
            end = folder.find(os.sep, len(above))
            counts[folder if end < 0 else folder[:end]] += count
    return counts.most_common()
