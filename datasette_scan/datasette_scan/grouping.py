"""Rows of the catalogue → groups, with one line for files that are alike. Pure."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from .catalog import NO_APPLICATION, Entry
from .noise import collapsed, is_internal, pattern_of

GROUPINGS = ("application", "folder", "none")
ALL_SHOWN = 60  # with more rows than that, each of several groups shows the first few
FIRST_ROWS = 5
FIRST_BUNDLES = 3
FIRST_FOLDERS = 12
INTERNALS = "internals"


@dataclass
class Bundle:
    """Files that are alike, shown as one line."""

    key: str
    application: str
    count: int = 0
    size: int = 0
    mtime_ns: int = 0

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

    def add(self, entry: Entry) -> None:
        """Count one more."""
        self.count += 1
        self.size += entry.size
        self.mtime_ns = max(self.mtime_ns, entry.mtime_ns)


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


def by_application(entry: Entry) -> str:
    """The group of an entry: its application; INTERNALS for what programs manage alone."""
    return INTERNALS if is_internal(entry.noise) else entry.application or NO_APPLICATION


def by_folder(entries: Sequence[Entry]) -> Callable[[Entry], str]:
    """A function that gives an entry's group: the folder in which the paths first differ."""
    paths = [e.shown_path for e in entries]
    ends = [os.path.dirname(path) for path in (min(paths), max(paths))] if paths else [os.sep]
    start = len(common_folder(ends))

    def folder(entry: Entry) -> str:
        end = entry.shown_path.find(os.sep, start)
        return entry.shown_path[: end if end >= 0 else max(0, start - 1)] or os.sep

    return folder


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
    key_of = {"application": by_application, "none": lambda e: ""}.get(by) or by_folder(entries)
    keys = [key_of(e) for e in entries]
    shared = collapsed_pairs(zip(keys, entries, strict=True)) if bundled else frozenset()
    groups: dict[str, Group] = {}
    bundles: dict[tuple[str, str], Bundle] = {}
    for key, entry in zip(keys, entries, strict=True):
        found = groups.get(key)
        if found is None:
            found = groups[key] = Group(key)
        found.count += 1
        found.size += entry.size
        if entry.noise and (key, entry.noise) in shared:
            bundle = bundles.get((key, entry.noise))
            if bundle is None:
                bundle = bundles[key, entry.noise] = Bundle(entry.noise, entry.application)
                found.bundles.append(bundle)
            bundle.add(entry)
        else:
            found.rows.append(entry)
    places = {NO_APPLICATION: 0, INTERNALS: 2} if by == "application" else {}
    return sorted(groups.values(), key=lambda g: places.get(g.key, 1))


def collapsed_pairs(pairs: Iterable[tuple[str, Entry]]) -> frozenset[tuple[str, str]]:
    """Group and noise of the files that are not shown one by one."""
    counts = Counter((key, e.noise) for key, e in pairs if e.noise)
    return frozenset(pair for pair, count in counts.items() if collapsed([(pair[1], count)]))


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
    start = len(base.rstrip(os.sep)) + 1
    counts: Counter[str] = Counter()
    for entry in entries:
        path = entry.shown_path
        end = path.find(os.sep, start)
        if end >= 0 and path.startswith(base):
            counts[path[:end]] += 1
    return counts.most_common()
