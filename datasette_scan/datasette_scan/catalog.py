"""What was found and its state. Touched by the event loop's thread alone; no I/O."""

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

from .finder import Match, Problem, Progress
from .names import alias, assign_names, path_hash
from .noise import is_internal, noise_of
from .probe import Facts
from .text import fold, visible, visible_path

STATUSES = (
    "ready",
    "live",
    "not closed cleanly",
    "snapshot",
    "changing",
    "busy",
    "partly readable",
    "needs recovery",
    "checking",
    "gone",
    "unreadable",
)
SORTS = ("name", "path", "tables", "size", "modified", "application", "status")
CALM = ("ready", "live", "checking")  # nothing that somebody could do something about
NO_APPLICATION = "none"
INTERNALS = "internals"
_REMEMBERED = 60
_NOT_READ = ("changing", "busy", "needs recovery", "checking", "gone", "unreadable")


@dataclass(slots=True)
class Entry:
    """One database of the catalogue."""

    path: bytes
    device: int
    inode: int
    name: str = ""
    size: int = 0
    mtime_ns: int = 0
    mark: int = 0
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
    words: str = ""  # what a search looks through, folded
    open_words: int = 0  # how many letters of it come before the paths
    noise: str = ""  # equal for files that a list collapses; "" for those that it never does
    shelf: str = ""  # its group by application
    shown_path: str = ""  # safe to show
    shown_folder: str = ""

    def __post_init__(self) -> None:
        self.show_as(self.path)
        self.shelf = NO_APPLICATION

    def show_as(self, path: bytes) -> None:
        """Go by this one of the file's paths."""
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

    def gather_words(self) -> None:
        """Fold what a search looks through: what everybody may, then paths and tables."""
        paths = [self.shown_path, *self.shown_other_paths]
        first = fold(f"{self.address}\n{self.application}\n")
        self.words = first + fold("\n".join([*paths, self.tables]))
        self.open_words = len(first)

    def learn(self, facts: Facts, below: str) -> None:
        """Take over what a probe read; ``below`` is the path below what was scanned."""
        self.device, self.inode = facts.identity
        self.application, self.table_count = facts.application, facts.table_count
        self.tables, self.missing = facts.tables, facts.missing
        self.size, self.mtime_ns = facts.size, facts.mtime_ns
        self.schema_hash = facts.schema_hash
        name = os.path.basename(below)
        folder = below[: len(below) - len(name)]
        self.noise = noise_of(folder, name, self.application, self.schema_hash)
        self.shelf = INTERNALS if is_internal(self.noise) else self.application or NO_APPLICATION
        self.gather_words()

    @property
    def status_words(self) -> str:
        """The status as people read it."""
        if self.status == "partly readable" and self.detail:
            return f"partly readable: {self.detail}"
        if self.status == "snapshot" and self.snapshot_at:
            return f"snapshot {time.strftime('%H:%M:%S', time.localtime(self.snapshot_at))}"
        return self.status

    @property
    def known_tables(self) -> int | None:
        """How many tables there are; None where nothing could be read so far."""
        return None if not self.table_count and self.status in _NOT_READ else self.table_count

    def table_names(self) -> list[str]:
        """The first names of tables and views that were seen."""
        return self.tables.split("\n") if self.tables else []


@dataclass(frozen=True, slots=True)
class Skip:
    """A file that was found and is not served, or a folder that could not be read."""

    path: bytes
    reason: str
    advice: str
    size: int = 0
    is_database: bool = False

    @property
    def shown_path(self) -> str:
        """The path, safe to show."""
        return visible_path(self.path)


@dataclass(frozen=True)
class Query:
    """What of the catalogue is asked for."""

    text: str = ""
    status: str = ""
    application: str = ""
    show: str = ""  # a key of SHOWN
    folder: str = ""
    min_size: int | None = None
    max_size: int | None = None
    max_age: float | None = None
    since: int = 0
    sort: str = "name"
    descending: bool = False
    wide: bool = True  # look for words in paths and table names as well


