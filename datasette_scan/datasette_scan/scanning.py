"""The scan and its repetition: one task on the server's event loop.

``start`` makes the task (Datasette 1.0's supervisor or the ASGI lifespan calls it), ``stop``
cancels it and waits for it; cancelling ends the scanner process. Probes run in
the reader's threads, at most ``_MAX_JOBS`` groups at a time, and are awaited before a scan
counts as complete.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

from . import compat
from .catalog import Catalog, Entry, Skip
from .changes import History
from .database import ScannedDatabase, datasette_files
from .errors import GoneError, RefusedError, ScanError, UnavailableError
from .finder import Match, Problem, Progress, find
from .opening import Opener
from .opening.fingerprint import read_fingerprint
from .probe import ProbeResult, hash_fingerprint, probe_file
from .reader import Reader
from .settings import Settings
from .statuses import STABLE, TRANSIENT
from .system_limits import describe, unavailable
from .terminal import Terminal
from .text import visible, visible_path

_HEAD_START_SECONDS = 0.15  # in which the first page may be requested
_FIRST_PAGE_SECONDS = 5.0  # that the first scan then waits for that page
_FILES_PER_JOB = 40  # files probed by one job
_MAX_JOBS = 4  # jobs under way
_ATTACH_SECONDS = 0.2
_ATTACH_BATCH = 1000
_RESERVED_NAMES = ("_internal", "_memory", "-", "static", "favicon")
_PAUSE_FACTOR = 5  # a scan takes at most one part in this many of the time
_RETRY_SECONDS = 5.0  # after which a busy file is probed again
_RETRY_BATCH = 20

Work = list[tuple[Match, int]]  # a file and the hash of its fingerprint when it was probed last


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
        self._terminal = Terminal(catalog, settings.quiet, settings.serve)
        self._requested = asyncio.Event()
        self._idle = asyncio.Event()  # set while no request is answered
        self._idle.set()
        self._pages = 0
        self._first_scan = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._jobs: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None  # of a job
        self._published: dict[str, int] = {}
        self._prepared = False

    # -- start and stop

    def start(self) -> None:
        """Start the task on the running loop, once."""
        if self._task is None and self._settings.active:
            self._task = asyncio.get_running_loop().create_task(self.run())

    async def stop(self) -> None:
        """Cancel the task and wait for it."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def run(self) -> None:
        """Scan now, then on request or when due, until cancelled."""
        if not self._catalog.scans:
            await asyncio.sleep(_HEAD_START_SECONDS)
            await _wait(self._idle, _FIRST_PAGE_SECONDS)
            await self.scan()
        while True:
            await self._wait_until_due()
            self._requested.clear()
            await self.scan()

    async def scan_once(self) -> None:
        """Wait for the first scan; start it if it has not begun."""
        async with self._first_scan:
            if not self._catalog.scans:
                await self.scan()

    @contextlib.contextmanager
    def serving_page(self) -> Iterator[None]:
        """While a request is answered; the first scan waits until none is."""
        self._pages += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._pages -= 1
            if not self._pages:
                self._idle.set()

    def _interval(self) -> float | None:
        interval = self._settings.interval
        return None if interval is None else max(interval, _PAUSE_FACTOR * self._catalog.duration)

    async def _wait_until_due(self) -> None:
        """Wait for the next scan; meanwhile probe busy files again."""
        interval = self._interval()
        due = None if interval is None else time.monotonic() + interval
        while not self._requested.is_set():
            left = None if due is None else due - time.monotonic()
            if left is not None and left <= 0:
                return
            waiting = [e for e in self._catalog.entries.values() if e.status in TRANSIENT]
            if waiting:
                left = _RETRY_SECONDS if left is None else min(left, _RETRY_SECONDS)
            await _wait(self._requested, left)
            if not self._requested.is_set():
                for entry in waiting[:_RETRY_BATCH]:
                    await self._probe_again(entry, ignored=TRANSIENT)

    def request_scan(self) -> bool:
        """Start a scan soon; False when one is under way."""
        if self._catalog.scanning:
            return False
        self._requested.set()
        return True

    # -- one scan

    async def scan(self) -> None:
        """Find, probe, name and attach. Records failures; raises only CancelledError."""
        self._reader.signals.install()
        self._catalog.begin()
        self._failure = None
        error = ""
        try:
            if not self._prepared:
                self._catalog.served_identities = await asyncio.to_thread(
                    _served_identities, self._ds
                )
                self._prepared = True
            seen = await self._find_files()
            await self._assign_names()
            while self._jobs:
                await asyncio.wait(self._jobs, timeout=_ATTACH_SECONDS)
                await self._attach()
            await self._record_unseen(seen)
            await self._attach()
            if self._failure is not None:
                raise self._failure
        except RefusedError as failure:
            error = f"{failure}. {failure.advice}".rstrip(". ")
        except ScanError as failure:
            error = str(failure)
        except Exception as failure:  # noqa: BLE001 (the next scan must still come)
            error = describe(failure) or f"the scan stopped: {failure!r}"
        finally:
            for job in self._jobs:
                job.cancel()
            self._jobs.clear()
            self._catalog.finish(error)
            self._history.record_scan(self._catalog.entries.values(), complete=not error)
        self._terminal.finished()

    async def _find_files(self) -> set[bytes]:
        seen: set[bytes] = set()
        work: Work = []
        async with contextlib.aclosing(find(self._settings.find)) as events:
            async for event in events:
                if isinstance(event, Match):
                    entry = self._catalog.add_match(event)
                    if entry is not None:
                        seen.add(event.path)
                        work.append((event, entry.fingerprint if entry.status in STABLE else 0))
                elif isinstance(event, Problem):
                    self._catalog.record_problem(event)
                    if event.kind == "handles":
                        error = OSError(errno.EMFILE, event.error)
                        self._failure = unavailable(visible_path(event.path), error)
                elif isinstance(event, Progress):
                    self._catalog.progress = event
                    self._terminal.progress()
                    work = await self._start_probes(work)
                if len(work) >= _FILES_PER_JOB:
                    work = await self._start_probes(work)
        await self._start_probes(work)
        return seen

    async def _start_probes(self, work: Work) -> Work:
        if work:
            while len(self._jobs) >= _MAX_JOBS:
                await asyncio.wait(self._jobs, return_when=asyncio.FIRST_COMPLETED)
            job = asyncio.get_running_loop().create_task(self._probe(work))
            self._jobs.add(job)
            job.add_done_callback(self._end_job)
        return []

    def _end_job(self, job: asyncio.Task[None]) -> None:
        self._jobs.discard(job)
        if not job.cancelled():
            self._failure = job.exception() or self._failure

    async def _probe(self, work: Work, ignored: frozenset[str] = frozenset()) -> None:
        """Probe files and record the results, except for those with an ``ignored`` status."""
        prepare = functools.partial(compat.load_extensions, self._ds)
        results = await self._reader.probes.run(_probe_files, self._reader.opener, work, prepare)
        for (match, _), result in zip(work, results, strict=True):
            entry = self._catalog.entries.get(match.path)
            if entry is not None and result is not None and result.status not in ignored:
                self._catalog.record_probe(entry, result)

    async def _probe_again(self, entry: Entry, ignored: frozenset[str] = frozenset()) -> None:
        """Probe one file outside of a scan; a refusal of the system leaves its entry as it is."""
        match = Match(entry.path, entry.size, entry.device, entry.inode, True, "", "", 0)
        with contextlib.suppress(UnavailableError, OSError, RuntimeError):
            await self._probe([(match, 0)], ignored)

    async def _record_unseen(self, seen: set[bytes]) -> None:
        """Mark the entries that this scan did not find: gone, or now excluded."""
        unseen = [e for path, e in self._catalog.entries.items() if path not in seen]
        if unseen:
            unreadable = await self._reader.probes.run(_find_unreadable, [e.path for e in unseen])
            for entry in unseen:
                error = unreadable.get(entry.path)
                if isinstance(error, GoneError):
                    self._catalog.mark_gone(entry)
                elif error is not None:
                    reason, advice = visible(str(error)), error.advice
                    skip = Skip(entry.path, reason, advice, error.word, entry.size, True)
                    self._catalog.remove(entry, skip)

    async def _assign_names(self) -> None:
        """Name the entries; once all are found, since names must not depend on the order."""
        self._catalog.merge_hard_links()
        assign = self._catalog.plan_names([*self._ds.databases, *_RESERVED_NAMES])
        if assign is not None:
            self._catalog.set_names(await self._reader.pages.run(assign))

    async def _attach(self) -> None:
        if not self._settings.serve:
            return
        waiting = sorted(self._catalog.unattached(), key=lambda e: e.path)
        for start in range(0, len(waiting), _ATTACH_BATCH):
            some = waiting[start : start + _ATTACH_BATCH]
            databases = [ScannedDatabase(self._ds, entry, self._reader) for entry in some]
            compat.attach(self._ds, databases)
            await compat.add_to_catalog(self._ds, databases)
            for db in databases:
                db.entry.attached = True
                self._catalog.attached.add(db.name)
            self._catalog.bump_revision()
            await asyncio.sleep(0)  # let requests be answered in between

    # -- one database, when it is requested

    async def refresh(self, db: ScannedDatabase) -> None:
        """Probe a database that is about to be shown, and publish its schema."""
        entry = db.entry
        fingerprint = await self._reader.probes.run(hash_fingerprint, entry.path)
        if not fingerprint or fingerprint != entry.fingerprint or entry.status not in STABLE:
            await self._probe_again(entry)
        if self._published.get(db.name) != entry.schema_hash and entry.status != "gone":
            with contextlib.suppress(UnavailableError):
                if await compat.publish_schema(self._ds, db):
                    self._published[db.name] = entry.schema_hash


async def _wait(event: asyncio.Event, seconds: float | None) -> None:
    """Wait for an event, no longer than that.

    Not with ``wait_for``: in Python 3.11 it drops a cancellation that comes with the event.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _probe_files(
    opener: Opener, work: Work, prepare: Callable[[Any], None]
) -> list[ProbeResult | None]:
    """The result for each file; None for one that has not changed since its last probe."""
    return [
        None
        if known and known == hash_fingerprint(match.path)
        else probe_file(opener, match, prepare)
        for match, known in work
    ]


def _find_unreadable(paths: list[bytes]) -> dict[bytes, UnavailableError]:
    """The files that can no longer be read, each with the reason."""
    unreadable = {}
    for path in paths:
        try:
            read_fingerprint(path)
        except UnavailableError as error:
            unreadable[path] = error
    return unreadable


def _served_identities(ds: Any) -> set[tuple[int, int]]:
    """The files that Datasette serves itself."""
    found = set()
    for db in datasette_files(ds).values():
        with contextlib.suppress(OSError, UnavailableError):
            found.add(read_fingerprint(str(db.path).encode(errors="surrogateescape")).identity)
    return found
