"""What changed from scan to scan, for as long as the server runs. Pure but for the clock."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .catalog import Entry
from .text import format_count, format_size

NEW, GROWN, CHANGED, GONE = "new", "grown", "changed", "gone"
KINDS = (NEW, GROWN, CHANGED, GONE)
_MOST_SCANS = 20
_MOST_CHANGES = 1000  # of one scan


@dataclass(frozen=True, slots=True)
class Change:
    """One database that is not as it was; ``words`` say what is different."""

    path: bytes
    name: str
    kind: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class ScanChanges:
    """What one scan found different, the first thousand; ``more`` were left out."""

    at: float
    changes: tuple[Change, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class _Before:
    name: str
    size: int
    mark: int
    tables: str


@dataclass
class History:
    """The last scans that found something different, newest first."""

    scans: deque[ScanChanges] = field(default_factory=lambda: deque(maxlen=_MOST_SCANS))
    compared: int = 0  # scans that had one before them
    _before: dict[bytes, _Before] | None = None
    _kinds: dict[bytes, str] = field(default_factory=dict)

    def scanned(self, entries: Iterable[Entry], complete: bool) -> None:
        """A scan ended; one that failed has not seen everything, and is not compared."""
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
                first = tuple(changes[:_MOST_CHANGES])
                more = len(changes) - len(first)
                self.scans.appendleft(ScanChanges(time.time(), first, more))
                for change in changes:
                    self._before.pop(change.path, None)
        for e in present:
            known = self._before.get(e.path)
            if known is None or known.mark != e.mark or known.name != e.address:
                self._before[e.path] = _Before(e.address, e.size, e.mark, e.tables)

    def kind_of(self, path: bytes) -> str:
        """How a database differs from the scan before the last one; "" if it does not."""
        return self._kinds.get(path, "")


def _compare(before: Mapping[bytes, _Before], present: list[Entry]) -> Iterator[Change]:
    for entry in present:
        old = before.get(entry.path)
        if old is None:
            yield Change(entry.path, entry.address, NEW, format_size(entry.size))
        elif entry.mark and old.mark and entry.mark != old.mark:  # 0: to be read again
            kind = GROWN if entry.size > old.size else CHANGED
            yield Change(entry.path, entry.address, kind, _describe(old, entry))
    for path in sorted(before.keys() - {e.path for e in present}):
        yield Change(path, before[path].name, GONE, format_size(before[path].size))


def _describe(old: _Before, entry: Entry) -> str:
    """By how much, and which tables are new or gone, as far as their names are known."""
    words = []
    if entry.size != old.size:
        sign = "+" if entry.size > old.size else "\N{MINUS SIGN}"
        words.append(f"{sign}{format_size(abs(entry.size - old.size))}")
    names, were = set(entry.tables.split("\n")), set(old.tables.split("\n"))
    for found, word in ((names - were - {""}, "new"), (were - names - {""}, "gone")):
        if found:
            shown = ", ".join(sorted(found)[:3]) + (", …" if len(found) > 3 else "")
            words.append(f"{format_count(len(found), f'{word} table')}: {shown}")
    return "; ".join(words)