@dataclass
class Catalog:
    """Every entry by path, names, what was skipped, and how the scan stands."""

    roots: tuple[bytes, ...] = ()
    entries: dict[bytes, Entry] = field(default_factory=dict)
    skipped: dict[bytes, Skip] = field(default_factory=dict)
    attached: set[str] = field(default_factory=set)
    explicit: set[tuple[int, int]] = field(default_factory=set)
    progress: Progress = field(default_factory=lambda: Progress(0, 0, 0, 0))
    scanning: bool = False
    scans: int = 0
    started_at: float = 0.0
    finished_at: float = 0.0
    duration: float = 0.0
    error: str = ""
    revision: int = 0
    _skipped_now: set[bytes] = field(default_factory=set)
    _by_hash: dict[str, bytes] = field(default_factory=dict)
    _by_name: list[Entry] = field(default_factory=list)  # empty: to be sorted
    _memory: tuple[int, dict[Any, Any]] = (-1, {})

    # -- what a scan does

    def begin(self) -> None:
        """A scan starts."""
        self.scanning = True
        self.started_at = time.time()
        self.error = ""
        self.progress = Progress(0, 0, 0, 0)
        self._skipped_now.clear()

    def finish(self, error: str = "") -> None:
        """A scan ended, whole or not."""
        self.scanning = False
        self.scans += 1
        self.error = error
        if not error:  # what was skipped before and not now is gone, or well
            self.skipped = {p: s for p, s in self.skipped.items() if p in self._skipped_now}
        self.finished_at = time.time()
        self.duration = self.finished_at - self.started_at
        self.touch()

    def touch(self) -> int:
        """A number that is higher after each change."""
        self.revision += 1
        return self.revision

    def admit(self, match: Match) -> Entry | None:
        """A file was found: its entry, new or known; None when it is served already."""
        identity = (match.device, match.inode)
        if match.inode and identity in self.explicit:
            return None
        entry = self.entries.get(match.path)
        if entry is None:
            entry = Entry(match.path, match.device, match.inode, size=match.size)
            entry.address = alias(match.path)
            entry.gather_words()
            entry.revision = self.touch()
            self.entries[match.path] = entry
            self._by_name = []
            self._by_hash[path_hash(match.path)] = match.path
        elif match.inode and entry.identity != identity:
            entry.device, entry.inode = identity
            entry.mark = 0
        self.skipped.pop(match.path, None)
        return entry

    def drop(self, entry: Entry, skip: Skip | None) -> None:
        """An entry that is not to be served after all. One that was served keeps its row."""
        if skip is not None:
            self._skip(skip)
        if entry.attached:
            entry.status = "unreadable" if skip else "gone"
            entry.detail = skip.reason if skip else ""
            entry.revision = self.touch()
            return
        self.entries.pop(entry.path, None)
        self._by_name = []
        self._by_hash.pop(path_hash(entry.path), None)
        self.touch()

    def record(self, entry: Entry, facts: Facts) -> None:
        """What the probe of a file found."""
        if facts.skipped:
            self.drop(entry, Skip(entry.path, facts.detail, facts.advice, facts.size, True))
            entry.mark = facts.mark
            return
        if facts.status == "gone":
            self.drop(entry, None)
            return
        entry.status, entry.detail, entry.mark = facts.status, facts.detail, facts.mark
        if facts.identity != (0, 0):  # it could be read
            entry.learn(facts, self._below_roots(entry.shown_path))
        entry.snapshot_at = time.time() if facts.status == "snapshot" else 0.0
        entry.revision = self.touch()

    def refuse(self, problem: Problem) -> None:
        """A file or folder that the scanner could not read."""
        advice = {
            "denied": "Give the user that runs Datasette the right to read it.",
            "in_use": "Another program has locked it. Close that program, then scan again.",
            "missing": "Check the path; nothing is there.",
        }.get(problem.kind, "Check the disk or the connection to it.")
        if problem.kind != "vanished":
            self._skip(Skip(problem.path, visible(problem.error), advice))

    def _skip(self, skip: Skip) -> None:
        self.skipped[skip.path] = skip
        self._skipped_now.add(skip.path)

    def drop_twins(self) -> None:
        """Of several hard links to one file one is served; it lists the others.

        It is the one that is served already, or else the first by path.
        """
        first: dict[tuple[int, int], Entry] = {}
        twins: dict[tuple[int, int], list[Entry]] = {}
        for entry in self.entries.values():
            known = first.setdefault(entry.identity, entry) if entry.inode else entry
            if known is not entry:
                twins.setdefault(entry.identity, [known]).append(entry)
        others: dict[bytes, tuple[bytes, ...]] = {}
        for links in twins.values():
            links.sort(key=lambda e: (e.status == "gone", not e.attached, e.path))
            served, rest = links[0], [e for e in links[1:] if not e.attached]
            others[served.path] = tuple(sorted(e.path for e in rest))
            for entry in rest:
                self.drop(entry, None)
        for entry in self.entries.values():
            if entry.other_paths or entry.path in others:
                entry.other_paths = others.get(entry.path, ())
                entry.gather_words()

    def unnamed(self, reserved: Iterable[str]) -> Callable[[], dict[bytes, str]] | None:
        """What works out names for the entries that have none, in any thread; None for nothing.

        Skipped files count as well, or a name would depend on when a file was looked into.
        """
        given = {e.path: e.name for e in self.entries.values() if e.name}
        if len(given) == len(self.entries):
            return None
        found = {*self.entries, *(s.path for s in self.skipped.values() if s.is_database)}
        return functools.partial(assign_names, found, given, list(reserved))

    def give_names(self, names: Mapping[bytes, str]) -> None:
        """Name entries."""
        for path, name in names.items():
            entry = self.entries.get(path)
            if entry is not None:
                entry.name = entry.address = name
                entry.gather_words()
        self._by_name = []
        self.ordered(Query())  # sorted here, and not when a page waits for it
        self.touch()

    def unattached(self) -> list[Entry]:
        """Entries that have been looked into, have a name, and are not served yet."""
        return [
            e
            for e in self.entries.values()
            if e.name and not e.attached and e.status not in ("checking", "gone")
        ]

    def mark_gone(self, entry: Entry) -> None:
        """The file is no longer there: its row stays."""
        if entry.status != "gone":
            entry.status = "gone"
            entry.detail = ""
            entry.revision = self.touch()

    def _below_roots(self, path: str) -> str:
        starts = [visible_path(root).rstrip(os.sep) + os.sep for root in self.roots]
        longest = max((len(s) for s in starts if path.startswith(s)), default=0)
        return path[longest:]

    # -- what a page asks

    def by_alias(self, digest: str) -> Entry | None:
        """The entry whose path has this hash."""
        path = self._by_hash.get(digest)
        return self.entries.get(path) if path is not None else None

    def find(self, query: Query) -> list[Entry]:
        """The entries that fit, sorted."""
        return fitting(self.ordered(query), conditions(query))

    def memory(self) -> dict[Any, Any]:
        """What is worked out from all entries; empty after each change, and when it grew."""
        revision, known = self._memory
        if revision != self.revision or len(known) > _REMEMBERED:
            known = {}
            self._memory = self.revision, known
        return known

    def ordered(self, query: Query) -> list[Entry]:
        """Every entry in the order of a query; sorted anew only after a change."""
        if not self._by_name:
            by_path = sorted(self.entries.values(), key=attrgetter("path"))
            self._by_name = sorted(by_path, key=lambda e: e.address.casefold())
        if query.sort == "name":
            return self._by_name[::-1] if query.descending else self._by_name
        known, key = self.memory(), (query.sort, query.descending)
        if key not in known:  # what is equal stays in the order of names
            known[key] = sorted(self._by_name, key=_SORT_KEYS[query.sort], reverse=query.descending)
        result: list[Entry] = known[key]
        return result


