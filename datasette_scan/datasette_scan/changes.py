"""Changes from scan to scan, for as long as the server runs. Pure but for the clock."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .catalog import Entry
from .text import format_count, format_size

NEW, GROWN, CHANGED, GONE = "new", "grown", "changed", "gone"
KINDS = (NEW, GROWN, CHANGED, GONE)
_MAX_SCANS = 20
_MAX_CHANGES = 1000  # of one scan


@dataclass(frozen=True, slots=True)
class Change:
    """A changed database; ``words`` describe the difference."""

    path: bytes
    name: str
    kind: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class ScanChanges:
    """The first thousand changes of one scan; ``more`` were left out."""

    at: float
    changes: tuple[Change, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class _Before:
    name: str
    size: int
    fingerprint: int
    tables: str
    table_count: int


@dataclass
class History:
    """The last scans that found changes, newest first."""

    scans: deque[ScanChanges] = field(default_factory=lambda: deque(maxlen=_MAX_SCANS))
    compared: int = 0  # scans that were compared with the one before
    _before: dict[bytes, _Before] | None = None
    _kinds: dict[bytes, str] = field(default_factory=dict)

    def record_scan(self, entries: Iterable[Entry], complete: bool) -> None:
        """Compare a complete scan with the one before it."""
        if not complete:
            return
        present = [e for e in entries if e.status != "gone"]
        if self._before is None:
            self._before = {}
        else:
            changes = list(_compare(self._before, present))
            self.compared += 1
            self._kinds = {change.path: change.kind for change in changes}
            if changes:
                first = tuple(changes[:_MAX_CHANGES])
                more = len(changes) - len(first)
                self.scans.appendleft(ScanChanges(time.time(), first, more))
                for change in changes:
                    self._before.pop(change.path, None)
        for e in present:
            known = self._before.get(e.path)
            if not known or (known.fingerprint, known.name) != (e.fingerprint, e.address):
                self._before[e.path] = _Before(
                    e.address, e.size, e.fingerprint, e.tables, e.table_count
                )

    def kind_of(self, path: bytes) -> str:
        """The kind of a database's last change, or "" if the last scan found none."""
        return self._kinds.get(path, "")


def _compare(before: Mapping[bytes, _Before], present: list[Entry]) -> Iterator[Change]:
    for entry in present:
        old = before.get(entry.path)
        if old is None:
            yield Change(entry.path, entry.address, NEW, format_size(entry.size))
        elif 0 not in (entry.fingerprint, old.fingerprint) and entry.fingerprint != old.fingerprint:
            kind = GROWN if entry.size > old.size else CHANGED
            yield Change(entry.path, entry.address, kind, _describe(old, entry))
    for path in sorted(before.keys() - {e.path for e in present}):
        yield Change(path, before[path].name, GONE, format_size(before[path].size))


def _describe(old: _Before, entry: Entry) -> str:
    """The difference in size, and the new and dropped tables where all names are known."""
    words = []
    if entry.size != old.size:
        sign = "+" if entry.size > old.size else "\N{MINUS SIGN}"
        words.append(f"{sign}{format_size(abs(entry.size - old.size))}")
    names, were = _all_names(entry), _all_names(old)
    if names is None or were is None:
        return "; ".join(words)
    for found, word in ((names - were, "new"), (were - names, "gone")):
        if found:
            shown = ", ".join(sorted(found)[:3]) + (", …" if len(found) > 3 else "")
            words.append(f"{format_count(len(found), f'{word} table')}: {shown}")
    return "; ".join(words)


def _all_names(known: _Before | Entry) -> set[str] | None:
    """The names of a database's tables; None where only the first are known."""
    names = known.tables.split("\n") if known.tables else []
    return set(names) if len(names) == known.table_count else None
