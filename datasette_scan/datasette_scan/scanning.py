"""The scan and its repetition: one task on the server's event loop.

``start`` makes the task (Datasette 1.0's supervisor or the ASGI lifespan calls it), ``stop``
cancels it and waits for it; cancelling ends the scanner process. Looks into files run in
the reader's threads, at most ``_AHEAD`` groups at a time, and are awaited before a scan
counts as complete.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from . import compat
from .catalog import Catalog, Entry, Skip
from .changes import History
from .database import ScannedDatabase
from .errors import GoneError, ScanError, UnavailableError
from .finder import Match, Problem, Progress, find
from .opening import Opener
from .opening.fingerprint import take
from .probe import Facts, check_file, read_mark
from .reader import Reader
from .settings import Settings
from .terminal import Terminal
from .text import visible

_HEAD_START = 0.15  # seconds in which the first page may be requested
_FIRST_PAGE = 5.0  # seconds that it may then have the machine to itself
_GROUP = 40  # files looked into by one job
_AHEAD = 4  # jobs under way
_ATTACH_EVERY = 0.2  # seconds
_ATTACHED_AT_ONCE = 1000
_RESERVED = ("_internal", "_memory", "-", "static", "favicon")
_REST = 5  # a scan takes at most one part in this many of the time
_TRY_AGAIN = 5.0  # seconds after which a busy file is tried again
_TRIED_AT_ONCE = 20
_WAITING = frozenset({"busy", "changing"})
_RETRIED = frozenset(
    {
        "busy",
        "changing",
        "needs recovery",
        "snapshot",
        "gone",
        "checking",
        "live",
        "not closed cleanly",
    }
)

Work = list[tuple[Match, int]]  # a file and the mark it had at the last look


class ScanTask:
    """Scans, names and attaches databases: once, on request and at intervals."""

    def __init__(
        self, ds: Any, settings: Settings, catalog: Catalog, reader: Reader, history: History
    ) -> None:
        self._history = history
        self._ds = ds
        self._settings = settings
        self._catalog = catalog
        self._reader = reader
        self._terminal = Terminal(catalog, quiet=settings.quiet)
        self._wanted = asyncio.Event()
        self._idle = asyncio.Event()  # set while no page is being made
        self._idle.set()
        self._pages = 0
        self._first = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._jobs: set[asyncio.Task[None]] = set()
        self._published: dict[str, int] = {}
        self._prepared = False

    # -- life

    def start(self) -> None:
        """Begin, once, on the running loop."""
        if self._task is None and self._settings.active:
            self._task = asyncio.get_running_loop().create_task(self.run())

    async def stop(self) -> None:
        """End the task and everything that it started."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def run(self) -> None:
        """Scan now, then on request or when due, until cancelled."""
        if not self._catalog.scans:
            await asyncio.sleep(_HEAD_START)
            await _wait(self._idle, _FIRST_PAGE)
            await self.scan()
        while True:
            await self._rest()
            self._wanted.clear()
            await self.scan()

    async def scan_once(self) -> None:
        """Scan unless that was done or is under way, and wait for the end of it."""
        async with self._first:
            if not self._catalog.scans:
                await self.scan()

    @contextlib.contextmanager
    def page(self) -> Iterator[None]:
        """While a page is being made: the first scan does not begin meanwhile."""
        self._pages += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._pages -= 1
            if not self._pages:
                self._idle.set()

    def _pause(self) -> float | None:
        interval = self._settings.interval
        return None if interval is None else max(interval, _REST * self._catalog.duration)

    async def _rest(self) -> None:
        """Wait for the next scan; meanwhile what was busy is tried again until it is free."""
        pause = self._pause()
        due = None if pause is None else time.monotonic() + pause
        while not self._wanted.is_set():
            left = None if due is None else due - time.monotonic()
            if left is not None and left <= 0:
                return
            waiting = [e for e in self._catalog.entries.values() if e.status in _WAITING]
            if waiting:
                left = _TRY_AGAIN if left is None else min(left, _TRY_AGAIN)
            await _wait(self._wanted, left)
            if not self._wanted.is_set():
                for entry in waiting[:_TRIED_AT_ONCE]:
                    await self._look_again(entry, _WAITING)

    async def _look_again(self, entry: Entry, unless: frozenset[str] = frozenset()) -> None:
        """Look into one file once more; ``unless`` its status is still one of these."""
        match = Match(entry.path, entry.size, entry.device, entry.inode, True, "", "", 0)
        [facts] = await self._reader.check(_look_into, [(match, 0)], self._prepare_connection)
        if facts is not None and facts.status not in unless:
            self._catalog.record(entry, facts)

    def request_scan(self) -> bool:
        """Start a scan soon; False when one is under way."""
        if self._catalog.scanning:
            return False
        self._wanted.set()
        return True

    # -- one scan

    async def scan(self) -> None:
        """Find, probe, name and attach. Records failures; raises only CancelledError."""
        self._reader.ending.watch()
        self._catalog.begin()
        error = ""
        try:
            await self._prepare()
            seen = await self._enumerate()
            await self._name()
            while self._jobs:
                await asyncio.wait(self._jobs, timeout=_ATTACH_EVERY)
                await self._attach()
            await self._sweep(seen)
            await self._attach()
        except ScanError as failure:
            error = str(failure)
        except Exception as failure:  # noqa: BLE001 (the next scan must still come)
            error = f"the scan stopped: {failure!r}"
        finally:
            for job in self._jobs:
                job.cancel()
            self._jobs.clear()
            self._catalog.finish(error)
            self._history.scanned(self._catalog.entries.values(), complete=not error)
        self._terminal.finished()

    async def _prepare(self) -> None:
        if not self._prepared:
            self._catalog.explicit = await asyncio.to_thread(_identities, self._ds)
            self._prepared = True

    async def _enumerate(self) -> set[bytes]:
        seen: set[bytes] = set()
        work: Work = []
        async with contextlib.aclosing(find(self._settings.find)) as events:
            async for event in events:
                if isinstance(event, Match):
                    entry = self._catalog.admit(event)
                    if entry is not None:
                        seen.add(event.path)
                        work.append((event, entry.mark if entry.status not in _RETRIED else 0))
                elif isinstance(event, Problem):
                    self._catalog.refuse(event)
                elif isinstance(event, Progress):
                    self._catalog.progress = event
                    self._terminal.progress()
                    work = await self._dispatch(work)
                if len(work) >= _GROUP:
                    work = await self._dispatch(work)
        await self._dispatch(work)
        return seen

    async def _dispatch(self, work: Work) -> Work:
        if work:
            while len(self._jobs) >= _AHEAD:
                await asyncio.wait(self._jobs, return_when=asyncio.FIRST_COMPLETED)
            job = asyncio.get_running_loop().create_task(self._look(work))
            self._jobs.add(job)
            job.add_done_callback(self._jobs.discard)
        return []

    async def _look(self, work: Work) -> None:
        results = await self._reader.check(_look_into, work, self._prepare_connection)
        for (match, _), facts in zip(work, results, strict=True):
            entry = self._catalog.entries.get(match.path)
            if entry is not None and facts is not None:
                self._catalog.record(entry, facts)

    def _prepare_connection(self, connection: Any) -> None:
        compat.load_extensions(self._ds, connection)

    async def _sweep(self, seen: set[bytes]) -> None:
        """Entries that this scan did not find: gone, or only excluded now."""
        unseen = [e for path, e in self._catalog.entries.items() if path not in seen]
        if unseen:
            missing = await self._reader.check(_missing, [e.path for e in unseen])
            for entry in unseen:
                error = missing.get(entry.path)
                if isinstance(error, GoneError):
                    self._catalog.mark_gone(entry)
                elif error is not None:
                    skip = Skip(entry.path, visible(str(error)), error.advice, entry.size, True)
                    self._catalog.drop(entry, skip)

    async def _name(self) -> None:
        """Names are given when everything is found: they do not depend on the order."""
        self._catalog.drop_twins()
        assign = self._catalog.unnamed([*self._ds.databases, *_RESERVED])
        if assign is not None:
            self._catalog.give_names(await self._reader.call(assign))

    async def _attach(self) -> None:
        if not self._settings.serve:
            return
        waiting = sorted(self._catalog.unattached(), key=lambda e: e.path)
        for start in range(0, len(waiting), _ATTACHED_AT_ONCE):
            databases = []
            for entry in waiting[start : start + _ATTACHED_AT_ONCE]:
                db = ScannedDatabase(self._ds, entry, self._reader)
                db.name = db.route = entry.name
                databases.append(db)
            compat.attach(self._ds, databases)
            await compat.announce(self._ds, databases)
            for db in databases:
                db.entry.attached = True
                self._catalog.attached.add(db.name)
            self._catalog.touch()
            await asyncio.sleep(0)  # pages come between

    # -- one database, when it is requested

    async def wake(self, db: ScannedDatabase) -> None:
        """Look again at a database that is about to be shown, and publish its schema."""
        entry = db.entry
        mark = await self._reader.check(_mark_or_none, entry.path)
        if mark is None or mark != entry.mark or entry.status in _RETRIED:
            await self._look_again(entry)
        if self._published.get(db.name) != entry.schema_hash and entry.status != "gone":
            with contextlib.suppress(UnavailableError):
                await compat.publish_schema(self._ds, db)
                self._published[db.name] = entry.schema_hash


