"""The found databases and their states. Touched by the event loop's thread alone; no I/O."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple

from .bundle_keys import is_internal, make_bundle_key
from .finder import Match, Problem, Progress
from .names import alias, assign_names, path_hash
from .probe import SKIPPED, ProbeResult
from .statuses import HEALTHY, READABLE, STATUSES, format_status
from .text import fold, visible, visible_path

SORTS = ("name", "path", "tables", "size", "modified", "application", "status")
NO_APPLICATION = "none"
INTERNALS = "internals"
_MAX_CACHED = 60
_EXPECTED = ("denied", "in_use", "placeholder")  # problems of the scanner, below a root


@dataclass(slots=True)
class Entry:
    """One database of the catalogue."""

    path: bytes
    device: int
    inode: int
    name: str = ""
    size: int = 0
    mtime_ns: int = 0
    fingerprint: int = 0  # the hash of the file's and its journals'; 0: to be read again
    status: str = "checking"
    detail: str = ""
    application: str = ""
    tables: str = ""
    table_count: int = 0
    missing: tuple[str, ...] = ()
    revision: int = 0
    schema_hash: int = 0
    snapshot_at: float = 0.0
    attached: bool = False
    other_paths: tuple[bytes, ...] = ()  # hard links to the same file
    address: str = ""  # the database name in links: its own, or until it has one its alias
    search_text: str = ""  # the text that a search matches, folded
    public_length: int = 0  # how many letters of it come before the paths
    bundle_key: str = ""  # equal for files that a list collapses; "" for those that it never does
    application_group: str = NO_APPLICATION  # its group by application
    shown_path: str = ""  # safe to show
    shown_folder: str = ""

    def __post_init__(self) -> None:
        self.set_path(self.path)

    def set_path(self, path: bytes) -> None:
        """Set the path and the values derived from it."""
        self.path = path
        self.shown_path = visible_path(path)
        self.shown_folder = sys.intern(os.path.dirname(self.shown_path))

    @property
    def identity(self) -> tuple[int, int]:
        """The file itself, whatever its name."""
        return self.device, self.inode

    @property
    def shown_other_paths(self) -> list[str]:
        """The same file's other paths, safe to show."""
        return [visible_path(path) for path in self.other_paths]

    def update_search_text(self) -> None:
        """Set the text that a search matches: what everybody may see, then paths and tables."""
        paths = [self.shown_path, *self.shown_other_paths]
        first = fold(f"{self.address}\n{self.application}\n")
        self.search_text = first + fold("\n".join([*paths, self.tables]))
        self.public_length = len(first)

    def update(self, result: ProbeResult, below: str) -> None:
        """Copy the values of a probe; ``below`` is the path relative to a scanned folder."""
        self.device, self.inode = result.identity
        self.application, self.table_count = result.application, result.table_count
        self.tables, self.missing = result.tables, result.missing
        self.size, self.mtime_ns = result.size, result.mtime_ns
        self.schema_hash = result.schema_hash
        name = os.path.basename(below)
        folder = below[: len(below) - len(name)]
        self.bundle_key = make_bundle_key(folder, name, self.application, self.schema_hash)
        self.application_group = (
            INTERNALS if is_internal(self.bundle_key) else self.application or NO_APPLICATION
        )
        self.update_search_text()

    @property
    def status_words(self) -> str:
        """The status as people read it."""
        return format_status(self.status, self.detail, self.snapshot_at)

    @property
    def known_tables(self) -> int | None:
        """The number of tables; None if it could not be read yet."""
        unknown = not self.table_count and self.status not in READABLE
        return None if unknown else self.table_count

    def table_names(self) -> list[str]:
        """The first names of its tables and views."""
        return self.tables.split("\n") if self.tables else []


@dataclass(frozen=True, slots=True)
class Skip:
    """A file that was found and is not served, or a folder that could not be read."""

    path: bytes
    reason: str
    advice: str
    status: str  # "unreadable" where the system, not the file, is the reason
    size: int = 0
    is_database: bool = False

    @property
    def shown_path(self) -> str:
        """The path, safe to show."""
        return visible_path(self.path)


