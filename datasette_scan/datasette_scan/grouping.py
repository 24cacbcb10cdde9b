"""Rows of the catalogue → groups, in which similar files share one line. Pure."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

from .bundle_keys import find_collapsed, is_internal
from .catalog import INTERNALS, NO_APPLICATION, Entry

GROUPINGS = ("application", "folder", "none")
ALL_SHOWN = 60  # with more rows than that, each of several groups shows the first few
FIRST_ROWS = 5
FIRST_BUNDLES = 3
FIRST_FOLDERS = 12
_FOLDER, _APPLICATION_GROUP = attrgetter("shown_folder"), attrgetter("application_group")
_BUNDLE_KEY, _SIZE, _MODIFIED = attrgetter("bundle_key"), attrgetter("size"), attrgetter("mtime_ns")


@dataclass
class Bundle:
    """Similar files, shown as one line."""

    key: str
    application: str
    count: int
    size: int
    mtime_ns: int

    @property
    def id(self) -> str:
        """The key as it is written in a link."""
        return bundle_id(self.key)

    @property
    def pattern(self) -> str:
        """Their paths below the scanned folder, with a star for the parts that differ."""
        return self.key.rpartition("\t")[2]

    @property
    def title(self) -> str:
        """A title for the files."""
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
        """The databases that have a line of their own."""
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
    if by == "folder":
        keys = _folder_keys(entries)
    else:
        keys = [e.application_group if by == "application" else "" for e in entries]
    for key, entry in zip(keys, entries, strict=True):
        members[key].append(entry)
    groups = [_group(key, found, bundled) for key, found in members.items()]
    places = {NO_APPLICATION: 0, INTERNALS: 2} if by == "application" else {}
    return sorted(groups, key=lambda g: places.get(g.key, 1))


def _group(key: str, entries: list[Entry], bundled: bool) -> Group:
    if not bundled:
        return Group(key, entries, [], len(entries), sum(map(_SIZE, entries)))
    alike: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        alike[entry.bundle_key].append(entry)
    shared = find_collapsed((bundle_key, len(found)) for bundle_key, found in alike.items())
    bundles = [
        Bundle(
            key=bundle_key,
            application=found[0].application,
            count=len(found),
            size=sum(map(_SIZE, found)),
            mtime_ns=max(map(_MODIFIED, found)),
        )
        for bundle_key, found in alike.items()
        if bundle_key in shared
    ]
    rows = [e for e in entries if e.bundle_key not in shared] if shared else entries
    size = sum(map(_SIZE, rows)) + sum(bundle.size for bundle in bundles)
    return Group(key, rows, bundles, len(entries), size)


def shorten_groups(groups: list[Group]) -> list[Group]:
    """With many rows, shorten each group to its first few and the number of the others."""
    return (
        [_shortened(g) for g in groups]
        if count_lines(groups) > ALL_SHOWN and len(groups) > 1
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


def count_lines(groups: Iterable[Group]) -> int:
    """How many rows and lines groups have."""
    return sum(len(g.lines()) for g in groups)


def cut_page(groups: Iterable[Group], start: int, size: int) -> list[Group]:
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