async def _wait(event: asyncio.Event, seconds: float | None) -> None:
    """Wait for an event, no longer than that.

    Not with ``wait_for``: in Python 3.11 it drops a cancellation that comes with the event.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _look_into(opener: Opener, work: Work, prepare: Callable[[Any], None]) -> list[Facts | None]:
    return [_look_once(opener, match, mark, prepare) for match, mark in work]


def _look_once(
    opener: Opener, match: Match, mark: int, prepare: Callable[[Any], None]
) -> Facts | None:
    """What the file holds; None when it is as it was at the last look."""
    if mark and mark == _mark_or_none(opener, match.path):
        return None
    return check_file(opener, match, prepare)


def _mark_or_none(_opener: Opener, path: bytes) -> int | None:
    try:
        return read_mark(path)
    except UnavailableError:
        return None


def _missing(_opener: Opener, paths: list[bytes]) -> dict[bytes, UnavailableError]:
    """Those that cannot be seen any more, and why."""
    missing = {}
    for path in paths:
        try:
            take(path)
        except UnavailableError as error:
            missing[path] = error
    return missing


def _identities(ds: Any) -> set[tuple[int, int]]:
    """The files that Datasette serves itself."""
    found = set()
    for db in ds.databases.values():
        if db.path and not isinstance(db, ScannedDatabase):
            with contextlib.suppress(OSError, UnavailableError):
                found.add(take(str(db.path).encode(errors="surrogateescape")).identity)
    return found