@dataclass(frozen=True)
class Query:
    """A selection of entries, and their order."""

    text: str = ""
    status: str = ""
    application: str = ""
    show: str = ""  # a key of SHOW_FILTERS
    folder: str = ""
    min_size: int | None = None
    max_size: int | None = None
    max_age: float | None = None
    since: int = 0
    sort: str = "name"
    descending: bool = False
    search_paths: bool = True  # match words in paths and table names as well


@dataclass
class Catalog:
    """Every entry by path, names, skipped files, and the progress of the scan."""

    roots: tuple[bytes, ...] = ()
    entries: dict[bytes, Entry] = field(default_factory=dict)
    skipped: dict[bytes, Skip] = field(default_factory=dict)
    attached: set[str] = field(default_factory=set)
    served_identities: set[tuple[int, int]] = field(
        default_factory=set
    )  # that Datasette serves itself
    progress: Progress = field(default_factory=Progress)
    scanning: bool = False
    scans: int = 0
    started_at: float = 0.0
    finished_at: float = 0.0
    duration: float = 0.0
    error: str = ""
    revision: int = 0
    _skipped_this_scan: set[bytes] = field(default_factory=set)
    _by_hash: dict[str, bytes] = field(default_factory=dict)
    _by_name: list[Entry] = field(default_factory=list)  # empty: to be sorted
    _cache: tuple[int, dict[Any, Any]] = (-1, {})

    @property
    def is_complete(self) -> bool:
        """Whether the last scan read everything but what is damaged or closed to this user."""
        return not self.error and all(s.status != "unreadable" for s in self.skipped.values())

    # -- what a scan does

    def begin(self) -> None:
        """A scan starts."""
        self.scanning = True
        self.started_at = time.time()
        self.error = ""
        self.progress = Progress()
        self._skipped_this_scan.clear()

    def finish(self, error: str = "") -> None:
        """A scan ended; with an ``error`` if it failed."""
        self.scanning = False
        self.scans += 1
        self.error = error
        if not error:  # no longer skipped: removed, or readable
            self.skipped = {p: s for p, s in self.skipped.items() if p in self._skipped_this_scan}
        self.finished_at = time.time()
        self.duration = self.finished_at - self.started_at
        self.bump_revision()

    def bump_revision(self) -> int:
        """Count a change; return the new revision."""
        self.revision += 1
        return self.revision

    def add_match(self, match: Match) -> Entry | None:
        """Add a found file and return its entry; None for a file that Datasette serves."""
        identity = (match.device, match.inode)
        if match.inode and identity in self.served_identities:
            return None
        entry = self.entries.get(match.path)
        if entry is None:
            entry = Entry(match.path, match.device, match.inode, size=match.size)
            entry.address = alias(match.path)
            entry.update_search_text()
            entry.revision = self.bump_revision()
            self.entries[match.path] = entry
            self._by_name = []
            self._by_hash[path_hash(match.path)] = match.path
        elif match.inode and entry.identity != identity:
            entry.device, entry.inode = identity
            entry.fingerprint = 0
        self.skipped.pop(match.path, None)
        return entry

    def remove(self, entry: Entry, skip: Skip | None) -> None:
        """Remove an entry that can't be served, or mark it if it is attached."""
        if skip is not None:
            self._skip(skip)
        if entry.attached:
            entry.status = "unreadable" if skip else "gone"
            entry.detail = skip.reason if skip else ""
            entry.revision = self.bump_revision()
            return
        self.entries.pop(entry.path, None)
        self._by_name = []
        self._by_hash.pop(path_hash(entry.path), None)
        self.bump_revision()

    def record_probe(self, entry: Entry, result: ProbeResult) -> None:
        """Set the result of a file's probe."""
        if result.status in SKIPPED:
            skip = Skip(entry.path, result.detail, result.advice, result.status, result.size, True)
            self.remove(entry, skip)
            entry.fingerprint = result.fingerprint
            return
        if result.status == "gone":
            self.remove(entry, None)
            return
        self.skipped.pop(entry.path, None)
        entry.status, entry.detail = result.status, result.detail
        entry.fingerprint = result.fingerprint
        if result.identity != (0, 0):  # it could be read
            entry.update(result, self._below_roots(entry.shown_path))
        entry.snapshot_at = time.time() if result.status == "snapshot" else 0.0
        entry.revision = self.bump_revision()

    def record_problem(self, problem: Problem) -> None:
        """Record a file or folder that the scanner could not read."""
        advice = {
            "denied": "Give the user that runs Datasette the right to read it.",
            "in_use": "Another program has locked it. Close that program, then scan again.",
            "missing": "Check the path; nothing is there.",
        }.get(problem.kind, "Check the disk or the connection to it.")
        status = problem.kind if problem.kind in _EXPECTED else "unreadable"
        if problem.path in self.roots:  # even one that is closed to this user was asked for
            status = "unreadable"
        if problem.kind != "vanished":
            self._skip(Skip(problem.path, visible(problem.error), advice, status))

    def _skip(self, skip: Skip) -> None:
        self.skipped[skip.path] = skip
        self._skipped_this_scan.add(skip.path)

    def merge_hard_links(self) -> None:
        """Serve one of several hard links to a file, and list the others with it.

        The attached one is served, else the first by path.
        """
        first: dict[tuple[int, int], Entry] = {}
        hard_links: dict[tuple[int, int], list[Entry]] = {}
        for entry in self.entries.values():
            known = first.setdefault(entry.identity, entry) if entry.inode else entry
            if known is not entry:
                hard_links.setdefault(entry.identity, [known]).append(entry)
        others: dict[bytes, tuple[bytes, ...]] = {}
        for links in hard_links.values():
            links.sort(key=lambda e: (e.status == "gone", not e.attached, e.path))
            served, rest = links[0], [e for e in links[1:] if not e.attached]
            others[served.path] = tuple(sorted(e.path for e in rest))
            for entry in rest:
                self.remove(entry, None)
        for entry in self.entries.values():
            if entry.other_paths or entry.path in others:
                entry.other_paths = others.get(entry.path, ())
                entry.update_search_text()

    def plan_names(self, reserved: Iterable[str]) -> Callable[[], dict[bytes, str]] | None:
        """Return a function that assigns the missing names, in any thread; None if none is missing.

        Skipped files get names too: otherwise names would depend on when a file was probed.
        """
        given = {e.path: e.name for e in self.entries.values() if e.name}
        if len(given) == len(self.entries):
            return None
        found = {*self.entries, *(s.path for s in self.skipped.values() if s.is_database)}
        return functools.partial(assign_names, found, given, list(reserved))

    def set_names(self, names: Mapping[bytes, str]) -> None:
        """Set the names of entries."""
        for path, name in names.items():
            entry = self.entries.get(path)
            if entry is not None:
                entry.name = entry.address = name
                entry.update_search_text()
        self._by_name = []
        self.ordered(Query())  # sorted now, before a page needs it
        self.bump_revision()

    def unattached(self) -> list[Entry]:
        """Entries that have been probed, have a name, and are not served yet."""
        return [
            e
            for e in self.entries.values()
            if e.name and not e.attached and e.status not in ("checking", "gone")
        ]

    def mark_gone(self, entry: Entry) -> None:
        """Mark an entry whose file was deleted."""
        if entry.status != "gone":
            entry.status = "gone"
            entry.detail = ""
            entry.revision = self.bump_revision()

    def _below_roots(self, path: str) -> str:
        starts = [visible_path(root).rstrip(os.sep) + os.sep for root in self.roots]
        longest = max((len(s) for s in starts if path.startswith(s)), default=0)
        return path[longest:]

    # -- for pages

    def find_by_hash(self, digest: str) -> Entry | None:
        """The entry whose path has this hash."""
        path = self._by_hash.get(digest)
        return self.entries.get(path) if path is not None else None

    def cache(self) -> dict[Any, Any]:
        """A cache of values derived from the entries; cleared after each change, and when full."""
        revision, known = self._cache
        if revision != self.revision or len(known) > _MAX_CACHED:
            known = {}
            self._cache = self.revision, known
        return known

    def ordered(self, query: Query) -> list[Entry]:
        """Every entry in the order of a query; cached until the next change."""
        if not self._by_name:
            by_path = sorted(self.entries.values(), key=attrgetter("path"))
            self._by_name = sorted(by_path, key=lambda e: e.address.casefold())
        if query.sort == "name":
            return self._by_name[::-1] if query.descending else self._by_name
        known, key = self.cache(), (query.sort, query.descending)
        if key not in known:  # stable: equal keys stay in the order of names
            known[key] = sorted(self._by_name, key=_SORT_KEYS[query.sort], reverse=query.descending)
        result: list[Entry] = known[key]
        return result