class Kind(NamedTuple):
    """What of an entry is chosen from lists."""

    status: str
    application: str
    shelf: str


def kinds_of(entries: Iterable[Entry]) -> list[tuple[Kind, int]]:
    """The kinds of entries that there are, and how many of each."""
    found = Counter(map(attrgetter(*Kind._fields), entries))
    return [(Kind(*kind), count) for kind, count in found.items()]


#: What a list may be narrowed to, beside the values of a column.
SHOWN: dict[str, Callable[[Entry | Kind], bool]] = {
    "attention": lambda e: e.status not in CALM,
    INTERNALS: lambda e: e.shelf == INTERNALS,
}


def fitting(entries: list[Entry], fits: Iterable[Callable[[Entry], bool]]) -> list[Entry]:
    """The entries that pass every test."""
    for test in fits:
        entries = [e for e in entries if test(e)]
    return entries


def conditions(query: Query) -> list[Callable[[Entry], bool]]:
    """What an entry has to pass to be in the query's answer."""
    tests: list[Callable[[Entry], bool]] = []
    if query.status:
        tests.append(lambda e: e.status == query.status)
    if query.show:
        tests.append(SHOWN[query.show])
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
    matches = _contains if query.wide else _named
    tests.extend(matches(word) for word in fold(query.text).split())
    return tests


def _below(folder: str) -> Callable[[Entry], bool]:
    wanted = folder.rstrip("/\\") or "/"
    start = wanted.rstrip("/\\") + os.sep
    return lambda e: e.shown_folder == wanted or e.shown_folder.startswith(start)


def _contains(word: str) -> Callable[[Entry], bool]:
    return lambda e: word in e.words


def _named(word: str) -> Callable[[Entry], bool]:
    return lambda e: e.words.find(word, 0, e.open_words) >= 0


_SORT_KEYS: dict[str, Callable[[Entry], Any]] = {
    "path": lambda e: e.shown_path.casefold(),
    "tables": attrgetter("table_count"),
    "size": attrgetter("size"),
    "modified": attrgetter("mtime_ns"),
    "application": lambda e: (not e.application, e.application.casefold()),
    "status": lambda e: STATUSES.index(e.status) if e.status in STATUSES else len(STATUSES),
}