class Facets(NamedTuple):
    """The values of an entry that pages filter by and count."""

    status: str
    application: str
    application_group: str


def count_facets(entries: Iterable[Entry]) -> list[tuple[Facets, int]]:
    """Each combination of facets, and the number of its entries."""
    found = Counter(map(attrgetter(*Facets._fields), entries))
    return [(Facets(*facets), count) for facets, count in found.items()]


#: Named filters.
SHOW_FILTERS: dict[str, Callable[[Entry | Facets], bool]] = {
    "attention": lambda e: e.status not in HEALTHY,
    INTERNALS: lambda e: e.application_group == INTERNALS,
}


def filter_entries(entries: list[Entry], fits: Iterable[Callable[[Entry], bool]]) -> list[Entry]:
    """The entries that pass every test."""
    for test in fits:
        entries = [e for e in entries if test(e)]
    return entries


def conditions(query: Query) -> list[Callable[[Entry], bool]]:
    """The conditions that an entry has to meet to be in the result."""
    tests: list[Callable[[Entry], bool]] = []
    if query.status:
        tests.append(lambda e: e.status == query.status)
    if query.show:
        tests.append(SHOW_FILTERS[query.show])
    if query.application:
        wanted = "" if query.application == NO_APPLICATION else query.application
        tests.append(lambda e: e.application == wanted)
    if query.folder:
        tests.append(_below(query.folder))
    if query.min_size is not None:
        tests.append(lambda e: e.size >= (query.min_size or 0))
    if query.max_size is not None:
        tests.append(lambda e: e.size <= (query.max_size or 0))
    if query.max_age is not None:
        oldest = (time.time() - query.max_age) * 1e9
        tests.append(lambda e: e.mtime_ns >= oldest)
    if query.since:
        tests.append(lambda e: e.revision > query.since)
    tests.extend(_contains(word, query.search_paths) for word in fold(query.text).split())
    return tests


def _below(folder: str) -> Callable[[Entry], bool]:
    wanted = folder.rstrip("/\\") or "/"
    start = wanted.rstrip("/\\") + os.sep
    return lambda e: e.shown_folder == wanted or e.shown_folder.startswith(start)


def _contains(word: str, search_paths: bool) -> Callable[[Entry], bool]:
    return lambda e: e.search_text.find(word, 0, None if search_paths else e.public_length) >= 0


_STATUS_ORDER = {status: place for place, status in enumerate(STATUSES)}
_SORT_KEYS: dict[str, Callable[[Entry], Any]] = {
    "path": lambda e: e.shown_path.casefold(),
    "tables": attrgetter("table_count"),
    "size": attrgetter("size"),
    "modified": attrgetter("mtime_ns"),
    "application": lambda e: (not e.application, e.application.casefold()),
    "status": lambda e: _STATUS_ORDER.get(e.status, len(_STATUS_ORDER)),
}
